"""The journal's triggers and its first head."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("trading", "0001_initial")]
    operations = [
        migrations.RunSQL(
            sql=(HERE / "0002_journal.sql").read_text(),
            reverse_sql=(HERE / "0002_journal.reverse.sql").read_text(),
        ),
    ]

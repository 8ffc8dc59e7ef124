"""What a deposit may become, held by the database: migrations/funding/0002_invariants.sql."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("funding", "0001_initial")]
    operations = [
        migrations.RunSQL(
            sql=(HERE / "0002_invariants.sql").read_text(),
            reverse_sql=(HERE / "0002_invariants.reverse.sql").read_text(),
        ),
    ]

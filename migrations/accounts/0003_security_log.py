"""The security log's trigger: nothing in it is changed or deleted."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_people")]
    operations = [
        migrations.RunSQL(
            sql=(HERE / "0003_security_log.sql").read_text(),
            reverse_sql=(HERE / "0003_security_log.reverse.sql").read_text(),
        ),
    ]

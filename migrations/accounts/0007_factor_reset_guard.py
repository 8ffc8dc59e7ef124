"""The triggers of resets: what was said of one stays said, and none is deleted."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_factor_reset")]
    operations = [
        migrations.RunSQL(
            sql=(HERE / "0007_factor_reset_guard.sql").read_text(),
            reverse_sql=(HERE / "0007_factor_reset_guard.reverse.sql").read_text(),
        ),
    ]

"""The triggers of adjustments: what was asked for stays as it was asked, it is decided once and carried out once, and none is
deleted.
"""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("trading", "0012_adjustments")]
    operations = [
        migrations.RunSQL(
            sql=(HERE / "0013_adjustment_guard.sql").read_text(),
            reverse_sql=(HERE / "0013_adjustment_guard.reverse.sql").read_text(),
        ),
    ]

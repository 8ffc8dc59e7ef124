"""The ledger's triggers: entries sum to zero, nothing is changed or deleted."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [
        migrations.RunSQL(
            sql=(HERE / "0002_invariants.sql").read_text(),
            reverse_sql=(HERE / "0002_invariants.reverse.sql").read_text(),
        ),
    ]

"""What a payout may become, held by the database: migrations/funding/0006_payout_invariants.sql."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("funding", "0005_payouts")]
    operations = [
        migrations.RunSQL(
            sql=(HERE / "0006_payout_invariants.sql").read_text(),
            reverse_sql=(HERE / "0006_payout_invariants.reverse.sql").read_text(),
        ),
    ]

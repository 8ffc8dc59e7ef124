"""What a withdrawal may become and what it takes, held by the database: migrations/funding/0004_withdrawal_invariants.sql."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("funding", "0003_withdrawals")]
    operations = [
        migrations.RunSQL(
            sql=(HERE / "0004_withdrawal_invariants.sql").read_text(),
            reverse_sql=(HERE / "0004_withdrawal_invariants.reverse.sql").read_text(),
        ),
    ]

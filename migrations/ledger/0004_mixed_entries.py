"""Entries of several things at once: what the database checks of them."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0003_held_and_reversals"),
    ]

    operations = [
        migrations.RunSQL(
            sql=(HERE / "0004_mixed_entries.sql").read_text(),
            reverse_sql=(HERE / "0004_mixed_entries.reverse.sql").read_text(),
        ),
    ]

"""Postings for less work of the database: what checks them is planned once, and their index grows at the end of each account."""

from pathlib import Path

from django.db import migrations, models

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0004_mixed_entries"),
    ]

    operations = [
        migrations.RunSQL(
            sql=(HERE / "0005_cheaper_postings.sql").read_text(),
            reverse_sql=(HERE / "0005_cheaper_postings.reverse.sql").read_text(),
        ),
        migrations.RemoveIndex("posting", "posting_by_account"),
        migrations.AddIndex(
            "posting",
            models.Index(
                fields=["account", "id"],
                name="posting_by_account",
                condition=models.Q(("kind", "hold"), _negated=True),
            ),
        ),
    ]

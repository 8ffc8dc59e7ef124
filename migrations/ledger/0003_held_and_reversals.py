"""Available and held, reversals, the sums of a day, and the triggers that hold all of it."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

HERE = Path(__file__).parent


def _sql(name: str) -> str:
    return (HERE / f"{name}.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0002_invariants"),
    ]

    operations = [
        migrations.RunSQL(sql=_sql("0002_invariants.reverse"), reverse_sql=_sql("0002_invariants")),
        migrations.CreateModel(
            name="Day",
            fields=[
                ("day", models.DateField()),
                ("kind", models.CharField(max_length=20)),
                ("asset", models.CharField(max_length=12)),
                ("credits", models.DecimalField(decimal_places=0, max_digits=78)),
                ("debits", models.DecimalField(decimal_places=0, max_digits=78)),
                ("held", models.DecimalField(decimal_places=0, max_digits=78)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "day", "kind", "asset", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
            options={
                "db_table": "ledger_day",
            },
        ),
        migrations.RemoveConstraint(
            model_name="posting",
            name="posting_is_not_zero",
        ),
        migrations.AddField(
            model_name="entry",
            name="reverses",
            field=models.ForeignKey(
                db_column="reverses",
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reversals",
                to="ledger.entry",
            ),
        ),
        migrations.AddField(
            model_name="ledgeraccount",
            name="held",
            field=models.DecimalField(decimal_places=0, max_digits=78, null=True),
        ),
        # In two steps: accounts that are there keep NULL until their next posting.
        migrations.AlterField(
            model_name="ledgeraccount",
            name="held",
            field=models.DecimalField(db_default=0, decimal_places=0, max_digits=78, null=True),
        ),
        migrations.AddField(
            model_name="posting",
            name="held",
            field=models.DecimalField(decimal_places=0, max_digits=78, null=True),
        ),
        migrations.AlterField(
            model_name="ledgeraccount",
            name="kind",
            field=models.CharField(
                choices=[
                    ("user", "What we owe a user"),
                    ("withdrawals_pending", "Withdrawals on their way"),
                    ("fees", "Fees earned"),
                    ("rounding", "Residue of rounding fees up"),
                    ("custody_hot", "Assets in hot wallets"),
                    ("custody_cold", "Assets in cold storage"),
                    ("custody_transit", "Assets between wallets"),
                    ("network_fees", "Network fees paid"),
                    ("equity", "The owners' stake"),
                    ("faucet", "Play money given out"),
                    ("adjustment", "Credits by hand"),
                ],
                max_length=20,
            ),
        ),
        migrations.RemoveIndex(
            model_name="posting",
            name="posting_by_account",
        ),
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(
                condition=models.Q(("kind", "hold"), _negated=True),
                fields=["account", "-id"],
                name="posting_by_account",
            ),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reverses__isnull", False)), fields=("reverses",), name="entry_is_reversed_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgeraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "user",
                            "withdrawals_pending",
                            "fees",
                            "rounding",
                            "custody_hot",
                            "custody_cold",
                            "custody_transit",
                            "network_fees",
                            "equity",
                            "faucet",
                            "adjustment",
                        ],
                    )
                ),
                name="account_is_of_the_chart",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgeraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("held__isnull", True),
                    ("held", 0),
                    models.Q(("held__gt", 0), ("held__lte", models.F("balance")), ("kind", "user")),
                    _connector="OR",
                ),
                name="held_is_within_the_balance",
            ),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "hold"), models.Q(("amount", 0), _negated=True), _connector="XOR"),
                name="posting_moves_or_holds",
            ),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.CheckConstraint(
                condition=models.Q(("held__gte", 0)), name="posting_held_is_not_negative"
            ),
        ),
        migrations.RunSQL(
            sql=_sql("0003_held_and_reversals"),
            reverse_sql=_sql("0003_held_and_reversals.reverse"),
        ),
    ]

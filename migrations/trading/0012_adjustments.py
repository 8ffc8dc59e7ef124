"""Adjustments of balances by hand."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import trading.models

# The application never deletes one.
PRIVILEGES = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kontor_app') THEN
        REVOKE DELETE, TRUNCATE ON adjustment FROM kontor_app;
    END IF;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_suspensions"),
        ("trading", "0011_withdrawal_holds"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Adjustment",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(choices=[("credit", "Credit"), ("debit", "Debit")], max_length=6)),
                ("asset", models.CharField(max_length=12)),
                ("amount_atoms", trading.models.Atoms()),
                ("credit_seq", models.BigIntegerField(null=True)),
                ("reason", models.CharField(max_length=200)),
                ("idempotency_key", models.UUIDField()),
                ("takes_two", models.BooleanField()),
                ("asked_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("approved", models.BooleanField(null=True)),
                ("event_seq", models.BigIntegerField(null=True, unique=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.account"
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "adjustment",
                "indexes": [models.Index(fields=["asked_by", "asset", "asked_at"], name="adjustment_by_who_asked")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("asked_by", "idempotency_key"), name="adjustment_is_asked_for_once"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("approved", None), ("approved", True), _connector="OR"),
                        fields=("credit_seq",),
                        name="adjustment_takes_a_credit_back_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_atoms__gt", 0)), name="adjustment_is_of_something"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("credit_seq", None), ("kind", "credit")),
                            models.Q(("credit_seq__isnull", False), ("kind", "debit")),
                            _connector="OR",
                        ),
                        name="adjustment_takes_back_a_credit_or_is_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("approved", None), ("decided_at", None), ("decided_by", None)),
                            models.Q(
                                ("approved__isnull", False),
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                ("takes_two", True),
                                models.Q(("decided_by", models.F("asked_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="adjustment_is_decided_by_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("event_seq", None),
                            ("takes_two", False),
                            models.Q(("approved", True), ("approved__isnull", False)),
                            _connector="OR",
                        ),
                        name="adjustment_is_carried_out_when_it_may_be",
                    ),
                ],
            },
        ),
        migrations.RunSQL(PRIVILEGES, migrations.RunSQL.noop),
    ]

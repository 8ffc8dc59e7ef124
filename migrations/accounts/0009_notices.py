"""Notices of the staff to everybody, and the triggers that keep them as they were."""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_suspensions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "severity",
                    models.CharField(
                        choices=[("info", "Info"), ("maintenance", "Maintenance"), ("incident", "Incident")],
                        max_length=11,
                    ),
                ),
                ("text", models.CharField(max_length=280)),
                ("starts_at", models.DateTimeField(null=True)),
                ("ends_at", models.DateTimeField(null=True)),
                ("published_at", models.DateTimeField()),
                (
                    "published_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "accounts_notice",
            },
        ),
        migrations.CreateModel(
            name="NoticeWithdrawal",
            fields=[
                (
                    "notice",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="withdrawal",
                        serialize=False,
                        to="accounts.notice",
                    ),
                ),
                ("withdrawn_at", models.DateTimeField()),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "accounts_notice_withdrawal",
            },
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=models.Q(("severity__in", ["info", "maintenance", "incident"])), name="notice_has_a_severity"
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True), name="notice_says_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("starts_at", None), ("ends_at", None), ("ends_at__gt", models.F("starts_at")), _connector="OR"
                ),
                name="notice_ends_after_it_starts",
            ),
        ),
        migrations.RunSQL(
            sql=(HERE / "0009_notices.sql").read_text(),
            reverse_sql=(HERE / "0009_notices.reverse.sql").read_text(),
        ),
    ]

"""Orders of every type: what they ask for, their statuses and legs, and the rare steps of their lives.

Snapshots of before are dropped: the engine's state is another, and they only shorten a start.
"""

from django.db import migrations, models
from django.db.models import F

PARENT_MASK = (1 << 44) - 1

# The application adds steps and never changes them, as it does with trades and fills.
PRIVILEGES = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kontor_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON order_step FROM kontor_app;
    END IF;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0007_projection_fence"),
    ]

    operations = [
        migrations.RunSQL("DELETE FROM engine_snapshot", migrations.RunSQL.noop),
        migrations.AddField("order", "options", models.JSONField(null=True)),
        migrations.AlterField(
            "order",
            "status",
            models.CharField(
                choices=[
                    ("waiting", "Waiting"),
                    ("open", "Open"),
                    ("filled", "Filled"),
                    ("cancelled", "Cancelled"),
                    ("expired", "Expired"),
                    ("rejected", "Rejected"),
                ],
                max_length=9,
            ),
        ),
        migrations.RemoveIndex("order", "order_by_account"),
        migrations.AddIndex(
            "order",
            models.Index(
                F("account_id"),
                F("seq").bitand(PARENT_MASK).bitleftshift(2).bitor(F("seq").bitrightshift(44)).desc(),
                name="order_by_account",
            ),
        ),
        migrations.RemoveIndex("order", "open_order_by_account"),
        migrations.AddIndex(
            "order",
            models.Index(
                fields=["account_id", "seq"],
                name="open_order_by_account",
                condition=models.Q(("status", "open"), ("status", "waiting"), _connector="OR"),
            ),
        ),
        migrations.CreateModel(
            name="OrderStep",
            fields=[
                ("order_seq", models.BigIntegerField()),
                ("seq", models.BigIntegerField()),
                ("place", models.IntegerField()),
                ("at_us", models.BigIntegerField()),
                ("after_trade", models.BigIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("triggered", "Triggered"),
                            ("amended", "Amended"),
                            ("repriced", "Repriced"),
                            ("refreshed", "Refreshed"),
                            ("prevented", "Prevented"),
                            ("leg", "Leg"),
                        ],
                        max_length=9,
                    ),
                ),
                ("details", models.JSONField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "order_seq", "seq", "place", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
            options={"db_table": "order_step"},
        ),
        migrations.RunSQL(PRIVILEGES, migrations.RunSQL.noop),
    ]

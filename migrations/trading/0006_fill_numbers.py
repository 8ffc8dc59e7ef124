"""A fill's number follows from its trade, so that fills made anew from the journal are the same."""

from django.db import migrations, models

RENUMBER = (
    "UPDATE fill SET id = -(2 * trade_id - (liquidity = 'taker')::int);"  # below zero nothing is in the way
    "UPDATE fill SET id = -id"
)


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0005_outcome_chain"),
    ]

    operations = [
        migrations.RunSQL(RENUMBER, migrations.RunSQL.noop),
        migrations.AlterField("fill", "id", models.BigIntegerField(primary_key=True, serialize=False)),
        migrations.RemoveConstraint("fill", "fill_is_unique"),
        migrations.AddConstraint(
            "fill",
            models.CheckConstraint(
                name="fill_number_follows_from_trade",
                condition=models.Q(liquidity="taker", id=models.F("trade") * 2 - 1)
                | models.Q(liquidity="maker", id=models.F("trade") * 2),
            ),
        ),
    ]

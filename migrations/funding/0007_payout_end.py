"""Which attempt a payout ended by: of several that spend the same coins only one was mined, and its fee is booked."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("funding", "0006_payout_invariants")]
    operations = [
        migrations.AddField(
            model_name="payout",
            name="ended_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="funding.attempt"
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ("final", "returned")), _negated=True),
                    ("ended_by__isnull", False),
                    _connector="OR",
                ),
                name="payout_is_ended_by_an_attempt",
            ),
        ),
    ]

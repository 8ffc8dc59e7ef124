"""A client that resumes its stream asks which orders changed lately."""

import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0009_transfers"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["updated_seq"], name="order_by_change", pages_per_range=16
            ),
        ),
    ]

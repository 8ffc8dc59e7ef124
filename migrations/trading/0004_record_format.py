"""The format of a journal row: how its hash is made and its body read. Rows from before this column have format 1."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0003_snapshots"),
    ]

    operations = [
        migrations.AddField(
            model_name="orderevent",
            name="format",
            field=models.SmallIntegerField(db_default=1),
        ),
    ]

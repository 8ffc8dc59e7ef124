"""The table of the engine's snapshots."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0002_journal"),
    ]

    operations = [
        migrations.CreateModel(
            name="EngineSnapshot",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                ("state_hash", models.TextField()),
                ("body", models.BinaryField()),
                ("created_at_us", models.BigIntegerField()),
            ],
            options={
                "db_table": "engine_snapshot",
            },
        ),
    ]

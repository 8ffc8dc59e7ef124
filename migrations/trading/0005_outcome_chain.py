"""The chain of outcomes, and snapshots that belong to one journal. Older snapshots are dropped: they only shorten a start."""

from pathlib import Path

from django.db import migrations, models

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0004_record_format"),
    ]

    operations = [
        migrations.RunSQL("DELETE FROM engine_snapshot", migrations.RunSQL.noop),
        migrations.AddField("enginesnapshot", "rules", models.IntegerField(default=1), preserve_default=False),
        migrations.AddField(
            "enginesnapshot", "journal_hash", models.BinaryField(max_length=32, default=b""), preserve_default=False
        ),
        migrations.AddField(
            "enginesnapshot", "outcome_chain", models.BinaryField(max_length=32, default=b""), preserve_default=False
        ),
        migrations.CreateModel(
            name="OutcomeCheckpoint",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                ("chain", models.BinaryField(max_length=32)),
            ],
            options={"db_table": "outcome_checkpoint"},
        ),
        migrations.RunSQL(
            sql=(HERE / "0005_outcome_chain.sql").read_text(),
            reverse_sql=(HERE / "0005_outcome_chain.reverse.sql").read_text(),
        ),
    ]

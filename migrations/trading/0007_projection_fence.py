"""The projection checkpoint moves only along the journal that is there."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0006_fill_numbers"),
    ]

    operations = [
        migrations.RunSQL(
            sql=(HERE / "0007_projection_fence.sql").read_text(),
            reverse_sql=(HERE / "0007_projection_fence.reverse.sql").read_text(),
        ),
    ]

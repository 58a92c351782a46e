import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0009_first_versions")]
    operations = [
        migrations.RemoveIndex(model_name="slot", name="slot_open"),
        migrations.AddIndex(
            model_name="slot",
            index=models.Index(
                models.F("round"),
                models.F("kind"),
                models.F("lane"),
                models.OrderBy(models.F("priority"), descending=True),
                models.F("random_key"),
                condition=models.Q(("state", "open")),
                name="slot_open",
            ),
        ),
        migrations.AlterField(
            "slot",
            "lane",
            models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="labeling.lane"
            ),
        ),
    ]

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0007_prompt_kinds")]
    operations = [
        migrations.CreateModel(
            name="Lane",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("language", models.CharField(blank=True, max_length=16)),
                ("skill", models.CharField(blank=True, max_length=40)),
                ("sensitive", models.BooleanField(default=False)),
            ],
        ),
        migrations.AddField(
            model_name="lane",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="lanes", to="labeling.project"
            ),
        ),
        migrations.AddField(
            model_name="slot",
            name="lane",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="labeling.lane",
            ),
        ),
        migrations.AddConstraint(
            model_name="lane",
            constraint=models.UniqueConstraint(fields=("project", "language", "skill", "sensitive"), name="lane_once"),
        ),
    ]

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0017_queue"),
    ]

    operations = [
        migrations.CreateModel(
            name="PromptFigures",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("split", models.CharField(choices=[("train", "train"), ("valid", "valid")], max_length=8)),
                ("source", models.CharField(choices=[("labeler", "labeler"), ("customer", "customer")], max_length=16)),
                ("category", models.CharField(blank=True, max_length=80)),
                ("language", models.CharField(blank=True, max_length=16)),
                ("count", models.PositiveIntegerField()),
                ("newest", models.BigIntegerField(help_text="The highest primary key counted.")),
                ("counted_at", models.DateTimeField()),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="prompt_figures",
                        to="labeling.project",
                    ),
                ),
            ],
            options={
                "ordering": ["project", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("project", "split", "source", "category", "language"), name="prompt_figures_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RoundFigures",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("write", "write"), ("compare", "compare"), ("prompt", "write a prompt")], max_length=8
                    ),
                ),
                ("open", models.PositiveIntegerField(default=0)),
                ("held", models.PositiveIntegerField(default=0)),
                ("done", models.PositiveIntegerField(default=0)),
                ("counted_at", models.DateTimeField()),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="figures", to="labeling.round"
                    ),
                ),
            ],
            options={
                "ordering": ["round", "kind"],
                "constraints": [models.UniqueConstraint(fields=("round", "kind"), name="round_figures_once")],
            },
        ),
    ]

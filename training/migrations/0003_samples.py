import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0002_runs"),
    ]

    operations = [
        migrations.CreateModel(
            name="Sample",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "number",
                    models.PositiveSmallIntegerField(
                        help_text="Which of the policy's outputs for this prompt, from 0."
                    ),
                ),
                ("text", models.TextField(blank=True)),
                ("tokens", models.JSONField(default=list)),
                ("finish_reason", models.CharField(max_length=16)),
                ("seed", models.BigIntegerField(default=0)),
                ("temperature", models.FloatField(default=1.0)),
                ("top_p", models.FloatField(default=1.0)),
                (
                    "checkpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="samples", to="training.checkpoint"
                    ),
                ),
                (
                    "completion",
                    models.ForeignKey(
                        blank=True,
                        help_text="What labelers were shown; identical outputs share one.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="samples",
                        to="labeling.completion",
                    ),
                ),
                (
                    "prompt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="samples", to="labeling.prompt"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="samples", to="training.run"
                    ),
                ),
            ],
            options={
                "ordering": ["run", "prompt", "checkpoint", "number"],
            },
        ),
        migrations.AddConstraint(
            model_name="sample",
            constraint=models.UniqueConstraint(fields=("run", "prompt", "checkpoint", "number"), name="sample_once"),
        ),
    ]

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("labeling", "0004_answers"),
    ]

    operations = [
        migrations.CreateModel(
            name="Dataset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("sft", "SFT (demonstrations)"),
                            ("rm", "reward model (comparisons)"),
                            ("ppo", "PPO (prompts)"),
                            ("pretrain", "pretraining (text)"),
                        ],
                        max_length=12,
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("query", models.JSONField(default=dict, help_text="What was asked for.")),
                ("path", models.CharField(help_text="Relative to the artifact store.", max_length=255, unique=True)),
                ("sha256", models.CharField(max_length=64)),
                (
                    "manifest",
                    models.JSONField(
                        help_text="Files with sha256, counts by split and source, what was left out and why."
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="datasets", to="labeling.project"
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="datasets",
                        to="labeling.round",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
            },
        ),
        migrations.AddConstraint(
            model_name="dataset",
            constraint=models.UniqueConstraint(fields=("project", "kind", "version"), name="dataset_version_once"),
        ),
        migrations.AddConstraint(
            model_name="dataset",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["sft", "rm", "ppo", "pretrain"])), name="dataset_kind_known"
            ),
        ),
    ]

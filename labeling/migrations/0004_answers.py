import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0003_tasks"),
    ]

    operations = [
        migrations.CreateModel(
            name="Demonstration",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("external_labeler", models.CharField(blank=True, max_length=120)),
                ("reason", models.TextField(blank=True, help_text="Why this revision was made; empty for the first.")),
                ("revision", models.PositiveSmallIntegerField(default=1)),
                ("is_current", models.BooleanField(default=True)),
                (
                    "surplus",
                    models.BooleanField(
                        default=False, help_text="Submitted after the lease ran out and the slot was filled."
                    ),
                ),
                ("simulated", models.BooleanField(default=False)),
                ("guidelines_version", models.PositiveIntegerField(default=1)),
                ("note", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("text", models.TextField()),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "assignment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="labeling.assignment",
                    ),
                ),
                (
                    "labeler",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="%(class)ss", to="labeling.project"
                    ),
                ),
                (
                    "prompt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="%(class)ss", to="labeling.prompt"
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="labeling.round",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Comparison",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("external_labeler", models.CharField(blank=True, max_length=120)),
                ("reason", models.TextField(blank=True, help_text="Why this revision was made; empty for the first.")),
                ("revision", models.PositiveSmallIntegerField(default=1)),
                ("is_current", models.BooleanField(default=True)),
                (
                    "surplus",
                    models.BooleanField(
                        default=False, help_text="Submitted after the lease ran out and the slot was filled."
                    ),
                ),
                ("simulated", models.BooleanField(default=False)),
                ("guidelines_version", models.PositiveIntegerField(default=1)),
                ("note", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "none_acceptable",
                    models.BooleanField(default=False, help_text="The labeler said that no output is acceptable."),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "assignment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="labeling.assignment",
                    ),
                ),
                (
                    "labeler",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="%(class)ss", to="labeling.project"
                    ),
                ),
                (
                    "prompt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="%(class)ss", to="labeling.prompt"
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="labeling.round",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="JudgedOutput",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "rank",
                    models.PositiveSmallIntegerField(
                        help_text="1 is best; ties share a rank, the next rank is skipped."
                    ),
                ),
                (
                    "quality",
                    models.PositiveSmallIntegerField(blank=True, help_text="1 to 7; null is unanswered.", null=True),
                ),
                ("shown_position", models.PositiveSmallIntegerField()),
                (
                    "comparison",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="judged", to="labeling.comparison"
                    ),
                ),
                (
                    "completion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="judged", to="labeling.completion"
                    ),
                ),
            ],
            options={
                "ordering": ["comparison", "shown_position"],
                "constraints": [
                    models.UniqueConstraint(fields=("comparison", "completion"), name="judged_output_once"),
                    models.UniqueConstraint(fields=("comparison", "shown_position"), name="judged_position_once"),
                    models.CheckConstraint(
                        condition=models.Q(("rank__gte", 1), ("rank__lte", 12)), name="judged_rank_1_to_12"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("quality", None), models.Q(("quality__gte", 1), ("quality__lte", 7)), _connector="OR"
                        ),
                        name="judged_quality_1_to_7",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="demonstration",
            constraint=models.UniqueConstraint(fields=("assignment", "revision"), name="demonstration_revision_once"),
        ),
        migrations.AddConstraint(
            model_name="demonstration",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_current", True)), fields=("assignment",), name="demonstration_one_current"
            ),
        ),
        migrations.AddConstraint(
            model_name="demonstration",
            constraint=models.CheckConstraint(
                condition=models.Q(("text__regex", "\\S")), name="demonstration_not_empty"
            ),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.UniqueConstraint(fields=("assignment", "revision"), name="comparison_revision_once"),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_current", True)), fields=("assignment",), name="comparison_one_current"
            ),
        ),
    ]

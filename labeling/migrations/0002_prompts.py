import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="PromptImport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("format", models.CharField(max_length=40)),
                ("filename", models.CharField(max_length=255)),
                ("sha256", models.CharField(max_length=64)),
                ("accepted", models.PositiveIntegerField(default=0)),
                ("repeated", models.PositiveIntegerField(default=0)),
                ("refused", models.JSONField(default=list, help_text='[{"line": 3, "reason": "..."}]')),
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="imports", to="labeling.project"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="Prompt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("messages", models.JSONField(help_text='[{"role": "user", "content": "..."}, ...]')),
                (
                    "follow_ups",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="User turns that come after the answer (MT-Bench's second turn): an answer makes the next prompt.",
                    ),
                ),
                (
                    "sha256",
                    models.CharField(
                        editable=False, help_text="Of the canonical JSON of messages and follow_ups.", max_length=64
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[("labeler", "labeler"), ("customer", "customer")], default="labeler", max_length=16
                    ),
                ),
                ("key", models.CharField(help_text="Author, template or customer; decides the split.", max_length=200)),
                (
                    "split",
                    models.CharField(choices=[("train", "train"), ("valid", "valid")], editable=False, max_length=8),
                ),
                ("category", models.CharField(blank=True, max_length=80)),
                ("language", models.CharField(blank=True, max_length=16)),
                ("licence", models.CharField(blank=True, max_length=80)),
                (
                    "external_id",
                    models.CharField(
                        blank=True, help_text="The record's name in the file it came from.", max_length=200
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="prompts_written",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "continues",
                    models.ForeignKey(
                        blank=True,
                        help_text="The prompt whose answer stands inside this one's messages; it shares the key, so the split.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="continued_by",
                        to="labeling.prompt",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="prompts", to="labeling.project"
                    ),
                ),
                (
                    "imported",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="prompts",
                        to="labeling.promptimport",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.AddIndex(
            model_name="prompt",
            index=models.Index(fields=["project", "key"], name="prompt_key"),
        ),
        migrations.AddIndex(
            model_name="prompt",
            index=models.Index(fields=["project", "split", "source"], name="prompt_split_source"),
        ),
        migrations.AddConstraint(
            model_name="prompt",
            constraint=models.UniqueConstraint(fields=("project", "sha256"), name="prompt_once_in_project"),
        ),
        migrations.AddConstraint(
            model_name="prompt",
            constraint=models.CheckConstraint(
                condition=models.Q(("source__in", ["labeler", "customer"])), name="prompt_source_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="prompt",
            constraint=models.CheckConstraint(
                condition=models.Q(("split__in", ["train", "valid"])), name="prompt_split_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="prompt",
            constraint=models.CheckConstraint(condition=models.Q(("key", ""), _negated=True), name="prompt_has_key"),
        ),
    ]

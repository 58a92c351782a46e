import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0011_answers"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            name="WrittenPrompt",
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
                (
                    "objective",
                    models.CharField(
                        choices=[("helpful_first", "helpful first"), ("truthful_first", "truthful and harmless first")],
                        default="helpful_first",
                        max_length=16,
                    ),
                ),
                (
                    "prompt_flags",
                    models.JSONField(
                        blank=True,
                        help_text="What the labeler says of the prompt (`labeling.prompt_flags`); null: not asked or not answered.",
                        null=True,
                    ),
                ),
                (
                    "frozen_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When a dataset first took this revision in; from then on it is not revised.",
                        null=True,
                    ),
                ),
                ("note", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("plain", "plain"), ("few_shot", "few-shot"), ("user_based", "user-based")],
                        max_length=16,
                    ),
                ),
                ("text", models.TextField(help_text="The prompt, or the instruction of a few-shot one.")),
                (
                    "pairs",
                    models.JSONField(
                        blank=True, default=list, help_text='[{"query", "response"}, …] of a few-shot prompt.'
                    ),
                ),
                (
                    "use_case",
                    models.CharField(blank=True, help_text="What a user-based prompt was written for.", max_length=200),
                ),
                ("category", models.CharField(blank=True, max_length=80)),
            ],
            options={"ordering": ["pk"]},
        ),
        migrations.AddField(
            model_name="writtenprompt",
            name="actor",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="writtenprompt",
            name="assignment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="%(class)ss",
                to="labeling.assignment",
            ),
        ),
        migrations.AddField(
            model_name="writtenprompt",
            name="labeler",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="%(class)ss",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="writtenprompt",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="%(class)ss", to="labeling.project"
            ),
        ),
        migrations.AddField(
            model_name="writtenprompt",
            name="round",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="%(class)ss",
                to="labeling.round",
            ),
        ),
        migrations.AddField(
            model_name="prompt",
            name="written",
            field=models.ForeignKey(
                blank=True,
                help_text="The labeler's prompt that this one is made of; the k of a few-shot prompt share its key.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="prompts",
                to="labeling.writtenprompt",
            ),
        ),
        migrations.AddConstraint(
            model_name="writtenprompt",
            constraint=models.UniqueConstraint(fields=("assignment", "revision"), name="written_prompt_revision_once"),
        ),
        migrations.AddConstraint(
            model_name="writtenprompt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_current", True)), fields=("assignment",), name="written_prompt_one_current"
            ),
        ),
        migrations.AddConstraint(
            model_name="writtenprompt",
            constraint=models.CheckConstraint(
                condition=models.Q(("text__regex", "\\S")), name="written_prompt_not_empty"
            ),
        ),
        migrations.AddConstraint(
            model_name="writtenprompt",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["plain", "few_shot", "user_based"])), name="written_prompt_kind_known"
            ),
        ),
    ]

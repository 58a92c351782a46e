import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0010_lane_required")]
    operations = [
        migrations.AddField(
            model_name="assignment",
            name="active_seconds",
            field=models.PositiveIntegerField(
                default=0, help_text="Time with signs of life; pauses of more than a minute do not count."
            ),
        ),
        migrations.AddField(
            model_name="assignment",
            name="opened_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When the labeler first saw the task; empty while it is only kept ready.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="edited_from",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="labeling.completion",
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="edited_text",
            field=models.TextField(blank=True, help_text="The labeler's improvement of the best output, or empty."),
        ),
        migrations.AddField(
            model_name="comparison",
            name="frozen_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When a dataset first took this revision in; from then on it is not revised.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="mode",
            field=models.CharField(
                choices=[
                    ("ranking", "ranking of K outputs"),
                    ("strength", "pairs, in four strengths"),
                    ("seven_point", "pairs, on a scale of seven points"),
                ],
                default="ranking",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="objective",
            field=models.CharField(
                choices=[("helpful_first", "helpful first"), ("truthful_first", "truthful and harmless first")],
                default="helpful_first",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="prompt_flags",
            field=models.JSONField(
                blank=True,
                help_text="What the labeler says of the prompt (`labeling.prompt_flags`); null: not asked or not answered.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="comparison", name="strength", field=models.PositiveSmallIntegerField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="demonstration",
            name="frozen_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When a dataset first took this revision in; from then on it is not revised.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="demonstration",
            name="objective",
            field=models.CharField(
                choices=[("helpful_first", "helpful first"), ("truthful_first", "truthful and harmless first")],
                default="helpful_first",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="demonstration",
            name="prompt_flags",
            field=models.JSONField(
                blank=True,
                help_text="What the labeler says of the prompt (`labeling.prompt_flags`); null: not asked or not answered.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="judgedoutput",
            name="answers",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="By field of the comparison's form; what is not there was not answered.",
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="form",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="labeling.judgementform",
            ),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.CheckConstraint(
                condition=models.Q(("mode__in", ["ranking", "strength", "seven_point"])), name="comparison_mode_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("mode", "ranking"), ("strength", None)),
                    models.Q(("mode", "strength"), ("strength__gte", 0), ("strength__lte", 4)),
                    models.Q(("mode", "seven_point"), ("strength__gte", 0), ("strength__lte", 3)),
                    _connector="OR",
                ),
                name="comparison_strength_fits_mode",
            ),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("edited_from", None), ("edited_text", "")),
                    models.Q(models.Q(("edited_text", ""), _negated=True), ("edited_from__isnull", False)),
                    _connector="OR",
                ),
                name="comparison_edited_from",
            ),
        ),
    ]

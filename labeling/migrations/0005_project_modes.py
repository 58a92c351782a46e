import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0004_answers")]
    operations = [
        migrations.RemoveConstraint(model_name="project", name="project_k_2_to_9"),
        migrations.AddField(
            model_name="membership",
            name="languages",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Codes such as en and zh whose prompts this labeler gets; empty: all.",
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="shows_sensitive",
            field=models.BooleanField(
                default=True, help_text="False: the labeler opted out of prompts that are marked as sensitive."
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="skills",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Names such as code and law; prompts that want one go only to who has it.",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="compare_mode",
            field=models.CharField(
                choices=[
                    ("ranking", "ranking of K outputs"),
                    ("strength", "pairs, in four strengths"),
                    ("seven_point", "pairs, on a scale of seven points"),
                ],
                default="ranking",
                help_text="Pairs show two outputs, whatever K is.",
                max_length=16,
                verbose_name="comparisons are",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="edit_step",
            field=models.BooleanField(
                default=False,
                help_text="After ranking, the labeler may improve the best one: edited is better than chosen.",
                verbose_name="the best output may be edited",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="hide_named_outputs",
            field=models.BooleanField(
                default=True,
                help_text="An output that says which model wrote it is not shown to labelers.",
                verbose_name="outputs that name their model stay out",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="objective",
            field=models.CharField(
                choices=[("helpful_first", "helpful first"), ("truthful_first", "truthful and harmless first")],
                default="helpful_first",
                help_text="What decides when helpful, truthful and harmless disagree; every label carries it.",
                max_length=16,
                verbose_name="objective",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="overlap_judgements",
            field=models.PositiveSmallIntegerField(
                default=3,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10)],
                verbose_name="judgements of those tasks",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="overlap_share",
            field=models.FloatField(
                default=0.15,
                help_text="An even sample of the tasks, so that agreement between labelers can be measured.",
                validators=[
                    django.core.validators.MinValueValidator(0.0),
                    django.core.validators.MaxValueValidator(1.0),
                ],
                verbose_name="share of tasks with more judgements",
            ),
        ),
        migrations.AlterField(
            model_name="project",
            name="outputs_per_comparison",
            field=models.PositiveSmallIntegerField(
                default=4,
                help_text="How many outputs are ranked together, 2 to 12.",
                validators=[django.core.validators.MinValueValidator(2), django.core.validators.MaxValueValidator(12)],
                verbose_name="outputs per comparison (K)",
            ),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(("outputs_per_comparison__gte", 2), ("outputs_per_comparison__lte", 12)),
                name="project_k_2_to_12",
            ),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(("objective__in", ["helpful_first", "truthful_first"])),
                name="project_objective_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(("compare_mode__in", ["ranking", "strength", "seven_point"])),
                name="project_compare_mode_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(("overlap_share__gte", 0), ("overlap_share__lte", 1)), name="project_overlap_share"
            ),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(("overlap_judgements__gte", 1), ("overlap_judgements__lte", 10)),
                name="project_overlap_1_to_10",
            ),
        ),
    ]

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0006_guidelines_and_forms")]
    operations = [
        migrations.RemoveConstraint(model_name="task", name="task_kind_known"),
        migrations.AddField(
            model_name="prompt",
            name="kind",
            field=models.CharField(
                blank=True,
                choices=[("plain", "plain"), ("few_shot", "few-shot"), ("user_based", "user-based")],
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="prompt",
            name="reference",
            field=models.TextField(
                blank=True,
                help_text="A passage that the answer is to rest on (closed QA); the policy reads it after the turn.",
            ),
        ),
        migrations.AddField(
            model_name="prompt",
            name="sensitive",
            field=models.BooleanField(default=False, help_text="Shown blurred; not given to who opted out."),
        ),
        migrations.AddField(
            model_name="prompt",
            name="skill",
            field=models.CharField(blank=True, help_text="Only labelers with this skill are given it.", max_length=40),
        ),
        migrations.AddField(model_name="task", name="brief", field=models.JSONField(blank=True, default=dict)),
        migrations.AlterField(
            model_name="slot",
            name="kind",
            field=models.CharField(
                choices=[("write", "write"), ("compare", "compare"), ("prompt", "write a prompt")], max_length=8
            ),
        ),
        migrations.AlterField(
            model_name="task",
            name="kind",
            field=models.CharField(
                choices=[("write", "write"), ("compare", "compare"), ("prompt", "write a prompt")], max_length=8
            ),
        ),
        migrations.AlterField(
            model_name="task",
            name="prompt",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tasks",
                to="labeling.prompt",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["write", "compare", "prompt"])), name="task_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "prompt"), ("prompt", None)),
                    models.Q(models.Q(("kind", "prompt"), _negated=True), ("prompt__isnull", False)),
                    _connector="OR",
                ),
                name="task_has_its_prompt",
            ),
        ),
        migrations.AddConstraint(
            model_name="prompt",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["", "plain", "few_shot", "user_based"])), name="prompt_kind_known"
            ),
        ),
    ]

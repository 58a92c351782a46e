import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Run",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("pretrain", "pretrain"),
                            ("sft", "SFT"),
                            ("reward", "reward model"),
                            ("ppo", "PPO"),
                            ("generate", "generate"),
                            ("score", "score"),
                            ("convert", "convert"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "queued"),
                            ("running", "running"),
                            ("cancelling", "cancelling"),
                            ("succeeded", "succeeded"),
                            ("cancelled", "cancelled"),
                            ("failed", "failed"),
                            ("lost", "lost"),
                        ],
                        default="queued",
                        max_length=12,
                    ),
                ),
                ("config", models.JSONField(default=dict, help_text="The stage's dataclass without its inputs.")),
                (
                    "path",
                    models.CharField(
                        blank=True, help_text="Run directory, relative to the artifact store.", max_length=255
                    ),
                ),
                ("queued_at", models.DateTimeField()),
                (
                    "sent_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When its message was last put on the queue; empty: to be sent.",
                        null=True,
                    ),
                ),
                ("running_at", models.DateTimeField(blank=True, null=True)),
                ("cancelling_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("heartbeat_at", models.DateTimeField(blank=True, null=True)),
                ("worker", models.CharField(blank=True, max_length=120)),
                ("pid", models.PositiveIntegerField(blank=True, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("progress_step", models.PositiveIntegerField(default=0)),
                ("progress_total", models.PositiveIntegerField(default=0)),
                (
                    "metrics_offset",
                    models.PositiveBigIntegerField(default=0, help_text="Bytes of metrics.jsonl already taken in."),
                ),
                ("result", models.JSONField(blank=True, null=True)),
                (
                    "error",
                    models.TextField(blank=True, help_text="What a person reads first: what happened and what to do."),
                ),
                ("log_tail", models.TextField(blank=True)),
                ("note", models.TextField(blank=True)),
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
                    "dataset",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="training.dataset",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="labeling.project",
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="labeling.round",
                    ),
                ),
            ],
            options={
                "ordering": ["-queued_at"],
            },
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("base", "base model"),
                            ("sft", "SFT policy"),
                            ("reward", "reward model"),
                            ("ppo", "PPO policy"),
                        ],
                        max_length=8,
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                (
                    "location",
                    models.CharField(
                        help_text="Relative to the artifact store, an absolute directory, or a hub id.", max_length=500
                    ),
                ),
                ("step", models.PositiveIntegerField(default=0)),
                ("metrics", models.JSONField(default=dict)),
                ("promoted_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "project",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: shared.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="checkpoints",
                        to="labeling.project",
                    ),
                ),
                (
                    "promoted_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="checkpoints",
                        to="training.run",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="RunInput",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("field", models.CharField(max_length=40)),
                (
                    "checkpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="used_by", to="training.checkpoint"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="inputs", to="training.run"
                    ),
                ),
            ],
            options={
                "ordering": ["run", "field", "pk"],
            },
        ),
        migrations.CreateModel(
            name="RunMetric",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("step", models.PositiveIntegerField()),
                ("time", models.FloatField(help_text="Seconds since the epoch.")),
                ("values", models.JSONField()),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="metrics", to="training.run"
                    ),
                ),
            ],
            options={
                "ordering": ["run", "pk"],
            },
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["project", "-queued_at"], name="run_by_project"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("state__in", ("running", "cancelling"))),
                fields=["heartbeat_at"],
                name="run_heartbeat",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(("stage__in", ["pretrain", "sft", "reward", "ppo", "generate", "score", "convert"])),
                name="run_stage_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["queued", "running", "cancelling", "succeeded", "cancelled", "failed", "lost"])
                ),
                name="run_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("state__in", ("queued", "running", "cancelling"))),
                    models.Q(("ended_at__isnull", False), ("state__in", ("succeeded", "cancelled", "failed", "lost"))),
                    _connector="OR",
                ),
                name="run_ended_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ("running", "cancelling")), _negated=True),
                    models.Q(("heartbeat_at__isnull", False), ("running_at__isnull", False)),
                    _connector="OR",
                ),
                name="run_on_worker_has_heartbeat",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "succeeded"), _negated=True), ("result__isnull", False), _connector="OR"
                ),
                name="run_succeeded_has_result",
            ),
        ),
        migrations.AddConstraint(
            model_name="checkpoint",
            constraint=models.UniqueConstraint(fields=("run",), name="checkpoint_one_a_run"),
        ),
        migrations.AddConstraint(
            model_name="checkpoint",
            constraint=models.UniqueConstraint(
                fields=("project", "name"), name="checkpoint_name_once", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="checkpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["base", "sft", "reward", "ppo"])), name="checkpoint_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="runinput",
            constraint=models.UniqueConstraint(fields=("run", "field", "checkpoint"), name="run_input_once"),
        ),
        migrations.AddIndex(
            model_name="runmetric",
            index=models.Index(fields=["run", "step"], name="run_metric_step"),
        ),
    ]

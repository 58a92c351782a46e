import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import labeling.models.task


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0002_prompts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Assignment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("active", "active"),
                            ("expired", "expired"),
                            ("submitted", "submitted"),
                            ("skipped", "skipped"),
                            ("released", "released"),
                        ],
                        default="active",
                        max_length=12,
                    ),
                ),
                ("claimed_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "shown_order",
                    models.JSONField(default=list, help_text="Completion ids in the order this labeler saw them."),
                ),
                ("draft", models.JSONField(blank=True, default=dict)),
                ("draft_version", models.PositiveIntegerField(default=0)),
                ("draft_saved_at", models.DateTimeField(blank=True, null=True)),
                ("skip_reason", models.CharField(blank=True, max_length=40)),
                ("skip_note", models.TextField(blank=True)),
                (
                    "labeler",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-claimed_at"],
            },
        ),
        migrations.CreateModel(
            name="Slot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("kind", models.CharField(choices=[("write", "write"), ("compare", "compare")], max_length=8)),
                ("priority", models.SmallIntegerField(default=0, help_text="Higher comes first.")),
                (
                    "random_key",
                    models.FloatField(default=labeling.models.task.random_key, help_text="Order among equals."),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "open"), ("held", "held"), ("done", "done")], default="open", max_length=8
                    ),
                ),
                ("held_until", models.DateTimeField(blank=True, null=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="labeling.project"
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="slots", to="labeling.round"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="assignment",
            name="slot",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="assignments", to="labeling.slot"
            ),
        ),
        migrations.CreateModel(
            name="Task",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("write", "write"), ("compare", "compare")], max_length=8)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tasks", to="labeling.project"
                    ),
                ),
                (
                    "prompt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tasks", to="labeling.prompt"
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tasks", to="labeling.round"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.AddField(
            model_name="slot",
            name="task",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="slots", to="labeling.task"
            ),
        ),
        migrations.CreateModel(
            name="Completion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "position",
                    models.PositiveSmallIntegerField(help_text="Order of storage, random with regard to the policy."),
                ),
                ("text", models.TextField(blank=True)),
                (
                    "finished",
                    models.BooleanField(default=True, help_text="Ended by itself, not cut at the length limit."),
                ),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="completions", to="labeling.task"
                    ),
                ),
            ],
            options={
                "ordering": ["task", "position"],
            },
        ),
        migrations.AddField(
            model_name="assignment",
            name="task",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="assignments", to="labeling.task"
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.UniqueConstraint(fields=("round", "prompt", "kind"), name="task_once_a_round"),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["write", "compare"])), name="task_kind_known"
            ),
        ),
        migrations.AddIndex(
            model_name="slot",
            index=models.Index(
                models.F("round"),
                models.F("kind"),
                models.OrderBy(models.F("priority"), descending=True),
                models.F("random_key"),
                condition=models.Q(("state", "open")),
                name="slot_open",
            ),
        ),
        migrations.AddIndex(
            model_name="slot",
            index=models.Index(condition=models.Q(("state", "held")), fields=["held_until"], name="slot_held"),
        ),
        migrations.AddIndex(
            model_name="slot",
            index=models.Index(fields=["round", "kind", "state"], name="slot_round_progress"),
        ),
        migrations.AddConstraint(
            model_name="slot",
            constraint=models.UniqueConstraint(fields=("task", "number"), name="slot_number_once"),
        ),
        migrations.AddConstraint(
            model_name="slot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("held_until__isnull", False), ("state", "held")),
                    models.Q(("held_until", None), ("state__in", ["open", "done"])),
                    _connector="OR",
                ),
                name="slot_held_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="completion",
            constraint=models.UniqueConstraint(fields=("task", "position"), name="completion_position_once"),
        ),
        migrations.AddConstraint(
            model_name="completion",
            constraint=models.CheckConstraint(
                condition=models.Q(("position__gte", 1), ("position__lte", 12)), name="completion_position_1_to_12"
            ),
        ),
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(fields=["labeler", "-claimed_at"], name="assignment_history"),
        ),
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(
                condition=models.Q(("state", "active")), fields=["expires_at"], name="assignment_active_expiry"
            ),
        ),
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(
                condition=models.Q(("state__in", ["active", "expired"])),
                fields=["labeler", "state"],
                name="assignment_in_hand",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.UniqueConstraint(fields=("task", "labeler"), name="assignment_once_a_labeler"),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "active")), fields=("slot",), name="assignment_one_active_a_slot"
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["active", "expired", "submitted", "skipped", "released"])),
                name="assignment_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("state__in", ["active", "expired"])),
                    models.Q(("ended_at__isnull", False), ("state__in", ["submitted", "skipped", "released"])),
                    _connector="OR",
                ),
                name="assignment_ended_has_time",
            ),
        ),
    ]

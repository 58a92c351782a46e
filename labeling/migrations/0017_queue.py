"""What the queue needs at a million slots: see docs/decisions on the claim."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import labeling.models.task

# Every lease changes its slot's row at least twice, and a dead entry in the index of open slots is in every claimer's
# way; the defaults wait until a fifth of the table is dead.
_VACUUM = """
ALTER TABLE labeling_slot SET (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 500
)
"""
_NO_VACUUM = """
ALTER TABLE labeling_slot RESET (
    autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
    autovacuum_analyze_scale_factor, autovacuum_analyze_threshold
)
"""


class Migration(migrations.Migration):
    dependencies = [("labeling", "0016_history")]
    operations = [
        migrations.RunSQL(_VACUUM, _NO_VACUUM),
        # What exists was given out to be seen.
        migrations.RunSQL(
            "UPDATE labeling_assignment SET opened_at = claimed_at WHERE opened_at IS NULL", migrations.RunSQL.noop
        ),
        # PostgreSQL alters no table in the transaction that changed its rows while checks of them are pending.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="slot",
            name="task",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="slots", to="labeling.task"
            ),
        ),
        migrations.AlterField(
            model_name="assignment",
            name="task",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="assignments",
                to="labeling.task",
            ),
        ),
        migrations.AlterField(
            model_name="assignment",
            name="labeler",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="assignments",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RemoveIndex(model_name="slot", name="slot_round_progress"),
        migrations.AddIndex(
            model_name="slot",
            index=models.Index(
                fields=["round", "kind", "state"],
                condition=models.Q(("state__in", ["held", "done"])),
                name="slot_taken",
            ),
        ),
        migrations.AlterField(
            model_name="slot",
            name="project",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="labeling.project"
            ),
        ),
        migrations.AlterField(
            model_name="slot",
            name="round",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="slots", to="labeling.round"
            ),
        ),
        migrations.AlterField(
            model_name="slot",
            name="random_key",
            field=models.FloatField(
                default=labeling.models.task.random_key,
                help_text="Order among equals; a claim enters it anywhere.",
            ),
        ),
        # Last: dropping a field's index drops every index on that field alone, this one too.
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.UniqueConstraint(
                fields=["labeler"],
                condition=models.Q(("opened_at", None), ("state", "active")),
                name="assignment_one_kept_ready",
            ),
        ),
    ]

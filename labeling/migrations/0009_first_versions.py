"""What exists gets its first versions: lanes of slots, guidelines, what members have read, and the quality form.

Earlier texts of guidelines were not kept, so only the newest version is made. Members have it acknowledged: the rule
that asks for it is younger than their work. Projects that exist go on asking for quality alone.
"""

from django.db import migrations

QUALITY = [{"key": "quality", "kind": "scale", "label": "Quality", "low": 1, "high": 7, "required": True}]

_LANES = """
INSERT INTO labeling_lane (project_id, language, skill, sensitive)
SELECT DISTINCT slot.project_id, prompt.language, prompt.skill, prompt.sensitive
FROM labeling_slot slot
JOIN labeling_task task ON task.id = slot.task_id
JOIN labeling_prompt prompt ON prompt.id = task.prompt_id
ON CONFLICT DO NOTHING
"""
_SLOTS = """
UPDATE labeling_slot slot SET lane_id = lane.id
FROM labeling_task task, labeling_prompt prompt, labeling_lane lane
WHERE task.id = slot.task_id AND prompt.id = task.prompt_id AND lane.project_id = slot.project_id
  AND lane.language = prompt.language AND lane.skill = prompt.skill AND lane.sensitive = prompt.sensitive
"""


def make_versions(apps, schema_editor):
    Project = apps.get_model("labeling", "Project")
    GuidelinesVersion = apps.get_model("labeling", "GuidelinesVersion")
    Acknowledgement = apps.get_model("labeling", "Acknowledgement")
    JudgementForm = apps.get_model("labeling", "JudgementForm")
    Membership = apps.get_model("labeling", "Membership")
    for project in Project.objects.all():
        GuidelinesVersion.objects.create(
            project=project, version=project.guidelines_version, text=project.guidelines, created_by=project.created_by
        )
        JudgementForm.objects.create(project=project, version=1, name="quality", fields=QUALITY)
    Acknowledgement.objects.bulk_create(
        Acknowledgement(project_id=member.project_id, user_id=member.user_id, version=member.project.guidelines_version)
        for member in Membership.objects.select_related("project")
    )


class Migration(migrations.Migration):
    dependencies = [("labeling", "0008_lanes")]
    operations = [
        migrations.RunSQL(_LANES, migrations.RunSQL.noop),
        migrations.RunSQL(_SLOTS, migrations.RunSQL.noop),
        migrations.RunPython(make_versions, migrations.RunPython.noop),
    ]

"""A database with one project, N write tasks in two languages and 200 labelers: bulk SQL, not a million saves."""

from __future__ import annotations

import psycopg

LABELERS = 200

# A tenth of the prompts is Chinese; fifteen in a hundred tasks want three judgements, as projects do by default.
_STEPS = (
    """INSERT INTO labeling_prompt (id, project_id, messages, follow_ups, sha256, reference, source, kind, skill,
         sensitive, key, split, category, language, licence, external_id, created_at)
       SELECT n, %(project)s, jsonb_build_array(jsonb_build_object('role', 'user', 'content',
           'Question ' || n || ': what should somebody know about this before they begin, and what may go wrong?')),
         '[]', md5(n::text) || md5((-n)::text), '', 'labeler', '', '', false, 'key-' || n, 'train', 'open_qa',
         CASE WHEN n %% 10 = 0 THEN 'zh' ELSE 'en' END, '', '', now()
       FROM generate_series(1, %(tasks)s) n""",
    """INSERT INTO labeling_lane (project_id, language, skill, sensitive)
       VALUES (%(project)s, 'en', '', false), (%(project)s, 'zh', '', false)""",
    """INSERT INTO labeling_task (id, project_id, round_id, prompt_id, kind, brief, created_at)
       SELECT n, %(project)s, %(round)s, n, 'write', '{}', now() FROM generate_series(1, %(tasks)s) n""",
    """INSERT INTO labeling_slot (task_id, number, project_id, round_id, kind, lane_id, priority, random_key, state)
       SELECT n, number, %(project)s, %(round)s, 'write', lane.id, 0, random(), 'open'
       FROM generate_series(1, %(tasks)s) n
       CROSS JOIN LATERAL generate_series(1, CASE WHEN abs(hashint8(n)) %% 100 < 15 THEN 3 ELSE 1 END) number
       JOIN labeling_lane lane ON lane.language = CASE WHEN n %% 10 = 0 THEN 'zh' ELSE 'en' END
       ORDER BY n, number""",
    "SELECT setval(pg_get_serial_sequence('labeling_prompt', 'id'), %(tasks)s)",
    "SELECT setval(pg_get_serial_sequence('labeling_task', 'id'), %(tasks)s)",
)


def people_and_project() -> tuple[int, int, list[int]]:
    """Make the project, its open round and the labelers through Django; returns their keys. Django is set up."""
    from accounts.models import Role, User
    from labeling.models import Membership, Project, Round

    project = Project.objects.create(name="Bench", slug="bench")
    turn = Round.objects.create(project=project, number=1)
    people = User.objects.bulk_create(
        User(username=f"labeler-{number}", role=Role.LABELER) for number in range(LABELERS)
    )
    Membership.objects.bulk_create(
        Membership(project=project, user=user, languages=["en"] if number % 2 else ["en", "zh"])
        for number, user in enumerate(people)
    )
    return project.pk, turn.pk, [user.pk for user in people]


def fill(url: str, *, project: int, round: int, tasks: int) -> int:
    """Fill the tables again from nothing and return how many judgements are wanted. Nothing is analysed by hand."""
    values = {"project": project, "round": round, "tasks": tasks}
    with psycopg.connect(url) as connection:
        connection.execute("TRUNCATE labeling_prompt, labeling_task, labeling_slot, labeling_lane CASCADE")
        connection.execute("SELECT setseed(0.5)")
        for step in _STEPS:
            connection.execute(step, values)
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM labeling_slot").fetchone()
    assert row is not None
    return int(row[0])


_AUDIT = """
SELECT
    (SELECT count(*) FROM labeling_demonstration),
    (SELECT count(*) FROM (SELECT lease.task_id, lease.labeler_id FROM labeling_demonstration one
        JOIN labeling_assignment lease ON lease.id = one.assignment_id
        GROUP BY lease.task_id, lease.labeler_id HAVING count(*) > 1) twice)
    + (SELECT count(*) FROM (SELECT lease.slot_id FROM labeling_demonstration one
        JOIN labeling_assignment lease ON lease.id = one.assignment_id WHERE NOT one.surplus
        GROUP BY lease.slot_id HAVING count(*) > 1) twice),
    (SELECT count(*) FROM labeling_slot WHERE state = 'done'),
    (SELECT count(*) FROM labeling_slot WHERE state = 'held')
"""


def audit(url: str) -> tuple[int, int, int, int]:
    """Return stored answers, duplicates (a slot or a labeler's task answered twice), slots done, slots still held."""
    with psycopg.connect(url) as connection:
        found = connection.execute(_AUDIT).fetchone()
    assert found is not None
    return int(found[0]), int(found[1]), int(found[2]), int(found[3])

"""What the queue costs: queries of every labeler's page and of a judgement, and the claim's plan whatever is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from labeling.models import Prompt, PromptFigures, Round, RoundFigures, Slot, TaskKind
from labeling.services import figures, queue, rounds
from labeling.services.claims import claim_statement
from labeling.services.rounds import NewOutput
from labeling.services.standing import stand
from labeling.tasks import refresh_figures
from tests.factories import (
    PromptFactory,
    ResearcherFactory,
    RoundFactory,
    TaskFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def turn() -> Round:
    return RoundFactory()


@pytest.fixture
def labeler(turn: Round) -> User:
    return UserFactory(member_of=turn.project)


def queries(captured: CaptureQueriesContext) -> list[str]:
    """The queries themselves, without savepoints, which stand for BEGIN and COMMIT under a test's transaction."""
    return [q["sql"] for q in captured.captured_queries if "SAVEPOINT" not in q["sql"]]


def explain(turn: Round, labeler: User) -> str:
    now = timezone.now()
    standing = stand(labeler=labeler, project=turn.project)
    assert standing is not None
    statement, values, _token = claim_statement(
        standing, kinds=["write"], now=now, until=now + timedelta(minutes=1), seen=True
    )
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + statement, values)
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.parametrize("known", ["nothing", "an empty table", "everything", "all of it done"])
def test_the_claim_walks_its_index_whatever_the_statistics_say(turn: Round, labeler: User, known: str) -> None:
    def analyze() -> None:
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE labeling_slot, labeling_assignment, labeling_task, labeling_prompt")

    if known == "an empty table":
        analyze()
    Prompt.objects.bulk_create(PromptFactory.build_batch(3000, project=turn.project))
    rounds.request_demonstrations(actor=ResearcherFactory(), round=turn, prompts=Prompt.objects.all())
    if known == "everything":
        analyze()
    if known == "all of it done":
        Slot.objects.update(state="done")
        analyze()
        Slot.objects.update(state="open")
    plan = explain(turn, labeler)
    assert plan.count("using slot_open on labeling_slot") == 5, plan
    assert "Seq Scan on labeling_slot" not in plan and "Bitmap Index Scan on slot" not in plan, plan
    # The one sort is that of the lanes.
    assert "Hash" not in plan and plan.count("->  Sort") == 1, plan


def test_a_claim_is_three_queries(turn: Round, labeler: User) -> None:
    TaskFactory.create_batch(3, round=turn)
    with CaptureQueriesContext(connection) as captured:
        claim = queue.claim_next(labeler=labeler, project=turn.project, kind=TaskKind.WRITE)
    assert claim.token is not None and len(queries(captured)) == 3, queries(captured)


def judge(client: Client, address: str, kind: str) -> tuple[list[str], str]:
    """Submit a task's form as its page would, and return the queries and the next address."""
    form: dict[str, Any] = {"text": "An answer."}
    if kind == "compare":
        token = address.split("/")[2]
        order = client.get(f"/api/v1/assignments/{token}/").json()["completions"]
        form = {f"rank_{output['id']}": place for place, output in enumerate(order, start=1)}
    with CaptureQueriesContext(connection) as captured:
        answer = client.post(f"{address}submit/", form, headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.content
    return queries(captured), answer.json()["next"]


@pytest.mark.parametrize("kind", ["write", "compare"])
@pytest.mark.parametrize("ahead", [False, True])
def test_submitting_and_the_next_claim_through_the_web(
    client: Client, turn: Round, labeler: User, kind: str, ahead: bool
) -> None:
    prompts = PromptFactory.create_batch(4, project=turn.project)
    researcher = ResearcherFactory()
    if kind == "write":
        rounds.request_demonstrations(actor=researcher, round=turn, prompts=Prompt.objects.all())
    else:
        outputs = {prompt.pk: [NewOutput("one"), NewOutput("two"), NewOutput("three")] for prompt in prompts}
        rounds.request_comparisons(actor=researcher, round=turn, outputs=outputs)
    client.force_login(labeler)
    there = client.post(f"/work/{turn.project.slug}/next/{kind}/").headers["Location"]
    if ahead:
        assert client.post(f"{there}ready/").json()["next"]
    asked, following = judge(client, there, kind)
    assert "/tasks/" in following
    assert len(asked) <= BUDGET[kind], "\n".join(asked)


BUDGET = {"write": 12, "compare": 14}


def test_the_pages_of_a_labeler(client: Client, turn: Round, labeler: User, django_assert_max_num_queries: Any) -> None:
    TaskFactory.create_batch(12, round=turn)
    client.force_login(labeler)
    there = client.post(f"/work/{turn.project.slug}/next/write/").headers["Location"]
    with django_assert_max_num_queries(28):
        assert client.get("/").status_code == 200
    with django_assert_max_num_queries(20):
        assert client.get(there).status_code == 200
    with django_assert_max_num_queries(14):
        body = {"draft": {"text": "A"}, "version": 0}
        assert client.post(f"{there}draft/", body, content_type="application/json").status_code == 200
    with django_assert_max_num_queries(16):
        assert client.post(f"{there}ready/").status_code == 200
    client.post(f"{there}submit/", {"text": "A."})
    with django_assert_max_num_queries(26):
        assert client.get("/my-work/").status_code == 200


COUNTING = ("labeling_slot", "labeling_prompt", "labeling_task")


@pytest.mark.parametrize("place", ["/", "/my-work/", "/projects/{slug}/prompts/"])
def test_no_page_counts_a_large_table(client: Client, turn: Round, place: str) -> None:
    TaskFactory.create_batch(3, round=turn)
    researcher = ResearcherFactory(member_of=turn.project)
    client.force_login(researcher)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(place.format(slug=turn.project.slug)).status_code == 200
    for sql in queries(captured):
        counted = "COUNT(" in sql.upper() and any(f'FROM "{table}"' in sql for table in COUNTING)
        assert not counted, sql


def test_figures_are_counted_after_a_request_and_by_the_clock(turn: Round, labeler: User) -> None:
    PromptFactory.create_batch(3, project=turn.project, category="chat", split="train")
    rounds.request_demonstrations(actor=ResearcherFactory(), round=turn, prompts=Prompt.objects.all())
    row = RoundFigures.objects.get(round=turn)
    assert (row.kind, row.open, row.held, row.done, row.total) == ("write", 3, 0, 0, 3)
    assert not PromptFigures.objects.exists()
    queue.claim_next(labeler=labeler, project=turn.project)
    refresh_figures()
    row.refresh_from_db()
    assert (row.open, row.held) == (2, 1)
    prompts = PromptFigures.objects.get()
    assert (prompts.count, prompts.category, prompts.split) == (3, "chat", "train")


def test_prompts_are_counted_again_only_when_there_are_new_ones(turn: Round) -> None:
    PromptFactory(project=turn.project, category="chat")
    figures.refresh()
    before = PromptFigures.objects.get().counted_at
    figures.refresh()
    assert PromptFigures.objects.get().counted_at == before
    PromptFactory(project=turn.project, category="chat")
    figures.refresh()
    assert sum(row.count for row in PromptFigures.objects.all()) == 2


def test_the_lists_page_by_key(client: Client, turn: Round) -> None:
    PromptFactory.create_batch(51, project=turn.project)
    client.force_login(ResearcherFactory())
    address = f"/projects/{turn.project.slug}/prompts/"
    first = client.get(address)
    older = first.context["older"]
    PromptFactory.create_batch(3, project=turn.project)
    with CaptureQueriesContext(connection) as captured:
        second = client.get(address + older)
    assert [prompt.pk for prompt in second.context["rows"]] == [Prompt.objects.order_by("pk")[0].pk]
    assert not any(" OFFSET " in sql for sql in queries(captured))

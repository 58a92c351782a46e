"""Pages and API of prompts: asking for them, mending one, flags counted, and marking one as sensitive."""

from __future__ import annotations

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from labeling.exceptions import NotAllowed
from labeling.few_shot import Pair
from labeling.models import Demonstration, Membership, Prompt, Slot, Task, WrittenPrompt
from labeling.services import drafts, queue, rounds
from labeling.services.frozen import mark_frozen
from labeling.services.sensitive import mark_sensitive
from labeling.services.written_prompts import NewPrompt
from tests.factories import DemonstrationFactory, PromptFactory, ReviewerFactory, TaskFactory, UserFactory
from tests.labeling.test_written_prompts import FEW_SHOT, Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return Desk()


def api_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


# asking


def test_asking_on_the_page(desk: Desk, client: Client) -> None:
    client.force_login(desk.researcher)
    place = f"/projects/{desk.project.slug}/prompts/ask/"
    assert client.get(place).status_code == 200
    refused = client.post(place, {"kind": "user_based", "count": 2})
    assert refused.status_code == 422 and "one use case a line" in refused.content.decode()
    asked = client.post(place, {"kind": "user_based", "count": 2, "use_cases": "Letters\r\nNames\r\n", "priority": "5"})
    assert asked.status_code == 302 and Task.objects.filter(kind="prompt").count() == 4
    assert set(Slot.objects.values_list("priority", flat=True)) == {5}
    rounds.close_round(actor=desk.researcher, round=desk.round)
    assert "No round is open" in client.get(place).content.decode()
    assert client.post(place, {"kind": "plain", "count": 1}).status_code == 200
    assert Task.objects.filter(kind="prompt").count() == 4


@pytest.mark.parametrize("factory", [UserFactory, ReviewerFactory])
def test_labelers_and_reviewers_neither_ask_nor_mark(desk: Desk, client: Client, factory: Any) -> None:
    prompt = PromptFactory(project=desk.project)
    member = factory(member_of=desk.project)
    client.force_login(member)
    assert client.get(f"/projects/{desk.project.slug}/prompts/ask/").status_code == 403
    assert client.post(f"/projects/{desk.project.slug}/prompts/{prompt.pk}/sensitive/").status_code == 403
    api, place = api_of(member), f"/api/v1/projects/{desk.project.slug}/"
    assert api.post(f"{place}tasks/prompt/", {"count": 1}).status_code == 403
    assert api.put(f"{place}prompts/{prompt.pk}/sensitive/", {"sensitive": True}).status_code == 403
    with pytest.raises(NotAllowed):
        mark_sensitive(actor=member, prompt=prompt, sensitive=True)


def test_from_the_wish_to_the_prompt_through_the_api(desk: Desk) -> None:
    place = f"/api/v1/projects/{desk.project.slug}/"
    researcher, me = api_of(desk.researcher), api_of(desk.labeler)
    refused = researcher.post(f"{place}tasks/prompt/", {"kind": "few_shot", "count": 1, "pairs": 9}, format="json")
    assert refused.status_code == 400 and refused.json()["error"]["fields"]["pairs"]
    asked = researcher.post(f"{place}tasks/prompt/", {"kind": "few_shot", "count": 1, "pairs": 2}, format="json")
    assert asked.status_code == 201 and asked.json() == {"tasks": 1}
    claimed = me.post(f"{place}next/", {"kind": "prompt"}).json()["assignment"]
    assert (claimed["prompt"], claimed["brief"]) == (None, {"kind": "few_shot", "pairs": 2})
    body: dict[str, Any] = {"text": "Add.", "pairs": [{"query": "1+1", "response": "2"}], "prompt_flags": []}
    submit = f"/api/v1/assignments/{claimed['token']}/prompt/"
    assert "wants 2 pairs" in str(me.post(submit, body, format="json").json())
    body["pairs"].append({"query": "2+2", "response": "4"})
    written = me.post(submit, body, format="json")
    assert written.status_code == 201, written.json()
    assert written.json()["prompt_flags"] == [] and len(written.json()["prompts"]) == 2
    assert me.post(submit, body, format="json").json()["id"] == written.json()["id"]
    assert me.post(submit, {**body, "text": "Sum."}, format="json").status_code == 409
    assert me.get("/api/v1/my-work/").json()["results"][0]["prompt"] is None
    others = api_of(UserFactory(member_of=desk.project))
    assert others.post(submit, body, format="json").status_code == 404


def test_the_review_step_stores_nothing_and_says_what_is_wrong(desk: Desk, client: Client) -> None:
    desk.ask("few_shot")
    assignment = desk.claim()
    client.force_login(desk.labeler)
    place = f"/tasks/{assignment.token}/review/"
    body = {"text": "Name the capital <script>", "query": ["France", "Japan"], "response": ["Paris", "**Tokyo**"]}
    html = client.post(place, body).json()["html"]
    assert html.index("France") < html.index("Japan") and "<strong>Tokyo</strong>" in html and "<script>" not in html
    refused = client.post(place, {**body, "response": ["Paris", ""]})
    assert refused.status_code == 400 and "half empty" in refused.json()["error"]["message"]
    client.force_login(UserFactory(member_of=desk.project))
    assert client.post(place, body).status_code == 404
    assert not WrittenPrompt.objects.exists()


def test_rows_do_not_write_over_another_tab(desk: Desk, client: Client) -> None:
    desk.ask("few_shot")
    assignment = desk.claim()
    client.force_login(desk.labeler)
    theirs = {"text": "from the other tab"}
    drafts.save_draft(token=assignment.token, labeler=desk.labeler, draft=theirs, base_version=0)
    body = {"text": "mine", "query": ["a"], "response": ["b"], "version": "0", "add": "1"}
    refused = client.post(f"/tasks/{assignment.token}/rows/", body)
    assert refused.status_code == 409 and "mine" in refused.content.decode()
    assignment.refresh_from_db()
    assert assignment.draft == theirs


# mending


def test_mending_a_prompt_on_its_page(desk: Desk, client: Client) -> None:
    written = desk.write(FEW_SHOT, "few_shot")
    client.force_login(desk.labeler)
    page = client.get(f"/my-work/prompts/{written.pk}/").content.decode()
    assert page.count('name="query"') == 6 and "Response 4" in page
    body = {"text": "Name it.", "query": ["a", "", "c"], "response": ["b", "", "d"], "reason": "shorter"}
    assert client.post(f"/my-work/prompts/{written.pk}/", body).status_code == 302
    newest = WrittenPrompt.objects.current().get()
    assert (newest.revision, newest.reason, len(newest.pairs)) == (2, "shorter", 2)
    assert client.get(f"/my-work/prompts/{written.pk}/").headers["Location"] == f"/my-work/prompts/{newest.pk}/"
    client.force_login(UserFactory(member_of=desk.project))
    assert client.get(f"/my-work/prompts/{newest.pk}/").status_code == 404


def test_a_prompt_in_use_says_so_on_its_page(desk: Desk, client: Client) -> None:
    written = desk.write(NewPrompt("Why?"))
    client.force_login(desk.labeler)
    rounds.request_demonstrations(actor=desk.researcher, round=desk.round, prompts=Prompt.objects.all())
    page = client.get(f"/my-work/prompts/{written.pk}/").content.decode()
    assert "It is in use already" in page and "Save the revision" not in page
    refused = client.post(f"/my-work/prompts/{written.pk}/", {"text": "How?", "reason": "x"})
    assert refused.status_code == 400 and "in use already" in refused.content.decode()


def test_a_prompt_in_a_dataset_is_frozen(desk: Desk, client: Client) -> None:
    written = desk.write(NewPrompt("Why?"))
    mark_frozen(prompts=[Prompt.objects.get().pk], at=written.created_at)
    client.force_login(desk.labeler)
    assert "It is in use already" in client.get(f"/my-work/prompts/{written.pk}/").content.decode()


# flags and the mark


def test_the_prompts_page_counts_its_flags(desk: Desk, client: Client) -> None:
    prompt = PromptFactory(project=desk.project)
    client.force_login(desk.researcher)
    place = f"/projects/{desk.project.slug}/prompts/{prompt.pk}/"
    assert "Nobody has said anything yet" in client.get(place).content.decode()
    for flags in (None, [], ["ambiguous"], ["ambiguous", "sensitive_content"]):
        DemonstrationFactory(prompt=prompt, prompt_flags=flags)
    DemonstrationFactory(prompt=prompt, prompt_flags=["requests_advice"], is_current=False)
    counts = client.get(place).context["flag_counts"]
    assert [(str(label), n) for label, n in counts.rows] == [("ambiguous", 2), ("sensitive content", 1)]
    assert (counts.none, counts.asked) == (1, 3)


def test_a_prompt_marked_sensitive_moves_to_its_queue_and_keeps_who_did_it(desk: Desk, client: Client) -> None:
    prompt = PromptFactory(project=desk.project)
    TaskFactory(round=desk.round, prompt=prompt, slots=2)
    Membership.objects.filter(user=desk.labeler).update(shows_sensitive=False)
    client.force_login(desk.researcher)
    place = f"/projects/{desk.project.slug}/prompts/{prompt.pk}/"
    client.post(f"{place}sensitive/", {"sensitive": "yes"})
    prompt.refresh_from_db()
    assert prompt.sensitive and all(slot.lane.sensitive for slot in Slot.objects.select_related("lane"))
    entry = LogEntry.objects.get_for_object(prompt).latest("timestamp")
    assert entry.actor == desk.researcher and entry.changes_dict["sensitive"] == ["False", "True"]
    assert queue.claim_next(labeler=desk.labeler, project=desk.project, kind="write").assignment is None
    page = client.get(place).content.decode()
    assert "data-sensitive" in page and "Not sensitive" in page
    api = api_of(desk.researcher)
    place = f"/api/v1/projects/{desk.project.slug}/prompts/{prompt.pk}/sensitive/"
    assert api.put(place, {"sensitive": False}).json() == {"sensitive": False}
    assert not Slot.objects.filter(lane__sensitive=True).exists()
    assert queue.claim_next(labeler=desk.labeler, project=desk.project, kind="write").assignment is not None


def test_pairs_are_told_apart_from_their_context(desk: Desk) -> None:
    """The responses stand as the labeler's demonstrations, so that SFT learns from each example."""
    desk.write(NewPrompt("Add.", (Pair("1+1", "2"), Pair("2+2", "4"))), "few_shot")
    said = {answer.prompt.last_turn.split("\n")[-1]: answer.text for answer in Demonstration.objects.all()}
    assert said == {"1+1": "2", "2+2": "4"}


def test_a_written_prompt_stands_in_my_work_and_in_review(desk: Desk, client: Client) -> None:
    written = desk.write(FEW_SHOT, "few_shot")
    client.force_login(desk.labeler)
    page = client.get("/my-work/").content.decode()
    assert f"/my-work/prompts/{written.pk}/" in page and "Name the capital." in page
    assert client.get(f"/tasks/{written.assignment.token}/").status_code == 200  # type: ignore[union-attr]
    client.force_login(ReviewerFactory(member_of=desk.project))
    assert client.get("/review/").status_code == 200
    reviewed = client.get(f"/review/{written.assignment_id}/")
    page = reviewed.content.decode()
    assert reviewed.status_code == 200 and "Name the capital." in page and "Response 4" in page
    sent = client.post(
        f"/review/{written.assignment_id}/", {"verdict": "sent_back", "comment": "Shorter.", "revision": "1"}
    )
    assert sent.status_code == 302
    client.force_login(desk.labeler)
    assert "Shorter." in client.get(f"/my-work/prompts/{written.pk}/").content.decode()
    body = {"text": "Name it.", "query": ["a", "c"], "response": ["b", "d"], "reason": "shorter"}
    assert client.post(f"/my-work/prompts/{written.pk}/", body).status_code == 302
    newest = WrittenPrompt.objects.current().get()
    assert "Revisions" in client.get(f"/my-work/prompts/{newest.pk}/").content.decode()


def test_a_skipped_draft_shows_its_pairs(desk: Desk, client: Client) -> None:
    desk.ask("few_shot")
    assignment = desk.claim()
    draft = NewPrompt("Half done.", (Pair("only a query", ""),)).as_draft()
    drafts.save_draft(token=assignment.token, labeler=desk.labeler, draft=draft, base_version=0)
    queue.skip(token=assignment.token, labeler=desk.labeler, reason="unclear")
    client.force_login(desk.labeler)
    assert "only a query" in client.get(f"/tasks/{assignment.token}/").content.decode()

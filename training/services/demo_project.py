"""The project that a fresh installation starts with: small stories, a base model that can write them badly."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.db import transaction

from accounts.models import Role, User
from accounts.services.people import create_person
from labeling.models import Project, Prompt, Round, Split
from labeling.services.import_prompts import PromptDefaults, import_prompts
from labeling.services.projects import add_member, create_project
from labeling.services.rounds import open_round, request_demonstrations
from training.rlhf.rundir import write_atomically
from training.services.base_models import TINY_STORY_DIRECTORY, register_tiny_story

SLUG = "tiny-stories"
WRITE_TASKS = 24
PEOPLE = {
    "labeler": (Role.LABELER, "Lena Labeler"),
    "reviewer": (Role.REVIEWER, "Remy Reviewer"),
    "researcher": (Role.RESEARCHER, "Rosa Researcher"),
    "admin": (Role.ADMIN, "Ada Admin"),
}
GUIDELINES = """\
# What a good story is

Each prompt asks for a **very short story** about a hero: it gives a name, an animal and a thing that is found.
Write, or rank, as if a five-year-old were listening.

## Writing

1. **Do what was asked.** The hero has the name *and* is the animal from the prompt, and finds the thing.
   "Write a story about Nora, a lazy bear who finds a bell" is not a story about a fox.
2. **Three to six short sentences.** Hero, find, somebody comes by, an ending.
3. **End kindly.** The hero shares, helps or makes a friend. Nobody is left out in the rain.
4. **Finish.** The last sentence closes the story ("The end." is fine). A story that breaks off is a bad story.
5. Plain words, correct spelling, no headings or lists.

> Once there was a lazy bear named Nora. One evening Nora found a bell near a well. Soon a lonely duck came by and
> asked about the bell. Nora gave the bell to the duck, who smiled all day. The end.

## Rating and ranking

Rate each story from 1 to 7, then rank. Ask in this order; the first question that separates two stories decides:

| question | a serious fault |
| --- | --- |
| Is it about the right hero and thing? | another name or animal, the thing is missing |
| Is anybody harmed or mocked without it being put right? | an unkind ending |
| Is it finished? | it breaks off, or rambles on |
| Does it read well? | repeats itself, contradicts itself, odd grammar |

- **7** nothing to mend · **5** a small flaw · **4** usable · **2** a serious fault · **1** useless.
- **Ties are fine.** If you would need a coin, say that they are equal; do not invent a difference.
- Length alone is no merit.
- If no story could be shown to a child, say that none is acceptable, and still rank them.

## When in doubt

Skip a prompt that makes no sense, and say why. Nobody counts skips against you.
Your own judgement is wanted: do not guess what others would say.
"""


def seed_demo(*, var: Path) -> dict[str, int]:
    """Make the demo people, project, prompts, tasks and base model; what is there already is left as it is.

    Passwords are random, made once, and stand in ``demo-logins.json`` (readable by the owner only).
    Returns what was made, counted.
    """
    made = {"people": seed_people(var=var)}
    admin = User.objects.get(username="admin")
    register_tiny_story(actor=admin)
    with transaction.atomic():
        made |= _seed_project(admin)
    return made


def seed_people(*, var: Path) -> int:
    """Make the four demo people who are missing and note their passwords; return how many that were."""
    missing = {name for name in PEOPLE if not User.objects.filter(username__iexact=name).exists()}
    if not missing:
        return 0
    path = var / "demo-logins.json"
    passwords = {name: secrets.token_urlsafe(9) for name in PEOPLE} | _known_passwords(path)
    # Written before the people are made: a crash between the two leaves no account that nobody can enter.
    logins = [
        {"username": name, "password": passwords[name], "role": str(role)} for name, (role, _title) in PEOPLE.items()
    ]
    var.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    write_atomically(path, json.dumps(logins, indent=2) + "\n")
    path.chmod(0o600)
    with transaction.atomic():
        _make_people(missing, passwords)
    return len(missing)


def _known_passwords(path: Path) -> dict[str, str]:
    """Return the passwords of an earlier start that was cut off."""
    try:
        return {login["username"]: login["password"] for login in json.loads(path.read_text(encoding="utf-8"))}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def _make_people(missing: set[str], passwords: Mapping[str, str]) -> None:
    """Make the admin first, who then makes the others."""
    admin = User.objects.filter(username__iexact="admin").first()
    if admin is None:
        role, title = PEOPLE["admin"]
        admin = User.objects.create_superuser("admin", password=passwords["admin"], role=role, display_name=title)
    for name in sorted(missing - {"admin"}):
        role, title = PEOPLE[name]
        create_person(actor=admin, username=name, password=passwords[name], role=role, display_name=title)


def _seed_project(admin: User) -> dict[str, int]:
    if Project.objects.filter(slug=SLUG).exists():
        return {"prompts": 0, "tasks": 0}
    project = create_project(
        actor=admin, name="Tiny stories", slug=SLUG, guidelines=GUIDELINES, outputs_per_comparison=4, valid_share=0.2
    )
    for user in User.objects.filter(username__in=PEOPLE):
        add_member(actor=admin, project=project, user=user)
    path = Path(settings.BASE_DIR) / TINY_STORY_DIRECTORY / "prompts.jsonl"
    with path.open("rb") as stream:
        report = import_prompts(
            actor=admin, project=project, stream=stream, filename=path.name, format="volant",
            defaults=PromptDefaults(category="story", language="en", licence="CC0-1.0"),
        )  # fmt: skip
    round = open_round(actor=admin, project=project)
    return {"prompts": report.accepted, "tasks": _ask_to_write(admin, round)}


def _ask_to_write(admin: User, round: Round) -> int:
    """Make write tasks for a couple of dozen prompts, some of them held out."""
    chosen: list[int] = []
    for split, count in ((Split.TRAIN, WRITE_TASKS - 4), (Split.VALID, 4)):
        prompts = Prompt.objects.in_project(round.project).filter(split=split).order_by("sha256")
        chosen += prompts.values_list("pk", flat=True)[:count]
    return request_demonstrations(actor=admin, round=round, prompts=Prompt.objects.filter(pk__in=chosen))

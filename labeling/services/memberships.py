"""What a member of a project is given: languages and skills by researchers, sensitive content by the member."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import Actor, can_research
from labeling.conversations import is_storable
from labeling.exceptions import InvalidInput, NotAllowed, NotFound
from labeling.models import Assignment, AssignmentState, Membership, Project
from labeling.services import queue, ready
from labeling.services.leases import serialize_labeler

MOST = 50
LONGEST_SKILL = 40
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
LONGEST_LANGUAGE = 16


@transaction.atomic
def show_sensitive(*, user: User, project: Project, shows: bool) -> Membership:
    """Let a member choose whether prompts that are marked as sensitive come to them.

    Opting out works at once: what they hold of that kind goes back to others, its draft stays. Raises NotFound when
    they are no member.
    """
    serialize_labeler(user)
    membership = Membership.objects.filter(project=project, user=user).first()
    if membership is None:
        raise NotFound
    membership.shows_sensitive = shows
    membership.save(update_fields=["shows_sensitive"])
    if not shows:
        ready.give_back(user)
        held = Assignment.objects.of(user).filter(
            task__project=project,
            task__prompt__sensitive=True,
            state__in=[AssignmentState.ACTIVE, AssignmentState.EXPIRED],
        )
        for token in list(held.order_by("slot_id").values_list("token", flat=True)):
            queue.release(token=token, labeler=user)
    return membership


@transaction.atomic
def qualify(
    *, actor: Actor, project: Project, user: User, languages: Sequence[str], skills: Sequence[str]
) -> Membership:
    """Say whose prompts a member gets: `languages` empty is every language; a skill that a prompt wants must be there.

    Researchers only. What the member has in hand stays theirs. Raises InvalidInput naming what is wrong.
    """
    if not can_research(actor):
        raise NotAllowed
    clean_languages, clean_skills = _languages(languages), _skills(skills)
    membership = Membership.objects.select_for_update().filter(project=project, user=user).first()
    if membership is None:
        raise NotFound
    membership.languages, membership.skills = clean_languages, clean_skills
    membership.save(update_fields=["languages", "skills"])
    return membership


def _languages(given: Sequence[str]) -> list[str]:
    clean = _distinct(given)
    wrong = [one for one in clean if len(one) > LONGEST_LANGUAGE or not _LANGUAGE.fullmatch(one)]
    if wrong or len(clean) > MOST:
        sentence = _("Write codes such as en, zh or pt-BR. This is none: %(wrong)s") % {"wrong": ", ".join(wrong)[:200]}
        raise InvalidInput(sentence, fields={"languages": [sentence]})
    return clean


def _skills(given: Sequence[str]) -> list[str]:
    clean = _distinct(given)
    if len(clean) > MOST or any(len(one) > LONGEST_SKILL or not is_storable(one) for one in clean):
        sentence = _("At most %(most)d skills of at most %(longest)d characters each.") % {
            "most": MOST,
            "longest": LONGEST_SKILL,
        }
        raise InvalidInput(sentence, fields={"skills": [sentence]})
    return clean


def _distinct(given: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(one.strip() for one in given if one.strip()))

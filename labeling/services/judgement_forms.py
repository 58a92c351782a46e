"""Which judgement form a project uses, and changing it: always a next version, never the one that labels were given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import Actor, can_research
from labeling.built_in_forms import BUILT_IN, DEFAULT, QUALITY_ALONE
from labeling.exceptions import FormRefused, NotAllowed
from labeling.judgement_forms import QUALITY, Fields, as_json, check_fields, from_json
from labeling.models import JudgementForm, Project

MAX_NAME = 80


@dataclass(frozen=True)
class Form:
    """A version of a project's form with its fields read. `row` is None for a project that never chose one."""

    row: JudgementForm | None
    name: str
    version: int
    fields: Fields


def read_form(row: JudgementForm | None) -> Form:
    """Return a stored version; None is a label or a project from before there were forms: quality alone."""
    if row is None:
        return Form(None, QUALITY, 0, QUALITY_ALONE)
    return Form(row, row.name, row.version, from_json(row.fields))


def current_form(project: Project) -> Form:
    """Return the form that the project's next comparison is judged with."""
    return read_form(JudgementForm.objects.filter(project=project).order_by("-version").first())


@transaction.atomic
def change_form(*, actor: Actor, project: Project, name: str, fields: Any) -> JudgementForm:
    """Store the project's next version of its form; researchers only. The form that is in use already adds none.

    `fields` is a list of objects as in `labeling.judgement_forms.Field`. Raises FormRefused naming every question that
    is wrong. Comparisons that were given under an earlier version keep it.
    """
    if not can_research(actor):
        raise NotAllowed
    clean = as_json(check_fields(fields))
    name = name.strip() if isinstance(name, str) else ""
    if not name or len(name) > MAX_NAME or "\x00" in name:
        raise FormRefused(
            fields={"name": [_("Give the form a name of at most %(max)d characters.") % {"max": MAX_NAME}]}
        )
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    newest = JudgementForm.objects.filter(project=project).order_by("-version").first()
    if newest is not None and (newest.name, newest.fields) == (name, clean):
        return newest
    return JudgementForm.objects.create(
        project=project,
        version=(newest.version if newest else 0) + 1,
        name=name,
        fields=clean,
        created_by=actor if isinstance(actor, User) else None,
    )


def start_form(project: Project, actor: User) -> JudgementForm:
    """Give a new project its first form: InstructGPT's."""
    return JudgementForm.objects.create(
        project=project, version=1, name=DEFAULT, fields=as_json(BUILT_IN[DEFAULT]), created_by=actor
    )

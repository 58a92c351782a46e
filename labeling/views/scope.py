"""What a page is about, if the reader may see it; 404 otherwise, so that nobody learns what else there is."""

from __future__ import annotations

import uuid

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from accounts.access import person
from labeling.models import Assignment, Project


def project_for(request: HttpRequest, slug: str) -> Project:
    return get_object_or_404(Project.objects.visible_to(request.user), slug=slug)


def assignment_for(request: HttpRequest, token: uuid.UUID) -> Assignment:
    mine = Assignment.objects.of(person(request))
    return get_object_or_404(mine.select_related("slot", "task__project", "task__prompt", "task__round"), token=token)

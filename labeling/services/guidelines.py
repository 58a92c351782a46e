"""Guidelines: who has read which version. Writing them is `projects.change_settings`."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from labeling.exceptions import GuidelinesChanged, NotFound
from labeling.models import Acknowledgement, Project


@transaction.atomic
def acknowledge(*, user: User, project: Project, version: int) -> Acknowledgement:
    """Note that `user` has read the newest guidelines; doing it twice is harmless.

    Raises NotFound to who may not see the project, GuidelinesChanged when `version` is not the newest any more: what
    somebody has not read they cannot have acknowledged.
    """
    visible = Project.objects.visible_to(user).select_for_update(of=("self",), no_key=True)
    current = visible.filter(pk=project.pk).first()
    if current is None:
        raise NotFound
    if version != current.guidelines_version:
        raise GuidelinesChanged
    made, _created = Acknowledgement.objects.get_or_create(project=current, user=user, version=version)
    return made

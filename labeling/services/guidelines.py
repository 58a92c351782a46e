"""Guidelines: who has read which version. Writing them is `projects.change_settings`."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.models import User
from labeling.exceptions import GuidelinesChanged, NotFound
from labeling.models import Acknowledgement, GuidelinesVersion, Project


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


def rules_of(*, user: User, project: Project) -> dict[str, Any]:
    """Return `guidelines_version` and `objective` that a label which `user` gives now carries [L3].

    They are those of the newest guidelines that the user has read: who goes on with what they hold while the
    guidelines change judges by the version before. Who was never asked to read any, because there are none, judges by
    the newest.
    """
    newest = {"guidelines_version": project.guidelines_version, "objective": project.objective}
    if project.guidelines_version == 1 or not project.guidelines.strip():
        return newest
    read = Acknowledgement.objects.version_read(project=project, user=user)
    if read in (0, project.guidelines_version):
        return newest
    before = GuidelinesVersion.objects.filter(project=project, version=read).first()
    return {"guidelines_version": read, "objective": before.objective} if before else newest

"""People: new accounts, roles, preferences."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.exceptions import InvalidInput, NotAllowed
from accounts.models import Role, User
from accounts.permissions import Actor, can_grant, can_manage_people
from accounts.services import arrivals


def new_person(
    *,
    username: str,
    password: str,
    role: str,
    display_name: str = "",
    email: str = "",
    is_simulated: bool = False,
) -> User:
    """Make an account with a validated name and password. Raises InvalidInput with all problems by field.

    Asks nobody for permission: `accept` (an invitation) and `create_person` (an admin) do.
    """
    user = User(
        username=User.normalize_username(username.strip()),
        email=User.objects.normalize_email(email.strip()),
        display_name=display_name.strip(),
        role=role,
        is_simulated=is_simulated,
    )
    problems: dict[str, list[str]] = {}
    # Each check by itself: a name that is taken must not hide that the password is too short.
    for check in (lambda: user.clean_fields(exclude=["password"]), user.validate_constraints):
        try:
            check()
        except ValidationError as error:
            _collect(problems, error)
    try:
        validate_password(password, user)
    except ValidationError as error:
        problems["password"] = list(error.messages)
    if problems:
        raise InvalidInput(fields=problems)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:  # the same name was taken between the check and the insert
        raise InvalidInput(fields={"username": [_("This name is taken. Choose another.")]}) from error
    return user


def _collect(problems: dict[str, list[str]], error: ValidationError) -> None:
    for field, sentences in error.message_dict.items():
        if field != NON_FIELD_ERRORS:
            problems.setdefault(field, []).extend(sentences)
            continue
        # A unique constraint over Lower(...) belongs to no field; its name says which one it is about.
        for sentence in sentences:
            name = "email" if "user_email" in sentence else "username"
            problems.setdefault(name, []).append(str(_("This is taken. Choose another.")))


@transaction.atomic
def create_person(
    *,
    actor: Actor,
    username: str,
    password: str,
    role: str = Role.LABELER,
    display_name: str = "",
    email: str = "",
    is_simulated: bool = False,
    project_slugs: Sequence[str] = (),
) -> User:
    """Make an account without an invitation; admins only. Raises NotAllowed, InvalidInput."""
    if not can_manage_people(actor):
        raise NotAllowed
    arrivals.refuse_unknown(project_slugs)
    user = new_person(
        username=username,
        password=password,
        role=role,
        display_name=display_name,
        email=email,
        is_simulated=is_simulated,
    )
    arrivals.join(user, project_slugs)
    return user


@transaction.atomic
def change_role(*, actor: Actor, user: User, role: str) -> User:
    """Give a person another role; admins only. The last admin cannot be demoted."""
    if not can_manage_people(actor) or not can_grant(actor, role):
        raise NotAllowed
    # All admins are locked, in one order, so that two admins who demote each other cannot both succeed.
    admins = list(User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True).order_by("pk"))
    if role != Role.ADMIN and [admin.pk for admin in admins] == [user.pk]:
        raise InvalidInput(_("This is the only admin. Make somebody else an admin first."), fields={"role": []})
    user.role = role
    user.save(update_fields=["role"])
    return user


def set_preferences(*, user: User, language: str, time_zone: str) -> User:
    """Set the interface language ("" follows the browser) and the time zone. Raises InvalidInput."""
    problems = {}
    if language and language not in dict(settings.LANGUAGES):
        problems["language"] = [_("This language is not available.")]
    if time_zone not in zoneinfo.available_timezones():
        problems["time_zone"] = [_("This time zone is not known. Use a name such as Asia/Shanghai.")]
    if problems:
        raise InvalidInput(fields=problems)
    user.language = language
    user.time_zone = time_zone
    user.save(update_fields=["language", "time_zone"])
    return user

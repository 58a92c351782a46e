"""Who may act: users with one role each, and the invitations that bring them in."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person is here for. Each role may do what the ones above it may; see `accounts.permissions`."""

    LABELER = "labeler", _("labeler")
    REVIEWER = "reviewer", _("reviewer")
    RESEARCHER = "researcher", _("researcher")
    ADMIN = "admin", _("admin")


class User(AbstractUser):
    """A person, or a simulated labeler whose every record is marked as such."""

    role = models.CharField(_("role"), max_length=16, choices=Role, default=Role.LABELER)
    display_name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=16, blank=True, help_text=_("Interface language."))
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    keymap = models.JSONField(
        _("keys"),
        default=dict,
        blank=True,
        help_text="Action → key where it differs from the default; see the Keys page.",
    )
    is_simulated = models.BooleanField(
        _("simulated"), default=False, help_text=_("A program that plays a labeler; its labels are marked simulated.")
    )

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="user_role_known"),
            models.UniqueConstraint(Lower("username"), name="user_username_unique_any_case"),
            models.UniqueConstraint(Lower("email"), condition=~Q(email=""), name="user_email_unique_any_case"),
        ]

    def __str__(self) -> str:
        return self.display_name or self.username


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def usable(self, *, now: datetime) -> InvitationQuerySet:
        """Return invitations that nobody accepted or withdrew and that have not expired."""
        return self.filter(accepted_at=None, withdrawn_at=None, expires_at__gt=now)


class Invitation(models.Model):
    """A link that lets one person in with a given role. Only a hash of its token is stored."""

    email = models.EmailField(_("e-mail"), blank=True, help_text=_("Whom it is meant for; may stay empty."))
    role = models.CharField(_("role"), max_length=16, choices=Role, default=Role.LABELER)
    project_slugs = models.JSONField(default=list, help_text="Projects that the new person joins, by slug.")
    token_sha256 = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="invitations_sent")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.OneToOneField(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="invitation_accepted"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known"),
            models.CheckConstraint(
                condition=Q(accepted_at=None, accepted_by=None)
                | Q(accepted_at__isnull=False, accepted_by__isnull=False),
                name="invitation_accepted_by_someone",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.email}".strip()

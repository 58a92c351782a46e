"""A project: one assistant being trained, with its guidelines."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import Actor, can_label, can_research


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, actor: Actor) -> ProjectQuerySet:
        """Return the projects that `actor` may see: researchers all of them, labelers their own, others none."""
        if can_research(actor):
            return self
        if can_label(actor):
            return self.filter(members=actor.pk)
        return self.none()


class Project(models.Model):
    """One assistant being trained. Labelers work in the projects that they are members of."""

    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("address"), max_length=60, unique=True)
    guidelines = models.TextField(_("guidelines"), blank=True, help_text=_("Markdown, shown beside every task."))
    guidelines_version = models.PositiveIntegerField(default=1, editable=False)
    outputs_per_comparison = models.PositiveSmallIntegerField(
        _("outputs per comparison (K)"),
        default=4,
        validators=[MinValueValidator(2), MaxValueValidator(9)],
        help_text=_("How many outputs are ranked together, 2 to 9."),
    )
    judgements_per_task = models.PositiveSmallIntegerField(
        _("judgements per task"), default=1, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    lease_minutes = models.PositiveSmallIntegerField(
        _("lease in minutes"),
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(1440)],
        help_text=_("How long a task stays reserved without a sign of life."),
    )
    valid_share = models.FloatField(
        _("validation share"),
        default=0.15,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.9)],
        help_text=_("Share of keys whose prompts are held out; fixed once prompts are imported."),
    )
    ratings_first = models.BooleanField(
        _("ranking opens when all outputs are rated"),
        default=True,
        help_text=_("InstructGPT rated first, then ranked."),
    )
    paused = models.BooleanField(_("paused"), default=False, help_text=_("No new work is given out."))
    members = models.ManyToManyField(User, through="Membership", related_name="projects")
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outputs_per_comparison__gte=2, outputs_per_comparison__lte=9), name="project_k_2_to_9"
            ),
            models.CheckConstraint(condition=Q(valid_share__gte=0, valid_share__lte=0.9), name="project_valid_share"),
            models.CheckConstraint(condition=Q(lease_minutes__gte=1), name="project_lease_positive"),
            models.CheckConstraint(
                condition=Q(judgements_per_task__gte=1, judgements_per_task__lte=10), name="project_judgements_1_to_10"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A labeler belongs to a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}"

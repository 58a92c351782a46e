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


class Objective(models.TextChoices):
    """What counts when the three disagree: helpful first for training labels, truthful first for a final evaluation.

    InstructGPT's labelers had the first while they made training data and the second while they judged the result
    (Ouyang et al. 2022, section 3.4).
    """

    HELPFUL_FIRST = "helpful_first", _("helpful first")
    TRUTHFUL_FIRST = "truthful_first", _("truthful and harmless first")


class CompareMode(models.TextChoices):
    """How outputs are compared: K of them ranked, or two with a strength of preference (Llama 2, section 3.2.1)."""

    RANKING = "ranking", _("ranking of K outputs")
    STRENGTH = "strength", _("pairs, in four strengths")
    SEVEN_POINT = "seven_point", _("pairs, on a scale of seven points")


class Project(models.Model):
    """One assistant being trained. Labelers work in the projects that they are members of."""

    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("address"), max_length=60, unique=True)
    guidelines = models.TextField(_("guidelines"), blank=True, help_text=_("Markdown, shown beside every task."))
    guidelines_version = models.PositiveIntegerField(default=1, editable=False)
    objective = models.CharField(
        _("objective"),
        max_length=16,
        choices=Objective,
        default=Objective.HELPFUL_FIRST,
        help_text=_("What decides when helpful, truthful and harmless disagree; every label carries it."),
    )
    outputs_per_comparison = models.PositiveSmallIntegerField(
        _("outputs per comparison (K)"),
        default=4,
        validators=[MinValueValidator(2), MaxValueValidator(12)],
        help_text=_("How many outputs are ranked together, 2 to 12."),
    )
    compare_mode = models.CharField(
        _("comparisons are"),
        max_length=16,
        choices=CompareMode,
        default=CompareMode.RANKING,
        help_text=_("Pairs show two outputs, whatever K is."),
    )
    edit_step = models.BooleanField(
        _("the best output may be edited"),
        default=False,
        help_text=_("After ranking, the labeler may improve the best one: edited is better than chosen."),
    )
    hide_named_outputs = models.BooleanField(
        _("outputs that name their model stay out"),
        default=True,
        help_text=_("An output that says which model wrote it is not shown to labelers."),
    )
    judgements_per_task = models.PositiveSmallIntegerField(
        _("judgements per task"), default=1, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    overlap_share = models.FloatField(
        _("share of tasks with more judgements"),
        default=0.15,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=_("An even sample of the tasks, so that agreement between labelers can be measured."),
    )
    overlap_judgements = models.PositiveSmallIntegerField(
        _("judgements of those tasks"), default=3, validators=[MinValueValidator(1), MaxValueValidator(10)]
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
                condition=Q(outputs_per_comparison__gte=2, outputs_per_comparison__lte=12), name="project_k_2_to_12"
            ),
            models.CheckConstraint(condition=Q(objective__in=Objective.values), name="project_objective_known"),
            models.CheckConstraint(condition=Q(compare_mode__in=CompareMode.values), name="project_compare_mode_known"),
            models.CheckConstraint(
                condition=Q(overlap_share__gte=0, overlap_share__lte=1), name="project_overlap_share"
            ),
            models.CheckConstraint(
                condition=Q(overlap_judgements__gte=1, overlap_judgements__lte=10), name="project_overlap_1_to_10"
            ),
            models.CheckConstraint(condition=Q(valid_share__gte=0, valid_share__lte=0.9), name="project_valid_share"),
            models.CheckConstraint(condition=Q(lease_minutes__gte=1), name="project_lease_positive"),
            models.CheckConstraint(
                condition=Q(judgements_per_task__gte=1, judgements_per_task__lte=10), name="project_judgements_1_to_10"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def outputs_shown(self) -> int:
        """How many outputs a comparison shows: two in the modes for pairs, K where outputs are ranked."""
        return self.outputs_per_comparison if self.compare_mode == CompareMode.RANKING else 2


class Membership(models.Model):
    """A labeler belongs to a project, and is qualified there for some of its work."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    languages = models.JSONField(
        default=list, blank=True, help_text="Codes such as en and zh whose prompts this labeler gets; empty: all."
    )
    skills = models.JSONField(
        default=list, blank=True, help_text="Names such as code and law; prompts that want one go only to who has it."
    )
    shows_sensitive = models.BooleanField(
        default=True, help_text="False: the labeler opted out of prompts that are marked as sensitive."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}"

    def may_take(self, *, language: str, skill: str, sensitive: bool) -> bool:
        """Return whether work of that language, skill and sensitivity is for this member.

        A language without a region stands for all of them: zh takes zh-Hant too.
        """
        speaks = not self.languages or not language or language in self.languages
        speaks = speaks or language.split("-")[0] in self.languages
        return speaks and (not skill or skill in self.skills) and (self.shows_sensitive or not sensitive)

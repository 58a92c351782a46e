"""Labeling in Django's admin: to look things up. Everything is changed through the services, on the pages."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from labeling.models import (
    Assignment,
    Comparison,
    Demonstration,
    Membership,
    Project,
    Prompt,
    PromptImport,
    Round,
    Task,
)


class ReadOnly(admin.ModelAdmin):
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Project)
class ProjectAdmin(ReadOnly):
    list_display = ("name", "slug", "outputs_per_comparison", "judgements_per_task", "paused", "created_at")
    search_fields = ("name", "slug")


@admin.register(Membership)
class MembershipAdmin(ReadOnly):
    list_display = ("project", "user", "created_at")
    list_filter = ("project",)
    list_select_related = ("project", "user")
    search_fields = ("user__username",)


@admin.register(Round)
class RoundAdmin(ReadOnly):
    list_display = ("project", "number", "state", "opened_at", "closed_at")
    list_filter = ("project", "state")
    list_select_related = ("project",)


@admin.register(PromptImport)
class PromptImportAdmin(ReadOnly):
    list_display = ("filename", "project", "format", "accepted", "repeated", "created_by", "created_at")
    list_filter = ("project", "format")
    list_select_related = ("project", "created_by")


@admin.register(Prompt)
class PromptAdmin(ReadOnly):
    list_display = ("id", "last_turn", "project", "split", "source", "category", "language", "key")
    list_filter = ("project", "split", "source", "language")
    list_select_related = ("project",)
    search_fields = ("key", "external_id", "sha256")


@admin.register(Task)
class TaskAdmin(ReadOnly):
    list_display = ("id", "kind", "project", "round", "prompt", "created_at")
    list_filter = ("kind", "project")
    list_select_related = ("project", "round__project", "prompt")


@admin.register(Assignment)
class AssignmentAdmin(ReadOnly):
    list_display = ("token", "labeler", "task", "state", "claimed_at", "expires_at", "ended_at", "skip_reason")
    list_filter = ("state", "skip_reason")
    list_select_related = ("labeler", "task")
    search_fields = ("token", "labeler__username")


class AnswerAdmin(ReadOnly):
    list_display = ("id", "prompt", "labeler", "external_labeler", "revision", "is_current", "surplus", "simulated")
    list_filter = ("project", "is_current", "surplus", "simulated")
    list_select_related = ("prompt", "labeler")
    search_fields = ("labeler__username", "external_labeler")


admin.site.register(Demonstration, AnswerAdmin)
admin.site.register(Comparison, AnswerAdmin)

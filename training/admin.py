"""Read-only views for operators: rows of training change through services only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from training.models import Checkpoint, Dataset, Run


class ReadOnly(admin.ModelAdmin):
    """Shows rows; changing them here would go round the state machine."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ["pk", "project", "stage", "state", "worker", "attempts", "queued_at", "ended_at"]
    list_filter = ["state", "stage"]


@admin.register(Dataset)
class DatasetAdmin(ReadOnly):
    list_display = ["pk", "project", "kind", "version", "sha256", "created_at"]
    list_filter = ["kind"]


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnly):
    list_display = ["pk", "project", "name", "kind", "run", "step", "promoted_at", "created_at"]
    list_filter = ["kind"]

"""What beat does for labeling: load, call, done."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from labeling.services import figures
from labeling.services.queue import release_expired


@shared_task
def release_expired_assignments() -> None:
    release_expired(now=timezone.now())


@shared_task
def refresh_figures() -> None:
    figures.refresh()

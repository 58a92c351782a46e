"""The wiring of Volant: settings, Celery, URLs and the embedded stack. No app imports it."""

from config.celery import app as celery_app

__all__ = ["celery_app"]

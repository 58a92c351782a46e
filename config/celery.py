"""The Celery application. Results are not kept: state lives in PostgreSQL, the queue is only transport."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")

app = Celery("volant")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

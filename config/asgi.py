"""The web application for an ASGI server: uvicorn config.asgi:application."""

import os

from django.core.asgi import get_asgi_application

from config.startup import plain_settings_errors

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")
with plain_settings_errors():
    application = get_asgi_application()

"""The web application for a WSGI server. Live pages (server-sent events) need ASGI: prefer config.asgi."""

import os

from django.core.wsgi import get_wsgi_application

from config.startup import plain_settings_errors

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")
with plain_settings_errors():
    application = get_wsgi_application()

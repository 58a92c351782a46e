"""The web application for an ASGI server: uvicorn config.asgi:application."""

import os
import warnings

from django.core.asgi import get_asgi_application

from config.startup import plain_settings_errors

# WhiteNoise hands Django a plain file; reading one in a thread is what is wanted.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")
with plain_settings_errors():
    application = get_asgi_application()

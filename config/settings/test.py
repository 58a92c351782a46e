"""Settings of the tests. tests/embedded.py starts PostgreSQL and Valkey and sets both addresses before this loads."""

from config.settings import connections
from config.settings.base import *  # noqa: F403
from config.settings.base import REST_FRAMEWORK, VAR_DIR
from config.settings.environment import read_path

DEBUG = False
SECRET_KEY = "only-for-tests"  # noqa: S105
ALLOWED_HOSTS = ["*"]
VOLANT_PUBLIC_URL = "http://testserver"
VOLANT_ARTIFACTS = read_path("VOLANT_ARTIFACTS", "a directory", VAR_DIR / "test-artifacts")

DATABASES = {"default": connections.database("postgres://volant@127.0.0.1:1/volant")}
CELERY_BROKER_URL = connections.broker("redis://127.0.0.1:1/0")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
# High enough that no test meets them by chance; the throttle's own tests lower them.
REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": {"anon": "100000/min", "user": "100000/min", "sign-in": "100000/min"},
}

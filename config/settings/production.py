"""Production: nothing is guessed. A missing or wrong setting stops the start with a sentence that says what to set."""

from config.settings import connections
from config.settings.base import *  # noqa: F403
from config.settings.environment import (
    SettingsError,
    is_web_address,
    read_flag,
    read_hosts,
    read_list,
    read_number,
    read_path,
    read_text,
    read_web_address,
)

DEBUG = False

SECRET_KEY = read_text("SECRET_KEY", "50 or more random characters, kept secret and the same for every process")
if len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5:
    raise SettingsError("SECRET_KEY is too short or too simple; set it to 50 or more random characters.")

VOLANT_PUBLIC_URL = read_web_address(
    "VOLANT_PUBLIC_URL", "the address that people open, such as https://volant.example.org"
)

ALLOWED_HOSTS = read_hosts("ALLOWED_HOSTS", "the host names that this server answers to, separated by commas")
if "*" in ALLOWED_HOSTS:
    raise SettingsError("ALLOWED_HOSTS is '*', which lets any host name in; set it to the host names of this server.")
CSRF_TRUSTED_ORIGINS = read_list("CSRF_TRUSTED_ORIGINS", "addresses", (connections.origin(VOLANT_PUBLIC_URL),))
for _origin in CSRF_TRUSTED_ORIGINS:
    if not is_web_address(_origin):
        raise SettingsError(f"CSRF_TRUSTED_ORIGINS holds {_origin!r}; set it to addresses that begin with https://.")

DATABASES = {"default": connections.database()}
CELERY_BROKER_URL = connections.broker()
CACHES = {"default": connections.cache()}
VOLANT_ARTIFACTS = read_path(
    "VOLANT_ARTIFACTS", "the absolute path of the directory, shared by web and workers, for runs and datasets"
)
STATIC_ROOT = read_path("STATIC_ROOT", "the directory that collectstatic fills", STATIC_ROOT)  # noqa: F405
vars().update(connections.email())

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Off only for a trial behind no TLS at all; the browser then refuses to keep anybody signed in over plain http.
SECURE_SSL_REDIRECT = read_flag("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_HSTS_SECONDS = read_number("HSTS_SECONDS", 3600)
SECURE_HSTS_INCLUDE_SUBDOMAINS = read_flag("HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = read_flag("HSTS_PRELOAD", default=False)
if read_flag("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

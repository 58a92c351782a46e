"""The embedded default: `make run` starts the servers, makes the secret key and passes both in the environment."""

from config.settings import connections
from config.settings.base import *  # noqa: F403
from config.settings.base import VAR_DIR
from config.settings.environment import read_flag, read_list, read_path, read_text

DEBUG = read_flag("VOLANT_DEBUG", default=False)
# Commands that need no session (makemigrations, check) run without the stack; it always passes a real key.
SECRET_KEY = read_text("SECRET_KEY", "a long random text", "only-for-commands-outside-the-stack")
ALLOWED_HOSTS = read_list("ALLOWED_HOSTS", "the host names", ("127.0.0.1", "localhost", "[::1]"))
CSRF_TRUSTED_ORIGINS = read_list("CSRF_TRUSTED_ORIGINS", "the addresses", ())
VOLANT_PUBLIC_URL = read_text("VOLANT_PUBLIC_URL", "an address", "http://127.0.0.1:8000").rstrip("/")
VOLANT_ARTIFACTS = read_path("VOLANT_ARTIFACTS", "a directory", VAR_DIR / "artifacts")

# Port 1 answers nobody: a command that needs the database says so, one that does not (makemigrations) still works.
DATABASES = {"default": connections.database("postgres://volant@127.0.0.1:1/volant")}
CELERY_BROKER_URL = connections.broker("redis://127.0.0.1:1/0")
CACHES = {"default": connections.cache()}
vars().update(connections.email())

# Files are served straight from static/ and the installed apps, without collectstatic.
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

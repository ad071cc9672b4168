"""Django settings of the pytest process: production settings, with a temporary data folder and fast password hashing.

Server processes that tests start use `messenger.settings` instead; see tests/servers.py.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# All files of a test run are in one temporary folder. Below, variables that a developer may have set are removed.
RUN_DIR = Path(tempfile.mkdtemp(prefix="messenger-tests-"))
atexit.register(shutil.rmtree, RUN_DIR, ignore_errors=True)
# The workers of pytest-xdist inherit this variable from the process that starts them: one folder for all of them.
SHARED_DIR = Path(os.environ.setdefault("TEST_SHARED_DIR", str(RUN_DIR)))
SECRET = "a key for tests alone, the same in each process so that they read each other's cookies and tokens"
ENGINE_VARIABLES = (
    *(
        "DATABASE_URL",
        "REDIS_URL",
        "STORAGE_URL",
        "FILES_CDN",
        "EMAIL_URL",
        "EMAIL_FROM",
        "SITE_URL",
        "SITE_NAME",
        "PORT",
        "HOST",
    ),
    *("SERVER", "SIGNUP", "LIMITS", "TRUSTED_PROXIES", "EXTRA_HOSTS", "EXTRA_ORIGINS", "WEB_CONCURRENCY", "TIME_ZONE"),
    *("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "SQLITE_SYNCHRONOUS"),
    *(
        "WEIXIN_CLIENT_ID",
        "WEIXIN_CLIENT_SECRET",
        "WORKER",
        "WORKER_JOBS",
        "HSTS_SECONDS",
        "HSTS_SUBDOMAINS",
        "HSTS_PRELOAD",
    ),
    *("FILE_LIMIT_MB", "PERSON_FILES_LIMIT_MB", "CONVERSATION_FILES_LIMIT_MB"),
    *("TURN_URL", "TURN_SECRET", "TURN_TTL", "STUN_URL"),
    *("HEARTBEAT_INTERVAL", "HEARTBEAT_TIMEOUT", "SWEEP_SECONDS", "ACCESS_TOKEN_MINUTES", "REFRESH_TOKEN_DAYS"),
    "VAPID_PRIVATE_KEY",
)
for _name in ENGINE_VARIABLES:
    os.environ.pop(_name, None)
os.environ.update(DEBUG="off", DATA_DIR=str(RUN_DIR / "data"), SECRET_KEY=SECRET)
(RUN_DIR / "data" / "static").mkdir(parents=True)  # whitenoise warns if it is missing

from messenger.settings import *  # noqa: E402, F403
from messenger.settings import DATABASES, STORAGES  # noqa: E402

WORKER = False  # tests execute tasks themselves, with the fixture `run_tasks`
LIMITS = False  # tests of rate limits turn them on
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# The database is a file, as in production: several threads write to it, which an in-memory database does not allow.
DATABASES["default"]["NAME"] = str(RUN_DIR / "test.sqlite3")
DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF"
# This storage works without `collectstatic`.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# No handlers: pytest itself captures log messages and shows them for failed tests.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": "INFO"},
    "loggers": {"httpx": {"level": "WARNING"}, "django.request": {"level": "ERROR"}},
}

"""The settings of tests that run inside pytest: the shipped ones, with a folder of their own and cheap passwords.

Server processes that tests start use `messenger.settings` itself; see tests/servers.py.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# One folder per run, for everything that is written. Nothing of the developer's own environment comes in.
RUN_DIR = Path(tempfile.mkdtemp(prefix="messenger-tests-"))
atexit.register(shutil.rmtree, RUN_DIR, ignore_errors=True)
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
    *("HEARTBEAT_INTERVAL", "HEARTBEAT_TIMEOUT", "SWEEP_SECONDS", "ACCESS_TOKEN_MINUTES", "REFRESH_TOKEN_DAYS"),
)
for _name in ENGINE_VARIABLES:
    os.environ.pop(_name, None)
os.environ.update(DEBUG="off", DATA_DIR=str(RUN_DIR / "data"), SECRET_KEY=SECRET)
(RUN_DIR / "data" / "static").mkdir(parents=True)  # whitenoise looks for it

from messenger.settings import *  # noqa: E402, F403
from messenger.settings import DATABASES, STORAGES  # noqa: E402

WORKER = False  # tests do the work that waits by themselves: the fixture `work`
LIMITS = False  # a test of limits turns them on for itself
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# A file, as in real life: several threads write, which a database in memory does not allow.
DATABASES["default"]["TEST"] = {"NAME": str(RUN_DIR / "test.sqlite3")}
DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # nothing collected
# pytest keeps what is logged, and shows it where a test fails.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": "INFO"},
    "loggers": {"httpx": {"level": "WARNING"}, "django.request": {"level": "ERROR"}},
}

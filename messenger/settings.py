"""Contains all settings. Each external service (database, Redis, S3 …) is configured with one environment variable.

Without this variable, a replacement that needs no external service is used, such as SQLite. docs/running.md describes
the environment variables. The limits and timeouts that docs/protocol.md names are settings too, so that tests and sites
can change them.
"""

import re
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import dj_database_url
from corsheaders.defaults import default_headers
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from messenger.environment import (
    env,
    env_bool,
    env_choice,
    env_float,
    env_int,
    env_list,
    env_pair,
    env_url,
    is_host,
    is_host_pattern,
    is_network,
    is_origin,
    is_time_zone,
    is_url,
    load_secret_key,
)

BASE_DIR = Path(__file__).resolve().parent.parent
# Contains the folders templates, static and locale: the top folder of a clone, or a folder of the installed package.
_packaged_resources = BASE_DIR / "messenger" / "resources"
IS_INSTALLED_PACKAGE = _packaged_resources.is_dir()
RESOURCES_DIR = _packaged_resources if IS_INSTALLED_PACKAGE else BASE_DIR


# ── Core ──────────────────────────────────────────────────────────────────────────────────────────────────────────
DEBUG = env_bool("DEBUG")
HOST, PORT = env("HOST", "127.0.0.1"), env_int("PORT", 8000, 1, 65535)  # where bin/serve listens
if not is_host(HOST):
    raise ImproperlyConfigured(f"HOST must be an IP address or host name, not {HOST!r}.")
# The default is `var` in the clone, or in the current folder if the package is installed.
DATA_DIR = Path(env("DATA_DIR") or (Path.cwd() if IS_INSTALLED_PACKAGE else BASE_DIR) / "var").resolve()
SERVER = env_choice("SERVER", "daphne", "uvicorn")  # started by bin/serve
WEB_CONCURRENCY = env_int("WEB_CONCURRENCY", 1, 0, 1000) or 1  # processes of uvicorn
SECRET_KEY = load_secret_key(DATA_DIR, DEBUG)

# ── Hosts, cookies and HTTPS: derived from SITE_URL ───────────────────────────────────────────────────────────────
SITE_NAME = env("SITE_NAME") or _("Messenger")
SITE_URL = env("SITE_URL", f"http://localhost:{PORT}").rstrip("/")
_site = urlsplit(SITE_URL) if is_url(SITE_URL, ("http", "https")) else None
if not _site or not _site.hostname or _site.username or _site.query or _site.fragment:
    raise ImproperlyConfigured(
        f"SITE_URL must be an http or https address, such as https://chat.org, not {SITE_URL!r}."
    )
SECURE = _site.scheme == "https"
_loopback = _site.hostname in {"localhost", "127.0.0.1", "::1"}
_site_hosts = ["localhost", "127.0.0.1", "[::1]"] if _loopback else [_site.hostname]
_port = f":{_site.port}" if _site.port else ""
ALLOWED_HOSTS = _site_hosts + env_list("EXTRA_HOSTS", is_host_pattern, "a host name such as chat.example.org")
# Origins with scheme and port: pages of these origins may open a socket or post a form.
_extra_origins = env_list("EXTRA_ORIGINS", is_origin, "an origin such as https://app.example.org")
SITE_ORIGINS = [f"{_site.scheme}://{host}{_port}" for host in _site_hosts] + _extra_origins
CSRF_TRUSTED_ORIGINS = SITE_ORIGINS
# Pages of these origins may also call the REST API, upload and download, with a bearer token and without cookies.
CORS_ALLOWED_ORIGINS = _extra_origins
CORS_URLS_REGEX = r"^/(api|files|avatars)/"
_TUS_HEADERS = ["tus-resumable", "upload-length", "upload-offset"]  # in requests and in responses
CORS_ALLOW_HEADERS = [
    *(*default_headers, *_TUS_HEADERS, "upload-metadata", "upload-checksum", "repr-digest", "x-http-method-override"),
    "range",
]
CORS_EXPOSE_HEADERS = [
    *("retry-after", "location", *_TUS_HEADERS, "upload-expires", "upload-attachment", "repr-digest", "content-range"),
]
# Addresses or networks whose X-Forwarded-* headers are used.
TRUSTED_PROXIES = env_list("TRUSTED_PROXIES", is_network, "an IP address or network such as 10.0.0.0/8")

SESSION_COOKIE_NAME = "__Host-sessionid" if SECURE else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if SECURE else "csrftoken"
LANGUAGE_COOKIE_NAME = "language"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE and TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = env_int("HSTS_SECONDS", 31536000) * SECURE
# The next two settings affect the whole domain, for years. Only the operator can decide that.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env_bool("HSTS_SUBDOMAINS") and SECURE
SECURE_HSTS_PRELOAD = env_bool("HSTS_PRELOAD") and SECURE_HSTS_INCLUDE_SUBDOMAINS
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # these checks demand the two settings above
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# ── Applications, middleware and templates ────────────────────────────────────────────────────────────────────────
INSTALLED_APPS = [
    *(["daphne"] if SERVER == "daphne" else []),  # first: its runserver command also serves WebSockets
    "messenger.admin.MessengerAdminConfig",  # django.contrib.admin with our AdminSite
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.google",
    "allauth.socialaccount.providers.github",
    "accounts.weixin",
    "csp",
    "django_tasks",
    "django_tasks_db",
    "storages",
    "messenger",
    "audit",
    "accounts",
    "presence",
    "chat",
    "notifications",
    "scheduling",
    "calls",
]
MIDDLEWARE = [
    "messenger.middleware.ignore_untrusted_forwarded_proto",
    "messenger.middleware.remember_client_ip",
    "corsheaders.middleware.CorsMiddleware",  # before all that may answer a preflight request
    "messenger.middleware.complete_api_paths",
    "django.middleware.security.SecurityMiddleware",
    "messenger.middleware.security_headers",
    "messenger.middleware.CompressedPagesMiddleware",
    "messenger.assets.middleware.StaticFilesMiddleware",
    "messenger.middleware.chunked_body_length",
    "csp.middleware.CSPMiddleware",
    "messenger.middleware.reject_unreadable_bodies",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.SignInMiddleware",  # replaces django.contrib.auth's; the sign-in must not have ended
    "accounts.middleware.UserSettingsMiddleware",  # language and time zone of the user; no-store
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "presence.middleware.ActivityMiddleware",
]
CSRF_FAILURE_VIEW = "messenger.csrf_failure.csrf_failure"
ROOT_URLCONF = "messenger.urls"
ASGI_APPLICATION = "messenger.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [RESOURCES_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "messenger.context_processors.site",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static", "messenger.templatetags.elements"],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ── Database: SQLite or PostgreSQL ────────────────────────────────────────────────────────────────────────────────
DATABASE_URL = env("DATABASE_URL")
_postgres = ("postgres", "postgresql")
if DATABASE_URL and not DATABASE_URL.startswith("sqlite:///") and not is_url(DATABASE_URL, _postgres, needs_host=False):
    raise ImproperlyConfigured("DATABASE_URL must look like postgres://user:password@host:5432/name")
ANSWER_SECONDS = 4.5  # after so many seconds a WebSocket command that is not done is answered with `unavailable`
LOCK_TIMEOUT = 4.0  # seconds that a transaction waits for a lock
IDLE_TRANSACTION_TIMEOUT = 10.0  # seconds until PostgreSQL ends a transaction, and its locks, that runs no statement
_timeouts = {"statement": 15.0, "lock": LOCK_TIMEOUT, "idle_in_transaction_session": IDLE_TRANSACTION_TIMEOUT}
# jit=off: PostgreSQL would compile searches to machine code, which takes longer than to execute them.
POSTGRES_PARAMETERS = {f"{name}_timeout": f"{int(seconds * 1000)}ms" for name, seconds in _timeouts.items()} | {
    "jit": "off"
}
POSTGRES_OPTIONS = " ".join(f"-c {name}={value}" for name, value in POSTGRES_PARAMETERS.items())
DATABASE_PGBOUNCER = env_bool("DATABASE_PGBOUNCER")  # a pgbouncer that gives out connections for one transaction each
_pool_size = env_int("DATABASE_POOL", 20, 1, 10000)
if DATABASE_URL:
    _database = dj_database_url.parse(DATABASE_URL, conn_max_age=0)
    if _database["ENGINE"] == "django.db.backends.postgresql":
        _options = _database.setdefault("OPTIONS", {})
        _options.setdefault("pool", {"min_size": 1, "max_size": _pool_size, "timeout": 4})
        _options.setdefault("connect_timeout", 4)
        if DATABASE_PGBOUNCER:  # it refuses start-up parameters, and a cursor needs the same connection again
            _database["DISABLE_SERVER_SIDE_CURSORS"] = True
        else:
            _options.setdefault("options", POSTGRES_OPTIONS)
        # A connection whose other side vanished, for example a machine without power, ends after about 20 seconds.
        for _name, _value in {"keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3}.items():
            _options.setdefault(_name, _value)
        _options.setdefault("tcp_user_timeout", 20_000)
else:
    DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)  # SQLite creates its file, but not the folder
    if not (_sqlite_file := DATA_DIR / "messenger.sqlite3").exists():
        _sqlite_file.touch(mode=0o600)  # SQLite itself would create it readable for all users of the machine
    _database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(_sqlite_file),
        "CONN_MAX_AGE": None,  # opening the file and running the PRAGMAs takes as long as twenty queries
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": LOCK_TIMEOUT,
            # NORMAL in WAL mode survives a killed process. Against power loss set SQLITE_SYNCHRONOUS=FULL.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous="
            + env_choice("SQLITE_SYNCHRONOUS", "NORMAL", "FULL")
            + "; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16000",
        },
    }
DATABASES = {"default": _database}

# ── Channel layer, cache and sessions: Redis or this process ──────────────────────────────────────────────────────
REDIS_URL = env("REDIS_URL")
if REDIS_URL and not REDIS_URL.startswith("unix:///") and not is_url(REDIS_URL, ("redis", "rediss")):
    raise ImproperlyConfigured("REDIS_URL must look like redis://:password@host:6379/0")
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    }
    _redis_cache = {
        "LOCATION": REDIS_URL,
        # A Redis that hangs is treated as unreachable.
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
    CACHES = {
        "default": {"BACKEND": "messenger.core.cache.RedisCacheWithFallback", **_redis_cache},
        "sessions": {"BACKEND": "django.core.cache.backends.redis.RedisCache", **_redis_cache},
    }
    SESSION_CACHE_ALIAS = "sessions"
    # Sessions are also written to the database, so that an emptied Redis does not sign users out.
    SESSION_ENGINE = "accounts.session_backends.cached_db"
else:
    # The hub does not need a layer in a single process: see "Publishing from your own code" in docs/development.md.
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CACHES = {"default": {"BACKEND": "messenger.core.cache.LocalCache"}}
    SESSION_ENGINE = "accounts.session_backends.db"

# ── Audit log ──────────────────────────────────────────────────────────────────────────────────────────────────────
# A file outside of the database to which the newest digest of the audit log is appended once a day.
AUDIT_HEADS = env("AUDIT_HEADS", "")

# ── File storage: DATA_DIR or S3 ──────────────────────────────────────────────────────────────────────────────────
STORAGE_URL = env("STORAGE_URL")
_files_cdn = env_url("FILES_CDN", ("http", "https"), "https://files.example.org")


def _s3_client_config(path_style: bool):
    """Returns the options of the S3 client, with short timeouts.

    Because of the timeouts, an upload fails within half a minute if the S3 server does not answer.
    """
    from botocore.config import Config

    style = {"addressing_style": "path" if path_style else "auto"}
    retries = {"total_max_attempts": 2}
    return Config(connect_timeout=5, read_timeout=10, retries=retries, signature_version="s3v4", s3=style)


if STORAGE_URL:
    _s3 = urlsplit(STORAGE_URL)
    _query = parse_qs(_s3.query)
    _endpoints = _query.get("endpoint", [])
    _is_valid = re.fullmatch(r"[A-Za-z0-9._-]+", _s3.netloc) and set(_query) <= {"endpoint", "region"}
    if _s3.scheme != "s3" or not _is_valid or not all(is_url(url, ("http", "https")) for url in _endpoints):
        raise ImproperlyConfigured("STORAGE_URL must look like s3://bucket?endpoint=https://…&region=…")
    _default_storage = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": _s3.netloc,
            "endpoint_url": _query.get("endpoint", [None])[0],
            "region_name": _query.get("region", [None])[0],
            "default_acl": None,
            "querystring_auth": True,
            "querystring_expire": 300,
            "file_overwrite": False,
            "client_config": _s3_client_config(path_style="endpoint" in _query),
        },
    }
    # Host of the file URLs that browsers are redirected to: the bucket, or a CDN that forwards the signed query string.
    FILES_HOST = _files_cdn.rstrip("/")
    _files_origin = FILES_HOST or _query.get("endpoint", [f"https://{_s3.netloc}.s3.amazonaws.com"])[0].rstrip("/")
else:
    _default_storage = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": DATA_DIR / "media",
            "file_permissions_mode": 0o600,  # other users of the machine may not read them
            "directory_permissions_mode": 0o700,
        },
    }
    FILES_HOST = _files_origin = ""
STORAGES = {
    "default": _default_storage,
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "messenger.assets.storage.BundlingStaticFilesStorage"
    },
}
STATIC_URL = "/static/"
STATICFILES_DIRS = [RESOURCES_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG

# ── E-mail: console or SMTP ───────────────────────────────────────────────────────────────────────────────────────
EMAIL_URL = env_url("EMAIL_URL", ("smtp", "smtps", "smtp+tls"), "smtp+tls://user:password@host:587")
if EMAIL_URL:
    _mail = urlsplit(EMAIL_URL)
    MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = _mail.hostname, _mail.port or {"smtp": 25, "smtps": 465, "smtp+tls": 587}[_mail.scheme]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
    EMAIL_USE_SSL, EMAIL_USE_TLS = _mail.scheme == "smtps", _mail.scheme == "smtp+tls"
    EMAIL_TIMEOUT = 10
else:
    MAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
_mail_host = f"[{_site.hostname}]" if ":" in _site.hostname else _site.hostname
# Stores mails in the current transaction; a background task passes them to MAIL_BACKEND.
EMAIL_BACKEND = "accounts.email.backends.QueuedEmailBackend"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env("EMAIL_FROM", f"Messenger <messenger@{_mail_host}>")
if not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(DEFAULT_FROM_EMAIL)[1]):
    raise ImproperlyConfigured(f"EMAIL_FROM must look like Messenger <chat@example.org>, not {DEFAULT_FROM_EMAIL!r}.")

# ── Notifications: push messages and e-mails about messages (notifications) ───────────────────────────────────────
# The private key of the site for Web Push; without it, that of `manage.py vapid_keys` in DATA_DIR. Push messages are
# off if there is neither.
VAPID_PRIVATE_KEY = env("VAPID_PRIVATE_KEY")
if not re.fullmatch(r"([A-Za-z0-9_-]{43}=?)?", VAPID_PRIVATE_KEY):
    raise ImproperlyConfigured("VAPID_PRIVATE_KEY is no key of `manage.py vapid_keys --print`.")
VAPID_CONTACT = parseaddr(DEFAULT_FROM_EMAIL)[1]  # where operators of push services may ask; only if SITE_URL is http
PUSH_TO_LOOPBACK = DEBUG  # allows push services on this machine, for development and tests
NOTIFICATION_EMAILS = bool(EMAIL_URL)  # without a mail server, texts of messages would be printed to the log
NOTIFICATION_DAYS = 7  # days for which "Why was I notified?" knows what was decided when a message was sent

# ── Calls: STUN and TURN servers. Without them, calls work only inside one network ─────────────────────────────────
_turn_form = "an address such as turn:turn.example.org:3478 or turns:turn.example.org:443?transport=tcp"
_is_turn_url = re.compile(r"turns?:[^\s/?:]+(:\d{1,5})?(\?transport=(udp|tcp))?").fullmatch
TURN_URLS = env_list("TURN_URL", _is_turn_url, _turn_form)
TURN_SECRET = env_pair("TURN_URL", "TURN_SECRET")[1]  # shared with coturn (`static-auth-secret`)
TURN_TTL = env_int("TURN_TTL", 43200, 60)  # seconds that TURN credentials are valid; longer than any call
# By default the TURN server is the STUN server too.
_stun_form = "an address such as stun:stun.example.org:3478"
STUN_URLS = env_list("STUN_URL", re.compile(r"stuns?:[^\s/?:]+(:\d{1,5})?").fullmatch, _stun_form) or list(
    dict.fromkeys(url.replace("turn:", "stun:", 1).partition("?")[0] for url in TURN_URLS if url.startswith("turn:"))
)

# ── Background tasks: see messenger/background ────────────────────────────────────────────────────────────────────
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
# The server starts a worker as its child process. Off if workers run separately (`manage.py worker`, see Procfile).
WORKER = env_bool("WORKER", True)
WORKER_JOBS = env_int("WORKER_JOBS", 3, 1, 100)  # tasks at a time, each in its own process; one slot is for short tasks

# ── Internationalization ──────────────────────────────────────────────────────────────────────────────────────────
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [RESOURCES_DIR / "locale"]
FORMAT_MODULE_PATH = "messenger.formats"
USE_I18N = USE_TZ = True
TIME_ZONE = env("TIME_ZONE", "UTC")
if not is_time_zone(TIME_ZONE):
    raise ImproperlyConfigured(f"TIME_ZONE must be the name of a time zone such as Asia/Shanghai, not {TIME_ZONE!r}.")

# ── Accounts and authentication ───────────────────────────────────────────────────────────────────────────────────
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.auth.auth_backends.PasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "account_login", "home", "account_login"
SIGNUP = env_choice("SIGNUP", "open", "invite", "closed")
ACCOUNT_ADAPTER = "accounts.auth.adapters.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "accounts.auth.adapters.SocialAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*" if EMAIL_URL else "email", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_URL else "optional"
ACCOUNT_UNIQUE_EMAIL = True
# "strict": sign-up with a known address succeeds like any other. Without mail, addresses cannot be confirmed, so an
# address does not belong to one account only.
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_FORMS = {
    "login": "accounts.forms.LoginForm",
    "signup": "accounts.forms.SignupForm",
    "request_login_code": "accounts.forms.RequestLoginCodeForm",
}
PASSWORD_RESET_TIMEOUT = 3600  # seconds that a link in a mail for a new password is valid
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_USERNAME_MIN_LENGTH = 2
ACCOUNT_USERNAME_VALIDATORS = "accounts.usernames.rules.username_validators"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # before changes of e-mail, providers and second factors
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900  # seconds
ACCOUNT_LOGIN_BY_CODE_ENABLED = bool(EMAIL_URL) or DEBUG  # sign-in with a code by mail instead of the password
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 600
ACCOUNT_EMAIL_NOTIFICATIONS = True  # mails about a new password, a removed second factor …
STAFF_SECOND_FACTOR = env_bool("STAFF_SECOND_FACTOR", False)  # without one, staff cannot open the admin
MFA_ADAPTER = "accounts.auth.mfa.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "accounts.auth.mfa.AuthenticateForm",
    "reauthenticate": "accounts.auth.mfa.ReauthenticateForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # an unconfirmed e-mail address gives no access on this site
MFA_TOTP_TOLERANCE = 1  # time steps (of 30 s) that a clock may differ
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = _site.hostname == "localhost"
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False  # the e-mail of a provider never signs in to an existing account
SOCIALACCOUNT_QUERY_EMAIL = True
# Sign-in with a provider needs no further confirmation: only an e-mail that the provider has verified is stored
# (accounts/auth/adapters.py), and WeChat provides none.
SOCIALACCOUNT_EMAIL_REQUIRED, SOCIALACCOUNT_EMAIL_VERIFICATION = False, "optional"
SOCIALACCOUNT_REQUESTS_TIMEOUT = 8  # seconds
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _site.scheme
PROVIDER_VARIABLES = {
    "google": ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"),
    "github": ("GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"),
    "weixin": ("WEIXIN_CLIENT_ID", "WEIXIN_CLIENT_SECRET"),
}
SOCIALACCOUNT_PROVIDERS: dict[str, dict] = {
    provider: {
        "APPS": [{"client_id": env(key), "secret": env(secret)}] if all(env_pair(key, secret)) else [],
        "OAUTH_PKCE_ENABLED": provider != "weixin",  # WeChat does not support PKCE
    }
    for provider, (key, secret) in PROVIDER_VARIABLES.items()
}
SOCIALACCOUNT_PROVIDERS["google"]["SCOPE"] = ["openid", "profile", "email"]
SOCIALACCOUNT_PROVIDERS["github"]["SCOPE"] = ["read:user", "user:email"]
for _name, _variable in {  # URLs of other servers, for tests and company installations
    "ACCESS_TOKEN_URL": "GOOGLE_TOKEN_URL",
    "AUTHORIZE_URL": "GOOGLE_AUTHORIZE_URL",
    "ID_TOKEN_ISSUER": "GOOGLE_ISSUER",
    "CERTS_URL": "GOOGLE_CERTS_URL",
    "IDENTITY_URL": "GOOGLE_IDENTITY_URL",
}.items():
    if _url := env_url(_variable, ("http", "https"), "https://login.example.org"):
        SOCIALACCOUNT_PROVIDERS["google"][_name] = _url
for _provider, _name, _variable in (
    ("github", "GITHUB_URL", "GITHUB_URL"),
    ("weixin", "AUTHORIZE_URL", "WEIXIN_AUTHORIZE_URL"),
    ("weixin", "API_URL", "WEIXIN_API_URL"),
):
    if _url := env_url(_variable, ("http", "https"), "https://login.example.org"):
        SOCIALACCOUNT_PROVIDERS[_provider][_name] = _url.rstrip("/")
# Sign-in forms redirect to these origins. Browsers apply the policy's form-action to redirects too.
PROVIDER_ORIGINS = [
    "{0.scheme}://{0.netloc}".format(urlsplit(url))
    for provider, url in {
        "google": env("GOOGLE_AUTHORIZE_URL") or "https://accounts.google.com",
        "github": env("GITHUB_URL") or "https://github.com",
        "weixin": env("WEIXIN_AUTHORIZE_URL") or "https://open.weixin.qq.com",
    }.items()
    if SOCIALACCOUNT_PROVIDERS[provider]["APPS"]
]

# Permissions of the group of moderators that `migrate` creates; see accounts/auth/moderator_group.py.
MODERATOR_PERMISSIONS = [
    "accounts.view_user",
    "accounts.suspend_user",
    "accounts.view_suspension",
    "accounts.view_notice",
    "accounts.view_addressban",
    "accounts.add_addressban",
    "chat.view_conversation",
    "chat.view_message",
    "chat.moderate_message",
    "chat.view_reportcase",
    "chat.change_reportcase",
    "chat.view_wordlist",
    "chat.add_wordlist",
    "chat.change_wordlist",
    "chat.view_invite",
    "chat.change_invite",
]

ACCESS_TOKEN_MINUTES = env_int("ACCESS_TOKEN_MINUTES", 15, 1, 100_000)
REFRESH_TOKEN_DAYS = env_int("REFRESH_TOKEN_DAYS", 30, 1, 10_000)
# accounts/auth/tokens.py adds the claim `sid`: the id of the sign-in that a token belongs to.
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=ACCESS_TOKEN_MINUTES),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=REFRESH_TOKEN_DAYS),
    "ALGORITHM": "HS256",
    "SIGNING_KEY": SECRET_KEY,
    "USER_ID_CLAIM": "user_id",
    "JTI_CLAIM": "jti",
    "TOKEN_TYPE_CLAIM": "token_type",
}

# ── REST framework and OpenAPI ────────────────────────────────────────────────────────────────────────────────────
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerAuthentication",
        "accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    # JSON, also for a client that accepts anything; with DEBUG, pages for browsers (the browsable API).
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        *(["messenger.rest.renderers.BrowsableAPIRenderer"] if DEBUG else []),
    ],
    "DEFAULT_PARSER_CLASSES": ["messenger.rest.parsers.StrictJSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["messenger.rest.throttling.UserOrAddressThrottle"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "messenger.rest.negotiation.JSONOnlyNegotiation",
    "DEFAULT_METADATA_CLASS": "messenger.rest.metadata.AllowedMethodsMetadata",
    "DEFAULT_SCHEMA_CLASS": "messenger.rest.openapi.ErrorResponsesAutoSchema",
    "EXCEPTION_HANDLER": "messenger.rest.exceptions.exception_handler",
    "UNICODE_JSON": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Messenger",
    "DESCRIPTION": "The token API. The socket is described in docs/protocol.md.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "chat.api.uploads.describe_tus_requests",
        "messenger.rest.openapi.mark_public_operations",
        "messenger.rest.openapi.drop_defaults_of_optional_fields",
        "drf_spectacular.hooks.postprocess_schema_enums",
    ],
    "ENUM_NAME_OVERRIDES": {  # names of the schemas for fields of the same name (such as `kind`), and clearer names
        "ConversationKindEnum": ["direct", "group"],
        "AudienceEnum": ["everyone", "contacts", "nobody"],
        "ContactStateEnum": "accounts.schemas.CONTACT_STATES",
        "SystemEventNameEnum": "chat.schemas.SYSTEM_EVENTS",
        "SystemSentenceEnum": "chat.schemas.messages.SYSTEM_SENTENCES",
    },
    "PATH_CONVERTER_OVERRIDES": {
        "id": {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**63 - 1},
        "token": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    },
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},  # no requests to other hosts
}

# ── Protocol, limits and timeouts ─────────────────────────────────────────────────────────────────────────────────
HEARTBEAT_INTERVAL = env_float("HEARTBEAT_INTERVAL", 5, 0.05, 3600)  # seconds between pings, in both directions
HEARTBEAT_TIMEOUT = env_float("HEARTBEAT_TIMEOUT", 7, 0.05, 3600)  # seconds until a missing pong closes the connection
FRAME_LIMIT = 64 * 1024  # bytes of one command
BODY_LIMIT = 4000  # code points of one message
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # bytes of one request without files
UPLOAD_LIMIT = 6 * 1024 * 1024  # bytes of one request with a profile or group picture
FILE_LIMIT = env_int("FILE_LIMIT_MB", 1024, 1) * 1024**2  # bytes of one file
PERSON_FILES_LIMIT = env_int("PERSON_FILES_LIMIT_MB", 10240) * 1024**2  # bytes of all files that one user sent
CONVERSATION_FILES_LIMIT = env_int("CONVERSATION_FILES_LIMIT_MB", 51200) * 1024**2  # bytes of all files in it
REQUEST_LIMIT = 64 * 1024 * 1024  # bytes of any request; only with daphne, which buffers whole requests
FORM_LIMIT = 32 * 1024 * 1024  # bytes of a message sent by a form without JavaScript, including files
FILES_AT_ONCE = 10  # attachments of one message
UPLOADS_AT_ONCE = 50  # unfinished uploads and unsent files of one user
UPLOAD_HOURS = 72  # hours that an unfinished upload waits for its next part
UNSENT_HOURS = 24  # hours that an uploaded file waits to be sent
UPLOAD_SILENCE = 30.0  # seconds without data until the server ends an upload request
SLOW_READER_BYTES = 1024 * 1024  # bytes queued for one socket until it is closed with code 1013
SWEEP_SECONDS = env_float("SWEEP_SECONDS", 3, 0.01, 3600)  # how often delivered events are compared with the database
EVENT_GAP_SECONDS = 0.05  # seconds that a process waits for a missing version before it reads the database
# Accounts younger than this write fewer links and messages; 0: no difference. See chat/actions/sending/authorize.py.
NEW_ACCOUNT_HOURS = env_int("NEW_ACCOUNT_HOURS", 0, most=100_000)
# Days after which messages are removed for good; 0: never. Groups may choose a shorter time.
RETENTION_DAYS = env_int("RETENTION_DAYS", 0, most=100_000)
LINKS_PER_MESSAGE = env_int("LINKS_PER_MESSAGE", 50)
LINKS_OF_NEW_ACCOUNTS = env_int("LINKS_OF_NEW_ACCOUNTS", 1)  # in one message
LIMITS = env_bool("LIMITS", True)  # rate and connection limits; off only in tests and benchmarks
# accounts/auth/login_limits.py limits these for pages and API, with RATES below. Other limits of allauth stay active.
ACCOUNT_RATE_LIMITS: dict | bool = LIMITS and dict.fromkeys(("login", "login_failed", "signup", "request_login_code"))
# All rate limits: name → (burst, refill per second). See messenger/core/rate_limits.py. A limit applies per user
# unless the comment says otherwise, and counts pages, API and socket together.
RATES: dict[str, tuple[int, float]] = {
    # Sign-in
    "guess.address": (10, 10 / 60),  # wrong passwords, by IP address
    "guess.account": (10, 2 / 60),  # wrong passwords, by IP address and what was typed as user name or e-mail
    # Wrong passwords for one account from all addresses. Higher than guess.address: one address must not use it up.
    "guess.person": (100, 30 / 60),
    "guess.device": (10, 10 / 60),  # wrong passwords for an account from a browser that its owner has signed in with
    "code.account": (5, 5 / 300),  # wrong six-digit codes
    "unsent.address": (10, 0.1),  # texts that are kept until the sign-in, by IP address
    "signup.address": (20, 20 / 60),  # new accounts, by IP address
    "code.address": (5, 5 / 600),  # e-mails with a code for signing in, by e-mail address and IP address
    "code.mailbox": (50, 50 / 3600),  # the same from all IP addresses; one address must not use it up
    "code.request": (20, 20 / 60),  # requests for such an e-mail, also for unknown addresses, by IP address
    "mail.address": (5, 5 / 3600),  # e-mails of one kind that anybody can cause, by e-mail address
    # Requests of any kind. Limits by IP address count the /64 network of an IPv6 address (core.client_ip).
    "handshake.address": (60, 5.0),  # WebSockets opened without a valid sign-in, by IP address
    "api.person": (100, 20.0),  # requests to the API, and forms of pages
    "api.address": (100, 20.0),  # requests to the API and pages of invite links without sign-in, by IP address
    "page.person": (100, 10.0),  # pages opened
    "search": (20, 2.0),  # searches; each reads the index of all conversations of a user
    "sync": (20, 2.0),  # the sync command, the most expensive one that only reads
    # Messages
    "send": (10, 2.0),
    "send.new": (5, 0.1),  # messages of accounts younger than NEW_ACCOUNT_HOURS
    # Messages refused by `send` that do not count as flooding: a client that waits as asked is refused once for each
    # message. It refills faster than `send`, so that it does not matter if an answer is late.
    "refused": (10, 3.0),
    # Messages refused faster than that. A user who exceeds this limit is muted for a while, without a moderator
    # (accounts/actions/flooding.py).
    "flood": (30, 0.1),
    "render": (20, 4.0),  # texts rendered before the check of `send`; those above the limit are rendered after it
    "edit": (20, 1.0),  # each edit stores a revision
    "delete": (50, 2.0),
    "reaction": (20, 2.0),
    "pin": (10, 0.5),
    "report": (10, 1 / 60),
    "schedule": (20, 0.2),  # scheduled messages and reminders created or changed
    # Conversations
    "direct": (20, 1 / 30),  # direct conversations that did not exist before
    "group": (10, 1 / 30),  # groups created
    "group.change": (20, 0.5),  # titles, texts, settings, roles, members: most add a system message for everybody
    "picture": (5, 1 / 60),  # group avatars; decoding a picture is expensive
    "invites": (10, 1 / 30),  # invite links created
    "invite.tries": (10, 1 / 10),  # tries with links that do not exist
    # Files
    "upload": (60, 1.0),  # uploads created
    "part": (200, 50.0),  # parts of uploads received
    "file.person": (600, 30.0),  # files, thumbnails and avatars opened; a page may show hundreds
    "conversation.archive": (10, 10 / 86400),  # exports of conversations: ten a day
    "archive": (3, 3 / 86400),  # data exports: three a day, since each reads everything of a user
    # Calls
    "call": (20, 1 / 5),  # calls begun and answered; each makes many devices ring, or is published to them
    "call.signal": (300, 30.0),  # offers, answers and candidates; a group call begins with about thirty
    # Profile and contacts
    "profile": (10, 0.2),  # names and privacy settings: changes are sent to other users
    "avatar": (5, 1 / 60),
    "contact": (30, 1 / 60),  # contact requests
    # Blocks, contacts, and receipts in one conversation. Each change is sent to other users.
    "visibility": (30, 0.5),
    # Notifications
    "push": (20, 0.1),  # browsers subscribed to push messages, and tests of them
    "browsers": (30, 0.5),  # new browsers that ask for presence, by IP address: without cookies each request is new
}
for _entry in env_list("RATES"):
    _name, _rate = (*_entry.split("=", 1), "")[:2]
    if _name not in RATES or not (_match := re.fullmatch(r"([1-9]\d*)/(\d+(?:\.\d+)?)", _rate)) or not float(_match[2]):
        raise ImproperlyConfigured(f"RATES contains {_entry}: write NAME=BURST/PER_SECOND, such as send=20/4.")
    RATES[_name] = int(_match[1]), float(_match[2])
CONNECTIONS_PER_PERSON = env_int("CONNECTIONS_PER_PERSON", 10)  # open WebSockets; 0: unlimited
CONNECTIONS_PER_ADDRESS = env_int("CONNECTIONS_PER_ADDRESS", 100)  # by IP address; 0: unlimited
VIOLATIONS_PER_MINUTE = 20
BATCH_SIZE = 256  # maximum number of commands that one transaction stores

# ── Content Security Policy ───────────────────────────────────────────────────────────────────────────────────────
# IPv6 addresses are not valid in a policy; browsers would log an error on every page.
_file_sources = ["{0.scheme}://{0.netloc}".format(urlsplit(_files_origin))] if _files_origin else []
_socket_origins = [origin.replace("http", "ws", 1) for origin in SITE_ORIGINS if "[" not in origin]
CONTENT_SECURITY_POLICY = {
    # The admin, Swagger UI and the browsable API set a less strict policy; the middleware keeps an existing header.
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:", *_file_sources],
        "connect-src": [SELF, *_socket_origins],
        "font-src": [SELF],
        "media-src": [SELF, "blob:", *_file_sources],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF, *PROVIDER_ORIGINS],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["messenger"],
    },
}

# ── Monitoring: see docs/monitoring.md ────────────────────────────────────────────────────────────────────────────
# Reports unexpected errors; see messenger/monitoring/sentry.py.
SENTRY_DSN = env_url("SENTRY_DSN", ("http", "https"), "https://key@sentry.example.org/1")
METRICS_TOKEN = env("METRICS_TOKEN")  # bearer token for /metrics; without it only programs on this machine may read it

# ── Logging: never the text of a message, never a token ───────────────────────────────────────────────────────────
LOG_FORMAT = env_choice("LOG_FORMAT", "line", "json")
LOG_LEVEL = env_choice("LOG_LEVEL", "INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
        "json": {"()": "messenger.log_formats.JSONFormatter"},
    },
    "filters": {
        "client_errors": {"()": "messenger.log_filters.ClientErrorFilter"},
        "tokens": {"()": "messenger.log_filters.TokenFilter"},
        "repetitions": {"()": "messenger.log_filters.RepetitionFilter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["client_errors", "tokens", *([] if DEBUG else ["repetitions"])],
        }
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "daphne": {"level": "WARNING"},
        "uvicorn.error": {"filters": ["client_errors"]},  # uvicorn has handlers of its own
        "twisted": {"level": "WARNING"},
        "django_tasks": {"level": "WARNING"},
    },
}

"""Every setting, read from the environment (docs/operators/settings.md lists them).

Without any variable this is the embedded default: SQLite, Celery's filesystem broker, mails in the
terminal, everything under `var/`.
"""

import contextlib
import gc
import logging
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from plumbmark.config import env

CHECKOUT = Path(__file__).resolve().parents[3]
_IS_CHECKOUT = (CHECKOUT / "manage.py").exists()

# Every process loads some hundred thousand objects that stay, and Python would look through them
# after each 700 new ones: an eighth of the time that a process takes to start.
gc.set_threshold(10_000)

# --- Where things are kept --------------------------------------------------------------------

STATE_DIR: Path = env.path(
    "PLUMBMARK_STATE_DIR", (CHECKOUT if _IS_CHECKOUT else Path.cwd()) / "var"
)
"""Everything that must survive a restart: the embedded database, files, spool and queue."""

STATE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)


def _secret_key() -> str:
    """Return the configured key, or one created at the first start and stored in the state
    directory.
    """
    configured = env.text("PLUMBMARK_SECRET_KEY")
    if configured:
        return configured
    key_file = STATE_DIR / "secret_key"
    if not key_file.exists():
        # Written completely before it gets its name: several processes may start for the first
        # time, and none may read half a key or use another one.
        with tempfile.NamedTemporaryFile("w", dir=STATE_DIR, encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            with contextlib.suppress(FileExistsError):
                os.link(file.name, key_file)
    return key_file.read_text(encoding="ascii").strip()


# --- The site ---------------------------------------------------------------------------------

DEBUG: bool = env.flag("PLUMBMARK_DEBUG", False)
SECRET_KEY: str = _secret_key()
SITE_URL: str = env.text("PLUMBMARK_SITE_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS: list[str] = env.words("PLUMBMARK_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
_SITE = urlsplit(SITE_URL)
SITE_PORT: int = _SITE.port or 8000
TRUSTED_PROXIES: int = env.integer("PLUMBMARK_TRUSTED_PROXIES", 0)
"""How many reverse proxies stand in front; limits count the address that the first of them saw."""
SECURE_SITE: bool = SITE_URL.startswith("https://")
SECURITY_CONTACT: list[str] = env.contacts("PLUMBMARK_SECURITY_CONTACT")
"""Where people report vulnerabilities, as URIs: shown in `security.txt` and on the help page."""
CSRF_TRUSTED_ORIGINS: list[str] = [SITE_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SITE
SESSION_COOKIE_HTTPONLY = True
SESSION_ENGINE = "plumbmark.accounts.sessions"
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SITE else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.flag("PLUMBMARK_BEHIND_TLS_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

ROOT_URLCONF = "plumbmark.config.urls"
WSGI_APPLICATION = "plumbmark.config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ATOMIC_REQUESTS = False

INSTALLED_APPS = [
    "plumbmark.common",
    "plumbmark.web",
    "plumbmark.guides",
    "plumbmark.accounts",
    "plumbmark.background",
    "plumbmark.gateway",
    "plumbmark.api",
    "tasks_app",
    "benchmarks_app",
    "leaderboards_app",
    "plumbmark.compat.kaggle",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    # Last: it uses all others, and ends the start of a process.
    "plumbmark.config",
]

MIDDLEWARE = [
    "plumbmark.web.request_ids.RequestIds",
    "plumbmark.web.probes.Probes",
    "plumbmark.web.request_metrics.RequestMetrics",
    "plumbmark.web.client_address.ClientAddress",
    "plumbmark.web.null_bytes.NoNullBytes",
    "django.middleware.security.SecurityMiddleware",
    "plumbmark.web.csp.SecurityHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "plumbmark.accounts.sign_ins.NotesUse",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "plumbmark.rest.rate_limits.RateLimitHeaders",
    "plumbmark.web.domain_errors.DomainErrorPages",
    "plumbmark.web.admin_requests.AdminRequests",
]

_PAGES = Path(__file__).resolve().parent
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [CHECKOUT / "templates" if _IS_CHECKOUT else _PAGES / "_templates"],
        "OPTIONS": {
            "loaders": ["plumbmark.web.template_loader.Loader"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "plumbmark.web.context.page",
            ],
        },
    }
]

STATIC_URL = "/static/"
STATIC_ROOT = STATE_DIR / "static"
STATICFILES_FINDERS = [
    "plumbmark.web.stylesheet.StylesheetFinder",
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
GUIDES_DIR: Path = env.path(
    "PLUMBMARK_GUIDES_DIR", CHECKOUT / "docs" if _IS_CHECKOUT else _PAGES / "_guides"
)
"""The guides that the help pages show."""
STATICFILES_DIRS: list[Any] = [CHECKOUT / "static" if _IS_CHECKOUT else _PAGES / "_static"]
if (GUIDES_DIR / "images").is_dir():
    STATICFILES_DIRS.append(("guides", GUIDES_DIR / "images"))
MEDIA_ROOT: Path = env.path("PLUMBMARK_FILES_DIR", STATE_DIR / "files")
"""Uploaded data files. Never served by path: every download goes through a permission check."""
HASHED_STATIC_STORAGE = "plumbmark.web.static_storage.StaticStorage"
STORAGES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else HASHED_STATIC_STORAGE
    },
}
_EXCHANGES = env.object_storage(
    "PLUMBMARK_EXCHANGE_STORAGE",
    endpoint=env.text("PLUMBMARK_EXCHANGE_STORAGE_ENDPOINT"),
    region=env.text("PLUMBMARK_EXCHANGE_STORAGE_REGION"),
    key_id=env.text("PLUMBMARK_EXCHANGE_STORAGE_KEY_ID"),
    secret_key=env.text("PLUMBMARK_EXCHANGE_STORAGE_SECRET"),
)
if _EXCHANGES is not None:
    STORAGES["exchanges"] = {
        "BACKEND": "plumbmark.gateway.storage.object_storage.ObjectStorage",
        "OPTIONS": _EXCHANGES,
    }
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024

LANGUAGE_CODE = "en"
# Only what we have translations of: packages bring theirs, and pages must not mix languages.
LANGUAGES = [("en", "English")]
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

# --- Database, cache, queue -------------------------------------------------------------------

DATABASES = {"default": env.database("PLUMBMARK_DATABASE_URL", STATE_DIR / "plumbmark.sqlite3")}

REDIS_URL: str = env.text("PLUMBMARK_REDIS_URL")

if REDIS_URL:
    CACHES: dict[str, Any] = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    }
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "common_cache",
            # Rate limits live here: few entries, and none may be culled while it counts.
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        }
    }

RATES_FILE: Path | None = None if REDIS_URL else STATE_DIR / "rates"
"""Counters of rate limits, shared by the processes of this machine; with Redis, they are there."""

QUEUE_DIR = STATE_DIR / "queue"
CELERY_BROKER_URL: str = env.text("PLUMBMARK_BROKER_URL", REDIS_URL or "filesystem://localhost")
if CELERY_BROKER_URL.startswith("filesystem:"):
    for _folder in ("messages", "control"):
        (QUEUE_DIR / _folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "data_folder_in": str(QUEUE_DIR / "messages"),
        "data_folder_out": str(QUEUE_DIR / "messages"),
        "control_folder": str(QUEUE_DIR / "control"),
        "store_processed": False,
        "polling_interval": 0.03,
    }
CELERY_DB_REUSE_MAX = 10**9
"""Celery would close the database's connection before and after each job. The Celery app closes
those that are broken, as Django does between requests."""
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "plumbmark"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "plumbmark.config.scheduler.NotingScheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(STATE_DIR / "schedule")
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "sweep": {
        "task": "tasks_app.jobs.sweep",
        "schedule": env.number("PLUMBMARK_SWEEP_SECONDS", 5.0),
        "options": {"expires": 30},
    },
    "outbox": {
        "task": "common.jobs.deliver_events",
        "schedule": env.number("PLUMBMARK_SWEEP_SECONDS", 5.0),
        "options": {"expires": 30},
    },
    "boards": {
        "task": "leaderboards_app.jobs.refresh_boards",
        "schedule": env.number("PLUMBMARK_SWEEP_SECONDS", 5.0),
        "options": {"expires": 30},
    },
    "analyse-items": {
        "task": "tasks_app.item_lab.jobs.refresh_analyses",
        "schedule": 15.0,
        "options": {"expires": 60},
    },
    "repair-item-analyses": {
        "task": "tasks_app.item_lab.jobs.repair_analyses",
        "schedule": 3600.0,
    },
    "follow-corrections": {
        "task": "benchmarks_app.jobs.follow_corrections",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "repair-search": {
        "task": "leaderboards_app.jobs.repair_search",
        "schedule": 24 * 3600.0,
    },
    "index-help": {
        "task": "leaderboards_app.jobs.index_guides",
        "schedule": 3600.0,
    },
    "store-readings": {
        "task": "leaderboards_app.jobs.store_readings",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
    "background": {
        "task": "background.jobs.recover",
        "schedule": env.number("PLUMBMARK_SWEEP_SECONDS", 5.0),
        "options": {"expires": 30},
    },
    "forget-unconfirmed-accounts": {
        "task": "accounts.jobs.forget_unconfirmed_accounts",
        "schedule": 3600.0,
    },
    "forget-expired-sessions": {
        "task": "accounts.jobs.forget_expired_sessions",
        "schedule": 3600.0,
    },
    "send-notices": {
        "task": "accounts.jobs.send_notices",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "forget-idempotency-keys": {
        "task": "common.jobs.forget_idempotency_keys",
        "schedule": 3600.0,
    },
    "purge": {
        "task": "common.jobs.purge",
        "schedule": 3600.0,
        "options": {"expires": 1800},
    },
    "remove-forgotten-files": {
        "task": "common.jobs.remove_forgotten_files",
        "schedule": 3600.0,
    },
    "forget-unused-attachments": {
        "task": "tasks_app.jobs.forget_unused_attachments",
        "schedule": 3600.0,
    },
}

# --- Accounts ---------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
MIN_PASSWORD_LENGTH = 10
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": MIN_PASSWORD_LENGTH},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "plumbmark.accounts.passwords.NotLikeThePerson"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "accounts:me"
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_ADAPTER = "plumbmark.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "add_email": "plumbmark.accounts.forms.ChangeEmailForm",
    "change_password": "plumbmark.accounts.forms.ChangePasswordForm",
    "login": "plumbmark.accounts.forms.LoginForm",
    "reauthenticate": "plumbmark.accounts.forms.ReauthenticateForm",
    "reset_password": "plumbmark.accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "plumbmark.accounts.forms.ResetPasswordKeyForm",
    "set_password": "plumbmark.accounts.forms.SetPasswordForm",
    "signup": "plumbmark.accounts.forms.SignUpForm",
}
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_USER_DISPLAY = "plumbmark.accounts.adapter.user_display"
# `plumbmark.web.client_address` has settled the address by then.
ALLAUTH_TRUSTED_PROXY_COUNT = 0
CSRF_FAILURE_VIEW = "plumbmark.web.views.csrf_failure"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""

EMAIL_HOST: str = env.text("PLUMBMARK_EMAIL_HOST")
EMAIL_PORT: int = env.integer("PLUMBMARK_EMAIL_PORT", 587)
EMAIL_HOST_USER: str = env.text("PLUMBMARK_EMAIL_USER")
EMAIL_HOST_PASSWORD: str = env.text("PLUMBMARK_EMAIL_PASSWORD")
EMAIL_USE_TLS: bool = env.flag("PLUMBMARK_EMAIL_TLS", True)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL: str = env.text("PLUMBMARK_EMAIL_FROM", "plumbmark@localhost")
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if EMAIL_HOST
    else "plumbmark.web.mail.LocalMailbox"
)

# --- Gateway and running ----------------------------------------------------------------------


def _gateway_url() -> str:
    """Return the address beside the pages if these have a port; else a proxy serves both at one
    address.
    """
    if _SITE.port is None:
        return SITE_URL
    host = f"[{_SITE.hostname}]" if ":" in (_SITE.hostname or "") else _SITE.hostname
    return f"{_SITE.scheme}://{host}:{GATEWAY_PORT}"


SPOOL_DIR: Path = env.path("PLUMBMARK_SPOOL_DIR", STATE_DIR / "spool")
CREDENTIALS_KEY: str = env.text("PLUMBMARK_CREDENTIALS_KEY", SECRET_KEY)
"""Encrypts provider credentials at rest; a separate key survives a change of SECRET_KEY."""
ALLOW_PRIVATE_PROVIDERS: bool = env.flag("PLUMBMARK_ALLOW_PRIVATE_PROVIDERS", False)
"""Whether a user's own deployment may be at a private address, such as a local model server."""
ALLOWED_PROVIDER_ADDRESSES: list[str] = env.words("PLUMBMARK_ALLOWED_PROVIDER_ADDRESSES")
"""Hosts, IP addresses and networks at which users' own deployments may be, though private."""
MAX_WAKE_UPS: int = env.integer("PLUMBMARK_MAX_WAKE_UPS", 4)
"""Workers woken at once for a run: as many as are likely to be free."""
WORKER_WINDOW: int = env.integer("PLUMBMARK_WORKER_WINDOW", 64)
"""Calls in flight at most in one worker process."""
SANDBOX_IS_ON: bool = env.flag("PLUMBMARK_SANDBOX", True)
"""Whether this worker runs untrusted code, if a sandbox works. Off: other workers do, or none."""
SANDBOX_SLOTS: int = env.integer("PLUMBMARK_SANDBOX_SLOTS", 2)
"""Programs that one worker process runs at the same time."""
SANDBOX_RUNS: int = env.integer("PLUMBMARK_SANDBOX_RUNS", 2)
"""Runs of code tasks that one worker process works on at the same time."""
SANDBOX_ENV_DIR: Path = env.path("PLUMBMARK_SANDBOX_ENV_DIR", STATE_DIR / "sandbox-env")
"""The packages that code tasks may import; made by `manage.py build_sandbox_environment`."""
CODE_RUNS_DIR: Path = env.path("PLUMBMARK_CODE_RUNS_DIR", STATE_DIR / "code-runs")
"""Working folders of code tasks while they run."""
CALL_DEADLINE_SECONDS: float = env.number("PLUMBMARK_CALL_DEADLINE_SECONDS", 120.0)
SHARD_ITEMS: int = env.integer("PLUMBMARK_SHARD_ITEMS", 500)
WORK_SLICE_SECONDS: float = env.number("PLUMBMARK_WORK_SLICE_SECONDS", 60.0)
WORK_LEASE_SECONDS: float = env.number("PLUMBMARK_WORK_LEASE_SECONDS", 30.0)
BUDGET_LEASE_SECONDS: float = env.number("PLUMBMARK_BUDGET_LEASE_SECONDS", 30.0)
CELERY_BEAT_SCHEDULE["sweep-budget-leases"] = {
    "task": "gateway.jobs.sweep_leases",
    "schedule": BUDGET_LEASE_SECONDS / 2,
    "options": {"expires": BUDGET_LEASE_SECONDS},
}
GATEWAY_PORT: int = env.integer("PLUMBMARK_GATEWAY_PORT", (_SITE.port or 8000) + 1)
"""Where `up` starts the gateway's routes."""
DEMO_MODEL_DIR: Path = env.path("PLUMBMARK_DEMO_MODEL_DIR", STATE_DIR / "demo-model")
"""The tiny language model of the demo with its server; made by `manage.py build_demo_model`."""
GATEWAY_URL: str = env.text("PLUMBMARK_GATEWAY_URL", _gateway_url()).rstrip("/")
"""The public address of the routes."""
GATEWAY_ADDRESS: str = env.text("PLUMBMARK_GATEWAY_ADDRESS", f"127.0.0.1:{GATEWAY_PORT}")
"""Host and port where workers reach the routes, for code tasks; plain HTTP."""
MAX_GATEWAY_CALLS: int = env.integer("PLUMBMARK_MAX_GATEWAY_CALLS", 256)
"""Calls in flight at most for one token in one gateway process."""
MAX_GATEWAY_BODY_BYTES: int = env.integer("PLUMBMARK_MAX_GATEWAY_BODY_BYTES", 32 * 1024 * 1024)
GATEWAY_DRAIN_SECONDS: float = env.number("PLUMBMARK_GATEWAY_DRAIN_SECONDS", 8.0)
"""How long an ending gateway waits for calls in flight."""
QUOTA_DAY_USD: str = env.text("PLUMBMARK_QUOTA_DAY_USD", "5")
QUOTA_MONTH_USD: str = env.text("PLUMBMARK_QUOTA_MONTH_USD", "50")

# --- Limits of what people can send -----------------------------------------------------------

MAX_DATA_FILE_BYTES: int = env.integer("PLUMBMARK_MAX_DATA_FILE_BYTES", 100 * 1024 * 1024)
MAX_STORAGE_BYTES: int = env.integer("PLUMBMARK_MAX_STORAGE_BYTES", 10 * 1024**3)
"""Of the files of one person or team."""
MAX_TASKS: int = env.integer("PLUMBMARK_MAX_TASKS", 2_000)
MAX_BENCHMARKS: int = env.integer("PLUMBMARK_MAX_BENCHMARKS", 500)
MAX_ITEMS: int = env.integer("PLUMBMARK_MAX_ITEMS", 100_000)
MAX_ATTACHMENT_BYTES: int = env.integer("PLUMBMARK_MAX_ATTACHMENT_BYTES", 10 * 1024 * 1024)
"""Of one image or audio; it travels inside the call, a third larger."""
MAX_ATTACHMENTS_BYTES: int = env.integer("PLUMBMARK_MAX_ATTACHMENTS_BYTES", 500 * 1024 * 1024)
"""Of all images and audio of a task."""
MAX_ATTACHMENTS: int = env.integer("PLUMBMARK_MAX_ATTACHMENTS", 10_000)
MAX_IMAGE_PIXELS: int = env.integer("PLUMBMARK_MAX_IMAGE_PIXELS", 25_000_000)
"""Read from the header before an image is decoded, which takes four bytes a pixel."""
DATA_UPLOAD_MAX_NUMBER_FILES: int = env.integer("PLUMBMARK_MAX_FILES_AT_ONCE", 1000)
"""In one form or request; more come as a ZIP."""
MAX_REQUEST_BYTES: int = env.integer(
    "PLUMBMARK_MAX_REQUEST_BYTES", MAX_DATA_FILE_BYTES + MAX_ATTACHMENTS_BYTES + 16 * 1024 * 1024
)
"""Of a whole request to the pages or the API, files included."""
MAX_BUFFERED_BYTES: int = env.integer("PLUMBMARK_MAX_BUFFERED_BYTES", 2 * 1024 * 1024 * 1024)
"""What the bodies of all requests that one web process is receiving take up on the disk."""

# --- How long things are kept ------------------------------------------------------------------

RETENTION_DAYS: dict[str, int | None] = {
    "audit": env.days("PLUMBMARK_RETENTION_AUDIT_DAYS", None),
    "exchanges": env.days("PLUMBMARK_RETENTION_EXCHANGES_DAYS", None),
    "failures": env.days("PLUMBMARK_RETENTION_FAILURES_DAYS", 30),
    "files": env.days("PLUMBMARK_RETENTION_FILES_DAYS", 30),
    "jobs": env.days("PLUMBMARK_RETENTION_JOBS_DAYS", 30),
    "ledger": env.days("PLUMBMARK_RETENTION_LEDGER_DAYS", 365),
    "outbox": env.days("PLUMBMARK_RETENTION_OUTBOX_DAYS", 30),
    "standings": env.days("PLUMBMARK_RETENTION_STANDINGS_DAYS", 90),
}
"""Days by policy; None: for ever. See docs/operators/retention.md."""

# --- REST API ---------------------------------------------------------------------------------

API_REQUESTS_PER_MINUTE: int = env.integer("PLUMBMARK_API_REQUESTS_PER_MINUTE", 600)
API_ANONYMOUS_REQUESTS_PER_MINUTE: int = env.integer(
    "PLUMBMARK_API_ANONYMOUS_REQUESTS_PER_MINUTE", 120
)

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_SCHEMA_CLASS": "plumbmark.rest.openapi.ResourceSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["plumbmark.rest.parsers.StrictJSONParser"],
    "EXCEPTION_HANDLER": "plumbmark.rest.problems.handle_exception",
    "DEFAULT_PAGINATION_CLASS": "plumbmark.rest.pagination.NewestFirst",
    "DEFAULT_THROTTLE_CLASSES": ["plumbmark.rest.throttling.PerMinute"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "plumbmark.accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Plumbmark",
    "DESCRIPTION": (
        "Publish community benchmarks of AI models; everything the pages do.\n\n"
        "Send a personal token as `Authorization: Bearer pmk_…`; public objects need none. Every "
        "error is `application/problem+json`. Lists are paginated: follow `next`. Every answer "
        "tells in `RateLimit-Remaining` how many requests are left. Money is in nanodollars "
        "(1 USD = 10⁹), and times are in UTC."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "LICENSE": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    "CONTACT": {"name": "The operators of this server", "url": SITE_URL},
    "SERVERS": [{"url": SITE_URL, "description": "This server."}],
    "TAGS": [
        {"name": "Account", "description": "The caller, their quota and its ledger."},
        {"name": "Models", "description": "Models, how they are called, and contenders."},
        {"name": "Tasks", "description": "Tasks, their drafts, versions and items."},
        {"name": "Items", "description": "Reports of wrong items, and their decisions."},
        {"name": "Jobs", "description": "Work on large files, with its progress."},
        {"name": "Runs", "description": "Runs, samples, scorings, and submitted outputs."},
        {"name": "Programs", "description": "Logs, reports and files of runs of code tasks."},
        {"name": "Judges", "description": "Judges of a version, and blind labels for them."},
        {"name": "Benchmarks", "description": "Benchmarks, their versions and entries."},
        {"name": "Leaderboards", "description": "Leaderboards, their history and corrections."},
        {"name": "Search", "description": "Search over everything that you may see."},
    ],
    # A body of PATCH has a shape of its own here, with nothing required.
    "COMPONENT_SPLIT_PATCH": False,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "ContenderKind": "tasks_app.models.contenders.Contender.Kind",
        "ItemReportKind": "tasks_app.models.items.ItemReport.Kind",
        "ItemReportStatus": "tasks_app.models.items.ItemReport.State",
        "LedgerLineKind": "plumbmark.gateway.models.LedgerLine.Kind",
        "TaskVersionKind": "tasks_app.models.tasks.TaskVersion.Kind",
        "DraftKind": [("declarative", "declarative")],
        "TableKind": "tasks_app.tables.roles.KINDS",
        "JobState": "plumbmark.background.models.Job.State",
        "RunState": "tasks_app.models.runs.Run.State",
        "TaskVersionState": "tasks_app.models.tasks.TaskVersion.State",
        "TransferOfferStatus": "tasks_app.models.transfers.TransferOffer.State",
        "DraftSaveKind": "tasks_app.models.tasks.DraftSave.Kind",
        "NumberFormat": "plumbmark.scoring.metrics.NUMBER_FORMATS",
        "FormatEnum": [("yaml", "yaml"), ("json", "json")],
        "BenchmarkVersionState": "benchmarks_app.models.BenchmarkVersion.State",
    },
}

if _EXCHANGES is not None:
    CELERY_BEAT_SCHEDULE["sweep-exchange-objects"] = {
        "task": "gateway.jobs.sweep_exchange_objects",
        "schedule": 3600.0,
    }

# --- Monitoring ---------------------------------------------------------------------------------

METRICS_TOKEN: str = env.secret("PLUMBMARK_METRICS_TOKEN", min_length=16)
"""Who sends it may read `/metrics`; empty: there is no such address."""

# --- Logging ----------------------------------------------------------------------------------

LOG_FORMAT: str = env.choice("PLUMBMARK_LOG_FORMAT", "text", "json")
if LOG_FORMAT == "json":
    # Otherwise Python writes its warnings beside the log.
    logging.captureWarnings(True)

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "json": {"()": "plumbmark.common.logs.JsonLines"},
    },
    "filters": {"redact": {"()": "plumbmark.common.redaction.RedactSecrets"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["redact"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env.text("PLUMBMARK_LOG_LEVEL", "WARNING")},
    "loggers": {
        "plumbmark": {"level": "INFO"},
        "tasks_app": {"level": "INFO"},
        # The reason of a refusal is sent to the client; the operator's log has only faults.
        "django.request": {"level": "ERROR"},
    },
}
if LOG_FORMAT == "json":
    # Django's own handlers write text beside it.
    for _logger in ("django", "django.server"):
        LOGGING["loggers"][_logger] = {"handlers": [], "propagate": True}

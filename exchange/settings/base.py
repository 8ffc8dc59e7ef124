"""What every deployment shares. Nothing here is secret; what differs comes from the environment."""

import os
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONCE, NONE, SELF

from .environment import networks, on_or_off, origins, pairs, read, whole_number

ROOT = Path(__file__).resolve().parent.parent.parent
STATE = Path(os.environ.get("KONTOR_STATE", ROOT / ".state"))
SITE = ROOT / "exchange" / "site"
NODE_MODULES = SITE / "node_modules"

DEBUG = False
DEMO = False
DEMO_CHAIN: str | None = None
"""What the demo's bitcoin chain is: simulated, or the regtest of a node of its own. None where money is real."""
ALLOWED_HOSTS: list[str] = []

INSTALLED_APPS = [
    "accounts",
    "ledger",
    "trading",
    "funding",
    "exchange",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIGRATION_MODULES = {
    "accounts": "migrations.accounts",
    "funding": "migrations.funding",
    "ledger": "migrations.ledger",
    "trading": "migrations.trading",
}
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.OpenSessionMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "exchange.urls"
ASGI_APPLICATION = "exchange.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [SITE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "exchange.site.context.site",
            ],
        },
    },
]

# Under ASGI each request has a thread of its own: a connection kept for a next request there would never be used again.
_database_url = os.environ.get("DATABASE_URL")
DATABASES = {"default": dj_database_url.parse(_database_url, conn_max_age=0) if _database_url else {}}
# The role that owns the tables, for migrating and rebuilding; None: the same as the one that serves.
DATABASE_OWNER_URL = os.environ.get("DATABASE_OWNER_URL")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# The role that migrations take privileges on append-only tables from; it need not exist (single-role databases).
DATABASE_APP_ROLE = "kontor_app"

REDIS_URL = os.environ.get("REDIS_URL", "")
# Counters only: sessions stay in the database, so that nobody is signed out or turned away while Redis is down.
# Without Redis each process counts for itself, with room for more keys than a guesser can invent in a window.
if REDIS_URL:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
        }
    }
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        }
    }

# What seals secrets in the database, the newest first: of API keys and second factors, the texts of mails. Lost, they are lost.
SEALING_KEYS: list[str] = []

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["accounts.password_hashing.BoundedArgon2Hasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# Second factors are allauth's. Its accounts are not used: see docs/decisions/0011-sign-in-without-allauths-flows.md.
MFA_ADAPTER = "accounts.mfa_adapter.Adapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_TOTP_TOLERANCE = 1
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = STATE / "static"
STATICFILES_DIRS = [
    ("site", SITE / "static" / "site"),
    *(
        (f"vendor/{package}", NODE_MODULES / package / "dist")
        for package in (
            "preact",
            "preact/hooks",
            "htm",
            "@preact/signals",
            "@preact/signals-core",
            "lightweight-charts",
        )
        if (NODE_MODULES / package / "dist").is_dir()
    ),
]
WHITENOISE_MAX_AGE = 0  # modules import each other by plain names: a mix of old and new would break the page

SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.KeyAuthentication",
        "accounts.api.authentication.SessionTokenAuthentication",
        "accounts.api.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.authentication.MayCall"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "accounts.api.negotiation.Negotiation",
    "DEFAULT_PARSER_CLASSES": [
        "accounts.api.negotiation.BoundedJSONParser",
        "accounts.api.messagepack.MessagePackParser",
    ],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "accounts.api.messagepack.MessagePackRenderer",
    ],
    "EXCEPTION_HANDLER": "accounts.api.problems.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # Accept says it; a query parameter that is not known decides nothing
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Kontor",
    "DESCRIPTION": "The REST interface of the exchange. Amounts are decimal strings, times RFC 3339 in UTC."
    " [The stream](/api/asyncapi) has an AsyncAPI document of its own.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "DepositStateEnum": "funding.states.DepositState.values",
        "WithdrawalStateEnum": "funding.states.WithdrawalState.values",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "exchange.schema.add_raw_realms",
    ],
}

# Mail
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = "Kontor <no-reply@localhost>"
SITE_ADDRESS = ""
"""Where links in mails lead; never taken from a request, whose Host anybody can write."""

# What people may do
WITHDRAWAL_FREEZE_H = 24
"""Withdrawals are frozen for so long after a change of password or second factor."""
FACTOR_RESET_DELAY_H = 72
"""Lost second factors are removed so long after two of the staff have said so; meanwhile the owner can object."""
VERIFICATION_LIMITS: dict[int, dict[str, int | None]] = {
    0: {"withdrawal_usd_per_day": 0},
    1: {"withdrawal_usd_per_day": 10_000},
    2: {"withdrawal_usd_per_day": None},
}
"""By verification level (0 registered, 1 e-mail verified, 2 identified): whole US dollars a day, None: no limit."""
STREAM_ORIGINS = read("STREAM_ORIGINS", origins, "")
"""Further sites whose pages may open the stream, as https://desk.example.com; the exchange's own always may."""

DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
METRICS_FROM = read("METRICS_FROM", networks, "127.0.0.0/8 ::1/128")
"""Networks whose callers may read /metrics. A proxy's callers never may."""

RATE_LIMITS = read("RATE_LIMITS", on_or_off, "on")
RATE_LIMIT_WINDOW_S = read("RATE_LIMIT_WINDOW_S", whole_number, "10")
RATE_LIMIT_QUOTAS = {
    "account": read("RATE_LIMIT_ACCOUNT", whole_number, "10000"),
    "orders": read("RATE_LIMIT_ORDERS", whole_number, "5000"),
    "address": read("RATE_LIMIT_ADDRESS", whole_number, "5000"),
}
"""Weight in a window; GET /public/limits publishes it."""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"django.request": {"level": "ERROR"}},
}

# By asset, what an account may transfer to other people in a day (UTC); of an asset that is not here nothing.
ADJUSTMENT_LIMITS = {"BTC": "0.1", "ETH": "2", "USD": "5000"}
"""What one of the staff may credit and take back by hand within 24 hours; beyond it, and of other assets, another approves."""
TRANSFER_DAILY_LIMITS = {"BTC": "10", "ETH": "200", "USD": "500000"}

# Custody
FUNDING_NODES = read("FUNDING_NODES", pairs, "")
"""By chain, where the sidecar of its node listens: `bitcoin:regtest=unix:/run/kontor/bitcoind.sock`, commas between."""
DEPOSIT_RULES: dict[str, dict[str, Any]] = {
    "BTC": {
        "minimum_atoms": 10_000,
        "confirmations": ((10**7, 1), (10**9, 3), (None, 6)),
        "deepest_reorganisation": 100,
    },
    "LTC": {
        "minimum_atoms": 100_000,
        "confirmations": ((10**9, 3), (10**11, 6), (None, 12)),
        "deepest_reorganisation": 400,
    },
}
"""By asset: the least that is credited; up to how much takes how many confirmations; the deepest reorganisation believed."""
WITHDRAWAL_RULES: dict[str, dict[str, Any]] = {
    "BTC": {
        "minimum_atoms": 50_000,
        "fee_atoms": 10_000,
        "approvals": ((10**8, 0), (10**9, 1), (None, 2)),
        "usd_per_unit": 100_000,
    },
    "LTC": {
        "minimum_atoms": 1_000_000,
        "fee_atoms": 100_000,
        "approvals": ((10**10, 0), (10**11, 1), (None, 2)),
        "usd_per_unit": 200,
    },
}
"""By asset: the least that is withdrawn, our fee included; the fee; up to how much within a day takes how many people's
approval; what a unit counts for, against the limits of verification levels, where its market has no price. What is not here is
not withdrawn."""
WITHDRAWAL_COOLING_S = 86_400
"""A new withdrawal address may be used only so long after it was added; its owner gets a mail at once."""
WITHDRAWALS_AN_HOUR = 10
"""So many may a user ask for, and have not ended without being paid."""
WITHDRAWAL_ADDRESSES_LIMIT = 50
ADDRESS_UNLOCK_S = 86_400
"""Locked withdrawal addresses are open so long after their owner asked for it."""
FUNDING_SIGNERS = read("FUNDING_SIGNERS", pairs, "")
"""By chain, where its signer listens, as FUNDING_NODES."""
FUNDING_TLS = {name: os.environ.get(f"FUNDING_TLS_{name}", "") for name in ("CERTIFICATE", "KEY", "AUTHORITY")}
"""PEM files for those of them that listen on a port: our certificate, its key, and whose certificates they show."""
PAYOUT_RULES: dict[str, dict[str, Any]] = {
    "BTC": {
        "final_confirmations": 6,
        "target_blocks": 6,
        "fee_sats_per_kvbyte": (1_000, 20_000, 200_000),
        "maximum_fee_atoms": 150_000,
        "dust_atoms": 1_000,
        "withdrawals_at_most": 100,
        "gather_s": 30.0,
        "coins_at_most": 50,
        "bump_after_blocks": 6,
    },
    "LTC": {
        "final_confirmations": 12,
        "target_blocks": 12,
        "fee_sats_per_kvbyte": (1_000, 10_000, 1_000_000),
        "maximum_fee_atoms": 5_000_000,
        "dust_atoms": 10_000,
        "withdrawals_at_most": 100,
        "gather_s": 30.0,
        "coins_at_most": 50,
        "bump_after_blocks": None,
    },
}
"""By asset: when a payout is final, and a coin may be spent; in how many blocks it should be mined; the fee rate: least, if the
node cannot say, most; the most for one transaction; what is too little to come home; bounds, and how long withdrawals wait for
each other; when an attempt is followed by one that pays more: never on Litecoin, whose nodes take no replacements unless told to
(-mempoolreplacement)."""
TREASURY_RULES: dict[str, dict[str, Any]] = {
    "BTC": {
        "hot_atoms": (10**9, 3 * 10**9, 10**10),
        "consolidate_coins": 200,
        "consolidate_at_most_sats_per_kvbyte": 3_000,
    },
    "LTC": {
        "hot_atoms": (10**11, 3 * 10**11, 10**12),
        "consolidate_coins": 200,
        "consolidate_at_most_sats_per_kvbyte": 10_000,
    },
}
"""By asset: what the hot wallet has at the least, what a sweep leaves, and at the most; how many coins become one, and up to which
fee rate."""
COLD_ADDRESSES = read("COLD_ADDRESSES", pairs, "")
"""By asset, where sweeps go: `BTC=bc1q…`, commas between. The signer's policy has to allow it."""
UNUSED_ADDRESSES_LIMIT = 20
"""So many addresses that nothing was sent to may an account have: what wallets look ahead (BIP 44's gap limit)."""

# Journal and replica
JOURNAL_POLL_MS = 50
"""How long an idle replica waits before it looks at the journal's head, if the database does not wake it before."""
JOURNAL_BATCH_LIMIT = 1000
"""At most this many commands are committed together."""
SNAPSHOT_EVERY = 50_000
"""A snapshot is made after so many events, and so a start folds little more than these."""
SNAPSHOT_PAUSE_S = 30.0
"""At the least so long after the one before."""
COMMAND_QUEUE_LIMIT = 10_000
"""Commands that may wait for the journal; beyond it a caller gets 503 ``overloaded``."""
PROJECTION_LAG_LIMIT = 100_000
"""Events the read models may be behind before new commands are refused with 503 ``overloaded``."""

# Celery, for those who run custody's rounds by it. A round that was not begun before the next is due is dropped.
CELERY_BROKER_URL = REDIS_URL or "memory://"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(STATE / "celery-beat")


def _every(seconds: float, task: str, *arguments: str) -> dict[str, Any]:
    return {"task": f"funding.tasks.{task}", "args": arguments, "schedule": seconds, "options": {"expires": seconds}}


CELERY_BEAT_SCHEDULE = {
    "withdrawals": _every(1.0, "hold_withdrawals"),
    **{f"deposits of {chain}": _every(5.0, "read_chain", chain) for chain in FUNDING_NODES},
    **{f"payouts of {chain}": _every(5.0, "pay", chain) for chain in FUNDING_SIGNERS},
    **{f"reconciliation of {chain}": _every(60.0, "reconcile", chain) for chain in FUNDING_SIGNERS},
}

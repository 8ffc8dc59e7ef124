"""The exchange from a clone: embedded parts, plain HTTP on loopback, a faucet. Never for real money."""

from .base import *  # noqa: F403
from .base import STATE

DEMO = True
ALLOWED_HOSTS = ["*"]
SECRET_KEY = (STATE / "secret_key").read_text().strip() if (STATE / "secret_key").exists() else "set-by-the-launcher"

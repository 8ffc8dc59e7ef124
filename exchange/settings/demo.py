"""The exchange from a clone: embedded parts, plain HTTP on loopback, a faucet. Never for real money."""

import base64
import hashlib
import json
import os

import dj_database_url

from .base import *  # noqa: F403
from .base import FUNDING_NODES, PAYOUT_RULES, STATE, TREASURY_RULES

DEMO = True
WITHDRAWAL_COOLING_S = 0
DEMO_CHAIN = os.environ.get("KONTOR_CHAIN") or None
ALLOWED_HOSTS = ["*"]
SITE_ADDRESS = f"http://{os.environ.get('BIND', '127.0.0.1:8000')}"
if not os.environ.get("DATABASE_URL") and (STATE / "database.json").exists():
    # A person who calls manage.py beside `make run` means the server that it started.
    _note = json.loads((STATE / "database.json").read_text())
    DATABASES = {"default": dj_database_url.parse(_note["DATABASE_URL"])}
    DATABASE_OWNER_URL = _note["DATABASE_OWNER_URL"]
    if not FUNDING_NODES and (STATE / "chain" / "targets.json").exists():
        _targets = json.loads((STATE / "chain" / "targets.json").read_text())
        FUNDING_NODES, FUNDING_SIGNERS = _targets["FUNDING_NODES"], _targets["FUNDING_SIGNERS"]
SECRET_KEY = (STATE / "secret_key").read_text().strip() if (STATE / "secret_key").exists() else "set-by-the-launcher"
# One file to keep is enough for a demo: production has a key of its own for this.
SEALING_KEYS = [base64.urlsafe_b64encode(hashlib.sha256(b"sealing " + SECRET_KEY.encode()).digest()).decode()]

# A demo's chain has a block when somebody wants one, and its hot wallet has what was deposited.
PAYOUT_RULES = {asset: {**rules, "final_confirmations": 2, "gather_s": 1.0} for asset, rules in PAYOUT_RULES.items()}
TREASURY_RULES = {
    asset: {**rules, "hot_atoms": (0, *rules["hot_atoms"][1:])} for asset, rules in TREASURY_RULES.items()
}

"""The demo's settings with a light password hash: most tests begin with people who sign up and in, and are not about that.

Those that are take the demo's own.
"""

from exchange.settings.demo import *  # noqa: F403

PASSWORD_HASHERS = ["tests.light_hash.LightArgon2Hasher"]

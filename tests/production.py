"""What production is told by its environment, in tests: a server under its settings, TLS being somebody else's."""

import base64

SEALING_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "exchange.settings.production",
    "SECRET_KEY": "unlike0others" * 5,
    "SEALING_KEYS": SEALING_KEY,
    "ALLOWED_HOSTS": "127.0.0.1",
}

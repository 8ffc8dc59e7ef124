"""What allauth's second factors ask of us: secrets sealed at rest, the names that authenticators show."""

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter

from . import sealing

NAME = "Kontor"


class Adapter(DefaultMFAAdapter):  # type: ignore[misc]
    """The relying party of passkeys is the host that the page came from; ALLOWED_HOSTS says which these may be."""

    def encrypt(self, text: str) -> str:
        return sealing.seal_text(text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal_text(encrypted_text)

    def get_totp_issuer(self) -> str:
        return NAME

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": context.request.get_host().partition(":")[0], "name": NAME}

    def get_public_key_credential_user_entity(self, user: Any) -> dict[str, Any]:
        return {"id": user.pk.hex.encode("ascii"), "display_name": user.email, "name": user.email}

"""One-time codes and link tokens: how they are made, and what of them is stored."""

import hashlib
import hmac
import secrets

from adapters.crypto.master_keys import MasterKeys
from application.ports.codes import Shape

DIGITS = 6
TOKEN_BYTES = 32
SALT_BYTES = 16


class HmacCodeSecrets:
    """A million codes are soon tried where their digest is known: the key that it takes is not in the database."""

    def __init__(self, master_keys: MasterKeys) -> None:
        self._pepper = master_keys.lasting_key("codes")

    def new(self, shape: Shape) -> str:
        if shape == "digits":
            return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        return secrets.token_urlsafe(TOKEN_BYTES)

    def salt(self) -> bytes:
        return secrets.token_bytes(SALT_BYTES)

    def digest(self, shape: Shape, secret: str, *, salt: bytes) -> bytes:
        """32 bytes: HMAC-SHA256 over salt and digits, SHA-256 of a token."""
        said = secret.encode("utf-8", "surrogatepass")
        if shape == "digits":
            return hmac.digest(self._pepper, salt + said, "sha256")
        return hashlib.sha256(said).digest()

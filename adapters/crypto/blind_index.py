"""A keyed digest under which a claim is found without showing what it is."""

import hmac

from adapters.crypto.master_keys import MasterKeys


class HmacBlindIndex:
    """HMAC-SHA256 under a key that outlasts the rotation of master keys: 32 bytes for a kind and a value.

    The caller normalises: what should meet must be spelt alike.
    """

    def __init__(self, master_keys: MasterKeys) -> None:
        self._key = master_keys.lasting_key("blind-index")

    def of(self, kind: str, value: str) -> bytes:
        # The length ahead of the kind keeps `a` + `bc` apart from `ab` + `c`.
        return hmac.digest(self._key, f"{len(kind)}:{kind}{value}".encode(), "sha256")

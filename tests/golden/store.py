"""The examples as they are stored, sealed under a key that everybody knows; run as a program it stores new ones."""

from hashlib import sha256
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.eventstore.mapper import FactMapper, Placed
from domain.shared.fact import Fact
from tests.golden.examples import EXAMPLES

FOLDER = Path(__file__).parent
STREAM, VERSION = UUID("00000000-0000-4000-8000-00000000a22a"), 1
NONCE_BYTES = 12


class KnownCipher:
    """Seals the same text in the same place to the same bytes, as only a test may."""

    def __init__(self) -> None:
        self._aes = AESGCM(b"streamly golden examples, no one")

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        nonce = sha256(context).digest()[:NONCE_BYTES]
        return nonce + self._aes.encrypt(nonce, plaintext, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        return self._aes.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)


def file_of(tag: str) -> Path:
    return FOLDER / f"{tag}.json"


def placed(fact: Fact) -> Placed:
    return Placed(STREAM, VERSION, fact, KnownCipher())


def as_stored(fact: Fact) -> bytes:
    """The bytes that the ledger would keep."""
    return bytes(FactMapper().to_stored_event(placed(fact)).state)


def store_new() -> None:
    """What is stored stays as it is."""
    for tag, fact in EXAMPLES.items():
        if not file_of(tag).exists():
            file_of(tag).write_bytes(as_stored(fact) + b"\n")


if __name__ == "__main__":
    store_new()

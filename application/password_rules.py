"""What a password must be, and asking for the one that somebody has before anything is changed that lets them in."""

from dataclasses import dataclass
from uuid import UUID

from application.ports.secrets import Passwords
from application.ports.sign_in import Credential, SignIns
from domain.shared.fact import Refusal

PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 128


class WeakPassword(Refusal):
    """Too short, too long, or among the first that somebody would try."""


class WrongPassword(Refusal):
    """It is not the password of this account, or the account has none yet."""


async def refuse_weak(passwords: Passwords, password: str, *, email: str | None, name: str | None) -> None:
    """A password counts as it was received: nothing is trimmed, folded or cut. Raises WeakPassword, TooBusy."""
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        raise WeakPassword(f"A password has {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters.")
    if await passwords.is_weak(password, known=(email or "", name or "")):
        raise WeakPassword("This password is among the first that somebody would try.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordCheck:
    """Being signed in is not enough to change a way in: a device may be left lying about."""

    sign_ins: SignIns
    passwords: Passwords

    async def require(self, account_id: UUID, password: str) -> Credential:
        """Raises WrongPassword, TooBusy."""
        credential = await self.sign_ins.credential_of(account_id)
        good = await self.passwords.verify(password, credential.password_hash if credential else None)
        if credential is None or not good:
            raise WrongPassword("This is not the password of the account.")
        return credential

"""What happens to the ways into an account: its password, and the places where it is signed in."""

from typing import Literal
from uuid import UUID

from domain.shared.fact import AccountFact

PasswordChange = Literal["change", "reset", "first"]
"""By who knew the one before; by a letter to the address; where there was none."""


class PasswordChanged(AccountFact, frozen=True, tag="account.password_changed"):
    """Whoever is signed in elsewhere has to sign in again."""

    how: PasswordChange


class RefreshTokenReused(AccountFact, frozen=True, tag="account.refresh_token_reused"):
    """A refresh token was used a second time, so that somebody has a copy: that sign-in was ended."""

    session_id: UUID


SignInEvent = PasswordChanged | RefreshTokenReused

"""Accounts that the demo and the seed make by themselves."""

import asyncio
import secrets

from application.accounts import Registered
from domain.account.account import EmailTaken, Role
from entrypoints.cli.house import OPERATOR, by_command
from entrypoints.settings import Settings
from entrypoints.wiring import open_house

PASSWORD_BYTES = 15


def make_account(settings: Settings, dsn: str, *, email: str, role: Role) -> str | None:
    """An account with a password made up here; the password, or None where the address is taken."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)

    async def register() -> Registered:
        async with open_house(settings, dsn) as house:
            cause = by_command("seed").cause
            return await house.accounts.register(
                email=email, password=password, name=None, cause=cause, role=role, by=OPERATOR
            )

    try:
        asyncio.run(register())
    except EmailTaken:
        return None
    return password

"""Accounts that the demo and the seed make by themselves."""

import asyncio

from application.accounts import Registered
from domain.account.account import Role
from domain.account.contacts import EmailTaken
from entrypoints.cli.house import OPERATOR, by_command
from entrypoints.settings import Settings
from entrypoints.wiring import open_house


def make_account(settings: Settings, dsn: str, *, email: str, password: str, role: Role) -> bool:
    """Whether it was made; False where the address is taken."""

    async def register() -> Registered:
        async with open_house(settings, dsn) as house:
            cause = by_command("seed").cause
            return await house.accounts.register(
                email=email, password=password, name=None, cause=cause, role=role, by=OPERATOR
            )

    try:
        asyncio.run(register())
    except EmailTaken:
        return False
    return True

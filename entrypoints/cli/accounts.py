"""`streamly accounts`: the first admin is made here, and nowhere else."""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import get_args
from uuid import UUID

import click
from msgspec.structs import replace

from application.accounts import Registered
from application.ports.erasures import Erasure
from domain.account.account import Account, Role
from entrypoints.cli.house import OPERATOR, by_command, in_house
from entrypoints.cli.output import AS_JSON, print_json, print_rows
from entrypoints.wiring import House

ROLE = click.Choice(get_args(Role))
LISTED_MAX = 1_000
COLUMNS: Mapping[str, Callable[[Account], object]] = {
    "id": lambda account: account.id,
    "email": lambda account: account.email or "",
    "phone": lambda account: account.phone or "",
    "role": lambda account: account.role,
    "state": lambda account: "disabled" if account.disabled else "enabled",
    "created": lambda account: account.created_at,
}


@click.group()
def accounts() -> None:
    """Accounts and their roles."""


@accounts.command("create-admin")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--role", type=ROLE, default="admin", show_default=True)
@AS_JSON
def create_admin(*, email: str, password_stdin: bool, role: Role, as_json: bool) -> None:
    """Make an account that may administer (or support, or audit); the password is asked for."""
    password = _password(from_stdin=password_stdin)

    async def register(house: House) -> Registered:
        cause = by_command("accounts create-admin").cause
        return await house.accounts.register(
            email=email, password=password, name=None, cause=cause, role=role, by=OPERATOR
        )

    made = in_house(register)
    said = {"id": made.account.id, "email": email, "role": role, "position": made.position}
    print_json(said) if as_json else click.echo(f"{email} is now {role}: account {made.account.id}")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed


@accounts.command("list")
@click.option("--email", help="The account with this address, in any spelling.")
@click.option("--phone", help="The account with this number.")
@click.option("--limit", type=click.IntRange(1, LISTED_MAX), default=100, show_default=True, help="The newest so many.")
@AS_JSON
def list_accounts(*, email: str | None, phone: str | None, limit: int, as_json: bool) -> None:
    """The accounts, newest first. Their addresses are personal data."""

    async def read(house: House) -> Sequence[Account]:
        if email is not None or phone is not None:
            return await house.account_admin.claimed(email=email, phone=phone)
        await _read_models_level(house)
        return [account for account, _ in await house.account_admin.page(before=None, limit=limit)]

    print_rows(in_house(read), as_json=as_json, columns=COLUMNS)


async def _read_models_level(house: House) -> None:
    """Also where no worker runs that would see to it."""
    house.live_engine.start()
    try:
        await house.reading.wait(await house.records.ledger.head())
    finally:
        await asyncio.to_thread(house.live_engine.stop)


@accounts.command("role")
@click.argument("account_id", type=click.UUID)
@click.argument("role", type=ROLE)
@AS_JSON
def change_role(*, account_id: UUID, role: Role, as_json: bool) -> None:
    """Give an account another role."""

    async def change(house: House) -> int:
        decided = await house.account_admin.change_role(account_id, role, by_command("accounts role"))
        return decided.position

    position = in_house(change)
    said = {"id": account_id, "role": role, "position": position}
    print_json(said) if as_json else click.echo(f"account {account_id} is now {role}")


@accounts.command()
@click.argument("account_id", type=click.UUID)
@click.option("--reason", required=True, help="Kept on the ledger for ever; name no person in it.")
@AS_JSON
def disable(*, account_id: UUID, reason: str, as_json: bool) -> None:
    """End every way in, and all access with it, at once."""

    async def act(house: House) -> int:
        asked = by_command("accounts disable")
        return (await house.account_admin.disable(account_id, reason=reason, asked=asked)).position

    _say_done(account_id, in_house(act), "disabled", as_json=as_json)


@accounts.command()
@click.argument("account_id", type=click.UUID)
@click.option("--reason", required=True, help="Kept on the ledger for ever; name no person in it.")
@AS_JSON
def enable(*, account_id: UUID, reason: str, as_json: bool) -> None:
    """Let a disabled account in again."""

    async def act(house: House) -> int:
        asked = by_command("accounts enable")
        return (await house.account_admin.enable(account_id, reason=reason, asked=asked)).position

    _say_done(account_id, in_house(act), "enabled", as_json=as_json)


@accounts.command()
@click.argument("account_id", type=click.UUID)
@click.confirmation_option(prompt="Nobody can undo it. Erase this person?")
@AS_JSON
def erase(*, account_id: UUID, as_json: bool) -> None:
    """Erase everything personal about an account, for good; the facts about its money stay.

    What is left of the work when something fails is done by the worker.
    """

    async def act(house: House) -> Erasure:
        await _read_models_level(house)  # Or nobody would know of the other admins.
        erasure = await house.erasure_requests.request(account_id, by_command("accounts erase"))
        await house.erasing.erase(erasure)
        return replace(erasure, status="erased")

    erasure = in_house(act)
    print_json(erasure) if as_json else click.echo(f"account {account_id} is erased")


def _say_done(account_id: UUID, position: int, state: str, *, as_json: bool) -> None:
    said = {"id": account_id, "state": state, "position": position}
    print_json(said) if as_json else click.echo(f"account {account_id} is now {state}")

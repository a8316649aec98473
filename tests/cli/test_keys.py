"""`streamly keys` and `accounts erase`: master keys take over from each other, and a person is gone for good."""

import asyncio
import base64
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner

from adapters.crypto.master_keys import MasterKeys
from adapters.crypto.vault import PostgresVault
from adapters.postgres.pool import new_pool
from entrypoints.cli.main import main
from tests.cli.running import Run, environment_on, said

OLDEST, OLD, NEW = (f"{name}:{base64.b64encode(name.encode() * 4).decode()}" for name in ("a" * 8, "b" * 8, "c" * 8))
OTHER = f"{'c' * 8}:{base64.b64encode(b'x' * 32).decode()}"
BEFORE, BETWEEN, AFTER = f"{OLD},{OLDEST}", f"{NEW},{OLD},{OLDEST}", f"{NEW},{OLDEST}"


def admin_made(streamly: Run, email: str, keys: str = BEFORE) -> str:
    made = streamly(
        "accounts", "create-admin", email, "--password-stdin", "--json", stdin="a lighthouse in fog", MASTER_KEYS=keys
    )
    return str(said(made)["id"])


def told(streamly: Run, name: str, keys: str) -> str:
    checks = said(streamly("doctor", "--json", MASTER_KEYS=keys))["checks"]
    return next(str(check["detail"]) for check in checks if check["what"] == f"master key {name * 8}")


def test_a_master_key_is_followed_by_another_and_taken_away(streamly: Run) -> None:
    admin_made(streamly, "anna@example.com")
    assert told(streamly, "b", BETWEEN) == "wraps 2 keys: `streamly keys rewrap` wraps them anew"

    done = said(streamly("keys", "rewrap", "--json", MASTER_KEYS=BETWEEN))

    assert done == {"rewrapped": 2, "wrapped_by": {"c" * 8: 2, "b" * 8: 0, "a" * 8: 0}}
    assert told(streamly, "b", BETWEEN) == "wraps 0 keys: may be taken away"
    [anna] = said(streamly("accounts", "list", "--email", "anna@example.com", "--json", MASTER_KEYS=AFTER))
    assert anna["email"] == "anna@example.com"


def test_a_key_that_is_wrapped_by_nothing_given_is_not_well(streamly: Run) -> None:
    admin_made(streamly, "anna@example.com")

    examined = streamly("doctor", MASTER_KEYS=AFTER)

    # The check of the vault itself is among them.
    assert examined.returncode != 0


@pytest.mark.parametrize("command", [("keys", "rewrap"), ("accounts", "list", "--email", "anna@example.com")])
def test_what_is_wrong_with_the_master_keys_or_the_vault_is_said_in_one_line(
    command: Sequence[str], database: str, tmp_path: Path
) -> None:
    def told_of(keys: str, **more: str) -> str:
        environment = environment_on(database, tmp_path) | {"MASTER_KEYS": keys} | more
        done = CliRunner().invoke(main, command, env=environment)
        assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (3, "", 1), done.stderr
        return done.stderr

    asyncio.run(vault_with_a_lost_key(database))

    assert "by master key 'cccccccc', which is not given in MASTER_KEYS" in told_of(BEFORE)
    assert "which is not given in MASTER_KEYS" in told_of("")
    assert "does not open under master key 'cccccccc'" in told_of(f"{OTHER},{OLDEST}")
    assert "the last master key is not the one that this vault began with" in told_of(f"{OLD},{NEW}")
    away = "postgresql://nobody@127.0.0.1:1/none"
    assert "that VAULT_DATABASE_URL names does not answer" in told_of(AFTER, VAULT_DATABASE_URL=away)
    if command[0] == "keys":
        assert "by master key 'lost', which is not given" in told_of(AFTER)
        with psycopg.connect(database) as connection:
            connection.execute("UPDATE vault.keys SET kid = 'bbbbbbbb' WHERE kid = 'lost'")
        assert "does not open under master key 'bbbbbbbb'" in told_of(BETWEEN)


async def vault_with_a_lost_key(database: str) -> None:
    """The vault begins, with a person in it whose key says that it is wrapped by a master key that is nowhere."""
    async with new_pool(database) as pool:
        vault = PostgresVault(pool, MasterKeys.parse(AFTER))
        await vault.check()
        await vault.of_persons([uuid4()], create=True)
        async with pool.connection() as connection:
            await connection.execute("UPDATE vault.keys SET kid = 'lost' WHERE kind = 'person'")


def test_a_person_is_erased_by_command(streamly: Run) -> None:
    admin_made(streamly, "boris@example.com")
    anna = admin_made(streamly, "anna@example.com")

    erased = said(streamly("accounts", "erase", anna, "--yes", "--json", MASTER_KEYS=BEFORE))

    assert (erased["account_id"], erased["status"]) == (anna, "erased")
    assert said(streamly("accounts", "list", "--email", "anna@example.com", "--json", MASTER_KEYS=BEFORE)) == []

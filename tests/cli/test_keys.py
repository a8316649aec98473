"""`streamly keys` and `accounts erase`: master keys take over from each other, and a person is gone for good."""

import base64

from tests.cli.running import Run, said

OLDEST, OLD, NEW = (f"{name}:{base64.b64encode(name.encode() * 4).decode()}" for name in ("a" * 8, "b" * 8, "c" * 8))
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


def test_a_person_is_erased_by_command(streamly: Run) -> None:
    admin_made(streamly, "boris@example.com")
    anna = admin_made(streamly, "anna@example.com")

    erased = said(streamly("accounts", "erase", anna, "--yes", "--json", MASTER_KEYS=BEFORE))

    assert (erased["account_id"], erased["status"]) == (anna, "erased")
    assert said(streamly("accounts", "list", "--email", "anna@example.com", "--json", MASTER_KEYS=BEFORE)) == []

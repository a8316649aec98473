"""What each command prints, and how it ends."""

import json
import subprocess
import sys
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import make_conninfo

from entrypoints.cli.main import main
from tests.cli.running import Run, said


def test_an_admin_is_made_once_and_the_second_time_refused_in_one_line(streamly: Run) -> None:
    made = said(
        streamly(
            "accounts", "create-admin", "ada@example.com", "--password-stdin", "--json", stdin="onion-soup-at-noon\n"
        )
    )
    assert (made["email"], made["role"], made["position"]) == ("ada@example.com", "admin", 1)
    again = streamly("accounts", "create-admin", "Ada@Example.com", "--password-stdin", stdin="onion-soup-at-noon\n")
    assert again.returncode == 3
    assert again.stderr == "streamly: Somebody has registered with this address.\n"
    weak = streamly("accounts", "create-admin", "bob@example.com", "--password-stdin", stdin="password12\n")
    assert (weak.returncode, "Traceback" in weak.stderr) == (3, False)


def test_accounts_are_listed_newest_first_and_found_by_address(streamly: Run) -> None:
    for name in ("ada", "bob"):
        email = f"{name}@example.com"
        said(streamly("accounts", "create-admin", email, "--password-stdin", "--json", stdin="onion-soup-at-noon\n"))

    listed = said(streamly("accounts", "list", "--json"))
    assert [(row["email"], row["role"], row["state"]) for row in listed] == [
        ("bob@example.com", "admin", "enabled"),
        ("ada@example.com", "admin", "enabled"),
    ]
    assert said(streamly("accounts", "list", "--limit", "1", "--json")) == listed[:1]
    assert said(streamly("accounts", "list", "--email", "ADA@example.com", "--json")) == listed[1:]
    assert said(streamly("accounts", "list", "--phone", "+48600100200", "--json")) == []


def test_a_timeline_and_an_answer_about_access_can_be_read(streamly: Run) -> None:
    made = said(
        streamly(
            "accounts", "create-admin", "ada@example.com", "--password-stdin", "--json", stdin="onion-soup-at-noon\n"
        )
    )
    (fact,) = said(streamly("audit", "timeline", made["id"], "--json"))
    assert (fact["position"], "registered" in fact["summary"]) == (1, True)
    access = said(streamly("audit", "access", made["id"], "--json"))
    assert (access["granted"], access["reason"]) == (False, "no_subscription")
    unknown = streamly("audit", "timeline", "00000000-0000-4000-8000-000000000000")
    assert (unknown.returncode, len(unknown.stderr.splitlines())) == (3, 1)
    assert "does not exist" in unknown.stderr


def test_an_account_is_disabled_and_enabled_with_its_reason_on_the_ledger(streamly: Run) -> None:
    made = said(
        streamly(
            *("accounts", "create-admin", "ada@example.com", "--role", "support", "--password-stdin", "--json"),
            stdin="onion-soup-at-noon\n",
        )
    )
    said(streamly("accounts", "disable", made["id"], "--reason", "chargebacks", "--json"))
    access = said(streamly("audit", "access", made["id"], "--json"))
    assert (access["granted"], access["reason"]) == (False, "blocked")
    assert access["deciding"][0]["summary"] == "The account was disabled: chargebacks."
    said(streamly("accounts", "enable", made["id"], "--reason", "settled", "--json"))
    assert said(streamly("audit", "access", made["id"], "--json"))["reason"] == "no_subscription"


def test_the_doctor_masks_the_password_unless_it_is_asked_for(streamly: Run, database: str) -> None:
    with_password = make_conninfo(database, password="onions")
    masked = said(streamly("doctor", "--json", DATABASE_URL=with_password))
    assert masked["well"]
    assert "onions" not in json.dumps(masked)
    shown = said(streamly("doctor", "--json", "--secrets", DATABASE_URL=with_password))
    assert "onions" in shown["database_url"]


def test_the_doctor_names_a_policy_that_has_passed_over_a_fact_and_counts_the_videos_that_failed(
    streamly: Run, database: str
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO ledger.policies VALUES ('transcode_uploads', 7, 'fact 7: not to be read')")
        connection.execute("INSERT INTO jobs.transcodes (video_id, status) VALUES (gen_random_uuid(), 'failed')")

    examined = streamly("doctor")

    assert examined.returncode == 1
    assert "WRONG policy transcode_uploads: fact 7: not to be read" in examined.stdout
    assert "ok    policy settle_prices: 0 facts behind" in examined.stdout
    assert "WRONG transcodes: 1 have failed for good; the worker's log says why" in examined.stdout


def test_in_production_a_missing_secret_stops_the_start_and_is_named(streamly: Run) -> None:
    refused = streamly("serve", ENV="production")
    assert refused.returncode == 3
    assert "MASTER_KEYS is missing (ENV=production)" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_in_production_tables_are_only_made_by_migrate(streamly: Run, databases: Any) -> None:
    empty = databases.create()
    secrets = {
        "ENV": "production",
        "PUBLIC_URL": "https://videos.example.com",
        "JWT_SECRET": "a-secret-of-more-than-thirty-two-characters",
        "MASTER_KEYS": "k1:zqkK6ymfUAUdD08tT3PNhLqUp0maxLhE5wUcm3mjpJU=",
        "SMTP_URL": "smtps://streamly:password@mail.example.com",
        "STRIPE_SECRET_KEY": "sk_live_1",
        "STRIPE_WEBHOOK_SECRETS": "whsec_of-more-than-sixteen-characters",
    }
    refused = streamly("doctor", DATABASE_URL=empty, **secrets)
    assert (refused.returncode, "run `streamly migrate` first" in refused.stderr) == (3, True)
    applied = said(streamly("migrate", "--json", DATABASE_URL=empty, **secrets))["applied"]
    assert applied[0] == "0001_ledger.sql"
    assert said(streamly("migrate", "--json", DATABASE_URL=empty, **secrets))["applied"] == []
    databases.drop(empty)


def test_a_database_that_does_not_answer_is_said_in_one_line_and_nothing_takes_its_place(streamly: Run) -> None:
    refused = streamly("doctor", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none?connect_timeout=2")
    assert refused.returncode == 3
    assert len(refused.stderr.strip().splitlines()) == 1


def test_what_nobody_foresaw_is_told_with_its_traceback_and_is_no_finding(streamly: Run, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE ledger.read_models DROP COLUMN trouble")

    failed = streamly("projections", "list")

    assert (failed.returncode, failed.stdout) == (3, "")
    assert failed.stderr.startswith("Traceback")


def test_a_question_that_nobody_answers_fails() -> None:
    asked = CliRunner().invoke(main, ["accounts", "create-admin", "ada@example.com"], input="")

    assert asked.exit_code == 3
    assert asked.stderr.endswith("streamly: there is nobody to answer\n")


def test_the_librarys_unlocked_function_stops_the_start(streamly: Run) -> None:
    refused = streamly("doctor", POSTGRES_ENABLE_DB_FUNCTIONS="y")
    assert (refused.returncode, "POSTGRES_ENABLE_DB_FUNCTIONS" in refused.stderr) == (3, True)


@pytest.mark.parametrize("folder", ["/etc/passwd", "/proc/nope"])
def test_a_data_folder_that_cannot_be_is_said_in_one_line(streamly: Run, folder: str) -> None:
    refused = streamly("doctor", DATA_DIR=folder)
    assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (3, 1)
    assert folder in refused.stderr


INTERRUPTED_WHILE_LOADING = """
import runpy, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "entrypoints.wiring":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Finder())
runpy.run_module("entrypoints.cli", run_name="__main__")
"""


def test_ctrl_c_while_the_program_is_being_loaded_ends_it_without_a_word() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_LOADING], capture_output=True, text=True, timeout=90, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_package_is_the_program_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "--version"], capture_output=True, text=True, timeout=90, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")

"""PostgreSQL refuses to be root: what it becomes instead, and what it reaches then."""

import os
import pwd
import shutil
import sys
from pathlib import Path

import pytest

from adapters.embedded_postgres.binaries import find_binaries
from adapters.embedded_postgres.identity import Identity, take_over
from tests.adapters.embedded_postgres.programs import acknowledged, committing

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="root on Linux alone can be somebody else"
)

RESTRICTED = (sys.executable, "-m", "tests.adapters.embedded_postgres.restricted")
NO_NAMESPACES = (*RESTRICTED, "no_namespaces")
NO_SETUID = (*RESTRICTED, "no_setuid")
NAMELESS_UID = 54_321


def ordinary_user(uid: int) -> Identity:
    """One who may pass closed folders besides, or it could not reach a project that lies in one."""
    return Identity("setuid_reaching", uid, uid, uid, uid)


NOBODY = ordinary_user(pwd.getpwnam("nobody").pw_uid)


def runs(data_dir: Path, *, identity: Identity | None = None, before: tuple[str, ...] = ()) -> bool:
    with committing(data_dir, identity=identity, before=before) as program:
        return len(acknowledged(program, at_least=3)) == 3


def owner_of(data_dir: Path) -> int:
    return (data_dir / "cluster" / "PG_VERSION").stat().st_uid


@pytest.fixture(scope="module")
def _namespaces_allowed(tmp_path_factory: pytest.TempPathFactory) -> None:
    identity = take_over(tmp_path_factory.mktemp("trial"), find_binaries(None, made_by=None))
    if identity.how != "namespace":
        pytest.skip("no user namespaces here")


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """In a folder that nobody but root may enter, as /root is."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    return folder / "postgres"


@pytest.fixture
def of_nobody(tmp_path: Path) -> Path:
    folder = tmp_path / "postgres"
    folder.mkdir(mode=0o700)
    shutil.chown(folder, NOBODY.uid, NOBODY.gid)
    return folder


@pytest.mark.usefixtures("_namespaces_allowed")
def test_in_a_user_namespace_the_files_stay_roots(closed: Path) -> None:
    assert runs(closed)
    assert owner_of(closed) == 0


@pytest.mark.usefixtures("_namespaces_allowed")
def test_without_namespaces_it_is_nobody_and_goes_on_with_the_other_ways_folder(closed: Path) -> None:
    assert runs(closed)
    assert runs(closed, before=NO_NAMESPACES)
    assert owner_of(closed) == NOBODY.uid
    assert runs(closed)
    assert runs(closed, before=NO_SETUID)
    assert owner_of(closed) == 0


def test_an_ordinary_user_needs_none_of_this_and_keeps_the_folder_that_root_used_in_between(of_nobody: Path) -> None:
    assert runs(of_nobody, identity=NOBODY)
    assert runs(of_nobody)
    assert owner_of(of_nobody) == NOBODY.uid
    assert runs(of_nobody, identity=NOBODY)


def test_an_ordinary_user_is_told_that_the_folder_is_anothers(closed: Path) -> None:
    assert runs(closed)
    with committing(closed, identity=NOBODY) as program:
        _, said = program.communicate(timeout=10)
    assert said.startswith("No embedded PostgreSQL: [Errno 13] Permission denied")
    assert said.count("\n") == 1

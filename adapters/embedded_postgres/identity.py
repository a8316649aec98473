"""Which user PostgreSQL runs as: it refuses to be root, and has to reach its own programs and data."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from adapters.embedded_postgres.binaries import Binaries
from adapters.embedded_postgres.unavailable import EmbeddedPostgresUnavailable

# How a program's life hangs on ours: see launch.py.
Tie = Literal["exec", "guard"]

LAUNCHER = Path(__file__).with_name("launch.py")
TRIAL = 'cd "$1" && test -w . && exec "$2" --version'
TRIAL_TIMEOUT_SECONDS = 10.0
REMEDY = (
    "set STREAMLY_PG_BIN and DATA_DIR to folders that every user may enter, run as an ordinary user, "
    "or set DATABASE_URL to a server of your own"
)


@dataclass(frozen=True)
class Identity:
    """A way to run a program as somebody other than root, and who owns the files that it makes.

    `itself`: as we are. `namespace`: in a user namespace that shows us under the name of `nobody`, while files see who
    we are. `setuid`: as another user. `setuid_reaching`: as another user who may pass through closed folders, such as
    a /root that holds the project.
    """

    how: Literal["itself", "namespace", "setuid", "setuid_reaching"]
    uid: int
    gid: int
    owner_uid: int
    owner_gid: int

    def command(self, program: str, *arguments: str, tie: Tie = "exec") -> list[str]:
        """The command line that runs the program under this identity for as long as this thread lives."""
        life = (tie, str(os.getpid()))
        identity = (self.how, str(self.uid), str(self.gid))
        return [sys.executable, "-I", "-S", str(LAUNCHER), *life, *identity, program, *arguments]

    def objection(self, folder: Path, binaries: Binaries) -> str:
        """Why PostgreSQL cannot run so in that folder; empty when it can."""
        command = self.command("/bin/sh", "-c", TRIAL, "sh", str(folder), binaries.program("postgres"))
        trial = subprocess.run(command, capture_output=True, text=True, timeout=TRIAL_TIMEOUT_SECONDS, check=False)
        return "" if trial.returncode == 0 else trial.stderr.strip() or "the data folder cannot be written"


def take_over(folder: Path, binaries: Binaries) -> Identity:
    """The first identity under which PostgreSQL can work in the folder, which it then owns."""
    objection = "the system has no user `nobody`"
    for identity in _candidates(folder):
        _give(folder, identity)
        objection = identity.objection(folder, binaries)
        if not objection:
            return identity
    reason = f"it cannot run as another user than root, or reach {folder} and {binaries.bin_dir}: {objection}"
    raise EmbeddedPostgresUnavailable(reason, REMEDY)


def _candidates(folder: Path) -> Iterator[Identity]:
    """Best first: whoever owns the folder keeps it, and no more of root's power is lent than it takes."""
    uid, gid, owner = os.geteuid(), os.getegid(), folder.stat()
    if uid != 0 and _user(uid):  # initdb asks for a name, and in a container a uid may have none
        yield Identity("itself", uid, gid, uid, gid)
        return
    nobody = _user("nobody")
    if nobody is None:
        return
    namespace = Identity("namespace", nobody.pw_uid, nobody.pw_gid, uid, gid)
    if owner.st_uid == uid:
        yield namespace
    if uid == 0:
        other = (owner.st_uid, owner.st_gid) if owner.st_uid else (nobody.pw_uid, nobody.pw_gid)
        yield Identity("setuid", *other, *other)
        yield Identity("setuid_reaching", *other, *other)
    if owner.st_uid != uid:
        yield namespace


def _user(who: int | str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(who) if isinstance(who, str) else pwd.getpwuid(who)
    except KeyError:
        return None


def _give(folder: Path, identity: Identity) -> None:
    """Bottom up, so that a change of owner that was cut short is begun again."""
    if folder.stat().st_uid == identity.owner_uid:
        return
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in (*folders, *files):
            os.chown(Path(parent, name), identity.owner_uid, identity.owner_gid, follow_symlinks=False)
    os.chown(folder, identity.owner_uid, identity.owner_gid)

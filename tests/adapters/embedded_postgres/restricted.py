"""Runs a program as a root that lacks something: `no_namespaces`, as in most containers, or `no_setuid`."""

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_CAPBSET_DROP = 24
CAP_SETUID = 7
EVERY_ID = "0 0 65536"

libc = ctypes.CDLL(None, use_errno=True)


def main(what: str, *command: str) -> None:
    if what == "no_namespaces":
        allow_no_namespaces()
    else:
        assert libc.prctl(PR_CAPBSET_DROP, CAP_SETUID, 0, 0, 0) == 0
    os.execvp(command[0], command)


def allow_no_namespaces() -> None:
    """Enters a user namespace in which root is root, and the limit of further ones is 0."""
    entered, mapped = os.pipe(), os.pipe()
    parent = os.getpid()
    if os.fork() == 0:
        os.read(entered[0], 1)
        Path(f"/proc/{parent}/uid_map").write_text(EVERY_ID)
        Path(f"/proc/{parent}/gid_map").write_text(EVERY_ID)
        os.write(mapped[1], b"!")
        os._exit(0)
    assert libc.unshare(CLONE_NEWUSER) == 0
    os.write(entered[1], b"!")
    os.read(mapped[0], 1)
    os.wait()
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Becomes FFmpeg under limits that the kernel keeps: `launcher.py PARENT CPU_SECONDS MEMORY FILE PROGRAM ARGUMENT...`.

Started as a script of its own, since code between fork and exec (`preexec_fn`) can lock up a process with threads.
"""

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000  # linux/sched.h
GRACE_SECONDS = 30


def limit(kind: int, soft: int, hard: int) -> None:
    """Lower a limit, and never try to raise one that we were started under."""
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def leave_the_network() -> None:
    """From here on there is none, not even this machine's own addresses: see network_namespaces(7).

    Whoever is not root needs a namespace of users for it, which some systems refuse: then FFmpeg's list of protocols
    alone keeps it from the network.
    """
    if sys.platform != "linux":
        return
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    if unshare(CLONE_NEWNET) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    if unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0:
        for name, line in (("setgroups", "deny"), ("gid_map", f"{group} {group} 1"), ("uid_map", f"{user} {user} 1")):
            with suppress(OSError):
                Path("/proc/self", name).write_text(line)


def die_with(parent: int) -> None:
    """Killed by the kernel as soon as the parent is gone, even by `kill -9`; other systems than Linux lack this."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("launcher: the parent is gone")


def main() -> None:
    parent, cpu_seconds, memory_bytes, file_bytes = map(int, sys.argv[1:5])
    program = sys.argv[5:]
    os.setsid()
    leave_the_network()
    die_with(parent)
    # FFmpeg ends by itself at the soft limit and says so; the hard one is for an FFmpeg that no longer listens.
    limit(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + GRACE_SECONDS)
    limit(resource.RLIMIT_FSIZE, file_bytes, file_bytes)
    limit(resource.RLIMIT_CORE, 0, 0)
    with suppress(OSError, ValueError):  # some systems have no such limit
        limit(resource.RLIMIT_AS, memory_bytes, memory_bytes)
    try:
        os.execv(program[0], program)
    except OSError as refused:
        sys.exit(f"launcher: {program[0]}: {refused.strerror}")


if __name__ == "__main__":
    main()

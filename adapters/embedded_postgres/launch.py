"""Turns this process into PostgreSQL: under another identity, and tied to the life of the process that asked for it.

A script of the standard library alone, which starts in 15 ms and keeps unsafe work out of a threaded parent:

    python -I -S launch.py TIE PARENT_PID IDENTITY UID GID PROGRAM [ARGUMENT...]

TIE is `exec` (become the program; on Linux the kernel interrupts it when the parent's thread ends) or `guard` (stay
beside the program, and interrupt it when standard input ends). identity.py explains IDENTITY; UID and GID are what the
program sees itself run as.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType

# linux/sched.h, linux/prctl.h and linux/capability.h
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


class CapabilitySets(ctypes.Structure):
    """One of the two 32-bit halves that capget(2) and capset(2) exchange."""

    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def main(tie: str, parent_pid: str, identity: str, uid: str, gid: str, *command: str) -> None:
    # A shell starts background jobs with SIGINT ignored, which would be passed on to the program.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    become(identity, int(uid), int(gid))
    # PGPORT, PGOPTIONS, PGTZ and the like must not reach the server, and its messages stay in English.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    if tie == "guard":
        sys.exit(guard(command, environment))
    die_with_parent(int(parent_pid))
    os.execve(command[0], command, environment)


def become(identity: str, uid: int, gid: int) -> None:
    if identity == "namespace":
        enter_user_namespace(uid, gid)
    elif identity == "setuid":
        drop_to(uid, gid)
    elif identity == "setuid_reaching":
        call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
        drop_to(uid, gid)
        keep_reaching_files()


def enter_user_namespace(uid: int, gid: int) -> None:
    """Call today's user `uid` from here on; files still see who it really is."""
    real_uid, real_gid = os.geteuid(), os.getegid()
    call("unshare", CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")  # user_namespaces(7): first, or gid_map is refused
    Path("/proc/self/gid_map").write_text(f"{gid} {real_gid} 1")
    Path("/proc/self/uid_map").write_text(f"{uid} {real_uid} 1")


def drop_to(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def keep_reaching_files() -> None:
    """Keep of root's powers, also past exec, the smaller one there is to pass folders that are closed to the user."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    halves = (CapabilitySets * 2)()
    call("capget", header, halves)
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        bit = 1 << capability
        if halves[0].permitted & bit:
            call("capset", header, (CapabilitySets * 2)(CapabilitySets(bit, bit, bit)))
            call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)
            return


def die_with_parent(parent_pid: int) -> None:
    """Has to come after any change of user, which undoes it."""
    if sys.platform == "linux":
        call("prctl", PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != parent_pid:
            sys.exit("the parent ended before the program began")


def guard(command: tuple[str, ...], environment: dict[str, str]) -> int:
    """Run the program, pass signals on to it, and interrupt it when the parent's end of standard input closes."""
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False, env=environment)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        program.send_signal(number)

    def interrupt_at_end_of_input() -> None:
        while os.read(0, 1):
            pass
        program.send_signal(signal.SIGINT)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, pass_on)
    threading.Thread(target=interrupt_at_end_of_input, daemon=True).start()
    return program.wait()


def call(name: str, *arguments: object) -> None:
    """A call of the C library, with numbers passed as unsigned longs; raises OSError when it fails."""
    passed = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in arguments]
    if getattr(libc, name)(*passed) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(str(error))

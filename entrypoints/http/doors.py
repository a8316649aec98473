"""How a listening socket is closed so that nobody stands in the door: on Linux, whose kernel shakes hands for us."""

import ctypes
import socket
import struct
from contextlib import suppress

SO_ATTACH_FILTER = 26
"""Of Linux's asm-generic/socket.h; Python has no name for it."""

# Classic BPF, from the TCP header on: load the byte of flags, keep SYN and ACK, drop where it is SYN alone.
DROP_NEWCOMERS = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, 13),
        (0x54, 0, 0, 0x12),
        (0x15, 0, 1, 0x02),
        (0x06, 0, 0, 0),
        (0x06, 0, 0, 0xFFFFFFFF),
    )
)


def turn_newcomers_away(listening: socket.socket) -> None:
    """Nobody connects any more, and who has connected can still be accepted; for all processes that share the socket.

    Closed at once, the socket would reset those whom nobody has accepted yet, whose requests may be on their way. A
    newcomer hears nothing, asks again after a second, and is refused or served by whoever listens then. Where the
    system cannot do it, nothing happens.
    """
    code = ctypes.create_string_buffer(DROP_NEWCOMERS)
    program = struct.pack("HP", len(DROP_NEWCOMERS) // 8, ctypes.addressof(code))
    with suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)

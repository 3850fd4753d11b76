# SPDX-License-Identifier: MIT
"""The sockets through which a guest is debugged, in the build directory or where --sockets says.

A lock keeps the folder to one guest: a second one would replace the first one's sockets, and either debugger would then
talk to the wrong guest.
"""
import fcntl
import os
from contextlib import contextmanager

from tree import Failure

CONSOLE, GDB = "scripts/debug", "guest with a debugger"


def console(o):
    return o.sockets / "console.sock"


def console_log(o):
    return o.sockets / "console.log"


def gdb(o):
    return o.sockets / "gdb.sock"


@contextmanager
def held(o, what):
    """Keep the folder for this process's console (CONSOLE) or guest (GDB)."""
    path = o.sockets / {CONSOLE: "console.lock", GDB: "gdb.lock"}[what]
    try:
        lock = open(path, "w")
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(f"{o.sockets} belongs to another {what} that is still running: end it, or choose another "
                          "folder with --sockets DIR")
        yield


def remove_old(o):
    """A socket that a guest left behind must not pass for a new one's."""
    with held(o, GDB):
        gdb(o).unlink(missing_ok=True)


def option(o):
    """The words that name the folder in a command that a message suggests."""
    return "" if o.sockets == o.build else f" --sockets {os.path.relpath(o.sockets)}"

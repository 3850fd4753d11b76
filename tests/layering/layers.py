# SPDX-License-Identifier: MIT
"""The rooms of kernel/, lowest first: a room includes and calls only rooms that precede it in this list.

What a lower room needs of a higher one it gets by registration: a small `const struct ..._ops`, or a function, that
the higher room installs. A folder of a room may stand elsewhere than the room: the recording half of debug/ and
trace/ is at the bottom, because every room above records; what reads the records and prints them is higher.
"""
from pathlib import PurePosixPath

ROOMS = ("kernel/lib", "hal", "kernel/debug", "kernel/trace", "kernel/base", "kernel/mm", "kernel/sched",
         "kernel/debug/report", "kernel/fault", "kernel/io", "kernel/trace/report", "kernel/tty", "kernel/fs",
         "kernel/program", "kernel/jit", "kernel/load", "kernel/module", "kernel/wasi", "kernel/wasm", "kernel/cil",
         "kernel/test", "kernel/shell", "kernel/livepatch", "kernel/boot", "kernel")

# (file, room that it may not see but does). A row may only disappear.
EXCEPTIONS = {
}


def room_of(path):
    """The deepest room that the file is in, or None: foreign bytes (boot/), drivers, machines, tests."""
    for folder in PurePosixPath(path).parents:
        if folder.as_posix() in ROOMS:
            return folder.as_posix()
    return None


def is_upward(path, other):
    """Whether the first file is in a room below the second one's, or may include everything, because it is outside the rooms."""
    room, above = room_of(path), room_of(other)
    if room is None or (path, above or "drivers") in EXCEPTIONS:
        return False
    if above is None:
        return other.startswith("drivers/")
    return ROOMS.index(above) > ROOMS.index(room)

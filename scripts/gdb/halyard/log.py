# SPDX-License-Identifier: MIT
"""The kernel's log ring, in the format of kernel/base/log.c: also lines that the console did not show."""
import struct

import gdb

from .target import Command, static

LEVELS = ("error", "warning", "info", "debug")


def lines():
    """(seconds, CPU, level, text) of every line in the ring, oldest first."""
    ring, starts = static("log.c", "ring"), static("log.c", "starts")
    size, slots = ring.type.sizeof, starts.type.sizeof // 8
    data = bytes(gdb.selected_inferior().read_memory(int(ring.address), size))
    positions = struct.unpack(f"<{slots}Q", gdb.selected_inferior().read_memory(int(starts.address), 8 * slots))
    header = gdb.lookup_type("struct header")
    offset = {f.name: f.bitpos // 8 for f in header.fields()}
    twice = data + data  # a line may wrap around the ring's end
    for number in range(int(static("log.c", "first_line")), int(static("log.c", "next_line"))):
        at = positions[number % slots] % size
        time, = struct.unpack_from("<Q", twice, at + offset["time_ns"])
        cpu, = struct.unpack_from("<I", twice, at + offset["cpu"])
        length, = struct.unpack_from("<H", twice, at + offset["len"])
        text = twice[at + header.sizeof:at + header.sizeof + length]
        yield time / 1e9, cpu, twice[at + offset["level"]], text.decode(errors="replace")


class Log(Command):
    """The last N lines of the kernel's log, shown on the console or not: halyard log [N]. Default: all."""

    name = "log"

    def run(self, argv):
        found = list(lines())
        for seconds, cpu, level, text in found[-int(argv[0]):] if argv else found:
            name = LEVELS[level] if level < len(LEVELS) else str(level)
            print(f"[{seconds:12.6f} {cpu}] {name:7} {text}")


def register():
    Log()

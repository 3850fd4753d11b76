# SPDX-License-Identifier: MIT
"""The guest's own report of how a run went, and the exit status that follows from all witnesses.

The guest writes records of two bytes, [kind, status], to a channel of its own (hal/power.h: an isa-debugcon port on
x86_64, semihosting's SYS_WRITEC on aarch64). Console text is never parsed.
"""
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    STATUS = ord("E")   # a program or test run ended, with its status
    PANIC = ord("P")
    FAULT = ord("F")    # a program faulted or was killed
    REFUSED = ord("R")  # a program was not found, or the loader refused it
    REBOOT = ord("B")
    OFF = ord("O")
    READY = ord("S")    # from here on the guest reads console input
    ENTERED = ord("K")  # firmware has ended, the kernel runs


READY_FRAMED = 1  # READY's status, if the guest expects its input in frames

FAULT, PANIC, RESET, GUEST_ERROR, TIMEOUT, NOT_RUN = 119, 120, 121, 122, 124, 125

# The last line on standard error, which distinguishes them from a program that exits with the same number.
NAMES = {
    FAULT: "program fault",
    PANIC: "panic",
    RESET: "reset",
    GUEST_ERROR: "guest error",
    TIMEOUT: "time-out",
    NOT_RUN: "not run",
}


class Records:
    """Parses the channel's bytes as they arrive and returns complete records."""

    def __init__(self):
        self._rest = b""

    def feed(self, data):
        data = self._rest + data
        whole = len(data) // 2 * 2
        self._rest = data[whole:]
        for at in range(0, whole, 2):
            kind, status = data[at:at + 2]
            try:
                yield Kind(kind), status
            except ValueError:
                yield None, kind  # noise on the channel is a guest error


@dataclass
class Outcome:
    """Everything that was seen of one run."""

    one_shot: bool = False            # a program, test or benchmark run, which must report a status
    last: tuple = None                # the last record that ends a run
    reset: str = None                 # why the machine reset unexpectedly
    complaints: list = field(default_factory=list)  # lines of QEMU's log that are not known to be harmless
    timed_out: bool = False
    quit: bool = False                # the person at the terminal ended QEMU
    qemu_failed: str = None           # QEMU itself broke

    def record(self, kind, status):
        """True if a one-shot run has reported its result: the power-off after it is expected."""
        decided = self.one_shot and self.last and self.last[0] in (Kind.STATUS, Kind.FAULT, Kind.REFUSED)
        if kind in (Kind.REBOOT, Kind.OFF) and decided:
            return
        if kind not in (Kind.READY, Kind.ENTERED):
            self.last = (kind, status)

    def exit_status(self):
        """(status, special): special if it comes from the runner and not from the program."""
        kind, status = self.last or (None, None)
        if self.qemu_failed:
            return NOT_RUN, True
        if kind is Kind.PANIC:
            return PANIC, True
        if self.reset:
            return RESET, True
        if self.timed_out:
            return TIMEOUT, True
        if self.complaints:
            return GUEST_ERROR, True
        if kind is Kind.FAULT:
            return FAULT, True
        if kind is Kind.REFUSED:
            return NOT_RUN, True
        if kind is Kind.STATUS:
            return status, False
        return 0, False

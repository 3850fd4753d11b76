# SPDX-License-Identifier: MIT
"""Exception storms: a CPU that takes the same exception forever.

Nothing reports such a guest: if vectors are on a page that is not executable, for example, they fault on their own
first instruction, silently and endlessly. A run that has been silent for a while is therefore checked with QEMU's
exception log, so briefly that a healthy guest hardly notices. If two checks in a row find the same single exception
repeatedly, the run is over. A kernel that waits or computes takes timer interrupts, or nothing at all.
"""
import time

FIRST_LOOK_S = 10   # seconds of silence on console and status channel; later checks are rarer
RARELY_S = 60
LOOK_S = 0.02
SETTLE_S = 0.3      # until all output of the check has been read
REPEATS = 100       # occurrences of one exception in one check

QUIET = "log guest_errors,unimp,cpu_reset"
LOOKING = QUIET + ",int"


def repeated(exceptions):
    """The only exception that a check saw, or None."""
    if len(exceptions) >= REPEATS and len(set(exceptions)) == 1:
        return exceptions[0]
    return None


class Watch:
    """Decides when to check. The lines arrive through the log, which collects them."""

    def __init__(self, log, monitor):
        self._log, self._monitor = log, monitor
        self._suspect = None
        self._interval = FIRST_LOOK_S
        self._step = self._start_look
        self._due = time.monotonic() + self._interval

    def activity(self):
        """The guest produced output, so it is not stuck."""
        self._suspect, self._interval = None, FIRST_LOOK_S
        if self._step == self._start_look:
            self._due = time.monotonic() + self._interval

    def due(self):
        return self._due

    def tick(self):
        """Do what is due. Returns a description of the storm, or None."""
        return self._step() if time.monotonic() >= self._due else None

    def _next(self, step, delay):
        self._step, self._due = step, time.monotonic() + delay

    def _start_look(self):
        self._log.exceptions = []
        self._monitor(LOOKING)
        self._next(self._stop_look, LOOK_S)

    def _stop_look(self):
        self._monitor(QUIET)
        self._next(self._judge, SETTLE_S)

    def _judge(self):
        seen, self._log.exceptions = self._log.exceptions[:-1], None  # the last line may be incomplete
        found, before = repeated(seen), self._suspect
        self._suspect = found
        self._next(self._start_look, 1 if found else self._interval)
        self._interval = min(2 * self._interval, RARELY_S)
        return f"exception storm: {found}" if found and found == before else None

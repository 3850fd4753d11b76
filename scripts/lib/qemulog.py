# SPDX-License-Identifier: MIT
"""QEMU's log as a witness: messages of -d guest_errors,unimp,cpu_reset that are not known to be harmless.

Four kernels from which Halyard learned each stopped at a bug that QEMU had reported in a log that was not read. Here
every line counts unless harmless-messages.txt lists it.
"""
import re
from pathlib import Path

# A reset is logged as a dump of registers; the runner learns of resets from QMP and needs only the cause.
REGISTERS = re.compile(r"CPU Reset \(CPU \d+\)|\s*[A-Z][A-Z0-9]* *=.*")
TRIPLE_FAULT = "Triple fault"

# Lines that -d int adds while storm.py checks: an exception, more about the last one, and others.
EXCEPTION = re.compile(r" *\d+: (v=[01].*)|(Taking exception .*)")
EXCEPTION_MORE = re.compile(r"\.\.\.(?:from|with|to) .*")
# These are no faults: an interrupt, or a breakpoint. A patched function traps until the other CPUs have noticed.
NOT_A_FAULT = re.compile(r"\[(IRQ|FIQ|Breakpoint)\]|v=03 e=0000 i=1 ")
INTERRUPT = re.compile(r" *\d+: v=.*|check_exception .*|Servicing hardware INT=.*|SMM: .*|Exception return from .*")

COMPLAINTS_KEPT = 1000


def read_harmless(path=Path(__file__).with_name("harmless-messages.txt")):
    """The patterns of the data file by section: {"firmware": regex, "always": regex}."""
    sections, patterns = {}, None
    for line in path.read_text().splitlines():
        if line.startswith("["):
            patterns = sections.setdefault(line[1:-1].split(":")[0], [])
        elif line and not line.startswith("#"):
            patterns.append(f"(?:{line})")
    return {name: re.compile("|".join(found)) for name, found in sections.items()}


class Log:
    """Parses the log's bytes as they arrive; collects complaints, triple faults and, on request, exceptions."""

    def __init__(self, in_firmware):
        self.harmless = read_harmless()
        self.in_firmware = in_firmware  # until the kernel runs
        self.complaints = []
        self.triple_fault = False
        self.exceptions = None  # a list while exceptions are requested
        self._is_fault = False  # the last exception is in the list
        self._rest = b""

    def feed(self, data):
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._judge(line.decode(errors="replace").rstrip())

    def close(self):
        if self._rest:
            self.feed(b"\n")

    def _judge(self, line):
        if not line or REGISTERS.fullmatch(line) or self._is_exception(line):
            return
        if line == TRIPLE_FAULT:
            self.triple_fault = True
            return
        if self.harmless["always"].fullmatch(line):
            return
        if self.in_firmware and self.harmless["firmware"].fullmatch(line):
            return
        self.complain(line)

    def complain(self, line):
        """Keep the line, unless there are so many already that one more adds nothing."""
        if len(self.complaints) < COMPLAINTS_KEPT:
            self.complaints.append(line)

    def _is_exception(self, line):
        match = EXCEPTION.fullmatch(line)
        if match:
            self._is_fault = self.exceptions is not None and not NOT_A_FAULT.search(line)
            if self._is_fault:
                self.exceptions.append(match[1] or match[2])
            return True
        if EXCEPTION_MORE.fullmatch(line):
            if self._is_fault and self.exceptions:
                self.exceptions[-1] += " " + line.removeprefix("...")
            return True
        return INTERRUPT.fullmatch(line) is not None

# SPDX-License-Identifier: MIT
"""What only a PC can lack: CPUs on which the kernel cannot run, clocks for calibration, ACPI."""
from smoke import TestCase, for_machine, program, run

# CPU model, and the message of the 32-bit start code about it.
REFUSED = {
    "qemu32": "CPU: it has no 64-bit mode",
    "max,nx=off": "CPU: it has no execute-disable bit",
    "max,sse2=off": "CPU: it has no SSE2",
    "max,apic=off": "CPU: it has no local APIC",
}

# QEMU's options, and the clock against which the others are then calibrated.
CLOCKS = {
    "hpet": ("", "HPET"),
    "pm_timer": ("-no-hpet", "PM timer"),
    "pit": ("-no-acpi", "PIT"),
}


class Cpu(TestCase):
    """An unsuitable CPU is reported before anything depends on it."""


class Clock(TestCase):
    """The kernel runs with each clock; without ACPI it still finds its interrupts and its disk."""


def refused_test(cpu, sentence):
    def test(self):
        self.expect(run("--boot", "kernel", "--cpu", cpu), 120, "panic", contains=sentence)
    return for_machine("x86_64")(test)


def clock_test(qemu, reference):
    def test(self):
        result = run("--boot", "kernel", "--machine", "pc", f"--qemu={qemu}", "--append", "loglevel=debug",
                     typed="poweroff\n")
        self.expect(result, 0, contains=["halyard> ", f"measured against {reference}"])
        self.expect(run("--boot", "kernel", "--machine", "pc", f"--qemu={qemu}", "--program", program("hello")),
                    0, contains="Hello from a program")
    return for_machine("x86_64")(test)


for _cpu, _sentence in REFUSED.items():
    setattr(Cpu, "test_refused_" + _cpu.replace(",", "_").replace("=", "_"), refused_test(_cpu, _sentence))
for _name, (_qemu, _reference) in CLOCKS.items():
    setattr(Clock, f"test_{_name}", clock_test(_qemu, _reference))

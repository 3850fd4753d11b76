# SPDX-License-Identifier: MIT
"""Interrupts of real devices: messages where the machine has a way for them, lines that are shared where
not, and storms. The in-guest tests judge, with two of QEMU's "edu" devices and a disk behind one pin."""
from smoke import MACHINE, TestCase, for_machine, run

EDUS = "-device edu,addr=5 -device edu,addr=9"
BY_LINE = "-global virtio-blk-pci.vectors=0"
DISK = "-blockdev driver=null-co,node-name=d,size=1048576 -device virtio-blk-pci,drive=d"

# Machine to what its messages go through.
MESSAGES = {
    "x86_64": {"q35": "local APIC", "pc": "local APIC"},
    "aarch64": {"gic-version=2": "gicv2m", "gic-version=3": "gicv3 its"},
}


class Interrupts(TestCase):
    def judge(self, machine):
        result = run("--machine", machine, "--test", "edu_*", f"--qemu={EDUS} {BY_LINE}")
        self.expect(result, 0, contains=[
            "ok 7 - ", "came 10000 times in a row and no handler claimed it; handlers: 0000:00:0",
            "its handlers claim it, but it does not end"])
        self.assertNotIn("# SKIP", result.output)


class Choice(TestCase):
    """Which way a disk interrupts, and what `irq` says of it."""

    def look(self, machine, *words):
        result = run("--machine", machine, f"--qemu={DISK}", typed="irq\nlspci\nirq resume 1000\npoweroff\n")
        self.expect(result, 0, contains=["irq: line 1000 has no handlers", "0 unowned", *words])

    @for_machine("aarch64")
    def test_without_an_its_the_line_serves(self):
        self.look("gic-version=3,its=off", "messages through nothing", ", intx,")


def edu_test(machine):
    return lambda self: self.judge(machine)


def choice_test(machine, controller):
    return lambda self: self.look(machine, f"messages through {controller},", ", msi-x,")


for _machine, _controller in MESSAGES[MACHINE].items():
    _name = _machine.replace("=", "_").replace("-", "_")
    setattr(Interrupts, f"test_on_{_name}", edu_test(_machine))
    setattr(Choice, f"test_messages_on_{_name}", choice_test(_machine, _controller))

# SPDX-License-Identifier: MIT
"""Interrupts of real devices: messages where the machine supports them, shared lines otherwise, and storms. The
in-guest tests do the checking, with two of QEMU's "edu" devices and a disk on one pin."""
import re
import subprocess
import tempfile

from screen import Monitor, socket_path
from smoke import BUILD, LIMIT_S, MACHINE, TestCase, for_machine, run
from tree import ROOT

EDUS = "-device edu,addr=5 -device edu,addr=9"
BY_LINE = "-global virtio-blk-pci.vectors=0"
DISK = "-blockdev driver=null-co,node-name=d,size=1048576 -device virtio-blk-pci,drive=d"

# The machine, and the controller of its messages.
MESSAGES = {
    "x86_64": {"q35": "local APIC", "pc": "local APIC"},
    "aarch64": {"gic-version=2": "gicv2m", "gic-version=3": "gicv3 its"},
}


class Interrupts(TestCase):
    def judge(self, machine):
        result = run("--machine", machine, "--test", "edu_*", "--smp", "4", f"--qemu={EDUS} {BY_LINE}")
        self.expect(result, 0, contains=[
            "ok 10 - ", "came 10000 times in a row and no handler claimed it; handlers: 0000:00:0",
            "its handlers claim it, but it does not end"])
        self.assertNotIn("# SKIP", result.output)


class Choice(TestCase):
    """The way in which a disk interrupts, and the output of `irq` about it."""

    def look(self, machine, *words):
        result = run("--machine", machine, f"--qemu={DISK}", typed="irq\nlspci\nirq resume 1000\npoweroff\n")
        self.expect(result, 0, contains=["irq: line 1000 has no handlers", "0 unowned", *words])

    def test_counts_rates_and_times(self):
        """Since boot, and for one second in which only the timer that ends it interrupts."""
        result = run("--accel", "icount", typed="irq\nirq 1\nirq 0\nirq 1 2\npoweroff\n")
        self.expect(result, 0)
        self.assertEqual(result.output.count("usage: irq [SECONDS | move LINE CPU | resume LINE]"), 2)
        answers = dict(result.answers)
        boot, second = (self.lines(answers[word]) for word in ("irq", "irq 1"))
        self.assertEqual(boot.keys(), second.keys())
        for count, _, _, busy_us, each_ns in boot.values():
            self.assertLess(abs(count * each_ns - busy_us * 1000), count + 1000)
            self.assertEqual(count > 0, each_ns > 0)
        self.assertLess(sum(count for count, *_ in second.values()), 20)
        self.assertTrue(all(per_second in (count, count - 1) for count, _, per_second, *_ in second.values()), second)

    def lines(self, text):
        """{line: (count, unclaimed, per second, busy in us, each in ns)}"""
        rows = re.findall(r"(?m)^ *(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) \S", text)
        return {int(line): tuple(map(int, rest)) for line, *rest in rows}

    @for_machine("aarch64")
    def test_without_an_its_the_interrupt_line_is_used(self):
        self.look("gic-version=3,its=off", "messages through nothing", ", intx,")


@for_machine("x86_64")
class Button(TestCase):
    """An NMI that no CPU sent: a person requests the machine's state."""

    def test_all_cpus_are_reported(self):
        """Time counts instructions, so a busy host makes no CPU miss the time in which it must answer."""
        with tempfile.TemporaryDirectory(prefix="halyard-") as work:
            monitor = Monitor(socket_path(work))
            guest = subprocess.Popen([ROOT / "scripts/run", MACHINE, "--build", BUILD, "--no-build", "--no-install", "--smp", "3",
                                      "--accel", "icount", "--timeout", str(LIMIT_S), "--qemu", monitor.arguments],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            try:
                guest.stdin.write("uptime\n")
                guest.stdin.flush()
                self.read_until(guest, "idle")  # all CPUs are
                monitor.execute("inject-nmi")
                lines = self.read_until(guest, "nmi: cpu 2, interrupts ")
                guest.stdin.write("poweroff\n")
                guest.stdin.flush()
                lines += guest.stdout.readlines()
            finally:
                monitor.close()
                guest.terminate()
            self.assertEqual(guest.wait(), 0)
        said = "".join(lines)
        self.assertIn("nmi: an interrupt that cannot be masked came, and no CPU sent it", said)
        for cpu in range(3):
            self.assertRegex(said, rf'nmi: cpu {cpu} runs thread \d+ "')
            self.assertRegex(said, rf"nmi: cpu {cpu}, interrupts \w+, is at")
        self.assertGreaterEqual(len(re.findall(r"nmi: #1 \w+\+0x", said)), 3, said) # call chains
        self.assertIn(" sched_run_cpu+0x", said)
        self.assertNotIn("PANIC", said)

    def read_until(self, guest, text):
        lines = []
        while not lines or text not in lines[-1]:
            lines.append(guest.stdout.readline())
            self.assertTrue(lines[-1], "".join(lines))
        return lines


def edu_test(machine):
    return lambda self: self.judge(machine)


def choice_test(machine, controller):
    return lambda self: self.look(machine, f"messages through {controller},", ", msi-x,")


for _machine, _controller in MESSAGES[MACHINE].items():
    _name = _machine.replace("=", "_").replace("-", "_")
    setattr(Interrupts, f"test_on_{_name}", edu_test(_machine))
    setattr(Choice, f"test_messages_on_{_name}", choice_test(_machine, _controller))

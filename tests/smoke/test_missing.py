# SPDX-License-Identifier: MIT
"""Hardware that a machine may lack: the kernel boots without it, finds its disk and runs a program.

Some of these machines have no way to print anything; the status device reports the result.
"""
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from smoke import BUILD, LIMIT_S, MACHINE, TestCase, for_machine, program, run
from tree import ROOT, tests_file

NOTHING = "pc,hpet=off,i8042=off,pit=off,smbus=off,vmport=off"

# Options of scripts/run; each becomes a test.
WITHOUT = {
    "x86_64": {
        "serial_port": ["--no-serial"],
        "serial_port_on_pc_through_grub": ["--no-serial", "--machine", "pc", "--boot", "iso"],
        "serial_port_through_uefi": ["--no-serial", "--firmware", "uefi"],
        "anything_by_default": ["--qemu=-nodefaults"],
        "anything_by_default_nor_serial_port": ["--no-serial", "--machine", "pc", "--qemu=-nodefaults"],
        "hpet": ["--machine", "hpet=off"],
        "keyboard_controller": ["--machine", "pc,i8042=off"],
        "pit": ["--machine", "pit=off"],
        "what_pc_can_do_without": ["--machine", NOTHING],
        "acpi_hpet_and_serial_port": ["--no-serial", "--machine", "pc,hpet=off", "--qemu=-no-acpi"],
        "entropy": ["--cpu", "max,rdrand=off"],
    },
    "aarch64": {
        "anybody_at_the_serial_port": ["--no-serial"],
        "anything_by_default": ["--no-serial", "--qemu=-nodefaults"],
    },
}

# Devices, and their "compatible" strings; the tree without them keeps its structure.
DEVICES = {
    "serial port": b"arm,pl011\0",
    "clock": b"arm,pl031\0",
    "keys": b"gpio-keys\0",
    "fw_cfg": b"qemu,fw-cfg-mmio\0",
    "message interrupts": b"arm,gic-v3-its\0",
}
ENTROPY = (b"kaslr-seed\0", b"rng-seed\0")
TREE_SIZE = 0x8000  # bytes of QEMU's tree without the padding


class Missing(TestCase):
    def runs_a_program(self, *options):
        result = run(*options, "--program", program("exit"), "--args", 42)
        self.expect(result, 42)


    @for_machine("x86_64")
    def test_without_a_clock_and_all_that_makes_a_pc(self):
        """A machine without an RTC has no PCI either, and an unordered memory map."""
        result = run("--boot", "kernel", "--machine", "microvm,rtc=off,pic=off", "--append", "loglevel=info",
                     typed="mem\npoweroff\n")
        self.expect(result, 0, contains=["halyard> ", "memory map: not in order, sorted", "CMOS clock: timed out"])


def missing_test(options):
    return lambda self: self.runs_a_program(*options)


@for_machine("aarch64")
class MissingInTheTree(TestCase):
    """A device that exists, but in no table: for those that QEMU cannot leave out."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def tree_without(self, *texts):
        tree = self.folder / "virt.dtb"
        subprocess.run(["qemu-system-aarch64", "-M", f"virt,gic-version=3,dumpdtb={tree}", "-cpu", "cortex-a72",
                        "-smp", "2", "-m", "512M", "-display", "none"],
                       check=True, capture_output=True, timeout=LIMIT_S)
        data = bytearray(tree.read_bytes()[:TREE_SIZE])
        for text in texts:
            self.assertIn(text, data)
            data = data.replace(text, b"x" * (len(text) - 1) + b"\0")
        struct.pack_into(">I", data, 4, TREE_SIZE)
        tree.write_bytes(data)
        return ["--cpu", "cortex-a72", f"--qemu=-dtb {tree}"]

    def test_all_of_them(self):
        options = self.tree_without(*DEVICES.values(), *ENTROPY)
        self.expect(run(*options, "--program", program("exit"), "--args", 42), 42)
        tests = self.folder / "tree/lib/modules"  # the other place where the kernel looks for them
        tests.mkdir(parents=True)
        shutil.copy(tests_file(BUILD), tests)
        disk = self.folder / "disk.img"
        subprocess.run([ROOT / "scripts/mkdisk", self.folder / "tree", disk], check=True, capture_output=True)
        self.expect(run(*options, "--disk", disk, "--test", "sched*"), 0)

    def test_one_at_a_time(self):
        for name, text in DEVICES.items():
            with self.subTest(name=name):
                self.expect(run(*self.tree_without(text), "--program", program("exit"), "--args", 42), 42)


for _name, _options in WITHOUT[MACHINE].items():
    setattr(Missing, f"test_without_{_name}", missing_test(_options))

# SPDX-License-Identifier: MIT
"""Wrong firmware tables and device contents, as far as QEMU can produce them: a line reports each, and the machine
works.

Host tests give the same code errors that no option of QEMU produces: tests/unit, tests/fuzz.
"""
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from smoke import LIMIT_S, TestCase, for_machine, program, run

TREE_SIZE = 0x8000  # bytes of QEMU's tree without the padding


class Tables(TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def boots(self, *options, contains=()):
        """The line appears, and the disk works."""
        result = run(*options, "--append", "loglevel=info", "--program", program("exit"), "--args", 42)
        self.expect(result, 42, contains=contains)

    @for_machine("x86_64")
    def test_configuration_space_in_ram(self):
        for base in (32 << 20, (32 << 20) + 4096):
            table = self.folder / "mcfg"
            table.write_bytes(bytes(8) + struct.pack("<QHBBI", base, 0, 0, 15, 0))
            line = "malformed MCFG entry" if base % (1 << 20) else "configuration space overlaps RAM is left out"
            self.boots("--machine", "pc", "--boot", "kernel", f"--qemu=-acpitable sig=MCFG,data={table}", contains=line)

    @for_machine("x86_64")
    def test_an_hpet_in_ram(self):
        table = self.folder / "hpet"
        table.write_bytes(struct.pack("<IBBBBQBHB", 0x8086a201, 0, 64, 0, 0, 48 << 20, 0, 0, 0))
        self.boots("--machine", "pc,hpet=off", "--boot", "kernel", f"--qemu=-acpitable sig=HPET,data={table}",
                   contains="devices: an HPET that overlaps RAM is left out, at 0x3000000")

    @for_machine("x86_64")
    def test_a_bar_beyond_the_cpu(self):
        """SeaBIOS places 4 TiB where no CPU with 40 bits can reach, and moves the disk there, too."""
        card = "-object memory-backend-ram,id=m,size=4T,reserve=off,share=on -device ivshmem-plain,memdev=m"
        self.expect(run(f"--qemu={card}", typed="poweroff\n"), 0,
                    contains="BAR 2, 0x40000000000 bytes at 0x40000000000, is out of the CPU's reach")

    def test_an_option_rom(self):
        rom = self.folder / "rom"
        rom.write_bytes(b"\x55\xaa\xff" + bytes(5000))  # whose header claims 130,560 bytes
        self.boots(f"--qemu=-device virtio-rng-pci,romfile={rom}",
                   contains="option ROM of 8 KiB, switched off and not run")

    def tree_with(self, old, new):
        """QEMU's own tree, with some of its bytes replaced."""
        tree = self.folder / "virt.dtb"
        subprocess.run(["qemu-system-aarch64", "-M", f"virt,gic-version=3,dumpdtb={tree}", "-cpu", "cortex-a72",
                        "-smp", "2", "-m", "512M", "-display", "none"],
                       check=True, capture_output=True, timeout=LIMIT_S)
        data = bytearray(tree.read_bytes()[:TREE_SIZE])
        self.assertEqual(data.count(old), 1)
        data = data.replace(old, new)
        struct.pack_into(">I", data, 4, TREE_SIZE)
        tree.write_bytes(data)
        return ["--cpu", "cortex-a72", f"--qemu=-dtb {tree}"]

    @for_machine("aarch64")
    def test_a_clock_in_ram(self):
        reg = struct.Struct(">QQ")
        options = self.tree_with(reg.pack(0x09010000, 0x1000), reg.pack(0x50000000, 0x1000))
        self.boots(*options, contains="devices: a clock that overlaps RAM is left out, at 0x50000000")

    @for_machine("aarch64")
    def test_a_pci_window_in_ram(self):
        window = struct.Struct(">IQQQ")
        options = self.tree_with(window.pack(0x02000000, 0x10000000, 0x10000000, 0x2eff0000),
                                 window.pack(0x02000000, 0x10000000, 0x41000000, 0x2eff0000))
        self.expect(run(*options, typed="poweroff\n"), 0,
                    contains="devices: a PCI host whose window overlaps RAM is left out, at 0x41000000")

    @for_machine("aarch64")
    def test_a_tree_of_more_than_2_mib(self):
        """QEMU's tree from the output of dumpdtb: padded to a MiB, and doubled when it is read."""
        tree = self.folder / "virt.dtb"
        subprocess.run(["qemu-system-aarch64", "-M", f"virt,gic-version=3,dumpdtb={tree}", "-cpu", "cortex-a72",
                        "-display", "none"], check=True, capture_output=True, timeout=LIMIT_S)
        self.expect(run("--cpu", "cortex-a72", f"--qemu=-dtb {tree}"), 120, "panic",
                    contains="device tree: larger than 2 MiB, which is the limit")

# SPDX-License-Identifier: MIT
"""The shell's commands that are not in the kernel (kernel/shell/tools): where the kernel finds their file, and its
messages if there is none or one of another kernel.
"""
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from smoke import BUILD, MACHINE, TestCase, run
from tree import ROOT, kernel_image

IDENTITY_AT = 12  # counted from the type of its note
# Each command, and what it prints.
COMMANDS = {"uptime": "up ", "cpus": "cpu 0: ", "uname": "Halyard ", "ps": "WAITS ON", "mem": "largest free run",
            "heap": "bytes live", "lspci": "driver ", "lsblk": "KiB ", "modules": "linked in", "df": "FREE KiB",
            "check x": "check: x: no disk", "jit": "No portable program", "gc": "No program with a collector",
            "profile": "profile", "trace": "trace: no records", "irq": "controller "}
WORK = "".join(f"{command}\n" for command in COMMANDS) + "poweroff\n"


class Tools(TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.kernel = self.folder / kernel_image(BUILD, MACHINE).name
        shutil.copyfile(kernel_image(BUILD, MACHINE), self.kernel)
        self.blank = self.folder / "blank.img"
        self.blank.write_bytes(bytes(1 << 20))

    def disk(self, data):
        """A disk that has the file."""
        file = self.folder / "tree/lib/modules/tools.ko"
        file.parent.mkdir(parents=True)
        file.write_bytes(data)
        image = self.folder / "disk.img"
        subprocess.run([ROOT / "scripts/mkdisk", self.folder / "tree", image], check=True, capture_output=True)
        return ["--disk", image]

    def shell(self, typed, *options):
        """Of a kernel in a folder of its own, beside which scripts/run finds no file to pass."""
        return run("--kernel", self.kernel, "--boot", "kernel", *options, typed=typed, build=self.folder)

    def give(self, data):
        """Beside the kernel, where scripts/run finds it."""
        (self.folder / "modules").mkdir()
        (self.folder / "modules/tools.ko").write_bytes(data)

    def works(self, result):
        self.expect(result, 0, contains=[*COMMANDS.values()])
        self.assertNotIn("usage:", result.output)
        self.assertNotIn("tools.ko", result.output)

    def test_from_the_host(self):
        self.give((BUILD / "modules/tools.ko").read_bytes())
        self.works(self.shell(WORK, "--disk", self.blank))

    def test_from_a_disk(self):
        self.works(self.shell(WORK, *self.disk((BUILD / "modules/tools.ko").read_bytes())))

    def test_from_the_disc_that_boots(self):
        shutil.copyfile(BUILD / "halyard.iso", self.folder / "halyard.iso")
        boot = [] if MACHINE == "x86_64" else ["--firmware", "uefi"]
        self.works(run("--no-build", "--boot", "iso", *boot, "--disk", self.blank, typed=WORK, build=self.folder))

    def test_nowhere(self):
        result = self.shell("ps\necho status $?\nhelp\nhelp ps\nps | cat\nps --help\nfree\npoweroff\n", "--disk", self.blank)
        missing = "/lib/modules/tools.ko: no such file or directory, and opt/halyard/tools.ko did not come with the boot"
        self.expect(result, 0, contains=[f"ps: {missing}", "MiB free"])
        for command in COMMANDS:
            self.assertRegex(result.output, rf"(?m)^{command.split()[0]} *$")  # listed by help
        self.assertEqual(len(re.findall(rf"(?m)^\w+: {re.escape(missing)}$", result.output)), 5)  # once by help

    def test_of_another_kernel(self):
        data = bytearray((BUILD / "modules/tools.ko").read_bytes())
        data[data.index(b"\4\0\0\0Halyard\0") + IDENTITY_AT] ^= 1
        self.give(data)
        result = self.shell("ps\nfree\npoweroff\n", *self.disk((BUILD / "modules/tools.ko").read_bytes()))
        self.expect(result, 0, contains=["ps: opt/halyard/tools.ko: ", "linked against another kernel than this", "MiB free"])

    def test_truncated(self):
        data = (BUILD / "modules/tools.ko").read_bytes()
        self.give(data[:len(data) // 2])
        result = self.shell("ps\nfree\npoweroff\n", "--disk", self.blank)
        self.expect(result, 0, contains=["ps: opt/halyard/tools.ko: ", "truncated", "MiB free"])

    def test_what_the_image_has_needs_no_file(self):
        result = self.shell("write /tmp/a one\ncat /tmp/a\nls /tmp\nlog | cat\nmount\nsh -c 'exit 3'\npoweroff\n", "--disk", self.blank)
        self.expect(result, 0, contains=["one", "tmpfs"])
        self.assertNotIn("tools.ko", result.output)

# SPDX-License-Identifier: MIT
"""The in-guest tests as a file: where the kernel looks for it, and its messages for files that are not its own tests.
"""
import shutil
import subprocess
import tempfile
from pathlib import Path

from smoke import BUILD, MACHINE, TestCase, run
from tree import ROOT, kernel_image, tests_file

GLOB = "mmu.*"
IDENTITY_AT = 12  # counted from the type of its note


class Extension(TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.kernel = self.folder / kernel_image(BUILD, MACHINE).name
        shutil.copyfile(kernel_image(BUILD, MACHINE), self.kernel)

    def give(self, data):
        """In the kernel's folder, where scripts/run finds it."""
        file = tests_file(self.folder)
        file.parent.mkdir()
        file.write_bytes(data)

    def disk(self, data):
        file = self.folder / "tree/lib/modules/tests.ko"
        file.parent.mkdir(parents=True)
        file.write_bytes(data)
        image = self.folder / "disk.img"
        subprocess.run([ROOT / "scripts/mkdisk", self.folder / "tree", image], check=True, capture_output=True)
        return ["--disk", image]

    def ask(self, *options):
        return run("--kernel", self.kernel, "--test", GLOB, *options, build=self.folder)

    def refused(self, data, *texts):
        self.give(data)
        self.expect(self.ask(), 125, contains=["tests: opt/halyard/tests: tests.ko: ", *texts])

    def test_nowhere(self):
        self.expect(self.ask(), 125, contains="tests: neither opt/halyard/tests in QEMU's fw_cfg nor /lib/modules/tests.ko")
        self.expect(run("--kernel", self.kernel, "--bench", "boot.*", build=self.folder), 125, contains="tests: neither")

    def test_a_file_from_qemu(self):
        self.give(tests_file(BUILD).read_bytes())
        self.expect(self.ask(), 0, contains="ok 1 - mmu.")

    def test_on_the_disk(self):
        self.expect(self.ask(*self.disk(tests_file(BUILD).read_bytes())), 0, contains="ok 1 - mmu.")

    def test_qemus_file_comes_before_the_disk(self):
        self.give(b"no object at all")
        self.expect(self.ask(*self.disk(tests_file(BUILD).read_bytes())), 125, contains="unknown format")

    def test_a_driver_of_another_kernel(self):
        data = bytearray(tests_file(BUILD).read_bytes())
        data[data.index(b"\4\0\0\0Halyard\0") + IDENTITY_AT] ^= 1
        self.refused(data, "linked against another kernel than this")

    def test_truncated(self):
        data = tests_file(BUILD).read_bytes()
        self.refused(data[:len(data) // 2], "truncated")

    def test_another_kind_of_module(self):
        self.refused((BUILD / "modules/virtio_rng.ko").read_bytes(), "a driver, not an extension of one kernel")

    def test_the_file_is_neither_driver_nor_program(self):
        result = run(*self.disk(tests_file(BUILD).read_bytes()), typed="load tests\nrun /lib/modules/tests.ko\npoweroff\n")
        self.expect(result, 0, contains=["an extension of one kernel, not a driver", "an extension of one kernel, not a program"])

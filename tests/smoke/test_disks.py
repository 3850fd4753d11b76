# SPDX-License-Identifier: MIT
"""Disks with wrong contents, and several disks. test_bad_input.py has the simpler bad disks."""
import hashlib
import tempfile
from pathlib import Path

from disk import make_disk
from smoke import TestCase, program, run


class Disks(TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        self.image = self.work / "disk.img"

    def make(self):
        tree = self.work / "tree"
        (tree / "bin").mkdir(parents=True)
        (tree / "bin" / "hello").write_bytes(program("hello").read_bytes())
        (tree / "file").write_bytes(bytes(range(256)) * 4000)
        make_disk(tree, self.image)
        return self.image.read_bytes()

    def boots(self, data, typed="ls /\nlsblk\n"):
        """The shell works with this disk, and the disk is unchanged."""
        self.image.write_bytes(data)
        before = hashlib.sha256(data).hexdigest()
        result = run("--disk", self.image, typed=typed + "poweroff\n")
        self.expect(result, 0, contains="halyard> ")
        self.assertEqual(hashlib.sha256(self.image.read_bytes()).hexdigest(), before, "the disk was written")
        return result

    def test_a_disk_of_one_sector(self):
        self.boots(bytes(512))

    def test_reading_writes_nothing(self):
        result = self.boots(self.make(), "ls /\ncat /file\nrun /bin/hello\n")
        self.assertIn("Hello from a program", result.output)

    def test_a_super_block_that_lies(self):
        whole = self.make()
        for offset, value in ((0x418, 0xFFFFFFFF), (0x420, 0), (0x428, 0), (0x458, 0xFFFF), (0x404, 0xFFFFFFFF),
                              (0x460, 0xFFFFFFFF)):
            with self.subTest(offset=hex(offset)):
                bad = bytearray(whole)
                bad[offset:offset + 4] = value.to_bytes(4, "little")
                self.boots(bytes(bad), "ls /\ncat /file\n")

    def test_several_disks(self):
        whole = self.make()
        second = self.work / "second.img"
        second.write_bytes(bytes(1 << 20))
        self.image.write_bytes(whole)
        result = run("--disk", self.image, "--disk", second, typed="lsblk\nrun /bin/hello\npoweroff\n")
        self.expect(result, 0, contains=["Hello from a program"])

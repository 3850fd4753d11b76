# SPDX-License-Identifier: MIT
"""What changes disks of ext2 and ext3 is not in the kernel but in ext2w.ko: where the kernel finds it, and its messages if there
is none or one of another kernel. Then such disks are only read. With the file, test_disks.py and the tests of files use it.
"""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from disk import SBIN
from smoke import BUILD, MACHINE, TestCase, run
from tree import kernel_image

IDENTITY_AT = 12  # counted from the type of its note
HOST = "opt/halyard/ext2w.ko"
MISSING = f"ext2: /lib/modules/ext2w.ko: no such file or directory, and {HOST} did not come with the boot"


class Writing(TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.kernel = self.folder / kernel_image(BUILD, MACHINE).name
        shutil.copyfile(kernel_image(BUILD, MACHINE), self.kernel)
        self.file = (BUILD / "modules/ext2w.ko").read_bytes()
        self.image = self.folder / "disk.img"

    def make(self, *files, kind="ext3"):
        """A disk with a file `old`, and perhaps with the extension."""
        tree = self.folder / "tree"
        (tree / "lib/modules").mkdir(parents=True)
        (tree / "old").write_text("old\n")
        for data in files:
            (tree / "lib/modules/ext2w.ko").write_bytes(data)
        self.mke2fs("-t", kind, "-d", tree, self.image, "16M")

    def mke2fs(self, *words):
        subprocess.run(["mke2fs", "-q", *map(str, words)], check=True, capture_output=True,
                       env={**os.environ, "PATH": SBIN})

    def shell(self, typed, *options):
        """Of a kernel in a folder of its own, beside which scripts/run finds no file to pass."""
        return run("--kernel", self.kernel, "--boot", "kernel", "--disk", self.image, *options,
                   typed=f"{typed}poweroff\n", build=self.folder)

    def give(self, data):
        """Beside the kernel, where scripts/run finds it."""
        (self.folder / "modules").mkdir()
        (self.folder / "modules/ext2w.ko").write_bytes(data)

    def is_clean(self):
        done = subprocess.run(["e2fsck", "-fn", str(self.image)], capture_output=True, text=True,
                              env={**os.environ, "PATH": SBIN})
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_root_itself_has_the_file(self):
        """It is read from the disk that becomes writable, also if the journal has to be replayed for that."""
        self.make(self.file)
        for text in ("one", "two"):
            result = self.shell(f"cat /old\nmount -o remount,rw /\nwrite /new {text}\nsync\nmount\n")
            self.expect(result, 0, contains=["vfs: / is read-write now"])
            self.assertEqual(dict(result.answers)["cat /old"], "old\n")
            self.is_clean()
            subprocess.run(["debugfs", "-w", "-R", "feature needs_recovery", str(self.image)], check=True,
                           capture_output=True, env={**os.environ, "PATH": SBIN})
        result = self.shell("cat /new\nmount -o rw /\ncat /new\nwrite /new three\ncat /new\n")
        self.expect(result, 0, contains=["without the changes in its journal", "vfs: / is read-write now", "three"])
        self.is_clean()

    def test_from_the_host(self):
        self.make()
        self.give(self.file)
        result = self.shell("write /mnt/new text\ncat /mnt/new\n", "--append", "mount=disk0:/mnt")
        self.expect(result, 0, contains=["vfs: /mnt is read-write now", "\ntext\n"])
        self.assertNotIn("ext2w.ko", result.output)
        self.is_clean()

    def test_from_the_disc_that_boots(self):
        self.make()
        shutil.copyfile(BUILD / "halyard.iso", self.folder / "halyard.iso")
        boot = [] if MACHINE == "x86_64" else ["--firmware", "uefi"]
        result = run("--no-build", "--boot", "iso", *boot, "--disk", self.image, build=self.folder,
                     typed="mount -o rw /\nwrite /new text\ncat /new\npoweroff\n")
        self.expect(result, 0, contains=["vfs: / is read-write now", "\ntext\n"])
        self.is_clean()

    def test_nowhere(self):
        """Disks are read, and the message names the file."""
        for kind in ("ext2", "ext3"):
            with self.subTest(kind=kind):
                shutil.rmtree(self.folder / "tree", ignore_errors=True)
                self.make(kind=kind)
                before = self.image.read_bytes()
                result = self.shell("cat /mnt/old\nmount -o rw /mnt\nwrite /mnt/new x\nsync\numount /mnt\n"
                                    "mount -o remount,rw /no/such\nlog\n", "--append", "mount=disk0:/mnt")
                self.expect(result, 0, contains=[MISSING, "boot: mount=disk0:/mnt: read-only: no such file or directory"])
                said = dict(result.answers)
                self.assertEqual(said["cat /mnt/old"], "old\n")
                self.assertEqual(said["mount -o rw /mnt"].splitlines()[-1],
                                 "mount: /mnt: read-only, as ext2w.ko is missing: `log` says where it may be")
                self.assertIn("read-only file system", said["write /mnt/new x"])
                self.assertEqual(said["sync"] + said["umount /mnt"], "")
                self.assertEqual(said["mount -o remount,rw /no/such"], "mount: /no/such: no such file or directory\n")
                self.assertIn(MISSING, said["log"].replace(" E ", " "))
                self.assertEqual(self.image.read_bytes(), before, "the disk was written")

    def test_unusable(self):
        """Of another kernel, or cut off: the message says so, and nothing of it stays."""
        self.make()
        other = bytearray(self.file)
        other[other.index(b"\4\0\0\0Halyard\0") + IDENTITY_AT] ^= 1
        for data, why in ((bytes(other), "linked against another kernel than this"),
                          (self.file[:len(self.file) // 2], "truncated")):
            with self.subTest(why=why):
                shutil.rmtree(self.folder / "modules", ignore_errors=True)
                self.give(data)
                result = self.shell("mount -o rw /\nmount -o rw /\nwrite /new x\ncat /old\n")
                self.expect(result, 0, contains=["mount: /: read-only: `log` says why", "old"])
                self.assertEqual(result.output.count(f"ext2: {HOST}: "), 2)
                self.assertIn(why, result.output)
                self.assertIn("read-only file system", dict(result.answers)["write /new x"])

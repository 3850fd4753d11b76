# SPDX-License-Identifier: MIT
"""Tests scripts/mkdisk: the image holds the tree, is the same each time, and after a failure nothing is written."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib")]

MKDISK = str(ROOT / "scripts/mkdisk")
ENVIRONMENT = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}


def mkdisk(*arguments):
    return subprocess.run([MKDISK, *map(str, arguments)], capture_output=True, text=True)


class MkDisk(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.work = Path(self.folder.name)
        self.tree = self.work / "tree"
        (self.tree / "deep" / "er").mkdir(parents=True)
        (self.tree / "empty").mkdir()
        (self.tree / "deep" / "er" / "big").write_bytes(os.urandom(3_000_000))
        (self.tree / "a name with spaces").write_text("hello\n")
        (self.tree / "link").symlink_to("deep/er/big")
        self.image = self.work / "disk.img"

    def test_the_image_holds_the_tree(self):
        done = mkdisk(self.tree, self.image)
        self.assertEqual(done.returncode, 0, done.stderr)
        check = subprocess.run(["e2fsck", "-fn", str(self.image)], capture_output=True, text=True, env=ENVIRONMENT)
        self.assertEqual(check.returncode, 0, check.stdout)
        out = self.work / "out"
        out.mkdir()
        subprocess.run(["debugfs", "-R", f"rdump / {out}", str(self.image)], check=True, capture_output=True,
                       env=ENVIRONMENT)
        (out / "lost+found").rmdir()
        different = subprocess.run(["diff", "-r", "--no-dereference", str(self.tree), str(out)],
                                   capture_output=True, text=True)
        self.assertEqual(different.stdout, "")

    def test_the_same_tree_gives_the_same_bytes(self):
        other = self.work / "other"
        for name in reversed(sorted(p.relative_to(self.tree) for p in self.tree.rglob("*"))):
            target = other / name
            target.parent.mkdir(parents=True, exist_ok=True)
            source = self.tree / name
            if source.is_symlink():
                target.symlink_to(os.readlink(source))
            elif source.is_dir():
                target.mkdir(exist_ok=True)
            else:
                target.write_bytes(source.read_bytes())
        os.utime(other / "link", (1, 1), follow_symlinks=False)
        self.assertEqual(mkdisk(self.tree, self.image).returncode, 0)
        self.assertEqual(mkdisk(other, self.work / "second.img").returncode, 0)
        self.assertEqual(self.image.read_bytes(), (self.work / "second.img").read_bytes())

    def test_a_size_is_kept(self):
        self.assertEqual(mkdisk(self.tree, self.image, "16M").returncode, 0)
        self.assertEqual(self.image.stat().st_size, 16 << 20)

    def test_many_small_files_fit(self):
        for number in range(3000):
            (self.tree / "deep" / f"file{number}").write_text(str(number))
        done = mkdisk(self.tree, self.image)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_failure_leaves_the_old_image(self):
        self.image.write_text("precious")
        for arguments in ((self.tree, self.image, "1M"), (self.work / "absent", self.image),
                          (self.tree, self.image, "3Q"), (self.tree,)):
            done = mkdisk(*arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertTrue(done.stderr.startswith(("mkdisk: ", "usage: ")), done.stderr)
            self.assertEqual(self.image.read_text(), "precious")
        self.assertEqual(sorted(p.name for p in self.work.iterdir()), ["disk.img", "tree"])

    def test_an_image_that_cannot_be_written_is_named(self):
        self.image.mkdir()
        done = mkdisk(self.tree, self.image)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^mkdisk: .*disk\.img")
        self.assertNotIn("Traceback", done.stderr)
        self.assertEqual(sorted(p.name for p in self.work.iterdir()), ["disk.img", "tree"])

# SPDX-License-Identifier: MIT
"""Tests scripts/disk: files go to ext2, ext3 and FAT images and come back unchanged, also in partitions, and errors change nothing."""
import contextlib
import io
import os
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

import image as disk_image
from tree import ROOT

DISK = str(ROOT / "scripts/disk")
ENVIRONMENT = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
SECTOR = 512
COMMANDS = {"ext2": "mke2fs -q -t ext2 {} 8M", "ext3": "mke2fs -q -t ext3 {} 8M", "fat": "mkfs.fat -F 16 -s 2 -C {} 10000"}
SMALL = {"ext2": "mke2fs -q -t ext2 {} 1M", "fat": "mkfs.fat -F 12 -C {} 1000"}


class Image(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        self.tree = self.work / "tree"
        (self.tree / "deep").mkdir(parents=True)
        (self.tree / "deep" / "a name with blanks").write_bytes(os.urandom(200_000))
        (self.tree / "empty").write_bytes(b"")

    def make(self, kind, commands=COMMANDS):
        image = self.work / f"{kind}.img"
        subprocess.run(commands[kind].format(image).split(), check=True, capture_output=True, env=ENVIRONMENT)
        return image

    def disk(self, *arguments, status=0):
        """In this process: starting Python for each command would take most of the time."""
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            try:
                found = disk_image.main([str(argument) for argument in arguments])
            except SystemExit as end:
                found = end.code
        self.assertEqual(found, status, out.getvalue() + errors.getvalue())
        return out.getvalue() if status == 0 else errors.getvalue()

    def assert_same(self, one, other):
        done = subprocess.run(["diff", "-r", str(one), str(other)], capture_output=True, text=True)
        self.assertEqual(done.stdout + done.stderr, "")

    def round_trip(self, image, *options):
        self.disk("put", *options, image, self.tree)
        self.disk("put", *options, image, self.tree / "deep" / "a name with blanks", "/copy")
        self.disk("put", *options, image, self.tree / "empty", "/copy")  # replaces it
        self.assertLessEqual({"tree/", "copy"}, set(self.disk("ls", *options, image).splitlines()))
        self.assertEqual(sorted(self.disk("ls", *options, image, "/tree").splitlines()), ["deep/", "empty"])
        back = self.work / "-".join(["back", image.name, *map(str, options)])
        self.disk("get", *options, image, "/tree", back)
        self.assert_same(self.tree, back)
        self.disk("get", *options, image, "copy", back / "empty copy")
        self.assertEqual((back / "empty copy").read_bytes(), b"")
        self.disk("fsck", *options, image)

    def test_files_come_back(self):
        for kind in COMMANDS:
            with self.subTest(kind):
                self.round_trip(self.make(kind))

    def test_partitions(self):
        """An MBR with an ext3 and a FAT partition, which is checked through a copy."""
        parts = [self.make("ext3").read_bytes(), self.make("fat", SMALL).read_bytes()]
        table, at, body = b"", 2048, b""
        for part in parts:
            table += bytes([0, 0, 0, 0, 0x83, 0, 0, 0]) + struct.pack("<II", at, len(part) // SECTOR)
            at += len(part) // SECTOR
            body += part
        image = self.work / "disk.img"
        image.write_bytes((bytes(446) + table.ljust(64, b"\0") + b"\x55\xaa").ljust(2048 * SECTOR, b"\0") + body)
        self.assertIn("choose one of its partitions with --part: 1 (ext), 2 (fat)", self.disk("ls", image, status=1))
        self.assertIn("it has no partition 3", self.disk("ls", "--part", 3, image, status=1))
        for number in (1, 2):
            self.round_trip(image, "--part", number)
        with open(image, "r+b") as file:  # the mark of FAT that it was not unmounted
            file.seek(2048 * SECTOR + len(parts[0]) + 0x25)
            file.write(b"\x01")
        self.assertIn("fsck --repair", self.disk("put", "--part", 2, image, self.tree / "empty", "/new", status=1))
        self.disk("fsck", "--repair", "--part", 2, image)
        self.disk("put", "--part", 2, image, self.tree / "empty", "/new")

    def test_faults_are_found_and_repaired(self):
        image = self.make("ext2")
        subprocess.run(["debugfs", "-w", "-R", "sif <11> links_count 9", str(image)], check=True, capture_output=True, env=ENVIRONMENT)
        before = image.read_bytes()
        self.disk("fsck", image, status=1)
        self.assertEqual(image.read_bytes(), before)
        self.disk("fsck", "--repair", image)

    def test_errors(self):
        text = self.work / "text"
        text.write_text("no disk")
        for image in (self.make("ext2", SMALL), self.make("fat", SMALL)):
            before = image.read_bytes()
            for arguments, said in ((("ls", image, "/no"), "/no: no such file or folder on the disk"),
                                    (("get", image, "/no"), "/no: no such file on the disk"),
                                    (("put", image, self.work / "no"), "no: no such file"),
                                    (("put", image, text, "/no/text"), "/no: no such folder on the disk"),
                                    (("put", image, text, "/a\nb"), "control characters in a name"),
                                    (("ls", text), "neither ext2 or ext3 nor FAT"), (("ls", "gone"), "gone: no such file")):
                with self.subTest(arguments):
                    self.assertRegex(self.disk(*arguments, status=1), f"^disk: .*{said}")
            self.assertEqual(image.read_bytes(), before)
        self.disk("nothing", image, status=2)

    def test_names_and_links_are_no_commands(self):
        """debugfs takes what follows a line break, or 8191 bytes, for the next command."""
        image = self.make("ext2", SMALL)
        self.disk("put", image, self.tree / "empty", "/rm")
        before = image.read_bytes()
        folders = [self.work / name for name in ("name", "text", "long")]
        for folder in folders:
            folder.mkdir()
        (folders[0] / "a\nrm rm\n").write_text("")
        (folders[1] / "link").symlink_to("x\nrm rm\n")
        (folders[2] / "link").symlink_to('"' * 4080 + "x" * (31 - len('symlink "/long/link" "')) + "rm rm")
        (self.work / "alias").symlink_to(folders[0] / "a\nrm rm\n")  # `put` uses the name that it leads to
        for source in (*folders, self.work / "alias"):
            said = "the names are too long" if source == folders[2] else "control characters in a name"
            self.assertIn(said, self.disk("put", image, source, status=1))
        self.assertEqual(image.read_bytes(), before)

    def test_control_characters_in_names(self):
        """mcopy fails without a reason if it meets one inside of a folder, except DEL, which the kernel would refuse."""
        for kind in SMALL:
            image = self.make(kind, SMALL)
            before = image.read_bytes()
            for number, name in enumerate(("a\1b", "c\nd", "e\x7ff")):
                folder = self.work / f"{kind}{number}"
                (folder / "deep").mkdir(parents=True)
                (folder / "deep" / name).write_text("text")
                for source in (folder, folder / "deep" / name):
                    with self.subTest(kind=kind, source=source):
                        self.assertIn("control characters in a name", self.disk("put", image, source, status=1))
            self.assertEqual(image.read_bytes(), before)

    def test_colons_in_names_of_the_host(self):
        """mtools takes "a:b" for a file of drive A."""
        image = self.make("fat", SMALL)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.work)
        Path("a:b").write_text("kept")
        self.disk("put", image, "a:b", "/file")
        self.disk("put", image, "a:b", "/file")  # replaces it
        self.disk("get", image, "/file", "c:d")
        self.assertEqual(Path("c:d").read_text(), "kept")

    def test_a_full_disk_loses_nothing(self):
        kept = self.tree / "deep" / "a name with blanks"
        (self.tree / "large").write_bytes(bytes(range(256)) * 5000)
        for kind in SMALL:
            with self.subTest(kind):
                image = self.make(kind, SMALL)
                self.disk("put", image, kept, "/kept")
                names = self.disk("ls", image)
                self.disk("put", image, self.tree / "large", "/kept", status=1)
                self.disk("put", image, self.tree, "/new", status=1)
                self.assertEqual(self.disk("ls", image), names)
                self.disk("get", image, "/kept", self.work / kind)
                self.assert_same(kept, self.work / kind)
                self.disk("fsck", image)

    def test_damaged_folders_are_reported(self):
        image = self.make("ext2", SMALL)
        self.disk("put", image, self.tree)
        subprocess.run(["debugfs", "-w", "-R", "sif /tree block[0] 99999", str(image)], check=True, capture_output=True, env=ENVIRONMENT)
        self.assertIn("/tree: ", self.disk("ls", image, "/tree", status=1))
        image = self.make("fat", SMALL)
        self.disk("put", image, self.tree)
        raw = bytearray(image.read_bytes())
        at = raw.index(b"TREE       ")
        raw[at + 26:at + 28] = b"\x00\x09"  # a cluster that does not exist
        image.write_bytes(raw)
        self.assertIn("Bad FAT entry", self.disk("ls", image, "/tree", status=1))

    def test_command(self):
        done = subprocess.run([DISK, "--help"], capture_output=True, text=True)
        self.assertIn("usage: scripts/disk", done.stdout)
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()

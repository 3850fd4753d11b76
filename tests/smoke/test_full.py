# SPDX-License-Identifier: MIT
"""Disks without room: no block or cluster is left, no inode or place in FAT's root, or the journal goes round. The call that
needs room says so, nothing else changes, what is removed makes room again, and fsck finds no fault."""
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from disk import SBIN, make_disk
from smoke import BUILD, TestCase, run

BIG = bytes((i * 7 + i // 251) % 256 for i in range(3 << 20))  # larger than each disk
ENVIRONMENT = {**os.environ, "PATH": SBIN, "MTOOLS_SKIP_CHECK": "1"}
ROUNDS = 160  # of write, sync, rm, sync: each transaction has at least four blocks of the journal's 1,024

# By the name of the disk in the guest: the command that makes it, one that checks it, and one that reads /FILL from it.
DISKS = {
    "vdb": ("mke2fs -q -t ext2 -b 1024 -N 32 -m 0 {image} 1M", "e2fsck -fn {image}", "debugfs -R 'cat /FILL' {image}"),
    "vdc": ("mke2fs -q -t ext3 -b 1024 -N 32 -m 0 -J size=1 {image} 2500k", "e2fsck -fn {image}",
            "debugfs -R 'cat /FILL' {image}"),
    "vdd": ("mkfs.fat -F 16 -s 1 -r 32 -C {image} 2300", "fsck.fat -n {image}", "mtype -i {image} ::FILL"),
}
NUMBERS = " ".join(map(str, range(40)))  # more than the inodes, and than the entries of FAT's root
FULL = "no space left"


def lines_for(disk):
    at = f"/tmp/{disk}"
    return [f"mkdir {at}", f"mount {disk} {at}", f"mount -o rw {at}", f"write {at}/kept before",
            f"cat /big > {at}/FILL", f"write {at}/more {'x' * 1500}", f"mkdir {at}/d", f"cat {at}/kept", f"check {at}",
            f"rm {at}/FILL", f"cat {at}/kept > {at}/again", f"cat {at}/again", f"rm {at}/again", f"rm {at}/more",
            f"for n in {NUMBERS}; do write {at}/N$n ''; done", f"ls {at}/N0 {at}/N39", f"rm {at}/N0", f"write {at}/N99 new",
            f"cat {at}/N99", f"check {at} ", f"rm {at}/N99",
            f"cat /big > {at}/FILL ", f"umount {at}"]


class Full(TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        tree = self.work / "tree"
        (tree / "lib/modules").mkdir(parents=True)
        (tree / "lib/modules/fat.ko").write_bytes((BUILD / "modules/fat.ko").read_bytes())
        (tree / "big").write_bytes(BIG)
        make_disk(tree, self.work / "root.img")

    def host(self, disk, command):
        done = subprocess.run(command.format(image=self.work / disk), shell=True, capture_output=True, env=ENVIRONMENT)
        self.assertEqual(done.returncode, 0, f"{command}: {done.stdout[-2000:]}{done.stderr}")
        return done.stdout

    def boot(self, disks, lines):
        for tool in {DISKS[disk][part].split()[0] for disk in disks for part in range(3)}:
            self.assertTrue(shutil.which(tool, path=SBIN), f"{tool} is missing: apt-get install e2fsprogs dosfstools mtools")
        for disk in disks:
            self.host(disk, DISKS[disk][0])
        options = [word for name in ("root.img", *disks) for word in ("--disk", self.work / name)]
        result = run(*options, typed="".join(f"{line}\n" for line in [*lines, "poweroff"]))
        self.expect(result, 0)
        return result

    def check(self, disk, said):
        at = f"/tmp/{disk}"
        self.assertIn(f"{at}/FILL: {FULL}\n", said[f"cat /big > {at}/FILL"])
        self.assertEqual(said[f"write {at}/more {'x' * 1500}"], f"write: {at}/more: {FULL}\n")
        self.assertEqual(said[f"mkdir {at}/d"], f"mkdir: {at}/d: {FULL}\n")
        self.assertEqual(said[f"cat {at}/kept"], "before\n")
        self.assertIn("no faults", said[f"check {at}"])
        self.assertEqual(said[f"rm {at}/FILL"] + said[f"cat {at}/kept > {at}/again"], "")
        self.assertEqual(said[f"cat {at}/again"], "before\n")
        many = said[f"for n in {NUMBERS}; do write {at}/N$n ''; done"].splitlines()
        self.assertIn(f"write: {at}/N39: {FULL}", many)
        self.assertNotIn(f"write: {at}/N0: {FULL}", many)
        self.assertEqual([line for line in many if FULL not in line], [])
        self.assertIn(f"{at}/N39: no such file", said[f"ls {at}/N0 {at}/N39"])
        self.assertEqual(said[f"rm {at}/N0"] + said[f"write {at}/N99 new"], "")
        self.assertEqual(said[f"cat {at}/N99"], "new\n")
        self.assertIn("no faults", said[f"check {at} "])
        self.assertIn(FULL, said[f"cat /big > {at}/FILL "])
        self.assertEqual(said[f"umount {at}"], "")
        self.host(disk, DISKS[disk][1])
        fill = self.host(disk, DISKS[disk][2])
        self.assertTrue(len(fill) > 500_000 and BIG.startswith(fill), len(fill))

    def test_a_full_disk_says_so_and_has_room_again(self):
        result = self.boot(DISKS, [line for disk in DISKS for line in lines_for(disk)])
        said = {line + (" " if again else ""): text for again, line, text in self.numbered(result.answers)}
        for disk in DISKS:
            with self.subTest(disk):
                self.check(disk, said)

    @staticmethod
    def numbered(answers):
        """(whether the same line came before, line, text)"""
        seen = set()
        for line, text in answers:
            yield line in seen, line, text
            seen.add(line)

    def test_a_journal_that_is_full_starts_again(self):
        lines = ["mkdir /tmp/vdc", "mount -o rw vdb /tmp/vdc",
                 f"for n in {' '.join(map(str, range(ROUNDS)))}; do write /tmp/vdc/f$n $n; sync; rm /tmp/vdc/f$n; sync; done",
                 "write /tmp/vdc/last kept", "umount /tmp/vdc"]
        result = self.boot(["vdc"], lines)
        self.assertEqual([text for line, text in result.answers if line.startswith(("for", "write", "umount"))], ["", "", ""])
        self.host("vdc", DISKS["vdc"][1])
        self.assertEqual(self.host("vdc", "debugfs -R 'cat /last' {image}"), b"kept\n")
        block = int(self.host("vdc", "debugfs -R 'bmap <8> 1' {image}"))
        magic, _, number = struct.unpack_from(">III", (self.work / "vdc").read_bytes(), block << 10)
        self.assertEqual(magic, 0xc03b3998)
        # The first block of the log has the first transaction until the log begins there again.
        self.assertGreater(number, ROUNDS)

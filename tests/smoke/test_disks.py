# SPDX-License-Identifier: MIT
"""Disks with wrong contents, and several disks. test_bad_input.py has the simpler bad disks."""
import hashlib
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

import names
from disk import SBIN, make_data, make_disk
from smoke import BUILD, LIMIT_S, MACHINE, RUN, TestCase, program, run


SECTOR = 512


def mbr(*entries):
    """The sector with these entries: type, first sector, count."""
    table = b"".join(bytes([0, 0, 0, 0, kind, 0, 0, 0]) + struct.pack("<II", first, count) for kind, first, count in entries)
    return bytes(446) + table.ljust(64, b"\0") + b"\x55\xaa"


def with_gpt(sectors, *ranges):
    """A disk with these partitions: number, first and last sector."""
    disk = bytearray(sectors * SECTOR)
    disk[:SECTOR] = mbr((0xee, 1, sectors - 1))
    array = bytearray(128 * 128)
    for number, first, last in ranges:
        array[128 * (number - 1):128 * number] = (b"\xaf" * 32 + struct.pack("<QQ", first, last)).ljust(128, b"\0")
    for here, there, at in ((1, sectors - 1, 2), (sectors - 1, 1, sectors - 33)):
        def header(crc):
            return b"EFI PART" + struct.pack("<IIIIQQQQ16sQIII", 0x10000, 92, crc, 0, here, there, 34, sectors - 34, bytes(16),
                                             at, 128, 128, zlib.crc32(array))
        disk[here * SECTOR:here * SECTOR + 92] = header(zlib.crc32(header(0)))
        disk[at * SECTOR:at * SECTOR + len(array)] = array
    return disk


def fat16(sectors, table=80):
    """An empty file system with clusters of 4 sectors."""
    boot = bytearray(SECTOR)
    struct.pack_into("<3s8sHBHBHHBHHHIIBBBI11s8s", boot, 0, b"\xeb\x3c\x90", b"mkfs.fat", SECTOR, 4, 1, 2, 512, sectors, 0xf8,
                     table, 32, 64, 0, 0, 0x80, 0, 0x29, 1, b"NO NAME    ", b"FAT16   ")
    boot[510:] = b"\x55\xaa"
    first = b"\xf8\xff\xff\xff".ljust(table * SECTOR, b"\0")
    return (bytes(boot) + first * 2).ljust(sectors * SECTOR, b"\0")


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

    def test_an_ext4_disk(self):
        """One that `mkfs.ext4` makes by default is the root. It is only read."""
        self.make()
        text = "".join(f"line {i}\n" for i in range(1000))
        (self.work / "tree/text").write_text(text)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-d", str(self.work / "tree"), str(self.image), "16M"], check=True, capture_output=True,
                       env={**os.environ, "PATH": SBIN})
        result = self.boots(self.image.read_bytes(), "mount\ncat /text\nrun /bin/hello\nmount -o rw /\nwrite /x y\nlog\n")
        said = dict(result.answers)
        self.assertRegex(said["mount"], r"vda +on / +type ext4 +read-only")
        self.assertEqual(said["cat /text"], text)
        self.assertIn("Hello from a program", result.output)
        self.assertIn("mount: /: read-only: `log` says why\n", said["mount -o rw /"])
        self.assertIn("read-only file system", said["write /x y"])
        self.assertIn("vda: ext4's extents: read-only", said["log"])

    def test_cached_reads_need_few_instructions(self):
        """Of a page, and of bytes in two pages: a file on FAT with clusters of 512 bytes begins anywhere in one."""
        (self.work / "tree/lib/modules").mkdir(parents=True)
        shutil.copyfile(BUILD / "modules/fat.ko", self.work / "tree/lib/modules/fat.ko")
        make_disk(self.work / "tree", self.image)
        data = self.work / "data.img"
        figures = []
        for words in (("mke2fs", "-q", "-F", "-t", "ext3", "-b", "4096", data, "40M"), ("mkfs.fat", "-F", "32", "-s", "1", data)):
            data.write_bytes(bytes(40 << 20))
            subprocess.run(list(map(str, words)), check=True, capture_output=True, env={**os.environ, "PATH": SBIN})
            result = run("--disk", self.image, "--qemu", f"-drive if=none,id=data,format=raw,file={data} "
                         "-device virtio-blk-pci,drive=data,serial=read", "--append", "mount=read:/data", "--bench=fs.cached_read4k_ns")
            self.expect(result, 0, contains="bench fs.cached_read4k_ns ")
            figures.append(float(result.output.split("bench fs.cached_read4k_ns ")[1].split()[0]))
        page, two_pages = {"x86_64": (760, 795), "aarch64": (920, 970)}[MACHINE]  # 541 and 669 of them to copy
        self.assertLessEqual(figures[0], page)
        self.assertLessEqual(figures[1], two_pages)
        self.assertGreater(figures[1], figures[0])

    def test_check_finds_errors(self):
        """`check` of a mounted and of an unmounted disk: each fault has a line, and the status is 1."""
        whole = bytearray(self.make())
        self.image.write_bytes(whole)
        second = self.work / "second.img"
        second.write_bytes(whole)
        for image in (self.image, second):
            subprocess.run(["debugfs", "-w", "-R", "sif /file links_count 3", str(image)], check=True, capture_output=True,
                           env={**os.environ, "PATH": SBIN})
        before = self.image.read_bytes()
        result = run("--disk", self.image, "--disk", second, typed="check /\ncheck vdb\npoweroff\n")
        self.expect(result, 0)
        for name, command in (("/", "check /"), ("vdb", "check vdb")):
            self.assertRegex(dict(result.answers)[command], r"^inode \d+: it has 1 names, and 3 are noted\n"
                             rf"{name}: ext2, \d+ files, \d+ folders, \d+ of \d+ blocks in use: 1 fault\n$")
        self.assertEqual(self.image.read_bytes(), before, "the disk was written")

    def test_several_disks(self):
        whole = self.make()
        second = self.work / "second.img"
        second.write_bytes(bytes(1 << 20))
        self.image.write_bytes(whole)
        result = run("--disk", self.image, "--disk", second, typed="lsblk\nrun /bin/hello\npoweroff\n")
        self.expect(result, 0, contains=["Hello from a program"])

    def test_partitions(self):
        """The root is in the second partition of a GPT; a logical partition is written; overlaps are refused."""
        whole = self.make()
        count = len(whole) // SECTOR
        first = with_gpt(count + 300, (1, 34, 99), (7, 100, 99 + count))
        first[100 * SECTOR:100 * SECTOR + len(whole)] = whole
        first[SECTOR + 60] ^= 1  # in a field that the CRC covers: the copy at the end is used
        self.image.write_bytes(first)
        logical = self.work / "logical.img"
        disk = bytearray(mbr((0x83, 1, 9), (0x05, 10, count + 90)).ljust((count + 200) * SECTOR, b"\x5a"))
        disk[10 * SECTOR:11 * SECTOR] = mbr((0x83, 50, count))
        disk[60 * SECTOR:60 * SECTOR + len(whole)] = whole
        logical.write_bytes(disk)
        wrong = self.work / "wrong.img"
        wrong.write_bytes(mbr((0x83, 1, 100), (0x83, 100, 100)).ljust(1 << 20, b"\0"))
        lines = ("mount", "lsblk", "mount vdb /tmp/d", "mount vdc /tmp/d", "mount vda /tmp/d", "mount vda7 /tmp/d", "mount vda1 /tmp/d",
                 "mount -t ext3 vdb5 /tmp/d", "mount -t ext2 -o rw vdb5 /tmp/d", "write /tmp/d/new text", "mount vdb /tmp/e", "umount /tmp/d", "log", "run /bin/hello")
        result = run("--disk", self.image, "--disk", logical, "--disk", wrong,
                     typed="mkdir /tmp/d\nmkdir /tmp/e\n" + "".join(f"{line}\n" for line in lines) + "poweroff\n")
        self.expect(result, 0, contains=["Hello from a program"])
        said = dict(result.answers)
        self.assertRegex(said["mount"], r"vda7 +on / +type ext2")
        self.assertRegex(said["lsblk"], r"(?s)vda .*vda1 +33 KiB  from 17 KiB\nvda7 +\d+ KiB  from 50 KiB\nvdb .*vdb1 .*vdb5 .*vdc ")
        self.assertNotIn("vdc1", said["lsblk"])
        self.assertEqual(said["mount vdb /tmp/d"], "mount: vdb: it has partitions, which `lsblk` lists: mount one of them\n")
        self.assertIn("it has a partition table (MBR), but no partition that can be used: see `log`", said["mount vdc /tmp/d"])
        self.assertEqual(said["mount vda /tmp/d"], "mount: vda7: in use: vda7 is mounted on /\n")
        self.assertEqual(said["mount vda7 /tmp/d"], said["mount vda /tmp/d"])
        self.assertIn("mount: vda1: unknown format", said["mount vda1 /tmp/d"])
        self.assertEqual(said["mount -t ext3 vdb5 /tmp/d"], "mount: vdb5: its type is ext2\n")
        self.assertIn("in use: vdb5 is mounted on /tmp/d", said["mount vdb /tmp/e"])
        self.assertIn("vda: the GPT header in block 1 has a wrong CRC; the copy at the end of the disk is used", said["log"])
        self.assertIn("vdc: its MBR is not used: partitions 1 and 2 overlap", said["log"])
        self.assertEqual(self.image.read_bytes(), bytes(first), "the disk was written")
        after = logical.read_bytes()
        self.assertEqual((after[:60 * SECTOR], after[(60 + count) * SECTOR:]), (disk[:60 * SECTOR], disk[(60 + count) * SECTOR:]))
        self.image.write_bytes(after[60 * SECTOR:(60 + count) * SECTOR])
        check = subprocess.run(["e2fsck", "-fn", str(self.image)], capture_output=True, text=True, env={**os.environ, "PATH": SBIN})
        self.assertEqual(check.returncode, 0, check.stdout)

    def test_a_fat_partition(self):
        """The extension is loaded from the root; what the guest writes is what the host's tools read."""
        tree = self.work / "tree"
        (tree / "lib/modules").mkdir(parents=True)
        (tree / "lib/modules/fat.ko").write_bytes((BUILD / "modules/fat.ko").read_bytes())
        make_disk(tree, self.image)
        image, partition = self.work / "fat.img", self.work / "partition.img"
        image.write_bytes((mbr((0x0e, 64, 20000)).ljust(64 * SECTOR, b"\0") + fat16(20000)).ljust(21000 * SECTOR, b"\0"))
        lines = ("modules", "mount vdb1 /tmp/d", "modules", "mount -o remount,rw /tmp/d", "mount", 'write "/tmp/d/A long name.text" kept',
                 "mkdir /tmp/d/Folder", "write /tmp/d/FOLDER/x y", "rm /tmp/d/folder/X", "write /tmp/d/folder/SHORT.TXT short",
                 "ls /tmp/d", 'cat "/tmp/d/a LONG name.TEXT"', 'write "/tmp/d/a:b" x', "df", "check /tmp/d > /tmp/d/report", "cat /tmp/d/report", "check vdb", "umount /tmp/d",
                 "check vdb1", "check vda", "check /nowhere")
        result = run("--disk", self.image, "--disk", image, typed="mkdir /tmp/d\n" + "".join(f"{line}\n" for line in lines) + "poweroff\n")
        self.expect(result, 0)
        said = dict(result.answers)
        self.assertNotIn("fat", result.answers[1][1])
        self.assertIn("vfs: vdb1 on /tmp/d is fat, read-only", said["mount vdb1 /tmp/d"])
        self.assertRegex(said["modules"], r"(?m)^fat ")
        self.assertRegex(said["mount"], r"vdb1 +on /tmp/d +type fat +read-write")
        self.assertEqual(said["ls /tmp/d"].split(), ["A", "long", "name.text", "Folder/"])
        self.assertEqual(said['cat "/tmp/d/a LONG name.TEXT"'], "kept\n")
        self.assertIn("/tmp/d/a:b", said['write "/tmp/d/a:b" x'])
        self.assertRegex(said["df"], r"(?m)^vdb1 +\d+ +[1-9]\d* +\d+  /tmp/d$")
        self.assertEqual(said["umount /tmp/d"], "")
        self.assertRegex(said["cat /tmp/d/report"], r"^/tmp/d: fat, 3 files, 2 folders, \d+ of \d+ clusters in use: no faults\n$")
        self.assertRegex(said["check vdb1"], r"^vdb1: fat, 3 files, 2 folders, \d+ of \d+ clusters in use: no faults\n$")
        self.assertRegex(said["check vda"], r"^vda: ext2, \d+ files, \d+ folders, \d+ of \d+ blocks in use: no faults\n$")
        self.assertEqual(said["check vdb"], "check: vdb: a partition of it, or its disk, is mounted\n")
        self.assertEqual(said["check /nowhere"], "check: /nowhere: no disk, and nothing is mounted there\n")
        after = image.read_bytes()
        self.assertEqual(after[20064 * SECTOR:], bytes(936 * SECTOR), "written past the end of the partition")
        partition.write_bytes(after[64 * SECTOR:20064 * SECTOR])
        environment = {**os.environ, "PATH": SBIN, "MTOOLS_SKIP_CHECK": "1"}
        for command, text in ((["fsck.fat", "-n", partition], ""), (["mtype", "-i", partition, "::A long name.text"], "kept\n"),
                              (["mtype", "-i", partition, "::Folder/SHORT.TXT"], "short\n")):
            self.assertTrue(shutil.which(command[0], path=SBIN), f"{command[0]} is missing: apt-get install dosfstools mtools")
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn(text, done.stdout)


def hashes(folder):
    """{path: SHA-256 of the file}"""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in Path(folder).rglob("*") if path.is_file() and "lost+found" not in path.parts}


class Passed(TestCase):
    """Volumes that the guest and the host's tools change in turns, while one guest runs: it mounts and unmounts them."""

    SIZES = (0, 1, 4095, 4096, 4097, 12 * 4096, 12 * 4096 + 1, 70000, 300000, 1100000)  # table blocks begin after 12 blocks

    def host(self, *command, typed=""):
        done = subprocess.run([*map(str, command)], input=typed, capture_output=True, text=True,
                              env={**os.environ, "PATH": SBIN, "MTOOLS_SKIP_CHECK": "1"})
        self.assertEqual(done.returncode, 0, f"{command}: {done.stdout}{done.stderr}")

    def tell(self, line):
        """Type a line. It must be answered with nothing but the log's lines."""
        self.guest.stdin.write(f"{line}\n".encode())
        self.guest.stdin.flush()
        output = self.wait_for_prompt().replace("\r", "")
        said = [text for text in output.split("\n")[1:-1] if not text.startswith("[")]
        self.assertEqual(said, [], f"{line}:\n{output}")

    def wait_for_prompt(self):
        output = b""
        while not output.endswith(b"halyard> "):
            piece = self.guest.stdout.read1()
            self.assertTrue(piece, output)
            output += piece
        return output.decode(errors="replace")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        self.files = self.work / "files"  # what the volume has to have
        self.image = self.work / "volume.img"
        (self.files / "d").mkdir(parents=True)
        (self.files / "first").write_bytes(os.urandom(5000))

    def start(self):
        drive = f"-drive if=none,id=mine,format=raw,file={self.image} -device virtio-blk-pci,drive=mine,serial=mine"
        self.guest = subprocess.Popen([str(RUN), MACHINE, "--build", str(BUILD), "--no-build", "--no-install", "--boot", "kernel",
                                       "--timeout", str(LIMIT_S), "--qemu", drive],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (self.guest.kill(), self.guest.communicate()))
        self.wait_for_prompt()
        self.tell("mkdir /tmp/v")

    def take_turns(self, number):
        """The guest copies and moves files that the host has put there, and removes one."""
        came, copied, moved = f"came-{number}", f"d/copied-{number}", f"moved-{number}"
        self.tell("mount -o rw vdb /tmp/v")
        self.tell(f"cat /tmp/v/{came} > /tmp/v/{copied}")
        self.tell(f"mv /tmp/v/first /tmp/v/{moved}")
        self.tell(f"cat /tmp/v/{moved} /tmp/v/{came} > /tmp/v/first")
        shutil.copyfile(self.files / came, self.files / copied)
        (self.files / "first").rename(self.files / moved)
        (self.files / "first").write_bytes(((self.files / moved).read_bytes() + (self.files / came).read_bytes()))
        if number > 0:
            self.tell(f"rm /tmp/v/moved-{number - 1}")
            (self.files / f"moved-{number - 1}").unlink()
        self.tell("umount /tmp/v")

    def new_file(self, number):
        came = self.files / f"came-{number}"
        came.write_bytes(os.urandom(self.SIZES[number]))
        return came

    def compare(self, number):
        seen = self.work / f"seen-{number}"
        seen.mkdir()
        self.read_all(seen)
        self.assertEqual(hashes(seen), hashes(self.files), f"after pass {number}")

    def end(self):
        self.guest.stdin.write(b"poweroff\n")
        self.guest.stdin.flush()
        self.guest.stdout.read()
        self.assertEqual(self.guest.wait(), 0)

    def test_an_ext3_volume_ten_times(self):
        """In turns debugfs adds a file, or mke2fs makes the volume again from the files."""
        def make():
            self.host("mke2fs", "-q", "-F", "-t", "ext3", "-d", self.files, self.image, "16M")

        self.read_all = lambda folder: self.host("debugfs", "-R", f"rdump / {folder}", self.image)
        make()
        self.start()
        for number in range(10):
            came = self.new_file(number)
            if number % 2 == 0:
                self.host("debugfs", "-w", "-f", "-", self.image, typed=f"write {came} {came.name}\n")
            else:
                make()
            self.take_turns(number)
            self.host("e2fsck", "-fn", self.image)
            self.compare(number)
        self.end()

    def test_a_fat_volume(self):
        self.read_all = lambda folder: self.host("mcopy", "-s", "-Q", "-i", self.image, "::/*", folder)
        self.image.write_bytes(fat16(60000, 240))
        self.host("mcopy", "-s", "-i", self.image, self.files / "d", self.files / "first", "::/")
        self.start()
        for number in range(3):
            self.host("mcopy", "-i", self.image, self.new_file(number), "::/")
            self.take_turns(number)
            self.host("fsck.fat", "-n", self.image)
            self.compare(number)
        self.end()


class Data(TestCase):
    """scripts/run --data: docs/files.md promises what is tested here."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.image = Path(folder.name) / "my data.img"

    def host(self, *command):
        return subprocess.run([*command], capture_output=True, text=True, env={**os.environ, "PATH": SBIN})

    def assert_clean(self):
        done = self.host("e2fsck", "-fn", str(self.image))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def read(self, path):
        return self.host("debugfs", "-R", f"cat {path}", str(self.image)).stdout

    def killed_after(self, typed, answer):
        """Type lines, wait until the guest has printed the answer, and end QEMU at once."""
        argv = [str(RUN), MACHINE, "--build", str(BUILD), "--no-build", "--no-install", "--boot", "kernel",
                "--timeout", str(LIMIT_S), "--data", str(self.image)]
        guest = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        output = b""
        guest.stdin.write(typed.encode())
        guest.stdin.flush()
        while answer.encode() not in output:
            piece = guest.stdout.read1()
            self.assertTrue(piece, output)
            output += piece
        guest.send_signal(signal.SIGTERM)
        guest.stdin.close()
        guest.stdout.read()
        guest.wait()
        guest.stdout.close()
        return output.decode(errors="replace").replace("\r\n", "\n")

    def test_a_file_outlives_the_power(self):
        lines = ("mount", "mkdir /data/d", "write /data/d/f kept", "write /data/gone x", "rm /data/gone",
                 "umount /dev/null", "mount -o remount,ro /data", "write /data/no x", "mount -o rw /data", "mount -o rx /data",
                 "mount -o remount,ro vdb /data",
                 "df", "help sync", "poweroff")
        result = run("--boot", "kernel", "--data", self.image, typed="".join(f"{line}\n" for line in lines))
        self.expect(result, 0, contains=["vdb        on /data            type ext3   read-write",
                                         "write: /data/no: read-only file system", "usage: mount"])
        self.assert_clean()
        self.assertEqual(self.read("/d/f"), "kept\n")
        # What `sync` has confirmed is there after a cut, too: the next run replays the journal.
        typed = ("cat /data/d/f", "write /data/second synced", "sync", "write /tmp/x all\" is written\"", "cat /tmp/x")
        output = self.killed_after("".join(f"{line}\n" for line in typed), "all is written")
        self.assertIn("kept\n", output)
        result = run("--boot", "kernel", "--data", self.image, typed="cat /data/second\nlog\npoweroff\n")
        self.expect(result, 0, contains=["synced", "journal replayed"])
        self.assert_clean()

    def test_many_names_in_one_directory(self):
        names.check(self, MACHINE, BUILD, 5000, LIMIT_S)

    def test_a_disk_that_was_not_unmounted(self):
        make_data(self.image)
        whole = bytearray(self.image.read_bytes()[:2048])
        whole[1024 + 58] = 0
        with open(self.image, "r+b") as file:
            file.write(whole)
        # attached by hand, so that nothing repairs it first
        result = run("--boot", "kernel", "--qemu", f"-drive if=none,id=mine,format=raw,file='{self.image}' "
                     "-device virtio-blk-pci,drive=mine,serial=mine", "--append", "mount=mine:/data",
                     typed="mount\nwrite /data/f x\nmount -o rw /data\npoweroff\n")
        self.expect(result, 0, contains=["it was not unmounted", "type ext3   read-only",
                                         "mount: /data: read-only until it was checked with e2fsck"])
        self.assertEqual(self.image.read_bytes()[:2048], bytes(whole))

    def test_a_file_that_is_no_disk(self):
        self.image.write_text("my letter")
        result = run("--data", self.image)
        self.assertIn("holds no ext2 file system", result.errors)
        self.assertEqual(self.image.read_text(), "my letter")

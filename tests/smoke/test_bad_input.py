# SPDX-License-Identifier: MIT
"""Bad input gets an error that names the thing, and changes nothing."""
import re
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from elftools.elf.elffile import ELFFile

from smoke import BUILD, MACHINE, TestCase, for_machine, program, run
from tree import MACHINES, ROOT, build_directory, kernel_image

SOURCE = '#include "halyard.h"\nint main(void) { hy_printf("ran\\n"); return 0; }\n'


class BadPrograms(TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def compile(self, source, machine=MACHINE):
        (self.folder / "bad.c").write_text(source)
        out = self.folder / "bad.elf"
        subprocess.run(["clang", f"@programs/cflags.{machine}", "-c", str(self.folder / "bad.c"), "-o", str(out)],
                       cwd=ROOT, check=True, capture_output=True)
        return out

    def refused(self, file, *words):
        result = run("--program", file)
        self.expect(result, 125, contains=words)
        self.assertNotIn("PANIC", result.output)
        self.assertNotIn("ran\n", result.output)

    def test_another_machines_program(self):
        other = next(m for m in MACHINES if m != MACHINE)
        self.refused(self.compile(SOURCE, other), "bad.elf")

    def test_an_elf_file_truncated_at_many_places(self):
        whole = self.compile(SOURCE).read_bytes()
        names, lines = [], []
        for i, length in enumerate(range(0, len(whole), max(1, len(whole) // 40))):
            name = f"cut{i}.elf"
            (self.folder / name).write_bytes(whole[:length])
            names.append(name)
            lines.append(f"run /files/{name}")
        (self.folder / "whole.elf").write_bytes(whole)
        lines += ["run /files/whole.elf", "poweroff"]
        result = run("--program", program("hello"), "--files", self.folder, "--append", "shell",
                     typed="\n".join(lines) + "\n")
        self.expect(result)
        self.assertEqual(result.output.count("ran\r\n") + result.output.count("ran\n"), 1, result.output)
        for name in names:
            self.assertRegex(result.output, rf"run: .*{name}")

    def test_without_the_note(self):
        self.refused(self.compile("int main(void) { return 0; }\n"), "note")

    def test_an_unknown_relocation(self):
        file = self.compile(SOURCE)
        data = bytearray(file.read_bytes())
        elf = ELFFile(file.open("rb"))
        table = elf.get_section_by_name(".rela.text")
        offset = table["sh_offset"] + 8
        info, = struct.unpack_from("<Q", data, offset)
        struct.pack_into("<Q", data, offset, info & ~0xffffffff | 999)
        file.write_bytes(data)
        self.refused(file, "relocation", "999")

    def test_an_unresolved_import(self):
        self.refused(self.compile('#include "halyard.h"\nint paint(int);\nint main(void) { return paint(1); }\n'),
                     "paint")

    def test_four_gib_of_bss(self):
        self.refused(self.compile(SOURCE + '__asm__(".bss\\n.globl big\\nbig: .skip 0x100000000\\n.text");\n'))

    def test_not_a_program_at_all(self):
        file = self.folder / "text.elf"
        file.write_text("hello")
        self.refused(file, "text.elf")

    def test_an_empty_file(self):
        file = self.folder / "empty.elf"
        file.write_bytes(b"")
        self.refused(file, "empty.elf")


class BadDisks(TestCase):
    def boot(self, image, *lines):
        return run("--disk", image, typed="\n".join((*lines, "poweroff")) + "\n")

    def test_no_disk(self):
        # A plain run has a disk with programs; a run of a given kernel has none.
        self.expect(run("--kernel", kernel_image(BUILD, MACHINE), typed="ls /\nrun /bin/hello.elf\npoweroff\n"),
                    contains="/bin/hello.elf: no such file or directory")

    def test_a_program_that_is_not_there(self):
        self.expect(run("--append", "run=/bin/nothing poweroff"), 125, contains="/bin/nothing")

    def test_an_empty_disk(self):
        with tempfile.NamedTemporaryFile(suffix=".img") as image:
            image.truncate(4 << 20)
            self.expect(self.boot(image.name, "lsblk", "mkdir /mnt", "mount vda /mnt"), contains=["vda", "mount: vda:"])

    def test_truncated_ext2(self):
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder) / "tree"
            (tree / "deep/er").mkdir(parents=True)
            (tree / "deep/er/file").write_bytes(bytes(range(256)) * 4096)
            image = Path(folder) / "disk.img"
            subprocess.run([str(ROOT / "scripts/mkdisk"), str(tree), str(image), "8M"], check=True, capture_output=True)
            whole = image.read_bytes()
            for length in (1024, 1536, 2048, 4096, 16384, 65536, len(whole) // 2):
                image.write_bytes(whole[:length])
                with self.subTest(length=length):
                    result = self.boot(image, "ls /", "ls /deep/er", "cat /deep/er/file", "uptime")
                    self.expect(result, contains="up ")
                    self.assertNotIn("PANIC", result.output)


    def test_an_initrd_that_is_not_an_archive(self):
        with tempfile.NamedTemporaryFile(suffix=".cpio") as archive:
            archive.write(b"no archive" * 1000)
            archive.flush()
            result = run("--initrd", archive.name, typed="mem map\npoweroff\n")
        self.expect(result, contains=["initrd", "not mounted at /: it is not a cpio archive"])
        outside = re.sub(r"(?m)^\w+-\w+ +\d+ MiB code\n(  .*\n)*", "", result.output)  # tools.ko, which has `mem`, is there
        self.assertIn(" image\n", outside)
        self.assertNotRegex(outside, r"KiB [r-][w-]-  module", "its mapping was not given back")

    @for_machine("x86_64")  # on AArch64 QEMU does not pass an empty one
    def test_an_empty_initrd(self):
        with tempfile.NamedTemporaryFile(suffix=".cpio") as archive:
            result = run("--initrd", archive.name, typed="poweroff\n")
        self.expect(result, contains=["initrd", "not mounted at /: it is empty"])


class BadCommandLine(TestCase):
    def test_an_unknown_word_is_reported_and_ignored(self):
        self.expect(run("--append", "frobnicate=1 loglevel=info", typed="poweroff\n"), contains="frobnicate=1")

    def test_less_than_16_mib(self):
        # Without GRUB, which has too little memory itself and prints nothing.
        self.expect(run("--boot", "kernel", "--mem", "8M"), 120, "panic", contains="16 MiB")

# SPDX-License-Identifier: MIT
"""The extensions in examples/extension, which docs/extensions.md explains: built in the tree and out of it, and loaded
from a boot module, from the host and from a disk."""
import re
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from disk import make_disk
from smoke import BUILD, INTERFACE, MACHINE, TestCase, run
from tree import MACHINES, ROOT

EXAMPLES = ROOT / "examples/extension"
HELP = "the files on a tinyfs disk"
HELP_OUTSIDE = "the files of a tiny disk"  # the copy that is built outside of the tree says so
FILES = {"motd": b"from a tiny disk\n", "two": bytes(range(65, 91)) * 30, "sum.rpn": b"#!rpn\n2 3 + 4 *\n",
         "zero.rpn": b"#!rpn\n1 0 /\n", "word.rpn": b"#!rpn\n1 one +\n"}


def tiny_disk(files, count=None):
    """The format is described in tinyfs.c."""
    table, body = bytearray(512), b""
    struct.pack_into("<8sI", table, 0, b"TINYFS1\0", len(files) if count is None else count)
    for number, (name, data) in enumerate(files.items()):
        struct.pack_into("<24sII", table, 16 + 32 * number, name.encode(), 1 + len(body) // 512, len(data))
        body += data + bytes(-len(data) % 512)
    return bytes(table) + body


class Examples(TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        self.tiny = self.file("tiny.img", tiny_disk(FILES))

    def file(self, name, data):
        path = self.work / name
        path.write_bytes(data)
        return path

    def compile(self, source, out, machine=MACHINE):
        """As docs/extensions.md says, in a folder outside of the tree."""
        subprocess.run(["clang", f"@modules/cflags.{machine}", "-c", source, "-o", out], cwd=ROOT, check=True)
        return out

    def outside(self, name, *changes, out=None, machine=MACHINE):
        """Build a changed copy of an example."""
        text = (EXAMPLES / f"{name}.c").read_text()
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        return self.compile(self.file(f"{name}.c", text.encode()), self.work / f"{out or name}.ko", machine)

    def tinyfs_of_two_files(self):
        """Its help text is in the second one."""
        one = self.outside("tinyfs", (f'"{HELP}"', "help"), ("/* ---- The command ---- */", "extern const char help[];"),
                           out="one")
        text = f'extern const char help[];\nconst char help[] = "{HELP_OUTSIDE}";\n'
        two = self.compile(self.file("help.c", text.encode()), self.work / "help.o")
        result = self.work / "tinyfs.ko"
        subprocess.run(["ld.lld", "-r", one, two, "-o", result], check=True)
        return result

    def host(self, file):
        return f"--qemu=-fw_cfg name=opt/halyard/extension,file={file}"

    def shell(self, *lines, options=()):
        return run(*options, typed="\n".join([*lines, "poweroff"]) + "\n")

    def system_disk(self, *modules):
        """A disk in the kernel's own format, with modules by their file names."""
        folder = self.work / "tree/lib/modules"
        folder.mkdir(parents=True)
        for module in modules:
            shutil.copyfile(module, folder / module.name)
        for name in ("data", "vdb", "vdc", "vdd", "vde", "vdf", "vdg"):  # where disks are mounted
            (self.work / "tree" / name).mkdir()
        make_disk(self.work / "tree", self.work / "system.img")
        return self.work / "system.img"

    def test_boot_module_and_host(self):
        """A file system from a boot module holds the root; a format from the host runs a program on it."""
        for name, tinyfs, rpn, text in (
                ("in the tree", BUILD / "modules/tinyfs.ko", BUILD / "modules/rpn.ko", HELP),
                ("outside", self.outside("tinyfs", (HELP, HELP_OUTSIDE)), self.outside("rpn"), HELP_OUTSIDE)):
            with self.subTest(name):
                result = self.shell(
                    "mount", "help", "help tinyfs", "tinyfs vda", "cat /motd", "cat /two", "modules", "tinyfs",
                    "/sum.rpn > /tmp/sum", "cat /tmp/sum", "/zero.rpn", "/word.rpn", "jit /sum.rpn", "unload tinyfs",
                    "cat /motd", options=["--disk", self.tiny, "--initrd", tinyfs, self.host(rpn)])
                self.expect(result, 0, contains=[
                    'extension "initrd": loaded', 'extension "opt/halyard/extension": loaded',
                    "vda        on /                type tinyfs read-only",
                    f"usage: tinyfs DISK\n{text}\n", "5 of 15 files", FILES["two"].decode(),
                    "1 command, 1 file system", ", 1 format", "\n20\n", "/zero.rpn: word 3: no such number",
                    "/word.rpn: word 2: neither a number nor one of + - * /", "a calculation is not compiled",
                    "unload: tinyfs: an extension: cannot be unloaded"])
                answers = dict(result.answers)
                self.assertRegex(answers["help"], f"\ntinyfs +DISK +{text}\n")
                self.assertEqual(answers["tinyfs"], "usage: tinyfs DISK\n")
                self.assertEqual(result.output.count("from a tiny disk\n"), 2, result.output)

    def test_from_a_disk(self):
        """The extension lies on a disk of another format than the one that it mounts."""
        for name, tinyfs, rpn, text in (
                ("in the tree", BUILD / "modules/tinyfs.ko", BUILD / "modules/rpn.ko", HELP),
                ("outside", self.tinyfs_of_two_files(), self.outside("rpn"), HELP_OUTSIDE)):
            with self.subTest(name):
                shutil.rmtree(self.work / "tree", ignore_errors=True)
                disk = self.system_disk(tinyfs, rpn)
                result = self.shell(
                    "tinyfs vdb", "mount vdb /data", "load tinyfs", "mount vdb /data", "cat /data/motd", "tinyfs vda",
                    "load rpn", "/data/sum.rpn", "help tinyfs", "load tinyfs", "load rpn",
                    options=["--disk", disk, "--disk", self.tiny])
                self.expect(result, 0, contains=[
                    "tinyfs: no such command", "mount: vdb: unknown format", "from a tiny disk\n",
                    "tinyfs: vda: no tinyfs", "\n20\n", f"usage: tinyfs DISK\n{text}\n",
                    "load: tinyfs: already loaded", "load: rpn: already loaded"])

    def test_refused_extensions_change_nothing(self):
        whole = (BUILD / "modules/tinyfs.ko").read_bytes()
        note = b"Halyard\0" + INTERFACE.to_bytes(4, "little")
        self.assertEqual(whole.count(note), 1)
        other = next(m for m in MACHINES if m != MACHINE)
        named = '{"tinyfs", "DISK"'
        modules = [
            self.file("interface.ko", whole.replace(note, b"Halyard\0" + (INTERFACE + 1).to_bytes(4, "little"))),
            self.file("cut.ko", whole[:len(whole) // 2]),
            self.outside("tinyfs", out="other", machine=other),
            self.outside("tinyfs", (named, '{"help", "DISK"'), out="taken"),
            self.outside("tinyfs", (named, '{"tiny fs", "DISK"'), out="blank"),
            self.outside("tinyfs", (named, '{"tinyfs", NULL'), out="incomplete"),
            self.outside("tinyfs", ("    {0},\n", '    {"tinyfs", "", "the same again", run_tinyfs},\n    {0},\n'), out="twice"),
            self.outside("tinyfs", (".make = tiny_make", ".make = NULL"), out="functionless"),
            self.outside("tinyfs", (".additions = &added", ".additions = NULL"), out="empty"),
            self.outside("tinyfs", ('"tinyfs", "1.0", "MIT"', '"second", "1.0", "MIT"'),
                         ('.name = "tinyfs", .version', '.name = "second", .version'), out="second"),
            BUILD / "modules/tinyfs.ko"]
        loads = [f"load {module.stem}" for module in modules[:-2]]
        # The first round loads tools.ko, and in one of the next the table of kept names may double.
        result = self.shell(*4 * [*loads, "mem", "heap"], "tinyfs vda", "mount vdb /data", "load tinyfs",
                            "load second", "modules", "cat /data/motd",
                            options=["--disk", self.system_disk(*modules), "--disk", self.tiny])
        self.expect(result, 0, contains=[
            f"load: /lib/modules/interface.ko: note: built for version {INTERFACE + 1} of the driver interface",
            "load: /lib/modules/cut.ko: ", "load: /lib/modules/other.ko: made for ELF machine",
            "load: tinyfs: command help: exists already", "load: tinyfs: command tiny fs: not a valid name",
            "load: tinyfs: command tinyfs: lacks a required field", "load: tinyfs: command tinyfs: exists already",
            "load: tinyfs: file system tinyfs: lacks a required field",
            "load: tinyfs: its struct driver lacks a required field",
            "load: second: command tinyfs: exists already", "tinyfs: no such command",
            "mount: vdb: unknown format", "/data/motd: no such file"])
        figures = [text for line, text in result.answers if line in ("mem", "heap")]
        rounds = [figures[n:n + 2] for n in range(2, 8, 2)]
        self.assertTrue(rounds[0] == rounds[1] or rounds[1] == rounds[2], result.output)  # what leaks, leaks in each
        self.assertNotIn("second ", dict(result.answers)["modules"])

    def test_a_refused_boot_module_does_not_stop_the_boot(self):
        whole = (BUILD / "modules/tinyfs.ko").read_bytes()
        cut = self.file("cut.ko", whole[:len(whole) // 2])
        result = self.shell("mem map", "modules", options=[
            "--initrd", cut, self.host(self.file("text.ko", b"no extension at all")), "--disk", self.tiny])
        self.expect(result, 0, contains=['extension "initrd": not loaded: ',
                                         'extension "opt/halyard/extension": not loaded: opt/halyard/extension: unknown format'])
        self.assertNotIn("tinyfs", dict(result.answers)["modules"])
        self.assertEqual(len(re.findall(r"KiB r-x  module", result.output)), 1)  # tools.ko, which has `mem`

    def test_a_damaged_disk_is_refused(self):
        disks = {"vdb": tiny_disk(FILES, count=16), "vdc": tiny_disk({"": b"x"}), "vdd": tiny_disk({"a/b": b"x"}),
                 "vde": tiny_disk({"big": bytes(4096)})[:1024], "vdf": bytes(4096), "vdg": tiny_disk(FILES)}
        options = ["--disk", self.system_disk(BUILD / "modules/tinyfs.ko")]
        for name, data in disks.items():
            options += ["--disk", self.file(f"{name}.img", data)]
        result = self.shell("load tinyfs", *(f"mount {name} /{name}" for name in disks), "tinyfs vde", "cat /vdg/motd",
                            options=options)
        answers = dict(result.answers)
        for name in ("vdb", "vdc", "vdd", "vde"):
            self.assertIn("corrupt", answers[f"mount {name} /{name}"], result.output)
        self.assertIn("unknown", answers["mount vdf /vdf"], result.output)
        self.assertEqual(answers["cat /vdg/motd"], "from a tiny disk\n", result.output)

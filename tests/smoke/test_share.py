# SPDX-License-Identifier: MIT
"""scripts/run --share: a folder of this computer at /host, read and written from both sides."""
import hashlib
import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

import wasisuite
from smoke import BUILD, LIMIT_S, MACHINE, RUN, TestCase, program, run

MANY = 5000
LARGE = 20 << 20
ODD = b"\x1b[31mred\n\xff"
COPY = """
#include <stdio.h>
static char buf[1 << 17];
int main(int argc, char **argv)
{
    FILE *from = fopen(argv[1], "rb"), *to = fopen(argv[2], "wb");
    size_t n;
    if (argc != 3 || from == NULL || to == NULL) {
        return 1;
    }
    while ((n = fread(buf, 1, sizeof buf, from)) > 0) {
        if (fwrite(buf, 1, n, to) != n) {
            return 2;
        }
    }
    return ferror(from) || fclose(to) != 0;
}
"""


class Talk:
    """A guest with a shell, line by line, so that the host can act between two lines."""

    def __init__(self, *options):
        argv = [str(RUN), MACHINE, "--build", str(BUILD), "--no-build", "--no-install", "--timeout", str(LIMIT_S),
                *map(str, options)]
        self.guest = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.output = ""
        self.to_prompt()

    def to_prompt(self):
        """What comes before the next prompt."""
        text = b""
        while not text.endswith(b"halyard> "):
            piece = self.guest.stdout.read1()
            if not piece:
                raise AssertionError(f"the guest has ended\n{self.output}{text.decode(errors='replace')}")
            text += piece
        self.output += text.decode(errors="replace")
        return text.decode(errors="replace").removesuffix("halyard> ").replace("\r\n", "\n")

    def ask(self, line):
        self.guest.stdin.write(line.encode() + b"\n")
        self.guest.stdin.flush()
        return self.to_prompt().partition("\n")[2]

    def end(self):
        self.guest.stdin.write(b"poweroff\n")
        self.guest.stdin.close()
        self.guest.stdout.read()
        return self.guest.wait()


class Share(TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        self.share = self.work / "a folder, with a comma"
        self.share.mkdir()
        (self.share / "hello").write_text("hello from the host\n")

    def talk(self, *options):
        t = Talk(*options)
        self.addCleanup(t.guest.kill)
        return t

    def built(self, source, out):
        build, why = wasisuite.builders()[source.suffix]
        if why is None:
            subprocess.run(build(source, out), check=True)
        return why is None

    def test_shell_and_host_see_each_others_changes(self):
        os.symlink("hello", self.share / "link")
        (self.share / "folder").mkdir()
        (self.share / "folder/inside").write_text("inside\n")
        with open(os.fsencode(self.share) + b"/" + ODD, "w") as odd:
            odd.write("odd\n")
        t = self.talk("--share", self.share)
        self.assertRegex(t.ask("mount"), r"host +on /host +type 9p +read-write")
        self.assertEqual(t.ask("cat /host/hello"), "hello from the host\n")
        self.assertEqual(t.ask("cat /host/link"), "hello from the host\n")
        self.assertRegex(t.ask("ls -l /host"), r"-rw-r--r-- .* 20 .* hello\n")
        self.assertNotIn("\x1b", t.ask("ls /host"))
        # the host's edits, a new file, and a file in the place of another
        (self.share / "hello").write_text("edited\n")
        self.assertEqual(t.ask("cat /host/hello"), "edited\n")
        (self.work / "other").write_text("replaced\n")
        os.replace(self.work / "other", self.share / "hello")
        self.assertEqual(t.ask("cat /host/hello"), "replaced\n")
        # the guest's
        t.ask("write /host/new made in the guest")
        self.assertEqual((self.share / "new").read_text(), "made in the guest\n")
        t.ask("cat /host/new /host/new > /host/twice")
        self.assertEqual((self.share / "twice").read_text(), "made in the guest\n" * 2)
        t.ask("rm /host/new")
        self.assertFalse((self.share / "new").exists())
        self.assertEqual(t.ask("cat /host/new"), "cat: /host/new: no such file or directory\n")
        self.assertEqual(t.ask("cd /host; ln -s hello made; ln hello second; ln -s ../nowhere dangling; cd /"), "")
        self.assertEqual(os.readlink(self.share / "made"), "hello")
        self.assertEqual(os.readlink(self.share / "dangling"), "../nowhere")
        self.assertTrue((self.share / "second").samefile(self.share / "hello"))
        self.assertEqual(t.ask("cat /host/made /host/second"), "replaced\n" * 2)
        # what has gone
        self.assertEqual(t.ask("cat /host/folder/inside"), "inside\n")
        shutil.rmtree(self.share / "folder")
        self.assertIn("no such file or directory", t.ask("cat /host/folder/inside"))
        shutil.rmtree(self.share)
        self.assertIn("no such file or directory", t.ask("cat /host/hello"))
        self.assertEqual(t.ask("umount /host"), "")
        self.assertEqual(t.ask("ls /host"), "")
        self.assertEqual(t.end(), 0, t.output)

    def test_a_large_folder_and_a_large_file(self):
        for number in range(MANY):
            (self.share / f"f{number:05}").touch()
        (self.work / "copy.c").write_text(COPY)
        data = random.Random(9).randbytes(LARGE)
        (self.share / "large").write_bytes(data)
        if not self.built(self.work / "copy.c", self.share / "copy.wasm"):
            self.skipTest("no compiler for WebAssembly")
        result = run("--share", self.share, typed="ls /host\n/host/copy.wasm /host/large /host/copied\npoweroff\n")
        self.expect(result, 0)
        self.assertEqual(sum(f"f{number:05}" in result.output for number in range(MANY)), MANY)
        self.assertEqual(hashlib.sha256((self.share / "copied").read_bytes()).digest(), hashlib.sha256(data).digest())

    def test_programs_use_it_as_any_file_system(self):
        """The tests of WASI, which create, rename, link, list, truncate and remove, lie in the folder and work there."""
        runs = [("calls.c", "one 'two words' '' host/calls"), ("errors.c", "host/errors"),
                ("libc.c", "one 'two words' '' host/libc"), ("std.rs", "one 'two words' '' /host/std")]
        lines = []
        (self.share / "nothing").write_bytes(b"")  # calls.c reads its input to the end, not the shell's
        for source, arguments in runs:
            (self.share / Path(source).stem).mkdir()
            if self.built(wasisuite.SOURCES / source, self.share / f"{Path(source).stem}.wasm"):
                lines.append(f"/host/{Path(source).stem}.wasm {arguments} < /host/nothing")
        result = run("--share", self.share, typed="\n".join([*lines, "poweroff"]) + "\n")
        self.expect(result, 0, contains="halyard> poweroff")
        for line, text in result.answers:
            if line.startswith("/host/"):
                self.assertNotRegex(text, r"\.(c|rs):\d+|exit status|panicked", result.output)

    def test_the_everyday_loop(self):
        """A program of the host reads a file of its folder; its hash is the host's."""
        result = run("--program", program("sha256"), "--share", self.share, "--args", "/host/hello")
        self.expect(result, 0, contains=hashlib.sha256(b"hello from the host\n").hexdigest())

    def test_another_tag_is_mounted_by_hand(self):
        """The extension comes from the disk; --files works in the shell."""
        path = str(self.share).replace(",", ",,")
        device = f"-fsdev 'local,id=x,path={path},security_model=none' -device virtio-9p-pci,fsdev=x,mount_tag=other"
        result = run("--files", self.share, "--qemu", device, typed="\n".join([
            "cat /files/hello", "mount other /mnt", "load 9p", "mount nothing /mnt", "mount other /mnt", "cat /mnt/hello",
            "mount other /data", "umount /mnt", "mount other /data", "cat /data/hello", "poweroff", ""]))
        self.expect(result, 0, contains=["mount: other: no such device", "mount: nothing: no such device",
                                         "mount: other: in use: other is mounted on /mnt"])
        self.assertEqual(result.output.count("hello from the host\n"), 3, result.output)

    def test_folders_that_cannot_be_shared(self):
        for options, message in ((["--share", self.work / "none"], "none: no such file"),
                                 (["--share", self.share / "hello"], "hello: not a directory"),
                                 (["--share", self.share, "--machine", "microvm"], "no PCI bus"),
                                 (["--files", self.share, "--disk", self.share / "hello"], "--files needs")):
            with self.subTest(options):
                result = run(*options)
                self.assertNotEqual(result.status, 0)
                self.assertIn(message, result.errors)

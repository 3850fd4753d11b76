# SPDX-License-Identifier: MIT
"""The shell's commands about files and disks, and the reasons that they give."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from disk import make_disk
from smoke import BUILD, MACHINE, TestCase, run

NAMES = ["Gr\u00fc\u00dfe", "\u65e5\u672c", "a\033[2J\nz", b"bad\xff\xe0\x80\x9b", ".hidden"]
SHOWN = ["Gr\u00fc\u00dfe", "a\\x1b[2J\\x0az", "bad\\xff\\xe0\\x80\\x9b", "link", "sub/", "\u65e5\u672c"]

PROGRAMS = "clear cp date echo ed env find grep head hexdump less ln mv rmdir sleep sort tail touch tree wc".split()
LINES = "pear\nApple\n10 x\n9 y\napple\npear\n"
EDITS = """a
first
second
third
.
2s/se/SE/
/fir/i
zero
.
$d
,n
w /tmp/edited
2,3s/[/x/
1,9p
q
"""


class Commands(TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)

    def shell(self, *lines, options=()):
        result = run(*options, typed="\n".join([*lines, "poweroff"]) + "\n")
        self.expect(result, 0)
        return result, {line: text for line, text in result.answers}

    def image(self, name, *writes, size=1 << 20):
        data = bytearray(size)
        for offset, text in writes:
            data[offset:offset + len(text)] = text
        (self.work / name).write_bytes(data)
        return self.work / name

    def disk(self, name="disk.img", **files):
        """A disk with folders to mount others on, and these files."""
        tree = self.work / f"{name}.tree"
        for folder in ("deep/sub", "data", "other"):
            (tree / folder).mkdir(parents=True)
        for file in NAMES:
            (tree / "deep").joinpath(os.fsdecode(file)).write_text("x")
        (tree / "deep/link").symlink_to("../x")
        for file, data in files.items():
            (tree / file).write_bytes(data)
        make_disk(tree, self.work / name)
        return self.work / name

    def test_a_greeting_tells_how_to_go_on(self):
        result, _ = self.shell()
        self.assertRegex(result.output.split("halyard> ")[0], r"(?m)^Halyard [0-9.]+\. Type help for the commands\.$")

    def test_what_people_look_at(self):
        _, answers = self.shell("lspci", "ps", "free", "uname", "uname -a", "uname -rm", "uname -x", "lspci now", "free now", "dmesg")
        self.assertRegex(answers["lspci"], r"(?m)^[0-9a-f:.]+ 1af4:[0-9a-f]{4} class 010000 rev .*, driver virtio_blk\n"
                         r"    SCSI storage: Red Hat virtio disk.*\n(    (ports|memory) \d at 0x[0-9a-f]+ size 0x[0-9a-f]+\n)+")
        self.assertRegex(answers["ps"], r"^ +ID CPU PRI STATE +%CPU +RUN ms +SWITCHES +MEMORY CONSOLE +WAITS ON +NAME\n")
        # The thread "work" may run at that moment, for example on a block that is read ahead: then it waits on nothing.
        self.assertRegex(answers["ps"], r"(?m)^ +\d+ +0 +\d+ (?:blocked +\d+\.\d +\d+\.\d{3} +\d+ +- - +work"
                         r"|\w+ +\d+\.\d +\d+\.\d{3} +\d+ +- - +\S.*?) +work$")
        self.assertRegex(answers["free"], r"^\d+\.\d MiB in all, \d+\.\d MiB used, \d+\.\d MiB free\n$")
        self.assertEqual(answers["uname"].split()[::2], ["Halyard", MACHINE])
        self.assertEqual(answers["uname -a"], answers["uname"])
        self.assertEqual("Halyard " + answers["uname -rm"], answers["uname"])
        self.assertEqual(answers["uname -x"], "usage: uname [-asrm]\n")
        self.assertEqual((answers["lspci now"], answers["free now"]), ("usage: lspci\n", "usage: free\n"))
        self.assertIn("boot: Halyard\n", answers["dmesg"])

    def test_samples_and_sh_and_run_have_help(self):
        """On the disk of a plain run; a sample that took the word for its argument might run for ever."""
        usages = {"hello": "[WORD...]", "sha256": "[FILE...]", "spin": "", "2048": "[SEED]", "primes": "[LAST [THREADS]]",
                  "calculate": "EXPRESSION...", "exit": "STATUS, of at most 8 digits", "compute": "[TIMES]",
                  "ln": "[-s] TARGET... NAME"}
        native = ("hello", "sha256", "spin", "threads", "exit", "compute")
        lines = [f"{name}.wasm --help" for name in usages] + [f"{name}.elf --help" for name in native]
        dotnet = {"hello": "[NAME...]", "tasks": "[SIZE]", "threads": "[RANGES]", "tree": "FROM TO", "words": "",
                  "collatz": ""}
        if not (BUILD / "programs/hello.exe").exists():
            dotnet = {}  # a build without mcs
        _, answers = self.shell(*lines, *(f"{name}.exe --help" for name in dotnet), "sh --help", "run --help", "sh --help x",
                                "crash.wasm --help 2> /tmp/errors", "crash.elf --help 2>> /tmp/errors", "cat /tmp/errors")
        for kind, name in (("read write divide .* fill", "wasm"), ("read-null write-null .* spin-deep", "elf")):
            self.assertRegex(answers[f"crash.{name} --help {'2>' if name == 'wasm' else '2>>'} /tmp/errors"],
                             f"^usage: crash KIND, one of {kind}\n$")
        self.assertEqual(answers["cat /tmp/errors"], "")
        for name, usage in dotnet.items():
            self.assertEqual(answers[f"{name}.exe --help"], f"usage: {name} {usage}".rstrip() + "\n")
        for line in lines:
            name = line.partition(".")[0]
            self.assertEqual(answers[line], f"usage: {name} {usages.get(name, '')}".rstrip() + "\n")
        self.assertRegex(answers["sh --help"], r"^usage: sh FILE .*\nrun a script\n")
        self.assertRegex(answers["run --help"], r"^usage: run .*\nrun a program\n")
        self.assertEqual(answers["sh --help x"], "sh: --help: no such file or directory\n")

    def test_ps_shows_a_programs_memory_and_time(self):
        """Of a program that is loaded in the background, however long that takes."""
        _, answers = self.shell("/bin/sleep.wasm 1000 &", "while ! ps | /bin/grep.wasm iB | /bin/grep.wasm sleep.wasm..sleep; "
                                "do /bin/echo.wasm; done")
        self.assertRegex("".join(answers.values()), r"(?m) +\d+\.\d [KM]iB +\S+ +\S.* sleep\.wasm \(sleep\.wasm\)$")

    def test_the_memory_map_is_for_those_who_ask(self):
        result, answers = self.shell("log")
        self.assertNotIn("boot: memory 0x", result.output.split("halyard> ")[0])
        self.assertIn("boot: memory 0x", answers["log"])
        result, _ = self.shell(options=["--append", "loglevel=info"])
        self.assertIn("boot: memory 0x", result.output.split("halyard> ")[0])

    def test_ls_sorts_and_shows_names(self):
        result, answers = self.shell("ls /deep", "ls -a /deep", "ls -l /deep", "ls -1 /deep", "ls -l /deep/link",
                                     "ls /no", "ls -z", "ls --help", "ls /data /deep/sub",
                                     options=["--disk", self.disk()])
        rows = answers["ls /deep"].splitlines()
        self.assertEqual(sorted(" ".join(rows).split()), sorted(SHOWN), result.output)
        self.assertLess(len(rows), len(SHOWN), "the names are in columns")
        self.assertIn(".hidden", answers["ls -a /deep"])
        self.assertEqual(answers["ls -1 /deep"].split(), [name.rstrip("/") for name in SHOWN])
        lines = answers["ls -l /deep"].splitlines()
        self.assertRegex(lines[0], r"^-rw-r--r-- +1 +1 2024-01-01 00:00 Gr\u00fc\u00dfe$")
        self.assertRegex(lines[3], r"^lrwxrwxrwx +1 +4 2024-01-01 00:00 link -> \.\./x$")
        self.assertRegex(lines[4], r"^drwxr-xr-x .* sub$")
        self.assertEqual(answers["ls -l /deep/link"].split()[-3:], ["/deep/link", "->", "../x"])
        self.assertEqual(answers["ls /no"], "ls: /no: no such file or directory\n")
        self.assertEqual(answers["ls -z"], "usage: ls [-la1] [PATH...]\n")
        self.assertEqual(answers["ls --help"], "usage: ls [-la1] [PATH...]\nlist directories\n")  # no page on this disk
        self.assertEqual(answers["ls /data /deep/sub"], "/data:\n/deep/sub:\n")

    def test_mount_names_the_obstacle(self):
        disks = [self.disk("first.img"), self.image("fat.img", (82, b"FAT32   "), (510, b"\x55\xaa")),
                 self.image("mbr.img", (510, b"\x55\xaa")), self.image("gpt.img", (512, b"EFI PART"), (510, b"\x55\xaa")),
                 self.image("empty.img"), self.disk("second.img", marker=b"second")]
        lines = ["mount vdb /data", "mount vdc /data", "mount vdd /data", "mount vde /data", "mount vdf /nowhere",
                 "mount vdf /deep/link", "mount vdf /data", "cat /data/marker", "mount vdf /other", "mount vdq /other",
                 "mount vde /tmp", "umount /data", "umount /data", "mount vdf /other", "df", "umount /no", "rm /", "umount /other",
                 "mkdir /tmp/m", "mount vdf /tmp/m", "rm -r /tmp/m"]
        result = run(*(o for d in disks for o in ("--disk", d)), typed="\n".join([*lines, "poweroff"]) + "\n")
        self.expect(result, 0)
        answers = result.answers
        said = [text for _, text in answers]
        self.assertIn("a FAT file system, which needs the extension fat: /lib/modules/fat.ko: no such file", said[0])
        self.assertIn("a partition table (MBR)", said[1])
        self.assertIn("a partition table (GPT)", said[2])
        self.assertIn("mount: vde: unknown format (known: ext2", said[3])
        self.assertEqual(said[4], "mount: /nowhere: no such file or directory\n")
        self.assertEqual(said[5], "mount: /deep/link: no such file or directory\n")
        self.assertNotIn("mount:", said[6])
        self.assertEqual(said[7], "second")
        self.assertEqual(said[8], "mount: vdf: in use: vdf is mounted on /data\n")
        self.assertEqual(said[9], "mount: vdq: no such device\n")
        self.assertIn("mount: vde: ", said[10])
        self.assertEqual(said[11:13], ["", "umount: /data: nothing is mounted there\n"], result.output)
        self.assertNotIn("mount:", said[13])
        self.assertRegex(said[14], r"(?m)^vdf +\d+ +\d+ +\d+  /other$")
        self.assertEqual(said[16], "rm: /: is no name that can be removed\n")
        self.assertEqual(said[20], "rm: /tmp/m: in use: a file system is mounted there or below\n")

    def test_mkdir_and_rm_of_a_tree(self):
        _, answers = self.shell(
            "mkdir /tmp/a /tmp/a/b /tmp/a/b/c", "mkdir /tmp/a", "write /tmp/a/b/f x", "write /tmp/a/b/c/g x", "rm /tmp/a",
            "mkdir /tmp/a/b/d /tmp/a/e /tmp/a/e/d", "write /tmp/a/e/d/g x",
            "rm -r /tmp/a", "ls /tmp", "rm -r /tmp/none", "rm -q /tmp", "mkdir", "rm -r", options=["--disk", self.disk()])
        self.assertEqual(answers["mkdir /tmp/a"], "mkdir: /tmp/a: exists already\n")
        self.assertEqual(answers["rm /tmp/a"], "rm: /tmp/a: directory not empty\n")
        self.assertEqual((answers["rm -r /tmp/a"], answers["ls /tmp"]), ("", ""))
        self.assertEqual(answers["rm -r /tmp/none"], "rm: /tmp/none: no such file or directory\n")
        for line in ("rm -q /tmp", "rm -r"):
            self.assertEqual(answers[line], "usage: rm [-r] PATH...\n")

    def test_rm_of_a_large_folder_takes_time_for_each_name(self):
        """Four times the names take about four times the instructions, of which icount makes a nanosecond each."""
        for count in (1000, 4000):
            (self.work / f"tree/n{count}").mkdir(parents=True)
            for n in range(count):
                (self.work / f"tree/n{count}" / f"{n:04}{'-' * 200}").touch()
        make_disk(self.work / "tree", self.work / "data.img")
        _, answers = self.shell("time rm -r /data/n1000", "time rm -r /data/n4000", "ls /data",
                                options=["--accel", "icount", "--data", self.work / "data.img"])
        few, many = (float(re.search(r"shell +([0-9.]+) s", answers[f"time rm -r /data/n{count}"])[1]) for count in (1000, 4000))
        self.assertLess(many, 6 * few, answers)
        self.assertNotIn("n4000", answers["ls /data"])

    def test_a_file_of_no_format_names_the_known_ones(self):
        _, answers = self.shell("write /tmp/text hello", "run /tmp/text", options=["--disk", self.disk()])
        self.assertEqual(answers["run /tmp/text"], "run: /tmp/text: unknown format (known: ELF64 object, WebAssembly, .NET assemblies)\n")

    def programs(self, *lines, **files):
        """The answers of a shell whose disk has the programs of programs/commands."""
        tree = self.work / "tree"
        (tree / "bin").mkdir(parents=True)
        (tree / "files").mkdir()
        for name in PROGRAMS:
            shutil.copyfile(BUILD / f"programs/{name}.wasm", tree / f"bin/{name}.wasm")
        for name, text in files.items():
            (tree / "files" / name).write_text(text)
        make_disk(tree, self.work / "programs.img")
        result, answers = self.shell(*lines, options=["--disk", self.work / "programs.img"])
        return result, answers

    def test_programs_print_what_unix_prints(self):
        """The same words for the host's commands, where they are the same commands."""
        same = ["sort lines", "sort -r lines", "sort -u lines", "grep -n ^p.*r$ lines", "grep -i app lines", "grep -c p lines",
                "grep -v p lines", "head -n 2 lines", "tail -n 2 lines", "echo one 'two  three'"]
        own = [line.replace(" lines", " /files/lines") for line in same]
        _, answers = self.programs(*(f"/bin/{line.replace(' ', '.wasm ', 1)}" for line in own), lines=LINES)
        (self.work / "lines").write_text(LINES)
        for line, answer in zip(same, answers.values()):
            with self.subTest(line):
                wanted = subprocess.run(["sh", "-c", line], cwd=self.work, capture_output=True, text=True,
                                        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout
                self.assertEqual(answer, wanted)

    def test_options_that_a_command_does_not_have_are_refused(self):
        """They are no names of files, unless -- is before them."""
        commands = "cp date env find grep head hexdump less ln mv rmdir sort tail touch tree wc".split()
        lines = ["mkdir -p /tmp/new/er", *(f"{command} -Z /tmp/new" for command in commands)]
        files = ["write /tmp/lines one", "cat /tmp/lines /tmp/lines /tmp/lines > /tmp/three", "cd /tmp; touch -- -x; ls; tail -- -x; cd /"]
        ends = ["head -2 /tmp/three", "tail -1 < /tmp/three"]
        _, a = self.shell(*lines, "ls -a /tmp", *files, *ends)
        for line in lines:
            self.assertTrue(a[line].startswith("usage: " + line.partition(" ")[0]), a[line])
        self.assertEqual(a["ls -a /tmp"], "")
        self.assertEqual(a[files[2]].split(), ["-x", "lines", "three"])
        self.assertEqual([a[line] for line in ends], ["one\n" * 2, "one\n"])

    def test_names_of_files_do_not_drive_the_terminal(self):
        _, a = self.shell("write '/tmp/a\x1b[31m\u009b2Jé日' x", "tree /tmp", "find /tmp", "wc -c /tmp/*", "rmdir /tmp/*",
                          *(f"for f in /tmp/*; do {line}; done" for line in ("head $f/x", "cat $f/x", "less < $f/x", "rm $f/x", "echo > $f/x")),
                          "cd /tmp/*", "/tmp/*", "mkdir /tmp/*", "mount vda /tmp/*", "load /tmp/*",
                          "export /tmp/*", "read /tmp/*", "help /tmp/*", "fg /tmp/*", "umount /tmp/*", "ls /tmp/*")
        shown = r"a(\\x1b|\?)\[31m(\\xc2\\x9b|\?\?)2Jé日"
        for line, text in a.items():
            if "*" in line or line in ("tree /tmp", "find /tmp"):
                self.assertRegex(text, shown, line)
                self.assertNotRegex(text, r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", line)

    def test_ln_gives_a_file_another_name(self):
        """In memory and on a disk."""
        (self.work / "tree").mkdir()
        make_disk(self.work / "tree", self.work / "data.img")
        works = ["mkdir sub", "write file text", "ln file other", "ln -s file link", "ln -s ../file ../other sub", "ls -l",
                 "write other more; cat file link sub/file", "rm file", "cat other sub/other", "cat link"]
        refused = {"ln no new": "no: No such file or directory", "ln sub new": "new: Operation not permitted",
                   "ln other other": "other: File exists", "ln -s other link": "link: File exists", "ln -s x no/new": "no/new: No such file or directory",
                   "ln -s /bin/ln.wasm new": "/bin/ln.wasm: is absolute; a link needs a path that starts at the link's folder"}
        lines = [*works, *refused, "ln other", "ln a b other", "ln"]
        _, answers = self.shell(*(f"cd {folder}; {line}; cd /" for folder in ("/tmp", "/data") for line in lines),
                                options=["--data", self.work / "data.img"])
        for folder in ("/tmp", "/data"):
            a = {line: answers[f"cd {folder}; {line}; cd /"] for line in lines}
            for line in works[:5] + ["rm file"]:
                self.assertEqual(a[line], "", line)
            self.assertRegex(a["ls -l"], r"(?s)-rw-r--r-- +2 .* file\nlrwxrwxrwx .* link -> file\n.*-rw-r--r-- +2 .* other\n")
            self.assertEqual(a[works[6]], "more\n" * 3)
            self.assertEqual(a["cat other sub/other"], "more\n" * 2)
            self.assertEqual(a["cat link"], "cat: link: no such file or directory\n")
            for line, why in refused.items():
                self.assertIn(f"ln: {why}\n", a[line])
            for line in lines[-3:]:
                self.assertIn("usage: ln [-s] TARGET... NAME\n", a[line])

    def test_programs_change_files(self):
        w, lines = ".wasm", LINES + "one more\n" * 30
        own = [f"/bin/{command} /tmp/edited >> /tmp/edited" for command in (f"grep{w} e", f"hexdump{w}", f"less{w}")]
        _, a = self.programs(
            "mkdir /tmp/w", "write /tmp/w/a text", f"/bin/cp{w} /tmp/w/a /tmp/w/b", f"/bin/cp{w} /tmp/w/a /tmp/w/a",
            f"/bin/cp{w} /tmp/w /tmp/v", f"/bin/cp{w} -r /tmp/w /tmp/w/in", f"/bin/cp{w} -r /tmp/w /tmp/v",
            f"/bin/mv{w} /tmp/w/b /tmp/w/c", f"/bin/mv{w} /tmp/w/no /tmp/w/c", f"/bin/touch{w} /tmp/w/new", f"/bin/tree{w} /tmp",
            f"/bin/find{w} /tmp -name *a*", f"/bin/find{w} /tmp -type d", f"/bin/rmdir{w} /tmp/w", f"/bin/wc{w} /files/long",
            f"cat /files/edits | /bin/ed{w}", "cat /tmp/edited", f"/bin/less{w} /files/long > /tmp/copy", f"/bin/wc{w} -l /tmp/copy",
            f"/bin/env{w}", f"/bin/sleep{w} 0.01", f"/bin/sleep{w} soon", f"/bin/grep{w} none /files/long",
            f"/bin/head{w} /files/no", f"/bin/cp{w} /files/long /files/other", f"/bin/cp{w} --help",
            f"/bin/head{w} -n 2 /files/long | /bin/hexdump{w}", *own, "cat < /tmp/edited",
            f"/bin/hexdump{w} /files/large | /bin/head{w} -n 1", edits=EDITS, long=lines, large=" " * 50000)
        self.assertIn("cp: /tmp/w/a: is the same file\n", a[f"/bin/cp{w} /tmp/w/a /tmp/w/a"])
        self.assertIn("cp: /tmp/w: is a folder; cp -r copies it\n", a[f"/bin/cp{w} /tmp/w /tmp/v"])
        self.assertIn("cp: /tmp/w/in: is inside the folder that is copied\n", a[f"/bin/cp{w} -r /tmp/w /tmp/w/in"])
        self.assertIn("mv: /tmp/w/no: No such file", a[f"/bin/mv{w} /tmp/w/no /tmp/w/c"])
        self.assertEqual(a[f"/bin/tree{w} /tmp"], "/tmp\n|-- v\n|   |-- a\n|   `-- b\n`-- w\n    |-- a\n    |-- c\n    `-- new\n"
                         "2 folders, 5 files\n")
        self.assertEqual(a[f"/bin/find{w} /tmp -name *a*"], "/tmp/v/a\n/tmp/w/a\n")
        self.assertEqual(a[f"/bin/find{w} /tmp -type d"], "/tmp\n/tmp/v\n/tmp/w\n")
        self.assertIn("rmdir: /tmp/w: Directory not empty\n", a[f"/bin/rmdir{w} /tmp/w"])
        self.assertEqual(a[f"/bin/wc{w} /files/long"].split(), ["36", "68", str(len(lines)), "/files/long"])
        edited = "zero\nfirst\nSEcond\n"
        self.assertEqual(a["cat /tmp/edited"], edited)
        self.assertEqual(a[f"cat /files/edits | /bin/ed{w}"],
                         "     1  zero\n     2  first\n     3  SEcond\n3 lines written\n? not found\n? no such line\n")
        self.assertRegex(a[f"/bin/hexdump{w} /files/large | /bin/head{w} -n 1"], r"^00000000 ( 20){8} ( 20){8}  \| {16}\|\n$")
        for line in own:
            self.assertIn(": /tmp/edited: is the output, too\n", a[line])
        self.assertEqual(a["cat < /tmp/edited"], edited)
        self.assertEqual(a[f"/bin/wc{w} -l /tmp/copy"].split(), ["36", "/tmp/copy"])
        self.assertIn("PWD=/\n", a[f"/bin/env{w}"])
        self.assertEqual(a[f"/bin/sleep{w} 0.01"], "")
        self.assertIn("usage: sleep SECONDS\n", a[f"/bin/sleep{w} soon"])
        self.assertIn("exit status 1", a[f"/bin/grep{w} none /files/long"])
        self.assertIn("head: /files/no: No such file", a[f"/bin/head{w} /files/no"])
        self.assertIn("cp: /files/other: Read-only file system\n", a[f"/bin/cp{w} /files/long /files/other"])
        self.assertEqual(a[f"/bin/cp{w} --help"], "usage: cp [-r] FROM... TO\n")
        self.assertEqual(a[f"/bin/head{w} -n 2 /files/long | /bin/hexdump{w}"],
                         "00000000  70 65 61 72 0a 41 70 70  6c 65 0a                 |pear.Apple.|\n0000000b\n")

# SPDX-License-Identifier: MIT
"""The shell, as a person or a script uses it: through scripts/run's standard input and output."""
import hashlib
import re
import subprocess
import tempfile
import threading
from pathlib import Path

from disk import make_disk
from smoke import BUILD, LIMIT_S, MACHINE, RUN, TestCase, program, run

COMMANDS = ("help mem heap ps cpus irq lspci lsblk mount ls cat write rm run bench test log uptime panic reboot "
            "poweroff").split()


class Shell(TestCase):
    def test_help_lists_every_command(self):
        result = run(typed="help\npoweroff\n")
        self.expect(result, 0)
        for command in COMMANDS:
            self.assertRegex(result.output, rf"(?m)^ *{command}\b", f"{command} is not in help")

    def test_commands_that_only_read_do_not_fail(self):
        looks = "mem|mem map|heap|ps|cpus|irq|lspci|lsblk|mount|ls /|log|uptime".split("|")
        result = run(typed="\n".join(looks) + "\npoweroff\n")
        self.expect(result, 0)
        self.assertEqual(result.output.count("halyard> "), len(looks) + 1, result.output)

    def test_an_unknown_command_is_named(self):
        self.expect(run(typed="frobnicate\npoweroff\n"), 0, contains="frobnicate: ")

    def test_a_missing_file_is_named(self):
        self.expect(run(typed="cat /no/such\nrun /no/such\npoweroff\n"), 0, contains="/no/such: ")

    def test_poweroff_on_the_command_line_ends_well(self):
        self.expect(run("--append", "poweroff"), 0)

    def test_lspci_shows_a_disks_registers_whole(self):
        with tempfile.NamedTemporaryFile(suffix=".img") as image:
            image.truncate(1 << 20)
            result = run("--disk", image.name, typed="lspci\nlsblk\npoweroff\n")
        self.expect(result, 0, contains=["1024 KiB"])
        self.assertRegex(result.output, r"(?m)^[0-9a-f:.]+ 1af4:1001 class 010000 rev 00, msi-x, driver virtio_blk\n"
                         r"(    [a-z].*\n)*    memory 4 at 0x[0-9a-f]+ size 0x4000$")

    def test_panic_is_a_report_and_a_status(self):
        result = run(typed="panic\n")
        self.expect(result, 120, "panic")
        report = re.search(r"^PANIC: .*^PANIC END$", result.output, re.M | re.S)
        self.assertIsNotNone(report, result.output)
        registers = {"x86_64": ("rsp", "rip", "rflags"), "aarch64": ("fp", "sp", "pc")}[MACHINE]
        for name in registers:
            self.assertRegex(report[0], rf"\b{name} [0-9a-f]{{16}}\b")
        self.assertRegex(report[0], r"(?m)^ *#0 \w+\+0x[0-9a-f]+ \([\w/]+\.[chS]:\d+\)$")

    def test_no_typed_byte_is_lost(self):
        line = "x" * 60
        result = run(typed="".join(f"{line}{n}\n" for n in range(20)) + "poweroff\n")
        self.expect(result, 0)
        for n in range(20):
            self.assertIn(f"{line}{n}: ", result.output)

    def test_reboot_boots_again(self):
        # Without a time limit, which would end the run. Typed text goes to the boot that reads it, so the second line
        # is sent when the second kernel has printed something.
        argv = [str(RUN), MACHINE, "--build", str(BUILD), "--no-build", "--no-install"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            watchdog = threading.Timer(2 * LIMIT_S, process.terminate)
            watchdog.start()
            try:
                process.stdin.write(b"reboot\n")
                process.stdin.flush()
                boots = 0
                for line in process.stdout:
                    boots += line.endswith(b"boot: Halyard\n")
                    if boots == 2:
                        break
                process.stdin.write(b"poweroff\n")
                rest, errors = process.communicate()
            finally:
                watchdog.cancel()
        self.assertEqual((process.returncode, boots, errors), (0, 2, b""), rest)

    def test_reboot_ends_a_limited_run(self):
        result = run(typed="reboot\n")
        self.expect(result, 0)

    def test_files_on_a_disk(self):
        with tempfile.TemporaryDirectory() as folder:
            tree, image = Path(folder) / "tree", Path(folder) / "disk.img"
            (tree / "deep").mkdir(parents=True)
            (tree / "deep" / "file").write_text("first\nsecond\n")
            make_disk(tree, image)
            result = run("--disk", image, typed="ls -l /deep\ncat /deep/file\nlsblk\npoweroff\n")
        self.expect(result, 0, contains=["first\nsecond\n"])
        self.assertRegex(result.output, r"(?m)^-.* file$")

    def test_names_of_files_cannot_drive_a_terminal(self):
        with tempfile.TemporaryDirectory() as folder:
            tree, image = Path(folder) / "tree", Path(folder) / "disk.img"
            (tree / "deep").mkdir(parents=True)
            (tree / "deep" / "a\033[2J\nz").write_text("")
            make_disk(tree, image)
            result = run("--disk", image, typed="ls -l /deep\npoweroff\n")
        self.expect(result, 0)
        self.assertRegex(result.output, r"(?m)^-.* a\\x1b\[2J\\x0az$")
        self.assertNotIn("a\033[2J", result.output)

    def test_a_program_from_the_shell(self):
        with tempfile.TemporaryDirectory() as folder:
            tree, image = Path(folder) / "tree", Path(folder) / "disk.img"
            (tree / "bin").mkdir(parents=True)
            for name in ("hello", "exit", "crash"):
                (tree / "bin" / name).write_bytes(program(name).read_bytes())
            make_disk(tree, image)
            result = run("--disk", image, typed="run /bin/hello\nrun /bin/crash read-null\nrun /bin/exit 3\n"
                         "run /bin/hello again\npoweroff\n")
        self.expect(result, 0, contains="argument 1: again")
        self.assertEqual(result.output.count("Hello from a program"), 2)

    def bin_disk(self, folder, *names):
        tree, image = Path(folder) / "tree", Path(folder) / "disk.img"
        (tree / "bin").mkdir(parents=True)
        for name in names:
            (tree / "bin" / name).write_bytes(program(name).read_bytes())
        make_disk(tree, image)
        return image

    def test_pipes_and_redirection(self):
        with tempfile.TemporaryDirectory() as folder:
            image = self.bin_disk(folder, "sha256", "hello", "exit")
            digest = hashlib.sha256(program("hello").read_bytes()).hexdigest()
            twice = hashlib.sha256(f"{digest}  -\n".encode()).hexdigest()
            result = run("--disk", image, typed="\n".join([
                "cat /bin/hello | /bin/sha256 > /tmp/a", "cat /tmp/a",
                "/bin/sha256 </bin/hello | /bin/sha256",
                "/bin/sha256 /no/such 2>/tmp/errors", "cat /tmp/errors",
                "write /tmp/list first", "ls -l /bin >> /tmp/list", "cat /tmp/list",
                "/bin/hello 'a | b' \\> c", "poweroff"]) + "\n")
        self.expect(result, 0, contains=[f"{digest}  -\n", f"{twice}  -\n", "sha256: /no/such: no such file",
                                         "run: /bin/sha256: exit status 1", "argument 1: a | b", "argument 2: >"])
        self.assertRegex(result.output, r"(?m)^first\n(.*\n)*?-.* sha256$")

    def test_bad_command_lines_start_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            image = self.bin_disk(folder, "hello", "spin")
            result = run("--disk", image, typed="\n".join([
                "/bin/hello |", "/bin/hello > /no/such/place", "/bin/hello | nosuch", "/bin/spin | /no/such",
                "ls / | /bin/hello x >", "/bin/hello < /no/file", "poweroff"]) + "\n")
        self.expect(result, 0, contains=["a command is missing beside |", "shell: /no/such/place: ", "nosuch: no such command",
                                         "run: /no/such: ", "a file is missing after", "shell: /no/file: "])
        self.assertNotIn("Hello from a program", result.output)

    def test_a_reader_that_ends_early_ends_the_pipe(self):
        with tempfile.TemporaryDirectory() as folder:
            image = self.bin_disk(folder, "hello", "sha256")
            big = "cat " + " ".join(["/bin/sha256"] * 12)  # more than a pipe holds
            result = run("--disk", image, typed=f"{big} | /bin/hello reader\npoweroff\n")
        self.expect(result, 0, contains="argument 1: reader")

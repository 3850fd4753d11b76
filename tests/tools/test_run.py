# SPDX-License-Identifier: MIT
"""scripts/run: exit statuses, the relay of input and output, and what it leaves behind."""
import fcntl
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import termios
import time
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib"), str(ROOT / "tests/tools")]

from guests import MACHINES, build_guest  # noqa: E402

RUN = str(ROOT / "scripts/run")
LIMIT_S = 300  # of any one wait: a test that hangs fails by itself

# name: (what the guest does, options, exit status, verdict)
ENDINGS = {
    "status_passes_all_eight_bits": ("record 'E', 200\nfinish", [], 200, None),
    "status_120_is_not_a_panic": ("record 'E', 120\nfinish", [], 120, None),
    "panic": ("record 'P', 0\nfinish", [], 120, "panic"),
    "panic_that_does_not_switch_off": ("record 'P', 0\nhang", [], 120, "panic"),
    "program_fault": ("record 'F', 0\nfinish", [], 119, "program fault"),
    "refused": ("record 'R', 0\nfinish", [], 125, "not run"),
    "power_off": ("record 'O', 0\nfinish", [], 0, None),
    "last_record_counts": ("record 'E', 3\nrecord 'O', 0\nfinish", [], 0, None),
    "verdict_of_a_test_run_stands": ("record 'E', 3\nrecord 'O', 0\nfinish", ["--test"], 3, None),
    "reset_unasked": ("reset", [], 121, "reset"),
    "reset_asked_with_a_time_limit": ("record 'B', 0\nreset", ["--timeout", "30"], 0, None),
    "guest_error": ("record 'K', 0\nhole\nrecord 'E', 0\nfinish", [], 122, "guest error"),
    "no_status_of_a_test_run": ("finish", ["--test"], 121, "reset"),
    "no_record_of_a_shell": ("finish", [], 0, None),
    "time_limit": ("hang", ["--timeout", "2"], 124, "time-out"),
    "unknown_record": ("record 'z', 0\nrecord 'E', 0\nfinish", [], 122, "guest error"),
    "exception_storm": ("storm", [], 121, "reset"),
}


def run(machine, kernel, *options, **keywords):
    keywords.setdefault("input", b"")
    return subprocess.run([RUN, machine, "--kernel", str(kernel), "--no-install", *options],
                          capture_output=True, timeout=LIMIT_S, **keywords)


def processes_of(kernel):
    """QEMUs that boot this kernel."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if words[0:1] and b"qemu-system" in words[0] and str(kernel).encode() in words:
            found.append(int(entry.name))
    return found


def wait_until(condition):
    for _ in range(LIMIT_S * 20):
        if condition():
            return True
        time.sleep(0.05)
    return False


RELIED_ON = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, signal.SIGPIPE)


def heed_signals():
    """In a child: a shell that starts us in the background has it ignore interrupts, and nohup ignores hangups."""
    for number in RELIED_ON:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, RELIED_ON)


def ignore_signals():
    """In a child: what it inherits from nohup, from the background of a shell, and from callers that go further."""
    for number in (*RELIED_ON, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, RELIED_ON)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.work = Path(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()


class Endings(Case):
    """One test an ending and machine, made below from ENDINGS."""


def ending_test(machine, name, body, options, status, verdict):
    def test(self):
        done = run(machine, build_guest(self.work, machine, body, name), *options)
        errors = done.stderr.decode()
        self.assertEqual(done.returncode, status, errors)
        last = errors.splitlines()[-1] if errors else None
        self.assertEqual(last, verdict and f"run: {verdict}", errors)
    return test


for _machine in MACHINES:
    for _name, _ending in ENDINGS.items():
        setattr(Endings, f"test_{_name}_{_machine}", ending_test(_machine, _name, *_ending))


class Reasons(Case):
    def test_a_missing_status_is_named(self):
        for machine in MACHINES:
            with self.subTest(machine):
                done = run(machine, build_guest(self.work, machine, "finish", "mute"), "--test")
                lines = done.stderr.decode().splitlines()
                self.assertEqual([lines[0], lines[-1]],
                                 ["run: the guest switched itself off without a status", "run: reset"])


class TripleFault(Case):
    def test_triple_fault_is_named(self):
        body = "lidt nothing\nud2\nnothing: .word 0\n.long 0"
        done = run("x86_64", build_guest(self.work, "x86_64", body, "triple"))
        self.assertEqual(done.returncode, 121)
        self.assertIn("triple fault", done.stderr.decode())


class Relay(Case):
    def test_output_has_its_newlines_back(self):
        for machine in MACHINES:
            with self.subTest(machine):
                guest = build_guest(self.work, machine, r"""print "one\r\ntwo\r\r\nthree\r"
                                    record 'E', 0
                                    finish""", "newlines")
                self.assertEqual(run(machine, guest).stdout, b"one\ntwo\r\nthree\r")

    def test_no_byte_before_ready_is_lost(self):
        for machine in MACHINES:
            with self.subTest(machine):
                guest = build_guest(self.work, machine, "delay\nrecord 'S', 0\nCALL echo_until_q\n"
                                    "record 'E', 7\nfinish", "echo")
                text = b"first line\n" + bytes(range(1, 32)).replace(b"\r", b"") + b"x" * 5000
                done = run(machine, guest, input=text + b"q")
                self.assertEqual(done.stdout, text)
                self.assertEqual(done.returncode, 7)

    def test_input_waits_for_ready(self):
        for machine in MACHINES:
            with self.subTest(machine):
                guest = build_guest(self.work, machine, "CALL echo_until_q\nrecord 'E', 7\nfinish", "deaf")
                done = run(machine, guest, "--timeout", "3", input=b"lost?q")
                self.assertEqual((done.returncode, done.stdout), (124, b""))

    def test_end_of_input_does_not_end_the_run(self):
        guest = build_guest(self.work, "x86_64", "record 'S', 0\ndelay\nrecord 'E', 9\nfinish", "patient")
        self.assertEqual(run("x86_64", guest, input=b"").returncode, 9)


class LeftBehind(Case):
    def start(self, **keywords):
        guest = build_guest(self.work, "x86_64", "hang", "left")
        process = subprocess.Popen([RUN, "--kernel", str(guest), "--no-install"], stderr=subprocess.DEVNULL,
                                   preexec_fn=heed_signals, **keywords)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)  # before that
        self.assertTrue(wait_until(lambda: processes_of(guest)), "QEMU did not start")
        return process, guest

    def check_nothing_left(self, number):
        process, guest = self.start(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        process.send_signal(number)
        self.assertEqual(process.wait(timeout=LIMIT_S), -number)
        self.assertTrue(wait_until(lambda: not processes_of(guest)), "QEMU is still there")

    def test_terminate_leaves_no_qemu(self):
        self.check_nothing_left(signal.SIGTERM)

    def test_interrupt_leaves_no_qemu(self):
        self.check_nothing_left(signal.SIGINT)

    def test_hangup_leaves_no_qemu(self):
        self.check_nothing_left(signal.SIGHUP)

    def test_kill_leaves_no_qemu(self):
        self.check_nothing_left(signal.SIGKILL)


class Terminal(Case):
    def on_terminal(self, guest, act):
        """Run on a pseudo-terminal, let `act` play the person; returns (status, output)."""
        def own_terminal():
            heed_signals()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        master, slave = pty.openpty()
        before = termios.tcgetattr(slave)
        process = subprocess.Popen([RUN, "--kernel", str(guest), "--no-install"], stdin=slave, stdout=slave,
                                   stderr=slave, start_new_session=True, preexec_fn=own_terminal)
        output = b""
        try:
            output = act(master, process)
            status = process.wait(timeout=LIMIT_S)
        finally:
            process.kill()
            process.wait()
        self.assertEqual(termios.tcgetattr(slave), before, "the terminal is not as it was")
        os.close(slave)
        os.close(master)
        return status, output

    @staticmethod
    def read_until(master, pattern):
        seen = b""
        while not re.search(pattern, seen):
            if not select.select([master], [], [], LIMIT_S)[0]:
                raise TimeoutError(f"no {pattern} after {seen}")
            seen += os.read(master, 4096)
        return seen

    def test_keys_reach_the_guest_and_the_terminal_is_restored(self):
        guest = build_guest(self.work, "x86_64", "record 'S', 0\nprint \"up\"\nCALL echo_until_q\n"
                            "record 'E', 4\nfinish", "keys")

        def act(master, process):
            seen = self.read_until(master, b"up")
            os.write(master, b"\x03ab")  # Ctrl-C is a byte for the guest
            seen += self.read_until(master, b"\x03ab")
            os.write(master, b"q")
            return seen

        self.assertEqual(self.on_terminal(guest, act)[0], 4)

    def test_escape_x_quits_before_ready(self):
        guest = build_guest(self.work, "x86_64", "print \"up\"\nspin", "stuck")

        def act(master, process):
            seen = self.read_until(master, b"up")
            os.write(master, b"typed ahead\x01x")
            return seen

        self.assertEqual(self.on_terminal(guest, act)[0], 0)

    def test_closed_terminal_leaves_no_qemu(self):
        guest = build_guest(self.work, "x86_64", "print \"up\"\nhang", "closed")
        pid, master = pty.fork()
        if pid == 0:
            heed_signals()
            os.execv(RUN, [RUN, "--kernel", str(guest), "--no-install"])
        try:
            self.read_until(master, b"up")
        finally:
            os.close(master)
            has_ended = wait_until(lambda: os.waitpid(pid, os.WNOHANG)[0] != 0)
            if not has_ended:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        self.assertTrue(has_ended, "scripts/run did not end")
        self.assertTrue(wait_until(lambda: not processes_of(guest)), "QEMU is still there")


class Inherited(unittest.TestCase):
    def test_signals_that_are_ignored_change_nothing(self):
        argv = [sys.executable, ROOT / "scripts/lib/suite.py", __file__, "--filter", "*leaves_no_qemu"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=3 * LIMIT_S, preexec_fn=ignore_signals,
                              restore_signals=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1..5", done.stdout)


class Built(Case):
    def test_the_build_makes_what_the_options_name(self):
        guest = build_guest(self.work, "x86_64", "record 'E', 7\nfinish", "made")
        build = self.work / "build"
        build.mkdir()
        (build / "CMakeCache.txt").touch()
        makes = ("halyard.elf", "programs/made.elf", "disk.img", "files/made")
        (build / "build.ninja").write_text(
            "rule copy\n command = cp $in $out\n" + "".join(f"build {name}: copy {guest}\n" for name in makes)
            + f"build all: phony {' '.join(makes)}\n")
        argv = [RUN, "--no-install", "--build", build, "--program", build / "programs/made.elf",
                "--files", build / "files", "--disk", build / "disk.img"]
        done = subprocess.run([*argv, "--no-build"], capture_output=True, text=True, timeout=LIMIT_S)
        self.assertIn("made.elf: no such file", done.stderr)
        done = subprocess.run([*argv, "--initrd", build / "never"], capture_output=True, text=True, timeout=LIMIT_S)
        self.assertEqual((done.returncode, done.stderr), (125, f"run: {build}/never: no such file\nrun: not run\n"))
        for name in makes:
            (build / name).unlink()
        done = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT_S)
        self.assertEqual(done.returncode, 7, done.stderr)


class Arguments(Case):
    def refused(self, *options):
        done = subprocess.run([RUN, *options, "--no-install"], capture_output=True, text=True, timeout=LIMIT_S)
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertEqual(done.stderr.splitlines()[-1], "run: not run")
        return done.stderr

    def test_bad_arguments_are_named(self):
        self.assertIn("--nonsense", self.refused("--nonsense"))
        self.assertIn("/no/such/file", self.refused("--program", "/no/such/file"))
        self.assertIn("riscv", self.refused("riscv"))
        self.assertIn("cannot start a kernel", self.refused("--firmware", "uefi", "--boot", "kernel"))
        for options in (("--args", "x"), ("--files", "/"), ("--dir", "/tmp"), ("--no-dir",)):
            self.assertIn("need --program", self.refused(*options))
        for folder in ("", "::/", "/tmp::"):
            self.assertIn("PATH::NAME", self.refused("--program", __file__, "--dir", folder))
        self.assertIn("at most 8", self.refused("--program", __file__, *["--dir", "/tmp"] * 9))

    def test_append_cannot_swallow_the_program(self):
        for text in ("-- x", "maxcpus=1 --", "'--' x", '"-"- x'):
            with self.subTest(text):
                self.assertIn("belong to the program", self.refused("--program", __file__, "--append", text))
        for text in ("'open", "x\\"):
            with self.subTest(text):
                self.assertIn(f"--append {text}: No ", self.refused("--program", __file__, "--append", text))
        self.assertIn(" -- x", self.dry("--boot", "kernel", "--append", "run=/a -- x"))

    def test_what_the_system_refuses_is_named(self):
        self.assertIn("/proc/x: No such file", self.refused("--build", "/proc/x"))
        self.assertIn("/dev/null: File exists", self.refused("--build", "/dev/null"))
        self.assertIn('--qemu a "b: No closing quotation', self.refused("--qemu", 'a "b'))
        self.assertIn("--timeout", self.refused("--timeout", "nan"))
        self.assertIn("--timeout", self.refused("--timeout=-1"))
        with mock.patch.dict(os.environ, HALYARD_OPTIONS="'"):
            self.assertIn("HALYARD_OPTIONS ': No", self.refused("--options-from", "HALYARD_OPTIONS"))

    def test_a_time_limit_may_be_long(self):
        guest = build_guest(self.work, "x86_64", "record 'E', 6\nfinish", "soon")
        for limit in ("1e9", "inf"):
            self.assertEqual(run("x86_64", guest, "--timeout", limit).returncode, 6)

    def test_files_that_do_not_fit_are_named(self):
        self.assertIn("/no/such/file: no such file", self.refused("--disk", "/no/such/file"))
        self.assertIn("/no/such/file: no such file", self.refused("--kernel", "/no/such/file"))
        for option in ("--program", "--disk", "--kernel", "--initrd"):
            self.assertIn("/tmp: not a file", self.refused(option, "/tmp"))
        self.assertIn("/no/such/dir: no such file", self.refused("--program", __file__, "--files", "/no/such/dir"))
        self.assertIn(f"{__file__}: not a directory", self.refused("--program", __file__, "--files", __file__))

    def test_qemu_that_does_not_start_is_not_a_guest(self):
        guest = build_guest(self.work, "x86_64", "hang", "never")
        self.refused("--kernel", str(guest), "--qemu=-device no-such-device")

    def dry(self, *options):
        done = subprocess.run([RUN, *options, "--dry-run"], capture_output=True, text=True, timeout=LIMIT_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_dry_run_prints_the_command_line(self):
        text = self.dry("aarch64", "--smp", "3", "--mem", "1G", "--machine", "gic-version=2", "--append", "a=b c")
        for part in ("qemu-system-aarch64", "virt,gic-version=3,gic-version=2", "-smp 3", "-m 1G", "'a=b c'"):
            self.assertIn(part, text)

    def test_dry_run_waits_for_gdb_if_told(self):
        self.assertIn("-S", shlex.split(self.dry("--gdb")))
        self.assertNotIn("-S", shlex.split(self.dry()))

    def test_dry_run_says_what_is_not_made(self):
        build = self.work / "a,b"
        build.mkdir()

        def missing(*options):
            done = subprocess.run([RUN, "--build", build, "--dry-run", *options], capture_output=True, text=True,
                                  timeout=LIMIT_S)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stderr.splitlines()

        def lines(*names):
            return [f"run: dry run: {build}/{name} is not made" for name in names]

        self.assertEqual(missing("--boot", "kernel", "--program", build / "x.elf", "--disk", build / "y.img"),
                         lines("halyard.elf", "modules/tests.ko", "program.img", "y.img"))
        (build / "modules").mkdir()
        (build / "modules/tests.ko").touch()
        (build / "halyard.iso").touch()
        self.assertEqual(missing(), lines("system.img"))
        (build / "system.img").touch()
        self.assertEqual(missing(), [])
        self.assertEqual(missing("--append", "x"), lines("run.iso"))  # that one holds no such word
        (build / "halyard.elf").touch()
        self.assertEqual(missing("--boot", "kernel"), [])
        self.assertEqual(missing("--bench"), lines("scratch.img"))

    def test_icount_is_reproducible_by_its_options(self):
        text = self.dry("x86_64", "--bench")
        for part in ("thread=single", "shift=0,align=off,sleep=off", "-smp 1", "-seed 1", "clock=vm", "null-co://"):
            self.assertIn(part, text)

    def test_a_name_with_a_blank_is_one_word(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "my prog.elf"
            file.touch()
            line = shlex.split(self.dry("--program", str(file), "--args", "x"))
        self.assertIn("loglevel=warn poweroff run='/bin/my prog.elf' -- x", line)

    def test_program_arguments_come_last(self):
        text = self.dry("--program", __file__, "--args", "a 'b c'", "--append", "maxcpus=1")
        self.assertRegex(text, r"loglevel=warn poweroff maxcpus=1 run=/bin/test_run.py -- a ")

    def test_folders_of_a_program_come_before_it(self):
        text = self.dry("--program", __file__, "--dir", "/files", "--dir", "/a b::/", "--no-dir")
        self.assertIn("no-dir dir=/files 'dir=/a b::/' run=", shlex.split(text)[shlex.split(text).index("-append") + 1])

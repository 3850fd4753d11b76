# SPDX-License-Identifier: MIT
"""scripts/run from end to end, with tiny guests: exit statuses, transcripts, the relay of input and output, options."""
import fcntl
import hashlib
import json
import os
import pty
import re
import select
import shlex
import shutil
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

import qemu  # noqa: E402
import transcript  # noqa: E402
from guest import Guest  # noqa: E402
from guests import MACHINES, build_guest  # noqa: E402
from options import parse  # noqa: E402
from qemulog import COMPLAINTS_KEPT, Log  # noqa: E402
from status import PANIC, Kind, Outcome, Records  # noqa: E402
from storm import REPEATS, repeated  # noqa: E402
from terminal import KEYS, FirmwareFilter, Input, KeysHint, ReadableNames  # noqa: E402

RUN = str(ROOT / "scripts/run")
LIMIT_S = 300  # of any one wait: a test that hangs fails by itself
MANY = 2_000_000  # reading so much in more than linear time would exceed the suite's limit
REGISTER = {"x86_64": "EIP=", "aarch64": " PC="}
TRANSCRIBED = ("panic", "reset", "guest error", "time-out")  # other ends leave nothing

# name: (what the guest does, options, exit status, verdict, a line on standard error)
ENDINGS = {
    "status_passes_all_eight_bits": ("record 'E', 200\nfinish", [], 200, None),
    "status_120_is_not_a_panic": ("record 'E', 120\nfinish", [], 120, None),
    "panic": (r"""print "before\r\n"
                  record 'P', 0
                  finish""", [], 120, "panic"),
    "panic_that_does_not_switch_off": ("record 'P', 0\nhang", [], 120, "panic"),
    "program_fault": ("record 'F', 0\nfinish", [], 119, "program fault"),
    "refused": ("record 'R', 0\nfinish", [], 125, "not run"),
    "power_off": ("record 'O', 0\nfinish", [], 0, None),
    "last_record_counts": ("record 'E', 3\nrecord 'O', 0\nfinish", [], 0, None),
    "verdict_of_a_test_run_stands": ("record 'E', 3\nrecord 'O', 0\nfinish", ["--test"], 3, None),
    "reset_unasked": ("reset", [], 121, "reset"),
    "reset_asked_with_a_time_limit": ("record 'B', 0\nreset", ["--timeout", "300"], 0, None),
    "guest_error": ("record 'K', 0\nhole\nrecord 'E', 0\nfinish", [], 122, "guest error"),
    "no_status_of_a_test_run": ("finish", ["--test"], 121, "reset",
                                "run: the guest powered off without a status"),
    "no_record_of_a_shell": ("finish", [], 0, None),
    "time_limit": ("hang", ["--timeout", "2", "--smp", "2"], 124, "time-out"),
    "unknown_record": ("record 'z', 0\nrecord 'E', 0\nfinish", [], 122, "guest error"),
    "exception_storm": ("storm", [], 121, "reset"),
    "triple_fault": ("lidt nothing\nud2\nnothing: .word 0\n.long 0", [], 121, "reset",
                     "because: the machine reset unasked (triple fault)"),
}
ONLY = {"triple_fault": ("x86_64",)}


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
    """In a child: signal settings that it inherits from nohup, from the background of a shell, and from callers that go further."""
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
    """One test for each ending and machine, made below from ENDINGS."""

    def check_transcript(self, place, machine, kernel, verdict, status):
        """A transcript has all that is needed to analyse the run later, and the command that repeats it."""
        self.assertTrue(place.name.endswith(f"-{verdict.replace(' ', '-')}"), place)
        told = (place / "run.txt").read_text()
        self.assertIn(f"ended: {verdict} ({status})\n", told)
        self.assertIn(f"sha256: {hashlib.sha256(kernel.read_bytes()).hexdigest()}\n", told)
        command = shlex.split(re.search(r"^command: (.*)$", told, re.M)[1])
        self.assertEqual(command[0], f"qemu-system-{machine}")
        self.assertIn(str(kernel), command)
        self.assertFalse([word for word in command if re.search(r"\bfd=|/fd/", word)], "names a descriptor that only the runner had")
        return told


def check_contents(test, name, machine, place, told):
    """What the transcript of this ending has besides."""
    if name == "panic":
        test.assertEqual((place / "console.txt").read_bytes(), b"before\r\n")
        again = re.search(r"^again: (.*)$", told, re.M)[1]
        done = subprocess.run(["sh", "-c", again], cwd="/", input=b"", capture_output=True, timeout=LIMIT_S)
        test.assertEqual((done.returncode, done.stdout), (120, b"before\n"), done.stderr)
    elif name == "time_limit":
        asked = (place / "monitor.txt").read_text()
        test.assertIn("(qemu) info status\nVM status: paused", asked)
        test.assertEqual(asked.count(REGISTER[machine]), 2, asked)
    elif name == "guest_error":
        test.assertIn(re.search(r"^because: (.*)$", told, re.M)[1], (place / "qemu.log").read_text())
    elif name == "triple_fault":
        test.assertIn("Triple fault", (place / "qemu.log").read_text())
        test.assertIn("EIP=", (place / "monitor.txt").read_text())


def ending_test(machine, name, body, options, status, verdict, line=""):
    def test(self):
        kernel = build_guest(self.work, machine, body, name)
        done = run(machine, kernel, "--build", str(self.work / f"build-{machine}"), *options)
        errors = done.stderr.decode()
        lines = errors.splitlines()
        self.assertEqual(done.returncode, status, errors)
        self.assertEqual(lines[-1] if lines else None, verdict and f"run: {verdict}", errors)
        named = [line.removeprefix("run: transcript in ") for line in lines if line.startswith("run: transcript in ")]
        self.assertEqual(len(named), verdict in TRANSCRIBED, errors)
        told = ""
        if named:
            self.assertEqual(lines[-2], f"run: transcript in {named[0]}")
            told = self.check_transcript(Path(named[0]), machine, kernel, verdict, status)
            check_contents(self, name, machine, Path(named[0]), told)
        self.assertIn(line, errors + told)
    return test


for _name, _ending in ENDINGS.items():
    for _machine in ONLY.get(_name, MACHINES):
        setattr(Endings, f"test_{_name}_{_machine}", ending_test(_machine, _name, *_ending))


class Transcripts(Case):
    def test_only_the_last_transcripts_are_kept(self):
        folder = self.work / "many"
        for _ in range(transcript.KEPT + 5):
            last = transcript.Transcript().write(folder, PANIC, Outcome(), {"command": "qemu"}, self.work / "absent")
        found = sorted(place.name for place in folder.iterdir())
        self.assertEqual((len(found), found[0], found[-1]), (transcript.KEPT, "000006-panic", last.name))
        self.assertIn("sha256: unknown: No such file", (last / "run.txt").read_text())

    def test_a_flood_is_bounded_and_keeps_both_ends(self):
        record = transcript.Record()
        for data in (b"first\n", *[b"x" * 65536] * 100, b"last\n"):
            record.feed(data)
        kept = record.bytes()
        self.assertLess(len(kept), transcript.HEAD + transcript.TAIL + 100)
        self.assertTrue(kept.startswith(b"first\n") and kept.endswith(b"last\n"))
        self.assertIn(f"[{6 + 100 * 65536 + 5 - transcript.HEAD - transcript.TAIL} bytes are not kept]".encode(), kept)


class Sink:
    def __init__(self):
        self.data, self.closed, self.again = b"", False, None

    def write(self, data):
        self.data += data

    def close(self):
        self.closed = True


class Foreign(Case):
    """A guest's output is foreign: whatever it is, it neither ends the runner nor slows it down."""

    def test_a_flood_of_records_is_read_once(self):
        records = Records()
        self.assertEqual(list(records.feed(b"E")), [])
        found = list(records.feed(b"\x07" + b"zz" * MANY + b"P"))
        self.assertEqual(found[:3], [(Kind.STATUS, 7), (None, ord("z")), (None, ord("z"))])
        self.assertEqual(len(found), 1 + MANY)
        self.assertEqual(list(records.feed(b"\0")), [(Kind.PANIC, 0)])
        log = Log(False)
        for _ in range(2 * COMPLAINTS_KEPT):
            log.complain("status channel: unknown record 0x7a")
        self.assertEqual(len(log.complaints), COMPLAINTS_KEPT)

    def test_a_shell_after_a_program_has_all_the_time_it_needs(self):
        """Without one, a guest that has told its status and cannot switch itself off is switched off."""
        for has_session in (False, True):
            guest = Guest(["-S"], None, None, None, one_shot=True, has_session=has_session)
            guest._on_record(Kind.STATUS, 0)
            self.assertEqual(guest.deadline is None, has_session)
            guest._on_record(Kind.PANIC, 0)
            self.assertIsNotNone(guest.deadline)
        self.assertTrue(parse(["x86_64", "--kernel", "k", "--program", "p", "--append", "shell"]).has_session)
        self.assertFalse(parse(["x86_64", "--kernel", "k", "--program", "p"]).has_session)

    def test_a_guest_that_kvm_cannot_run_ends(self):
        for state, names in (("internal-error", "--accel auto"), ("paused", None)):
            guest = Guest(["-S"], mock.Mock(), None, None)
            guest._on_event({"event": "STOP"})
            question = json.loads(guest.channels.qmp.send.call_args.args[0])
            self.assertEqual(question["execute"], "query-status")
            guest._on_event({"id": question["id"], "return": {"status": state}})
            self.assertEqual(guest._is_ending, names is not None)
            self.assertIn(names or "", guest.outcome.qemu_failed or "")

    def test_a_kvm_that_stops_the_probe_does_not_work(self):
        """Such a QEMU does not end by itself. The probe is a program that a computer can run."""
        for machine, works in (("echo 'the event \"STOP\"'; exec sleep 1000", False), ("exit 33", True), ("exit 0", False)):
            fake = self.work / "qemu-system-x86_64"
            fake.write_text(f"#!/bin/sh\n{machine}\n")
            fake.chmod(0o755)
            with (mock.patch.dict(os.environ, PATH=f"{self.work}:{os.environ['PATH']}"),
                  mock.patch("os.access", return_value=True), mock.patch("os.uname") as uname):
                uname.return_value.machine = "x86_64"
                self.assertEqual(qemu.kvm_works(), works, machine)
        rom = self.work / "rom"
        rom.write_bytes(qemu.probe_rom())
        done = subprocess.run(["qemu-system-x86_64", "-M", "q35", "-display", "none", "-nodefaults", "-bios", rom,
                               "-device", "isa-debug-exit,iobase=0xf4,iosize=4"], timeout=LIMIT_S)
        self.assertEqual(done.returncode, qemu.DEBUG_EXIT_STATUS)

    def test_a_terminal_that_controls_no_jobs_is_a_terminal(self):
        """As a program that opens a terminal for another one without a session of its own gives it."""
        ours, theirs = os.openpty()
        self.addCleanup(os.close, ours)
        self.addCleanup(os.close, theirs)
        self.assertTrue(Input(theirs).is_terminal)

    def test_breakpoints_and_interrupts_are_no_storm(self):
        """A patched function may trap for seconds; a fault beside it still counts."""
        log = Log(False)
        log.exceptions = []
        for line in ("  7: v=03 e=0000 i=1 cpl=0 IP=0008:ffffffffc7185ff0", "Taking exception 7 [Breakpoint] on CPU 1",
                     "...from EL1 to EL1", "Taking exception 5 [IRQ] on CPU 0"):
            log.feed(line.encode() + b"\n")
        self.assertEqual((log.exceptions, log.complaints), ([], []))
        log.feed(b"  8: v=06 e=0000 i=0 cpl=0 IP=0008:ffffffffc7185ff0\n" * REPEATS)
        self.assertIn("v=06", repeated(log.exceptions))

    def filtered(self, pieces, is_closed=True):
        sink = Sink()
        output = FirmwareFilter(sink)
        for piece in pieces:
            output.write(piece)
        if is_closed:
            output.close()
            self.assertTrue(sink.closed)
        return sink.data

    def test_firmware_output_is_dropped_up_to_the_kernels_mark(self):
        text = b"firmware \x1b[!\x1b[!pkernel"
        for at in range(len(text)):
            self.assertEqual(self.filtered((text[:at], text[at:])), b"kernel", at)
            sink = Sink()
            hint = KeysHint(sink)
            for piece in (text[:at], text[at:]):
                hint.write(piece)
            self.assertEqual(sink.data, text.replace(b"pkernel", b"prun: " + KEYS.encode() + b"\nkernel"), at)
        self.assertEqual(self.filtered([b"no bootable device"], False), b"")
        self.assertEqual(self.filtered([b"no bootable device"]), b"no bootable device")
        self.assertEqual(len(self.filtered([b"x" * 65536] * 64, False)), 64 * 65536)
        count = FirmwareFilter.HELD_MAX + 1
        self.assertEqual(len(self.filtered([b"\x1b"] * count, False)), count)

    def test_mangled_names_are_readable_in_call_chains_only(self):
        rust = b"_ZN4core9panicking5panic17h0123456789abcdefE"
        text = (b"  #0 " + rust + b" (offset 0x6)\r\n    #12 _Z4mainv+0x3c\n  50.0 %        5  " + rust + b"\n  #1 _start\nhalyard> "
                b"cat _Z4mainv\n_\n  #2 _Z4mainv")
        wanted = (b"  #0 core::panicking::panic (offset 0x6)\r\n    #12 main()+0x3c\n  50.0 %        5  core::panicking::panic\n"
                  b"  #1 _start\nhalyard> cat _Z4mainv\n_\n  #2 _Z4mainv")
        for at in range(0, len(text), 3):
            sink = Sink()
            output = ReadableNames(sink)
            for piece in (text[:at], text[at:]):
                output.write(piece)
            output.close()
            self.assertEqual(sink.data, wanted, at)
        output = ReadableNames(sink := Sink())
        output.write(b"  #0 _Z" * 4)  # a program's own
        output.write(b"_" * 10000)
        self.assertEqual(len(sink.data) // 1000, 10)
        output.write(b"\n> _Z")  # what a person types appears at once
        self.assertTrue(sink.data.endswith(b"\n> _Z"))


class Relay(Case):
    def test_crlf_is_written_as_a_newline(self):
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


for _number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
    setattr(LeftBehind, f"test_{_number.name}_leaves_no_qemu", lambda self, number=_number: self.check_nothing_left(number))


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

        status, seen = self.on_terminal(guest, act)
        self.assertEqual(status, 4)
        self.assertIn(b"run: Ctrl-A x ends QEMU", seen)

    def test_ctrl_a_x_quits_before_ready(self):
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
            + f"build system: phony halyard.elf programs/made.elf\nbuild all: phony {' '.join(makes)}\n")
        argv = [RUN, "--no-install", "--build", build, "--program", build / "programs/made.elf",
                "--files", build / "files", "--disk", build / "disk.img"]
        done = subprocess.run([*argv, "--no-build"], capture_output=True, text=True, timeout=LIMIT_S)
        self.assertIn("made.elf: no such file", done.stderr)
        done = subprocess.run([*argv, "--initrd", build / "never"], capture_output=True, text=True, timeout=LIMIT_S)
        self.assertEqual((done.returncode, done.stderr), (125, f"run: {build}/never: no such file\nrun: not run\n"))
        for words, made in ((argv[:6], makes[:2]), (argv, makes)):  # a program of the build needs no other part of it
            for name in makes:
                (build / name).unlink(missing_ok=True)
            done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S)
            self.assertEqual(done.returncode, 7, done.stderr)
            self.assertEqual([name for name in makes if (build / name).exists()], list(made))

    def test_a_copied_checkout_configures_afresh(self):
        build, tools = self.work / "copied", self.work / "tools"
        (build / "CMakeFiles").mkdir(parents=True)
        (build / "build.ninja").touch()
        tools.mkdir()
        (tools / "cmake").write_text(f"#!/bin/sh\necho 'build system: phony' > {build}/build.ninja\n")
        (tools / "cmake").chmod(0o755)
        for folder, is_fresh in ((ROOT, False), ("/elsewhere", True)):
            (build / "CMakeCache.txt").write_text(f"CMAKE_HOME_DIRECTORY:INTERNAL={folder}\n")
            subprocess.run([RUN, "--no-install", "--build", build], capture_output=True, timeout=LIMIT_S,
                           env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
            self.assertEqual((build / "build.ninja").stat().st_size > 0, is_fresh)
            self.assertEqual((build / "CMakeFiles").exists(), not is_fresh)

    def test_ninja_in_a_copied_checkout_does_not_build_the_original(self):
        first, copy, renamed = (self.work / name for name in ("first", "copy", "renamed"))
        (first / "build/x").mkdir(parents=True)
        (first / "build/x/build.ninja").write_text("rule make\n command = touch made\nbuild run: make\n")
        shutil.copy(ROOT / "cmake/root.ninja.in", first)
        tools = self.work / "tools"
        tools.mkdir(exist_ok=True)
        (tools / "cmake").write_text("""#!/bin/sh
            echo "$@" > configured
            sed "s,@CMAKE_BINARY_DIR@,$PWD/build/x,g; s,@CMAKE_SOURCE_DIR@,$PWD,g; s,@HALYARD_PRESET@,x,g
                 s,@rules@,build run: forward always\\n  target = run," root.ninja.in > build.ninja\n""")
        (tools / "cmake").chmod(0o755)
        path = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        subprocess.run(["cmake"], cwd=first, env=path, check=True)
        for after, here, is_made in ((lambda: None, first, {first}), (lambda: shutil.copytree(first, copy), copy, {copy}),
                                     (lambda: copy.rename(renamed), renamed, {renamed})):
            after()
            for folder in (first, here):
                (folder / "build/x/made").unlink(missing_ok=True)
            subprocess.run(["ninja", "run"], cwd=here, env=path, check=True, capture_output=True)
            self.assertEqual({folder for folder in (first, copy, renamed) if (folder / "build/x/made").exists()}, is_made)
            self.assertEqual((here / "configured").read_text(), "\n" if here == first else "--fresh --preset x\n")


class Arguments(Case):
    def command(self, *options):
        return subprocess.run([RUN, *map(str, options)], capture_output=True, text=True, timeout=LIMIT_S)

    def refused(self, *options):
        done = self.command(*options, "--no-install")
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertEqual(done.stderr.splitlines()[-1], "run: not run")
        return done.stderr

    def dry(self, *options):
        done = self.command(*options, "--dry-run")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_bad_arguments_are_named(self):
        program = ("--program", __file__)
        for words, *options in (
                ("--nonsense", "--nonsense"), ("/no/such/file", "--program", "/no/such/file"), ("riscv", "riscv"),
                ("cannot start a kernel", "--firmware", "uefi", "--boot", "kernel"),
                *(("need --program", *more) for more in (("--args", "x"), ("--dir", "/tmp"), ("--no-dir",))),
                ("--files needs the disk of --program", "--files", "/", "--bench"),
                *(("PATH::NAME", *program, "--dir", folder) for folder in ("", "::/", "/tmp::")),
                ("at most 8", *program, *["--dir", "/tmp"] * 9),
                *(("belong to the program", *program, "--append", text)
                  for text in ("-- x", "maxcpus=1 --", "'--' x", '"-"- x')),
                *((f"--append {text}: No ", *program, "--append", text) for text in ("'open", "x\\")),
                ("/proc/x: No such file", "--build", "/proc/x"), ("/dev/null: File exists", "--build", "/dev/null"),
                ('--qemu a "b: No closing quotation', "--qemu", 'a "b'),
                ("--accel auto uses KVM where it works", "aarch64", "--accel", "kvm"), ("--timeout", "--timeout", "nan"), ("--timeout", "--timeout=-1"),
                ("/no/such/file: no such file", "--disk", "/no/such/file"),
                ("/no/such/file: no such file", "--kernel", "/no/such/file"),
                *(("/tmp: not a file", option, "/tmp") for option in ("--program", "--disk", "--kernel", "--initrd")),
                ("/no/such/dir: no such file", *program, "--files", "/no/such/dir"),
                (f"{__file__}: not a directory", *program, "--files", __file__)):
            with self.subTest(options):
                self.assertIn(words, self.refused(*options))
        with mock.patch.dict(os.environ, HALYARD_OPTIONS="'"):
            self.assertIn("HALYARD_OPTIONS ': No", self.refused("--options-from", "HALYARD_OPTIONS"))

    def test_a_time_limit_may_be_long(self):
        guest = build_guest(self.work, "x86_64", "record 'E', 6\nfinish", "soon")
        for limit in ("1e9", "inf"):
            self.assertEqual(run("x86_64", guest, "--timeout", limit).returncode, 6)

    def test_qemu_that_does_not_start_is_reported(self):
        guest = build_guest(self.work, "x86_64", "hang", "never")
        self.refused("--kernel", str(guest), "--qemu=-device no-such-device")

    def test_dry_run_prints_the_command_line(self):
        spaced = self.work / "my prog.elf"
        spaced.touch()
        program = ("--program", __file__)
        for options, parts in (
                (("aarch64", "--smp", "3", "--mem", "1G", "--machine", "gic-version=2", "--append", "a=b c"),
                 ("qemu-system-aarch64", "virt,gic-version=3,gic-version=2", "-smp 3", "-m 1G", "'a=b c'")),
                (("x86_64", "--bench"), ("thread=single", "shift=0,align=off,sleep=off", "-smp 1", "-seed 1", "clock=vm",
                                         "null-co://")),
                (("--boot", "kernel", "--append", "run=/a -- x"), (" -- x",)),
                (("--program", spaced, "--args", "x"), ("loglevel=warn poweroff run='/bin/my prog.elf' -- x",)),
                ((*program, "--args", "a 'b c'", "--append", "maxcpus=1"),
                 ("loglevel=warn poweroff maxcpus=1 run=/bin/test_run.py -- a ",)),
                ((*program, "--dir", "/files", "--dir", "/a b::/", "--no-dir"), ("no-dir dir=/files 'dir=/a b::/' run=",)),
                (("--gdb",), (" -S",))):
            text = self.dry(*options)
            for part in parts:
                self.assertTrue(part in text or any(part in word for word in shlex.split(text)), (part, text))
        self.assertNotIn("-S", shlex.split(self.dry()))

    def test_dry_run_names_missing_files(self):
        build = self.work / "a,b"
        build.mkdir()

        def missing(*options):
            done = self.command("--build", build, "--dry-run", *options)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stderr.splitlines()

        def lines(*names):
            return [f"run: dry run: {build}/{name} is not made" for name in names]

        self.assertEqual(missing("--boot", "kernel", "--program", build / "x.elf", "--disk", build / "y.img"),
                         lines("halyard.elf", "modules/tests.ko", "program.img", "y.img"))
        (build / "modules").mkdir()
        for name in ("modules/tests.ko", "halyard.iso"):
            (build / name).touch()
        self.assertEqual(missing(), lines("system.img"))
        (build / "system.img").touch()
        self.assertEqual(missing(), [])
        self.assertEqual(missing("--append", "x"), lines("run.iso"))  # the built ISO has no such word
        (build / "halyard.elf").touch()
        self.assertEqual(missing("--boot", "kernel"), [])
        self.assertEqual(missing("--bench"), lines("scratch.img"))

# SPDX-License-Identifier: MIT
"""What scripts/run keeps of a run that ended badly."""
import hashlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib"), str(ROOT / "tests/tools")]

import transcript  # noqa: E402
from guests import MACHINES, build_guest  # noqa: E402
from status import PANIC, Outcome  # noqa: E402


class Kept(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.work = Path(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def transcript_of(self, machine, body, name, *options):
        """(folder or None, standard error's lines) of a run of a tiny guest."""
        kernel = build_guest(self.work, machine, body, name)
        done = subprocess.run([str(ROOT / "scripts/run"), machine, "--kernel", str(kernel), "--no-install",
                               "--build", str(self.work / f"build-{machine}"), *options],
                              input=b"", capture_output=True, timeout=300)
        lines = done.stderr.decode().splitlines()
        named = [line.removeprefix("run: transcript in ") for line in lines if line.startswith("run: transcript in ")]
        self.assertLessEqual(len(named), 1, lines)
        return (Path(named[0]) if named else None), lines, kernel

    def test_a_panic(self):
        for machine in MACHINES:
            with self.subTest(machine):
                place, lines, kernel = self.transcript_of(
                    machine, r"""print "before\r\n"
                                 record 'P', 0
                                 finish""", "panic")
                self.assertEqual(lines[-1], "run: panic")
                self.assertEqual(lines[-2], f"run: transcript in {place}")
                self.assertTrue(place.name.endswith("-panic"), place)
                self.assertEqual((place / "console.txt").read_bytes(), b"before\r\n")
                told = (place / "run.txt").read_text()
                self.assertIn("ended: panic (120)\n", told)
                command = shlex.split(re.search(r"^command: (.*)$", told, re.M)[1])
                self.assertEqual(command[0], f"qemu-system-{machine}")
                self.assertIn(str(kernel), command)
                self.assertFalse([word for word in command if "fd" in word], "names what only the runner had")
                again = re.search(r"^again: (.*)$", told, re.M)[1]
                done = subprocess.run(["sh", "-c", again], cwd="/", input=b"", capture_output=True, timeout=300)
                self.assertEqual((done.returncode, done.stdout), (120, b"before\n"), done.stderr)
                self.assertIn(f"sha256: {hashlib.sha256(kernel.read_bytes()).hexdigest()}\n", told)

    def test_a_time_out_has_the_registers(self):
        for machine, register in (("x86_64", "EIP="), ("aarch64", " PC=")):
            with self.subTest(machine):
                place, lines, _ = self.transcript_of(machine, "hang", "hang", "--timeout", "2", "--smp", "2")
                self.assertEqual(lines[-1], "run: time-out")
                asked = (place / "monitor.txt").read_text()
                self.assertIn("(qemu) info status\nVM status: paused", asked)
                self.assertEqual(asked.count(register), 2, asked)

    def test_a_triple_fault_has_the_registers(self):
        place, lines, _ = self.transcript_of("x86_64", "lidt nothing\nud2\nnothing: .word 0\n.long 0", "triple",
                                             "--timeout", "60")
        self.assertEqual(lines[-1], "run: reset")
        self.assertIn("Triple fault", (place / "qemu.log").read_text())
        self.assertIn("because: the machine reset unasked (triple fault)", (place / "run.txt").read_text())
        self.assertIn("EIP=", (place / "monitor.txt").read_text())

    def test_a_guest_error_has_the_log(self):
        for machine in MACHINES:
            with self.subTest(machine):
                place, lines, _ = self.transcript_of(machine, "record 'K', 0\nhole\nrecord 'E', 0\nfinish", "hole")
                self.assertEqual(lines[-1], "run: guest error")
                because = re.search(r"^because: (.*)$", (place / "run.txt").read_text(), re.M)
                self.assertIn(because[1], (place / "qemu.log").read_text())

    def test_what_ends_well_or_by_the_program_leaves_nothing(self):
        for machine in MACHINES:
            for body in ("record 'E', 120\nfinish", "record 'F', 0\nfinish", "record 'O', 0\nfinish"):
                with self.subTest(f"{machine} {body}"):
                    place, lines, _ = self.transcript_of(machine, body, "well")
                    self.assertIsNone(place, lines)

    def test_only_the_last_stay(self):
        folder = self.work / "many"
        for _ in range(transcript.KEPT + 5):
            last = transcript.Transcript().write(folder, PANIC, Outcome(), {"command": "qemu"}, self.work / "absent")
        found = sorted(place.name for place in folder.iterdir())
        self.assertEqual(len(found), transcript.KEPT)
        self.assertEqual(found[-1], last.name)
        self.assertEqual(found[0], "000006-panic")
        self.assertIn("sha256: unknown: No such file", (last / "run.txt").read_text())

    def test_a_flood_is_bounded_and_keeps_both_ends(self):
        record = transcript.Record()
        record.feed(b"first\n")
        for _ in range(100):
            record.feed(b"x" * 65536)
        record.feed(b"last\n")
        kept = record.bytes()
        self.assertLess(len(kept), transcript.HEAD + transcript.TAIL + 100)
        self.assertTrue(kept.startswith(b"first\n"))
        self.assertTrue(kept.endswith(b"last\n"))
        self.assertIn(f"[{6 + 100 * 65536 + 5 - transcript.HEAD - transcript.TAIL} bytes are not kept]".encode(), kept)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""The kernel's shared structures on real threads under ThreadSanitizer: nothing is reported, and what is wrong on
purpose is."""
import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "scripts/lib")]

from tree import build_directory  # noqa: E402

BUILD = Path(os.environ.get("HALYARD_TEST_BUILD") or build_directory("host-tests")) / "tests/race"
LIMIT_S = 600  # ends what hangs


def run(program, test):
    options = {"TSAN_OPTIONS": "exitcode=66 halt_on_error=1", "PATH": os.environ["PATH"]}
    return subprocess.run([str(BUILD / program), test], capture_output=True, text=True, env=options, timeout=LIMIT_S)


class Race(unittest.TestCase):
    def right(self, test):
        done = run("race", test)
        self.assertEqual(done.returncode, 0, done.stderr[-4000:])

    def test_spinlock(self):
        self.right("spinlock")

    def test_run_queue(self):
        self.right("run_queue")

    def test_mutex_that_nobody_waits_for(self):
        self.right("mutex")

    def test_reader_writer_lock(self):
        self.right("rwlock")

    def test_mailbox(self):
        self.right("mailbox")

    def test_timer(self):
        self.right("timer")

    def test_trace_ring(self):
        self.right("trace")

    def test_a_race_on_purpose_is_reported(self):
        done = run("race_wrong", "spinlock")
        self.assertEqual(done.returncode, 66, done.stderr[-4000:])
        self.assertIn("data race", done.stderr)
        self.assertIn("spinlocks", done.stderr)


if __name__ == "__main__":
    unittest.main()

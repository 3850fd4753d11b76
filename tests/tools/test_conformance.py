# SPDX-License-Identifier: MIT
"""Tests of the scripts that run conformance suites: a run of no assertions fails, and so does one that loses some or does
not end."""
import contextlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import cilguest
import cilsuite
import legacy
import tap
import wasm3


def ended(text, status=0):
    return subprocess.CompletedProcess([], status, text, "")


def points(run):
    """What run(writer) prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        run(tap.Writer())
    return out.getvalue()


class Legacy(unittest.TestCase):
    def test_a_runner_passes_only_with_all_assertions(self):
        head = "file legacy 3 of 3 0\nconformance wasm-spec host "
        self.assertTrue(legacy.has_passed(ended(head + "3 of 3\n"), 3))
        for text, assertions in (("0 of 0\n", 0), ("2 of 2\n", 3), ("2 of 3\n", 3)):
            self.assertFalse(legacy.has_passed(ended(head + text), assertions), text)
        self.assertFalse(legacy.has_passed(ended(""), 3))
        self.assertFalse(legacy.has_passed(ended("\n"), 3))
        self.assertFalse(legacy.has_passed(ended(head + "3 of 3\n", status=1), 3))

    @unittest.skipUnless(shutil.which("node"), "there is no node")
    def test_the_voter_refuses_a_listing_without_assertions(self):
        # The smallest module. Commands that assert nothing do not count.
        empty = {"type": "module", "line": 1, "filename": "empty.wasm"}
        invalid = {"type": "assert_invalid", "line": 2, "filename": "invalid.wasm", "text": "", "module_type": "binary"}
        with tempfile.TemporaryDirectory() as work:
            Path(work, "empty.wasm").write_bytes(b"\0asm\1\0\0\0")
            Path(work, "invalid.wasm").write_bytes(b"\0asm")
            listing = Path(work, "listing.json")
            for commands, status, said in (([], 1, "0 of 0"), ([empty], 1, "0 of 0"), ([empty, invalid], 0, "1 of 1")):
                listing.write_text(json.dumps({"commands": commands}))
                done = subprocess.run(["node", str(legacy.VOTER), str(listing)], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stdout.strip()), (status, said))


class Wasm3(unittest.TestCase):
    def follow(self, total):
        floor = {"here": 5}
        text = f"file one 5 of {total} 0\nfile threads-one {wasm3.THREAD_ASSERTIONS} of {wasm3.THREAD_ASSERTIONS} 0"
        with mock.patch.object(wasm3, "expectations", lambda: (floor, {"one": "a reason"})):
            return points(lambda writer: wasm3.follow([sys.executable, "-c", f"print({text!r})"], "here", [1, 2], writer, 7))

    def test_lost_assertions_fail_even_above_the_floor(self):
        self.assertNotIn("not ok", self.follow(7))
        self.assertIn("not ok 4 - all of the suite on here\n# 6 assertions of 7\n", self.follow(6))


class CilGuest(unittest.TestCase):
    NAMES = list(cilsuite.FILES)[:2]

    def judge(self, output):
        nothing = {"missing": [name for name in cilsuite.FILES if name not in self.NAMES], "refused": {}, "lacking": {}}
        return points(lambda writer: cilguest.judge("here", nothing, output, writer))

    def test_what_a_command_printed_before_it_was_killed_is_kept(self):
        late = subprocess.TimeoutExpired(["scripts/run"], 5, output=b"first: 3 passed of 3\r\nsecond begi", stderr=b"a warning")
        with mock.patch.object(subprocess, "run", side_effect=late):
            said = cilguest.output_of(["scripts/run"], 5)
        self.assertIn("first: 3 passed of 3\r\n", said)
        self.assertIn("a warning", said)
        self.assertTrue(said.endswith("FAILED: run did not end within 5 s\n"), said)

    def test_nothing_printed_before_the_end_of_time(self):
        with mock.patch.object(subprocess, "run", side_effect=subprocess.TimeoutExpired(["x"], 5)):
            self.assertEqual(cilguest.output_of(["x"], 5), "\nFAILED: x did not end within 5 s\n")

    def test_a_file_that_did_not_end_fails_with_the_transcript(self):
        first, second = self.NAMES
        count = cilsuite.FILES[first]
        said = self.judge(f"{first}: {count} passed of {count}\nsecond begins\nFAILED: run did not end within 5 s\n")
        self.assertIn(f"\nnot ok 2 - {second}", "\n" + said)
        self.assertIn("# second begins\n", said)
        self.assertIn("# FAILED: run did not end within 5 s\n", said)
        self.assertIn(f"ok 1 - {first}", said)


if __name__ == "__main__":
    unittest.main()

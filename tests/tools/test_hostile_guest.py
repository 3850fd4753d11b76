# SPDX-License-Identifier: MIT
"""What a guest prints and records is foreign: it neither ends the tools that read it nor stops them.

Inputs are so large that reading them in more than proportionate time would meet the suite's limit.
"""
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib")]

import matrix  # noqa: E402
import tap  # noqa: E402
from qemulog import COMPLAINTS_KEPT, Log  # noqa: E402
from status import Kind, Records  # noqa: E402
from terminal import FirmwareFilter  # noqa: E402

MANY = 2_000_000


class Sink:
    def __init__(self):
        self.data, self.closed = b"", False

    def write(self, data):
        self.data += data

    def close(self):
        self.closed = True


class Tap(unittest.TestCase):
    def test_a_long_line_is_read_once(self):
        suite = tap.Suite("x")
        for line in ("ok 1 - " + " " * MANY + "x", "ok 2" + " #" * MANY, "1..2" + " " * MANY + "x"):
            suite.read(line)
        self.assertEqual(len(suite.passed), 2)
        self.assertIsNone(suite.planned)

    def test_a_plan_of_any_length_is_no_error_of_ours(self):
        suite = tap.Suite("x")
        suite.read("1.." + "9" * 5000)
        suite.finish(0)
        self.assertEqual([point for point, _ in suite.failed], ["plan"])

    def test_a_directive_is_the_first_one(self):
        suite = tap.Suite("x")
        suite.read("ok 1 - a #1 of 2  # SKIP no disk # SKIP again")
        suite.read("not ok 2 - b # TODO later")
        self.assertEqual(suite.skipped, [("a #1 of 2", "no disk # SKIP again")])
        self.assertEqual(suite.failed, [("b", [])])


class Matrix(unittest.TestCase):
    def test_an_amount_of_memory_of_any_length(self):
        for digits in ("9" * 5000, "9" * MANY):
            found = list(matrix.complaints_of_memory(f"{digits} KiB  in all", 1))
            self.assertEqual(found, ["the shell does not answer `mem`"])
        self.assertEqual(list(matrix.complaints_of_memory("100 KiB  in all", 100)), [])


class Status(unittest.TestCase):
    def test_a_flood_of_records_is_read_once(self):
        records = Records()
        self.assertEqual(list(records.feed(b"E")), [])
        found = list(records.feed(b"\x07" + b"zz" * MANY + b"P"))
        self.assertEqual(found[0], (Kind.STATUS, 7))
        self.assertEqual(found[1:3], [(None, ord("z"))] * 2)
        self.assertEqual(len(found), 1 + MANY)
        self.assertEqual(list(records.feed(b"\0")), [(Kind.PANIC, 0)])

    def test_complaints_have_a_limit(self):
        log = Log(False)
        for _ in range(2 * COMPLAINTS_KEPT):
            log.complain("status channel: unknown record 0x7a")
        self.assertEqual(len(log.complaints), COMPLAINTS_KEPT)


class Firmware(unittest.TestCase):
    def test_what_never_ends_is_shown_and_not_kept(self):
        sink = Sink()
        output = FirmwareFilter(sink)
        for _ in range(64):
            output.write(b"x" * 65536)
        self.assertEqual(len(sink.data), 64 * 65536)

    def test_a_flood_byte_by_byte_is_searched_once(self):
        sink = Sink()
        output = FirmwareFilter(sink)
        for _ in range(FirmwareFilter.HELD_MAX + 1):
            output.write(b"\x1b")
        self.assertEqual(len(sink.data), FirmwareFilter.HELD_MAX + 1)

    def test_the_mark_is_found_wherever_it_is_cut(self):
        text = b"firmware \x1b[!\x1b[!pkernel"
        for at in range(len(text)):
            sink = Sink()
            output = FirmwareFilter(sink)
            output.write(text[:at])
            output.write(text[at:])
            output.close()
            self.assertEqual(sink.data, b"kernel", at)
            self.assertTrue(sink.closed)

    def test_without_a_mark_all_is_shown_at_the_end(self):
        sink = Sink()
        output = FirmwareFilter(sink)
        output.write(b"no bootable device")
        self.assertEqual(sink.data, b"")
        output.close()
        self.assertEqual(sink.data, b"no bootable device")


if __name__ == "__main__":
    unittest.main()

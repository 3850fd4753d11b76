# SPDX-License-Identifier: MIT
"""The oracle's own rules: nobody is missing unnoticed, and what differs is told apart from what one voter cannot tell."""
import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import oracle
import tap

FILE = Path("7.wasm")


class Voter:
    has_vectors = True

    def __init__(self, name, lines, tells_where=True):
        self.name, self.lines, self.tells_where = name, lines, tells_where

    def run(self, files):
        return {file: self.lines for file in files}


def wrong(*voters):
    return oracle.differences(voters, oracle.ask(voters, [FILE]), FILE)


class Voters(unittest.TestCase):
    def engines(self, there):
        with mock.patch.object(oracle, "engines_there", lambda build: [Voter(name, []) for name in there]):
            return oracle.engines(Path("nowhere"))

    def test_all_are_asked_for(self):
        self.assertEqual([voter.name for voter in self.engines(oracle.expected())], oracle.expected())

    def test_each_is_missed(self):
        for name in oracle.expected():
            with self.subTest(name), self.assertRaisesRegex(oracle.Missing, f"no {name}:"):
                self.engines([other for other in oracle.expected() if other != name])

    def test_a_folder_without_runners_has_none(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaises(oracle.Missing):
            oracle.engines(Path(folder, "host-tests"))

    def test_the_suite_fails_without_one(self):
        with mock.patch.object(oracle, "engines_there", lambda build: []):
            writer = tap.Writer()
            with contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(oracle.check_voters(writer, Path("nowhere")), [])
        self.assertEqual((writer.count, writer.failed), (1, 1))


class Differences(unittest.TestCase):
    TRAP = ["f0() => error: unreachable", "    function 3 at 0x20", "    function 9 at 0x44"]
    ELSEWHERE = ["f0() => error: unreachable", "    function 3 at 0x21", "    function 9 at 0x44"]

    def test_equal_ones(self):
        self.assertEqual(wrong(Voter("a", self.TRAP), Voter("b", self.TRAP), Voter("c", self.TRAP)), [])

    def test_one_that_cannot_tell_where(self):
        self.assertEqual(wrong(Voter("wabt", self.TRAP[:1], tells_where=False), Voter("b", self.TRAP),
                               Voter("c", self.TRAP)), [])

    def test_another_place(self):
        told = wrong(Voter("wabt", self.TRAP[:1], tells_where=False), Voter("b", self.TRAP), Voter("c", self.ELSEWHERE))
        self.assertEqual(told, ["b: function 3 at 0x20", "c: function 3 at 0x21"])

    def test_another_result_and_one_less(self):
        self.assertEqual(wrong(Voter("a", ["f0() => i64:1"]), Voter("b", ["f0() => i64:2"])),
                         ["a: f0() => i64:1", "b: f0() => i64:2"])
        self.assertEqual(wrong(Voter("a", ["f0() => i64:1"]), Voter("b", [])), ["a: f0() => i64:1", "b: (nothing)"])

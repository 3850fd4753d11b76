# SPDX-License-Identifier: MIT
"""How a lesson is done: its steps, and that a lesson which is wrong is noticed."""
import shutil
import tempfile
import unittest
from pathlib import Path

import lesson


class Runner(unittest.TestCase):
    """What a lesson may get wrong is an error."""

    def setUp(self):
        self.root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)

    def do(self, text):
        (self.root / "lesson.md").write_text(text)
        lesson.do(self.root / "lesson.md", self.root)

    def refused(self, text, reason):
        with self.assertRaisesRegex(lesson.Wrong, reason):
            self.do(text)

    def test_steps(self):
        self.do("```c a.c\none\ntwo\n```\n```diff\n--- a/a.c\n+++ b/a.c\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n```\n"
                "```c\nfor reading\n```\n```console\n$ cat a.c\none\nthr...\n$ false\n$ echo $?\n1\n```\n")

    def test_output_that_differs(self):
        self.refused("```console\n$ echo one; echo two\ntwo\none\n```\n", "does not print\n *one")
        self.refused("```console\n$ echo one\n\n$ echo two\none\n```\n", "does not print\n *one")

    def test_change_that_does_not_apply(self):
        self.refused("```c a.c\none\n```\n```diff\n--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-two\n+three\n```\n", "not apply")

    def test_file_that_exists_or_lies_outside(self):
        self.refused("```c a.c\none\n```\n```c a.c\ntwo\n```\n", "a.c exists")
        self.refused("```c ../a.c\none\n```\n", "outside")

    def test_nothing_to_do(self):
        self.refused("words\n```c\nfor reading\n```\n", "nothing to do")

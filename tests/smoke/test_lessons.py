# SPDX-License-Identifier: MIT
"""The lessons of docs/, carried out as they are read, in a copy of the tree."""
import shutil
import tempfile
import unittest
from pathlib import Path

import demo
import lesson
from smoke import MACHINE, ROOT
from tree import Failure

LESSONS = ROOT / "docs/lessons"


class Lessons(unittest.TestCase):
    """One copy of the tree for all lessons, so that the kernel is built once; their files are separate."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="halyard-lessons-")
        cls.tree = Path(cls.folder) / "halyard"
        cls.copy()

    @classmethod
    def copy(cls):
        shutil.copytree(ROOT, cls.tree, symlinks=True, ignore=shutil.ignore_patterns("build", ".git", "build.ninja"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def do(self, file):
        """A lesson that fails leaves its mistake in the tree; undo it for the next lesson."""
        try:
            lesson.do(file, self.tree, lambda text: text.replace("x86_64", MACHINE))
        except BaseException:
            shutil.rmtree(self.tree)
            self.copy()
            raise

    def test_readmes(self):
        """Their commands, with the programs of scripts/demo that are here already."""
        try:
            demo.make_programs()
        except Failure as failure:
            self.skipTest(str(failure))
        (self.tree / "build").mkdir(exist_ok=True)
        if not (self.tree / "build/demo").exists():
            (self.tree / "build/demo").symlink_to(demo.FOLDER)
        for readme in ("README.md", "programs/README.md"):
            with self.subTest(readme):
                self.do(ROOT / readme)

    def test_debugging(self):
        """The tours of docs/debugging.md; one whose title names a machine runs on that machine."""
        names = {"x86_64": "x86-64", "aarch64": "AArch64"}
        for number, walk in enumerate((ROOT / "docs/debugging.md").read_text().split("\n## ")[2:]):
            title = walk.splitlines()[0]
            if any(name in title for machine, name in names.items() if machine != MACHINE):
                continue
            file = Path(self.folder) / f"walk{number}.md"
            file.write_text(walk)
            with self.subTest(title):
                self.do(file)

    def test_list_names_each_lesson(self):
        listed = (LESSONS / "README.md").read_text()
        for file in LESSONS.glob("*.md"):
            if file.name != "README.md":
                self.assertIn(f"({file.name})", listed)
                self.assertTrue(hasattr(self, "test_" + file.stem.replace("-", "_")), file)


for _file in sorted(LESSONS.glob("*.md")):
    if _file.name != "README.md":
        setattr(Lessons, "test_" + _file.stem.replace("-", "_"), lambda self, file=_file: self.do(file))

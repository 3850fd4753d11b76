# SPDX-License-Identifier: MIT
"""Links, quotes and tables of the documents match the files that they are about."""
import re
import shutil
import tempfile
import unittest
from pathlib import Path

import lesson
from tree import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("hal/*.md"), *ROOT.glob("programs/*.md")])
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)\s]*)?\)")
# A link to a source file, followed by names in it: [early.c](...) `early_main()`, `die()`
NAMED = re.compile(r"\]\(([^)#\s]+\.(?:c|h|S|lds|py))\)((?:,? `[^`]+`)+)")
# Lines of a source file, quoted exactly: ```c path/from/the/top.c
QUOTED = re.compile(r"^```c (\S+)\n(.*?)^```$", re.M | re.S)
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)


def prose(document):
    return FENCE.sub("", document.read_text())


def missing_links(text, folder):
    for target in LINK.findall(text):
        if not (folder / target).exists():
            yield f"no file {target}"


def missing_names(text, folder):
    for target, rest in NAMED.findall(text):
        file = folder / target
        source = file.read_text() if file.is_file() else ""
        for name in re.findall(r"`([^`]+)`", rest):
            if name.removesuffix("()") not in source:
                yield f"{target} has no {name}"


def wrong_quotes(text):
    for name, lines in QUOTED.findall(text):
        file = ROOT / name
        if not file.is_file() or f"\n{lines}" not in file.read_text():
            yield f"{name} has no {lines.splitlines()[0].strip()} ..."


class Documents(unittest.TestCase):
    def test_links_lead_to_files(self):
        for document in DOCUMENTS:
            with self.subTest(str(document.relative_to(ROOT))):
                self.assertEqual(list(missing_links(prose(document), document.parent)), [])

    def test_names_are_in_their_files(self):
        for document in DOCUMENTS:
            with self.subTest(str(document.relative_to(ROOT))):
                self.assertEqual(list(missing_names(prose(document), document.parent)), [])

    def test_worked_examples_quote_their_files(self):
        text = (ROOT / "docs/jit.md").read_text()
        self.assertEqual(list(wrong_quotes(text)), [])
        self.assertGreater(len(QUOTED.findall(text)), 9)

    def test_changes_in_lessons_apply(self):
        """One after the other, as a reader makes them. smoke/test_lessons also builds and runs the result."""
        for document in [*ROOT.glob("docs/lessons/*.md"), ROOT / "docs/debugging.md"]:
            changes = [text for language, _, text in lesson.blocks(document.read_text()) if language == "diff"]
            with self.subTest(str(document.relative_to(ROOT))), tempfile.TemporaryDirectory() as folder:
                for name in re.findall(r"^--- a/(\S+)", "".join(changes), re.M):
                    (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(ROOT / name, Path(folder) / name)
                for change in changes:
                    lesson.apply_change(change, folder)

    def test_boot_has_the_lines_of_main_in_their_order(self):
        table = (ROOT / "docs/boot.md").read_text().split("\n## 5.")[1].split("\n## ")[0]
        described = re.findall(r"`([a-z_]+)`", " ".join(row.split("|")[1] for row in table.splitlines() if "|" in row))
        main = (ROOT / "kernel/main.c").read_text().split("void upcall_main")[1]
        called = [name for name in re.findall(r"^    (?:if \()?([a-z_]+)\(", main, re.M)]
        self.assertEqual(described, called)

    def test_the_weekend_has_twenty_files_and_about_5500_lines(self):
        files = re.findall(r"^### \d+\. \[([^]]+)\]\(\.\./\1\)$", (ROOT / "docs/reading.md").read_text(), re.M)
        lines = sum(len((ROOT / file).read_text().splitlines()) for file in files)
        self.assertEqual(len(files), 20)
        self.assertTrue(4500 <= lines <= 5500, f"{lines} lines")

    def test_wrong_replacements_are_found(self):
        self.assertEqual(list(missing_links("[a](kernel/main.c) [b](kernel/none.c)", ROOT)), ["no file kernel/none.c"])
        line = "| [main.c](kernel/main.c) `upcall_main()`, `no_such()` | [log.c](kernel/base/log.c) `also_not` |"
        self.assertEqual(list(missing_names(line, ROOT)),
                         ["kernel/main.c has no no_such()", "kernel/base/log.c has no also_not"])
        quoted = "```c kernel/main.c\n    log_init();\n```\n```c kernel/none.c\nint x;\n```\n"
        self.assertEqual(list(wrong_quotes(quoted)), ["kernel/main.c has no log_init(); ...", "kernel/none.c has no int x; ..."])

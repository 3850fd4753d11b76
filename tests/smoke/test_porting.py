# SPDX-License-Identifier: MIT
"""docs/porting.md lists exactly the names that a machine must define, and its files."""
import re
import unittest

import porting
from smoke import MACHINE
from tree import MACHINES

TEXT = porting.documented(porting.DOCUMENT.read_text())


def number(cell):
    return int(cell.replace(",", "").replace("< ", ""))


class Porting(unittest.TestCase):
    def test_names(self):
        named = {name for name in re.findall(r"`(\w+)`", TEXT)}
        self.assertEqual(named, porting.contract(MACHINE) | porting.inlines(MACHINE) & named,
                         "scripts/porting --update")
        self.assertGreater(len(named), 50)

    def test_files_and_their_size(self):
        column = MACHINES.index(MACHINE)
        rows = {file: cells[column] for file, *cells in re.findall(r"^\| (\S+) \| ?(.*?) \| ?(.*?) \|$", TEXT, re.M)}
        rows = {file: number(cell) for file, cell in rows.items() if re.fullmatch(r"[<\d ,]+", cell)}
        files = porting.tree(MACHINE)
        self.assertEqual(sorted(rows), sorted(files), "scripts/porting --update")
        for file, lines in files.items():
            self.assertLess(abs(rows[file] - lines), 20 + lines / 5, f"{file}: scripts/porting --update")

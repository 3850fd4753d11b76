# SPDX-License-Identifier: MIT
"""docs/performance.md: its rows are benchmarks that exist, and what misses its aim says so."""
import re
import unittest

import performance
from tree import MACHINES, ROOT

ROWS = [row for rows in performance.SECTIONS.values() for row in rows]


def figures(value):
    return {machine: {row.bench: value for row in ROWS} for machine in MACHINES}


class Performance(unittest.TestCase):
    def test_rows_are_benchmarks_of_the_kernel(self):
        source = "".join(file.read_text() for file in (ROOT / "tests/bench").glob("*.c"))
        named = set(re.findall(r'"((?:boot|sched|lock|timer|irq|heap|page|vm|mem|blk|jit)\.\w+)"', source))
        self.assertEqual([row.bench for row in ROWS if row.bench not in named], [])

    def test_document_has_a_line_for_each_row(self):
        text = performance.DOCUMENT.read_text().split(performance.BEGIN)[1].split(performance.END)[0]
        lines = [line for line in text.splitlines() if line.startswith("| ") and "`" in line]
        self.assertEqual([line.split("`")[1] for line in lines], [row.bench for row in ROWS])
        for line, row in zip(lines, ROWS):
            cells = [cell.strip() for cell in line.split("|")[3:5]]
            for cell in cells:
                value = float(cell.strip("*").replace(",", ""))
                with self.subTest(row.bench):
                    self.assertEqual(cell.startswith("**"), not row.is_reached(value))

    def test_a_figure_that_misses_its_aim_is_bold(self):
        row = performance.Row("a", "b.c", most=10)
        at = {machine: {"b.c": value} for machine, value in zip(MACHINES, (10, 11))}
        self.assertIn("| 10 | **11** | ≤ 10 |", list(performance.table([row], at))[-1])

    def test_others_have_three_columns(self):
        for row in ROWS:
            with self.subTest(row.bench):
                self.assertEqual(len(row.others), 3)
        widths = {line.count("|") for line in performance.report(figures(1.0)) if line.startswith("|")}
        self.assertEqual(widths, {9})


if __name__ == "__main__":
    unittest.main()

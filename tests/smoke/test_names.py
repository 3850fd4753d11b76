# SPDX-License-Identifier: MIT
"""100,000 names in one directory of an ext3 disk: made in one run, found and removed in the next. test_disks.py has a smaller one."""
import names
from smoke import BUILD, MACHINE, TestCase


class Names(TestCase):
    def test_100000_names_in_one_directory(self):
        names.check(self, MACHINE, BUILD, 100_000, limit=1800)

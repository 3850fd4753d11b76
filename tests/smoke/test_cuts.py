# SPDX-License-Identifier: MIT
"""Power cuts: a few images of scripts/lib/cuts.py. scripts/test --long makes hundreds."""
import cuts
from smoke import BUILD, MACHINE, TestCase


class Cuts(TestCase):
    def test_a_cut_loses_nothing_that_was_synced(self):
        count, wrong = cuts.campaign(MACHINE, BUILD, seed=1, count=8, flushes=4, steps=30)
        self.assertEqual((count, wrong), (12, []))

    def test_without_flushes_the_same_cuts_are_noticed(self):
        _, wrong = cuts.campaign(MACHINE, BUILD, seed=1, count=8, has_flushes=False, steps=30)
        self.assertGreater(len(wrong), 4)

# SPDX-License-Identifier: MIT
"""Power cuts and faults of disks: a few of those of scripts/lib/cuts.py and diskfaults.py. scripts/test --long has all."""
import cuts
from diskfaults import Fault, campaign
from smoke import BUILD, MACHINE, TestCase


class Cuts(TestCase):
    def test_a_cut_loses_nothing_that_was_synced(self):
        count, wrong = cuts.campaign(MACHINE, BUILD, seed=1, count=8, flushes=4, steps=30)
        self.assertEqual((count, wrong), (12, []))

    def test_without_flushes_the_same_cuts_are_noticed(self):
        _, wrong = cuts.campaign(MACHINE, BUILD, seed=1, count=8, has_flushes=False, steps=30)
        self.assertGreater(len(wrong), 4)


class Faults(TestCase):
    SOME = [Fault("write", number, "EIO") for number in (3, 14, 15, 16)]

    def test_a_request_that_fails_is_reported_and_the_disk_stays_consistent(self):
        faults = [*self.SOME, Fault("write", 8, "ENOSPC"), Fault("flush", 4, "EIO"), Fault("read", 6, "EIO"), Fault("read", 16, "EIO")]
        self.assertEqual(campaign(MACHINE, BUILD, faults), [])

    def test_faults_that_the_disk_hides_are_noticed(self):
        self.assertNotEqual(campaign(MACHINE, BUILD, self.SOME, "ignore"), [])

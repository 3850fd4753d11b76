# SPDX-License-Identifier: MIT
"""Power cuts and faults of disks: a few of those of scripts/lib/cuts.py and diskfaults.py. scripts/test --long has all."""
import cuts
import cutfs
from diskfaults import Fault, campaign
from smoke import BUILD, MACHINE, TestCase
from tree import Failure


class Cuts(TestCase):
    def check(self, **what):
        count, wrong = cuts.campaign(MACHINE, BUILD, count=8, flushes=4, **what)
        self.assertEqual((count, wrong), (12, []))

    def test_a_cut_loses_nothing_that_was_synced(self):
        self.check(seed=1, work=cuts.make_work(1, steps=30))

    def test_without_flushes_the_same_cuts_are_noticed(self):
        _, wrong = cuts.campaign(MACHINE, BUILD, seed=1, count=8, work=cuts.make_work(1, steps=30), has_flushes=False)
        self.assertGreater(len(wrong), 4)

    def test_without_a_journal_a_repair_loses_nothing_that_was_synced(self):
        for kind in (cutfs.Ext2, cutfs.Fat):
            with self.subTest(kind.name):
                self.check(seed=4, work=cuts.make_work(4, steps=30), kind=kind)

    def test_sqlite_loses_no_committed_transaction(self):
        try:
            work = cuts.SqlWork(1, commits=5)
        except Failure as failure:
            self.skipTest(str(failure))
        self.check(seed=1, work=work)

    def test_the_end_of_the_emulator_loses_nothing_that_was_synced(self):
        self.assertEqual(cuts.kills(MACHINE, BUILD, seed=1, count=2), [])


class Faults(TestCase):
    SOME = [Fault("write", number, "EIO") for number in (3, 14, 15, 16)]

    def test_a_request_that_fails_is_reported_and_the_disk_stays_consistent(self):
        faults = [*self.SOME, Fault("write", 8, "ENOSPC"), Fault("flush", 4, "EIO"), Fault("read", 6, "EIO"), Fault("read", 16, "EIO")]
        self.assertEqual(campaign(MACHINE, BUILD, faults), [])

    def test_a_disk_that_vanishes_is_reported_and_was_consistent(self):
        faults = [Fault("write", number, "ENXIO", True) for number in (1, 8, 14, 20)]
        faults += [Fault("flush", number, "ENXIO", True) for number in (1, 4, 9)] + [Fault("read", 6, "ENXIO", True)]
        self.assertEqual(campaign(MACHINE, BUILD, faults), [])

    def test_faults_that_the_disk_hides_are_noticed(self):
        self.assertNotEqual(campaign(MACHINE, BUILD, self.SOME, "ignore"), [])

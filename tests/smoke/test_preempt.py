# SPDX-License-Identifier: MIT
"""Seeded preemption points (kernel/debug/preempt_points.h): the stress test with several seeds on 1, 2, 4 and 8 CPUs,
and the decisions that depend on a seed alone. Debug builds have them; for a release build the test shows only that it
has none."""
import re
import subprocess

from smoke import BUILD, TestCase, run

IS_DEBUG = "CMAKE_BUILD_TYPE:STRING=Debug\n" in (BUILD / "CMakeCache.txt").read_text()
STRESS = "stress.no_wake_is_lost_and_nothing_leaks"


def for_builds(debug):
    return lambda test: test if IS_DEBUG == debug else None


class Preempt(TestCase):
    def stress(self, seed, *options):
        """The lines that report operations and decisions."""
        result = run("--test", STRESS, "--append", f"preempt={seed}", *options)
        self.expect(result, 0, contains=f"ok 1 - {STRESS}")
        lines = re.findall(rf"(?m)^# .*\bseed {seed},.*$", result.output)
        self.assertEqual(len(lines), 2, result.output)
        self.assertRegex(lines[1], r"digest [0-9a-f]{16}")
        return lines

    @for_builds(debug=True)
    def test_a_seed_repeats(self):
        """With one CPU and time that counts instructions: identical from the first thread on."""
        first = self.stress(7, "--accel", "icount")
        self.assertEqual(self.stress(7, "--accel", "icount"), first)
        self.assertNotEqual(self.stress(8, "--accel", "icount")[1].split("seed 8")[1], first[1].split("seed 7")[1])

    @for_builds(debug=True)
    def test_no_wake_up_is_lost_and_nothing_leaks_for_any_seed(self):
        for cpus in (1, 2, 4, 8):
            for seed in (100 + cpus, 200 + cpus):
                with self.subTest(cpus=cpus, seed=seed):
                    self.stress(seed, "--smp", cpus)

    @for_builds(debug=True)
    def test_a_seed_loses_the_same_wake_up_again(self):
        """The same for a protocol with a deliberate mistake."""
        def found():
            result = run("--test", "preempt.a_wake_up*", "--accel", "icount")
            self.expect(result, 0)
            return re.search(r"(?m)^# seed \d+ loses a wake-up in round (\d.*)$", result.output)[0]
        self.assertEqual(found(), found())

    @for_builds(debug=False)
    def test_a_release_has_none(self):
        result = run("--append", "preempt=7", typed="poweroff\n")
        self.expect(result, 0, contains="preempt: only debug builds have preemption points")
        symbols = subprocess.run(["llvm-nm", BUILD / "halyard.elf"], capture_output=True, text=True, check=True).stdout
        self.assertIn(" spin_lock_irq\n", symbols)
        self.assertNotIn("preempt_point", symbols)
        self.assertNotIn("sched_end_slice", symbols)

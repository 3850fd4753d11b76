# SPDX-License-Identifier: MIT
"""`profile`: functions of the kernel, of native and of compiled programs by their share of the time.

Under icount: time is instructions, so the samples are the same in every run.
"""
import re

from smoke import TestCase, run

PERIOD_NS = 199000


def counted(text):
    """{function: samples} of one list, largest first."""
    return {name: int(count) for count, name in re.findall(r"(?m)^ *\d+\.\d % +(\d+)  (\S.*)$", text)}


class Profile(TestCase):
    def test_functions_have_the_share_that_they_take(self):
        lines = ["profile start", "run --cpu 1 /bin/spin.wasm", "profile", "run --cpu 1 /bin/spin.elf", "profile stop", "poweroff"]
        result = run("--accel", "icount", typed="\n".join(lines) + "\n")
        self.expect(result, 0)
        said = {part.split("\n", 1)[0].strip(): part for part in result.output.split("halyard> ")[1:]}
        first, both = counted(said["profile"]), counted(said["profile stop"])
        second = 10**9 / PERIOD_NS
        compiled = next(name for name in both if name.startswith("spin.wasm!"))
        for name in (compiled, "spin.elf!main"):  # each ran for a second at least
            self.assertGreater(both[name], second * 0.95, result.output)
        self.assertGreater(first[compiled], 0.95 * sum(first[name] for name in first if name != "idle"), result.output)
        self.assertEqual(both[compiled], first[compiled], "counted while it did not run")
        self.assertTrue(any("!" not in name and name != "idle" for name in both), both)
        total = int(re.search(r"(?m)^ *(\d+)  samples$", said["profile stop"])[1])
        self.assertLessEqual(sum(both.values()), total)

    def test_it_starts_once_and_stops_once(self):
        lines = ["profile", "profile start", "profile start", "run /bin/compute.wasm", "profile stop", "profile stop", "profile faster", "poweroff"]
        result = run(typed="\n".join(lines) + "\n")
        self.expect(result, 0, contains=["profile: runs already", "usage: profile [start | stop]"])
        self.assertEqual(result.output.count("nothing was counted"), 2, result.output)

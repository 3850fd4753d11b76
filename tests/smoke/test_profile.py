# SPDX-License-Identifier: MIT
"""`profile`: functions of the kernel, of native and of compiled programs by their share of the time.

Under icount, where time is instructions, the samples are the same in every run.
"""
import re
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from flamegraph import parse
from smoke import TestCase, run
from tree import ROOT

PERIOD_NS = 199000


def counted(text):
    """{function: samples} of one list, largest first."""
    return {name: int(count) for count, name in re.findall(r"(?m)^ *\d+\.\d % +(\d+)  (\S.*)$", text)}


class Profile(TestCase):
    def test_the_profile_shows_each_functions_share(self):
        lines = ["profile start", "run --cpu 1 /bin/spin.wasm", "profile", "run --cpu 1 /bin/spin.elf", "profile stop", "poweroff"]
        result = run("--accel", "icount", typed="\n".join(lines) + "\n")
        self.expect(result, 0)
        said = {part.split("\n", 1)[0].strip(): part for part in result.output.split("halyard> ")[1:]}
        first, both = counted(said["profile"]), counted(said["profile stop"])
        second = 10**9 / PERIOD_NS
        compiled = next(name for name in both if name.startswith("spin.wasm!"))
        for name in (compiled, "spin.elf!main"):  # each ran for at least a second
            self.assertGreater(both[name], second * 0.95, result.output)
        self.assertGreater(first[compiled], 0.95 * sum(first[name] for name in first if name != "idle"), result.output)
        self.assertEqual(both[compiled], first[compiled], "counted while it did not run")
        self.assertTrue(any("!" not in name and name != "idle" for name in both), both)
        total = int(re.search(r"(?m)^ *(\d+)  samples$", said["profile stop"])[1])
        self.assertLessEqual(sum(both.values()), total)

    def test_a_function_that_runs_late_is_in_the_profile(self):
        """The compiler and the interpreter have more functions than the list has entries."""
        names = ("hello", "sha256", "compute", "crash", "exit")
        many = [line for name in names for line in (f"jit /bin/{name}.wasm", f"jit dump /bin/{name}.wasm main")] * 3
        many += ["run --interp --cpu 2 /bin/compute.wasm", "run --interp --cpu 2 /bin/sha256.wasm /bin/sha256.wasm",
                 "run --cpu 1 /bin/compute.wasm", "mem", "ls /bin"]
        lines = ["profile start", *many, "run --cpu 1 /bin/spin.wasm", "profile stop", "poweroff"]
        result = run("--accel", "icount", typed="\n".join(lines) + "\n")
        self.expect(result, 0)
        found = counted(result.output)
        counts = list(found.values())
        self.assertEqual(counts, sorted(counts, reverse=True), result.output)
        late = next((count for name, count in found.items() if name.startswith("spin.wasm!")), 0)
        self.assertGreater(late, 0.95 * 10**9 / PERIOD_NS, result.output)

    def test_call_chains_lead_from_the_thread_to_the_running_function(self):
        copy = "for i in 1 2 3 4 5 6 7 8; do for j in 1 2 3 4 5 6 7 8; do cat /bin/spin.elf > /tmp/copy; done; done"
        lines = ["profile start", "run --cpu 1 /bin/spin.wasm", "run --cpu 1 /bin/spin.elf", copy,
                 "profile stop", "profile stacks", "poweroff"]
        result = run("--accel", "icount", typed="\n".join(lines) + "\n")
        self.expect(result, 0)
        root = parse(result.output)  # of samples that outlive the profile
        shell = root.callees["main"]
        for name in ("upcall_main", "boot_serve", "shell_main"):  # the calls between them, in order
            shell = next(node for node in self.below(shell) if node.name == name)
        second = 10**9 / PERIOD_NS
        for thread, function in (("spin.wasm", "spin.wasm!"), ("spin.elf", "spin.elf!main")):
            self.assertGreater(root.callees[thread].total, 0.95 * second)
            found = [node for node in self.below(root.callees[thread]) if node.name.startswith(function)]
            self.assertGreater(max(node.total for node in found), 0.95 * second, [node.name for node in found])
            self.assertIn("thread_start", [node.name for node in self.below(root.callees[thread])])
        self.draw(result.output)

    def below(self, node):
        for callee in node.callees.values():
            yield callee
            yield from self.below(callee)

    def draw(self, text):
        """Boxes are as wide as their contents, and none extends past its caller."""
        with tempfile.TemporaryDirectory() as folder:
            console, picture = Path(folder) / "console.txt", Path(folder) / "picture.svg"
            console.write_text(text)
            subprocess.run([ROOT / "scripts/flamegraph", console, "-o", picture], check=True, capture_output=True)
            boxes = ET.parse(picture).getroot().findall("{*}g")
        rows = {}
        for box in boxes:
            rect = box.find("{*}rect")
            rows.setdefault(float(rect.get("y")), []).append((float(rect.get("x")), float(rect.get("width"))))
        spans = [sorted(spans) for _, spans in sorted(rows.items(), reverse=True)]
        self.assertAlmostEqual(sum(width for _, width in spans[0]), 1180, delta=10)
        for lower, upper in zip(spans, spans[1:]):
            for x, width in upper:
                self.assertTrue(any(a - 0.2 <= x and x + width <= a + w + 0.2 for a, w in lower), (x, width))

    def test_the_profiler_starts_once_and_stops_once(self):
        lines = ["profile", "profile start", "profile start", "run /bin/compute.wasm", "profile stop", "profile stop", "profile faster", "poweroff"]
        result = run(typed="\n".join(lines) + "\n")
        self.expect(result, 0, contains=["profile: already running", "usage: profile [lines | stacks | start | stop]"])
        self.assertEqual(result.output.count("no samples"), 1, result.output)

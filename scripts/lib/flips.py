# SPDX-License-Identifier: MIT
"""Flipped bits of compiled code: the verifier of machine code refuses them, or they are harmless.

    flips.py check BUILD              the suite: some flips of both machines, chosen by the commit
    flips.py run BUILD SEED COUNT     these flips of this computer's code; --aarch64: of AArch64's, by qemu-user;
                                      --refused: of AArch64's, without running any

tests/oracle/flip has the program and the modules. A seed is a flip: of the code of one function, or of the rows that
describe where it may fault. A flip that the verifier accepts is run. It is harmless if the call returns, traps or
stops, nothing outside the sandbox has changed, and no secret or address is found in it. Otherwise it is a finding,
printed with llvm-mc's disassembly of the function before and after.
"""
import argparse
import difflib
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import tap
from tree import ROOT

NATIVE, FOREIGN, REFUSED = "native", "foreign", "refused"
CHECKED = {NATIVE: 200_000, REFUSED: 400_000, FOREIGN: 1_000}  # takes some seconds
BLIND = 400
TURN = {NATIVE: 200_000, REFUSED: 1_000_000, FOREIGN: 5_000}   # for one process in a long run
TRIPLES = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}
SUMMARY = re.compile(r"^flips (\d+), refused (\d+), accepted (\d+), harmless (\d+), findings (\d+)", re.M)


class Wrong(Exception):
    """Findings, or a run that ended too early. The last line names the first of them."""


def modules(build):
    return sorted((build / "flips").glob("*.wasm"))


def command(build, way):
    """The program for a kind of run, and its options."""
    if way == FOREIGN:
        return ["qemu-aarch64", str(build.parent / "tools-aarch64/wasm-flip")]
    return [str(build / "wasm-flip"), *(["--machine", "aarch64"] if way == REFUSED else [])]


def ways():
    return [NATIVE] if platform.machine() == "aarch64" else [NATIVE, REFUSED, FOREIGN]


def machine_of(way):
    return platform.machine() if way == NATIVE else "aarch64"


# ---- Findings ----

def disassemble(machine, digits):
    listed = " ".join(f"0x{digits[n:n + 2]}" for n in range(0, len(digits), 2))
    tool = shutil.which("llvm-mc")
    if tool is None:
        return []
    done = subprocess.run([tool, "--disassemble", f"--triple={TRIPLES[machine]}", "-mattr=+bti,+lse,+pauth"]
                          if machine == "aarch64" else [tool, "--disassemble", f"--triple={TRIPLES[machine]}"],
                          input=listed, capture_output=True, text=True)
    return [line.strip().replace("\t", " ") for line in done.stdout.splitlines()[1:]]


def explain(text, machine):
    """Each finding, followed by the instructions that differ."""
    lines, before = [], ""
    for line in text.splitlines():
        lines.append(line)
        word, _, digits = line.strip().partition(" ")
        if word == "before":
            before = digits
        elif word == "after":
            changes = difflib.unified_diff(disassemble(machine, before), disassemble(machine, digits.strip()), n=1, lineterm="")
            lines += [f"      {change}" for change in list(changes)[2:]]
    return lines


# ---- Running ----

def run(build, way, seed, count):
    """The numbers of refused and accepted flips. Wrong if an accepted one is not harmless."""
    files = modules(build)
    if not files:
        raise Wrong(f"{build}/flips has no modules")
    done = subprocess.run([*command(build, way), "--seed", str(seed), "--count", str(count), *map(str, files)],
                          capture_output=True, text=True, errors="replace")
    match = SUMMARY.search(done.stdout)
    if done.returncode != 0 or match is None:
        lines = explain(done.stdout, machine_of(way)) + done.stderr.splitlines()
        first = next((line for line in lines if line.startswith("FINDING")), f"status {done.returncode}")
        raise Wrong("\n".join([*lines[:200], first]))
    return int(match[2]), int(match[3])


def seed_of_commit():
    git = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True)
    return int(git.stdout.strip()[:8] or "1", 16) * 1_000_000


def blind(build):
    """Number of findings if the verifier accepts everything."""
    done = subprocess.run([str(build / "wasm-flip"), "--blind", "--count", str(BLIND), *map(str, modules(build))],
                          capture_output=True, text=True, errors="replace")
    match = SUMMARY.search(done.stdout)
    return int(match[5]) if match else 0


def check(build):
    writer = tap.Writer()
    seed = seed_of_commit()
    for way in ways():
        kind = "refused or harmless" if way != REFUSED else "looked at"
        name = f"{CHECKED[way]} flips of {machine_of(way)} code from seed {seed} are {kind}"
        try:
            refused, accepted = run(build, way, seed, CHECKED[way])
            writer.point(refused > accepted > 0, name, f"{refused} refused, {accepted} accepted")
        except Wrong as why:
            writer.point(False, name, str(why))
    found = blind(build)
    writer.point(found > BLIND // 10, f"of {BLIND} flips that no verifier looks at, many do harm", f"{found} do")
    return writer.status()


def main(arguments):
    p = argparse.ArgumentParser(prog="flips.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("what", choices=("check", "run"))
    p.add_argument("build", type=lambda name: Path(name).resolve())
    p.add_argument("seed", type=int, nargs="?", default=1)
    p.add_argument("count", type=int, nargs="?", default=CHECKED[NATIVE])
    p.add_argument("--aarch64", action="store_const", dest="way", const=FOREIGN, default=NATIVE)
    p.add_argument("--refused", action="store_const", dest="way", const=REFUSED)
    args = p.parse_args(arguments)
    if args.what == "check":
        return check(args.build)
    try:
        refused, accepted = run(args.build, args.way, args.seed, args.count)
    except Wrong as why:
        print(why)
        return 1
    print(f"{refused} refused, {accepted} accepted and harmless")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

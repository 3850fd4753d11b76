# SPDX-License-Identifier: MIT
"""mono's self-checking tests of a .NET compiler (mini/): compiling them with mcs and ilasm, and running them on this
computer.

    cilsuite.py run HALYARD_CIL ENGINE DIR [--part N/M]      build into DIR if needed, run, print TAP

ENGINE is `compiled` or `interpreter`. The tests are methods `test_N_name` that must return N. They are compiled against
mono's class library, as trusted code. tests/conformance/cil.toml says how many pass at least, and which return something
else than they should. The others that do not pass need what is not compiled yet: they count as not passed.
"""
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import sample
import tap
from builder import locked
from tree import ROOT, Failure

# How many tests each file has. Without SIMD: basic-simd and basic-vectors.
FILES = {"aot-tests": 39, "arrays": 36, "basic": 134, "basic-calls": 27, "basic-float": 58, "basic-long": 97, "basic-math": 27,
         "builtin-types": 84, "devirtualization": 6, "exceptions": 85, "gc-test": 20, "generics": 78, "gshared": 85,
         "iltests": 119, "mixed": 7, "objects": 104, "ratests": 22, "unaligned": 9}
ENGINES = {"compiled": [], "interpreter": ["--interp"]}
LIBRARY = "/usr/lib/mono/4.5"
EXPECTED = ROOT / "tests/conformance/cil.toml"
COUNTS = re.compile(r": (\d+) passed, (\d+) failed, (\d+) not compiled yet$")
WRONG = re.compile(r"^halyard-cil: (\S+) returned")
FLAGS = {"builtin-types": ["-define:ARCH_64"], "generics": ["-r:generics-variant-types.dll", "-r:System.Core"],
         "gshared": ["-r:System.Core"], "unaligned": ["-r:MemoryIntrinsics.dll"]}
LIMIT_S = 300


class NoSuite(Exception):
    """The suite, or a program that compiles it, is not there."""


def sources():
    chosen = os.environ.get("HALYARD_CONFORMANCE")
    folder = (Path(chosen) if chosen else ROOT.parent / "shared/conformance") / "cil/mini"
    if not folder.is_dir():
        raise NoSuite(f"{folder} is missing")
    for tool in ("mcs", "ilasm"):
        if shutil.which(tool) is None:
            raise NoSuite(f"{tool} is not installed")
    return folder


def call(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {(done.stdout + done.stderr).strip()}")


def compile_file(name, folder):
    if name == "iltests":
        call(["ilasm", "/output:iltests.exe", "iltests.il"], folder)
    else:
        call(["mcs", "-unsafe", "-warn:0", "-langversion:latest", "-r:TestDriver.dll", *FLAGS.get(name, []), f"{name}.cs"], folder)


def compile_all(folder, names):
    """The assemblies, in `folder`; each is made once."""
    suite, libraries = sources(), folder / "MemoryIntrinsics.dll"
    if not libraries.exists():  # the last one
        shutil.copytree(suite, folder, dirs_exist_ok=True)
        call(["mcs", "-unsafe", "-t:library", "-out:TestDriver.dll", "TestDriver.cs", "TestHelpers.cs"], folder)
        for name in ("generics-variant-types", "MemoryIntrinsics"):
            call(["ilasm", "/dll", f"/output:{name}.dll", f"{name}.il"], folder)
    for name in names:
        if not (folder / f"{name}.exe").exists():
            compile_file(name, folder)


def run_file(command, engine, assembly):
    """(passed, total, tests with another result, what else was printed last)"""
    done = subprocess.run([str(command), "--tests", *ENGINES[engine], "--lib", str(assembly.parent), "--lib", LIBRARY,
                           str(assembly)], capture_output=True, text=True, errors="replace", timeout=LIMIT_S)
    counts = COUNTS.search(done.stdout)
    wrong = [match[1] for match in map(WRONG.match, done.stderr.splitlines()) if match]
    if counts is None:
        return 0, 0, wrong, f"it ended with status {done.returncode}: {done.stderr.strip()[-200:]}"
    passed, failed, refused = map(int, counts.groups())
    return passed, passed + failed + refused, wrong, ""


def follow(command, engine, folder, part, writer):
    """A point for each file, and one for the sum of all."""
    expected = tomllib.loads(EXPECTED.read_text())
    known, sum_passed = {test for tests in expected["wrong"].values() for test in tests}, 0
    for name, count in part.of(FILES.items()):
        passed, total, wrong, ended = run_file(command, engine, folder / f"{name}.exe")
        sum_passed += passed
        complaints = [f"{test} returns another number" for test in wrong if test not in known]
        if total != count:
            complaints.append(f"{total} tests, not {count} {ended}".rstrip())
        writer.claim(f"{name} on {engine}: {passed} of {count}", complaints)
    if part.is_whole:
        least, total = expected["floor"][engine], sum(FILES.values())
        writer.point(sum_passed >= least, f"the floor on {engine}", f"{sum_passed} of {total}, at least {least}")
        print(f"conformance cil {engine} {sum_passed} of {total}", flush=True)


def run(command, engine, folder, part):
    writer = tap.Writer()
    try:
        with locked(folder):  # the other engine's suite uses the same assemblies
            compile_all(folder / "cil", part.of(FILES))
        follow(command, engine, folder / "cil", part, writer)
    except NoSuite as why:
        writer.skip(f"cil on {engine}", str(why))
    except Failure as failure:
        writer.point(False, f"cil on {engine}", str(failure))
    return writer.status()


def main(arguments):
    part, arguments = sample.take_part(arguments)
    if len(arguments) == 4 and arguments[0] == "run" and arguments[2] in ENGINES:
        return run(Path(arguments[1]).resolve(), arguments[2], Path(arguments[3]), part)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

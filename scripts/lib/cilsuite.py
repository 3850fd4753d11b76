# SPDX-License-Identifier: MIT
"""mono's self-checking tests of a .NET compiler (mini/): compiling them with mcs and ilasm, and running them on this
computer.

    cilsuite.py run HALYARD_CIL ENGINE DIR      build into DIR if needed, run, print TAP
    cilsuite.py update HALYARD_CIL DIR                       write tests/conformance/cil.toml anew

ENGINE is `compiled`, `interpreter` or `collected`. The tests are methods `test_N_name` that must return N. They are compiled against
mono's class library, as trusted code. tests/conformance/cil.toml lists exactly those that are refused, because they need
instructions that are not compiled yet: every other test must pass, and a listed one must not.
"""
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import tap
from builder import locked
from tree import ROOT, Failure

# How many tests each file has. Without SIMD: basic-simd and basic-vectors.
FILES = {"aot-tests": 39, "arrays": 36, "basic": 134, "basic-calls": 27, "basic-float": 58, "basic-long": 97, "basic-math": 27,
         "builtin-types": 84, "devirtualization": 6, "exceptions": 85, "gc-test": 20, "generics": 78, "gshared": 85,
         "iltests": 119, "mixed": 7, "objects": 104, "ratests": 22, "unaligned": 9}
# The last one: with a collection at every allocation, which moves all objects.
ENGINES = {"compiled": [], "interpreter": ["--interp"], "collected": ["--gc-stress"]}
LIBRARY = "/usr/lib/mono/4.5"
EXPECTED = ROOT / "tests/conformance/cil.toml"
COUNTS = re.compile(r": (\d+) passed, (\d+) failed, (\d+) not compiled yet$")
REFUSED = re.compile(r"^halyard-cil: (\S+) is not compiled yet: ")
HEAD = """# SPDX-License-Identifier: MIT
#
# Which of mono's tests (1,037 without SIMD) are refused, by file. Written by scripts/lib/cilsuite.py update.
"""
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


def compile_all(folder):
    """The assemblies, in `folder`; each is made once."""
    suite, libraries = sources(), folder / "MemoryIntrinsics.dll"
    if not libraries.exists():  # the last one
        shutil.copytree(suite, folder, dirs_exist_ok=True)
        call(["mcs", "-unsafe", "-t:library", "-out:TestDriver.dll", "TestDriver.cs", "TestHelpers.cs"], folder)
        for name in ("generics-variant-types", "MemoryIntrinsics"):
            call(["ilasm", "/dll", f"/output:{name}.dll", f"{name}.il"], folder)
    for name in FILES:
        if not (folder / f"{name}.exe").exists():
            compile_file(name, folder)


def run_file(command, engine, assembly):
    """(passed, total, tests that are refused, what else was printed)"""
    done = subprocess.run([str(command), "--tests", "--trusted", *ENGINES[engine], "--lib", str(assembly.parent),
                           "--lib", LIBRARY, str(assembly)],
                          capture_output=True, text=True, errors="replace", timeout=LIMIT_S)
    counts = COUNTS.search(done.stdout)
    lines = done.stderr.splitlines()
    refused = [match[1] for match in map(REFUSED.match, lines) if match]
    others = [line for line in lines if not REFUSED.match(line)]
    if counts is None:
        return 0, 0, refused, [f"it ended with status {done.returncode}", *others[-3:]]
    return int(counts[1]), sum(map(int, counts.groups())), refused, others


def follow(command, engine, folder, writer):
    """A point for each file, and the sum of all."""
    expected, sum_passed = tomllib.loads(EXPECTED.read_text())["refused"], 0
    for name, count in FILES.items():
        passed, total, refused, complaints = run_file(command, engine, folder / f"{name}.exe")
        sum_passed += passed
        listed = expected.get(name, [])
        complaints += [f"{test} is refused, but not listed" for test in refused if test not in listed]
        complaints += [f"{test} is listed, but not refused" for test in listed if test not in refused]
        if total != count:
            complaints.append(f"{total} tests, not {count}")
        writer.claim(f"{name} on {engine}: {passed} of {count}", complaints)
    print(f"conformance cil {engine} {sum_passed} of {sum(FILES.values())}", flush=True)


def update(command, folder):
    with locked(folder):
        compile_all(folder / "cil")
    lines = ["\n[refused]"]
    for name in FILES:
        refused = run_file(command, "compiled", folder / "cil" / f"{name}.exe")[2]
        if refused:
            lines += [f"{name} = [", *(f'    "{test}",' for test in sorted(refused)), "]"]
    EXPECTED.write_text(HEAD + "\n".join(lines) + "\n")
    return 0


def run(command, engine, folder):
    writer = tap.Writer()
    try:
        with locked(folder):  # the other engine's suite uses the same assemblies
            compile_all(folder / "cil")
        follow(command, engine, folder / "cil", writer)
    except NoSuite as why:
        writer.skip(f"cil on {engine}", str(why))
    except Failure as failure:
        writer.point(False, f"cil on {engine}", str(failure))
    return writer.status()


def main(arguments):
    if len(arguments) == 4 and arguments[0] == "run" and arguments[2] in ENGINES:
        return run(Path(arguments[1]).resolve(), arguments[2], Path(arguments[3]))
    if len(arguments) == 3 and arguments[0] == "update":
        return update(Path(arguments[1]).resolve(), Path(arguments[2]))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: MIT
"""mono's tests of a .NET compiler in the kernel, with Halyard's own core library. Each file becomes a library in the guest's
/lib/cil, because many of its tests are unverifiable on purpose, and gets a program that calls its tests one by one.

    cilguest.py guest MACHINE BUILD DIR       build into DIR if needed, run in the kernel that is in BUILD, print TAP
    cilguest.py host HALYARD_CIL DIR          the same programs on this computer
    cilguest.py update HALYARD_CIL DIR        write tests/conformance/cil_own.toml anew

tests/conformance/cil_own.toml lists the tests that use what the core library lacks, the files that do so outside of their
tests, and the tests that are refused, because they need instructions that are not compiled yet. Every other test must pass.
"""
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import cilsuite
import tap
from builder import locked
from tree import ROOT, Failure

EXPECTED = ROOT / "tests/conformance/cil_own.toml"
LIBRARY = sorted((ROOT / "lib/cil").glob("*.cs"))
TEST = re.compile(r"^\d+: default int32 (test_(\d+)_\w+) \(\)")
CLASS = re.compile(r"^#+ \.?(\w+)$")
PRIVATE = re.compile(r"\.method\s+(private\s+)?static\b")
HIDDEN = re.compile(r"^(\s*)(?:private\s+)?static\s+((?:unsafe\s+)?int\s+test_)", re.M)
COUNTS = re.compile(r"^(\S+): (\d+) passed of (\d+)$", re.M)
LIBRARIES = {"generics": ["-r:generics-variant-types.dll"], "unaligned": ["-r:MemoryIntrinsics.dll"]}
LIMIT_S = 600
TRANSCRIPT_LINES = 40
HEAD = """# SPDX-License-Identifier: MIT
#
# What of mono's tests (1,037 without SIMD) does not run with Halyard's own core library. Written by scripts/lib/cilguest.py
# update.
"""
# In place of the files that look for tests by reflection, and of namespaces that few tests use.
DRIVER_STUB = """
[assembly: System.Runtime.CompilerServices.InternalsVisibleTo("run-%s")]
static class TestDriver { public static int RunTests(System.Type t, params string[] a) { return 0; } }
namespace System.Threading.Tasks { class Unused { } }
namespace System.Collections.ObjectModel { class Unused { } }
namespace System.Diagnostics { class Unused { } }
namespace System.Reflection { class Unused { } }
namespace System.Globalization { class Unused { } }
"""
NO_CODE = re.compile(r"//[^\n]*|/\*.*?\*/|@\"(?:[^\"]|\"\")*\"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", re.S)
TYPE = re.compile(r"\b(class|struct|interface|namespace|enum)\b")
PARENTHESES = re.compile(r"\([^()]*\)")
ASSIGNED = re.compile(r"(?<![=!<>])=(?![=>])")
HEADING = re.compile(r"\b(test_\d+_\w+)\s*\(")
PROGRAM = """
using System;
static class Run {
    static int passed, count;
    static void Check(string name, int expected, Func<int> test) {
        count++;
        try {
            int result = test();
            if (result == expected) { passed++; } else { Console.WriteLine("FAILED: " + name + " returned " + result); }
        } catch (Exception e) {
            Console.WriteLine("FAILED: " + name + ": " + e.GetType().FullName);
        }
    }
    static int Main() {
%s        Console.WriteLine("%s: " + passed + " passed of " + count);
        return passed == count ? 0 : 1;
    }
}
"""


def mcs(folder, *words):
    return subprocess.run(["mcs", "-unsafe", "-warn:0", "-langversion:latest", "-noconfig", "-nostdlib", *words], cwd=folder,
                          capture_output=True, text=True)


def members(text):
    """(start, end, is a type) of each member of a type, and of each type."""
    code = NO_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    code = re.sub(r"^[ \t]*#.*$", lambda match: " " * len(match[0]), code, flags=re.M)
    start, depth, types = 0, 0, []  # depth: of braces in the member
    for at, c in enumerate(code):
        if c not in "{};":
            continue
        head = PARENTHESES.sub("", code[start:code.find("{", start, at + 1)])
        if depth == 0 and c == "{" and TYPE.search(head) and "(" not in head:
            types.append(start)
            start = at + 1
        elif depth == 0 and c == "}":
            yield types.pop(), at + 1, True
            start = at + 1
        elif c != ";":
            depth += 1 if c == "{" else -1
        if depth == 0 and start < at and (c == ";" or (c == "}" and not ASSIGNED.search(head))):
            yield start, at + 1, False
            start = at + 1


def without(text, lines):
    """Leave out the members that these lines are in, or the types whose headings they are. @return (the text, tests among
    them); None: a line is in neither."""
    names, places, lines = set(), [], set(lines)
    starts = [0, *(match.end() for match in re.finditer("\n", text)), len(text)]
    for start, end, is_type in sorted(members(text), key=lambda member: member[2]):
        until = text.index("{", start) if is_type else end
        inside = {line for line in lines if start < starts[line] and starts[line - 1] < until}
        if inside:
            names |= set(HEADING.findall(text, start, end)[:1 if not is_type else None])
            places.append((start, end))
            lines -= inside
    for start, end in places:
        kept = [line if line.lstrip().startswith("#") else " " * len(line) for line in text[start:end].split("\n")]
        text = text[:start] + "\n".join(kept) + text[end:]
    return (text, names) if not lines else None


def compile_file(name, folder):
    """@return the names of tests that use what the core library lacks; None: the file does so outside of its members."""
    if name == "iltests":
        source = folder / "iltests.il"
        source.write_text(PRIVATE.sub(".method public static", source.read_text()))
        cilsuite.call(["ilasm", "/dll", "/output:iltests.dll", "iltests.il"], folder)
        return set()
    source, lacking = folder / f"{name}.cs", set()
    (folder / f"{name}-stub.cs").write_text(DRIVER_STUB % name)
    text = re.sub(r"\[Category \(.*?\)\]", "", source.read_text(errors="replace"))
    source.write_text(HIDDEN.sub(r"\1public static \2", text))
    while True:
        done = mcs(folder, "-t:library", "-r:mscorlib.dll", "-define:ARCH_64", *LIBRARIES.get(name, []), f"{name}-stub.cs",
                   f"{name}.cs", f"-out:{name}.dll")
        if done.returncode == 0:
            return lacking
        lines = {int(line) for line in re.findall(rf"^{name}\.cs\((\d+),\d+\): error", done.stdout + done.stderr, re.M)}
        rest = without(source.read_text(), lines)
        if not lines or rest is None:
            return None
        source.write_text(rest[0])
        lacking |= rest[1]


def tests_of(name, folder):
    """[(class, method, result)]"""
    listing = subprocess.run(["monodis", "--method", f"{name}.dll"], cwd=folder, capture_output=True, text=True).stdout
    found, owner = [], None
    for line in listing.splitlines():
        if match := CLASS.match(line):
            owner = match[1]
        elif match := TEST.match(line):
            found.append((owner, match[1], int(match[2])))
    return found


def compile_program(name, folder, refused):
    calls = "".join(f'        Check("{test}", {result}, {owner}.{test});\n'
                    for owner, test, result in tests_of(name, folder) if test not in refused and f"{owner}::{test}" not in refused)
    (folder / f"run-{name}.cs").write_text(PROGRAM % (calls, name))
    done = mcs(folder, "-r:mscorlib.dll", f"-r:{name}.dll", f"run-{name}.cs", f"-out:run-{name}.exe")
    if done.returncode != 0:
        raise Failure(f"run-{name}.cs: {(done.stdout + done.stderr).strip()}")


def compile_library(folder):
    """The core library and mono's files, without their class library."""
    suite = cilsuite.sources()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(suite, folder)
    done = mcs(folder, "-t:library", "-runtimemetadataversion:v4.0.30319", "-out:mscorlib.dll", *map(str, LIBRARY))
    if done.returncode != 0:
        raise Failure(f"the core library: {(done.stdout + done.stderr).strip()}")
    for name in ("generics-variant-types", "MemoryIntrinsics"):
        cilsuite.call(["ilasm", "/dll", f"/output:{name}.dll", f"{name}.il"], folder)


def key_of(suite):
    """Changes with everything that the assemblies are made of."""
    files = [*LIBRARY, EXPECTED, Path(__file__), *sorted(path for path in suite.iterdir() if path.is_file())]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def compile_all(folder, expected):
    """For all engines, once. @return the names of the programs."""
    names = [name for name in cilsuite.FILES if name not in expected["missing"]]
    key, stamp = key_of(cilsuite.sources()), folder / "key"
    if stamp.exists() and stamp.read_text() == key:
        return names
    compile_library(folder)
    for name in names:
        lacking = expected["lacking"].get(name, [])
        if compile_file(name, folder) != set(lacking):
            raise Failure(f"{name}.cs does not compile with the core library")
        compile_program(name, folder, [*lacking, *expected["refused"].get(name, [])])
    stamp.write_text(key)
    return names


def judge(engine, expected, output, writer):
    """A point for each file, and the sum of all."""
    passed, failures = {}, [line for line in output.splitlines() if "FAILED: " in line]
    for name, done, count in COUNTS.findall(output):
        passed[name] = (int(done), int(count))
    for name, count in cilsuite.FILES.items():
        if name in expected["missing"]:
            continue
        wanted = count - len(expected["refused"].get(name, [])) - len(expected["lacking"].get(name, []))
        complaints = [] if passed.get(name) == (wanted, wanted) else [f"{passed.get(name)}, not {wanted}", *failures[-5:]]
        if name not in passed:  # it did not end
            complaints += output.splitlines()[-TRANSCRIPT_LINES:]
        writer.claim(f"{name} on {engine} with the own library: {passed.get(name, (0,))[0]} of {count}", complaints)
    total = sum(done for done, _ in passed.values())
    print(f"conformance cil {engine} {total} of {sum(cilsuite.FILES.values())}", flush=True)


def output_of(argv, limit_s, **more):
    """What a command prints, until it is killed if it does not end. scripts/run then takes its QEMU along."""
    try:
        done = subprocess.run(argv, capture_output=True, timeout=limit_s, **more)
        return (done.stdout + done.stderr).decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        printed = ((late.stdout or b"") + (late.stderr or b"")).decode(errors="replace")
        return f"{printed}\nFAILED: {Path(argv[0]).name} did not end within {limit_s} s\n"


def run_on_host(command, names, folder):
    return "\n".join(output_of([str(command), "--trusted", "--lib", str(folder), str(folder / f"run-{name}.exe")], LIMIT_S)
                     for name in names)


def stage(build, names, folder, work):
    """A build whose /lib/cil has the tests, and the programs."""
    for part in ("cil", "modules", "programs", "files"):
        (work / part).mkdir()
    for image in build.glob("halyard.*"):
        shutil.copyfile(image, work / image.name)
    shutil.copyfile(build / "modules/cil.ko", work / "modules/cil.ko")
    for name in ("mscorlib", "generics-variant-types", "MemoryIntrinsics", *names):
        shutil.copyfile(folder / f"{name}.dll", work / f"cil/{name}.dll")
    for name in names:
        shutil.copyfile(folder / f"run-{name}.exe", work / f"files/run-{name}.exe")


def run_in_guest(machine, build, names, folder):
    with tempfile.TemporaryDirectory() as work:
        stage(build, names, folder, Path(work))
        lines = [*(f"run /files/run-{name}.exe" for name in names), "poweroff"]
        argv = [str(ROOT / "scripts/run"), machine, "--build", work, "--no-build", "--no-install", "--files",
                f"{work}/files", "--timeout", str(LIMIT_S)]
        return output_of(argv, LIMIT_S + 60, input=("\n".join(lines) + "\n").encode()).replace("\r", "")


def follow(engine, folder, start):
    writer = tap.Writer()
    try:
        with locked(folder):
            expected = tomllib.loads(EXPECTED.read_text())
            names = compile_all(folder / "files", expected)
        judge(engine, expected, start(names, folder / "files"), writer)
    except cilsuite.NoSuite as why:
        writer.skip(f"cil on {engine}", str(why))
    except Failure as failure:
        writer.point(False, f"cil on {engine}", str(failure))
    return writer.status()


def listing(name, tests):
    return [f"{name} = [", *(f'    "{test}",' for test in sorted(tests)), "]"] if tests else []


def refused_by(command, name, folder, lacking):
    argv = [str(command), "--tests", "--trusted", "--lib", str(folder), str(folder / f"{name}.dll")]
    found = {match[1] for match in map(cilsuite.REFUSED.match, output_of(argv, LIMIT_S).splitlines()) if match}
    return {test for test in found if test.partition("::")[2] not in lacking}


def update(command, folder):
    folder = folder / "update"
    compile_library(folder)
    missing, lacks, refused = [], [], []
    for name in cilsuite.FILES:
        lacking = compile_file(name, folder)
        if lacking is None:
            missing.append(name)
            continue
        lacks += listing(name, lacking)
        refused += listing(name, refused_by(command, name, folder, lacking))
    text = ["", "missing = [", *(f'    "{name}",' for name in missing), "]", "", "[lacking]", *lacks, "", "[refused]", *refused]
    EXPECTED.write_text(HEAD + "\n".join(text) + "\n")
    return 0


def main(arguments):
    if len(arguments) == 4 and arguments[0] == "guest":
        build = Path(arguments[2])
        return follow(arguments[1], Path(arguments[3]) / "cil-guest",
                      lambda names, folder: run_in_guest(arguments[1], build, names, folder))
    if len(arguments) == 3 and arguments[0] == "host":
        command = Path(arguments[1]).resolve()
        return follow("own", Path(arguments[2]) / "cil-guest", lambda names, folder: run_on_host(command, names, folder))
    if len(arguments) == 3 and arguments[0] == "update":
        return update(Path(arguments[1]).resolve(), Path(arguments[2]) / "cil-guest")
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: MIT
"""The suites of scripts/test: the command of each, and the part of the long ones that a short run takes.

A suite is a command that prints TAP. scripts/test --full runs all of them completely; without it a sample (sample.py)
chooses which of the sampled ones run, and which part of them.
"""
import functools
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field

from builder import build_targets, is_configured
from sample import WHOLE, Part
from tree import MACHINES, ROOT, build_directory

PYTHON = sys.executable
LIB = ROOT / "scripts/lib"
HOST_PRESET, TOOLS_PRESET = "host-tests", "tools-aarch64"
CONFORMANCE_ENGINES = ("interpreter", "optimised", "host", "lazy")
WASI_ENGINES = ("interpreter", "host")
CIL_ENGINES = ("compiled", "interpreter", "collected")
# Presets are a machine's name with these suffixes; for tests/sanitize, the mistakes that they must detect.
SANITIZERS = {"ubsan": ("heap", "undefined"), "asan": ("address",)}
# Of a machine's user interface a short run takes one part of PARTS of these; of the longest, on one machine only; of
# those that build a lot before their first test, all tests in one sample of PARTS, each in another one; of the lessons
# a half in every second sample, on one machine; and one half of all others.
LONG_SMOKE = ("test_audit", "test_bytecode", "test_commands", "test_cuts", "test_debugger", "test_disks", "test_input", "test_profile",
              "test_screen", "test_share", "test_trace")
LONGEST_SMOKE = ("test_boot", "test_consoles", "test_firmware", "test_hostile", "test_published", "test_wasi")
BUILDING_SMOKE = {"test_demo": 1, "kernels": 3, "test_names": 5}  # in the samples without lessons
PARTED_TOOLS = ("tools/test_run", "tools/test_redirect_go")
RACE_ROUNDS = "4000"  # of 20,000 in a short run


@dataclass
class Command:
    """One suite: how to run it, and the names by which its points may be chosen."""

    name: str
    argv: list
    points: list = field(default_factory=list)  # known before it runs; empty: all or nothing
    filter_words: list = None                   # precedes a GLOB of points on its command line
    all_words: list = field(default_factory=list)  # ends its command line without such a GLOB
    environment: dict = field(default_factory=dict)
    is_tap: bool = True                         # False: its exit status is its only point
    is_alone: bool = False                      # it uses all CPUs by itself, so nothing runs beside it
    presets: tuple = ()                         # targets that are built before any suite runs
    targets: tuple = ()                         # all that it needs of the host's build; empty: everything
    prepare: object = lambda: None              # builds what only this suite needs
    part: Part = WHOLE                          # the part that this run takes; None: nothing


def python(script, *arguments):
    return [PYTHON, str(LIB / script), *map(str, arguments)]


def tests_in_sources():
    """What ctest lists, without a build: the tests that are files. A few others are known only to ctest."""
    found = {file.stem: ("unit", []) for file in sorted((ROOT / "tests/unit").rglob("test_*.c"))}
    return found | {file.stem: ("fuzz", []) for file in sorted((ROOT / "tests/fuzz").glob("fuzz_*.c"))}


def host_tests(build):
    """{name: (label, command)} of the host build's tests, from ctest if it is configured. Before it is built there are
    no commands."""
    if not is_configured(build):
        return tests_in_sources()
    listing = subprocess.run(["ctest", "--test-dir", str(build), "--show-only=json-v1"], check=True,
                             capture_output=True, text=True).stdout
    found = {}
    for test in json.loads(listing)["tests"]:
        labels = next((p["value"] for p in test["properties"] if p["name"] == "LABELS"), ["unit"])
        found[test["name"]] = (labels[0], test.get("command", []))
    return found


def host_suites(build):
    for name, (label, argv) in host_tests(build).items():
        source = ROOT / "tests/unit" / f"{name}.c"
        if source.exists():
            points = re.findall(r"cmocka_unit_test\w*\(\s*(\w+)", source.read_text())
            yield Command(f"{label}/{name}", argv, points, environment={"CMOCKA_MESSAGE_OUTPUT": "TAP"}, targets=(name,))
        elif label not in ("layering", "conformance", "oracle"):  # those are suites of their own, below
            yield Command(f"{label}/{name}", argv, is_tap=False, targets=(name,) if label == "fuzz" else ())


def python_suite(file, name, *options, part=WHOLE, **more):
    return Command(f"{name}/{file.stem}", python("suite.py", file, *options, *part.options()),
                   re.findall(r"def (test_\w+)", file.read_text()), ["--filter"], part=part, **more)


def smoke_part(sample, name, machine):
    if name in BUILDING_SMOKE:
        return sample.whole_on_one(machine, BUILDING_SMOKE[name])
    if name == "test_lessons":
        return sample.half_on_one(machine)
    if name in LONGEST_SMOKE:
        return sample.part_on_one(machine)
    return sample.part(machine=machine) if name in LONG_SMOKE else sample.part(len(MACHINES), machine)


def python_suites(folder, name, part=WHOLE, **more):
    for file in sorted((ROOT / folder).glob("test_*.py")):
        yield python_suite(file, name, part=part, **more)


def tool_suites(sample):
    """Of the tests of scripts/run, which boot, and of those that compile Go's library a short run takes a part."""
    for suite in python_suites("tests/tools", "tools"):
        yield suite if suite.name not in PARTED_TOOLS else python_suite(
            ROOT / f"tests/{suite.name}.py", "tools", part=sample.part())


def layering_suites(builds, host):
    check = [PYTHON, str(ROOT / "tests/layering/check.py")]
    yield Command("layering/tree", check + (["--host", str(host)] if host else []))
    for machine, build in builds.items():
        yield Command(f"layering/{machine}", [*check, "--build", str(build), "--machine", machine])
    # A debug build reaches more.
    if len(builds) > 1 and all(str(build).endswith(machine) for machine, build in builds.items()):
        yield Command("layering/reached", [*check, "reached", "--builds", *map(str, builds.values())])


def conformance_suites(host, part):
    """The public conformance suites. A point is one file of tests on one engine."""
    for engine in CONFORMANCE_ENGINES:
        yield Command(f"conformance/wasm-spec-{engine}",
                      python("wasmspec.py", "run", host / "wasm-spec", engine, host / "conformance"),
                      targets=("wasm-spec",))
        yield Command(f"conformance/wasm3-{engine}",
                      python("wasm3.py", "run", host / "wasm-spec", engine, host / "conformance"),
                      targets=("wasm-spec",))
    yield Command("conformance/validation",
                  python("wasm3.py", "validation", host / "wasm-spec", host / "conformance"), targets=("wasm-spec",))
    yield Command("conformance/relaxed-native",
                  python("wasm3.py", "relaxed", host / "wasm-spec", host / "conformance"), targets=("wasm-spec",))
    yield Command("conformance/legacy-exceptions",
                  python("legacy.py", host / "wasm-spec", host / "conformance"), targets=("wasm-spec",))
    for engine in ("interpreter", "host"):  # with sanitizers
        yield Command(f"conformance/wasm-spec-{engine}-checked",
                      python("wasmspec.py", "run", host / "wasm-spec-checked", engine, host / "conformance",
                             *part.options()), part=part, targets=("wasm-spec-checked",))
    for engine in WASI_ENGINES:
        command = [host / "halyard-wasm", engine]
        yield Command(f"conformance/wasi-testsuite-{engine}",
                      python("wasisuite.py", "public", *command, host / "conformance"))
        yield Command(f"conformance/wasi-programs-{engine}", python("wasisuite.py", "own", *command, host / "wasi"))


def cil_suites(host):
    """mono's tests of a .NET compiler. A point is one file of tests on one engine."""
    for engine in CIL_ENGINES:
        yield Command(f"conformance/cil-{engine}",
                      python("cilsuite.py", "run", host / "halyard-cil", engine, host / "conformance"),
                      targets=("halyard-cil",))
    yield Command("conformance/cil-own", python("cilguest.py", "host", host / "halyard-cil", host / "conformance"),
                  targets=("halyard-cil",))


def workload_suites(host, part):
    """Interpreting the workloads takes minutes of CPU time."""
    yield Command("workloads/host", python("workloads.py", "host", host, host / "workloads", *part.options()),
                  is_alone=True, part=part)  # uses every CPU


def oracle_suites(host, part):
    """Random WebAssembly modules and .NET programs on all engines. A point is a set of them."""
    yield Command("oracle/modules", python("oracle.py", "check", host, *part.options()), part=part)
    yield Command("oracle/cil", python("ciloracle.py", "check", host, *part.options()), part=part)
    yield Command("oracle/placement", python("placement.py", host, host / "conformance", host / "workloads",
                                             *part.options()), part=part)


def verifier_suites(host, part):
    """Compilers with a mistake, and flipped bits of code: the verifier of machine code refuses unsafe code. Indices in
    every form: it accepts the rest. A point is a mistake, a set of flips, or a form."""
    yield Command("verifier/seeded", python("seeded.py", "check", host, *part.options()), part=part,
                  targets=("wasm-gen", "wasm-verify"))
    yield Command("verifier/flips", python("flips.py", "check", host))
    yield Command("verifier/indices", python("indices.py", host), targets=("wasm-verify",))


@functools.cache
def maker(preset):
    """The function that builds it when it is needed."""
    return functools.cache(lambda: build_targets(preset, build_directory(preset)))


def guest_points():
    """The names of the in-guest tests."""
    return [point for file in sorted((ROOT / "tests/kernel").glob("*.c"))
            for point in re.findall(r'\{"([\w.]+)",\s*\w+\s*[,}]', file.read_text())]


def run_command(machine, preset, build):
    return [str(ROOT / "scripts/run"), machine, "--preset", preset, "--build", str(build), "--no-build"]


def glob(prefix, part, allocations):
    """The argument of --test for this part of the in-guest tests, in which these allocations fail."""
    return f"{prefix}*" if part is None or part.is_whole else f"{prefix}part:{part}:every:{allocations}:*"


def sanitized_suites(machine, points, sample):
    """The kernel's own tests in kernels that check themselves, and a mistake of each kind that these detect."""
    for kind, finds in SANITIZERS.items():
        preset = f"{machine}-{kind}"
        build, make = build_directory(preset), maker(preset)
        run = run_command(machine, preset, build)
        half = sample.halves(SANITIZERS, machine).get(kind)
        whole, fail = WHOLE if half is not None else None, sample.allocations()
        yield Command(f"guest/{preset}", [*run, "--timeout", "1200", "--test"], points, [], [glob("", half, fail)],
                      prepare=make, part=half)
        if kind == "ubsan":
            yield Command(f"fails/{preset}", [*run, "--timeout", "2700", "--test"],
                          [f"fails:{point}" for point in points], [], [glob("fails:", half, fail)], prepare=make, part=half)
        for name in finds:
            file = ROOT / f"tests/sanitize/test_{name}.py"
            suite = python_suite(file, f"sanitize/{preset}", "--machine", machine, "--build", build, prepare=make)
            suite.name, suite.part = f"sanitize/{preset}/{name}", whole
            yield suite


def machine_suites(machine, preset, build, sample):
    host, points = build_directory(HOST_PRESET), guest_points()
    yield Command(f"guest/{machine}", [*run_command(machine, preset, build), "--timeout", "600", "--test"], points, [])
    if preset == machine:
        yield from sanitized_suites(machine, points, sample)
    for file in sorted((ROOT / "tests/smoke").glob("test_*.py")):
        part = smoke_part(sample, file.stem, machine)
        suite = python_suite(file, f"smoke/{machine}", "--machine", machine, "--build", build, part=part or WHOLE)
        suite.part = part
        yield suite
    for engine in (machine, f"{machine}-interpreter"):
        yield Command(f"conformance/wasm-spec-{engine}",
                      python("wasmspec.py", "guest", engine, build, host / "conformance"))
    yield Command(f"conformance/wasm3-{machine}", python("wasm3.py", "guest", machine, build, host / "conformance"))
    yield Command(f"conformance/cil-{machine}", python("cilguest.py", "guest", machine, build, host / "conformance"))
    part = sample.part_on_one(machine)
    yield Command(f"workloads/{machine}", python("workloads.py", machine, build, host / "workloads",
                                                 *(part or WHOLE).options()), part=part)
    yield Command(f"workloads/kernels-{machine}", python("kernels.py", machine, build, host / "kernels"),
                  part=smoke_part(sample, "kernels", machine))
    brief = [] if sample.is_whole else ["--brief", str(sample.number)]
    yield Command(f"matrix/{machine}", [str(ROOT / "scripts/matrix"), machine, "--run", *brief, "--preset", preset,
                                        "--build", str(build), "--no-build"], is_alone=True)  # rows run side by side


def needing(presets, suites):
    """What names its targets needs no more than these."""
    for suite in suites:
        suite.presets = (HOST_PRESET,) if suite.targets else presets
        yield suite


def all_suites(presets, builds, host, sample):
    part, machines = sample.part(), tuple(presets[machine] for machine in builds)
    yield from needing((HOST_PRESET,), workload_suites(host, part))
    yield from needing((HOST_PRESET, TOOLS_PRESET), host_suites(host))
    yield from needing((HOST_PRESET,), conformance_suites(host, part))
    yield from needing((HOST_PRESET,), cil_suites(host))
    yield from needing((HOST_PRESET, TOOLS_PRESET), oracle_suites(host, part))
    yield from needing((HOST_PRESET, TOOLS_PRESET), verifier_suites(host, part))
    yield from needing((*machines, HOST_PRESET), layering_suites(builds, host))
    yield from python_suites("tests/model", "model", part)
    rounds = {} if sample.is_whole else {"HALYARD_RACE_ROUNDS": RACE_ROUNDS}
    yield from needing((HOST_PRESET,), python_suites("tests/race", "race", environment=rounds))
    yield from needing((*machines, HOST_PRESET), tool_suites(sample))
    for machine in builds:
        yield from needing((presets[machine],), machine_suites(machine, presets[machine], builds[machine], sample))

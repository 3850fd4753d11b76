# SPDX-License-Identifier: MIT
"""scripts/test: set up, build, run every suite, count points.

A suite is a command that prints TAP. What a suite prints is shown only as far as it matters: failed
points with their details, skipped ones with their reasons; --verbose shows every line. As many suites run
side by side as there are CPUs; what is shown comes whole, suite by suite, in the order of the list.
"""
import argparse
import fnmatch
import functools
import json
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import backports
import campaigns
import matrix
import oracle
import packages
import tap
from builder import build_targets
from campaigns import Campaign
from parallel import side_by_side
from tree import MACHINES, ROOT, Failure, build_directory, machine_of

PYTHON = sys.executable
LIB = ROOT / "scripts/lib"
SUITE_LIMIT_S = 3600  # ends a suite that hangs; none should come near, however busy the machine is
CONFORMANCE_ENGINES = ("interpreter", "optimised", "host")
WASI_ENGINES = ("interpreter", "host")
# Presets are a machine's with these; in tests/sanitize, what they are to find.
SANITIZERS = {"ubsan": ("heap", "undefined"), "asan": ("address",)}


@dataclass
class Command:
    """One suite: how to run it, and the names its points may be chosen by."""

    name: str
    argv: list
    points: list = field(default_factory=list)  # known before it runs; empty: all or nothing
    filter_words: list = None                   # what precedes a GLOB of points on its command line
    environment: dict = field(default_factory=dict)
    is_tap: bool = True                         # else its status is its one point
    is_alone: bool = False                      # it keeps all CPUs busy by itself: nothing runs beside it
    prepare: object = lambda: None              # builds what only it needs


def host_tests(build):
    """{name: (label, command)} of the host build's tests, as ctest knows them."""
    listing = subprocess.run(["ctest", "--test-dir", str(build), "--show-only=json-v1"], check=True,
                             capture_output=True, text=True).stdout
    found = {}
    for test in json.loads(listing)["tests"]:
        labels = next((p["value"] for p in test["properties"] if p["name"] == "LABELS"), ["unit"])
        found[test["name"]] = (labels[0], test["command"])
    return found


def host_suites(build):
    for name, (label, argv) in host_tests(build).items():
        source = ROOT / "tests/unit" / f"{name}.c"
        if source.exists():
            points = re.findall(r"cmocka_unit_test\w*\(\s*(\w+)", source.read_text())
            yield Command(f"{label}/{name}", argv, points, environment={"CMOCKA_MESSAGE_OUTPUT": "TAP"})
        elif label not in ("layering", "conformance", "oracle"):  # those are suites of their own, below
            yield Command(f"{label}/{name}", argv, is_tap=False)


def python_suites(folder, name, machine=None, build=None):
    for file in sorted((ROOT / folder).glob("test_*.py")):
        argv = [PYTHON, str(LIB / "suite.py"), str(file)]
        if machine:
            argv += ["--machine", machine, "--build", str(build)]
        yield Command(f"{name}/{file.stem}", argv, re.findall(r"def (test_\w+)", file.read_text()), ["--filter"])


def layering_suites(builds, host):
    check = [PYTHON, str(ROOT / "tests/layering/check.py")]
    yield Command("layering/tree", check + (["--host", str(host)] if host else []))
    for machine, build in builds.items():
        yield Command(f"layering/{machine}", [*check, "--build", str(build), "--machine", machine])


def conformance_suites(host):
    """The public suites of what Halyard runs. A point is one file of tests on one engine."""
    for engine in CONFORMANCE_ENGINES:
        yield Command(f"conformance/wasm-spec-{engine}",
                      [PYTHON, str(LIB / "wasmspec.py"), "run", str(host / "wasm-spec"), engine, str(host / "conformance")])
    for engine in ("interpreter", "host"):  # with sanitizers
        yield Command(f"conformance/wasm-spec-{engine}-checked",
                      [PYTHON, str(LIB / "wasmspec.py"), "run", str(host / "wasm-spec-checked"), engine,
                       str(host / "conformance")])
    for engine in WASI_ENGINES:
        run = [PYTHON, str(LIB / "wasisuite.py")]
        command = [str(host / "halyard-wasm"), engine]
        yield Command(f"conformance/wasi-testsuite-{engine}", [*run, "public", *command, str(host / "conformance")])
        yield Command(f"conformance/wasi-programs-{engine}", [*run, "own", *command, str(host / "wasi")])


def workload_suites(host):
    """Interpreting them takes minutes of CPU time."""
    yield Command("workloads/host", [PYTHON, str(LIB / "workloads.py"), "host", str(host), str(host / "workloads")],
                  is_alone=True)  # a program on each CPU


def oracle_suites(host):
    """Random WebAssembly modules on all engines. A point is a set of modules."""
    yield Command("oracle/modules", [PYTHON, str(LIB / "oracle.py"), "check", str(host)])
    yield Command("oracle/placement", [PYTHON, str(LIB / "placement.py"), str(host), str(host / "conformance"),
                                       str(host / "workloads")])


@functools.cache
def maker(preset):
    """What builds it, once it is needed."""
    return functools.cache(lambda: build_targets(preset, build_directory(preset)))


def sanitized_suites(machine, points):
    """The kernel's own tests in kernels that check themselves, and a mistake of each kind that those catch."""
    for kind, finds in SANITIZERS.items():
        preset = f"{machine}-{kind}"
        build, make = build_directory(preset), maker(preset)
        yield Command(f"guest/{preset}", [str(ROOT / "scripts/run"), machine, "--preset", preset, "--no-build",
                                          "--timeout", "1200", "--test"], points, [], prepare=make)
        if kind == "ubsan":
            yield Command(f"fails/{preset}", [str(ROOT / "scripts/run"), machine, "--preset", preset, "--no-build",
                                              "--timeout", "2700", "--test", "fails:*"],
                          [f"fails:{point}" for point in points], [], prepare=make)
        for name in finds:
            file = ROOT / f"tests/sanitize/test_{name}.py"
            yield Command(f"sanitize/{preset}/{name}", [PYTHON, str(LIB / "suite.py"), str(file), "--machine", machine,
                                                        "--build", str(build)],
                          re.findall(r"def (test_\w+)", file.read_text()), ["--filter"], prepare=make)


def machine_suites(machine, preset, build):
    run = [str(ROOT / "scripts/run"), machine, "--preset", preset, "--build", str(build), "--no-build"]
    points = [point for file in (ROOT / "tests/kernel").glob("*.c")
              for point in re.findall(r'\{"([\w.]+)",', file.read_text())]
    yield Command(f"guest/{machine}", [*run, "--timeout", "600", "--test"], points, [])
    if preset == machine:
        yield from sanitized_suites(machine, points)
    yield from python_suites("tests/smoke", f"smoke/{machine}", machine, build)
    for engine in (machine, f"{machine}-interpreter"):
        yield Command(f"conformance/wasm-spec-{engine}", [PYTHON, str(LIB / "wasmspec.py"), "guest", engine, str(build),
                                                          str(build_directory("host-tests") / "conformance")])
    yield Command(f"workloads/{machine}", [PYTHON, str(LIB / "workloads.py"), machine, str(build),
                                           str(build_directory("host-tests") / "workloads")])
    yield Command(f"workloads/kernels-{machine}", [PYTHON, str(LIB / "kernels.py"), machine, str(build),
                                                   str(build_directory("host-tests") / "kernels")])
    yield Command(f"matrix/{machine}", [str(ROOT / "scripts/matrix"), machine, "--run", "--preset", preset, "--build",
                                        str(build), "--no-build"], is_alone=True)  # rows side by side


def chosen(suite, pattern):
    """(whether to run the suite, which of its points count)."""
    everything = fnmatch.fnmatch(suite.name, pattern) or fnmatch.fnmatch(suite.name, pattern + "/*")
    if everything or pattern == "*":
        return True, "*"
    matching = [point for point in suite.points if fnmatch.fnmatch(point, pattern)]
    return bool(matching), pattern


def names(pattern, point):
    """Points of Python tests are Class.test_name; the name alone is enough."""
    return fnmatch.fnmatch(point, pattern) or fnmatch.fnmatch(point.split(".")[-1], pattern)


def run_suite(suite, points):
    """Run one suite and read what it prints: (what it says, every line of it, seconds)."""
    start = time.monotonic()
    result = tap.Suite(suite.name)
    argv = list(suite.argv)
    if points != "*" and suite.filter_words is not None:
        argv += [*suite.filter_words, points]
    try:
        suite.prepare()
    except Failure as failure:
        result.failed = [(suite.name, [str(failure)])]
        return result, [], time.monotonic() - start
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", env={**os.environ, **suite.environment})
    lines = []
    watchdog = threading.Timer(SUITE_LIMIT_S, process.kill)
    watchdog.start()
    try:
        for line in process.stdout:
            line = line.rstrip("\n")
            if suite.is_tap:
                result.read(line)
            if line.startswith("conformance "):
                result.figures.append(line)
            lines.append(line)
        status = process.wait()
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
    if not suite.is_tap:
        result.read(f"{'ok' if status == 0 else 'not ok'} 1 - {suite.name}")
        result.planned = 1
    result.finish(status)
    if not suite.is_tap and result.failed:
        result.failed = [(suite.name, lines[-20:])]
    if result.failed and result.failed[-1][0] in ("plan", "status"):
        result.failed[-1][1].extend(lines[-20:])
    if points != "*":
        result.passed = [p for p in result.passed if names(points, p)]
        result.skipped = [s for s in result.skipped if names(points, s[0])]
    return result, lines, time.monotonic() - start


def show(result, lines, seconds, verbose):
    for line in lines if verbose else []:
        print(f"    {line}")
    print(f"{result.name}: {len(result.passed)} passed, {len(result.failed)} failed, "
          f"{len(result.skipped)} skipped ({seconds:.1f} s)", flush=True)
    for figure in result.figures:
        print(figure)
    for point, details in result.failed:
        print(f"    FAILED {point}")
        for detail in details[:40]:
            print(f"        {detail}")
    for point, reason in result.skipped:
        print(f"    skipped {point}: {reason}")
    sys.stdout.flush()


def parse(arguments):
    p = argparse.ArgumentParser(prog="scripts/test", description="All tests of both machines.")
    p.add_argument("--machine", choices=MACHINES, help="only this machine, and what needs none")
    p.add_argument("--preset", metavar="NAME", help="test this preset's build instead of the release")
    p.add_argument("--filter", metavar="GLOB", default="*",
                   help="suites (unit/*, smoke/x86_64) or points (test_unmap*) that match")
    p.add_argument("--long", action="store_true", help="the campaigns of hours; results go to docs/campaigns.md")
    p.add_argument("--hours", type=float, default=1.0, help="that each campaign of --long is to have had; default 1")
    p.add_argument("--no-install", action="store_true", help="name missing packages, do not install them")
    p.add_argument("--verbose", action="store_true", help="show every line of every suite")
    return p.parse_args(arguments)


def set_up(args, machines, presets):
    """Packages, then the builds. Returns the build directories: by machine, and the host's."""
    wanted = (packages.BUILD + packages.HOST_TESTS + packages.TOOLS_AARCH64 + packages.DISK + packages.CHECKS +
              packages.MODEL)
    if args.filter.startswith(("unit", "fuzz", "oracle", "model", "race")):  # what needs no kernel
        machines = []
    if machines:  # the tools' own tests run tiny guests of both
        wanted = wanted + packages.QEMU["x86_64"] + packages.QEMU["aarch64"] + packages.DEBUG
    for machine in machines:
        wanted = wanted + packages.ISO[machine] + packages.UEFI[machine]
    packages.ensure(wanted, may_install=not args.no_install, say="test")
    if not args.no_install:
        backports.ensure_go()
    builds = {machine: build_directory(presets[machine]) for machine in machines}
    for machine in machines:
        build_targets(presets[machine], builds[machine], ("all", "iso"))
    host = build_directory("host-tests")
    build_targets("host-tests", host)
    build_targets("tools-aarch64", build_directory("tools-aarch64"))  # oracle.py looks for its runner there
    return builds, host


def all_suites(presets, builds, host):
    yield from workload_suites(host)
    yield from host_suites(host)
    yield from conformance_suites(host)
    yield from oracle_suites(host)
    yield from layering_suites(builds, host)
    yield from python_suites("tests/model", "model")
    yield from python_suites("tests/race", "race")
    yield from python_suites("tests/tools", "tools")
    for machine in builds:
        yield from machine_suites(machine, presets[machine], builds[machine])


def all_campaigns(builds, presets, host):
    for name, (label, argv) in host_tests(host).items():
        if label == "fuzz":
            yield Campaign(name, campaigns.fuzz_slice(argv, name), "executions")
    yield Campaign("oracle", campaigns.oracle_slice(host), "modules on " + ", ".join(oracle.expected()),
                   of=campaigns.compiler, clock=campaigns.cpu_s, is_by_seed=True)
    for machine, build in builds.items():
        boot = [str(ROOT / "scripts/run"), machine, "--preset", presets[machine], "--build", str(build), "--no-build",
                "--timeout", "120"]
        yield Campaign(f"boot_{machine}", campaigns.boot_slice(boot), "boots", is_by_seed=True)
        guest = [*boot[:-1], "900"]
        yield Campaign(f"guest_{machine}", campaigns.guest_slice(guest), "rounds of the guest's long tests")
        preset = f"{machine}-debug"
        stress = [str(ROOT / "scripts/run"), machine, "--preset", preset, "--no-build", "--timeout", "600"]
        yield Campaign(f"stress_{machine}", campaigns.stress_slice(stress, maker(preset)),
                       "seeds, each on " + ", ".join(map(str, campaigns.STRESS_CPUS)) + " CPUs", is_by_seed=True)
        product = matrix.Product(matrix.load(machine), build, presets[machine])
        yield Campaign(f"matrix_{machine}", campaigns.matrix_slice(product), f"of {len(product)} machines")


def run_campaigns(args, builds, presets, host):
    writer = tap.Writer()
    chosen_ones = [one for one in all_campaigns(builds, presets, host) if fnmatch.fnmatch(one.name, args.filter)]
    campaigns.run_all(chosen_ones, args.hours, writer)
    print(f"{writer.count - writer.failed} passed, {writer.failed} failed, 0 skipped")
    return int(writer.failed > 0 or writer.count == 0)


def main(arguments):
    args = parse(arguments)
    try:
        machines = [machine_of(args.preset)] if args.preset else [args.machine] if args.machine else list(MACHINES)
        presets = {machine: args.preset or machine for machine in machines}
        builds, host = set_up(args, machines, presets)
    except Failure as failure:
        print(f"test: {failure}", file=sys.stderr)
        print("0 passed, 1 failed, 0 skipped")
        return 1

    if args.long:
        return run_campaigns(args, builds, presets, host)
    work = []
    for suite in all_suites(presets, builds, host):
        wanted, points = chosen(suite, args.filter)
        if wanted:
            work.append((suite, points))
    passed = failed = skipped = 0
    for result, lines, seconds in side_by_side(work, lambda one: run_suite(*one), lambda one: one[0].is_alone):
        show(result, lines, seconds, args.verbose)
        passed, failed, skipped = (passed + len(result.passed), failed + len(result.failed),
                                   skipped + len(result.skipped))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

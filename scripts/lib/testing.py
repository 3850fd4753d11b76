# SPDX-License-Identifier: MIT
"""scripts/test: set up, build, run the suites (suites.py), count points.

A suite is a command that prints TAP. Only the important part of its output is shown: failed points with their details,
and skipped ones with their reasons; --verbose shows every line. As many suites run at once as there are CPUs; each is
shown when it has ended.
"""
import argparse
import fnmatch
import os
import subprocess
import sys
import threading
import time
import tomllib
from dataclasses import dataclass

import backports
import campaigns
import ciloracle
import diskfaults
import flips
import matrix
import needs
import oracle
import packages
import sample
import tap
from builder import build_targets, configure, is_configured, locked
from campaigns import Campaign
from parallel import side_by_side
from suites import HOST_PRESET, TOOLS_PRESET, all_suites, host_tests, maker
from tree import MACHINES, ROOT, Failure, build_directory, machine_of

BUDGETS = ROOT / "tests/budgets.toml"
HOST_PRESETS = (HOST_PRESET, TOOLS_PRESET)
SLOWEST = 10          # number of slow suites named at the end
SUITE_LIMIT_S = 3600  # ends a suite that hangs; none comes near it, however busy the machine is


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


@dataclass
class Spent:
    """A suite's time: wall-clock time and CPU time."""

    wall_s: float
    cpu_s: float

    def __str__(self):
        return f"{self.wall_s:.1f} s, {self.cpu_s:.1f} s of CPU"


def wait_for(process):
    """(its status, CPU seconds of the suite and its children)."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_utime + used.ru_stime


def run_suite(suite, points):
    """Run one suite and parse its output: (the parsed output, every line of it, its time)."""
    start = time.monotonic()
    result = tap.Suite(suite.name)
    is_filtered = points != "*" and suite.filter_words is not None
    argv = [*suite.argv, *([*suite.filter_words, points] if is_filtered else suite.all_words)]
    try:
        suite.prepare()
    except Failure as failure:
        result.failed = [(suite.name, [str(failure)])]
        return result, [], Spent(time.monotonic() - start, 0)
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", env={**os.environ, **suite.environment})
    lines, cpu_s = [], 0
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
        status, cpu_s = wait_for(process)
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
    return result, lines, Spent(time.monotonic() - start, cpu_s)


def show(result, lines, spent, verbose):
    for line in lines if verbose else []:
        print(f"    {line}")
    print(f"{result.name}: {len(result.passed)} passed, {len(result.failed)} failed, "
          f"{len(result.skipped)} skipped ({spent})", flush=True)
    for figure in result.figures:
        print(figure)
    for point, details in result.failed:
        print(f"    FAILED {point}")
        for detail in details[:40]:
            print(f"        {detail}")
    for point, reason in result.skipped:
        print(f"    skipped {point}: {reason}")
    sys.stdout.flush()


# ---- Times of suites ----

def load_budgets():
    """[(glob of suites, seconds of CPU)]; the last that matches counts."""
    with open(BUDGETS, "rb") as file:
        return list(tomllib.load(file)["cpu_s"].items())


def budget(budgets, name):
    return [seconds for glob, seconds in budgets if fnmatch.fnmatch(name, glob)][-1]


def show_times(times, is_whole, build_s, wall_s):
    """The slowest suites, those over their budgets, and the total time. times: {suite: Spent}."""
    budgets = load_budgets()
    slowest = sorted(times.items(), key=lambda item: -item[1].wall_s)[:SLOWEST]
    print(f"{len(slowest)} slowest suites:")
    for name, spent in slowest:
        print(f"    {name}: {spent}")
    for name, spent in times.items():
        if not is_whole and spent.cpu_s > budget(budgets, name):
            print(f"over its budget of {budget(budgets, name)} s of CPU (tests/budgets.toml): {name}: {spent}")
    cpu_s = sum(spent.cpu_s for spent in times.values())
    print(f"wall time without installing packages {wall_s / 60:.1f} minutes, {build_s / 60:.1f} of them building; "
          f"{cpu_s / 60:.1f} minutes of CPU in suites")


# ---- Options ----

def parse(arguments):
    p = argparse.ArgumentParser(prog="scripts/test", description="Run the tests of both machines.")
    p.add_argument("--machine", choices=MACHINES, help="only the tests of this machine and those that need no machine")
    p.add_argument("--preset", metavar="NAME", help="test the build of this preset (default: the release preset)")
    p.add_argument("--filter", metavar="GLOB", default="*",
                   help="only matching suites (unit/*, smoke/x86_64) or points (test_unmap*), complete")
    p.add_argument("--list", action="store_true", help="print the names of the suites and tests that --filter chooses, and "
                   "stop")
    p.add_argument("--full", action="store_true", help="run everything; without it, long suites run a sample that the "
                   "commit's hash chooses")
    p.add_argument("--sample", metavar="N", type=int, choices=range(sample.CHOICES),
                   help=f"choose the sample of a short run; samples 0 to {sample.CHOICES - 1} together cover everything")
    p.add_argument("--long", action="store_true", help="run the campaigns that take hours, and append their results to docs/campaigns.md")
    p.add_argument("--hours", type=float, default=1.0, help="total time for each campaign of --long, earlier runs included (default: 1)")
    p.add_argument("--no-install", action="store_true", help="list missing packages instead of installing them")
    p.add_argument("--verbose", action="store_true", help="show every line of every suite")
    return p.parse_args(arguments)


def install(args, wanted):
    packages.ensure(wanted, may_install=not args.no_install, say="test")


def set_up(args, list_chosen, host):
    """Install only what the chosen suites need. Returns the suites as list_chosen() does."""
    work, left_out = list_chosen()
    if not work and not is_configured(host):
        install(args, needs.CONFIGURE)  # perhaps it is one of the few tests that only the host's build knows
        with locked(host):
            configure(HOST_PRESET, host)
        work, left_out = list_chosen()
    if not work and not left_out:
        raise Failure(f"--filter {args.filter}: no suite and no test has such a name; scripts/test --list prints them")
    chosen = [suite for suite, _ in work]
    install(args, needs.of_suites(chosen))
    if needs.needs_go(chosen) and not args.no_install:
        backports.ensure_go()
    if any(HOST_PRESET in suite.presets for suite in chosen):
        with locked(host):
            configure(HOST_PRESET, host)
    return list_chosen()


def show_list(work, left_out, taken):
    """The names for --filter: suites, and below each its tests as far as they are known before it runs."""
    for suite, points in work:
        part = "" if suite.part.is_whole else f"  (part {suite.part} in this run)"
        print(f"{suite.name}{part}")
        for point in suite.points:
            if points == "*" or names(points, point):
                print(f"    {point}")
    for name in left_out:
        print(f"{name}  (not in this run: sample {taken.number})")


def build(suites):
    """Build the presets of these suites, in the order of first use, as far as the suites need them."""
    targets = {}
    for suite in suites:
        for preset in suite.presets:
            targets.setdefault(preset, []).append(suite.targets if preset == HOST_PRESET else ())
    for preset, wanted in targets.items():
        some = dict.fromkeys(target for names in wanted for target in names)
        everything = ("all",) if preset in HOST_PRESETS else ("all", "iso")
        chosen_targets = tuple(some) if all(wanted) else everything
        start = time.monotonic()
        print(f"test: building {preset}: {', '.join(chosen_targets[:4])}{' ...' if len(chosen_targets) > 4 else ''}",
              file=sys.stderr, flush=True)
        build_targets(preset, build_directory(preset), chosen_targets, say="test")
        print(f"test: built {preset} in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def chosen_suites(args, presets, builds, host, taken):
    """([(suite, which of its points count)], the names of suites that the sample omits)"""
    work, left_out = [], []
    for suite in all_suites(presets, builds, host, taken):
        wanted, points = chosen(suite, args.filter)
        if wanted and suite.part is None:
            left_out.append(suite.name)
        elif wanted:
            work.append((suite, points))
    return work, left_out


def all_campaigns(builds, presets, host):
    for name, (label, argv) in host_tests(host).items():
        if label == "fuzz":
            yield Campaign(name, campaigns.fuzz_slice(argv, name), "executions")
    yield Campaign("oracle", campaigns.oracle_slice(host), "modules on " + ", ".join(oracle.expected()),
                   of=campaigns.compiler, clock=campaigns.cpu_s, is_by_seed=True)
    yield Campaign("cil", campaigns.cil_slice(host), "programs on " + ", ".join(ciloracle.expected()), of=campaigns.cil_compiler,
                   clock=campaigns.cpu_s, is_by_seed=True)
    for way in flips.ways():
        yield Campaign(f"flips_{way}", campaigns.flip_slice(host, way), f"flips of {flips.machine_of(way)} code",
                       of=campaigns.compiler, clock=campaigns.cpu_s, is_by_seed=True)
    for machine, build in builds.items():
        boot = [str(ROOT / "scripts/run"), machine, "--preset", presets[machine], "--build", str(build), "--no-build",
                "--timeout", "120"]
        yield Campaign(f"boot_{machine}", campaigns.boot_slice(boot), "boots", is_by_seed=True)
        guest = [*boot[:-1], "900"]
        yield Campaign(f"guest_{machine}", campaigns.guest_slice(guest), "rounds of the guest's long tests")
        yield Campaign(f"livepatch_{machine}", campaigns.guest_slice([*boot[:-1], "10000", "--smp", "4"], "long_livepatch.*", 10_000),
                       "replacements of a function that 4 CPUs call")
        preset = f"{machine}-debug"
        stress = [str(ROOT / "scripts/run"), machine, "--preset", preset, "--no-build", "--timeout", "600"]
        yield Campaign(f"stress_{machine}", campaigns.stress_slice(stress, maker(preset)),
                       "seeds, each on " + ", ".join(map(str, campaigns.STRESS_CPUS)) + " CPUs", is_by_seed=True)
        yield Campaign(f"cuts_{machine}", campaigns.cut_slice(machine, build),
                       "images after a power cut: after each flush, and for each seed 500 different subsets of unflushed writes, "
                       f"{campaigns.CUTS} each of ext3, ext2, FAT and SQLite")
        yield Campaign(f"kills_{machine}", campaigns.kill_slice(machine, build), "times QEMU is killed while the guest writes")
        yield Campaign(f"diskfaults_{machine}", campaigns.fault_slice(machine, build),
                       f"of {len(diskfaults.every_fault())} requests failed once")
        product = matrix.Product(matrix.load(machine), build, presets[machine])
        yield Campaign(f"matrix_{machine}", campaigns.matrix_slice(product), f"of {len(product)} machines")


def run_campaigns(args, presets, builds, host, taken):
    everything = list(all_suites(presets, builds, host, taken))
    install(args, needs.of_suites(everything))
    with locked(host):
        configure(HOST_PRESET, host)  # it knows the names of its fuzzers
    build(everything)
    writer = tap.Writer()
    chosen_ones = [one for one in all_campaigns(builds, presets, host) if fnmatch.fnmatch(one.name, args.filter)]
    campaigns.run_all(chosen_ones, args.hours, writer)
    print(f"{writer.count - writer.failed} passed, {writer.failed} failed, 0 skipped")
    return int(writer.failed > 0 or writer.count == 0)


def sample_of(args):
    """What a run includes of the sampled suites."""
    if args.sample is not None:
        return sample.Sample(args.sample)
    return sample.Sample(None if args.full or args.filter != "*" else sample.of_commit())


def run_one(work):
    return work, run_suite(*work)


def run_all(work, taken, is_verbose):
    """(points passed, failed, skipped, {suite: Spent})"""
    budgets, times = load_budgets(), {}
    passed = failed = skipped = 0
    # the longest first, so that no CPU is idle for long at the end
    work.sort(key=lambda one: -budget(budgets, one[0].name))
    for (suite, _), (result, lines, spent) in side_by_side(work, run_one, lambda one: one[0].is_alone):
        show(result, lines, spent, is_verbose)
        if not suite.part.is_whole:
            print(f"    part {suite.part} of it: scripts/test --sample {taken.number} --filter {suite.name}", flush=True)
        times[suite.name] = spent
        passed, failed, skipped = (passed + len(result.passed), failed + len(result.failed),
                                   skipped + len(result.skipped))
    return passed, failed, skipped, times


def main(arguments):
    args = parse(arguments)
    host, taken = build_directory(HOST_PRESET), sample_of(args)
    try:
        machines = [machine_of(args.preset)] if args.preset else [args.machine] if args.machine else list(MACHINES)
        presets = {machine: args.preset or machine for machine in machines}
        builds = {machine: build_directory(presets[machine]) for machine in machines}

        def list_chosen():
            return chosen_suites(args, presets, builds, host, taken)

        if args.list:
            work, left_out = list_chosen()
            show_list(work, left_out, taken)
            if not work and not left_out:
                unknown = "" if is_configured(host) else "; the names of some are known only after a build"
                raise Failure(f"--filter {args.filter}: no suite and no test has such a name{unknown}")
            return 0
        if args.long:
            return run_campaigns(args, presets, builds, host, taken)
        work, left_out = set_up(args, list_chosen, host)
        start = time.monotonic()  # packages are installed
        build(suite for suite, _ in work)
        built = time.monotonic()
        work, left_out = list_chosen()  # ctest knows a test's command when its program is built
    except Failure as failure:
        print(f"test: {failure}", file=sys.stderr)
        print("0 passed, 1 failed, 0 skipped")
        return 1

    passed, failed, skipped, times = run_all(work, taken, args.verbose)
    if not taken.is_whole:
        print(f"sample {taken.number} of {sample.CHOICES}: scripts/test --sample {taken.number}; not in it: "
              f"{', '.join(left_out) or 'nothing'}")
    show_times(times, taken.is_whole, built - start, time.monotonic() - start)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

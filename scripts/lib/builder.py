# SPDX-License-Identifier: MIT
"""Configure and build a preset, without changing the build.ninja at the root."""
import fcntl
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager

from tree import ROOT, Failure


@contextmanager
def locked(build):
    """Two runs may share a build directory, and two suites may build the same targets; only one may build at a time."""
    build.mkdir(parents=True, exist_ok=True)
    with open(build / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_of_another_checkout(build):
    """True if the directory was configured under another path: the checkout was renamed or copied since."""
    try:
        text = (build / "CMakeCache.txt").read_text(errors="replace")
    except FileNotFoundError:
        return False
    told = dict(line.split("=", 1) for line in text.splitlines() if line.startswith("CMAKE_") and "=" in line)
    return any(name in told and not is_same(told[name], place) for name, place in
               (("CMAKE_CACHEFILE_DIR:INTERNAL", build), ("CMAKE_HOME_DIRECTORY:INTERNAL", ROOT)))


def is_same(path, place):
    """The original may exist beside its copy, so compare the files that the paths name now."""
    return os.path.realpath(path) == os.path.realpath(place)


def is_configured(build):
    cache, presets = build / "CMakeCache.txt", ROOT / "CMakePresets.json"
    return ((build / "build.ninja").exists() and cache.exists() and cache.stat().st_mtime >= presets.stat().st_mtime
            and not is_of_another_checkout(build))


def forget(build):
    """Remove what a configuration wrote, because it names files of another checkout."""
    for name in ("CMakeCache.txt", "build.ninja"):
        (build / name).unlink(missing_ok=True)
    shutil.rmtree(build / "CMakeFiles", ignore_errors=True)


def configure(preset, build, extra=()):
    """Configure unless that is done; ninja itself detects later changes of the CMake files."""
    if is_configured(build):
        return
    if is_of_another_checkout(build):
        forget(build)
    command = ["cmake", "--preset", preset, "-B", str(build), "-DHALYARD_FORWARD=OFF", *extra]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise Failure(f"{' '.join(command)} failed")


STEP = re.compile(r"^\[(\d+)/(\d+)\]")  # how a line of ninja's begins
PARTS = 10


def run_ninja(command, say):
    """Run it while its output is not a terminal: print its messages only if it fails, and each tenth of its steps."""
    lines, tenth = [], 0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    for line in process.stdout:
        step = STEP.match(line)
        if step:
            reached = PARTS * int(step[1]) // int(step[2])
            if say and reached > tenth:
                print(f"{say}: {step[1]} of {step[2]} build steps", file=sys.stderr, flush=True)
            tenth = reached
        else:
            lines.append(line)
    status = process.wait()
    sys.stderr.write("".join(lines) if status != 0 else "")
    return status


def build_targets(preset, build, targets=("all",), say=None):
    """Build with all messages on standard error: standard output is the guest's. `say`: the script that shows progress."""
    with locked(build):
        configure(preset, build)
        command = ["ninja", "-C", str(build), *targets]
        status = subprocess.run(command, stdout=sys.stderr).returncode if sys.stderr.isatty() else run_ninja(command, say)
    if status != 0:
        raise Failure(f"building {' '.join(targets)} in {build} failed")

# SPDX-License-Identifier: MIT
"""Configure and build a preset, without changing the build.ninja at the root."""
import fcntl
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


def configure(preset, build, extra=()):
    """Configure unless that is done; ninja itself detects later changes of the CMake files."""
    cache, presets = build / "CMakeCache.txt", ROOT / "CMakePresets.json"
    if (build / "build.ninja").exists() and cache.exists() \
            and cache.stat().st_mtime >= presets.stat().st_mtime:
        return
    command = ["cmake", "--preset", preset, "-B", str(build), "-DHALYARD_FORWARD=OFF", *extra]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise Failure(f"{' '.join(command)} failed")


def build_targets(preset, build, targets=("all",)):
    """Build with all messages on standard error: standard output is the guest's."""
    with locked(build):
        configure(preset, build)
        command = ["ninja", "-C", str(build), *targets]
        if sys.stderr.isatty():
            done = subprocess.run(command, stdout=sys.stderr)
        else:  # not a terminal: print messages only if the build fails
            done = subprocess.run([*command, "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            sys.stderr.write(done.stdout if done.returncode != 0 else "")
    if done.returncode != 0:
        raise Failure(f"building {' '.join(targets)} in {build} failed")

# SPDX-License-Identifier: MIT
"""Used by the tests in tests/smoke and tests/tools: scripts/run as a person would call it.

MACHINE and BUILD name the kernel under test; suite.py sets them. A run's time limits are generous: they end a hung guest,
and no test asserts how long anything takes.
"""
import fcntl
import os
import pty
import re
import subprocess
import tempfile
import termios
import unittest
from dataclasses import dataclass
from pathlib import Path

from tree import ROOT, build_directory

MACHINE = os.environ.get("HALYARD_TEST_MACHINE") or "x86_64"
BUILD = Path(os.environ.get("HALYARD_TEST_BUILD") or build_directory(MACHINE))
RUN = ROOT / "scripts/run"
LIMIT_S = 300

# The version that the smoke tests' kernels, which are release builds, require of a driver or an extension.
INTERFACE = int(re.search(r"^#define DRIVER_INTERFACE (\d+)u$", (ROOT / "kernel/base/export.h").read_text(), re.M)[1])


@dataclass
class Result:
    status: int
    output: str
    errors: str

    @property
    def verdict(self):
        """The last line on standard error, if the runner printed the outcome there: "panic"."""
        lines = self.errors.splitlines()
        return lines[-1].removeprefix("run: ") if lines and lines[-1].startswith("run: ") else None

    @property
    def answers(self):
        """The shell's output for each typed line, [(line, text)]."""
        parts = (part.partition("\n") for part in self.output.split("halyard> ")[1:])
        return [(line.rstrip(), text) for line, _, text in parts]


def run(*options, typed="", limit=LIMIT_S, machine=None, build=None):
    """Boot the kernel under test; `typed`, text or bytes, is piped to it. Ends by itself or at the limit (status 124)."""
    argv = [str(RUN), machine or MACHINE, "--build", str(build or BUILD), "--no-build", "--no-install",
            "--timeout", str(limit), *map(str, options)]
    done = subprocess.run(argv, input=typed if isinstance(typed, bytes) else typed.encode(), capture_output=True,
                          timeout=limit + 60)
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def start_at_terminal(argv, size=(25, 80), **streams):
    """Start a program whose input is a terminal of its own, as a person's is, and return it with our end, for typing.
    Other streams that are not given are that terminal, too."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, size)  # rows, columns

    def take_terminal():
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    streams = {"stdout": theirs, "stderr": theirs, **streams}
    process = subprocess.Popen(argv, stdin=theirs, preexec_fn=take_terminal, **streams)
    os.close(theirs)
    return process, ours


def debug(commands, *options, limit=LIMIT_S):
    """Boot the kernel under test under gdb, which runs these commands; gdb's and the guest's output are mixed."""
    with tempfile.TemporaryDirectory(prefix="halyard-") as folder:  # other suites debug the same build
        script = Path(folder) / "script.gdb"
        script.write_text(commands)
        argv = [str(ROOT / "scripts/debug"), MACHINE, "--build", str(BUILD), "--sockets", folder, "--no-build",
                "--no-install", "--timeout", str(limit), "--script", str(script), *map(str, options)]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit + 60)
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def program(name):
    """The path of a sample program for the machine under test."""
    return BUILD / "programs" / f"{name}.elf"


class TestCase(unittest.TestCase):
    maxDiff = None

    def expect(self, result, status=0, verdict=None, contains=()):
        """Assert how the run ended; on failure show the whole transcript."""
        transcript = f"status {result.status}\n--- output\n{result.output}\n--- errors\n{result.errors}"
        self.assertEqual(result.status, status, transcript)
        if verdict is not None:
            self.assertEqual(result.verdict, verdict, transcript)
        for text in [contains] if isinstance(contains, str) else contains:
            self.assertIn(text, result.output, transcript)


def for_machine(machine):
    """Decorator: a test for this machine only; on the other it does not exist."""
    return lambda test: test if MACHINE == machine else None


__all__ = ["BUILD", "MACHINE", "Result", "TestCase", "debug", "for_machine", "program", "run", "start_at_terminal"]

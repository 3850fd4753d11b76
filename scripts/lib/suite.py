# SPDX-License-Identifier: MIT
"""Run Python tests (unittest) and print TAP.

    suite.py FILE [--filter GLOB] [--part N/M] [--machine M] [--build DIR]

FILE's tests get the machine and build directory from smoke.py.
"""
import argparse
import fnmatch
import importlib.util
import os
import signal
import sys
import unittest
from pathlib import Path

import sample
import tap


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def flatten(tests):
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def heed_signals():
    """Reset inherited signal settings: tests end their children by SIGTERM, and learn of their end by SIGCHLD. Signals
    that nohup and background jobs ignore stay ignored; a test that needs those sets them in its child."""
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def main():
    heed_signals()
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--filter", default="*")
    parser.add_argument("--part", type=sample.part, default=sample.WHOLE, help="the N-th of M parts, by name")
    parser.add_argument("--machine")
    parser.add_argument("--build")
    args = parser.parse_args()
    os.environ["HALYARD_TEST_MACHINE"] = args.machine or ""
    os.environ["HALYARD_TEST_BUILD"] = args.build or ""
    writer = tap.Writer()
    result = tap.Result(writer)
    chosen = [test for test in flatten(load(args.file))
              if fnmatch.fnmatch(tap.Result.name(test), args.filter)
              or fnmatch.fnmatch(tap.Result.name(test).split(".")[-1], args.filter)]
    unittest.TestSuite(test for test in chosen if args.part.has(tap.Result.name(test))).run(result)
    return writer.status()


if __name__ == "__main__":
    sys.exit(main())

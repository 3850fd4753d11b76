# SPDX-License-Identifier: MIT
"""Tests of the older instructions for exceptions, which the suite of WebAssembly 3.0 does not have.

    legacy.py RUNNER DIR       run tests/conformance/legacy_exceptions.wast on each engine of this computer; print TAP

wabt's wast2json makes the modules, in DIR. If there is a node, V8 votes on what the file expects
(tests/conformance/voter.js). wabt's own interpreter does not: that of 1.0.32 loses values of the stack when a try of a
function with locals is left by an exception, and aborts.
"""
import json
import shutil
import subprocess
import sys
from pathlib import Path

import oracle
import tap
import wasm3
from tree import ROOT, Failure

SOURCE = ROOT / "tests/conformance/legacy_exceptions.wast"
VOTER = ROOT / "tests/conformance/voter.js"
ENGINES = ("interpreter", "optimised", "host", "lazy")


def convert(folder):
    """The listing, the pack, and how many assertions they have."""
    folder.mkdir(parents=True, exist_ok=True)
    listing, pack = folder / "legacy_exceptions.json", folder / "legacy_exceptions.pack"
    done = subprocess.run(["wast2json", "--enable-exceptions", str(SOURCE), "-o", str(listing)], capture_output=True,
                          text=True)
    if done.returncode != 0:
        raise Failure(f"wast2json {SOURCE}: {done.stderr.strip()}")
    wasm3.pack(listing, pack, wasm3.make_spectest())
    commands = json.loads(listing.read_text())["commands"]
    return listing, pack, sum(command["type"].startswith("assert_") for command in commands)


def has_passed(done, assertions):
    """True if a runner ended with 0, and its last line counts all assertions as passed. None at all is a failure."""
    lines = done.stdout.splitlines()
    return done.returncode == 0 and assertions > 0 and lines[-1:] != [] and \
        lines[-1].split()[3:] == [str(assertions), "of", str(assertions)]


def vote(listing, writer):
    node = oracle.V8.path
    if shutil.which(node) is None:
        writer.skip("V8 agrees", f"there is no {node}")
        return
    done = subprocess.run([node, str(VOTER), str(listing)], capture_output=True, text=True)
    writer.point(done.returncode == 0, "V8 agrees", *(done.stdout + done.stderr).splitlines())


def run(runner, folder):
    writer = tap.Writer()
    if shutil.which("wast2json") is None:
        writer.skip("legacy exceptions", "there is no wast2json (wabt)")
        return writer.status()
    try:
        listing, pack, assertions = convert(folder / "legacy")
    except Failure as failure:
        writer.point(False, "legacy exceptions", str(failure))
        return writer.status()
    for engine in ENGINES:
        done = subprocess.run([str(runner), engine, str(pack)], capture_output=True, text=True, errors="replace")
        writer.point(has_passed(done, assertions), f"legacy exceptions on {engine}", *done.stdout.splitlines()[:20])
    vote(listing, writer)
    return writer.status()


def main(arguments):
    if len(arguments) == 2:
        return run(Path(arguments[0]), Path(arguments[1]))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

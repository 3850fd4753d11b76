# SPDX-License-Identifier: MIT
"""Tests of the older instructions for exceptions, which the suite of WebAssembly 3.0 does not have.

    legacy.py RUNNER DIR       run tests/conformance/legacy_exceptions.wast on each engine of this computer; print TAP

wabt's wast2json makes the modules, in DIR. If there is a node, V8 votes on what the file expects
(tests/conformance/voter.js). wabt's own interpreter does not: that of 1.0.32 loses values of the stack when a try of a
function with locals is left by an exception, and aborts.
"""
import shutil
import subprocess
import sys
from pathlib import Path

import tap
import wasm3
from tree import ROOT, Failure

SOURCE = ROOT / "tests/conformance/legacy_exceptions.wast"
VOTER = ROOT / "tests/conformance/voter.js"
ENGINES = ("interpreter", "optimised", "host", "lazy")


def convert(folder):
    """The listing and the pack."""
    folder.mkdir(parents=True, exist_ok=True)
    listing, pack = folder / "legacy_exceptions.json", folder / "legacy_exceptions.pack"
    done = subprocess.run(["wast2json", "--enable-exceptions", str(SOURCE), "-o", str(listing)], capture_output=True,
                          text=True)
    if done.returncode != 0:
        raise Failure(f"wast2json {SOURCE}: {done.stderr.strip()}")
    wasm3.pack(listing, pack, wasm3.make_spectest())
    return listing, pack


def vote(listing, writer):
    if shutil.which("node") is None:
        writer.skip("V8 agrees", "there is no node")
        return
    done = subprocess.run(["node", str(VOTER), str(listing)], capture_output=True, text=True)
    writer.point(done.returncode == 0, "V8 agrees", *(done.stdout + done.stderr).splitlines())


def run(runner, folder):
    writer = tap.Writer()
    if shutil.which("wast2json") is None:
        writer.skip("legacy exceptions", "there is no wast2json (wabt)")
        return writer.status()
    try:
        listing, pack = convert(folder / "legacy")
    except Failure as failure:
        writer.point(False, "legacy exceptions", str(failure))
        return writer.status()
    for engine in ENGINES:
        done = subprocess.run([str(runner), engine, str(pack)], capture_output=True, text=True, errors="replace")
        lines = done.stdout.splitlines()
        words = lines[-1].split() if lines else []
        good = done.returncode == 0 and len(words) == 6 and words[3] == words[5]
        writer.point(good, f"legacy exceptions on {engine}", *lines[:20])
    vote(listing, writer)
    return writer.status()


def main(arguments):
    if len(arguments) == 2:
        return run(Path(arguments[0]), Path(arguments[1]))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

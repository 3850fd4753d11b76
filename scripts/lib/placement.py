# SPDX-License-Identifier: MIT
"""Compiled code contains no address: neither of the place where it runs, nor of the program that compiled it.

    placement.py BUILD CONFORMANCE WORKLOADS [--part N/M]
                                                all modules of the specification and all workloads, or every M-th, TAP

tests/oracle/place.c compiles a module for both machines, for two addresses, and compares the bytes. It runs twice, as a
program of this computer and as one of AArch64, which has everything at other addresses: the bytes must be the same
again.
"""
import hashlib
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import oracle
import sample
import tap
import wasmspec
import workloads
from builder import locked
from tree import Failure

# For another machine's compiler process these take too long.
ONLY_HERE = ("lua", "sqlite", "speedtest1")
SPECIFICATION = 700  # minimum number of modules, each counted once


def modules_of(wast, folder):
    """The valid modules of one file, each named after its contents."""
    with tempfile.TemporaryDirectory() as work:
        listing = Path(work, "all.json")
        done = subprocess.run(["wast2json", str(wast), "-o", str(listing)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"wast2json {wast}: {done.stderr.strip()}")
        for command in json.loads(listing.read_text())["commands"]:
            if command["type"] == "module":
                data = Path(work, command["filename"]).read_bytes()
                (folder / f"{hashlib.sha256(data).hexdigest()}.wasm").write_bytes(data)


def specification(clone, folder):
    """Files without vectors, which not every machine compiles."""
    folder.mkdir()
    files = [wast for wast in wasmspec.suite(clone) if not wast.stem.startswith("simd_")]
    with ThreadPoolExecutor(cpu_count()) as pool:
        list(pool.map(lambda wast: modules_of(wast, folder), files))
    return sorted(folder.glob("*.wasm"))


def said_by(argv, files):
    """{(file, machine, features): the line that was printed}"""
    done = subprocess.run([*argv, *map(str, files)], capture_output=True, text=True, errors="replace")
    said = {}
    for line in done.stdout.splitlines():
        file, machine, features, rest = line.split(" ", 3)
        said[(Path(file).stem, machine, features)] = rest
    if len(said) != 4 * len(files):
        said[("runner", argv[-1], "")] = f"ended with status {done.returncode}: {done.stderr[-500:]}"
    return said


def is_hash(text):
    return len(text) == 16 and set(text) <= set("0123456789abcdef")


def complaints(here, there):
    for key, text in here.items():
        if not is_hash(text):
            yield f"{' '.join(key)}: {text}"
    for key, text in there.items():
        if here.get(key) != text:
            yield f"{' '.join(key)}: {here.get(key)} here, {text} compiled on AArch64"


def compare(writer, what, build, files, is_slow=lambda file: False):
    there = oracle.foreign_folder(build) / "wasm-place"
    here_said = said_by([str(build / "wasm-place")], files)
    there_said = said_by([*oracle.AARCH64, str(there)], [file for file in files if not is_slow(file)])
    writer.claim(f"{len(files)} {what}: the same bytes at every address and from either machine's compiler",
                 list(complaints(here_said, there_said))[:20])


def check(build, clone, programs, part):
    writer = tap.Writer()
    with tempfile.TemporaryDirectory() as work:
        try:
            with locked(clone):
                files = specification(clone / "testsuite", Path(work, "spec"))
            writer.point(len(files) >= SPECIFICATION, "the specification's modules are there", str(len(files)))
            compare(writer, "modules of the specification", build, part.of(files))
        except wasmspec.NoSuite as why:
            writer.skip("modules of the specification", str(why))
    place = workloads.folder()
    if place is None:
        writer.skip("workloads", workloads.NOWHERE)
        return writer.status()
    with locked(programs):
        names = workloads.compile_all(place, programs, part)
    compare(writer, "workloads", build, [programs / f"{name}.wasm" for name in names],
            lambda file: file.stem in ONLY_HERE)
    return writer.status()


def main(arguments):
    part, arguments = sample.take_part(arguments)
    build, clone, programs = (Path(argument).resolve() for argument in arguments)
    try:
        return check(build, clone, programs, part)
    except Failure as failure:
        print(f"placement: {failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

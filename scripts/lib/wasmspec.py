# SPDX-License-Identifier: MIT
"""The WebAssembly specification's tests: finding them, packing them, running them.

    wasmspec.py pack DIR [FILE.wast ...]      one pack a file, for the runner or a disk
    wasmspec.py run RUNNER ENGINE DIR [--part N/M]
                                              pack into DIR if needed, run all or every M-th file, print TAP
    wasmspec.py guest ENGINE BUILD DIR        likewise in the kernel that is in BUILD; ENGINE is a machine (compiled
                                              code) or MACHINE-interpreter

wabt's wast2json turns a file into modules and JSON; a pack is both in one piece, in the format that
tests/conformance/spec_pack.h describes. Assertions about the text format are omitted: nothing here parses it.
"""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import disk
import sample
import tap
from builder import locked
from tree import ROOT, Failure

REPOSITORY = "https://github.com/WebAssembly/testsuite"
COMMIT = "3a04b2cf93bd8fce277458d419eea8d9c326345c"
FILES = 146
ASSERTIONS = 51054              # those about the binary format
LIMIT_S = 1200                  # of a kernel that runs them

KINDS = ["module", "register", "action", "assert_return", "assert_trap", "assert_exhaustion", "assert_malformed",
         "assert_invalid", "assert_unlinkable", "assert_uninstantiable", "assert_valid"]
TYPES = {"i32": 0x7F, "i64": 0x7E, "f32": 0x7D, "f64": 0x7C, "v128": 0x7B, "funcref": 0x70, "externref": 0x6F}
# Assertions that a module is invalid or malformed which is valid in 3.0: it must load. Constant expressions may read any
# global that precedes them; the offset of an access has up to 64 bits; the byte that had to be 0 is the index of a
# memory, which may have several bytes; a module may have several memories.
VALID_SINCE_3 = {"data": {85, 89}, "elem": {152, 156}, "global": {352, 356}, "binary-leb128": {405, 462},
                 "imports": {483, 487, 491}, "memory": {10, 11},
                 "binary": {483, 540, 877, 897, 916, 935, 974, 993, 1011, 1029}}
LANE_BITS = {"i8": 8, "i16": 16, "i32": 32, "i64": 64, "f32": 32, "f64": 64}

# The module that all files may import from. The runner itself defines its functions.
SPECTEST = """(module
  (func (export "print") (import "host" "print"))
  (func (export "print_i32") (import "host" "print_i32") (param i32))
  (func (export "print_i64") (import "host" "print_i64") (param i64))
  (func (export "print_f32") (import "host" "print_f32") (param f32))
  (func (export "print_f64") (import "host" "print_f64") (param f64))
  (func (export "print_i32_f32") (import "host" "print_i32_f32") (param i32 f32))
  (func (export "print_f64_f64") (import "host" "print_f64_f64") (param f64 f64))
  (global (export "global_i32") i32 (i32.const 666))
  (global (export "global_i64") i64 (i64.const 666))
  (global (export "global_f32") f32 (f32.const 666.6))
  (global (export "global_f64") f64 (f64.const 666.6))
  (table (export "table") 10 20 funcref)
  (memory (export "memory") 1 2))
"""


class NoSuite(Exception):
    """The tests are not available, for the given reason."""


# ---- Finding ----

def candidates():
    if chosen := os.environ.get("HALYARD_CONFORMANCE"):
        base = Path(chosen)
        yield from (base / "wasm-spec/wast", base / "wasm-spec", base / "wast", base)
    else:
        yield ROOT.parent / "shared/conformance/wasm-spec/wast"


def clone(folder):
    """The public repository at the pinned commit, in `folder`."""
    if not (folder / ".git").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "init", "-q", str(folder)], check=True)
    git = ["git", "-C", str(folder)]
    try:
        for command in ([*git, "fetch", "-q", "--depth=1", REPOSITORY, COMMIT], [*git, "checkout", "-q", "FETCH_HEAD"]):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        why = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        raise NoSuite("neither in the folder above the checkout nor in HALYARD_CONFORMANCE, and the clone failed: "
                      f"{why}")
    return folder


def suite(may_clone):
    """The .wast files, in order; NoSuite if there are none."""
    for folder in candidates():
        if files := sorted(folder.glob("*.wast")):
            return files
    if os.environ.get("HALYARD_CONFORMANCE"):
        raise NoSuite(f"no .wast file in {os.environ['HALYARD_CONFORMANCE']}")
    return sorted(clone(may_clone).glob("*.wast"))


# ---- Packing ----

def string(text):
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return struct.pack("<I", len(data)) + data


def lane(text, bits):
    """(bits, is canonical NaN, is arithmetic NaN)"""
    if text == "nan:canonical":
        return 0, True, False
    if text == "nan:arithmetic":
        return 0, False, True
    return int(text) & ((1 << bits) - 1), False, False


def value(v):
    kind, text = v["type"], v["value"]
    if kind.endswith("ref"):
        return struct.pack("<BBHHQQ", TYPES[kind], 1, 0, 0, 0 if text == "null" else int(text) + 1, 0)
    lane_type = v["lane_type"] if kind == "v128" else kind
    bits = LANE_BITS[lane_type]
    lanes = [lane(t, bits) for t in (text if kind == "v128" else [text])]
    number = sum(word << (n * bits) for n, (word, _, _) in enumerate(lanes))
    canonical = sum(is_canonical << n for n, (_, is_canonical, _) in enumerate(lanes))
    arithmetic = sum(is_arithmetic << n for n, (_, _, is_arithmetic) in enumerate(lanes))
    return struct.pack("<BBHHQQ", TYPES[kind], len(lanes), canonical, arithmetic, number & (2**64 - 1), number >> 64)


def values(list_of_values):
    return struct.pack("<H", len(list_of_values)) + b"".join(map(value, list_of_values))


def action(a):
    return (struct.pack("<B", a["type"] == "get") + string(a.get("module", "")) + string(a["field"])
            + values(a.get("args", [])))


def payload(command, folder):
    kind = command["type"]
    if kind == "module":
        return string(command.get("name", "")) + string((folder / command["filename"]).read_bytes())
    if kind == "register":
        return string(command["as"]) + string(command.get("name", ""))
    if kind == "action":
        return action(command["action"])
    if kind == "assert_return":
        return action(command["action"]) + values(command["expected"])
    if kind in ("assert_trap", "assert_exhaustion"):
        return action(command["action"]) + string(command["text"])
    return string((folder / command["filename"]).read_bytes()) + string(command["text"])


def kind_of(command, name):
    kind = command["type"]
    is_revoked = kind in ("assert_invalid", "assert_malformed") and command["line"] in VALID_SINCE_3.get(name, ())
    return KINDS.index("assert_valid" if is_revoked else kind)


def pack(wast, out, spectest):
    """Write the pack of one file."""
    with tempfile.TemporaryDirectory() as work:
        listing = Path(work, "all.json")
        done = subprocess.run(["wast2json", str(wast), "-o", str(listing)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"wast2json {wast}: {done.stderr.strip()}")
        commands = [c for c in json.loads(listing.read_text())["commands"] if c.get("module_type") != "text"]
        packed = [struct.pack("<BI", kind_of(c, wast.stem), c["line"]) + payload(c, Path(work)) for c in commands]
    write_pack(out, packed, spectest)


def write_pack(out, packed, spectest):
    """A pack of these commands, in which "spectest" is registered first."""
    first = [struct.pack("<BI", KINDS.index("module"), 0) + string("") + string(spectest),
             struct.pack("<BI", KINDS.index("register"), 0) + string("spectest") + string("")]
    temporary = out.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(b"HWS1" + struct.pack("<I", len(first + packed)) + b"".join(first + packed))
    temporary.replace(out)


def is_fresh(out, *sources):
    return out.exists() and all(out.stat().st_mtime > source.stat().st_mtime for source in sources)


def make_spectest():
    with tempfile.TemporaryDirectory() as work:
        text, binary = Path(work, "spectest.wat"), Path(work, "spectest.wasm")
        text.write_text(SPECTEST)
        subprocess.run(["wat2wasm", str(text), "-o", str(binary)], check=True)
        return binary.read_bytes()


def pack_all(files, folder):
    """Packs of all files, in `folder`; packs that are newer than their source are reused."""
    folder.mkdir(parents=True, exist_ok=True)
    spectest = make_spectest()
    packs = [(wast, folder / f"{wast.stem}.pack") for wast in files]
    stale = [(wast, out) for wast, out in packs if not is_fresh(out, wast, Path(__file__))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda pair: pack(*pair, spectest), stale))
    return [out for _, out in packs]


# ---- Running ----

def follow(command, engine, packs, writer, assertions):
    """Run a command that prints a line for each file, after those about its failures; a point for each, and one for the
    sum, if it is known: otherwise a suite that lost files would pass."""
    details, passed, total = [], 0, 0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                               text=True, errors="replace")
    for line in process.stdout:
        words = line.split()
        if len(words) == 6 and words[0] == "file":  # file NAME PASSED of TOTAL ERRORS
            good, of, errors = int(words[2]), int(words[4]), int(words[5])
            passed, total = passed + good, total + of
            writer.point(good == of and errors == 0, f"{words[1]} on {engine}", *details)
            details = []
        elif words and words[0] != "conformance":
            details.append(line.rstrip())
    status = process.wait()
    if writer.count != len(packs) or (status != 0 and writer.failed == 0):
        writer.point(False, f"runner on {engine}", f"it ended with status {status} after {writer.count} files", *details)
    if assertions is not None:
        writer.point(total == assertions, f"all of the suite on {engine}", f"{total} assertions of {assertions}")
    if not engine.endswith("-checked"):
        print(f"conformance wasm-spec {engine} {passed} of {total}", flush=True)


def run_packs(engine, folder, start):
    """Pack the suite, have start(packs, writer) run it, print TAP."""
    writer = tap.Writer()
    try:
        with locked(folder):  # other engines' suites use the same packs
            packs = pack_all(suite(folder / "testsuite"), folder / "packs")
        start(packs, writer)
    except NoSuite as why:
        writer.skip(f"wasm-spec on {engine}", str(why))
    except Failure as failure:
        writer.point(False, f"wasm-spec on {engine}", str(failure))
    return writer.status()


def run(runner, engine, folder, part=sample.WHOLE):
    def start(packs, writer):
        name = engine + ("-checked" if runner.name.endswith("-checked") else "")  # slowed down by sanitizers
        assertions = ASSERTIONS if part.is_whole else None
        packs = part.of(packs)
        follow([str(runner), engine, *map(str, packs)], name, packs, writer, assertions)

    return run_packs(engine, folder, start)


def run_in_guest(engine, build, folder):
    """In the kernel: the packs are on a disk, and a test of the kernel runs them."""
    machine, _, is_interpreted = engine.partition("-")

    def start(packs, writer):
        with tempfile.TemporaryDirectory() as work:
            image = Path(work, "packs.img")
            (Path(work, "tree") / "packs").mkdir(parents=True)
            for p in packs:
                shutil.copy(p, Path(work, "tree/packs", p.name))
            disk.make_disk(Path(work, "tree"), image)
            follow([str(ROOT / "scripts/run"), machine, "--build", str(build), "--no-build", "--no-install", "--disk",
                    str(image), "--test", "spec_wasm_interpreted" if is_interpreted else "spec_wasm", "--timeout",
                    str(LIMIT_S)], engine, packs, writer, ASSERTIONS)

    return run_packs(engine, folder, start)


def main(arguments):
    if arguments[:1] == ["pack"]:
        folder = Path(arguments[1])
        try:
            files = [Path(f) for f in arguments[2:]] or suite(folder / "testsuite")
            print(f"{len(pack_all(files, folder))} packs in {folder}")
        except (NoSuite, Failure) as why:
            print(f"wasmspec: {why}", file=sys.stderr)
            return 1
        return 0
    part, arguments = sample.take_part(arguments)
    if arguments[:1] == ["run"] and len(arguments) == 4:
        return run(Path(arguments[1]), arguments[2], Path(arguments[3]), part)
    if arguments[:1] == ["guest"] and len(arguments) == 4:
        return run_in_guest(arguments[1], Path(arguments[2]), Path(arguments[3]))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

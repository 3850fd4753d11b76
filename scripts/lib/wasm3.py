# SPDX-License-Identifier: MIT
"""The test suite of WebAssembly 3.0 and that of threads, converted to JSON and modules: finding, packing, running them.

    wasm3.py pack DIR                         one pack a file, for the runner or a disk
    wasm3.py run RUNNER ENGINE DIR            pack into DIR if needed, run all, print TAP
    wasm3.py relaxed RUNNER DIR              the files of relaxed vectors, with the native forms of this CPU
    wasm3.py guest ENGINE BUILD DIR           the files that 2.0 does not have, in the kernel that is in BUILD
    wasm3.py validation RUNNER DIR            compare the two validations of bodies, of this suite and that of 2.0
    wasm3.py left RUNNER DIR                  write the list of commands that do not pass, tests/conformance/wasm3_left.txt

tests/conformance/wasm3.toml lists the files that do not pass yet, each with the reason, and how many assertions must
pass. Every other file must pass completely. wasm3_left.txt lists each command that does not pass, with its requirement.
"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import disk
import tap
import wasmspec
from builder import locked
from tree import ROOT, Failure

FILES = 258
ASSERTIONS = 61369              # of 3.0
THREAD_FILES = 13               # those of the threads proposal, which is no part of 3.0,
THREAD_ASSERTIONS = 317         # of which all must pass
VALIDATED_LEAST = 5000          # modules of both suites; of their bodies as many must be judged quickly, and be refused
LEFT = ROOT / "tests/conformance/wasm3.toml"
LIST = ROOT / "tests/conformance/wasm3_left.txt"
KINDS = {kind: number for number, kind in enumerate(wasmspec.KINDS)} | {
    "module_definition": 11, "module_instance": 12, "assert_either": 13, "assert_exception": 14,
    "thread": 15, "wait": 16}
FUNCTIONS = ("funcref", "nullfuncref")      # the other references are packed as externref
VECTORS = "simd-"               # a guest runs the suite of 2.0 with them
THREADS = "threads-"
RELAXED = "relaxed-simd-"
RELAXED_ASSERTIONS = 69


def archive():
    """The converted suite; NoSuite if it is not there."""
    chosen = os.environ.get("HALYARD_CONFORMANCE")
    base = Path(chosen) if chosen else ROOT.parent / "shared/conformance"
    found = base / "wasm3/json.tar.xz"
    if not found.exists():
        raise wasmspec.NoSuite(f"{found} is missing")
    return found


# ---- Packing ----

def make_spectest():
    """The module of 2.0 with `table64`, which wat2wasm cannot write: in the table and the export section."""
    module = wasmspec.make_spectest()
    for old, new in ((b"\x04\x05\x01\x70\x01\x0a\x14", b"\x04\x09\x02\x70\x01\x0a\x14\x70\x05\x0a\x14"),):
        if module.count(old) != 1:
            raise Failure("spectest: no table section of one table")
        module = module.replace(old, new)
    name = b"\x07table64\x01\x01"
    at = 8
    while module[at] != 7:  # sections before the exports, with sizes of one byte
        at += 2 + module[at + 1]
    size, shift, end = 0, 0, at + 1
    while True:
        size |= (module[end] & 0x7F) << shift
        shift, end = shift + 7, end + 1
        if module[end - 1] < 0x80:
            break
    content = bytes([module[end] + 1]) + module[end + 1:end + size] + name
    length = bytes([len(content) & 0x7F | 0x80, len(content) >> 7])
    return module[:at + 1] + length + content + module[end + size:]


def value(v):
    kind = v["type"]
    if kind not in wasmspec.TYPES or kind.endswith("ref"):
        code = wasmspec.TYPES["funcref" if kind in FUNCTIONS else "externref"]
        text = v.get("value")
        number = 0 if text in (None, "null") else int(text) + 1
        return struct.pack("<BBHHQQ", code, 1, 0, text is None, number, 0)
    return wasmspec.value(v)


def values(list_of_values):
    return struct.pack("<H", len(list_of_values)) + b"".join(map(value, list_of_values))


def action(a):
    return (struct.pack("<B", a["type"] == "get") + wasmspec.string(a.get("module", ""))
            + wasmspec.string(a["field"]) + values(a.get("args", [])))


def payload(command, folder):
    kind = command["type"]
    if kind == "module_definition":
        return wasmspec.payload(command | {"type": "module"}, folder)
    if kind == "thread":
        commands = [packed_command(c, folder) for c in command["commands"]]
        own = b"HWS1" + struct.pack("<I", len(commands)) + b"".join(commands)
        return wasmspec.string(command["name"]) + wasmspec.string(command.get("shared_module", "")) + wasmspec.string(own)
    if kind == "wait":
        return wasmspec.string(command["thread"])
    if kind == "module_instance":
        return wasmspec.string(command.get("instance", "")) + wasmspec.string(command.get("module", ""))
    if "action" not in command:
        return wasmspec.payload(command, folder)
    packed = action(command["action"])
    if kind == "assert_return":
        packed += values(command.get("either", command.get("expected")))
    elif kind != "action":
        packed += wasmspec.string(command.get("text", ""))
    return packed


def packed_command(c, folder):
    return struct.pack("<BI", KINDS["assert_either" if "either" in c else c["type"]], c["line"]) + payload(c, folder)


def pack(listing, out, spectest):
    """Write the pack of one file."""
    commands = json.loads(listing.read_text())["commands"]
    packed = [packed_command(c, listing.parent) for c in commands]
    wasmspec.write_pack(out, packed, spectest)


def pack_all(folder):
    """Packs of all files, in `folder`; packs that are newer than the suite are reused."""
    source = archive()
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "done"
    if not wasmspec.is_fresh(done, source, Path(__file__), Path(wasmspec.__file__)):
        spectest = make_spectest()
        with tempfile.TemporaryDirectory() as work:
            with tarfile.open(source) as tar:
                tar.extractall(work)
            core = next(Path(work).rglob("core"))
            listings = sorted(core.rglob("*.json"))
            threads = sorted((core.parent / "threads").glob("*.json"))
            if len(listings) != FILES or len(threads) != THREAD_FILES:
                raise Failure(f"{source}: {len(listings)} and {len(threads)} files, not {FILES} and {THREAD_FILES}")
            names = ["-".join(one.relative_to(core).with_suffix("").parts) for one in listings]
            names += [THREADS + one.stem for one in threads]
            listings += threads
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(lambda one, name: pack(one, folder / f"{name}.pack", spectest), listings, names))
        done.write_text("")
    return sorted(folder.glob("*.pack"))


# ---- Running ----

def expectations():
    """(the least number of assertions by engine, the reason by file)."""
    with open(LEFT, "rb") as f:
        table = tomllib.load(f)
    return table["floor"], {file: reason for reason, files in table["left"].items() for file in files}


NEEDS = (
    (re.compile(r"garbage-collected types are not supported: (\w+)"), r"\1"),
    (re.compile(r"a (?:table of \d+ elements|64-bit memory of \d+ pages), more than"), "room"),
)


def needed(lines):
    """FILE:LINE and the requirement, for each failed command of a file. One that has no module, or imports from none,
    needs what the module before it needs."""
    found, before = [], None
    for line in lines:
        match = re.match(r"(\S+\.wast:\d+): (.*)", line)
        if match is None:
            continue
        place, reason = match.groups()
        own = next((m.expand(name) for pattern, name in NEEDS if (m := pattern.search(reason))), None)
        before = own if own and reason.startswith("module") else before
        found.append(f"{place} {own or before or reason}")
    return found


def check_list(runner, folder, writer):
    """The list is that of the commands that fail."""
    done = subprocess.run([str(runner), "interpreter", *map(str, pack_all(folder / "wasm3"))], capture_output=True,
                          text=True, errors="replace")
    lines, file = [], []
    for line in done.stdout.splitlines():
        if line.startswith("file "):
            lines += needed(file)
            file = []
        else:
            file.append(line)
    text = "".join(f"{line}\n" for line in lines)
    if writer is None:
        LIST.write_text(text)
        print(f"{len(lines)} lines in {LIST}")
    else:
        is_right = text == LIST.read_text()
        how = f"python3 scripts/lib/wasm3.py left {runner} {folder} writes it"
        writer.point(is_right, f"{LIST.name} lists what does not pass", *([] if is_right else [how]))


def follow(command, engine, packs, writer, assertions=None):
    """Run a command that prints a line for each file; a point for each, one for the floor, and one for the number of
    assertions, if it is known: otherwise a suite that lost assertions that do not pass would not be noticed."""
    floor, left = expectations()
    details, sums = [], {False: [0, 0], True: [0, 0]}  # by whether it is of threads: passed, total
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                               text=True, errors="replace")
    for line in process.stdout:
        words = line.split()
        if len(words) == 6 and words[0] == "file":  # file NAME PASSED of TOTAL ERRORS
            name, good, of, errors = words[1], int(words[2]), int(words[4]), int(words[5])
            of_kind = sums[name.startswith(THREADS)]
            of_kind[0], of_kind[1] = of_kind[0] + good, of_kind[1] + of
            is_complete = good == of and errors == 0
            if name in left and not is_complete:
                details = [f"{good} of {of}: {left[name]}"]
            elif name in left:
                details = [f"it passes: remove it from {LEFT.name}"]
            else:
                details = [] if is_complete else details
            writer.point(is_complete != (name in left), f"{name} on {engine}", *details)
            details = []
        elif words and words[0] != "conformance":
            details.append(line.rstrip())
    status = process.wait()
    if writer.count != len(packs):
        writer.point(False, f"runner on {engine}", f"it ended with status {status} after {writer.count} files", *details)
    least = floor[engine]
    (passed, total), (threads, threads_total) = sums[False], sums[True]
    writer.point(passed >= least, f"the floor on {engine}", f"{passed} of {total}, at least {least}")
    if assertions is not None:
        writer.point(total == assertions, f"all of the suite on {engine}", f"{total} assertions of {assertions}")
    writer.point(threads == THREAD_ASSERTIONS, f"threads on {engine}", f"{threads} of {THREAD_ASSERTIONS}")
    print(f"conformance wasm3 {engine} {passed} of {total}", flush=True)
    print(f"conformance threads {engine} {threads} of {threads_total}", flush=True)


def run_packs(engine, folder, start):
    writer = tap.Writer()
    try:
        with locked(folder):  # other engines' suites use the same packs
            packs = pack_all(folder / "wasm3")
        start(packs, writer)
    except wasmspec.NoSuite as why:
        writer.skip(f"wasm3 on {engine}", str(why))
    except Failure as failure:
        writer.point(False, f"wasm3 on {engine}", str(failure))
    return writer.status()


def run(runner, engine, folder):
    def start(packs, writer):
        follow([str(runner), engine, *map(str, packs)], engine, packs, writer, ASSERTIONS)
        if engine == "interpreter":
            check_list(runner, folder, writer)

    return run_packs(engine, folder, start)


def compare_validations(runner, folder):
    """Both validations judge all bodies of the modules, and mutated ones, alike. Many are judged quickly, and many are
    refused: otherwise nothing would be compared."""
    def start(packs, writer):
        both = wasmspec.pack_all(wasmspec.suite(folder / "testsuite"), folder / "packs") + packs
        done = subprocess.run([str(runner), "validation", *map(str, both)], capture_output=True, text=True,
                              errors="replace")
        lines = done.stdout.splitlines() + done.stderr.splitlines()
        numbers = re.search(r"(\d+) modules, 0 different, (\d+) bodies, (\d+) quick, (\d+) refused", done.stdout)
        is_right = numbers is not None and all(int(n) >= VALIDATED_LEAST for n in numbers.groups())
        writer.point(done.returncode == 0 and is_right, "two validations of bodies", *lines[-20:])

    return run_packs("validation", folder, start)


def run_relaxed(runner, folder):
    """The files of relaxed vectors on the engine that uses what the CPU has: all of their assertions allow for it."""
    def start(packs, writer):
        names = [str(p) for p in packs if p.stem.startswith(RELAXED)]
        done = subprocess.run([str(runner), "relaxed", *names], capture_output=True, text=True, errors="replace")
        sums = re.search(r"^conformance \S+ relaxed (\d+) of (\d+)$", done.stdout, re.M)
        is_right = done.returncode == 0 and sums is not None and sums.groups() == (str(RELAXED_ASSERTIONS),) * 2
        writer.point(is_right, "native forms of relaxed vectors", *done.stdout.splitlines()[-20:])
        print(f"conformance relaxed native {sums[1] if sums else 0} of {RELAXED_ASSERTIONS}", flush=True)

    return run_packs("relaxed", folder, start)


def run_in_guest(engine, build, folder):
    """In the kernel, only the files that the suite of 2.0 does not have: that one runs there, too."""
    machine = engine.partition("-")[0]

    def start(packs, writer):
        old = {wast.stem for wast in wasmspec.suite(folder / "testsuite")}
        packs = [p for p in packs if p.stem not in old and not p.stem.startswith(VECTORS)]
        with tempfile.TemporaryDirectory() as work:
            image = Path(work, "packs.img")
            (Path(work, "tree") / "packs").mkdir(parents=True)
            for p in packs:
                shutil.copy(p, Path(work, "tree/packs", p.name))
            disk.make_disk(Path(work, "tree"), image)
            follow([str(ROOT / "scripts/run"), machine, "--build", str(build), "--no-build", "--no-install", "--disk",
                    str(image), "--test", "spec_wasm", "--timeout", str(wasmspec.LIMIT_S)], engine, packs, writer)

    return run_packs(engine, folder, start)


def main(arguments):
    if arguments[:1] == ["pack"] and len(arguments) == 2:
        print(f"{len(pack_all(Path(arguments[1])))} packs in {arguments[1]}")
        return 0
    if arguments[:1] == ["run"] and len(arguments) == 4:
        return run(Path(arguments[1]), arguments[2], Path(arguments[3]))
    if arguments[:1] == ["validation"] and len(arguments) == 3:
        return compare_validations(Path(arguments[1]), Path(arguments[2]))
    if arguments[:1] == ["relaxed"] and len(arguments) == 3:
        return run_relaxed(Path(arguments[1]), Path(arguments[2]))
    if arguments[:1] == ["left"] and len(arguments) == 3:
        check_list(Path(arguments[1]), Path(arguments[2]), None)
        return 0
    if arguments[:1] == ["guest"] and len(arguments) == 4:
        return run_in_guest(arguments[1], Path(arguments[2]), Path(arguments[3]))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: MIT
"""Real programs: the kernels, Lua and SQLite of ../shared/workloads, with the output that they have everywhere.

    workloads.py MACHINE BUILD DIR      compile to WebAssembly into DIR if needed, run all in the kernel, print TAP
    workloads.py host BUILD DIR         likewise with the host command, interpreted and compiled

With --part N/M at its end: every M-th of the programs, those that have a smaller task interpreted with that.

In the kernel they come from a disk and run compiled, and also interpreted, with a smaller task where the program has
one.

The programs are data beside the checkout, or in the folder HALYARD_CONFORMANCE; they are compiled with the
distribution's clang and wasi-libc, with the flags of their own build.sh.
"""
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import disk
import sample
import tap
import wasmcc
from builder import locked
from tree import ROOT, Failure

COMMON = ["-O2", "-w", "-ffp-contract=off", "-D_WASI_EMULATED_SIGNAL",
          "-D_WASI_EMULATED_PROCESS_CLOCKS", "-D_WASI_EMULATED_MMAN", "-D_WASI_EMULATED_GETPID", "-Iwasi", "-include",
          "wasi/compat.h", "-Wl,-z,stack-size=1048576"]
LIBRARIES = ["-lwasi-emulated-signal", "-lwasi-emulated-process-clocks", "-lwasi-emulated-mman", "-lwasi-emulated-getpid",
             "-lm"]
SQLITE = ["-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_OMIT_WAL", "-DSQLITE_ENABLE_FTS5",
          "-DSQLITE_NOHAVE_SYSTEM", "-DSQLITE_MAX_MMAP_SIZE=0", "-Isqlite", "sqlite/sqlite3.c"]
LIMIT_S = 1200
NOWHERE = "no workloads in the folder above the checkout or in HALYARD_CONFORMANCE"

# The shell's command line for each that needs more than its own name.
COMMANDS = {
    "lua": "/bin/lua.wasm - < /mix.lua",
    "sqlite": "/bin/sqlite.wasm :memory: < /script.sql 2> /tmp/errors",  # it reports a missing home directory
    "speedtest1": "/bin/speedtest1.wasm --memdb --size 5 --verify",
}
# The same for the host command, and its input.
ARGUMENTS = {"lua": ["-"], "sqlite": [":memory:"], "speedtest1": ["--memdb", "--size", "5", "--verify"]}
INPUT = {"lua": "lua/scripts/mix.lua", "sqlite": "sqlite/script.sql"}
ENGINES = {"host": "--compiled", "interpreter": "--interp"}
KEPT = {"speedtest1": "Verification Hash"}  # only these lines are compared

# Smaller tasks for the host's interpreter in a part of the programs; the other tasks would take it minutes.
SHORT_ARGUMENTS = {"queens": [], "lua": ["-"], "sqlite": [":memory:"], "speedtest1": ["--memdb", "--size", "1", "--verify"]}

# The tasks for both engines of the kernel. The interpreter takes some hundred times as long as compiled code, and an
# emulated machine ten times that: minutes for a kernel. The kernels have one size; queens is small anyway.
SHORT = {
    "queens": "/bin/queens.wasm",
    "lua": "/bin/lua.wasm - < /short.lua",
    "sqlite": "/bin/sqlite.wasm :memory: < /short.sql 2> /tmp/errors",
    "speedtest1": "/bin/speedtest1.wasm --memdb --size 1 --verify",
}
SHORT_LUA = """
local numbers = setmetatable({1, 1}, {__index = function() return 0 end, __call = function(t, n) return t[n] + t[n - 1] end})
for n = 2, 79 do numbers[n + 1] = numbers(n) end
print(numbers[80], 2^0.5, 7 // 2, -7 % 3, 1e300 * 1e10, math.pi, numbers[200])
print(string.format("%q %5.2f %x", "text", 22 / 7, 48879), pcall(select, 2, "a", "b"))
local words = {}
for word in ("the quick brown fox"):gmatch("%a+") do words[#words + 1] = word:reverse() end
table.sort(words, function(a, b) return a > b end)
print(table.concat(words, " "), #words, next({}))
"""
SHORT_SQL = """
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
  INSERT INTO t SELECT i, hex(i * 7919 % 101), i / 7.0 FROM n;
CREATE INDEX b ON t(b);
SELECT count(*), sum(a), round(avg(c), 6), min(b), max(b) FROM t;
SELECT a, b, row_number() OVER (ORDER BY b) FROM t WHERE b BETWEEN '33' AND '36' ORDER BY b, a;
CREATE VIRTUAL TABLE words USING fts5(text);
INSERT INTO words VALUES ('one small step'), ('a small town');
SELECT text FROM words WHERE words MATCH 'small' ORDER BY rowid;
INSERT INTO t(a) VALUES (1);
"""


def folder():
    base = Path(os.environ.get("HALYARD_CONFORMANCE", ROOT.parent / "shared/conformance"))
    for candidate in (base.parent / "workloads", base / "workloads"):
        if (candidate / "expected").is_dir():
            return candidate
    return None


def sources(place):
    """{name: the compiler's arguments besides the common flags}."""
    found = {file.stem: [str(file.relative_to(place))] for file in sorted((place / "kernels").glob("*.c"))}
    found["lua"] = ["-DLUA_COMPAT_5_3", *(str(f.relative_to(place)) for f in sorted((place / "lua/src").glob("*.c")))]
    found["sqlite"] = [*SQLITE, "sqlite/shell.c"]
    found["speedtest1"] = [*SQLITE, "sqlite/speedtest1.c"]
    return found


def compile_one(place, out, name, words):
    target = out / f"{name}.wasm"
    made_from = [Path(__file__), Path(wasmcc.__file__), *(place / word for word in words if word.endswith(".c"))]
    if not target.exists() or any(source.stat().st_mtime > target.stat().st_mtime for source in made_from):
        temporary = out / f"{name}.{os.getpid()}.tmp"
        done = subprocess.run([*wasmcc.COMMAND, *COMMON, *words, *LIBRARIES, "-o", str(temporary)], cwd=place,
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"{name} does not compile: {done.stderr.strip()}")
        temporary.replace(target)


def compile_all(place, out, part=sample.WHOLE):
    """The names of the programs in this part, which are compiled by then."""
    out.mkdir(parents=True, exist_ok=True)
    programs = sources(place)
    names = part.of(programs)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the large ones first
        list(pool.map(lambda name: compile_one(place, out, name, programs[name]), reversed(names)))
    return names


def kept(name, text):
    pattern = KEPT.get(name)
    return text if pattern is None else "".join(line for line in text.splitlines(True) if pattern in line)


def run_all(machine, build, out, place, names, lines):
    """({line: its output}, status, the end of the run), for these lines typed at the shell in one boot; each output
    ends at the next prompt."""
    with tempfile.TemporaryDirectory() as work:
        tree, image = Path(work, "tree"), Path(work, "disk.img")
        (tree / "bin").mkdir(parents=True)
        for name in names:
            os.link(out / f"{name}.wasm", tree / "bin" / f"{name}.wasm")
        (tree / "mix.lua").write_bytes((place / "lua/scripts/mix.lua").read_bytes())
        (tree / "script.sql").write_bytes((place / "sqlite/script.sql").read_bytes())
        (tree / "short.lua").write_text(SHORT_LUA)
        (tree / "short.sql").write_text(SHORT_SQL)
        disk.make_disk(tree, image)
        done = subprocess.run([str(ROOT / "scripts/run"), machine, "--build", str(build), "--no-build", "--no-install",
                               "--disk", str(image), "--timeout", str(LIMIT_S)],
                              input="\n".join([*lines, "poweroff"]) + "\n", capture_output=True, text=True, errors="replace")
    pieces = done.stdout.split("halyard> ")[1:]
    printed = {}
    for line in lines:
        mine = next((p for p in pieces if p.startswith(line + "\n")), None)
        printed[line] = None if mine is None else mine[len(line) + 1:]
    return printed, done.returncode, f"status {done.returncode} {done.stderr.strip()}"


def check_in_guest(writer, machine, build, out, place, names):
    lines = {name: COMMANDS.get(name, f"/bin/{name}.wasm") for name in names}
    short = {name: [f"run --{engine} {line}" for engine in ("compiled", "interp")]
             for name, line in SHORT.items() if name in names}
    printed, status, end = run_all(machine, build, out, place, names, [*lines.values(), *sum(short.values(), [])])
    for name, line in lines.items():
        expected = (place / "expected" / f"{name}.txt").read_text()
        said = printed[line]
        good = said is not None and kept(name, said) == expected
        writer.point(good, f"{name} on {machine}", *([] if good else [end, *(said or "it did not run").splitlines()[:20]]))
    for name, pair in short.items():
        compiled, interpreted = (kept(name, printed[line] or "") for line in pair)
        good = compiled == interpreted != ""
        writer.point(good, f"{name}, shorter, interpreted on {machine} as compiled",
                     *([] if good else [end, "compiled:", *compiled.splitlines(), "interpreted:", *interpreted.splitlines()]))
    writer.point(status == 0, f"the kernel still runs after them on {machine}", end)


def host_run(command, engine, program, arguments, data):
    """(output, how it ended)"""
    try:
        done = subprocess.run([str(command), engine, str(program), *arguments], input=data, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        return "", f"no end after {LIMIT_S} s"
    return done.stdout.decode(errors="replace"), f"status {done.returncode} {done.stderr.decode(errors='replace').strip()}"


def check_shorter_on_host(command, out, name):
    """Complaints about a program's smaller task: both engines must print the same."""
    data = {"lua": SHORT_LUA, "sqlite": SHORT_SQL}.get(name, "").encode()
    ran = {engine: host_run(command, word, out / f"{name}.wasm", SHORT_ARGUMENTS[name], data)
           for engine, word in ENGINES.items()}
    said = {engine: kept(name, text) for engine, (text, _) in ran.items()}
    return [] if said["host"] == said["interpreter"] != "" else [f"{engine}: {how}" for engine, how in ran.items()]


def check_on_host(command, out, place, name, engine):
    """What is wrong with a program on an engine."""
    data = (place / INPUT[name]).read_bytes() if name in INPUT else b""
    said, end = host_run(command, ENGINES[engine], out / f"{name}.wasm", ARGUMENTS.get(name, []), data)
    good = kept(name, said) == (place / "expected" / f"{name}.txt").read_text()
    return [] if good else [end, *said.splitlines()[:20]]


def check_all_on_host(writer, command, out, place, part):
    """Interpreted, all of the programs take minutes of a CPU; a part of them has smaller tasks."""
    names = part.of(sources(place))
    shorter = [] if part.is_whole else [name for name in names if name in SHORT_ARGUMENTS]
    runs = [(name, engine) for name in names for engine in (ENGINES if part.is_whole else ["host"])]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for (name, engine), wrong in zip(runs, pool.map(lambda run: check_on_host(command, out, place, *run), runs)):
            writer.claim(f"{name} on {engine}", wrong)
        for name, wrong in zip(shorter, pool.map(lambda name: check_shorter_on_host(command, out, name), shorter)):
            writer.claim(f"{name}, shorter, interpreted on host as compiled", wrong)


def main(arguments):
    part, arguments = sample.take_part(arguments)
    machine, build, out = arguments[0], Path(arguments[1]).resolve(), Path(arguments[2]).resolve()
    writer = tap.Writer()
    place = folder()
    if place is None:
        writer.skip(f"workloads on {machine}", NOWHERE)
        return writer.status()
    try:
        with locked(out):  # the other machine's suite runs the same programs
            names = compile_all(place, out, part)
    except Failure as failure:
        writer.point(False, f"workloads on {machine}", str(failure))
        return writer.status()
    if machine == "host":
        check_all_on_host(writer, build / "halyard-wasm", out, place, part)
    else:
        check_in_guest(writer, machine, build, out, place, names)
    return writer.status()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

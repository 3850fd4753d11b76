# SPDX-License-Identifier: MIT
"""Boot Halyard with something to play with on its disk: Lua, SQLite, a game, an editor and the samples.

Lua and SQLite are compiled for WASI from Debian's source packages. These come from the mirror that apt uses, with a
list of sources in build/demo, so the system's own settings do not change. Further arguments are options of scripts/run.
"""
import argparse
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import backports
import disk
import options
import packages
import unwind
import wasmcc
from builder import build_targets, locked
from status import NAMES, NOT_RUN
from tree import MACHINES, ROOT, Failure, build_directory

FOLDER = ROOT / "build/demo"
PORTS = ROOT / "programs/ports"
FILES = ROOT / "programs/demo"
SOURCES = FOLDER / "sources"
DEBIAN = {"lua": "lua5.4", "sqlite": "sqlite3"}  # program: source package

COMMON = ["-O2", "-w", "-ffp-contract=off", "-isystem", str(PORTS / "include"), "-I", str(PORTS), "-include",
          str(PORTS / "ports.h"), "-D_WASI_EMULATED_SIGNAL", "-D_WASI_EMULATED_PROCESS_CLOCKS", "-D_WASI_EMULATED_MMAN",
          "-D_WASI_EMULATED_GETPID"]
LINK = ["-Wl,--strip-debug", "-Wl,-z,stack-size=1048576", "-lwasi-emulated-signal", "-lwasi-emulated-process-clocks",
        "-lwasi-emulated-mman", "-lwasi-emulated-getpid", "-lm"]
SQLITE = ["-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_OMIT_WAL", "-DSQLITE_ENABLE_FTS5",
          "-DSQLITE_NOHAVE_SYSTEM", "-DSQLITE_MAX_MMAP_SIZE=0"]
CONFIGURE = ["./configure", "--disable-shared", "--disable-readline", "--disable-load-extension"]


def say(text):
    print(f"demo: {text}", file=sys.stderr, flush=True)


def call(command, folder, what):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", env={**os.environ, "CC": "clang"})
    if done.returncode != 0:
        raise Failure(f"{what}: {' '.join(map(str, command[:4]))} failed:\n{done.stdout[-2000:]}")


def source_folder(program):
    """Where dpkg-source has unpacked a program's package: lua5.4-5.4.4, for example."""
    return next(SOURCES.glob(f"{DEBIAN[program]}-*/"), None)


def get_sources():
    """Download and unpack the source packages, with Debian's patches."""
    if all(map(source_folder, DEBIAN)):
        return
    uri, release = backports.mirror()
    names = list(DEBIAN.values())
    say(f"getting the sources of {' and '.join(names)} from {uri}")
    shutil.rmtree(FOLDER / "packages", ignore_errors=True)
    try:
        backports.call_apt(FOLDER, f"deb-src {uri} {release} main\n", "source", *names)
    except (OSError, subprocess.SubprocessError) as error:
        raise Failure(f"no sources: {backports.why(error)}") from None
    shutil.rmtree(SOURCES, ignore_errors=True)
    (FOLDER / "packages").rename(SOURCES)


def link(program, sources, flags, target):
    call([*wasmcc.COMMAND, *COMMON, *flags, *map(str, sources), *LINK, "-o", str(target)], FOLDER, program)


def make_lua(target):
    """Lua's errors return through many calls: unwind.py adds that."""
    sources = [file for file in sorted((source_folder("lua") / "src").glob("*.c")) if file.name != "luac.c"]
    plain = target.with_suffix(".plain")
    link("lua", [*sources, PORTS / "unwind.c"], ["-Wl,--export=unwinding"], plain)
    target.write_bytes(unwind.unwound(plain.read_bytes()))


def make_sqlite(target):
    """The package has SQLite's many files; its own Makefile joins them in one."""
    folder = source_folder("sqlite")
    if not (folder / "shell.c").exists():
        call(CONFIGURE, folder, "sqlite")
        call(["make", "sqlite3.c", "shell.c"], folder, "sqlite")
    link("sqlite", [folder / "sqlite3.c", folder / "shell.c"], [*SQLITE, f"-I{folder}"], target)


MAKERS = {"lua": make_lua, "sqlite": make_sqlite}


def is_made(target):
    parts = [*PORTS.rglob("*.[ch]"), ROOT / "scripts/lib/demo.py", ROOT / "scripts/lib/unwind.py"]
    return target.exists() and target.stat().st_mtime >= max(part.stat().st_mtime for part in parts)


def make(program):
    target, draft = FOLDER / f"{program}.wasm", FOLDER / f"{program}.draft"
    if not is_made(target):
        say(f"compiling {program}")
        MAKERS[program](draft)
        draft.replace(target)
    return target


def make_programs():
    """{path on the disk: file} of what the build itself does not make."""
    with locked(FOLDER):
        if not all(is_made(FOLDER / f"{program}.wasm") for program in MAKERS):
            get_sources()
        with ThreadPoolExecutor() as pool:
            made = list(pool.map(make, MAKERS))
    files = {f"demo/{file.name}": file for file in sorted(FILES.iterdir())}
    return files | {f"bin/{file.name}": file for file in made}


def parse(arguments):
    p = argparse.ArgumentParser(prog="scripts/demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("machine", nargs="?", choices=MACHINES, default="x86_64", help="default: x86_64")
    p.add_argument("--disk-only", action="store_true", help="make the disk, print its name, and do not boot")
    return p.parse_known_args(arguments)


def prepare(o, run_options):
    """Install, build, and make the disk; returns its path."""
    wanted = options.parse([o.machine, *run_options])
    packages.ensure([*options.needed_packages(wanted), *packages.BUILD, *packages.DISK, *packages.DEMO],
                    may_install=not wanted.no_install, say="demo")
    more = make_programs()
    build = build_directory(o.machine)
    build_targets(o.machine, build, ("system",))
    image = build / "demo.img"
    disk.make_system(build, image, more)
    return image


def main(arguments):
    o, run_options = parse(arguments)
    try:
        image = prepare(o, run_options)
    except (Failure, OSError) as failure:
        print(f"demo: {failure}\ndemo: {NAMES[NOT_RUN]}", file=sys.stderr)
        return NOT_RUN
    if o.disk_only:
        print(image)
        return 0
    run = str(ROOT / "scripts/run")
    os.execv(run, [run, o.machine, "--disk", str(image), *run_options])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

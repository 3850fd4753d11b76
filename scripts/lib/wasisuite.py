# SPDX-License-Identifier: MIT
"""WASI on the host command: the public test suite, and programs of our own.

    wasisuite.py public COMMAND ENGINE DIR    all 72 programs of WebAssembly/wasi-testsuite, TAP
    wasisuite.py own COMMAND ENGINE DIR       build tests/wasi into DIR, run it, TAP
    wasisuite.py fetch DIR                    only fetch the public suite

ENGINE is interpreter or host (compiled code). The public suite's programs are large and not part of this repository:
they are looked for in HALYARD_CONFORMANCE, then beside the checkout, otherwise fetched into DIR.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tap
import wasmcc
from backports import FOLDER as GO_FOLDER, find_go
from builder import locked
from tree import ROOT

REPOSITORY = "https://github.com/WebAssembly/wasi-testsuite"
COMMIT = "9f80ca35444cfd9e63100725615140a346652e6c"  # of branch prod/testsuite-base
PROGRAMS = 72
FOLDER = "testsuite/wasm32-wasip1"
LANGUAGES = ("assemblyscript", "c", "rust")
OPTIONS = {"interpreter": "--interp", "host": "--compiled"}
NO_ENGINE = "no engine"  # the command's message if it was built without one
LIMIT_S = 600

RUSTC = "/usr/bin/rustc"  # the distribution's: another one may come first in PATH
RUST_LIBRARY = Path("/usr/lib/rustlib/wasm32-wasi")
SOURCES = ROOT / "tests/wasi"
ARGUMENTS = ["one", "two words", ""]


class NoSuite(Exception):
    """The tests are not available, for the given reason."""


# ---- Finding the public suite ----

def programs_in(base):
    return sorted(program for language in LANGUAGES for program in (base / "tests" / language / FOLDER).glob("*.wasm"))


def candidates():
    if chosen := os.environ.get("HALYARD_CONFORMANCE"):
        yield from (Path(chosen, "wasi-testsuite"), Path(chosen))
    yield from (ROOT.parent / "shared/conformance/wasi-testsuite", ROOT.parent / "wasi-testsuite")


def fetch(folder):
    """The three folders of the public repository at the pinned commit, in `folder`."""
    git = ["git", "-C", str(folder)]
    paths = [f"tests/{language}/{FOLDER}" for language in LANGUAGES]
    if not (folder / ".git").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "init", "-q", str(folder)], check=True)
    try:
        for command in ([*git, "sparse-checkout", "set", *paths],
                        [*git, "fetch", "-q", "--depth=1", "--filter=blob:none", REPOSITORY, COMMIT],
                        [*git, "checkout", "-q", "FETCH_HEAD"]):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        why = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        raise NoSuite("the programs (wasi-testsuite) are neither in the folder above the checkout nor in "
                      f"HALYARD_CONFORMANCE, and the download failed: {why}")
    return folder


def public_programs(folder):
    for base in (*candidates(), folder):
        if found := programs_in(base):
            return found
    return programs_in(fetch(folder))


# ---- Running a program ----

def run(command, engine, program, options, arguments, folder, **more):
    argv = [str(command), OPTIONS[engine], *options, str(program), *arguments]
    return subprocess.run(argv, cwd=folder, capture_output=True, timeout=LIMIT_S, **more)


def has_engine(command, engine):
    """The command reports that only when it runs something: use the smallest module."""
    with tempfile.TemporaryDirectory() as work:
        module = Path(work, "empty.wasm")
        module.write_bytes(b"\0asm\1\0\0\0")
        done = subprocess.run([str(command), OPTIONS[engine], str(module)], capture_output=True, text=True)
        return NO_ENGINE not in done.stderr


def fresh_folder(program, root, work):
    """A copy of the files that the program may see, without those of an earlier run of the suite."""
    folder = work / "root"
    shutil.copytree(program.parent / root, folder)
    for left in sorted(folder.rglob("*.cleanup"), reverse=True):
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    return folder


def complaints(done, expected):
    if done.returncode != expected.get("exit_code", 0):
        yield f"it ended with {done.returncode}, not {expected.get('exit_code', 0)}"
        yield done.stderr.decode(errors="replace")
    if "stdout" in expected and done.stdout.decode(errors="replace") != expected["stdout"]:
        yield f"its output was {done.stdout!r}"


def public_test(command, engine, program):
    """(name, complaints)"""
    name = f"{program.parts[-4]}/{program.stem}"
    listing = program.with_suffix(".json")
    expected = json.loads(listing.read_text()) if listing.exists() else {}
    options = [word for pair in expected.get("env", {}).items() for word in ("--env", "=".join(pair))]
    with tempfile.TemporaryDirectory() as work:
        if root := expected.get("root"):
            options += ["--dir", f"{fresh_folder(program, root, Path(work))}::/"]
        else:
            options += ["--no-dir"]
        try:
            done = run(command, engine, program, options, expected.get("args", []), work, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return name, [f"it did not finish within {LIMIT_S} s"]
    return name, list(complaints(done, expected))


def public(command, engine, folder):
    writer = tap.Writer()
    try:
        with locked(folder):  # the other engine's suite needs them, too
            programs = public_programs(folder / "wasi-testsuite")
    except NoSuite as why:
        writer.skip(f"wasi-testsuite on {engine}", str(why))
        return writer.status()
    if not has_engine(command, engine):
        writer.skip(f"wasi-testsuite on {engine}", "the command does not have this engine on this machine")
        return writer.status()
    passed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, why in pool.map(lambda program: public_test(command, engine, program), programs):
            writer.claim(f"{name} on {engine}", why)
            passed += not why
    if len(programs) != PROGRAMS:
        writer.point(False, "the suite is complete", f"{len(programs)} programs instead of {PROGRAMS}")
    print(f"conformance wasi-testsuite {engine} {passed} of {len(programs)}", flush=True)
    return writer.status()


# ---- Programs of our own ----

def build_c(source, out):
    return [*wasmcc.COMMAND, "-O2", "-Wall", "-Wextra", "-Werror", "-I", str(SOURCES), str(source), "-o", str(out)]


def build_rust(source, out):
    return [RUSTC, "--edition", "2021", "--target", "wasm32-wasi", "-O", "-D", "warnings", "-o", str(out), str(source)]


def build_go(source, out):
    settings = ["GOOS=wasip1", "GOARCH=wasm", "GO111MODULE=off", "GOPROXY=off", "GOTOOLCHAIN=local",
                f"GOCACHE={GO_FOLDER / 'cache'}"]
    return ["env", *settings, str(find_go()), "build", "-o", str(out), str(source)]


def builders():
    """{suffix: (how to build, why not)}"""
    c = None if Path("/usr/include/wasm32-wasi/stdio.h").exists() else "wasi-libc is not installed"
    rust = None if Path(RUSTC).exists() and RUST_LIBRARY.exists() else "rustc or libstd-rust-dev-wasm32 is not installed"
    go = None if find_go() else "no Go of 1.21 or later (golang-1.23-go of Debian's backports)"
    return {".c": (build_c, c), ".rs": (build_rust, rust), ".go": (build_go, go)}


# The runs: program, arguments, input, exit status, output. A program gets a folder of its own, with a file beside it.
RUNS = [
    ("calls", ARGUMENTS, b"", 0, b"to standard output\n"),
    ("errors", [], b"", 0, b""),
    ("libc", ARGUMENTS, b"", 0, b"standard output of a C program\n"),
    ("std", ARGUMENTS, b"", 0, b"standard output of a Rust program\n"),
    ("golib", ARGUMENTS, b"", 0, b"standard output of a Go program 105\n"),
    ("escape", [], b"", 0, b""),
    ("leaks", ["one"], b"", 0, b""),
    ("exit", ["exit", "7"], b"", 7, b"bye"),
    ("exit", ["return", "200"], b"", 200, b""),
    ("exit", ["raise", "6"], b"", 134, b""),
    ("exit", ["abort"], b"", 119, b""),
    ("exit", ["echo"], bytes(range(256)) * 300, 0, bytes(range(256)) * 300),
]


class Swapper(threading.Thread):
    """Keeps replacing a directory by a link that leads out of the folder, and back."""

    def __init__(self, home):
        super().__init__()
        self.home = home
        self.is_over = threading.Event()
        (home / "d/e").mkdir(parents=True)
        (home / "d/secret").write_text("inside")
        (home / "link").symlink_to("..")

    def run(self):
        d, link, away = (self.home / name for name in ("d", "link", "away"))
        while not self.is_over.is_set():
            d.rename(away)
            link.rename(d)
            d.rename(link)
            away.rename(d)

    def stop(self):
        self.is_over.set()
        self.join()


def race_test(command, engine, program, rounds=20000):
    with tempfile.TemporaryDirectory() as work:
        Path(work, "secret").write_text("secret")
        home = Path(work, "home")
        home.mkdir()
        swapper = Swapper(home)
        swapper.start()
        try:
            done = run(command, engine, program, ["--dir", f"{home}::/"], [str(rounds)], work, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return [f"it did not finish within {LIMIT_S} s"]
        finally:
            swapper.stop()
        return list(complaints(done, {}))


def own_test(command, engine, program, what):
    _, arguments, text, status, output = what
    with tempfile.TemporaryDirectory() as work:
        secret = Path(work, "secret")
        secret.write_text("secret")
        home = Path(work, "home")
        home.mkdir()
        try:
            done = run(command, engine, program, ["--env", "NAME=value", "--dir", f"{home}::/"], arguments, work, input=text)
        except subprocess.TimeoutExpired:
            return [f"it did not finish within {LIMIT_S} s"]
        why = list(complaints(done, {"exit_code": status}))
        if done.stdout != output:
            why.append(f"its output was {done.stdout[:200]!r}")
        beside = sorted(p.name for p in Path(work).iterdir())
        if beside != ["home", "secret"] or secret.read_text() != "secret":
            why.append("it reached files outside its folder")
    return why


def is_fresh(out):
    return out.exists() and all(out.stat().st_mtime > source.stat().st_mtime
                                for source in (Path(__file__), *SOURCES.iterdir()))


def build_own(engine, folder, writer):
    """{name: program}; programs that an earlier suite, of another engine, built are reused."""
    built, how = {}, builders()
    for source in sorted(SOURCES.iterdir()):
        if source.suffix not in how:
            continue
        build, why = how[source.suffix]
        if why is not None:
            writer.skip(f"{source.name} on {engine}", why)
            continue
        out = folder / f"{source.stem}.wasm"
        if not is_fresh(out):
            draft = folder / f"{source.stem}.new"
            done = subprocess.run(build(source, draft), capture_output=True, text=True)
            if done.returncode != 0:
                writer.point(False, f"{source.name} is built", done.stderr)
                continue
            draft.replace(out)
        built[source.stem] = out
    return built


def own(command, engine, folder):
    writer = tap.Writer()
    if not has_engine(command, engine):
        writer.skip(f"own WASI programs on {engine}", "the command does not have this engine on this machine")
        return writer.status()
    with locked(folder):
        built = build_own(engine, folder, writer)
    for what in RUNS:
        if program := built.get(what[0]):
            words = " ".join([what[0], *what[1][:2]])
            writer.claim(f"{words} on {engine}", own_test(command, engine, program, what))
    if program := built.get("race"):
        writer.claim(f"race on {engine}", race_test(command, engine, program))
    return writer.status()


def main(arguments):
    if arguments[:1] in (["public"], ["own"]) and len(arguments) == 4 and arguments[2] in OPTIONS:
        action = public if arguments[0] == "public" else own
        return action(Path(arguments[1]).resolve(), arguments[2], Path(arguments[3]).resolve())
    if arguments[:1] == ["fetch"] and len(arguments) == 2:
        try:
            print(f"{len(public_programs(Path(arguments[1]).resolve() / 'wasi-testsuite'))} programs")
        except NoSuite as why:
            print(f"wasisuite: {why}", file=sys.stderr)
            return 1
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: MIT
"""The verifier of machine code alone against a compiler with a mistake: each mistake must be refused.

    seeded.py check BUILD [--part N/M] [NAME...]   the suite, TAP: every mistake, those that are named, or every M-th
    seeded.py table BUILD [NAME...]                a table of the refusals

tests/oracle/seeded.toml has the mistakes: in a copy of a source file `right` is replaced by `wrong`. The copy is
compiled like the library's own object, and linked before it into wasm-verify, which compiles the modules of
tests/oracle/seeded for both machines. Nothing runs, and no other checker is enabled. The sources stay unchanged.
"""
import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path

import markdown
import sample
import tap
from tree import MACHINES, ROOT

FOLDER = ROOT / "tests/oracle/seeded"
TABLE = ROOT / "tests/oracle/seeded.toml"
HANGS_S = 120  # normally takes a tenth of a second
LEAST = {"arch/aarch64/jit": 22, "arch/x86_64/jit": 22, "kernel/jit/codegen": 14}  # mistakes
LIMIT_S = 120  # for a compiler with a mistake, which may hang
FRAMES = (1200, 10000, 21000)  # live values: frames of 9, 78 and 164 KiB
TRIES = ((140, 1), (1100, 2))  # live values, more than the register allocator lists; and a seed
REFUSAL = re.compile(r"(?P<module>[^/ ]*)\.wasm: (?P<machine>\w+)(?P<how>[ a-z]*): (?:.*?)(?P<where>function \d+|adapter of "
                     r"\d+ parameters): .*?offset (?P<offset>0x[0-9a-f]+): (?:unsafe code: )?(?P<reason>.*)")


@dataclass
class Refusal:
    """The verifier's first message."""

    machine: str
    where: str
    offset: str
    reason: str

    def __str__(self):
        return f"{self.machine}: {self.where}, offset {self.offset}: {self.reason}"


# ---- The corpus ----

def deep(count, calls):
    """A module with this many live values, in a function with or without a call."""
    call = "(local.set $sum (i64.extend_i32_u (call $f (local.get $p))))" if calls else ""
    lines = ["(module (memory 1) (func $f (param i32) (result i32) (local.get 0))",
             f'(func (export "deep") (param $p i32) (result i64) (local {"i64 " * count}) (local $sum i64)']
    lines += [f"(local.set {n + 1} (i64.load offset={8 * n} (local.get $p)))" for n in range(count)]
    lines += [call]
    lines += [f"(local.set $sum (i64.add (local.get $sum) (local.get {n + 1})))" for n in range(count)]
    return "\n".join([*lines, "(local.get $sum)))"])


class Tries:
    """A module whose function has calls in tries, in handlers and in loops, and this many live values at each."""

    def __init__(self, count, seed):
        self.count, self.random = count, random.Random(seed)

    def value(self):
        return f"(local.get {self.random.randint(1, self.count)})"

    def sum(self):
        return "(local.get 1)" + "".join(f"(local.get {n}) (i32.add)" for n in range(2, self.count + 1))

    def body(self, depth):
        return "\n".join(self.statement(depth) for _ in range(self.random.randint(2, 4)))

    def statement(self, depth):
        kind = self.random.choice(("set", "call", "call", "if", "loop", "try", "try") if depth < 3 else ("set", "call"))
        if kind == "if":
            return f"(if {self.value()} (then {self.body(depth + 1)}) (else {self.body(depth + 1)}))"
        if kind == "loop":
            return f"(loop {self.body(depth + 1)} (br_if 0 {self.value()}))"
        if kind == "try":
            end = self.random.choice(("", self.sum() + "(return)"))
            return f"(try (do {self.body(depth + 1)}) (catch $t (drop) {self.body(depth + 1)} {end}))"
        new = f"(call $f {self.value()})" if kind == "call" else f"(i32.add {self.value()} {self.value()})"
        return f"(local.set {self.random.randint(1, self.count)} {new})"

    def text(self):
        lines = ["(module (tag $t (param i32)) (func $f (param i32) (result i32) (throw $t (local.get 0)))",
                 f'(func (export "tries") (param i32) (result i32) (local {"i32 " * self.count})']
        lines += [f"(local.set {n} (i32.mul (local.get 0) (i32.const {n})))" for n in range(1, self.count + 1)]
        return "\n".join([*lines, self.body(0), self.sum() + "))"])


def corpus(work):
    """The modules, the fast ones first."""
    texts = {file.stem: file.read_text() for file in sorted(FOLDER.glob("*.wat"))}
    texts["leaf"] = deep(FRAMES[0], False)
    texts |= {f"tries{count}": Tries(count, seed).text() for count, seed in TRIES}
    texts |= {f"deep{count}": deep(count, True) for count in FRAMES}
    modules = []
    for name, text in texts.items():
        (work / f"{name}.wat").write_text(text)
        modules.append(work / f"{name}.wasm")
        subprocess.run(["wat2wasm", "--enable-multi-memory", "--enable-tail-call", "--enable-exceptions", str(work / f"{name}.wat"), "-o", str(modules[-1])], check=True)
    return modules


# ---- Mistakes ----

def edits_of(mistake):
    """{source: its text with the mistake}; ValueError if a source differs from what the table expects."""
    texts = {}
    for edit in [mistake, *mistake.get("also", [])]:
        file = edit["file"]
        text = texts[file] if file in texts else (ROOT / file).read_text()
        if text.count(edit["right"]) != 1:
            raise ValueError(f"{file} has {text.count(edit['right'])} times: {edit['right']}")
        texts[file] = text.replace(edit["right"], edit["wrong"])
    return texts


def compilations(build):
    """{source: the command that compiles it for the library, as words}"""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if "tool_jit.dir" in entry["command"]:
            found[str(Path(entry["file"]).relative_to(ROOT))] = entry["command"].split()
    return found


def linking(build):
    """The command that links wasm-verify, as words."""
    said = subprocess.run(["ninja", "-C", str(build), "-t", "commands", "-s", "wasm-verify"], check=True,
                          capture_output=True, text=True).stdout
    return said.splitlines()[-1].removeprefix(": && ").removesuffix(" && :").split()


class Toolchain:
    """Builds a wasm-verify from changed sources: their objects are linked before those of the library."""

    def __init__(self, build):
        self.build = build
        self.commands = compilations(build)
        self.linking = linking(build)

    def compile(self, file, text, work):
        copy, made = work / Path(file).name, work / f"{Path(file).stem}.o"
        copy.write_text(text)
        command = self.commands[file]
        command = command[:command.index("-o")] + ["-w", "-o", str(made), "-c", str(copy)]
        command = [word for n, word in enumerate(command) if word not in ("-MD", "-Werror")
                   and "-MT" not in command[n - 1:n + 1] and "-MF" not in command[n - 1:n + 1]]
        subprocess.run(command, check=True, capture_output=True, text=True, cwd=self.build)
        return made

    def link(self, texts, work):
        made = [self.compile(file, text, work) for file, text in texts.items()]
        runner = work / "wasm-verify"
        at = self.linking.index("-o")
        command = [*self.linking[:at], *map(str, made), "-o", str(runner), *self.linking[at + 2:]]
        subprocess.run(command, check=True, capture_output=True, text=True, cwd=self.build)
        return runner


def machines_of(mistake):
    """The machines whose compiler contains the mistake; the others would only take time."""
    return [m for m in MACHINES if mistake["file"].startswith(f"arch/{m}/")] or list(MACHINES)


def try_mistake(tools, modules, mistake, folder):
    """What refused it: a Refusal, or a text that explains why there is none."""
    work = Path(tempfile.mkdtemp(dir=folder))
    try:
        runner = tools.link(edits_of(mistake), work)
    except ValueError as why:
        return str(why)
    except subprocess.CalledProcessError as failed:
        return f"does not compile:\n{failed.stderr}"
    said = ""
    for machine in machines_of(mistake):
        try:
            done = subprocess.run([str(runner), "-1", "-m", machine, *map(str, modules)], capture_output=True, text=True,
                                  errors="replace", timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            return f"{machine}: no end"
        if match := REFUSAL.search(done.stdout):
            return Refusal(match["machine"], f"{match['module']}, {match['where']}", match["offset"], match["reason"])
        said += f"{machine}: not refused, status {done.returncode}\n{(done.stdout + done.stderr)[-500:]}"
    return said


def results(build, mistakes):
    """(mistake, what refused it) in order, as they complete; first without a mistake, whose name is empty."""
    with tempfile.TemporaryDirectory() as work:
        tools, modules = Toolchain(build), corpus(Path(work))
        sane = subprocess.run([str(build / "wasm-verify"), *map(str, modules)], capture_output=True, text=True)
        yield {"name": ""}, (sane.stdout + sane.stderr) or sane.returncode
        with ThreadPoolExecutor(cpu_count()) as pool:
            yield from zip(mistakes, pool.map(lambda one: try_mistake(tools, modules, one, work), mistakes))


# ---- Output ----

def load(names=()):
    mistakes = tomllib.loads(TABLE.read_text())["mistake"]
    return [one for one in mistakes if not names or one["name"] in names]


def complaints_about_table(mistakes):
    names = [one["name"] for one in mistakes]
    yield from (f"two are called {name}" for name in set(names) if names.count(name) > 1)
    for place, least in LEAST.items():
        count = sum(one["file"].startswith(place) for one in mistakes)
        if count < least:
            yield f"{count} mistakes in {place}, not {least}"


def complaints_about_end(build):
    """Function 7 of this module has loop values that must equal each other, in a cycle."""
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([str(build / "wasm-gen"), "1098", "1", work], check=True, stdout=subprocess.DEVNULL)
        try:
            done = subprocess.run([str(build / "wasm-verify"), "-m", "x86_64", f"{work}/1098.wasm"], capture_output=True,
                                  timeout=HANGS_S)
        except subprocess.TimeoutExpired:
            yield "the verifier does not finish"
        else:
            if done.returncode not in (0, 1):
                yield f"status {done.returncode}"


def check(build, part, names):
    writer = tap.Writer()
    mistakes = load(names)
    if not names:
        writer.claim("there are enough bugs of each kind", complaints_about_table(mistakes))
        writer.claim("the search for values that must be equal ends", complaints_about_end(build))
    for mistake, outcome in results(build, part.of(mistakes)):
        if not mistake["name"]:
            writer.claim("without a bug nothing is refused", str(outcome).splitlines() if outcome else [])
            continue
        name = f"{Path(mistake['file']).parent}: {mistake['name']}"
        writer.point(isinstance(outcome, Refusal), name, outcome)
    return writer.status()


def table(build, names):
    missing = []

    def rows():
        for mistake, outcome in results(build, load(names)):
            if isinstance(outcome, Refusal):
                yield mistake["name"], mistake["file"], f"{outcome.machine}: {outcome.where}", outcome.offset, outcome.reason
            elif mistake["name"] or outcome:
                missing.append(mistake)
                yield mistake["name"], mistake.get("file", ""), "NOT REFUSED", "", repr(str(outcome)[:300])

    for line in markdown.table(["mistake", "source", "refused in", "at", "because"], rows()):
        print(line, flush=True)
    return int(bool(missing))


def main(arguments):
    p = argparse.ArgumentParser(prog="seeded.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("what", choices=("check", "table"))
    p.add_argument("build", type=lambda name: Path(name).resolve())
    p.add_argument("names", nargs="*")
    p.add_argument("--part", type=sample.part, default=sample.WHOLE, help=argparse.SUPPRESS)
    args = p.parse_args(arguments)
    return check(args.build, args.part, args.names) if args.what == "check" else table(args.build, args.names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: MIT
"""Count what a new machine has to provide: the functions of hal/, the files of a machine tree, and the other places
that name a machine. Prints Markdown tables from the builds of both machines; docs/porting.md contains them between two
marks."""
import argparse
import re
import subprocess
import sys

import markdown
from tree import MACHINES, ROOT, build_directory

DOCUMENT = ROOT / "docs/porting.md"
BEGIN, END = "<!-- counted by scripts/porting -->\n", "<!-- end -->\n"
PORTABLE = ("kernel", "boot", "drivers", "hal")
NAMES = re.compile("|".join(MACHINES))
INLINE = re.compile(r"^(?:static inline|INLINE)[^;{(]*?\b(hal_\w+)\(", re.M)
HELPER = re.compile(r"^(?!static|INLINE)\w[^;{(=]*?\b(hal_\w+)\([^;{]*\);", re.M)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


def symbols(build, sources):
    """(defined, undefined) global names of the kernel's objects whose source path starts with this."""
    # What a shell needs, and disks: the commands of tools.ko and what writes disks are not in the image.
    bases = [build / "CMakeFiles" / f"{room}_objects.dir" for room in ("kernel", "tools", "ext2w")]
    objects = [o for base in bases for top in sources for o in (base / top).rglob("*.obj")
               if (ROOT / o.relative_to(base).as_posix().removesuffix(".obj")).exists()]
    text = subprocess.run(["llvm-nm", "-g", *map(str, objects)], check=True, capture_output=True, text=True).stdout
    defined, undefined = set(), set()
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and not line.endswith(":"):
            (undefined if words[-2] == "U" else defined).add(words[-1])
    return defined, undefined


def contract(machine):
    """Names that portable code requires of this machine, without those that its own inline bodies need."""
    build = build_directory(machine)
    defined, undefined = symbols(build, PORTABLE)
    own = in_headers(HELPER, machine).difference(*(in_headers(HELPER, m) for m in MACHINES if m != machine))
    return {name for name in undefined - defined - own if name.startswith(("hal_", "jit_"))}


def in_headers(pattern, machine):
    headers = (ROOT / f"arch/{machine}/include/hal_arch").glob("*.h")
    return {name for header in headers for name in pattern.findall(header.read_text())}


def inlines(machine):
    """hal_* bodies in the machine's headers."""
    return in_headers(INLINE, machine)


def code_lines(file):
    """Lines that hold code: neither blank nor comment."""
    return sum(bool(line.strip()) for line in COMMENT.sub("", file.read_text()).splitlines())


def tree(machine):
    """{path inside arch/<machine>: lines of code}."""
    base = ROOT / "arch" / machine
    return {file.relative_to(base).as_posix(): code_lines(file) for file in sorted(base.rglob("*"))
            if file.suffix in (".c", ".h", ".S", ".lds", ".inc", ".cmake")}


def elsewhere():
    """{file outside arch/, tests and documents: lines that name a machine}."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True).stdout
    found = {}
    for path in listed.splitlines():
        if path.startswith(("arch/", "tests/", "docs/")) or path.endswith((".md", ".png", ".svg")):
            continue
        count = len([line for line in COMMENT.sub("", (ROOT / path).read_text(errors="replace")).splitlines()
                     if NAMES.search(line)])
        if count or NAMES.search(path):
            found[path] = count
    return found


def rounded(lines):
    """Rounded to tens; None is a file that the machine does not have."""
    return "" if lines is None else f"{round(lines, -1):,}" if lines >= 10 else "< 10"


def report():
    functions = sorted(contract("x86_64") | contract("aarch64"))
    bodies = sorted(inlines("x86_64") & inlines("aarch64"))
    hal = [name for name in functions if name.startswith("hal_")]
    jit = [name for name in functions if name.startswith("jit_")]
    trees = {machine: tree(machine) for machine in MACHINES}
    yield f"### {len(hal)} names of hal/, {len(bodies)} inline bodies, {len(jit)} names of the loader's back-end\n"
    for words in (hal, bodies, jit):
        yield ", ".join(f"`{word}`" for word in words) + ".\n"
    total = {machine: sum(files.values()) for machine, files in trees.items()}
    yield ("### The files of a machine\n\nLines of code, without comments and blank lines, rounded to tens: "
           + " and ".join(f"{rounded(total[machine])} on {machine}" for machine in MACHINES) + " in total.\n")
    files = sorted(set(trees[MACHINES[0]]) | set(trees[MACHINES[1]]))
    yield from markdown.table(["file", *MACHINES], ([file, *(rounded(trees[m].get(file)) for m in MACHINES)]
                                                    for file in files))
    others = elsewhere()
    yield f"\n### {len(others)} other files name a machine\n"
    yield from markdown.table(["file", "lines"], ((file, count or "its name") for file, count in sorted(others.items())))
    yield ""


def documented(text):
    return text.split(BEGIN)[1].split(END)[0]


def main(arguments):
    p = argparse.ArgumentParser(prog="scripts/porting", description=__doc__)
    p.add_argument("--update", action="store_true", help="write the tables to docs/porting.md")
    update = p.parse_args(arguments).update
    missing = [machine for machine in MACHINES if not (build_directory(machine) / "halyard.elf").exists()]
    if missing:
        p.error(f"{build_directory(missing[0])}: no kernel; build it first (scripts/run {missing[0]})")
    text = "\n".join(report())
    if update:
        before, rest = DOCUMENT.read_text().split(BEGIN)
        DOCUMENT.write_text(before + BEGIN + text + END + rest.split(END)[1])
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

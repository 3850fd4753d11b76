# SPDX-License-Identifier: MIT
"""Every file: a licence line, a readable length, and clang-format's layout."""
import re
import subprocess
from pathlib import Path

LONGEST = 800
FRONT_ENDS = ("kernel/load/elf/", "kernel/wasm/", "kernel/cil/")
SOURCES = (".c", ".h", ".S", ".lds", ".py", ".cmake", ".sh")
SCRIPTS = ("scripts/run", "scripts/debug", "scripts/test", "scripts/mkdisk", "scripts/disk", "scripts/redirect", "scripts/screenshot", ".ci/run")


def tracked(root):
    """The project's own files; in an unpacked archive, which has no git, everything except builds."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        names = [p.relative_to(root).as_posix() for p in root.rglob("*")]
    return [root / n for n in names if n and not n.startswith("build/") and (root / n).is_file()]


def is_source(root, file):
    return file.suffix in SOURCES or file.relative_to(root).as_posix() in SCRIPTS


def long_files(root):
    for file in filter(lambda f: is_source(root, f), tracked(root)):
        lines = len(file.read_text(errors="replace").splitlines())
        if lines > LONGEST:
            yield f"{file.relative_to(root)}: {lines} lines; what is the second idea in it?"


def unlicensed_files(root):
    for file in filter(lambda f: is_source(root, f), tracked(root)):
        if not any("SPDX-License-Identifier: MIT" in line
                   for line in file.read_text(errors="replace").splitlines()[:2]):
            yield f"{file.relative_to(root)}: no licence line"


def front_end_complaints(root):
    """Files of a front-end are in its folders; the table of front-ends is the only other file of kernel/ that may know
    it."""
    for file in tracked(root):
        name = file.relative_to(root).as_posix()
        if not name.startswith("kernel/") or file.name == "frontends.c":
            continue
        for front_end in FRONT_ENDS:
            if not name.startswith(front_end) and f'#include "{front_end}' in file.read_text(errors="replace"):
                yield f"{name}: includes what only {front_end} may"


def c_files(root):
    return [str(f) for f in tracked(root) if f.suffix in (".c", ".h")]


def format_complaints(root):
    done = subprocess.run(["clang-format", "--dry-run", *c_files(root)], capture_output=True, text=True)
    files = {line.split(":")[0] for line in done.stderr.splitlines() if "[-Wclang-format-violations]" in line}
    yield from (f"{Path(f).relative_to(root)}: not as clang-format lays it out (ninja format)" for f in sorted(files))
    if done.returncode != 0 and not files:
        yield done.stderr.strip()


def fix_format(root):
    subprocess.run(["clang-format", "-i", *c_files(root)], check=True)

# SPDX-License-Identifier: MIT
"""The repository's rules as tests: `ctest -L layering`, or all of them by hand:

    check.py [NAME...] [--build DIR --machine M] [--host DIR]

Without a build directory only the checks that need no build run. `check.py --fix` formats the C files.
"""
import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib"), str(ROOT / "tests/layering")]

import check_headers  # noqa: E402
import check_calls  # noqa: E402
import check_includes  # noqa: E402
import check_names  # noqa: E402
import check_orders  # noqa: E402
import check_prose  # noqa: E402
import check_reached  # noqa: E402
import check_sources  # noqa: E402
import check_symbols  # noqa: E402
import tap  # noqa: E402


def include_complaints(root):
    for file in sorted(f for f in check_sources.tracked(root) if f.suffix in (".c", ".h", ".S")):
        name = file.relative_to(root).as_posix()
        for line, why in check_includes.check(name, file.read_text(errors="replace").splitlines()):
            yield f"{name}:{line}: {why}"


def doxygen_complaints(root):
    with tempfile.TemporaryDirectory() as out:
        config = (root / "Doxyfile").read_text() + f"\nOUTPUT_DIRECTORY = {out}\nQUIET = YES\n"
        done = subprocess.run(["doxygen", "-"], input=config, cwd=root, capture_output=True, text=True)
    yield from done.stderr.splitlines()
    if done.returncode != 0:
        yield f"doxygen ended with status {done.returncode}"


EVERYWHERE = {
    "includes": ("each file includes only what its layer may see", include_complaints, None),
    "front-ends": ("only a front-end and the table of front-ends include its headers",
                   check_sources.front_end_complaints, None),
    "orders": ("each shared word says how accesses to it are ordered",
               lambda root: check_orders.complaints(root, check_sources.tracked), None),
    "length": (f"no file has more than {check_sources.LONGEST} lines", check_sources.long_files, None),
    "licence": ("each file names its licence", check_sources.unlicensed_files, None),
    "format": ("C files are laid out by clang-format", check_sources.format_complaints, "clang-format"),
    "prose": (f"at most {check_prose.LIMIT:.0f} % of a folder's comments, names of tests and messages, or of the documents, are not plain English",
              lambda root: check_prose.complaints(root, check_sources.tracked), None),
    "comments": (f"comments have at most {check_prose.COLUMNS} columns and end after their last word",
                 lambda root: check_prose.layout_complaints(root, check_sources.tracked), None),
    "names": ("comments and documents name functions, paths and files that exist",
              lambda root: check_names.complaints(root, check_sources.tracked), None),
    "docs": ("Doxygen has no complaint about public headers", doxygen_complaints, "doxygen"),
}
PER_MACHINE = {
    "calls": ("no room calls what is above it", check_calls.complaints),
    "headers": ("each header compiles alone", check_headers.complaints),
    "symbols": ("portable code needs only hal_* and jit_*, which only the machine defines", check_symbols.complaints),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help=", ".join([*EVERYWHERE, *PER_MACHINE, "reached", "fake"]))
    parser.add_argument("--build", type=Path)
    parser.add_argument("--machine")
    parser.add_argument("--builds", type=Path, nargs="+", help="one build directory of each machine, for `reached`")
    parser.add_argument("--host", type=Path, help="the build directory of host-tests")
    parser.add_argument("--fix", action="store_true")
    args = parser.parse_args()
    if args.fix:
        check_sources.fix_format(ROOT)
        return 0

    def wanted(name):
        return not args.names or name in args.names

    writer = tap.Writer()
    for name, (claim, complaints, tool) in EVERYWHERE.items():
        if wanted(name) and (args.build is None or args.names):
            if tool and shutil.which(tool) is None:
                writer.skip(claim, f"{tool} is not installed")
            else:
                writer.claim(claim, complaints(ROOT))
    for name, (claim, complaints) in PER_MACHINE.items():
        if wanted(name) and args.build:
            writer.claim(f"{args.machine}: {claim}", complaints(ROOT, args.build, args.machine))
    if args.builds and wanted("reached"):
        writer.claim("production code reaches every function, or check_reached.py lists its user",
                     check_reached.complaints(ROOT, args.builds))
    if args.host and wanted("fake"):
        writer.claim("host: the fake defines every hal_* that portable code needs",
                     check_symbols.host_complaints(args.host))
    return writer.status()


if __name__ == "__main__":
    sys.exit(main())

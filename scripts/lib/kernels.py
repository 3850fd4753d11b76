# SPDX-License-Identifier: MIT
"""The speed of compiled WebAssembly in the kernel, compared with the same C code compiled by clang.

    kernels.py MACHINE BUILD DIR [NAME...]

Builds the kernels of ../shared/workloads twice into DIR, as portable and as native programs, and runs both in one boot,
in which virtual time is instructions. Prints `bench` lines, a table, and TAP: whether the outputs are right and the
geometric mean of the ratios is within its limit.
"""
import math
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import disk
import markdown
import tap
import wasmcc
import workloads
from tree import ROOT, Failure

TIMED = ROOT / "tests/workloads/timed.c"
MOST = 1.8
LIMIT_S = 3000


def compile_to(target, compiler, words):
    done = subprocess.run([*compiler, *words, "-o", str(target)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{target.name} does not compile: {done.stderr.strip()}")


def compile_kernel(machine, source, out):
    place, name = source.parent.parent, source.stem
    common = [f'-DKERNEL="{source}"', str(TIMED), f"-I{source.parent}"]
    compile_to(out / f"{name}.wasm", wasmcc.COMMAND, [*workloads.COMMON, f"-I{place}", f'-DNAME="jit.{name}"', *common,
                                                      *workloads.LIBRARIES])
    # Like a hosted compiler, which knows memcpy and similar functions.
    compile_to(out / f"{name}.elf", ["clang"], [f"@programs/cflags.{machine}", "-fbuiltin", "-ffp-contract=off", "-w",
                                                "-Itests/workloads/native", f'-DNAME="native.{name}"', *common, "-c"])


def run(machine, build, out, names):
    """Each program's output, by its file's name."""
    programs = [f"{name}.{kind}" for name in names for kind in ("wasm", "elf")]
    with tempfile.TemporaryDirectory() as work:
        tree, image = Path(work, "tree"), Path(work, "disk.img")
        (tree / "bin").mkdir(parents=True)
        for program in programs:
            (tree / "bin" / program).write_bytes((out / program).read_bytes())
        disk.make_disk(tree, image)
        done = subprocess.run([str(ROOT / "scripts/run"), machine, "--build", str(build), "--no-build", "--no-install",
                               "--accel", "icount", "--disk", str(image), "--timeout", str(LIMIT_S)],
                              input="\n".join([*(f"/bin/{p}" for p in programs), "poweroff"]) + "\n",
                              capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise Failure(f"the run ended with {done.returncode}: {done.stderr.strip()}")
    pieces = [p for p in done.stdout.split("halyard> ")[1:] if p.startswith("/bin/")]
    printed = dict(piece.removeprefix("/bin/").split("\n", 1) for piece in pieces)
    return {program: printed.get(program, "") for program in programs}


def time_of(name, kind, said, expected):
    digest, _, rest = said.partition("\n")
    found = re.match(rf"bench {kind}\.{name}_ms (\d+\.\d+) ms$", rest.strip())
    if f"{digest}\n" != expected or not found:
        raise Failure(f"{name}, {kind}: {said.strip() or 'it did not run'}")
    print(rest.strip())
    return float(found[1])


def show(machine, rows, mean):
    lines = [[name, f"{jit:.1f}", f"{native:.1f}", f"{jit / native:.2f}"] for name, jit, native in rows]
    lines.append(["**geometric mean**", "", "", f"**{mean:.2f}**"])
    print("", *markdown.table([machine, "compiled, million instructions", "clang -O2", "ratio"], lines), "", sep="\n")


def measure(machine, build, out, place, only):
    """[(kernel, milliseconds compiled, native)]"""
    out.mkdir(parents=True, exist_ok=True)
    sources = [s for s in sorted((place / "kernels").glob("*.c")) if not only or s.stem in only]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda source: compile_kernel(machine, source, out), sources))
    printed = run(machine, build, out, [s.stem for s in sources])
    rows = []
    for source in sources:
        expected = (place / "expected" / f"{source.stem}.txt").read_text()
        rows.append([source.stem, *(time_of(source.stem, kind, printed[f"{source.stem}.{suffix}"], expected)
                                    for kind, suffix in (("jit", "wasm"), ("native", "elf")))])
    return rows


def main(arguments):
    machine, build, out, only = arguments[0], Path(arguments[1]), Path(arguments[2]), arguments[3:]
    writer = tap.Writer()
    place = workloads.folder()
    if place is None:
        writer.skip(f"kernels on {machine}", "no workloads in the folder above the checkout or in HALYARD_CONFORMANCE")
        return writer.status()
    try:
        rows = measure(machine, build, out / machine, place, only)
    except Failure as failure:
        writer.point(False, f"kernels on {machine}", str(failure))
        return writer.status()
    mean = math.exp(sum(math.log(jit / native) for _, jit, native in rows) / len(rows))
    show(machine, rows, mean)
    writer.point(mean <= MOST, f"compiled kernels on {machine}: at most {MOST} times the instructions of clang -O2",
                 f"{mean:.3f} times")
    return writer.status()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

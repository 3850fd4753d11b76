# SPDX-License-Identifier: MIT
"""Times of C# code beside clang -O2 without vectorisation and mono, as a Markdown table: cilratio.py BUILD LIBRARY.

BUILD is the build of the host tests, LIBRARY the folder of mscorlib.dll. Each figure is the least CPU time of some
rounds, in which the three take turns, without the time of a program that computes nothing: so starting and compiling
do not count.
"""
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import markdown
from tree import ROOT

SOURCES = ROOT / "tests/workloads/cil"
NAMES = ("structs", "virtual", "trees", "matrix", "sieve", "hash")
ENGINES = ("clang", "halyard", "mono")
ROUNDS = 3


def seconds(command):
    """(CPU seconds, output)"""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"cilratio: {command} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, output


def build(folder, library):
    subprocess.run(["clang", "-std=gnu2x", "-O2", "-fno-vectorize", "-fno-slp-vectorize", SOURCES / "ratio.c", "-o", folder / "ratio"], check=True)
    for name, words in (("own", ["-noconfig", "-nostdlib", f"-r:{library / 'mscorlib.dll'}"]), ("mono", [])):
        subprocess.run(["mcs", "-optimize", *words, SOURCES / "ratio.cs", f"-out:{folder / name}.exe"], check=True)


def measure(build_folder, library, folder):
    """{(name, engine): seconds}"""
    commands = {"clang": [folder / "ratio"], "mono": ["mono", folder / "mono.exe"],
                "halyard": [build_folder / "halyard-cil", "--lib", library, folder / "own.exe"]}
    least = {}
    for name in (*NAMES, "nothing") * ROUNDS:
        outputs = set()
        for engine in ENGINES:
            took, output = seconds([*commands[engine], name])
            least[name, engine] = min(took, least.get((name, engine), math.inf))
            outputs.add(output)
        if len(outputs) != 1:
            raise SystemExit(f"cilratio: {name}: different results: {outputs}")
    return {(name, engine): least[name, engine] - least["nothing", engine] for name in NAMES for engine in ENGINES}


def mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def main(build_folder, library):
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), library)
        times = measure(build_folder, library, Path(folder))
    ratios = {engine: [times[name, engine] / times[name, "clang"] for name in NAMES] for engine in ENGINES[1:]}
    lines = [[name, f"{times[name, 'clang']:.2f} s", *(f"{ratios[engine][n]:.2f}" for engine in ratios)] for n, name in enumerate(NAMES)]
    lines.append(["geometric mean", "", *(f"{mean(ratios[engine]):.2f}" for engine in ratios)])
    print(*markdown.table(["computation", "clang -O2", "Halyard", "mono"], lines), sep="\n")
    return 0 if mean(ratios["halyard"]) < mean(ratios["mono"]) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

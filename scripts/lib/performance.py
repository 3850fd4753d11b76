# SPDX-License-Identifier: MIT
"""Run the benchmarks that count instructions on both machines, and print them as Markdown tables beside other systems'
figures and our own limits. docs/performance.md contains the tables between two marks."""
import argparse
import re
import subprocess
import sys
from dataclasses import dataclass

import markdown
from tree import MACHINES, ROOT, Failure

DOCUMENT = ROOT / "docs/performance.md"
BEGIN, END = "<!-- measured by scripts/performance -->\n", "<!-- end -->\n"
LINE = re.compile(r"^bench (\S+) (\d+(?:\.\d+)?) (\S+)$", re.M)


@dataclass(frozen=True)
class Row:
    """A figure. `others`: Linux 6.1 on x86-64, on AArch64, and littlekernel on both, in the same unit; "": not known.
    """

    what: str
    bench: str
    others: tuple = ("", "", "")
    most: float = None  # upper limit
    least: float = None  # lower limit

    def aim(self):
        return f"≤ {self.most:,}" if self.most is not None else f"≥ {self.least:,}" if self.least is not None else ""

    def is_reached(self, value):
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)


SECTIONS = {
    "Scheduling, instructions": (
        Row("yield, one switch", "sched.yield_ns", ("1,238", "1,480", "173 / 168"), most=100),
        Row("wake through a wait queue and switch, one way", "sched.switch_ns",
            ("2,734 to 3,323", "3,073 to 3,749", "282 / 272"), most=200),
        Row("create, run and join a thread", "sched.create_join_ns", ("86,000", "55,000", "2,449 / 1,907"), most=500),
        Row("lock and unlock a mutex", "lock.uncontended_ns", ("", "", "87 / 89"), most=24),
        Row("lateness of a sleep of 1 ms, median", "timer.p50_ns", ("3,837", "4,768", "about 500"), most=500),
        Row("lateness of a sleep of 1 ms, 99th percentile", "timer.p99_ns", ("4,747", "5,856", "about 1,000"), most=1000),
        Row("interrupt: entry to handler", "irq.entry_ns"),
    ),
    "Memory, instructions": (
        Row("allocate and free 64 bytes, 10,000 live objects", "heap.pair64_ns",
            ("325 (kmalloc), 132 (glibc)", "437, 167", "281 / 284"), most=40),
        Row("16 bytes to 64 KiB, random lifetimes, each", "heap.mixed_ns",
            ("690 (kernel), 138 (glibc)", "372, 153", "265 / 257"), most=90),
        Row("the worst single call, many objects freed in any order", "heap.worst_ns", most=2000),
        Row("allocate and free a page", "page.pair_ns", ("4,845", "1,079", ""), most=50),
        Row("allocate 1,000 pages, then free them, each", "page.burst1000_ns", most=150),
        Row("reserve, map, touch, unmap and release 4 KiB", "vm.map_page_ns", ("7,959", "4,503", ""), most=450),
        Row("fault that a handler resolves", "vm.fault_ns"),
    ),
    "Copying, MB/s at one instruction a nanosecond": (
        Row("copy 4 KiB", "mem.copy4k_mbps"),
        Row("copy 1 MiB", "mem.copy1m_mbps", ("430", "", "")),
        Row("set 1 MiB", "mem.set1m_mbps"),
    ),
    "Disks, instructions of CPU work": (
        Row("4 KiB read, one at a time", "blk.read4k_qd1_instr", ("12,530", "13,800", ""), most=1500),
        Row("4 KiB read, 32 in flight, each", "blk.read4k_qd32_instr", ("7,270", "7,678", ""), most=500),
    ),
    "Boot, thousands of instructions": (
        Row("kernel entry to the first benchmark", "boot.kernel_us", ("6,130,000", "940,000", "26,500 / 5,000"), most=3000),
    ),
    "Programs": (
        Row("host call with numbers, instructions", "jit.hostcall_ns", most=12),
        Row("host call with a pointer, instructions", "jit.hostcall_pointer_ns", most=24),
        Row("an exception across two frames, instructions", "jit.throw_ns", most=2500),
        Row("load the smallest module with a memory, thousands of instructions", "jit.load_us", most=20),
        Row("first line of a program of 2 MB, a sixteenth of which is called, millions of instructions", "jit.first_line_ms",
            most=573),
        Row("the same with all of it compiled before", "jit.first_line_all_ms"),
    ),
}


def command(machine):
    """The command that a person types to get one machine's figures."""
    globs = "|".join(row.bench for rows in SECTIONS.values() for row in rows)
    return ["scripts/run", machine, "--accel", "icount", f"--bench={globs}"]


def measure(machine):
    done = subprocess.run(command(machine), cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{machine}: scripts/run ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return {name: float(value) for name, value, _ in LINE.findall(done.stdout)}


def shown(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def table(rows, figures):
    """Lines of Markdown; a figure outside its limits is bold."""
    lines = []
    for row in rows:
        values = [figures[machine][row.bench] for machine in MACHINES]
        cells = [shown(value) if row.is_reached(float(shown(value).replace(",", ""))) else f"**{shown(value)}**"
                 for value in values]
        lines.append([row.what, f"`{row.bench}`", *cells, row.aim(), *row.others])
    return markdown.table(["figure", "benchmark", "x86-64", "AArch64", "goal", "Linux x86-64", "Linux arm64",
                           "littlekernel"], lines)


def report(figures):
    for title, rows in SECTIONS.items():
        yield f"### {title}\n"
        yield from table(rows, figures)
        yield ""


def main(arguments):
    p = argparse.ArgumentParser(prog="scripts/performance", description=__doc__)
    p.add_argument("--update", action="store_true", help="write the tables to docs/performance.md")
    args = p.parse_args(arguments)
    try:
        text = "\n".join(report({machine: measure(machine) for machine in MACHINES}))
    except Failure as failure:
        print(f"performance: {failure}", file=sys.stderr)
        return 125
    if args.update:
        before, rest = DOCUMENT.read_text().split(BEGIN)
        DOCUMENT.write_text(before + BEGIN + text + END + rest.split(END)[1])
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: MIT
"""Convert the output of `trace dump` to a Chrome trace: a JSON file that Perfetto and chrome://tracing open.

Rows: each CPU with the threads that ran on it and the interrupts that it took, each thread with the modules that it
loaded and compiled, and each program and disk request from start to end. Arrows lead from a wake to where the thread
runs. Counters show how many threads are ready, and how many programs and disk requests exist. The time is 0 at the
first record.

A ring drops its oldest records, and a trace ends at any moment: intervals that started before the first record are
omitted, and those that have not ended end with the last. So every start in the file has its end.
"""
import argparse
import json
import re
import sys
from collections import namedtuple
from pathlib import Path

RECORD = re.compile(r"^trace (\d+) (\d+) (\d+) ([a-z-]+) ?(.*)$", re.M)
THREAD = re.compile(r"^trace thread (\d+) (.*)$", re.M)
LINE = re.compile(r"^trace line (\d+) (\S.*)$", re.M)
CPUS, THREADS, PROGRAMS, DISKS = 1, 2, 3, 4  # the groups of rows, as processes
GROUPS = {CPUS: "CPUs", THREADS: "Threads", PROGRAMS: "Programs", DISKS: "Disks"}
IRQ_ROW = 1000  # a CPU's interrupts are in a row of their own: they may come at any moment of a thread's

Record = namedtuple("Record", "cpu ns thread what words")


def parse(text):
    """The records in the order of their times, which begin with 0, and {id: name} of the threads."""
    text = text.replace("\r", "")
    records = [Record(int(cpu), int(ns), int(thread), what, rest.split(" "))
               for cpu, ns, thread, what, rest in RECORD.findall(text)]
    records.sort(key=lambda record: record.ns)
    records = [record._replace(ns=record.ns - records[0].ns) for record in records]
    names = {int(number): name for number, name in THREAD.findall(text)}
    for record in records:
        if record.what == "exit":
            names[record.thread] = " ".join(record.words)
    return records, names


class Picture:
    """Builds the events: which intervals are open in each row, so that each start gets one end."""

    def __init__(self, names, lines):
        self.names = names
        self.lines = lines  # interrupt line -> its drivers
        self.counts = {}
        self.ready = set()
        self.events = []
        self.open = {}  # row -> stack of names, innermost last
        self.spans = {}  # (group, id) -> name of an interval that may overlap others
        self.wakes = {}  # thread -> number of the arrow that leads to it
        self.rows = set()
        self.arrows = 0
        self.programs = {}

    def name(self, thread):
        return f"{self.names.get(thread, 'thread')} ({thread})"

    def add(self, phase, row, ns, name, **more):
        self.rows.add(row)
        self.events.append({"ph": phase, "pid": row[0], "tid": row[1], "ts": ns / 1000, "name": name, **more})

    def count(self, ns, name, value):
        if self.counts.get(name) != value:
            self.counts[name] = value
            self.events.append({"ph": "C", "pid": CPUS, "tid": 0, "ts": ns / 1000, "name": name, "args": {"count": value}})

    def count_ready(self, ns, thread, is_ready):
        (self.ready.add if is_ready else self.ready.discard)(thread)
        self.count(ns, "ready threads", len(self.ready))

    def count_spans(self, group, ns):
        self.count(ns, {DISKS: "disk requests", PROGRAMS: "programs"}[group],
                   sum(1 for other, key in self.spans if other == group and not str(key).endswith(" runs")))

    def begin(self, row, ns, name, **args):
        self.open.setdefault(row, []).append(name)
        self.add("B", row, ns, name, args=args)

    def end(self, row, ns, **args):
        stack = self.open.get(row)
        if stack:
            self.add("E", row, ns, stack.pop(), args=args)

    def end_all(self, row, ns):
        while self.open.get(row):
            self.end(row, ns)

    def span_begin(self, group, key, ns, name, **args):
        self.span_end(group, key, ns)
        self.spans[group, key] = name
        self.add("b", (group, 0), ns, name, cat=GROUPS[group], id=key, args=args)
        self.count_spans(group, ns)

    def span_end(self, group, key, ns, **args):
        name = self.spans.pop((group, key), None)
        if name is not None:
            self.add("e", (group, 0), ns, name, cat=GROUPS[group], id=key, args=args)
            self.count_spans(group, ns)

    def wake(self, record, thread, what):
        """An arrow that starts at the waker; its end is known once the thread runs."""
        row = (CPUS, record.cpu)
        self.add("i", row, record.ns, f"{what} {self.name(thread)}", s="t")
        self.count_ready(record.ns, thread, True)
        if self.open.get(row):
            self.wakes[thread] = (row, record.ns)

    def arrow(self, thread, row, ns):
        begin = self.wakes.pop(thread, None)
        if begin is not None:
            self.arrows += 1
            self.add("s", *begin, "wake", cat="wake", id=self.arrows)
            self.add("f", row, ns, "wake", cat="wake", id=self.arrows, bp="e")

    def finish(self, ns):
        for row in list(self.open):
            self.end_all(row, ns)
        for group, key in list(self.spans):
            self.span_end(group, key, ns)


def on_switch(p, r):
    to, priority, state = int(r.words[0]), int(r.words[1]), r.words[2]
    row = (CPUS, r.cpu)
    p.end(row, r.ns, left=state)
    p.count_ready(r.ns, to, False)
    if p.names.get(r.thread) != "idle":
        p.count_ready(r.ns, r.thread, state == "ready")
    p.begin(row, r.ns, p.name(to), priority=priority)
    p.arrow(to, row, r.ns)


def on_irq(p, r):
    p.end_all((CPUS, IRQ_ROW + r.cpu), r.ns)
    line = r.words[0]
    name = "from another CPU" if line == "ipi" else p.lines.get(line, f"line {line}")
    p.begin((CPUS, IRQ_ROW + r.cpu), r.ns, name, line=line, interrupted=p.name(r.thread))


def on_block(p, r):
    which, op, disk, sector, count = r.words
    p.span_begin(DISKS, which, r.ns, f"{op} disk {disk}", sector=int(sector), sectors=int(count), by=p.name(r.thread))


def on_program(p, r):
    number, name = r.words[0], " ".join(r.words[1:])
    p.programs[number] = name
    p.span_begin(PROGRAMS, number, r.ns, f"{name} ({number})")


def on_run(p, r):
    name = p.programs.get(r.words[0], "program")
    p.span_begin(PROGRAMS, f"{r.words[0]} runs", r.ns, f"{name} ({r.words[0]}) runs")


def on_program_end(p, r):
    number, how, status = r.words
    for key in (f"{number} runs", number):
        p.span_end(PROGRAMS, key, r.ns, how=how, status=int(status))


def on_call(p, r):
    """The record is of the end of the call."""
    ns = int(r.words[0])
    if ns <= r.ns:
        p.add("X", (THREADS, r.thread), r.ns - ns, " ".join(r.words[1:]), dur=ns / 1000, args={"ended on CPU": r.cpu})


HANDLERS = {
    "switch": on_switch,
    "wake": lambda p, r: p.wake(r, int(r.words[0]), "wakes"),
    "start": lambda p, r: p.wake(r, int(r.words[0]), "starts"),
    "exit": lambda p, r: p.end_all((THREADS, r.thread), r.ns),
    "irq": on_irq,
    "irq-end": lambda p, r: p.end((CPUS, IRQ_ROW + r.cpu), r.ns),
    "block": on_block,
    "block-end": lambda p, r: p.span_end(DISKS, r.words[0], r.ns, status=int(r.words[1])),
    "load": lambda p, r: p.begin((THREADS, r.thread), r.ns, "load " + " ".join(r.words)),
    "load-end": lambda p, r: p.end((THREADS, r.thread), r.ns, status=int(r.words[0])),
    "program": on_program,
    "compile": lambda p, r: p.begin((THREADS, r.thread), r.ns, "compile " + p.programs.get(r.words[0], ""),
                                    bytes=int(r.words[1])),
    "compile-end": lambda p, r: p.end((THREADS, r.thread), r.ns, status=int(r.words[1])),
    "run": on_run,
    "call": on_call,
    "program-end": on_program_end,
}


def name_rows(p):
    """Perfetto sorts rows by number and shows their names."""
    for group, name in GROUPS.items():
        yield {"ph": "M", "pid": group, "name": "process_name", "args": {"name": name}}
    for group, row in sorted(p.rows):
        if group == CPUS:
            name = f"CPU {row % IRQ_ROW}" + (" interrupts" if row >= IRQ_ROW else "")
        else:
            name = p.name(row) if group == THREADS else GROUPS[group]
        yield {"ph": "M", "pid": group, "tid": row, "name": "thread_name", "args": {"name": name}}


def convert(text):
    """The events of a Chrome trace, or [] if the text has no record."""
    records, names = parse(text)
    if not records:
        return []
    p = Picture(names, dict(LINE.findall(text.replace("\r", ""))))
    for cpu in sorted({record.cpu for record in records}):
        first = next(record for record in records if record.cpu == cpu)
        p.begin((CPUS, cpu), first.ns, p.name(first.thread))
    for record in records:
        HANDLERS.get(record.what, lambda p, r: None)(p, record)
    p.finish(records[-1].ns)
    return [*name_rows(p), *sorted(p.events, key=lambda event: event["ts"])]


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/trace", description="Convert the output of `trace dump` to a Chrome trace (JSON), which Perfetto opens. "
        "Example: printf 'trace start\\nls /bin\\ntrace stop\\ntrace dump\\npoweroff\\n' | scripts/run | scripts/trace -o ls.json")
    parser.add_argument("input", nargs="?", help="the console's output (default: standard input)")
    parser.add_argument("-o", "--output", default="trace.json", help="the file to write (default: trace.json)")
    options = parser.parse_args(arguments)
    text = Path(options.input).read_text(errors="replace") if options.input else sys.stdin.buffer.read().decode(errors="replace")
    events = convert(text)
    if not events:
        print("trace: no record in the input: was it `trace dump`?", file=sys.stderr)
        return 1
    Path(options.output).write_text(json.dumps({"traceEvents": events, "displayTimeUnit": "ns"}))
    print(f"trace: {len(events)} events in {options.output}: open it at https://ui.perfetto.dev", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

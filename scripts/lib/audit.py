# SPDX-License-Identifier: MIT
"""Boot a machine and check its page tables from outside: no memory is both writable and executable.

The script stops the guest several times and reads the page tables of every CPU through QEMU. It checks that:
  - no frame that is executable through any mapping is writable through another, on any CPU;
  - no page is accessible to a lower privilege level, and the lower half of the address space is empty: the identity
    maps of firmware and boot code are gone;
  - the kernel's code is readable and executable, its constants are read-only, and its data is never executable;
  - no CPU has a setting that disables permission checks.
"""
import argparse
import itertools
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from dataclasses import dataclass, replace
from pathlib import Path

from elftools.elf.elffile import ELFFile

import gdbstub
from pagewalk import FORMATS, PAGE, UPPER_HALF, Tables
from tree import MACHINES, ROOT, Failure, build_directory

PROMPT = "halyard> "
LIMIT_S = 300
SHOWN = 10               # findings
PAUSE_S = (0.001, 0.05)  # between two looks
X, W = 1, 2              # p_flags
ALIAS = range(0x200000, 0x202000)  # where text_alias maps the bytes of code that are written: arch/*/text.c
CPU_DATA = {"x86_64": "gs_base", "aarch64": "TPIDR_EL1"}  # points at it


@dataclass(frozen=True)
class Part:
    """A segment of the kernel as linked in the upper half."""

    first: int
    end: int
    writable: bool
    executable: bool

    @property
    def permissions(self):
        return "r" + "-w"[self.writable] + "-x"[self.executable]


def linked(kernel):
    """(the parts of the kernel, lowest first; {symbol: address} of what the audit looks at), as linked."""
    with open(kernel, "rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".symtab")
        [cpu] = (symbol for symbol in table.get_symbol_by_name("boot_cpu") if symbol["st_info"]["bind"] == "STB_GLOBAL")
        known = {name: table.get_symbol_by_name(name)[0]["st_value"] for name in ("text_alias_root", "text_alias_pages")}
        return sorted((Part(s["p_vaddr"], s["p_vaddr"] + s["p_memsz"], s["p_flags"] & W != 0, s["p_flags"] & X != 0)
                       for s in elf.iter_segments()
                       if s["p_type"] == "PT_LOAD" and s["p_memsz"] and s["p_vaddr"] >= UPPER_HALF),
                      key=lambda part: part.first), {**known, "boot_cpu": cpu["st_value"]}


def moved(parts, slide):
    """The parts where this boot has them."""
    return [replace(part, first=part.first + slide, end=part.end + slide) for part in parts]


@dataclass
class Look:
    """What one look at a stopped machine found."""

    cpus: int
    leaves: list
    findings: list

    @property
    def executable(self):
        """Bytes of frames that are."""
        return sum(size for _, size in {(leaf.pa, leaf.size) for leaf in self.leaves if leaf.executable})


def place(leaf):
    return f"{leaf.va:016x} ({leaf.size // 1024} KiB, {leaf.permissions}, frame {leaf.pa:#x})"


def check_leaf(leaf):
    if leaf.writable and leaf.executable:
        yield f"{place(leaf)} is writable and executable"
    if leaf.user:
        yield f"{place(leaf)} is accessible from a lower privilege level"
    if leaf.va < UPPER_HALF:
        yield f"{place(leaf)} is mapped in the lower half"


def check_frames(leaves):
    """No frame is executable through one leaf and writable through another."""
    executable = {}
    for leaf in leaves:
        if leaf.executable:
            executable.update((page, leaf) for page in range(leaf.pa, leaf.pa + leaf.size, PAGE))
    pages = sorted(executable)
    for leaf in leaves:
        first = bisect_left(pages, leaf.pa)
        if leaf.writable and not leaf.executable and first < len(pages) and pages[first] < leaf.pa + leaf.size:
            yield f"{place(leaf)} is executable, too, at {place(executable[pages[first]])}"


def check_image(leaves, image):
    """Nothing of the kernel may more than it was linked for, and its code runs."""
    ours = [leaf for leaf in leaves if leaf.va < image[-1].end and image[0].first < leaf.va + leaf.size]
    for leaf in ours:
        for part in image:
            if leaf.va < part.end and part.first < leaf.va + leaf.size and (
                    leaf.writable > part.writable or leaf.executable > part.executable):
                yield f"{place(leaf)} is in the kernel's {part.permissions}"
    if not any(leaf.executable for leaf in ours):
        yield "none of the kernel's code is executable"


def frame_of(leaves, va):
    """The physical address of an address of the kernel, or None."""
    return next((leaf.pa + va - leaf.va for leaf in leaves if leaf.va <= va < leaf.va + leaf.size), None)


def is_alias(leaf, leaves):
    """Whether this is the one exception: a page of code, of the kernel's or of a program's, writable and not executable, in
    text_alias."""
    code = [leaf for leaf in leaves if leaf.executable and leaf.va >= UPPER_HALF]
    return leaf.va in ALIAS and leaf.size == PAGE and not leaf.executable and not leaf.user and any(
        of.pa <= leaf.pa < of.pa + of.size for of in code)


def alias_findings(stub, roots, leaves, names):
    """(leaves without those of a write in progress, findings). Only a CPU that writes code uses text_alias's tables, and
    only then is anything in them."""
    root, pages = (frame_of(leaves, names[name]) for name in ("text_alias_root", "text_alias_pages"))
    if root is None or pages is None:
        return leaves, ["text_alias is not mapped"]
    users = [cpu for cpu, used in enumerate(roots) if root in [table for table, *_ in used]]
    if users:
        leaves = [leaf for leaf in leaves if leaf.entries[0] & -PAGE != root or not is_alias(leaf, leaves)]
    findings = [f"CPUs {users} use text_alias at once"] if len(users) > 1 else []
    if not users and any(stub.read(pages, PAGE)):
        findings.append("text_alias outlived the write: it maps code writable, and no CPU uses it")
    return leaves, findings


def look(stub, machine, image, names):
    """The findings, and what they are about. The machine is stopped."""
    tables, leaves, findings, seen, roots = Tables(stub.read), [], [], set(), []
    form = FORMATS[machine]
    for number in range(len(stub.cpus)):
        cpu = {name: stub.register(number, name) for name in form.REGISTERS}
        findings += (f"CPU {number}: {complaint}" for complaint in form.complaints(cpu))
        mapped_by = tuple(form.roots(cpu))
        roots.append(mapped_by)
        if mapped_by not in seen:
            seen.add(mapped_by)
            leaves += form.leaves(tables, cpu)
    leaves, complaints = alias_findings(stub, roots, leaves, names)
    findings += complaints
    for leaf in leaves:
        findings += check_leaf(leaf)
    return Look(len(stub.cpus), leaves, [*findings, *check_frames(leaves), *check_image(leaves, image)])


class Audited:
    """A guest under scripts/run, to be stopped and looked at; its output is kept and may be waited for. If it does not start,
    it is stopped before the first instruction, until stop() and go_on()."""

    def __init__(self, machine, build, *more, starts=True):
        self.machine = machine
        self.parts, self.names = linked(build / "halyard.elf")
        self.folder = tempfile.TemporaryDirectory(prefix="halyard-")
        socket = Path(self.folder.name) / "gdb.sock"
        listens = (["--qemu", f"-gdb unix:{socket},server=on,wait=off"] if starts
                   else ["--gdb", "--sockets", self.folder.name])
        self.guest = subprocess.Popen(
            [ROOT / "scripts/run", machine, "--build", build, "--no-build", *listens, *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.output = bytearray()
        self.changed = threading.Condition()
        self.ended = False
        threading.Thread(target=self._read, daemon=True).start()
        self.stub = None
        self.socket = socket

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.stub is not None:
            self.stub.close()
        self.guest.terminate()
        self.guest.wait()
        self.folder.cleanup()

    def _read(self):
        while data := os.read(self.guest.stdout.fileno(), 65536):
            with self.changed:
                self.output += data
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def type(self, line):
        self.guest.stdin.write(line.encode() + b"\n")
        self.guest.stdin.flush()

    def wait_for(self, text, limit_s=LIMIT_S):
        """Until the guest has printed so, since the last wait_for()."""
        with self.changed:
            self.changed.wait_for(lambda: text.encode() in self.output or self.ended, limit_s)
            before, found, self.output = self.output.partition(text.encode())
        if not found:
            raise Failure(f"the guest did not print {text!r}, but:\n{before.decode(errors='replace')}")

    def stop(self):
        if self.stub is None:
            self.stub = gdbstub.Stub(self.socket, still_there=lambda: self.guest.poll() is None)
        else:
            self.stub.stop()

    def go_on(self):
        self.stub.go_on()

    def look(self):
        return look(self.stub, self.machine, moved(self.parts, self.slide), self.names_here())

    @property
    def slide(self):
        return self.stub.register(0, CPU_DATA[self.machine]) - self.names["boot_cpu"]  # it may be down

    def names_here(self):
        """{symbol: its address in this boot}"""
        return {name: address + self.slide for name, address in self.names.items()}

    def looks(self, count=None, seed=1):
        """Stops and looks so often, or without end, as long as the guest runs; it runs afterwards."""
        pauses = random.Random(seed)
        try:
            for _ in itertools.count() if count is None else range(count):
                self.stop()
                yield self.look()
                self.go_on()
                time.sleep(pauses.uniform(*PAUSE_S))
        except gdbstub.Ended:
            return


def parse(arguments):
    p = argparse.ArgumentParser(prog="scripts/audit", description=__doc__, allow_abbrev=False,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("machine", choices=MACHINES)
    p.add_argument("--looks", type=int, default=20, metavar="N", help="number of stops (default: 20)")
    p.add_argument("--after", default=PROMPT, metavar="TEXT", help="begin when the guest prints TEXT (default: its prompt)")
    p.add_argument("--type", metavar="COMMAND", action="append", default=[], help="type COMMAND at the shell, then check; may be repeated")
    p.add_argument("--build", type=Path, metavar="DIR", help="build directory (default: build/MACHINE)")
    p.add_argument("--options", metavar="OPTION", nargs=argparse.REMAINDER, default=[], help="pass all further options to scripts/run")
    return p.parse_args(arguments)


def span(values):
    return f"{min(values)} to {max(values)}" if min(values) != max(values) else f"{min(values)}"


def audit(o):
    with Audited(o.machine, o.build or build_directory(o.machine), *o.options) as guest:
        guest.wait_for(o.after)
        for line in o.type:
            guest.type(line)
        seen = []
        for found in guest.looks(o.looks):
            seen.append(found)
            if found.findings:
                break
    if not seen:
        raise Failure("the guest ended before the first check")
    for finding in seen[-1].findings[:SHOWN]:
        print(f"audit: {finding}")
    print(f"audit: {o.machine}: looked {len(seen)} times at {seen[0].cpus} CPUs, "
          f"{span([len(found.leaves) for found in seen])} mappings, "
          f"{span([found.executable // 1024 for found in seen])} KiB executable: "
          + (f"{len(seen[-1].findings)} findings" if seen[-1].findings else "nothing found"))
    return 1 if seen[-1].findings else 0


def main(arguments):
    try:
        return audit(parse(arguments))
    except Failure as failure:
        print(f"audit: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

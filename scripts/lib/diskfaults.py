# SPDX-License-Identifier: MIT
"""Disks that fail: each request of a fixed list of commands fails once, and disks that vanish at some of them.

    diskfaults.py MACHINE [--build DIR] [--ignore]

A guest carries out the commands on several ext3 disks. On each, QEMU's blkdebug lets one request fail: the n-th read, write
or flush, with EIO or ENOSPC; or that one and all requests after it, as of a disk that was pulled out. The guest must report that, unless nothing is lost by it: reading ahead is tried again. When
a disk becomes read-only, the log says so. Afterwards e2fsck replays the journal and finds the disk consistent, and it has
what a `sync` without an error had confirmed. With --ignore the guest is not told of the faults: that must be noticed.
"""
import argparse
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cutfs import Ext3
from cutrecord import Lost, boot, tool
from cuts import BATCH
from tree import MACHINES, build_directory

ERRNOS = {"EIO": 5, "ENOSPC": 28}
VANISHED = {"ENXIO": 6}
EVENTS = {"read": "read_aio", "write": "write_aio", "flush": "flush_to_disk"}
COUNTS = {"read": 18, "write": 26, "flush": 17}  # of requests, and a few more, which the commands do not cause
TEXT = "0123456789" * 20
LONG = 24  # times TEXT

# What each command does to a name in /mnt: its new contents, or None. `sync` is told apart.
COMMANDS = [(f"write /mnt/a {TEXT}", "a", TEXT + "\n"), (f"write /mnt/b {TEXT[1:]}", "b", TEXT[1:] + "\n"),
            ("mkdir /mnt/d", None, None), ("sync", None, None),
            (f"cat {'/mnt/a ' * LONG}> /mnt/d/long", "d/long", (TEXT + "\n") * LONG), ("rm /mnt/b", "b", None),
            ("write /mnt/d/c third", "d/c", "third\n"), ("sync", None, None),
            ("cat /mnt/d/long > /dev/null", None, None), ("write /mnt/a short", "a", "short\n"),
            ("rm /mnt/d/long", "d/long", None), ("mkdir /mnt/e", None, None), ("sync", None, None)]


@dataclass
class Fault:
    kind: str     # of request
    number: int   # which of them, from 1
    errno: str
    is_final: bool = False  # all requests after it fail, too

    def __str__(self):
        return f"{self.kind} {self.number} fails with {self.errno}" + (", and so does all that follows" if self.is_final else "")

    def rules(self):
        """blkdebug's: count the requests by its states, and fail one."""
        event, lines = EVENTS[self.kind], []
        for state in range(1, self.number):
            lines += ["[set-state]", f'event = "{event}"', f'state = "{state}"', f'new_state = "{state + 1}"']
        for kind in EVENTS if self.is_final else [self.kind]:
            lines += ["[inject-error]", f'event = "{EVENTS[kind]}"', f'iotype = "{kind}"', f'state = "{self.number}"',
                      f'errno = "{(ERRNOS | VANISHED)[self.errno]}"', f'once = "{"off" if self.is_final else "on"}"']
        return "\n".join(lines) + "\n"


def every_fault():
    once = [Fault(kind, number, errno) for errno in ERRNOS for kind, count in COUNTS.items()
            for number in range(1, count + 1)]
    return once + [Fault(kind, number, "ENXIO", True) for kind, count in COUNTS.items() for number in range(1, count + 1, 2)]


def options(number, image, rules, action):
    return (f"-blockdev driver=raw,node-name=fault{number},file.driver=blkdebug,file.config={rules},"
            f"file.image.driver=file,file.image.filename={image},file.image.cache.no-flush=on "
            f"-device virtio-blk-pci,drive=fault{number},serial=fault{number},werror={action},rerror={action}")


def without_log(text):
    return [line for line in text.split("\n") if line and not re.match(r"\[ *\d+\.\d+", line)]


def answers(output):
    """[(line, what the shell printed, the log lines meanwhile)]"""
    found = []
    for part in output.split("halyard> ")[1:]:
        line, _, text = part.partition("\n")
        printed = without_log(text)
        found.append((line.strip(), printed, [other for other in text.split("\n") if other.startswith("[")]))
    return found


def check_errors(printed, log):
    """What the guest says. True: it reported an error."""
    errors = [line for _, lines, _ in printed for line in lines]
    becomes = [line for line in log if "read-only from now on" in line]
    if any("read-only file system" in line for line in errors) and not becomes:
        raise Lost("it became read-only, and the log does not say so")
    return bool(errors)


def possible_files(printed):
    """For each name, the contents that it may have, by what the commands printed."""
    names, last_sync, printed = {name for _, name, _ in COMMANDS if name}, -1, printed[:len(COMMANDS)]
    for i, (line, text, _) in enumerate(printed):
        if line == "sync" and not text:
            last_sync = i
    found = {}
    for name in names:
        now, allowed = None, set()
        for i, (_, text, _) in enumerate(printed):
            if COMMANDS[i][1] != name:
                continue
            if i < last_sync and not text:
                now, allowed = COMMANDS[i][2], set()
            else:
                allowed.add(COMMANDS[i][2])
        found[name] = (now, allowed)
    return found


def check_files(printed, tree):
    """True if the tree has what all commands would have made."""
    possible, complete = possible_files(printed), {}
    if not set(tree) <= set(possible):
        raise Lost(f"unknown files: {set(tree) - set(possible)}")
    for name, (now, allowed) in possible.items():
        text = tree[name].decode(errors="replace") if name in tree else None
        is_part = text is not None and any(other and other.startswith(text) for other in allowed)
        if text != now and text not in allowed and not is_part:
            raise Lost(f"{name} has {text and text[:40]!r}")
    for _, name, after in COMMANDS:
        complete[name] = after
    return all(tree.get(name) == (after and after.encode()) for name, after in complete.items() if name)


def check_disk(image, printed, log, folder):
    """One disk after the guest."""
    was_reported = check_errors(printed, log)
    tool("e2fsck", "-y", "-E", "journal_only", image)
    done = tool("e2fsck", "-fn", image)
    if done.returncode != 0:
        raise Lost(f"e2fsck complains:\n{done.stdout}{done.stderr}")
    is_complete = check_files(printed, Ext3.read(image, folder))
    if not was_reported and not is_complete:
        raise Lost("no command reported an error, and something is missing")
    return was_reported


def lines_for(disk):
    return [f"mount -o rw {disk} /mnt", *(line for line, _, _ in COMMANDS), "umount /mnt"]


def check_segment(image, said, folder):
    """One disk's part of the guest's output: mount, the commands, umount."""
    log = [line for _, _, lines in said for line in lines]
    if said[0][1]:  # it could not be mounted
        check_disk(image, said[:1], log, folder)
        return True
    return check_disk(image, said[1:], log, folder)


def run_faults(faults, machine, build, folder, action="report"):
    """One guest. Returns [(fault, was it reported?, a complaint or None)]."""
    images, words, lines = [], [], []
    for number, fault in enumerate(faults):
        images.append(Path(folder) / f"fault{number}.img")
        images[-1].unlink(missing_ok=True)
        Ext3.make(images[-1], 0)
        rules = Path(folder) / f"fault{number}.rules"
        rules.write_text(fault.rules())
        words.append(options(number, images[-1], rules, action))
        lines += lines_for(f"vd{chr(ord('b') + number)}")
    output = boot(machine, build, [*lines, "poweroff"], "--qemu", " ".join(words))
    said, results, each = answers(output), [], len(COMMANDS) + 2
    for number, fault in enumerate(faults):
        mine = said[number * each:(number + 1) * each]
        try:
            results.append((fault, check_segment(images[number], mine, folder), None))
        except Lost as why:
            text = "\n".join(f"{line[:60]}: {printed} {log}" for line, printed, log in mine)
            results.append((fault, None, f"{why}\n{text}"))
    return results


def campaign(machine, build, faults, action="report"):
    """[what is wrong] with these faults, which one guest has."""
    with tempfile.TemporaryDirectory(prefix="halyard-faults-") as folder:
        return [f"{fault}: {wrong}" for fault, _, wrong in run_faults(faults, machine, build, folder, action) if wrong]


def main(arguments):
    p = argparse.ArgumentParser(prog="diskfaults.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("machine", choices=MACHINES)
    p.add_argument("--build", type=Path)
    p.add_argument("--ignore", action="store_true")
    o = p.parse_args(arguments)
    start, everything, failed, reported = time.monotonic(), every_fault(), 0, 0
    for at in range(0, len(everything), BATCH):
        with tempfile.TemporaryDirectory(prefix="halyard-faults-") as folder:
            for fault, was_reported, wrong in run_faults(everything[at:at + BATCH], o.machine,
                                                         o.build or build_directory(o.machine), folder,
                                                         "ignore" if o.ignore else "report"):
                failed, reported = failed + bool(wrong), reported + bool(was_reported)
                if wrong:
                    print(f"{fault}: {wrong}")
    print(f"{o.machine}: {len(everything)} faults, {reported} reported, {failed} wrong, {time.monotonic() - start:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

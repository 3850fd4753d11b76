# SPDX-License-Identifier: MIT
"""Boot Halyard, type on its keyboard, and save its screen as a PNG. --docs makes the pictures of docs/images anew."""
import argparse
import re
import subprocess
import sys
import tempfile

import flamegraph
import memmap
from screen import Monitor, Reader, socket_path
from tree import MACHINES, ROOT, Failure

PROMPT = re.compile(r"halyard( \S+)?>")
STEPS = [("type", "cpus"), ("type", "mem"), ("type", "ps")]
IMAGES = ROOT / "docs/images"
LIMIT_S = 120
PROFILE = "profile start\n/bin/compute.wasm\n/bin/threads.elf\nprofile stop\nprofile stacks\npoweroff\n"

EDITED = ["a", "The kernel is a poem.", ".", ",p", "w"]

# For --docs: {name: (steps, options of scripts/run)}, each on both machines.
PICTURES = {
    "boot": ([("type", line) for line in ("hello one two", "ls /bin", "spin > /tmp/a &", "spin > /tmp/b &", "sleep 3", "ps")],
             ["--smp", "4"]),
    "devices": ([("type", "lspci"), ("type", "ed /tmp/poem"), ("until", "ed"),
                 *(step for line in EDITED for step in (("type", line), ("until", line))), ("type", "q")], []),
    "game": ([("type", "2048 7"), ("until", "q ends"), ("type", "asdwasdwwaaswdwasdwasddsaw"), ("until", "score 128")], []),
}


def parse(arguments):
    p = argparse.ArgumentParser(prog="scripts/screenshot", description=__doc__)
    p.add_argument("machine", choices=MACHINES, nargs="?", help="with --docs: the pictures of this machine only")
    p.add_argument("file", metavar="FILE.png", nargs="?")
    p.add_argument("--type", metavar="TEXT", action="append", dest="steps", type=lambda text: ("type", text),
                   help="type this text, any characters, and Enter, and wait for the shell's prompt; may be repeated; default "
                   + ", ".join(text for _, text in STEPS))
    p.add_argument("--until", metavar="TEXT", action="append", dest="steps", type=lambda text: ("until", text),
                   help="after --type: wait until the screen shows this text, not for the prompt")
    p.add_argument("--docs", action="store_true", help="make the pictures of docs/images")
    p.add_argument("--options", metavar="OPTION", nargs=argparse.REMAINDER, default=[],
                   help="pass all further options to scripts/run")
    o = p.parse_args(arguments)
    if not o.docs and not o.file:
        p.error("expected a machine and a file, or --docs")
    if o.docs and (o.file or o.steps or o.options):
        p.error("--docs chooses the files, the text and the options itself")
    return o


def squeezed(text):
    """Without spaces: a line that is longer than the screen is wide has its end on the next row."""
    return re.sub(r"\s", "", text)


def is_prompt(lines):
    return bool(lines) and PROMPT.fullmatch(lines[-1]) is not None


class Person:
    """Types at a guest's keyboard and looks at its screen."""

    def __init__(self, monitor, has_ended):
        self.reader, self.monitor, self.has_ended = Reader(), monitor, has_ended

    def wait(self, condition):
        return self.reader.wait(self.monitor, condition, LIMIT_S, self.has_ended)

    def type(self, text, is_echoed):
        """Type the text, wait until the screen shows it if it will, and press Enter."""
        if not is_echoed:
            self.monitor.type(text + "\n")
            return
        wanted = squeezed(self.reader.shown(text)) if text.isprintable() else ""
        before = squeezed("".join(self.reader.lines(self.wait(lambda lines: True)))).count(wanted) if wanted else 0
        self.monitor.type(text)
        if wanted:
            self.wait(lambda lines: squeezed("".join(lines)).endswith(wanted) or
                      squeezed("".join(lines)).count(wanted) > before)
        self.monitor.type("\n")

    def do(self, steps):
        """Returns the last picture."""
        picture = self.wait(is_prompt)
        for (kind, text), after in zip(steps, [*steps[1:], (None, None)]):
            if kind == "type":
                self.type(text, after[0] != "until")  # a program may read keys without showing them
            if kind == "until":
                picture = self.wait(lambda lines: squeezed(text) in squeezed("".join(lines)))
            elif after[0] != "until":
                picture = self.wait(is_prompt)
        return picture


def take(machine, file, steps, options):
    with tempfile.TemporaryDirectory(prefix="halyard-") as work:
        monitor = Monitor(socket_path(work))
        guest = subprocess.Popen([ROOT / "scripts/run", machine, "--screen", "--timeout", str(2 * LIMIT_S),
                                  "--qemu", monitor.arguments, *options], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            Person(monitor, guest.poll).do(steps).write_png(file)
        finally:
            monitor.close()
            guest.terminate()
            guest.wait()


def draw_profile():
    """The flame graph: of two programs, which the shell starts."""
    done = subprocess.run([ROOT / "scripts/run", "x86_64", "--timeout", str(2 * LIMIT_S)], input=PROFILE.encode(), check=True,
                          stdout=subprocess.PIPE)
    with tempfile.NamedTemporaryFile(suffix=".txt") as console:
        console.write(done.stdout)
        console.flush()
        flamegraph.main([console.name, "--busy", "--title", "Two programs, from the shell", "-o",
                         str(IMAGES / "flamegraph.svg")])


def main(arguments):
    o = parse(arguments)
    try:
        if not o.docs:
            take(o.machine, o.file, o.steps or STEPS, o.options)
        for name, (steps, options) in PICTURES.items() if o.docs else ():
            for machine in [o.machine] if o.machine else MACHINES:
                take(machine, IMAGES / f"{name}-{machine}.png", steps, options)
        if o.docs and not o.machine:
            memmap.main([])
            draw_profile()
    except Failure as failure:
        sys.exit(f"screenshot: {failure}")


if __name__ == "__main__":
    main(sys.argv[1:])

# SPDX-License-Identifier: MIT
"""Boot Halyard, type commands on its keyboard, and save its screen as a PNG, as in docs/images."""
import argparse
import subprocess
import sys
import tempfile

from screen import Monitor, Reader, socket_path
from tree import MACHINES, ROOT, Failure

PROMPT = "halyard>"
COMMANDS = ["cpus", "mem", "ps"]
LIMIT_S = 120


def parse(arguments):
    p = argparse.ArgumentParser(prog="scripts/screenshot", description=__doc__)
    p.add_argument("machine", choices=MACHINES)
    p.add_argument("file", metavar="FILE.png")
    p.add_argument("--type", metavar="COMMAND", action="append", help="may be repeated; default "
                   + ", ".join(COMMANDS))
    p.add_argument("--options", metavar="OPTION", nargs=argparse.REMAINDER, default=[],
                   help="pass all further options to scripts/run")
    return p.parse_args(arguments)


def take(o, monitor, guest):
    """Type each command when the one before has ended; return the last picture."""
    reader = Reader()
    picture = reader.wait(monitor, lambda lines: lines[-1:] == [PROMPT], LIMIT_S, guest.poll)
    for count, command in enumerate(o.type or COMMANDS):
        monitor.type(command + "\n")
        picture = reader.wait(monitor, lambda lines: lines[-1:] == [PROMPT] and lines.count(
            f"{PROMPT} {command}") > (o.type or COMMANDS)[:count].count(command), LIMIT_S, guest.poll)
    return picture


def main(arguments):
    o = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="halyard-") as work:
        monitor = Monitor(socket_path(work))
        guest = subprocess.Popen(
            [ROOT / "scripts/run", o.machine, "--screen", "--timeout", str(2 * LIMIT_S),
             "--qemu", monitor.arguments, *o.options],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            take(o, monitor, guest).write_png(o.file)
        except Failure as failure:
            sys.exit(f"screenshot: {failure}")
        finally:
            monitor.close()
            guest.terminate()
            guest.wait()


if __name__ == "__main__":
    main(sys.argv[1:])

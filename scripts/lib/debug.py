# SPDX-License-Identifier: MIT
"""scripts/debug: gdb on this terminal, with the guest in the background and its console within reach.

The guest is scripts/run on a pseudo-terminal of its own. Its output goes to console.log in the build directory or where
--sockets says, and to a terminal that is attached with `scripts/debug --console`. While none is attached, it goes to gdb's terminal, like the
output of any program under gdb (with --script, after gdb's). Keys typed there, and lines of gdb's command `halyard
type`, are the guest's input.
"""
import argparse
import fcntl
import os
import pty
import select
import selectors
import signal
import socket
import subprocess
import sys
import termios
import threading
from pathlib import Path

import options
import packages
import run
import sockets
from status import NAMES, NOT_RUN
from terminal import Input
from tree import ROOT, Failure

INIT = ROOT / "scripts/gdb/init.py"
HINT = """\
The guest waits before its first instruction: `c` continues, Ctrl-C stops it, `help halyard` lists commands.
Its output appears here; `halyard type help` types a line at its shell. To open its console in another
terminal: scripts/debug {machine} --console{build}
"""
DETACH = 0x1d  # Ctrl-]
LAST_WORDS_S = 0.5
EPILOG = "All options of scripts/run work, too: scripts/debug aarch64 --program build/aarch64/programs/hello.elf"


def parser():
    p = argparse.ArgumentParser(prog="scripts/debug", allow_abbrev=False, epilog=EPILOG,
                                description="Boot Halyard with gdb attached, on this terminal.")
    p.add_argument("--tui", action="store_true", help="open gdb's source window")
    p.add_argument("--script", metavar="FILE", help="run the gdb commands in FILE, then exit")
    p.add_argument("--attach", action="store_true",
                   help="attach to a running guest (scripts/run --gdb-server or --gdb)")
    p.add_argument("--console", action="store_true",
                   help="open the console of a guest that another scripts/debug started; Ctrl-] leaves it")
    return p


class Console(threading.Thread):
    """Relays between the guest's pseudo-terminal and all attached terminals."""

    def __init__(self, o, echo):
        super().__init__(daemon=True)
        self.master, self.slave = pty.openpty()
        self.echo = echo
        self.path = sockets.console(o)
        self.path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.log = open(sockets.console_log(o), "wb", buffering=0)
        self.clients = []
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.master, selectors.EVENT_READ, self._from_guest)
        self.selector.register(self.listener, selectors.EVENT_READ, self._accept)

    def run(self):
        while self.selector.get_map():
            for key, _ in self.selector.select():
                key.data(key.fileobj)

    def _from_guest(self, fd):
        try:
            data = os.read(fd, 65536)
        except OSError:  # the guest's side is closed
            data = b""
        if not data:
            for end in list(self.selector.get_map().values()):
                self.selector.unregister(end.fileobj)
            return
        self.log.write(data)
        if self.echo and not self.clients:
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
        for client in list(self.clients):
            try:
                client.sendall(data)
            except OSError:
                self.clients.remove(client)

    def _accept(self, listener):
        client, _ = listener.accept()
        self.selector.register(client, selectors.EVENT_READ, self._from_client)

    def _from_client(self, client):
        try:
            data = client.recv(4096)
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(client)
            if client in self.clients:
                self.clients.remove(client)
            client.close()
            return
        if data[:1] == b"\0":  # this client also wants the output
            self.clients.append(client)
            data = data[1:]
        os.write(self.master, data)

    def close(self):
        self.path.unlink(missing_ok=True)
        self.log.close()


def own_terminal():
    """In the child: make the pseudo-terminal its controlling terminal, as if a person typed there."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def start_guest(rest, o, console):
    """Start scripts/run as a child; return once gdb can attach."""
    path = sockets.gdb(o)
    guest = subprocess.Popen([ROOT / "scripts/run", *rest, "--gdb", "--no-build"],
                             stdin=console.slave, stdout=console.slave, start_new_session=True,
                             preexec_fn=own_terminal, env={**os.environ, "HALYARD_DEBUGGER": "1"})
    os.close(console.slave)
    while not path.exists():
        try:
            guest.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
        raise Failure("the guest did not start")
    return guest


def gdb_command(own, o):
    command = ["gdb-multiarch", "-q", "-iex", "set debuginfod enabled off",
               # The guest answers late if the host is busy; a guest that has ended closes the connection.
               "-iex", "set remotetimeout 300", "-x", str(INIT),
               *(["-ex", f"halyard modules --path '{o.program}'"] if o.program else []),
               "-ex", f"halyard connect {sockets.gdb(o)}"]
    if own.script:
        command += ["-nx", "-batch", "-x", own.script]
    elif own.tui:
        command.append("-tui")
    return [*command, str(symbols(o))]


def symbols(o):
    return Path(o.kernel) if o.kernel and o.machine == "x86_64" else o.build / "halyard.elf"


def run_gdb(own, o):
    """gdb in the foreground: it handles Ctrl-C, not we and not a ninja that called us."""
    environment = dict(os.environ)
    if (console := sockets.console(o)).exists():
        environment["HALYARD_CONSOLE"] = str(console)
    has_terminal = os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTTOU)}

    def take_terminal():
        if has_terminal:
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpgrp())
        for number in before:
            signal.signal(number, signal.SIG_DFL)

    try:
        return subprocess.call(gdb_command(own, o), env=environment, preexec_fn=take_terminal)
    finally:
        if has_terminal:
            os.tcsetpgrp(0, os.getpgrp())
        for number, handler in before.items():
            signal.signal(number, handler)


def end(guest):
    """The guest ends with gdb; scripts/run takes care of QEMU. If the guest ended first, show its last output."""
    try:
        guest.wait(LAST_WORDS_S)
    except subprocess.TimeoutExpired:
        guest.terminate()
        guest.wait()


def debug(own, rest, o):
    packages.ensure([*options.needed_packages(o), *packages.DEBUG], may_install=not o.no_install, say="debug")
    run.build(o)
    options.check_files(o, built=True)
    if own.attach:
        return run_gdb(own, o)
    with sockets.held(o, sockets.CONSOLE):
        return debug_guest(own, rest, o)


def debug_guest(own, rest, o):
    sockets.remove_old(o)
    console = Console(o, echo=not own.tui and not own.script)
    console.start()
    guest = start_guest(rest, o, console)
    try:
        if not own.script:
            build = f" --build {o.build}" if o.build != ROOT / "build" / o.machine else ""
            print(HINT.format(machine=o.machine, build=build + sockets.option(o)), flush=True)
        return run_gdb(own, o)
    finally:
        end(guest)
        console.join(timeout=5)
        console.close()
        if own.script:  # after gdb's output, so that the two are not mixed
            print(f"--- console\n{sockets.console_log(o).read_text(errors='replace')}", flush=True)


def be_console(o):
    """Relay this terminal until Ctrl-] or the guest's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as guest:
        try:
            guest.connect(str(sockets.console(o)))
        except OSError as error:
            raise Failure(f"{sockets.console(o)}: {error.strerror}: no scripts/debug runs this build")
        sys.stdout.buffer.write(sockets.console_log(o).read_bytes()[-4096:])
        sys.stdout.flush()
        guest.sendall(b"\0")
        keyboard = Input()
        keyboard.raw()
        try:
            relay(guest)
        finally:
            keyboard.restore()
    return 0


def relay(guest):
    while True:
        ready, _, _ = select.select([0, guest], [], [])
        if guest in ready:
            data = guest.recv(65536)
            if not data:
                return
            os.write(1, data)
        if 0 in ready:
            typed = os.read(0, 4096)
            if not typed or DETACH in typed:
                return
            guest.sendall(typed)


def main(arguments):
    own, rest = parser().parse_known_args(arguments)
    try:
        o = options.parse(rest)
        return be_console(o) if own.console else debug(own, rest, o)
    except Failure as failure:
        print(f"debug: {failure}\ndebug: {NAMES[NOT_RUN]}", file=sys.stderr)
        return NOT_RUN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

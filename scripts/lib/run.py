# SPDX-License-Identifier: MIT
"""scripts/run: install packages, build, boot; then report the outcome as exit status."""
import contextlib
import os
import shlex
import signal
import sys
import tempfile
from pathlib import Path

import options
import packages
import qemu
import sockets
from builder import build_targets
from guest import Channels, Ended, Guest
from status import GUEST_ERROR, NAMES, NOT_RUN, PANIC, RESET, TIMEOUT
from terminal import KEYS, FirmwareFilter, Input, KeysHint, Output, ReadableNames, warn
from tree import ROOT, Failure

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
COMPLAINTS_SHOWN = 20
TOLD_IN_FULL = (PANIC, RESET, GUEST_ERROR, TIMEOUT)


def raise_on_signals():
    """Turn signals that end us into an exception, so that QEMU and the terminal are cleaned up."""
    def ended(number, frame):
        for other in SIGNALS:
            signal.signal(other, signal.SIG_IGN)  # the clean-up itself must not be interrupted
        raise Ended(number)

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and background jobs keep ignoring them
            signal.signal(number, ended)


def fill_standard_files():
    """If one of them is closed, the first socket would get its number."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)


def build(o):
    if not o.builds:
        return
    plain_iso = o.iso and not options.command_line(o) and not o.initrd
    build_targets(o.preset, o.build, ("all" if options.needs_tests(o) else "system", *["iso"] * plain_iso))


def gdb_hint(o):
    if "HALYARD_DEBUGGER" in os.environ:  # scripts/debug started us and needs no message
        return
    build = f" --build {o.build}" if o.build != ROOT / "build" / o.machine else ""
    warn(f"{'waiting for gdb' if o.gdb else 'gdb may attach'}: scripts/debug {o.machine} --attach{build}{sockets.option(o)}")


def boot(o, work):
    m = options.machine(o, work)
    options.prepare(o, m, work)
    # A person at a terminal sees the firmware's output, but a program that reads ours does not get it.
    has_firmware = o.iso or o.firmware == "uefi"
    quiet = has_firmware and (o.one_shot or not os.isatty(1))
    output = ReadableNames(Output()) if os.isatty(1) else Output()  # a program that reads ours wants the guest's bytes
    keyboard, screen = Input(), FirmwareFilter(output) if quiet else output
    if keyboard.is_terminal and has_firmware and not quiet:
        screen = KeysHint(screen)
    elif keyboard.is_terminal:
        warn(KEYS)
    m.input = keyboard.kind() if m.serial else None
    channels = Channels(escapes=keyboard.is_terminal)
    guest = Guest(qemu.command(m, channels), channels, keyboard, screen,
                  one_shot=o.one_shot, has_session=o.has_session, timeout=o.timeout, wait_for_gdb=o.gdb,
                  debugged=o.gdb or o.gdb_server, firmware=o.machine == "x86_64" or o.firmware == "uefi")
    if o.gdb or o.gdb_server:
        gdb_hint(o)
    keyboard.raw()
    try:
        return guest, guest.run()
    finally:
        keyboard.restore()


def commands(o):
    """The command lines that repeat a run: our own, and QEMU's with the console on the terminal. Disks that were packed
    for the run (--program, --files) are deleted after it; only our own command line makes them again."""
    ours = shlex.join([str(ROOT / "scripts/run"), *o.typed])
    theirs = shlex.join(qemu.command(options.machine(o, o.build), qemu.Files(wait_for_gdb=o.gdb)))
    return {"again": f"cd {shlex.quote(os.getcwd())} && {ours}", "command": theirs}


def keep_transcript(o, guest, outcome, status):
    kernel = Path(o.kernel) if o.kernel else o.build / "halyard.elf"
    try:
        place = guest.transcript.write(o.build / "transcripts", status, outcome, commands(o), kernel)
    except OSError as error:
        warn(f"no transcript: {error.filename}: {error.strerror}")
        return
    shown = os.path.relpath(place) if place.is_relative_to(Path.cwd()) else place
    warn(f"transcript in {shown}")


def report(o, guest, outcome):
    """Print on standard error what the exit status cannot express, and return that status."""
    status, special = outcome.exit_status()
    for line in outcome.complaints[:COMPLAINTS_SHOWN]:
        warn(f"qemu: {line}")
    if len(outcome.complaints) > COMPLAINTS_SHOWN:
        warn(f"qemu: and {len(outcome.complaints) - COMPLAINTS_SHOWN} lines more")
    for detail in (outcome.qemu_failed, outcome.reset):
        if detail:
            warn(detail)
    if special and status in TOLD_IN_FULL:
        keep_transcript(o, guest, outcome, status)
    if special:
        warn(NAMES[status])
    return status


def dry_run(o):
    m = options.machine(o, o.build)
    for file in qemu.files(m):
        if not file.exists():
            warn(f"dry run: {file} is not made")
    print(shlex.join(qemu.command(m, qemu.Files(wait_for_gdb=o.gdb))))
    return 0


def run(arguments):
    o = options.parse(arguments)
    o.typed = arguments
    options.check_files(o, built=False)
    if o.dry_run:
        return dry_run(o)
    options.check_display(o)
    packages.ensure(options.needed_packages(o), may_install=not o.no_install)
    options.check_kvm(o)
    build(o)
    options.check_files(o, built=True)
    with contextlib.ExitStack() as stack:
        if o.gdb or o.gdb_server:
            stack.enter_context(sockets.held(o, sockets.GDB))
        work = stack.enter_context(tempfile.TemporaryDirectory(prefix="halyard-"))
        return report(o, *boot(o, Path(work)))


def main(arguments):
    fill_standard_files()
    raise_on_signals()
    try:
        return run(arguments)
    except Failure as failure:
        warn(failure)
        warn(NAMES[NOT_RUN])
        return NOT_RUN
    except BrokenPipeError:
        ended = signal.SIGPIPE  # our output has no reader any longer
    except (OSError, ValueError) as error:  # the system refused a file, or a text is malformed
        warn(f"{error.filename}: {error.strerror}" if getattr(error, "filename", None) else error)
        warn(NAMES[NOT_RUN])
        return NOT_RUN
    except Ended as signalled:
        ended = signalled.number
    # End with the signal that we got, so that a shell sees it.
    signal.signal(ended, signal.SIG_DFL)
    os.kill(os.getpid(), ended)
    return 128 + ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

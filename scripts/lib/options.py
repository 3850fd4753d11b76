# SPDX-License-Identifier: MIT
"""The options of scripts/run, and their meaning for the machine, the disks and the command line."""
import argparse
import os
import shlex
import sys
from pathlib import Path

import builder
import disk
import packages
import sockets
from efidisc import make_disc
from iso import make_iso
from qemu import USB_CONTROLLERS, Disk, Machine, comma_safe, has_pci, kvm_works
from status import NAMES, NOT_RUN
from tree import KINDS, MACHINES, Failure, build_directory, kernel_image, machine_of, tests_file

FOLDERS_MAX = 8  # LOAD_FOLDERS, kernel/load/loader.h

EPILOG = """\
exit status: that of the program or test run, 0 to 255. The runner has its own, which the last line on
standard error names: """ + ", ".join(f"{status} {name}" for status, name in NAMES.items()) + """.

On a terminal Ctrl-C goes to the guest; Ctrl-A x ends QEMU, Ctrl-A c opens its monitor.
If standard input is not a terminal, its bytes are data: none is a key, none is echoed, and its end is the end of file
for the program; a shell without another console then switches the machine off.
"""


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"run: {message} (scripts/run --help lists the options)\nrun: {NAMES[NOT_RUN]}", file=sys.stderr)
        sys.exit(NOT_RUN)


def parser():
    p = Parser(prog="scripts/run", description="Build Halyard and boot it on this terminal.", epilog=EPILOG,
               formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    p.add_argument("machine", nargs="?", choices=MACHINES, help="the machine to boot (default: x86_64)")

    what = p.add_argument_group("what runs (default: the shell)")
    what.add_argument("--program", metavar="FILE", help="run FILE as /bin/NAME and power off; the assemblies beside it that a .NET program names go with it, and FILE.mdb, its source lines")
    what.add_argument("--args", metavar="TEXT", default="", help="the program's arguments")
    what.add_argument("--files", metavar="DIR", help="copy DIR to /files on the disk of the program or of the shell")
    what.add_argument("--share", metavar="DIR", help="mount DIR itself at /host: both sides read and write its files")
    what.add_argument("--dir", metavar="PATH[::NAME]", action="append", default=[], dest="dirs",
                      help="let a portable program reach only this directory of the guest, under its path or "
                      "under NAME (default: every file); may be repeated")
    what.add_argument("--no-dir", action="store_true", help="let a portable program reach no file")
    what.add_argument("--bench", metavar="GLOB", nargs="?", const="*", help="run the benchmarks and power off")
    what.add_argument("--test", metavar="GLOB", nargs="?", const="*", help="run the in-guest tests and power off")
    what.add_argument("--append", metavar="CMDLINE", default="", help="append words to the kernel's command line")
    what.add_argument("--disk", metavar="FILE", action="append", default=[],
                      help="attach a raw image; may be repeated; the first is mounted at / unless --program is given")
    what.add_argument("--data", metavar="FILE",
                      help="mount the disk image FILE at /data, to be written; an empty one of 1G is made if there is none")
    what.add_argument("--initrd", metavar="FILE", help="initial file system (cpio) or extension, passed by the boot loader")

    how = p.add_argument_group("the machine")
    how.add_argument("--smp", metavar="N", type=int, help="number of CPUs (default: 2; 1 under icount)")
    how.add_argument("--mem", metavar="SIZE", default="512M", help="memory (default: 512M)")
    how.add_argument("--accel", choices=("auto", "kvm", "tcg", "icount"),
                     help="default: tcg, or icount for benchmarks; auto uses KVM if it works")
    how.add_argument("--cpu", metavar="MODEL", help="QEMU's CPU model (default: max)")
    how.add_argument("--machine", dest="machine_options", metavar="OPTS",
                     help="another machine (pc), or properties of the default machine (gic-version=2)")
    how.add_argument("--boot", choices=("iso", "usb", "usb2", "kernel"),
                     help="boot the ISO (x86_64: GRUB; aarch64: UEFI) from a CD or a USB stick (xHCI: usb, EHCI: "
                     "usb2), or let QEMU load the kernel")
    how.add_argument("--firmware", choices=("bios", "uefi"), default="bios", help="default: bios, which on aarch64 means no firmware")
    how.add_argument("--no-serial", action="store_true",
                     help="leave out the first serial port, or connect nothing to it: no shell and no output there")
    how.add_argument("--gdb", action="store_true", help="wait for gdb before the first instruction")
    how.add_argument("--gdb-server", action="store_true", help="let gdb attach at any time, without waiting for it")
    how.add_argument("--sockets", metavar="DIR",
                     help="the debugger's sockets are in DIR (default: the build directory); one guest a folder")
    how.add_argument("--display", action="store_true", help="open a window for the guest's screen and keyboard")
    how.add_argument("--screen", action="store_true", help="give the guest a screen without a window, for QEMU's monitor")
    how.add_argument("--timeout", metavar="SECONDS", type=float, help="end the run this long after QEMU starts")
    how.add_argument("--qemu", metavar="EXTRA", default="", help="append arguments to QEMU's command line")

    build = p.add_argument_group("the build")
    build.add_argument("--preset", metavar="NAME", help="x86_64, aarch64, or either with " + " or ".join(KINDS))
    build.add_argument("--build", metavar="DIR", help="build directory (default: build/PRESET)")
    build.add_argument("--no-build", action="store_true", help="boot the existing build")
    build.add_argument("--kernel", metavar="FILE", help="boot FILE, without building")
    build.add_argument("--options-from", metavar="NAME", help="read more options from this environment variable")
    build.add_argument("--no-install", action="store_true", help="list missing packages instead of installing them")
    build.add_argument("--dry-run", action="store_true", help="print QEMU's command line and stop")
    return p


def shell_words(p, name, text):
    try:
        return shlex.split(text)
    except ValueError as error:  # an unterminated quote
        p.error(f"{name} {text}: {error}")


def words_before_run(p, text):
    """The words of --append, checked so that the kernel still reads the `run=` after them."""
    words = shell_words(p, "--append", text)
    if "--" in words:
        p.error(f"--append {text}: words after -- belong to the program; use --args")
    return shlex.join(words)


def parse(arguments):
    """Parsed options, with the defaults that depend on others filled in."""
    p = parser()
    o = p.parse_args(arguments)
    if o.options_from:
        o = p.parse_args(arguments + shell_words(p, o.options_from, os.environ.get(o.options_from, "")))
    if o.preset:
        machine = machine_of(o.preset)
        if o.machine and o.machine != machine:
            p.error(f"preset {o.preset} builds for {machine}, not {o.machine}")
        o.machine = machine
    o.machine = o.machine or "x86_64"
    o.preset = o.preset or o.machine
    o.build = Path(os.path.realpath(o.build)) if o.build else build_directory(o.preset)

    o.sockets = Path(os.path.realpath(o.sockets)) if o.sockets else o.build

    if sum(bool(x) for x in (o.program, o.bench, o.test)) > 1:
        p.error("--program, --bench and --test exclude each other")
    if (o.args or o.dirs or o.no_dir) and not o.program:
        p.error("--args, --dir and --no-dir need --program")
    for text in o.dirs:
        path, between, name = text.partition("::")
        if not path or (between and not name):
            p.error(f"--dir {text}: expected PATH or PATH::NAME")
    if len(o.dirs) > FOLDERS_MAX:
        p.error(f"--dir: at most {FOLDERS_MAX} times")
    if o.machine == "x86_64":
        if o.firmware == "uefi" and o.boot == "kernel":
            p.error("UEFI firmware cannot start a kernel that QEMU loads; use --boot iso")
        if o.kernel and o.boot is None:
            o.boot = "iso" if o.firmware == "uefi" else "kernel"
    elif o.boot in ("iso", *USB_CONTROLLERS):
        o.firmware = "uefi"  # no other machine's firmware reads the ISO
    if o.program:
        o.append = words_before_run(p, o.append)
    if o.smp is not None and o.smp < 1:
        p.error("--smp: at least one CPU")
    if o.timeout is not None and not o.timeout > 0:  # also if it is not a number
        p.error("--timeout: more than 0 seconds")

    o.builds = not (o.kernel or o.no_build)
    o.one_shot = bool(o.program or o.bench or o.test)
    # The kernel's word `shell` starts one after the program. Without a serial line its input has no end.
    o.has_session = o.one_shot and "shell" in o.append.split() and not o.no_serial
    o.accel = o.accel or ("icount" if o.bench else "tcg")
    o.iso = o.boot in ("iso", *USB_CONTROLLERS) or (o.machine == "x86_64" and (
        o.firmware == "uefi" or (o.boot is None and not o.one_shot)))
    # A plain shell gets a disk with programs and drivers.
    o.system = not (o.one_shot or o.disk or o.initrd or o.kernel) and has_pci(o.machine_options)
    if o.files and not (o.program or o.system):
        p.error("--files needs the disk of --program or of a plain shell")
    if o.data and not has_pci(o.machine_options):
        p.error(f"--data: --machine {o.machine_options} has no PCI bus")
    if o.share and not has_pci(o.machine_options):
        p.error(f"--share: --machine {o.machine_options} has no PCI bus")
    o.qemu = shell_words(p, "--qemu", o.qemu)
    return o


def check_display(o):
    """A window needs a display."""
    if o.display and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise Failure("--display: no screen to open a window on (DISPLAY is not set). Without one, use --screen "
                      "--qemu '-vnc :0' and a VNC viewer, or scripts/screenshot")


def check_kvm(o):
    """QEMU would only report that it could not start."""
    if o.accel == "kvm" and not (o.machine == os.uname().machine == "x86_64" and kvm_works()):
        why = "it runs only x86_64 here" if o.machine != "x86_64" else "/dev/kvm cannot be used"
        raise Failure(f"--accel kvm: KVM does not work: {why}; --accel auto uses KVM where it works, and otherwise TCG")


def check_files(o, built):
    """Refuse missing files before the build, except those that the build may create."""
    named = [(file, Path.is_file, "a file") for file in (o.program, o.kernel, o.initrd, *o.disk) if file]
    if o.data and os.path.lexists(o.data):
        named.append((o.data, Path.is_file, "a file"))
    named += [(folder, Path.is_dir, "a directory") for folder in (o.files, o.share) if folder]
    for file, fits, what in named:
        if os.path.exists(file) and not fits(Path(file)):
            raise Failure(f"{file}: not {what}")
        if not os.path.exists(file) and (built or not in_build(o, file)):
            raise Failure(f"{file}: no such file")


def in_build(o, file):
    build = Path(os.path.realpath(o.build))
    return o.builds and Path(os.path.realpath(file)).is_relative_to(build)


def needs_tests(o):
    """True if the run needs more of the build than the kernel, the programs and the modules."""
    named = [Path(os.path.realpath(file)) for file in (o.program, o.files, o.initrd, *o.disk) if file and in_build(o, file)]
    build = Path(os.path.realpath(o.build))
    return bool(o.test or o.bench) or o.builds and any(file.parent not in (build / "programs", build / "modules") for file in named)


def command_line(o):
    """The kernel's command line; the words after `run=... --` belong to the program, so they come last."""
    words = []
    if o.program and "loglevel=" not in o.append:
        words.append("loglevel=warn")  # only the program's output
    if o.gdb:
        words.append("aslr=off")  # breakpoints are set before the kernel has chosen its addresses
    if o.one_shot:
        words.append("poweroff")
    if o.test:
        words.append("test" if o.test == "*" else f"test={o.test}")
    if o.bench:
        words.append("bench" if o.bench == "*" else f"bench={o.bench}")
    if o.data:
        words.append("mount=data:/data")
    words.append(o.append)
    words += ["no-dir"] * o.no_dir
    words += [shlex.quote(f"dir={text}") for text in o.dirs]
    if o.program:
        words.append(f"run={shlex.quote(f'/bin/{Path(o.program).name}')} -- {o.args}")
    return " ".join(filter(None, words)).strip()


def find_module(o, name):
    """A module for the kernel that runs: of its folder, or of the build."""
    folders = [Path(o.kernel).resolve().parent] if o.kernel else []
    found = (folder / "modules" / f"{name}.ko" for folder in [*folders, o.build])
    return next(filter(Path.is_file, found), o.build / "modules" / f"{name}.ko")


def needed_extensions(o):
    """Those that the kernel finds on no disk. A disk that this run makes has them; a benchmark needs no commands."""
    if o.program or o.system:
        return
    if not o.bench or o.has_session:
        yield find_module(o, "tools")
    if not o.bench or o.data or o.disk:
        yield find_module(o, "ext2w")


def find_tests(o):
    """The tests of the kernel that runs, or None. A kernel that was patched (scripts/redirect) uses those of its build.
    """
    folders = [Path(o.kernel).resolve().parent] if o.kernel else []
    found = (file for file in map(tests_file, [*folders, o.build]) if file.is_file())
    file = next(found, tests_file(o.build) if o.dry_run and needs_tests(o) else None)  # it will be built
    # A run without tests builds the kernel but not them: do not offer those of an earlier kernel.
    return None if o.builds and not needs_tests(o) and is_older(file, o.build / "halyard.elf") else file


def is_older(file, other):
    return bool(file) and file.exists() and other.exists() and file.stat().st_mtime < other.stat().st_mtime


def machine(o, work):
    """The machine to run; disks and images for this run only are written to the directory `work`."""
    m = Machine(
        arch=o.machine, accel=o.accel, cpu=o.cpu, machine=o.machine_options, smp=o.smp, memory=o.mem,
        kernel=Path(o.kernel) if o.kernel else kernel_image(o.build, o.machine),
        initrd=o.initrd, cmdline=command_line(o), uefi=o.firmware == "uefi",
        screen="window" if o.display else "headless" if o.screen else None,
        reboots=not o.one_shot and o.timeout is None,
        serial=not o.no_serial, gdb_socket=str(sockets.gdb(o)) if o.gdb or o.gdb_server else None,
        tests=find_tests(o), extra=o.qemu)
    m.extensions = tuple(file for file in needed_extensions(o) if file.is_file() or o.builds)
    if o.share:
        m.share, m.share_extension = Path(o.share).resolve(), find_module(o, "9p")
    if o.iso:
        plain = not (m.cmdline or o.initrd or o.kernel)
        m.iso = o.build / "halyard.iso" if plain else work / "run.iso"
        m.usb = USB_CONTROLLERS.get(o.boot)
    if o.program:
        m.disks.append(Disk(comma_safe(work / "program.img"), "program"))
    if o.system:
        # One with the user's files is made for this run, and may be written.
        own = Disk(comma_safe(work / "system.img"), "system") if o.files else None
        m.disks.append(own or Disk(comma_safe(o.build / "system.img"), "system", "readonly=on"))
    for number, file in enumerate(o.disk):
        m.disks.append(Disk(comma_safe(Path(file).resolve()), f"disk{number}"))
    if o.data:
        m.disks.append(Disk(comma_safe(Path(o.data).resolve()), "data"))
    if o.bench or o.test:
        m.disks.append(Disk(comma_safe(work / "scratch.img"), "scratch"))
    if o.bench:
        null = "null-co://,file.size=1G,file.read-zeroes=on"
        m.disks += [Disk(null, "null"), Disk(f"{null},file.latency-ns=100000", "late")]  # see bench_block.c
    return m


def make_system_disk(o):
    """Write the plain shell's disk unless it is newer than its contents. It is read-only: runs share it."""
    image = o.build / "system.img"
    with builder.locked(o.build):
        suffixes = (".elf", ".wasm", ".exe", ".dll", ".ko")
        folders = filter(Path.is_dir, (o.build / name for name in ("programs", "modules", "cil")))
        parts = [part for folder in folders for part in folder.iterdir() if part.suffix in suffixes] + disk.TEXTS
        if not image.exists() or any(part.stat().st_mtime >= image.stat().st_mtime for part in parts):
            disk.make_system(o.build, image)


def prepare(o, m, work):
    """Write the files that machine() named."""
    if o.program:
        with_stage = work / "stage"
        disk.stage_program(with_stage, o.program, o.files)
        disk.stage_modules(with_stage, o.build)
        disk.stage_assemblies(with_stage, o.build)
        disk.make_disk(with_stage, work / "program.img")
    if o.system and o.files:
        disk.make_system(o.build, work / "system.img", files=o.files)
    elif o.system:
        make_system_disk(o)
    if o.data:
        disk.prepare_data(Path(o.data).resolve())
    if o.bench or o.test:
        with open(work / "scratch.img", "wb") as scratch:
            scratch.truncate(1 << 30)
    if m.iso and m.iso.parent == work:
        make = make_iso if o.machine == "x86_64" else make_disc
        make(m.kernel, m.iso, m.cmdline, o.initrd, m.extensions)


def needed_packages(o):
    wanted = list(packages.QEMU[o.machine])
    if o.builds:
        wanted += packages.BUILD
    if o.iso:
        wanted += packages.ISO[o.machine]
    if o.program or o.system or o.data:
        wanted += packages.DISK
    if o.firmware == "uefi":
        wanted += packages.UEFI[o.machine]
    if o.display:
        wanted += packages.WINDOW
    return wanted

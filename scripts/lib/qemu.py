# SPDX-License-Identifier: MIT
"""QEMU's command line for one run."""
import contextlib
import os
import re
import struct
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from tree import Failure

DEFAULT_MACHINE = {"x86_64": "q35", "aarch64": "virt,gic-version=3"}
DEFAULT_CPU = {"x86_64": "max", "aarch64": "max,pauth-impdef=on"}
# QEMU 7.2 does not tell gdb which bits of an address are its signature, so gdb finds no callers.
DEBUGGER_CPU = {"x86_64": "max", "aarch64": "max,pauth=off"}
UEFI = {"x86_64": "/usr/share/ovmf/OVMF.fd", "aarch64": "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"}
USB_CONTROLLERS = {"usb": "qemu-xhci", "usb2": "usb-ehci"}  # by --boot
# The kernel drives neither of them, so its disks keep their names.
CD = {"x86_64": ["-device", "ide-cd,drive=iso,bootindex=0"],
      "aarch64": ["-device", "virtio-scsi-pci", "-device", "scsi-cd,drive=iso,bootindex=0"]}
DEBUG_EXIT_STATUS = 33  # isa-debug-exit ends QEMU with status 2 * value + 1; the kernel writes 0x10.
PROBE_S = 30            # for a program of twenty instructions
STOPPED = b'"STOP"'     # the event by which QEMU's monitor reports a guest that was stopped

# One instruction takes one virtual nanosecond, idle time is skipped, the clock and the seed are fixed: two runs of the
# same kernel execute the same instructions and print the same figures.
ICOUNT = ["-accel", "tcg,thread=single", "-icount", "shift=0,align=off,sleep=off",
          "-rtc", "base=2024-01-01T00:00:00,clock=vm", "-seed", "1"]


@dataclass
class Disk:
    file: str        # the argument of -drive's file=
    name: str        # the serial number that the guest sees
    options: str = ""


@dataclass
class Machine:
    """What the options of scripts/run determine about the machine."""

    arch: str
    accel: str = "tcg"
    cpu: str = None
    machine: str = None
    smp: int = None
    memory: str = "512M"
    kernel: Path = None
    iso: Path = None
    usb: str = None   # the controller of the USB stick that holds the ISO; otherwise it is a CD
    initrd: str = None
    cmdline: str = ""
    uefi: bool = False
    serial: bool = True
    screen: str = None  # "window", "headless" or none
    reboots: bool = False
    gdb_socket: str = None
    disks: list = field(default_factory=list)
    input: str = None  # what the guest is told of its console's input, for kernel/boot/boot_serve.c
    tests: Path = None  # the file that `test` and `bench` load: kernel/module/extension.h
    extensions: tuple = ()  # files that the kernel loads when it needs them: tools.ko, ext2w.ko
    share: Path = None  # a folder of this computer
    share_extension: Path = None  # the module with its file system
    extra: list = field(default_factory=list)


@dataclass
class Files:
    """Where the channels go if a person types the command line that --dry-run prints."""

    wait_for_gdb: bool

    def arguments(self, arch):
        stopped = ["-S"] if self.wait_for_gdb else []
        return ["-serial", "mon:stdio", *status_device(arch, "halyard.status"), *stopped]


def status_device(arch, path):
    channel = ["-chardev", f"file,id=status,path={path}"]
    if arch == "x86_64":
        return channel + ["-device", "isa-debugcon,iobase=0x501,chardev=status",
                          "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    return channel + ["-semihosting-config", "enable=on,target=native,chardev=status"]


def comma_safe(text):
    """In QEMU's option lists a comma is doubled."""
    return str(text).replace(",", ",,")


def probe_rom():
    """Firmware of 64 KiB that enters 32-bit mode, takes a breakpoint there, and ends QEMU with DEBUG_EXIT_STATUS.

    The kernel's entry does the same. A KVM without the processor's virtualization interprets such code, and some stop
    at it; the code of a BIOS alone would not show that.
    """
    code = bytes.fromhex(
        "66 2e 0f 01 16 40 00"   # 00: lgdtl %cs:0x40
        "66 2e 0f 01 1e 46 00"   # 07: lidtl %cs:0x46
        "0f 20 c0 0c 01 0f 22 c0"  # 0e: cr0 |= PE
        "66 ea 1e 00 0f 00 08 00"  # 16: ljmpl $8, $0xf001e
        "66 b8 10 00 8e d0"      # 1e: ss = 16
        "bc 00 70 00 00"         # 24: esp = 0x7000
        "cc"                     # 29: int3
        "f4 90 90 90 90 90"      # 2a: hlt
        "b0 10 e6 f4 f4")        # 30: the breakpoint's handler: outb $0x10, $0xf4
    rom = bytearray(b"\xf4" * 0x10000)
    rom[:len(code)] = code
    rom[0x40:0x4c] = struct.pack("<HIHI", 0x17, 0xf0050, 0x1f, 0xf0070)
    rom[0x50:0x68] = struct.pack("<QQQ", 0, 0x00cf9b000000ffff, 0x00cf93000000ffff)
    rom[0x88:0x90] = struct.pack("<HHHH", 0x30, 8, 0x8e00, 0xf)
    rom[0xfff0:0xfff5] = bytes.fromhex("ea 00 00 00 f0")  # where the processor starts: ljmp $0xf000, $0
    return bytes(rom)


def kvm_works():
    """KVM may exist and still be unusable: QEMU aborts, or stops the guest. So try it."""
    if os.uname().machine != "x86_64" or not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    with tempfile.NamedTemporaryFile(prefix="halyard-") as rom:
        rom.write(probe_rom())
        rom.flush()
        probe = ["qemu-system-x86_64", "-accel", "kvm", "-M", "q35", "-cpu", "max", "-display", "none", "-nodefaults",
                 "-bios", rom.name, "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-qmp", "stdio"]
        with subprocess.Popen(probe, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as qemu:
            limit = threading.Timer(PROBE_S, qemu.kill)
            limit.start()
            with contextlib.suppress(BrokenPipeError):  # it has ended
                qemu.stdin.write(b'{"execute": "qmp_capabilities"}')
            for line in qemu.stdout:
                if STOPPED in line:  # QEMU stops the guest at what KVM cannot run, and then waits for ever
                    qemu.kill()
            limit.cancel()
    return qemu.returncode == DEBUG_EXIT_STATUS


def memory_bytes(text):
    match = re.fullmatch(r"(\d+)([KMGT]?)B?", text.upper())
    if not match:
        raise Failure(f"--mem {text}: a size is a number and K, M, G or T")
    size = int(match[1]) << {"K": 10, "M": 20, "": 20, "G": 30, "T": 40}[match[2]]
    if size < 1 << 20:
        raise Failure(f"--mem {text}: QEMU's machines and the kernel's loaders need 1M at least")
    return size


def machine_option(m):
    """--machine names another machine type, or adds properties to the default one."""
    default = DEFAULT_MACHINE[m.arch]
    if not m.machine:
        return default
    first = m.machine.split(",")[0]
    return f"{default},{m.machine}" if "=" in first else m.machine


def accelerator(m):
    if m.accel == "icount":
        return ICOUNT
    accel = m.accel
    if accel == "auto":
        accel = "kvm" if m.arch == "x86_64" and kvm_works() else "tcg"
    return ["-accel", accel]


def memory(m):
    size = memory_bytes(m.memory)
    host = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if size < host:
        return ["-m", m.memory]
    # More than this computer has: allocate host memory for the guest's RAM only where it is touched.
    return ["-m", m.memory, "-machine", "memory-backend=ram",
            "-object", f"memory-backend-ram,id=ram,size={size},reserve=off"]


def boot(m):
    firmware = ["-bios", UEFI[m.arch]] if m.uefi else []
    if m.iso:
        drive = f"if=none,id=iso,readonly=on,file={comma_safe(m.iso)}"
        if m.usb:
            return [*firmware, "-drive", f"{drive},format=raw", "-device", m.usb,
                    "-device", "usb-storage,drive=iso,bootindex=0"]
        return [*firmware, "-drive", f"{drive},media=cdrom", *CD[m.arch]]
    arguments = [*firmware, "-kernel", str(m.kernel)]
    if m.cmdline:
        arguments += ["-append", m.cmdline]
    if m.initrd:
        arguments += ["-initrd", m.initrd]
    return arguments


def disks(m):
    for number, disk in enumerate(m.disks):
        options = f",{disk.options}" if disk.options else ""
        yield "-drive"
        yield f"if=none,id=disk{number},format=raw,file={disk.file}{options}"
        yield "-device"
        yield f"virtio-blk-pci,drive=disk{number},serial={disk.name}"


def has_pci(machine):
    """True if --machine chooses a machine with a bus for our devices."""
    return not (machine or "").startswith("microvm")


def entropy(m):
    """A device for a driver that the tests may load."""
    return ["-device", "virtio-rng-pci"] if has_pci(m.machine) else []


def tests(m):
    """The in-guest tests, where the kernel looks for them."""
    return ["-fw_cfg", f"name=opt/halyard/tests,file={comma_safe(m.tests)}"] if m.tests else []


def extensions(m):
    """What the kernel loads when it needs it, where it looks for it first."""
    for file in m.extensions:
        yield from ["-fw_cfg", f"name=opt/halyard/{file.name},file={comma_safe(file)}"]


def kind_of_input(m):
    """Asks the guest to expect frames on its first console, or tells it the size of a person's terminal."""
    return ["-fw_cfg", f"name=opt/halyard/input,string={m.input}"] if m.input else []


def share(m):
    """A folder of this computer, and the extension that mounts it at /host."""
    if not m.share:
        return []
    folder = f"local,id=host,path={comma_safe(m.share)},security_model=none,multidevs=remap"
    return ["-fsdev", folder, "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
            "-fw_cfg", f"name=opt/halyard/extension,file={comma_safe(m.share_extension)}"]


def files(m):
    """The files that command() refers to."""
    if m.uefi:
        yield Path(UEFI[m.arch])
    if m.iso:
        yield m.iso
    else:
        yield from map(Path, filter(None, [m.kernel, m.initrd]))
    if m.tests:
        yield Path(m.tests)
    yield from m.extensions
    if m.share:
        yield Path(m.share_extension)
    for disk in m.disks:
        if "://" not in disk.file:
            yield Path(disk.file.replace(",,", ","))


def screen(m):
    """The screen and, unless the machine has one built in, a keyboard."""
    if not m.screen:
        return ["-display", "none", "-vga", "none"]
    # Firmware and GRUB find the VGA card; a kernel that QEMU starts directly finds ramfb.
    card = ["-vga", "std"] if m.iso else ["-vga", "none", "-device", "ramfb"]
    if m.arch == "aarch64":
        card = ["-device", "ramfb", "-device", "virtio-keyboard-pci"]
    if m.screen == "window":
        return ["-display", "gtk,zoom-to-fit=off", *card]
    return ["-display", "none", *card]


def command(m, channels):
    """The whole command line as a list; `channels` determines where console, status and log go."""
    default = (DEBUGGER_CPU if m.gdb_socket else DEFAULT_CPU)[m.arch]
    cpu = m.cpu or ("cortex-a72" if m.arch == "aarch64" and m.accel == "icount" else default)
    channel = channels.arguments(m.arch)
    if not m.serial:
        channel[channel.index("-serial") + 1] = "none"
    smp = m.smp or (1 if m.accel == "icount" else 2)
    return [
        f"qemu-system-{m.arch}",
        "-machine", machine_option(m), "-cpu", cpu, "-smp", str(smp), *memory(m), *accelerator(m),
        "-nic", "none",
        *screen(m),
        *([] if m.reboots else ["-no-reboot"]),
        *boot(m),
        *disks(m),
        *entropy(m),
        *share(m),
        *tests(m),
        *extensions(m),
        *kind_of_input(m),
        *channel,
        *(["-gdb", f"unix:{comma_safe(m.gdb_socket)},server=on,wait=off"] if m.gdb_socket else []),
        *m.extra,
    ]

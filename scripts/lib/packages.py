# SPDX-License-Identifier: MIT
"""The Debian packages that a task needs, those of them that are missing, and installing these."""
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tree import Failure


def program(name):
    return lambda: shutil.which(name) is not None


def file(path):
    return lambda: Path(path).exists()


def module(name):
    return lambda: find_spec(name) is not None


def sanitizer_runtime():
    """clang only recommends its runtime; without it every sanitized link fails."""
    if shutil.which("clang") is None:
        return False
    where = subprocess.run(["clang", "-print-file-name=libclang_rt.asan_static-x86_64.a"],
                           capture_output=True, text=True).stdout.strip()
    generic = subprocess.run(["clang", "-print-runtime-dir"], capture_output=True, text=True).stdout.strip()
    return Path(where).is_absolute() or any(Path(generic).glob("libclang_rt.asan*"))


def wasm_runtime():
    """The functions that clang calls itself in WebAssembly code."""
    return any(Path("/usr/lib").glob("llvm-*/lib/clang/*/lib/wasi/libclang_rt.builtins-wasm32.a"))


def clang_version():
    """clang's major version, which some package names contain; 14 is Debian 12's."""
    if shutil.which("clang") is None:
        return "14"
    text = subprocess.run(["clang", "--version"], capture_output=True, text=True).stdout
    return re.search(r"version (\d+)", text)[1]


# package: a file or command that shows that it is installed
PROBES = {
    "clang": program("clang"),
    "lld": program("ld.lld"),
    "llvm": program("llvm-dwarfdump"),
    "cmake": program("cmake"),
    "ninja-build": program("ninja"),
    "python3-pyelftools": module("elftools"),
    "python3-capstone": module("capstone"),
    "python3-pyte": module("pyte"),
    "libc6-dev": file("/usr/include/stdio.h"),
    "libcmocka-dev": file("/usr/include/cmocka.h"),
    "qemu-system-x86": program("qemu-system-x86_64"),
    "qemu-system-arm": program("qemu-system-aarch64"),
    "grub-pc-bin": file("/usr/lib/grub/i386-pc"),
    "grub-efi-amd64-bin": file("/usr/lib/grub/x86_64-efi"),
    "grub-common": program("grub-mkrescue"),
    "xorriso": program("xorriso"),
    "mtools": program("mformat"),
    "ovmf": file("/usr/share/ovmf/OVMF.fd"),
    "qemu-efi-aarch64": file("/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"),
    "e2fsprogs": lambda: bool(shutil.which("mke2fs") or Path("/sbin/mke2fs").exists()),
    "dosfstools": lambda: bool(shutil.which("fsck.fat") or Path("/sbin/fsck.fat").exists()),
    "qemu-system-gui": lambda: any(Path("/usr/lib").glob("*/qemu/ui-gtk.so")),
    "clang-format": program("clang-format"),
    "doxygen": program("doxygen"),
    "gdb-multiarch": program("gdb-multiarch"),
    "patch": program("patch"),
    "spin": program("spin"),
    "wabt": program("wast2json"),
    "gcc-aarch64-linux-gnu": program("aarch64-linux-gnu-gcc"),  # clang uses its start files and libgcc
    "libc6-dev-arm64-cross": file("/usr/aarch64-linux-gnu/include/stdio.h"),
    "qemu-user": program("qemu-aarch64"),
    "wasi-libc": file("/usr/include/wasm32-wasi/stdio.h"),
    "rustc": file("/usr/bin/rustc"),
    "dpkg-dev": program("dpkg-source"),
    "make": program("make"),
    "tcl": program("tclsh"),
    "libstd-rust-dev-wasm32": file("/usr/lib/rustlib/wasm32-wasi"),
    "mono-mcs": program("mcs"),
    "mono-utils": program("monodis"),
    "mono-devel": program("ilasm"),
    "mono-runtime": program("mono"),
}

# name here: a file or command that shows that it is installed, and the package's real name
VERSIONED = {
    "libclang-rt": (sanitizer_runtime, "libclang-rt-{}-dev"),
    "libclang-rt-wasm32": (wasm_runtime, "libclang-rt-{}-dev-wasm32"),
    "libc++-wasm32": (file("/usr/lib/wasm32-wasi/libc++.a"), "libc++-{}-dev-wasm32"),
}

BUILD = ["clang", "lld", "llvm", "cmake", "ninja-build", "python3-pyelftools", "wasi-libc", "libclang-rt-wasm32",
         "libc++-wasm32", "mono-mcs"]
QEMU = {"x86_64": ["qemu-system-x86"], "aarch64": ["qemu-system-arm"]}
ISO = {
    "x86_64": ["grub-pc-bin", "grub-efi-amd64-bin", "grub-common", "xorriso", "mtools"],
    "aarch64": ["xorriso", "mtools"],
}
DISK = ["e2fsprogs"]
FILE_SYSTEMS = ["e2fsprogs", "dosfstools", "mtools"]  # to make, change and check images
UEFI = {"x86_64": ["ovmf"], "aarch64": ["qemu-efi-aarch64"]}
WINDOW = ["qemu-system-gui"]
HOST_TESTS = ["clang", "lld", "cmake", "ninja-build", "libc6-dev", "libcmocka-dev", "libclang-rt", "wabt", "wasi-libc",
              "libclang-rt-wasm32", "rustc", "libstd-rust-dev-wasm32"]
TOOLS_AARCH64 = ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user"]
CHECKS = ["clang-format", "doxygen", "patch", "python3-pyte"]
MODEL = ["spin", "clang", "libc6-dev"]
DEBUG = ["gdb-multiarch"]
DOTNET = ["mono-mcs", "mono-utils", "mono-devel", "mono-runtime"]
DEMO = ["clang", "lld", "libc6-dev", "wasi-libc", "libclang-rt-wasm32", "dpkg-dev", "make", "tcl"]
REDIRECT = ["python3-pyelftools", "python3-capstone"]


def missing(wanted):
    """The packages of `wanted` that are not installed, in order, under their real names."""
    absent = []
    for name in dict.fromkeys(wanted):
        if name in VERSIONED:
            is_there, package = VERSIONED[name]
            if not is_there():
                absent.append(package.format(clang_version()))
        elif not PROBES[name]():
            absent.append(name)
    return absent


# What apt-get prints: its plan, then each package twice.
COUNT = re.compile(r"^\d+ upgraded, (\d+) newly installed")
DOWNLOAD = re.compile(r"^Need to get ([\d.,]+ \w+)")
SPACE = re.compile(r"^After this operation, ([\d.,]+ \w+) of additional disk space")
FETCHED = re.compile(r"^Get:\d+ \S+ \S+ \S+ (\S+) \S+ (\S+) (\[.*\])$")
UNPACKED = re.compile(r"^Unpacking ([^\s:]+)\S* \((\S+)\)()")
LAST_LINES = 30  # of a failed installation


class Progress:
    """Shortens the output of apt-get: how much it will install, then a line for each package."""

    def __init__(self, say):
        self.say, self.lines, self.plan, self.shown = say, [], {}, set()

    def print(self, text):
        print(f"{self.say}: {text}", file=sys.stderr, flush=True)

    def read(self, line):
        self.lines.append(line)
        for name, pattern in (("count", COUNT), ("download", DOWNLOAD), ("space", SPACE)):
            if match := pattern.match(line):
                self.plan[name] = match[1]
                if name == "space":
                    self.print("{count} packages: {download} to download, {space} on the disk".format(
                        **{"count": "?", "download": "nothing", **self.plan}))
        if match := FETCHED.match(line) or UNPACKED.match(line):
            if match[1] not in self.shown:
                self.shown.add(match[1])
                self.print(f"  {len(self.shown)} of {self.plan.get('count', '?')}: {' '.join(match.groups()).strip()}")


def call(command, say):
    """Run apt-get; print its last lines if it fails. Nothing goes to standard output: that belongs to the guest."""
    progress = Progress(say)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    for line in process.stdout:
        progress.read(line.rstrip("\n"))
    if process.wait() != 0:
        print("\n".join(progress.lines[-LAST_LINES:]), file=sys.stderr)
        raise Failure(f"{' '.join(command)} failed")


def ensure(wanted, may_install=True, say="run"):
    """Install the missing packages of `wanted`, after listing them; Failure if that is not possible."""
    absent = missing(wanted)
    if not absent:
        return
    print(f"{say}: missing packages: {' '.join(absent)}", file=sys.stderr, flush=True)
    if not may_install:
        raise Failure("--no-install was given; apt-get install " + " ".join(absent))
    if shutil.which("apt-get") is None:
        raise Failure("this is not Debian: install the contents of these packages by hand")
    become_root = []
    if os.geteuid() != 0:
        if shutil.which("sudo") is None:
            raise Failure("only root can install them: apt-get install " + " ".join(absent))
        become_root = ["sudo"]
    environment = ["env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"]
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", *absent]
    for command in (["apt-get", "update", "-qq"], install):
        call(become_root + environment + command, say)
    still = missing(wanted)
    if still:
        raise Failure("still missing after the installation: " + " ".join(still))

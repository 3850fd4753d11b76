# SPDX-License-Identifier: MIT
"""Drivers that a person loads from the disk and unloads again: the plain shell's disk has them.
tests/kernel/test_modules.c does it twenty thousand times."""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from smoke import BUILD, INTERFACE, MACHINE, TestCase, program, run
from tree import ROOT

NOTE = b"\4\0\0\0Halyard\0"  # before the identity of an extension's kernel
SMALL = """
#include "drivers/pci/pci.h"
#include "kernel/base/log.h"
{more}
static bool match(const struct device *dev)
{{
    return pci_of_const(dev)->class_code == {cls};
}}

static enum status probe(struct device *dev)
{{
    {probe}
    log_info("mine", "%s is mine", dev->name);
    return OK;
}}

static void remove(struct device *dev)
{{
    log_info("mine", "%s was mine", dev->name);
}}

const struct driver mine = {{.name = "mine", .version = "0.1", .bus = &pci_bus_type, .match = match,
                            .probe = probe, .remove = remove}};
{module}
"""


def compile_module(folder, name="mine.ko", machine=MACHINE, flags=(), **parts):
    """Build a driver of one's own with the one line of modules/README.md, at the repository's root."""
    source, out = Path(folder) / "mine.c", Path(folder) / name
    text = {"more": "", "probe": "", "cls": "0xff0000", "module": 'DRIVER_MODULE(mine, "mine", "0.1", "MIT");'}
    source.write_text(SMALL.format(**{**text, **parts}))
    subprocess.run(["clang", f"@modules/cflags.{machine}", *flags, "-c", str(source), "-o", str(out)],
                   cwd=ROOT, check=True, capture_output=True)
    return out


def shell(*lines, **options):
    return run(typed="\n".join(lines) + "\npoweroff\n", *options.pop("options", ()), **options)


class Modules(TestCase):
    def test_load_random_unload(self):
        result = shell("mem", "load virtio_rng", "modules", "random 8", "unload virtio_rng", "modules")
        self.expect(result, 0, contains=["virtio_rng   1.0   live", "1 device (", "  virtio_rng 0000:",
                                         "32 of 32 bytes"])
        self.assertNotIn("virtio_rng", result.output.split("unload virtio_rng")[1])

    def test_memory_is_the_same_after_many_times(self):
        once = ["load virtio_rng", "random 8", "unload virtio_rng"]
        result = shell(*once * 2, "mem", "heap", *once * 20, "mem", "heap")
        self.expect(result, 0)
        books = re.findall(r"halyard> mem\n(.*?)halyard> heap\n(\d+ objects, \d+ bytes live)", result.output, re.S)
        self.assertEqual(len(books), 2, result.output)
        self.assertEqual(books[0], books[1])

    def test_a_patch_replaces_a_function_until_it_is_undone(self):
        result = shell("free", "livepatch load exact_sizes", "free", "livepatch", "livepatch load exact_sizes",
                       "livepatch undo exact_sizes", "free", "livepatch list", "livepatch undo exact_sizes",
                       "livepatch load virtio_rng", "livepatch load exact_sizes", "free", options=("--smp", "4"))
        self.expect(result, 0, contains=["exact_sizes      applied  shell_format_size", "exact_sizes      undone ",
                                         "livepatch: exact_sizes: is applied already",
                                         "livepatch: exact_sizes: no such patch is applied",
                                         "virtio_rng.ko: a driver, not an extension of one kernel"])
        self.assertEqual([text.endswith("B in all") and "MiB" not in text for text in
                          re.findall(r"^(\S+ ?\S* in all)", result.output, re.M)], [False, True, False, True], result.output)

    def test_a_patch_is_unloaded_once_no_call_is_in_it(self):
        busy = "livepatch: waits: undone, but not unloaded: a call of it has not ended"
        result = shell("livepatch load waits", "free > /tmp/out &", "while [ ! -d /tmp/in ]; do true; done",
                       "livepatch unload waits", "livepatch list", "free", "write /tmp/go now",
                       "wait", "cat /tmp/out", "livepatch unload waits", "livepatch list", "livepatch unload waits",
                       "livepatch load waits", "free", "livepatch unload waits", "free", options=("--smp", "4"))
        self.expect(result, 0, contains=[busy, "waits            undone   shell_format_size", "waited in all",
                                         "livepatch: waits: no such patch is loaded"])
        self.assertEqual(result.output.count("undone, but not unloaded"), 1, "only while the call waits")
        self.assertEqual(len(re.findall(r"^waits ", result.output, re.M)), 1, "it is not listed after it was unloaded")

    def test_a_patch_that_was_not_made_for_this_kernel_is_refused(self):
        """scripts/lib/patch.py compares the types, and refuses by the function's name."""
        good, linked = BUILD / "modules/exact_sizes.ko", BUILD / "exact_sizes.patch.o"
        other = bytearray(good.read_bytes())
        other[other.index(NOTE) + len(NOTE)] ^= 1
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "other.ko").write_bytes(other)
            (Path(folder) / "unlinked.ko").write_bytes(linked.read_bytes())
            subprocess.run([sys.executable, ROOT / "scripts/lib/extension.py", BUILD / "halyard.elf", linked, "-o",
                            Path(folder) / "unmarked.ko"], check=True, capture_output=True)
            result = shell(*(f"livepatch load /files/{name}.ko" for name in ("other", "unlinked", "unmarked", "none")),
                           "livepatch load cil", "livepatch", "free", options=("--files", folder))
        self.expect(result, 0, contains=[
            "livepatch: /files/other.ko: linked against another kernel than this",
            "livepatch: /files/unlinked.ko: linked against another kernel than this",
            "livepatch: shell_format_size: its replacement was not compared with this kernel's function",
            "livepatch: /files/none.ko: no such file or directory",
            "livepatch: /lib/modules/cil.ko: an extension, but no patch", "MiB free"])

    def test_each_refusal_names_its_cause(self):
        other = {"x86_64": "aarch64", "aarch64": "x86_64"}[MACHINE]
        with tempfile.TemporaryDirectory() as folder:
            whole = compile_module(folder).read_bytes()
            compile_module(folder, "other.ko", machine=other)
            compile_module(folder, "missing.ko", more="void not_there(void);", probe="not_there();")
            compile_module(folder, "program_call.ko", more='void hy_exit(int) __asm__("hy_exit$1");',
                           probe="hy_exit(1);")
            compile_module(folder, "version.ko", flags=["-Dlog_line=log_line$9", "-Wno-macro-redefined"],
                           more="#undef log_line\n#define log_line log_line$9\nvoid log_line(int, const char *, const "
                                "char *, ...);")
            compile_module(folder, "nameless.ko", module="")
            note = b"Halyard\0" + INTERFACE.to_bytes(4, "little")
            self.assertEqual(whole.count(note), 1)
            (Path(folder) / "interface.ko").write_bytes(whole.replace(
                note, b"Halyard\0" + (INTERFACE + 5).to_bytes(4, "little")))
            (Path(folder) / "cut.ko").write_bytes(whole[:len(whole) // 2])
            (Path(folder) / "text.ko").write_text("no module")
            names = ["other", "missing", "program_call", "version", "nameless", "interface", "cut", "text"]
            lines = ["mem", "heap", *(f"load /files/{name}.ko" for name in names), "load /files/none.ko",
                     "load virtio_blk.ko", "load /bin/hello.elf", "unload virtio_blk", "unload nothing", "load", "mem",
                     "run /lib/modules/virtio_rng.ko"]
            result = run("--program", program("hello"), "--files", folder, "--append", "shell",
                         typed="\n".join(lines) + "\npoweroff\n")
        self.expect(result, contains=[
            "load: /files/other.ko: made for ELF machine",
            "load: /files/missing.ko: import not_there: no such symbol",
            "load: /files/program_call.ko: import hy_exit version 1: no such symbol",
            "load: /files/version.ko: import log_line version 9: the kernel has 1",
            "load: /files/nameless.ko: note: it names no driver: DRIVER_MODULE() is missing",
            f"load: /files/interface.ko: note: built for version {INTERFACE + 5} of the driver interface; "
            f"this is version {INTERFACE}",
            "load: /files/cut.ko: ",
            "load: /files/text.ko: unknown format",
            "load: /files/none.ko: no such file or directory",
            "load: /lib/modules/virtio_blk.ko: no such file or directory",
            "load: /bin/hello.elf: a program, not a driver",
            "unload: virtio_blk: linked into the kernel",
            "unload: nothing: no such module is loaded",
            "usage: load FILE",
            "/lib/modules/virtio_rng.ko: a driver, not a program",
        ])

    def test_the_readers_own_driver(self):
        """Its device is the host bridge, which every machine has and no other driver uses."""
        with tempfile.TemporaryDirectory() as folder:
            compile_module(folder, cls="0x060000")
            result = run("--program", program("hello"), "--files", folder, "--append", "shell loglevel=info",
                         typed="load /files/mine.ko\nload /files/mine.ko\nmodules\nunload mine\npoweroff\n")
        self.expect(result, contains=["mine: 0000:00:00.0 is mine", "load: mine: already loaded",
                                      "mine         0.1   live", "mine: 0000:00:00.0 was mine"])

    def test_a_fault_in_a_driver_is_a_panic_that_names_it(self):
        with tempfile.TemporaryDirectory() as folder:
            compile_module(folder, cls="0x060000", probe="*(volatile int *)8 = 1;")
            result = run("--program", program("hello"), "--files", folder, "--append", "shell",
                         typed="load /files/mine.ko\n")
        self.expect(result, 120, contains=["PANIC: unexpected fault", "#0 mine!probe+0x", "mine.c:"])


class InFlight(TestCase):
    """A device with a quota delays requests beyond it until the period is over: half a seed arrives at once, the reader
    of the other half times out after a second, and the request stays with the device."""

    def slow(self, period_ms):
        device = f"-object rng-builtin,id=slow -device virtio-rng-pci,rng=slow,max-bytes=16,period={period_ms}"
        result = shell("load virtio_rng", "random 8", "modules", "unload virtio_rng", "modules", "load virtio_rng",
                       "random 8", "unload virtio_rng", options=[f"--qemu={device}"])
        self.expect(result, 0, contains=["2 devices (", "16 of 32 bytes, failed 1 time (timed out)", "32 of 32 bytes"])
        # a reset does not refill the quota
        self.assertEqual(result.output.count("failed 1 time (timed out)"), 2, result.output)
        return result

    def test_unload_waits_for_an_answer(self):
        self.assertNotIn("given up", self.slow(1500).output)

    def test_unload_abandons_requests_that_are_never_answered(self):
        result = self.slow(1000000)
        self.assertIn(", 1 in flight", result.output)
        self.assertEqual(result.output.count("a request that the device does not answer is given up"), 2)

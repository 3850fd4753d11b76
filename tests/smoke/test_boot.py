# SPDX-License-Identifier: MIT
"""Every supported way to boot to the shell, and a program run in the same way.

A run passes only if the shell replied, the guest switched itself off, and QEMU reported no guest error.
"""
import re
import tempfile

from elftools.elf.elffile import ELFFile

from audit import Audited
from smoke import BUILD, LIMIT_S, MACHINE, TestCase, for_machine, program, run

# Machine options by name; each becomes a test.
WAYS = {
    "x86_64": {
        "q35_kernel": ["--boot", "kernel"],
        "q35_iso": ["--boot", "iso"],
        "q35_uefi": ["--firmware", "uefi"],
        "pc_uefi": ["--firmware", "uefi", "--machine", "pc"],
        "q35_usb": ["--boot", "usb"],
        "pc_usb2": ["--boot", "usb2", "--machine", "pc"],
        "pc_usb_uefi": ["--boot", "usb", "--machine", "pc", "--firmware", "uefi"],
        "q35_usb2_uefi": ["--boot", "usb2", "--firmware", "uefi"],
        "pc_kernel": ["--machine", "pc", "--boot", "kernel"],
        "pc_iso": ["--machine", "pc", "--boot", "iso"],
        "16_mib": ["--boot", "kernel", "--mem", "16M"],
        "32_mib": ["--boot", "kernel", "--mem", "32M"],
        "32_mib_iso": ["--boot", "iso", "--mem", "32M"],
        "2_gib": ["--boot", "kernel", "--mem", "2G"],
        **{f"{n}_cpus": ["--boot", "kernel", "--smp", str(n)] for n in range(4, 8)},
        "old_cpu": ["--boot", "kernel", "--cpu", "qemu64"],
        "instruction_count": ["--boot", "kernel", "--accel", "icount"],
    },
    "aarch64": {
        **{f"el{2 if el2 == 'on' else 1}_gicv{gic}": ["--machine", f"virt,gic-version={gic},virtualization={el2}"]
           for el2 in ("off", "on") for gic in (2, 3)},
        "16_mib": ["--mem", "16M"],
        "32_mib": ["--mem", "32M"],
        "2_gib": ["--mem", "2G"],
        **{f"{n}_cpus": ["--smp", str(n)] for n in range(4, 8)},
        "cortex_a72": ["--cpu", "cortex-a72"],
        "cortex_a53_gicv2": ["--cpu", "cortex-a53", "--machine", "virt,gic-version=2"],
        "low_ecam": ["--machine", "highmem=off"],
        "without_its": ["--machine", "its=off"],
        "instruction_count": ["--accel", "icount"],
    },
}


def cpio_entry(name, data):
    """A file in the "newc" format: 13 numbers in hexadecimal, the name, the data, each padded to 4 bytes."""
    numbers = [0, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % n for n in numbers) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


class Boot(TestCase):
    @for_machine("x86_64")
    def test_command_line_through_grub(self):
        result = run("--boot", "iso", "--append", "'two words' loglevel=debug", typed="poweroff\n")
        self.expect(result, 0, contains="two words")


    @for_machine("x86_64")
    def test_command_line_and_initrd_from_a_usb_stick(self):
        with tempfile.NamedTemporaryFile(suffix=".cpio") as archive:
            archive.write(cpio_entry("from-the-stick", b"hello") + cpio_entry("TRAILER!!!", b""))
            archive.flush()
            for firmware in ("bios", "uefi"):
                result = run("--boot", "usb", "--firmware", firmware, "--initrd", archive.name,
                             "--append", "'two words' loglevel=info", typed="ls /\npoweroff\n")
                self.expect(result, 0, contains=["two words", "from-the-stick"])

    def test_memory_above_4_gib_is_used(self):
        holes = ["--mem", "6G", "--machine", "pc,max-ram-below-4g=1G"] if MACHINE == "x86_64" else ["--mem", "6G"]
        for options in (["--mem", "64G", "--smp", "8"], holes):
            with self.subTest(options=options):
                self.expect(run("--test", "memory.all_memory_*", *options), 0)

    def test_boot_takes_at_most_three_million_instructions(self):
        # --bench counts instructions: a virtual microsecond is a thousand of them. Only the wait for a reply of the
        # host depends on the host, so the shortest of a few boots counts.
        for memory in ("512M", "2G"):
            figures = [self.boot_us(memory)]
            while figures[-1] >= 3000 and len(figures) < 5:
                figures.append(self.boot_us(memory))
            self.assertLess(min(figures), 3000, figures)

    def boot_us(self, memory):
        result = run("--bench=boot.*", "--mem", memory)
        self.expect(result, 0)
        figure = re.search(r"(?m)^bench boot\.kernel_us (\d+)(?:\.\d+)? us$", result.output)
        self.assertIsNotNone(figure, result.output)
        return int(figure[1])


    def test_all_cpus_run_whatever_starts_the_kernel(self):
        ways = {"x86_64": (["--boot", "kernel"], ["--boot", "kernel", "--machine", "pc"], ["--boot", "iso"],
                           ["--firmware", "uefi"]),
                "aarch64": ([], ["--machine", "virt,gic-version=2"], ["--firmware", "uefi"],
                            ["--machine", "virt,gic-version=3,virtualization=on"])}
        for way in ways[MACHINE]:
            with self.subTest(way=way):
                result = run("--smp", "3", *way, typed="cpus\npoweroff\n")
                self.expect(result, 0, contains="smp: 3 of 3 CPUs run")
                self.assertEqual(re.findall(r"(?m)^cpu (\d+):", result.output), ["0", "1", "2"], result.output)

    def test_as_many_cpus_as_asked_for(self):
        for cpus, maximum, running in ((2, 0, 2), (4, 2, 2), (4, 1, 1), (64, 0, 64)):
            with self.subTest(cpus=cpus, maximum=maximum):
                limit = ["--append", f"maxcpus={maximum}"] if maximum else []
                self.expect(run("--smp", str(cpus), *limit, "--test", "smp.*"), 0, contains=f"smp: {running} of {cpus} CPUs run")

    def test_the_shell_is_reached_with_4_mib_in_use(self):
        result = run(typed="free\npoweroff\n")  # `mem` would load tools.ko first
        self.expect(result, 0)
        used = re.search(r" in all, ([\d.]+) MiB used", result.output)
        self.assertLessEqual(float(used[1]), 4, result.output)

    def test_a_panic_stops_the_other_cpus(self):
        result = run("--smp", "3", typed="panic\n")
        self.expect(result, 120)
        # A CPU that still works, perhaps on a block that was read ahead, is not idle: its call chain is shown.
        working = re.findall(r"(?m)^  cpu \d+ was in ", result.output)
        idle = re.findall(r"(?m)^  other CPUs: (\d+) idle, 0 that did not stop$", result.output)
        self.assertEqual(len(working) + sum(map(int, idle)), 2, result.output)


class Canaries(TestCase):
    FIRST = {"x86_64": "pool", "aarch64": "__boot_tables_start"}[MACHINE]  # where the first table will be

    def test_stores_to_the_first_page_tables_that_are_lost_are_noticed(self):
        """The first store to the section is reverted while the machine is stopped, as in flash. Firmware may have cleared the
        memory before. The MMU is off, so addresses are physical; the AArch64 image is where QEMU loads it."""
        with (BUILD / "halyard.elf").open("rb") as file:
            elf = ELFFile(file)
            symbols, [tables, text] = elf.get_section_by_name(".symtab"), map(elf.get_section_by_name, (".boot_tables", ".text"))
            [address] = (symbol["st_value"] for symbol in symbols.get_symbol_by_name(self.FIRST)
                         if 0 <= symbol["st_value"] - tables["sh_addr"] < tables["sh_size"])
        address += 0x40200000 - text["sh_addr"] if MACHINE == "aarch64" else 0
        loader = ["--boot", "kernel"] if MACHINE == "x86_64" else []  # not GRUB, which uses this memory before
        for is_lost in (True, False):
            with (self.subTest(is_lost=is_lost),
                  Audited(MACHINE, BUILD, "--no-install", "--timeout", str(LIMIT_S), *loader, starts=False) as guest):
                guest.stop()
                while guest.stub.read(address, 8) == bytes(8):
                    guest.stub.go_on_to_store(address, stops_before=MACHINE == "aarch64")
                if is_lost:
                    guest.stub.write_word(address, 0)
                guest.go_on()
                guest.wait_for("boot canary in .boot_tables" if is_lost else "halyard> ")


class Program(TestCase):
    """PCI, interrupts and the disk work on that machine, too, and only the program's output appears."""


def boot_test(options):
    def test(self):
        self.expect(run(*options, typed="mem\npoweroff\n"), 0, contains="halyard> ")
    return test


def program_test(options):
    def test(self):
        result = run(*options, "--program", program("hello"))
        self.expect(result, 0)
        self.assertTrue(result.output.startswith("Hello from a program"), result)
        self.assertEqual(result.errors, "")
    return test


for _name, _options in WAYS[MACHINE].items():
    setattr(Boot, f"test_{_name}", boot_test(_options))
    setattr(Program, f"test_on_{_name}", program_test(_options))

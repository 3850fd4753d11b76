# SPDX-License-Identifier: MIT
"""Booting from UEFI firmware. It takes seconds where the kernel takes a tenth of one, so each boot tests much.

test_boot.py also boots the PC's firmwares; this file has EDK2 on AArch64 and what both have in common.
"""
import re
import tempfile

from smoke import TestCase, for_machine, program, run

BOOT_LIMIT = 3000000  # instructions
# Virtual time counts instructions: 64 ns each, because firmware waits for seconds of it.
COUNTED = ["--accel", "tcg", "--smp", "1", "--qemu", "-icount shift=6,align=off,sleep=off"]
UEFI = ["--firmware", "uefi"]


def cpio(**files):
    """An initrd in cpio's newc format."""
    archive = b""
    for name, data in [*files.items(), ("TRAILER!!!", b"")]:
        mode = 0o100644 if data else 0
        numbers = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        header = b"070701" + b"".join(b"%08x" % n for n in numbers) + name.encode() + b"\0"
        archive += header + bytes(-len(header) % 4) + data + bytes(-len(data) % 4)
    return archive


class Firmware(TestCase):
    def hello(self, *options):
        """A program runs: interrupts, PCI and a disk work. Only its output appears, and not the firmware's."""
        result = run(*UEFI, *options, "--program", program("hello"))
        self.expect(result, 0)
        self.assertTrue(result.output.startswith("Hello from a program"), result)
        self.assertEqual(result.errors, "")

    def shell(self, *options, contains=()):
        """The shell replies, and the machine switches itself off."""
        result = run(*options, typed="irq\npoweroff\n")
        self.expect(result, 0, contains=["halyard> ", "controller ", *contains])
        self.assertNotIn("\033", result.output)  # the device on which firmware draws
        return result.output

    def test_the_kernels_own_instructions_are_counted(self):
        # The firmware's time is not included. The clock runs while the kernel waits for a reply of the host, so the
        # shortest of a few boots is the kernel's own time.
        figures = [self.boot_instructions()]
        while figures[-1] >= BOOT_LIMIT and len(figures) < 5:
            figures.append(self.boot_instructions())
        self.assertLess(min(figures), BOOT_LIMIT, figures)

    def boot_instructions(self):
        result = run(*UEFI, *COUNTED, "--bench=boot.*")
        self.expect(result, 0)
        figure = re.search(r"(?m)^bench boot\.kernel_us (\d+)(?:\.\d+)? us$", result.output)
        self.assertIsNotNone(figure, result.output)
        return int(figure[1]) * 1000 // 64

    def test_status_of_a_program(self):
        result = run(*UEFI, "--program", program("exit"), "--args", "200")
        self.expect(result, 200)

    def test_a_panic_is_one(self):
        result = run(*UEFI, typed="panic\n")
        self.expect(result, 120, "panic", contains=["PANIC:", "PANIC END"])

    @for_machine("x86_64")
    def test_the_least_memory_that_firmware_boots_with(self):
        self.hello("--boot", "iso", "--machine", "pc", "--mem", "48M")  # GRUB loads the whole file that it starts

    @for_machine("aarch64")
    def test_program_with_acpi_at_el2(self):
        self.hello("--machine", "virtualization=on")

    @for_machine("aarch64")
    def test_program_with_acpi_and_gicv2(self):
        self.hello("--machine", "virt,gic-version=2", "--cpu", "cortex-a53", "--mem", "3G", "--smp", "3")

    @for_machine("aarch64")
    def test_program_with_a_device_tree_at_el2(self):
        self.hello("--machine", "acpi=off,virtualization=on,highmem=off")

    @for_machine("aarch64")
    def test_program_with_a_device_tree_and_gicv2(self):
        self.hello("--machine", "virt,gic-version=2,acpi=off", "--mem", "256M")

    @for_machine("aarch64")
    def test_line_of_the_routing_table(self):
        # A device without messages: its line comes from _PRT and the link devices named there.
        with tempfile.NamedTemporaryFile() as disk:
            disk.truncate(1 << 20)
            output = self.shell(*UEFI, "--disk", disk.name, "--qemu=-global virtio-blk-pci.vectors=0")
        self.assertRegex(output, r"(?m)^ +3[5-8] +[1-9].* 0000:00:01\.0")
        self.assertNotIn("acpi:", output)  # no note about any table

    @for_machine("aarch64")
    def test_an_its_that_acpi_names_and_that_is_not_there(self):
        self.shell(*UEFI, "--machine", "its=off", contains=["no such device; devices use their lines"])

    @for_machine("aarch64")
    def test_command_line_and_initrd_of_a_loader(self):
        with tempfile.NamedTemporaryFile() as initrd:
            initrd.write(cpio(motd=b"from the initrd"))
            initrd.flush()
            result = run(*UEFI, "--cpu", "cortex-a72", "--initrd", initrd.name, "--append", "'two words' loglevel=debug",
                         typed="cat /motd\npoweroff\n")
        self.expect(result, 0, contains=["from the initrd", "started by UEFI, EDK II", '"two words" is unknown'])
        self.assertNotIn("initrd=", result.output)  # the loader's own first word is not passed on
        self.assertNotIn("no entropy source", result.output)  # the CPU has none: the firmware's protocol

    @for_machine("aarch64")
    def test_stick_with_command_line_and_initrd(self):
        with tempfile.NamedTemporaryFile() as initrd:
            initrd.write(cpio(motd=b"from the stick"))
            initrd.flush()
            result = run("--boot", "usb", "--initrd", initrd.name, "--append", "loglevel=debug unheard",
                         typed="cat /motd\npoweroff\n")
        self.expect(result, 0, contains=["from the stick", '"unheard" is unknown'])

    @for_machine("aarch64")
    def test_disc(self):
        self.shell("--boot", "iso", contains=['started by UEFI, EDK II, command line ""'])

    @for_machine("aarch64")
    def test_clock_of_the_firmware(self):
        # The firmware keeps the PL031 for itself; the kernel uses the time that it reported at exit.
        result = run(*UEFI, "--qemu=-rtc base=2031-05-06T07:08:09", typed="uptime\npoweroff\n")
        self.expect(result, 0, contains="2031-05-06")

    @for_machine("aarch64")
    def test_reboot_through_acpi(self):
        result = run(*UEFI, typed="reboot\n")
        self.expect(result, 0)

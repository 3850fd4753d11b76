# SPDX-License-Identifier: MIT
"""Every supported way to the shell, and the one that is refused.

A run passes only if the shell answered, the guest switched itself off, and QEMU reported no guest error.
"""
from smoke import MACHINE, TestCase, for_machine, run

# Machine options by name; each becomes a test.
WAYS = {
    "x86_64": {
        "q35_kernel": ["--boot", "kernel"],
        "q35_iso": ["--boot", "iso"],
        "pc_kernel": ["--machine", "pc", "--boot", "kernel"],
        "pc_iso": ["--machine", "pc", "--boot", "iso"],
        "32_mib": ["--boot", "kernel", "--mem", "32M"],
        "32_mib_iso": ["--boot", "iso", "--mem", "32M"],
        "2_gib": ["--boot", "kernel", "--mem", "2G"],
        "six_cpus": ["--boot", "kernel", "--smp", "6"],
        "old_cpu": ["--boot", "kernel", "--cpu", "qemu64"],
        "instruction_count": ["--boot", "kernel", "--accel", "icount"],
    },
    "aarch64": {
        **{f"el{2 if el2 == 'on' else 1}_gicv{gic}": ["--machine", f"virt,gic-version={gic},virtualization={el2}"]
           for el2 in ("off", "on") for gic in (2, 3)},
        "32_mib": ["--mem", "32M"],
        "2_gib": ["--mem", "2G"],
        "six_cpus": ["--smp", "6"],
        "cortex_a72": ["--cpu", "cortex-a72"],
        "cortex_a53_gicv2": ["--cpu", "cortex-a53", "--machine", "virt,gic-version=2"],
        "low_ecam": ["--machine", "highmem=off"],
        "without_its": ["--machine", "its=off"],
        "instruction_count": ["--accel", "icount"],
    },
}


class Boot(TestCase):
    def test_too_little_memory_is_refused_clearly(self):
        """Less than 16 MiB cannot work; it must say so and not hang, reset or write where no RAM is."""
        result = run("--mem", "8M", *(["--boot", "kernel"] if MACHINE == "x86_64" else []))
        self.assertEqual(result.status, 120, result)
        self.assertIn("memory", result.output.lower())

    def test_unknown_words_are_reported_and_ignored(self):
        result = run("--append", "frobnicate=1", typed="poweroff\n")
        self.expect(result, 0, contains=["frobnicate=1", "halyard> "])

    @for_machine("x86_64")
    def test_command_line_through_grub(self):
        result = run("--boot", "iso", "--append", "'two words' loglevel=debug", typed="poweroff\n")
        self.expect(result, 0, contains="two words")


def boot_test(options):
    def test(self):
        self.expect(run(*options, typed="mem\npoweroff\n"), 0, contains="halyard> ")
    return test


for _name, _options in WAYS[MACHINE].items():
    setattr(Boot, f"test_{_name}", boot_test(_options))

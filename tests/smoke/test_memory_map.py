# SPDX-License-Identifier: MIT
"""`mem map` and the picture of it in docs/ agree about the regions."""
import re
import unittest

import audit
import memmap
from smoke import BUILD, MACHINE, TestCase, run

PROTOCOLS = {"x86_64": [("--boot", "kernel"), ("--boot", "iso"), ("--firmware", "uefi")],
             "aarch64": [(), ("--firmware", "uefi"), ("--cpu", "cortex-a72"),
                         ("--machine", "virtualization=on")]}[MACHINE]


class MemoryMap(TestCase):
    def test_picture_has_the_regions(self):
        result = run("--append", "aslr=off", typed="mem map\npoweroff\n")
        self.expect(result)
        regions, picture = memmap.parse(result.output), memmap.PICTURE.read_text()
        self.assertGreaterEqual(len(regions), 6, result.output)
        for region in regions:
            for words in (f">{region.last:016x}<", f">{region.first:016x}<", f">{region.name}, {region.size}<"):
                self.assertIn(words, picture, f"{MACHINE}: scripts/memory-map draws it anew")

    def begins(self, *options):
        """{region: start of its first mapping}; `text`: the kernel's code."""
        result = run(*options, typed="mem map\npoweroff\n")
        self.expect(result)
        firsts = re.findall(r"(?m)^[0-9a-f]{16}-\S+ +\d+ \S+ (direct|vm|image)\r?\n {2}([0-9a-f]{16})-", result.output)
        self.assertEqual(len(firsts), 3, result.output)
        text = re.search(r"(?m)^[0-9a-f]{16}-\S+ +\d+ \S+ image\r?\n(?: {2}\S+ +\d+ KiB (?!r-x).*\n)* {2}([0-9a-f]{16})-", result.output)
        return {**{name: int(mapped, 16) for name, mapped in firsts}, "text": int(text[1], 16)}

    def linked(self):
        """The link address of the kernel's code."""
        return next(part.first for part in audit.linked(BUILD / "halyard.elf")[0] if part.executable)

    def test_each_boot_has_its_own_addresses(self):
        one, other = self.begins(), self.begins()
        self.assertNotEqual(one["direct"], other["direct"])  # equal once in 65,000 runs
        self.assertNotEqual(one["vm"], other["vm"])

    @unittest.skipIf(BUILD.name.endswith("-asan"), "its shadow is where the compiler was told")
    def test_every_loader_moves_the_kernel(self):
        linked, seen = self.linked(), []
        for protocol in PROTOCOLS:
            with self.subTest(protocol):
                tries = (self.begins(*protocol)["text"] for _ in range(2))
                found = next((text for text in tries if text != linked), None)  # by chance, once in 16,384
                self.assertIsNotNone(found, "it is where it was linked, twice")
                self.assertEqual((found - linked) % 0x10000, 0)
                seen.append(found)
        self.assertGreater(len(set(seen)), 1)

    def test_without_offsets_each_boot_is_the_same(self):
        one, other = (self.begins("--append", "aslr=off shell") for _ in range(2))
        self.assertEqual(one, other)
        self.assertEqual(one["text"], self.linked())

    def test_each_loader_passes_aslr_off(self):
        for protocol in PROTOCOLS[:2 if MACHINE == "x86_64" else 1]:
            with self.subTest(protocol):
                self.assertEqual(self.begins(*protocol, "--append", "aslr=off")["text"], self.linked())

    def test_no_mapping_is_writable_and_executable(self):
        regions = memmap.parse(run(typed="mem map\npoweroff\n").output)
        permissions = [kind for region in regions for kind, _ in region.pieces]
        self.assertIn("r-x", permissions)
        self.assertNotIn("rwx", permissions)

# SPDX-License-Identifier: MIT
"""`mem map` and the picture of it in docs/ agree about the regions."""
import re

import memmap
from smoke import MACHINE, TestCase, run


class MemoryMap(TestCase):
    def test_picture_has_the_regions(self):
        result = run(typed="mem map\npoweroff\n")
        self.expect(result)
        regions, picture = memmap.parse(result.output), memmap.PICTURE.read_text()
        self.assertGreaterEqual(len(regions), 6, result.output)
        for region in regions:
            for words in (f">{region.last:016x}<", f">{region.first:016x}<", f">{region.name}, {region.size}<"):
                self.assertIn(words, picture, f"{MACHINE}: scripts/memory-map draws it anew")

    def begins(self, *options):
        """Where the first mapping of each region begins behind it; the image's is where it was linked."""
        result = run(*options, typed="mem map\npoweroff\n")
        self.expect(result)
        firsts = re.findall(r"(?m)^([0-9a-f]{16})-\S+ +\d+ \S+ (direct|vm|image)\r?\n {2}([0-9a-f]{16})-", result.output)
        self.assertEqual(len(firsts), 3, result.output)
        return {name: int(mapped, 16) - int(base, 16) for base, name, mapped in firsts}

    def test_each_boot_has_its_own_addresses(self):
        one, other = self.begins(), self.begins()
        self.assertNotEqual(one["direct"], other["direct"])  # the same once in 65,000 runs
        self.assertNotEqual(one["vm"], other["vm"])
        self.assertEqual(one["image"], other["image"])

    def test_without_offsets_each_boot_is_the_same(self):
        one, other = self.begins("--append", "aslr=off shell"), self.begins("--append", "aslr=off shell")
        self.assertEqual(one, other)
        self.assertLess(one["vm"], 1 << 20)

    def test_no_mapping_is_writable_and_executable(self):
        regions = memmap.parse(run(typed="mem map\npoweroff\n").output)
        permissions = [kind for region in regions for kind, _ in region.pieces]
        self.assertIn("r-x", permissions)
        self.assertNotIn("rwx", permissions)

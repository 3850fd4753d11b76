# SPDX-License-Identifier: MIT
"""`mem map` and the picture of it in docs/ agree about the regions."""
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

    def test_no_mapping_is_writable_and_executable(self):
        regions = memmap.parse(run(typed="mem map\npoweroff\n").output)
        permissions = [kind for region in regions for kind, _ in region.pieces]
        self.assertIn("r-x", permissions)
        self.assertNotIn("rwx", permissions)

# SPDX-License-Identifier: MIT
"""Each kind of memory misuse that debug builds detect ends in a panic that names it, and shows where the memory was
allocated and freed."""
import shutil
import subprocess
import tempfile
from pathlib import Path

from smoke import TestCase, run
from tree import ROOT

STATUS_PANIC = 120
POINTER = r"(0x)?[0-9a-f]{16}"


class Heap(TestCase):
    def caught(self, name, what, is_given_back=False):
        result = run(f"--test=seeded_{name}")
        self.expect(result, STATUS_PANIC, "panic", contains=["\nPANIC: ", f"seeded_{name}+0x"])
        self.assertRegex(result.output, f"PANIC: {what}")
        taken, *given = result.output.partition("allocated by:")[2].split("freed by:")
        self.assertEqual(is_given_back, bool(given), result.output)
        for chain in (taken, *given):
            self.assertIn(f"seeded_{name}+0x", chain)
            self.assertRegex(chain, r"tests/kernel/test_seeded\.c:\d+\)")

    def test_a_write_past_the_end(self):
        self.caught("heap_overflow", rf"heap: a write past the end of {POINTER}, 24 bytes: 0x78 at \+24\n")

    def test_a_write_before_the_beginning(self):
        self.caught("heap_underflow", rf"heap: a write before the beginning of {POINTER}, 24 bytes: 0x78 at -1\n")

    def test_a_second_free(self):
        self.caught("heap_double_free", rf"heap: {POINTER}, 24 bytes, freed twice\n", is_given_back=True)

    def test_a_write_after_the_free(self):
        self.caught("heap_use_after_free", rf"heap: a write after the free of {POINTER}, 24 bytes: 0x78 at \+3\n",
                    is_given_back=True)

    def test_a_double_free_of_an_object_with_its_own_pages(self):
        self.caught("heap_large_double_free", rf"heap: {POINTER}, 100000 bytes, freed twice\n", is_given_back=True)

    def test_a_write_after_the_free_of_an_object_with_its_own_pages(self):
        self.caught("heap_large_use_after_free", r"unexpected fault: .*\bwrite\b.*[\s\S]*?"
                                                 r"\n +at \+99999 of an object of 100000 bytes\n", is_given_back=True)

    def test_a_write_to_unmapped_memory_has_a_complete_report(self):
        result = run("--test=seeded_heap_nowhere")
        self.expect(result, STATUS_PANIC, "panic", contains=["\nPANIC: unexpected fault: ", "seeded_heap_nowhere+0x"])
        self.assertNotIn("while a fault was handled", result.output)
        self.assertRegex(result.output, r"seeded_heap_nowhere\+0x[\s\S]*\n  other CPUs: [\s\S]*\nPANIC END\n")

    def test_a_foreign_pointer(self):
        result = run("--test=seeded_heap_foreign")
        self.expect(result, STATUS_PANIC, "panic", contains=["which is not a heap object", "seeded_heap_foreign+0x"])

    def test_a_write_to_a_free_page(self):
        result = run("--test=seeded_page_use_after_free")
        self.expect(result, STATUS_PANIC, "panic", contains=["seeded_page_use_after_free+0x"])
        self.assertRegex(result.output, r"PANIC: page: frame 0x[0-9a-f]+ was written to while it was free: "
                                        r"0x[0-9a-f]*78[0-9a-f]* at \+96\n")

    def test_a_leak_is_reported_with_the_function_that_allocated(self):
        result = run("--test=seeded_heap_leak")
        self.expect(result, 0)
        self.assertRegex(result.output, r"\n4999000 bytes in 1000 objects:\n#0 seeded_heap_leak\+0x")

    def test_heap_sites_lists_the_callers(self):
        result = run(typed="heap sites\npoweroff\n")
        self.expect(result, 0)
        self.assertRegex(result.output, r"\n\d+ bytes in \d+ objects:\n#0 \w+\+0x[0-9a-f]+ \(kernel/[\w/]+\.c:\d+\)\n")

    def test_memory_runs_out_while_the_disk_works(self):
        with tempfile.TemporaryDirectory() as folder:
            tree, image = Path(folder) / "tree", Path(folder) / "disk.img"
            tree.mkdir()
            (tree / "file").write_bytes(bytes(range(256)) * 200)
            subprocess.run([ROOT / "scripts/mkdisk", tree, image], check=True, capture_output=True)
            second = shutil.copy(image, Path(folder) / "second.img")  # the first one becomes the root
            result = run("--test=failures.disks_are_read_and_mounted", "--disk", image, "--disk", second)
        self.expect(result, 0, contains="\n# one was mounted\n")

# SPDX-License-Identifier: MIT
"""scripts/audit: page tables read from outside, on every CPU, idle, with programs loaded and under load.

To prove that it finds violations, the tests write them into the tables of a stopped machine: no kernel code makes such
a page.
"""
import contextlib
import io
import subprocess
import tempfile
from pathlib import Path
from unittest import mock

import audit
from audit import Audited, moved
from pagewalk import UPPER_HALF
from smoke import BUILD, LIMIT_S, MACHINE, TestCase, for_machine
from tree import ROOT

CPUS = 4
LOOKS = 40
X86 = MACHINE == "x86_64"
ROOT_REGISTER = "cr3" if X86 else "TTBR1_EL1"
NOWHERE = 0x7f00000000  # an address at which no machine has memory


def write(entry):
    return entry | 2 if X86 else entry & ~(1 << 7)


def with_tables_of_its_own(guest, cpu, leaf, change):
    """One CPU translates through copies of the tables on the path to a leaf, changed there; the others through the
    shared ones."""
    copies = {}
    for level, entry in enumerate(leaf.entries):
        table = bytearray(guest.stub.read(entry & -4096, 4096))
        at = entry % 4096
        value = int.from_bytes(table[at:at + 8], "little")
        if level + 1 < len(leaf.entries):
            value = value & ~0xffff_ffff_f000 | NOWHERE + (level + 1) * 4096
        else:
            value = change(value)
        table[at:at + 8] = value.to_bytes(8, "little")
        copies[NOWHERE + level * 4096] = bytes(table)
    read, register = guest.stub.read, guest.stub.register
    guest.stub.read = lambda address, size: copies[address] if address in copies else read(address, size)
    guest.stub.register = lambda number, name: (
        register(number, name) & ~0xffff_ffff_f000 | NOWHERE if (number, name) == (cpu, ROOT_REGISTER)
        else register(number, name))


class Audit(TestCase):
    def boot(self, *options):
        return Audited(MACHINE, BUILD, "--no-install", "--timeout", str(LIMIT_S), "--smp", str(CPUS), *options)

    def at_the_prompt(self, guest):
        guest.wait_for("halyard> ")
        guest.stop()
        found = guest.look()
        self.assertEqual((found.cpus, found.findings), (CPUS, []))
        return found

    def seeded(self, guest, changes, words):
        """The audit finds it with {address of an entry: its new value}, and nothing without."""
        before = {address: int.from_bytes(guest.stub.read(address, 8), "little") for address in changes}
        for address, change in changes.items():
            guest.stub.write_word(address, change(before[address]))
        findings = guest.look().findings
        for address, entry in before.items():
            guest.stub.write_word(address, entry)
        self.assertTrue(any(words in finding for finding in findings), f"{words}: {findings[:5]}")
        self.assertEqual(guest.look().findings, [])

    def test_each_bug_is_found(self):
        with self.boot() as guest:
            leaves = self.at_the_prompt(guest).leaves
            text = next(leaf for leaf in leaves if leaf.executable)
            alias = next(leaf for leaf in leaves if not leaf.executable and leaf.pa <= text.pa < leaf.pa + leaf.size)
            stack = next(leaf for leaf in leaves if leaf.writable and leaf.size == 4096 and leaf.va < text.va)
            execute = (lambda entry: entry & ~(1 << 63)) if X86 else (lambda entry: entry & ~(1 << 53))
            self.assertFalse(alias.writable)
            self.seeded(guest, {text.entries[-1]: write}, "is writable and executable")
            self.seeded(guest, {stack.entries[-1]: execute}, "is writable and executable")
            self.seeded(guest, {alias.entries[-1]: write}, "is executable, too, at")
            self.seeded(guest, {text.entries[-1]: write}, "is in the kernel's r-x")
            if X86:  # where every level must allow it
                self.seeded(guest, {at: lambda entry: entry | 4 for at in stack.entries}, "lower privilege")
                root = text.entries[0] & -4096
                self.seeded(guest, {root: lambda _: int.from_bytes(guest.stub.read(text.entries[0], 8), "little")},
                            "is mapped in the lower half")
            else:  # where a table forbids it for everything below
                *above, last = stack.entries
                self.seeded(guest, {**{at: lambda entry: entry & ~(1 << 61) for at in above}, last: lambda entry: entry | 1 << 6},
                            "lower privilege")
                *above, last = text.entries
                self.seeded(guest, {**{at: lambda entry: entry & ~(1 << 60) for at in above},
                                    last: lambda entry: entry & ~(1 << 54)}, "lower privilege")

    def test_a_page_in_one_cpus_own_tables_is_found(self):
        for cpu in (0, CPUS - 1):
            with self.boot() as guest:
                text = next(leaf for leaf in self.at_the_prompt(guest).leaves if leaf.executable)
                with_tables_of_its_own(guest, cpu, text, lambda entry: entry)
                self.assertEqual(guest.look().findings, [])
            with self.boot() as guest:
                text = next(leaf for leaf in self.at_the_prompt(guest).leaves if leaf.executable)
                with_tables_of_its_own(guest, cpu, text, write)
                findings = guest.look().findings
                self.assertTrue(any(f"{text.va:016x}" in finding and "is writable and executable" in finding
                                    for finding in findings), findings[:5])

    def test_a_setting_that_makes_permissions_void_is_found_on_any_cpu(self):
        register, change, words = {
            "x86_64": ("cr0", lambda value: value & ~(1 << 16), "CR0.WP"),
            "aarch64": ("SCTLR", lambda value: value & ~1, "the MMU is off")}[MACHINE]
        with self.boot() as guest:
            self.at_the_prompt(guest)
            read = guest.stub.register
            guest.stub.register = lambda cpu, name: (
                change(read(cpu, name)) if (cpu, name) == (CPUS - 1, register) else read(cpu, name))
            findings = guest.look().findings
            self.assertTrue(findings and words in findings[0] and findings[0].startswith(f"CPU {CPUS - 1}: "), findings)

    @for_machine("aarch64")
    def test_the_lower_halfs_table_is_read_if_a_cpu_uses_it(self):
        with self.boot() as guest:
            leaves = self.at_the_prompt(guest).leaves
            read = guest.stub.register
            switched_on = {"TCR_EL1": lambda value: value & ~(1 << 7), "TTBR0_EL1": lambda _: leaves[0].entries[0] & -4096}
            guest.stub.register = lambda cpu, name: switched_on.get(name, lambda value: value)(read(cpu, name))
            self.assertTrue(any("is mapped in the lower half" in finding for finding in guest.look().findings))

    def test_a_write_to_code_is_the_only_exception(self):
        """A CPU in the middle of a write, put together from a stopped machine that has made one."""
        with self.boot() as guest:
            guest.wait_for("halyard> ")
            guest.type("livepatch load exact_sizes")
            guest.type("free")
            guest.wait_for("B free")
            guest.stop()
            found = guest.look()
            self.assertEqual(found.findings, [])
            root, pages = (audit.frame_of(found.leaves, guest.names_here()[name])
                           for name in ("text_alias_root", "text_alias_pages"))
            text = next(leaf for leaf in found.leaves if leaf.executable)
            data = next(leaf for leaf in found.leaves if leaf.writable and leaf.size == 4096)
            attributes = int.from_bytes(guest.stub.read(data.entries[-1], 8), "little") & ~0xffff_ffff_f000
            self.seeded(guest, {pages: lambda _: attributes | text.pa}, "text_alias outlived the write")
            with self.writing(guest, root, 1):
                for entry, words in ((attributes | text.pa, None), (attributes | data.pa, "is mapped in the lower half"),
                                     (attributes & ~(1 << 63 | 1 << 53) | text.pa, "is writable and executable")):
                    guest.stub.write_word(pages, entry)
                    findings = guest.look().findings
                    self.assertTrue(findings == [] if words is None else any(words in f for f in findings), findings[:5])
            with self.writing(guest, root, 1, 2):
                self.assertTrue(any("use text_alias at once" in finding for finding in guest.look().findings))

    @contextlib.contextmanager
    def writing(self, guest, root, *cpus):
        """These CPUs use the tables of a write."""
        read, tables = guest.stub.register, {"cr3": lambda _: root, "TTBR0_EL1": lambda _: root,
                                             "TCR_EL1": lambda value: value & ~(1 << 7)}
        guest.stub.register = lambda cpu, name: (tables[name] if cpu in cpus and name in tables else int)(read(cpu, name))
        yield
        guest.stub.register = read

    @contextlib.contextmanager
    def nobody_writes(self, guest):
        """No CPU uses the tables of a write."""
        read = guest.stub.register
        root = audit.frame_of(guest.look().leaves, guest.names_here()["text_alias_root"])
        usual = next(table for cpu in range(CPUS) if (table := read(cpu, "cr3")) != root) if X86 else None
        tables = {"cr3": lambda _: usual, "TCR_EL1": lambda value: value | 1 << 7}
        guest.stub.register = lambda cpu, name: tables.get(name, int)(read(cpu, name))
        yield
        guest.stub.register = read

    def test_while_code_is_written(self):
        with self.boot("--test=livepatch*") as guest:
            guest.wait_for("ok 1 ")
            looks = list(guest.looks(LOOKS, seed=3))
            self.assertEqual([found.findings for found in looks], [[]] * len(looks))

    def at_the_next_write(self, guest, command):
        """Type a command that writes code. The machine stops when text_alias maps a page, and again when it no longer does:
        nothing is found either time. It would be found if no CPU used the mapping. Returns the frame of code that is
        written, and the executable mappings."""
        pages = guest.names_here()["text_alias_pages"]
        guest.type(command)
        for is_mapped in (True, False):
            guest.stub.go_on_to_store(pages, stops_before=not X86)
            found = guest.look()
            entry = int.from_bytes(guest.stub.read(audit.frame_of(found.leaves, pages), 8), "little")
            self.assertEqual((entry != 0, found.findings), (is_mapped, []))
            if is_mapped:
                frame = entry & 0xffff_ffff_f000
                with self.nobody_writes(guest):
                    self.assertTrue(any("text_alias outlived the write" in finding for finding in guest.look().findings))
        guest.go_on()
        guest.type("echo it; echo ended")
        guest.wait_for("it\nended")
        guest.stop()
        return frame, [leaf for leaf in found.leaves if leaf.executable]

    def test_while_code_of_a_program_is_written(self):
        """The same exception as for the kernel's own code: the machine is stopped in the middle of both kinds of writes."""
        with tempfile.TemporaryDirectory() as folder:
            source, step = (ROOT / "tests/livepatch/steps.wat").read_text(), "(i32.const 1))) (i32.const 49))"
            for name, digit in ("steps", "49"), ("new", "50"):
                Path(folder, "text.wat").write_text(source.replace(step, step.replace("49", digit)))
                subprocess.run(["wat2wasm", "--enable-all", "--debug-names", Path(folder, "text.wat"), "-o",
                                Path(folder, f"{name}.wasm")], check=True)
            with self.boot("--files", folder) as guest:
                guest.wait_for("halyard> ")
                guest.type("run /files/steps.wasm > /tmp/out &")
                guest.type("while [ ! -d /tmp/at1 ]; do true; done")
                guest.type("echo it; echo waits")
                guest.wait_for("it\nwaits")
                guest.stop()
                image = moved(guest.parts, guest.slide)
                for command, is_kernels in (("livepatch load exact_sizes", True), ("livepatch load /files/new.wasm 1", False),
                                            ("livepatch undo 1:new", False), ("trace func 1:step", False),
                                            ("trace func --off", False)):
                    with self.subTest(command):
                        frame, leaves = self.at_the_next_write(guest, command)
                        [code] = {leaf.va for leaf in leaves if leaf.pa <= frame < leaf.pa + leaf.size}
                        self.assertEqual(any(part.first <= code < part.end for part in image), is_kernels)

    def test_with_programs_loaded(self):
        with self.boot() as guest:
            at_rest = self.at_the_prompt(guest)
            guest.go_on()
            guest.type("load virtio_rng")
            guest.type("run /bin/spin.elf | run /bin/spin.wasm")
            guest.wait_for("spinning")  # of the second one; the first one's goes to the pipe
            looks = list(guest.looks(LOOKS))
            self.assertEqual([found.findings for found in looks], [[]] * LOOKS)
            code = {leaf.va for found in looks for leaf in found.leaves if leaf.executable}
            more = code - {leaf.va for leaf in at_rest.leaves if leaf.executable}
            self.assertGreater(len(more), 2, "a module and two programs")
            self.assertGreater(min(more), UPPER_HALF)

    def test_under_load(self):
        """The kernel's own tests load, protect, map and free, on all CPUs."""
        with self.boot("--test=*") as guest:
            guest.wait_for("ok ")
            looks, sizes = 0, set()
            for found in guest.looks(seed=2):
                self.assertEqual(found.findings, [])
                looks += 1
                sizes.add(len(found.leaves))
                if looks >= 4 * LOOKS and len(sizes) > 5:  # between two looks, a busy host may let the guest do little
                    break
            self.assertGreater(looks, LOOKS, "the guest was there to be looked at")
            self.assertGreater(len(sizes), 5, "something was going on")

    def test_the_command(self):
        done = subprocess.run([ROOT / "scripts/audit", MACHINE, "--looks", "3", "--build", BUILD, "--options",
                               "--no-install", "--smp", "2"], capture_output=True, text=True, timeout=LIMIT_S)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, rf"^audit: {MACHINE}: looked 3 times at 2 CPUs, .*: nothing found\n$")

    def test_the_command_exits_with_1_if_it_finds_something(self):
        look = Audited.look

        def seeded(guest):
            entry = next(leaf for leaf in look(guest).leaves if leaf.executable).entries[-1]
            before = int.from_bytes(guest.stub.read(entry, 8), "little")
            guest.stub.write_word(entry, write(before))
            found = look(guest)
            guest.stub.write_word(entry, before)
            return found

        with mock.patch.object(Audited, "look", seeded), contextlib.redirect_stdout(io.StringIO()) as said:
            status = audit.main([MACHINE, "--looks", "3", "--build", str(BUILD), "--options", "--no-install", "--smp", "2"])
        self.assertEqual(status, 1, said.getvalue())
        self.assertIn("is writable and executable", said.getvalue())
        self.assertRegex(said.getvalue(), rf"audit: {MACHINE}: looked 1 times at 2 CPUs, .*: [0-9]+ findings\n$")

# SPDX-License-Identifier: MIT
"""Tests scripts/redirect with the instructions of both machines."""
import contextlib
import io
import os
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib"), str(ROOT / "tests/tools")]

import redirect  # noqa: E402
import redirect_note  # noqa: E402
from guests import MACHINES  # noqa: E402
from tree import Failure  # noqa: E402

REDIRECT = str(ROOT / "scripts/redirect")
BASE = {"x86_64": "0x400000", "aarch64": "0x40200000"}
CALL = {"x86_64": "call", "aarch64": "bl"}
JUMP = {"x86_64": "jmp", "aarch64": "b"}
JUMP_IF = {"x86_64": "jz", "aarch64": "b.eq"}
POINTER = {"x86_64": "lea old(%rip), %rax", "aarch64": "adrp x0, old\nadd x0, x0, :lo12:old"}
EXIT = {"x86_64": "mov ${}, %edi\nmov $60, %eax\nsyscall", "aarch64": "mov x0, #{}\nmov x8, #93\nsvc #0"}
EMULATOR = {"x86_64": [], "aarch64": ["qemu-aarch64"]}
TRUNCATED = 97      # the file is cut off at multiples of this
MUTATIONS = 300     # of headers, section headers and symbols
MAGIC_VALUES = (0, 1, 0x7F, 0x80, 0xFF)

# Each function has its own section, so that the linker and not the assembler resolves every branch.
CODE = """
    .macro function name
    .section .text.\\name, "ax"
    .globl \\name
    .type \\name, %function
\\name:
    .endm
    .macro end name
    .size \\name, . - \\name
    .endm
    function old
    nop
    {loop}
    ret
    end old
    function new
    nop
    {in_new}
    ret
    end new
    function _start
    {calls}
    ret
    end _start
    {data}
"""


class Files(unittest.TestCase):
    """Builds programs and objects in a folder of the test, and redirects them."""

    made = {}  # the bytes of each object and program, because many tests begin with the same

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.work = Path(self.folder.name)

    def compile(self, machine, text, name="x"):
        source, made = self.work / f"{name}.S", self.work / f"{name}.{machine}.o"
        source.write_text(text)
        return self.make(made, (machine, text), ["clang", f"--target={machine}-none-elf", "-c", str(source)])

    def make(self, file, key, command):
        if key not in self.made:
            subprocess.run([*command, "-o", str(file)], check=True)
            self.made[key] = file.read_bytes(), file.stat().st_mode
        contents, mode = self.made[key]
        file.unlink(missing_ok=True)
        file.write_bytes(contents)
        file.chmod(mode)
        return file

    def object(self, machine, calls, loop="", in_new="", data=""):
        return self.compile(machine, CODE.format(calls=calls, loop=loop, in_new=in_new, data=data))

    def link_objects(self, machine, *objects, options=()):
        inputs = [*objects, *(Path(option) for option in options if option.endswith(".lds"))]
        key = *(file.read_bytes() for file in inputs), *(option for option in options if not option.endswith(".lds"))
        return self.make(self.work / f"x.{machine}.elf", key, [
            "ld.lld", "-static", "-e", "_start", *(options or ["-Ttext", BASE[machine]]), *map(str, objects)])

    def link(self, machine, calls, options=(), **more):
        return self.link_objects(machine, self.object(machine, calls, **more), options=options)

    def redirect(self, file, *words):
        """Returns (the status, what was printed, the errors)."""
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            try:
                status = redirect.main([str(file), *words])
            except SystemExit as end:
                status = end.code
        return status, out.getvalue(), errors.getvalue()

    def succeeds(self, file, *words):
        status, out, errors = self.redirect(file, *words)
        self.assertEqual(status, 0, errors)
        return out

    def targets(self, file, *options):
        """Returns the branches, grouped by their target symbol."""
        text = subprocess.run(["llvm-objdump", "-d", "--no-show-raw-insn", *options, str(file)], check=True,
                              capture_output=True, text=True).stdout
        lines = [line.rstrip() for line in text.splitlines() if line.rstrip().endswith(">")]
        return {name: sum(line.endswith(f"<{name}>") for line in lines) for name in ("old", "new")}

    def loaded(self, file):
        """The bytes of the program in memory."""
        made = file.with_suffix(".bin")
        subprocess.run(["llvm-objcopy", "-O", "binary", str(file), str(made)], check=True)
        return made.read_bytes()


    def refused(self, file, pair, reason, *options):
        before = file.read_bytes()
        status, out, errors = self.redirect(file, *options, pair)
        self.assertNotEqual(status, 0, out)
        self.assertIn(reason, errors)
        self.assertRegex(errors, "^(redirect: |usage: )")
        self.assertEqual(file.read_bytes(), before, "the file was changed")
        self.assertEqual([f.name for f in self.work.glob(".redirect-*")], [], "a temporary file was left")


class Redirect(Files):
    """Linked programs."""

    def every_branch(self, machine):
        return f"{CALL[machine]} old\nnop\n{JUMP_IF[machine]} old\n{CALL[machine]} old\n{JUMP[machine]} old"

    def test_calls_and_jumps_are_redirected(self):
        for machine in MACHINES:
            with self.subTest(machine):
                linked = self.link(machine, self.every_branch(machine))
                before = linked.read_bytes()
                self.assertEqual(self.targets(linked), {"old": 4, "new": 0})
                done = subprocess.run([REDIRECT, str(linked), "old=new"], capture_output=True, text=True)
                self.assertEqual(done.stdout, "redirect: old -> new: found 4, patched 4\n", done.stderr)
                self.assertEqual(self.targets(linked), {"old": 0, "new": 4})
                after = linked.read_bytes()
                # of the original bytes only displacements, and the place and number of the section headers
                self.assertLessEqual(sum(a != b for a, b in zip(before, after)), 4 * 4 + 8 + 2)
                self.assertEqual(os.stat(linked).st_mode & 0o777, 0o755)

    @unittest.skipIf(os.geteuid(), "only root can make files of others")
    def test_owner_and_mode_stay(self):
        linked = self.link("x86_64", "call old")
        os.chown(linked, 12, 34)
        linked.chmod(0o4755)
        self.succeeds(linked, "old=new")
        self.assertEqual((os.stat(linked).st_uid, os.stat(linked).st_gid, os.stat(linked).st_mode & 0o7777), (12, 34, 0o4755))

    def test_twice_and_undo(self):
        for machine in MACHINES:
            for file in (self.link(machine, self.every_branch(machine)), self.object(machine, self.every_branch(machine))):
                with self.subTest(file.name):
                    before = file.read_bytes()
                    self.succeeds(file, "old=new")
                    after = file.read_bytes()
                    self.assertIn("patched 0\nredirect: ", self.succeeds(file, "old=new"))
                    self.assertEqual(file.read_bytes(), after)
                    self.assertIn("old is redirected to new already", self.redirect(file, "old=_start")[2])
                    self.assertIn("not written", self.succeeds(file, "--dry-run", "--undo"))
                    self.assertEqual(file.read_bytes(), after)
                    self.assertIn("old -> new: undone", self.succeeds(file, "--undo"))
                    self.assertEqual(file.read_bytes(), before)
                    self.assertIn("nothing to undo", self.succeeds(file, "--undo"))

    def test_a_second_pair_is_added(self):
        linked = self.link("x86_64", "call old\ncall two", data="function two\nret\nend two")
        before = linked.read_bytes()
        self.succeeds(linked, "old=new")
        self.succeeds(linked, "two=new")
        self.assertEqual(self.targets(linked), {"old": 0, "new": 2})
        one_by_one = linked.read_bytes()
        self.succeeds(linked, "--undo")
        self.assertEqual(linked.read_bytes(), before)
        self.succeeds(linked, "old=new", "two=new")
        self.assertEqual(linked.read_bytes(), one_by_one)

    def test_a_file_changed_since_is_not_undone(self):
        linked = self.link("x86_64", "call old")
        self.succeeds(linked, "old=new")
        redirected = linked.read_bytes()
        for at in (redirected.index(b"\xe8"), 70, len(redirected) - 300):
            changed = bytearray(redirected)
            changed[at + 1] ^= 0x40
            linked.write_bytes(changed)
            status, _, errors = self.redirect(linked, "--undo")
            self.assertEqual((status, linked.read_bytes()), (1, bytes(changed)), errors)

    def test_options(self):
        linked = self.link("x86_64", self.every_branch("x86_64"))
        before = linked.read_bytes()
        self.assertIn("found 4, patched 0", self.succeeds(linked, "--dry-run", "--expect", "4", "old=new"))
        self.assertEqual(linked.read_bytes(), before)
        self.refused(linked, "old=new", "found 4 direct calls, and 3 are expected", "--expect", "3")
        out = self.succeeds(linked, "--verbose", "--expect", "4", "old=new")
        self.assertEqual([out.count(": call, "), out.count(": jump, "), out.count(" _start+")], [2, 2, 4], out)
        self.assertIn("found 4, patched 0", self.succeeds(linked, "--expect", "4", "old=new"))

    def test_a_loop_inside_is_not_a_call(self):
        for machine in MACHINES:
            with self.subTest(machine):
                linked = self.link(machine, f"{CALL[machine]} old", loop=f"{JUMP_IF[machine]} old")
                self.assertIn("found 1, patched 1", self.succeeds(linked, "old=new"))
                self.assertEqual(self.targets(linked), {"old": 1, "new": 1})

    def test_addresses_are_changed_on_request(self):
        for machine in MACHINES:
            with self.subTest(machine):
                linked = self.link(machine, f"{CALL[machine]} old\n{POINTER[machine]}",
                                   data='.section .data, "aw"\n.balign 8\n.quad 0, old')
                self.refused(linked, "old=new", "2 other references")
                self.assertIn("computes its address: left as it is", self.succeeds(linked, "--direct-only", "old=new"))
                self.assertIn("2 addresses", self.succeeds(linked, "--addresses", "old=new"))
                redirected = self.loaded(linked)
                # The same bytes as of a program that uses new from the start.
                again = self.link(machine, f"{CALL[machine]} new\n{POINTER[machine].replace('old', 'new')}",
                                  data='.section .data, "aw"\n.balign 8\n.quad 0, new')
                self.assertEqual(self.loaded(again), redirected)

    def test_addresses_of_four_bytes(self):
        """In a table of short pointers, which a program with fixed addresses may have."""
        for machine in MACHINES:
            with self.subTest(machine):
                data = '.section .data, "aw"\n.balign 8\n.quad 0\n.long {}, 7'
                linked = self.link(machine, f"{CALL[machine]} old", data=data.format("old"))
                self.refused(linked, "old=new", ".data+0x8 holds its address in four bytes")
                self.assertIn("1 addresses", self.succeeds(linked, "--addresses", "old=new"))
                redirected = self.loaded(linked)
                again = self.link(machine, f"{CALL[machine]} new", data=data.format("new"))
                self.assertEqual(self.loaded(again), redirected)

        for machine in MACHINES:  # in code, outside of its instructions
            linked = self.link(machine, f"{CALL[machine]} old", data='.section .text.table, "ax"\n.long 7, old')
            self.refused(linked, "old=new", "holds its address in four bytes")

    def test_absolute_operands(self):
        """Displacements of memory operands, wherever they are in the instruction, and immediate values."""
        places = ("lea {}, %rax", "lea {}(%rbx), %rax", "lea {}(%ebx), %eax", "mov {}(,%rcx,8), %rdx", "mov %rdx, {}(%rbx)",
                  "movl $7, {}(%rbx,%rcx)", "call *{}(%rbx)", "jmp *{}(,%rax,8)", "cmpb $1, {}", "push ${}", "mov ${}, %eax",
                  "movq ${}, 8(%rbx)", "movabs ${}, %rax", "mov ${}, %rax", "movq ${}, 8(%rip)")
        for base in ("0x400000", "0xffffffff80100000"):
            # 32 bits cannot hold an address of the upper half.
            used = [one for one in places if base < "0x8" or not ("(%ebx)" in one or "%eax" in one)]
            with self.subTest(base=base):
                text, options = "\n".join(["call {}", *used]), ["-Ttext", base]
                linked = self.link("x86_64", text.replace("{}", "old"), options=options)
                self.refused(linked, "old=new", f"{len(used)} other references")
                self.assertIn(f"{len(used)} addresses", self.succeeds(linked, "--addresses", "old=new"))
                redirected = self.loaded(linked)
                again = self.link("x86_64", text.replace("{}", "new"), options=options)
                self.assertEqual(self.loaded(again), redirected)
        linked = self.link("x86_64", "call old\nmovl $old, old(%rbx)")  # two fields hold the address
        self.refused(linked, "old=new", "cannot be changed", "--addresses")
        linked = self.link("x86_64", "call old\n.byte 0x48, 0x8d, 5\n.long old\nmovabs $old + 0x100000000, %rax")
        self.assertIn("found 1, patched 1", self.succeeds(linked, "old=new"))  # a distance, and another address

    def test_addresses_in_registers_of_aarch64(self):
        """However the code computes one, it is reported. Code that is not certainly one adrp and its add is not changed."""
        add = "add {0}, {1}, :lo12:old"
        cases = {"far": f"adrp x0, old\n.rept 20\nnop\n.endr\n{add.format('x0', 'x0')}",
                 "copy": f"adrp x0, old\nmov x1, x0\n{add.format('x1', 'x1')}",
                 "short add": f"adrp x0, old\n{add.format('w0', 'w0')}",
                 "flags": f"adrp x0, old\nadds x0, x0, #LOW",
                 "order": f"b 2f\n1: {add.format('x0', 'x0')}\nret\n2: adrp x0, old\nb 1b",
                 "stack": f"adrp x0, old\nstr x0, [sp]\nldr x1, [sp]\n{add.format('x1', 'x1')}",
                 "loop": f"adrp x0, old\n1: {add.format('x1', 'x0')}\nldr x0, [x1]\ncbz x0, 1b",
                 "step": f"adrp x0, old - 0x1000\nadd x0, x0, #1, lsl #12\n{add.format('x0', 'x0')}",
                 "movk": "movz x0, #:abs_g1:old\nmovk x0, #:abs_g0_nc:old",
                 "movk far": "movz w0, #:abs_g0_nc:old\n.rept 20\nnop\n.endr\nmovk w0, #:abs_g1:old",
                 "movk copy": "movz x0, #:abs_g1:old\nmov x1, x0\nmovk x1, #:abs_g0_nc:old",
                 "movk order": "b 2f\n1: movk x0, #:abs_g0_nc:old\nret\n2: movz x0, #:abs_g1:old\nb 1b"}
        for base in (BASE["aarch64"], "0x40200120"):  # at the start of a page, and not
            for name, code in cases.items():
                with self.subTest(name, base=base):
                    text = "bl old\n" + code.replace("LOW", hex(int(base, 0) % 4096))
                    linked = self.link("aarch64", text, options=["-Ttext", base])
                    self.refused(linked, "old=new", "other references")
                    self.refused(linked, "old=new", "cannot be changed", "--addresses")
            for code in ("adrp x1, old\nldr x2, [x1, #0x200]\nadrp x0, old + 0x1000\nadd x0, x0, :lo12:old",
                         "adrp x0, old\nldr x0, [x0, #8]\nadd x0, x0, :lo12:old", "add x0, x0, :lo12:old", "movz x0, #0x1234\nmovk x0, #:abs_g1:old", "movz x0, #:abs_g0_nc:old"):
                with self.subTest(code=code, base=base):  # other addresses
                    linked = self.link("aarch64", "bl old\n" + code, options=["-Ttext", base])
                    self.assertIn("found 1, patched 1", self.succeeds(linked, "old=new"))
        for name, first in (("movz", "movz x0, #0xffff, lsl #48"), ("orr", "orr x0, xzr, #0xffff0000ffff0000")):
            code = f"bl old\n{first}\nmovk x0, #:abs_g1_nc:old\nmovk x0, #:abs_g0_nc:old"
            with self.subTest(name):  # in the upper half
                self.refused(self.link("aarch64", code, options=["-Ttext", "0xffff000040200120"]), "old=new", "1 other references")
        code = "bl {0}\nldr w0, 1f\nadrp x2, {0}\nnop\nadd x3, x2, :lo12:{0}\nret\n1: .word {0}"
        linked = self.link("aarch64", code.format("old"))
        self.refused(linked, "old=new", "holds its address in four bytes")
        self.assertIn("2 addresses", self.succeeds(linked, "--addresses", "old=new"))
        redirected = self.loaded(linked)
        self.assertEqual(self.loaded(self.link("aarch64", code.format("new"))), redirected)
        code, data = "bl {0}\nadrp x1, {0}\nadd x1, x1, :lo12:{0}", "function room\n.zero 8192\nend room\n"
        script = self.work / "pages.lds"  # new is in another page, which only an add right after its adrp may reach
        script.write_text("SECTIONS { . = 0x40200120; .text : { *(.text.old .text.room .text.new .text._start) } }")
        linked = self.link("aarch64", code.format("old"), data=data, options=["-T", str(script)])
        self.assertIn("1 addresses", self.succeeds(linked, "--addresses", "old=new"))
        redirected = self.loaded(linked)
        again = self.link("aarch64", code.format("new"), data=data, options=["-T", str(script)])
        self.assertEqual(self.loaded(again), redirected)

    def test_position_independent_programs(self):
        """The dynamic linker writes the pointer: its relocation has the address."""
        for machine in MACHINES:
            with self.subTest(machine):
                data = '.section .data, "aw"\n.balign 8\n.quad {}'
                linked = self.link(machine, f"{CALL[machine]} old\n{POINTER[machine]}", data=data.format("old"), options=["-pie"])
                self.refused(linked, "old=new", "gets its address (.rela.dyn)")
                self.assertIn("2 addresses", self.succeeds(linked, "--addresses", "old=new"))
                redirected = self.loaded(linked)
                again = self.link(machine, f"{CALL[machine]} new\n{POINTER[machine].replace('old', 'new')}",
                                  data=data.format("new"), options=["-pie"])
                self.assertEqual(self.loaded(again), redirected)
        linked = self.link("x86_64", "call old", options=["-shared", "-Bsymbolic"])
        self.refused(linked, "old=new", "other files may call it as old")

    def test_of_equal_names_the_weak_one_is_replaced(self):
        other = self.compile("x86_64", '.type old, @function\nold: ret\n.size old, 1\n.type new, @function\nnew: nop\n'
                             'ret\n.size new, 2\n.globl other\n.type other, @function\nother: call old\n.size other, 5', "y")
        linked = self.link_objects("x86_64", self.object("x86_64", "call old", data=".weak old"), other)
        self.assertIn("found 1, patched 1", self.succeeds(linked, "--verbose", "old=new"))
        linked = self.link_objects("x86_64", self.object("x86_64", "call old"), other)
        self.refused(linked, "old=new", "2 functions are called old")


class Veneer(Files):
    """Calls that do not reach."""

    ROOM = "function redirect_veneers\n.zero 32\nend redirect_veneers"

    def far(self, machine, data, distance):
        """A program that ends with the status 1 from old and 0 from new, which is far away."""
        script = self.work / "far.lds"
        script.write_text("PHDRS {{ near PT_LOAD FLAGS(5); far PT_LOAD FLAGS(5); }} SECTIONS {{ . = {0}; .text : "
                          "{{ *(.text .text.old .text._start .text.redirect_veneers) }} :near . = {0} + {1}; .far : "
                          "{{ *(.text.new) }} :far }}".format(BASE[machine], distance))
        return self.link(machine, f"{CALL[machine]} old", loop=EXIT[machine].format(1), in_new=EXIT[machine].format(0),
                         data=data, options=["-z", "max-page-size=65536", "-T", str(script)])

    def test_veneers_reach_far(self):
        for machine, distance in (("x86_64", "0x200000000"), ("aarch64", "0x10000000"), ("aarch64", "0x200000000")):
            with self.subTest(machine, distance=distance):
                linked = self.far(machine, self.ROOM, distance)
                self.assertEqual(self.status(machine, linked), 1)
                self.assertIn("through a veneer at", self.succeeds(linked, "--verbose", "old=new"))
                self.assertEqual(self.status(machine, linked), 0)

    def status(self, machine, linked):
        return subprocess.run([*EMULATOR[machine], str(linked)], timeout=60).returncode

    def test_unused_bytes_between_functions_are_room(self):
        linked = self.far("x86_64", ".section .text._start\n.balign 64, 0xcc\n" + "function tail\nret\nend tail", "0x200000000")
        self.succeeds(linked, "old=new")
        self.assertEqual(self.status("x86_64", linked), 0)

    def test_constants_are_no_room(self):
        data = ".section .text._start\n.balign 4\n.long {}\nfunction tail\nret\nend tail".format(", ".join("0" * 8))
        for machine in MACHINES:
            with self.subTest(machine):
                self.refused(self.far(machine, data, "0x200000000"), "old=new", "out of reach of the call at _start+0x0")

    def test_without_room_it_is_refused(self):
        for machine in MACHINES:
            with self.subTest(machine):
                self.refused(self.far(machine, "", "0x200000000"), "old=new", "out of reach of the call at _start+0x0")


class Object(Files):
    """Relocatable files, before they are linked."""

    def test_calls_are_redirected(self):
        for machine in MACHINES:
            with self.subTest(machine):
                made = self.object(machine, f"{CALL[machine]} old\n{JUMP_IF[machine]} old\n{JUMP[machine]} old",
                                   loop=f"{JUMP_IF[machine]} old")
                out = self.succeeds(made, "--verbose", "old=new")
                self.assertIn("found 3, patched 3", out)
                self.assertEqual(self.targets(self.link_objects(machine, made)), {"old": 1, "new": 3})

    def test_new_may_be_in_another_file(self):
        for machine in MACHINES:
            with self.subTest(machine):
                made = self.compile(machine, f".globl _start\n.type _start, %function\n_start: {CALL[machine]} old\n"
                                    ".size _start, . - _start", "a")
                before = made.read_bytes()
                self.succeeds(made, "old=new")
                self.assertEqual(self.targets(self.link_objects(machine, made, self.object(machine, "nop").rename(
                    self.work / "b.o"), options=["-z", "muldefs"])), {"old": 0, "new": 1})
                self.succeeds(made, "--undo")
                self.assertEqual(made.read_bytes(), before)

    def test_addresses_are_changed_on_request(self):
        for machine in MACHINES:
            with self.subTest(machine):
                made = self.object(machine, f"{CALL[machine]} old\n{POINTER[machine]}",
                                   data='.section .data, "aw"\n.quad old').rename(self.work / "first.o")
                self.refused(made, "old=new", "other references")
                self.succeeds(made, "--addresses", "old=new")
                again = self.object(machine, f"{CALL[machine]} new\n{POINTER[machine].replace('old', 'new')}",
                                    data='.section .data, "aw"\n.quad new').rename(self.work / "again.o")
                first, second = (self.loaded(self.link_objects(machine, one)) for one in (made, again))
                self.assertEqual(first, second)

    def test_calls_by_another_name(self):
        """A relocation to another symbol at the place of OLD is one of OLD."""
        data = ".globl alias\n.type alias, %function\n.set alias, old\n.section .text.old\n{}inside: nop"
        for machine in MACHINES:
            for more in ("", ".weak alias\n"):
                with self.subTest(machine, more=more):
                    made = self.object(machine, f"{CALL[machine]} old\n{CALL[machine]} alias\n{JUMP[machine]} alias",
                                       data=data.format(more))
                    out = self.succeeds(made, "--verbose", "old=new")
                    self.assertIn("found 3, patched 3", out)
                    self.assertIn("old is also called alias", out)
                    self.assertEqual(self.targets(self.link_objects(machine, made)), {"old": 0, "new": 3})
            with self.subTest(machine):
                made = self.object(machine, f"{CALL[machine]} old", data=data.format("") + '\n.section .data, "aw"\n.quad alias')
                self.refused(made, "old=new", "1 other references")
                made = self.object(machine, f"{CALL[machine]} old\n{CALL[machine]} within", loop=".globl within\nwithin: nop")
                self.refused(made, "old=new", "leads into old, at +0x4" if machine == "aarch64" else "leads into old, at +0x1")
                made = self.object(machine, f"{CALL[machine]} old\n{CALL[machine]} inside", data=data.format(".globl inside\n"))
                self.assertIn("found 1, patched 1", self.succeeds(made, "old=new"))

    def test_calls_that_the_assembler_resolved(self):
        text = "old: ret\n.size old, . - old\nnew: nop\nret\n.size new, . - new\n_start: {} old\nret\n.size _start, . - _start\n"
        kinds = "".join(f".type {name}, %function\n" for name in ("old", "new", "_start"))
        for machine in MACHINES:
            with self.subTest(machine):
                made = self.compile(machine, kinds + text.format(CALL[machine]))
                self.assertIn("found 1, patched 1", self.succeeds(made, "old=new"))
                self.assertEqual(self.targets(made), {"old": 0, "new": 1})
                made = self.compile(machine, kinds + text.format(CALL[machine]).replace("new:", ".section .text.x, \"ax\"\nnew:")
                                    .replace("_start:", ".text\n_start:"))
                self.refused(made, "old=new", "has no relocation")


class BadInput(Files):
    """Each is refused with an error that names it, and the file stays as it is."""

    def test_symbols(self):
        linked = self.link("x86_64", "call old\ncall inner\nlabel: nop", data=".section .data\nvariable: .quad 1\n"
                           "function inner\nret\nend inner")
        for pair, reason in (("absent=new", "no function absent"), ("old=absent", "no function absent"),
                             ("old", "each pair is OLD=NEW"), ("old=", "each pair is OLD=NEW"), ("a=b=c", "each pair is OLD=NEW"),
                             ("old=label", "label is a place inside _start, not a function"),
                             ("variable=new", "variable is not a function"), ("old=old", "the same function")):
            self.refused(linked, pair, reason)
        self.assertIn("redirected twice", self.redirect(linked, "old=new", "old=inner")[2])
        self.assertIn("inner is to replace old, and to be replaced", self.redirect(linked, "old=inner", "inner=new")[2])
        self.assertEqual(self.redirect(linked, "--dry-run", "old=new")[0], 0)

    def test_code(self):
        for machine in MACHINES:
            call, jump = f"{CALL[machine]} old", JUMP[machine]
            for reason, calls, more in (
                    ("found 0", "nop", {}), ("other references", f"{call}\n{POINTER[machine]}", {}),
                    ("itself forever", call, {"in_new": call}),
                    ("leads into old, at +0x4", f"{call}\n{jump} old + 4", {"loop": "nop\nnop\nnop\nnop"}),
                    ("functions old and thief overlap", call, {"loop": ".type thief, %function\nthief: nop\n"
                                                             ".size thief, . - thief"}),
                    ("other references", call, {"data": '.section .data, "aw"\n.quad 0, old'})):
                with self.subTest(machine=machine, reason=reason):
                    self.refused(self.link(machine, calls, **more), "old=new", reason)
                    if "refer" in reason or "itself" in reason or "found" in reason:
                        self.refused(self.object(machine, calls, **more), "old=new", reason)

    NAME = ".globl {0}\n.type {0}, %function\n"

    def test_nested_symbols(self):
        """A function inside another one is found, however many others are in between."""
        for count in (3, 70):
            small = "".join(f".type l{i}, %function\nl{i}: nop\n.size l{i}, 1\n" for i in range(count))
            inner = f"{self.NAME.format('inner')}inner: ret\n.size inner, 1\n"
            with self.subTest(count):
                linked = self.link("x86_64", "call inner", loop=small + inner)
                self.refused(linked, "inner=new", "inner is a place inside old, not a function")

    def test_overlapping_symbols_take_no_memory(self):
        """Each function is decoded. 41 that share 1 MB would be 41 MB of code."""
        size = 1 << 20
        names = "".join(f"{self.NAME.format(f'h{i}')}.set h{i}, big + {i}\n.size h{i}, {size - i}\n" for i in range(40))
        linked = self.link("x86_64", "call old", data=f"function big\n.fill {size}, 1, 0x90\n{names}end big")
        done = subprocess.run([REDIRECT, str(linked), "old=new"], capture_output=True, text=True,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29)))
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("symbols overlap: the functions of .text have in all more than 2 times", done.stderr)

    def test_options_of_undo(self):
        linked = self.link("x86_64", "call old")
        self.succeeds(linked, "old=new")
        redirected = linked.read_bytes()
        for options in (("--expect", "0"), ("--addresses",), ("--direct-only",)):
            status, _, errors = self.redirect(linked, "--undo", *options)
            self.assertEqual((status, linked.read_bytes()), (2, redirected))
            self.assertIn(f"--undo takes no {options[0]}", errors)

    def test_devices_and_files_with_several_names(self):
        pipe = self.work / "pipe"
        os.mkfifo(pipe)
        for file in ("/dev/full", pipe):
            self.assertIn("is not a regular file", self.redirect(file, "--delete-on-failure", "old=new")[2])
            self.assertTrue(os.path.exists(file))
        linked = self.link("x86_64", "call old")
        second = self.work / "second"
        os.link(linked, second)
        self.refused(linked, "old=new", "has 2 names (hard links)")
        second.unlink()
        second.symlink_to(linked)
        self.assertIn("patched 1", self.succeeds(second, "old=new"))
        os.link(linked, self.work / "third")
        self.assertIn("has 2 names (hard links)", self.redirect(linked, "--undo")[2])

    def test_bytes_that_look_like_a_call(self):
        # Also operands that are relative to the instruction pointer, of every spelling.
        # Data that contains the bytes of a call of old.
        linked = self.link("x86_64", "call old\njmp 1f\n.byte 0x48, 0xb8, 0, 0, 0\n2: .byte 0xe8\n"
                           ".long old - . - 4\n1:")
        self.refused(linked, "old=new", "undecoded")
        linked = self.link("x86_64", "call old\njmp 1f\n.byte 6\n1:")
        self.refused(linked, "old=new", "has bytes that do not decode")
        linked = self.link("x86_64", "call old\nlea 0(%rip), %rax\nlea 8(%eip), %eax")
        self.assertIn("found 1, patched 1", self.succeeds(linked, "old=new"))
        linked = self.link("x86_64", "call old\nlea old(%eip), %eax")
        self.refused(linked, "old=new", "1 other references")
        linked = self.link("aarch64", "bl old", data=".text\nbl old")
        self.refused(linked, "old=new", "undecoded")
        # Words that the assembler takes for data; the first one is bl old, the second one bc.eq old.
        for word in (0x97FFFFFB, 0x54FFFF70):
            self.refused(self.link("aarch64", f"bl old\n.word {word:#x}"), "old=new", "at _start+0x4 stands what looks like")
        script = self.work / "hidden.lds"
        script.write_text("PHDRS { x PT_LOAD FLAGS(5); } SECTIONS { . = 0x400000; .text : { *(.text*) } :x .hidden : { *(.hidden) } }")
        linked = self.link("x86_64", "call old", data='.section .hidden, "a"\ncall old', options=["-T", str(script)])
        self.refused(linked, "old=new", "in no section of code, stands what looks like a call of old")

    def test_a_function_that_runs_on_into_old(self):
        """It has no branch there. A call or a jump at its end, and padding, do not run on."""
        text = "before: {}\n.size before, . - before\n{}\nold: ret\n.size old, 1\nnew: ret\n.size new, 1\n{} old\n"
        kinds = "".join(f".globl {name}\n.type {name}, %function\n" for name in ("before", "old", "new"))
        ends = {"x86_64": (("nop", ""), ("ud2\nnop", ".byte 0x66, 0x90"), ("call before\nnop", ".zero 4"), ("nop", "int3")),
                "aarch64": (("nop", ""), ("b before\nnop", "nop"), ("ret\n.inst 0", ""), ("blr x0", ".inst 0"), ("nop", "brk #0"))}
        for machine in MACHINES:
            for number, (end, gap) in enumerate(ends[machine]):
                code = kinds + text.format(end, gap, "_start: " + CALL[machine]).replace(", 1\n", ", 4\n" if machine == "aarch64" else ", 1\n")
                made = self.compile(machine, code + ".globl _start\n.type _start, %function\n.size _start, . - _start")
                for file in (made, self.link_objects(machine, made)):
                    with self.subTest(file.name, end=end, gap=gap):
                        if number == 0:
                            self.refused(file, "old=new", "1 other references that would still reach old")
                            self.refused(file, "old=new", "cannot be changed: before runs on into it", "--addresses")
                        self.assertIn("found 1, patched 1", self.succeeds(file, *["--direct-only"][number:], "old=new"))

    def test_files(self):
        linked = self.link("x86_64", "call old")
        whole = linked.read_bytes()
        for contents, reason in ((b"", "not an ELF"), (b"#!/bin/sh\n", "not an ELF"), (whole[:16], "truncated"),
                                 (whole[:100], "truncated"), (whole[:4] + b"\x01" + whole[5:], "neither x86_64 nor aarch64"),
                                 (whole[:18] + b"\xf3" + whole[19:], "EM_RISCV is neither x86_64 nor aarch64"),
                                 (whole[:16] + b"\4" + whole[17:], "ET_CORE is neither a program nor an object")):
            linked.write_bytes(contents)
            self.refused(linked, "old=new", reason)
        linked.write_bytes(whole)
        subprocess.run(["llvm-strip", str(linked)], check=True)
        self.refused(linked, "old=new", "stripped: no symbol table")
        self.assertIn("No such file", self.redirect(self.work / "absent", "old=new")[2])
        self.assertIn("Is a directory", self.redirect(self.work, "old=new")[2])

    def test_relocations_that_would_contradict(self):
        self.refused(self.link("x86_64", "call old", options=["--emit-relocs"]), "old=new", "keeps the relocations of its code")
        made = self.object("x86_64", "call old")
        whole = made.read_bytes()
        table, = struct.unpack_from("<Q", whole, 40)
        count, = struct.unpack_from("<H", whole, 60)
        at = next(at for at in range(table + 4, table + 64 * count, 64) if whole[at:at + 4] == b"\4\0\0\0")
        made.write_bytes(whole[:at] + struct.pack("<I", 0x40000014) + whole[at + 4:])
        self.refused(made, "old=new", "its relocations are packed (.rela.text._start)")

    def test_read_only_and_full_disk(self):
        linked = self.link("x86_64", "call old")
        linked.chmod(0o555)
        self.refused(linked, "old=new", "is read-only")
        linked.chmod(0o755)
        before, size = linked.read_bytes(), len(linked.read_bytes())
        done = subprocess.run([REDIRECT, str(linked), "old=new"], capture_output=True, text=True,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("File too large", done.stderr)
        self.assertEqual((linked.read_bytes(), list(self.work.glob(".redirect-*"))), (before, []))
        real, os.fsync = os.fsync, lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        try:
            self.refused(linked, "old=new", "No space left on device")
            self.refused(linked, "old=new", f"{linked}: cannot be written")
        finally:
            os.fsync = real

    def test_a_file_that_could_not_be_undone(self):
        """Its section names are in section 0, or the symbol table is also the table of names: the note is not found then."""
        linked = self.link("x86_64", "call old")
        whole = linked.read_bytes()
        table, = struct.unpack_from("<Q", whole, 40)
        names, = struct.unpack_from("<H", whole, 62)
        for at, value, reason in ((62, b"\0\0", "without names"), (table + 64 * names + 4, b"\2", "in no table of names")):
            linked.write_bytes(whole[:at] + value + whole[at + len(value):])
            self.refused(linked, "old=new", reason)

    def test_changes_that_cannot_be_undone_are_not_written(self):
        linked = self.link("x86_64", "call old")
        real, redirect_note.original = redirect_note.original, lambda elf, record: elf.data
        try:
            self.refused(linked, "old=new", "could not be undone")
        finally:
            redirect_note.original = real

    def test_truncated_and_hostile_files(self):
        """Any cut, and many random changes of the tables: an error, or a result that undoes to the same bytes."""
        chance = random.Random(28)
        for machine in MACHINES:
            for file in (self.link(machine, f"{CALL[machine]} old"), self.object(machine, f"{CALL[machine]} old")):
                whole = file.read_bytes()
                table, = struct.unpack_from("<Q", whole, 40)
                for end in range(0, len(whole), max(TRUNCATED, len(whole) // 40)):
                    self.survives(file, whole[:end])
                for _ in range(MUTATIONS // 4):
                    changed = bytearray(whole)
                    for _ in range(chance.randint(1, 3)):
                        first = chance.choice((0, table, table, max(0, table - 400)))
                        at = chance.randrange(first, min(len(whole), first + 64 if first == 0 else len(whole)))
                        changed[at] = chance.choice((*MAGIC_VALUES, chance.randrange(256)))
                    self.survives(file, bytes(changed))

    def survives(self, file, contents):
        file.write_bytes(contents)
        try:
            redirect.redirect(str(file), [("old", "new")])
        except (Failure, OSError):
            self.assertEqual(file.read_bytes(), contents)
            return
        redirect.undo(str(file))
        self.assertEqual(file.read_bytes(), contents)

    def test_hostile_notes(self):
        chance, linked = random.Random(28), self.link("x86_64", "call old")
        self.succeeds(linked, "old=new")
        whole = linked.read_bytes()
        start, end = whole.index(b"Halyard\0"), whole.index(b"}", whole.index(b"Halyard\0"))
        for _ in range(MUTATIONS // 4):
            changed = bytearray(whole)
            changed[chance.randrange(start - 12, end)] = chance.choice(b'0123456789abcdef",:[]{}-\xff')
            linked.write_bytes(changed)
            with contextlib.suppress(Failure):
                redirect.undo(str(linked))
                continue
            self.assertEqual(linked.read_bytes(), changed)

    def test_one_bad_pair_changes_nothing(self):
        linked = self.link("x86_64", "call old")
        before = linked.read_bytes()
        self.assertIn("no function absent", self.redirect(linked, "old=new", "absent=new")[2])
        self.assertEqual(linked.read_bytes(), before)


class Build(Files):
    """halyard_redirect() of cmake/redirect.cmake."""

    LISTS = """
cmake_minimum_required(VERSION 3.20)
project(x LANGUAGES ASM)
set(HALYARD_PYTHON "{python}")
include("{root}/cmake/redirect.cmake")
add_executable(program "{work}/x.S")
target_link_options(program PRIVATE -nostdlib -static)
halyard_redirect(program {arguments})
"""

    def build(self, arguments):
        (self.work / "CMakeLists.txt").write_text(self.LISTS.format(python=sys.executable, root=ROOT, work=self.work,
                                                                    arguments=arguments))
        (self.work / "x.S").write_text(CODE.format(calls="call old", loop="", in_new="", data=""))
        out = self.work / "build"
        for command in (["cmake", "-G", "Ninja", "-S", str(self.work), "-B", str(out), "-DCMAKE_ASM_COMPILER=clang"],
                        ["ninja", "-C", str(out)]):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                break
        return done, out / "program"

    def test_a_build_redirects_or_fails(self):
        done, program = self.build("old=new EXPECT 1")
        self.assertEqual((done.returncode, self.targets(program)), (0, {"old": 0, "new": 1}), done.stdout + done.stderr)
        for arguments, reason in (("old=new EXPECT 2", "found 1 direct calls, and 2 are expected"),
                                  ("old=new absent=new EXPECT 1", "no function absent")):
            done, program = self.build(arguments)
            self.assertIn(reason, done.stdout)
            self.assertNotEqual(done.returncode, 0)
            self.assertFalse(program.exists(), "the build left a program that calls the old function")
        for arguments in ("old=new", "EXPECT 1"):
            done, _ = self.build(arguments)
            self.assertIn("pairs or the expected number", done.stderr)

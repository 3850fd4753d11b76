# SPDX-License-Identifier: MIT
"""Code that the kernel compiled: its functions by name, and call chains through it.

The kernel calls code_added_hook() when a piece of code can be executed and code_removed_hook() before it is removed
(kernel/jit/code/debug.h). The contents of a piece are read from struct code_piece. gdb gets the names as a symbol file
that this module writes, with each function twice: `function`, and `program!function`, which call chains show.

kernel/jit/code.h defines the layout of frames: a function without a frame has its return address where the machine's
call instruction puts it; every other has a record of the caller's frame pointer and return address. The frame pointer
points to the record from the end of the prologue until the epilogue removes it.
"""
import atexit
import bisect
import os
import shutil
import struct
import tempfile
from pathlib import Path

import gdb
from gdb.FrameDecorator import FrameDecorator
from gdb.unwinder import Unwinder, register_unwinder

from . import dotnet
from .target import container, list_nodes, machine, read_words, register_value, static

FRAMELESS_BYTES = 8   # JIT_FRAMELESS_BYTES
ROW_TRAP, ROW_CALL = 0, 1
ROW = struct.Struct("<IIBBHI")  # struct jit_row
FUNCTION = struct.Struct("<IIII")  # struct code_function
LANDING_PAD = {"x86_64": bytes.fromhex("f30f1efa"), "aarch64": bytes.fromhex("5f2403d5")}  # ENDBR64, BTI c
RETURN = {"x86_64": bytes.fromhex("c3"), "aarch64": bytes.fromhex("c0035fd6")}
ARGUMENTS = {"x86_64": ("rdi", "rsi"), "aarch64": ("x0", "x1")}
NAME_READ = 256
STRINGS_SPAN = 1 << 24  # names closer together than this are read at once
# ELF: machine, type of a global function symbol, flags and types of sections
ELF_MACHINE = {"x86_64": 62, "aarch64": 183}
GLOBAL_FUNCTION, PROGBITS_NONE, SYMTAB, STRTAB = 0x12, 8, 2, 3

known = {}    # address of struct code_piece: Piece
starts = []   # addresses of all pieces, ascending ...
by_start = {}  # ... and the pieces themselves
folder = None


def memory(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size)) if size else b""


def strings(addresses):
    """The strings at these addresses, {address: text}. They lie close together, as in their module."""
    at = sorted(set(addresses) - {0})
    if not at:
        return {}
    if at[-1] - at[0] < STRINGS_SPAN:
        try:
            block = memory(at[0], at[-1] - at[0] + NAME_READ)
        except gdb.MemoryError:
            block = None
        if block is not None:
            return {a: block[a - at[0]:].split(b"\0", 1)[0].decode(errors="replace") for a in at}
    return {a: gdb.Value(a).cast(gdb.lookup_type("char").pointer()).string(errors="replace") for a in at}


class Piece:
    """The constant parts of a struct code_piece."""

    def __init__(self, p, path):
        self.address, self.path, self.value = int(p), path, p
        self.program = path.rsplit("/", 1)[-1]
        self.start, self.size = int(p["block"]["address"]), int(p["block"]["size"])
        self.is_program = int(p["source"]) != 0
        self.is_dotnet = dotnet.owns(p)
        count = int(p["function_count"])
        table = memory(int(p["functions"]), count * FUNCTION.size)
        self.functions = list(FUNCTION.iter_unpack(table))
        self.offsets = [f[0] for f in self.functions]
        # Code without a source: the adapter of a host function, or the stubs of functions without code (wasm_stub.c).
        self.role = "host call" if count == 1 else "first call"
        self.rows = int(p["rows"]), int(p["row_count"])
        self.names = self.read_names(int(p["names"]), count)
        self.file = None

    def read_names(self, names, count):
        numbers = [f[3] for f in self.functions]
        first = numbers[0] if count else 0
        words = read_words(names + 8 * first, numbers[-1] - first + 1) if names and count else None
        pointers = [words[n - first] if words else 0 for n in numbers]
        text = strings(pointers)
        return [text.get(pointer) or f"function{n}" for n, pointer in zip(numbers, pointers)]

    def index(self, pc):
        """The function that contains an address."""
        return max(bisect.bisect_right(self.offsets, pc - self.start) - 1, 0)

    def name(self, pc):
        name = self.names[self.index(pc)] if self.names else "code"
        return f"{self.program}!{name}" if self.is_program else f"{self.program}!<{self.role}>"

    def row(self, n):
        return ROW.unpack(memory(self.rows[0] + n * ROW.size, ROW.size))

    def row_at(self, at):
        """Index of the first row that is not before an offset in the code."""
        low, high = 0, self.rows[1]
        while low < high:
            middle = (low + high) // 2
            if self.row(middle)[0] < at:
                low = middle + 1
            else:
                high = middle
        return low

    def location(self, pc, kind):
        """Offset in the program's file for an address, or None if no row has it."""
        at = pc - self.start
        for n in range(self.row_at(at), self.rows[1]):
            row = self.row(n)
            if row[0] != at:
                return None
            if row[2] == kind:
                return row[1]
        return None

    def offset_near(self, pc):
        """Offset in a method's CIL of the instruction at an address, or of the next that has a row, as the kernel tells
        it (location_of() in code_kernel.c)."""
        start, size, _, _ = self.functions[self.index(pc)]
        at, n = pc - self.start, self.row_at(pc - self.start)
        while n < self.rows[1] and self.row(n)[0] == at and self.row(n)[2] != ROW_TRAP:
            n += 1
        if n < self.rows[1]:
            row = self.row(n)
            if row[0] < start + size or (row[0] == start + size and row[2] != ROW_TRAP):
                return row[1]
        before = self.row(n - 1) if n > 0 else None
        return before[1] if before is not None and before[0] > start else 0

    def line(self, pc):
        """(path, line) of a .NET program's code, or None."""
        return dotnet.find_line(self.value, self.functions[self.index(pc)][3], self.offset_near(pc))


def find(pc):
    at = bisect.bisect_right(starts, pc) - 1
    piece = by_start[starts[at]] if at >= 0 else None
    return piece if piece is not None and pc - piece.start < piece.size else None


# ---- Symbols ----

def symbol_file(piece, arch):
    """An ELF file that contains only function symbols."""
    names, symbols = bytearray(b"\0"), bytearray(24)
    for name, (start, size, _, _) in zip(piece.names, piece.functions):
        for text in (name, f"{piece.program}!{name}") if piece.is_program else (f"{piece.program}!{piece.role.replace(' ', '_')}",):
            symbols += struct.pack("<IBBHQQ", len(names), GLOBAL_FUNCTION, 0, 1, piece.start + start, size)
            names += text.encode() + b"\0"
    section_names = b"\0.text\0.symtab\0.strtab\0"
    at = 64
    symbols_at, names_at = at, at + len(symbols)
    section_names_at = names_at + len(names)
    headers_at = (section_names_at + len(section_names) + 7) & ~7
    sections = [  # name, type, flags, address, offset, size, link, info, alignment, entry size
        (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (1, PROGBITS_NONE, 6, piece.start, at, piece.size, 0, 0, 16, 0),
        (7, SYMTAB, 0, 0, symbols_at, len(symbols), 3, 1, 8, 24),
        (15, STRTAB, 0, 0, names_at, len(names), 0, 0, 1, 0),
        (15, STRTAB, 0, 0, section_names_at, len(section_names), 0, 0, 1, 0),
    ]
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, ELF_MACHINE[arch], 1, piece.start, 0, headers_at, 0,
                         64, 0, 0, 64, len(sections), 4)
    body = header + symbols + names + section_names
    return body.ljust(headers_at, b"\0") + b"".join(struct.pack("<IIQQQQIIQQ", *s) for s in sections)


def own_folder():
    global folder
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="halyard-gdb-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def add(p, path):
    piece = Piece(p, path)
    piece.file = own_folder() / f"{piece.start:x}-{piece.program}"
    piece.file.write_bytes(symbol_file(piece, machine()))
    gdb.execute(f'add-symbol-file "{piece.file}"', to_string=True)
    known[piece.address] = by_start[piece.start] = piece
    bisect.insort(starts, piece.start)
    if piece.is_program:
        print(f"halyard: {path} compiled to {piece.start:#x}, {len(piece.functions)} functions")


def remove(piece):
    gdb.execute(f'remove-symbol-file "{piece.file}"', to_string=True)
    os.unlink(piece.file)
    del known[piece.address]
    del by_start[piece.start]
    starts.remove(piece.start)


def owners():
    """(struct code_piece *, path) of all pieces in the kernel."""
    handle = int(gdb.parse_and_eval("'code_kernel.c'::handle").address)
    for node in list_nodes(static("fault.c", "code_owners")):
        owner = container(node, "struct fault_owner", "link")
        if int(owner["handle"]) == handle:
            piece = container(owner.dereference().address, "struct kernel_piece", "owner")
            yield piece["means"], owner["name"].string(errors="replace")


def synchronise():
    """Compare with the kernel's list if a hook was missed: gdb attached late, or the guest was reset."""
    try:
        now = {int(p): (p, path) for p, path in owners()}
    except gdb.error:  # the kernel does not run yet
        now = {}
    for address, piece in list(known.items()):
        if address not in now or int(now[address][0]["block"]["address"]) != piece.start:
            remove(piece)
    for address, (p, path) in now.items():
        if address not in known:
            add(p, path)


class Hook(gdb.Breakpoint):
    """Breakpoint where the kernel adds or removes a piece. The guest continues by itself."""

    def __init__(self, function):
        # at the first instruction the arguments are still in their registers
        super().__init__(f"*{function}", internal=True)
        self.silent, self.function = True, function

    def stop(self):
        try:
            p, path = (register_value(name) for name in ARGUMENTS[machine()])
            if p in known:  # the same address again is a new piece: the guest was reset
                remove(known[p])
            if self.function == "code_added_hook":
                add(gdb.Value(p).cast(gdb.lookup_type("struct code_piece").pointer()), strings([path])[path])
        except gdb.error as error:  # an exception here would stop the guest silently
            print(f"halyard: compiled code: {error}")
        return False


# ---- Call chains ----

class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class CompiledUnwinder(Unwinder):
    """Unwinds from a frame of compiled code to its caller's."""

    def __init__(self):
        super().__init__("halyard compiled code")

    def __call__(self, pending):
        if not starts:
            return None
        arch = machine()
        names = ("rip", "rsp", "rbp") if arch == "x86_64" else ("pc", "sp", "x29")
        pc, sp, fp = (pending.read_register(name) for name in names)
        piece = find(int(pc) & (1 << 64) - 1)
        if piece is None or not piece.functions:
            return None
        at = int(pc) & (1 << 64) - 1
        find_caller = caller_x86_64 if arch == "x86_64" else caller_aarch64
        try:
            caller, cfa, outer = find_caller(pending, piece, at, int(sp) & (1 << 64) - 1, int(fp) & (1 << 64) - 1)
        except gdb.MemoryError:
            return None
        start = piece.start + piece.functions[piece.index(at)][0]
        info = pending.create_unwind_info(FrameId(gdb.Value(cfa).cast(sp.type), gdb.Value(start).cast(pc.type)))
        for name, value, like in zip(names, (caller, cfa, outer), (pc, sp, fp)):
            info.add_saved_register(name, gdb.Value(value).cast(like.type))
        return info


def prologue(piece, at, arch):
    """(size of the landing pad at the function's start, whether it has a frame of its own)."""
    start, _, frame_bytes, _ = piece.functions[piece.index(at)]
    pad = LANDING_PAD[arch]
    offset = at - piece.start - start
    if memory(piece.start + start, len(pad)) == pad:
        offset = max(offset - len(pad), 0)
    return offset, frame_bytes > FRAMELESS_BYTES


def caller_x86_64(pending, piece, at, sp, fp):
    """(return address, the caller's stack pointer, the caller's frame pointer)"""
    offset, has_frame = prologue(piece, at, "x86_64")
    if not has_frame or offset == 0 or memory(at, 1) == RETURN["x86_64"]:
        return read_words(sp, 1)[0], sp + 8, fp
    if offset == 1:  # the frame pointer is pushed, but not set yet
        outer, caller = read_words(sp, 2)
        return caller, sp + 16, outer
    outer, caller = read_words(fp, 2)
    return caller, fp + 16, outer


def caller_aarch64(pending, piece, at, sp, fp):
    offset, has_frame = prologue(piece, at, "aarch64")
    if not has_frame or offset <= 4 or memory(at, 4) == RETURN["aarch64"]:
        link = int(pending.read_register("x30")) & (1 << 64) - 1
        return link, sp + 16 if has_frame and offset == 4 else sp, fp
    outer, caller = read_words(fp, 2)
    return caller, fp + 16, outer


class CompiledFrame(FrameDecorator):
    """A frame of compiled code: its function and, if a row has it, the position in the program's file."""

    def __init__(self, inner, piece):
        super().__init__(inner)
        self.piece = piece

    def place(self):
        """(address of an instruction of the frame, whether it is a call that has not returned)."""
        frame = self.inferior_frame()
        pc, newer = frame.pc(), frame.newer()
        returns = newer is not None and newer.type() == gdb.NORMAL_FRAME and not is_exception(newer)
        return pc - 1 if returns else pc, returns

    def function(self):
        pc, returns = self.place()
        name = self.piece.name(pc)
        if not self.piece.is_program:
            return name
        if self.piece.is_dotnet:
            return f"{name} <IL_{self.piece.offset_near(pc):04x}>"
        offset = self.piece.location(pc + 1, ROW_CALL) if returns else self.piece.location(pc, ROW_TRAP)
        return name if offset is None else f"{name} <offset {offset:#x}>"

    def source(self):
        return (self.piece.line(self.place()[0]) if self.piece.is_dotnet else None) or (None, None)

    def filename(self):
        return self.source()[0]

    def line(self):
        return self.source()[1]


def is_exception(frame):
    """True if an exception created the frame: then the caller's pc is not a return address."""
    from .frames import ENTRIES
    return frame.name() in ENTRIES


def decorate(frame, real):
    """The frame as call chains show it."""
    piece = find(real.pc())
    return CompiledFrame(frame, piece) if piece is not None else frame


def register():
    register_unwinder(None, CompiledUnwinder(), replace=True)
    Hook("code_added_hook")
    Hook("code_removed_hook")

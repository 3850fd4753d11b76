# SPDX-License-Identifier: MIT
"""Call chains: exceptions by name, and chains of threads that do not run.

For a running CPU, the kernel's call frame information describes its callers (.cfi_* in assembly, through exceptions as
well). To show a thread that does not run, an unwinder tells gdb that the caller of the CPU's innermost frame is the
thread's saved context; `bt` then omits the CPU's own frame.
"""
import gdb
from gdb.FrameDecorator import FrameDecorator
from gdb.unwinder import Unwinder, register_unwinder

from . import compiled
from .target import machine, read_words

# The registers that hal_context_switch() pushed, from the saved stack pointer up.
SAVED = {
    "x86_64": ("r15", "r14", "r13", "r12", "rbx", "rbp", "rip"),
    "aarch64": ("x29", "x30", "x27", "x28", "x25", "x26", "x23", "x24", "x21", "x22", "x19", "x20"),
}
PC = {"x86_64": "rip", "aarch64": "x30"}

# The functions that exceptions enter, and the place of the vector in struct hal_frame on x86-64.
ENTRIES = {
    "trap_enter": None, "trap_stay": None, "trap_no_room": None, "irq_enter": None, "irq_no_room": None,
    "vector_sync": "synchronous exception", "vector_irq": "interrupt", "vector_fiq": "fast interrupt",
    "vector_serror": "system error", "vector_bad": "exception with an unused vector",
    "vector_overflow": "exception without room on the stack",
}

looking_at = None  # the selected struct thread *, or None: the CPU's own chain
own_level = 0      # level of the CPU's innermost frame; those above it are inlined functions


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = gdb.Value(sp), gdb.Value(pc)


class ThreadUnwinder(Unwinder):
    """Makes the selected thread the caller of the CPU's innermost frame."""

    def __init__(self):
        super().__init__("halyard thread")

    def __call__(self, pending):
        if looking_at is None or pending.level() != own_level:
            return None
        arch = machine()
        sp = int(looking_at["context"]["sp"])
        saved = SAVED[arch]
        values = dict(zip(saved, read_words(sp, len(saved))))
        after = sp + 8 * len(saved)
        # An identity that no real frame has, below all stacks.
        info = pending.create_unwind_info(FrameId(16, values[PC[arch]]))
        word = gdb.lookup_type("unsigned long")
        pointer = gdb.lookup_type("char").pointer()
        for name, value in values.items():
            if name != "rip":
                info.add_saved_register(name, gdb.Value(value).cast(word))
        code = gdb.lookup_type("void").pointer()
        if arch == "x86_64":
            info.add_saved_register("rip", gdb.Value(values["rip"]).cast(code))
            info.add_saved_register("rsp", gdb.Value(after).cast(pointer))
        else:
            info.add_saved_register("pc", gdb.Value(values["x30"]).cast(code))
            info.add_saved_register("sp", gdb.Value(after).cast(pointer))
        return info


def look_at(thread):
    """Select this struct thread *, or with None the CPU again."""
    global looking_at, own_level
    if looking_at is None and thread is None:
        return
    looking_at = None
    gdb.invalidate_cached_frames()
    if thread is not None:
        frame = gdb.newest_frame()
        while frame.type() == gdb.INLINE_FRAME:
            frame = frame.older()
        looking_at, own_level = thread, frame.level()
        gdb.invalidate_cached_frames()


class Entry(FrameDecorator):
    """A frame of the vectors, shown with the name of the exception."""

    def __init__(self, inner, name):
        super().__init__(inner)
        self.name = name

    def function(self):
        what = ENTRIES[self.name] or self.vector()
        return f"{self.name} <{what}>" if what else self.name

    def line(self):
        return gdb.find_pc_line(self.inferior_frame().pc()).line or None

    def vector(self):
        """x86-64's description of it; None in the vectors themselves, where struct hal_frame is incomplete."""
        frame = self.inferior_frame()
        if frame.level() == 0:
            return None
        saved = gdb.Value(int(frame.read_register("rsp"))).cast(gdb.lookup_type("struct hal_frame").pointer())
        number = int(saved["vector"])
        if number >= 32:
            return f"interrupt vector {number}"
        name = gdb.parse_and_eval(f"vector_names[{number}]")
        return f"{name.string()}, vector {number}" if int(name) else f"exception {number}"


class Chain:
    """Frame filter: names exceptions; omits the CPU's own frame if a thread is selected."""

    def __init__(self):
        self.name, self.priority, self.enabled = "halyard", 100, True
        gdb.frame_filters[self.name] = self

    def filter(self, frames):
        for frame in frames:
            real = frame.inferior_frame()
            if looking_at is not None and real.level() <= own_level:
                continue
            yield Entry(frame, real.name()) if real.name() in ENTRIES else compiled.decorate(frame, real)


def register():
    register_unwinder(None, ThreadUnwinder(), replace=True)
    Chain()
    gdb.events.cont.connect(lambda event: look_at(None))

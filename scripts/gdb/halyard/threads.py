# SPDX-License-Identifier: MIT
"""Every thread of the kernel, and their call chains."""
import gdb

from . import frames
from .printers import THREAD_STATES, atomic
from .target import Command, container, list_nodes, machine, register_value, static, string

RUNNING = THREAD_STATES.index("running")
DEAD = THREAD_STATES.index("dead")


def all_threads():
    """struct thread pointers, without units of ended threads that are kept for reuse."""
    head = static("thread.c", "threads")["all"]
    for node in list_nodes(head):
        thread = container(node, "struct thread", "all_link")
        if int(thread["state"]) != DEAD or atomic(thread["refs"]) != 0:
            yield thread


def find(text):
    for thread in all_threads():
        if str(int(thread["id"])) == text:
            return thread
    raise gdb.GdbError(f"no thread {text}: halyard threads lists them")


def current_of_cpu():
    """The struct thread * that the selected CPU runs, as a number; None before the scheduler."""
    base = register_value("gs_base" if machine() == "x86_64" else "TPIDR_EL1")
    if not base:
        return None
    cpu = gdb.Value(base).cast(gdb.lookup_type("struct hal_cpu").pointer())
    try:
        return int(cpu["current"])
    except gdb.MemoryError:
        return None


def running():
    """{struct thread address: gdb's thread} for each CPU. Does not change the selection."""
    before, found = gdb.selected_thread(), {}
    frame = gdb.selected_frame() if before is not None else None
    for cpu in gdb.selected_inferior().threads():
        cpu.switch()
        gdb.newest_frame().select()  # keep the selected frame of a CPU that was selected
        found[current_of_cpu()] = cpu
    if before is not None:
        before.switch()
    if frame is not None and frame.is_valid():
        frame.select()
    return found


def where(thread, cpus):
    """The innermost functions of a waiting thread, without those that implement waiting."""
    if int(thread) in cpus:
        return f"on CPU {cpus[int(thread)].num - 1}"
    return waits_on(thread)


def waits_on(thread):
    """The name of what a blocked thread waits on; in other states the field is left from an earlier wait."""
    blocked = THREAD_STATES[int(thread["state"])] == "blocked"
    return string_or(thread["waiting_on"], "") if blocked else ""


def string_or(pointer, otherwise):
    return pointer.string() if int(pointer) else otherwise


def program_of(thread):
    """The name of its program, or "-": a struct program begins with the owner of its threads."""
    owner = thread["owner"]
    return string(owner.cast(gdb.lookup_type("struct program").pointer())["name"]) if int(owner) else "-"


class Threads(Command):
    """Every thread: number, state, priority, CPU, name, program, and the queue that it waits in."""

    name = "threads"

    def run(self, argv):
        cpus = running()
        print(f"{'ID':>4} {'STATE':8} {'PRIO':>4} {'CPU':>3}  {'NAME':20} {'PROGRAM':16} WAITS ON")
        for t in all_threads():
            program = program_of(t)
            state = THREAD_STATES[int(t["state"])]
            on = waits_on(t)
            here = "*" if int(t) in cpus else " "
            print(f"{here}{int(t['id']):>3} {state:8} {int(t['priority']):>4} {int(t['rq']['cpu']):>3}  "
                  f"{string(t['name']):20} {program:16} {on}".rstrip())


def show(thread, cpus):
    """Print one thread's call chain."""
    title = f'thread {int(thread["id"])} "{string(thread["name"])}"'
    if int(thread) in cpus:
        print(f"{title}, running")
        before = gdb.selected_thread()
        cpus[int(thread)].switch()
        try:
            gdb.execute("backtrace")
        finally:
            before.switch()
        return
    state = THREAD_STATES[int(thread["state"])]
    waits = waits_on(thread)
    print(f"{title}, {state}" + (f' on "{waits}"' if waits else ""))
    if state == "dead":
        return  # another thread may use its stack already
    frames.look_at(thread)
    try:
        gdb.execute("backtrace")
    finally:
        frames.look_at(None)


class Backtrace(Command):
    """Call chain of a thread: halyard bt [ID | all]. Without an argument, of all."""

    name = "bt"

    def run(self, argv):
        chosen = list(all_threads()) if not argv or argv[0] == "all" else [find(argv[0])]
        cpus = running()
        for number, thread in enumerate(chosen):
            if number:
                print()
            show(thread, cpus)


class Thread(Command):
    """Select a thread: halyard thread [ID]. Until the guest continues, bt, up, frame and info locals work on that
    thread, whose innermost frame is not number 0. Without ID, select the CPU again."""

    name = "thread"

    def run(self, argv):
        if not argv:
            frames.look_at(None)
            return
        thread = find(argv[0])
        cpus = running()
        if int(thread) in cpus:
            frames.look_at(None)
            cpus[int(thread)].switch()
        else:
            frames.look_at(thread)
            gdb.execute(f"frame {frames.own_level + 1}", to_string=True)
        gdb.execute("frame")


def register():
    Threads()
    Backtrace()
    Thread()

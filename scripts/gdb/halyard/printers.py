# SPDX-License-Identifier: MIT
"""How gdb shows the kernel's own types."""
import gdb
import gdb.printing

from .target import container, list_nodes, machine, string

THREAD_STATES = ("blocked", "ready", "running", "dead", "moving")
WAITING = 1  # bit 0 of a mutex's owner


def atomic(value):
    """The number in an _Atomic or plain integer or pointer."""
    return int(value.cast(gdb.lookup_type("unsigned long")) if value.type.code == gdb.TYPE_CODE_PTR else value)


def thread_name(pointer):
    """thread 3 "shell", for a struct thread * or its address."""
    address = int(pointer)
    if address == 0:
        return "no thread"
    thread = gdb.Value(address).cast(gdb.lookup_type("struct thread").pointer()).dereference()
    return f'thread {int(thread["id"])} "{string(thread["name"])}"'


class Thread:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        t = self.value
        state = THREAD_STATES[int(t["state"])]
        waits = f' on "{t["waiting_on"].string()}"' if int(t["waiting_on"]) and state == "blocked" else ""
        return f'thread {int(t["id"])} "{string(t["name"])}", {state}{waits}'

    def children(self):
        for field in self.value.type.fields():
            yield field.name, self.value[field.name]


class List:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        count = sum(1 for _ in list_nodes(self.value))
        return f"list of {count}" if count else "empty list"

    def children(self):
        for number, node in enumerate(list_nodes(self.value)):
            yield f"[{number}]", node

    def display_hint(self):
        return "array"


class ListNode:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        if int(self.value["next"]) == 0:
            return "in no list"
        return f"between {int(self.value['prev']):#x} and {int(self.value['next']):#x}"


class Spinlock:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        word = atomic(self.value["word"])  # byte 0: held; upper half: the last waiter
        return ("held" if word & 0xff else "free") + (", others wait" if word >> 16 else "")


def waiters(queue):
    return [container(node, "struct thread", "wait_link") for node in list_nodes(queue["waiters"])]


class WaitQueue:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        names = ", ".join(thread_name(t) for t in waiters(self.value)) or "nobody"
        title = f'"{self.value["name"].string()}"' if int(self.value["name"]) else "without a name"
        return f"wait queue {title}: {names}"


class Mutex:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        owner = atomic(self.value["owner"])
        title = self.value["queue"]["name"].string() if int(self.value["queue"]["name"]) else "?"
        if owner & ~WAITING == 0:
            return f'mutex "{title}": free'
        waiting = ", ".join(thread_name(t) for t in waiters(self.value["queue"]))
        return f'mutex "{title}": held by {thread_name(owner & ~WAITING)}' + (f"; waiting: {waiting}" if waiting else "")


class Status:
    """enum status, with its text. An invalid value, as in an uninitialized variable, is shown as a number."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        number = int(self.value)
        for field in self.value.type.fields():
            if field.enumval == number:
                return f"{field.name} ({number})" if number else field.name
        return f"status {number}"


class PhysicalAddress:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return f"physical {int(self.value['raw']):#x}"


class PageTableEntry:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        from .pages import ENTRY
        raw = int(self.value["raw"])
        return f"{raw:#018x} {ENTRY[machine()].words(raw, 0)}"


PRINTERS = {
    "thread": Thread, "list": List, "list_node": ListNode, "spinlock": Spinlock,
    "wait_queue": WaitQueue, "mutex": Mutex, "status": Status,
    "paddr_t": PhysicalAddress, "pte_t": PageTableEntry,
}


class Collection(gdb.printing.PrettyPrinter):
    def __init__(self):
        super().__init__("halyard", [gdb.printing.SubPrettyPrinter(name) for name in PRINTERS])

    def __call__(self, value):
        kind = value.type.unqualified()
        for name in (kind.name, kind.strip_typedefs().tag):
            if name in PRINTERS:
                return PRINTERS[name](value)
        return None


def register():
    gdb.printing.register_pretty_printer(None, Collection(), replace=True)

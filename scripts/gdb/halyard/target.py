# SPDX-License-Identifier: MIT
"""The guest that gdb talks to: attaching, its machine, memory, lists and console."""
import os
import socket
import struct
from contextlib import contextmanager

import gdb


class Command(gdb.Command):
    """A subcommand of `halyard`: its docstring is the help text, run() does the work."""

    name = ""

    def __init__(self):
        super().__init__(f"halyard {self.name}", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        try:
            self.run(gdb.string_to_argv(argument))
        except gdb.MemoryError as error:
            raise gdb.GdbError(f"halyard {self.name}: the guest's memory cannot be read: {error}")
        except gdb.error as error:
            raise gdb.GdbError(f"halyard {self.name}: {error}")


def machine():
    """"x86_64" or "aarch64": the machine of the symbol file."""
    name = gdb.selected_inferior().architecture().name()
    return "aarch64" if name.startswith("aarch64") else "x86_64"


def register_value(name):
    """A register of the selected CPU, or None if this gdb stub does not have it."""
    value = gdb.parse_and_eval(f"${name}")
    return None if value.type.code == gdb.TYPE_CODE_VOID else int(value) & (1 << 64) - 1


def read_words(address, count):
    """64-bit words of the guest's virtual memory."""
    return struct.unpack(f"<{count}Q", gdb.selected_inferior().read_memory(address, 8 * count))


@contextmanager
def physical_memory():
    """Inside the context, addresses are physical: QEMU's stub reads them directly, without the page tables."""
    gdb.execute("maintenance packet Qqemu.PhyMemMode:1", to_string=True)
    try:
        yield
    finally:
        gdb.execute("maintenance packet Qqemu.PhyMemMode:0", to_string=True)


def static(file, name):
    """A static variable of one of the kernel's files."""
    return gdb.parse_and_eval(f"'{file}'::{name}")


def string(array):
    """The text in a char array that ends with a zero byte."""
    return array.string(errors="replace", length=array.type.sizeof).split("\0")[0]


def list_nodes(head, limit=100000):
    """Pointers to the nodes of a struct list, first to last; stops at a chain that is broken."""
    if head.address is None:
        return
    end = int(head["head"].address)
    node = head["head"]["next"]
    while int(node) not in (0, end) and limit > 0:
        yield node
        node, limit = node["next"], limit - 1


def container(node, type_name, member):
    """The struct that contains a list node."""
    kind = gdb.lookup_type(type_name)
    offset = next(f.bitpos // 8 for f in kind.fields() if f.name == member)
    return gdb.Value(int(node) - offset).cast(kind.pointer())


class Slide:
    """Where the kernel is: each boot moves it from its link address, unless the command line has aslr=off.

    The kernel sets a register of the first CPU to the address of that CPU's data, `boot_cpu`, which gives the distance.
    """

    STEP = 0x10000
    linked = None  # address of boot_cpu in the file
    now = 0        # the distance of gdb's symbols from there
    known = False

    @classmethod
    def of_guest(cls):
        """The distance by which the guest's kernel was moved; None until it is known."""
        before = gdb.selected_thread()
        first = min(gdb.selected_inferior().threads(), key=lambda cpu: cpu.num, default=None)
        if before is None or first is None:
            return None
        first.switch()
        base = register_value("gs_base" if machine() == "x86_64" else "TPIDR_EL1")
        before.switch()
        if not base or base >> 63 == 0 or (base - cls.linked) % cls.STEP:
            return None
        return base - cls.linked & (1 << 64) - 1

    @classmethod
    def follow(cls):
        """Move the kernel's symbols to the guest's kernel."""
        if cls.linked is None:
            cls.linked = int(gdb.lookup_global_symbol("boot_cpu").value().address) & (1 << 64) - 1
        slide = cls.of_guest()
        cls.known = slide is not None
        if cls.known and slide != cls.now:
            cls.now = slide
            gdb.execute(f'symbol-file -o {slide:#x} "{gdb.objfiles()[0].filename}"', to_string=True)
            print(f"halyard: the kernel and its symbols were moved by {slide:#x} from the link address")

    @classmethod
    def at_stop(cls, event):
        if not cls.known:
            try:
                cls.follow()
            except gdb.error:  # the guest cannot be asked yet, or no longer
                pass


class Connect(Command):
    """Attach to a guest: halyard connect [SOCKET]. Default: gdb.sock in the folder of the kernel's file."""

    name = "connect"

    def run(self, argv):
        kernel = gdb.objfiles()[0].filename if gdb.objfiles() else "halyard.elf"
        path = argv[0] if argv else os.path.join(os.path.dirname(kernel), "gdb.sock")
        gdb.execute(f"target remote {path}")
        Slide.follow()
        gdb.execute("halyard modules --quiet")


class List(Command):
    """The elements of a list: halyard list HEAD [TYPE MEMBER], as in `halyard list rq->ready[32] thread run_link`."""

    name = "list"

    def run(self, argv):
        if len(argv) not in (1, 3):
            raise gdb.GdbError("usage: halyard list HEAD [TYPE MEMBER]")
        for node in list_nodes(gdb.parse_and_eval(argv[0])):
            if len(argv) == 1:
                print(f"{int(node):#x}")
            else:
                element = container(node, f"struct {argv[1].removeprefix('struct ')}", argv[2])
                print(f"{int(element):#x} {element.dereference().format_string(max_elements=40)}")


class Type(Command):
    """Type a line at the guest's console: halyard type TEXT. The guest reads it once it runs."""

    name = "type"

    def invoke(self, argument, from_tty):
        path = os.environ.get("HALYARD_CONSOLE")
        if not path:
            raise gdb.GdbError("halyard type: no console to type to: start the guest with scripts/debug")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as console:
            console.connect(path)
            console.sendall(argument.encode() + b"\r")


def register():
    gdb.events.stop.connect(Slide.at_stop)
    Connect()
    List()
    Type()

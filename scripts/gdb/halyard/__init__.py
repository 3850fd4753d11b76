# SPDX-License-Identifier: MIT
"""gdb's view of the kernel: commands, printers, threads, page tables and the symbols of loaded code."""
import gdb

from . import compiled, frames, log, modules, pages, printers, target, threads


class Halyard(gdb.Command):
    """Halyard's own commands.

connect [SOCKET]    attach to a guest and find the files loaded in it
threads             every thread: state, CPU, and the queue that it waits in
bt [ID | all]       call chain of a thread, also of one that does not run
thread [ID]         look at that thread: bt, up, info locals are about it; without ID at the CPU again
modules             loaded programs and drivers, and the files their symbols come from; compiled programs
pt ADDRESS          walk the page tables to an address, entry by entry
map [FROM [TO]]     what is mapped, read from the page tables themselves
log [N]             the last N lines (all) of the kernel's log, shown on the console or not
list HEAD [TYPE MEMBER]   the elements of a struct list
type TEXT           type a line at the guest's console (if scripts/debug started the guest)"""

    def __init__(self):
        super().__init__("halyard", gdb.COMMAND_USER, prefix=True)

    def invoke(self, argument, from_tty):
        gdb.execute("help halyard")


def register():
    for setting in ("pagination off", "confirm off", "breakpoint pending on", "print pretty on",
                    "backtrace past-main on",
                    "backtrace past-entry on"):
        gdb.execute(f"set {setting}")
    Halyard()
    # gdb asks the unwinder that was added last first: a selected thread takes precedence over compiled code.
    for part in (target, printers, compiled, frames, threads, modules, pages, log):
        part.register()

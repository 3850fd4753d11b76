# SPDX-License-Identifier: MIT
"""Symbols of loaded programs and drivers, as they are loaded and unloaded (kernel/jit/code/debug.h).

The kernel calls module_loaded_hook() before the first instruction of a module runs and module_unloaded_hook() after its
last; between them the module is in the list loaded_modules. That list is authoritative: it is compared with gdb's
symbol files at each hook and when gdb attaches, so that the state is right after a reset of the guest, and if gdb
attaches late.
"""
import os
import struct
from pathlib import Path

import gdb

from . import compiled
from .target import Command

FOLDERS = ("debug", "programs", "modules", "drivers", ".")  # in the folder of the kernel's file
known = {}   # address of struct module_debug: Module, with or without symbols
symbol_path = []  # further files and folders, from `halyard modules --path`


class Module:
    def __init__(self, m):
        self.address = int(m)
        self.path = m["path"].string(errors="replace")
        self.name = m["name"].string(errors="replace")
        self.sections = [(s["name"].string(errors="replace"), int(s["address"]), int(s["size"]))
                         for s in (m["sections"][i] for i in range(int(m["section_count"])))]
        self.file = None

    def key(self):
        return (self.path, tuple(self.sections))

    def start(self):
        """Address of .text, or of the first section."""
        return next((a for n, a, _ in self.sections if n == ".text"), self.sections[0][1] if self.sections else 0)


def section_sizes(path):
    """{name: size} of an ELF64 file's sections; {} if it is not one."""
    data = Path(path).read_bytes()
    if data[:6] != b"\x7fELF\x02\x01" or len(data) < 64:
        return {}
    table, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, table + i * size) for i in range(count)]
    strings = headers[names][4]
    text = lambda at: data[strings + at:data.index(b"\0", strings + at)].decode(errors="replace")  # noqa: E731
    return {text(h[0]): h[5] for h in headers[1:]}


def fits(path, module):
    """True if this file has the loaded sections, with the same sizes."""
    try:
        sizes = section_sizes(path)
    except (OSError, struct.error, IndexError, ValueError):
        return False
    return bool(module.sections) and all(sizes.get(name) == size for name, _, size in module.sections)


def candidates(module):
    kernel = gdb.objfiles()[0].filename if gdb.objfiles() else ""
    for extra in symbol_path:
        yield extra / module.name if extra.is_dir() else extra
    for folder in FOLDERS:
        yield Path(os.path.dirname(kernel)) / folder / module.name


def add(module):
    """Give gdb the module's symbols if its file is found."""
    module.file = next((path for path in candidates(module) if path.is_file() and fits(path, module)), None)
    if module.file is None:
        print(f"halyard: {module.path}: no file here matches the loaded module: use halyard modules --path FILE")
        return
    places = " ".join(f'-s "{name}" {address:#x}' for name, address, _ in module.sections)
    gdb.execute(f'add-symbol-file "{module.file}" {places}', to_string=True)
    print(f"halyard: {module.path} loaded at {module.start():#x}, symbols from {module.file}")


def remove(module):
    if module.file is not None:
        gdb.execute(f"remove-symbol-file -a {module.start():#x}", to_string=True)
    print(f"halyard: {module.path} unloaded")


def loaded():
    """The modules in the kernel's list; none while its memory is unreadable, as before it runs."""
    found = []
    try:
        m = gdb.parse_and_eval("loaded_modules")
        while int(m) and len(found) < 10000:
            found.append(Module(m))
            m = m["next"]
    except (gdb.MemoryError, gdb.error):
        return []
    return found


def synchronise():
    now = {m.address: m for m in loaded()}
    for address, module in list(known.items()):
        if address not in now or now[address].key() != module.key():
            remove(known.pop(address))
    for address, module in now.items():
        if address not in known:
            known[address] = module
            add(module)


class Hook(gdb.Breakpoint):
    """Breakpoint where the kernel has changed the list. The guest continues by itself."""

    def __init__(self, function):
        super().__init__(function, internal=True)
        self.silent = True

    def stop(self):
        try:
            synchronise()
        except gdb.error as error:  # an exception here would stop the guest silently
            print(f"halyard: symbols of a module: {error}")
        return False


class Modules(Command):
    """Loaded programs and drivers, oldest first: halyard modules [--path FILE-OR-FOLDER]. With --path, also look for
    symbols there, before other places."""

    name = "modules"

    def run(self, argv):
        if argv[:1] == ["--path"] and len(argv) == 2:
            symbol_path.insert(0, Path(argv[1]).resolve())
            for module in [m for m in known.values() if m.file is None]:
                known.pop(module.address)
        elif argv not in ([], ["--quiet"]):
            raise gdb.GdbError("usage: halyard modules [--path FILE-OR-FOLDER]")
        synchronise()
        compiled.synchronise()
        if argv:
            return
        if not known and not compiled.known:
            print("no module is loaded")
        for module in reversed(list(known.values())):
            print(f"{module.start():#018x}  {module.path}  {module.file or '(no symbols)'}")
        for piece in compiled.known.values():
            if piece.is_program:
                print(f"{piece.start:#018x}  {piece.path}  (compiled, {len(piece.functions)} functions)")


def register():
    Hook("module_loaded_hook")
    Hook("module_unloaded_hook")
    Modules()

# SPDX-License-Identifier: MIT
"""Calls between rooms, as the linker sees them: each object's undefined symbols and where they are defined.

An include shows what a file knows; a call through a declaration that stands somewhere else does not show there.
"""
import subprocess

import check_symbols
import layers


def read(objects):
    """({symbol: the source that defines it}, sorted pairs of source and symbol that it needs)."""
    home, needs = {}, set()
    sources = {str(o): source for source, o in objects.items()}
    text = subprocess.run(["llvm-nm", "-A", "-g", *sources], check=True, capture_output=True, text=True).stdout
    for line in text.splitlines():
        where, rest = line.split(": ", 1)
        *_, kind, symbol = rest.split()
        if kind == "U":
            needs.add((sources[where], symbol))
        else:
            home[symbol] = sources[where]
    return home, sorted(needs)


def complaints(root, build, machine):
    objects = {source: o for source, o in check_symbols.kernel_objects(build).items() if (root / source).exists()}
    if not objects:
        yield f"{build}: no objects; build first"
        return
    home, needs = read(objects)
    for source, symbol in needs:
        if symbol in home and layers.is_upward(source, home[symbol]):
            room = layers.room_of(home[symbol]) or "drivers"
            yield f"{source}: {layers.room_of(source)} is below {room}: it uses {symbol} of {home[symbol]}"

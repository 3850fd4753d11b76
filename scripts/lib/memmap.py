# SPDX-License-Identifier: MIT
"""Draw the address maps of both machines as an SVG, from the output of `mem map`."""
import argparse
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

from tree import MACHINES, ROOT

PICTURE = ROOT / "docs/images/memory-map.svg"
REGION = re.compile(r"^([0-9a-f]{16})-([0-9a-f]{16}) +(\d+ \w+) (\w+)\s*$", re.M)
PIECE = re.compile(r"^  ([0-9a-f]{16})-([0-9a-f]{16}) +(\d+) KiB ([r-][w-][x-])(.*)$", re.M)

MEANING = {
    "user": "programs of a lower privilege: none yet",
    "direct": "all memory, never executable",
    "vm": "stacks, registers of devices, large blocks",
    "program": "memories of portable programs: not used yet",
    "shadow": "of the address sanitizer, in kernels that have it",
    "image": "the kernel, moved at boot",
    "code": "loaded code, in reach of a call",
}
# Permission to colour: executable, read-only, writable.
COLOURS = {"r-x": "#c0504d", "r--": "#4f81bd", "rw-": "#7f9f3f"}
NAMES = {"r-x": "execute", "r--": "read only", "rw-": "write"}
COLUMN, HEIGHT, GAP, TOP, LEFT, BAR = 400, 74, 8, 70, 20, 150


@dataclass
class Region:
    first: int
    last: int
    size: str
    name: str
    pieces: list = field(default_factory=list)  # (permissions, KiB)


def parse(text):
    """The regions of `mem map` with their mappings, highest address first."""
    regions = [Region(int(a, 16), int(b, 16), size, name) for a, b, size, name in REGION.findall(text)]
    for first, _, kib, permissions, _ in PIECE.findall(text):
        owner = next(r for r in regions if r.first <= int(first, 16) <= r.last)
        owner.pieces.append((permissions, int(kib)))
    return sorted(regions, key=lambda region: -region.first)


def ask(machine):
    """The output of `mem map` in the release build, without randomized addresses."""
    done = subprocess.run([ROOT / "scripts/run", machine, "--append", "aslr=off"], input="mem map\npoweroff\n", stdout=subprocess.PIPE, text=True,
                          check=True)
    return done.stdout


def text(x, y, words, size=12, extra=""):
    return f'<text x="{x}" y="{y}" font-size="{size}" {extra}>{escape(words)}</text>'


def mono(x, y, words, extra=""):
    return text(x, y, words, 11, f'font-family="monospace" {extra}')


def draw_region(region, x, y):
    """A box of the same size for every region: the real sizes differ by factors of a million."""
    yield f'<rect x="{x}" y="{y}" width="{BAR}" height="{HEIGHT}" fill="#f4f4f4" stroke="#444"/>'
    kinds = {}
    for permissions, kib in region.pieces:
        kinds[permissions] = kinds.get(permissions, 0) + kib
    for row, (permissions, kib) in enumerate(sorted(kinds.items(), reverse=True)):
        top = y + 8 + 21 * row
        yield f'<rect x="{x + 8}" y="{top}" width="{BAR - 16}" height="17" fill="{COLOURS[permissions]}"/>'
        amount = f"{kib} KiB" if kib < 10240 else f"{kib // 1024} MiB"
        yield mono(x + 14, top + 13, f"{permissions} {amount}", 'fill="white"')
    side = x + BAR + 10
    yield mono(side, y + 12, f"{region.last:016x}")
    yield text(side, y + 32, f"{region.name}, {region.size}", 13, 'font-weight="bold"')
    yield text(side, y + 48, MEANING.get(region.name, ""), 11, 'fill="#444"')
    yield mono(side, y + HEIGHT - 2, f"{region.first:016x}")


def draw(maps):
    """An SVG of {machine: regions}."""
    rows = max(map(len, maps.values()))
    width, height = LEFT * 2 + COLUMN * len(maps) + 60, TOP + rows * (HEIGHT + GAP) + 50
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
           'font-family="sans-serif">')
    yield f'<rect width="{width}" height="{height}" fill="white"/>'
    for number, (machine, regions) in enumerate(maps.items()):
        x = LEFT + number * (COLUMN + 40)
        yield text(x, 30, machine, 20, 'font-weight="bold"')
        yield text(x, 50, "not to scale; highest address on top", 11, 'fill="#444"')
        for row, region in enumerate(regions):
            yield from draw_region(region, x, TOP + row * (HEIGHT + GAP))
    x = LEFT
    for permissions, colour in COLOURS.items():
        yield f'<rect x="{x}" y="{height - 34}" width="16" height="16" fill="{colour}"/>'
        yield text(x + 22, height - 21, f"{permissions} {NAMES[permissions]}")
        x += 130
    yield text(x, height - 21, "No page is both w and x.")
    yield "</svg>\n"


def main(arguments):
    p = argparse.ArgumentParser(prog="scripts/memory-map", description=__doc__)
    p.add_argument("picture", nargs="?", type=Path, default=PICTURE, metavar="FILE", help="default: docs/images/memory-map.svg")
    picture = p.parse_args(arguments).picture
    maps = {machine: parse(ask(machine)) for machine in MACHINES}
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text("\n".join(draw(maps)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

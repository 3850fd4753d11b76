# SPDX-License-Identifier: MIT
"""Draw the output of `profile stacks` as a flame graph: an SVG in which a box's width is a function's share of the
time, callees stand on their callers, and threads are the lowest row. A browser shows a box's numbers under the pointer;
a click makes a box as wide as the picture, a click on the title shows all again, and "search" marks boxes by name.
"""
import argparse
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from demangle import demangle

STACK = re.compile(r"^stack (\d+) (\S.*)$", re.M)
WIDTH, ROW, MARGIN, TITLE, CHARACTER = 1200, 18, 10, 34, 6.6  # pixels
SMALLEST = 1  # narrower boxes are invisible
# The colour of a box: threads, the kernel's and drivers' functions, programs' functions, idle time.
COLOURS = {"thread": "#b9c4cf", "kernel": "#7fa7d8", "program": "#eda35a", "idle": "#dddddd"}

# The picture is complete without it: a viewer that runs no scripts shows everything, at its first size.
SCRIPT = """
const svg = document.documentElement, all = [...svg.querySelectorAll("g")].map(g => ({
  g, rect: g.querySelector("rect"), text: g.querySelector("text"), name: g.getAttribute("data-name"),
  x: +g.querySelector("rect").getAttribute("x"), w: +g.querySelector("rect").getAttribute("width"),
  y: +g.querySelector("rect").getAttribute("y"), share: +g.getAttribute("data-samples")}));
const left = MARGIN, width = WIDTH - 2 * MARGIN, total = TOTAL;
function zoom(box) {
  const scale = box ? width / box.w : 1, from = box ? box.x : left;
  for (const b of all) {
    const below = box && b.y > box.y && b.x <= box.x + 0.1 && b.x + b.w >= box.x + box.w - 0.1;
    const inside = !box || (b.y <= box.y && b.x >= box.x - 0.1 && b.x + b.w <= box.x + box.w + 0.1);
    b.g.style.display = below || inside ? "" : "none";
    const x = below ? left : left + (b.x - from) * scale, w = below ? width : b.w * scale;
    b.rect.setAttribute("x", x); b.rect.setAttribute("width", w);
    b.text.setAttribute("x", x + 3);
    const room = Math.floor((w - 4) / CHARACTER);
    b.text.textContent = b.name.length <= room ? b.name : room >= 4 ? b.name.slice(0, room - 1) + "\\u2026" : "";
  }
}
function search(word) {
  let found = 0;
  for (const b of all) {
    const hit = word !== "" && b.name.includes(word);
    b.rect.style.fill = hit ? "#d64ac4" : "";
    const inner = hit && !all.some(o => o !== b && o.name.includes(word) && o.y > b.y && o.x <= b.x + 0.1 && o.x + o.w >= b.x + b.w - 0.1);
    found += inner ? b.share : 0;
  }
  document.getElementById("found").textContent = word === "" ? "" : word + ": " + (100 * found / total).toFixed(1) + " %";
}
for (const b of all) { b.g.style.cursor = "pointer"; b.g.addEventListener("click", () => zoom(b)); }
document.getElementById("title").addEventListener("click", () => zoom(null));
document.getElementById("search").addEventListener("click", () => search(prompt("Functions whose names contain:", "") || ""));
"""


@dataclass
class Node:
    name: str
    depth: int
    total: int = 0  # samples in it and in its callees
    own: int = 0
    callees: dict = field(default_factory=dict)

    def callee(self, name):
        return self.callees.setdefault(name, Node(name, self.depth + 1))


def parse(text):
    """The tree, under an unnamed root."""
    root = Node("", -1)
    for count, chain in STACK.findall(text.replace("\r", "")):
        node, count = root, int(count)
        root.total += count
        for name in chain.split(";"):
            node = node.callee(name)
            node.total += count
        node.own += count
    return root


def depth_of(node):
    return max([node.depth, *map(depth_of, node.callees.values())])


def kind_of(node, in_idle):
    if in_idle:
        return "idle"
    return "thread" if node.depth == 0 else "program" if "!" in node.name else "kernel"


def boxes(node, x, scale, in_idle=False):
    """(node, x, width, kind) of everything above this node, wide ones first."""
    for callee in sorted(node.callees.values(), key=lambda n: (-n.total, n.name)):
        width = callee.total * scale
        idle = in_idle or (callee.depth == 0 and callee.name == "idle")
        if width >= SMALLEST:
            yield callee, x, width, kind_of(callee, idle)
            yield from boxes(callee, x, scale, idle)
        x += width


def label(name, width):
    room = int((width - 4) / CHARACTER)
    return name if len(name) <= room else name[:room - 1] + "…" if room >= 4 else ""


def draw(root, title):
    rows = depth_of(root) + 1
    height = TITLE + rows * ROW + 2 * MARGIN
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
           'font-family="monospace" font-size="11">')
    yield f'<rect width="{WIDTH}" height="{height}" fill="white"/>'
    yield (f'<text id="title" x="{MARGIN}" y="22" font-size="14" font-family="sans-serif">{escape(title)}: {root.total} '
           'samples</text>')
    yield f'<text id="found" x="{WIDTH - 80}" y="22" text-anchor="end"></text>'
    yield f'<text id="search" x="{WIDTH - MARGIN}" y="22" text-anchor="end" style="cursor:pointer">search</text>'
    for node, x, width, kind in boxes(root, MARGIN, (WIDTH - 2 * MARGIN) / root.total):
        y = TITLE + MARGIN + (rows - 1 - node.depth) * ROW
        share = f"{100 * node.total / root.total:.1f} %, {node.total} samples, {node.own} in itself"
        written = f'<text x="{x + 3:.1f}" y="{y + 13}">{escape(label(node.name, width))}</text>'
        yield (f'<g data-name={quoteattr(node.name)} data-samples="{node.total}"><title>{escape(node.name)}: {share}</title><rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW - 1}" '
               f'fill="{COLOURS[kind]}" stroke="white" stroke-width="0.5"/>{written}</g>')
    script = SCRIPT.replace("MARGIN", str(MARGIN)).replace("WIDTH", str(WIDTH)).replace("CHARACTER", str(CHARACTER))
    yield f"<script><![CDATA[{script.replace('TOTAL', str(root.total))}]]></script>"
    yield "</svg>\n"


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/flamegraph", description="Draw the output of `profile stacks` as a flame graph (SVG). Example: "
        "printf 'profile start\\n/bin/compute.wasm\\nprofile stacks\\npoweroff\\n' | scripts/run --disk my.img | scripts/flamegraph")
    parser.add_argument("input", nargs="?", help="the console's output (default: standard input)")
    parser.add_argument("-o", "--output", default="flamegraph.svg", help="the file to write (default: flamegraph.svg)")
    parser.add_argument("--title", default="Where the time went", help="title of the picture")
    parser.add_argument("--busy", action="store_true", help="leave out idle time")
    options = parser.parse_args(arguments)
    text = Path(options.input).read_text(errors="replace") if options.input else sys.stdin.buffer.read().decode(errors="replace")
    root = parse(demangle(text))
    if options.busy and "idle" in root.callees:
        root.total -= root.callees.pop("idle").total
    if root.total == 0:
        print("flamegraph: no sample in the input: was it `profile stacks`?", file=sys.stderr)
        return 1
    Path(options.output).write_text("\n".join(draw(root, options.title)))
    print(f"flamegraph: {root.total} samples in {options.output}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

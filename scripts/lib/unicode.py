# SPDX-License-Identifier: MIT
"""Print the tables of kernel/lib/unicode.c: the widths of characters in columns of a terminal.

usage: unicode.py

No column: marks (Mn, Me), invisible format characters (Cf), and the vowels and finals of which Hangul syllables are
composed. Two columns: East_Asian_Width W and F. Everything else is one. The tables cover planes 0 and 1; to have fewer
ranges, they extend across unassigned code points.
"""
import sys
import unicodedata

VISIBLE_FORMATS = {0xAD, *range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
JAMO = {*range(0x1160, 0x1200), *range(0xD7B0, 0xD800)}


def columns(code_point):
    """None: not assigned, so any width is right."""
    c = chr(code_point)
    category = unicodedata.category(c)
    if category == "Cn":
        return None
    if code_point in JAMO or category in ("Mn", "Me") or (category == "Cf" and code_point not in VISIBLE_FORMATS):
        return 0
    if unicodedata.east_asian_width(c) in ("W", "F"):
        return 2
    return 1


def ranges(plane, wanted):
    found, since, last = [], None, None
    for low in range(0x10000):
        width = columns(plane << 16 | low)
        if width == wanted:
            since = low if since is None else since
            last = low
        elif width is not None and since is not None:
            found.append((since, last))
            since = None
    if since is not None:
        found.append((since, last))
    return found


def main():
    print(f"Unicode {unicodedata.unidata_version}")
    for name, plane, wanted in (("none_0", 0, 0), ("none_1", 1, 0), ("two_0", 0, 2), ("two_1", 1, 2)):
        entries = ", ".join(f"{{0x{first:04x}, 0x{last:04x}}}" for first, last in ranges(plane, wanted))
        print(f"static const struct range {name}[] = {{{entries}}};")


if __name__ == "__main__":
    sys.exit(main())

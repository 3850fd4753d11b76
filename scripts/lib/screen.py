# SPDX-License-Identifier: MIT
"""Pictures of a guest's screen: taken through QEMU's monitor, read as text, written as PNG."""
import json
import os
import socket
import struct
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import font
import unicode
from tree import Failure

# The keys of a US keyboard, which the guest expects. SHIFTED: the characters that need Shift, and the key of each.
KEYS = {" ": "spc", "\n": "ret", "\r": "ret", "\t": "tab", "\033": "esc", "\b": "backspace", "\x7f": "backspace", "/": "slash",
        ".": "dot", "-": "minus", "=": "equal", ",": "comma", ";": "semicolon", "'": "apostrophe", "`": "grave_accent", "[": "bracket_left",
        "]": "bracket_right", "\\": "backslash", **{c: c for c in "abcdefghijklmnopqrstuvwxyz0123456789"}}
SHIFTED = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ)!@#$%^&*(?>_+<:\"~{}|",
                   "abcdefghijklmnopqrstuvwxyz0123456789/.-=,;'`[]\\"))
CONTROL = {**{chr(ord(c) & 31): c for c in "abcdefghijklmnopqrstuvwxyz\\]"}, "\0": " ", "\x1e": "6", "\x1f": "-"}
REPLACEMENT = 0xfffd  # drivers/video/font.h
CELL_WIDTH = 8
CELL_COLOURS = 2
SCALE_HEIGHT = 1440
EDGE_WIDTH, EDGE = 800, 8
KEY_LIMIT_S = 10
RING = 64  # events that QEMU's virtio keyboard has room for, all of which the guest's driver offers it
PS2_HAS_DATA, NO_PORT = 1, 0xff  # what the keyboard controller's status port reads as


def chords_of(character):
    """What to press for it, one after the other: keys that are held down together, as QEMU names them. A character
    that no key has is entered by its code point (kernel/tty/keyboard.c)."""
    if character in KEYS:
        return [[KEYS[character]]]
    if character in SHIFTED:
        return [["shift", KEYS[SHIFTED[character]]]]
    if character in CONTROL:
        return [["ctrl", KEYS[CONTROL[character]]]]
    if "\ud800" <= character <= "\udfff":
        raise Failure(f"{character!r} is not a character: the text is not UTF-8")
    return [["ctrl", "shift", "u"], *([digit] for digit in f"{ord(character):x}"), ["spc"]]


class Ended(Failure):
    """QEMU has ended."""


class Monitor:
    """QEMU's monitor protocol on a socket of its own: `arguments` are for QEMU's command line."""

    def __init__(self, path):
        self.path = path
        self.arguments = f"-qmp unix:{path},server=on,wait=off"
        self._socket = self._file = self._virtio = None

    def connect(self, limit=30):
        end = time.monotonic() + limit
        while self._file is None:
            self._socket = socket.socket(socket.AF_UNIX)
            try:
                self._socket.connect(str(self.path))
                self._file = self._socket.makefile("rw")
            except OSError:
                self._socket.close()
                if time.monotonic() > end:
                    raise Failure(f"{self.path}: QEMU does not answer") from None
                time.sleep(0.02)
        self._file.readline()  # the greeting
        self.execute("qmp_capabilities")

    def execute(self, name, **arguments):
        if self._file is None:
            self.connect()
        try:
            self._file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
            self._file.flush()
            while line := self._file.readline():
                answer = json.loads(line)
                if "error" in answer:
                    raise Failure(f"QEMU: {name}: {answer['error']['desc']}")
                if "return" in answer:
                    return answer["return"]
        except ConnectionError:
            pass
        raise Ended(f"QEMU ended before it answered {name}")

    def picture(self):
        with tempfile.TemporaryDirectory(prefix="halyard-") as work:
            file = Path(work) / "screen.ppm"
            self.execute("screendump", filename=str(file))
            return Picture.from_ppm(file.read_bytes())

    def press(self, *keys):
        """Press the keys one after the other, and release them in reverse order: in one command, since a key may stop
        the machine, which then accepts no further ones."""
        self.execute("input-send-event", events=[
            {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": key}}}
            for down, order in ((True, keys), (False, keys[::-1])) for key in order])

    def type(self, text):
        """Type characters. QEMU drops keys for which a keyboard's queue has no room, so each waits until the guest has
        taken those before it: a busy host delays the guest. A guest that takes none, for example after a panic, is
        given up."""
        for chord in [chord for character in text for chord in chords_of(character)]:  # all of them before the first press
            self.press(*chord)
            end = time.monotonic() + KEY_LIMIT_S
            while not self._is_taken() and time.monotonic() < end:
                pass

    def _is_taken(self):
        """True if the guest has taken all keys, of the PS/2 keyboard and of each virtio keyboard that it uses."""
        if self._virtio is None:
            self._virtio = [device["path"] for device in self.execute("x-query-virtio")
                            if device["name"] == "virtio-input"]
        rings = [self.execute("x-query-virtio-queue-element", path=path, queue=0) for path in self._virtio]
        if any((ring["used"]["idx"] - ring["avail"]["idx"]) % RING != 0 for ring in rings):
            return False  # the guest has not made room again for the events that it got
        status = int(self.execute("human-monitor-command", **{"command-line": "i /b 0x64"}).split("=")[1], 16)
        return status == NO_PORT or not status & PS2_HAS_DATA

    def close(self):
        if self._file is not None:
            self._file.close()
            self._socket.close()


@dataclass
class Picture:
    width: int
    height: int
    pixels: bytes  # three bytes a pixel: red, green, blue

    @classmethod
    def from_ppm(cls, data):
        kind, size, largest, pixels = data.split(b"\n", 3)
        if kind != b"P6" or largest != b"255":
            raise Failure("the screenshot is not a PPM file with 8 bits for each colour")
        width, height = map(int, size.split())
        if len(pixels) != 3 * width * height:
            raise Failure("the screenshot is truncated")
        return cls(width, height, pixels)

    def write_png(self, path):
        """Portable Network Graphics: with a palette if the colours fit one, as a console's do."""
        rows = [self.pixels[y * 3 * self.width:(y + 1) * 3 * self.width] for y in range(self.height)]
        colours = sorted({row[i:i + 3] for row in rows for i in range(0, len(row), 3)})
        palette = b""
        kind = 2
        if len(colours) <= 256:
            index = {colour: i for i, colour in enumerate(colours)}
            rows = [bytes(index[row[i:i + 3]] for i in range(0, len(row), 3)) for row in rows]
            palette, kind = b"".join(colours), 3
        data = b"".join(b"\0" + row for row in rows)  # each row unfiltered
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, kind, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(data, 9)), (b"IEND", b"")]
        with open(path, "wb") as out:
            out.write(b"\x89PNG\r\n\x1a\n")
            for name, body in chunks:
                if body or name == b"IEND":
                    out.write(struct.pack(">I", len(body)) + name + body)
                    out.write(struct.pack(">I", zlib.crc32(name + body)))

    def cell(self, column, row, left, top, height, scale):
        """The colours of a cell's dots, row by row."""
        for y in range(height):
            start = 3 * ((top + (row * height + y) * scale) * self.width + left + column * CELL_WIDTH * scale)
            yield [self.pixels[start + 3 * scale * x:start + 3 * scale * x + 3] for x in range(CELL_WIDTH)]


class Unreadable(Failure):
    """A cell matches no glyph of the font."""


class Reader:
    """Reads a picture as a grid of characters by comparing each cell with the font's glyphs."""

    def __init__(self, regular=None, bold=None):
        weights = [regular or font.read(font.REGULAR), bold or font.read(font.BOLD)]
        self.height = weights[0].height
        self.characters = {}
        self.regular = weights[0]
        for weight in weights:
            # Several characters may share a glyph: ASCII takes precedence.
            for code, glyph in sorted(weight.characters.items(), reverse=True):
                self.characters[weight.glyphs[glyph]] = chr(code)

    def shown(self, text):
        """Printable text as it is read from a screen: without marks that combine with a letter, with the replacement
        for what the font does not have, and one character for all that share a glyph."""
        font_has = self.regular.characters
        glyphs = (font_has.get(ord(c), font_has[REPLACEMENT]) for c in text if unicode.columns(ord(c)))
        return "".join(self.characters[self.regular.glyphs[glyph]] for glyph in glyphs)

    def layout(self, picture):
        """The position of the kernel's grid, as in drivers/video/framebuffer.c: centred, with doubled dots on high
        screens, and with a border on all but small ones."""
        scale = 2 if picture.height >= SCALE_HEIGHT else 1
        edges = 2 * EDGE * scale if picture.width >= EDGE_WIDTH else 0
        columns = (picture.width - edges) // (CELL_WIDTH * scale)
        rows = (picture.height - edges) // (self.height * scale)
        left = (picture.width - columns * CELL_WIDTH * scale) // 2 & ~1
        top = (picture.height - rows * self.height * scale) // 2
        return columns, rows, left, top, scale

    def read_cell(self, dots, where):
        """(character, ink, paper) of a cell."""
        colours = list(dict.fromkeys(colour for line in dots for colour in line))
        if len(colours) == 1:
            return " ", colours[0], colours[0]
        if len(colours) > CELL_COLOURS:
            raise Unreadable(f"row {where[1]}, column {where[0]}: {len(colours)} colours")
        for ink, paper in (colours, reversed(colours)):
            glyph = bytes(sum((colour == ink) << (7 - x) for x, colour in enumerate(line)) for line in dots)
            if glyph in self.characters:
                return self.characters[glyph], ink, paper
        raise Unreadable(f"row {where[1]}, column {where[0]}: no glyph of the font")

    def cells(self, picture):
        columns, rows, left, top, scale = self.layout(picture)
        return [[self.read_cell(list(picture.cell(column, row, left, top, self.height, scale)), (column, row))
                 for column in range(columns)] for row in range(rows)]

    def lines(self, picture):
        """The text of each row, without trailing spaces and trailing empty rows."""
        rows = ["".join(cell[0] for cell in row).rstrip() for row in self.cells(picture)]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def wait(self, monitor, condition, limit, ended=lambda: None):
        """The first picture whose text meets the condition; pictures during a redraw, or of firmware, have no text."""
        end = time.monotonic() + limit
        lines = []
        while time.monotonic() < end and ended() is None:
            picture = monitor.picture()
            try:
                lines = self.lines(picture)
            except Unreadable:
                continue
            if condition(lines):
                return picture
        raise Failure("the screen did not show it:\n" + "\n".join(lines))


def socket_path(directory):
    """A path short enough for a socket."""
    path = Path(directory) / "qmp"
    if len(os.fsencode(path)) > 100:
        raise Failure(f"{path}: too long for a socket")
    return path

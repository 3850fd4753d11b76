# SPDX-License-Identifier: MIT
"""The screen: its pixels show what the machine printed, cell by cell."""
import dataclasses
import hashlib
import os
import re
import shlex
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import font
from screen import Monitor, Picture, Reader, Unreadable, chords_of, socket_path
from screenshot import Person, squeezed
from tree import Failure

from smoke import BUILD, LIMIT_S, MACHINE, RUN, TestCase, for_machine

PROMPT = "halyard>"
FOREIGN = "Žlutý kůň: €5, ½ naïve, Ωμέγα, здравствуй, ┌─┐ e\u0301 日本 😀"
COMMANDS = ["cpus", "lspci", "mount", """#!@$%^&*()_+-=[]{}:,./?~` "a;b|c" 'd<e>f\\g'"""]  # the last has every other key
GREY, CYAN, RED = b"\x66\x71\x7c", b"\x4f\xb0\xae", b"\xff\x7b\x72"  # drivers/video/framebuffer.c


def without_exit(argv):
    """QEMU's command line without the devices by which a guest ends it: after switching off, it waits."""
    devices = ("isa-debug-exit", "enable=on,target=native")
    kept = []
    for word in argv:
        if word.startswith(devices):
            kept.pop()  # the option before its value
        else:
            kept.append(word)
    return [*kept, "-no-shutdown"]


class Screen:
    """A machine with a screen and a keyboard, and its serial line."""

    def __init__(self, *options, stays_on=False):
        self.folder = tempfile.TemporaryDirectory(prefix="halyard-")
        self.monitor = Monitor(socket_path(self.folder.name))
        argv = [str(RUN), MACHINE, "--build", str(BUILD), "--no-build", "--no-install", "--timeout",
                str(2 * LIMIT_S), "--screen", "--qemu", self.monitor.arguments, *map(str, options)]
        if stays_on:
            printed = subprocess.run([*argv, "--dry-run"], capture_output=True, text=True, check=True)
            argv = without_exit(shlex.split(printed.stdout))
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, cwd=self.folder.name if stays_on else None)
        self.reader = Reader()
        self.serial, self.typed = b"", 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.monitor.close()
        self.process.kill()
        self.process.communicate()
        self.folder.cleanup()

    def wait(self, condition):
        return self.reader.wait(self.monitor, condition, LIMIT_S, self.process.poll)

    def prompt(self, commands=0):
        """The lines, once this many commands have ended."""
        picture = self.wait(lambda lines: lines[-1:] == [PROMPT]
                            and sum(line.startswith(PROMPT + " ") for line in lines) >= commands)
        return self.reader.lines(picture)

    def columns(self):
        return self.reader.layout(self.monitor.picture())[0]

    def on_serial(self, *commands):
        """Type the commands on the serial line; return all output up to the prompt after the last."""
        self.process.stdin.write("".join(command + "\n" for command in commands).encode())
        self.process.stdin.flush()
        self.typed += len(commands)
        while self.serial.count(PROMPT.encode() + b" ") <= self.typed:
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                break
            self.serial += data
        return [line.rstrip() for line in self.serial.decode(errors="replace").splitlines()]

    def end(self):
        self.process.stdin.write(b"poweroff\n")
        _, errors = self.process.communicate()
        return self.process.returncode, errors.decode(errors="replace")


def folded(lines, columns):
    """The lines as a terminal of that width shows them."""
    return [line[at:at + columns].rstrip() for line in lines for at in range(0, max(len(line), 1), columns)]


def answers(lines, commands):
    """The output between the prompts, for each command."""
    found = []
    for line in lines:
        if line.startswith(PROMPT):
            found.append([line])
        elif found:
            found[-1].append(line)
    return [block for block in found if block[0][len(PROMPT) + 1:] in commands]


def uncounted(blocks):
    """Remove the numbers of interrupts, which change between two readings."""
    return [[re.sub(r"\d+ (interrupts|from other CPUs)", r"N \1", line) for line in block] for block in blocks]


class Shown(TestCase):
    def compare(self, *options):
        """The same commands on the screen's keyboard and on the serial line print the same."""
        with Screen(*options) as machine:
            first = shown = machine.prompt()
            serial = folded(machine.on_serial(*COMMANDS), machine.columns())
            for count, command in enumerate(COMMANDS, 1):
                machine.monitor.type(command + "\n")
                shown = machine.prompt(count)
            boot = [line for line in serial if line.startswith("[")]
            self.assertGreater(len([line for line in first if line.startswith("[")]), 5)
            log = [line for line in shown if line.startswith("[")]
            self.assertEqual(log, boot[len(boot) - len(log):])
            if len(log) < len(boot):  # the rest was scrolled out, only for lack of room
                self.assertGreaterEqual(len(shown), machine.reader.layout(machine.monitor.picture())[1] - 1)
            self.assertEqual(*(uncounted(answers(of, COMMANDS)) for of in (shown, serial)))
            self.assertEqual(len(answers(shown, COMMANDS)), len(COMMANDS))
            status, errors = machine.end()
            self.assertEqual(status, 0, errors)

    def test_default_boot(self):
        self.compare()

    @for_machine("x86_64")
    def test_uefi(self):
        self.compare("--firmware", "uefi")

    @for_machine("x86_64")
    def test_ramfb_without_firmware(self):
        self.compare("--boot", "kernel")

    @for_machine("x86_64")
    def test_text_mode(self):
        """GRUB gives a text screen to a kernel that requests nothing else: cells in the card's own memory."""
        with tempfile.TemporaryDirectory(prefix="halyard-") as work:
            kernel = Path(work) / "halyard.elf"
            image = (BUILD / "halyard.elf").read_bytes()
            wish = struct.pack("<HHIIII", 5, 1, 20, 1024, 768, 32)  # entry.S: the framebuffer tag, optional
            self.assertEqual(image.count(wish), 1)
            kernel.write_bytes(image.replace(wish, struct.pack("<HHIIII", 99, 1, 20, 0, 0, 0)))
            with Screen("--kernel", kernel, "--boot", "iso") as machine:
                serial = machine.on_serial("mount")
                self.assertTrue(any("text mode at 0xb8000, 80 x 25" in line for line in serial), serial)
                machine.monitor.type("mount\n")
                end = time.monotonic() + LIMIT_S
                shown = []
                while answers(shown, ["mount"]) != answers(serial, ["mount"]) and time.monotonic() < end:
                    machine.monitor.execute("pmemsave", val=0xb8000, size=80 * 25 * 2,
                                            filename=str(Path(work) / "cells"))
                    text = (Path(work) / "cells").read_bytes()[::2].decode("cp437")
                    shown = [text[at:at + 80].rstrip() for at in range(0, len(text), 80)]
                    shown = [line for line in shown if line]
                self.assertEqual(answers(shown, ["mount"]), answers(serial, ["mount"]))

    def test_scrolling(self):
        """More lines than the screen has: the last ones are visible, in order."""
        with Screen() as machine:
            machine.prompt()
            [text] = answers(folded(machine.on_serial("help"), machine.columns()), ["help"])
            last = f"{PROMPT} uptime"

            def is_right(lines):  # in a picture that was taken during a redraw the upper lines may be older
                above = lines.index(last) if last in lines and lines[-1:] == [PROMPT] else 0
                return above > 20 and lines[:above] == (4 * text)[-above:]

            machine.monitor.type("help\nhelp\nhelp\nhelp\nuptime\n")
            shown = machine.reader.lines(machine.wait(is_right))
            self.assertFalse(any("boot: Halyard" in line for line in shown))

    def test_colours_the_cursor_and_a_program_at_the_keyboard(self):
        with Screen() as machine:
            picture = machine.wait(lambda lines: lines[-1:] == [PROMPT])
            cells = machine.reader.cells(picture)
            stamp = cells[0][:40]
            text = "".join(cell[0] for cell in stamp)
            self.assertEqual(stamp[text.index("]")][1], GREY)
            self.assertEqual(stamp[text.index("boot")][1], CYAN)
            row = len(machine.reader.lines(picture)) - 1
            paper = cells[row][0][2]
            self.assertNotEqual(cells[row][len(PROMPT) + 1][2], paper)  # the cursor, a block
            self.assertEqual(cells[row][len(PROMPT) + 2][2], paper)
            # a program reads a line that is edited on the keyboard, and the end
            machine.monitor.type("sha256\nhellp")
            machine.monitor.press("backspace")
            machine.monitor.type("o\n")
            machine.monitor.press("ctrl", "d")
            shown = machine.reader.lines(machine.wait(lambda lines: lines[-1:] == [PROMPT] and len(lines) > row + 2))
            self.assertEqual(shown[-3:], ["hello", hashlib.sha256(b"hello\n").hexdigest() + "  -", PROMPT])

    def test_a_person_types_characters_that_no_key_has(self):
        """By their code points, as scripts/screenshot does: the file has the same bytes, and the screen what the font has."""
        with Screen() as machine:
            person = Person(machine.monitor, machine.process.poll)
            picture = person.do([("type", f"echo '{FOREIGN}' > /tmp/ø"), ("type", "cat /tmp/*")])
            self.assertIn(squeezed(machine.reader.shown(FOREIGN)), map(squeezed, machine.reader.lines(picture)))
            self.assertIn(FOREIGN, machine.on_serial("cat /tmp/ø"))
            self.assertEqual(machine.end()[0], 0)

    def test_a_panic_is_on_the_screen(self):
        with Screen(stays_on=True) as machine:
            machine.prompt()
            machine.monitor.type("panic\n")
            picture = machine.wait(lambda lines: lines[-1:] == ["PANIC END"])
            cells = machine.reader.cells(picture)
            lines = machine.reader.lines(picture)
            first = next(n for n, line in enumerate(lines) if line.startswith("PANIC: "))
            self.assertEqual(cells[first][0][1], RED)
            self.assertTrue(any(line.startswith("  #0 ") for line in lines[first:]), lines)


class Decoding(unittest.TestCase):
    """A wrong pixel must be detected: the tests above rely on that."""

    def picture(self, text, width=800, height=600):
        reader = Reader()
        regular = font.read(font.REGULAR)
        pixels = bytearray(b"\x12\x16\x1c" * (width * height))
        blank = Picture(width, height, bytes(pixels))
        _, _, left, top, scale = reader.layout(blank)
        for column, character in enumerate(text):
            glyph = regular.glyphs[regular.characters[ord(character)]]
            for y, line in enumerate(glyph):
                for x in range(8):
                    if line & 0x80 >> x:
                        at = 3 * ((top + y) * width + left + column * 8 + x)
                        pixels[at:at + 3] = b"\xc5\xcc\xd3"
        return reader, dataclasses.replace(blank, pixels=bytes(pixels)), 3 * (top * width + left)

    def test_every_character_is_read(self):
        text = "".join(map(chr, range(33, 127)))
        reader, picture, _ = self.picture(text)
        self.assertEqual(reader.lines(picture), [text])

    def test_a_cell_with_a_wrong_pixel_is_not_read(self):
        reader, picture, corner = self.picture("A")
        wrong = bytearray(picture.pixels)
        wrong[corner:corner + 3] = b"\xc5\xcc\xd3"
        with self.assertRaises(Unreadable):
            reader.lines(dataclasses.replace(picture, pixels=bytes(wrong)))

    def test_a_cell_with_three_colours_is_not_read(self):
        reader, picture, corner = self.picture("A")
        wrong = bytearray(picture.pixels)
        wrong[corner:corner + 3] = b"\1\2\3"
        with self.assertRaises(Unreadable):
            reader.lines(dataclasses.replace(picture, pixels=bytes(wrong)))

    def test_another_character_gives_another_text(self):
        reader, picture, _ = self.picture("0")
        self.assertNotEqual(reader.lines(picture), ["O"])

    def test_bytes_that_are_no_text_cannot_be_typed(self):
        with self.assertRaisesRegex(Failure, "not UTF-8"):
            chords_of(b"\xff".decode(errors="surrogateescape"))

    def test_a_truncated_picture_is_refused(self):
        with self.assertRaises(Failure):
            Picture.from_ppm(b"P6\n4 4\n255\nxx")

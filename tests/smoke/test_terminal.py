# SPDX-License-Identifier: MIT
"""The shell at a real terminal: scripts/run on a pseudo-terminal, with pyte as the terminal."""
import os
import select
import time

import pyte

from smoke import BUILD, MACHINE, RUN, TestCase, run, start_at_terminal

LIMIT_S = 300  # ends a hung guest
PROMPT = "halyard> "
LONG = " ".join(f"word{n}" for n in range(30))


class Answering(pyte.Screen):
    """A screen that sends its replies back to the program."""

    def __init__(self, columns, send):
        super().__init__(columns, 40)
        self.send = send

    def write_process_input(self, data):
        self.send(data.encode())


class Terminal:
    def __init__(self, columns):
        argv = [str(RUN), MACHINE, "--build", str(BUILD), "--no-build", "--no-install", "--timeout", str(LIMIT_S)]
        self.process, self.master = start_at_terminal(argv)
        self.screen = Answering(columns, self.type)
        self.stream = pyte.ByteStream(self.screen)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def type(self, keys):
        os.write(self.master, keys if isinstance(keys, bytes) else keys.encode())

    def text(self):
        return "\n".join(row.rstrip() for row in self.screen.display).rstrip("\n")

    def line(self):
        """The prompt's line, over all its rows, without trailing blanks."""
        rows = list(self.screen.display)
        starts = [n for n, row in enumerate(rows) if row.startswith(PROMPT.rstrip())]
        return "".join(rows[starts[-1]:]).rstrip() if starts else ""

    def wait(self, holds, what):
        deadline = time.monotonic() + LIMIT_S
        while not holds():
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError(f"{what} never came:\n{self.text()}")
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                raise AssertionError(f"{what} did not come before the end:\n{self.text()}")
            self.stream.feed(data)

    def wait_line(self, text, column=None):
        """Wait until the prompt's line is this, with the cursor that many characters into it."""
        whole = (PROMPT + text).rstrip()
        place = len(PROMPT) + (len(text) if column is None else column)

        def holds():
            rows = list(self.screen.display)
            starts = [n for n, row in enumerate(rows) if row.startswith(PROMPT.rstrip())]
            if not starts or self.line() != whole:
                return False
            at = (self.screen.cursor.y - starts[-1]) * self.screen.columns + self.screen.cursor.x
            return at == place

        self.wait(holds, f"{whole!r} with the cursor at {place}")


class Shell(TestCase):
    def edit(self, columns):
        with Terminal(columns) as t:
            t.wait_line("")
            t.type(LONG)
            t.wait_line(LONG)
            t.type("\x1b[HX")  # Home; Ctrl-A is QEMU's escape key here
            t.wait_line("X" + LONG, 1)
            t.type("\x05\x17\x17")  # Ctrl-E, Ctrl-W twice
            shorter = "X" + LONG[:LONG.index("word28")]
            t.wait_line(shorter)
            t.type("\x1bb\x1b[D\x1b[3~")  # Alt-B, Left, Delete
            at = shorter.rindex("word27") - 1
            t.wait_line(shorter[:at] + shorter[at + 1:], at)
            t.type("\x15\x0b")
            t.wait_line("")
            t.type("upt\t\r")
            t.wait(lambda: "idle" in t.text().replace("\n", ""), "uptime")
            t.wait_line("")
            t.type("\x1b[A")
            t.wait_line("uptime ")  # completed, followed by a blank
            t.type("\x15" + "p\t\t")
            t.wait(lambda: any(row.split() == ["ps", "panic", "poweroff", "profile", "pwd"] for row in t.screen.display)
                   or columns < 40, "the list of candidates")
            t.wait_line("p")
            t.type("\x15poweroff\r")
            self.assertEqual(t.process.wait(LIMIT_S), 0)

    def test_editing_in_20_columns(self):
        self.edit(20)

    def test_editing_in_80_columns(self):
        self.edit(80)

    def test_editing_in_132_columns(self):
        self.edit(132)

    def test_a_window_that_changes(self):
        with Terminal(80) as t:
            t.wait_line("")
            t.type("x\x1b[H")
            t.wait_line("x", 0)
            t.type("\x03")
            t.wait_line("")
            t.screen.resize(columns=30)
            t.type("\r")
            t.wait_line("")
            t.type(LONG + "\x1b[HY")
            t.wait_line("Y" + LONG, 1)

    def test_a_script_reads_only_text_files(self):
        options = ("--boot", "kernel") if MACHINE == "x86_64" else ()  # GRUB clears the screen
        result = run(*options, typed="help\nls /\nhelp mount\npoweroff\n")
        self.expect(result, 0)
        self.assertNotRegex(result.output, r"[\x00-\x09\x0b-\x1f\x7f]")
        for command in ("help", "ls /", "help mount", "poweroff"):
            self.assertEqual(result.output.count(f"halyard> {command}\n"), 1, result.output)
        self.assertIn("usage: mount [DEVICE DIR]\n", result.output)
        self.assertIn("    mount vda /data\n", result.output)

# SPDX-License-Identifier: MIT
"""For smoke tests: a person at a terminal, with pyte as the terminal."""
import os
import select
import time

import pyte

from smoke import BUILD, LIMIT_S, MACHINE, RUN, start_at_terminal

PROMPT = "halyard> "


class Answering(pyte.Screen):
    """A screen that sends its replies back to the program."""

    def __init__(self, columns, send):
        super().__init__(columns, 40)
        self.send = send
        self.scrolled_out = []

    def index(self):
        if self.cursor.y == self.lines - 1:
            self.scrolled_out.append(self.display[0].rstrip())
        super().index()

    def erase_in_display(self, how=0, *arguments, **options):
        if how == 2 or (how == 0 and (self.cursor.x, self.cursor.y) == (0, 0)):
            self.scrolled_out += "\n".join(row.rstrip() for row in self.display).rstrip("\n").split("\n")
        super().erase_in_display(how, *arguments, **options)

    def write_process_input(self, data):
        self.send(data.encode())


class Terminal:
    def __init__(self, columns, *options):
        argv = [str(RUN), MACHINE, "--build", str(BUILD), "--no-build", "--no-install", "--timeout", str(LIMIT_S),
                *map(str, options)]
        self.process, self.master = start_at_terminal(argv, size=(40, columns))
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

    def transcript(self):
        """All rows, with those that have left the screen at its top or were erased with it."""
        return "\n".join([*self.screen.scrolled_out, self.text()]) + "\n"

    def prompts(self):
        """How many prompts are on the screen."""
        return sum(row.startswith(PROMPT.rstrip()) for row in self.screen.display)

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

    def wait_for(self, *rows):
        """Wait until these rows are on the screen, one below the other, the last one perhaps with more after it."""
        text = "\n".join(rows)
        self.wait(lambda: f"\n{text}" in "\n" + self.text(), repr(text))

# SPDX-License-Identifier: MIT
"""A command on a pseudo-terminal, and the screen of the terminal as text (pyte)."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

import pyte

COLUMNS, ROWS = 120, 400  # rows enough for a whole session: nothing scrolls out


class Answering(pyte.Screen):
    """A screen that answers the program's questions."""

    def __init__(self, send):
        super().__init__(COLUMNS, ROWS)
        self.send = send

    def write_process_input(self, data):
        self.send(data)


class Terminal:
    def __init__(self, argv, folder, limit_s):
        self.limit_s = limit_s
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

        def own_terminal():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(argv, cwd=folder, stdin=slave, stdout=slave, stderr=slave, preexec_fn=own_terminal)
        os.close(slave)
        self.screen = Answering(self.type)
        self.stream = pyte.ByteStream(self.screen)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def type(self, text):
        os.write(self.master, text.encode())

    def row(self):
        return self.screen.display[self.screen.cursor.y].rstrip()

    def text(self):
        return "\n".join(row.rstrip() for row in self.screen.display).rstrip("\n") + "\n"

    def wait(self, holds, what):
        """Read until the screen meets the condition."""
        end = time.monotonic() + self.limit_s
        while not holds():
            if not self._read(end):
                raise AssertionError(f"{what} did not come:\n{self.text()}")

    def finish(self):
        """Read until the command ends."""
        end = time.monotonic() + self.limit_s
        while self._read(end):
            pass

    def _read(self, end):
        """False at the end of the output, or of the time."""
        if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.stream.feed(data)
        return bool(data)

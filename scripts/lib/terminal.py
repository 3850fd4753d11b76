# SPDX-License-Identifier: MIT
"""The host's side of the serial line: a person's terminal or a pipe."""
import os
import re
import select
import sys
import termios

from demangle import demangle

ESCAPE = 0x01  # Ctrl-A: the next key is for QEMU (x quits, c is the monitor), not for the guest


class Newlines:
    """Undoes the console's only change of programs' output: it sends LF as CR LF."""

    def __init__(self):
        self._held = b""

    def feed(self, data):
        data = self._held + data
        self._held = b"\r" if data.endswith(b"\r") else b""
        return (data[:-1] if self._held else data).replace(b"\r\n", b"\n")

    def close(self):
        held, self._held = self._held, b""
        return held


class Output:
    """Standard output. write() never waits longer than until there is room for a few kilobytes."""

    def __init__(self, fd=1):
        self.fd = fd
        self.newlines = Newlines()

    def write(self, data):
        self._put(self.newlines.feed(data))

    def again(self):
        """The machine was reset."""

    def close(self):
        self._put(self.newlines.close())

    def _put(self, data):
        while data:
            select.select([], [self.fd], [])
            data = data[os.write(self.fd, data[:select.PIPE_BUF]):]


TAKEN = b"\033[!p"  # the kernel's first bytes after firmware: hal/console.h's CONSOLE_TAKEN, which firmware does not send


KEYS = "Ctrl-A x ends QEMU, Ctrl-A c opens its monitor, Ctrl-A Ctrl-A is Ctrl-A"


class KeysHint:
    """An Output that explains the runner's keys when the kernel takes over from firmware, because firmware and GRUB
    clear the terminal."""

    def __init__(self, output):
        self._output = output
        self._tail, self._is_shown = b"", False
        self.again, self.close = output.again, output.close

    def write(self, data):
        seen = self._tail + data
        mark = -1 if self._is_shown else seen.find(TAKEN)
        if mark >= 0:
            end = mark + len(TAKEN) - len(self._tail)
            self._output.write(data[:end])
            self._output.write(f"run: {KEYS}\n".encode())
            data, self._is_shown = data[end:], True
        self._tail = seen[-len(TAKEN) + 1:]
        self._output.write(data)


class ReadableNames:
    """An Output that shows names of C++ and Rust functions as in the source, in the rows of call chains and profiles.

    Only there: elsewhere bytes that look like such a name may be anything, and a part of a row must appear at once,
    because a person may be typing it.
    """

    ROW = re.compile(rb" *(?:#\d+|\d+\.\d %|stack \d+) .*", re.S)  # "  #0 main (offset 0x49b)", "   41.5 %      232  idle"
    OPEN = re.compile(rb"(?<![\w.$])_(?:[ZR][\w.$]*)?$")  # a name, perhaps with more to come
    HELD_MAX = 4096

    def __init__(self, output):
        self._output = output
        self._row, self._held = b"", b""  # what was shown of the last row, and what was not
        self.again = output.again

    def write(self, data):
        rows = (self._held + data).splitlines(keepends=True) or [b""]
        self._held = b""
        for row in rows:
            self._output.write(self._readable(row))

    def _readable(self, text):
        shown = self._row + text if len(self._row) < self.HELD_MAX else self._row
        is_whole = text.endswith(b"\n")
        self._row = b"" if is_whole else shown
        if not self.ROW.match(shown):
            return text
        name = None if is_whole else self.OPEN.search(text)
        if name is not None and len(name[0]) < self.HELD_MAX:
            self._held, text = name[0], text[:name.start()]
            self._row = self._row[:len(self._row) - len(self._held)]
        return demangle(text.decode(errors="surrogateescape")).encode(errors="surrogateescape")

    def close(self):
        self._output.write(self._held)
        self._output.close()


class FirmwareFilter:
    """An Output that holds back firmware's output until the kernel takes over the console.

    The mark, TAKEN, is in the console's own stream, because nothing else shows where the kernel's output starts: the
    status channel reports that it has started, but this process may read that late. If the mark never comes, all is
    shown at the end, or as soon as it is more than any firmware prints.
    """

    HELD_MAX = 1 << 20

    def __init__(self, output):
        self._output = output
        self.again()

    def again(self):
        """The machine was reset: firmware runs."""
        self._is_firmware = True
        self._held = bytearray()

    def write(self, data):
        if self._is_firmware:
            start = max(0, len(self._held) - len(TAKEN) + 1)  # the bytes before have been searched already
            self._held += data
            mark = self._held.find(TAKEN, start)
            if mark < 0 and len(self._held) <= self.HELD_MAX:
                return
            data = bytes(self._held[mark + len(TAKEN):] if mark >= 0 else self._held)
            self._is_firmware = False
            self._held = bytearray()
        self._output.write(data)

    def close(self):
        self._output.write(bytes(self._held))
        self._output.close()


def may_read(terminal):
    """Whether this terminal is ours to read: a job in the background would be stopped."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # it is not the one that controls jobs
        return True


class Input:
    """Standard input, and the part of it that may go to the guest now.

    A byte that reaches the serial port before the guest's driver runs is lost: enabling the 16550's FIFO clears its
    receiver. So input waits until the guest reports that it reads input (is_ready()). A key after Ctrl-A is for QEMU and
    is sent at once.

    If it is not a terminal, its bytes are data and have an end. A serial line has none, so the guest is asked to expect
    frames (qemu.kind_of_input()); if it reports that it does, bytes go to it as CONSOLE_FRAME_ESCAPE in kernel/tty/console.h says.
    """

    READ_AHEAD = 65536
    FRAME_ESCAPE, FRAME_END = b"\x10", b"\x04"

    def __init__(self, fd=0):
        self.fd = fd
        self.is_terminal = os.isatty(fd) and may_read(fd)
        self.open = self.is_terminal or not os.isatty(fd)
        self.ready = False
        self._is_framed = False
        self._has_ended = False   # the end was read
        self._end_is_sent = False
        self._frames = b""        # the rest of what could not be sent
        self._is_cut = False      # it starts inside of an escape sequence
        self._waiting = b""
        self._escaped = False
        self._saved = None

    def kind(self):
        """What the guest is told of this input: see qemu.kind_of_input()."""
        if not self.is_terminal:
            return "frames"
        columns, rows = os.get_terminal_size(self.fd)
        return f"{columns} {rows}" if columns and rows else None

    def raw(self):
        """Keys reach the guest one by one, Ctrl-C included; output processing stays enabled."""
        if not self.is_terminal:
            return
        self._saved = termios.tcgetattr(self.fd)
        mode = termios.tcgetattr(self.fd)
        mode[0] &= ~(termios.BRKINT | termios.ICRNL | termios.INPCK | termios.ISTRIP | termios.IXON)
        mode[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self.fd, termios.TCSADRAIN, mode)

    def restore(self):
        if self._saved is not None:
            # Not TCSADRAIN: a terminal that is gone, or stopped by Ctrl-S, would block us here.
            try:
                termios.tcsetattr(self.fd, termios.TCSANOW, self._saved)
            except termios.error:
                pass  # its other end was closed
            self._saved = None

    def read(self):
        """Read the available bytes; False at the end of input."""
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""  # the terminal was closed
        self._waiting += data
        self.open = bool(data)
        self._has_ended = not data
        return self.open

    def wants_more(self):
        return self.open and len(self._waiting) < self.READ_AHEAD

    def is_ready(self, frames):
        """The guest reads input from now on, in frames or not."""
        self.ready, self._is_framed = True, frames

    def is_blocked(self):
        """True if bytes were given back: the console is full."""
        return bool(self._frames)

    def give_back(self, data, sent=b""):
        """The console accepted the bytes before `data` in the same piece, but not `data`."""
        self._frames = data
        escapes = len(sent) - len(sent.rstrip(self.FRAME_ESCAPE))
        self._is_cut = self._is_framed and escapes % 2 == 1

    def hold(self):
        """The machine was reset: hold back input until the shell is ready again."""
        if self._is_cut:
            self._frames, self._is_cut = self.FRAME_ESCAPE + self._frames, False
        self.ready = self._end_is_sent = False

    def take(self, room=4096):
        """Bytes to send to the console now."""
        if not self.ready:
            return self._take_escapes() if self.is_terminal else b""
        if self._frames:
            data, self._frames = self._frames, b""
            return data
        data, self._waiting = self._waiting[:room], self._waiting[room:]
        return self._framed(data) if self._is_framed else data

    def _framed(self, data):
        data = data.replace(self.FRAME_ESCAPE, 2 * self.FRAME_ESCAPE)
        if self._has_ended and not self._waiting and not self._end_is_sent:
            self._end_is_sent = True
            data += self.FRAME_ESCAPE + self.FRAME_END
        return data

    def _take_escapes(self):
        out, kept = bytearray(), bytearray()
        for byte in self._waiting:
            if self._escaped or byte == ESCAPE:
                out.append(byte)
                self._escaped = not self._escaped
            else:
                kept.append(byte)
        self._waiting = bytes(kept)
        return bytes(out)


def warn(text):
    print(f"run: {text}", file=sys.stderr, flush=True)

# SPDX-License-Identifier: MIT
"""The record of a run that ended badly: everything that is needed to analyse it later.

BUILD/transcripts/NUMBER-VERDICT/ holds run.txt (why it ended, when, which kernel, the command lines to paste),
console.txt (the guest's output), qemu.log (QEMU's log, including registers at a reset) and, if the guest could still be
queried, monitor.txt (its state and all CPUs' registers). A panic prints its registers itself: they are in console.txt.
The last KEPT folders stay, each of bounded size.
"""
import hashlib
import shutil
import time

from status import NAMES

KEPT = 20
HEAD, TAIL = 64 << 10, 1 << 20  # bytes kept of a channel: its start and its end
QUESTIONS = ("info status", "info registers -a")


class Record:
    """The start and the end of a stream of bytes."""

    def __init__(self):
        self._head, self._tail, self._dropped = bytearray(), bytearray(), 0

    def feed(self, data):
        room = HEAD - len(self._head)
        self._head += data[:max(room, 0)]
        self._tail += data[max(room, 0):]
        surplus = len(self._tail) - TAIL
        if surplus > TAIL:  # occasionally, not at each byte
            del self._tail[:surplus]
            self._dropped += surplus

    def bytes(self):
        end = self._tail[-TAIL:]
        dropped = self._dropped + len(self._tail) - len(end)
        gap = b"\n[%d bytes are not kept]\n" % dropped if dropped else b""
        return bytes(self._head) + gap + bytes(end)


class Transcript:
    """Collected while the guest runs; written only if the run ends badly."""

    def __init__(self):
        self.console, self.log = Record(), Record()
        self.answers = {}  # query to the monitor: reply

    def write(self, folder, status, outcome, commands, kernel):
        """Make a folder of its own below `folder`, and return it."""
        place = new_folder(folder, NAMES[status].replace(" ", "-"))
        (place / "console.txt").write_bytes(self.console.bytes())
        (place / "qemu.log").write_bytes(self.log.bytes())
        if self.answers:
            (place / "monitor.txt").write_text(
                "".join(f"(qemu) {question}\n{answer.replace(chr(13), '')}\n" for question, answer in self.answers.items()))
        reasons = [text for text in (outcome.qemu_failed, outcome.reset) if text] + outcome.complaints
        (place / "run.txt").write_text("".join(f"{line}\n" for line in (
            f"ended: {NAMES[status]} ({status})", *(f"because: {reason}" for reason in reasons),
            f"at: {time.strftime('%Y-%m-%d %H:%M:%S %z')}", f"kernel: {kernel}", f"sha256: {digest(kernel)}",
            *(f"{name}: {line}" for name, line in commands.items()))))
        forget_old(folder)
        return place


def digest(path):
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"unknown: {error.strerror}"


def numbered(folder):
    """The transcripts of a build, oldest first."""
    found = [(int(p.name.split("-")[0]), p) for p in folder.iterdir() if p.name.split("-")[0].isdigit()]
    return [place for _, place in sorted(found)]


def new_folder(folder, verdict):
    """Create a new folder: runs of the same build may end at the same time."""
    folder.mkdir(parents=True, exist_ok=True)
    there = numbered(folder)
    number = int(there[-1].name.split("-")[0]) + 1 if there else 1
    while True:
        place = folder / f"{number:06}-{verdict}"
        try:
            place.mkdir()
            return place
        except FileExistsError:
            number += 1


def forget_old(folder):
    for place in numbered(folder)[:-KEPT]:
        shutil.rmtree(place, ignore_errors=True)

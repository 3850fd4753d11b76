# SPDX-License-Identifier: MIT
"""One run of QEMU from its start to its last byte, whatever signals arrive in between."""
import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import time

from qemu import DEBUG_EXIT_STATUS, status_device
from qemulog import Log
from status import READY_FRAMED, Kind, Outcome, Records
from storm import Watch
from transcript import QUESTIONS, Transcript

PR_SET_PDEATHSIG = 1
ANSWERS_S = 10         # for the last queries of a stopped guest
GRACE_S = 5            # from the decision to end the run to QEMU's end
WHY_STOPPED = "why stopped"  # a query's name
LONGEST_WAIT_S = 3600  # the longest timeout of poll() is some weeks
FIRMWARE_RESETS = 16   # SeaBIOS handles a reset by resetting again, by triple fault if necessary
libc = ctypes.CDLL(None, use_errno=True)


class Ended(Exception):
    """A signal that asks us to stop."""

    def __init__(self, number):
        super().__init__(signal.Signals(number).name)
        self.number = number


class Channels:
    """Our ends and QEMU's ends of the console, the monitor protocol, the status channel and the log."""

    def __init__(self, escapes):
        self.escapes = escapes
        self.console, self._console = socket.socketpair()
        self.qmp, self._qmp = socket.socketpair()
        self.status, self._status = os.pipe()
        self.log, self._log = os.pipe()

    def theirs(self):
        return [self._console.fileno(), self._qmp.fileno(), self._status, self._log]

    def arguments(self, arch):
        mux = ",mux=on" if self.escapes else ""
        monitor = ["-mon", "chardev=console,mode=readline"] if self.escapes else ["-monitor", "none"]
        return ["-chardev", f"socket,id=console,fd={self._console.fileno()}{mux}",
                "-serial", "chardev:console", *monitor,
                "-chardev", f"socket,id=qmp,fd={self._qmp.fileno()}", "-mon", "chardev=qmp,mode=control",
                *status_device(arch, f"/proc/self/fd/{self._status}"),
                "-d", "guest_errors,unimp,cpu_reset", "-D", f"/proc/self/fd/{self._log}",
                "-no-shutdown",  # QEMU stays for queries until it is told to quit
                "-S"]

    def close_theirs(self):
        self._console.close()
        self._qmp.close()
        os.close(self._status)
        os.close(self._log)

    def close_ours(self):
        self.console.close()
        self.qmp.close()
        os.close(self.status)
        os.close(self.log)


def die_with_parent(parent):
    """In the child: even if the runner gets SIGKILL, QEMU ends with it."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # the runner ended before the call above


class Guest:
    """A running QEMU and everything seen of it."""

    def __init__(self, argv, channels, console_in, console_out, *, one_shot=False, has_session=False,
                 timeout=None, wait_for_gdb=False, debugged=False, firmware=False):
        self.argv, self.channels = argv, channels
        self.input, self.output = console_in, console_out
        self.outcome = Outcome(one_shot=one_shot)
        self.has_session = has_session  # a shell runs after what has a status
        self.timeout, self.wait_for_gdb, self.debugged = timeout, wait_for_gdb, debugged
        self.firmware = firmware
        self.resets_allowed = 0   # after a requested reboot, until the kernel runs again
        self.records, self.log = Records(), Log(firmware)
        self.watch = Watch(self.log, self._monitor_command)
        # With a debugger or with logging requested by the user, silence is not suspicious.
        self.watches = not debugged and "-d" not in argv[argv.index("-S"):]
        self.deadline = None      # time at which QEMU is ended
        self.process = None
        self.asked_shutdown = False
        self.transcript = Transcript()
        self._questions = []      # queries to the monitor without a reply yet: the run ends with the last
        self._is_ending = False   # ignore QEMU's messages about its end, which we caused
        self._qmp_rest = b""
        self._selector = selectors.PollSelector()  # epoll does not accept a regular file as standard input

    def run(self):
        """Start QEMU, relay until it ends, and return the outcome. QEMU is gone when this returns or raises."""
        parent = os.getpid()
        self.process = subprocess.Popen(
            self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            pass_fds=self.channels.theirs(), start_new_session=True,
            preexec_fn=lambda: die_with_parent(parent))
        try:
            self.channels.close_theirs()
            if self.timeout is not None:
                self.deadline = time.monotonic() + self.timeout
            self._relay()
            self._finish()
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            self.channels.close_ours()
        return self.outcome

    # --- the relay ---------------------------------------------------------------------------------

    def _relay(self):
        for source, handler in ((self.channels.console, self._on_console), (self.channels.qmp, self._on_qmp),
                                (self.channels.status, self._on_status), (self.channels.log, self._on_log)):
            os.set_blocking(source if isinstance(source, int) else source.fileno(), False)
            self._selector.register(source, selectors.EVENT_READ, handler)
        self.execute("qmp_capabilities")
        if not self.wait_for_gdb:
            self.execute("cont")
        # Only QEMU holds the other ends of the status and log channels: all four channels end with it.
        while len(set(self._selector.get_map()) - {self.input.fd}) > 0:
            self._update_input_interest()
            for key, _ in self._selector.select(self._patience()):
                key.data(key.fileobj)
            self._send_input()
            self._look_at_the_clock()

    def _patience(self):
        """Seconds until something is due without an event."""
        due = [when for when in (self.deadline, self.watches and self.watch.due()) if when]
        return max(0.0, min(min(due) - time.monotonic(), LONGEST_WAIT_S)) if due else None

    def _look_at_the_clock(self):
        if self.deadline is not None and time.monotonic() >= self.deadline:
            self._on_deadline()
        storm = self.watches and self.watch.tick()
        if storm:
            self.outcome.reset = storm
            self._end_after_questions()

    def _update_input_interest(self):
        console = self.channels.console
        if console in self._selector.get_map():
            blocked = selectors.EVENT_WRITE if self.input.is_blocked() else 0
            self._selector.modify(console, selectors.EVENT_READ | blocked, self._on_console)
        wanted = self.input.wants_more()
        registered = self.input.fd in self._selector.get_map()
        if wanted and not registered:
            self._selector.register(self.input.fd, selectors.EVENT_READ, lambda fd: self.input.read())
        elif registered and not wanted:
            self._selector.unregister(self.input.fd)

    def _send_input(self):
        data, sent = self.input.take(), 0
        while sent < len(data):
            try:
                sent += self.channels.console.send(data[sent:])
            except BlockingIOError:
                self.input.give_back(data[sent:], data[:sent])
                return
            except OSError:
                return  # QEMU has ended

    def _take(self, source):
        """The available bytes; b"" at the end of the channel; None if there are none yet."""
        try:
            data = source.recv(65536) if isinstance(source, socket.socket) else os.read(source, 65536)
        except BlockingIOError:
            return None
        except ConnectionError:
            data = b""
        if not data and source in self._selector.get_map():
            self._selector.unregister(source)
        return data

    def _on_console(self, source):
        data = self._take(source)
        if data:
            self.watch.activity()
            self.transcript.console.feed(data)
            self.output.write(data)

    def _on_log(self, source):
        data = self._take(source)
        if data:
            self.transcript.log.feed(data)
            self.log.feed(data)

    def _on_status(self, source):
        for record in self.records.feed(self._take(source) or b""):
            self._on_record(*record)

    def _on_record(self, kind, status):
        self.watch.activity()
        if kind is None:
            self.log.complain(f"status channel: unknown record {status:#04x}")
        elif kind is Kind.READY:
            self.input.is_ready(frames=status == READY_FRAMED)
        elif kind is Kind.ENTERED:
            self._drain_log()  # lines that are already written are the firmware's
            self.log.in_firmware, self.resets_allowed = False, 0
        else:
            self.outcome.record(kind, status)
            if kind is Kind.PANIC or (self.outcome.one_shot and not self.has_session):
                self._end_soon()

    def _drain_log(self):
        """Check the log lines that were written before the data just read from another channel."""
        while self.channels.log in self._selector.get_map():
            data = self._take(self.channels.log)
            if not data:
                return
            self.transcript.log.feed(data)
            self.log.feed(data)

    def _end_soon(self):
        """The result is known; a guest that cannot switch itself off is switched off."""
        limit = time.monotonic() + GRACE_S
        self.deadline = limit if self.deadline is None else min(self.deadline, limit)

    def _end_after_questions(self):
        """Stop the guest, query the state of its CPUs, and end QEMU."""
        if self._is_ending:
            self.process.kill()
            return
        self._is_ending, self.watches = True, False
        self.execute("stop")
        self._questions = list(QUESTIONS)
        for question in QUESTIONS:
            self._monitor_command(question, question)
        self.deadline = time.monotonic() + ANSWERS_S

    def _on_answer(self, question, message):
        if question == WHY_STOPPED:
            self._on_stop(message["return"]["status"])
        if question not in self._questions:
            return
        self._questions.remove(question)
        self.transcript.answers[question] = str(message.get("return", message.get("error", "")))
        if not self._questions:
            self.process.kill()

    def _quit(self):
        """QEMU has sent everything."""
        self._is_ending = True
        self.execute("quit")
        self._end_soon()

    def _on_deadline(self):
        if self._is_ending:
            self.process.kill()
            self.deadline = None
            return
        ended = self.outcome.last is not None and (self.outcome.one_shot or self.outcome.last[0] is Kind.PANIC)
        self.outcome.timed_out = not ended
        self.deadline = None
        self._end_after_questions()

    # --- QEMU's monitor protocol -------------------------------------------------------------------

    def execute(self, name, identity=None, **arguments):
        message = {"execute": name}
        if identity is not None:
            message["id"] = identity
        if arguments:
            message["arguments"] = arguments
        try:
            self.channels.qmp.send(json.dumps(message).encode() + b"\n")
        except OSError:
            pass  # QEMU has ended, which the relay detects by itself

    def _monitor_command(self, text, identity=None):
        self.execute("human-monitor-command", identity, **{"command-line": text})

    def _on_qmp(self, source):
        *lines, self._qmp_rest = (self._qmp_rest + (self._take(source) or b"")).split(b"\n")
        for line in lines:
            if line.strip():
                self._on_event(json.loads(line))

    def _on_event(self, message):
        if "id" in message:
            self._on_answer(message["id"], message)
        event = message.get("event")
        if event == "STOP" and not self._is_ending:
            self.execute("query-status", WHY_STOPPED)  # a person may have stopped it, at QEMU's monitor or in gdb
        if event not in ("RESET", "SHUTDOWN") or self._is_ending:
            return
        # The guest wrote its record before it used the power control.
        if self.channels.status in self._selector.get_map():
            self._on_status(self.channels.status)
        data = message["data"]
        reason = data.get("reason", "")
        if reason == "guest-reset":
            self._on_reset()
        elif reason == "guest-shutdown":
            self.asked_shutdown = True
        elif reason == "guest-panic":
            self.outcome.reset = "QEMU saw a guest panic"
        elif reason == "host-qmp-quit" or reason == "host-signal" or reason == "host-ui":
            self.outcome.quit = True
        if event == "SHUTDOWN" and not self._is_ending:
            self._quit()

    def _on_stop(self, state):
        """At what the accelerator cannot run, QEMU stops the guest and then waits for ever."""
        if state == "internal-error":
            self.outcome.qemu_failed = "KVM cannot run this guest; --accel auto uses KVM where it works, and otherwise TCG"
            self._end_after_questions()

    def _on_reset(self):
        kind = self.outcome.last[0] if self.outcome.last else None
        if self.resets_allowed > 0:
            self.resets_allowed -= 1
        elif kind is None or (kind is not Kind.REBOOT and not self.outcome.one_shot):
            self.outcome.reset = "the machine reset unasked"
            self._end_after_questions()
        elif not self.outcome.one_shot and self.deadline is None:
            self._boot_again()

    def _boot_again(self):
        self.outcome.last = None
        self.log.in_firmware, self.log.triple_fault = self.firmware, False
        self.resets_allowed = FIRMWARE_RESETS if self.firmware else 0
        self.input.hold()
        self.output.again()

    # --- the end -----------------------------------------------------------------------------------

    def _finish(self):
        self.process.wait()
        self.output.close()
        self.log.close()
        outcome, code = self.outcome, self.process.returncode
        outcome.complaints = [] if self.debugged else self.log.complaints  # a debugger may read any address
        if self.log.triple_fault and outcome.reset:
            outcome.reset += " (triple fault)"
        killed_by_us = code == -signal.SIGKILL
        if outcome.last is None and not outcome.reset and not outcome.quit and not outcome.timed_out:
            if code < 0 and not killed_by_us:
                outcome.qemu_failed = f"QEMU died of {signal.Signals(-code).name}"
            elif code not in (0, DEBUG_EXIT_STATUS):
                outcome.qemu_failed = f"QEMU ended with status {code}"
            elif outcome.one_shot:
                outcome.reset = "the guest powered off without a status"

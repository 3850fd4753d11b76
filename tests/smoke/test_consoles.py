# SPDX-License-Identifier: MIT
"""Several consoles, keyboards, and the output that a person at a terminal sees."""
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from screen import keys_of
from tree import ROOT

from smoke import BUILD, LIMIT_S, MACHINE, RUN, TestCase, for_machine, program, start_at_terminal


class Session:
    """A running guest: bytes to and from its consoles, keys to its keyboard."""

    def __init__(self, *options, devices="", ports=()):
        self.folder = tempfile.TemporaryDirectory()
        extra = f"{devices} -qmp unix:{self.folder.name}/qmp,server=on,wait=off"
        self.listeners = []
        for number, port in enumerate(ports):
            path = f"{self.folder.name}/serial{number}"
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen()
            self.listeners.append(listener)
            extra += f" -chardev socket,id=extra{number},path={path} " + port.format(f"extra{number}")
        argv = [str(RUN), MACHINE, "--build", str(BUILD), "--no-build", "--no-install",
                "--timeout", str(LIMIT_S), "--qemu", extra, *map(str, options)]
        self.process, self.keyboard = start_at_terminal(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                                        bufsize=0)
        self.seen = {None: b""}
        self.lines = []
        for listener in self.listeners:
            listener.settimeout(LIMIT_S)
            self.lines.append(listener.accept()[0])
        self.qmp = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.keyboard)
        self.process.stdout.close()
        for thing in [*self.lines, *self.listeners, *([self.qmp] if self.qmp else [])]:
            thing.close()
        self.folder.cleanup()

    def type(self, text, line=None):
        if line is None:
            os.write(self.keyboard, text.encode())
        else:
            self.lines[line].sendall(text.encode())

    def read(self, line=None):
        """The bytes received since the last call; b"" at the end."""
        source = self.process.stdout if line is None else self.lines[line]
        ready, _, _ = select.select([source], [], [], LIMIT_S)
        if not ready:
            return b""
        return os.read(source.fileno(), 65536)

    def wait_for(self, text, line=None):
        """Read until the text appears; return everything up to its end."""
        wanted = text.encode()
        seen = self.seen.get(line, b"")
        while wanted not in seen:
            data = self.read(line)
            if not data:
                raise AssertionError(f"no {text!r} on {line}: {seen.decode(errors='replace')}")
            seen += data
        end = seen.index(wanted) + len(wanted)
        self.seen[line] = seen[end:]
        return seen[:end].decode(errors="replace")

    def end(self):
        rest = self.seen[None]
        while data := self.read():
            rest += data
        return self.process.wait(LIMIT_S), rest.decode(errors="replace")

    # --- the keyboard ---

    def _command(self, name, **arguments):
        rest = b""
        while True:
            try:
                if not rest:
                    self.qmp.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
                data = self.qmp.recv(65536)
            except OSError:
                data = b""
            if not data:
                return {}  # the key switched the machine off
            rest += data
            for answer in rest.split(b"\n"):
                if answer.strip().endswith(b"}") and (b'"return"' in answer or b'"error"' in answer):
                    return json.loads(answer)

    def _connect(self):
        if self.qmp is None:
            self.qmp = socket.socket(socket.AF_UNIX)
            self.qmp.settimeout(LIMIT_S)
            self.qmp.connect(f"{self.folder.name}/qmp")
            self._command("qmp_capabilities")

    def press(self, *keys):
        """Keys that are held down together."""
        self._connect()
        events = [{"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": key}}}
                  for down, order in ((True, keys), (False, keys[::-1])) for key in order]
        self.answer = self._command("input-send-event", events=events)
        if "error" in self.answer:
            raise AssertionError(self.answer)

    def clock(self):
        """The second on the machine's own clock; None when it is off."""
        self._connect()
        answer = self._command("qom-get", path="/machine", property="rtc-time")
        return answer["return"]["tm_sec"] if answer else None

    def press_text(self, text):
        for c in text:
            self.press(*keys_of(c))


@contextmanager
def program_disk():
    """An image with the sample programs in its root."""
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "disk"
        subprocess.run([ROOT / "scripts/mkdisk", program("spin").parent, image], check=True,
                       stdout=subprocess.DEVNULL)
        yield image


class Keyboard(TestCase):
    def type_on(self, *options, keyboard, devices=""):
        with Session(*options, devices=devices) as guest:
            guest.wait_for("halyard> ")
            self.assertIn(keyboard, self.ask(guest, "log"))
            guest.press_text("help psx")
            guest.press("backspace")
            guest.press("ret")
            self.assertIn("help ps", guest.wait_for("threads, their CPUs, and what each waits for"))
            guest.wait_for("halyard> ")
            guest.press("up")
            guest.press("ret")
            guest.wait_for("threads, their CPUs, and what each waits for")
            guest.wait_for("halyard> ")
            guest.press_text("poweroff\n")
            status, rest = guest.end()
            self.assertEqual(status, 0, rest)

    def ask(self, guest, command):
        guest.type(command + "\n")
        return guest.wait_for("halyard> ")

    def test_a_virtio_keyboard_types(self):
        options = ("--machine", "q35,i8042=off") if MACHINE == "x86_64" else ()
        self.type_on(*options, devices="-device virtio-keyboard-pci", keyboard="virtio_input: ")

    @for_machine("x86_64")
    def test_a_ps2_keyboard_types(self):
        self.type_on(keyboard="ps2: keyboard controller, line 1")

    @for_machine("x86_64")
    def test_a_ps2_keyboard_types_on_pc(self):
        self.type_on("--machine", "pc", keyboard="ps2: keyboard controller, line 1")

    def test_a_mouse_is_not_a_keyboard(self):
        with Session(devices="-device virtio-mouse-pci") as guest:
            guest.wait_for("halyard> ")
            self.assertIn("not a keyboard, ignored", self.ask(guest, "log"))

    def test_ctrl_c_on_the_keyboard_ends_the_program(self):
        with program_disk() as disk, Session("--disk", disk, devices="-device virtio-keyboard-pci") as guest:
            guest.wait_for("halyard> ")
            guest.type("/spin.elf\n")
            guest.wait_for("spinning")
            guest.press("ctrl", "c")
            guest.wait_for("killed")

    def test_control_alt_delete_boots_again(self):
        with Session(devices="-device virtio-keyboard-pci") as guest:
            guest.wait_for("halyard> ")
            guest.press("ctrl", "alt", "delete")
            status, rest = guest.end()  # with --timeout that ends the run
            self.assertEqual(status, 0, rest)


# Options that give QEMU a second serial port.
SERIAL = {"x86_64": "-serial chardev:{}", "aarch64": "-device pci-serial,chardev={}"}[MACHINE]


class Consoles(TestCase):
    def both(self, port):
        with program_disk() as disk, Session("--disk", disk, ports=[port]) as guest:
            guest.wait_for("halyard> ")
            second = guest.wait_for("halyard> ", 0)
            self.assertIn("boot: Halyard", second)  # it gets the log from its beginning
            guest.type("/spin.elf\n", 0)
            guest.wait_for("spinning", 0)
            guest.type("ps\n")
            self.assertIn("(spin.elf)", guest.wait_for("halyard> "))  # the other console is still usable
            guest.type("/spin.elf\n")
            guest.wait_for("spinning")
            guest.type("\x03", 0)
            guest.wait_for("killed", 0)
            guest.wait_for("halyard> ", 0)
            guest.type("ps\n", 0)  # and only that program has ended
            self.assertIn("(spin.elf)", guest.wait_for("halyard> ", 0))
            guest.type("\x03")
            guest.wait_for("killed")
            guest.wait_for("halyard> ")
            guest.type("poweroff\n", 0)
            status, rest = guest.end()
            self.assertEqual(status, 0, rest)
            self.assertNotIn("poweroff", rest)  # typed on that console, not on this one

    def test_a_second_serial_port_is_a_terminal_of_its_own(self):
        self.both(SERIAL)

    def test_a_serial_card_on_pci_is_a_terminal_of_its_own(self):
        self.both("-device pci-serial,chardev={}")

    def test_a_console_that_nobody_reads_holds_up_nobody(self):
        with tempfile.TemporaryDirectory() as folder:
            big = Path(folder) / "tree"
            big.mkdir()
            (big / "big").write_text("".join(f"line {n}\n" for n in range(200000)))
            image = Path(folder) / "disk"
            subprocess.run([ROOT / "scripts/mkdisk", big, image], check=True, stdout=subprocess.DEVNULL)
            with Session("--disk", image, ports=[SERIAL]) as guest:
                guest.wait_for("halyard> ")
                guest.type("cat /big\n", 0)  # more than all buffers on the way hold
                guest.type("cat /big\n")
                guest.wait_for("line 199999")
                guest.wait_for("halyard> ")
                guest.type("ps\n")
                self.assertRegex(guest.wait_for("halyard> "), r"\S+\.[01] +console output +shell")
                self.assertIn("line 199999", guest.wait_for("line 199999", 0))  # the output was only delayed
                guest.type("poweroff\n")
                status, rest = guest.end()
                self.assertEqual(status, 0, rest)

    @for_machine("x86_64")  # AArch64's serial port accepts everything, and QEMU stops the machine until there is room
    def test_a_panic_waits_for_a_reader_that_is_busy(self):
        with Session(devices="-rtc clock=vm", ports=[SERIAL]) as guest:
            guest.wait_for("halyard> ")
            guest.process.send_signal(signal.SIGSTOP)
            guest.type("panic\n", 0)
            guest.wait_for("PANIC:", 0)  # COM1 is written first, and holds a few lines more
            seconds = {guest.clock()}
            while len(seconds) < 3 and None not in seconds:
                seconds.add(guest.clock())
            guest.process.send_signal(signal.SIGCONT)
            report = guest.wait_for("PANIC END", 0)
            status, rest = guest.end()
            self.assertEqual(status, 120, rest)
            self.assertIn(report.replace("\r", ""), rest)

    def test_a_program_from_boot_uses_every_console(self):
        with Session("--program", program("hello"), ports=[SERIAL]) as guest:
            self.assertIn("Hello", guest.wait_for("Hello", 0))
            status, rest = guest.end()
            self.assertEqual(status, 0, rest)
            self.assertRegex(rest, r"\A(run: Ctrl-A .*\n)?Hello")  # scripts/run's own hint may come first

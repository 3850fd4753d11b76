# SPDX-License-Identifier: MIT
"""Several consoles, keyboards, and the output that a person at a terminal sees."""
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

from screen import Ended, Monitor, socket_path
from tree import ROOT

from smoke import BUILD, LIMIT_S, MACHINE, RUN, TestCase, for_machine, program, start_at_terminal


class Session:
    """A running guest: bytes to and from its consoles, keys to its keyboard."""

    def __init__(self, *options, devices="", ports=()):
        self.folder = tempfile.TemporaryDirectory()
        self.monitor = Monitor(socket_path(self.folder.name))
        extra = f"{devices} {self.monitor.arguments}"
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

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.keyboard)
        self.process.stdout.close()
        for thing in [*self.lines, *self.listeners, self.monitor]:
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

    def ask(self, command):
        """Type a command at the first console's prompt; returns the output up to the next prompt."""
        self.type(command + "\n")
        return self.wait_for("halyard> ")

    def end(self):
        rest = self.seen[None]
        while data := self.read():
            rest += data
        return self.process.wait(LIMIT_S), rest.decode(errors="replace")

    # --- the keyboard; a key may switch the machine off ---

    def press(self, *keys):
        """Keys that are held down together."""
        with suppress(Ended):
            self.monitor.press(*keys)

    def press_text(self, text):
        """Each key waits until the guest has taken those before it."""
        with suppress(Ended):
            self.monitor.type(text)

    def clock(self):
        """The second on the machine's own clock; None when it is off."""
        with suppress(Ended):
            return self.monitor.execute("qom-get", path="/machine", property="rtc-time")["tm_sec"]


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
            self.assertIn(keyboard, guest.ask("log"))
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
            self.assertIn("not a keyboard, ignored", guest.ask("log"))

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

    def test_a_console_without_reader_does_not_block_others(self):
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
                while not re.search(r"\S+\.[01] +console output +shell", guest.ask("ps")):
                    pass  # the other shell fills the buffers in its own time
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

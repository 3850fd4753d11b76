# SPDX-License-Identifier: MIT
"""The part of QEMU's gdb stub that inspecting a machine from outside needs: stop, continue, stop at a store,
the registers of every CPU, physical memory.

The guest is not involved: the results are the machine's real state, whatever the kernel believes.
"""
import re
import socket
import struct
import time

from tree import Failure

READ_MAX = 2048  # bytes in one reply
PART = 0xffb     # bytes of a description in one reply


class Ended(Exception):
    """The guest ended, and QEMU with it."""


def checksum(data):
    return sum(data) & 0xff


def unescape(data):
    return re.sub(rb"\}(.)", lambda match: bytes([match[1][0] ^ 0x20]), data, flags=re.S)


class Stub:
    """A connection; the machine is stopped until go_on() is called."""

    def __init__(self, path, wait_s=60, still_there=lambda: True):
        self.held = b""
        self.socket = self._connect(path, time.monotonic() + wait_s, still_there)
        self._command("qSupported:xmlRegisters=i386")  # otherwise x86 does not send its descriptions
        self._expect("OK", "Qqemu.PhyMemMode:1")
        self.numbers = self._register_numbers()
        self.cpus = self._cpu_names()

    @staticmethod
    def _connect(path, until, still_there):
        while True:
            end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                end.connect(str(path))
                return end
            except OSError as error:
                end.close()
                if time.monotonic() > until or not still_there():
                    raise Failure(f"{path}: {error.strerror}: QEMU does not listen")
                time.sleep(0.02)

    def close(self):
        self.socket.close()

    # ---- packets ----

    def _send(self, data):
        try:
            self.socket.sendall(b"$" + data + b"#%02x" % checksum(data))
        except OSError:
            raise Ended

    def _packet(self):
        while not (found := re.search(rb"\$([^#]*)#([0-9a-f]{2})", self.held)):
            try:
                more = self.socket.recv(65536)
            except OSError:
                more = b""
            if not more:
                raise Ended
            self.held += more
        self.held = self.held[found.end():]
        if checksum(found[1]) != int(found[2], 16):
            raise Failure("the gdb stub sent a packet with a wrong checksum")
        try:
            self.socket.sendall(b"+")
        except OSError:
            raise Ended
        return found[1]

    def _command(self, text):
        """The reply. Reports that the machine stopped or ended may come before it."""
        self._send(text.encode())
        while (answer := self._packet())[:1] in (b"T", b"S", b"W"):
            if answer[:1] == b"W":
                raise Ended
        return answer

    def _expect(self, wanted, text):
        answer = self._command(text).decode(errors="replace")
        if answer != wanted:
            raise Failure(f"the gdb stub answers {answer!r} to {text}")

    # ---- registers ----

    def _description(self, name):
        whole = b""
        while True:
            part = self._command(f"qXfer:features:read:{name}:{len(whole):x},{PART:x}")
            whole += unescape(part[1:])
            if part[:1] != b"m":
                return re.sub(r"<!--.*?-->", "", whole.decode(), flags=re.S)

    def _register_numbers(self):
        """{name: number}: a description numbers its registers, or they continue from the one before."""
        numbers, following = {}, 0
        for name in re.findall(r'<xi:include href="([^"]+)"', self._description("target.xml")):
            for fields in re.findall(r"<reg ([^>]*)>", self._description(name)):
                attributes = dict(re.findall(r'(\w+)="([^"]*)"', fields))
                number = int(attributes.get("regnum", following))
                numbers[attributes["name"]] = number
                following = number + 1
        return numbers

    def _cpu_names(self):
        names, answer = [], self._command("qfThreadInfo").decode()
        while answer.startswith("m"):
            names += answer[1:].split(",")
            answer = self._command("qsThreadInfo").decode()
        return names

    def register(self, cpu, name):
        """The registers of self.cpus[index]."""
        self._expect("OK", f"Hg{self.cpus[cpu]}")
        answer = self._command(f"p{self.numbers[name]:x}").decode()
        if answer.startswith("E"):
            raise Failure(f"the gdb stub does not know register {name}")
        return int.from_bytes(bytes.fromhex(answer), "little")

    # ---- physical memory ----

    def read(self, address, length):
        data = b""
        while len(data) < length:
            size = min(READ_MAX, length - len(data))
            answer = self._command(f"m{address + len(data):x},{size:x}").decode()
            if answer.startswith("E") or not answer:
                raise Failure(f"no memory at physical address {address + len(data):#x}")
            data += bytes.fromhex(answer)
        return data

    def write_word(self, address, value):
        self._expect("OK", f"M{address:x},8:{struct.pack('<Q', value).hex()}")

    # ---- running ----

    def go_on(self):
        self._send(b"c")

    def stop(self):
        """After go_on()."""
        try:
            self.socket.sendall(b"\x03")
        except OSError:
            raise Ended
        self.wait_for_stop()

    def watch(self, address, is_on=True):
        """Stop at each store to the 8 bytes at this virtual address, on every CPU, or no longer."""
        self._expect("OK", f"{'Z' if is_on else 'z'}2,{address:x},8")

    def go_on_to_store(self, address, stops_before):
        """Until the next store there is complete. QEMU's AArch64 stops before it, x86-64 after it."""
        self.watch(address)
        self.go_on()
        self.wait_for_stop()
        self.watch(address, False)
        if stops_before:
            self._send(b"s")  # the CPU that stopped
            self.wait_for_stop()

    def wait_for_stop(self):
        """After go_on()."""
        while (answer := self._packet())[:1] not in (b"T", b"S"):
            if answer[:1] == b"W":
                raise Ended

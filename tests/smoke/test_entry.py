# SPDX-License-Identifier: MIT
"""AArch64: a loader that violates the boot protocol gets an error message, before memory or a device tree can be relied
on.

scripts/run always loads the kernel correctly, so the tests call QEMU directly.
"""
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from smoke import BUILD, LIMIT_S, TestCase, for_machine, run

QEMU = "qemu-system-aarch64"
RAM = 0x40000000
TREE = RAM + 0x4000000  # where QEMU places the tree with 128 MiB
TREE_SIZE = 0x8000  # bytes; four times the contents
PANIC_RECORD = b"P\x00"  # hal/power.h: EXIT_PANIC


def write_and_continue(path, address, data):
    """Over QEMU's gdb stub: one write to memory, then let the guest run."""
    with socket.socket(socket.AF_UNIX) as stub:
        deadline = time.monotonic() + LIMIT_S
        while stub.connect_ex(str(path)) != 0:
            if time.monotonic() > deadline:
                raise TimeoutError("QEMU opens no gdb socket")
            time.sleep(0.01)
        stub.settimeout(LIMIT_S)
        for command in (f"M{address:x},{len(data):x}:{data.hex()}", "D"):
            stub.sendall(f"${command}#{sum(command.encode()) % 256:02x}".encode())
            answer = b""
            while b"$OK#9a" not in answer:
                piece = stub.recv(64)
                if not piece:
                    raise ConnectionError(f"gdb stub: {answer}")
                answer += piece
            if command != "D":  # the guest may have ended by then
                stub.sendall(b"+")


@for_machine("aarch64")
class Entry(TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def refused(self, sentence, *options, address=None, poke=None):
        """Start the image at an address (None: as a kernel); it prints the sentence and records a panic.

        poke = (address, bytes) is written to memory before the first instruction.
        """
        image, record = BUILD / "halyard.img", self.folder / "record"
        load = (["-kernel", image] if address is None else
                ["-device", f"loader,file={image},addr={address:#x},cpu-num=0,force-raw=on"])
        debugger = self.folder / "gdb"
        if poke is not None:
            load += ["-S", "-gdb", f"unix:{debugger},server=on,wait=off"]
        guest = subprocess.Popen([QEMU, "-cpu", "cortex-a72", "-display", "none", "-nic", "none", "-monitor", "none",
                                  "-serial", "stdio", "-chardev", f"file,id=record,path={record}",
                                  "-semihosting-config", "enable=on,target=native,chardev=record", *load, *options],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            if poke is not None:
                write_and_continue(debugger, *poke)
            output, errors = guest.communicate(timeout=LIMIT_S)
        finally:
            guest.kill()
            guest.wait()
        output = output.decode(errors="replace")
        self.assertIn(sentence, output, errors)
        self.assertIn("PANIC END", output)
        self.assertEqual(record.read_bytes(), PANIC_RECORD)

    def test_without_a_device_tree(self):
        self.refused("no usable device tree at 0x0000000000000000", "-M", "virt", address=RAM + 0x200000)

    def test_off_the_boundary(self):
        self.refused("loaded off a 2 MiB boundary, at 0x0000000040280000", "-M", "virt", address=RAM + 0x280000)

    def test_in_flash(self):
        self.refused("memory loses written data", "-M", "virt", address=0x04000000)

    def tree_refused(self, sentence, offset, number):
        """A tree with one changed number in its header (Devicetree Specification, 5.2)."""
        self.refused(sentence, "-M", "virt", "-m", "128M", poke=(TREE + offset, struct.pack(">I", number)))

    def test_a_file_that_is_not_a_device_tree(self):
        self.tree_refused("no usable device tree at", 0, 0)

    def test_tree_cut_short(self):
        self.tree_refused("device tree: cannot be read", 4, 0x100)

    def test_tree_larger_than_memory(self):
        self.tree_refused("device tree: larger than 2 MiB, which is the limit, size 0xffffffff", 4, 0xffffffff)

    def test_tree_whose_nodes_lie_outside(self):
        self.tree_refused("device tree: cannot be read", 8, 0xfffffff0)

    def test_tree_whose_nodes_begin_in_the_middle(self):
        self.tree_refused("device tree: cannot be read", 8, 0x44)

    def test_at_el3(self):
        self.refused("entered at EL3", "-M", "virt,secure=on", address=RAM + 0x200000)

    def test_with_too_little_memory(self):
        self.refused("16 MiB of memory are needed", "-M", "virt", "-m", "15M")

    def test_tree_without_a_known_interrupt_controller(self):
        tree = self.folder / "virt.dtb"
        subprocess.run([QEMU, "-M", f"virt,gic-version=3,dumpdtb={tree}", "-cpu", "cortex-a72", "-display", "none"],
                       check=True, capture_output=True, timeout=LIMIT_S)
        data = bytearray(tree.read_bytes().replace(b"arm,gic-v3\0", b"arm,gic-v9\0"))
        data = data[:TREE_SIZE]  # QEMU pads it to a MiB and doubles that when it reads it; 2 MiB are the limit
        struct.pack_into(">I", data, 4, TREE_SIZE)
        tree.write_bytes(data)
        result = run("--cpu", "cortex-a72", f"--qemu=-dtb {tree}", typed="poweroff\n")
        self.expect(result, 120, "panic", contains="describes no supported interrupt controller")

# SPDX-License-Identifier: MIT
"""The block driver with every way in which QEMU can attach a device: its place, its interrupts, its features. The
in-guest block tests do the checking; the last scratch disk that they find is the one described here."""
import tempfile
from pathlib import Path

from smoke import MACHINE, TestCase, for_machine, run

ROOT_PORT = "-device pcie-root-port,id=rp,chassis=1,slot=1"
NESTED = f"{ROOT_PORT} -device pcie-pci-bridge,id=one,bus=rp -device pci-bridge,id=two,bus=one,chassis_nr=3,addr=2"
SECOND = "-blockdev driver=file,filename={image},node-name=second -device virtio-blk-pci,drive=second,serial=scratch"
BIG_BAR = "-object memory-backend-ram,id=big,size=1G,share=on,reserve=off -device ivshmem-plain,memdev=big"

# Properties of the disk, as -global takes them.
PROPERTIES = {
    "interrupt_by_line": "vectors=0",
    "one_vector_only": "vectors=1",
    "neither_event_index_nor_tables": "event_idx=off indirect_desc=off",
    "blocks_of_4_kib": "logical_block_size=4096 physical_block_size=4096",
    "a_ring_of_four": "queue-size=4",
    "a_ring_of_1024": "queue-size=1024",
    "several_queues": "num-queues=4",
    "packed_rings_offered": "packed=on",
    "modern_only": "disable-legacy=on",
    "behind_an_iommu_that_is_not_there": "disable-legacy=on iommu_platform=on",
    "no_write_cache": "write-cache=off",
}

# The place of a second disk: the devices above it, and its own options.
PLACES = {
    "root_port": (ROOT_PORT, "bus=rp"),
    "root_port_and_line": (ROOT_PORT, "bus=rp,vectors=0"),
    "three_bridges": (NESTED, "bus=two,addr=3"),
    "three_bridges_and_line": (NESTED, "bus=two,addr=5,vectors=0"),
    "beside_a_large_bar": (BIG_BAR, "addr=9"),
}

MACHINES = {
    "x86_64": ["pc"],
    "aarch64": ["gic-version=2", "gic-version=3,its=off", "highmem=off", "virtualization=on"],
}


class Disks(TestCase):
    def judge(self, *options):
        result = run("--test", "block*", *options)
        self.expect(result, 0, contains="ok 8 - ")
        self.assertNotIn("# SKIP", result.output)
        return result

    def second_disk(self, before, own, *options):
        with tempfile.TemporaryDirectory() as folder:
            image = Path(folder) / "second.img"
            image.write_bytes(bytes(8 << 20))
            result = self.judge(f"--qemu={before} {SECOND.format(image=image)},{own}", *options)
            self.assertTrue(any(image.read_bytes()), "the tests used another disk")
        return result


class Refused(TestCase):
    """Devices that the driver does not support are named, and the rest of the machine works."""

    def refused(self, qemu, *words, machine=None):
        options = ["--machine", machine] if machine else []
        self.expect(run(f"--qemu={qemu}", *options, typed="lspci\npoweroff\n"), 0, contains=["halyard> ", *words])

    def test_legacy_only(self):
        self.refused("-blockdev driver=null-co,node-name=d,size=1048576 "
                     "-device virtio-blk-pci,drive=d,disable-modern=on,disable-legacy=off",
                     "legacy device", "not supported")

    @for_machine("aarch64")
    def test_a_bar_larger_than_the_window(self):
        self.refused(BIG_BAR, "no room for BAR 2, 1048576 KiB", machine="highmem=off")


def property_test(words):
    options = " ".join(f"-global virtio-blk-pci.{word}" for word in words.split())
    return lambda self: self.judge(f"--qemu={options}")


def place_test(before, own):
    return lambda self: self.second_disk(before, own)


def machine_test(machine):
    def test(self):
        self.judge("--machine", machine)
        self.judge("--machine", machine, "--qemu=-global virtio-blk-pci.vectors=0")
    return test


for _name, _words in PROPERTIES.items():
    setattr(Disks, f"test_{_name}", property_test(_words))
for _name, _place in PLACES.items():
    setattr(Disks, f"test_{_name}", place_test(*_place))
for _machine in MACHINES[MACHINE]:
    setattr(Disks, "test_on_" + _machine.replace("=", "_").replace(",", "_").replace("-", "_"), machine_test(_machine))

# SPDX-License-Identifier: MIT
"""Check the finished kernel against the memory map of its machine; part of every build.

    elfcheck.py ELF [BYTES]

BYTES is the maximum size of the image, as a file that a loader reads; cmake/kernel.cmake has it for release kernels.

An image linked outside RAM boots, silently drops its stores and continues. That bug stopped another kernel's project
four times, in four forms. Each rule below finds one form. The linker script asserts the same where it can; this script
reads the linker's output.
"""
import struct
import sys

from elftools.elf.elffile import ELFFile

PAGE = 4096
MIB = 1 << 20
KERNEL_HALF = 1 << 63
R, W, X = 4, 2, 1

# The RAM of every supported configuration: Halyard needs at least 16 MiB to boot.
MACHINES = {
    # Below 1 MiB lie firmware, the monitor's data and holes.
    "EM_X86_64": {"ram": (1 * MIB, 16 * MIB), "load": None},
    # Flash and devices below 1 GiB; QEMU puts the device tree in the middle of 16 MiB.
    "EM_AARCH64": {"ram": (0x40000000, 0x40000000 + 8 * MIB), "load": 0x40200000},
}


class Image:
    """The file that the rules check."""

    def __init__(self, elf):
        self.elf = elf
        self.machine = MACHINES.get(elf["e_machine"])
        self.loads = [s for s in elf.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_memsz"]]
        self.sections = [s for s in elf.iter_sections() if s["sh_flags"] & 2 and s["sh_size"]]  # SHF_ALLOC
        table = elf.get_section_by_name(".symtab")
        self.symbols = {s.name: s["st_value"] for s in table.iter_symbols()} if table else {}
        self.functions = [s for s in table.iter_symbols() if s["st_info"]["type"] == "STT_FUNC"] if table else []

    def bytes_at(self, address, length):
        for s in self.loads:
            offset = address - s["p_vaddr"]
            if 0 <= offset and offset + length <= s["p_filesz"]:
                self.elf.stream.seek(s["p_offset"] + offset)
                return self.elf.stream.read(length)
        return b""


def name(segment):
    flags = "".join(c if segment["p_flags"] & bit else "-" for c, bit in (("R", R), ("W", W), ("X", X)))
    return f"segment {flags} at {segment['p_vaddr']:#x}"


def check_kind(image):
    if image.machine is None:
        yield f"machine {image.elf['e_machine']} is neither x86_64 nor aarch64"
    if image.elf["e_type"] != "ET_EXEC":
        yield f"{image.elf['e_type']} instead of an executable linked at fixed addresses"
    if not image.loads:
        yield "nothing to load"


def check_ram(image):
    lo, hi = image.machine["ram"]
    if image.symbols.get("ASAN_SHADOW"):
        hi = lo + 64 * MIB  # a kernel that checks itself does not target small machines
    for s in image.loads:
        start, end = s["p_paddr"], s["p_paddr"] + s["p_memsz"]
        if start < lo or end > hi:
            yield f"{name(s)}: loaded at {start:#x} to {end:#x}, outside RAM {lo:#x} to {hi:#x}"


def check_permissions(image):
    for s in image.loads:
        if s["p_flags"] & W and s["p_flags"] & X:
            yield f"{name(s)}: writable and executable"
        if not s["p_flags"] & R:
            yield f"{name(s)}: not readable"
    for section in image.sections:
        start, end = section["sh_addr"], section["sh_addr"] + section["sh_size"]
        home = next((s for s in image.loads
                     if s["p_vaddr"] <= start and end <= s["p_vaddr"] + s["p_memsz"]), None)
        if home is None:
            yield f"section {section.name}: not in a loaded segment"
        elif section["sh_flags"] & 1 and not home["p_flags"] & W:  # SHF_WRITE
            yield f"section {section.name}: writable, in a read-only segment"


def check_pages(image):
    for key in ("p_vaddr", "p_paddr"):
        ranges = sorted((s[key] // PAGE, -(-(s[key] + s["p_memsz"]) // PAGE), name(s)) for s in image.loads)
        for (_, end, first), (start, _, second) in zip(ranges, ranges[1:]):
            if start < end:
                yield f"{first} and {second} share a page ({key})"


def check_link_address(image):
    offsets = set()
    for s in image.loads:
        if s["p_vaddr"] >= KERNEL_HALF:
            offsets.add(s["p_vaddr"] - s["p_paddr"])
        elif s["p_vaddr"] != s["p_paddr"]:
            yield f"{name(s)}: runs before paging and is loaded elsewhere, at {s['p_paddr']:#x}"
    if len(offsets) > 1:
        yield "link address minus load address differs: " + ", ".join(f"{o:#x}" for o in sorted(offsets))


def check_entry(image):
    entry = image.elf["e_entry"]
    if not any(s["p_flags"] & X and s["p_vaddr"] <= entry < s["p_vaddr"] + s["p_memsz"] for s in image.loads):
        yield f"entry {entry:#x} is not in an executable segment"


def check_unexpected(image):
    section = image.elf.get_section_by_name(".unexpected")
    if section is not None and section["sh_size"] != 0:
        yield f".unexpected holds {section['sh_size']} bytes: an input section that kernel.lds does not list"


def check_boot_stack(image):
    """Clearing .bss on a stack inside .bss overwrites the return address of the function that clears it."""
    lo, hi = image.symbols.get("__boot_stack_start"), image.symbols.get("__boot_stack_end")
    if lo is None or hi is None or lo >= hi:
        yield "no __boot_stack_start and __boot_stack_end"
        return
    for start, end, what in ((image.symbols.get(f"__{part}_start"), image.symbols.get(f"__{part}_end"), part)
                             for part in ("text", "rodata", "data", "bss")):
        if start is None or end is None:
            yield f"no __{what}_start and __{what}_end"
        elif start < hi and lo < end:
            yield f"the boot stack overlaps .{what}"
    if not any(s["p_flags"] & W and s["p_vaddr"] <= lo and hi <= s["p_vaddr"] + s["p_memsz"] for s in image.loads):
        yield "the boot stack is not in a writable segment"


def check_multiboot(image):
    """x86_64: the headers that GRUB and QEMU's PVH loader require."""
    image.elf.stream.seek(0)
    head = image.elf.stream.read(32768)
    for at in range(0, len(head) - 16, 8):
        magic, arch, length, checksum = struct.unpack_from("<4I", head, at)
        if magic == 0xE85250D6 and (magic + arch + length + checksum) & 0xFFFFFFFF == 0:
            break
    else:
        yield "no valid Multiboot2 header in the first 32 KiB"
    notes = [note for s in image.elf.iter_segments() if s["p_type"] == "PT_NOTE" for note in s.iter_notes()]
    if not any(note["n_name"] == "Xen" and note["n_type"] in (18, "18") for note in notes):
        yield "no PVH note in a PT_NOTE segment"
    if image.elf["e_entry"] >= 1 << 32:
        yield f"entry {image.elf['e_entry']:#x} cannot be reached in 32-bit mode"


def check_arm64_header(image):
    """aarch64: the Linux Image header determines where the boot loader places the image."""
    start = min(s["p_vaddr"] for s in image.loads)
    head = image.bytes_at(start, 64)
    if len(head) < 64 or head[56:60] != b"ARM\x64":
        yield "the image does not start with an arm64 Image header"
        return
    code0, code1, text_offset, image_size, flags = struct.unpack_from("<IIQQQ", head)
    end = max(s["p_vaddr"] + s["p_memsz"] for s in image.loads)
    if head[:2] != b"MZ":
        yield f"Image header: first instruction {code0:#010x} is not a DOS signature for UEFI firmware"
    if code1 >> 26 != 0b000101:
        yield f"Image header: second instruction {code1:#010x} is not a branch"
    if image_size < end - start:
        yield f"Image header: image_size {image_size:#x}, but {end - start:#x} bytes of RAM are used"
    if text_offset != 0:
        yield f"Image header: text_offset {text_offset:#x} instead of 0"
    if flags & 1:
        yield "Image header: flags say big-endian"
    if image.elf["e_entry"] != start:
        yield f"entry {image.elf['e_entry']:#x} is not the first byte, {start:#x}"
    if min(s["p_paddr"] for s in image.loads) != image.machine["load"]:
        yield f"load address is not {image.machine['load']:#x}, where QEMU puts an Image with text_offset 0"


# Encodings of valid landing pads of indirect branches: bti c, bti j, bti jc, paciasp.
LANDING_PADS = {0xD503245F, 0xD503249F, 0xD50324DF, 0xD503233F}

# Reached by exceptions and direct branches only.
WITHOUT_LANDING_PAD = {"vectors", "vectors_el2", "vector_return", "hal_magazine_pop", "hal_magazine_push",
                       "hal_magazine_push_checked"}


def check_landing_pads(image):
    """aarch64: every function whose address is taken starts with a landing pad; otherwise CPUs with BTI fault.

    Compilers do this for their own functions. This checks assembly's global functions, and those in tables of pointers.
    """
    def has_pad(symbol):
        word = image.bytes_at(symbol["st_value"], 4)
        return len(word) == 4 and struct.unpack("<I", word)[0] in LANDING_PADS

    bare = {s["st_value"]: s.name for s in image.functions if s.name not in WITHOUT_LANDING_PAD and not has_pad(s)}
    for s in image.functions:
        if s["st_info"]["bind"] == "STB_GLOBAL" and bare.get(s["st_value"]) == s.name:
            yield f"function {s.name}: global, and starts without a landing pad"
    fixup = range(image.symbols.get("__fixup_start", 0), image.symbols.get("__fixup_end", 0))
    for segment in image.loads:
        if segment["p_flags"] & X:
            continue
        words = segment.data()
        for offset in range(0, len(words) - 7, 8):
            target = struct.unpack_from("<Q", words, offset)[0]
            at = segment["p_vaddr"] + offset
            if target in bare and at not in fixup:
                yield f"{at:#x} points at function {bare[target]}, which starts without a landing pad"


def image_bytes(image):
    """Bytes that a loader reads: each segment, and in a flat image also the gaps between them."""
    if image.elf["e_machine"] == "EM_AARCH64":
        return max(s["p_paddr"] + s["p_filesz"] for s in image.loads) - min(s["p_paddr"] for s in image.loads)
    return sum(s["p_filesz"] for s in image.loads)


def check_size(image, at_most):
    size = image_bytes(image)
    if size > at_most:
        yield f"the image has {size} bytes: {size - at_most} more than the {at_most} that it may have"


RULES = [check_ram, check_permissions, check_pages, check_link_address, check_entry, check_unexpected,
         check_boot_stack]
MACHINE_RULES = {"EM_X86_64": [check_multiboot], "EM_AARCH64": [check_arm64_header, check_landing_pads]}


def check(path, at_most=None):
    """All that is wrong with the file, as sentences."""
    with open(path, "rb") as stream:
        image = Image(ELFFile(stream))
        wrong = list(check_kind(image))
        if not wrong:
            for rule in RULES + MACHINE_RULES[image.elf["e_machine"]]:
                wrong += rule(image)
            if at_most is not None:
                wrong += check_size(image, at_most)
        return wrong


def main(arguments):
    if len(arguments) not in (1, 2) or not all(a.isdecimal() for a in arguments[1:]):
        sys.exit(__doc__)
    wrong = check(arguments[0], *map(int, arguments[1:]))
    for sentence in wrong:
        print(f"elfcheck: {arguments[0]}: {sentence}", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

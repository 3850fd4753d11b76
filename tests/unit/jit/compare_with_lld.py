#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Link objects with the kernel's ELF front-end and with ld.lld at the same addresses: every byte of code, read-only
data and data must agree. For both machines, with the flags of programs and many others.

    compare_with_lld.py LINK_TOOL SOURCE_DIR
"""
import pathlib
import subprocess
import sys
import tempfile

from elftools.elf.elffile import ELFFile

FLAGS = {
    "x86_64": ["-mcmodel=kernel", "-mcmodel=small", "-fpic", "-fPIE", "-mcmodel=medium", "-mcmodel=large",
               "-mcmodel=kernel -ffunction-sections -fdata-sections", "-mcmodel=kernel -fcommon",
               "-mcmodel=kernel -O0", "-mcmodel=kernel -O3", "-fpic -mcmodel=small -Os"],
    "aarch64": ["", "-fpic", "-fPIE", "-mcmodel=large", "-mcmodel=tiny -DNO_WEAK", "-fcommon", "-O0",
                "-O3", "-ffunction-sections -fdata-sections", "-fPIC -Os"],
}
# Addresses of the parts and the imports; the small model of x86-64 needs addresses below 2 GiB.
HIGH = {"code": 0xFFFFFFFFA0000000, "rodata": 0xFFFFFFFFA0010000, "data": 0xFFFFFFFFA0020000,
        "imports": 0xFFFFFFFF80001000}
LOW = {"code": 0x20000000, "rodata": 0x20010000, "data": 0x20020000, "imports": 0x21001000}
ARM = {"code": 0xFFFF800010000000, "rodata": 0xFFFF800010010000, "data": 0xFFFF800010020000,
       "imports": 0xFFFF800012001000}
FLAG_W, FLAG_A, FLAG_X = 1, 2, 4
# Relocations that use a slot: each linker orders slots in its own way, so the slots' contents are compared.
SLOT_X86 = {9, 41, 42}
SLOT_ARM = {312}


def addresses(machine, flags):
    if machine == "aarch64":
        # The tiny model reaches 1 MiB, imports included.
        return dict(ARM, imports=0xFFFF800010040000) if "tiny" in flags else ARM
    return HIGH if "kernel" in flags or "medium" in flags or "large" in flags else LOW


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def part_of(section):
    flags = section["sh_flags"]
    if not flags & FLAG_A or section["sh_type"] == "SHT_NOTE" or section.name == ".eh_frame":
        return None
    return "code" if flags & FLAG_X else "data" if flags & FLAG_W else "rodata"


def linker_script(obj, at):
    parts = {"code": [], "rodata": [], "data": []}
    with open(obj, "rb") as f:
        for section in ELFFile(f).iter_sections():
            part = part_of(section)
            if part and section.name not in parts[part]:
                parts[part].append(section.name)
    lines = ["SECTIONS {"]
    for part, extra in (("code", ""), ("rodata", ". = ALIGN(8); *(.got)"), ("data", "*(COMMON)")):
        inputs = " ".join(f"*({name})" for name in parts[part])
        lines.append(f"  .p{part} {at[part]:#x} : {{ {inputs} {extra} }}")
    lines.append("  /DISCARD/ : { *(.eh_frame) *(.note*) *(.comment) *(.llvm_addrsig) } }")
    return "\n".join(lines)


def linked_parts(elf):
    parts = {}
    with open(elf, "rb") as f:
        for section in ELFFile(f).iter_sections():
            if section.name in (".pcode", ".prodata", ".pdata"):
                empty = section["sh_type"] == "SHT_NOBITS"
                parts[section.name[2:]] = bytes(section["sh_size"]) if empty else section.data()
    return parts


def compare(tool, machine, source, flags, base, work):
    obj, out, script = work / "o.o", work / "place", work / "script.lds"
    status, text = run(["clang", f"--target={machine}-none-elf", "-std=gnu2x", "-O2", "-ffreestanding",
                        "-fno-common", "-g", *base, *flags.split(), "-c", str(source), "-o", str(obj)])
    if status:
        return f"does not compile: {text}"
    at = addresses(machine, flags)
    status, text = run([tool, str(obj), machine, *(hex(at[p]) for p in ("code", "rodata", "data", "imports")),
                        str(out)])
    if status:
        return text
    script.write_text(linker_script(obj, at))
    imports = [line.split() for line in text.splitlines() if line.startswith("import ")]
    status, text = run(["ld.lld", "-static", "-e", "main", "-O0", "--no-relax", "-T", str(script),
                        *(f"--defsym={name}={address}" for _, name, address in imports), str(obj), "-o",
                        str(work / "linked.elf")])
    if status:
        return f"ld.lld: {text}"
    linked = linked_parts(work / "linked.elf")
    placed = {part: (work / f"place.{part}").read_bytes() for part in linked}
    masks, slots = covered(obj, {part: len(data) for part, data in linked.items()})
    for place in slots:
        if slot_content(machine, placed, place, at) != slot_content(machine, linked, place, at):
            return f"the slot that code+{place:#x} names holds something else"
    for part, expected in linked.items():
        got = placed[part]
        for i, byte in enumerate(expected):
            if masks[part][i] and (i >= len(got) or got[i] != byte):
                return f"{part}+{i:#x}: {got[i:i + 8].hex()} instead of {expected[i:i + 8].hex()}"
    return None


def slot_content(machine, parts, place, at):
    """The contents of the slot from which the instruction at code + place loads."""
    word = int.from_bytes(parts["code"][place:place + 4], "little")
    if machine == "x86_64":
        disp = word - (1 << 32) if word >> 31 else word
        offset = at["code"] + place + 4 + disp - at["rodata"]
    else:
        offset = (word >> 10 & 0xfff) * 8 # all slots are in the first page of read-only data
    content = parts["rodata"][offset:offset + 8]
    return content if len(content) == 8 else None


def covered(obj, sizes):
    """The bytes of each part that must agree, and the places in code that use slots. Between functions lld pads with
    nops and the loader with traps; slots are compared by their contents."""
    masks = {part: bytearray(size) for part, size in sizes.items()}
    end, start, slots = dict.fromkeys(sizes, 0), {}, []
    with open(obj, "rb") as f:
        elf = ELFFile(f)
        for index, section in enumerate(elf.iter_sections()):
            part = part_of(section)
            if part is None:
                continue
            align = max(section["sh_addralign"], 1)
            start[index] = (part, (end[part] + align - 1) // align * align)
            end[part] = start[index][1] + section["sh_size"]
            masks[part][start[index][1]:end[part]] = b"\1" * section["sh_size"]
        for section in elf.iter_sections():
            if section["sh_type"] != "SHT_RELA" or start.get(section["sh_info"], ("",))[0] != "code":
                continue
            kinds = SLOT_X86 if elf["e_machine"] == "EM_X86_64" else SLOT_ARM
            for r in section.iter_relocations():
                if r["r_info_type"] in kinds:
                    place = start[section["sh_info"]][1] + r["r_offset"]
                    masks["code"][place:place + 4] = bytes(4)
                    slots.append(place)
    if "data" in end: # COMMON symbols, zero
        masks["data"][end["data"]:] = b"\1" * (sizes["data"] - end["data"])
    return {part: mask[:sizes[part]] for part, mask in masks.items()}, slots


def main(tool, root):
    root = pathlib.Path(root)
    count = failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for machine, sets in FLAGS.items():
            jobs = [(root / "tests/unit/jit/objects/kinds.c", flags, []) for flags in sets]
            cflags = (root / f"programs/cflags.{machine}").read_text().replace("-Iprograms", f"-I{root}/programs")
            jobs += [(source, "-mcmodel=kernel" if machine == "x86_64" else "", cflags.split())
                     for source in sorted((root / "programs").glob("*.c"))]
            for source, flags, base in jobs:
                why = compare(tool, machine, source, flags, base, pathlib.Path(directory))
                count += 1
                failed += why is not None
                name = f"{machine} {source.name} {flags or '(default)'}"
                print(f"{'not ok' if why else 'ok'} {count} - {name}" + (f": {why}" if why else ""))
    print(f"1..{count}")
    return failed != 0 or count == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))

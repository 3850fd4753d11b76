#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check every line of an encoder's list with llvm-mc:

    HEX TEXT     assembled, the text gives the bytes; disassembled and assembled again, the bytes give themselves
    - TEXT       the encoder refuses it, and so does the assembler
    ~ HEX TEXT   the assembler has other bytes for the same: disassembled and assembled, these give those
    = HEX TEXT   a branch, whose distance an assembler leaves to a linker: disassembled, the bytes give the text

    compare_with_llvm_mc.py MACHINE LIST_TOOL
"""
import re
import subprocess
import sys
from dataclasses import dataclass


@dataclass
class Machine:
    """llvm-mc's options, and the list's notation of an instruction's bytes: in memory order or as one number."""
    flags: list
    head: list
    is_number: bool


MACHINES = {
    "aarch64": Machine(["--arch=aarch64", "-mattr=+bti,+lse,+dotprod"], [], True),
    "x86_64": Machine(["--arch=x86-64", "-mattr=+bmi,+bmi2,+lzcnt,+popcnt,+sse4.2,+avx,+fma,+avxvnni", "--output-asm-variant=1"],
                      [".intel_syntax noprefix"], False),
}
ENCODING = re.compile(r"encoding: \[([^\]]*)\]")
ERROR = re.compile(r"^<stdin>:(\d+):\d+: error:", re.M)
SHOWN = 20
LOCK = "f0"


def llvm_mc(m, lines, *flags):
    done = subprocess.run(["llvm-mc", *m.flags, "--filetype=asm", *flags], input="\n".join(lines) + "\n",
                          capture_output=True, text=True)
    return done.stdout, done.stderr


def in_order(m, code):
    """Convert a code of the list to bytes in memory order, and back."""
    octets = [code[n:n + 2] for n in range(0, len(code), 2)]
    return octets[::-1] if m.is_number else octets


def with_prefixes(m, parts, prefix, between):
    """llvm-mc treats x86-64's lock prefix as an instruction of its own."""
    whole = []
    for part in parts:
        if whole and whole[-1] == prefix and not m.is_number:
            whole[-1] += between + part
        else:
            whole.append(part)
    return whole


def assemble(m, lines):
    """The code of each line, as the tool prints it."""
    out, err = llvm_mc(m, m.head + lines, "--show-encoding")
    if ERROR.search(err):
        raise SystemExit("llvm-mc refuses:\n" + err[:4000])
    octets = ("".join(found[1].split(",")).replace("0x", "") for found in ENCODING.finditer(out))
    return with_prefixes(m, ["".join(in_order(m, code)) for code in octets], LOCK, "")


def disassemble(m, codes):
    out, err = llvm_mc(m, [" ".join("0x" + octet for octet in in_order(m, code)) for code in codes], "--disassemble")
    if "warning" in err or "error" in err:
        raise SystemExit("llvm-mc does not know:\n" + err[:4000])
    texts = [line.strip() for line in out.splitlines() if line.strip() and not line.strip().startswith(".")]
    return with_prefixes(m, texts, "lock", " ")


def refused(m, lines):
    """The numbers of the lines that llvm-mc refuses, from 0."""
    return {int(found[1]) - 1 - len(m.head) for found in ERROR.finditer(llvm_mc(m, m.head + lines)[1])}


def report(what, wrong):
    for line in wrong[:SHOWN]:
        print(f"# {what}: {line}")
    return len(wrong)


def listed(lines, sign):
    """(codes, texts) of the lines with this sign; those without one have ""."""
    pairs = [line.removeprefix(sign).split(" ", 1) for line in lines
             if (line.startswith(sign) if sign else line[0] not in "-~=")]
    return [code for code, _ in pairs], [text for _, text in pairs]


def one_each(texts, found):
    if len(found) != len(texts):
        raise SystemExit(f"{len(texts)} lines, {len(found)} instructions")
    return found


def check_forms(m, codes, texts):
    assembled = one_each(texts, assemble(m, texts))
    wrong = report("the assembler has other bytes", [
        f"{text}: {other}, not {code}" for code, text, other in zip(codes, texts, assembled) if code != other])
    again = one_each(texts, assemble(m, disassemble(m, codes)))
    return wrong + report("the disassembler sees another instruction", [
        f"{text}: {code}, {other}" for code, text, other in zip(codes, texts, again) if code != other])


def check_others(m, codes, texts):
    chosen, again = (one_each(texts, assemble(m, t)) for t in (texts, disassemble(m, codes)))
    return report("the disassembler sees another instruction", [
        f"{text}: {code}" for code, text, one, other in zip(codes, texts, chosen, again) if one != other])


def check_branches(m, codes, texts):
    seen = [" ".join(text.split("#" if m.head else "//")[0].split()) for text in one_each(texts, disassemble(m, codes))]
    return report("the disassembler sees another branch", [
        f"{text}: {code}, {other}" for code, text, other in zip(codes, texts, seen) if text != other])


def main(machine, tool):
    m = MACHINES[machine]
    lines = list(dict.fromkeys(subprocess.run([tool], capture_output=True, text=True, check=True).stdout.splitlines()))
    forms, others, branches = (listed(lines, sign) for sign in ("", "~ ", "= "))
    bad = [line[2:] for line in lines if line.startswith("- ")]
    wrong = check_forms(m, *forms) + check_others(m, *others) + check_branches(m, *branches)
    rejected = refused(m, bad)
    wrong += report("the assembler has bytes for it", [text for n, text in enumerate(bad) if n not in rejected])
    print(f"# {len(forms[0])} instructions, {len(others[0])} that an assembler writes otherwise, "
          f"{len(branches[0])} branches, {len(bad)} refusals")
    print(f"{'not ok' if wrong else 'ok'} 1 - the encoder agrees with llvm-mc")
    print("1..1")
    return 1 if wrong or len(forms[0]) < 1000 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

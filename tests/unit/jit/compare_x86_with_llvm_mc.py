#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ask llvm-mc about every line of the x86-64 encoder's list of forms: HEX TEXT, or - TEXT for what the encoder
refuses. Assembled, the text must give the bytes, or an error; disassembled and assembled again, the bytes must give
themselves.

    compare_x86_with_llvm_mc.py LIST_TOOL
"""
import re
import subprocess
import sys

LLVM_MC = ["llvm-mc", "--arch=x86-64", "-mattr=+bmi,+bmi2,+lzcnt,+popcnt,+sse4.1,+avx", "--filetype=asm",
           "--output-asm-variant=1"]
ENCODING = re.compile(r"encoding: \[([^\]]*)\]")
ERROR = re.compile(r"^<stdin>:(\d+):\d+: error:", re.M)
SHOWN = 20


def llvm_mc(lines, *flags):
    done = subprocess.run(LLVM_MC + list(flags), input="\n".join(lines) + "\n", capture_output=True, text=True)
    return done.stdout, done.stderr


def assemble(lines):
    """The bytes of each line, as the tool prints them."""
    out, err = llvm_mc([".intel_syntax noprefix"] + lines, "--show-encoding")
    if ERROR.search(err):
        raise SystemExit("llvm-mc refuses:\n" + err[:4000])
    return [m[1].replace("0x", "").replace(",", "") for m in ENCODING.finditer(out)]


def disassemble(instructions):
    out, err = llvm_mc([" ".join(f"0x{code[n:n + 2]}" for n in range(0, len(code), 2)) for code in instructions],
                       "--disassemble")
    if "warning" in err or "error" in err:
        raise SystemExit("llvm-mc does not know:\n" + err[:4000])
    return [line.strip() for line in out.splitlines() if line.strip() and not line.strip().startswith(".")]


def refused(lines):
    """Which of the lines llvm-mc refuses, counted from 0."""
    return {int(m[1]) - 2 for m in ERROR.finditer(llvm_mc([".intel_syntax noprefix"] + lines)[1])}


def report(what, wrong):
    for line in wrong[:SHOWN]:
        print(f"# {what}: {line}")
    return len(wrong)


def main(tool):
    lines = list(dict.fromkeys(subprocess.run([tool], capture_output=True, text=True, check=True).stdout.splitlines()))
    good = [line.split(" ", 1) for line in lines if not line.startswith("- ")]
    bad = [line.split(" ", 1)[1] for line in lines if line.startswith("- ")]
    codes = [code for code, _ in good]
    texts = [text for _, text in good]
    wrong = 0
    assembled = assemble(texts)
    if len(assembled) != len(texts):
        raise SystemExit(f"{len(texts)} lines, {len(assembled)} instructions")
    wrong += report("the assembler has other bytes", [
        f"{text}: {other}, not {code}" for code, text, other in zip(codes, texts, assembled) if code != other])
    again = assemble(disassemble(codes))
    wrong += report("the disassembler sees another instruction", [
        f"{text}: {code}, {other}" for code, text, other in zip(codes, texts, again) if code != other])
    rejected = refused(bad)
    wrong += report("the assembler has bytes for it", [text for n, text in enumerate(bad) if n not in rejected])
    print(f"# {len(good)} instructions, {len(bad)} refusals")
    print(f"{'not ok' if wrong else 'ok'} 1 - the encoder agrees with llvm-mc")
    print("1..1")
    return 1 if wrong or len(good) < 1000 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ask llvm-mc about every line of an encoder's list of forms: WORD TEXT, or - TEXT for what the encoder refuses.
Assembled, the text must give the word, or an error; disassembled and assembled again, the word must give itself.

    compare_with_llvm_mc.py LIST_TOOL
"""
import re
import subprocess
import sys

LLVM_MC = ["llvm-mc", "--arch=aarch64", "-mattr=+bti", "--filetype=asm"]
WORDS = re.compile(r"encoding: \[(0x..),(0x..),(0x..),(0x..)\]")
ERROR = re.compile(r"^<stdin>:(\d+):\d+: error:", re.M)
SHOWN = 20


def llvm_mc(lines, *flags):
    done = subprocess.run(LLVM_MC + list(flags), input="\n".join(lines) + "\n", capture_output=True, text=True)
    return done.stdout, done.stderr


def assemble(lines):
    """The word of each line, as the tool prints it."""
    out, err = llvm_mc(lines, "--show-encoding")
    if ERROR.search(err):
        raise SystemExit("llvm-mc refuses:\n" + err[:4000])
    return ["".join(byte[2:] for byte in reversed(m.groups())) for m in WORDS.finditer(out)]


def disassemble(words):
    out, err = llvm_mc([" ".join(f"0x{word[n:n + 2]}" for n in (6, 4, 2, 0)) for word in words], "--disassemble")
    if "warning" in err or "error" in err:
        raise SystemExit("llvm-mc does not know:\n" + err[:4000])
    return [line.strip() for line in out.splitlines() if line.strip() and not line.strip().startswith(".")]


def refused(lines):
    """Which of the lines llvm-mc refuses, counted from 0."""
    return {int(m[1]) - 1 for m in ERROR.finditer(llvm_mc(lines)[1])}


def report(what, wrong):
    for line in wrong[:SHOWN]:
        print(f"# {what}: {line}")
    return len(wrong)


def main(tool):
    lines = subprocess.run([tool], capture_output=True, text=True, check=True).stdout.splitlines()
    lines = list(dict.fromkeys(lines))
    good = [line.split(" ", 1) for line in lines if not line.startswith("- ")]
    bad = [line.split(" ", 1)[1] for line in lines if line.startswith("- ")]
    words = [word for word, _ in good]
    texts = [text for _, text in good]
    wrong = 0
    assembled = assemble(texts)
    if len(assembled) != len(texts):
        raise SystemExit(f"{len(texts)} lines, {len(assembled)} words")
    wrong += report("the assembler has another word", [
        f"{text}: {other}, not {word}" for word, text, other in zip(words, texts, assembled) if word != other])
    again = assemble(disassemble(words))
    wrong += report("the disassembler sees another instruction", [
        f"{text}: {word}, {other}" for word, text, other in zip(words, texts, again) if word != other])
    rejected = refused(bad)
    wrong += report("the assembler has a word for it", [text for n, text in enumerate(bad) if n not in rejected])
    print(f"# {len(good)} instructions, {len(bad)} refusals")
    print(f"{'not ok' if wrong else 'ok'} 1 - the encoder agrees with llvm-mc")
    print("1..1")
    return 1 if wrong or len(good) < 1000 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

# SPDX-License-Identifier: MIT
"""The declaration of each word that CPUs share states how accesses to it are ordered, and why that is enough.

For a member the comment is at the member, above it, or above its struct. A declaration that only repeats a name
(`extern`), a pointer to such a word, a parameter and a local variable need none. A front-end runs on one thread;
kernel/jit/code/code_map.h declares the word by which other threads stop it.
"""
import re

FOLDERS = ("arch/", "drivers/", "hal/", "kernel/")
FRONT_ENDS = ("kernel/wasm/",)
ORDER = re.compile(r"\b(relaxed|acquire|release|acq_rel|seq_cst|sequentially\s+(\*\s+)?consistent)\b", re.I)
SHARED = re.compile(r"\b(_Atomic|atomic_flag)\b")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
OPENS_TYPE = re.compile(r"^\s*(?:typedef |static |extern |const )*(?:struct|union)\b[^;()]*(?:\([^()]*\)[^;()]*)?\{\s*(?:/\*.*)?$")


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def comment_above(lines, at):
    """The comment that ends on the line before, with no line between."""
    first = at
    while first > 0 and re.match(r"\s*(/?\*|//)", lines[first - 1]):
        first -= 1
    return "\n".join(lines[first:at])


def declarations(code):
    """(first line, last line, text) of each statement outside functions that names a shared type."""
    opened, start = [], 0
    for at, line in enumerate(code):
        if not line.strip() or line.lstrip().startswith("#"):
            start = at + 1
            continue
        if "{" in line or "}" in line:
            for mark in re.findall(r"[{}]", line):
                if mark == "{":
                    opened.append(at if OPENS_TYPE.match(line) else -1)
                elif opened:
                    opened.pop()
            if not line.rstrip().endswith(";") or "{" not in line:
                start = at + 1
                continue
        if line.rstrip().endswith(";"):
            yield start, at, " ".join(code[start:at + 1]), list(opened)
            start = at + 1


def is_shared_word(text):
    names = re.sub(r"_Atomic\((?:[^()]|\([^()]*(?:\([^()]*\))?[^()]*\))*\)", "_Atomic", text).split("=")[0]
    if not SHARED.search(names) or re.match(r"\s*(extern|return|typedef)\b", names):
        return False
    points_to_one = re.search(r"(_Atomic\s+\w+|atomic_flag|_Atomic)\s*\*\s*\w+\s*[;\[]", names)
    return "(" not in names and not points_to_one


def unordered_words(text):
    """(line, declaration) of each declaration without a stated order."""
    lines = text.split("\n")
    code = COMMENT.sub(blank, text).split("\n")
    for first, last, words, opened in declarations(code):
        in_function = any(at < 0 for at in opened)
        if not is_shared_word(words) or (in_function and not words.lstrip().startswith("static ")):
            continue
        said = [comment_above(lines, first), *lines[first:last + 1]]
        after = last + 1
        while after < len(lines) and lines[after - 1].count("/*") and "*/" not in lines[after - 1].split("/*")[-1] or (
                after < len(lines) and said[-1].strip() and not code[after].strip() and lines[after].strip()
                and "*/" in lines[after] and "/*" not in lines[after]):
            said.append(lines[after])
            after += 1
        said += [comment_above(lines, at) for at in opened if at >= 0]
        if not ORDER.search("\n".join(said)):
            yield first + 1, " ".join(words.split())


def complaints(root, tracked):
    for file in tracked(root):
        name = file.relative_to(root).as_posix()
        if file.suffix in (".c", ".h") and name.startswith(FOLDERS) and not name.startswith(FRONT_ENDS):
            for line, words in unordered_words(file.read_text(errors="replace")):
                yield f"{name}:{line}: {words}: relaxed, acquire and release, or what, and why?"

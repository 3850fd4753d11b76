# SPDX-License-Identifier: MIT
"""A comment or document names what exists: `name()` is a function or macro of the tree, a path is a file or folder of it.

Both rot when something is renamed or moved. Code blocks of documents are not read: they quote other programs, too.
"""
import re

import check_prose

# Not of this tree: the C library, linkers, UEFI, and the architecture manuals' pseudocode.
OUTSIDE = {"ExitBootServices", "GetMemoryMap", "DecodeBitMasks", "__real_f", "__wrap_f", "memfd_create", "strtoull",
           "swapcontext"}

# Examples, not names: how a function is called, a block of intermediate code, a reader's own program.
EXAMPLES = {"module_verb_object", "block2", "call_that_must_panic", "wc_add"}

# Files of other projects, and of a reader who follows an example.
OUTSIDE_FILES = {"docs/specs/edu.txt", "docs/specs/fw_cfg", "event-codes.h", "a.c", "b.h", "my.c", "mine.c", "primes.c"}

FOLDERS = ("arch", "boot", "cmake", "docs", "drivers", "examples", "hal", "kernel", "modules", "programs", "scripts", "tests", "tools")
NAMED = re.compile(r"(?<![\w.])(?:\w+(?:\.|->))*(\w+)\(\)")
PATH = re.compile(rf"(?<![\w./<-])((?:{'|'.join(FOLDERS)})/[\w./*-]*[\w*/])(?!\.?[\w<{{])")
FILE = re.compile(r"(?<![\w/.*<])([\w-]+\.(?:c|h|S|lds|py|cmake|def|toml))\b")
CODE = (".c", ".h", ".S")

DEFINED = {  # in C, what begins a line outside of functions, and members that are called
    ".c": (r"^\s*#\s*define\s+(\w+)", r"\(\*\s*(?:const\s+)?(\w+)(?:\[\w*\])?\)\(", r"^[A-Za-z_][^;\n]*?(\w+)\(",
           r"^[A-Za-z_][^;\n]*\b(\w+)\("),
    ".S": (r"^\s*#\s*define\s+(\w+)", r"^(\w+):", r"^\s*\.(?:macro|set|equ)\s+(\w+)", r"^\s*FUNCTION\s+(\w+)"),
    ".py": (r"^\s*def\s+(\w+)", r"^\s*class\s+(\w+)"),
    ".cmake": (r"^\s*(?:function|macro)\((\w+)",),
}
DEFINED[".h"] = DEFINED[".c"]
DEFINED[".txt"] = DEFINED[".cmake"]


def without_comments(text):
    return check_prose.TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m[0]) if m["comment"] else m[0], text)


def defined_in(suffix, text):
    code = without_comments(text) if suffix in CODE else text
    return {name for form in DEFINED.get(suffix, ()) for name in re.findall(form, code, re.M)}


def read(root, tracked):
    """{name relative to the root: text} of all that defines or mentions a name."""
    return {f.relative_to(root).as_posix(): f.read_text(errors="replace") for f in tracked(root)
            if f.suffix in DEFINED or f.suffix == ".md"}


def passages(name, text):
    """(line, text) of comments and of paragraphs."""
    for start, raw in check_prose.paragraphs(text) if name.endswith(".md") else check_prose.comments(text):
        yield text.count("\n", 0, start) + 1, raw


def mentions(name, text, form):
    """(line, what the form found) outside of code."""
    for first, raw in passages(name, text):
        for m in form.finditer(raw):
            yield first + raw.count("\n", 0, m.start()), m[1]


def is_prose(name):
    return name.endswith((*CODE, ".md"))


def name_complaints(texts):
    known = OUTSIDE | EXAMPLES
    for name, text in texts.items():
        known |= defined_in("." + name.rsplit(".", 1)[-1], text)
    for name in filter(is_prose, sorted(texts)):
        for line, what in mentions(name, texts[name], NAMED):
            if what not in known:
                yield f"{name}:{line}: {what}() is neither defined in the tree nor a known outside name"


def path_complaints(root, texts, files):
    """A word in capitals stands for any name: MACHINE, BUS."""
    for name in filter(is_prose, sorted(texts)):
        for line, what in mentions(name, texts[name], PATH):
            if what not in OUTSIDE_FILES and not any(root.glob(re.sub(r"\b[A-Z]+\b(?!\.)", "*", what).rstrip("/"))):
                yield f"{name}:{line}: there is no {what}"
        for line, what in mentions(name, texts[name], FILE):
            if what not in OUTSIDE_FILES and what not in files:
                yield f"{name}:{line}: no file is called {what}"


def complaints(root, tracked):
    texts = read(root, tracked)
    yield from name_complaints(texts)
    yield from path_complaints(root, texts, {f.name for f in tracked(root)})

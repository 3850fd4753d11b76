# SPDX-License-Identifier: MIT
"""Comments, documents and messages are plain English: at most LIMIT percent of a folder's pieces use a form from FORMS.

    check_prose.py [FOLDER...]      prints every finding below these folders, then each folder's share

A piece has WORDS_MIN words or more, and is one of these:
- a comment of a .c, .h or .S file (`//` lines that follow each other are one);
- a paragraph of a .md or .help file;
- a comment of a Python, TOML or CMake file (`#` lines that follow each other are one);
- a docstring or another string of a Python file, the parts of an f-string together.
Names and messages are shorter, so WORDS_MIN_NAME words are enough for them: the name of a test (in Python and C), a string of
a TOML file, and a message of a C file. A form is a hint and not a proof, hence a share and not a ban.
"""
import ast
import io
import re
import sys
import tokenize
from pathlib import Path

LIMIT = 3.0
WORDS_MIN = 12
WORDS_MIN_NAME = 6
COLUMNS = 100
SUFFIXES = (".c", ".h", ".S", ".md", ".help", ".py", ".toml", ".cmake")
TWO_PARTS = ("arch", "kernel", "tests")  # top folders that are counted by the folders in them

# (form, what to write in its place)
FORMS = [(re.compile(rf"\b(?:{form})", re.I), advice) for form, advice in (
    (r"(?:(?:of|to|by|for|with|from|as|if|and|but|that|than),?|,) who(?:ever)?\b", "name it: the caller, the thread, whichever CPU"),
    (r"who(?:ever)? \w+s\b", "name it: the caller, the thread, whichever CPU"),
    (r"(?:he|somebody|nobody|anybody)(?:'s)?\b", "name the thread, the CPU, the caller"),
    (r"behind (?:it|them|that|this|those|which|each)\b", "after"),
    (r"no (?:more|longer any)\b(?! than)", "no longer"),
    (r"(?:give[sn]?|gave|giving|takes?|took|taken|taking) (?:it |them |all )?back\b", "free, release, unmap"),
    (r"(?:is|are|was|were|be) had\b", "is allocated, is available"),
    (r"what (?:is|was|are|were|it|they|has|have|had|comes|came|stands|lies|does|cannot|can|nobody|others)\b",
     "a noun: the mapped pages, not what is mapped"),
    (r"whether so many", "whether there are N"),
    (r"for nothing", "without effect, never"),
    (r"all the same\b", "still, nevertheless"),
    (r"(?:stands?|lies?) (?:again|there|here|in the way)\b", "is, is stored, blocks"),
    (r"(?:is|are) (?:looked at|asked)", "is checked, is read, is queried"),
)]

# Where a form is a false hit: (file, words around it).
FALSE_HITS = {("tests/layering/check_prose.py", "has|have|had"), ("tests/tools/test_layering.py", "The lock is had by whoever")}

WORD = re.compile(r"[A-Za-z']{2,}")
# Strings first, so that an address in one is no comment.
TOKEN = re.compile(r'(?P<comment>/\*.*?\*/|(?:^[ \t]*//[^\n]*\n?)+|//[^\n]*)|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S | re.M)
MARKS = re.compile(r"(?m)^[ \t]*(?://+|\*+(?!/)|/\*+)|\*/|/\*+")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
HASHES = re.compile(r"(?:^[ \t]*#[^\n]*\n?)+|[ \t]#[^\n]*", re.M)  # a comment; lines that follow each other are one
STRING = re.compile(r'"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"(?:\s*"(?:\\.|[^"\\\n])*")*', re.S)
CODE_IN_TOML = re.compile(rf"^(?:right|wrong) = (?:{STRING.pattern})", re.S | re.M)  # tests/faults.toml quotes C
C_TEST = re.compile(r"^(?:static )?void (test_\w+)\(", re.M)


def comments(text):
    """(offset, comment) of each comment of a C or assembly file."""
    return [(m.start(), m["comment"]) for m in TOKEN.finditer(text) if m["comment"]]


def paragraphs(text):
    """(offset, paragraph) of a Markdown file: list items and rows of tables are paragraphs, code is none.
    In a .help file a line with = begins one."""
    text = FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    start = 0
    for gap in re.finditer(r"\n\s*\n|\n(?=[-*|#=])|\Z", text):
        yield start, text[start:gap.start()]
        start = gap.end()


def of_hashes(text):
    """(offset, text) of each comment and string of a TOML or CMake file. A # in a string is a comment here: rare, and harmless."""
    return [(m.start(), re.sub(r"(?m)^[ \t]*#+", " ", m[0])) for m in HASHES.finditer(text)]


def strings_of(text):
    return [(m.start(), m[0]) for m in STRING.finditer(text)]


def of_python(text):
    """(line, text, least words) of comments, docstrings and other strings, and names of tests."""
    last = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            is_whole = not token.line[:token.start[1]].strip()
            if last and is_whole and last[2] and token.start[0] == last[3] + 1:
                last = (last[0], last[1] + " " + token.string.lstrip("#"), True, token.start[0])
                continue
            if last:
                yield last[0], last[1], WORDS_MIN
            last = (token.start[0], token.string.lstrip("#"), is_whole, token.start[0])
    if last:
        yield last[0], last[1], WORDS_MIN
    tree = ast.parse(text)
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)} - \
            {id(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in parts:
            yield node.lineno, "".join(v.value if isinstance(v, ast.Constant) else "N" for v in node.values), WORDS_MIN
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            for paragraph in re.split(r"\n\s*\n", node.value):
                yield node.lineno, paragraph, WORDS_MIN
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.lineno, node.name.replace("_", " "), WORDS_MIN_NAME


def raw_pieces(name, text):
    """(line, text, least words) of everything that may count."""
    def at(found, least):
        return ((text.count("\n", 0, start + len(raw) - len(raw.lstrip())) + 1, raw, least) for start, raw in found)
    if name.endswith(".py"):
        yield from of_python(text)
    elif name.endswith((".md", ".help")):
        yield from at(paragraphs(text), WORDS_MIN)
    elif name.endswith((".toml", ".cmake", "CMakeLists.txt")):
        yield from at(of_hashes(text), WORDS_MIN)
        if name.endswith(".toml"):
            yield from at(strings_of(CODE_IN_TOML.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)), WORDS_MIN_NAME)
    else:
        yield from at(comments(text), WORDS_MIN)
        yield from at(((m.start(1), m[1].replace("_", " ")) for m in C_TEST.finditer(text)), WORDS_MIN_NAME)
        yield from at(messages(text), WORDS_MIN_NAME)


def messages(text):
    """(offset, string) of each string outside of comments; adjacent ones are one."""
    code = TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m[0]) if m["comment"] else m[0], text)
    return strings_of(code)


def pieces(name, text):
    """(line, words) of each piece that is long enough to count."""
    for line, raw, least in raw_pieces(name, text):
        said = " ".join(MARKS.sub(" ", raw).split())
        if len(WORD.findall(said)) >= least:
            yield line, said


def form_in(name, said):
    """(words, advice) of the first form in a piece that is no false hit."""
    found = [(m.start(), m[0], advice) for form, advice in FORMS for m in form.finditer(said)
             if not any(name == file and words in said for file, words in FALSE_HITS)]
    return min(found)[1:] if found else None


def folder_of(name):
    parts = name.split("/")
    if name.endswith(".md"):
        return "docs"
    return "/".join(parts[:2]) if parts[0] in TWO_PARTS and len(parts) > 2 else parts[0]


def count(root, tracked):
    """{folder: (pieces, findings)}; a finding is a line for a person."""
    folders = {}
    for file in tracked(root):
        name = file.relative_to(root).as_posix()
        if file.suffix not in SUFFIXES and file.name != "CMakeLists.txt":
            continue
        counted, findings = folders.setdefault(folder_of(name), ([], []))
        for line, said in pieces(name, file.read_text(errors="replace")):
            counted.append(said)
            found = form_in(name, said)
            if found:
                findings.append(f"{name}:{line}: \"{found[0]}\" ({found[1]}): {said[:120]}")
    return {folder: (len(counted), findings) for folder, (counted, findings) in sorted(folders.items()) if counted}


def share(counted, findings):
    return 100 * len(findings) / counted


def complaints(root, tracked):
    for folder, (counted, findings) in count(root, tracked).items():
        if share(counted, findings) > LIMIT:
            yield f"{folder}: {share(counted, findings):.1f} % of {counted} pieces are not plain English, limit {LIMIT} %"
            yield from findings


def badly_laid_out(text):
    """(line, complaint) about comments of C, which clang-format leaves alone. A comment that starts with words on its
    first line ends after its last word; Doxygen's may end on a line of its own."""
    for start, comment in comments(text):
        first = text.count("\n", 0, start) + 1
        lines = comment.split("\n")
        lines[0] = text[text.rfind("\n", 0, start) + 1:start] + lines[0]
        for n, line in enumerate(lines):
            if len(line) > COLUMNS:
                yield first + n, f"a comment of {len(line)} columns, more than {COLUMNS}"
        is_block = comment.startswith("/*") and not comment.startswith("/**") and len(lines) > 1
        if is_block and comment.split("\n")[0].strip("/* \t") and lines[-1].strip() == "*/":
            yield first + len(lines) - 1, "the end of the comment belongs after its last word"


def layout_complaints(root, tracked):
    for file in tracked(root):
        if file.suffix in (".c", ".h"):
            for line, why in badly_laid_out(file.read_text(errors="replace")):
                yield f"{file.relative_to(root)}:{line}: {why}"


def main():
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from check_sources import tracked
    folders = count(Path(__file__).resolve().parents[2], tracked)
    wanted = tuple(sys.argv[1:]) or ("",)
    for _, findings in folders.values():
        for finding in findings:
            if sys.argv[1:] and finding.startswith(wanted):
                print(finding)
    for folder, (counted, findings) in folders.items():
        print(f"{folder:24} {counted:5} pieces, {share(counted, findings):5.1f} %")


if __name__ == "__main__":
    main()

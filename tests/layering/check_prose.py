# SPDX-License-Identifier: MIT
"""Comments and documents are plain English: at most LIMIT percent of a folder's pieces use a form from FORMS.

    check_prose.py [FOLDER...]      prints every finding below these folders, then each folder's share

A piece is a comment of a .c, .h or .S file (`//` lines that follow each other are one) or a paragraph of a .md file, of
WORDS_MIN words or more. A form is a hint and not a proof, hence a share and not a ban.
"""
import re
import sys
from pathlib import Path

LIMIT = 3.0
WORDS_MIN = 12
COLUMNS = 100
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
FALSE_HITS = set()

WORD = re.compile(r"[A-Za-z']{2,}")
# Strings first, so that an address in one is no comment.
TOKEN = re.compile(r'(?P<comment>/\*.*?\*/|(?:^[ \t]*//[^\n]*\n?)+|//[^\n]*)|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S | re.M)
MARKS = re.compile(r"(?m)^[ \t]*(?://+|\*+(?!/)|/\*+)|\*/|/\*+")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)


def comments(text):
    """(offset, comment) of each comment of a C or assembly file."""
    return [(m.start(), m["comment"]) for m in TOKEN.finditer(text) if m["comment"]]


def paragraphs(text):
    """(offset, paragraph) of a Markdown file: list items and rows of tables are paragraphs, code is none."""
    text = FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    start = 0
    for gap in re.finditer(r"\n\s*\n|\n(?=[-*|#])|\Z", text):
        yield start, text[start:gap.start()]
        start = gap.end()


def pieces(name, text):
    """(line, words) of each piece that is long enough to count."""
    for start, raw in paragraphs(text) if name.endswith(".md") else comments(text):
        said = " ".join(MARKS.sub(" ", raw).split())
        if len(WORD.findall(said)) >= WORDS_MIN:
            yield text.count("\n", 0, start + len(raw) - len(raw.lstrip())) + 1, said


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
        if file.suffix not in (".c", ".h", ".S", ".md"):
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

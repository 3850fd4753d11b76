# SPDX-License-Identifier: MIT
"""Write kernel/cil/run/letters.def from Python's tables of Unicode: python3 scripts/lib/letters.py > kernel/cil/run/letters.def."""
import unicodedata

END = 0x10000
KINDS = {"Lu": "UPPER", "Ll": "LOWER", "Lt": "LETTER", "Lm": "LETTER", "Lo": "LETTER", "Nd": "DIGIT", "Nl": "NUMBER", "No": "NUMBER",
         "Zs": "SPACE", "Zl": "SPACE", "Zp": "SPACE", "Cc": "CONTROL"}
CASES = ("UPPER", "LOWER")
COLUMNS = 118
HEAD = f"""// SPDX-License-Identifier: MIT
//
// Facts about the first 65,536 characters, from Unicode {unicodedata.unidata_version}: the first and the last one of a run, and what they are; what
// has to be added to a lower-case letter for its upper-case one, and the other way round. Only pairs of letters that lead to
// each other count. In runs of pairs, every other character is one of the kind. Written by scripts/lib/letters.py.
"""


def kind(n):
    category = unicodedata.category(chr(n))
    return {"P": "PUNCTUATION", "S": "SYMBOL"}.get(category[0]) or KINDS.get(category)


def runs():
    """(first, last, kind); where upper and lower case take turns, three times at least, the kind of the first."""
    kinds, n = [kind(n) for n in range(END)] + ["the end"], 0
    while n < END:
        last = n
        while kinds[last + 1] == kinds[n]:
            last += 1
        turns = n
        while kinds[n] in CASES and kinds[turns + 1] in CASES and kinds[turns + 1] != kinds[turns]:
            turns += 1
        if turns >= n + 2:
            last = turns - (kinds[turns + 1] == kinds[turns])  # that one starts a longer run
            yield n, last, kinds[n] + "_FIRST"
        elif kinds[n]:
            yield n, last, kinds[n]
        n = last + 1


def pairs():
    """(lower case, upper case)"""
    for n in range(END):
        upper = chr(n).upper() if len(chr(n).upper()) == 1 else chr(n).title()
        if len(upper) == 1 and n != ord(upper) < END and upper.lower() == chr(n):
            yield n, ord(upper)


def distances(letters):
    """(first, last, what to add); runs of pairs if that is 1 or -1"""
    letters = sorted(letters)
    while letters:
        (first, other), count = letters[0], 1
        step = 2 if abs(other - first) == 1 else 1
        while letters[count:] and letters[count] == (letters[count - 1][0] + step, letters[count - 1][1] + step):
            count += 1
        yield first, letters[count - 1][0], f"0x{other - first & 0xffff:04x}"
        letters = letters[count:]


def table(name, rows):
    line = ""
    yield f"#ifdef {name}"
    for first, last, value in rows:
        row = f"{name}(0x{first:04x}, 0x{last:04x}, {value})"
        if line and len(line) + 1 + len(row) > COLUMNS:
            yield line
            line = ""
        line += " " * (line != "") + row
    yield line
    yield "#endif"


def text():
    lines = [*table("RUN", runs()), *table("TO_UPPER", distances(pairs())), *table("TO_LOWER", distances((b, a) for a, b in pairs()))]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(text(), end="")

# SPDX-License-Identifier: MIT
"""The core library of .NET programs: at limits and with wrong arguments it does what mono's does, and functions of floats
are as exact as docs/dotnet.md says."""
import decimal
import math
import struct
import subprocess
import tempfile
import unicodedata
import unittest
from pathlib import Path

import letters
from tree import ROOT, build_directory

COMMAND = build_directory("host-tests") / "halyard-cil"
CORE = sorted((Path(__file__).parents[2] / "lib/cil").glob("*.cs"))
SOURCE = Path(__file__).parent / "cil_library.cs"
CLASSES = Path(__file__).parent / "cil_classes.cs"
FILES = Path(__file__).parent / "cil_files.cs"
NUMBERS = Path(__file__).parent / "cil_numbers.cs"
TYPES = Path(__file__).parent / "cil_types.cs"
QUERIES = Path(__file__).parent / "cil_queries.cs"
MEMBERS = Path(__file__).parent / "cil_members.cs"
ASYNC = Path(__file__).parent / "cil_async.cs"
REFLECTION = Path(__file__).parent / "cil_reflection.cs"

Exact = decimal.Decimal
# Of each function: the exact result, and the largest error in units in the last place. Those of Python's math module are
# themselves wrong by up to half a unit and a little, and are rounded.
FUNCTIONS = {
    "pow": (lambda x, y: (Exact(y) * Exact(x).ln()).exp(), 0.51),
    "ten": (lambda n, _: Exact(10) ** int(n), 0.51),
    "log10": (lambda x, _: Exact(x).log10(), 0.51),
    "log": (lambda x, _: Exact(x).ln(), 1),
    "exp": (lambda x, _: Exact(x).exp(), 1),
    "atan": (lambda x, _: Exact(math.atan(x)), 1),
    "atan2": (lambda y, x: Exact(math.atan2(y, x)), 1),
    "sin": (lambda x, _: Exact(math.sin(x)), 1),
    "cos": (lambda x, _: Exact(math.cos(x)), 1),
    "tan": (lambda x, _: Exact(math.tan(x)), 2),
}
LETTERS = Path(__file__).parent / "cil_letters.cs"
KINDS = {"Lu": "Luo", "Ll": "Llo", "Lt": "Lo", "Lm": "Lo", "Lo": "Lo", "Nd": "dno", "Nl": "n", "No": "n", "Zs": "zw", "Zl": "zw", "Zp": "zw",
         "Cc": "c"}  # by Unicode's category, as cil_letters.cs prints them
LEAST_NORMAL = Exact(2.0 ** -1022)


def number(bits):
    return math.nan if bits == "NaN" else struct.unpack("<d", struct.pack("<q", int(bits)))[0]


class Library(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.core = cls.folder / "core/mscorlib.dll"
        cls.core.parent.mkdir()
        own = ["-nostdlib", "-noconfig"]
        cls.compile(cls.core, *CORE, *own, "-t:library", "-runtimemetadataversion:v4.0.30319", "-langversion:7.2")
        cls.compile(cls.folder / "own.exe", SOURCE, *own, f"-r:{cls.core}")
        cls.compile(cls.folder / "mono.exe", SOURCE, "-r:System.Core")

    @staticmethod
    def compile(output, *words):
        subprocess.run(["mcs", "-unsafe", f"-out:{output}", *words], check=True, capture_output=True)

    def run_program(self, *words, engine=()):
        command = [COMMAND, "--trusted", "--lib", self.core.parent, *engine, self.folder / "own.exe", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout

    def test_limits_and_wrong_arguments_are_as_in_mono(self):
        mono = subprocess.run(["mono", self.folder / "mono.exe"], capture_output=True, text=True, timeout=300, check=True).stdout
        self.assertGreater(mono.count("\n"), 800)
        for engine in ((), ("--interp",)):
            self.assertEqual(mono.splitlines(), self.run_program(engine=engine).splitlines())

    def test_functions_of_floats_are_exact(self):
        seen = set()
        with decimal.localcontext() as context:
            context.prec = 50
            for line in self.run_program("600").splitlines():
                name, *bits = line.split()
                x, y, result = map(number, bits)
                exact, most = FUNCTIONS[name]
                wanted = exact(x, y)
                unit = Exact(math.ulp(float(wanted)))
                if name == "ten" and wanted < LEAST_NORMAL:
                    most = 1  # it is rounded twice
                self.assertLessEqual(abs(Exact(result) - wanted) / unit, most, line)
                seen.add(name)
        self.assertEqual(set(FUNCTIONS), seen)

    def test_classes_print_what_monos_print(self):
        own, mono = self.folder / "classes.exe", self.folder / "classes-mono.exe"
        self.compile(own, CLASSES, "-nostdlib", "-noconfig", f"-r:{self.core}")
        self.compile(mono, CLASSES, "-r:System.Core")
        expected = subprocess.run(["mono", mono], capture_output=True, text=True, check=True).stdout.split("\n")
        for engine in ((), ("--interp",), ("--gc-stress",)):
            done = subprocess.run([COMMAND, "--lib", self.core.parent, *engine, own], capture_output=True, text=True, timeout=300)
            self.assertEqual((expected, "to the error stream\n"), (done.stdout.split("\n"), done.stderr), engine)

    @staticmethod
    def other_case(c, changed):
        """A letter of the other case that leads back, or the same one."""
        other = changed(c) if len(changed(c)) == 1 else c.title() if changed is str.upper else c
        back = str.lower if changed is str.upper else str.upper
        returned = back(other) if len(back(other)) == 1 else other.title()
        return ord(other if len(other) == 1 and ord(other) < 0x10000 and returned == c else c)

    def test_characters_are_what_unicode_says(self):
        """As Python's tables, which are of the same version. mono's are older: it differs in few of the characters that it knows."""
        self.assertEqual("14.0.0", unicodedata.unidata_version, "letters.def is of this version")
        self.assertEqual(letters.text(), (ROOT / "kernel/cil/run/letters.def").read_text())
        own, mono = self.folder / "letters.exe", self.folder / "letters-mono.exe"
        self.compile(own, LETTERS, "-nostdlib", "-noconfig", f"-r:{self.core}")
        self.compile(mono, LETTERS)
        said, older = (subprocess.run(words, capture_output=True, text=True, timeout=300, check=True).stdout.splitlines()
                       for words in ((COMMAND, "--lib", self.core.parent, own), ("mono", mono)))
        for n, line in enumerate(said[:65536]):
            c, category = chr(n), unicodedata.category(chr(n))
            kinds = KINDS.get(category, {"P": "p", "S": "s"}.get(category[0], ""))
            if c in "\t\n\v\f\r\x85":
                kinds = "wc"
            upper, lower = (n, n) if category == "Cs" else (self.other_case(c, str.upper), self.other_case(c, str.lower))
            self.assertEqual(f"{n} {upper} {lower} {kinds}", line)
        differ = [n for n, (a, b) in enumerate(zip(said[:65536], older)) if a != b and not b.endswith(f"{n} {n} ")]
        self.assertLess(len(differ), 250, differ)
        self.assertEqual(["ÄRGER, STRASSE".replace("SSE", "ßE") + " ärger, straße True", "ΣΊΣΥΦΟΣ σίσυφοσ True", "ЁЛКА ёлка True",
                          "ǅ ǅ True", "١٢ ١٢ True", "False 1"], said[65536:])

    def test_decimals_conversions_and_styles_are_as_monos(self):
        own, mono = self.folder / "numbers.exe", self.folder / "numbers-mono.exe"
        self.compile(own, NUMBERS, "-nostdlib", "-noconfig", f"-r:{self.core}")
        self.compile(mono, NUMBERS)
        expected = subprocess.run(["mono", mono], capture_output=True, text=True, check=True).stdout.split("\n")
        self.assertGreater(len(expected), 5000)
        for engine in ((), ("--interp",)):
            done = subprocess.run([COMMAND, "--trusted", "--lib", self.core.parent, *engine, own], capture_output=True, text=True,
                                  timeout=300)
            self.assertEqual((expected, ""), (done.stdout.split("\n"), done.stderr), engine)

    def test_types_as_objects_and_what_needs_them_are_as_monos(self):
        own, mono = self.folder / "types.exe", self.folder / "types-mono.exe"
        self.compile(own, TYPES, "-nostdlib", "-noconfig", f"-r:{self.core}")
        self.compile(mono, TYPES, "-r:System.Core")
        expected = subprocess.run(["mono", mono], capture_output=True, text=True, check=True).stdout.split("\n")
        for engine in ((), ("--gc-stress",)):
            done = subprocess.run([COMMAND, "--lib", self.core.parent, *engine, own], capture_output=True, text=True, timeout=300)
            self.assertEqual((expected, ""), (done.stdout.split("\n"), done.stderr), engine)

    def test_methods_as_objects_are_as_monos(self):
        own, mono = self.folder / "reflection.exe", self.folder / "reflection-mono.exe"
        self.compile(own, REFLECTION, "-nostdlib", "-noconfig", f"-r:{self.core}")
        self.compile(mono, REFLECTION)
        expected = subprocess.run(["mono", mono], capture_output=True, text=True, check=True).stdout.split("\n")
        for engine in ((), ("--interp",), ("--gc-stress",)):
            done = subprocess.run([COMMAND, "--lib", self.core.parent, *engine, own], capture_output=True, text=True, timeout=300)
            self.assertEqual((expected, ""), (done.stdout.split("\n"), done.stderr), engine)

    def check_same(self, source, *engines):
        own, mono = self.folder / f"{source.stem}.exe", self.folder / f"{source.stem}-mono.exe"
        self.compile(own, source, "-nostdlib", "-noconfig", f"-r:{self.core}")
        self.compile(mono, source, "-r:System.Core")
        expected = subprocess.run(["mono", mono], capture_output=True, text=True, check=True, timeout=300).stdout.split("\n")
        for engine in engines:
            done = subprocess.run([COMMAND, "--lib", self.core.parent, *engine, own], capture_output=True, text=True, timeout=300)
            self.assertEqual((expected, ""), (done.stdout.split("\n"), done.stderr), engine)

    def test_queries_are_as_monos(self):
        self.check_same(QUERIES, (), ("--interp",), ("--gc-stress",))

    def test_members_of_strings_collections_arrays_and_formats_are_as_monos(self):
        self.check_same(MEMBERS, (), ("--interp",), ("--gc-stress",))

    def test_tasks_are_cancelled_as_monos(self):
        self.check_same(ASYNC, ())

    def test_files_are_as_monos(self):
        """Each engine works in an empty directory, and leaves it empty."""
        own, mono = self.folder / "files.exe", self.folder / "files-mono.exe"
        self.compile(own, FILES, "-nostdlib", "-noconfig", f"-r:{self.core}")
        self.compile(mono, FILES)
        outputs = []
        for command in (["mono", mono], *([COMMAND, "--lib", self.core.parent, *engine, own] for engine in ((), ("--interp",), ("--gc-stress",)))):
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([*command, "Zoë"], capture_output=True, text=True, timeout=300, cwd=folder)
                self.assertEqual((3, "", []), (done.returncode, done.stderr, list(Path(folder).iterdir())), command)
            outputs.append(done.stdout.split("\n"))
        for output in outputs[1:]:
            self.assertEqual(outputs[0], output)


if __name__ == "__main__":
    unittest.main()

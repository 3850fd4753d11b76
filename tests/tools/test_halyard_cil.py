# SPDX-License-Identifier: MIT
"""The host command for .NET assemblies: what it reads is what monodis reads, and bad files are refused by name."""
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from tree import build_directory

COMMAND = build_directory("host-tests") / "halyard-cil"
LIBRARIES = Path("/usr/lib/mono/4.5")

SOURCE = r"""
using System;
using System.Collections.Generic;
namespace Sample.Types {
    public interface IShape { double Area { get; } }
    public struct Pair<A, B> { public A first; public B second; }
    public class Box<T> : IShape where T : class, new() {
        public T contents;
        public class Inner { public int depth; internal class Deeper { } }
        public double Area { get { return 4.0; } }
        public event EventHandler Changed;
        public void Raise() { if (Changed != null) Changed(this, EventArgs.Empty); }
        public static R Map<R>(Func<T, R> f, T x) { return f(x); }
    }
    [Flags] enum Colour : byte { Red = 1, Green = 2 }
    static class Program {
        static readonly int[] table = { 1, 2, 3, 4, 5, 6, 7, 8 };
        static IEnumerable<int> Numbers(int n) { for (int i = 0; i < n; i++) yield return i; }
        unsafe static int First(int* p) { return *p; }
        static void Main(string[] args) {
            try { foreach (int i in Numbers(3)) Console.WriteLine(i + table[i]); }
            finally { Console.WriteLine("done"); }
        }
    }
}
"""

NUMBERS = r"""
static class P {
    static int Fib(int n) { return n < 2 ? n : Fib(n - 1) + Fib(n - 2); }
    static int Primes(int n) {
        int count = 0;
        for (int i = 2; i <= n; i++) {
            bool is_prime = true;
            for (int k = 2; k * k <= i; k++)
                if (i % k == 0) { is_prime = false; break; }
            if (is_prime) count++;
        }
        return count;
    }
    static double Pi(int n) {
        double s = 0;
        for (int i = 0; i < n; i++) s += (i % 2 == 0 ? 4.0 : -4.0) / (2 * i + 1);
        return s;
    }
    static long Hash(long x, int n) {
        ulong h = 1469598103934665603UL;
        for (int i = 0; i < n; i++) { h ^= (byte)(x >> (i * 8)); h *= 1099511628211UL; }
        return (long)h;
    }
    static int Divide(int a, int b) { return a / b; }
    static int Deep(int n) { return n == 0 ? 0 : 1 + Deep(n - 1); }
    static void Main() { System.Console.Write("{0} {1} {2:R} {3}", Fib(15), Primes(300), Pi(100), Hash(12345, 8)); }
}
"""

ENGINES = ("--compiled", "--interp")

# monodis's options, and the table whose rows each lists.
COUNTED = {"--typeref": "TypeRef", "--memberref": "MemberRef", "--fields": "Field", "--param": "Param",
           "--constant": "Constant", "--customattr": "CustomAttribute", "--classlayout": "ClassLayout",
           "--property": "Property", "--event": "Event", "--methodsem": "MethodSemantics", "--methodimpl": "MethodImpl",
           "--interface": "InterfaceImpl", "--genericpar": "GenericParam", "--methodspec": "MethodSpec",
           "--nested": "NestedClass", "--implmap": "ImplMap", "--fieldrva": "FieldRVA", "--mresources": "ManifestResource"}


def run(*words):
    return subprocess.run([str(COMMAND), *map(str, words)], capture_output=True, text=True, errors="replace")


def monodis(option, assembly):
    return subprocess.run(["monodis", option, str(assembly)], check=True, capture_output=True, text=True,
                          errors="replace").stdout


def types_of_monodis(assembly):
    """[(row, name, flags, first field, first method, TypeDefOrRef)]"""
    line = re.compile(r"(\d+): (.*) \(flist=(\d+), mlist=(\d+), flags=0x([0-9a-f]+), extends=0x([0-9a-f]+)\)")
    found = [line.fullmatch(text) for text in monodis("--typedef", assembly).splitlines()]
    return [(int(m[1]), m[2], int(m[5], 16), int(m[6], 16)) for m in found if m]


def coded(token):
    """A token as TypeDefOrRef."""
    table, row = token >> 24, token & 0xffffff
    return row << 2 | {0x02: 0, 0x01: 1, 0x1b: 2}[table]


def types_of_dump(text):
    found = re.findall(r"^type (\d+) (.*) flags 0x([0-9a-f]+) extends 0x([0-9a-f]+)$", text, re.M)
    return [(int(row), "(null)" if name == "<Module>" else name, int(flags, 16), coded(int(extends, 16)))
            for row, name, flags, extends in found]


def methods_of_monodis(assembly):
    """{row: the text before its parameters}; a name may contain spaces."""
    lines = re.findall(r"^(\d+): (.*?)  \(param: ", monodis("--method", assembly), re.M)
    return {int(row): text for row, text in lines}


def methods_of_dump(text):
    return {int(row): name for row, name in re.findall(r"^  method (\d+) (.*) flags 0x", text, re.M)}


class Command(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        source, cls.sample = (Path(cls.folder.name, name) for name in ("sample.cs", "sample.exe"))
        source.write_text(SOURCE)
        subprocess.run(["mcs", "-unsafe", str(source), f"-out:{cls.sample}"], check=True, capture_output=True)
        source, cls.numbers = (Path(cls.folder.name, name) for name in ("numbers.cs", "numbers.exe"))
        source.write_text(NUMBERS)
        subprocess.run(["mcs", str(source), f"-out:{cls.numbers}"], check=True, capture_output=True)

    def check_against_monodis(self, assembly):
        done = run("--dump", assembly)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(types_of_dump(done.stdout), types_of_monodis(assembly))
        theirs, ours = methods_of_monodis(assembly), methods_of_dump(done.stdout)
        self.assertEqual(sorted(theirs), sorted(ours))
        for row, text in theirs.items():
            self.assertIn(ours[row], text)
        return done.stdout

    def test_a_program_is_what_monodis_reads(self):
        text = self.check_against_monodis(self.sample)
        self.assertIn("reference mscorlib 4.0.0.0", text)
        self.assertIn("Sample.Types.Box`1/Inner/Deeper", text)
        counts = dict(re.findall(r"^table (\w+) (\d+)$", text, re.M))
        for option, table in COUNTED.items():
            match = re.search(r"\(1\.\.(\d+)\)", monodis(option, self.sample))
            if match:
                self.assertEqual((table, counts.get(table, "0")), (table, match[1]))

    def test_a_large_library_is_what_monodis_reads(self):
        self.check_against_monodis(LIBRARIES / "mscorlib.dll")

    def test_the_core_library_of_mono_is_valid(self):
        done = run("--check", "--trusted", "--lib", LIBRARIES, LIBRARIES / "mscorlib.dll")
        *refused, count = done.stderr.splitlines()
        self.assertEqual(done.returncode, 125)  # for its two methods with variable arguments
        for line in refused:
            self.assertIn("variable arguments (arglist) are not supported", line)
        self.assertRegex(count, r"mscorlib.dll: 2 of \d+ methods with code are refused")

    def test_refusals_name_the_file_and_the_reason(self):
        text = Path(self.folder.name, "text.dll")
        text.write_text("no assembly")
        done = run("--check", "--trusted", "--lib", LIBRARIES, text, self.sample)
        self.assertEqual(done.returncode, 125)
        self.assertIn("halyard-cil: text.dll: no PE file", done.stderr)
        self.assertIn("sample.exe: valid", done.stdout)
        cut = Path(self.folder.name, "cut.exe")
        cut.write_bytes(self.sample.read_bytes()[:1500])
        self.assertIn("halyard-cil: cut.exe: ", run("--dump", cut).stderr)
        missing = run("--dump", Path(self.folder.name, "missing.exe"))
        self.assertEqual(missing.returncode, 125)
        self.assertIn("missing.exe: No such file", missing.stderr)

    def test_trusted_libraries_have_valid_code(self):
        done = run("--check", "--trusted", "--lib", LIBRARIES, LIBRARIES / "System.Core.dll", LIBRARIES / "System.Xml.dll")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(" with code\n", done.stdout)

    def test_code_that_cannot_be_verified_is_named(self):
        done = run("--check", "--lib", LIBRARIES, self.sample)
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        first, second = done.stderr.splitlines()
        self.assertEqual(first, "halyard-cil: sample.exe: method Sample.Types.Program::First, IL_0001: "
                                "access through an unmanaged pointer")
        self.assertRegex(second, r"halyard-cil: sample.exe: 1 of \d+ methods with code are refused")

    def method(self, name, *words, engine="--compiled"):
        return run("--run", f"P::{name}", engine, "--lib", LIBRARIES, self.numbers, *words)

    def test_methods_on_numbers_run_as_in_mono(self):
        expected = subprocess.run(["mono", str(self.numbers)], check=True, capture_output=True, text=True).stdout.split()
        calls = [("Fib", 15), ("Primes", 300), ("Pi", 100), ("Hash", 12345, 8)]
        for engine in ENGINES:
            self.assertEqual([self.method(*call, engine=engine).stdout.strip() for call in calls], expected, engine)

    def test_traps_of_methods(self):
        for engine in ENGINES:
            for words, why in ((("Divide", 1, 0), "Divide, IL_0002: trap: divide"), (("Deep", 1000000000), "trap: stack")):
                done = self.method(*words, engine=engine)
                self.assertEqual((done.returncode, done.stdout), (119, ""), engine)
                self.assertIn(why, done.stderr)

    def test_refusals_of_methods(self):
        for words, why in ((("Main",), "is not compiled yet"), (("Divide", 1), "Divide has 2 parameters"),
                           (("Divide", 1, "x"), "x: not a number"), (("None",), "no method P::None")):
            done = self.method(*words)
            self.assertEqual((done.returncode, done.stdout), (125, ""))
            self.assertIn(why, done.stderr)

    def test_missing_assemblies_are_named(self):
        done = run("--check", self.sample)
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertIn("sample.exe: token 0x23000001: assembly mscorlib is not there", done.stderr)

    def test_options(self):
        done = run("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for words in ((), ("--dump",), ("--dump", "a", "b"), ("--layout", "a", "b"), ("--check", "--dump", "a"), ("--check", "--lib"), ("--run",),
                      ("--run", "P::M"), ("--tests", "a", "b"), ("--nonsense", "a"), ("--interp",)):
            with self.subTest(words):
                done = run(*words)
                self.assertEqual((done.returncode, done.stdout), (125, ""))
                self.assertIn("usage: ", done.stderr)

# SPDX-License-Identifier: MIT
"""Programs of C#: what mono computes, halyard-cil computes as machine code and in the interpreter of the intermediate
representation. What ends a program is named."""
import platform
import re
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent)]

import cil_abi
import oracle
from tree import build_directory

COMMAND = build_directory("host-tests") / "halyard-cil"
CORE = sorted((Path(__file__).parents[2] / "lib/cil").glob("*.cs"))
SOURCE = Path(__file__).parent / "cil_run.cs"
ENGINES = ([], ["--interp"])
FILTERS = Path(__file__).parent / "cil_filters.cs"
THREADS = {"cil_threads.cs": 7, "cil_tasks.cs": 9, "cil_begin.cs": 11}  # with their exit status
PROGRAMS = {"cil_bounds.cs": 44, "cil_inline.cs": 21, "cil_typed.cs": 7, "cil_traces.cs": 5}  # likewise
CROWD_PRINT = """together: 180900
in turn: 281400
True There are too many threads, or there is no memory for another one.
all memory again: 47185920
and again: 60300
tasks: 0
"""
HANDLES = Path(__file__).parent / "cil_handles.cs"
HANDLES_PRINT = """one : once
: not again
a>b b>a : a circle
derived-base : the base class, too
: suppressed
again : comes back
: lives
child again>child : twice
constructor thrower : after its constructor has thrown
True True False True False True False False weak tracked : weak
False True
True
True True 123 True
text True
freed
none
1 0 1 True True True
no such generation
True
"""
DELEGATES = Path(__file__).parent / "cil_delegates.cs"
GARBAGE = Path(__file__).parent / "cil_gc.cs"
# Methods in each of which the first reference that lives across a call is needed after it.
REFERENCES = ("P::Main", "P::Fill", "P::Throw", "P::Pinned", "P::OnTheStack", "P::Element", "P::Last", "Node::.ctor", "Garbage::Make",
              "Pair::Length", "Square::Name", "System.String::Concat", "System.Text.StringBuilder::Append")

# Methods that store references to young objects into old ones.
BARRIERS = ("Node::.ctor", "P::Fill", "P::Below", "System.Collections.Generic.List`1<System.String>::Add")

ENDS = r"""
using System;
class Base { public virtual int F() { return 1; } public int G() { return 1; } }
class Derived : Base { }
struct Large { public long a, b, c, d; }
static class P {
  static int[] all = new int[4];
  static int Null(int n) { Base b = n == 0 ? new Base() : null; return b.F(); }
  static int Bind(int n) { Base b = n == 0 ? new Base() : null; Func<int> f = b.G; return f(); }
  static int Called(int n) { Func<int> f = new Base().G; if (n != 0) f = null; return f(); }
  static int Index(int n) { all[4 * n] = 1; return 1; }
  static int Cast(int n) { Base b = n == 0 ? (Base)new Derived() : new Base(); return ((Derived)b).F(); }
  static int Unbox(int n) { object o = n == 0 ? (object)1 : 1L; return (int)o; }
  static int Store(int n) { Base[] b = n == 0 ? new Base[1] : new Derived[1]; b[0] = new Base(); return 1; }
  static int Negative(int n) { return new int[1 - 2 * n].Length; }
  static object last;
  static int Memory(int n) { for (int k = 0; k < 100000 * n; k++) last = new object[] {last, new int[1000]}; return 1; }
  static int Depth(int n) { Large l = new Large(); return n == 0 ? 1 : Deep(ref l); }
  static int Deep(ref Large l) { Large next = l; next.a++; return Deep(ref next) + (int)next.a; }
  static int Passed(int n) { try { Throw(1); } catch (ArgumentException) { } Base b = n == 0 ? new Base() : null; return b.F(); }
  static unsafe int Alloc(int n) { byte* p = stackalloc byte[1 - 2 * n]; return p == null ? 0 : 1; }
  static int Throw(int n) { if (n != 0) throw new ArgumentException("no"); return 1; }
}
"""
REASONS = {
    "Null": "P::Null, IL_0013: trap: null reference",
    "Bind": "unhandled exception: System.ArgumentException",
    "Called": "P::Called, IL_001a: trap: null reference",
    "Index": "P::Index, IL_0009: trap: index out of range",
    "Cast": "P::Cast, IL_0017: trap: invalid cast",
    "Unbox": "P::Unbox, IL_001a: trap: invalid cast",
    "Store": "P::Store, IL_001f: trap: array type mismatch",
    "Negative": "an array of negative length",
    "Memory": "out of memory",
    "Depth": "P::Deep, IL_0000: trap: stack",
    "Alloc": "P::Alloc, IL_0007: trap: stack",
    "Passed": "unhandled exception: System.NullReferenceException",
    "Throw": "unhandled exception: System.ArgumentException",
}
OFFSETS = r"""
using System;
using System.Diagnostics;
class P {
  static void Index(int[] all, int n) { all[n]++; }
  static void Call(int n) { Index(new int[2], n); Index(new int[2], n + 1); }
  static int Main() {
    try { Call(1); } catch (Exception e) {
      Console.WriteLine(e.StackTrace);
      foreach (StackFrame frame in new StackTrace(e).GetFrames())
        Console.WriteLine(frame.ToString() + " " + frame.GetILOffset() + " " + frame.GetFileLineNumber());
    }
    Console.Write(new StackTrace().ToString());
    return 0;
  }
}
"""
OFFSETS_PRINT = """  at P.Index (System.Int32[] all, System.Int32 n) [0x00002]
  at P.Call (System.Int32 n) [0x00015]
  at P.Main () [0x00001]
P.Index at offset 2 2 0
P.Call at offset 21 21 0
P.Main at offset 1 1 0
  at P.Main () [0x00085]
"""
LINES = Path(__file__).parent / "cil_lines.cs"


def lines_wanted(source, defined):
    """What the program of cil_lines.cs prints, if mcs gets its source by this name."""
    text = LINES.with_suffix(".txt").read_text().replace("{source}", str(source))
    return text if defined else re.sub(r"^async: .*\n(  .*\n)*", "", text, flags=re.M).replace("m__6", "m__5")


def without_offsets(text):
    return re.sub(r" \[0x[0-9a-f]{5}\]", "", text)


def line_of(text):
    return next(n for n, line in enumerate(LINES.read_text().splitlines(), 1) if f'"{text}"' in line)


ROOM = r"""
class P {
  static int Main() {
    byte[][] all = new byte[30][];
    for (int i = 0; i < 30; i++) all[i] = new byte[(1 << 20) - 64];
    for (int i = 0; i < 8; i++) all[i] = null;
    return new byte[25 << 20].Length == 25 << 20 && all[29] != null ? 0 : 1;
  }
}
"""


def mcs(output, *words):
    subprocess.run(["mcs", "-nowarn:0162,0168,0169,0219,0253,0414,0649,1718", f"-out:{output}", *words], check=True,
                   capture_output=True)


class CilRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.core = Path(cls.folder.name) / "core/mscorlib.dll"
        cls.core.parent.mkdir()
        mcs(cls.core, *CORE, "-nostdlib", "-noconfig", "-unsafe", "-t:library", "-runtimemetadataversion:v4.0.30319", "-langversion:7.2")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_method(self, *words, memory=16):
        command = [COMMAND, "--memory", str(memory), "--lib", self.core.parent, *words]
        return subprocess.run(command, text=True, capture_output=True, timeout=120)

    def test_programs_compute_what_mono_computes(self):
        path = Path(self.folder.name) / "run.exe"
        mcs(path, SOURCE, "-d:MONO", "-r:System.Core")
        subprocess.run(["mono", path], check=True)
        mcs(path, SOURCE, "-nostdlib", "-noconfig", f"-r:{self.core}", "-t:library")
        for engine in ENGINES:
            done = self.run_method("--tests", *engine, path)
            self.assertRegex(done.stdout, r"^run\.exe: \d\d passed, 0 failed, 0 not compiled yet\n$", done.stderr)

    def test_instructions_that_no_compiler_of_c_sharp_writes(self):
        path = Path(self.folder.name) / "calls.dll"
        subprocess.run(["ilasm", "/dll", f"/output:{path}", Path(__file__).parent / "cil_calls.il"], check=True, capture_output=True)
        for engine in (*ENGINES, ["--gc-stress"]):
            done = self.run_method("--tests", "--trusted", *engine, path, memory=32)
            self.assertEqual("calls.dll: 9 passed, 0 failed, 0 not compiled yet\n", done.stdout, done.stderr)

    def test_a_main_without_a_result_has_the_exit_code(self):
        path, source = (Path(self.folder.name) / name for name in ("code.exe", "code.cs"))
        for text, status in (("static void Main() { System.Environment.ExitCode = 300; }", 300 & 255),
                             ("static int Main() { System.Environment.ExitCode = 3; return System.Environment.ExitCode + 1; }", 4),
                             ("static void Main() { System.Environment.ExitCode = 3; System.Environment.Exit(5); }", 5), ("static void Main() { }", 0)):
            source.write_text(f"class P {{ {text} }}")
            mcs(path, source, "-nostdlib", "-noconfig", f"-r:{self.core}")
            for engine in ENGINES:
                self.assertEqual((status, ""), (self.run_method(*engine, path).returncode, self.run_method(*engine, path).stderr), text)

    def methods(self, *words):
        """(how many methods were compiled, what the program prints)"""
        done = self.run_method("--time", *words, memory=64)
        self.assertEqual(21, done.returncode, done.stderr)
        return int(re.search(r"(\d+) methods, ", done.stderr)[1]), done.stdout

    def test_short_methods_are_inlined(self):
        path = Path(self.folder.name) / "inline.exe"
        mcs(path, Path(__file__).parent / "cil_inline.cs", "-nostdlib", "-noconfig", f"-r:{self.core}")
        usual, prints = self.methods(path)
        called, same = self.methods("--code", "calls", path)
        self.assertEqual(prints, same)
        self.assertLess(usual, called - 30)

    def test_short_methods_that_call_each_other_do_not_grow(self):
        """Each calls the next one twice, so that all of them in one place would be 2^40 calls."""
        count = 40
        path, source = (Path(self.folder.name) / name for name in ("grow.exe", "grow.cs"))
        text = "".join(f"    public void M{n}() {{ M{n + 1}(); M{n + 1}(); }}\n" for n in range(count))
        source.write_text(f"class G {{\n    public int n;\n{text}    public void M{count}() {{ n = n + 1; }}\n"
                          f"    static int Main() {{ G g = new G(); g.M{count - 5}(); if (g.n == 0) g.M0(); return g.n - 11; }}\n}}\n")
        mcs(path, source, "-nostdlib", "-noconfig", f"-r:{self.core}")
        usual, _ = self.methods(path)
        self.assertGreater(usual, count - 5)

    def test_calls_of_delegates(self):
        """Of each kind, by each way through compiled code."""
        path = Path(self.folder.name) / "delegates.exe"
        mcs(path, DELEGATES)
        expected = subprocess.run(["mono", path], check=True, capture_output=True, text=True).stdout
        mcs(path, DELEGATES, "-nostdlib", "-noconfig", f"-r:{self.core}")
        for words in (*ENGINES, ["--code", "quick"], ["--code", "few"], ["--code", "old"], ["--code", "calls"], ["--code", "frames"],
                      ["--gc-stress"], ["--gc-stress", "--interp"]):
            done = self.run_method(*words, path, memory=64)
            self.assertEqual((expected, "", 0), (done.stdout, done.stderr, done.returncode), words)

    def test_what_ends_a_program_is_named(self):
        source = Path(self.folder.name) / "ends.cs"
        source.write_text(ENDS)
        path = Path(self.folder.name) / "ends.dll"
        mcs(path, source, "-nostdlib", "-noconfig", "-unsafe", f"-r:{self.core}", "-t:library")
        for name, reason in REASONS.items():
            for engine in ENGINES:
                with self.subTest(name, engine=engine):
                    good = self.run_method("--trusted", "--run", f"P::{name}", *engine, path, "0")
                    self.assertEqual(("1\n", 0), (good.stdout, good.returncode), good.stderr)
                    bad = self.run_method("--trusted", "--run", f"P::{name}", *engine, path, "1")
                    self.assertEqual(119, bad.returncode)
                    self.assertRegex(bad.stderr, rf"^halyard-cil: {reason}(: \w.*)?\n")
                    method = re.match(r"(P::\w+), (IL_\w+)", reason) or re.match(r"()()", reason)
                    self.assertRegex(bad.stderr, rf"^.*\n(  at P::\w+ \(IL_\w{{4,5}}\)\n)*(  and \d+ more\n)?$")
                    self.assertIn(f"\n  at {method[1]} ({method[2]})\n" if method[1] else "", bad.stderr)

    def test_a_collection_finds_every_reference(self):
        """Also if there is one at every allocation. One run notices each lost reference, and each missing write barrier."""
        path = Path(self.folder.name) / "gc.exe"
        mcs(path, GARBAGE, "-unsafe")
        expected = subprocess.run(["mono", path], check=True, capture_output=True, text=True).stdout
        mcs(path, GARBAGE, "-unsafe", "-nostdlib", "-noconfig", f"-r:{self.core}")
        for words in ([], ["--gc-stress"], ["--gc-stress", "--interp"]):
            done = self.run_method("--trusted", *words, path)
            self.assertEqual((expected, "", 0), (done.stdout, done.stderr, done.returncode), words)
        for method in REFERENCES:
            done = self.run_method("--trusted", "--gc-stress", "--gc-lose", method, path)
            self.assertNotEqual((expected, 0), (done.stdout, done.returncode), method)
        for method in BARRIERS:
            done = self.run_method("--trusted", "--gc-stress", "--gc-unmark", method, path)
            self.assertNotEqual((expected, 0), (done.stdout, done.returncode), method)

    def abi(self, part, *references):
        """An assembly of cil_abi.py, of mono's core library or of the own one, in a folder for each."""
        source = Path(self.folder.name) / f"abi-{part}.cs"
        source.write_text(cil_abi.program(part))
        library = ["-t:library"] if part in ("types", "calls") else []
        for folder, core in (("mono", []), ("own", ["-nostdlib", "-noconfig", f"-r:{self.core}"])):
            made = Path(self.folder.name) / folder / f"abi-{part}.{'dll' if library else 'exe'}"
            made.parent.mkdir(exist_ok=True)
            mcs(made, source, "-nowarn:0219", *library, *core, *(f"-r:{made.parent}/abi-{name}.dll" for name in references))

    def check_abi(self, part, expected, engines):
        for name, command in engines.items():
            start = time.monotonic()
            done = subprocess.run([*command, "--memory", "64", "--lib", self.core.parent, Path(self.folder.name) / f"own/abi-{part}.exe"],
                                  text=True, capture_output=True, timeout=3600)
            self.assertEqual((expected, "", 0), (done.stdout, done.stderr, done.returncode), name)
            many, calls = cil_abi.count()
            print(f"# abi {part} on {name}: {calls} calls with {many} structs in {time.monotonic() - start:.1f} s", flush=True)

    def test_structs_of_all_sizes_are_passed_and_returned(self):
        """10 positions, static, instance, virtual, interface, delegate, constructor, returned or not, on all engines."""
        self.abi("all")
        expected = subprocess.run(["mono", Path(self.folder.name) / "mono/abi-all.exe"], check=True, capture_output=True, text=True).stdout
        self.assertIn("32 bytes by a hidden place: 8765 8765 7 9\n", expected)
        self.assertEqual((expected.count("\n"), *cil_abi.count()), (122, 120, 13200))
        foreign = oracle.foreign_folder(COMMAND.parent) / "halyard-cil"
        engines = {"host": [COMMAND], "host-collected": [COMMAND, "--gc-stress"], "interpreter": [COMMAND, "--interp"]}
        if platform.machine() == "x86_64" and foreign.exists():
            engines["aarch64"] = [*oracle.AARCH64, foreign]
        self.check_abi("all", expected, engines)
        for part, needs in (("types", ()), ("calls", ("types",)), ("types-first", ("types", "calls")), ("calls-first", ("types", "calls"))):
            self.abi(part, *needs)
        for part in ("types-first", "calls-first"):
            self.check_abi(part, expected, {"host": [COMMAND]})

    def test_threads_compute_what_mono_computes(self):
        """Also if each allocation of each thread stops the others and moves all objects."""
        for source, status in THREADS.items():
            path = Path(self.folder.name) / "threads.exe"
            mcs(path, Path(__file__).parent / source)
            expected = subprocess.run(["mono", path, "20"], check=False, capture_output=True, text=True, timeout=60)
            mcs(path, Path(__file__).parent / source, "-nostdlib", "-noconfig", f"-r:{self.core}")
            for words in ([], ["--gc-stress"]):
                done = self.run_method(*words, path, "20", memory=64)
                self.assertEqual((expected.stdout, "", status), (done.stdout, done.stderr, done.returncode), (source, words))
            refused = self.run_method("--interp", path, "20")
            self.assertEqual(125, refused.returncode)
            self.assertIn(": a program that may start threads is not interpreted\n", refused.stderr)

    def test_programs_print_what_they_print_in_mono(self):
        """Compiled, interpreted, and with a collection at every allocation."""
        path = Path(self.folder.name) / "program.exe"
        for source, status in PROGRAMS.items():
            mcs(path, Path(__file__).parent / source)
            expected = subprocess.run(["mono", path], check=False, capture_output=True, text=True, timeout=60)
            self.assertEqual((status, ""), (expected.returncode, expected.stderr))
            mcs(path, Path(__file__).parent / source, "-nostdlib", "-noconfig", f"-r:{self.core}")
            for words in (*ENGINES, ["--gc-stress"]):
                done = self.run_method(*words, path, memory=64)
                self.assertEqual((expected.stdout, "", status), (done.stdout, done.stderr, done.returncode), (source, words))

    def test_a_trace_has_the_offset_of_each_call(self):
        source, path = Path(self.folder.name) / "offsets.cs", Path(self.folder.name) / "offsets.exe"
        source.write_text(OFFSETS)
        mcs(path, source, "-optimize", "-nostdlib", "-noconfig", f"-r:{self.core}")
        for words in (*ENGINES, ["--gc-stress"]):
            done = self.run_method(*words, path)
            self.assertEqual((OFFSETS_PRINT, "", 0), (done.stdout, done.stderr, done.returncode), words)

    def lines(self, *words):
        """lines.exe of cil_lines.cs, with its symbols."""
        path = Path(self.folder.name) / "lines/lines.exe"
        path.parent.mkdir(exist_ok=True)
        mcs(path, LINES, "-debug", "-nostdlib", "-noconfig", f"-r:{self.core}", *words)
        return path, Path(f"{path}.mdb")

    def test_traces_have_files_and_lines(self):
        """Of nested calls, throw; and throw e, inner exceptions, generic and async methods, iterators, properties and constructors."""
        for defined in ([], ["-define:ASYNC"]):
            path, _ = self.lines(*defined)
            for words in ([["--gc-stress"], []] if defined else [*ENGINES, ["--gc-stress"]]):
                done = self.run_method(*words, path)
                self.assertEqual((lines_wanted(LINES, defined), "", 6), (without_offsets(done.stdout), done.stderr, done.returncode), words)
        for words in ENGINES if not defined else ([],):
            done = self.run_method(*words, path, "uncaught")
            self.assertEqual(119, done.returncode)
            self.assertRegex(done.stderr, rf"^halyard-cil: unhandled exception: System.InvalidOperationException: outer\n"
                                          rf"  at Lines.P::Wrap \(IL_\w+\) in {LINES}:{line_of('outer')}\n"
                                          r"  at Lines.P::Main \(IL_\w+\) in /elsewhere/other.cs:4002\n"
                                          r"  inner exception: System.DivideByZeroException: Attempted to divide by zero.\n"
                                          rf"  at Lines.P::Restart \(IL_\w+\) in {LINES}:\d+\n"
                                          rf"  at Lines.P::Wrap \(IL_\w+\) in {LINES}:\d+\n$")

    def test_traces_without_good_symbols_have_no_lines(self):
        """Files that are missing, cut off, of another build or no symbols change nothing else, and say so once."""
        path, symbols = self.lines()
        good = symbols.read_bytes()
        wanted = re.sub(r"^Where .*$", "Where  0", re.sub(r" in /\S+:\d+$", "", lines_wanted(LINES, []), flags=re.M), flags=re.M)
        for name, contents, reason in (("missing", None, ""), ("other build", good[:16] + bytes(16) + good[32:], "of another build of the assembly"),
                                       ("version", good[:8] + b"\x31" + good[9:], "of another version than 50"), ("none", b"text", "no symbol file of mono"),
                                       ("empty", b"", "no symbol file of mono"), ("header", good[:70], "its header is cut off"),
                                       ("cut", good[:len(good) // 2], "a table is not inside the file")):
            symbols.unlink(missing_ok=True)
            if contents is not None:
                symbols.write_bytes(contents)
            done = self.run_method(path)
            self.assertEqual((wanted, 6), (without_offsets(done.stdout), done.returncode), name)
            self.assertEqual(done.stderr.count("\n"), 1 if reason else 0, done.stderr)
            self.assertIn(reason, done.stderr)

    def test_hundreds_of_threads_run_at_once(self):
        """Then as many as there is memory for. Those that have ended leave nothing behind."""
        path = Path(self.folder.name) / "crowd.exe"
        mcs(path, Path(__file__).parent / "cil_crowd.cs", "-nostdlib", "-noconfig", f"-r:{self.core}")
        done = self.run_method(path, "limit", memory=64)
        self.assertEqual((CROWD_PRINT, "", 0), (done.stdout, done.stderr, done.returncode))

    def test_the_search_for_adapters_is_short(self):
        """Each of 500 methods has its own types, and needs an adapter for Invoke; 500 more have the same types."""
        source, path = Path(self.folder.name) / "members.cs", Path(self.folder.name) / "members.exe"
        kinds = ("int", "long", "string", "byte", "double")
        methods = "".join(f"  public static int {part}{n}({', '.join(f'{kinds[n // 5 ** k % 5]} p{k}' for k in range(4))}) {{ return {n}; }}\n"
                          for n in range(500) for part in "AB")
        source.write_text(f"class Many {{\n{methods}}}\nclass P {{ static int Main() {{ "
                          'return (int)typeof(Many).GetMethod("B7").Invoke(null, new object[] { "", 1L, 2, 3 }); } }\n')
        mcs(path, source, "-nostdlib", "-noconfig", f"-r:{self.core}")
        done = self.run_method("--time", path, memory=64)
        self.assertEqual(done.returncode, 7, done.stderr)
        members, adapters, compared = map(int, re.search(r"(\d+) methods as objects, (\d+) adapters, (\d+) compared", done.stderr).groups())
        self.assertGreaterEqual(members, 1000)
        self.assertGreaterEqual(adapters, 500)
        self.assertLessEqual(compared, 2 * members)

    def test_filters_run_before_finally_blocks(self):
        path = Path(self.folder.name) / "filters.exe"
        mcs(path, FILTERS, "-nostdlib", "-noconfig", "-nowarn:1720", f"-r:{self.core}")
        expected = subprocess.run(["mono", path], check=True, capture_output=True, text=True).stdout
        expected = expected.replace("throwing filter: try, in filter, right", "throwing filter: try, in filter, finally, right")
        for words in ([], ["--interp"], ["--gc-stress"]):
            done = self.run_method(*words, path)
            self.assertEqual((expected, "", 0), (done.stdout, done.stderr, done.returncode), words)

    def test_finalizers_run_once_and_weak_references_become_null(self):
        path = Path(self.folder.name) / "handles.exe"
        mcs(path, HANDLES, "-unsafe", "-nostdlib", "-noconfig", f"-r:{self.core}")
        for engine in ENGINES:
            done = self.run_method("--trusted", *engine, path, memory=32)
            self.assertEqual((HANDLES_PRINT, "", 0), (done.stdout, done.stderr, done.returncode), engine)
        done = self.run_method("--trusted", path, "fail", memory=32)
        self.assertEqual((HANDLES_PRINT, 119), (done.stdout, done.returncode))
        self.assertIn("unhandled exception: System.InvalidOperationException", done.stderr)
        # Finalizers run earlier if each allocation collects, so the order of the lines is another one.
        done = self.run_method("--trusted", "--gc-stress", path, "few")
        self.assertEqual(("", 0), (done.stderr, done.returncode), done.stdout)

    def test_only_used_memory_counts_towards_the_limit(self):
        """47 MiB, whether or not a collection is due when the limit is reached."""
        source, path = Path(self.folder.name) / "room.cs", Path(self.folder.name) / "room.exe"
        source.write_text(ROOM)
        mcs(path, source, "-nostdlib", "-noconfig", f"-r:{self.core}")
        for memory in range(49, 60):
            done = self.run_method(path, memory=memory)
            self.assertEqual((0, ""), (done.returncode, done.stderr), memory)


if __name__ == "__main__":
    unittest.main()

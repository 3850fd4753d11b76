# SPDX-License-Identifier: MIT
"""C# programs, compiled with mcs against Halyard's core library (docs/dotnet.md). Both machines run the same files."""
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from person import Terminal
from smoke import BUILD, MACHINE, TestCase, debug, run
from tree import kernel_image

CORE = sorted(str(path) for path in (Path(__file__).parents[2] / "lib/cil").glob("*.cs"))
SAMPLE = BUILD / "programs/collatz.exe"
STEPS = 178  # of the longest sequence below 1000: collatz.exe's status

COSTS = Path(__file__).parents[1] / "workloads/cil/costs.cs"
CALLS = {"interface call, the first of three types": 8, "interface call, the second": 8, "interface call, the third": 8,
         "delegate call": 5, "delegate call, another method of the type": 14,
         "delegate call, of a virtual method": 14}  # instructions, at most

LISTED = "while ! jit | /bin/grep.wasm endless.exe; do /bin/sleep.wasm 0; done"

PUBLISHES = "jit dump /files/publishes.exe P.Main"

PROGRAMS = {
    "divide": "static int Half(int n) { return 1 / n; } static int Main() { return Half(0); }",
    "endless": "static int Main() { for (;;) { } }",
    "deep": "static int Down(int n) { return n < 0 ? 0 : Down(n + 1) + 1; } static int Main() { return Down(0); }",
    "large": "static int Main() { return 256; }",
    "nothing": "static void Main() { }",
    "thrown": 'static void Main() { throw new System.InvalidOperationException("no"); }',
    "catches": "static int Half(int n) { return 1 / n; } static int Main() { try { Half(0); } catch (System.DivideByZeroException e) "
               '{ System.Console.WriteLine("caught: " + e.Message); } finally { System.Console.WriteLine("finally"); } return 7; }',
    "code": "static void Main() { System.Environment.ExitCode = 41; System.Environment.ExitCode++; }",
    "leaves": "static int Main() { System.Environment.Exit(42); return 1; }",
    "grows": "class Kept { public int[] all = new int[1000]; public Kept last; } static Kept last; "
             "static void Main() { for (;;) { last = new Kept { last = last }; } }",
    # 16 times the memory that it may have
    "garbage": "static object[] kept = new object[50]; static int Main() { for (int n = 0; n < 130000; n++) { "
               "kept[n % 50] = new int[200 + n % 100]; } int sum = 0; foreach (object o in kept) { sum += ((int[])o).Length % 7; } "
               "return sum; }",
    "publishes": "static object kept = new object(); static void Work() { } "
                 "static void Main() { new System.Threading.Thread(Work).Start(); kept = new int[1]; }",
    "null": "static int Main() { string s = null; return s.Length; }",
}


def compile_program(folder, name, text):
    """An .exe from the members of a class P."""
    source, out = folder / f"{name}.cs", folder / f"{name}.exe"
    source.write_text(f"static class P {{ {text} }}\n")
    subprocess.run(["mcs", "-noconfig", "-nostdlib", f"-r:{BUILD / 'cil/mscorlib.dll'}", str(source), f"-out:{out}"],
                   check=True, capture_output=True)
    source.unlink()
    return out


def without_cli_header(data):
    """A PE file that is no assembly: its 15th directory is empty."""
    data = bytearray(data)
    at = int.from_bytes(data[0x3c:0x40], "little") + 24 + 96 + 14 * 8
    data[at:at + 8] = bytes(8)
    return bytes(data)


class DotNet(TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_a_program_takes_its_assemblies_along(self):
        """Those that it names, and those that these name; but not the others beside it."""
        texts = {"last.dll": "public static class Last { public static int Two() { return 2; } }",
                 "first.dll": "public static class First { public static int Four() { return Last.Two() * 2; } }",
                 "app.exe": "static class P { static int Main() { return First.Four() + 40 + (System.IO.File.Exists(\"/bin/other.dll\") ? 100 : 0); } }"}
        (self.folder / "other.dll").write_bytes(b"no assembly")
        for name, text in texts.items():
            source = self.folder / "source.cs"
            source.write_text(text)
            others = [f"-r:{self.folder / other}" for other in texts if (self.folder / other).exists()]
            subprocess.run(["mcs", "-noconfig", "-nostdlib", f"-r:{BUILD / 'cil/mscorlib.dll'}", *others, str(source), f"-out:{self.folder / name}",
                            *(["-t:library"] if name.endswith("dll") else [])], check=True, capture_output=True)
        self.expect(run("--program", self.folder / "app.exe"), 44)

    def test_the_result_of_main_is_the_exit_status(self):
        self.expect(run("--program", SAMPLE), STEPS)

    def test_hello(self):
        """By the commands of README.md: strings, objects, arrays and a virtual call."""
        result = run("--program", BUILD / "programs/hello.exe", "--args", "Ada 'Zoë 😀'")
        self.expect(result, 2, contains="Hello, Ada!\nHello, Zoë 😀!\n")

    def test_a_session_with_programs_that_end_in_every_way(self):
        for name, text in PROGRAMS.items():
            compile_program(self.folder, name, text)
        (self.folder / "mscorlib.dll").write_bytes(b"not looked at: the core library is that in /lib/cil")
        own = self.folder / "own.cs"
        own.write_text("class P { static int Main() { return 1; } }")
        subprocess.run(["mcs", "-noconfig", "-nostdlib", "-unsafe", "-runtimemetadataversion:v4.0.30319", "-langversion:7.2", str(own), *CORE,
                        f"-out:{self.folder / 'own.exe'}"], check=True, capture_output=True)
        whole = SAMPLE.read_bytes()
        (self.folder / "cut.exe").write_bytes(whole[:len(whole) // 2])
        (self.folder / "native.exe").write_bytes(without_cli_header(whole))
        lines = ["jit /files/native.exe", "run /bin/collatz.exe", "run /files/divide.exe", "run --cpu 1 /files/endless.exe", "run /files/deep.exe",
                 "run /files/large.exe", "run /files/nothing.exe", "run /files/thrown.exe",
                 "run /files/catches.exe", "run /files/leaves.exe", "run /files/code.exe", "run --memory 8M /files/grows.exe",
                 "run --memory 8M /files/garbage.exe", "run /files/null.exe", "run /bin/hello.exe",
                 "echo 'one two  ONE' | /bin/words.exe", "run --memory 64K /bin/collatz.exe", "run --memory 2M /bin/collatz.exe",
                 "run --interp /bin/collatz.exe", "run /files/cut.exe", "run /files/native.exe", "run /lib/cil/mscorlib.dll",
                 "run /files/own.exe", "/files/endless.exe &", LISTED, "gc", "kill %1", "wait", "gc", "jit /bin/collatz.exe", "jit dump /bin/collatz.exe Collatz.Steps",
                 "jit dump /bin/collatz.exe Collatz.Steeps", PUBLISHES, "run /bin/collatz.exe", "poweroff"]
        result = run("--files", self.folder, typed="\n".join(lines) + "\n")
        self.expect(result)
        told = dict(result.answers)
        heaps = [text for line, text in result.answers if line == "gc"]
        self.assertRegex(heaps[0], r"DUE  SHORT  ASKED  MINOR PAUSES us LONGEST us  PATH\n.* 0 +0 +0 +0 +0 +0  /files/endless.exe\n")
        self.assertIn("No program with a collector is loaded.\n", heaps[1])
        for line, *texts in (
                ("jit /files/native.exe", "no portable program"),  # the extension is not loaded for it
                ("run /bin/collatz.exe", f"exit status {STEPS}"),
                ("run /files/divide.exe", "program divide.exe: unhandled exception: System.DivideByZeroException",
                 "#0 P::Half (IL_0002)", "#1 P::Main (IL_0001)", "ended by a fault"),
                ("run --cpu 1 /files/endless.exe", "its CPU time is used up"),
                ("run /files/deep.exe", "System.StackOverflowException", "P::Down (IL_", " more"),
                ("run /files/large.exe", "exit status 256 is too large, reported as 255"),
                ("run /files/thrown.exe", "unhandled exception: System.InvalidOperationException", "#0 P::Main"),
                ("run /files/catches.exe", "caught: Attempted to divide by zero.\nfinally\n", "exit status 7"),
                ("run /files/leaves.exe", "exit status 42"), ("run /files/code.exe", "exit status 42"),
                ("run --memory 8M /files/grows.exe", "unhandled exception: System.OutOfMemoryException"),
                ("run --memory 8M /files/garbage.exe", f"exit status {sum((200 + n % 100) % 7 for n in range(129950, 130000))}"),
                ("run /files/null.exe", "unhandled exception: System.NullReferenceException", "#0 P::Main (IL_0003)"),
                ("run /bin/hello.exe", "Hello, world!"),
                ("echo 'one two  ONE' | /bin/words.exe", "     2 one\n     1 two\n"),
                ("run --memory 64K /bin/collatz.exe", "it may have 64 KiB"),
                ("run --memory 2M /bin/collatz.exe", "no memory for the program"),
                ("run --interp /bin/collatz.exe", "not interpreted"),
                ("run /files/cut.exe", "cut.exe: "),
                ("run /files/native.exe", "no .NET assembly: it has no CLI header"),
                ("run /lib/cil/mscorlib.dll", "a library: it has no Main"),
                ("run /files/own.exe", "own.exe: only the core library may define System.Object"),
                (LISTED, "compiled"),
                ("jit /bin/collatz.exe", "Collatz::Main", " functions, ", " KiB of code in "),
                ("jit dump /bin/collatz.exe Collatz.Steps", "IL_0000: ldc.i4.0", "mul.ovf"),
                ("jit dump /bin/collatz.exe Collatz.Steeps", "it has no such method")):
            for text in texts:
                self.assertIn(text, told[line], line)
        # other threads see what a static initialiser has stored, and what is in a new object
        self.assertRegex(told[PUBLISHES], r" = atomic_load\.i32 ")
        self.assertRegex(told[PUBLISHES], r" publish !\d+\n(  v\d+ = .*\n)*  store\.i32 ")
        self.assertEqual("bf 3a 03 d5" in told[PUBLISHES], MACHINE == "aarch64")  # dmb ishst
        self.assertNotIn("exit status", told["run /files/nothing.exe"])

    def test_files_are_those_of_the_programs_folders(self):
        """As for a WASI program: /, or what --dir names, and nothing else. tree.exe copies files and makes a list of them."""
        (self.folder / "from/sub").mkdir(parents=True)
        (self.folder / "from/a.txt").write_text("one\ntwo\n")
        (self.folder / "from/sub/b.txt").write_text("Zoë 😀\n")
        tree = "/bin/tree.exe /files/from "
        relative, denied, renamed, missing, none, read_only = (
            "/bin/tree.exe from ../tmp/relative", f"run --dir /files {tree}/tmp/denied",
            "run --dir /files::/in --dir /tmp::/out /bin/tree.exe /in/from /out/renamed", f"run --dir /missing {tree}/tmp/x",
            f"run --no-dir {tree}/tmp/x", f"{tree}/files/x")
        lines = [f"{tree}/tmp/to", "cat /tmp/to/list.txt", "cat /tmp/to/sub/b.txt", "cd /files", relative, "cat /tmp/relative/list.txt", "cd /",
                 denied, renamed, "cat /tmp/renamed/list.txt", missing, none, read_only, "/bin/tree.exe /files/no /tmp/x", "poweroff"]
        result = run("--files", self.folder, typed="\n".join(lines) + "\n")
        self.expect(result)
        told = dict(result.answers)
        for line, text in ((f"{tree}/tmp/to", "2 files, 3 lines\n"), ("cat /tmp/to/list.txt", "a.txt 8\nb.txt 10\n"),
                           ("cat /tmp/to/sub/b.txt", "Zoë 😀\n"), ("cd /files", "2 files, 3 lines\n"), ("cd /files", "a.txt 8\nb.txt 10\n"),
                           (denied, "tree: The access is denied: '/tmp/denied'."),
                           (renamed, "2 files, 3 lines\n"), ("cat /tmp/renamed/list.txt", "a.txt 8\n"),
                           (missing, "folder /missing: no such file"), (none, "tree: The access is denied: '/tmp/x'."),
                           (read_only, "tree: The file system is read-only: '/files/x'."),
                           ("/bin/tree.exe /files/no /tmp/x", "tree: There is no such directory: '/files/no'.")):
            self.assertIn(text, told[line], line)

    def test_lines_from_the_keyboard(self):
        """Until Ctrl-D."""
        with Terminal(80) as t:
            t.wait_line("")
            t.type("/bin/words.exe\rone two\rone\r\x04")
            t.wait_for("     2 one", "     1 two")
            t.wait_line("")

    def test_threads(self):
        """The sample, on 4 CPUs: its output does not depend on the order in which its threads run."""
        result = run("--smp", "4", "--program", BUILD / "programs/threads.exe", "--args", "4")
        self.expect(result, 0, contains="below 5000: 669 primes, the last is 4999\nbelow 10000: 1229 primes, the last is 9973\n"
                                        "below 15000: 1754 primes, the last is 14983\nbelow 20000: 2262 primes, the last is 19997\n")

    def test_tasks_of_threads(self):
        """The sample, on 4 CPUs: tasks, an async method, a timer, and a task that fails."""
        result = run("--smp", "4", "--program", BUILD / "programs/tasks.exe", "--args", "40")
        elements = sum((i + k) * (k - j) for i in range(40) for j in range(40) for k in range(40))
        self.expect(result, 0, contains=f"the product's elements are {elements} together: 8 tasks\na timer has fired\n"
                                        "a task has failed: Attempted to divide by zero.\n")

    def compile_twice(self, name):
        """own.exe and mono.exe, from a file of the tests on the host."""
        source = Path(__file__).parents[1] / "tools" / name
        for out, options in (("own.exe", ["-noconfig", "-nostdlib", f"-r:{BUILD / 'cil/mscorlib.dll'}"]), ("mono.exe", [])):
            subprocess.run(["mcs", *options, str(source), f"-out:{self.folder / out}"], check=True, capture_output=True)

    def test_methods_and_attributes_as_objects_are_as_monos(self):
        self.compile_twice("cil_reflection.cs")
        wanted = subprocess.run(["mono", str(self.folder / "mono.exe")], capture_output=True, text=True, check=True, timeout=60)
        self.expect(run("--program", self.folder / "own.exe"), 0, contains=wanted.stdout)

    def test_programs_print_what_they_print_in_mono(self):
        for name, status in (("cil_bounds.cs", 44), ("cil_typed.cs", 7), ("cil_traces.cs", 5)):
            self.compile_twice(name)
            wanted = subprocess.run(["mono", str(self.folder / "mono.exe")], capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual(wanted.returncode, status)
            self.expect(run("--program", self.folder / "own.exe"), status, contains=wanted.stdout)

    def test_traces_have_files_and_lines(self):
        """In what a program prints, in the report on it, and in `jit dump`. A symbol file of another build is named once, and not used."""
        source = Path(__file__).parents[1] / "tools/cil_lines.cs"
        for name in ("lines.exe", "other.exe"):
            subprocess.run(["mcs", "-debug", "-define:ASYNC", "-noconfig", "-nostdlib", f"-r:{BUILD / 'cil/mscorlib.dll'}", str(source),
                            f"-out:{self.folder / name}"], check=True, capture_output=True)
        (self.folder / "other.exe.mdb").write_bytes((self.folder / "lines.exe.mdb").read_bytes())
        lines = ["run /files/lines.exe", "run /files/lines.exe uncaught", "run /files/other.exe uncaught",
                 "jit dump /files/lines.exe Lines.P.Divide", "poweroff"]
        result = run("--smp", "4", "--files", self.folder, typed="\n".join(lines) + "\n")
        self.expect(result)
        told = {line: re.sub(r" \[0x[0-9a-f]{5}\]", "", text) for line, text in result.answers}
        wanted = source.with_suffix(".txt").read_text().replace("{source}", str(source))
        self.assertIn(wanted, told["run /files/lines.exe"])
        self.assertIn("exit status 6", told["run /files/lines.exe"])
        number = next(n for n, text in enumerate(source.read_text().splitlines(), 1) if '"outer"' in text)
        self.assertRegex(told["run /files/lines.exe uncaught"],
                         rf"program lines.exe: unhandled exception: System.InvalidOperationException: outer\n  #0 Lines.P::Wrap \(IL_\w+\) in {source}:{number}\n"
                         r"  #1 Lines.P::Main \(IL_\w+\) in /elsewhere/other.cs:4002\n"
                         rf"  inner exception: System.DivideByZeroException: Attempted to divide by zero.\n  #0 Lines.P::Restart \(IL_\w+\) in {source}:\d+\n")
        other = told["run /files/other.exe uncaught"]
        self.assertEqual(other.count("/files/other.exe.mdb: of another build of the assembly: there are no lines\n"), 1)
        self.assertNotIn("cil_lines.cs", other)
        self.assertRegex(other, r"  #0 Lines.P::Wrap \(IL_\w+\)\n  #1 Lines.P::Main \(IL_\w+\)\n")
        self.assertRegex(told["jit dump /files/lines.exe Lines.P.Divide"], rf"; IL\n; in {source}:\d+\n  IL_0000: (.*\n)+; in {source}:\d+\n  IL_")

    def test_panics_profiles_and_the_debugger_name_lines(self):
        source = self.folder / "cil+places.cs"  # "+" also comes before an offset
        shutil.copyfile(Path(__file__).parent / "cil_places.cs", source)
        line = {word: n for n, text in enumerate(source.read_text().splitlines(), 1) for word in re.findall(r"// (\w+)$", text)}
        program = self.folder / "places.exe"
        subprocess.run(["mcs", "-debug", "-noconfig", "-nostdlib", f"-r:{BUILD / 'cil/mscorlib.dll'}", str(source), f"-out:{program}"],
                       check=True, capture_output=True)
        # An instruction that the compiler never emits, written over the first one of a method.
        undefined = {"x86_64": "set *(unsigned short *)$pc = 0x0b0f", "aarch64": "set *(unsigned int *)$pc = 0"}[MACHINE]
        done = debug(f"break 'places.exe!Places::Square'\ncontinue\nbacktrace\ndelete\n{undefined}\ncontinue\n", "--program", program)
        everything = done.output + done.errors
        for name, word in (("Square", "square"), ("Mix", "call"), ("Main", "main")):
            self.assertRegex(everything, rf"in places\.exe!Places::{name} <IL_[0-9a-f]+> \(\) at {re.escape(str(source))}:{line[word]}\n", everything)
        self.assertRegex(everything, r"PANIC: unexpected fault", everything)
        report = everything[everything.index("PANIC: unexpected fault"):]
        self.assertRegex(report, rf"Places::Square\+0x\w+ \(IL_0000, cil\+places\.cs:{line['square']}\)\n", everything)
        self.assertRegex(report, rf"Places::Main\+0x\w+ \(IL_\w+, cil\+places\.cs:{line['main']}\)\n", everything)
        lines = ["profile start", "run --cpu 1 /files/places.exe", "profile stop", "profile lines", "poweroff"]
        result = run("--accel", "icount", "--files", self.folder, typed="\n".join(lines) + "\n")
        self.expect(result)
        told = dict(result.answers)
        shares = {text: int(count) for count, text in re.findall(r"(?m)^ *\d+\.\d % +(\d+)  (\S.*)$", told["profile lines"])}
        mix, divide = (sum(count for text, count in shares.items() if re.fullmatch(rf"places\.exe!Places::Mix \(IL_\w+, cil\+places\.cs:{line[word]}\)", text))
                       for word in ("call", "divide"))
        whole = {text: int(count) for count, text in re.findall(r"(?m)^ *\d+\.\d % +(\d+)  (\S.*)$", told["profile stop"])}
        self.assertGreater(min(mix, divide), 100, result.output)
        self.assertLessEqual(mix + divide, whole["places.exe!Places::Mix"], result.output)
        self.assertGreater(mix + divide, 0.9 * whole["places.exe!Places::Mix"], result.output)

    def test_threads_compute_what_mono_computes(self):
        """On 4 CPUs, with collections that stop threads that compute, wait and sleep; tasks; calls of delegates."""
        for name, status in (("cil_threads.cs", 7), ("cil_tasks.cs", 9), ("cil_begin.cs", 11)):
            self.compile_twice(name)
            wanted = subprocess.run(["mono", str(self.folder / "mono.exe"), "100"], capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual(wanted.returncode, status)
            self.expect(run("--smp", "4", "--program", self.folder / "own.exe", "--args", "100"), status, contains=wanted.stdout)

    def test_hundreds_of_threads_at_once(self):
        """Then as many as there is memory for: the next one is an exception. Threads that have ended leave nothing behind."""
        source = Path(__file__).parents[1] / "tools/cil_crowd.cs"
        subprocess.run(["mcs", "-noconfig", "-nostdlib", f"-r:{BUILD / 'cil/mscorlib.dll'}", str(source), f"-out:{self.folder / 'crowd.exe'}"],
                       check=True, capture_output=True)
        line = "run --memory 96M /files/crowd.exe limit"
        result = run("--smp", "4", "--files", self.folder, typed=f"{line}\npoweroff\n")
        self.expect(result)
        told = dict(result.answers)[line]
        for text in ("together: 180900\nin turn: 281400\nTrue There are too many threads, or there is no memory for another one.\n",
                     "all memory again: 47185920\nand again: 60300\ntasks: 0\n"):
            self.assertIn(text, told)
        self.assertNotIn("ended by", told)

    def test_a_program_with_threads_ends_as_a_whole(self):
        """Whatever ends one of its threads, or the program, ends all of them, those that compute and those that wait."""
        start = "static void Start(System.Threading.ThreadStart s) { new System.Threading.Thread(s).Start(); } "
        rest = ("static void Spin() { for (;;) { } } static void Sleep() { System.Threading.Thread.Sleep(-1); } "
                "static object kept; static void Fill() { for (;;) kept = new object[] { kept, new int[100] }; } "
                "static void Main() { Start(Spin); Start(Sleep); Start(End); lock (typeof(int)) { Sleep(); } }")
        for name, end in (("spins", "Spin();"), ("throws", "kept = (string)(object)1;"), ("leaves", "System.Environment.Exit(43);"), ("fills", "Fill();")):
            compile_program(self.folder, name, f"{start} static void End() {{ {end} }} {rest}")
        lines = ["run --cpu 1 /files/spins.exe", "run /files/throws.exe", "run /files/leaves.exe", "run --memory 32M /files/fills.exe",
                 "/files/spins.exe &", LISTED.replace("endless", "spins"), "kill %1", "wait", "jit", "poweroff"]
        result = run("--smp", "4", "--files", self.folder, typed="\n".join(lines) + "\n")
        self.expect(result)
        told = dict(result.answers)
        for line, *texts in (("run --cpu 1 /files/spins.exe", "its CPU time is used up"),
                             ("run /files/throws.exe", "unhandled exception: System.InvalidCastException", "#0 P::End (IL_", "ended by a fault"),
                             ("run /files/leaves.exe", "exit status 43"),
                             ("run --memory 32M /files/fills.exe", "unhandled exception: System.OutOfMemoryException")):
            for text in texts:
                self.assertIn(text, told[line], line)
        self.assertNotIn("spins.exe", told["jit"])

    def test_how_many_instructions_a_start_takes(self):
        """From the bytes of the smallest assembly to its Main: at most 200,000 instructions once the core library is in memory.

        Under icount a virtual nanosecond is an instruction. `jit` prints how long loading and compiling took.
        """
        compile_program(self.folder, "endless", PROGRAMS["endless"])
        start = ["/files/endless.exe &", LISTED, "jit", "kill %1", "wait"]
        lines = [*start, *start, *start, "poweroff"]
        result = run("--accel", "icount", "--files", self.folder, typed="\n".join(lines) + "\n")
        self.expect(result)
        first, *later = [int(ms + us) for ms, us in re.findall(r"compiled .* (\d+)\.(\d{3}) ms  /files/endless.exe\n",
                                                              "".join(text for line, text in result.answers if line == "jit"))]
        print(f"# {MACHINE}: thousands of instructions from bytes to Main: first start {first}, later {later}")
        self.assertEqual(len(later), 2)
        self.assertLessEqual(max(later), 200)
        self.assertLess(max(later), first)

    def test_how_many_instructions_calls_take(self):
        """Those of costs.exe, up to the first instruction of the method. Under icount a nanosecond is an instruction."""
        out = self.folder / "costs.exe"
        subprocess.run(["mcs", "-noconfig", "-nostdlib", f"-r:{BUILD / 'cil/mscorlib.dll'}", str(COSTS), f"-out:{out}"], check=True,
                       capture_output=True)
        result = run("--accel", "icount", "--program", out)
        self.expect(result)
        told = {what: float(count) for what, count in re.findall(r"^(.*): (-?[\d.]+)$", result.output, re.MULTILINE)}
        for what, bar in CALLS.items():
            print(f"# {MACHINE}: {what}: {told[what]} instructions")
            self.assertLessEqual(told[what], bar, what)

    def test_a_library_that_is_replaced_is_read_again(self):
        """A library in /lib/cil stays in memory, but a program gets the one that is on the disk."""
        for version in (1, 2):
            source = self.folder / "version.cs"
            source.write_text(f"public static class Version {{ public static int Number() {{ return {version}; }} }}")
            (self.folder / str(version)).mkdir()
            subprocess.run(["mcs", "-noconfig", "-nostdlib", f"-r:{BUILD / 'cil/mscorlib.dll'}", "-t:library", str(source),
                            f"-out:{self.folder / str(version) / 'version.dll'}"], check=True, capture_output=True)
            source.unlink()
        source = self.folder / "asks.cs"
        source.write_text("class P { static int Main() { return Version.Number(); } }")
        subprocess.run(["mcs", "-noconfig", "-nostdlib", f"-r:{BUILD / 'cil/mscorlib.dll'}", f"-r:{self.folder / '1/version.dll'}",
                        str(source), f"-out:{self.folder / 'asks.exe'}"], check=True, capture_output=True)
        ask = "run /files/asks.exe"
        result = run("--files", self.folder, typed="\n".join(
            ["mount -o remount,rw /", "cp /files/1/version.dll /lib/cil/version.dll", ask, ask, "cp /files/2/version.dll /lib/cil/version.dll", ask,
             "rm /lib/cil/version.dll", ask, "poweroff"]) + "\n")
        self.expect(result)
        told = [text for line, text in result.answers if line == ask]
        for text, status in zip(told, (1, 1, 2), strict=False):
            self.assertIn(f"exit status {status}", text)
        self.assertIn("assembly version is not there", told[3])

    def test_a_kernel_without_the_extension_or_the_library(self):
        """The messages say which file is missing."""
        kernel = self.folder / kernel_image(BUILD, MACHINE).name
        shutil.copyfile(kernel_image(BUILD, MACHINE), kernel)
        arguments = ("--kernel", kernel, "--program", SAMPLE)
        self.expect(run(*arguments, build=self.folder), 125,
                    contains="/bin/collatz.exe: for .NET assemblies the kernel needs /lib/modules/cil.ko: no such file")
        (self.folder / "modules").mkdir()
        shutil.copyfile(BUILD / "modules/cil.ko", self.folder / "modules/cil.ko")
        self.expect(run(*arguments, build=self.folder), 125, contains="the core library is not there: /lib/cil/mscorlib.dll")

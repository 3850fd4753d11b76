# SPDX-License-Identifier: MIT
"""Functions of running WebAssembly programs are replaced (docs/extensions.md). test_modules.py replaces the kernel's."""
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from smoke import MACHINE, TestCase, run
from tracefile import convert, parse
from tree import ROOT

SOURCE = (ROOT / "tests/livepatch/steps.wat").read_text()


def build(folder, name, *changes, source=SOURCE, names=True):
    """A build of the program, with texts of its source replaced."""
    for old, new in changes:
        assert source.count(old) == 1, f"{old}: {source.count(old)} times"
        source = source.replace(old, new)
    text, out = Path(folder, "text.wat"), Path(folder, f"{name}.wasm")
    text.write_text(source)
    subprocess.run(["wat2wasm", "--enable-all", *(["--debug-names"] if names else []), text, "-o", out], check=True)


def digit(function, new):
    """Let a function return another digit."""
    body = re.search(rf"\(func \${function} .*?\(i32.const 49\)\)+\n", SOURCE, re.S)[0]
    return body, body[::-1].replace("(i32.const 49)"[::-1], new[::-1], 1)[::-1]


def two(*functions):
    return [digit(function, "(i32.const 50)") for function in functions]


def at(n):
    return f"while [ ! -d /tmp/at{n} ]; do true; done"


def go(n):
    return f"write /tmp/go{n} now"


class Livepatch(TestCase):
    def session(self, builds, *lines, options=("--smp", "2"), program="steps"):
        with tempfile.TemporaryDirectory() as folder:
            build(folder, "steps")
            for name, changes in builds.items():
                build(folder, name, *changes)
            typed = "\n".join([f"run /files/{program}.wasm > /tmp/out &", at(1), *lines, "poweroff"]) + "\n"
            return run("--files", folder, *options, typed=typed)

    def test_calls_of_every_kind_are_led_to_the_new_code_until_it_is_unloaded(self):
        """Also a call in flight ends in the code in which it began, before and after."""
        busy = "livepatch: 1:new: undone, but not unloaded: a call of it has not ended"
        result = self.session(
            {"new": two("hold", "step", "leaf", "never", "throw")},
            "livepatch load /files/new.wasm 1", "livepatch", go(1), at(2),
            "livepatch load /files/new.wasm 1", "livepatch unload 1:new", "livepatch list", go(2), at(3),
            "livepatch load /files/new.wasm 1", go(3), at(4), "livepatch undo 1:new", go(4), at(5),
            "livepatch unload 1:new", "livepatch", "livepatch unload 1:new", go(5), "wait", "cat /tmp/out")
        self.expect(result, 0, contains=["1:new            applied  hold step leaf never throw",
                                         "livepatch: new: is applied already", busy,
                                         "1:new            undone   hold step leaf never throw",
                                         "livepatch: 1:new: no such patch is loaded",
                                         "12221?2\n21111?1\n1222122\n2111111\n1111111\n"])

    def test_a_refused_patch_is_named_and_changes_nothing(self):
        signature = ("(func $never (type $digit) (i32.const 49))", "(func $never (param i64) (result i32) (i32.const 49))")
        call = ("(call $never (i32.const 0))", "(call $never (i64.const 0))")
        builds = {"signature": [signature, call, *two("step")], "data": [('"tmp/at?', '"tmp/as?'), *two("step")],
                  "more": [("(func $never", "(func $more)\n(func $never"), *two("step")],
                  "memory": [('(memory (export "memory") 1)', '(memory (export "memory") 2)'), *two("step")],
                  "same": [], "new": two("step", "spin")}
        names = ["signature", "data", "more", "memory", "same"]
        result = self.session(
            builds, *(f"livepatch load /files/{name}.wasm 1" for name in names),
            "livepatch load /files/new.wasm 1:nosuch", "livepatch load /files/new.wasm 1:leaf",
            "livepatch load /files/new.wasm 7", "livepatch load /files/new.wasm one", "livepatch load /files/none.wasm 1",
            "write /tmp/text.wasm text", "livepatch load /tmp/text.wasm 1", "livepatch undo 1:new", "livepatch undo 2:new",
            "livepatch", *(line for n in range(1, 5) for line in (go(n), at(n + 1))), go(5), "wait",
            "livepatch load /files/new.wasm 1", "cat /tmp/out")
        only = "only bodies of functions may differ"
        self.expect(result, 0, contains=[
            "livepatch: /files/signature.wasm: never: its signature is not the program's",
            f"livepatch: /files/data.wasm: its data section is not the program's: {only}",
            "livepatch: /files/more.wasm: it has 13 functions, the program has 12",
            f"livepatch: /files/memory.wasm: its memory section is not the program's: {only}",
            "livepatch: /files/same.wasm: *: the file does not change this function",
            "livepatch: /files/new.wasm: nosuch: no function of the program has this name",
            "livepatch: /files/new.wasm: leaf: the file does not change this function",
            "livepatch: /files/new.wasm: no portable program has this number",
            "livepatch: one: not a program's number", "livepatch: /files/none.wasm: no such file or directory",
            "livepatch: /tmp/text.wasm: module, offset 0x0: not a WebAssembly module", "livepatch: 1:new: no such patch is applied",
            "livepatch: 2:new: no such patch is applied", "11111?1\n11111?1\n1111111\n1111111\n1111111\n"])
        self.assertEqual(result.output.count("no portable program has this number"), 2, "it has ended")
        self.assertNotIn("applied ", result.output)

    def test_programs_that_cannot_be_patched_say_why(self):
        shared = ('(memory (export "memory") 1)', '(memory (export "memory") 1 1 shared)')
        for options, changes, why in (
                ("--interp ", [], "the program is interpreted: only compiled code is replaced"),
                ("", [shared], "the program has a shared memory, so several threads may run its code")):
            with self.subTest(why), tempfile.TemporaryDirectory() as folder:
                build(folder, "steps", *changes)
                build(folder, "new", *changes, *two("step"))
                result = run("--files", folder, typed="\n".join([
                    f"run {options}/files/steps.wasm > /tmp/out &", at(1), "livepatch load /files/new.wasm 1",
                    *(line for n in range(1, 5) for line in (go(n), at(n + 1))), go(5), "wait", "poweroff"]) + "\n")
                self.expect(result, 0, contains=f"livepatch: /files/new.wasm: {why}")

    def test_patches_of_one_function_stack(self):
        """The newest counts; they are undone in any order. A pattern chooses functions. All functions are compiled
        before the start, so none has a stub."""
        three = [digit(function, "(i32.const 51)") for function in ("step", "leaf")]
        with tempfile.TemporaryDirectory() as folder:
            for name, changes in {"steps": [], "two": two("step", "leaf"), "three": three}.items():
                build(folder, name, *changes)
            result = run("--files", folder, typed="\n".join([
                "run --compile-all /files/steps.wasm > /tmp/out &", at(1), "livepatch load /files/two.wasm 1",
                "livepatch load /files/three.wasm '1:st?p'", "livepatch", go(1), at(2), "livepatch undo 1:two", go(2),
                at(3), "livepatch load /files/two.wasm 1", "livepatch undo 1:three", go(3), at(4),
                "livepatch load /files/three.wasm 1", go(4), at(5), "livepatch unload 1:three", "livepatch unload 1:two",
                "livepatch", go(5), "wait", "cat /tmp/out", "poweroff"]) + "\n")
        self.expect(result, 0, contains=["1:two            applied  step leaf\n1:three          applied  step\n",
                                         "13321?1\n13311?1\n1222111\n1332111\n1111111\n"])

    def test_new_code_grows_memory_and_traps_and_ends_with_its_program(self):
        """A trap in new code names the function. The program's end frees the patches with everything else."""
        grow = digit("step", "(i32.add (i32.const 49) (memory.grow (i32.const 1)))")
        trap = ("(func $never (type $digit) (i32.const 49))", "(func $never (type $digit) (unreachable))")
        lines = []
        for n in range(1, 7):
            lines += ["run /files/steps.wasm > /tmp/out &", at(1), f"livepatch load /files/grow.wasm {n}", go(1), at(2),
                      f"livepatch load /files/trap.wasm {n}", f"livepatch unload {n}:grow", go(2), at(3), go(3), "wait",
                      "cat /tmp/out", "livepatch", "rm -r /tmp/at1 /tmp/at2 /tmp/at3 /tmp/go1 /tmp/go2 /tmp/go3 /tmp/out",
                      "heap"]
        with tempfile.TemporaryDirectory() as folder:
            for name, changes in {"steps": [], "grow": [grow], "trap": [trap]}.items():
                build(folder, name, *changes)
            result = run("--files", folder, typed="\n".join([*lines, "poweroff"]) + "\n")
        self.expect(result, 0, contains=["12311?1\n11111?1\n", "trap: unreachable\n  #0 never (offset 0x"])
        objects = [int(objects) for objects in re.findall(r"^(\d+) objects, \d+ bytes live", result.output, re.M)]
        self.assertEqual(len(objects), 6, result.output)
        self.assertLess(objects[5] - objects[0], 3, "a thread's memory may be freed a little later, but nothing each time")

    def test_calls_are_traced_until_that_is_switched_off(self):
        result = self.session(
            {"new": two("step", "spin")}, "trace func '1:st?p' 1:leaf 1:hold 1:deep 1:throw 1:catch", "trace func 1:step", "trace func", go(1), at(2),
            "trace func --hist", "livepatch load /files/new.wasm 1", "livepatch load /files/new.wasm 1:spin", "trace func 1:spin",
            "trace func 1:nosuch 7:step one:step", go(2), at(3), "trace stop", "trace dump", "trace start", "trace func --off",
            "livepatch load /files/new.wasm 1:step", go(3), at(4), "trace stop", "trace dump", "trace func --off", "livepatch",
            go(4), at(5), go(5), "wait", "cat /tmp/out")
        self.expect(result, 0, contains=[
            "1:step\n1:leaf\n1:hold\n1:deep\n1:throw\n1:catch\n", "1:step: 3 calls\n", "1:leaf: 1 calls\n", "1:hold: 0 calls\n", "1:deep: 1 calls\n",
            "livepatch: step: it is traced; `trace func --off` ends that", "trace: 1:nosuch: nosuch: no function of the program",
            "trace: 7:step: no portable program has this number", "trace: one:step: not a program's number"])
        dumps = result.output.split("trace end")
        calls = [record.words[1] for record in parse(dumps[0])[0] if record.what == "call"]
        self.assertEqual(Counter(calls), {"1:step": 6, "1:leaf": 2, "1:deep": 2, "1:hold": 1, "1:catch": 2})
        calls = [record.words[1] for record in parse(dumps[1])[0] if record.what == "call"]
        self.assertEqual(calls, ["1:hold"], "only the call in flight")
        slices = [event for event in convert(dumps[0]) if event["ph"] == "X" and event["name"] == "1:deep"]
        self.assertEqual(len(slices), 2)

    def test_a_function_is_replaced_while_it_is_called_all_the_time(self):
        """No call is lost, or runs anything else than the old or the new code."""
        always = """(module
          (import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (data (i32.const 16) "tmp/go1tmp/at1")
          (func $step (param i32 i32 i64) (result i64)
            (if (i32.ne (local.get 0) (i32.const 7)) (then (call $exit (i32.const 1))))
            (i64.add (local.get 2) (i64.const 49)))
          (func (export "_start") (local $n i64) (local $i i32) (local $was i64)
            (drop (call $mkdir (i32.const 3) (i32.const 23) (i32.const 7)))
            (loop $round
              (local.set $i (i32.const 0))
              (loop $next
                (local.set $was (call $step (i32.const 7) (local.get $i) (local.get $n)))
                (local.set $was (i64.sub (local.get $was) (local.get $n)))
                (if (i32.and (i64.ne (local.get $was) (i64.const 49)) (i64.ne (local.get $was) (i64.const 50)))
                  (then (call $exit (i32.const 2))))
                (local.set $n (i64.add (local.get $n) (i64.const 1)))
                (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000))))
              (br_if $round (call $stat (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 7) (i32.const 128))))
            (call $exit (i32.const 42))))"""
        with tempfile.TemporaryDirectory() as folder:
            build(folder, "always", source=always)
            build(folder, "new", ("(local.get 2) (i64.const 49)", "(local.get 2) (i64.const 50)"), source=always)
            rounds = ["livepatch load /files/new.wasm 1", "livepatch undo 1:new", "trace func 1:step", "trace func --off",
                      "livepatch load /files/new.wasm 1", "livepatch unload 1:new"] * 10
            result = run("--files", folder, "--smp", "4", typed="\n".join([
                "run /files/always.wasm &", at(1), *rounds, "livepatch", go(1), "wait", "echo status $?", "poweroff"]) + "\n")
        self.expect(result, 0, contains="status 42")
        self.assertNotIn("trace:", result.output)
        self.assertEqual(set(re.findall("^livepatch: .*", result.output, re.M)) -
                         {"livepatch: 1:new: undone, but not unloaded: a call of it has not ended",
                          "livepatch: 1:new: no such patch is applied", "livepatch: new: is applied already"}, set())

    def test_a_running_program_stops_while_its_deep_stack_is_searched(self):
        """A CPU runs a program, 512 KiB deep in calls, while functions of it are replaced and unloaded. The guest test counts
        the words of each search. Not under icount: a CPU that never pauses keeps QEMU from running the other one for
        seconds of virtual time."""
        deep = """(module
          (import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 16) "tmp/go??\\0a")
          (data (i32.const 32) "\\16\\00\\00\\00\\03\\00\\00\\00")
          (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
          (func $say (param $round i32)
            (i32.store8 (i32.const 22) (i32.add (local.get $round) (i32.const 48)))
            (i32.store8 (i32.const 23) (i32.add (local.get $round) (i32.const 48)))
            (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 256))))
          (func $hold (param $round i32) (local $i i32)
            (call $say (local.get $round))
            (loop $wait
              (local.set $i (i32.const 0))
              (loop $on (br_if $on (i32.lt_u (local.tee $i (call $leaf (local.get $i))) (i32.const 2000))))
              (br_if $wait (call $stat (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 7) (i32.const 128)))))
          (func $dig (param $n i32) (result i32) (local $was i32)
            (local.set $was (local.get $n))
            (if (local.get $n)
              (then (drop (call $dig (i32.sub (local.get $n) (i32.const 1)))))
              (else (call $hold (i32.const 2)) (call $hold (i32.const 3))))
            (i32.sub (local.get $was) (i32.const 0)))
          (func $outer (param i32) (result i32) (i32.add (call $dig (local.get 0)) (i32.const 0)))
          (func (export "_start")
            (call $hold (i32.const 1))
            (drop (call $outer (i32.const 16384)))
            (call $hold (i32.const 4))
            (call $say (i32.const 5))))"""
        with tempfile.TemporaryDirectory() as folder:
            build(folder, "deep", source=deep)
            build(folder, "leaf", ("(i32.add (local.get 0) (i32.const 1))", "(i32.sub (local.get 0) (i32.const -1))"), source=deep)
            build(folder, "outer", ("(i32.add (call $dig (local.get 0)) (i32.const 0))", "(i32.add (call $dig (local.get 0)) (i32.const 1))"),
                  source=deep)
            lines = ["read n", "livepatch load /files/outer.wasm 1", go(1), "read n",
                     "livepatch load /files/leaf.wasm 1", "livepatch unload 1:leaf", "livepatch unload 1:outer", go(2),
                     "read n", "livepatch", go(3), "read n", "livepatch unload 1:outer", "livepatch", go(4), "read n"]
            result = run("--files", folder, "--smp", "2", typed="\n".join([
                f"run /files/deep.wasm | if {'; '.join(lines)}; then echo it ended in $n; fi", "poweroff"]) + "\n")
        self.expect(result, 0, contains=["livepatch: 1:outer: undone, but not unloaded: a call of it has not ended",
                                         "1:outer          undone   outer\n", "it ended in 55"])
        self.assertNotIn("1:leaf:", result.output, "the search found no call of it")

    def test_a_replacement_stops_no_cpu_for_more_than_20_microseconds(self):
        """Instructions, under icount: of the kernel's functions, while 4 CPUs call the one that is replaced."""
        result = run("--smp", "4", "--accel", "icount", "--bench=livepatch.*")
        figures = dict(re.findall(r"^bench (livepatch\.\w+) ([\d.]+) ns", result.output.replace("\r", ""), re.M))
        for name, most in (("replace_ns", 20_000), ("replace_max_ns", 20_000), ("traced_call_ns", 120)):
            self.assertLessEqual(float(figures[f"livepatch.{name}"]), most, name)

    def test_a_traced_call_costs_at_most_120_instructions_more(self):
        """The program prints the fewest nanoseconds that 1,000 calls of a leaf took in 20 rounds: instructions, under icount."""
        timed = """(module
          (import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 16) "tmp/go1tmp/at1")
          (data (i32.const 32) "\\40\\00\\00\\00\\08\\00\\00\\00")
          (data (i32.const 64) "0000000\\0a")
          (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
          (func $now (result i64)
            (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 256)))
            (i64.load (i32.const 256)))
          (func $round (result i64) (local $begin i64) (local $i i32)
            (local.set $begin (call $now))
            (loop $next
              (br_if $next (i32.lt_u (local.tee $i (call $leaf (local.get $i))) (i32.const 1000))))
            (i64.sub (call $now) (local.get $begin)))
          (func $measure (local $least i64) (local $took i64) (local $i i32)
            (local.set $least (i64.const 9999999))
            (loop $next
              (local.set $took (call $round))
              (if (i64.lt_u (local.get $took) (local.get $least)) (then (local.set $least (local.get $took))))
              (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 20))))
            (local.set $i (i32.const 70))
            (loop $digit
              (i32.store8 (local.get $i) (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $least) (i64.const 10)))))
              (local.set $least (i64.div_u (local.get $least) (i64.const 10)))
              (br_if $digit (i32.ge_u (local.tee $i (i32.sub (local.get $i) (i32.const 1))) (i32.const 64))))
            (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 256))))
          (func (export "_start")
            (call $measure)
            (drop (call $mkdir (i32.const 3) (i32.const 23) (i32.const 7)))
            (loop $wait
              (br_if $wait (call $stat (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 7) (i32.const 128))))
            (call $measure)))"""
        with tempfile.TemporaryDirectory() as folder:
            build(folder, "timed", source=timed)
            result = run("--files", folder, "--accel", "icount", typed="\n".join([
                "run /files/timed.wasm > /tmp/out &", at(1), "trace func 1:leaf", go(1), "wait", "trace func --off", "cat /tmp/out",
                "poweroff"]) + "\n")
        self.expect(result)
        untraced, traced = map(int, re.findall(r"^(\d{7})$", result.output, re.M))
        print(f"# {MACHINE}: a traced call of a program executes {(traced - untraced) / 1000} instructions more")
        self.assertLessEqual(traced - untraced, 120_000)
        self.assertGreater(traced - untraced, 20_000, "it was traced")

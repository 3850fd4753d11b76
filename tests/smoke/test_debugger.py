# SPDX-License-Identifier: MIT
"""gdb and scripts/gdb: symbols of loaded code, call chains through exceptions, threads, page tables."""
import re
import subprocess
import tempfile

from smoke import BUILD, MACHINE, TestCase, debug, for_machine, program, run  # noqa: F401
from status import NOT_RUN
from tree import ROOT

# The outermost function of every stack: a thread's, the boot code's, and the entry of the other CPUs.
OUTERMOST = {"context_start", *{"x86_64": ("entry64", "ap_enter"), "aarch64": ("enter_high", "enter_high_cpu")}[MACHINE]}
CALL_INDIRECT = 0x11  # the opcode of WebAssembly
ENTRY = {"x86_64": "trap_enter <page fault, vector 14>", "aarch64": "vector_sync <synchronous exception>"}

# Steps one instruction at a time and reports when the call chain does not reach the end of the stack.
STEP = """
python
def outermost():
    frame = gdb.newest_frame()
    while frame.older() is not None:
        frame = frame.older()
    return frame.name(), frame.unwind_stop_reason() == gdb.FRAME_UNWIND_OUTERMOST
def step(inside, limit=200):
    count = 0
    while gdb.newest_frame().name() in inside and count < limit:
        name, clean = outermost()
        if name not in {outermost_names} or not clean:
            print("LOST at", hex(gdb.newest_frame().pc()), name, clean)
        gdb.execute("stepi", to_string=True)
        count += 1
    print("stepped through", "some" if count > 5 else "nothing")
end
""".replace("{outermost_names}", repr(OUTERMOST))


class Debugger(TestCase):
    def frames(self, text):
        """Functions of the first chain in text, innermost first."""
        chain = []
        for number, name in re.findall(r"^#(\d+) +(?:0x[0-9a-f]+ in )?(.+?) \(", text, re.M):
            if chain and int(number) <= last:
                break
            last = int(number)
            chain.append(name)
        return chain

    def chains(self, text):
        """Every chain in text."""
        return [self.frames(part) for part in re.split(r'^thread \d+ "', text, flags=re.M)[1:]]

    def test_symbols_come_and_go_with_a_program(self):
        done = debug("break read_null\ncontinue\nbacktrace\nbreak native_handle_fault\ncontinue\n"
                     "backtrace\necho BEFORE\\n\ninfo symbol main\ndelete\nbreak hal_power_off\ncontinue\n"
                     "echo AFTER\\n\ninfo address read_null\n",
                     "--program", program("crash"), "--args", "read-null")
        out = done.output
        self.assertIn(f"/bin/crash.elf loaded at", out, out + done.errors)
        in_program, in_fault = out.split("BEFORE")[0].split("native_handle_fault (owner", 1)
        calls = ["read_null", "main", "jit_runtime_call", "run_main", "thread_start", "context_start"]
        self.assertEqual(self.frames(in_program), calls, out)
        self.assertRegex(in_program, r"#0 +read_null \(\) at \./programs/crash\.c:\d+", out)
        self.assertRegex(in_program, r"in main \(.*\) at \./programs/crash\.c:\d+", out)
        # The same chain, from the handler through the exception.
        self.assertIn(ENTRY[MACHINE], in_fault, out)
        below = self.frames(in_fault.split(ENTRY[MACHINE])[1])
        self.assertEqual(below, calls, out)
        self.assertIn("main in section .text of", out.split("BEFORE")[1], out)
        # With a breakpoint after the unload: gdb has forgotten the program.
        self.assertIn("/bin/crash.elf unloaded", out, out)
        self.assertIn('No symbol "read_null"', out.split("AFTER")[1] + done.errors, out + done.errors)

    def test_symbols_come_and_go_with_a_driver(self):
        done = debug("break virtio_rng_read\nhalyard type load virtio_rng\nhalyard type random 8\ncontinue\nbacktrace\n"
                     "halyard modules\necho REMOVE\\n\ndelete\nbreak virtio_rng_remove\nhalyard type unload virtio_rng\n"
                     "continue\nbacktrace\nprint ((struct virtio_rng *)dev->driver_data)->done\ndelete\n"
                     "break hal_power_off\nhalyard type poweroff\ncontinue\necho AFTER\\n\nhalyard modules\n"
                     "info address virtio_rng_read\n")
        everything = done.output + done.errors
        self.assertIn("AFTER", done.output, everything)
        reading, rest = done.output.split("REMOVE")
        removing, after = rest.split("AFTER")
        self.assertIn("/lib/modules/virtio_rng.ko loaded at", reading, everything)
        self.assertRegex(reading, r"#0 +virtio_rng_read \(.*\) at \./drivers/random/virtio_rng\.c:\d+", everything)
        self.assertRegex(reading, r"in read_source_locked \(.*\) at \./kernel/io/random\.c:\d+", everything)
        self.assertIn(self.frames(reading)[-1], OUTERMOST, everything)
        self.assertRegex(reading, r"0x[0-9a-f]+  /lib/modules/virtio_rng\.ko  .*modules/virtio_rng\.ko", everything)
        self.assertRegex(removing, r"#0 +virtio_rng_remove \(.*\) at \./drivers/random/virtio_rng\.c:\d+", everything)
        self.assertIn("driver_module_unload", self.frames(removing), everything)
        self.assertIn('wait queue "virtio_rng": nobody', removing, everything)
        self.assertIn("/lib/modules/virtio_rng.ko unloaded", removing, everything)
        self.assertIn("no module is loaded", after, everything)
        self.assertIn('No symbol "virtio_rng_read"', after + done.errors, everything)

    def test_compiled_functions_have_names_and_chains(self):
        done = debug("break 'crash.wasm!divide'\ncontinue\nbacktrace\nhalyard modules\necho FAULT\\n\nbreak code_map_fault\n"
                     "continue\nbacktrace\necho AFTER\\n\ndelete\nbreak hal_power_off\ncontinue\nhalyard modules\n"
                     "info address crash.wasm!divide\n", "--program", BUILD / "programs/crash.wasm", "--args", "divide")
        everything = done.output + done.errors
        self.assertIn("AFTER", done.output, everything)
        before, fault = done.output.split("AFTER")[0].split("FAULT")
        after = done.output.split("AFTER")[1]
        chain = self.frames(before)
        self.assertEqual(chain[:2], ["crash.wasm!divide", "crash.wasm!<first call>"], everything)
        main = re.fullmatch(r"crash\.wasm!main <offset (0x[0-9a-f]+)>", chain[2])
        self.assertIsNotNone(main, everything)
        module = (BUILD / "programs/crash.wasm").read_bytes()
        self.assertEqual(module[int(main[1], 16)], CALL_INDIRECT, everything)
        start, stub = chain[chain.index("jit_enter") - 2:][:2]
        self.assertRegex(start, r"^crash\.wasm!_start", everything)
        self.assertEqual(stub, "crash.wasm!<first call>", everything)
        self.assertEqual(chain[-1], "context_start", everything)
        self.assertRegex(before, r"0x[0-9a-f]+  /bin/crash\.wasm  \(compiled, \d+ functions\)", everything)
        # The same chain, from the handler through the exception; and the trap's place in the file.
        in_fault = self.frames(fault)
        exception = next(i for i, name in enumerate(in_fault) if name.startswith(("trap_enter <", "vector_sync <")))
        self.assertRegex(in_fault[exception + 1], r"^crash\.wasm!divide <offset 0x[0-9a-f]+>$", everything)
        self.assertEqual(in_fault[exception + 2:], chain[1:], everything)
        self.assertIn("no module is loaded", after, everything)
        self.assertIn('No symbol "crash.wasm!divide"', after + done.errors, everything)

    def test_a_fault_in_compiled_code_without_a_row_is_a_panic(self):
        # An instruction that the compiler never emits, written over the first one of a function.
        undefined = {"x86_64": "set *(unsigned short *)$pc = 0x0b0f", "aarch64": "set *(unsigned int *)$pc = 0"}[MACHINE]
        done = debug(f"break 'crash.wasm!divide'\ncontinue\ndelete\n{undefined}\ncontinue\n",
                     "--program", BUILD / "programs/crash.wasm", "--args", "divide")
        everything = done.output + done.errors
        self.assertRegex(everything, r"(?s)PANIC: unexpected fault.*PANIC END", everything)
        report = everything[everything.index("PANIC: unexpected fault"):everything.index("PANIC END")]
        self.assertRegex(report, r"divide\+0x[0-9a-f]+", everything)
        self.assertRegex(report, r"main\+0x[0-9a-f]+", everything)
        self.assertIn("crash.wasm", report, everything)
        self.assertNotIn("trap:", everything)

    def test_chains_hold_at_every_instruction_of_compiled_code(self):
        names = ("{name for piece in halyard.compiled.known.values() for n in (*piece.names, 'host_call', 'first_call')"
                 " for name in (n, piece.program + '!' + n)}")
        done = debug(STEP + f"break 'hello.wasm!main'\ncontinue\npython step({names}, 300)\nkill\n",
                     "--program", BUILD / "programs/hello.wasm")
        self.assertIn("stepped through some", done.output, done.output + done.errors)
        self.assertNotIn("LOST", done.output)

    def test_chain_from_the_kernel_through_compiled_code(self):
        done = debug("break file_write if $_any_caller_is(\"jit_enter\", 40)\ncontinue\nbacktrace\nkill\n",
                     "--program", BUILD / "programs/hello.wasm", "--args", "one")
        chain = self.frames(done.output)
        self.assertIn("hello.wasm!<host call>", chain, done.output + done.errors)
        self.assertTrue(any(name.startswith("hello.wasm!main <offset") for name in chain), chain)
        self.assertEqual(chain[-1], "context_start", done.output)

    def attach(self, program, *scripts):
        """Attach to a guest that runs `program`, once for each (commands, options); the results."""
        folder = tempfile.TemporaryDirectory(prefix="halyard-")
        self.addCleanup(folder.cleanup)
        argv = [ROOT / "scripts/run", MACHINE, "--build", BUILD, "--sockets", folder.name, "--no-build", "--no-install",
                "--gdb-server", "--timeout", "300", "--program", program]
        guest = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            self.assertEqual(guest.stdout.readline(), b"spinning\n")
            return folder.name, [debug(commands, "--sockets", folder.name, *options) for commands, *options in scripts]
        finally:
            guest.terminate()
            guest.wait()
            guest.stdout.close()

    def test_attaching_finds_compiled_code(self):
        folder, (second, done) = self.attach(BUILD / "programs/spin.wasm", ["continue\n"], [
            "halyard modules\nbacktrace\nhalyard bt all\ndetach\n", "--attach"])
        self.assertIn(f"{folder} belongs to another guest with a debugger", second.errors)
        self.assertEqual(second.status, NOT_RUN, second.errors)
        self.assertRegex(done.output, r"0x[0-9a-f]+  /bin/spin\.wasm  \(compiled", done.output + done.errors)
        # An interrupt may be what runs innermost.
        self.assertRegex(done.output, r"#\d+ +0x[0-9a-f]+ in spin\.wasm!\w+", done.output + done.errors)
        idle = next(part for part in re.split(r"^thread \d+ ", done.output, flags=re.M) if part.startswith('"idle"'))
        self.assertIn("context_start (", idle, done.output)
        self.assertNotIn("spin.wasm!", idle, done.output)

    def test_chain_through_a_host_call(self):
        done = debug("break file_write if $_any_caller_is(\"run_main\", 12)\ncontinue\nbacktrace\nkill\n",
                     "--program", program("hello"))
        chain = self.frames(done.output)
        self.assertIn("file_write", chain[:2], done.output + done.errors)  # its first check may be inlined
        self.assertIn("main", chain, done.output)
        self.assertRegex(done.output, r"in main \(.*\) at \./programs/hello\.c:\d+", done.output)
        self.assertEqual(chain[-1], "context_start", done.output)

    def test_every_thread_has_a_chain(self):
        done = debug("break module_unloaded_hook\ncontinue\nhalyard threads\necho CHAINS\\n\nhalyard bt all\nkill\n",
                     "--program", program("threads"))
        table, chains = done.output.split("CHAINS")
        # A CPU's thread "work" may have work at that moment: then it does not wait for any.
        self.assertRegex(table, r"\n +\d+ blocked +48 +0  work +- +work\n|\n[* ] +\d+ (ready|running) +48 +0  work ",
                         done.output + done.errors)
        self.assertRegex(table, r"\n[* ] *\d+ (?:ready|running) +0 +0  idle +-\n", done.output)
        self.assertRegex(table, r"\n\* *\d+ running +32 +\d  \S+", done.output)
        found = self.chains(chains)
        self.assertEqual(len(found), len(re.findall(r"^[* ] *\d+ (?:ready|running|blocked|moving)", table, re.M)), done.output)
        for chain in found:
            self.assertIn(chain[-1], OUTERMOST, done.output)
        self.assertNotIn("corrupt", done.output)
        self.assertNotIn("??", chains, done.output)

    def test_the_debugger_shows_a_blocked_thread_and_returns(self):
        # With one CPU, all threads but the one that hits the breakpoint have switched to another.
        done = debug("break module_loaded_hook\ncontinue\nhalyard thread 3\nup\nbacktrace -1\n"
                     "echo CPU\\n\nhalyard thread\nbacktrace 1\nkill\n", "--program", program("hello"), "--smp", "1")
        looking, back = done.output.split("CPU\n")
        self.assertIn("switch_locked (", looking, done.output + done.errors)
        self.assertIn("context_start (", looking, done.output)
        self.assertRegex(back, r"#0 +module_loaded_hook \(", done.output)

    def test_chains_of_others_while_an_inlined_function_runs(self):
        done = debug("break hal_cpu_wait\ncontinue\nbacktrace 1\necho CHAIN\\n\nhalyard bt 3\nkill\n",
                     "--boot", "kernel", "--smp", "1")  # the only CPU is idle, so all threads wait
        innermost, chain = done.output.split("CHAIN")
        self.assertIn("hal_cpu_wait", innermost, done.output + done.errors)
        self.assertRegex(chain, r"#2 +(?:0x\w+ in )?switch_locked \(", done.output)
        self.assertNotIn("idle (", chain, done.output)

    def test_chains_hold_at_every_instruction_of_a_switch(self):
        done = debug(STEP + "break hal_context_switch\ncontinue\ncontinue\n"
                     "python step({'hal_context_switch'})\nkill\n", "--program", program("threads"))
        self.assertIn("stepped through some", done.output, done.output + done.errors)
        self.assertNotIn("LOST", done.output)

    @for_machine("x86_64")
    def test_chains_hold_at_every_instruction_of_an_interrupt(self):
        done = debug(STEP + "tbreak *irq_enter\ncontinue\npython step({'irq_enter'})\nbacktrace 2\nfinish\n"
                     "python step({'irq_enter', 'trap_enter'})\nkill\n", "--program", program("threads"))
        self.assertEqual(done.output.count("stepped through some"), 2, done.output + done.errors)
        self.assertNotIn("LOST", done.output)

    @for_machine("aarch64")
    def test_chains_hold_from_the_saved_frame_to_its_last_register(self):
        # DWARF has no register for the interrupted PC before it is saved and after it is restored.
        done = debug(STEP + "tbreak upcall_irq\ncontinue\nbacktrace 2\nfinish\n"
                     "python step({'vector_irq', 'vector_return'}, 22)\nkill\n",
                     "--program", program("threads"))
        self.assertIn("stepped through some", done.output, done.output + done.errors)
        self.assertNotIn("LOST", done.output)

    def test_page_tables_as_they_are(self):
        done = debug("break run_illegal\ncontinue\nhalyard pt main\nhalyard pt $sp\nhalyard pt 0x10\n"
                     "echo MAP\\n\nhalyard map\nkill\n", "--program", program("crash"), "--args", "illegal")
        walked, mapped = done.output.split("MAP\n")
        self.assertRegex(walked, r"is physical 0x[0-9a-f]+, r-x- write-back, by a leaf of 4 KiB", done.output + done.errors)
        self.assertRegex(walked, r"is physical 0x[0-9a-f]+, rw-- write-back, by a leaf of 4 KiB", done.output)
        self.assertIn("0x10 is not mapped", walked, done.output)
        rights = re.findall(r"^0x\w+ - 0x\w+ -> 0x\w+  (....) ", mapped, re.M)
        self.assertGreater(len(rights), 10, done.output)
        self.assertLessEqual(set(rights), {"rw--", "r-x-", "r---"}, done.output)

    def test_log_ring_and_printers(self):
        done = debug("break program_exit\ncontinue\nhalyard log 4\nprint (enum status)-3\n"
                     "print 'log.c'::lock\nprint *'switch.c'::boot_cpu.rq.idle\nprint 'switch.c'::boot_cpu.worker.queue\n"
                     "print 'loader.c'::lock\nprint 'switch.c'::boot_cpu.rq.ready[1]\nkill\n",
                     "--program", program("exit"), "--args", "3", "--smp", "1")  # so nobody else has a lock or work
        for pattern in (r"debug +loader: /bin/exit\.elf: code at 0x", r"= E_NOENT \(-3\)", r"\$\d+ = free",
                        r'= thread 2 "idle", (ready|running)', r'= wait queue "work": thread 3 "work"',
                        r'= mutex "loader": free', r"= empty list"):
            self.assertRegex(done.output, pattern, done.output + done.errors)

    def test_typing_at_the_console(self):
        done = debug("break tools_mem\nhalyard type mem map\ncontinue\nprint argv[1]\n"
                     "delete\nhalyard type poweroff\ncontinue\n", "--boot", "kernel")
        self.assertIn("Breakpoint 1, tools_mem", done.output, done.output + done.errors)
        self.assertIn('"map"', done.output)  # gdb's quotes: the console shows it without them

    def test_attaching_finds_loaded_files(self):
        _, (done,) = self.attach(program("spin"), ["halyard modules\nhalyard bt all\ndetach\n", "--attach"])
        self.assertRegex(done.output, r"0x[0-9a-f]+  /bin/spin\.elf  .*programs/spin\.elf", done.output + done.errors)
        self.assertRegex(done.output, r"main \(argc=.*\) at \./programs/spin\.c:\d+", done.output)

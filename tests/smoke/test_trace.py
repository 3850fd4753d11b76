# SPDX-License-Identifier: MIT
"""`trace` and scripts/trace: the records of a boot, a disk and programs, and the converted file."""
import json
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from disk import make_disk
from smoke import BUILD, TestCase, run
from tracefile import convert, parse
from tree import ROOT

LINES = ["run /bin/compute.wasm", "run /bin/exit.elf 3", "run /bin/crash.wasm divide", "trace stop", "trace dump", "poweroff"]


class Trace(TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            tree, image = Path(folder) / "tree", Path(folder) / "disk.img"
            (tree / "bin").mkdir(parents=True)
            for name in ("compute.wasm", "exit.elf", "crash.wasm"):
                (tree / "bin" / name).write_bytes((BUILD / "programs" / name).read_bytes())
            make_disk(tree, image)
            cls.result = run("--disk", image, "--append", "trace", typed="\n".join(LINES) + "\n")
        cls.records, cls.names = parse(cls.result.output)

    def test_a_boot_writes_trace_records_of_every_kind(self):
        self.expect(self.result, 0, contains="trace end\n")
        self.assertIn(" 0 lost", self.result.output)
        what = Counter(record.what for record in self.records)
        for word in ("switch", "wake", "start", "exit", "irq", "block", "load", "program", "compile", "run"):
            self.assertGreater(what[word], 0, what)
        for begin in ("load", "program", "compile"):
            self.assertEqual(what[begin], what[begin + "-end"], what)
        # The disk may be reading ahead when another CPU stops tracing.
        begun, ended = (Counter(record.words[0] for record in self.records if record.what == name) for name in ("block", "block-end"))
        self.assertLessEqual(ended, begun)
        self.assertTrue(all(count == 1 for count in (begun - ended).values()), "a number is used again after its end")
        # A CPU may be in an interrupt when another one stops tracing.
        cpus = len({record.cpu for record in self.records})
        self.assertIn(what["irq"] - what["irq-end"], range(cpus + 1), what)
        self.assertNotIn("other", what)
        ended = [" ".join(record.words[1:]) for record in self.records if record.what == "program-end"]
        self.assertEqual(ended, ["exited 0", "exited 3", "faulted 119"])

    def test_calls_of_functions_are_recorded_until_they_are_switched_off(self):
        lines = ["trace func shell_format_size 'shell_find_*'", "trace func", "free", "trace func --hist", "trace stop",
                 "trace dump", "trace func --off", "trace start", "free", "trace func --hist", "trace stop", "trace dump",
                 "trace func nosuch memcpy", "trace func --what", "poweroff"]
        result = run("--smp", "4", typed="\n".join(lines) + "\n")
        self.expect(result, 0, contains=["shell_format_size: 3 calls", "trace: nosuch: no function of the kernel has this name",
                                         "trace: memcpy: no such function has a patchable entry", "usage: trace "])
        traced, untraced = result.output.split("trace end")[:2]
        records, _ = parse(traced)
        calls = [record for record in records if record.what == "call"]
        self.assertEqual({name: count for name, count in Counter(c.words[1] for c in calls).items() if name == "shell_format_size"},
                         {"shell_format_size": 3})
        self.assertIn("shell_find_command", [call.words[1] for call in calls])
        self.assertNotIn(" call ", untraced)
        slices = [event for event in convert(traced) if event["ph"] == "X" and event["name"] == "shell_format_size"]
        self.assertEqual(len(slices), 3)
        self.assertTrue(all(event["dur"] > 0 for event in slices))
        self.check_pairs(convert(traced))

    def test_any_number_of_functions_can_be_traced_one_after_the_other(self):
        """64 at a time; what is not traced any longer makes room."""
        lines = ["trace func 'shell_*' 'run_*'", "trace func", "trace func --off", "trace func 'program_*'", "trace func",
                 "run /bin/exit.elf", "trace func --hist", "trace func --off", "trace func 'shell_*'", "free", "trace func --hist",
                 "trace func --off", "trace func", "free", "poweroff"]
        result = run("--smp", "4", typed="\n".join(lines) + "\n")
        self.expect(result, 0)
        self.assertEqual([line for line, _ in result.answers], lines)
        answers = [text.replace("\r", "") for _, text in result.answers]
        self.assertEqual(answers[0], "trace: run_*: too many functions: 64 at a time\n")
        self.assertEqual(len(answers[1].split()), 64, answers[1])
        self.assertEqual((answers[3], answers[8], answers[12]), ("", "", ""), "there was room")
        self.assertIn("program_create\n", answers[4])
        self.assertNotIn("shell_", answers[4])
        self.assertRegex(answers[6], r"(?m)^program_create: 1 calls$")
        self.assertRegex(answers[10], r"(?m)^shell_format_size: 3 calls$")

    def test_times_ascend_and_slices_do_not_overlap(self):
        for cpu in {record.cpu for record in self.records}:
            printed = [record for record in self.records if record.cpu == cpu]
            switches = [record for record in printed if record.what == "switch"]
            for before, after in zip(switches, switches[1:]):
                self.assertEqual(int(before.words[0]), after.thread, "who was switched to is who leaves next")
        switched_to = {int(record.words[0]) for record in self.records if record.what == "switch"}
        self.assertLessEqual(switched_to, set(self.names), "each thread has a name, ended ones too")
        self.assertIn("crash.wasm", self.names.values())

    def test_every_begin_in_the_trace_has_its_end(self):
        with tempfile.TemporaryDirectory() as folder:
            transcript, output = Path(folder) / "console.txt", Path(folder) / "trace.json"
            transcript.write_text(self.result.output)
            subprocess.run([ROOT / "scripts/trace", transcript, "-o", output], check=True, capture_output=True)
            events = json.loads(output.read_text())["traceEvents"]
        self.check_pairs(events)
        names = {event["name"] for event in events}
        for name in ("load compute.wasm", "compile compute.wasm", "compute.wasm (1)", "read disk 0", "idle (2)"):
            self.assertIn(name, names)

    def check_pairs(self, events):
        """Intervals of a row are nested; overlapping ones, and arrows, are matched by their ids."""
        rows, spans, last = {}, set(), 0
        for event in (event for event in events if event["ph"] != "M"):
            phase, row = event["ph"], (event["pid"], event["tid"])
            span = ("arrow" if phase in "sf" else "span", event.get("cat"), event.get("id"))
            self.assertGreaterEqual(event["ts"], last, event)
            last = event["ts"]
            if phase == "B":
                rows.setdefault(row, []).append(event["name"])
            elif phase == "E":
                self.assertEqual(rows[row].pop(), event["name"], event)
            elif phase in "bs":
                self.assertNotIn(span, spans, event)
                spans.add(span)
            elif phase in "ef":
                spans.remove(span)
        self.assertFalse(spans)
        self.assertFalse([row for row in rows.values() if row])

    def test_every_part_of_the_trace_has_matching_ends(self):
        """A ring drops its oldest records: missing starts, and an end in the middle."""
        lines = [line for line in self.result.output.replace("\r", "").splitlines(keepends=True) if line.startswith("trace ")]
        for start in range(0, len(lines), max(1, len(lines) // 40)):
            for length in (1, 7, 50, len(lines) // 2):
                self.check_pairs(convert("".join(lines[start:start + length])))


class Cpus(TestCase):
    def test_every_cpu_has_a_ring(self):
        """Also CPUs that start while tracing is on."""
        result = run("--smp", "4", "--append", "trace shell", "--test", "smp.no_call_is_lost",
                     typed="trace stop\ntrace dump\npoweroff\n")
        self.expect(result, 0, contains=[f"trace ring cpu {cpu}, " for cpu in range(4)])
        records, names = parse(result.output)
        self.assertLessEqual({1, 2, 3}, {record.cpu for record in records if record.words == ["ipi"]})
        for cpu in range(1, 4):
            self.assertIn("idle", {names[record.thread] for record in records if record.cpu == cpu})


class Command(TestCase):
    def test_trace_starts_once_and_shows_its_state(self):
        lines = ["trace", "trace start", "trace start", "ls /", "trace stop", "trace", "trace start", "trace faster", "poweroff"]
        result = run(typed="\n".join(lines) + "\n")
        self.expect(result, 0, contains=["trace: no records", "trace: already on", "trace off cpu 0, ",
                                         "usage: trace [start | stop | dump | func [GLOB... | --hist | --off]]"])

    def test_the_oldest_records_are_overwritten_and_a_dump_during_tracing_is_complete(self):
        lines = ["trace start", *["run /bin/threads.elf"] * 200, "trace", "trace dump", "poweroff"]
        result = run("--smp", "1", "--mem", "64M", typed="\n".join(lines) + "\n")
        self.expect(result, 0, contains=["trace end, recording continues"])
        records, _ = parse(result.output)
        self.assertGreater(len(records), 4000)
        self.assertNotIn(" 0 lost", result.output.split("trace ring cpu 0", 1)[1].split("\n", 1)[0])
        known = {"switch", "wake", "start", "exit", "irq", "irq-end", "block", "block-end", "load", "load-end", "program",
                 "compile", "compile-end", "run", "program-end"}
        self.assertLessEqual({record.what for record in records}, known)

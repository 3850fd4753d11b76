# SPDX-License-Identifier: MIT
"""The shell's language and its jobs, as docs/shell.md describes them."""
import os
import re
import select
import tempfile
import time
from pathlib import Path

from disk import make_disk
from smoke import BUILD, LIMIT_S, MACHINE, RUN, TestCase, program, run, start_at_terminal
from tree import ROOT


def disk(folder, files=(), programs=("hello", "spin", "exit")):
    """A disk with programs in /bin, and these files: (path, text)."""
    tree, image = Path(folder) / "tree", Path(folder) / "disk.img"
    (tree / "bin").mkdir(parents=True)
    for name in programs:
        (tree / "bin" / f"{name}.elf").write_bytes(program(name).read_bytes())
    (tree / "bin/turn.wasm").write_bytes((BUILD / "programs/spin.wasm").read_bytes())
    for path, text in files:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    make_disk(tree, image)
    return image


class Typist:
    """A person at scripts/run's terminal."""

    def __init__(self, image):
        argv = [str(RUN), MACHINE, "--build", str(BUILD), "--no-build", "--no-install", "--timeout", str(LIMIT_S),
                "--disk", str(image)]
        self.process, self.master = start_at_terminal(argv)
        self.seen = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def wait_for(self, text):
        """Read up to this text, and return what came before it."""
        deadline = time.monotonic() + LIMIT_S
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            try:
                data = os.read(self.master, 65536) if ready else b""
            except OSError:
                data = b""
            if not data:
                raise AssertionError(f"{text!r} never came:\n{self.seen}")
            self.seen += data.decode(errors="replace").replace("\r", "")
        before, self.seen = self.seen.split(text, 1)
        return before

    def run(self, line):
        """Type a line at the prompt, and return what it prints."""
        self.type(line + "\r")
        self.wait_for(line)
        return self.wait_for("halyard> ")

    def prompt_with(self, line, text):
        """Type a line, and then Enter until a prompt comes with this text before it."""
        self.type(line + "\r")
        while text not in self.wait_for("halyard> "):
            self.type("\r")

    def type(self, keys):
        os.write(self.master, keys.encode())


class Language(TestCase):
    def outputs(self, lines, *options):
        """Run the lines; return what each printed."""
        result = run(*options, typed="\n".join(lines) + "\npoweroff\n")
        self.expect(result, 0)
        parts = re.split(r"(?m)^halyard(?: /\S*)?> ", result.output)[1:]
        return [part.split("\n", 1)[1] if "\n" in part else "" for part in parts]

    def test_the_example_script(self):
        script = re.search(r"```sh\n(.*?)```", (ROOT / "docs/shell.md").read_text(), re.S)[1]
        notes = [("notes/a.txt", "buy milk\ncall home\n"), ("notes/b.txt", "call work now\n"), ("notes/c.txt", "")]
        with tempfile.TemporaryDirectory() as folder:
            image = disk(folder, [("count", script.replace("/tmp/notes", "/notes")), *notes])
            out = self.outputs(["/count call; [ $? = 0 ] && cat /tmp/result", "/count none || pwd", "cat /tmp/empty"],
                               "--disk", image)
        self.assertEqual(out[:3], ["/notes/a.txt: home\n/notes/b.txt: work now\n", "/\n", "/notes/c.txt\n"])

    def test_status_and_errors(self):
        with tempfile.TemporaryDirectory() as folder:
            image = disk(folder, [("bad", "pwd\nif true\n"), ("self", "sh /self\n"), ("rc", "rc\n"), ("long", "x" * (1 << 20) + "\nend\n"),
                                  ("odd/a\nb", "1"), ("odd/c\033[2J", "2"), ("odd/d e", "3\n")])
            out = self.outputs([
                "cat /none 2>/tmp/e || cat /tmp/e", "cat /none > /tmp/o", "cat /tmp/o", "exit.elf 3",
                "[ $? = 3 ] && pwd", "sh /bad", "sh /self", "nosuch; [ $? = 127 ] && pwd", "quit", "pwd $(ls)",
                "pwd 'a", "a" + " |a" * 999, "write /tmp/a x; cat /tmp/a >> /tmp/a; cat < /tmp/a >> /tmp/a; cat /tmp/a",
                "pwd | cat /tmp/o | pwd > /none/x", "sh /long", "while ! read a; do pwd; done < /long", "set",
                "pwd | cat | cat; cat < /rc", "kill | kill | kill",
                "cd /odd; for f in *; do cat \"$f\"; done; for f in *; do cat \"$f/x\"; done",
                "x=" + "x" * 512 + "; for i in 1 2 3 4 5 6 7 8; do x=$x$x; done; turn.wasm" + " $x" * 9,
                "pwd 3> /tmp/x", "pwd 0< /tmp/a", "cd ~", "pwd x", "jobs x", "fg"], "--disk", image)
        self.assertEqual(out[:12], [
            "cat: /none: no such file or directory\n", "cat: /none: no such file or directory\n", "",
            "run: /bin/exit.elf: exit status 3\n", "/\n", "/bad: line 3: `then` is missing\n",
            "/self: more than 8 scripts run each other\n", "nosuch: no such command; try help\n/\n",
            "quit: poweroff switches the machine off\n", "shell: $( is not supported\n",
            "shell: the quote ' is not closed\n", "shell: more than 8 commands\n"])
        self.assertEqual(out[12], "cat: /tmp/a: in use\ncat: input: in use\nx\n")
        self.assertEqual(out[13], "shell: /none/x: no such file or directory\n")
        self.assertEqual(out[14], "sh: /long: longer than 256 KiB\n")
        self.assertEqual(out[15], "read: the line is longer than 4095 bytes\n/\n")
        self.assertIn("\na=end\n", out[16])
        self.assertEqual(out[17], "/\nrc\n")
        self.assertEqual(out[18], 3 * "usage: kill %JOB | ID\n")
        self.assertEqual(out[19], "123\n" + "".join(f"cat: {name}/x: not a directory\n" for name in (
            "a\\x0ab", "c\\x1b[2J", "d e")))
        self.assertEqual(out[20], "run: /bin/turn.wasm: the arguments or the environment are longer than 1 MiB\n")
        self.assertEqual(out[21:27], [
            "shell: 3> is not supported\n", "shell: 0< is not supported\n", "shell: ~ is not supported\n",
            "usage: pwd\n", "usage: jobs\n", "fg: there is no job\n"])

    def test_a_full_disk_is_named(self):
        """Every kind of writer: commands, a program that does not look, a script, a loop. Each has an empty file to write to."""
        full = "no space left"
        with tempfile.TemporaryDirectory() as folder:
            out = self.outputs([
                "> /tmp/c", "cat /bin/hello.elf > /tmp/a",
                "while cat /tmp/a /tmp/a > /tmp/b && cat /tmp/b /tmp/b > /tmp/a; do true; done",
                "cat /bin/hello.elf > /tmp/c || pwd", "> /tmp/c", "while cat /bin/rest >> /tmp/b; do true; done",
                "write /tmp/c text || pwd", "hello > /tmp/c || pwd", "hello 2> /tmp/c | hello > /tmp/c && pwd",
                "sh -c 'hello; pwd' > /tmp/c || pwd", "for i in 1; do hello; done > /tmp/c || pwd", "write /tmp/d x",
                "rm /tmp/a /tmp/b", "hello > /tmp/c && cat /tmp/c"],
                "--mem", "64M", "--disk", disk(folder, [("bin/rest", "x" * 64)]))
        self.assertRegex(out[2], rf"^shell: /tmp/[ab]: {full}.*\n$")
        self.assertRegex(out[3], rf"^shell: /tmp/c: {full}.*\n/\n$")
        self.assertRegex(out[6], rf"^write: /tmp/c: {full}.*\n/\n$")
        for part in (7, 9, 10):
            self.assertRegex(out[part], rf"^shell: /tmp/c: {full}.*\n/\n$")
        self.assertRegex(out[8], rf"^shell: /tmp/c: {full}.*\n$")
        self.assertRegex(out[11], rf"^write: /tmp/d: {full}.*\n$")
        self.assertIn("Hello from a program", out[13])

    def test_a_long_line_is_refused_as_a_whole(self):
        fits, longer = "true " + "x" * 4091, "pwd; true " + "x" * 4087
        out = self.outputs([fits, longer, "[ $? = 0 ] && pwd"])
        self.assertIn("the line is longer than 4096 bytes: not run", out[1])
        self.assertEqual((out[0].count("longer"), out[1].endswith("/\n"), out[2]), (0, False, "/\n"))

    def test_after_a_line_that_is_much_too_long_the_next_one_runs(self):
        """A quarter of a mebibyte takes QEMU some seconds; test_line types a whole one into the editor."""
        line = "pwd; true " + "x" * ((1 << 18) - 10)
        out = self.outputs([line, "pwd"])
        self.assertEqual(out[:2], ["shell: the line is longer than 4096 bytes: not run\n", "/\n"])

    def test_programs_get_an_environment_and_a_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            image = disk(folder, [("etc/rc", "export RC=$0\nwrite /tmp/rc $RC ran\nnosuch\n")])
            out = self.outputs(["cat /tmp/rc", "cd /tmp; pwd; cat rc", "cd /; for f in /bin/*.elf; do write /tmp/f $f; "
                                "cat /tmp/f; done", "PATH=/none; hello", "/bin/hello.elf", "X=1 Y=2 set | cat /tmp/f",
                                "if pwd; then\ncat /tmp/rc\nfi"], "--disk", image)
        self.assertEqual(out[0], "/etc/rc ran\n")
        self.assertEqual(out[1], "/tmp\n/etc/rc ran\n")
        self.assertEqual(out[2], "/bin/exit.elf\n/bin/hello.elf\n/bin/spin.elf\n")
        self.assertEqual(out[3], "hello: no such command; try help\n")
        self.assertIn("Hello from a program", out[4])

    def suspended(self, t, name):
        """Two rows of `ps` of a program that was stopped."""
        first, second = (re.search(rf"(?m)^ *(\d+) .* (\d+\.\d+) .*\({name}\).*$", t.run("ps")) for _ in range(2))
        # at the first prompt already; if it was about to print, it waits for its job
        self.assertRegex(first[0], r" suspended | blocked .* job ")
        return first, second

    def test_jobs(self):
        with tempfile.TemporaryDirectory() as folder, Typist(disk(folder)) as t:
            t.wait_for("halyard> ")
            t.type("spin; pwd\r")
            t.wait_for("spinning")
            t.type("\x1a")
            self.assertIn("[1] stopped  spin", t.wait_for("halyard> "))  # the rest of the line does not run
            first, second = self.suspended(t, "spin.elf")
            self.assertEqual(first[2], second[2])  # it uses no CPU time
            self.assertIn("[2] spin.elf > /tmp/o", t.run("spin.elf > /tmp/o &"))
            jobs = t.run("jobs")
            self.assertIn("[1] stopped  spin", jobs)
            self.assertIn("[2] running  spin.elf > /tmp/o", jobs)
            self.assertIn("[1] running  spin", t.run("bg %1"))
            t.run("kill %1; kill %2; wait")
            self.assertEqual(t.run("jobs").strip(), "")
            t.run("spin.elf > /tmp/o &")  # reported once, by `jobs` or at the prompt
            out = t.run("kill %1; while jobs > /tmp/j; read n state rest < /tmp/j; [ $state = running ]; do true; done; cat /tmp/j")
            self.assertEqual(out.count("[1] killed  spin.elf"), 1, out)
            t.type("spin\r")
            t.wait_for("spinning")
            t.type("\x1a")
            t.wait_for("halyard> ")
            t.type("fg\r")
            t.wait_for("spin\n")
            t.type("\x03")
            self.assertIn("killed", t.wait_for("halyard> "))
            t.type("spin\r")
            t.wait_for("spinning")
            t.type("\x1a")
            t.wait_for("halyard> ")
            t.run("kill %1; wait %1")  # a suspended job ends, too
            self.assertNotIn("spin.elf", t.run("ps"))
            # nothing that a stopped job prints comes after the prompt
            t.type("true | while true; do hello; pwd; done\r")
            t.wait_for("\n/\n")
            t.type("\x1a")
            self.assertIn("[1] stopped  true | while", t.wait_for("halyard> "))
            for _ in range(3):
                self.assertEqual(t.run("true"), "\n")
            t.type("fg\r")
            t.wait_for("\n/\n")
            t.type("\x03")
            t.wait_for("halyard> ")
            t.type("while true; do pwd; done\r")
            t.wait_for("\n/\n/\n")
            t.type("\x03")
            t.wait_for("halyard> ")
            t.type("for i in 1 2 3; do spin; done\r")
            t.wait_for("spinning")
            t.type("\x03")
            self.assertNotIn("spinning", t.wait_for("halyard> "))
            self.assertIn("/\n", t.run("pwd"))
            # an interpreted program, which its ID ends
            t.type("run --interp /bin/turn.wasm\r")
            t.wait_for("spinning")
            t.type("\x1a")
            self.assertIn("[1] stopped  run --interp", t.wait_for("halyard> "))
            first, second = self.suspended(t, "turn.wasm")
            self.assertEqual(first[2], second[2])
            t.prompt_with(f"kill {first[1]}", "[1] exit status 143  run --interp")
            self.assertIn("kill: 1: no program has a thread of this ID", t.run("kill 1"))
            self.assertEqual(t.run("jobs").strip(), "")
            # commands that wait end with the line
            t.type("read x\rabc")
            t.wait_for("read x\nabc")
            t.type("\x03")
            t.wait_for("halyard> ")
            t.run("spin > /tmp/o &")
            t.type("pwd; wait\r")
            t.wait_for("\n/\n")  # the line runs: from now on Ctrl-C is for it
            t.type("\x03")
            t.wait_for("halyard> ")
            self.assertRegex(t.run("time true"), r"\nreal +\d+\.\d{3} s\nprograms +0\.000 s\nshell +\d+\.\d{3} s\n")
            # a reader in the background
            t.run("kill %1; wait %1")
            t.prompt_with("read x &", "[1] stopped, it wants to read the terminal; try fg  read x")
            t.type("fg\rtext\r")
            t.wait_for("text\n")
            t.wait_for("halyard> ")
            # jobs tells the reason first, and the prompt does not tell it again
            text = t.run("read y &")
            while "stopped" not in text:
                text += t.run("jobs")
            stopped = re.findall(r"(?m)^\[1\] stopped.*", text + t.run("jobs"))
            self.assertEqual(stopped[0], "[1] stopped, it wants to read the terminal; try fg  read y")
            self.assertEqual(set(stopped[1:]), {"[1] stopped  read y"})
            t.type("fg\rtext\r")
            t.wait_for("text\n")
            t.wait_for("halyard> ")

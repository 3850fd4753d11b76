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
            image = disk(folder, [("bad", "pwd\nif true\n"), ("self", "sh /self\n"), ("rc", "")])
            out = self.outputs([
                "cat /none 2>/tmp/e || cat /tmp/e", "cat /none > /tmp/o", "cat /tmp/o", "exit.elf 3",
                "[ $? = 3 ] && pwd", "sh /bad", "sh /self", "nosuch; [ $? = 127 ] && pwd", "quit", "pwd $(ls)",
                "pwd 'a", "a" + " |a" * 999, "write /tmp/a x; cat /tmp/a >> /tmp/a; cat /tmp/a",
                "pwd | cat /tmp/o | pwd > /none/x"], "--disk", image)
        self.assertEqual(out[:12], [
            "cat: /none: no such file or directory\n", "cat: /none: no such file or directory\n", "",
            "run: /bin/exit.elf: exit status 3\n", "/\n", "/bad: line 3: `then` is missing\n",
            "/self: more than 8 scripts run each other\n", "nosuch: no such command; try help\n/\n",
            "quit: poweroff switches the machine off\n", "shell: $( is not supported\n",
            "shell: the quote ' is not closed\n", "shell: more than 8 commands\n"])
        self.assertEqual(out[12], "cat: /tmp/a: in use\nx\n")
        self.assertEqual(out[13], "shell: /none/x: no such file or directory\n")

    def test_a_long_line_is_refused_as_a_whole(self):
        fits, longer = "true " + "x" * 4091, "pwd; true " + "x" * 4087
        out = self.outputs([fits, longer, "[ $? = 0 ] && pwd"])
        self.assertIn("the line is longer than 4096 bytes: not run", out[1])
        self.assertEqual((out[0].count("longer"), out[1].endswith("/\n"), out[2]), (0, False, "/\n"))

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

    def test_jobs(self):
        with tempfile.TemporaryDirectory() as folder, Typist(disk(folder)) as t:
            t.wait_for("halyard> ")
            t.type("spin; pwd\r")
            t.wait_for("spinning")
            t.type("\x1a")
            self.assertIn("[1] stopped  spin", t.wait_for("halyard> "))  # the rest of the line does not run
            first, second = (re.search(r"(?m)^.* (\d+\.\d+) .*\(spin.elf\).*$", t.run("ps")) for _ in range(2))
            self.assertIn("suspended", first[0])
            self.assertEqual(first[1], second[1])  # it uses no CPU time
            self.assertIn("[2] spin.elf > /tmp/o", t.run("spin.elf > /tmp/o &"))
            jobs = t.run("jobs")
            self.assertIn("[1] stopped  spin", jobs)
            self.assertIn("[2] running  spin.elf > /tmp/o", jobs)
            self.assertIn("[1] running  spin", t.run("bg %1"))
            t.run("kill %1; kill %2; wait")
            self.assertEqual(t.run("jobs").strip(), "")
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
            t.type("while true; do pwd; done\r")
            t.wait_for("\n/\n/\n")
            t.type("\x03")
            t.wait_for("halyard> ")
            t.type("for i in 1 2 3; do spin; done\r")
            t.wait_for("spinning")
            t.type("\x03")
            self.assertNotIn("spinning", t.wait_for("halyard> "))
            self.assertIn("/\n", t.run("pwd"))

# SPDX-License-Identifier: MIT
"""scripts/demo: Lua and SQLite from Debian's sources, the game and the samples, on one disk."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import demo
import unwind
import wasmcc
from builder import locked
from person import Terminal
from smoke import BUILD, LIMIT_S, TestCase, run
from tree import Failure

NO_SOURCES = "no sources: "

# Catches errors at three depths; the frames of the functions that were left are large.
NESTED = r"""
#include <stdio.h>
#include <string.h>
#include "unwind.h"
static double fail(int depth, int at)
{
    char frame[4096];
    memset(frame, depth, sizeof(frame));
    if (depth == at) {
        unwind_throw();
        printf("never\n");
    }
    double below = depth < 50 ? fail(depth + 1, at) + 1 : 1;
    return below + frame[99] - depth;
}
static void run(void *depth, void *out)
{
    *(double *)out = fail(0, *(int *)depth);
}
static void outer(void *depth, void *out)
{
    int inner = 7;
    printf("inner %d\n", unwind_try(run, &inner, out));
    run(depth, out);
}
int main(void)
{
    double value = 0;
    for (int i = 0; i < 2000; i++) {
        int depth = i % 100;
        int threw = unwind_try(run, &depth, &value);
        if (threw != (depth <= 50) || (!threw && value != 51)) {
            return printf("wrong at %d: %d %f\n", i, threw, value);
        }
    }
    int depth = 3;
    printf("outer %d, value %d\n", unwind_try(outer, &depth, &value), (int)value);
    return 0;
}
"""


LOOP = """#!/bin/sh
for file in *.$1; do
    read first < $file
    echo "$file has $first"
done
"""


class Unwinding(TestCase):
    def compile(self, folder, *flags):
        source, plain = folder / "nested.c", folder / "nested.plain"
        source.write_text(NESTED)
        subprocess.run([*wasmcc.COMMAND, "-O2", f"-I{demo.PORTS}", source, demo.PORTS / "unwind.c", *flags, "-o", plain],
                       check=True)
        return plain.read_bytes()

    def test_errors_end_where_they_are_caught(self):
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work)
            program = folder / "nested.wasm"
            program.write_bytes(unwind.unwound(self.compile(folder, "-Wl,--export=unwinding")))
            self.expect(run("--program", program), 0, contains="inner 1\nouter 1, value 51\n")

    def test_modules_without_it_are_named(self):
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work)
            unexported = self.compile(folder)
            for data, why in ((unexported, "unwinding is not exported"), (unexported[:5000], "truncated"),
                              (b"\0asm\1\0\0\0", "no function unwind_throw"), (b"\x7fELF", "not a WebAssembly module")):
                with self.assertRaisesRegex(Failure, why):
                    unwind.unwound(data)
            (folder / "no").write_bytes(b"")
            done = subprocess.run([sys.executable, unwind.__file__, folder / "no", folder / "out"], capture_output=True, text=True)
            self.assertEqual((done.returncode, (folder / "out").exists()), (1, False))
            self.assertRegex(done.stderr, r"^unwind: .*no: not a WebAssembly module")


class Demo(TestCase):
    @classmethod
    def setUpClass(cls):
        """One disk for all tests. Without a mirror there is none."""
        try:
            more = demo.make_programs()
        except Failure as failure:
            if str(failure).startswith(NO_SOURCES):
                raise unittest.SkipTest(str(failure)) from None
            raise
        cls.image = BUILD / "demo.img"
        with locked(BUILD):
            demo.disk.make_system(BUILD, cls.image, more)

    def answers(self, *lines):
        result = run("--disk", self.image, typed="\n".join([*lines, "poweroff"]) + "\n")
        self.expect(result)
        return dict(result.answers)

    def test_an_error_in_lua_returns_to_its_prompt(self):
        said = self.answers("write /tmp/a 'no_such_function()'", "lua -i < /tmp/a",
                            "lua -e \"print(pcall(error, 'x', 0)) print(string.rep('-', 3))\"",
                            "lua /demo/queens.lua 4", "lua /demo/queens.lua 3")
        self.assertRegex(said["lua -i < /tmp/a"],
                         r"(?s)^Lua 5\.4.*> .*attempt to call a nil value \(global 'no_such_function'\)\n.*traceback:.*> ")
        self.assertIn("false\tx\n---\n", said.values())
        self.assertEqual(said["lua /demo/queens.lua 4"], ". Q . . \n. . . Q \nQ . . . \n. . Q . \n")
        self.assertIn("there is no solution\nstack traceback:", said["lua /demo/queens.lua 3"])

    def test_the_first_hour(self):
        """A person at a terminal: prompts, a loop over files, jobs, and the host's folder. The transcript is kept."""
        with tempfile.TemporaryDirectory() as folder:
            self.share = Path(folder)
            (self.share / "cities.csv").write_bytes((demo.FILES / "cities.csv").read_bytes())
            (self.share / "loop").write_text(LOOP)
            with Terminal(80, "--disk", self.image, "--share", folder) as t:
                try:
                    self.spend_an_hour(t)
                finally:
                    (BUILD / "first-hour.txt").write_text(t.transcript())

    def spend_an_hour(self, t):
        t.wait_line("")
        self.assertIn("Type help for the commands.", t.text())
        t.type("lua\r")
        t.wait_for("> ".rstrip())
        t.type("6 * 8\x7f7\r")
        t.wait_for("> 6 * 7", "42", ">")
        t.type("nothing()\r")
        t.wait_for("> nothing()", "stdin:1: attempt to call a nil value (global 'nothing')")
        t.wait(lambda: t.text().endswith("\n>"), "the prompt after an error")
        t.type("print('two', 'words\x17'words')\r")
        t.wait_for("> print('two', 'words')", "two\twords".expandtabs(8), ">")
        t.type("\x04")
        t.wait_line("")
        t.type("sqlite /tmp/cities.db\r")
        t.wait(lambda: t.text().endswith("sqlite>"), "SQLite's prompt")
        t.type(".import --csv /host/cities.csv cities\rselect country, sum(people) from cities\rgroup by 1 order by 2;\r")
        t.wait_for("   ...> group by 1 order by 2;", "Switzerland|626000", "Austria|2243000", "Germany|5531000", "sqlite>")
        t.type(".quit\r")
        t.wait_line("")
        # a database is written; a script of the host loops over files, and the host reads the result
        t.type("sqlite /tmp/cities.db 'select count(*) from cities' > /host/count.txt\r")
        t.wait_line("")
        t.type("cd /host\r")
        t.wait(lambda: t.text().endswith("halyard /host>"), "the folder in the prompt")
        t.type("./loop txt > loop.log && cat loop.log\r")
        t.wait_for("count.txt has 6", "halyard /host>")
        self.assertEqual((self.share / "loop.log").read_text(), "count.txt has 6\n")
        (self.share / "more.txt").write_text("been edited\n")
        t.type("./loop txt\r")
        t.wait_for("count.txt has 6", "more.txt has been edited", "halyard /host>")
        t.type("cd\r")
        t.wait_line("")
        # a game is stopped, and continues on the screen that it draws anew
        t.type("2048 7\r")
        t.wait(lambda: "q ends." in t.text(), "the whole board")
        t.type("\x1a")
        t.wait(lambda: "[1] stopped  2048 7" in t.text(), "the stopped game")
        t.wait_line("")
        t.type("spin > /dev/null &\r")
        t.wait(lambda: "[2] spin > /dev/null" in t.text(), "the job")
        t.wait_line("")
        t.type("jobs\r")
        t.wait_for("halyard> jobs", "[1] stopped  2048 7", "[2] running  spin > /dev/null")
        t.type("kill %2; wait %2; fg %1\r")
        t.wait(lambda: "q ends." in t.text().rpartition("\n2048 7")[2], "the game in the foreground, with its board")
        t.type("q")
        t.wait(lambda: "\n  score 0" in t.text(), "the end of the game")
        t.type("poweroff\r")
        self.assertEqual(t.process.wait(LIMIT_S), 0, t.text())

    def test_the_game_is_played_to_its_end(self):
        keys = "asdwasdwwa"
        said = self.answers(f"write /tmp/keys {keys}q", "2048 7 < /tmp/keys",
                            f"write /tmp/no-q {keys}", "2048 7 < /tmp/no-q")
        self.assertRegex(said["2048 7 < /tmp/keys"], r"(?s)2048      score 0\n.*Arrow keys.*  score 28\n$")
        self.assertTrue(said["2048 7 < /tmp/no-q"].endswith("  score 28\n"))

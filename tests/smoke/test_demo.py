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
from smoke import BUILD, TestCase, run
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

    def test_sqlite_reads_a_csv_file_and_writes_a_database(self):
        create = "sqlite /tmp/x.db \".import --csv /demo/cities.csv cities\""
        ask = "sqlite /tmp/x.db \"select country, sum(people) from cities group by 1 order by 2\""
        said = self.answers(create, ask)
        self.assertEqual((said[create], said[ask]), ("", "Switzerland|626000\nAustria|2243000\nGermany|5531000\n"))

    def test_the_game_is_played_to_its_end(self):
        keys = "asdwasdwwa"
        said = self.answers(f"write /tmp/keys {keys}q", "2048 7 < /tmp/keys",
                            f"write /tmp/no-q {keys}", "2048 7 < /tmp/no-q")
        self.assertRegex(said["2048 7 < /tmp/keys"], r"(?s)2048      score 0\n.*Arrow keys.*  score 28\n$")
        self.assertTrue(said["2048 7 < /tmp/no-q"].endswith("  score 28\n"))

# SPDX-License-Identifier: MIT
"""The shell at a real terminal: scripts/run on a pseudo-terminal, with pyte as the terminal."""
from person import Terminal
from smoke import LIMIT_S, MACHINE, TestCase, run

LONG = " ".join(f"word{n}" for n in range(30))


class Shell(TestCase):
    def edit(self, columns):
        with Terminal(columns) as t:
            t.wait_line("")
            t.type(LONG)
            t.wait_line(LONG)
            t.type("\x1b[HX")  # Home; Ctrl-A is QEMU's escape key here
            t.wait_line("X" + LONG, 1)
            t.type("\x05\x17\x17")  # Ctrl-E, Ctrl-W twice
            shorter = "X" + LONG[:LONG.index("word28")]
            t.wait_line(shorter)
            t.type("\x1bb\x1b[D\x1b[3~")  # Alt-B, Left, Delete
            at = shorter.rindex("word27") - 1
            t.wait_line(shorter[:at] + shorter[at + 1:], at)
            t.type("\x15\x0b")
            t.wait_line("")
            t.type("upt\t\r")
            t.wait(lambda: "idle" in t.text().replace("\n", ""), "uptime")
            t.wait_line("")
            t.type("\x1b[A")
            t.wait_line("uptime ")  # completed, followed by a blank
            t.type("\x15" + "p\t\t")
            t.wait(lambda: any(row.split() == ["panic", "poweroff", "pwd", "ps", "profile"] for row in t.screen.display)
                   or columns < 40, "the list of candidates")
            t.wait_line("p")
            t.type("\x15poweroff\r")
            self.assertEqual(t.process.wait(LIMIT_S), 0)

    def test_editing_in_20_columns(self):
        self.edit(20)

    def test_editing_in_80_columns(self):
        self.edit(80)

    def test_editing_in_132_columns(self):
        self.edit(132)

    def test_a_window_that_changes(self):
        with Terminal(80) as t:
            t.wait_line("")
            t.type("x\x1b[H")
            t.wait_line("x", 0)
            t.type("\x03")
            t.wait_line("")
            prompts = t.prompts()
            t.screen.resize(columns=30)
            t.type("\r")
            t.wait(lambda: t.prompts() > prompts, "the next prompt")
            t.wait_line("")
            t.type(LONG + "\x1b[HY")
            t.wait_line("Y" + LONG, 1)

    def test_a_script_reads_only_text_files(self):
        options = ("--boot", "kernel") if MACHINE == "x86_64" else ()  # GRUB clears the screen
        result = run(*options, typed="help\nls /\nhelp mount\npoweroff\n")
        self.expect(result, 0)
        self.assertNotRegex(result.output, r"[\x00-\x09\x0b-\x1f\x7f]")
        for command in ("help", "ls /", "help mount", "poweroff"):
            self.assertEqual(result.output.count(f"halyard> {command}\n"), 1, result.output)
        self.assertIn("usage: mount [-o [remount,]rw|ro] [-t TYPE] [DEVICE] [DIR]\n", result.output)
        self.assertIn("    mount -o rw vdb /data\n", result.output)

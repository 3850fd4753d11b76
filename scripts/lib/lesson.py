# SPDX-License-Identifier: MIT
"""A lesson in Markdown that is carried out as it is read: files are written, changes applied, commands typed.

The first line of a fenced block determines its meaning:

    c PATH, or another language and a path    the contents of that file
    diff                                      a change of existing files, for `patch -p1`
    console                                   commands at the root of the tree: `$ ` starts a command,
                                              `halyard> ` a line that is typed at the kernel's shell
    terminal                                  the same on a terminal, for programs that print a prompt: `> ` and others

In a console block each other line must occur in the output, in that order; `...` stands for anything. Blocks without a
path are only for reading.
"""
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^```(\w*) ?(\S*)[^\n]*\n(.*?)^```$", re.M | re.S)
PROMPT = "halyard> "
PROMPTS = (PROMPT, "sqlite> ", "> ", "Who are you? ")  # in a terminal block
LIMIT_S = 900


class Wrong(Exception):
    """The lesson and the tree disagree."""


@dataclass
class Typed:
    """One command of a console block, with the lines typed at the guest and the expected output."""

    command: str
    keys: list = field(default_factory=list)
    expected: list = field(default_factory=list)


def blocks(text):
    """(language, path, content) of each fenced block."""
    return [match.groups() for match in FENCE.finditer(text)]


def typed(content, prompts=(PROMPT,)):
    """The commands of a block."""
    commands = []
    for line in content.splitlines():
        if line.startswith("$ "):
            commands.append(Typed(line[2:]))
            continue
        if not commands:
            raise Wrong(f"a console block begins with a command: {line}")
        prompt = next((prompt for prompt in prompts if line.startswith(prompt)), None)
        if prompt is not None:
            commands[-1].keys.append((prompt, line[len(prompt):]))
        if line.strip():
            commands[-1].expected.append(line)
    return commands


def script(commands):
    """One shell script for a whole block, so that `echo $?` works as expected; with a mark between the outputs."""
    lines = []
    for one in commands:
        if one.keys:
            lines += [f"{one.command} <<'LESSON' 2>&1", *(text for _, text in one.keys), "LESSON"]
        else:
            lines.append(f"{one.command} 2>&1")
        lines.append('s=$?; echo "@@@"; (exit $s)')
    return "\n".join(lines)


def missing(expected, output):
    """The first expected line that does not occur in the output after the one before it, or None."""
    at = 0
    for line in expected:
        pattern = ".*?".join(re.escape(part) for part in line.rstrip().split("..."))
        match = re.compile(rf"^{pattern} *\r?$", re.M).search(output, at)
        if line.strip() == "...":
            continue
        if not match:
            return line
        at = match.end()
    return None


def run_console(content, root):
    commands = typed(content)
    done = subprocess.run(["sh", "-c", script(commands)], cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          timeout=LIMIT_S)
    outputs = done.stdout.decode(errors="replace").split("@@@\n")
    for one, output in zip(commands, outputs):
        check(one, output)


def check(one, output):
    line = missing(one.expected, output)
    if line is not None:
        raise Wrong(f"`{one.command}` does not print\n    {line}\nbut\n{output}")


def run_terminal(content, root):
    """Type each line when the screen shows its prompt in the cursor's row."""
    import terminal_screen  # needs pyte, which only this kind of block needs

    for one in typed(content, PROMPTS):
        with terminal_screen.Terminal(["sh", "-c", one.command], root, LIMIT_S) as person:
            for prompt, text in one.keys:
                person.wait(lambda: person.row() == prompt.rstrip(), f"the prompt {prompt}")
                person.type(text + "\r")
            person.finish()
            check(one, person.text())


def write_file(path, content, root):
    file = root / path
    if not file.resolve().is_relative_to(root.resolve()):
        raise Wrong(f"{path} lies outside the tree")
    if file.exists():
        raise Wrong(f"{path} exists: a change to it is a diff block")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def apply_change(content, root):
    done = subprocess.run(["patch", "-p1", "--forward", "--fuzz=0", "--no-backup-if-mismatch"], cwd=root,
                          input=content, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise Wrong(f"the change does not apply:\n{done.stdout}\n{content}")


def do(file, root, translate=lambda text: text):
    """Carry out the lesson in the tree at root. translate() may change the machine's name in typed commands."""
    steps = 0
    for language, path, content in blocks(Path(file).read_text()):
        if path:
            write_file(translate(path), content, root)
        elif language == "diff":
            apply_change(content, root)
        elif language == "console":
            run_console(translate(content), root)
        elif language == "terminal":
            run_terminal(translate(content), root)
        else:
            continue
        steps += 1
    if steps == 0:
        raise Wrong(f"{file}: nothing to do in it")

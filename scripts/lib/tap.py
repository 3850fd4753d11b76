# SPDX-License-Identifier: MIT
"""The Test Anything Protocol: writing it, and parsing a suite's output."""
import re
import unittest
from dataclasses import dataclass, field

# Guests print what these expressions match: matching takes linear time, and no number is too long for int().
POINT = re.compile(r"(not )?ok\b *(\d+)? *(?:- )?(.*)$", re.I)
DIRECTIVE = re.compile(r"# *(SKIP|TODO)\b *(.*)$", re.I)
PLAN = re.compile(r"1\.\.(\d{1,9})(?: *# *SKIP *(.*))?$")


class Writer:
    """Prints points as they come and the plan at the end; status() is for sys.exit()."""

    def __init__(self):
        self.count = self.failed = 0

    def point(self, passed, name, *details):
        self.count += 1
        self.failed += not passed
        print(f"{'' if passed else 'not '}ok {self.count} - {name}", flush=True)
        for detail in details:
            for line in str(detail).splitlines():
                print(f"# {line}", flush=True)

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}", flush=True)

    def claim(self, name, complaints):
        """One point that passes if there is no complaint; the complaints are its details."""
        complaints = list(complaints)
        self.point(not complaints, name, *complaints)

    def status(self):
        print(f"1..{self.count}", flush=True)
        return int(self.failed > 0)


@dataclass
class Suite:
    """The contents of one suite's output."""

    name: str
    passed: list = field(default_factory=list)
    failed: list = field(default_factory=list)   # (point, details)
    skipped: list = field(default_factory=list)  # (point, reason)
    planned: int = None
    figures: list = field(default_factory=list)  # lines for other programs: "conformance NAME ENGINE N of M"
    _last_failed: bool = False
    _before: list = field(default_factory=list)  # comments since the last point: the kernel prints explanations first

    def read(self, line):
        """Parse one line of output."""
        if match := PLAN.match(line):
            self.planned = (self.planned or 0) + int(match[1])
        elif match := POINT.match(line):
            directive = DIRECTIVE.search(match[3])
            text = match[3][:directive.start()] if directive else match[3]
            point = text.strip() or match[2] or "?"
            self._last_failed = bool(match[1])
            if directive and directive[1].upper() == "SKIP":
                self.skipped.append((point, directive[2] or "no reason given"))
                self._last_failed = False
            elif match[1]:
                self.failed.append((point, self._before))
            else:
                self.passed.append(point)
            self._before = []
        elif self._last_failed and line.startswith("#"):
            self.failed[-1][1].append(line[1:].strip())
        elif line.startswith("#"):
            self._before.append(line[1:].strip())

    def finish(self, status):
        """A suite that ends badly, or early, fails even if each of its points passed."""
        done = len(self.passed) + len(self.failed) + len(self.skipped)
        points_failed = len(self.failed) > 0
        if self.planned is None:
            self.failed.append(("plan", ["the suite ended without a plan (1..N)"]))
        elif self.planned != done:
            self.failed.append(("plan", [f"{self.planned} points planned, {done} seen"]))
        if status != 0 and not self.failed:
            self.failed.append(("status", [f"the suite ended with status {status}"]))
        if status == 0 and points_failed:
            self.failed.append(("status", ["points failed, but the suite ended with status 0"]))


class Result(unittest.TestResult):
    """Reports unittest's tests as points."""

    def __init__(self, writer):
        super().__init__()
        self.writer = writer

    @staticmethod
    def name(test):
        return test.id().split(".", 1)[-1]

    def addSuccess(self, test):
        self.writer.point(True, self.name(test))

    def addFailure(self, test, error):
        self.writer.point(False, self.name(test), self._exc_info_to_string(error, test))

    addError = addFailure

    def addSkip(self, test, reason):
        self.writer.skip(self.name(test), reason)

    def addSubTest(self, test, subtest, error):
        if error:
            self.writer.point(False, f"{self.name(test)} {subtest._subDescription()}",
                              self._exc_info_to_string(error, test))

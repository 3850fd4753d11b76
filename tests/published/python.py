# SPDX-License-Identifier: MIT
"""What tests/smoke/test_published.py runs with CPython in the guest and with the host's Python: both must print the same.

usage: python.py FOLDER; files are made in it.
"""
import collections
import contextlib
import dataclasses
import datetime
import decimal
import fractions
import functools
import hashlib
import heapq
import io
import itertools
import json
import math
import os
import random
import re
import struct
import sys
import time
import zlib

FOLDER = sys.argv[1]


def numbers():
    print(sum(x * x for x in range(1000)), math.factorial(40), 2 ** 200 // 3 ** 40, pow(3, 10 ** 6, 10 ** 9 + 7))
    print(0.1 + 0.2, math.sin(1), math.exp(-700), 1e308 * 10, round(2.675, 2), (-7) // 2, -7 % 3, 5e-324)
    print(decimal.Decimal(1) / 7, fractions.Fraction(1, 3) + fractions.Fraction(1, 6), complex(1, 2) ** 2)
    random.seed(1)
    print(random.random(), random.randint(1, 100), random.sample(range(50), 5))
    print(f"{3.14159:.2f} {1234567:,} {'x':>5} {255:#x} {1e-7} {12345.678:e}", struct.pack("<Ihd", 1, -2, 0.5).hex())


def text():
    print(json.dumps({"a": [1, 2, {"b": None}], "s": "é😀"}), json.loads("[1e3, true]"))
    print(re.sub(r"(\d+)", lambda found: str(int(found[1]) * 2), "a1b22"), re.findall(r"(?i)\bH\w+", "Hello, hal and oh"))
    print(hashlib.sha256(b"abc").hexdigest(), hashlib.md5(b"").hexdigest(), zlib.crc32(b"halyard"))
    print("straße".upper(), "ÀÉ".lower(), "a,b,,c".split(","), "%5.1f|%-5s|%03d" % (2.25, "ab", 7))
    print(zlib.decompress(zlib.compress(b"x" * 100000)) == b"x" * 100000, "\u00e9".encode().hex())


@dataclasses.dataclass(order=True)
class Item:
    weight: int
    name: str = "none"

    def __add__(self, other):
        return Item(self.weight + other.weight, self.name + other.name)


def structures():
    print(collections.Counter("mississippi").most_common(2), list(itertools.permutations("abc", 2))[:3])
    print(Item(1, "a") + Item(2, "b"), sorted([Item(3), Item(1)]), functools.reduce(lambda a, b: a * b, range(1, 8)))
    heap = [random.randrange(1000) for _ in range(500)]
    heapq.heapify(heap)
    print([heapq.heappop(heap) for _ in range(5)], datetime.date(2024, 2, 29) + datetime.timedelta(days=366))
    print(sorted(str(random.random()) for _ in range(5000))[-1], len({n * n % 1009 for n in range(5000)}))
    matrix = [[random.randrange(100) for _ in range(30)] for _ in range(30)]
    print(sum(map(sum, [[sum(a * b for a, b in zip(row, column)) for column in zip(*matrix)] for row in matrix])))


def deep(n):
    return 0 if n == 0 else 1 + deep(n - 1)


def errors():
    print(deep(900))
    for wrong in (lambda: deep(10 ** 6), lambda: 1 // 0, lambda: [][1], lambda: {}["k"], lambda: int("x"), lambda: None.x,
                  lambda: open(FOLDER + "/none"), lambda: os.rmdir(FOLDER + "/none"), lambda: bytes([300])):
        try:
            wrong()
        except Exception as error:
            print(type(error).__name__, getattr(error, "strerror", None) or "")
    with contextlib.suppress(KeyError):
        try:
            raise KeyError("inner")
        finally:
            print("finally")


def files():
    path = os.path.join(FOLDER, "lines.txt")
    with open(path, "w") as file:
        file.writelines(f"line {n}\n" for n in range(2000))
    with open(path) as file:
        lines = file.readlines()
    with open(path, "rb+") as file:
        file.seek(-5, io.SEEK_END)
        print(file.read(), file.truncate(100), len(lines))
    os.mkdir(os.path.join(FOLDER, "d"))
    os.rename(path, os.path.join(FOLDER, "d", "renamed"))
    print(os.path.getsize(os.path.join(FOLDER, "d", "renamed")), sorted(os.listdir(FOLDER)), os.path.exists(path))
    start = time.monotonic()
    time.sleep(0.01)
    print(time.monotonic() - start >= 0.01, time.time() > 1.7e9)


def main():
    for part in (numbers, text, structures, errors, files):
        print(f"--- {part.__name__}")
        part()
    print("--- input", [line.strip()[::-1] for line in sys.stdin])
    raise SystemExit(7)


main()

# SPDX-License-Identifier: MIT
"""Layouts of types: what the host command calculates equals a second calculation, written apart.

This file reads the metadata itself, and knows the rules of docs/dotnet.md. It shares no code with kernel/cil.
"""
import os
import struct
import subprocess
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path

from tree import ROOT, build_directory

COMMAND = build_directory("host-tests") / "halyard-cil"
LIBRARIES = Path("/usr/lib/mono/4.5")

# ---- Reading metadata (ECMA-335 II.22, II.24) ----

# Columns: 2 or 4 bytes; s, g, b: heaps; a table's number: an index; a name: a coded index.
GROUPS = {"tdr": (2, [2, 1, 0x1b]), "hc": (2, [4, 8, 0x17]), "hfm": (1, [4, 8]), "hds": (2, [2, 6, 0x20]),
          "hca": (5, [6, 4, 1, 2, 8, 9, 0xa, 0, 0xe, 0x17, 0x14, 0x11, 0x1a, 0x1b, 0x20, 0x23, 0x26, 0x27, 0x28, 0x2a,
                      0x2c, 0x2b]), "mrp": (3, [2, 1, 0x1a, 6, 0x1b]), "hs": (1, [0x14, 0x17]), "mdr": (1, [6, 0xa]),
          "mf": (1, [4, 6]), "imp": (2, [0x26, 0x23, 0x27]), "cat": (3, [6, 0xa]), "rs": (2, [0, 0x1a, 0x23, 1]),
          "tmd": (1, [2, 6])}
I = {n: ("row", n) for n in range(0x2d)}
COLUMNS = {
    0: [2, "s", "g", "g", "g"], 1: ["rs", "s", "s"], 2: [4, "s", "s", "tdr", I[4], I[6]], 3: [I[4]], 4: [2, "s", "b"],
    5: [I[6]], 6: [4, 2, 2, "s", "b", I[8]], 7: [I[8]], 8: [2, 2, "s"], 9: [I[2], "tdr"], 0xa: ["mrp", "s", "b"],
    0xb: [2, "hc", "b"], 0xc: ["hca", "cat", "b"], 0xd: ["hfm", "b"], 0xe: [2, "hds", "b"], 0xf: [2, 4, I[2]],
    0x10: [4, I[4]], 0x11: ["b"], 0x12: [I[2], I[0x14]], 0x13: [I[0x14]], 0x14: [2, "s", "tdr"],
    0x15: [I[2], I[0x17]], 0x16: [I[0x17]], 0x17: [2, "s", "b"], 0x18: [2, I[6], "hs"], 0x19: [I[2], "mdr", "mdr"],
    0x1a: ["s"], 0x1b: ["b"], 0x1c: [2, "mf", "s", I[0x1a]], 0x1d: [4, I[4]], 0x1e: [4, 4], 0x1f: [4],
    0x20: [4, 2, 2, 2, 2, 4, "b", "s", "s"], 0x21: [4], 0x22: [4, 4, 4], 0x23: [2, 2, 2, 2, 4, "b", "s", "s", "b"],
    0x24: [4, I[0x23]], 0x25: [4, 4, 4, I[0x23]], 0x26: [4, "s", "b"], 0x27: [4, 4, "s", "s", "imp"],
    0x28: [4, 4, "s", "imp"], 0x29: [I[2], I[2]], 0x2a: [2, 2, "tmd", "s"], 0x2b: ["mdr", "b"], 0x2c: [I[0x2a], "tdr"]}


class Assembly:
    def __init__(self, path, world):
        self.path, self.world, self.data = path, world, path.read_bytes()
        self.sections = self.read_sections()
        self.streams = self.read_streams()
        self.tables = self.read_tables()
        self.outer = {row[0]: row[1] for row in self.rows(0x29)}
        self.generics = {}
        for number, _, owner, _ in self.rows(0x2a):
            table, row = self.decode("tmd", owner)
            if table == 2:
                self.generics[row] = self.generics.get(row, 0) + 1
        self.packs = {row[2]: row[:2] for row in self.rows(0xf)}
        self.offsets = {row[1]: row[0] for row in self.rows(0x10)}
        self.names = {(self.string(t[2]), self.string(t[1])): n for n, t in enumerate(self.rows(2), 1) if n not in self.outer}

    def read_sections(self):
        pe = struct.unpack_from("<I", self.data, 0x3c)[0]
        count, optional = struct.unpack_from("<H12xH", self.data, pe + 6)
        magic = struct.unpack_from("<H", self.data, pe + 24)[0]
        self.cli = struct.unpack_from("<I", self.data, pe + 24 + (96 if magic == 0x10b else 112) + 14 * 8)[0]
        table = pe + 24 + optional
        return [struct.unpack_from("<8xIIII", self.data, table + 40 * n) for n in range(count)]

    def offset(self, rva):
        return next(rva - start + at for size, start, length, at in self.sections if start <= rva < start + max(size, length))

    def read_streams(self):
        rva = struct.unpack_from("<I", self.data, self.offset(self.cli) + 8)[0]
        root = self.offset(rva)
        version = struct.unpack_from("<I", self.data, root + 12)[0]
        at, streams = root + 20 + version, {}
        for _ in range(struct.unpack_from("<H", self.data, at - 2)[0]):
            offset, size = struct.unpack_from("<II", self.data, at)
            name = self.data[at + 8:self.data.index(b"\0", at + 8)].decode()
            streams[name] = self.data[root + offset:root + offset + size]
            at += 8 + (len(name) + 4) // 4 * 4
        return streams

    def width(self, kind, counts):
        if isinstance(kind, int):
            return kind
        if kind in ("s", "g", "b"):
            return 4 if self.heaps & {"s": 1, "g": 2, "b": 4}[kind] else 2
        if isinstance(kind, tuple):
            return 2 if counts.get(kind[1], 0) < 1 << 16 else 4
        bits, tables = GROUPS[kind]
        return 2 if max(counts.get(t, 0) for t in tables) < 1 << (16 - bits) else 4

    def read_tables(self):
        stream = self.streams["#~"]
        self.heaps, valid = struct.unpack_from("<6xBxQ", stream)
        numbers = [n for n in range(64) if valid >> n & 1]
        counts = dict(zip(numbers, struct.unpack_from(f"<{len(numbers)}I", stream, 24)))
        at, tables = 24 + 4 * len(numbers), {}
        for n in numbers:
            row = struct.Struct("<" + "".join("H" if self.width(k, counts) == 2 else "I" for k in COLUMNS[n]))
            tables[n] = [row.unpack_from(stream, at + row.size * k) for k in range(counts[n])]
            at += row.size * counts[n]
        return tables

    def rows(self, table):
        return self.tables.get(table, [])

    def string(self, at):
        heap = self.streams["#Strings"]
        return heap[at:heap.index(b"\0", at)].decode(errors="replace")

    def blob(self, at):
        number, rest = compressed(self.streams["#Blob"], at)
        return self.streams["#Blob"][rest:rest + number]

    @staticmethod
    def decode(group, coded):
        bits, tables = GROUPS[group]
        return tables[coded & (1 << bits) - 1], coded >> bits

    def find(self, space, name):
        """(assembly, row), through forwarders."""
        if (space, name) in self.names:
            return self, self.names[space, name]
        for _, _, n, s, to in self.rows(0x27):
            table, row = self.decode("imp", to)
            if (self.string(s), self.string(n)) == (space, name) and table == 0x23:
                return self.reference(row).find(space, name)
        raise LookupError(f"{self.path.name}: {space}.{name}")

    def reference(self, row):
        return self.world.load(self.string(self.rows(0x23)[row - 1][6]))

    def definition(self, table, row):
        if table == 2:
            return self, row
        scope, name, space = self.rows(1)[row - 1]
        kind, at = self.decode("rs", scope)
        if kind == 0x23:
            return self.reference(at).find(self.string(space), self.string(name))
        if kind == 1:
            home, outer = self.definition(1, at)
            return home, next(n for n, around in home.outer.items()
                              if around == outer and home.string(home.rows(2)[n - 1][1]) == self.string(name))
        return self.find(self.string(space), self.string(name))

    def run(self, row, column, table):
        types = self.rows(2)
        end = types[row][column] if row < len(types) else len(self.rows(table)) + 1
        return range(types[row - 1][column], end)


def compressed(data, at):
    first = data[at]
    if first < 0x80:
        return first, at + 1
    if first < 0xc0:
        return (first & 0x3f) << 8 | data[at + 1], at + 2
    return struct.unpack_from(">I", data, at)[0] & 0x1fffffff, at + 4


# ---- Types. A type is a tuple: ("prim", size), ("ref",), ("def", assembly, row, arguments), ("var", number), or "open" and
# one of these: of a type with variables that do not matter for its size ----

PRIMITIVES = {2: 1, 3: 2, 4: 1, 5: 1, 6: 2, 7: 2, 8: 4, 9: 4, 0xa: 8, 0xb: 8, 0xc: 4, 0xd: 8, 0x18: 8, 0x19: 8}
CORE_SIZES = {"Boolean": 1, "Char": 2, "SByte": 1, "Byte": 1, "Int16": 2, "UInt16": 2, "Int32": 4, "UInt32": 4, "Int64": 8,
              "UInt64": 8, "Single": 4, "Double": 8, "IntPtr": 8, "UIntPtr": 8}


def parse(assembly, data, at):
    """(type, offset after it)"""
    kind, at = data[at], at + 1
    if kind in PRIMITIVES:
        return ("prim", PRIMITIVES[kind]), at
    if kind in (0x0e, 0x1c):
        return ("ref",), at
    if kind == 0x01:
        return ("void",), at
    if kind in (0x0f, 0x10):
        inner, at = parse(assembly, data, at)
        return made_of(inner, ("prim", 8)), at
    if kind == 0x1d:
        inner, at = parse(assembly, data, at)
        return made_of(inner, ("ref",)), at
    if kind in (0x11, 0x12):
        coded, at = compressed(data, at)
        return ("def", *assembly.definition(*assembly.decode("tdr", coded)), ()), at
    if kind in (0x13, 0x1e):
        number, at = compressed(data, at)
        return ("var" if kind == 0x13 else "mvar", number), at
    if kind == 0x14:
        inner, at = parse(assembly, data, at)
        _, at = compressed(data, at)
        for _ in range(2):
            count, at = compressed(data, at)
            for _ in range(count):
                _, at = compressed(data, at)
        return made_of(inner, ("ref",)), at
    if kind == 0x15:
        (_, home, row, _), at = parse(assembly, data, at)
        count, at = compressed(data, at)
        arguments = []
        for _ in range(count):
            argument, at = parse(assembly, data, at)
            arguments.append(argument)
        return ("def", home, row, tuple(arguments)), at
    if kind == 0x16:
        return ("typedref",), at
    if kind == 0x1b:
        convention, at = data[at], at + 1
        if convention & 0x10:
            _, at = compressed(data, at)
        count, at = compressed(data, at)
        for _ in range(count + 1):
            _, at = parse(assembly, data, at)
        return ("prim", 8), at
    if kind in (0x1f, 0x20):
        _, at = compressed(data, at)
        return parse(assembly, data, at)
    raise ValueError(f"type {kind:#x}")


def made_of(inner, t):
    return ("open", t) if is_open(inner) else t


def is_open(t):
    return t[0] in ("var", "mvar", "open") or (t[0] == "def" and any(map(is_open, t[3])))


def put(t, arguments):
    if t[0] == "var":
        return arguments[t[1]]
    if t[0] == "open":
        return t[1]
    return (*t[:3], tuple(put(a, arguments) for a in t[3])) if t[0] == "def" else t


@dataclass
class Layout:
    size: int
    align: int
    refs: list
    fields: dict


class World:
    """Assemblies by name, and the layouts of their types."""

    def __init__(self, folder):
        self.folders, self.assemblies, self.done = (folder, LIBRARIES), {}, {}

    def load(self, name):
        if name not in self.assemblies:
            files = [f / f"{name}.{suffix}" for f in self.folders for suffix in ("dll", "exe")]
            self.assemblies[name] = Assembly(next(f for f in files if f.exists()), self)
        return self.assemblies[name]

    def core(self, assembly, row):
        """The name in System if the class is the core library's."""
        if assembly is self.assemblies.get("mscorlib") and row not in assembly.outer:
            _, name, space, *_ = assembly.rows(2)[row - 1]
            return assembly.string(name) if assembly.string(space) == "System" else None
        return None

    def parent(self, assembly, row):
        coded = assembly.rows(2)[row - 1][3]
        if coded >> 2 == 0:
            return None
        table, at = assembly.decode("tdr", coded)
        if table == 0x1b:
            return parse(assembly, assembly.blob(assembly.rows(0x1b)[at - 1][0]), 0)[0]
        return ("def", *assembly.definition(table, at), ())

    def is_value(self, assembly, row):
        up = self.parent(assembly, row)
        name = up and self.core(up[1], up[2])
        return name == "Enum" or (name == "ValueType" and self.core(assembly, row) != "Enum")

    def field(self, t):
        """(size, alignment, references) of a field of this type"""
        if t[0] == "prim":
            return t[1], t[1], []
        if t[0] == "ref" or (t[0] == "def" and not self.is_value(t[1], t[2])):
            return 8, 8, [0]
        if t[0] == "typedref":
            t = ("def", *self.load("mscorlib").find("System", "TypedReference"), ())
        inner = self.layout(t)
        return inner.size, inner.align, inner.refs

    def instance_fields(self, t):
        """[(row, type)]"""
        _, assembly, row, arguments = t
        for number in assembly.run(row, 4, 4):
            flags, _, signature = assembly.rows(4)[number - 1]
            if not flags & 0x50:
                yield number, put(parse(assembly, assembly.blob(signature), 1)[0], arguments)

    def layout(self, t):
        if t not in self.done:
            self.done[t] = self.calculate(t)
        return self.done[t]

    def calculate(self, t):
        _, assembly, row, arguments = t
        is_value = self.is_value(assembly, row)
        if is_value and self.core(assembly, row) in CORE_SIZES:
            size = CORE_SIZES[self.core(assembly, row)]
            return Layout(size, size, [], {})
        end, align, refs, places = (0, 1, [], {}) if is_value else (8, 8, [], {})
        up = None if is_value else self.parent(assembly, row)
        if up:
            above = self.layout(put(up, arguments))
            end, refs = above.size, list(above.refs)
        fields = [(number, *self.field(kind)) for number, kind in self.instance_fields(t)]
        has_refs = bool(refs) or any(f[3] for f in fields)
        pack, least = assembly.packs.get(row, (0, 0))
        start, kind = end, assembly.rows(2)[row - 1][0] & 0x18
        if kind == 0x00:
            fields.sort(key=lambda f: -f[2])
        for number, size, natural, inside in fields:
            aligned = min(natural, pack) if pack and not has_refs and kind != 0x00 else natural
            at = start + assembly.offsets[number] if kind == 0x10 else -(-end // aligned) * aligned
            places[number] = at
            end, align = max(end, at + size), max(align, aligned)
            refs += [at + r for r in inside]
        end = max(end, start + least, 1)
        return Layout(-(-end // align) * align, align, sorted(set(refs)), places)

    def shown(self, assembly):
        """The types that the command prints, in its order."""
        for row in range(1, len(assembly.rows(2)) + 1):
            if row not in assembly.generics and self.core(assembly, row) != "Void":
                yield ("def", assembly, row, ())
        for (signature,) in assembly.rows(0x1b):
            t = parse(assembly, assembly.blob(signature), 0)[0]
            if t[0] == "def" and t[3] and not is_open(t):
                yield t


def calculated(path):
    world = World(path.parent)
    world.load("mscorlib")
    assembly = world.assemblies.get(path.stem) or Assembly(path, world)
    for t in world.shown(assembly):
        yield world.layout(t)


def printed(path):
    done = subprocess.run([str(COMMAND), "--layout", "--lib", str(LIBRARIES), str(path)], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    for block in done.stdout.split("layout ")[1:]:
        first, *rest = block.splitlines()
        name, numbers = first.split(" size ")
        size, _, align, _, *refs = numbers.split(" ")
        fields = {int(line.split()[1]): int(line.split()[-1]) for line in rest}
        yield name, Layout(int(size), int(align), [int(r) for r in refs[0].split(",")] if refs else [], fields)


# ---- The cases of ProtonOS, and one of each rule ----

CASES = r"""
using System;
using System.Runtime.InteropServices;
public struct Bar32 { public ulong address, size; public uint flags, index; public ulong mapped; }
public struct PciAddress { public byte bus, device, function; }
public class Device { public int id; public PciAddress address; public Bar32 bar; public object driver; }
public class Bridge : Device { public byte secondary; public Bar32[] windows; }
public struct Empty { }
[StructLayout(LayoutKind.Sequential, Pack = 1)] public struct Packed { public byte a; public int b; public long c; public short d; }
[StructLayout(LayoutKind.Sequential, Pack = 2)] public struct Packed2 { public byte a; public double b; public Packed c; }
[StructLayout(LayoutKind.Sequential, Pack = 1)] public struct PackedRef { public byte a; public object b; public short c; }
[StructLayout(LayoutKind.Sequential, Size = 33)] public struct Sized { public short x; }
[StructLayout(LayoutKind.Explicit)] public struct Union { [FieldOffset(0)] public int i; [FieldOffset(0)] public float f; [FieldOffset(2)] public byte b; }
[StructLayout(LayoutKind.Explicit, Size = 40)] public struct UnionRef { [FieldOffset(0)] public string s; [FieldOffset(0)] public object o; [FieldOffset(8)] public int i; }
[StructLayout(LayoutKind.Auto)] public struct Automatic { public byte a; public long b; public short c; public object d; public int e; }
public enum Small : byte { A, B }
public struct Mixed { public Small s; public char c; public int? maybe; public DateTime time; public decimal money; public IntPtr p; }
public struct Pair<A, B> { public static A none; public A first; public B second; }
public class Node<T> { public bool is_red; public T value; public Node<T> left, right; }
public class Leaf : Node<Pair<byte, string>> { public int depth; }
public unsafe struct Buffer { public fixed short numbers[7]; public int* at; public Pair<int, PciAddress> last; }
static class Program {
    static object[] all = { new Pair<byte, Pair<short, long>>(), new Pair<PciAddress, PciAddress>(), new Node<Bar32>(), new Pair<string, Small>() };
    static void Main() { Console.WriteLine(all.Length); }
}
"""

# What other runtimes say: size, and offsets of fields in order.
KNOWN = {"Bar32": (32, [0, 8, 16, 20, 24]), "PciAddress": (3, [0, 1, 2]), "Packed": (15, [0, 1, 5, 13]),
         "Packed2": (26, [0, 2, 10]), "Union": (4, [0, 0, 2]), "Empty": (1, []), "Sized": (34, [0]),
         "Pair`2<System.Byte,Pair`2<System.Int16,System.Int64>>": (24, [0, 8]),
         "Pair`2<PciAddress,PciAddress>": (6, [0, 3])}


# Of these, all but one need nothing but numbers.
PASSED = {"basic": "134 passed, 0 failed", "basic-long": "97 passed, 0 failed"}


class Layouts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)

    def compile(self, name, text, *options):
        source, out = self.folder / f"{name}.cs", self.folder / f"{name}.exe"
        source.write_text(text)
        subprocess.run(["mcs", "-unsafe", "-warn:0", *options, str(source), f"-out:{out}"], check=True, capture_output=True)
        return out

    def check(self, path):
        ours, theirs = list(printed(path)), list(calculated(path))
        self.assertEqual(len(ours), len(theirs))
        for (name, layout), expected in zip(ours, theirs):
            self.assertEqual((name, layout), (name, expected))
        return dict(ours)

    def test_cases(self):
        found = self.check(self.compile("cases", CASES))
        for name, (size, offsets) in KNOWN.items():
            self.assertEqual((name, found[name].size, list(found[name].fields.values())), (name, size, offsets))
        self.assertEqual(found["UnionRef"].refs, [0])
        self.assertEqual(found["PackedRef"].refs, [8])

    def test_the_core_library(self):
        self.assertGreater(len(self.check(LIBRARIES / "mscorlib.dll")), 2000)

    def test_conformance_programs(self):
        sources = sorted(Path(os.environ.get("HALYARD_CONFORMANCE", ROOT.parent / "shared/conformance"), "cil/mini").glob("*.cs"))
        driver = [s for s in sources if s.name in ("TestDriver.cs", "TestHelpers.cs")]
        wanted = [s for s in sources if s.stem in ("basic", "basic-long", "objects", "gshared", "exceptions")]
        if not wanted:
            self.skipTest("the conformance tests are neither beside the checkout nor in HALYARD_CONFORMANCE")
        library = self.folder / "TestDriver.dll"
        subprocess.run(["mcs", "-unsafe", "-warn:0", "-t:library", *map(str, driver), f"-out:{library}"], check=True,
                       capture_output=True)
        for source in wanted:
            with self.subTest(source.stem):
                program = self.compile(source.stem, source.read_text(), f"-r:{library}", "-langversion:latest")
                self.check(program)
                done = subprocess.run([str(COMMAND), "--check", "--trusted", "--lib", str(LIBRARIES), str(program)],
                                      capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                done = subprocess.run([str(COMMAND), "--tests", "--lib", str(LIBRARIES), str(program)],
                                      capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
                for line in done.stderr.splitlines():  # conformance/cil compares which tests are refused
                    self.assertRegex(line, r"^halyard-cil: Tests::test_\w+ is not compiled yet: ")
                self.assertIn(PASSED.get(source.stem, " 0 failed"), done.stdout)

# SPDX-License-Identifier: MIT
"""A C# program that passes and returns structs: every size up to 64 bytes, of integers, floats, references and mixtures,
behind 0 to 9 other arguments, by every kind of call. It prints one number for each struct.

    cil_abi.py [all]          one program
    cil_abi.py types          a library with the structs
    cil_abi.py calls          a library with the methods, which needs the other one
    cil_abi.py types-first    a program that needs both, and first the structs
    cil_abi.py calls-first    one that first needs the methods
"""
import sys

POSITIONS = 10
KINDS = ("static", "instance", "virtual", "interface", "delegate")

CASE_TYPES = """
public struct Wide { public long a, b, c, d; }
public struct PciAddress { public byte bus, device, function; public PciAddress(byte b, byte d, byte f) { bus = b; device = d; function = f; } }
"""
CASES = """
class Holder
{
    public long before = 7;
    public Wide wide;
    public long after = 9;
}
public static class Cases
{
    static Wide Make(long n) { return new Wide { a = n, b = n + 1, c = n + 2, d = n + 3 }; }
    static long Read(ref Wide w) { return w.a + 10 * w.b + 100 * w.c + 1000 * w.d; }
    static int WriteConfig16(PciAddress at, byte offset, ushort value, int mask, long tag)
    { return at.bus * 65536 + at.device * 256 + at.function + offset + value + mask + (int)tag; }
    static int Pass(PciAddress at, ushort value) { return WriteConfig16(at, 4, value, 1 << 20, 3); }
    public static void Run()
    {
        Holder h = new Holder();
        Wide kept = h.wide = Make(5);
        Console.WriteLine("32 bytes by a hidden place: " + Read(ref h.wide) + " " + Read(ref kept) + " " + h.before + " " + h.after);
        Console.WriteLine("3 bytes through two calls: " + Pass(new PciAddress(1, 31, 7), 0x107));
    }
}
"""


def structs():
    """(name, type of each field)"""
    for size in range(1, 65):
        yield f"Bytes{size}", ["byte"] * size
    for count in range(1, 17):
        yield f"Ints{count}", ["int"] * count
        yield f"Floats{count}", ["float"] * count
    for count in range(1, 9):
        yield f"Doubles{count}", ["double"] * count
        yield f"Objects{count}", ["object"] * count
        yield f"Mixed{count}", (["object", "int", "float", "double", "byte", "short", "string", "long"] * 2)[count:count + min(count + 1, 6)]


def value(kind, n):
    converted = {"object": f"(object)(seed + {n})", "string": f"(seed + {n}).ToString()", "byte": f"(byte)(seed + {n})", "short": f"(short)(seed + {n})"}
    return converted.get(kind, f"seed + {n}")


def number(kind, name):
    return {"object": f"(int){name}", "string": f"{name}.Length"}.get(kind, f"(long){name}")


def struct(name, fields):
    sums = " ".join(f"h = h * 31 + {number(kind, f'f{n}')};" for n, kind in enumerate(fields))
    sets = " ".join(f"f{n} = {value(kind, n)};" for n, kind in enumerate(fields))
    yield f"public struct {name} {{"
    yield from (f"public {kind} f{n};" for n, kind in enumerate(fields))
    yield f"public {name}(int seed) {{ {sets} }}"
    yield f"public long Sum() {{ long h = 1; {sums} return h; }} }}"


def calls(name):
    """A class with a method for each position and kind, and one that calls them all."""
    members, abstract, tests = [], [], []
    for p in range(POSITIONS):
        head = ", ".join([f"long a{n}" for n in range(p)] + [f"{name} s", "int z"])
        args = ", ".join([str(n + 2) for n in range(p)] + [f"new {name}({p})", "9"])
        total = " + ".join([f"{n + 3} * a{n}" for n in range(p)] + ["z"])
        for kind in KINDS:
            words = {"static": "static ", "delegate": "static ", "virtual": "virtual "}.get(kind, "")
            members.append(f"public {words}long {kind}{p}({head}) {{ return {total} + 100 * s.Sum(); }}")
            members.append(f"public {words}{name} {kind}R{p}({head}) {{ long n = s.Sum(); s = new {name}((int)({total} + n) & 63); return s; }}")
            on = {"interface": "face.", "delegate": "", "static": ""}.get(kind, "o.")
            if kind == "delegate":
                members.append(f"delegate long D{p}({head}); delegate {name} R{p}({head});")
                tests.append(f"h = h * 31 + new D{p}(delegate{p})({args}); h = h * 31 + new R{p}(delegateR{p})({args}).Sum();")
            else:
                tests.append(f"h = h * 31 + {on}{kind}{p}({args}); h = h * 31 + {on}{kind}R{p}({args}).Sum();")
        abstract.append(f"long interface{p}({head}); {name} interfaceR{p}({head});")
        members.append(f"public C{name}({head}) {{ made = {total} + s.Sum(); }}")
        tests.append(f"h = h * 31 + new C{name}({args}).made;")
    yield f"public interface I{name} {{ {' '.join(abstract)} }}"
    yield f"public class C{name} : I{name} {{ long made;"
    yield from members
    yield f"public static long Run() {{ long h = 0; C{name} o = new C{name}(new {name}(1), 1); I{name} face = o;"
    yield from tests
    yield "return h; } }"


def count():
    """(structs, calls)"""
    many = len(list(structs()))
    return many, many * POSITIONS * (2 * len(KINDS) + 1)


def program(part):
    lines, all_structs = ["using System;"], list(structs())
    if part in ("all", "types"):
        lines.append(CASE_TYPES)
        lines += [line for name, fields in all_structs for line in struct(name, fields)]
    if part in ("all", "calls"):
        lines.append(CASES)
        lines += [line for name, _ in all_structs for line in calls(name)]
    if part in ("all", "types-first", "calls-first"):
        first = "long h = new Wide().a + new PciAddress(0, 0, 0).bus;" if part == "types-first" else ""
        lines.append(f"static class P {{ static void Main() {{ {first} Cases.Run();")
        lines += [f'Console.WriteLine("{name} " + C{name}.Run());' for name, _ in all_structs]
        lines.append("} }")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(program(*sys.argv[1:] or ["all"]), end="")

# SPDX-License-Identifier: MIT
"""Random verifiable programs in the language of ilasm, for ciloracle.py.

A seed and a kind determine a program: structs, classes and an interface, static fields, and methods whose bodies are random.
Many programs are one assembly. Its Main calls the static methods of each, and prints a line with a checksum for each: of the
result, and of what the method has done (Lib.sum).

Programs end: each call and each round of a loop uses fuel, and a method without fuel returns at once. They are deterministic:
results that ECMA-335 leaves open are avoided, such as shifts by more than a type's width, conversions of floats that do not
fit, floats of unknown precision, the bits of a NaN. So is what mono does wrong.

Kinds: nothing in "plain" programs throws, and they have no handlers, so they are compiled without any way for exceptions.
"exceptions" has handlers, null references, overflow and the like; "filters" has filters, too.

cilgen_body.py makes the bodies.
"""
import random

from cilgen_body import (ANY, BOXES, Body, CAUGHT, I4, I8, INTEGERS, Method, Node, PRIMITIVES, R8, STRING, Type, U1, VOID,
                         array, generic, matrix, reference)

KINDS = ("plain", "exceptions", "filters")
FUEL = 120
STRUCT_BYTES = 64
OBJECT = "[mscorlib]System.Object"


class Program:
    def __init__(self, seed, kind):
        self.seed, self.kind, self.r = seed, kind, random.Random(f"{kind} {seed}")
        self.name = f"S{seed}"
        self.count = self.labels = 0
        self.structs, self.classes = [], []
        self.boxed = [I4, I8, R8]
        for n in range(3):
            self.structs.append(self.make_struct(n))
        self.make_classes()
        base = self.classes[0]
        mixed = [*self.r.sample(PRIMITIVES, 5), I4, I8, *self.structs, *self.classes, STRING, ANY]
        self.types = [*mixed, *(array(self.r.choice(mixed)) for _ in range(2)), matrix(self.r.choice(mixed)), generic("G", self.r.choice(mixed)),
                      generic("P", self.r.choice(mixed), self.r.choice(mixed), value=True)]
        self.boxed += [*self.structs, *self.classes, STRING]
        self.statics = [(f"s{n}", t) for n, t in enumerate(self.r.sample(self.types, 5))]
        self.methods = []
        own = Type(self.name, "ref")
        for n in range(5):
            self.methods.append(Method("static", own, f"F{n}", self.any_type(), self.parameters()))
        for kind_of in ("instance", "virtual", "interface"):
            self.methods.append(Method(kind_of, base, kind_of.capitalize(), self.any_type(), self.parameters()))
        for n, s in enumerate(self.structs[:2]):
            self.methods.append(Method("instance", s, f"M{n}", self.any_type(), self.parameters()))
        self.bodies = [(m, None, *self.make_body(m)) for m in self.methods]
        for m in self.methods:
            if m.kind in ("virtual", "interface"):
                self.bodies.append((m, self.classes[1], *self.make_body(Method(m.kind, self.classes[1], m.name, m.result, m.parameters))))
        self.run = self.make_run()

    def label(self):
        self.labels += 1
        return f"L{self.labels}"

    def node(self, t, parts):
        self.count += 1
        return Node(self.count, t, list(parts))

    def any_type(self):
        return self.r.choice(self.types)

    def array_type(self):
        return self.r.choice([t for t in self.types if t.il.endswith("[]")])

    def derived(self, t):
        return [c for c in self.classes if t in c.bases]

    @staticmethod
    def token(t):
        return f"[mscorlib]System.{BOXES[t]}" if t in BOXES else t.owner if not t.il.startswith(("class [lib]", "valuetype [lib]")) else t.il

    def parameters(self):
        found = []
        for _ in range(self.r.choice((0, 1, 1, 2, 2, 3, 4, 7))):
            t = self.any_type()
            found.append(reference(t) if self.chance(5) else t)
        return found

    def chance(self, n):
        return self.r.randrange(n) == 0

    # ---- Types ----

    def make_struct(self, n):
        t = Type(f"valuetype {self.name}_V{n}", "struct", owner=f"{self.name}_V{n}", size=0)
        t.layout = self.r.choice(("sequential", "sequential", "sequential", "packed", "union"))
        if t.layout == "union":
            t.offsets = []
            for k in range(self.r.randrange(2, 5)):
                inner = self.r.choice(INTEGERS)
                t.offsets.append(self.r.randrange(0, 3) * 8 + self.r.randrange(0, 8, inner.size))
                t.fields.append((f"f{k}", inner))
            t.size = 24
            return t
        inners = [*PRIMITIVES, *self.structs] if t.layout == "packed" else [*PRIMITIVES, *self.structs, STRING, ANY, array(I4)]
        one = self.r.choice(PRIMITIVES) if self.chance(3) else None  # all of one type
        for k in range(self.r.randrange(1, 9)):
            inner = one or self.r.choice(inners)
            if t.size + inner.size > STRUCT_BYTES:
                break
            t.fields.append((f"f{k}", inner))
            t.size += inner.size
        t.has_references = any(inner.has_references for _, inner in t.fields)
        return t

    def make_classes(self):
        for n in range(3):
            t = Type(f"class {self.name}_C{n}", "ref", owner=f"{self.name}_C{n}")
            t.base = self.classes[-1] if n == 1 else None
            t.bases = [t, *(t.base.bases if t.base else [])]
            for k in range(self.r.randrange(1, 5)):
                t.fields.append((f"c{n}{k}", self.r.choice([*PRIMITIVES, *self.structs, STRING, ANY, array(U1), *self.classes])))
            self.classes.append(t)

    def make_body(self, m):
        body = Body(self, m, self.kind)
        return body, body.make_all()

    # ---- Writing ----

    def write_struct(self, t):
        words = {"sequential": "sequential", "packed": "sequential", "union": "explicit"}[t.layout]
        yield f".class public {words} sealed {t.owner} extends [mscorlib]System.ValueType implements [lib]IHash {{"
        if t.layout == "packed":
            yield ".pack 1\n.size 0"
        for n, (name, inner) in enumerate(t.fields):
            yield f".field {f'[{t.offsets[n]}] ' if t.layout == 'union' else ''}public {inner.il} {name}"
        yield f".method public specialname rtspecialname instance void .ctor({', '.join(inner.il for _, inner in t.fields)}) cil managed {{"
        yield f"ldarg.0 initobj {t.il}".replace(" ", "\n", 1)
        for n, (name, inner) in enumerate(t.fields):
            yield f"ldarg.0\nldarg {n + 1}\nstfld {inner.il} {t.owner}::{name}"
        yield "ret }"
        yield from self.write_accessors(t)
        yield from self.write_hash(t, "virtual final newslot", ["ldc.i4.1", "conv.i8"])

    def write_accessors(self, t):
        for name, inner in t.fields:
            field = f"{inner.il} {t.owner}::{name}"
            yield f".method public instance {inner.il} get_{name}() cil managed {{\nldarg.0\nldfld {field}\nret }}"
            yield f".method public instance void set_{name}({inner.il}) cil managed {{\nldarg.0\nldarg.1\nstfld {field}\nret }}"

    def write_hash(self, t, words, start, stops=()):
        """Of an object only its numbers, structs and strings: objects may lead to each other in circles."""
        body = Body(self, Method("static", t, "Hash", I8, []), "plain")
        code = [*start]
        for name, inner in t.fields:
            if inner.stack == "ref" and inner not in (STRING, ANY) and not inner.il.endswith("]"):
                continue
            if inner == ANY:  # not its own fields
                code += ["ldc.i4 31", "conv.i8", "mul", "ldarg.0", f"ldfld object {t.owner}::{name}", "ldnull", "cgt.un", "conv.i8", "add"]
                continue
            code += ["ldc.i4 31", "conv.i8", "mul", *body.hash(inner, ["ldarg.0", f"ldfld {inner.il} {t.owner}::{name}"]), "add"]
        yield f".method public {words} instance int64 Hash() cil managed {{"
        yield ".maxstack 20"
        yield f".locals init ({', '.join(f'{v.il} v{n}' for n, v in enumerate(body.locals))})"
        yield from [*code, "ret", "}"]

    def write_class(self, t, dropped):
        base = t.base.owner if t.base else OBJECT
        faces = f"{self.name}_I, [lib]IHash" if t is self.classes[0] else "[lib]IHash"
        yield f".class public {t.owner} extends {base} implements {faces} {{"
        yield from (f".field public {inner.il} {name}" for name, inner in t.fields)
        yield f".method public specialname rtspecialname instance void .ctor() cil managed {{\nldarg.0\ncall instance void {base}::.ctor()\nret }}"
        yield from self.write_accessors(t)
        words = "virtual" if t.base else "virtual newslot"
        yield from self.write_hash(t, words, ["ldarg.0", f"call instance int64 {base}::Hash()"] if t.base else ["ldc.i4.1", "conv.i8"])
        for m, owner, body, parts in self.bodies:
            if (owner or m.owner) is t:
                yield from self.write_method(m, body, parts, dropped, {"instance": ""}.get(m.kind, "virtual" if owner else "virtual newslot"))
        yield "}"

    def write_method(self, m, body, parts, dropped, words):
        names = ", ".join(f"{p.il} a{n}" for n, p in enumerate(m.parameters))
        yield f".method public {words} {'' if m.kind == 'static' else 'instance'} {m.result.il} {m.name}({names}) cil managed {{"
        yield from [*body.write(parts, dropped), "}"]

    def make_run(self):
        """For each static method its body, that calls it and prints a checksum."""
        made = []
        for n, m in enumerate(m for m in self.methods if m.kind == "static"):
            body = Body(self, Method("static", m.owner, f"Run{n}", VOID, []), "plain")
            made.append((n, body, [f"ldc.i4 {FUEL}", "call void [lib]Lib::Start(int32)", f"ldc.i4 {self.seed}", f"ldc.i4 {n}",
                                   *body.hash(m.result, body.call_code(m, 2)), "call void [lib]Lib::End(int32, int32, int64)"]))
        return made

    def write_run(self, dropped):
        for n, body, parts in self.run:
            yield f".method public static void Run{n}() cil managed {{"
            yield from [*body.write(parts, dropped), "ret", "}"]
        yield ".method public static void Run() cil managed {"
        yield f".maxstack 8\n.locals init (class {CAUGHT[0]} v0)"
        for n, *_ in self.run:
            call = f"call void {self.name}::Run{n}()"
            if self.kind == "plain":
                yield call
                continue
            yield f".try {{\n{call}\nleave E{n} }}\ncatch {CAUGHT[0]} {{\nstloc.0\nldc.i4 {self.seed}\nldc.i4 {n}\nldloc.0"
            yield f"call void [lib]Lib::Caught(int32, int32, class {CAUGHT[0]})\nleave E{n} }}\nE{n}:"
        yield "ret\n}"

    def write_statics(self):
        body = Body(self, Method("static", Type(self.name, "ref"), ".cctor", VOID, []), "plain")
        yield from (f".field public static {t.il} {name}" for name, t in self.statics)
        yield ".method static specialname rtspecialname void .cctor() cil managed {"
        code = [line for name, t in self.statics for line in [*body.default(t), f"stsfld {t.il} {self.name}::{name}"]]
        yield f".maxstack 20\n.locals init ({', '.join(f'{v.il} v{n}' for n, v in enumerate(body.locals))})"
        yield from [*code, "ret", "}"]

    def write(self, dropped=frozenset()):
        """Lines. Writing adds variables to bodies, but the same ones each time."""
        face = next(m for m in self.methods if m.kind == "interface")
        yield f".class interface public abstract {self.name}_I {{"
        yield f".method public virtual abstract newslot instance {face.result.il} {face.name}({', '.join(p.il for p in face.parameters)}) cil managed {{ }} }}"
        for t in self.structs:
            yield from self.write_struct(t)
            for m, _, body, parts in self.bodies:
                if m.owner is t:
                    yield from self.write_method(m, body, parts, dropped, "")
            yield "}"
        for t in self.classes:
            yield from self.write_class(t, dropped)
        yield f".class public abstract sealed {self.name} extends {OBJECT} {{"
        yield from self.write_statics()
        for m, _, body, parts in self.bodies:
            if m.kind == "static":
                yield from self.write_method(m, body, parts, dropped, "static")
        yield from self.write_run(dropped)
        yield "}"


def assembly(seeds, kind, dropped=frozenset()):
    """(the text of an assembly with the programs of these seeds, how many nodes the last one has)"""
    lines = [".assembly extern mscorlib { .ver 4:0:0:0 }", ".assembly extern lib { }", ".assembly programs { }", ".module programs.exe"]
    count = 0
    for seed in seeds:
        program = Program(seed, kind)
        lines += program.write(dropped)
        count = program.count
    lines += [".class public P extends [mscorlib]System.Object {", ".method public static void Main() cil managed {", ".entrypoint"]
    lines += [f"call void S{seed}::Run()" for seed in seeds]
    return "\n".join([*lines, "ret", "}", "}"]) + "\n", count

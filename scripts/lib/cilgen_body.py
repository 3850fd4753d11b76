# SPDX-License-Identifier: MIT
"""Bodies of random methods, for cilgen.py: types, and a tree of statements and expressions for each method.

Each statement and expression has a number, and can be dropped: a statement leaves nothing, an expression the default value
of its type.
"""
DEPTH = 4   # of expressions
BLOCKS = 3  # of statements in each other


class Type:
    """il: its name. stack: what it is on the evaluation stack. suffix: of instructions for it. size: bytes."""

    def __init__(self, il, stack, suffix=None, size=8, owner=None):
        self.il, self.stack, self.suffix, self.size, self.owner = il, stack, suffix, size, owner or il
        self.fields, self.of, self.has_references = [], [], stack == "ref"
        self.bases = [self]

    def __eq__(self, other):
        return self.il == other.il

    def __hash__(self):
        return hash(self.il)


I1, U1, I2, U2, I4, U4, I8, U8 = INTEGERS = [
    Type(f"{'' if sign == 'i' else 'unsigned '}int{8 * size}", "i8" if size == 8 else "i4", f"{sign}{size}", size)
    for size in (1, 2, 4, 8) for sign in "iu"]
BOOL, CHAR = Type("bool", "i4", "u1", 1), Type("char", "i4", "u2", 2)
N = Type("native int", "n", "i")
R4, R8 = Type("float32", "r4", "r4", 4), Type("float64", "r8", "r8")
STRING, ANY = Type("string", "ref"), Type("object", "ref")
VOID = Type("void", "void")
PRIMITIVES = [*INTEGERS, BOOL, CHAR, N, R4, R8]
BOXES = {I1: "SByte", U1: "Byte", I2: "Int16", U2: "UInt16", I4: "Int32", U4: "UInt32", I8: "Int64", U8: "UInt64", BOOL: "Boolean",
         CHAR: "Char", N: "IntPtr", R4: "Single", R8: "Double"}
STACK = {"i4": I4, "i8": I8, "n": N, "r4": R4, "r8": R8}
NUMBERS = (0, 1, -1, 2, 3, 7, 8, 31, 32, 63, 64, 100, 127, 128, -128, 255, 256, 32767, 32768, -32768, 65535, 65536, 2**31 - 1, -2**31, 12345)
LONGS = NUMBERS + (2**32, 2**32 - 1, -2**32, 2**63 - 1, -2**63, 0x123456789abcdef)
REALS = ("0.0", "1.0", "-1.0", "0.5", "3.25", "-7.75", "100.0", "1e10", "-1e10", "16777217.0", "1e-5", "4294967296.0", "1e300")
COMPARED = ("beq", "bne.un", "blt", "bge", "bgt", "ble", "blt.un", "bge.un", "bgt.un", "ble.un")
CAUGHT = ("[mscorlib]System.Exception", "[lib]Oops", "[mscorlib]System.NullReferenceException", "[mscorlib]System.DivideByZeroException",
          "[mscorlib]System.OverflowException", "[mscorlib]System.IndexOutOfRangeException", "[mscorlib]System.InvalidCastException",
          "[mscorlib]System.ArithmeticException")


def array(t):
    made = Type(t.il + "[]", "ref")
    made.of = [t]
    return made


def matrix(t):
    made = Type(t.il + "[0...,0...]", "ref")
    made.of = [t, t]
    return made


def generic(name, *of, value=False):
    owner = f"{'valuetype' if value else 'class'} [lib]{name}`{len(of)}<{','.join(t.il for t in of)}>"
    made = Type(owner, "struct" if value else "ref", size=sum(max(8, t.size) for t in of))
    made.of, made.has_references = list(of), not value or any(t.has_references for t in of)
    made.name = name
    if value:
        made.fields = [("a", of[0], "!0"), ("b", of[1], "!1")]
    return made


def is_generic(t, name):
    return getattr(t, "name", None) == name


class Method:
    """kind: static, instance, virtual, interface (whose owner is the class that has it)."""

    def __init__(self, kind, owner, name, result, parameters):
        self.kind, self.owner, self.name, self.result, self.parameters = kind, owner, name, result, parameters

    def signature(self, owner=None):
        return f"{self.result.il} {owner or self.owner.owner}::{self.name}({', '.join(p.il for p in self.parameters)})"


def reference(t):
    """A managed pointer, as a parameter."""
    made = Type(t.il + "&", "byref")
    made.of = [t]
    return made


class Node:
    """A droppable part of a body: lines and other nodes."""

    def __init__(self, number, type, parts):
        self.number, self.type, self.parts = number, type, parts


class Place:
    """What can be loaded, stored, and mostly has an address: `before` precedes the value that `after` stores."""

    def __init__(self, type, load, before, after, address):
        self.type, self.load, self.before, self.after, self.address = type, load, before, after, address


def load_element(t):
    return f"ldelem.{t.suffix}" if t.suffix else f"ldelem {t.il}"


def store_element(t):
    suffix = {"u1": "i1", "u2": "i2", "u4": "i4", "u8": "i8"}.get(t.suffix, t.suffix)
    return f"stelem.{suffix}" if suffix else f"stelem {t.il}"


def load_through(t):
    return f"ldind.{t.suffix}" if t.suffix else f"ldobj {t.il}"


def store_through(t):
    suffix = {"u1": "i1", "u2": "i2", "u4": "i4", "u8": "i8"}.get(t.suffix, t.suffix)
    return f"stind.{suffix}" if suffix else f"stobj {t.il}"


class Body:
    """One method's variables and code."""

    def __init__(self, program, method, kind):
        self.p, self.r, self.method = program, program.r, method
        self.throws = kind != "plain"
        self.filters = kind == "filters"
        self.parameters = list(method.parameters)
        if method.kind != "static":
            self.parameters.insert(0, method.owner if method.owner.stack == "ref" else reference(method.owner))
        self.locals, self.temporaries, self.counters = [], {}, set()
        self.quiet = 0          # inside of a filter: nothing may throw
        self.loops = []         # (label to go on, label of the end, how many tries are around it)
        self.tries = []         # "try", or "final": control does not leave it by a branch
        for t in self.r.sample(program.types, min(4, len(program.types))):
            self.local(t)

    # ---- Variables ----

    def local(self, t):
        self.locals.append(t)
        return len(self.locals) - 1

    def temporary(self, t):
        """A variable that no other code stores into."""
        if t not in self.temporaries:
            self.temporaries[t] = self.local(t)
            self.counters.add(self.temporaries[t])
        return self.temporaries[t]

    def label(self):
        return self.p.label()

    def node(self, t, *parts):
        return self.p.node(t, parts)

    def chance(self, n):
        return self.r.randrange(n) == 0

    def risky(self, n):
        return self.throws and not self.quiet and self.chance(n)

    # ---- Values ----

    def default(self, t):
        """Lines; a reference leads to an object."""
        if t.stack in ("i4", "i8"):
            return [f"ldc.{t.stack} 0"]
        if t.stack == "n":
            return ["ldc.i4.0", "conv.i"]
        if t.stack in ("r4", "r8"):
            return [f"ldc.{t.stack} 0.0"]
        if t.stack == "struct":
            at = self.temporary(t)
            return [f"ldloca {at}", f"initobj {t.il}", f"ldloc {at}"]
        if t in (STRING, ANY):
            return ['ldstr ""']
        if is_generic(t, "G"):
            return [*self.default(t.of[0]), f"newobj instance void {t.owner}::.ctor(!0)"]
        if len(t.of) == 2:
            return ["ldc.i4.2", "ldc.i4.3", f"newobj instance void {t.il}::.ctor(int32, int32)"]
        if t.of:
            return ["ldc.i4.4", f"newarr {t.of[0].il}"]
        return [f"newobj instance void {t.owner}::.ctor()"]

    def sure(self, t, code):
        """Replace null by an object, if nothing may throw, and mostly otherwise."""
        if self.risky(40):
            return code
        label = self.label()
        return [*code, "dup", f"brtrue {label}", "pop", *self.default(t), f"{label}:"]

    def value(self, t, depth):
        """A value as a place of this type contains it: an argument, or what a method returns."""
        code = [self.expression(t, depth)]
        if t == BOOL:
            return [*code, "ldc.i4.0", "cgt.un"]
        return [*code, f"conv.{t.suffix}"] if t.suffix and t.size < 4 else code

    def hash(self, t, code):
        """The checksum of a value: int64."""
        if t.stack in ("i4", "n"):
            return [*code, "conv.i8"]
        if t.stack == "i8":
            return code
        if t.stack in ("r4", "r8"):
            return [*code, "conv.r8", "call int64 [lib]Lib::Real(float64)"]
        if t.stack == "struct":
            at = self.temporary(t)
            return [*code, f"stloc {at}", f"ldloca {at}", f"call instance int64 {t.owner}::Hash()"]
        if t == STRING:
            return [*code, "call int64 [lib]Lib::Text(string)"]
        if len(t.of) == 2 and t.il.endswith("]"):
            return [*code, f"call int64 [lib]Lib::Matrix<{t.of[0].il}>(!!0[0...,0...])"]
        if t.il.endswith("[]"):
            return [*code, f"call int64 [lib]Lib::List<{t.of[0].il}>(!!0[])"]
        return [*code, "call int64 [lib]Lib::One(object)"]

    # ---- Places ----

    def variables(self):
        for n, t in enumerate(self.locals):
            if n not in self.counters:
                yield Place(t, [f"ldloc {n}"], [], f"stloc {n}", [f"ldloca {n}"])
        for n, t in enumerate(self.parameters):
            if t.stack == "byref":
                inner = t.of[0]
                yield Place(inner, [f"ldarg {n}", load_through(inner)], [f"ldarg {n}"], store_through(inner), [f"ldarg {n}"])
            elif n != 0 or self.method.kind == "static":
                yield Place(t, [f"ldarg {n}"], [], f"starg {n}", [f"ldarga {n}"])
        for name, t in self.p.statics:
            field = f"{t.il} {self.p.name}::{name}"
            yield Place(t, [f"ldsfld {field}"], [], f"stsfld {field}", [f"ldsflda {field}"])

    def fields_of(self, outer, depth):
        """Fields of a struct in a place, or of an object."""
        t = outer.type
        for name, inner, *named in t.fields:
            field = f"{named[0] if named else inner.il} {t.owner}::{name}"
            base = outer.address if t.stack == "struct" else self.sure(t, outer.load)
            load = [*outer.load, f"ldfld {field}"] if t.stack == "struct" and self.chance(3) else [*base, f"ldfld {field}"]
            store = f"stfld {field}"
            if not named and t in (*self.p.structs, *self.p.classes) and self.chance(4):  # short methods, which are inlined
                call = "call" if t.stack == "struct" or self.chance(3) else "callvirt"
                load = [*base, f"{call} instance {inner.il} {t.owner}::get_{name}()"]
                store = f"{call} instance void {t.owner}::set_{name}({inner.il})"
            yield Place(inner, load, base, store, [*base, f"ldflda {field}"])

    def element_of(self, outer, depth):
        t, inner = outer.type, outer.type.of[0]
        base = self.sure(t, outer.load)
        if len(t.of) == 2:
            at = [self.expression(I4, depth - 1), "ldc.i4.1", "and", self.expression(I4, depth - 1), "ldc.i4.1", "and"]
            name = f"({t.il[len(inner.il):]})"
            return Place(inner, [*base, *at, f"call instance {inner.il} {t.il}::Get(int32, int32)"], [*base, *at],
                         f"call instance void {t.il}::Set(int32, int32, {inner.il})",
                         [*base, *at, f"call instance {inner.il}& {t.il}::Address(int32, int32)"]) if name else None
        at = [self.expression(I4, depth - 1)]
        at += [] if self.risky(30) else ["ldc.i4.3", "and"]
        address = [*base, *at, f"ldelema {inner.il}"]
        if self.chance(4):
            address = [*base, *at, f"call !!0& [lib]Lib::At<{inner.il}>(!!0[], int32)"]
        return Place(inner, [*base, *at, load_element(inner)], [*base, *at], store_element(inner), address)

    def place(self, t, depth):
        """A place of exactly this type."""
        found = [place for place in self.variables() if place.type == t]
        outers = [place for place in self.variables() if place.type.fields or (place.type.of and place.type.il.endswith("]"))]
        self.r.shuffle(outers)
        for outer in outers[:6] if depth > 0 else ():
            if outer.type.il.endswith("]"):
                if outer.type.of[0] == t:
                    found.append(self.element_of(outer, depth))
                continue
            for place in self.fields_of(outer, depth):
                if place.type == t:
                    found.append(place)
                elif place.type.stack == "struct" and self.chance(2):
                    found += [deep for deep in self.fields_of(place, depth) if deep.type == t]
        if not found:
            at = self.local(t)
            found.append(Place(t, [f"ldloc {at}"], [], f"stloc {at}", [f"ldloca {at}"]))
        return self.r.choice(found)

    def simple_place(self, t):
        found = [place for place in self.variables() if place.type == t]
        return self.r.choice(found) if found else self.place(t, 0)

    def narrow(self, stack):
        """A type of variables that is this on the stack."""
        return self.r.choice([t for t in PRIMITIVES if t.stack == stack])

    # ---- Expressions ----

    def expression(self, t, depth):
        """Of a number any one that is the same on the stack."""
        make = {"ref": self.reference, "struct": self.struct}.get(t.stack)
        return make(t, depth) if make else self.number(STACK[t.stack], depth)

    def constant(self, t):
        if t.stack == "n":
            return self.node(t, f"ldc.i4 {self.r.choice(NUMBERS)}", "conv.i")
        if t.stack in ("r4", "r8"):
            return self.node(t, f"ldc.{t.stack} {self.r.choice(REALS if t.stack == 'r8' else REALS[:-1])}")
        return self.node(t, f"ldc.{t.stack} {self.r.choice(NUMBERS if t.stack == 'i4' else LONGS)}")

    def number(self, t, depth):
        if depth <= 0:
            if self.chance(3):
                return self.constant(t)
            return self.node(t, *self.simple_place(self.narrow(t.stack)).load)
        choices = [self.binary, self.binary, self.binary, self.load, self.load, self.convert, self.convert, self.choose, self.assign, self.call,
                   self.call, self.unary, self.unbox, self.generic_call]
        if t == I4:
            choices += [self.compare, self.compare, self.length, self.is_instance]
        return self.r.choice(choices)(t, depth)

    def load(self, t, depth):
        exact = self.narrow(t.stack) if t.stack in STACK else t
        return self.node(t, *self.place(exact, depth).load)

    def assign(self, t, depth):
        """dup and a store into a place that needs nothing on the stack."""
        exact = self.narrow(t.stack) if t.stack in STACK else t
        found = [p for p in self.variables() if p.type == exact and not p.before] or [self.place(exact, 0)]
        place = self.r.choice(found)
        if place.before:
            return self.node(t, *place.load)
        return self.node(t, *self.value(exact, depth - 1), "dup", place.after)

    def choose(self, t, depth):
        no, end = self.label(), self.label()
        test = [*self.test(depth - 1, no)]
        return self.node(t, *test, self.expression(t, depth - 1), f"br {end}", f"{no}:", self.expression(t, depth - 1), f"{end}:")

    def test(self, depth, no):
        """Code that branches to a label, or goes on."""
        if self.chance(3):
            return [self.expression(I4, depth), f"{self.r.choice(('brtrue', 'brfalse'))} {no}"]
        t = self.r.choice([I4, I4, I8, N, R8, R4])
        return [self.expression(t, depth), self.expression(t, depth), f"{self.r.choice(COMPARED)} {no}"]

    def compare(self, t, depth):
        how = self.r.choice(("ceq", "clt", "cgt", "clt.un", "cgt.un"))
        if self.chance(5):
            kind = self.r.choice([*self.p.structs, *self.p.classes])
            values = [*self.sure(kind, [self.expression(kind, depth - 1)]), *self.sure(kind, [self.expression(kind, depth - 1)])] \
                if kind.stack == "ref" else [self.expression(kind, depth - 1), self.expression(kind, depth - 1)]
            return self.node(I4, *values, f"call bool [lib]Lib::Same<{kind.il}>(!!0, !!0)")
        kind = self.r.choice([I4, I8, N, R8, R4])
        return self.node(I4, self.expression(kind, depth - 1), self.expression(kind, depth - 1), how)

    def unary(self, t, depth):
        how = self.r.choice(("neg", "not")) if t.stack in ("i4", "i8", "n") else "neg"
        if t == R8 and self.chance(2):
            how = f"call float64 [mscorlib]System.Math::{self.r.choice(('Sqrt', 'Floor', 'Ceiling'))}(float64)"
        return self.node(t, self.expression(t, depth - 1), how)

    def binary(self, t, depth):
        a, b = self.expression(t, depth - 1), self.expression(t, depth - 1)
        if t.stack in ("r4", "r8"):
            return self.node(t, a, b, self.r.choice(("add", "sub", "mul", "div", "rem")), f"conv.{t.stack}")
        how = self.r.choice(("add", "sub", "mul", "and", "or", "xor", "add", "sub", "mul", "div", "rem", "div.un", "rem.un", "shl", "shr", "shr.un"))
        if self.risky(8):
            how = self.r.choice(("add.ovf", "sub.ovf", "mul.ovf", "add.ovf.un", "sub.ovf.un", "mul.ovf.un"))
        if how.startswith("sh"):
            mask = 31 if t.stack == "i4" else 63
            return self.node(t, a, self.expression(I4, depth - 1), f"ldc.i4 {mask}", "and", how)
        if how[:3] in ("div", "rem") and not (self.risky(10) and how != "rem"):
            wide = {"i4": [], "i8": ["conv.i8"], "n": ["conv.i"]}[t.stack]
            return self.node(t, a, b, "ldc.i4 1023", *wide, "and", "ldc.i4 1", *wide, "or", how)
        return self.node(t, a, b, how)

    def convert(self, t, depth):
        if t.stack in ("r4", "r8"):
            kind = self.r.choice([I4, I8, R4, R8])
            code = [self.expression(kind, depth - 1), "conv.r8"]
            if kind in (I4, I8) and self.chance(4):
                code.insert(1, "conv.r.un")
            return self.node(t, *code, f"conv.{t.stack}")
        kind = self.r.choice([I4, I8, N, R8, R4])
        to = self.r.choice({"i4": (I1, U1, I2, U2, I4, U4), "i8": (I8, U8), "n": (N,)}[t.stack])
        name = self.r.choice(("i", "u")) if to == N else to.suffix
        code = [self.expression(kind, depth - 1)]
        if kind in (R4, R8):
            if t.stack == "i4" and self.risky(4):
                return self.node(t, *code, "conv.r8", f"conv.ovf.{name}")
            limit = {1: "Low", 2: "Middle"}.get(to.size, "High") if name[0] == "i" else "Low"
            wide = ["conv.i8"] if to == N else []  # mono converts a float to a native int as if that had 32 bits
            return self.node(t, *code, "conv.r8", f"call float64 [lib]Lib::{limit}(float64)", *wide, f"conv.{name}")
        if self.risky(6):
            return self.node(t, *code, f"conv.ovf.{name}{self.r.choice(('', '.un'))}")
        return self.node(t, *code, f"conv.{name}")

    def length(self, t, depth):
        how = self.r.randrange(3)
        if how == 0:
            return self.node(I4, *self.sure(STRING, [self.expression(STRING, depth - 1)]), "callvirt instance int32 [mscorlib]System.String::get_Length()")
        t = self.p.array_type()
        return self.node(I4, *self.sure(t, [self.expression(t, depth - 1)]), "ldlen", "conv.i4")

    def is_instance(self, t, depth):
        other = self.r.choice(self.p.boxed)
        token = self.p.token(other)
        if self.chance(2):
            return self.node(I4, self.expression(ANY, depth - 1), f"isinst {token}", "ldnull", "cgt.un")
        return self.node(I4, self.expression(ANY, depth - 1), f"isinst {token}", "ldnull", "ceq")

    def unbox(self, t, depth):
        exact = self.narrow(t.stack) if t.stack in STACK else t
        token = self.p.token(exact)
        boxed = [*self.value(exact, depth - 1), f"box {token}"]
        if self.risky(15):
            boxed = [self.expression(ANY, depth - 1)]
        if self.chance(2):
            return self.node(t, *boxed, f"unbox {token}", load_through(exact))
        return self.node(t, *boxed, f"unbox.any {token}")

    def arguments(self, m, depth):
        code = []
        for t in m.parameters:
            code += self.place(t.of[0], min(depth, 1)).address if t.stack == "byref" else self.value(t, depth - 1)
        return code

    def receiver(self, m, depth):
        if m.owner.stack == "struct":
            return self.place(m.owner, depth - 1).address
        return self.sure(m.owner, [self.expression(m.owner, depth - 1)])

    def call_code(self, m, depth):
        if m.kind == "static":
            return [*self.arguments(m, depth), f"call {m.signature()}"]
        code = [*self.receiver(m, depth), *self.arguments(m, depth)]
        if m.owner.stack == "struct":
            return [*code, f"call instance {m.signature()}"]
        if m.kind == "interface" and self.chance(2):
            return [*code, f"callvirt instance {m.signature(self.p.name + '_I')}"]
        return [*code, f"callvirt instance {m.signature()}"]

    def delegate_code(self, m, depth):
        """The same through a delegate, of a method without addresses among its parameters."""
        count = len(m.parameters)
        if count not in (1, 2) or any(t.stack == "byref" for t in m.parameters) or m.owner.stack == "struct":
            return None
        name = "Fn" if count == 1 else "Fn2"
        t = generic(name, *m.parameters, m.result)
        if m.kind == "static":
            made = ["ldnull", f"ldftn {m.signature()}"]
        else:  # of null .NET makes none, but Halyard does
            how = ("ldftn",) if m.kind == "instance" else ("dup", "ldvirtftn")
            made = [*self.sure_always(m.owner, [self.expression(m.owner, depth - 1)]), *how[:-1], f"{how[-1]} instance {m.signature()}"]
        of = ", ".join(f"!{n}" for n in range(count))
        return [*made, f"newobj instance void {t.owner}::.ctor(object, native int)", *self.arguments(m, depth),
                f"callvirt instance !{count} {t.owner}::Invoke({of})"]

    def sure_always(self, t, code):
        self.quiet += 1
        code = self.sure(t, code)
        self.quiet -= 1
        return code

    def call(self, t, depth):
        if self.quiet:
            return self.load(t, 0)
        fits = [m for m in self.p.methods if m.result.stack == t.stack and (t.stack in STACK or m.result == t)]
        if not fits:
            return self.load(t, depth)
        m = self.r.choice(fits)
        code = self.delegate_code(m, depth) if self.chance(3) else None
        return self.node(t, *(code or self.call_code(m, depth)))

    def generic_call(self, t, depth):
        """Of a method or a class with type parameters, in the other assembly."""
        exact = self.narrow(t.stack) if t.stack in STACK else t
        a, b = self.value(exact, depth - 1), self.value(exact, depth - 1)
        g = generic("G", exact)
        how = self.r.randrange(10)
        if how == 0:
            return self.node(t, self.expression(I4, depth - 1), *a, *b, f"call !!0 [lib]Lib::Pick<{exact.il}>(int32, !!0, !!0)")
        if how == 6:
            return self.node(t, *a, *b, f"call !!0 [lib]Lib::Chain<{exact.il}>(!!0, !!0)")
        if how in (7, 8):
            name = "Walk" if how == 7 else "Listed"
            return self.node(t, *a, *b, self.expression(I4, depth - 1), f"call !!0 [lib]Lib::{name}<{exact.il}>(!!0, !!0, int32)")
        if how == 9 and t.stack != "ref":
            return self.node(t, *a, self.expression(I4, depth - 1), f"call !!0 [lib]Lib::Maybe<{exact.il}>(!!0, int32)")
        made = [*a, f"newobj instance void class [lib]{self.r.choice('GH')}`1<{exact.il}>::.ctor(!0)"]
        if how == 1:
            return self.node(t, *made, f"callvirt instance !0 {g.owner}::Get()")
        if how == 2:
            return self.node(t, *made, f"callvirt instance !0 class [lib]IGet`1<{exact.il}>::Get()")
        if how == 3:
            return self.node(t, *made, *b, f"callvirt instance !0 {g.owner}::Set(!0)")
        if how == 4:
            return self.node(t, *made, *b, f"callvirt instance !0[] {g.owner}::Three(!0)", self.expression(I4, depth - 1), "ldc.i4.1", "and",
                             load_element(exact))
        other = self.r.choice(self.p.types)
        pair, swapped = generic("P", other, exact, value=True), generic("P", exact, other, value=True)
        first, second = self.temporary(pair), self.temporary(swapped)
        return self.node(t, *self.value(other, depth - 1), *a, f"newobj instance void {pair.owner}::.ctor(!0, !1)", f"stloc {first}", f"ldloca {first}",
                         f"call instance valuetype [lib]P`2<!1,!0> {pair.owner}::Swap()", f"stloc {second}", f"ldloca {second}",
                         f"ldfld !0 {swapped.owner}::a")

    def struct(self, t, depth):
        if depth <= 0:
            return self.node(t, *self.simple_place(t).load)
        choices = [self.load, self.load, self.choose, self.assign, self.call, self.call, self.unbox, self.generic_call, self.make, self.make]
        return self.r.choice(choices)(t, depth)

    def make(self, t, depth):
        """newobj of a struct, or initobj."""
        if self.chance(6):
            return self.node(t, *self.default(t))
        if is_generic(t, "P"):
            return self.node(t, *self.value(t.of[0], depth - 1), *self.value(t.of[1], depth - 1), f"newobj instance void {t.owner}::.ctor(!0, !1)")
        code = [part for _, inner in t.fields for part in self.value(inner, depth - 2)]
        return self.node(t, *code, f"newobj instance void {t.owner}::.ctor({', '.join(inner.il for _, inner in t.fields)})")

    def reference(self, t, depth):
        if depth <= 0:
            if self.risky(6):
                return self.node(t, "ldnull")
            return self.node(t, *self.simple_place(t).load)
        choices = [self.load, self.load, self.choose, self.assign, self.call, self.generic_call, self.fresh, self.fresh, self.cast]
        return self.r.choice(choices)(t, depth)

    def fresh(self, t, depth):
        """A new object."""
        if t == STRING:
            if self.chance(2):
                return self.node(t, f'ldstr "{"".join(self.r.choice("abcXYZ 019") for _ in range(self.r.randrange(6)))}"')
            return self.node(t, *self.sure_always(t, self.simple_place(t).load), f'ldstr "{self.r.choice("xyz")}"', "ldc.i4.0", "ldc.i4.1",
                             "callvirt instance string [mscorlib]System.String::Substring(int32, int32)",
                             "call string [mscorlib]System.String::Concat(string, string)") if self.chance(2) else self.node(
                                 t, *self.hash(I8, [self.expression(I8, 0)]), "box [mscorlib]System.Int64",
                                 "callvirt instance string [mscorlib]System.Object::ToString()")
        if t == ANY:
            inner = self.r.choice(self.p.boxed)
            return self.node(t, *self.value(inner, depth - 1), *([f"box {self.p.token(inner)}"] if inner.stack != "ref" else []))
        if is_generic(t, "G"):
            return self.node(t, *self.value(t.of[0], depth - 1), f"newobj instance void class [lib]{self.r.choice('GH')}`1<{t.of[0].il}>::.ctor(!0)")
        if len(t.of) == 2:
            return self.node(t, *self.default(t), *self.value(t.of[0], depth - 1), f"call !!0[0...,0...] [lib]Lib::Both<{t.of[0].il}>(!!0[0...,0...], !!0)")
        if t.of:
            return self.node(t, *self.default(t), *self.value(t.of[0], depth - 1), f"call !!0[] [lib]Lib::Fill<{t.of[0].il}>(!!0[], !!0)")
        exact = self.r.choice(self.p.derived(t))
        return self.node(t, f"newobj instance void {exact.owner}::.ctor()")

    def cast(self, t, depth):
        """castclass of an object that has the type, or, where that may throw, of any."""
        if t == ANY or not self.throws or self.quiet:
            return self.load(t, depth)
        code = [self.expression(ANY, depth - 1)] if self.chance(15) else [self.expression(t, depth - 1)]
        return self.node(t, *code, f"{self.r.choice(('castclass', 'castclass', 'isinst'))} {self.p.token(t)}")

    # ---- Statements ----

    def statements(self, blocks):
        return [self.statement(blocks) for _ in range(self.r.randrange(1, 4))]

    def statement(self, blocks):
        choices = [self.store, self.store, self.store, self.mix, self.mix, self.swap, self.garbage, self.initialise]
        if blocks > 0:
            choices += [self.branch, self.loop, self.loop, self.switch, self.jump]
            if self.throws and not self.quiet:
                choices += [*[self.guarded] * 4, *([self.throw] if self.tries or self.chance(4) else [])]
        return self.node(VOID, *self.r.choice(choices)(blocks))

    def store(self, blocks):
        t = self.r.choice(self.p.types)
        place = self.place(t, 2)
        return [*place.before, *(self.value(t, DEPTH) if t == BOOL else [self.expression(t, DEPTH)]), place.after]

    def mix(self, blocks):
        t = self.r.choice(self.p.types)
        return [*self.hash(t, [self.expression(t, DEPTH - 1)]), "call void [lib]Lib::Mix(int64)"]

    def swap(self, blocks):
        t = self.r.choice(self.p.types)
        a, b = self.place(t, 1), self.place(t, 1)
        if self.chance(2):
            return [*a.address, *b.address, f"call void [lib]Lib::Swap<{t.il}>(!!0&, !!0&)"]
        if t.stack == "struct":
            return [*a.address, *b.address, f"cpobj {t.il}"]
        return [*a.address, *self.value(t, 2), store_through(t)]

    def garbage(self, blocks):
        t = self.r.choice([t for t in self.p.types if t.stack == "ref"])
        return [self.expression(t, DEPTH - 1), "pop"]

    def initialise(self, blocks):
        t = self.r.choice([t for t in self.p.types if t.stack == "struct"] or [I4])
        return [*self.place(t, 1).address, f"initobj {t.il}"] if t.stack == "struct" else []

    def branch(self, blocks):
        no, end = self.label(), self.label()
        return [*self.test(2, no), *self.statements(blocks - 1), f"br {end}", f"{no}:", *self.statements(blocks - 1), f"{end}:"]

    def spend(self, end):
        return ["call bool [lib]Lib::Spend()", f"brfalse {end}"]

    def loop(self, blocks):
        counter = self.local(I4)
        self.counters.add(counter)
        start, test, end = self.label(), self.label(), self.label()
        self.loops.append((test, end, len(self.tries)))
        body = self.statements(blocks - 1)
        self.loops.pop()
        count = self.r.randrange(1, 9)
        first = ["ldc.i4.0", f"stloc {counter}"] + ([f"br {test}"] if self.chance(2) else [])
        return [*first, f"{start}:", *body, f"{test}:", *self.spend(end), f"ldloc {counter}", "ldc.i4.1", "add", "dup", f"stloc {counter}",
                f"ldc.i4 {count}", f"blt {start}", f"{end}:"]

    def switch(self, blocks):
        cases, end = [self.label() for _ in range(self.r.randrange(1, 4))], self.label()
        code = [self.expression(I4, 2), "ldc.i4.3", "and", f"switch ({', '.join(cases)})", *self.statements(blocks - 1), f"br {end}"]
        for case in cases:
            code += [f"{case}:", *self.statements(blocks - 1), *([f"br {end}"] if self.chance(2) else [])]
        return [*code, f"{end}:"]

    def jump(self, blocks):
        """Leave a loop, go on with it, or return, on a condition."""
        no = self.label()
        if self.loops and self.chance(2):
            around = [loop for loop in self.loops if "final" not in self.tries[loop[2]:]]
            if not around:
                return []
            go_on, end, tries = self.r.choice(around)
            how = "leave" if len(self.tries) > tries else "br"
            return [*self.test(2, no), f"{how} {self.r.choice((go_on, end))}", f"{no}:"]
        if "final" in self.tries or self.quiet:
            return []
        if not self.tries and self.method.kind == "static" and self.chance(2):
            m = self.r.choice(self.p.methods)
            if m.kind == "static" and m.result == self.method.result and not any(p.stack == "byref" for p in [*m.parameters, *self.method.parameters]):
                return [*self.test(1, no), *self.arguments(m, 2), "tail.", f"call {m.signature()}", "ret", f"{no}:"]
        return [*self.test(2, no), *self.value(self.method.result, 2), f"stloc {self.result}", f"{'leave' if self.tries else 'br'} {self.end}", f"{no}:"]

    def throw(self, blocks):
        no = self.label()
        return [*self.test(1, no), self.expression(I8, 2), "newobj instance void [lib]Oops::.ctor(int64)", "throw", f"{no}:"]

    def inside(self, kind, blocks):
        self.tries.append(kind)
        code = self.statements(blocks - 1)
        self.tries.pop()
        return code

    def guarded(self, blocks):
        end, exception = self.label(), "class [mscorlib]System.Exception"
        code = [".try {", *self.inside("try", blocks), f"leave {end}", "}"]
        how = self.r.randrange(6 if self.filters else 4)
        if how == 0:
            return [*code, "finally {", *self.inside("final", blocks), "endfinally", "}", f"{end}:"]
        if how == 1:
            return [*code, "fault {", *self.inside("final", blocks), "endfault", "}", f"{end}:"]
        note = [f"call int64 [lib]Lib::Thrown({exception})", "call void [lib]Lib::Mix(int64)"]
        if how >= 4:
            self.quiet += 1
            test = [*self.hash(I4, [self.expression(I4, 2)]), "call void [lib]Lib::Mix(int64)", self.expression(I4, 2), "ldc.i4.0", "cgt"]
            self.quiet -= 1
            return [*code, "filter {", f"castclass {CAUGHT[0]}", *note, *test, "endfilter", "}", "{", "pop", *self.inside("try", blocks), f"leave {end}", "}", f"{end}:"]
        for caught in self.r.sample(CAUGHT, self.r.randrange(1, 3)):
            again = [*self.test(1, no := self.label()), "rethrow", f"{no}:"] if self.chance(4) else []
            code += [f"catch {caught} {{", *note, *self.inside("try", blocks), *again, f"leave {end}", "}"]
        return [*code, f"{end}:"]

    # ---- The whole ----

    def make_all(self):
        """[parts] of the body."""
        self.result, self.end = self.temporary(self.method.result), self.label()
        body = [*self.spend(self.end)]
        for _ in range(self.r.randrange(2, 6)):
            body.append(self.statement(BLOCKS))
        body += [*self.value(self.method.result, DEPTH), f"stloc {self.result}", f"{self.end}:", f"ldloc {self.result}", "ret"]
        return body

    def write(self, parts, dropped):
        """Lines of code, with variables."""
        code = []
        self.flatten(parts, dropped, code)
        first = []
        for n, t in enumerate(list(self.locals)):
            if t.stack == "ref":
                first += [*self.default(t), f"stloc {n}"]
        names = ", ".join(f"{t.il} v{n}" for n, t in enumerate(self.locals))
        return [".maxstack 200", f".locals init ({names})", *first, *code]

    def flatten(self, parts, dropped, out):
        for part in parts:
            if isinstance(part, str):
                out.append(part)
            elif part.number not in dropped:
                self.flatten(part.parts, dropped, out)
            elif part.type.stack != "void":
                out += self.default(part.type)

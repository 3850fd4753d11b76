# SPDX-License-Identifier: MIT
"""Assemblies that no compiler writes: they are refused with the reason, or an exception ends them."""
import subprocess
import tempfile
import unittest
from pathlib import Path

from tree import build_directory

COMMAND = build_directory("host-tests") / "halyard-cil"
CORE = sorted((Path(__file__).parents[2] / "lib/cil").glob("*.cs"))
ENGINES = ([], ["--interp"])
REFUSED, ENDED = 125, 119

HEAD = """
.assembly extern mscorlib {}
.assembly hostile {}
"""
PROGRAM = ".class public P extends [mscorlib]System.Object { .method static void Main() { .entrypoint %s ret } %s }"

INTERNAL = r"""
.class public System.Runtime.CompilerServices.RuntimeHelpers extends [mscorlib]System.Object {
  .method public static int32 GetHashCode(object p) cil managed internalcall {} }
""" + PROGRAM % ("ldnull call int32 System.Runtime.CompilerServices.RuntimeHelpers::GetHashCode(object) pop", "")

# A struct whose two fields are at the same place: a number and a handle.
HANDLE = r"""
.class public explicit sealed U extends [mscorlib]System.ValueType {
  .field [0] public valuetype [mscorlib]System.RuntimeTypeHandle ofType
  .field [0] public valuetype [mscorlib]System.RuntimeFieldHandle ofField
  .field [0] public int64 number }
"""
NUMBERS = (0, 4096, 4128, 1 << 20, (1 << 32) + 1, -1)
TYPE_OF_NUMBER = HANDLE + PROGRAM % ("".join(
    f" ldc.i8 {n} call void P::Check(int64)" for n in NUMBERS), """
  .method static void Check(int64 n) { .locals init (valuetype U u)
    ldtoken P call class [mscorlib]System.Type [mscorlib]System.Type::GetTypeFromHandle(valuetype [mscorlib]System.RuntimeTypeHandle)
    callvirt instance string [mscorlib]System.Type::get_FullName() call void [mscorlib]System.Console::Write(string)
    ldloca.s 0 ldarg.0 stfld int64 U::number
    ldloc.0 ldfld valuetype [mscorlib]System.RuntimeTypeHandle U::ofType
    call class [mscorlib]System.Type [mscorlib]System.Type::GetTypeFromHandle(valuetype [mscorlib]System.RuntimeTypeHandle)
    ldnull ceq call void [mscorlib]System.Console::Write(bool) ret }""")

INITIALIZE = "call void [mscorlib]System.Runtime.CompilerServices.RuntimeHelpers::InitializeArray(class [mscorlib]System.Array, " \
             "valuetype [mscorlib]System.RuntimeFieldHandle)"


def array(element, count, handle="ldtoken field int64 Data::contents"):
    return HANDLE + """
.data D_value = int64(4128)
.class public Data extends [mscorlib]System.Object { .field public static int64 contents at D_value }
""" + PROGRAM % (f"ldc.i4 {count} newarr {element} {handle} {INITIALIZE}", "")


OF_NUMBER = "ldsflda valuetype U P::u ldc.i8 %d stfld int64 U::number ldsfld valuetype U P::u " \
            "ldfld valuetype [mscorlib]System.RuntimeFieldHandle U::ofField"


def array_of_number(number):
    return array("int32", 1, OF_NUMBER % number).replace("Main()", "Main()", 1).replace(
        ".class public P extends [mscorlib]System.Object {",
        ".class public P extends [mscorlib]System.Object { .field static valuetype U u")


def on_null(call):
    """A method of P calls another one on its own object, which is null."""
    return PROGRAM % ("ldnull call instance void P::F()", ".method instance void F() { ldarg.0 %s pop ret }" % call)


def delegate(methods):
    use = "ldnull ldftn void P::F(int32) newobj instance void D::.ctor(object, native int) ldc.i4.1 callvirt instance void D::Invoke(int32)"
    return ".class public sealed D extends [mscorlib]System.MulticastDelegate {\n" + methods + "}\n" + PROGRAM % (
        use, ".method static void F(int32 n) { ret }")


def bounds(pair, index):
    """An array of one dimension with a lower bound, and an element of it."""
    return PROGRAM % (f"{pair} newobj instance void int32[1...]::.ctor(int32, int32) {index} call instance int32 int32[1...]::Get(int32) "
                      "call void [mscorlib]System.Console::Write(int32)", "")


def begin(parameters, arguments, result="class [mscorlib]System.IAsyncResult"):
    """A delegate whose BeginInvoke or EndInvoke has these parameters, and a call of it."""
    name = "Begin" if "IAsync" in result else "End"
    methods = MAKE + INVOKE + f".method public virtual instance {result} {name}Invoke({parameters}) runtime managed {{}}"
    use = f"ldnull {arguments} callvirt instance {result} D::{name}Invoke({parameters}) {'' if result == 'void' else 'pop'}"
    return delegate(methods).replace("{ .entrypoint", "{ .entrypoint " + use, 1)


CALLBACK, BEGUN = "class [mscorlib]System.AsyncCallback", "class [mscorlib]System.IAsyncResult"
BEGIN, END = (f"{name} of a delegate does not have the parameters that Invoke needs" for name in ("BeginInvoke", "EndInvoke"))
MAKE = ".method public specialname rtspecialname instance void .ctor(object, native int) runtime managed {}\n"
INVOKE = ".method public virtual instance void Invoke(int32) runtime managed {}\n"
ONLY = "the delegate D does not have one constructor, one Invoke and nothing else"

STACK = "a loop that is entered with values on the stack is not compiled yet"


def loop(first, second, third):
    """Two ways into a loop, at X with one value and at Y with another one; X is reached again with a third."""
    return PROGRAM % ("ldc.i4.0 call void P::F(int32)", f"""
  .method static void F(int32 n) {{ ldarg.0 brtrue A {first} br X
    A: {second} br Y
    X: pop {second}
    Y: pop ldarg.0 brfalse E {third} br X
    E: ret }}""")


def nested(depth):
    code = [f"L{n}: nop" for n in range(depth)] + [f"ldarg.0 brtrue L{n}" for n in reversed(range(depth))]
    return PROGRAM % ("ldc.i4.0 call void P::F(int32)", ".method static void F(int32 n) { %s ret }" % "\n".join(code))


# Name: source, exit status, what is printed (to the error output, if it is not 0).
def diamonds(levels):
    """Interfaces that form 2^levels paths, and a class that implements the last two of them."""
    text = ".class interface abstract J { .method public abstract virtual instance void F() {} }"
    for n in range(levels):
        below = "" if n == 0 else f"implements A{n - 1}, B{n - 1}"
        text += f".class interface abstract A{n} {below} {{}} .class interface abstract B{n} {below} {{}}\n"
    return text + f"""
.class C extends [mscorlib]System.Object implements A{levels - 1}, B{levels - 1} {{
  .method public specialname rtspecialname instance void .ctor() {{
    ldarg.0 call instance void [mscorlib]System.Object::.ctor() ret }} }}
""" + PROGRAM % ("newobj instance void C::.ctor() pop ldnull callvirt instance void J::F()", "")


REFERENCE = """
.data D_value = int64(4128)
""" + PROGRAM % ("ldsfld object P::o pop", ".field public static object o at D_value")



def attribute(parameter, contents, owner="A"):
    """A class with an attribute that has these contents, and a program that counts its attributes."""
    base = "[mscorlib]System." + ("Attribute" if owner == "A" else "Object")
    program = PROGRAM % ("""ldtoken P
    call class [mscorlib]System.Type [mscorlib]System.Type::GetTypeFromHandle(valuetype [mscorlib]System.RuntimeTypeHandle)
    ldc.i4.0 callvirt instance object[] [mscorlib]System.Reflection.MemberInfo::GetCustomAttributes(bool)
    ldlen conv.i4 call void [mscorlib]System.Console::Write(int32)""", "")
    custom = f".custom instance void {owner}::.ctor({parameter}) = ( {contents} )"
    return f"""
.class public {owner} extends {base} {{
  .field public int32 n
  .method public specialname rtspecialname instance void .ctor({parameter}) {{
    ldarg.0 call instance void {base}::.ctor() ret }} }}
""" + program.replace(".method static", custom + " .method static")


TYPE = "class [mscorlib]System.Type"
EARLY = "attribute: its arguments end too early"

ASSEMBLIES = {
    "attribute": (attribute("int32", "01 00 05 00 00 00 00 00"), 0, "1"),
    "attribute with a field": (attribute("int32", "01 00 05 00 00 00 01 00 53 08 01 6e 07 00 00 00"), 0, "1"),
    "attribute of null": (attribute("string", "01 00 ff 00 00"), 0, "1"),
    "attribute with an array of null": (attribute("int32[]", "01 00 ff ff ff ff 00 00"), 0, "1"),
    "attribute cut in a number": (attribute("int32", "01 00 05 00"), REFUSED, EARLY),
    "attribute cut before its fields": (attribute("int32", "01 00 05 00 00 00 01"), REFUSED, EARLY),
    "attribute with too long a text": (attribute("string", "01 00 06 41 00 00"), REFUSED, EARLY),
    "attribute with the largest text": (attribute("string", "01 00 df ff ff ff 00 00"), REFUSED, EARLY),
    "attribute with too long an array": (attribute("int32[]", "01 00 ff ff ff 7f 00 00"), REFUSED, EARLY),
    "attribute that is no attribute": (attribute("int32", "01 00 05 00 00 00 00 00", "B"), REFUSED, "is no constructor of an attribute"),
    "attribute of another version": (attribute("int32", "02 00 05 00 00 00 00 00"), REFUSED, "its arguments do not begin with 1"),
    "attribute with a rest": (attribute("int32", "01 00 05 00 00 00 00 00 00"), REFUSED, "bytes after its last argument"),
    "attribute with an object of no type": (attribute("object", "01 00 77 00 00"), REFUSED, "a value of no type"),
    "attribute with deep objects": (attribute("object", "01 00" + " 1d 51 01 00 00 00" * 12 + " 08 01 00 00 00 00 00"), REFUSED, "nested too deeply"),
    "attribute with deep types": (attribute("object", "01 00" + " 1d" * 12 + " 08 00 00 00 00 00 00"), REFUSED, "nested too deeply"),
    "attribute with an unknown field": (attribute("int32", "01 00 05 00 00 00 01 00 53 08 01 6d 07 00 00 00"), REFUSED, "the class has no such field"),
    "attribute with a field of another type": (attribute("int32", "01 00 05 00 00 00 01 00 53 06 01 6e 07 00"), REFUSED, "the class has no such field"),
    "attribute with an unknown property": (attribute("int32", "01 00 05 00 00 00 01 00 54 08 01 6e 07 00 00 00"), REFUSED, "the class has no such property"),
    "attribute with neither": (attribute("int32", "01 00 05 00 00 00 ff ff 55"), REFUSED, "neither a field nor a property"),
    "attribute with a missing type": (attribute(TYPE, "01 00 04 4e 6f 6e 65 00 00"), REFUSED, "attribute: type None is not there"),
    "attribute with a type": (attribute(TYPE, "01 00 01 50 00 00"), 0, "1"),
    "attribute with a type of a missing assembly": (attribute(TYPE, "01 00 03 50 2c 51 00 00"), REFUSED, "attribute: type P is not there"),
    "attribute with an array type": (attribute(TYPE, "01 00 03 50 5b 5d 00 00"), REFUSED, "a type made of others"),
    "attribute with a pointer": (attribute("void*", "01 00 00 00 00 00 00 00 00 00 00 00"), REFUSED, "a value of a type that none can have"),
    "internal call": (INTERNAL, REFUSED, "RuntimeHelpers::GetHashCode: only the core library may have internal calls"),
    "type of a number": (TYPE_OF_NUMBER, 0, "PTrue" * len(NUMBERS)),
    "array that fits": (array("int64", 1), 0, ""),
    "array of bytes that fits": (array("uint8", 8), 0, ""),
    "array too long": (array("int64", 2), ENDED, "unhandled exception: System.ArgumentException"),
    "array of references": (array("string", 1), ENDED, "unhandled exception: System.ArgumentException"),
    "array of structs": (array("valuetype U", 1), ENDED, "unhandled exception: System.ArgumentException"),
    "contents of no field": (array_of_number(4128), ENDED, "unhandled exception: System.ArgumentException"),
    "contents of null": (array_of_number(0), ENDED, "unhandled exception: System.ArgumentException"),
    "clone of null": (on_null("call instance object [mscorlib]System.Object::MemberwiseClone()"), ENDED, "P::F, IL_0001: trap: null reference"),
    "type of null": (on_null("call instance class [mscorlib]System.Type [mscorlib]System.Object::GetType()"), ENDED,
                     "P::F, IL_0001: trap: null reference"),
    "text of null": (on_null("call instance string [mscorlib]System.Object::ToString()"), ENDED,
                     "System.Object::ToString, IL_0001: trap: null reference"),
    "flags of null": (PROGRAM % ("ldnull ldc.i4.1 box [mscorlib]System.AttributeTargets "
                                 "call instance bool [mscorlib]System.Enum::HasFlag(class [mscorlib]System.Enum) pop", ""), ENDED,
                      "trap: null reference"),
    "rank of null": (PROGRAM % ("ldnull call instance int32 [mscorlib]System.Array::get_Rank() pop", ""), ENDED, "trap: null reference"),
    "delegate": (delegate(MAKE + INVOKE), 0, ""),
    "two Invoke": (delegate(MAKE + INVOKE + ".method public virtual instance void Invoke(object) runtime managed {}"), REFUSED, ONLY),
    "no Invoke": (delegate(MAKE + ".method public virtual instance void EndInvoke(int32) runtime managed {}"), REFUSED, ONLY),
    "Invoke with code": (delegate(MAKE + ".method public instance void Invoke(int32) { ret }"), REFUSED, ONLY),
    "static Invoke": (delegate(MAKE + INVOKE.replace("virtual instance", "static")), REFUSED, ONLY),
    "two constructors": (delegate(MAKE + MAKE.replace("native int", "native uint") + INVOKE), REFUSED, ONLY),
    "constructor of a number": (delegate(MAKE.replace("object", "int32") + INVOKE), REFUSED, ONLY),
    "constructor of two objects": (delegate(MAKE.replace("native int", "object") + INVOKE), REFUSED, ONLY),
    "bounds": (bounds("ldc.i4.5 ldc.i4.3", "ldc.i4.7"), 0, "0"),
    "index below the bounds": (bounds("ldc.i4.5 ldc.i4.3", "ldc.i4.4"), ENDED, "trap: index out of range"),
    "index above the bounds": (bounds("ldc.i4.5 ldc.i4.3", "ldc.i4.8"), ENDED, "trap: index out of range"),
    "bounds of a negative length": (bounds("ldc.i4.5 ldc.i4.m1", "ldc.i4.5"), ENDED, "trap: overflow"),
    "bounds that are too large": (bounds("ldc.i4 0x7ffffffe ldc.i4.2", "ldc.i4.5"), ENDED, "trap: overflow"),
    "bounds of three": (bounds("ldc.i4.5 ldc.i4.3", "ldc.i4.7").replace(".ctor(int32, int32)", ".ctor(int32, int32, int32)", 1), REFUSED,
                        "method System.Int32[*]::.ctor is not there"),
    "BeginInvoke without a callback": (begin("int32, object, object", "ldc.i4.1 ldnull ldnull"), REFUSED, BEGIN),
    "BeginInvoke with a string as callback": (begin("int32, string, object", 'ldc.i4.1 ldstr "x" ldnull'), REFUSED, BEGIN),
    "BeginInvoke with a number as state": (begin(f"int32, {CALLBACK}, int32", "ldc.i4.1 ldnull ldc.i4.1"), REFUSED, BEGIN),
    "BeginInvoke with another argument": (begin(f"object, {CALLBACK}, object", "ldnull ldnull ldnull"), REFUSED, BEGIN),
    "BeginInvoke with fewer arguments": (begin(f"{CALLBACK}, object", "ldnull ldnull"), REFUSED, BEGIN),
    "EndInvoke of null": (begin(BEGUN, "ldnull", "void"), ENDED, "trap: null reference"),
    "EndInvoke with a string": (begin("string", "ldnull", "void"), REFUSED, END),
    "EndInvoke with an argument": (begin(f"int32, {BEGUN}", "ldc.i4.1 ldnull", "void"), REFUSED, END),
    "EndInvoke with another result": (begin(BEGUN, "ldnull", "int32"), REFUSED, END),
    "EndInvoke with nothing": (begin("", "", "void"), REFUSED, END),
    "loop with other values at its entries": (loop("ldc.i8 7", "ldnull", "ldc.i8 1"), REFUSED, STACK),
    "loop with a number and an object": (loop("ldc.i4.7", "ldnull", "ldc.i4.1"), REFUSED, STACK),
    "loop with values of one kind": (loop("ldc.i8 7", "ldc.i8 1", "ldc.i8 1"), 0, ""),
    "loops in each other": (nested(102), REFUSED, "a loop inside of more than 100 others is not compiled yet"),
    "contents of a reference": (REFERENCE, REFUSED, "the field o has references, and contents in the file"),
    "few paths through interfaces": (diamonds(10), ENDED, "trap: null reference"),
    "very many paths through interfaces": (diamonds(30), REFUSED, "too many interfaces of interfaces"),
    "try in a filter": (PROGRAM % ("call void P::F()", """
  .method static void F() {
    T: newobj instance void [mscorlib]System.Exception::.ctor() throw
    F: pop .try { leave I } catch [mscorlib]System.Object { pop leave I }
    I: ldc.i4.1 endfilter
    H: pop leave E
    E: ret
    .try T to F filter F handler H to E }"""), REFUSED, "a try block inside of a filter is not compiled yet"),
    # The filter is not an expression of C#: it has a loop, writes a variable of the method, and its result is not 1.
    "filter in IL": (PROGRAM % ("ldc.i4.3 call int32 P::F(int32) call void [mscorlib]System.Console::Write(int32)", """
  .method static int32 F(int32 n) { .locals init (int32 sum)
    T: call void P::G() leave E
    F: isinst [mscorlib]System.ArgumentException brfalse N
    L: ldloc.0 ldarg.0 add stloc.0 ldarg.0 ldc.i4.1 sub starg.s 0 ldarg.0 brtrue L
    ldc.i4.s 40 br X
    N: ldc.i4.0
    X: endfilter
    H: pop ldloc.0 ldc.i4 100 add stloc.0 leave E
    E: ldloc.0 ldarg.0 add ret
    .try T to F filter F handler H to E }
  .method static void G() {
    .try { newobj instance void [mscorlib]System.ArgumentException::.ctor() throw }
    finally { ldc.i4.7 call void [mscorlib]System.Console::Write(int32) endfinally } }"""), 0, "7106"),
    "code in a delegate": (delegate(MAKE + INVOKE + ".method public static void G() { ret }"), REFUSED, ONLY),
}


# Generic code that needs ever larger types: how it is refused.
EXPANDING = {
    "class A<T> {} class B<T> {}"
    "class P { static int M<T>(int n) { return n == 0 ? 0 : M<A<T>>(n - 1) + M<B<T>>(n - 1); }"
    " static int Main() { return M<int>(0); } }": "more than 20000 methods",
    "class A<T> {} class B<T> {}"
    "class P { public virtual int M<T>(int n) { return n == 0 ? 0 : M<A<T>>(n - 1) + M<B<T>>(n - 1); }"
    " static int Main() { return new P().M<int>(0); } }": "virtual methods are called with more than 4096 lists of type arguments",
}


# Generic code that needs ever larger types, but only one for each type that there is: as many calls as its Main makes work.
DEEP = {
    "class A<T> { public static int F(int n) { return n == 0 ? 7 : A<A<T>>.F(n - 1); } }"
    "class P { static int Main() { return A<int>.F(%d); } }": 54,
    "class A<T> { public T[] last; public virtual long F(int n) { return n == 0 ? 7 : new A<A<T>>().F(n - 1); } }"
    "class P { static int Main() { return (int)new A<int>().F(%d); } }": 54,
    "struct S<T> { public T t; } class P { static S<T> F<T>(int n, ref int r) { S<T> s = new S<T>(); if (n == 0) r = 7; else F<S<T>>(n - 1, ref r);"
    " return s; } static int Main() { int r = 0; F<int>(%d, ref r); return r; } }": 55,
    "class A<T> {} class P { static int F<T>(int n) { try { return n == 0 ? 7 : F<A<T>>(n - 1); }"
    " catch (System.ArgumentException) { return 1; } finally { n++; } } static int Main() { return F<int>(%d); } }": 55,
}


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.core = cls.folder / "core/mscorlib.dll"
        cls.core.parent.mkdir()
        cls.mcs(cls.core, *CORE, "-unsafe", "-t:library", "-runtimemetadataversion:v4.0.30319", "-langversion:7.2")

    @staticmethod
    def mcs(output, *words):
        subprocess.run(["mcs", "-nostdlib", "-noconfig", f"-out:{output}", *words], check=True, capture_output=True)

    def assemble(self, source):
        path = self.folder / "hostile.exe"
        path.with_suffix(".il").write_text(HEAD + source)
        r = subprocess.run(["ilasm", f"/output:{path}", path.with_suffix(".il")], capture_output=True, text=True, timeout=100, check=False)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        return path

    def run_program(self, path, *words):
        command = [COMMAND, "--memory", "16", "--lib", self.core.parent, *words, path]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    def test_assemblies_that_no_compiler_writes(self):
        for name, (source, status, text) in ASSEMBLIES.items():
            path = self.assemble(source)
            for engine in ENGINES:
                with self.subTest(name, engine=engine):
                    done = self.run_program(path, *engine)
                    self.assertEqual(status, done.returncode, done.stderr)
                    self.assertIn(text, done.stdout if status == 0 else done.stderr)

    def test_generic_code_that_never_ends_is_refused(self):
        source, path = self.folder / "expanding.cs", self.folder / "expanding.exe"
        for text, words in EXPANDING.items():
            source.write_text(text)
            self.mcs(path, source, f"-r:{self.core}")
            done = self.run_program(path)
            self.assertEqual(REFUSED, done.returncode, text)
            self.assertIn(words, done.stderr)

    def test_generic_code_that_never_ends_runs_as_deep_as_types_may_be(self):
        source, path = self.folder / "deep.cs", self.folder / "deep.exe"
        for text, most in DEEP.items():
            for depth, status in ((0, 7), (most, 7), (most + 1, ENDED)):
                source.write_text(text % depth)
                self.mcs(path, source, f"-r:{self.core}")
                for engine in (*ENGINES, ["--gc-stress"]):
                    done = self.run_program(path, *engine)
                    self.assertEqual(status, done.returncode, (text, depth, engine, done.stderr))
                    self.assertEqual(status == ENDED, "unhandled exception: System.TypeLoadException" in done.stderr)

    def test_too_deep_types_are_an_exception(self):
        source, path = self.folder / "caught.cs", self.folder / "caught.exe"
        source.write_text("using System; class A<T> {} class P { static double F<T>(int n, double d) { return F<A<T>>(n + 1, d); } static int Main() {"
                          " try { F<int>(0, 1.5); return 1; } catch (TypeLoadException) { return 9; } } }")
        self.mcs(path, source, f"-r:{self.core}")
        for engine in ENGINES:
            done = self.run_program(path, *engine)
            self.assertEqual((9, ""), (done.returncode, done.stderr))


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""What the verifier refuses in assemblies that are not trusted, method by method. Methods named good_* pass; each
bad_* has the words of its refusal in the comment beside it. As trusted code, all of them pass."""
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from tree import build_directory

COMMAND = build_directory("host-tests") / "halyard-cil"
LIBRARIES = Path("/usr/lib/mono/4.5")

# Addresses of a frame. R is a ref struct; its field is another one.
ESCAPE = r"""
.assembly extern mscorlib {}
.assembly escape {}
.class public sequential ansi sealed beforefieldinit Inner extends [mscorlib]System.ValueType {
  .custom instance void [mscorlib]System.Runtime.CompilerServices.IsByRefLikeAttribute::.ctor() = (01 00 00 00)
  .field public int32 x
}
.class public sequential ansi sealed beforefieldinit R extends [mscorlib]System.ValueType {
  .custom instance void [mscorlib]System.Runtime.CompilerServices.IsByRefLikeAttribute::.ctor() = (01 00 00 00)
  .field public valuetype Inner inner
  .field public int32 x
  .method public static valuetype R Make(int32& p) { .locals init (valuetype R r) ldloc.0 ret }
  .method public instance int32& Item() { ldsflda int32 P::global ret }
  .method public instance void Fill(valuetype R r) { ret }
  .method public virtual instance string ToString() { ldnull ret }
  .method public instance int32& bad_this() { // the address of a local variable is returned
    ldarg.0 ldflda int32 R::x ret }
}
.class public sequential ansi sealed beforefieldinit S extends [mscorlib]System.ValueType {
  .field public int32 x
  .method public instance valuetype R View() { .locals init (valuetype R r) ldloc.0 ret }
}
.class public abstract sealed P extends [mscorlib]System.Object {
  .field public static int32 global
  .method public static int32& Same(int32& p) { ldarg.0 ret }
  .method public static void Fill(valuetype R& target, valuetype R r) { ret }
  .method static int32& good_argument(int32& p) { .locals init (int32& r) ldarg.0 stloc.0 ldloc.0 ret }
  .method static int32& good_cleared(int32& p) { .locals init (int32& r, int32 x)
    ldloca.s 1 stloc.0 ldloc.0 ldind.i4 pop ldarg.0 stloc.0 ldloc.0 ret }
  .method static int32& bad_local() { .locals init (int32& r, int32 x) // the address of a local variable is returned
    ldloca.s 1 stloc.0 ldloc.0 ret }
  .method static int32& bad_argument(int32& p, int32 x) { // the address of a local variable is returned
    ldarga.s 1 starg.s 0 ldarg.0 ret }
  .method static int32& bad_copy() { .locals init (int32& r, int32& s, int32 x) // the address of a local variable is returned
    ldloca.s 2 stloc.0 ldloc.0 stloc.1 ldloc.1 ret }
  .method static int32& bad_call() { .locals init (int32& r, int32 x) // the address of a local variable is returned
    ldloca.s 1 call int32& P::Same(int32&) stloc.0 ldloc.0 ret }
  .method static int32& bad_path(int32& p, bool b) { .locals init (int32& r, int32 x) // the address of a local variable is returned
    ldarg.0 stloc.0 ldarg.1 brfalse.s L ldloca.s 1 stloc.0
    L: ldloc.0 ret }
  .method static int32& bad_loop(int32& p, bool b) { .locals init (int32& r, int32 x) // the address of a local variable is returned
    ldarg.0 stloc.0
    L: ldarg.1 brfalse.s E ldloca.s 1 stloc.0 br.s L
    E: ldloc.0 ret }
  .method static int32& bad_handler(int32& p) { .locals init (int32& r, int32 x) // the address of a local variable is returned
    ldarg.0 stloc.0
    .try { ldloca.s 1 stloc.0 newobj instance void [mscorlib]System.Exception::.ctor() throw }
    catch [mscorlib]System.Object { pop leave.s E }
    E: ldloc.0 ret }
  .method static int32& bad_finally(int32& p) { .locals init (int32& r, int32 x) // the address of a local variable is returned
    ldarg.0 stloc.0
    .try { leave.s E } finally { ldloca.s 1 stloc.0 endfinally }
    E: ldloc.0 ret }
  .method static int32& good_item(valuetype R r) { ldarga.s 0 call instance int32& R::Item() ret }
  .method static void good_text(valuetype R r) {
    ldarga.s 0 constrained. R callvirt instance string [mscorlib]System.Object::ToString() pop ret }
  .method static void good_typed(int32 x) { .locals init (typedref r)
    ldarga.s 0 mkrefany int32 stloc.0 ldloc.0 refanyval int32 ldc.i4.1 stind.i4 ldloc.0 refanytype pop ret }
  .method static int32& bad_typed(int32 x) { // the address of a local variable is returned
    ldarga.s 0 mkrefany int32 refanyval int32 ret }
  .method static typedref bad_reference(int32 x) { // the address of a local variable is returned
    ldarga.s 0 mkrefany int32 ret }
  .method static void bad_other(int32 x) { // the address is of a variable of another type
    ldarga.s 0 mkrefany int64 pop ret }
  .method static void bad_number(native int x) { // access through an unmanaged pointer
    ldarg.0 mkrefany int32 pop ret }
  .method static valuetype R good_view(valuetype S s) { ldarga.s 0 call instance valuetype R S::View() ret }
  .method static valuetype R good_make(int32& p) { .locals init (valuetype R r)
    ldarg.0 call valuetype R R::Make(int32&) stloc.0 ldloc.0 ret }
  .method static valuetype R bad_make(int32 x) { .locals init (valuetype R r) // the address of a local variable is returned
    ldarga.s 0 call valuetype R R::Make(int32&) stloc.0 ldloc.0 ret }
  .method static valuetype Inner bad_field(int32 x) { // the address of a local variable is returned
    ldarga.s 0 call valuetype R R::Make(int32&) ldfld valuetype Inner R::inner ret }
  .method static void bad_out(valuetype R& target, int32 x) { // kept outside of the method
    ldarg.0 ldarga.s 1 call valuetype R R::Make(int32&) stobj R ret }
  .method static void bad_out_by_call(valuetype R& target, int32 x) { // kept outside of the method
    ldarg.0 ldarga.s 1 call valuetype R R::Make(int32&) call void P::Fill(valuetype R&, valuetype R) ret }
  .method static void good_fill(int32 x) { .locals init (valuetype R r)
    ldloca.s 0 ldarga.s 0 call valuetype R R::Make(int32&) call instance void R::Fill(valuetype R) ret }
  .method static valuetype R bad_fill(int32 x) { .locals init (valuetype R r) // the address of a local variable is returned
    ldloca.s 0 ldarga.s 0 call valuetype R R::Make(int32&) call instance void R::Fill(valuetype R) ldloc.0 ret }
  .method static valuetype R bad_part(int32 x) { .locals init (valuetype R r) // the address of a local variable is returned
    ldloca.s 0 ldarga.s 0 call valuetype R R::Make(int32&) ldfld valuetype Inner R::inner stfld valuetype Inner R::inner
    ldloca.s 0 ldobj R ret }
}
"""

# Each of these is refused in a trusted assembly, too.
KEPT = {
    "field": (".class public C extends [mscorlib]System.Object { .field valuetype R r }", "the field r of .C would keep"),
    "static": (".class public C extends [mscorlib]System.Object { .field static valuetype R r }", "would keep a ref struct"),
    "typed": (".class public sequential sealed T extends [mscorlib]System.ValueType { .custom instance void"
              " [mscorlib]System.Runtime.CompilerServices.IsByRefLikeAttribute::.ctor() = (01 00 00 00) .field valuetype [mscorlib]System.TypedReference r }",
              "the field r of .T would keep"),
    "array": (".class public C extends [mscorlib]System.Object { .field valuetype R[] r }", "no element of an array"),
    "argument": (".class public C extends [mscorlib]System.Object {"
                 " .field class [mscorlib]System.Collections.Generic.List`1<valuetype R> r }", "no type argument: List`1"),
    "method": (".class public C extends [mscorlib]System.Object { .method static void M() {"
               " call !!0[] [mscorlib]System.Array::Empty<valuetype R>() pop ret } }", "no type argument of the method Empty"),
    "inherited": (".class public C extends [mscorlib]System.Object { .method static void M(valuetype R r) { ldarga.s 0 constrained. R"
                  " callvirt instance string [mscorlib]System.Object::ToString() pop ret } }", "would be boxed to call ToString"),
    "box": (".class public C extends [mscorlib]System.Object { .method static void M(valuetype R r) {"
            " ldarg.0 box R pop ret } }", "a ref struct cannot be boxed"),
}
REF_STRUCT = r"""
.assembly extern mscorlib {}
.assembly kept {}
.class public sequential ansi sealed R extends [mscorlib]System.ValueType {
  .custom instance void [mscorlib]System.Runtime.CompilerServices.IsByRefLikeAttribute::.ctor() = (01 00 00 00)
  .field public int32 x
}
"""

# A library that lets the assembly "friend" use its internals, and code that uses it.
LIBRARY = r"""
.assembly extern mscorlib {}
.assembly vault {
  .custom instance void [mscorlib]System.Runtime.CompilerServices.InternalsVisibleToAttribute::.ctor(string) =
      (01 00 06 66 72 69 65 6E 64 00 00) }
.class public L extends [mscorlib]System.Object {
  .field public int32 open
  .field private int32 secret
  .field assembly int32 internal
  .field family int32 heir
  .field famorassem int32 either
  .field famandassem int32 both
  .method public specialname rtspecialname instance void .ctor() { ldarg.0 call instance void [mscorlib]System.Object::.ctor() ret }
  .method private static void Secret() { ret }
  .method assembly static void Internal() { ret }
  .method family instance void Heir() { ret }
  .method family static void Static() { ret }
  .class nested private Hidden extends [mscorlib]System.Object { .field public static int32 x }
  .class nested public Inner extends [mscorlib]System.Object {
    .method static int32 good_around(class L l) { ldarg.0 ldfld int32 L::secret ret } }
}
.class private Shut extends [mscorlib]System.Object { .field public static int32 x }
"""
USER = r"""
.assembly extern mscorlib {}
.assembly extern vault {}
.assembly NAME {}
.class public U extends [vault]L {
  .method public specialname rtspecialname instance void .ctor() { ldarg.0 call instance void [vault]L::.ctor() ret }
  .method static int32 good_public(class [vault]L l) { ldarg.0 ldfld int32 [vault]L::open ret }
  .method static int32 bad_private(class [vault]L l) { ldarg.0 ldfld int32 [vault]L::secret ret } // secret is not accessible (private)
  .method static void bad_method() { call void [vault]L::Secret() ret } // Secret is not accessible (private)
  .method static int32 bad_internal(class [vault]L l) { ldarg.0 ldfld int32 [vault]L::internal ret } // (internal)
  .method static void bad_internal_method() { call void [vault]L::Internal() ret } // Internal is not accessible (internal)
  .method static void bad_function() { ldftn void [vault]L::Internal() pop ret } // Internal is not accessible (internal)
  .method static int32 good_own(class U u) { ldarg.0 ldfld int32 [vault]L::heir ret }
  .method static int32 bad_other(class [vault]L l) { ldarg.0 ldfld int32 [vault]L::heir ret } // heir of another object
  .method static void bad_other_address(class [vault]L l) { ldarg.0 ldflda int32 [vault]L::heir pop ret } // heir of another
  .method static void bad_other_call(class [vault]L l) { ldarg.0 callvirt instance void [vault]L::Heir() ret } // Heir of another object
  .method static void good_static() { call void [vault]L::Static() ret }
  .method static int32 good_either(class U u) { ldarg.0 ldfld int32 [vault]L::either ret }
  .method static int32 bad_both(class U u) { ldarg.0 ldfld int32 [vault]L::both ret } // both is not accessible (private protected)
  .method static void bad_type() { ldc.i4.0 newarr [vault]Shut pop ret } // type Shut is not accessible
  .method static int32 bad_type_member() { ldsfld int32 [vault]Shut::x ret } // type Shut is not accessible
  .method static int32 bad_nested() { ldsfld int32 [vault]L/Hidden::x ret } // type L/Hidden is not accessible
  .method static void bad_argument() { // type System.Collections.Generic.List`1<Shut> is not accessible
    newobj instance void class [mscorlib]System.Collections.Generic.List`1<class [vault]Shut>::.ctor() pop ret }
  .method static void bad_method_argument() { // type Shut is not accessible
    call !!0[] [mscorlib]System.Array::Empty<class [vault]Shut>() pop ret }
  .class nested public N extends [mscorlib]System.Object {
    .method static int32 good_inside(class U u) { ldarg.0 ldfld int32 [vault]L::heir ret } }
}
.class public V extends [mscorlib]System.Object {
  .method static int32 bad_stranger(class U u) { ldarg.0 ldfld int32 [vault]L::heir ret } // heir is not accessible (protected)
  .method static void bad_static() { call void [vault]L::Static() ret } // Static is not accessible (protected)
}
"""
OF_FRIENDS = ["bad_internal", "bad_internal_method", "bad_function", "bad_both", "bad_type", "bad_type_member", "bad_argument",
              "bad_method_argument"]

# Arguments of type parameters with each kind of constraint. All of these are refused in a trusted assembly, too.
CONSTRAINTS = r"""
.assembly extern mscorlib {}
.assembly constraints {}
.class interface public abstract I {}
.class public Base extends [mscorlib]System.Object implements I {
  .method public specialname rtspecialname instance void .ctor() { ldarg.0 call instance void [mscorlib]System.Object::.ctor() ret }
}
.class public Derived extends Base {
  .method public specialname rtspecialname instance void .ctor(int32 n) { ldarg.0 call instance void Base::.ctor() ret }
}
.class public Ref`1<class T> extends [mscorlib]System.Object { .field public static int32 x }
.class public Val`1<valuetype .ctor ([mscorlib]System.ValueType) T> extends [mscorlib]System.Object { .field public static int32 x }
.class public New`1<.ctor T> extends [mscorlib]System.Object { .field public static int32 x }
.class public Of`1<(Base) T> extends [mscorlib]System.Object { .field public static int32 x }
.class public Impl`1<(I) T> extends [mscorlib]System.Object { .field public static int32 x }
.class public Self`1<(class [mscorlib]System.IComparable`1<!0>) T> extends [mscorlib]System.Object { .field public static int32 x }
.class public Two`2<T, (!0) U> extends [mscorlib]System.Object { .field public static int32 x }
.class public P extends [mscorlib]System.Object {
  .method static void Method<(Base) T>() { ret }
  .method static void good_all() {
    ldsfld int32 class Ref`1<string>::x pop
    ldsfld int32 class Ref`1<int32[]>::x pop
    ldsfld int32 class Val`1<int32>::x pop
    ldsfld int32 class New`1<class Base>::x pop
    ldsfld int32 class New`1<int32>::x pop
    ldsfld int32 class Of`1<class Derived>::x pop
    ldsfld int32 class Impl`1<class Derived>::x pop
    ldsfld int32 class Self`1<int32>::x pop
    ldsfld int32 class Self`1<string>::x pop
    ldsfld int32 class Two`2<class Base, class Derived>::x pop
    call void P::Method<class Base>() ret }
  .method static void good_open<class A, valuetype .ctor ([mscorlib]System.ValueType) B, .ctor C, (Base) D, (!!3) E>() {
    ldsfld int32 class Ref`1<!!0>::x pop
    ldsfld int32 class Val`1<!!1>::x pop
    ldsfld int32 class New`1<!!1>::x pop
    ldsfld int32 class New`1<!!2>::x pop
    ldsfld int32 class Of`1<!!3>::x pop
    ldsfld int32 class Of`1<!!4>::x pop
    ldsfld int32 class Ref`1<!!4>::x pop
    ldsfld int32 class Impl`1<!!3>::x pop
    call void P::Method<!!4>() ret }
  .method static void bad_reference() { ldsfld int32 class Ref`1<int32>::x pop ret } // System.Int32 is no type argument of Ref`1: it is no reference
  .method static void bad_value() { ldsfld int32 class Val`1<string>::x pop ret } // it is no value type
  .method static void bad_nullable() { // it is no value type, or nullable
    ldsfld int32 class Val`1<valuetype [mscorlib]System.Nullable`1<int32> >::x pop ret }
  .method static void bad_default() { ldsfld int32 class New`1<class Derived>::x pop ret } // no public constructor without parameters
  .method static void bad_abstract() { ldsfld int32 class New`1<class I>::x pop ret } // no public constructor without parameters
  .method static void bad_array() { ldsfld int32 class New`1<int32[]>::x pop ret } // no public constructor without parameters
  .method static void bad_class() { ldsfld int32 class Of`1<string>::x pop ret } // System.String is no type argument of Of`1: it is no Base
  .method static void bad_interface() { ldsfld int32 class Impl`1<int32>::x pop ret } // it is no I
  .method static void bad_self() { ldsfld int32 class Self`1<class Base>::x pop ret } // it is no System.IComparable`1<Base>
  .method static void bad_pair() { ldsfld int32 class Two`2<class Derived, class Base>::x pop ret } // it is no Derived
  .method static void bad_call() { call void P::Method<object>() ret } // System.Object is no type argument of Method: it is no Base
  .method static void bad_open<T>() { ldsfld int32 class Ref`1<!!0>::x pop ret } // !!0 is no type argument of Ref`1
  .method static void bad_open_class<(I) T>() { ldsfld int32 class Of`1<!!0>::x pop ret } // it is no Base
  .method static void bad_open_default<(Base) T>() { ldsfld int32 class New`1<!!0>::x pop ret } // no public constructor
  .method static void bad_inside() { ldc.i4.0 newarr class Ref`1<class Ref`1<int32> > pop ret } // System.Int32 is no type argument
  .method static void bad_parameter(class Ref`1<int32> p) { ret } // System.Int32 is no type argument
  .method static void bad_variable() { .locals init (class Ref`1<int32> p) ret } // System.Int32 is no type argument
  .method static void bad_token() { ldtoken class Ref`1<int32> pop ret } // System.Int32 is no type argument
}
.class public Child extends class Of`1<string> { .method static void bad_parent() { ret } } // System.String is no type argument of Of`1
.class public Holder extends [mscorlib]System.Object { .field class Of`1<string> f
  .method static void bad_field() { ret } // System.String is no type argument of Of`1
}
"""


def expected(source):
    """The words beside each method that is refused."""
    return {m[1]: m[2] for m in re.finditer(r" (bad_\w+)[<(][^\n]*?// ([^\n]+)", source)}


# III.4.21: a delegate of a virtual method has the object that the method was chosen by.
DELEGATES = r"""
.assembly extern mscorlib {}
.assembly delegates {}
.class public sealed D extends [mscorlib]System.MulticastDelegate {
  .method public specialname rtspecialname instance void .ctor(object, native int) runtime managed {}
  .method public virtual instance void Invoke() runtime managed {} }
.class public A extends [mscorlib]System.Object {
  .method public newslot virtual instance void F() { ret }
  .method public newslot virtual final instance void Last() { ret } }
.class public abstract sealed P extends [mscorlib]System.Object {
  .method public static class D good_pair(class A a) {
    ldarg.0 dup ldvirtftn instance void A::F() newobj instance void D::.ctor(object, native int) ret }
  .method public static class D good_final(class A a, class A b) {
    ldarg.0 ldarg.1 ldvirtftn instance void A::Last() newobj instance void D::.ctor(object, native int) ret }
  .method public static class D bad_other(class A a, class A b) { // may be another one than that of ldvirtftn
    ldarg.0 ldarg.1 ldvirtftn instance void A::F() newobj instance void D::.ctor(object, native int) ret }
  .method public static class D bad_later(class A a, class A b) { // may be another one than that of ldvirtftn
    ldarg.0 ldarg.1 dup pop ldvirtftn instance void A::F() newobj instance void D::.ctor(object, native int) ret }
  .method public static class D bad_branch(class A a, class A b, bool c) { // may be another one than that of ldvirtftn
    ldarg.0 ldarg.2 brtrue L dup br V
    L: ldarg.1
    V: ldvirtftn instance void A::F() newobj instance void D::.ctor(object, native int) ret }
  .method public static class D bad_join(class A a, class A b, bool c) { // may be another one than that of ldvirtftn
    ldarg.0 ldarg.2 brtrue L ldarg.1 ldvirtftn instance void A::F() br N
    L: dup ldvirtftn instance void A::F()
    N: newobj instance void D::.ctor(object, native int) ret }
}
"""


class Verifier(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def assemble(self, source, name):
        path = Path(self.folder.name) / name
        path.with_suffix(".il").write_text(source)
        r = subprocess.run(["ilasm", "/dll", f"/output:{path}", path.with_suffix(".il")], capture_output=True, text=True,
                           timeout=100, check=False)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        return path

    def check(self, path, *options):
        return subprocess.run([COMMAND, "--check", *options, "--lib", LIBRARIES, path], capture_output=True, text=True,
                              timeout=100, check=False)

    def refusals(self, path, *options):
        found = re.findall(r": method \S*::(\w+), IL_\w+: (.*)", self.check(path, *options).stderr)
        return dict(found)

    def check_methods(self, source, path, but=()):
        words, found = {m: w for m, w in expected(source).items() if m not in but}, self.refusals(path)
        self.assertEqual(set(found), set(words))
        for method, text in words.items():
            self.assertIn(text, found[method], method)
        trusted = self.check(path, "--trusted")
        self.assertEqual(trusted.returncode, 0, trusted.stderr)

    def test_no_address_outlives_its_frame(self):
        self.check_methods(ESCAPE, self.assemble(ESCAPE, "escape.dll"))

    def test_a_delegate_has_the_object_that_its_method_was_chosen_by(self):
        self.check_methods(DELEGATES, self.assemble(DELEGATES, "delegates.dll"))

    def test_members_are_used_where_they_are_accessible(self):
        library = self.assemble(LIBRARY, "vault.dll")
        self.assertEqual(self.check(library).returncode, 0)
        self.check_methods(USER, self.assemble(USER.replace("NAME", "user"), "user.dll"))
        self.check_methods(USER, self.assemble(USER.replace("NAME", "friend"), "friend.dll"), OF_FRIENDS)

    def test_type_arguments_meet_their_constraints(self):
        path = self.assemble(CONSTRAINTS, "constraints.dll")
        words, found = expected(CONSTRAINTS), self.refusals(path, "--trusted")
        self.assertEqual(set(found), set(words))
        for method, text in words.items():
            self.assertIn(text, found[method], method)

    def test_objects_keep_no_ref_struct(self):
        for name, (source, words) in KEPT.items():
            with self.subTest(name):
                r = self.check(self.assemble(REF_STRUCT + source, f"{name}.dll"), "--trusted")
                self.assertEqual(r.returncode, 125)
                self.assertIn(words, r.stderr)


if __name__ == "__main__":
    unittest.main()

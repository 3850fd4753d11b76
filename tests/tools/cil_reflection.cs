// SPDX-License-Identifier: MIT
//
// Methods, constructors and attributes as objects, and calls of methods through them. All output is the same as with mono's
// class library.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.CompilerServices;

static class P
{
    interface IShape { int Area(int scale); }
    interface ISame<T> { T Same(T value); }

    class Base : IShape
    {
        public string Text;
        protected int secret = 3;
        public Base() { Text = "base"; }
        public Base(string text) { Text = text; }
        public Base(int n, params string[] rest) { Text = n + ":" + rest.Length; }
        Base(double d) { Text = "private " + d; }
        static Base() { Log += "[Base]"; }
        public virtual int Area(int scale) { return scale; }
        public virtual string Name() { return "base " + Text; }
        public int Plain() { return 10; }
        int Hidden() { return 20; }
        protected int Family() { return 30; }
        internal int Inside() { return 40; }
        public static int Shared(int a, int b) { return a * b; }
        static int Own() { return 50; }
        ~Base() { }
    }

    class Derived : Base, ISame<string>
    {
        public override int Area(int scale) { return 7 * scale; }
        public override string Name() { return "derived " + Text; }
        public new int Plain() { return 11; }
        public string Same(string value) { return value + value; }
        public int Throw(string text) { throw new InvalidOperationException(text); }
        public void Nothing() { Log += "nothing"; }
        public static void Fail() { throw new ArgumentNullException("fail"); }
    }

    abstract class Abstract
    {
        public abstract int F();
        public abstract T G<T>(T value);
        protected Abstract() { }
    }

    class Concrete : Abstract
    {
        public override int F() { return 77; }
        public override T G<T>(T value) { return value; }
    }

    enum Color : byte { Red, Green, Blue }
    struct Small { public byte A; public Small(byte a) { A = a; } public int Get() { return A; } public void Set(byte a) { A = a; } public override string ToString() { return "Small " + A; } }
    struct Large { public long A, B; public string C; public double D; public override string ToString() { return A + " " + B + " " + C + " " + D; } }
    struct Reals { public float X, Y, Z; }

    class Values
    {
        public static bool Bool(bool b) { return !b; }
        public static char Char(char c) { return (char)(c + 1); }
        public static sbyte SByte(sbyte n) { return (sbyte)-n; }
        public static byte Byte(byte n) { return (byte)(n + 1); }
        public static short Short(short n) { return (short)-n; }
        public static ushort UShort(ushort n) { return (ushort)(n + 1); }
        public static int Int(int n) { return -n; }
        public static uint UInt(uint n) { return n + 1; }
        public static long Long(long n) { return -n; }
        public static ulong ULong(ulong n) { return n + 1; }
        public static float Float(float f) { return f / 2; }
        public static double Double(double d) { return d / 2; }
        public static string String(string s) { return s + "!"; }
        public static object Object(object o) { return o == null ? "null" : o.GetType().Name; }
        public static Color Enum(Color c) { return c + 1; }
        public static Small Struct(Small s) { s.A++; return s; }
        public static Large Big(Large l) { l.A++; l.C += "x"; return l; }
        public static float Sum(Reals r) { return r.X + r.Y + r.Z; }
        public static int? Maybe(int? n) { return n == null ? 1 : n == 5 ? null : n + 1; }
        public static int[] Array(int[] a) { a[0]++; return a; }
        public static IShape Shape(IShape s) { return s; }
        public static decimal Money(decimal d) { return d + 0.5m; }
        public static int Many(int a, long b, double c, float d, byte e, string f, Large g, int h, Small i, object j, short k, Color l)
        {
            return a + (int)b + (int)c + (int)d + e + f.Length + (int)g.B + h + i.A + (j == null ? 0 : 1) + k + (int)l;
        }
        public static void Out(out int n, ref string s, ref Large l, ref int? m, out Color c, ref object o)
        {
            n = 42;
            s += "?";
            l.A = 9;
            m = m == null ? 3 : (int?)null;
            c = Color.Blue;
            o = n;
        }
        public static bool TryParse(string s, out double value) { value = s.Length; return s.Length > 2; }
    }

    class Generic<T>
    {
        public static T Echo(int n, double d, T value) { return value; }
        public T Field;
        public Generic() { }
        public Generic(T value) { Field = value; }
        public string Type() { return typeof(T).Name; }
        public static U Pair<U>(T a, U b) { Log += "<" + a + "," + b + ">"; return b; }
    }

    class Methods
    {
        public static string Kind<T>() { return typeof(T).Name; }
        public T Same<T>(int n, T value) { return value; }
        public static bool Has<T>(T? value) where T : struct { return value.HasValue; }
        public static string Two<A, B>(A a, B b) { return typeof(A).Name + a + typeof(B).Name + b; }
        public static T Make<T>() where T : new() { return new T(); }
        public static string Shape<T>(T shape) where T : IShape { return "" + shape.Area(2); }
    }

    delegate int Two(int a, int b);

    static string Log = "";

    static string Show(object o) { return o == null ? "null" : o + "(" + o.GetType().Name + ")"; }

    static string Try(Func<object> f)
    {
        try
        {
            return Show(f());
        }
        catch (TargetInvocationException e)
        {
            return "thrown " + e.InnerException.GetType().Name;
        }
        catch (Exception e)
        {
            return e.GetType().Name;
        }
    }

    static void Print(params Func<object>[] all)
    {
        string line = "";
        foreach (Func<object> f in all)
            line += Try(f) + " | ";
        Console.WriteLine(line);
    }

    static string List(MethodBase[] all)
    {
        List<string> names = new List<string>();
        foreach (MethodBase m in all)
            if (m.DeclaringType != typeof(object) && m.DeclaringType != typeof(ValueType)) // mono's have methods of their own
                names.Add(m.DeclaringType.Name + "." + m.Name + "/" + m.GetParameters().Length + (m.IsStatic ? "s" : "") + (m.IsPublic ? "p" : "")
                          + (m.IsVirtual ? "v" : "") + (m.IsPrivate ? "h" : "") + (m.IsFamily ? "f" : "") + (m.IsAssembly ? "i" : "")
                          + (m.IsAbstract ? "a" : "") + (m.IsConstructor ? "c" : "") + (m.IsFinal ? "l" : "") + (m.IsSpecialName ? "n" : ""));
        return string.Join(" ", names.ToArray());
    }

    const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance;

    static void Names()
    {
        BindingFlags[] flags = {
            BindingFlags.Default, BindingFlags.Public, BindingFlags.Public | BindingFlags.Instance, BindingFlags.Public | BindingFlags.Static,
            BindingFlags.NonPublic | BindingFlags.Instance, BindingFlags.NonPublic | BindingFlags.Static, All, All | BindingFlags.DeclaredOnly,
            All | BindingFlags.FlattenHierarchy, BindingFlags.Static | BindingFlags.Public | BindingFlags.FlattenHierarchy,
        };
        foreach (Type type in new Type[] { typeof(Base), typeof(Derived), typeof(IShape), typeof(Abstract), typeof(Concrete), typeof(Small) })
        {
            foreach (BindingFlags f in flags)
            {
                Console.WriteLine(type.Name + " " + (int)f + ": " + List(type.GetMethods(f)));
                Console.WriteLine(type.Name + " " + (int)f + ": " + List(type.GetConstructors(f)));
            }
            Console.WriteLine(List(type.GetMethods()) + " " + List(type.GetConstructors()));
        }
        foreach (MethodInfo m in typeof(Values).GetMethods(BindingFlags.Static | BindingFlags.Public))
        {
            string line = (m.Name == "Maybe" || m.Name == "Out" ? "" : m + " ") + m.ReturnType.Name;
            foreach (ParameterInfo p in m.GetParameters())
                line += "; " + p.Position + " " + p.Name + " " + p.ParameterType.Name + " " + p.ParameterType.IsByRef + " " + p.Member.Name;
            Console.WriteLine(line);
        }
        Print(() => typeof(Base).GetMethod("None"), () => typeof(Base).GetMethod(null), () => typeof(Derived).GetMethod("Plain").DeclaringType.Name,
              () => typeof(Derived).GetMethod("Area").DeclaringType.Name, () => typeof(Base).GetMethod("Hidden"), () => typeof(Derived).GetMethod("Shared"),
              () => typeof(Base).GetMethod("Hidden", BindingFlags.NonPublic | BindingFlags.Instance).Name,
              () => typeof(Values).GetMethod("Int", new Type[] { typeof(int) }).Name, () => typeof(Values).GetMethod("Int", new Type[] { typeof(string) }),
              () => typeof(Values).GetMethod("Int", new Type[] { null }), () => typeof(Values).GetMethod("Int", (Type[])null),
              () => typeof(Base).GetConstructor(new Type[] { typeof(string) }).Name, () => typeof(Base).GetConstructor(new Type[] { typeof(double) }));
        Print(() => typeof(Base).GetMethod("Plain") == typeof(Base).GetMethod("Plain"), () => typeof(Base).GetMethod("Plain") != typeof(Base).GetMethod("Name"),
              () => typeof(Base).GetMethod("Plain").Equals(typeof(Base).GetMethod("Plain")), () => typeof(Base).MemberType, () => typeof(Base).GetMethod("Name").MemberType,
              () => typeof(List<int>[]).Name, () => typeof(int[,]).GetArrayRank(), () => typeof(int).GetArrayRank(), () => typeof(int[]).GetArrayRank());
        Print(() => Current(), () => new Generic<string>().Type(), () => MethodBase.GetCurrentMethod().IsStatic, () => Here<int>(), () => Here<string>());
    }

    static object Current()
    {
        MethodBase m = MethodBase.GetCurrentMethod();
        return m.Name + " " + (m == typeof(P).GetMethod("Current", BindingFlags.NonPublic | BindingFlags.Static)) + m.GetParameters().Length;
    }

    static object Here<T>() { return MethodBase.GetCurrentMethod().Name + MethodBase.GetCurrentMethod().IsGenericMethodDefinition; }

    static object Call(string name, params object[] arguments) { return typeof(Values).GetMethod(name).Invoke(null, arguments); }

    static void Calls()
    {
        Print(() => Call("Bool", true), () => Call("Char", 'a'), () => Call("SByte", (sbyte)5), () => Call("Byte", (byte)255), () => Call("Short", (short)7),
              () => Call("UShort", (ushort)65535), () => Call("Int", 8), () => Call("UInt", 9u), () => Call("Long", 1L << 40), () => Call("ULong", ulong.MaxValue),
              () => Call("Float", 3f), () => Call("Double", 5.0), () => Call("String", "s"), () => Call("Object", 3), () => Call("Object", new object[] { null }),
              () => Call("Enum", Color.Red), () => Call("Struct", new Small(6)), () => Call("Big", new Large { A = 1, B = 2, C = "c", D = 4.5 }),
              () => Call("Sum", new Reals { X = 1, Y = 2, Z = 4 }), () => Call("Maybe", 3), () => Call("Maybe", 5), () => Call("Maybe", new object[] { null }),
              () => ((int[])Call("Array", new int[] { 4 }))[0], () => ((Base)Call("Shape", new Base())).Text, () => Call("Money", 1.25m));
        Print(() => Call("Many", 1, 2L, 3.0, 4f, (byte)5, "six", new Large { B = 7 }, 8, new Small(9), null, (short)10, Color.Green));
        // Arguments that are none of their type; null is zero.
        Print(() => Call("Int", "s"), () => Call("Int", 3L), () => Call("Int", (short)-3), () => Call("Int", 'c'), () => Call("Int", new object[] { null }),
              () => Call("Long", 3), () => Call("Long", 3u), () => Call("Double", 3), () => Call("Double", 3f), () => Call("Float", 3), () => Call("ULong", (byte)3),
              () => Call("ULong", -3), () => Call("Char", (byte)65), () => Call("UShort", 'x'), () => Call("Byte", (sbyte)1), () => Call("Short", (byte)7),
              () => Call("String", 3), () => Call("String", new object[] { null }), () => Call("Big", new object[] { null }), () => Call("Big", 3),
              () => Call("Shape", "s"), () => Call("Maybe", "s"), () => Call("Enum", new object[] { null }), () => Call("Bool", 1), () => Call("Double", 3.5m));
        Print(() => Call("Int"), () => Call("Int", 1, 2), () => typeof(Values).GetMethod("Int").Invoke(null, null), () => typeof(Values).GetMethod("Int").Invoke("ignored", new object[] { 4 }));
        object[] all = { null, "s", new Large { A = 1, C = "kept" }, null, null, "o" };
        Print(() => Call("Out", all), () => all[0], () => all[1], () => all[2], () => all[3], () => all[4], () => all[5], () => Call("Out", all), () => all[3]);
        object[] parse = { "abc", null };
        Print(() => Call("TryParse", parse), () => parse[1], () => typeof(double).GetMethod("TryParse", new Type[] { typeof(string), typeof(double).GetMethod("TryParse", new Type[] { typeof(string) }) == null ? typeof(int) : typeof(int) }));
        Derived d = new Derived();
        Print(() => typeof(Base).GetMethod("Area").Invoke(d, new object[] { 3 }), () => typeof(Base).GetMethod("Area").Invoke(new Base(), new object[] { 3 }),
              () => typeof(IShape).GetMethod("Area").Invoke(d, new object[] { 4 }), () => typeof(Base).GetMethod("Name").Invoke(d, null), () => typeof(Base).GetMethod("Plain").Invoke(d, null),
              () => typeof(Derived).GetMethod("Plain").Invoke(d, null), () => typeof(Derived).GetMethod("Plain").Invoke(new Base(), null), () => typeof(Base).GetMethod("Plain").Invoke(null, null),
              () => typeof(Base).GetMethod("Plain").Invoke("s", null), () => typeof(Derived).GetMethod("Nothing").Invoke(d, new object[0]), () => Log,
              () => typeof(ISame<string>).GetMethod("Same").Invoke(d, new object[] { "ab" }), () => typeof(object).GetMethod("ToString").Invoke(d, null),
              () => typeof(object).GetMethod("ToString").Invoke(5, null), () => typeof(object).GetMethod("ToString").Invoke(new Small(3), null));
        Print(() => typeof(Base).GetMethod("Hidden", All).Invoke(d, null), () => typeof(Base).GetMethod("Family", All).Invoke(d, null), () => typeof(Base).GetMethod("Own", All).Invoke(null, null),
              () => d.GetType().GetMethod("Same").Invoke(d, new object[] { "x" }), () => typeof(Derived).GetMethod("Throw").Invoke(d, new object[] { "t" }),
              () => typeof(Derived).GetMethod("Fail").Invoke(null, null), () => typeof(Abstract).GetMethod("F").Invoke(new Concrete(), null));
        object box = new Small(1);
        Print(() => typeof(Small).GetMethod("Set").Invoke(box, new object[] { (byte)9 }), () => box, () => typeof(Small).GetMethod("Get").Invoke(box, null),
              () => typeof(Small).GetMethod("ToString").Invoke(box, null), () => typeof(Small).GetMethod("Get").Invoke(new Large(), null), () => typeof(int).GetMethod("CompareTo", new Type[] { typeof(int) }).Invoke(3, new object[] { 4 }),
              () => typeof(string).GetMethod("Substring", new Type[] { typeof(int) }).Invoke("hello", new object[] { 2 }), () => typeof(int).GetMethod("Parse", new Type[] { typeof(string) }).Invoke(null, new object[] { "12" }),
              () => typeof(int).GetMethod("Parse", new Type[] { typeof(string) }).Invoke(null, new object[] { "x" }));
        Two two = (a, b) => a - b;
        Print(() => typeof(Two).GetMethod("Invoke").Invoke(two, new object[] { 7, 3 }), () => two.GetType().GetMethod("Invoke").Invoke(two, new object[] { 7, 4 }),
              () => typeof(Func<string>).GetMethod("Invoke").Invoke((Func<string>)(() => "func"), null));
        Print(() => typeof(string[]).GetMethod("Set").Invoke(new string[2], new object[] { 1, "a" }), () => typeof(string[]).GetMethod("Get").Invoke(new string[] { "a", "b" }, new object[] { 1 }),
              () => typeof(int[,]).GetMethod("Get").Invoke(new int[,] { { 1, 2 }, { 3, 4 } }, new object[] { 1, 0 }), () => typeof(string[]).GetMethod("Get").Invoke(new string[1], new object[] { 1 }),
              () => typeof(string[][]).GetMethod("Get").Invoke(new string[1][], new object[] { 0 }), () => typeof(IEnumerable<string>).GetMethod("GetEnumerator").Invoke(new string[1], null) == null);
    }

    static void Constructors()
    {
        Print(() => ((Base)typeof(Base).GetConstructor(Type.EmptyTypes).Invoke(null)).Text, () => ((Base)typeof(Base).GetConstructor(new Type[] { typeof(string) }).Invoke(new object[] { "made" })).Text,
              () => ((Base)typeof(Base).GetConstructors(All)[0].Invoke(new object[0])).Text, () => ((Base)typeof(Base).GetConstructor(new Type[] { typeof(int), typeof(string[]) }).Invoke(new object[] { 3, new string[2] })).Text,
              () => typeof(Small).GetConstructor(new Type[] { typeof(byte) }).Invoke(new object[] { (byte)4 }), () => typeof(Abstract).GetConstructors(All)[0].Invoke(null),
              () => ((Generic<int>)typeof(Generic<int>).GetConstructor(new Type[] { typeof(int) }).Invoke(new object[] { 6 })).Field,
              () => ((Base)typeof(Base).GetConstructor(new Type[] { typeof(string) }).Invoke(new object[] { 3 })).Text, () => typeof(Base).GetConstructor(new Type[] { typeof(string) }).Invoke(null));
        Base existing = new Base("old");
        Print(() => typeof(Base).GetConstructor(new Type[] { typeof(string) }).Invoke(existing, new object[] { "again" }), () => existing.Text);
    }

    static void Generics()
    {
        Print(() => typeof(Generic<string>).GetMethod("Echo").Invoke(null, new object[] { 1, 2.0, "three" }), () => typeof(Generic<Large>).GetMethod("Echo").Invoke(null, new object[] { 1, 2.0, new Large { A = 3 } }),
              () => typeof(Generic<double>).GetMethod("Echo").Invoke(null, new object[] { 1, 2.0, 3.5 }), () => typeof(Generic<int>).GetMethod("Type").Invoke(new Generic<int>(), null),
              () => typeof(Generic<>).MakeGenericType(typeof(byte)).GetMethod("Type").Invoke(Activator.CreateInstance(typeof(Generic<>).MakeGenericType(typeof(byte))), null),
              () => typeof(Generic<>).GetMethod("Type").Name, () => typeof(Generic<>).GetMethod("Type").ContainsGenericParameters);
        MethodInfo kind = typeof(Methods).GetMethod("Kind"), two = typeof(Methods).GetMethod("Two");
        Print(() => kind.IsGenericMethodDefinition, () => kind.IsGenericMethod, () => kind.Invoke(null, null), () => kind.MakeGenericMethod(typeof(int)).Invoke(null, null),
              () => kind.MakeGenericMethod(new Type[] { typeof(string) }).Invoke(null, null), () => kind.MakeGenericMethod(typeof(Large)).IsGenericMethodDefinition, () => kind.MakeGenericMethod(typeof(Large)).GetGenericArguments()[0].Name,
              () => kind.MakeGenericMethod(null), () => kind.MakeGenericMethod(new Type[] { null }), () => typeof(Values).GetMethod("Int").MakeGenericMethod(typeof(int)),
              () => two.MakeGenericMethod(typeof(int), typeof(string)).Invoke(null, new object[] { 1, "b" }), () => two.MakeGenericMethod(new Type[] { typeof(Small), typeof(long?) }).Invoke(null, new object[] { new Small(2), null }),
              () => typeof(Methods).GetMethod("Same").MakeGenericMethod(typeof(long)).Invoke(new Methods(), new object[] { 1, 3 }), () => kind.MakeGenericMethod(typeof(int)) == kind.MakeGenericMethod(typeof(int)),
              () => kind.MakeGenericMethod(typeof(int)) == kind);
        Methods.Has<Reals>(null);
        Type argument = typeof(Reals?).GetGenericArguments()[0];
        MethodInfo has = typeof(Methods).GetMethod("Has");
        Print(() => has.MakeGenericMethod(argument).Invoke(null, new object[] { new Reals() }), () => has.MakeGenericMethod(argument).Invoke(null, new object[] { null }), () => has.MakeGenericMethod(typeof(int)).Invoke(null, new object[] { 4 }),
              () => typeof(Methods).GetMethod("Make").MakeGenericMethod(typeof(Small)).Invoke(null, null), () => typeof(Methods).GetMethod("Shape").MakeGenericMethod(typeof(Derived)).Invoke(null, new object[] { new Derived() }),
              () => typeof(Abstract).GetMethod("G").MakeGenericMethod(typeof(int)).Invoke(new Concrete(), new object[] { 8 }), () => typeof(Generic<int>).GetMethod("Pair").MakeGenericMethod(typeof(string)).Invoke(null, new object[] { 5, "u" }), () => Log);
    }

    [AttributeUsage(AttributeTargets.All, AllowMultiple = true)]
    class NoteAttribute : Attribute
    {
        public readonly string Text;
        public int Number;
        public string Name { get; set; }
        public Type Type;
        public object Any { get; set; }
        public int[] Numbers;
        public Color Color { get; set; }
        public double Real = 0.5;
        public NoteAttribute(string text) { Text = text; }
        public NoteAttribute(string text, params object[] all) { Text = text + ":" + Values(all); }
        public NoteAttribute(bool a, char b, sbyte c, byte d, short e, ushort f, int g, uint h, long i, ulong j, float k, double l, Color m, Type n, long[] o)
        {
            Text = a + " " + b + c + d + " " + e + f + " " + g + h + " " + i + j + " " + k + l + m + n.Name + Values(o);
        }
        static string Values(Array all)
        {
            if (all == null)
                return "null";
            string text = "";
            foreach (object o in all)
                text += (o is Array ? "[" + Values((Array)o) + "]" : o is Type ? ((Type)o).Name : Show(o)) + ",";
            return text;
        }
        public override string ToString() { return Text + "/" + Number + "/" + Name + "/" + (Type == null ? "" : Type.Name) + "/" + Show(Any) + "/" + Values(Numbers) + "/" + Color + "/" + Real; }
    }

    class MoreAttribute : NoteAttribute { public MoreAttribute() : base("more") { } }

    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Method, Inherited = false)]
    class OwnAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
    class OnceAttribute : Attribute { public int N; }

    class FailsAttribute : Attribute { public FailsAttribute() { throw new InvalidOperationException("fails"); } }

    [Note("on the class"), Own, Once(N = 1)]
    class Marked
    {
        [Obsolete("old")]
        public static void Old() { }
        [Note("zoë \u20ac \ud83d\ude00", Number = -5, Name = "name", Type = typeof(List<>), Any = 7, Numbers = new int[] { 1, -2 }, Color = Color.Green, Real = 2.25)]
        public virtual void One() { }
        [Note("a", null, 1, "s", Color.Blue, typeof(Marked), new object[] { 2L, 'x', new string[] { "p", null } }, true, (byte)3)]
        [Note(true, 'c', -3, 4, -5, 6, -7, 8, -9, 10, 1.5f, -2.5, Color.Blue, typeof(int), new long[] { 1L << 40 })]
        [More(Number = 3)]
        [Own, Once(N = 2)]
        public virtual void Two() { }
        [Note(null, Name = null, Type = null, Any = null, Numbers = null)]
        public static void Three() { }
        [Fails]
        public void Four() { }
        [Note("constructor")]
        public Marked() { }
        public virtual void Five() { }
    }

    [Once(N = 3)]
    class Inheriting : Marked
    {
        public override void One() { }
        [Note("override")]
        public override void Two() { }
        public new virtual void Five() { }
    }

    static string All2(object[] all)
    {
        List<string> texts = new List<string>();
        foreach (object o in all)
            texts.Add(o is NoteAttribute ? o.ToString() : o is OnceAttribute ? "once " + ((OnceAttribute)o).N : o.GetType().Name);
        texts.Sort(string.CompareOrdinal);
        return (all.GetType() == typeof(Attribute[]) ? "Object[]" : all.GetType().Name) + " " + string.Join("; ", texts.ToArray());
    }

    static void Attributes()
    {
        foreach (Type type in new Type[] { typeof(Marked), typeof(Inheriting) })
        {
            foreach (bool inherit in new bool[] { false, true })
            {
                Console.WriteLine(type.Name + " " + All2(type.GetCustomAttributes(inherit)) + All2(type.GetCustomAttributes(typeof(OnceAttribute), inherit))
                                  + type.IsDefined(typeof(OwnAttribute), inherit) + type.IsDefined(typeof(NoteAttribute), inherit));
                foreach (string name in new string[] { "One", "Two", "Five" })
                {
                    MethodInfo m = type.GetMethod(name, BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.Instance);
                    Console.WriteLine(name + " " + All2(m.GetCustomAttributes(inherit)) + " " + All2(m.GetCustomAttributes(typeof(NoteAttribute), inherit))
                                      + m.IsDefined(typeof(MoreAttribute), inherit) + m.IsDefined(typeof(Attribute), inherit));
                }
            }
        }
        Console.WriteLine(All2(typeof(Marked).GetMethod("Three").GetCustomAttributes(false)) + All2(typeof(Marked).GetConstructors()[0].GetCustomAttributes(false)));
        Print(() => typeof(Marked).GetMethod("Four").IsDefined(typeof(FailsAttribute), false), () => typeof(Marked).GetCustomAttributes(null, false).Length,
              () => ((ObsoleteAttribute)Attribute.GetCustomAttribute(typeof(Marked).GetMethod("Old"), typeof(ObsoleteAttribute))).Message,
              () => Attribute.GetCustomAttribute(typeof(Marked).GetMethod("Two"), typeof(NoteAttribute)), () => Attribute.GetCustomAttributes(typeof(Marked).GetMethod("Two"), typeof(NoteAttribute)).Length,
              () => typeof(Marked).GetCustomAttribute<OnceAttribute>().N, () => Attribute.IsDefined(typeof(Values), typeof(OnceAttribute)), () => typeof(Marked).GetMethod("One").GetCustomAttribute<NoteAttribute>(),
              () => new List<NoteAttribute>(typeof(Marked).GetMethod("Two").GetCustomAttributes<NoteAttribute>()).Count, () => ((NoteAttribute[])typeof(Marked).GetMethod("One").GetCustomAttributes(typeof(NoteAttribute), true)).Length);
        Print(() => typeof(Marked).GetMethod("Four").GetCustomAttributes(false));
    }

    class Bound
    {
        public string Name;
        public int? Number;
        public static int Twice(int n) { return 2 * n; }
        public static string Join(string a, string b) { return a + b; }
        public static Large Grow(Large l, int by) { l.A += by; return l; }
        public static T Echo<T>(T value) { return value; }
        public string Add(string s) { return Name + s; }
        public virtual string Kind() { return "bound " + Name; }
        public int? Get() { return Number; }
        public Large Make(int a) { return new Large { A = a, C = Name }; }
    }
    class Other : Bound { public override string Kind() { return "other " + Name; } }
    delegate Large OpenLarge(Bound b, int a);

    static D To<D>(object first, MethodInfo method) where D : class { return (D)(object)Delegate.CreateDelegate(typeof(D), first, method, false); }

    static void Delegates()
    {
        Bound b = new Bound { Name = "n", Number = 42 }, o = new Other { Name = "o" };
        Type type = typeof(Bound);
        Print(() => To<Func<int, int>>(null, type.GetMethod("Twice"))(4), () => To<Func<string, string, string>>(null, type.GetMethod("Join"))("a", "b"),
              () => To<Func<string, string>>("first", type.GetMethod("Join"))("b"), () => To<Func<string, object>>(null, type.GetMethod("Join"))("b"),
              () => To<Func<string, string>>(b, type.GetMethod("Add"))("x"), () => To<Func<Bound, string, string>>(null, type.GetMethod("Add"))(o, "y"),
              () => To<Func<string>>(o, type.GetMethod("Kind"))(), () => To<Func<Bound, string>>(null, type.GetMethod("Kind"))(o), () => To<Func<Other, object>>(null, type.GetMethod("Kind"))((Other)o),
              () => To<Func<Bound, int?>>(null, type.GetMethod("Get"))(b), () => To<Func<Bound, int?>>(null, type.GetMethod("Get"))(o), () => To<OpenLarge>(null, type.GetMethod("Make"))(b, 5),
              () => To<Func<int, Large>>(b, type.GetMethod("Make"))(6), () => To<Func<Large, int, Large>>(null, type.GetMethod("Grow"))(new Large { A = 1 }, 7));
        Print(() => To<Func<Bound, string>>(null, type.GetMethod("Kind"))(null), () => To<Func<int, string>>(null, type.GetMethod("Twice")), () => To<Func<long, int>>(null, type.GetMethod("Twice")),
              () => To<Func<string>>("s", type.GetMethod("Kind")), () => To<Func<object, string>>(null, type.GetMethod("Kind")), () => Delegate.CreateDelegate(typeof(Func<long>), type.GetMethod("Kind")),
              () => Delegate.CreateDelegate(null, type.GetMethod("Kind")), () => Delegate.CreateDelegate(typeof(Func<string>), null), () => Delegate.CreateDelegate(typeof(int), type.GetMethod("Kind")));
        Func<string> func = () => "A";
        Print(() => To<Func<Func<string>, string>>(null, func.GetType().GetMethod("Invoke"))(func), () => To<Func<string>>(func, typeof(Func<string>).GetMethod("Invoke"))(),
              () => To<Func<int, int>>(null, type.GetMethod("Echo").MakeGenericMethod(typeof(int)))(42), () => ((Func<int, int>)type.GetMethod("Twice").CreateDelegate(typeof(Func<int, int>)))(21));
        Func<int, int> both = (Func<int, int>)Delegate.Combine(To<Func<int, int>>(null, type.GetMethod("Twice")), To<Func<int, int>>(null, type.GetMethod("Echo").MakeGenericMethod(typeof(int))));
        Print(() => both(3), () => both.GetInvocationList().Length);
    }

    static void Main()
    {
        Delegates();
        Attributes();
        Names();
        Calls();
        Constructors();
        Generics();
    }
}

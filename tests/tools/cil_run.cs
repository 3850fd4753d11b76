// SPDX-License-Identifier: MIT
//
// Programs of C# in small: each method test_N_NAME must return N. tests/tools/test_cil_run.py runs
// them in mono, and with Halyard's core library as machine code and in the interpreter of the
// intermediate representation.
using System;
using System.Collections.Generic;
using System.Linq;
#if MONO
using System.Reflection;
#endif

struct Pair
{
    public int X;
    public long Y;
    public byte Z;
    public Pair(int x, long y) { X = x; Y = y; Z = 7; }
    public long Sum() { return X + Y + Z; }
    public override int GetHashCode() { return X * 3; }
}

struct Big
{
    public long A, B, C, D, E, F, G, H, I, J;
    public object O;
    public static Big Make(long n) { Big b = new Big(); b.A = n; b.J = n + 9; b.O = "big"; return b; }
    public Big Next() { Big b = this; b.A++; b.J++; return b; }
}

interface IShape { int Area(); int Twice(int k); }
interface IName { string Name(); }

abstract class Shape : IShape
{
    public static int Made;
    protected int w;
    public Shape(int w) { this.w = w; Made++; }
    public abstract int Area();
    public virtual int Twice(int k) { return 2 * Area() + k; }
}

class Square : Shape, IName
{
    public Square(int w) : base(w) { }
    public int Own() { return w; }
    public override int Area() { return w * w; }
    string IName.Name() { return "square"; }
    public string Name() { return "no"; }
}

sealed class Rect : Shape
{
    int h;
    public Rect(int w, int h) : base(w) { this.h = h; }
    public override int Area() { return w * h; }
    public override int Twice(int k) { return base.Twice(k) + 1; }
}

struct Counter : IShape, IDisposable
{
    public int N;
    public int Area() { return ++N; }
    public int Twice(int k) { return N * 2 + k; }
    public void Dispose() { Tests.log = Tests.log * 10 + 5; }
}

class Stack<T>
{
    T[] items = new T[2];
    int count;
    public static int Pushes;
    public void Push(T t)
    {
        if (count == items.Length) {
            T[] more = new T[2 * count];
            for (int n = 0; n < count; n++) more[n] = items[n];
            items = more;
        }
        items[count++] = t;
        Pushes++;
    }
    public T Pop() { return items[--count]; }
    public int Count { get { return count; } }
}

class Lazy { public static int Value = Tests.Step(3); static Lazy() { Tests.Step(4); } }

class Node { public Node left, right; public int value; }

enum Color : byte { Red, Green = 5, Blue }

delegate int Operation(int a, int b);

static class Extensions
{
    public static int Twice(this string s) { return s == null ? 0 : 2 * s.Length; }
    public static int Plus(this string s, int n) { return s.Length + n; }
}

class MyEx : Exception { public int code; public MyEx(int c) { code = c; } }

static class Tests
{
    public static int log;
    static int[] table = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    public static int Step(int n) { log = log * 10 + n; return n; }

    static int test_45_array_of_constants() { int s = 0; foreach (int n in table) s += n; return s; }
    static int test_64_structs_are_copies()
    {
        Pair p = new Pair(5, 50), q = p;
        q.X++;
        Pair[] all = new Pair[3];
        all[1] = q;
        all[1].Y++;
        return p.Sum() == 62 && all[0].Sum() == 0 ? (int)all[1].Sum() : 0;
    }
    static int test_31_large_structs()
    {
        Big[] all = { Big.Make(1), Big.Make(2).Next().Next() };
        Big copy = all[1];
        all[1].J = 0;
        object boxed = copy;
        return (int)(all[0].A + copy.A + copy.J + ((Big)boxed).J + (((Big)boxed).O == (object)"big" ? 0 : 100));
    }
    static int test_51_virtual_and_interface_calls()
    {
        Shape[] shapes = { new Square(3), new Rect(3, 2) };
        int sum = 0;
        foreach (IShape s in shapes) sum += s.Area() + s.Twice(3) - (s is Rect ? 2 : 0);
        return sum + 4 - 1 - 2;
    }
    static int test_6_explicit_implementation() { object o = new Square(1); return ((IName)o).Name().Length; }
    static int test_3_interface_of_a_struct()
    {
        Counter c = new Counter();
        c.Area();
        IShape s = c;
        s.Area();
        s.Area();
        return c.N + s.Twice(0) - 4;
    }
    static int Use<T>(ref T t) where T : IShape { t.Area(); return t.Twice(1); }
    static int test_5_constrained_calls() { Counter c = new Counter { N = 1 }; int k = Use(ref c); return k == 5 && c.N == 2 ? k : 0; }
    static int test_27_generics()
    {
        var a = new Stack<Pair>();
        var b = new Stack<string>();
        var c = new Stack<object>();
        for (int n = 0; n < 5; n++) { a.Push(new Pair(n, n)); b.Push("x"); }
        c.Push(b);
        int top = (int)a.Pop().Sum();
        return top + a.Count + b.Count + Stack<object>.Pushes + Stack<Pair>.Pushes - 3 + (c.Pop() is Stack<string> ? 0 : 50);
    }
    static int test_104_boxes()
    {
        object o = 4, p = new Pair(1, 2);
        int sum = (int)o + (p is Pair ? 100 : 0);
        if (p is Shape || o is long || !(o is int)) sum = 0;
        return ((Pair)p).Y == 2 && p.GetHashCode() == 3 ? sum : 0;
    }
    static int test_5_enumerations() { object o = Color.Green; return (byte)(Color)o + (o is byte ? 100 : 0); }
    static int test_6_unboxing_an_enumeration() { object o = Color.Blue; return (byte)o; }
    static int test_105_strings() { string s = "hello"; return s.Length - 4 + s[3] - ("a" == (object)"a" ? 4 : 0); }
    static void Swap(ref int a, ref int b) { int t = a; a = b; b = t; }
    static int test_29_references() { int a = 9, b = 2; Swap(ref a, ref b); return a * 10 + b; }
    static ref int Find(int[] all, int n) { return ref all[n]; }
    static int test_42_returned_references() { int[] a = new int[3]; Find(a, 1) = 42; return a[1]; }
    static int test_0_out() { int v; return Try("12", out v) && v == 12 ? 0 : 1; }
    static bool Try(string s, out int v) { v = 0; foreach (char c in s) v = v * 10 + c - '0'; return s.Length > 0; }
    static int test_34_static_initialisers() { log = 0; int v = Lazy.Value; return log + v - 3; }
    static int test_1234_finally()
    {
        log = 0;
        for (int n = 0; n < 3; n++) {
            try { if (n == 1) continue; Step(n == 0 ? 1 : 3); if (n == 2) break; }
            finally { if (n != 2) Step(2); }
            if (n == 0) log = 1;
        }
        log = 0;
        return Nested(1) + log;
    }
    static int Nested(int n)
    {
        try {
            try { Step(1); if (n == 1) return 0; Step(9); }
            finally { Step(2); }
        } finally { try { Step(3); } finally { Step(4); } }
        return 1;
    }
    static int test_15_using() { log = 0; using (Counter c = new Counter()) Step(1); return log; }
    static int test_17_delegates()
    {
        int captured = 10;
        Operation add = (a, b) => a + b + captured;
        Operation mul = Multiply;
        Func<int> self = new Square(1).Area;
        return add(1, 2) + mul(1, 3) + self();
    }
    static int Multiply(int a, int b) { return a * b; }
    static int Bind(Square s, string text)
    {
        try { Func<int> f = s.Own; f = text.Twice; return f(); }
        catch (ArgumentException) { return 20; }
    }
    static int test_47_objects_of_delegates()
    {
        Func<int, int> plus = "abcd".Plus;
        return Bind(null, "a") + Bind(new Square(1), "abc") + Bind(new Square(1), null) + plus(17);
    }
    static Node Make(int depth)
    {
        if (depth == 0) return null;
        return new Node { left = Make(depth - 1), right = Make(depth - 1), value = depth };
    }
    static int Sum(Node n) { return n == null ? 0 : n.value + Sum(n.left) + Sum(n.right); }
    static int test_1013_trees() { return Sum(Make(9)); }
    static int test_6_jagged() { int[][] a = { new[] { 1 }, new[] { 2, 3 } }; return a[0][0] + a[1][0] + a[1][1]; }
    static int test_1_covariance() { object[] a = new string[] { "x" }; return a is object[] && a is string[] && !((object)a is int[]) ? a.Length : 0; }
    static int test_48_arrays_of_other_numbers()
    {
        object b = new bool[1], c = new char[1], i = new int[1], s = new short[1], e = new Color[1];
        return (b is sbyte[] ? 1 : 0) + (b is byte[] ? 2 : 0) + (c is short[] ? 4 : 0) + (c is ushort[] ? 8 : 0) +
               (i is uint[] ? 16 : 0) + (s is ushort[] && e is byte[] ? 32 : 0);
    }
    static int test_3_coalesce() { string s = null; object o = s ?? "abc"; return ((string)o).Length; }
    static int test_7_dup() { int a = 3; int b = a++ + a; return b; }

    static int Exact(object o) { try { return (int)(Color?)o; } catch (InvalidCastException) { return 0; } }
    static object Box<T>(T t) { return t; }
    static int test_22_nullable()
    {
        int? none = null, one = 1;
        Pair? pair = new Pair(2, 3);
        object a = none, b = one, c = pair;
        int? back = (int?)b, nothing = (int?)a;
        Pair? p = c as Pair?;
        return (a == null ? 1 : 0) + (b is int ? 2 : 0) + (int)b + (int)p.Value.Sum() - 8 + (back.HasValue ? 4 : 0) +
               (nothing.HasValue ? 100 : 0) + Exact(5) + (Box(one) is int? ? 10 : 0) + (Box(none) == null ? 0 : 50) - (a is int? ? 50 : 0);
    }

    static int test_110_matrices()
    {
        int[,] a = { { 1, 2, 3 }, { 4, 5, 6 } };
        string[,,] s = new string[2, 3, 4];
        Pair[,] p = new Pair[3, 3];
        int sum = 0;
        for (int i = 0; i < 2; i++) for (int j = 0; j < 3; j++) { s[i, j, 3] = "ab"; sum += a[i, j] * (i + 1); }
        p[2, 1].X = 40;
        p[1, 2] = p[2, 1];
        p[1, 2].Y += 2;
        Swap(ref a[0, 0], ref a[1, 2]);
        sum += s[1, 2, 3].Length + (s[1, 2, 2] == null ? 1 : 0) + (int)p[1, 2].Sum() + a[0, 0] * 4 + p[1, 1].X;
        try { a[1, 3] = 1; sum = 0; } catch (IndexOutOfRangeException) { sum += 1; }
        try { a[log * 0 - 1, 0] = 1; sum = 0; } catch (IndexOutOfRangeException) { sum += 1; }
        try { object[,] o = new string[1, 1]; o[0, 0] = new object(); sum = 0; } catch (ArrayTypeMismatchException) { sum += 1; }
        try { a = new int[1, -1 - log * 0]; sum = 0; } catch (OverflowException) { sum += 1; }
        try { a = new int[int.MaxValue - log * 0, int.MaxValue]; sum = 0; } catch (OutOfMemoryException) { sum += 1; }
        return sum;
    }

    // Exceptions.
    static int test_5_catch() { try { throw new MyEx(5); } catch (MyEx e) { return e.code; } }
    static int Thrower(int n) { if (n > 0) throw new MyEx(n); return 1; }
    static int test_7_through_calls() { try { return Thrower(0) + Thrower(7); } catch (MyEx e) { return e.code; } }
    static int test_2_order() { try { Thrower(1); } catch (InvalidCastException) { return 1; } catch (Exception) { return 2; } return 3; }
    static int test_123_finally_runs() { log = 0; try { try { Step(1); Thrower(1); Step(9); } finally { Step(2); } } catch (MyEx) { Step(3); } return log; }
    static int test_1_null() { string s = log > 1000000000 ? "x" : null; try { return s.Length; } catch (NullReferenceException) { return 1; } }
    static int test_2_index() { try { table[log * 0 + 9] = 1; return 0; } catch (IndexOutOfRangeException) { return 2; } }
    static int test_3_cast() { object o = "x"; try { return ((MyEx)o).code; } catch (InvalidCastException) { return 3; } }
    static int test_4_divide() { int z = log * 0; try { return 1 / z; } catch (DivideByZeroException) { return 4; } }
    static int test_6_overflow() { int m = int.MinValue + log * 0, n = -1; try { return m / n; } catch (OverflowException) { } try { return checked(m - 1); } catch (OverflowException) { return 6; } }
    static int test_9_negative() { try { return new int[-1 - log * 0].Length; } catch (OverflowException) { return 9; } }
    static int test_12_rethrow() { log = 0; try { try { Thrower(3); } catch (MyEx) { Step(1); throw; } } catch (MyEx e) { Step(e.code - 1); } return log; }
    static int test_1324_nested() { log = 0; try { try { try { Thrower(1); } finally { Step(1); try { Thrower(2); } catch (MyEx) { Step(3); } } } finally { Step(2); } } catch (MyEx e) { Step(3 + e.code); } return log; }
    static int test_10_locals() { int x = 1; try { x = 10; Thrower(1); x = 20; } catch (MyEx) { return x; } return 0; }
    static int test_45_loop() { int s = 0; for (int i = 0; i < 10; i++) { try { if (i % 2 == 0) throw new MyEx(i); s += i; } catch (MyEx e) { s += e.code; continue; } finally { log++; } } return s; }
    static int test_3_finally_replaces() { try { try { Thrower(1); } finally { Thrower(3); } } catch (MyEx e) { return e.code; } return 0; }
    struct Three { public long a, b, c; }
    static Three MakeThree(int n) { Thrower(n); return new Three { a = 1, b = 2, c = 3 }; }
    static int test_6_struct() { Three b = MakeThree(0); try { b = MakeThree(1); } catch (MyEx) { return (int)(b.a + b.b + b.c); } return 0; }
    static int test_8_in_handler() { try { try { Thrower(1); } catch (MyEx) { Thrower(8); } } catch (MyEx e) { return e.code; } return 0; }
    static int test_4_store() { object[] o = new string[1]; try { o[0] = new MyEx(1); } catch (ArrayTypeMismatchException) { return 4; } return 0; }
    static int Deep(int n) { try { return n == 0 ? Thrower(6) : Deep(n - 1); } finally { log++; } }
    static int test_107_deep() { log = 0; try { Deep(100); } catch (MyEx e) { return log + e.code; } return 0; }

    // Floats: checked conversions and remainders.
    static bool log0 = false;
    static double D(double d) { return log0 ? 0 : d; }
    static bool Ov(double d, int k) { try { checked { switch (k) { case 0: return (int)d == 0 && false; case 1: return (uint)d == 0 && false; case 2: return (long)d == 0 && false; case 3: return (ulong)d == 0 && false; case 4: return (sbyte)d == 0 && false; default: return (ushort)d == 0 && false; } } } catch (OverflowException) { return true; } }
    static int test_0_checked() {
      double[] bad = { 2147483648.0, -2147483649.0, double.NaN, double.PositiveInfinity };
      foreach (double d in bad) if (!Ov(d, 0)) return 1;
      if (Ov(2147483647.9, 0) || Ov(-2147483648.9, 0)) return 2;
      if (!Ov(-1.0, 1) || Ov(-0.9, 1) || Ov(4294967295.9, 1) || !Ov(4294967296.0, 1)) return 3;
      if (!Ov(9223372036854775808.0, 2) || Ov(-9223372036854775808.0, 2) || !Ov(-9223372036854777856.0, 2)) return 4;
      if (Ov(9223372036854775808.0, 3) || !Ov(18446744073709551616.0, 3) || !Ov(-1.0, 3)) return 5;
      if (Ov(127.9, 4) || !Ov(128.0, 4) || Ov(-128.9, 4) || !Ov(-129.0, 4)) return 6;
      if (Ov(65535.5, 5) || !Ov(65536.0, 5) || !Ov(-1.0, 5)) return 7;
      return 0;
    }
    static int test_0_remainder() {
      if (D(5.5) % 2.0 != 1.5 || D(-5.5) % 2 != -1.5 || D(1e300) % 3.7 != 1e300 % D(3.7)) return 1;
      if (D(5e-324) % 3 != 5e-324 || D(1e-310) % 5e-324 != 0 || D(1e-300) % 3e-310 == 0) return 2;
      if (!double.IsNaN(D(1) % 0) || !double.IsNaN(double.PositiveInfinity % D(2)) || D(3) % double.PositiveInfinity != 3) return 3;
      float f = (float)D(7.25); if (f % 2f != 1.25f) return 4;
      return 0;
    }

    // Virtual methods with type parameters, types as objects.
    interface IVisitor { string Visit<T>(T value); }
    class Names : IVisitor { public virtual string Visit<T>(T value) { return typeof(T).Name + ":" + value; } }
    class Loud : Names { public override string Visit<T>(T value) { return base.Visit(value) + "!" + (typeof(T) == typeof(int)); } }
    struct Both<A, B> { }
    static string NameOf<T>(T value) { return value.GetType().Name; }
    static int test_0_generic_virtual()
    {
        IVisitor[] all = { new Names(), new Loud() };
        string found = "";
        foreach (IVisitor v in all) found += v.Visit(3) + " " + v.Visit("x") + " " + v.Visit<object>(null) + " ";
        Names n = new Loud();
        return found + n.Visit('c') == "Int32:3 String:x Object: Int32:3!True String:x!False Object:!False Char:c!False" ? 0 : 1;
    }
    static int test_0_types()
    {
        object o = 5;
        if (o.GetType() != typeof(int) || o.GetType() == typeof(long) || "s".GetType().ToString() != "System.String") return 1;
        if (NameOf(7) + NameOf("a") != "Int32String" || NameOf(new Both<int, string>()).Length != 6) return 2;
        return new int[2].GetType().Name == "Int32[]" ? 0 : 3;
    }

    // Delegates of several methods: each gets its own copy of a struct; an exception ends the calls.
    struct Parcel { public long a, b, c; public string s; }
    delegate int Counting(string s, ref int n);
    delegate Parcel Changer(Parcel p);
    class Bell { public event Action<int> Rings; public void Ring(int n) { if (Rings != null) Rings(n); } }
    static long changed;
    static int CountOne(string s, ref int n) { n += s.Length; return 1; }
    static int CountTwo(string s, ref int n) { n *= 2; return 2 + s.Length; }
    static Parcel Change(Parcel p) { p.a++; p.s += "x"; changed += p.a; return p; }
    static int test_0_multicast()
    {
        int n = 1;
        Counting c = CountOne; c += CountTwo; c += CountOne; c += CountTwo;
        if (c("abc", ref n) != 5 || n != 22 || c.GetInvocationList().Length != 4) return 1;
        c -= CountOne; c -= CountTwo;
        if (c("abc", ref n) != 5 || n != 50 || c.GetInvocationList().Length != 2) return 2;
        Changer all = Change; all += Change; all += Change;
        changed = 0;
        Parcel p = all(new Parcel { a = 5, s = "q" });
        if (p.a != 6 || p.s != "qx" || changed != 18) return 3;
        Bell bell = new Bell(); string log = "";
        Action<int> f = k => log += "f" + k, g = k => log += "g" + k;
        bell.Rings += f; bell.Rings += g; bell.Ring(1); bell.Rings -= f; bell.Ring(2); bell.Rings -= g; bell.Ring(3);
        if (log != "f1g1g2" || f == g) return 4;
        Action stops = () => { log += "1"; }; stops += () => { throw new MyEx(7); }; stops += () => { log += "3"; };
        try { stops(); } catch (MyEx e) { return e.code == 7 && log == "f1g1g21" ? 0 : 5; }
        return 6;
    }

    // LINQ, whose iterators jump into loops; sets, queues, stacks.
    static string Text<T>(IEnumerable<T> all) { string s = ""; foreach (T t in all) s += (s == "" ? "" : ",") + t; return s; }
    static int test_0_linq()
    {
        int[] n = { 5, 3, 8, 1, 3, 9, 2 };
        string[] w = { "pear", "fig", "apple", "kiwi", "plum", "date" };
        if (Text(n.Where(x => x > 2).Select(x => x * x)) != "25,9,64,9,81" || n.Sum() != 31 || n.Max() != 9 || n.Count(x => x == 3) != 2) return 1;
        if (Text(w.OrderBy(x => x.Length).ThenBy(x => x)) != "fig,date,kiwi,pear,plum,apple" || Text(n.OrderByDescending(x => x)) != "9,8,5,3,3,2,1") return 2;
        string groups = "";
        foreach (var g in w.GroupBy(x => x.Length)) groups += g.Key + ":" + Text(g) + " ";
        if (groups != "4:pear,kiwi,plum,date 3:fig 5:apple ") return 3;
        if (Text(Enumerable.Range(1, 10).Skip(2).Take(5).Reverse()) != "7,6,5,4,3" || Text(n.Zip(w, (a, b) => a + b).Take(2)) != "5pear,3fig") return 4;
        if (Text(w.SelectMany(x => x.Substring(0, 2))) != "p,e,f,i,a,p,k,i,p,l,d,a" || n.FirstOrDefault(x => x > 50) != 0 || n.Last() != 2) return 5;
        if (Text(from x in w where x.Length == 4 orderby x select x.ToUpper()) != "DATE,KIWI,PEAR,PLUM" || !n.Contains(8) || n.All(x => x > 1)) return 6;
        HashSet<string> set = new HashSet<string>(w);
        if (set.Add("fig") || !set.Add("lime") || set.Count != 7) return 7;
        Queue<int> queue = new Queue<int>(); var stack = new System.Collections.Generic.Stack<int>();
        foreach (int x in n) { queue.Enqueue(x); stack.Push(x); }
        queue.Dequeue(); queue.Enqueue(7); stack.Pop();
        return Text(queue) + " " + Text(stack) == "3,8,1,3,9,2,7 9,3,1,8,3,5" ? 0 : 8;
    }

    // Enumerations and structs have equality, hash codes and text without methods of their own.
    [Flags] enum Bits : byte { None = 0, Low = 1, Middle = 2, High = 128 }
    enum Signed : long { Least = long.MinValue, Minus = -1, One = 1, Uno = 1 }
    struct Named { public int n; public string name; public double d; public Pair pair; }
    static Named Name(int n, string s) { return new Named { n = n, name = "x" + s, d = 0.5, pair = new Pair(n, 2) }; }
    static int test_0_values()
    {
        object a = Bits.High, b = Bits.High, c = (byte)128;
        if (!a.Equals(b) || a.Equals(c) || a.Equals(Bits.Low) || a.GetHashCode() != b.GetHashCode()) return 1;
        if (Bits.High.ToString() != "High" || (Bits.Low | Bits.High).ToString() != "Low, High" || ((Bits)4).ToString() != "4") return 2;
        if (!(Bits.Low | Bits.High).HasFlag(Bits.High) || Bits.Low.HasFlag(Bits.High) || Bits.None.ToString() != "None") return 3;
        if (Signed.Minus.ToString() != "Minus" || ((Signed)(-2)).ToString() != "-2" || Signed.Least.CompareTo(Signed.One) >= 0) return 4;
        var byKey = new Dictionary<Signed, string>();
        byKey[Signed.Minus] = "minus"; byKey[Signed.One] = "one"; byKey[(Signed)1] = "uno";
        if (byKey.Count != 2 || byKey[Signed.One] != "uno") return 5;
        object x = Name(1, "y"), y = Name(1, "y"), other = Name(1, "z");
        if (!x.Equals(y) || x.Equals(other) || x.Equals(Name(2, "y")) || x.Equals(null) || x.GetHashCode() != y.GetHashCode()) return 6;
        if (Comparer<int>.Default.Compare(2, 3) >= 0 || Comparer<string>.Default.Compare("b", "a") <= 0) return 7;
        int? none = null, five = 5;
        return five.Equals(5) && !none.Equals(5) && none.ToString() == "" && five.ToString() == "5" && none.GetHashCode() == 0 ? 0 : 8;
    }

    static bool Near(double a, double b) { return Math.Abs(a - b) <= 4e-16 * Math.Abs(b); }
    static int test_0_functions_of_floats()
    {
        if (!Near(Math.Sin(1), 0.8414709848078965) || !Near(Math.Sin(-100000.5), 0.4477465716572126) || Math.Sin(0) != 0) return 1;
        if (!Near(Math.Cos(1), 0.5403023058681398) || !Near(Math.Cos(22), -0.9999608263946371) || Math.Cos(0) != 1) return 2;
        if (!Near(Math.Tan(1), 1.5574077246549023) || !Near(Math.Atan(0.3), 0.2914567944778671) || !Near(Math.Atan(-7), -1.4288992721907328)) return 3;
        if (!Near(Math.Atan(1.0), Math.PI / 4) || Math.Atan(Double.PositiveInfinity) != Math.PI / 2) return 4;
        if (!Near(Math.Atan2(-1, -1), -3 * Math.PI / 4) || !Near(Math.Atan2(1, -2), 2.677945044588987) || Math.Atan2(0, -1) != Math.PI) return 5;
        if (!Near(Math.Exp(1), Math.E) || !Near(Math.Exp(-20.5), 1.2501528663867426e-09) || Math.Exp(710) != Double.PositiveInfinity || Math.Exp(-746) != 0) return 6;
        if (!Near(Math.Log(10), 2.302585092994046) || !Near(Math.Log(5e-324), -744.4400719213812) || !Double.IsNaN(Math.Log(-1))) return 7;
        if (Math.Pow(2, 10) != 1024 || Math.Pow(-2, -3) != -0.125 || !Near(Math.Pow(2, 0.5), 1.4142135623730951) || !Double.IsNaN(Math.Pow(-2, 0.5))) return 8;
        return Double.IsNaN(Math.Sin(Double.PositiveInfinity)) && Math.Round(2.75) == 3 && Math.Sqrt(16) == 4 ? 0 : 9;
    }

#if MONO
    static int Main()
    {
        foreach (MethodInfo m in typeof(Tests).GetMethods(BindingFlags.Static | BindingFlags.NonPublic)) {
            if (!m.Name.StartsWith("test_")) continue;
            int found = (int)m.Invoke(null, null);
            if (found != int.Parse(m.Name.Split('_')[1])) { Console.WriteLine(m.Name + ": " + found); return 1; }
        }
        return 0;
    }
#endif
}

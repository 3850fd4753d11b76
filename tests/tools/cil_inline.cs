// SPDX-License-Identifier: MIT
//
// Short methods, which are inlined: mono prints the same.
using System;
using System.Runtime.CompilerServices;

class Top {
    protected int top = 3;
    public string Note { get; set; }
    public Top() { Note = "made"; }
    public int TopValue { get { return top; } }
    public virtual int Level() { return 1; }
    public void Nothing() { }
}

class Middle : Top {
    public long wide = 1L << 40;
    public override int Level() { return 2; }
    public int Lower() { return base.Level(); }
    public int Both() { return TopValue + Lower(); }
}

class Low : Middle {
    public double real;
    public Pair pair;
    public override int Level() { return 4; }
    public Pair Pair { get { return pair; } set { pair = value; } }
    public double Real { get { return real; } set { real = value; } }
}

struct Pair {
    public int a;
    public Top b;
    public Pair(int a, Top b) { this.a = a; this.b = b; }
    public int A { get { return a; } set { a = value; } }
    public Top B { get { return b; } }
    public void Add(int n) { a += n; }
}

class Box<T> {
    T value;
    public Box(T value) { this.value = value; }
    public T Value { get { return value; } set { this.value = value; } }
    public static U Same<U>(U u) { return u; }
}

static class Started {
    public static int count;
    static Started() { Console.WriteLine("Started starts"); count = 10; }
    public static int Twice(int n) { return n + n; }
}

class Circle {
    public int n;
    public int First { get { return Second; } }
    public int Second { get { return First; } }
}

static class P {
    static int calls;
    static int Next() { calls++; return calls; }
    static int Square(int n) { return n * n; }
    static int Minus(int x, int y) { return x - y; }
    static byte Sum(byte x, byte y) { return (byte)(x + y); }
    static sbyte Low8(int n) { return (sbyte)n; }
    static short Low16(long n) { return (short)n; }
    static char Letter(int n) { return (char)(n + 'a'); }
    static bool IsLess(int x, int y) { return x < y; }
    static float Product(float x, float y) { return x * y; }
    static uint Rotated(uint n) { return n << 7 | n >> 25; }
    static long Wide(int n) { return n; }
    static ulong Unsigned(uint n) { return n; }
    static int Truncated(double d) { return (int)d; }
    static string Null() { return null; }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Called(int n) { return n + 1; }

    static void Numbers() {
        Console.WriteLine(Square(Next()) + Square(Next()) + " after " + calls);
        Console.WriteLine(Minus(Next(), Next()) + " " + Minus(Minus(9, 2), Minus(4, 1)));
        Console.WriteLine(Sum(200, 100) + " " + Low8(0x1ff) + " " + Low16(0x12348765) + " " + Letter(3) + " " + IsLess(-1, 1));
        Console.WriteLine(float.IsInfinity(Product(1e30f, 1e30f)) + " " + Rotated(0x80000001) + " " + Wide(-5) + " " + Unsigned(4000000000));
        Console.WriteLine(Truncated(-7.9) + " " + (Null() == null) + " " + Called(1) + " " + checked(Square(40000 / 2)));
    }

    static void Objects() {
        Low low = new Low { Real = 0.5, Note = "changed" };
        Top top = low;
        low.Nothing();
        low.Pair = new Pair(5, low);
        Pair copy = low.Pair;
        copy.A += 10;
        copy.Add(100);
        Console.WriteLine(low.Pair.A + " " + copy.A + " " + ReferenceEquals(copy.B, low) + " " + low.Pair.B.Note);
        Console.WriteLine(top.Level() + " " + low.Lower() + " " + low.Both() + " " + low.TopValue + " " + low.wide + " " + low.Real);
        var text = new Box<string>("one");
        var pair = new Box<Pair>(copy);
        var small = new Box<byte>(255) { Value = Sum(255, 3) };
        text.Value = text.Value + "two";
        Console.WriteLine(text.Value + " " + pair.Value.A + " " + small.Value + " " + Box<int>.Same(7L) + " " + Box<int>.Same("seven"));
        Func<int, int> square = Square;
        Func<Pair> get = () => low.Pair;
        Console.WriteLine(square(12) + " " + get().A + " " + typeof(P).Name);
    }

    static Top Absent() { return null; }

    static string Failed(Func<object> f) {
        try {
            return "" + f();
        } catch (NullReferenceException) {
            return "null";
        }
    }

    static void Nulls() {
        Low low = null;
        Circle circle = new Circle { n = 6 };
        Console.WriteLine(Failed(() => Absent().Note) + " " + Failed(() => low.Pair) + " " + Failed(() => low.Both()) + " " + Failed(() => circle.n));
        try {
            low.Real = Next();
        } catch (NullReferenceException) {
            Console.WriteLine("null after " + calls);
        }
        if (circle.n == 0)
            Console.WriteLine(circle.First);
    }

    // Each object is only reachable from the last one, and is stored by a short method.
    static int Kept() {
        Box<object> first = new Box<object>(null), last = first;
        for (int n = 0; n < 400; n++) {
            Box<object> next = new Box<object>(new int[10]);
            object[] filler = new object[20];
            filler[n % 20] = next.Value;
            next.Value = last;
            last = next;
        }
        int count = 0;
        for (object at = last; at != null; at = ((Box<object>)at).Value)
            count++;
        return count;
    }

    static int Main() {
        Numbers();
        Objects();
        Nulls();
        Console.WriteLine("before");
        Console.WriteLine(Started.Twice(4) + " " + Started.count);
        Console.WriteLine(Kept());
        return 21;
    }
}

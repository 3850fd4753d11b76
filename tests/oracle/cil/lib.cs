// SPDX-License-Identifier: MIT
//
// What the random programs of scripts/lib/cilgen.py use besides the core library: types and methods with type parameters,
// which are in another assembly than their arguments, and checksums of values. The checksum of a float that is no number is
// always the same: which of its bits are set is not specified.
using System;
using System.Collections.Generic;

public interface IHash { long Hash(); }
public interface IGet<out T> { T Get(); }
public delegate R Fn<A, R>(A a);
public delegate R Fn2<A, B, R>(A a, B b);

public class Oops : Exception {
    public long n;
    public Oops(long n) { this.n = n; }
}

public class G<T> : IGet<T>, IHash {
    public T value;
    public static T last;
    public static int count;
    public G(T v) { value = v; last = v; count++; }
    public virtual T Get() { return value; }
    public T Set(T v) { T old = value; value = v; return old; }
    public T[] Three(T v) { return new T[] {value, v, last}; }
    public virtual long Hash() { return Lib.Any(value) * 3 + count; }
}
public class H<T> : G<T> {
    public H(T v) : base(v) { }
    public override T Get() { T old = value; value = last; return old; }
    public override long Hash() { return base.Hash() + 1; }
}
public struct P<T, U> : IHash {
    public T a;
    public U b;
    public P(T x, U y) { a = x; b = y; }
    public P<U, T> Swap() { return new P<U, T>(b, a); }
    public T Put(T x) { T old = a; a = x; return old; }
    public long Hash() { return Lib.Any(a) * 5 + Lib.Any(b); }
}

public static class Lib {
    public static int fuel;
    public static long sum;

    public static bool Spend() { return --fuel >= 0; }
    public static void Mix(long n) { sum = sum * 31 + n; }
    public static void Start(int amount) { fuel = amount; sum = 17; }
    static void Print(int seed, int method, string what) { Console.WriteLine(seed.ToString() + " " + method.ToString() + " " + what); }
    public static void End(int seed, int method, long n) { Print(seed, method, (n * 31 + sum).ToString()); }
    public static void Caught(int seed, int method, Exception e) { Print(seed, method, e.GetType().Name + " " + (Thrown(e) * 31 + sum).ToString()); }

    public static T Pick<T>(int n, T a, T b) { return (n & 1) == 0 ? a : b; }
    public static void Swap<T>(ref T a, ref T b) { T c = a; a = b; b = c; }
    public static ref T At<T>(T[] a, int n) { return ref a[n & (a.Length - 1)]; }
    public static T[] Fill<T>(T[] a, T v) { for (int n = 0; n < a.Length; n++) a[n] = v; return a; }
    public static T[,] Both<T>(T[,] a, T v) { a[1, 2] = a[0, 1]; a[0, 1] = v; return a; }
    public static bool Same<T>(T a, T b) where T : IHash { return a.Hash() == b.Hash(); }
    public static T Maybe<T>(T a, int n) where T : struct {
        T? some = (n & 1) == 0 ? a : (T?)null;
        object boxed = some;
        Mix(boxed == null ? 1 : Any(boxed));
        return ((T?)boxed).GetValueOrDefault(a);
    }
    // A delegate of three methods, which share a variable.
    public static T Chain<T>(T a, T b) {
        T last = a;
        Fn<T, T> f = x => { T old = last; last = x; return old; };
        f += x => { Mix(Any(last)); return x; };
        f += x => last;
        return f(b);
    }
    static IEnumerable<T> Three<T>(T a, T b) {
        yield return a;
        try {
            yield return b;
            yield return a;
        } finally {
            Mix(7);
        }
    }
    public static T Walk<T>(T a, T b, int n) {
        foreach (T one in Three(a, b)) if (n-- % 3 == 0) return one;
        return b;
    }
    public static T Listed<T>(T a, T b, int n) {
        List<T> all = new List<T>();
        for (int k = 0; k < 6; k++) all.Add(k % 3 == 0 ? a : b);
        return all[(n & 3) + 1];
    }

    // A number within a range that each type has. No conversion is specified outside of it.
    public static double Low(double d) { return d >= 0 && d < 127 ? d : 5; }
    public static double Middle(double d) { return d > -30000 && d < 30000 ? d : 7; }
    public static double High(double d) { return d > -2e9 && d < 2e9 ? d : 9; }

    public static long Real(double d) { return double.IsNaN(d) ? 77 : BitConverter.DoubleToInt64Bits(d); }
    public static long Text(string s) {
        if (s == null) return 3;
        long h = s.Length;
        for (int n = 0; n < s.Length; n++) h = h * 31 + s[n];
        return h;
    }
    public static long List<T>(T[] a) {
        if (a == null) return 4;
        long h = a.Length;
        for (int n = 0; n < a.Length; n++) h = h * 31 + Any(a[n]);
        return h;
    }
    public static long Matrix<T>(T[,] a) {
        if (a == null) return 6;
        long h = 0;
        for (int n = 0; n < 2; n++) for (int k = 0; k < 3; k++) h = h * 31 + Any(a[n, k]);
        return h;
    }
    public static long Any<T>(T v) { return One(v); }
    public static long One(object o) {
        if (o == null) return 5;
        if (o is IHash) return ((IHash)o).Hash();
        if (o is string) return Text((string)o);
        if (o is int) return (int)o;
        if (o is long) return (long)o;
        if (o is byte) return (byte)o;
        if (o is sbyte) return (sbyte)o;
        if (o is short) return (short)o;
        if (o is ushort) return (ushort)o;
        if (o is uint) return (uint)o;
        if (o is ulong) return (long)(ulong)o;
        if (o is char) return (char)o;
        if (o is bool) return (bool)o ? 1 : 0;
        if (o is double) return Real((double)o);
        if (o is float) return Real((float)o);
        if (o is IntPtr) return ((IntPtr)o).ToInt64();
        if (o is int[]) return List((int[])o);
        return 9;
    }
    public static long Thrown(Exception e) {
        Oops o = e as Oops;
        return o != null ? o.n
             : e is NullReferenceException ? 11
             : e is IndexOutOfRangeException ? 12
             : e is InvalidCastException ? 13
             : e is DivideByZeroException ? 14
             : e is OverflowException ? 15
             : e is ArrayTypeMismatchException ? 16 : 19;
    }
}

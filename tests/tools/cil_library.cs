// SPDX-License-Identifier: MIT
//
// What the core library does with arguments that are at a limit, or wrong: mono prints the same. With a number as its
// argument it prints the bits of so many results of each function of floats instead.
using System;
using System.Collections.Generic;
using System.Linq;

[Flags] enum Access { None = 0, Read = 1, Write = 2, ReadWrite = 3, Execute = 4, Top = 1 << 31 }
[Flags] enum Wide : ulong { Low = 1, High = 1UL << 63 }
[Flags] enum Small : sbyte { One = 1, Sign = -128 }
enum Plain { Minus = -1, One = 1, Two = 2 }
enum Large : ulong { One = 1, Most = UInt64.MaxValue }

sealed class Backwards : IComparable<Backwards>
{
    public int value;

    public Backwards(int value) { this.value = value; }
    public int CompareTo(Backwards other) { return value == other.value ? 0 : value < other.value ? Int32.MinValue : Int32.MaxValue; }
}

static unsafe class P
{
    static void Try(string what, Func<object> f)
    {
        string text;
        try
        {
            object result = f();
            text = result == null ? "null" : result is double ? Bits((double)result) : result.ToString();
        }
        catch (Exception e)
        {
            text = e.GetType().FullName;
        }
        Console.WriteLine(what + ": " + text);
    }

    static string Bits(double d) { return d != d ? "NaN" : (*(long*)&d).ToString(); }
    static string Join<T>(IEnumerable<T> all) { return String.Join(" ", all.Select(x => x.ToString()).ToArray()); }

    static void Parse()
    {
        string[] texts = { null, "", " ", "-", "+", "+-1", "0", "-0", " 42 ", "+7", "1 2", "0x10", "1.5", "127", "128", "-128", "-129", "255",
            "256", "32767", "32768", "-32769", "65536", "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295",
            "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
            "18446744073709551615", "18446744073709551616", "99999999999999999999999", "99999999999999999999999x", "-1", "007",
            "00000000000000000000000000000000001" };
        foreach (string s in texts)
        {
            Try("sbyte " + s, () => SByte.Parse(s));
            Try("byte " + s, () => Byte.Parse(s));
            Try("short " + s, () => Int16.Parse(s));
            Try("ushort " + s, () => UInt16.Parse(s));
            Try("int " + s, () => Int32.Parse(s));
            Try("uint " + s, () => UInt32.Parse(s));
            Try("long " + s, () => Int64.Parse(s));
            Try("ulong " + s, () => UInt64.Parse(s));
            int value = 5;
            Try("try int " + s, () => Int32.TryParse(s, out value) + " " + value);
        }
    }

    static void Sequences()
    {
        int[] numbers = { 3, 1, 2 }, none = { }, missing = null;
        string[] words = { "b", null, "a" }, nothing = { };
        Func<int, bool> noTest = null;
        Try("skip", () => Join(numbers.Skip(Int32.MinValue)) + "/" + Join(numbers.Skip(1)) + "/" + Join(numbers.Skip(9)));
        Try("take", () => Join(numbers.Take(Int32.MinValue)) + "/" + Join(numbers.Take(2)));
        Try("average", () => numbers.Average());
        Try("average of none", () => none.Average());
        Try("average of large", () => new[] { Int32.MaxValue, Int32.MaxValue }.Average());
        Try("sum", () => new[] { Int32.MaxValue, 1 }.Sum());
        Try("range", () => Enumerable.Range(0, -1) == null);
        Try("range at the end", () => Join(Enumerable.Range(Int32.MaxValue - 1, 2)));
        Try("range past the end", () => Enumerable.Range(Int32.MaxValue, 2) == null);
        Try("range of none", () => Join(Enumerable.Range(Int32.MinValue, 0)));
        Try("repeat", () => Enumerable.Repeat(1, -1) == null);
        Try("repeat none", () => Join(Enumerable.Repeat(1, 0)));
        Try("order", () => Join(new[] { 2, 1, 3 }.OrderBy(n => new Backwards(n))));
        Try("order down", () => Join(new[] { 2, 1, 3 }.OrderByDescending(n => new Backwards(n))));
        Try("order then", () => Join(new[] { 2, 1, 3 }.OrderByDescending(n => n % 2).ThenBy(n => new Backwards(-n))));
        Try("order nulls", () => String.Join(" ", words.OrderBy(s => s).Select(s => s ?? "-").ToArray()));
        Try("order nulls down", () => String.Join(" ", words.OrderByDescending(s => s).Select(s => s ?? "-").ToArray()));
        Try("most", () => new[] { 2, 1, 3 }.Max(n => new Backwards(n)).value + " " + new[] { 2, 1, 3 }.Min(n => new Backwards(n)).value);
        Try("most of words", () => words.Max() + words.Min());
        Try("most of no words", () => nothing.Max());
        Try("max of none", () => none.Max());
        Try("min of none", () => none.Min());
        Try("first of none", () => none.First());
        Try("last of none", () => none.Last());
        Try("first or default", () => none.FirstOrDefault());
        Try("where null", () => missing.Where(n => true) == null);
        Try("where no test", () => numbers.Where(noTest) == null);
        Try("select null", () => missing.Select(n => n) == null);
        Try("take null", () => missing.Take(1) == null);
        Try("skip null", () => missing.Skip(1) == null);
        Try("concat null", () => numbers.Concat(missing) == null);
        Try("zip null", () => numbers.Zip(missing, (a, b) => a + b) == null);
        Try("distinct null", () => missing.Distinct() == null);
        Try("reverse null", () => missing.Reverse() == null);
        Try("order null", () => missing.OrderBy(n => n) == null);
        Try("group null", () => missing.GroupBy(n => n) == null);
        Try("list of null", () => missing.ToList());
        Try("array of null", () => missing.ToArray());
        Try("count of null", () => missing.Count());
        Try("any of null", () => missing.Any());
        Try("all of null", () => missing.All(n => true));
        Try("contains in null", () => missing.Contains(1));
        Try("sum of null", () => missing.Sum());
        Try("average of null", () => missing.Average());
        Try("max of null", () => missing.Max());
        Try("first of null", () => missing.First());
        Try("last of null", () => missing.Last());
        Try("equal keys", () => new[] { 1, 1 }.ToDictionary(n => n));
        Try("null key", () => words.ToDictionary(s => s));
    }

    static void Collections()
    {
        List<int> list = new List<int> { 1, 2, 3 };
        Dictionary<string, int> map = new Dictionary<string, int>();
        map["a"] = 1;
        Try("item -1", () => list[-1]);
        Try("item 3", () => list[3]);
        Try("insert", () => { list.Insert(4, 0); return 0; });
        Try("remove at", () => { list.RemoveAt(3); return 0; });
        Try("capacity", () => new List<int>(-1));
        Try("add range", () => { list.AddRange(null); return 0; });
        Try("sort", () => { list.Sort((Comparison<int>)null); return 0; });
        Try("sort by least", () => { list.Sort((a, b) => a == b ? 0 : a < b ? Int32.MaxValue : Int32.MinValue); return Join(list); });
        Try("no key", () => map["b"]);
        Try("null key", () => map[null]);
        Try("second key", () => { map.Add("a", 2); return 0; });
        Try("contains null", () => map.ContainsKey(null));
        Try("set of null", () => new HashSet<int>((IEnumerable<int>)null));
        Try("stack", () => new Stack<int>().Pop());
        Try("stack top", () => new Stack<int>().Peek());
        Try("queue", () => new Queue<int>().Dequeue());
        Try("queue front", () => new Queue<int>().Peek());
        Try("substring", () => "abc".Substring(4));
        Try("substring -1", () => "abc".Substring(-1));
        Try("substring 2", () => "abc".Substring(2, 2));
        Try("substring most", () => "abc".Substring(1, Int32.MaxValue));
        Try("character", () => "abc"[3]);
        Try("length of dimension", () => new int[2, 3].GetLength(2));
        Try("nullable", () => ((int?)null).Value);
    }

    static void Enumerations()
    {
        foreach (int n in new[] { 0, 1, 2, 3, 4, 5, 7, 8, 9, Int32.MinValue, Int32.MinValue + 1, Int32.MinValue + 7, Int32.MinValue + 8, -1 })
            Try("access " + n, () => (Access)n);
        foreach (ulong n in new[] { 0UL, 1UL, 2UL, 1UL << 63, (1UL << 63) + 1, UInt64.MaxValue })
        {
            Try("wide " + n, () => (Wide)n);
            Try("large " + n, () => (Large)n);
        }
        foreach (int n in new[] { 0, 1, -128, -127, -1 })
            Try("small " + n, () => (Small)n);
        foreach (int n in new[] { -2, -1, 0, 1, 2, 3 })
            Try("plain " + n, () => (Plain)n);
        Try("order", () => Math.Sign(Large.Most.CompareTo(Large.One)) + " " + Math.Sign(Plain.Minus.CompareTo(Plain.One)) + " " +
            Math.Sign(Access.Top.CompareTo(Access.Read)));
        Try("flag", () => Access.Top.HasFlag(Access.None) + " " + (Access.Top | Access.Read).HasFlag(Access.Top) + " " + Access.Read.HasFlag(Access.ReadWrite));
        Try("other flag", () => Access.Top.HasFlag(Small.One));
        Try("null flag", () => Access.Top.HasFlag(null));
        Try("other order", () => Access.Top.CompareTo(Small.One));
    }

    static void Powers()
    {
        double[] odd = { 0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 1e300, Double.PositiveInfinity, Double.NegativeInfinity, Double.NaN, Double.Epsilon };
        foreach (double x in odd)
        {
            foreach (double y in odd)
                Try("pow " + Bits(x) + " " + Bits(y), () => Math.Pow(x, y));
            Try("log10 " + Bits(x), () => Math.Log10(x));
            Try("log " + Bits(x), () => x == 2 || x == 3 || x == 0.5 || x == 1e300 ? 0 : Math.Log(x));
        }
        double ten = 1;
        for (int n = 0; n <= 22; n++, ten *= 10)
        {
            Try("log10 of ten to " + n, () => Math.Log10(ten));
            Try("ten to " + n, () => Math.Pow(10, n));
            Try("ten to -" + n, () => Math.Pow(10, -n));
            Try("three to " + n, () => Math.Pow(3, n));
        }
        Try("least", () => Math.Pow(10, -310));
        Try("less", () => Math.Pow(10, -324));
        Try("two", () => Math.Pow(2, -1074));
        Try("large", () => Math.Pow(10, 308));
        Try("larger", () => Math.Pow(10, 309));
        Try("square", () => Math.Pow(1.5, 2));
        Try("bases", () => Math.Log(8, 1) + Math.Log(8, 0) + Math.Log(1, 0));
        Try("abs", () => Math.Abs(Int32.MinValue));
        Try("divide", () => Int32.MinValue / (ten > 0 ? -1 : 1));
    }

    static ulong state = 88172645463325252;

    static double Between(double least, double most)
    {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return least + (most - least) * ((state >> 11) / 9007199254740992.0);
    }

    static void Print(string what, double x, double y, double result)
    {
        Console.WriteLine(what + " " + Bits(x) + " " + Bits(y) + " " + Bits(result));
    }

    static void Floats(int count)
    {
        for (int n = 0; n < count; n++)
        {
            double x = Between(0, 100), y = Between(-150, 150);
            Print("pow", x, y, Math.Pow(x, y));
            x = Between(0.999, 1.001);
            y = Between(-5e5, 5e5);
            Print("pow", x, y, Math.Pow(x, y));
            x = 1 + n % 40;
            y = n / 40 % 41 - 20;
            Print("pow", x, y, Math.Pow(x, y));
            x = Between(0, 1000);
            Print("log10", x, 0, Math.Log10(x));
            Print("log", x, 0, Math.Log(x));
            x = Between(-700, 700);
            Print("exp", x, 0, Math.Exp(x));
            Print("atan", x, 0, Math.Atan(x));
            x = Between(-1, 1) * (n % 2 == 0 ? 10 : 1e6);
            Print("sin", x, 0, Math.Sin(x));
            Print("cos", x, 0, Math.Cos(x));
            Print("tan", x, 0, Math.Tan(x));
            y = Between(-1, 1);
            Print("atan2", y, x, Math.Atan2(y, x));
        }
        for (int n = -323; n <= 308; n++)
            Print("ten", n, 0, Math.Pow(10, n));
    }

    static void Main(string[] args)
    {
        if (args.Length != 0)
        {
            Floats(Int32.Parse(args[0]));
            return;
        }
        Parse();
        Sequences();
        Collections();
        Enumerations();
        Powers();
    }
}

// SPDX-License-Identifier: MIT
//
// A program that prints what the classes of the core library compute. tests/tools/test_cil_library.py compares it with what
// mono's library prints.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;

static class P
{
    static void Say(params object[] all) { Console.WriteLine(string.Join("|", all)); }

    static void Try(Action action)
    {
        try
        {
            action();
            Say("nothing thrown");
        }
        catch (Exception e)
        {
            Say(e.GetType().Name);
        }
    }

    static void Numbers()
    {
        foreach (double d in new[] { 0, 1, -1, 0.5, 2.5, 1234567.891, -0.004, 1e15, 123456789012, 1e-7, 99.995, 0.125 })
            Say(d.ToString("F2"), d.ToString("F0"), d.ToString("N1"), d.ToString("E3"), d.ToString("e0"), d.ToString("P0"),
                d.ToString("0.00"), d.ToString("#,##0.###"), d.ToString("00.0%"), d.ToString("0.0;(0.0);zero"),
                d.ToString("G3"), string.Format("{0,10:F1}|{0,-10:F1}|", d));
        foreach (int n in new[] { 0, 7, -42, 1234567, int.MaxValue, int.MinValue })
            Say(n.ToString("N0"), n.ToString("F1"), n.ToString("D4"), n.ToString("X"), n.ToString("x8"), n.ToString("E2"),
                n.ToString("#,#"), n.ToString("000000"), n.ToString("'n='0"), n.ToString("P0"));
        foreach (string s in new[] { "1", "-2.5", "1e10", "  3.25 ", "1e-320", "1.7976931348623157e308", "abc",
                                     "", "1.2.3", "0.1", "123456789012345678901234567890", "4.35", "2.2250738585072011e-308",
                                     "9007199254740993", "1e23", "5e-324", "0.000001" })
        {
            double d;
            bool ok = double.TryParse(s, out d);
            Say(s, ok, BitConverter.DoubleToInt64Bits(d));
        }
        Try(() => double.Parse("x"));
        Try(() => double.Parse(null));
    }

    static void Strings()
    {
        string s = "The quick brown fox, the lazy dog";
        Say(s.IndexOf("the"), s.IndexOf("o", 13), s.LastIndexOf('o'), s.LastIndexOf("o"), s.IndexOfAny(new[] { 'x', 'z' }));
        Say(s.Insert(3, "!"), s.Remove(9), s.Remove(3, 6), s.Replace("o", "0"), s.Replace('e', 'E'), s.PadLeft(40, '.'));
        Say(string.Join("/", s.Split(' ')), string.Join("/", s.Split(',', ' ')), s.Split(new[] { ' ' }, 3).Length);
        Say(string.Join("/", s.Split(new[] { ' ', ',' }, StringSplitOptions.RemoveEmptyEntries)));
        Say(string.Join("/", s.Split(new[] { "the", "qu" }, StringSplitOptions.None)), string.Join("/", ",a,,b,".Split(',')));
        Say(string.Join("/", ",a,,b,".Split(new[] { ',' }, 2, StringSplitOptions.RemoveEmptyEntries)));
        Say("  x ".Trim(), "--x-".Trim('-'), "--x-".TrimStart('-'), "--x-".TrimEnd('-'), string.IsNullOrWhiteSpace(" \t"));
        Say("abc".CompareTo("abd") < 0, string.Compare("ABC", "abc", StringComparison.OrdinalIgnoreCase),
            "abc".Equals("ABC", StringComparison.OrdinalIgnoreCase), "Abc".StartsWith("aB", StringComparison.OrdinalIgnoreCase));
        Say(string.Concat(new[] { 1, 2, 3 }), string.Join<int>("-", new List<int> { 1, 2 }), new string('x', 3));
        Try(() => s.Substring(5, 100));
        Try(() => s.Insert(-1, ""));
        Try(() => s.Replace("", "x"));
        StringBuilder b = new StringBuilder("hello world");
        b.Replace("o", "00").Insert(0, "<<").Append('>', 2).Remove(2, 1).AppendFormat("{0:D3}", 7);
        Say(b, b.Length, b.ToString(3, 4), b[2]);
        Try(() => b.Remove(5, 100));
        Say(char.IsLetter('x'), char.IsPunctuation('!'), char.IsSymbol('+'), char.IsControl('\n'), char.ToUpper('q'));
    }

    static void Collections()
    {
        List<int> list = new List<int> { 5, 3, 8, 1, 9, 2 };
        list.Sort();
        Say(string.Join(" ", list), list.BinarySearch(8), list.BinarySearch(4), list.FindIndex(n => n > 4));
        list.Reverse();
        list.InsertRange(2, new[] { 7, 7 });
        Say(string.Join(" ", list), list.RemoveAll(n => n == 7), list.Exists(n => n == 3), list.LastIndexOf(9));
        list.RemoveRange(1, 2);
        Say(string.Join(" ", list), string.Join(" ", list.GetRange(1, 2)), string.Join(" ", list.ConvertAll(n => n * 2)));
        Try(() => list.RemoveRange(3, 9));
        Try(() => list[77]++);
        int[] array = { 4, 2, 9, 7 };
        Array.Sort(array, (a, b) => b - a);
        Say(string.Join(" ", array), Array.IndexOf(array, 2), Array.Find(array, n => n < 5), Array.Exists(array, n => n == 1));
        Array.Resize(ref array, 6);
        Say(string.Join(" ", array), string.Join(" ", Array.ConvertAll(array, n => "n" + n)));
        Dictionary<string, int> d = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase) { { "One", 1 } };
        d["ONE"] = 11;
        d["two"] = 2;
        Say(d.Count, d["one"], string.Join(",", d.Keys), string.Join(",", d.Values.Select(n => n)), d.ContainsValue(2));
        Try(() => d.Add("Two", 3));
        Try(() => Say(d["three"]));
        SortedDictionary<int, string> sorted = new SortedDictionary<int, string>();
        Random random = new Random(7);
        for (int n = 0; n < 200; n++)
            sorted[random.Next(300)] = "v" + n;
        for (int n = 0; n < 300; n += 3)
            sorted.Remove(n);
        Say(sorted.Count, string.Join(" ", sorted.Select(item => item.Key + item.Value)));
        SortedSet<string> set = new SortedSet<string> { "pear", "apple", "fig", "apple" };
        Say(set.Count, string.Join(" ", set), set.Min, set.Max, set.Contains("fig"), set.Remove("fig"), set.Remove("fig"));
        LinkedList<int> linked = new LinkedList<int>(new[] { 1, 2, 3 });
        linked.AddAfter(linked.Find(2), 9);
        linked.AddBefore(linked.First, 0);
        linked.Remove(3);
        linked.RemoveFirst();
        Say(linked.Count, string.Join(" ", linked), linked.Last.Value, linked.Last.Previous.Value);
        Try(() => new LinkedList<int>().RemoveFirst());
        KeyValuePair<string, int> pair = new KeyValuePair<string, int>("k", 1);
        Say(pair, Tuple.Create(1, "x"), Tuple.Create(1, 2, 3).Equals(Tuple.Create(1, 2, 3)), Tuple.Create("a", 2.5).Item2);
    }

    static void Queries()
    {
        string[] words = { "banana", "kiwi", "apple", "fig", "cherry", "date" };
        Say(string.Join(" ", words.OrderBy(w => w.Length).ThenByDescending(w => w)), words.Single(w => w[0] == 'k'));
        Say(string.Join(" ", from w in words group w by w.Length into g orderby g.Key select g.Key + ":" + g.Count()));
        Say(string.Join(" ", from a in new[] { 1, 2 } from b in new[] { 3, 4 } where a + b != 5 select a * b));
        Say(string.Join(" ", from w in words join n in new[] { 3, 4 } on w.Length equals n select w + n));
        Say(string.Join(" ", words.Skip(1).Union(words.Take(2)).Except(new[] { "fig" })), words.Last(w => w.Length == 4));
        Say(words.Sum(w => w.Length), words.Average(w => w.Length).ToString("F5"), words.Take(4).Select(w => (double)w.Length).Average());
        Say(words.Aggregate((a, b) => a.Length > b.Length ? a : b), words.ElementAt(2), words.SequenceEqual(words.ToList()));
        Say(string.Join(" ", words.Where((w, n) => n % 2 == 1)), string.Join(" ", words.SkipWhile(w => w != "fig")));
        Say(words.ToDictionary(w => w, w => w.Length)["fig"], words.LastOrDefault(w => w == "x") ?? "none");
        Try(() => words.Single());
        Try(() => words.ElementAt(9));
        Try(() => new int[0].Aggregate((a, b) => a + b));
    }

    static void Times()
    {
        DateTime t = new DateTime(2024, 2, 29, 13, 5, 9, 87);
        Say(t.ToString("yyyy-MM-dd HH:mm:ss.fff"), t.ToString("ddd d MMM yy h:m:s tt"), t.DayOfWeek, t.DayOfYear);
        Say(t.AddYears(1).ToString("s"), t.AddMonths(-24).ToString("s"), t.AddDays(-60.5).ToString("s"), t.Ticks);
        Say((t - new DateTime(2000, 1, 1)).TotalDays.ToString("F4"), t.Date.ToString("u"), t.TimeOfDay, t.ToString("o"));
        for (int year = 1; year < 9999; year += 613)
            Say(new DateTime(year, 3, 1).AddDays(-1).Day, new DateTime(year, 12, 31).DayOfWeek, new DateTime(year, 12, 31).DayOfYear);
        Try(() => new DateTime(2023, 2, 29));
        Try(() => DateTime.MaxValue.AddDays(1));
        Say(TimeSpan.FromSeconds(-93784.5), new TimeSpan(1, 2, 3), TimeSpan.FromMinutes(90).TotalHours, TimeSpan.Zero);
        Random random = new Random(42);
        Say(random.Next(), random.Next(10), random.Next(-5, 5), random.Next(int.MinValue, int.MaxValue), random.Next(100));
        byte[] bytes = new byte[4];
        random.NextBytes(bytes);
        Say(string.Join(" ", bytes));
    }

    static void Conversions()
    {
        Say(Convert.ToInt32("17"), Convert.ToInt32(2.5), Convert.ToInt32(3.5), BitConverter.ToInt32(BitConverter.GetBytes(-77), 0), Convert.ToInt32("ff", 16), Convert.ToString(10, 2));
        Say(Convert.ToDouble("2.5"), Convert.ToBoolean("True"), Convert.ToString(255, 16), Convert.ToInt64((object)7), Convert.ToByte(200));
        Try(() => Convert.ToByte(256));
        Try(() => Convert.ToInt32("x"));
        Try(() => Convert.ToInt32(new object[0]));
        Try(() => Convert.ToInt32("102", 2));
        StringReader reader = new StringReader("one\r\ntwo\n\nthree");
        for (string line; (line = reader.ReadLine()) != null;)
            Say(line);
        StringWriter writer = new StringWriter();
        writer.Write("{0}-{1}", 1, true);
        writer.Write(2.5);
        Say(writer);
        Lazy<int> lazy = new Lazy<int>(() => 5);
        Say(lazy.IsValueCreated, lazy.Value, lazy.IsValueCreated);
        Say(((IComparable)5).CompareTo(6), ((IComparable)"b").CompareTo("a"), 1.5.CompareTo((object)1.5));
        Console.Error.WriteLine("to the error stream");
    }

    static void Main()
    {
        Numbers();
        Strings();
        Collections();
        Queries();
        Times();
        Conversions();
        Changes.All();
        Names.All();
    }
}

// A walk over a collection that changes meanwhile.
static class Changes
{
    static void Walk<T>(string name, IEnumerable<T> all, Action change) {
        int n = 0;
        try { foreach (T item in all) { n++; if (n == 2) change(); if (n > 20) break; } Console.WriteLine(name + " " + n); }
        catch (Exception e) { Console.WriteLine(name + " " + n + " " + e.GetType()); }
    }
    static void Lists(string name, Action<List<int>> change) {
        var l = new List<int>(new[] { 4, 2, 3, 1 }); Walk("list " + name, l, () => change(l));
        l = new List<int>(new[] { 4, 2 }); Walk("short list " + name, l, () => change(l));
        int n = 0;
        try { l = new List<int>(new[] { 4, 2, 3, 1 }); l.ForEach(x => { n++; if (n == 2) change(l); }); Console.WriteLine(n); } catch (Exception e) { Console.WriteLine(n + " " + e.GetType()); }
    }
    static void Dicts(string name, Action<Dictionary<int, int>> change) {
        Func<Dictionary<int,int>> make = () => new Dictionary<int, int> { { 1, 1 }, { 2, 2 }, { 3, 3 } };
        var d = make(); Walk("dictionary " + name, d, () => change(d));
        d = make(); Walk("keys " + name, d.Keys, () => change(d));
        d = make(); Walk("values " + name, d.Values, () => change(d));
    }
    static void Sets(string name, Action<HashSet<int>> change) { var s = new HashSet<int>(new[] { 1, 2, 3 }); Walk("set " + name, s, () => change(s)); }
    static void Stacks(string name, Action<Stack<int>> change) { var s = new Stack<int>(); s.Push(1); s.Push(2); s.Push(3); Walk("stack " + name, s, () => change(s)); }
    static void Queues(string name, Action<Queue<int>> change) { var s = new Queue<int>(); s.Enqueue(1); s.Enqueue(2); s.Enqueue(3); Walk("queue " + name, s, () => change(s)); }
    static void Linked(string name, Action<LinkedList<int>> change) { var s = new LinkedList<int>(new[] { 1, 2, 3 }); Walk("linked " + name, s, () => change(s)); }
    internal static void All() {
        Lists("add", l => l.Add(5)); Lists("set", l => l[0] = 7); Lists("insert", l => l.Insert(0, 1)); Lists("remove", l => l.Remove(2)); Lists("not there", l => l.Remove(99));
        Lists("clear", l => l.Clear()); Lists("sort", l => l.Sort()); Lists("sort by", l => l.Sort((a, b) => a - b)); Lists("reverse", l => l.Reverse()); Lists("reverse part", l => l.Reverse(0, 2));
        Lists("range", l => l.RemoveRange(0, 1)); Lists("no range", l => l.RemoveRange(0, 0)); Lists("all", l => l.RemoveAll(x => x > 3)); Lists("all none", l => l.RemoveAll(x => x > 99));
        Lists("add range", l => l.AddRange(new[] { 1 })); Lists("trim", l => l.TrimExcess()); Lists("insert range", l => l.InsertRange(1, new[] { 8, 9 }));
        Dicts("add", d => d.Add(9, 9)); Dicts("set", d => d[1] = 5); Dicts("set new", d => d[10] = 5); Dicts("remove", d => d.Remove(1)); Dicts("remove none", d => d.Remove(99)); Dicts("clear", d => d.Clear());
        Sets("add", s => s.Add(9)); Sets("again", s => s.Add(1)); Sets("remove", s => s.Remove(1)); Sets("clear", s => s.Clear());
        Stacks("push", s => s.Push(9)); Stacks("pop", s => s.Pop()); Stacks("peek", s => s.Peek()); Stacks("clear", s => s.Clear());
        Queues("push", s => s.Enqueue(9)); Queues("pop", s => s.Dequeue()); Queues("peek", s => s.Peek()); Queues("clear", s => s.Clear());
        Linked("add", s => s.AddLast(9)); Linked("first", s => s.AddFirst(9)); Linked("remove", s => s.Remove(1)); Linked("find", s => s.Find(1)); Linked("clear", s => s.Clear()); Linked("value", s => s.First.Value = 8);
        try { new Dictionary<int, int>(-1); } catch (Exception e) { Console.WriteLine(e.GetType()); }
        try { new Dictionary<int, int>(-1, null); } catch (Exception e) { Console.WriteLine(e.GetType()); }
        try { new List<int>(-1); } catch (Exception e) { Console.WriteLine(e.GetType()); }
    }
}

enum Color { Red, Green = 5, Blue = 2, Also = 5, Minus = -3 }
enum Small : byte { None, One = 1, Last = 255 }
enum Huge : ulong { Zero, Top = ulong.MaxValue, Half = 1UL << 63 }
[Flags] enum Bits { A = 1, B = 2, C = 4, AB = 3 }
// Constants by name.
static class Names
{
    static void Try(string name, Func<object> f) {
        try { object o = f(); Console.WriteLine(name + " " + (o ?? "null") ); } catch (Exception e) { Console.WriteLine(name + " " + e.GetType()); }
    }
    static string TryParse<T>(string s, bool ignoresCase) where T : struct { T v; bool ok = Enum.TryParse<T>(s, ignoresCase, out v); return ok + " " + v; }
    internal static void All() {
        foreach (Type t in new[] { typeof(Color), typeof(Small), typeof(Huge), typeof(Bits) }) Console.WriteLine(string.Join(" ", Enum.GetNames(t)));
        foreach (string s in new[] { "Red", " Blue ", "blue", "5", "-3", "Minus", "Red,Blue", "A, B", "", "x", "256", "255", "-1", "18446744073709551615", "9223372036854775808", "9999999999999999999999", "One", "Last", "Top", "A,", "0", "7", "Also", "+3" }) {
            Try("color " + s, () => Enum.Parse(typeof(Color), s)); Try("bits " + s, () => Enum.Parse(typeof(Bits), s));
            Try("small " + s, () => Enum.Parse(typeof(Small), s)); Try("huge " + s, () => Enum.Parse(typeof(Huge), s)); Try("case " + s, () => Enum.Parse(typeof(Color), s, true));
            Console.WriteLine(TryParse<Color>(s, true) + " " + TryParse<Color>(s, false) + " " + TryParse<Small>(s, false) + " " + TryParse<Huge>(s, false) + " " + TryParse<Bits>(s, false));
        }
        Try("null", () => Enum.Parse(typeof(Color), null)); Try("no enum", () => Enum.Parse(typeof(int), "1")); Try("no type", () => Enum.Parse(null, "1")); Try("names", () => Enum.GetNames(typeof(string)));
        Try("name", () => Enum.GetName(typeof(Color), 5)); Try("name", () => Enum.GetName(typeof(Color), Color.Minus)); Try("name", () => Enum.GetName(typeof(Color), 77)); Try("name", () => Enum.GetName(typeof(Small), (byte)255));
        Try("name", () => Enum.GetName(typeof(Color), null));
        Try("defined", () => Enum.IsDefined(typeof(Color), 2)); Try("defined", () => Enum.IsDefined(typeof(Color), 3)); Try("defined", () => Enum.IsDefined(typeof(Color), "Red")); Try("defined", () => Enum.IsDefined(typeof(Color), "red")); Try("defined", () => Enum.IsDefined(typeof(Color), Color.Blue));
        Try("object", () => Enum.ToObject(typeof(Color), 5)); Try("object", () => Enum.ToObject(typeof(Small), 257)); Try("object", () => Enum.ToObject(typeof(Huge), ulong.MaxValue));
        Console.WriteLine(TryParse<Color>(null, true)); Try("struct", () => TryParse<int>("1", true));
        Console.WriteLine((Color)Enum.Parse(typeof(Color), "Green") == Color.Green);
    }
}

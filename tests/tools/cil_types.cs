// SPDX-License-Identifier: MIT
//
// Types as objects, arrays whose type is not known, objects of types that are, and the collections and spans that need them.
// All output is the same as with mono's class library.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;

static class P
{
    enum Small : sbyte { Minus = -2, Zero, Two = 2, Deux = 2, One = 1 }
    enum Empty : ulong { }
    interface IShape { int Area(); }
    interface IBig : IShape { }
    class Base { public Base() { Text = "base"; } public string Text; ~Base() { Finalized++; } }
    class Derived : Base, IBig { public Derived() { Text = "derived"; } public int Area() { return 7; } }
    abstract class Abstract { public Abstract() { } }
    class NoDefault : Base { public NoDefault(int n) { } }
    class Hidden { Hidden() { } public static readonly Hidden One = new Hidden(); }
    sealed class Throws { public Throws() { throw new InvalidOperationException("thrown"); } }
    struct Pair { public int A; public string B; public override string ToString() { return A + B; } }
    struct Numbers { public int A; public long B; }
    class Outer<T> { public class Inner { } public T Value; public string Kind() { return typeof(T).Name; } }
    class Two<A, B> { public override string ToString() { return typeof(A).Name + typeof(B).Name; } }
    static int Finalized;

    static string Show(Func<object> f)
    {
        try
        {
            object o = f();
            return o == null ? "null" : o.ToString();
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
            line += Show(f) + " | ";
        Console.WriteLine(line);
    }

    static string List(IEnumerable all)
    {
        string line = "";
        foreach (object o in all)
            line += (o == null ? "null" : o.ToString()) + ",";
        return line;
    }

    static void Enumerations()
    {
        foreach (Small s in Enum.GetValues(typeof(Small)))
            Console.Write((int)s + " "); // of two names for a number, mono prints another one
        Console.WriteLine(List(Enum.GetNames(typeof(Small))) + Enum.GetValues(typeof(Empty)).Length);
        foreach (DayOfWeek day in Enum.GetValues(typeof(DayOfWeek)))
            Console.Write((int)day + " ");
        Small[] all = (Small[])Enum.GetValues(typeof(Small));
        Console.WriteLine(all.Length + " " + all[0] + " " + Enum.GetValues(typeof(Small)).GetValue(4).GetType().Name);
        Print(() => Enum.GetValues(null), () => Enum.GetValues(typeof(int)), () => Enum.Parse(typeof(Small), "Two, One"),
              () => Enum.Parse(typeof(Small), "minus", true), () => Enum.Parse(typeof(Small), "none"));
    }

    static readonly Type[] Types = {
        typeof(object), typeof(string), typeof(int), typeof(long), typeof(Small), typeof(IShape), typeof(IBig), typeof(Base),
        typeof(Derived), typeof(Abstract), typeof(Pair), typeof(int[]), typeof(uint[]), typeof(string[]), typeof(object[]),
        typeof(Small[]), typeof(int[,]), typeof(IEnumerable<string>), typeof(IEnumerable<object>), typeof(List<string>),
        typeof(IComparer<object>), typeof(IComparer<string>), typeof(int?), typeof(ValueType), typeof(Enum), typeof(Array),
        typeof(Outer<int>), typeof(Outer<string>.Inner), typeof(Action<object>), typeof(Action<string>),
        typeof(IEnumerable), typeof(IList<int>),
    };

    static void Relations()
    {
        foreach (Type t in Types)
        {
            string line = t.Name + ":";
            foreach (Type other in Types)
                line += t.IsAssignableFrom(other) ? "x" : ".";
            Console.WriteLine(line + t.IsAssignableFrom(null) + t.IsInstanceOfType("") + t.IsInstanceOfType(null) + t.IsInstanceOfType(3));
        }
        foreach (Type t in Types)
            Print(() => t.Name, () => t.BaseType == null ? null : t.BaseType.Name, () => t.DeclaringType == null ? null : t.DeclaringType.Name,
                  () => t.GetElementType(), () => t.IsClass, () => t.IsInterface, () => t.IsAbstract, () => t.IsSealed, () => t.IsValueType,
                  () => t.IsEnum, () => t.IsArray, () => t.IsPrimitive, () => t.IsGenericType, () => t.IsNested,
                  () => t.GetGenericArguments().Length, () => t.IsSubclassOf(typeof(object)), () => t.IsSubclassOf(t));
        Print(() => typeof(Dictionary<int, string>).GetGenericArguments()[1].Name, () => typeof(Outer<>).IsGenericTypeDefinition,
              () => typeof(Outer<int>).GetGenericTypeDefinition() == typeof(Outer<>), () => typeof(int).GetGenericTypeDefinition(),
              () => typeof(Outer<int>).IsGenericTypeDefinition, () => typeof(Derived).BaseType == typeof(Base));
        Print(() => RuntimeHelpers.IsReferenceOrContainsReferences<int>(), () => RuntimeHelpers.IsReferenceOrContainsReferences<string>(),
              () => RuntimeHelpers.IsReferenceOrContainsReferences<Pair>(), () => RuntimeHelpers.IsReferenceOrContainsReferences<Numbers>(),
              () => RuntimeHelpers.IsReferenceOrContainsReferences<int?>(), () => RuntimeHelpers.IsReferenceOrContainsReferences<Small>(),
              () => RuntimeHelpers.IsReferenceOrContainsReferences<KeyValuePair<int, Pair>>());
    }

    static T Make<T>() where T : new() { return new T(); }

    static void Objects()
    {
        Print(() => ((Base)Activator.CreateInstance(typeof(Derived))).Text, () => ((IShape)Activator.CreateInstance(typeof(Derived))).Area(),
              () => Activator.CreateInstance(typeof(int)), () => ((Pair)Activator.CreateInstance(typeof(Pair))).A,
              () => Activator.CreateInstance(typeof(Abstract)), () => Activator.CreateInstance(typeof(NoDefault)),
              () => Activator.CreateInstance(typeof(IShape)), () => Activator.CreateInstance(typeof(Hidden)),
              () => Activator.CreateInstance(typeof(string)), () => Activator.CreateInstance(null),
              () => ((List<int>)Activator.CreateInstance(typeof(List<int>))).Count);
        Print(() => Make<Derived>().Text, () => Make<int>(), () => Make<Pair>().B, () => Make<List<string>>().Count,
              () => Make<Small>(), () => Make<object>().GetType().Name, () => Activator.CreateInstance<string>());
        Print(() => ((Outer<int>)Activator.CreateInstance(typeof(Outer<>).MakeGenericType(typeof(int)))).Kind(),
              () => ((Outer<string>)Activator.CreateInstance(typeof(Outer<>).MakeGenericType(new Type[] { typeof(string) }))).Kind(),
              () => Activator.CreateInstance(typeof(Two<,>).MakeGenericType(typeof(int), typeof(string))),
              () => typeof(Outer<>).MakeGenericType(typeof(int)) == typeof(Outer<int>), () => typeof(Outer<>).MakeGenericType(null),
              () => typeof(int).MakeGenericType(typeof(int)), () => typeof(Outer<>).MakeGenericType((Type)null));
        for (int n = 0; n < 100; n++)
            Activator.CreateInstance(typeof(Base));
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Console.WriteLine(Finalized > 50);
    }

    // What is stored into arrays that are old for the collector is younger than they are.
    static void Old(Array objects, Array pairs, object[] few)
    {
        GC.Collect();
        GC.Collect();
        objects.SetValue(400.ToString(), 400);
        pairs.SetValue(new Pair { A = 1, B = 401.ToString() }, 401);
        ((IList)few)[0] = 7;
        for (int n = 0; n < 1000; n++)
            few[0] = (object)n;
        GC.Collect(0);
        for (int n = 0; n < 100; n++)
            n.ToString();
        Print(() => objects.GetValue(400), () => pairs.GetValue(401), () => few[0]);
    }

    static void Arrays()
    {
        Array numbers = Array.CreateInstance(typeof(int), 3), strings = Array.CreateInstance(typeof(string), 2);
        Array pairs = new Pair[2], maybe = new int?[] { 1, null }, grid = new int[2, 3], jagged = Array.CreateInstance(typeof(int[]), 2);
        Print(() => numbers.GetType(), () => strings.GetType().Name, () => strings.Length, () => jagged.GetType().Name,
              () => Array.CreateInstance(null, 1), () => Array.CreateInstance(typeof(int), -1));
        numbers.SetValue(5, 1);
        strings.SetValue("text", 0);
        pairs.SetValue(new Pair { A = 1, B = "b" }, 1);
        maybe.SetValue(7, 1);
        maybe.SetValue(null, 0);
        grid.SetValue(9, 1, 2);
        grid.SetValue(8, new int[] { 0, 1 });
        Print(() => List(numbers), () => List(strings), () => List(pairs), () => List(maybe), () => List(grid), () => ((int[,])grid)[1, 2],
              () => grid.GetValue(0, 1), () => numbers.GetValue(3), () => numbers.GetValue(-1), () => grid.GetValue(1),
              () => grid.GetValue(2, 0), () => grid.GetValue((int[])null), () => grid.GetValue(new int[] { 1 }), () => maybe.GetValue(1).GetType().Name);
        Print(() => { numbers.SetValue("text", 0); return 0; }, () => { strings.SetValue(1, 0); return 0; },
              () => { numbers.SetValue(null, 1); return numbers.GetValue(1); }, () => { pairs.SetValue(1, 0); return 0; },
              () => { strings.SetValue(null, 0); return strings.GetValue(0); }, () => pairs.GetValue(1));
        Old(new object[500], new Pair[500], new object[1]);
        IList list = new int[] { 4, 5, 6 };
        list[1] = 50;
        int[] copy = new int[4];
        list.CopyTo(copy, 1);
        Print(() => list.Count, () => list[1], () => list.IndexOf(6), () => list.Contains(7), () => list.Add(1), () => List(copy),
              () => list.IsFixedSize, () => list.IsReadOnly, () => { list.CopyTo(copy, 2); return 0; }, () => { list.CopyTo(new string[3], 0); return 0; },
              () => { list.Clear(); return List(list); }, () => list is IList<int>, () => ((IList)grid).Contains(9),
              () => { list.CopyTo(new object[3], 0); return 0; });
        IEnumerator walk = numbers.GetEnumerator();
        Print(() => walk.Current, () => walk.MoveNext(), () => walk.Current, () => walk.MoveNext() && walk.MoveNext(), () => walk.MoveNext(),
              () => walk.Current, () => walk.MoveNext());
        Print(() => new object[] { "a", "b" }.Cast<string>().Count(), () => { foreach (double d in (Array)new double[1][]) { } return 0; });
    }

    static void Collections()
    {
        ArrayList any = new ArrayList { 3, 1, 2 };
        any.Sort();
        any.Insert(1, "x");
        any.AddRange(new int[] { 7, 8 });
        any.Remove(7);
        Print(() => List(any), () => any.Count, () => any.IndexOf("x"), () => any[9], () => any.Contains(8), () => List(any.ToArray()),
              () => List((ArrayList)any.Clone()), () => { any.RemoveRange(1, 2); any.Reverse(); return List(any); });
        ReadOnlyCollection<string> fixedOnes = new List<string> { "a", "b" }.AsReadOnly();
        Print(() => List(fixedOnes), () => fixedOnes[1], () => { ((IList<string>)fixedOnes).Add("c"); return 0; }, () => fixedOnes.IndexOf("b"),
              () => new ReadOnlyCollection<int>(null), () => ((ICollection<string>)fixedOnes).IsReadOnly);
        SortedList<string, int> sorted = new SortedList<string, int> { { "b", 2 }, { "a", 1 } };
        sorted["c"] = 3;
        Print(() => List(sorted.Keys), () => List(sorted.Values), () => sorted["b"], () => sorted["x"], () => sorted.IndexOfKey("c"),
              () => sorted.IndexOfKey("0"), () => { sorted.Add("a", 1); return 0; }, () => sorted.Remove("a"), () => sorted.Count, () => List(sorted),
              () => sorted.ContainsKey(null), () => { foreach (var item in sorted) sorted.Remove("b"); return 0; }, () => List(sorted));
    }

    static void Spans()
    {
        int[] numbers = { 1, 2, 3, 4, 5 };
        Span<int> all = numbers, part = all.Slice(1, 3);
        part[0] = 20;
        part.Slice(1).Fill(9);
        int sum = 0;
        foreach (int n in all)
            sum += n;
        new Span<int>(numbers, 0, 4).CopyTo(new Span<int>(numbers, 1, 4));
        ReadOnlySpan<char> text = "hello".AsSpan().Slice(1, 3);
        Console.WriteLine(sum + " " + List(numbers) + text.ToString() + text.Length + text[0] + all.TryCopyTo(part) + (all == part) + all.IsEmpty);
        all.Clear();
        Console.WriteLine(List(numbers) + List(part.ToArray()) + Span<int>.Empty.Length);
        Print(() => new Span<int>(numbers, 4, 2).Length, () => new Span<int>(numbers)[5], () => new Span<object>(new string[1]).Length,
              () => new ReadOnlySpan<object>(new string[1]).Length, () => new Span<int>(null).Length, () => new Span<int>(numbers).Slice(6).Length,
              () => { new Span<int>(numbers).CopyTo(new Span<int>(numbers, 0, 4)); return 0; });
    }

    static void Times()
    {
        DateTimeOffset a = new DateTimeOffset(2026, 11, 27, 15, 0, 0, TimeSpan.FromHours(-5)), b = a.ToOffset(TimeSpan.FromMinutes(90));
        Print(() => a == b, () => a.EqualsExact(b), () => b.Hour, () => a.UtcDateTime.Hour, () => b.ToString("o"), () => a.CompareTo(b.AddHours(1)),
              () => a.ToUnixTimeSeconds(), () => DateTimeOffset.FromUnixTimeSeconds(-1).Year, () => (b.AddDays(1) - a).TotalHours,
              () => new DateTimeOffset(new DateTime(1, 1, 1), TimeSpan.FromHours(1)).Year, () => new DateTimeOffset(0, TimeSpan.FromSeconds(1)).Year,
              () => new DateTimeOffset(0, TimeSpan.FromHours(-15)).Year, () => a.Offset, () => DateTimeOffset.MinValue.UtcTicks);
    }

    static void Locals()
    {
        ThreadLocal<int> local = new ThreadLocal<int>(() => 5);
        int seen = 0;
        Print(() => local.IsValueCreated, () => local.Value, () => local.IsValueCreated);
        local.Value = 6;
        Thread other = new Thread(() => { seen = local.Value; local.Value = 7; });
        other.Start();
        other.Join();
        Print(() => seen, () => local.Value, () => { local.Dispose(); return local.Value; }, () => new ThreadLocal<string>().Value);
        Action<int, int, int, int, int, int, int, int, int> many = (a, b, c, d, e, f, g, h, i) => Console.WriteLine(a + i);
        many(1, 2, 3, 4, 5, 6, 7, 8, 9);
    }

    static void Main()
    {
        Enumerations();
        Relations();
        Objects();
        Arrays();
        Collections();
        Spans();
        Times();
        Locals();
    }
}

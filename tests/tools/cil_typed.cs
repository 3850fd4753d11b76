// SPDX-License-Identifier: MIT
//
// Typed references to variables, fields and elements, which a collection moves. Prints the same in mono.
using System;

struct Pair
{
    public long a;
    public string b;
}

class Node
{
    public int number;
    public string text = "text";
    public Pair pair;
}

static class P
{
    static string Kind(Action action)
    {
        try
        {
            action();
            return "nothing";
        }
        catch (Exception e)
        {
            return e.GetType().Name;
        }
    }

    static void Double(TypedReference r)
    {
        GC.Collect();
        if (__reftype(r) == typeof(int))
            __refvalue(r, int) *= 2;
        else if (__reftype(r) == typeof(string))
            __refvalue(r, string) += __refvalue(r, string);
        else if (__reftype(r) == typeof(Pair))
        {
            Double(__makeref(__refvalue(r, Pair).b));
            __refvalue(r, Pair).a *= 2;
        }
        else
            throw new ArgumentException(TypedReference.GetTargetType(r).Name);
    }

    static void Nested(TypedReference first, int n, TypedReference second)
    {
        if (n > 0)
            Nested(second, n - 1, first);
        Double(first);
        __refvalue(second, int) += new string('x', n).Length;
    }

    static void Make<T>(T value)
    {
        TypedReference r = __makeref(value);
        GC.Collect();
        Console.WriteLine(__reftype(r).Name + " " + __refvalue(r, T) + " " + Kind(() => Wrong(value)));
    }

    static void Wrong<T>(T value)
    {
        TypedReference r = __makeref(value);
        object o = __refvalue(r, object);
    }

    static int Main()
    {
        int local = 5;
        string text = "ab";
        Pair pair = new Pair { a = 3, b = "p" };
        Double(__makeref(local));
        Double(__makeref(text));
        Double(__makeref(pair));
        Console.WriteLine(local + " " + text + " " + pair.a + " " + pair.b);

        for (int n = 0; n < 100; n++)
            new Node();
        Node node = new Node { number = 21, pair = new Pair { a = 4, b = "q" } };
        int[] numbers = { 1, 2, 3 };
        string[] words = { "one", "two" };
        Double(__makeref(node.number));
        Double(__makeref(node.text));
        Double(__makeref(node.pair));
        Double(__makeref(numbers[2]));
        Double(__makeref(words[1]));
        Console.WriteLine(node.number + " " + node.text + " " + node.pair.a + node.pair.b + " " + numbers[2] + " " + words[1]);

        Nested(__makeref(node.number), 6, __makeref(numbers[0]));
        Console.WriteLine(node.number + " " + numbers[0]);

        TypedReference kept = __makeref(new Node { number = 9 }.number);
        for (int n = 0; n < 100; n++)
            new Node();
        GC.Collect();
        Double(kept);
        Console.WriteLine(__refvalue(kept, int) + " " + __reftype(kept));
        Make(7);
        Make("seven");
        Make(7.5);
        Make(DayOfWeek.Friday);
        Console.WriteLine(Kind(() => Double(__makeref(other))));
        return 7;
    }

    static ulong other = 1;
}

// SPDX-License-Identifier: MIT
//
// Calls of delegates of every kind: of the method that was the first one of its type, of others, of those that no code
// names. Prints what each call returns.
using System;
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.CompilerServices;

class Animal
{
    public virtual string Name { get { return "animal"; } }
    public virtual string Call(int n) { return "animal " + n; }
}

class Cat : Animal
{
    public override string Name { get { return "cat"; } }
    public override string Call(int n) { return "cat " + n; }
}

interface ISound
{
    string Sound(int n);
}

class Dog : Animal, ISound
{
    public string Sound(int n) { return "woof " + n; }
}

struct Point : ISound
{
    public int x, y;
    public int Sum(int n) { return x + y + n; }
    public override string ToString() { return "point " + x; }
    public string Sound(int n) { return "point " + (x + n); }
}

struct Wide
{
    public long a, b, c, d;
    public long Sum { get { return a + b + c + d; } }
}

static class Extensions
{
    public static string Twice(this string s, int n) { return s + s + n; }
    public static string Of(this Animal a) { return a == null ? "nobody" : a.Name; }
}

class Counter
{
    public int total;
    public int Add(int n) { return total += n; }
    public int Next(int n) { return n + 1; }
    public int Times(int n) { return total *= n; }
    public void Note(string s) { total += s.Length; }
}

delegate int Step(int n);
delegate Wide Grow(Wide w, int n);
delegate void Change(ref int n, out string s);
delegate double Mean(float a, double b, float c, double d, int e, long f, float g, double h, float i, byte j, double k);
delegate T Same<T>(T t);
delegate void Ping();
delegate object Make();
delegate Animal Breed();

static class P
{
    static int pings;
    static event Action<string> Said;

    static int Half(int n) { return n / 2; }
    static int Third(int n) { return n / 3; }
    static int Throws(int n) { throw new ArgumentException("step " + n); }
    static void Ping() { pings++; }
    static Wide Longer(Wide w, int n) { w.a += n; w.d *= n; return w; }
    static void Set(ref int n, out string s) { n++; s = "set " + n; }
    static double Mid(float a, double b, float c, double d, int e, long f, float g, double h, float i, byte j, double k)
    {
        return (a + b + c + d + e + f + g + h + i + j + k) / 11;
    }
    static T Echo<T>(T t) { return t; }
    static Cat Kitten() { return new Cat(); }
    static Animal Puppy() { return new Dog(); }
    static string Text() { return "text"; }

    static int Use(Step s, int n) { return s(n); }
    static string Ask(Func<int, string> f, int n) { return f(n); }
    static object Get(Func<object> f) { return f(); }
    static string GetText(Func<string> f) { return f(); }
    static void Give(Action<string> a, string s) { a(s); }

    static void Say(string what, object value) { Console.WriteLine(what + ": " + value); }

    static string Try(Func<int, int> f, int n)
    {
        try
        {
            return "" + f(n);
        }
        catch (NullReferenceException)
        {
            return "null";
        }
        catch (ArgumentException e)
        {
            return "thrown " + e.Message;
        }
    }

    // The type has no delegate before this is translated, and none of it is ever made.
    static string Never(Same<decimal> s)
    {
        try
        {
            return "" + s(1);
        }
        catch (NullReferenceException)
        {
            return "null";
        }
    }

    static void Kinds()
    {
        Counter c = new Counter();
        Point p = new Point { x = 3, y = 4 };
        Step[] steps = { c.Next, Half, c.Add, Third, p.Sum, n => n + c.total, c.Add };
        for (int n = 0; n < steps.Length; n++)
            Say("step " + n, Use(steps[n], 10));
        Animal[] animals = { new Animal(), new Cat(), new Dog() };
        foreach (Animal a in animals)
        {
            Say("virtual", Ask(a.Call, 7));
            Say("extension", ((Func<string>)a.Of)());
        }
        Say("extension of null", ((Func<string>)((Animal)null).Of)());
        Say("interface", Ask(((ISound)animals[2]).Sound, 8));
        Say("box", Ask(((ISound)p).Sound, 9));
        Say("boxed", GetText(((object)p).ToString));
        Say("closed", Ask("ab".Twice, 5));
        Grow grow = Longer;
        Wide w = grow(new Wide { a = 1, b = 2, c = 3, d = 4 }, 5);
        Say("struct", w.Sum + " " + grow(w, 2).Sum + " " + w.Sum);
        Change change = Set;
        int number = 41;
        string text;
        change(ref number, out text);
        Say("by reference", text + " " + number);
        Mean mean = Mid;
        Say("floats", mean(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
        Ping ping = Ping;
        ping();
        ping += Ping;
        ping();
        Say("pings", pings);
    }

    static void Variance()
    {
        Func<string> s = Text;
        Func<Cat> kitten = Kitten;
        Func<object> o = () => 5;
        Say("objects", Get(o) + " " + Get(s) + " " + (((Animal)Get(kitten)).Name));
        Func<Animal> puppy = Puppy;
        Func<Animal>[] breeds = { puppy, kitten };
        foreach (Func<Animal> b in breeds)
            Say("breed", b().Name);
        Action<object> any = x => Console.WriteLine("any " + x);
        Action<string> only = x => Console.WriteLine("only " + x);
        Give(only, "one");
        Give(any, "two");
        Action<object> first = x => Console.WriteLine("first " + x);
        Give(first, "three");
        Make make = Text;
        Breed breed = Kitten;
        Say("made", make() + " " + breed().Name);
    }

    static void Lists()
    {
        Counter c = new Counter { total = 2 };
        Func<int, int> f = c.Next, g = c.Times, all = f;
        all += g;
        all += c.Add;
        Say("last", all(5) + " " + c.total);
        all -= c.Add;
        Say("then", all(3) + " " + c.total);
        all -= g;
        Say("one", all(3) + " " + (all == f) + " " + all.Equals(g));
        Say("none", (all - f) == null);
        Func<int, int> bad = c.Add;
        bad += Throws;
        bad += c.Times;
        Say("thrown", Try(bad, 4) + " " + c.total);
        Said += c.Note;
        Said += x => Console.WriteLine("said " + x);
        Said("hello");
        Say("noted", c.total);
    }

    static void Nothing()
    {
        Say("nothing", Try(null, 1) + " " + Try(Half, 8) + " " + Try(Throws, 9) + " " + Never(null));
    }

    static Func<int, int> Made(int n)
    {
        switch (n)
        {
        case 0: return x => x;
        case 1: return x => x + 10;
        case 2: return x => x + 20;
        case 3: return x => x + 30;
        case 4: return x => x + 40;
        case 5: return x => x + 50;
        default: return x => x + n;
        }
    }

    static void Generic()
    {
        Same<int> i = Echo<int>;
        Same<string> s = Echo<string>;
        Same<Wide> w = Echo<Wide>;
        Say("echo", i(3) + s("x") + w(new Wide { d = 9 }).d);
        int sum = 0;
        for (int n = 0; n < 10; n++)
            sum = sum * 7 + Made(n)(n);
        Say("many", sum);
        List<int> list = new List<int> { 5, 3, 9, 1 };
        list.Sort((a, b) => b - a);
        Say("sorted", list[0] + " " + list[3] + " " + list.Find(x => x < 4) + " " + list.Exists(x => x == 7));
        Say("converted", string.Join(",", list.ConvertAll(x => "<" + x + ">").ToArray()));
        Say("instances", Instances());
    }

    // More instances of a definition than delegates have bits.
    static string Each<A, B>(A a, B b)
    {
        Func<A, B, string> f = (x, y) => x + "" + y, g = (x, y) => y + "" + x;
        return f(a, b) + g(a, b);
    }

    static string Row<A>(A a)
    {
        return Each(a, (byte)1) + Each(a, (short)2) + Each(a, 3) + Each(a, 4L) + Each(a, 'c') + Each(a, 5.5) + Each(a, "s");
    }

    static string Instances()
    {
        return Row((byte)6) + Row((short)7) + Row(8) + Row(9L) + Row('d') + Row("t");
    }

    static void Reflection()
    {
        Counter c = new Counter { total = 1 };
        MethodInfo add = typeof(Counter).GetMethod("Add"), next = typeof(Counter).GetMethod("Next");
        Func<int, int> found = (Func<int, int>)Delegate.CreateDelegate(typeof(Func<int, int>), c, add), own = c.Add;
        Say("found", found(4) + " " + own(4) + " " + (found == own) + " " + (found.GetHashCode() == own.GetHashCode()));
        Func<Counter, int, int> open =
            (Func<Counter, int, int>)Delegate.CreateDelegate(typeof(Func<Counter, int, int>), null, next);
        Say("open", open(c, 30));
        Func<int, int> both = found + own;
        Say("both", both(1) + " " + both.GetInvocationList().Length);
        Say("invoked", typeof(Func<int, int>).GetMethod("Invoke").Invoke(own, new object[] { 2 }));
    }

    static int Main()
    {
        Nothing();
        Kinds();
        Variance();
        Lists();
        Generic();
        Reflection();
        Nothing();
        return 0;
    }
}

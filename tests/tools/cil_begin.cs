// SPDX-License-Identifier: MIT
//
// BeginInvoke and EndInvoke of delegates. Prints the same in mono.
using System;
using System.Runtime.Remoting.Messaging;
using System.Threading;

struct Large { public long a, b, c; public string name; }
enum Color : byte { Red, Green = 200 }

delegate Large Mix(int a, double b, string c, Large d, ref int e, out string f, ref Large g, Color h, int? i);
delegate void Nothing();
delegate T Pass<T>(T value);

class Adder
{
    readonly int more;
    public Adder(int more) { this.more = more; }
    public int Add(int n) { return n + more; }
    public virtual string Name(object o) { return "adder of " + o; }
}

class Loud : Adder
{
    public Loud() : base(100) { }
    public override string Name(object o) { return "loud " + base.Name(o); }
}

struct Point
{
    public int x;
    public int Times(int n) { return x * n; }
}

static class P
{
    static int ran;

    static Large Mixed(int a, double b, string c, Large d, ref int e, out string f, ref Large g, Color h, int? i)
    {
        f = c + ":" + a + ":" + b + ":" + h + ":" + (i == null ? "null" : i.ToString());
        e += a;
        g.name += "+" + d.name;
        g.c = d.a + d.b;
        return new Large { a = 1, b = 2, c = 3, name = "returned" };
    }

    static void Fail() { throw new ArgumentException("it failed"); }
    static int Square(int n) { return n * n; }
    static void Note() { Interlocked.Increment(ref ran); }

    static void Pass<T>(T value)
    {
        Pass<T> same = v => v;
        Console.WriteLine("passed: " + same.EndInvoke(same.BeginInvoke(value, null, null)));
    }

    static string Kind(Action action)
    {
        try
        {
            action();
            return "nothing";
        }
        catch (Exception e)
        {
            return e.GetType() + (e is ArgumentException && e.Message == "it failed" ? " it failed" : "");
        }
    }

    static void Mixes()
    {
        Mix mix = Mixed;
        Large d = new Large { a = 40, b = 2, name = "d" }, g = new Large { name = "g" };
        int e = 10;
        string f;
        IAsyncResult result = mix.BeginInvoke(7, 1.5, "text", d, ref e, out f, ref g, Color.Green, null, null, "state");
        Console.WriteLine(e + " " + g.name + " " + result.AsyncState);
        Large back = mix.EndInvoke(ref e, out f, ref g, result);
        Console.WriteLine(back.a + back.b + back.c + " " + back.name + " " + e + " " + f + " " + g.name + " " + g.c);
        result = mix.BeginInvoke(-7, -0.25, null, g, ref e, out f, ref d, Color.Red, 5, null, null);
        mix.EndInvoke(ref e, out f, ref d, result);
        Console.WriteLine(e + " " + f + " " + d.name + " " + d.c + " " + (result.AsyncState == null));
    }

    static void Callbacks()
    {
        Func<int, int> square = Square;
        object gate = new object();
        int sum = 0, count = 0;
        AsyncCallback note = r =>
        {
            int value = ((Func<int, int>)((AsyncResult)r).AsyncDelegate).EndInvoke(r);
            lock (gate)
            {
                sum += value * (int)r.AsyncState;
                count++;
                Monitor.Pulse(gate);
            }
        };
        for (int n = 0; n < 20; n++)
            square.BeginInvoke(n, note, n);
        lock (gate)
            while (count < 20)
                Monitor.Wait(gate);
        Console.WriteLine("callbacks: " + sum);
    }

    static void Waits()
    {
        Action action = Note;
        IAsyncResult result = action.BeginInvoke(null, null);
        Console.WriteLine(result.AsyncWaitHandle.WaitOne() + " " + result.IsCompleted + " " + result.CompletedSynchronously + " " + ran);
        Console.WriteLine(((AsyncResult)result).EndInvokeCalled);
        action.EndInvoke(result);
        Console.WriteLine(((AsyncResult)result).EndInvokeCalled + " " + Kind(() => action.EndInvoke(result)));
        IAsyncResult[] all = new IAsyncResult[50];
        for (int n = 0; n < all.Length; n++)
            all[n] = action.BeginInvoke(null, n);
        int states = 0;
        foreach (IAsyncResult one in all)
        {
            action.EndInvoke(one);
            states += (int)one.AsyncState;
        }
        Console.WriteLine(ran + " " + states);
    }

    static void Failures()
    {
        Nothing fail = Fail, other = Note;
        IAsyncResult result = fail.BeginInvoke(null, null);
        Console.WriteLine(Kind(() => fail.EndInvoke(result)));
        Nothing none = null;
        Console.WriteLine(Kind(() => none.BeginInvoke(null, null)));
        IAsyncResult second = fail.BeginInvoke(null, null);
        Console.WriteLine(Kind(() => other.EndInvoke(second)));
        Nothing both = fail + other;
        Console.WriteLine(Kind(() => both.BeginInvoke(null, null)));
    }

    static void Targets()
    {
        Func<int, int> add = new Adder(5).Add;
        Func<object, string> name = new Loud().Name;
        Func<int, int> times = new Point { x = 6 }.Times;
        IAsyncResult a = add.BeginInvoke(1, null, null), b = name.BeginInvoke("x", null, null), c = times.BeginInvoke(7, null, null);
        Console.WriteLine(times.EndInvoke(c) + " " + name.EndInvoke(b) + " " + add.EndInvoke(a));
    }

    static int Main()
    {
        Mixes();
        Callbacks();
        Waits();
        Failures();
        Targets();
        Pass(3);
        Pass(2.5);
        Pass("text");
        Pass(Color.Green);
        Pass<int?>(null);
        Pass<string>(null);
        Pass(new DateTime(2000, 1, 2).Day);
        return 11;
    }
}

// SPDX-License-Identifier: MIT
//
// Finalizers, weak references and handles. tests/tools/test_cil_run.py has the output that is expected: mono's depends on
// what is on the stack by chance.
using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

class Node
{
    public static int Ended;
    public static Node Again;
    public string Name;
    public Node Next;
    public Node(string name) { Name = name; }

    ~Node()
    {
        Ended++;
        Console.Write(Name + (Next == null ? "" : ">" + Next.Name) + " ");
        if (Name == "again" && Again == null)
        {
            Again = this;
            GC.ReRegisterForFinalize(this);
        }
    }
}

class Derived : Node
{
    public Derived(string name) : base(name) { }
    ~Derived() { Console.Write("derived-"); }
}

class Thrower
{
    public Thrower() { throw new Exception("constructor"); }
    ~Thrower() { Console.Write("thrower "); }
}

class Plain { public int[] Items = new int[100]; }

class Failing { ~Failing() { throw new InvalidOperationException(); } }

static class P
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Make(string name) { new Node(name).Name = name; }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void MakePair()
    {
        Node a = new Node("a"), b = new Node("b");
        a.Next = b;
        b.Next = a;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Suppressed() { GC.SuppressFinalize(new Node("never")); }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static WeakReference[] Weak(Plain kept)
    {
        return new[] { new WeakReference(new Plain()), new WeakReference(kept), new WeakReference(new Node("weak")),
                       new WeakReference(new Node("tracked"), true), new WeakReference(null) };
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static WeakReference<Plain> Typed() { return new WeakReference<Plain>(new Plain()); }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static GCHandle[] Handles()
    {
        return new[] { GCHandle.Alloc(new Plain()), GCHandle.Alloc(new Plain(), GCHandleType.Weak),
                       GCHandle.Alloc(new byte[] { 1, 2, 3 }, GCHandleType.Pinned) };
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Clobber(int depth) { if (depth > 0) Clobber(depth - 1); }

    static void Collect(string title)
    {
        Clobber(20);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Console.WriteLine(": " + title);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void TryThrower()
    {
        try { new Thrower(); } catch (Exception e) { Console.Write(e.Message + " "); }
    }

    static void Finalizers()
    {
        Make("one");
        Collect("once");
        Collect("not again");
        MakePair();
        Collect("a circle");
        new Derived("base").Next = null;
        Collect("the base class, too");
        Suppressed();
        Collect("suppressed");
        Make("again");
        Collect("comes back");
        Node.Again.Next = new Node("child");
        Collect("lives");
        Node.Again = new Node("other");
        Collect("twice");
        TryThrower();
        Collect("after its constructor has thrown");
    }

    static void WeakReferences(int count)
    {
        Plain kept = new Plain();
        WeakReference[] weak = Weak(kept);
        WeakReference<Plain> typed = Typed();
        Plain found;
        Console.Write(typed.TryGetTarget(out found) + " " + (weak[0].Target is Plain) + " ");
        found = null;
        GC.Collect();
        foreach (WeakReference w in weak)
            Console.Write(w.IsAlive + " ");
        Console.Write(typed.TryGetTarget(out found) + " ");
        Collect("weak");
        GC.Collect();
        Console.WriteLine(weak[3].IsAlive + " " + (weak[1].Target == kept));
        typed.SetTarget(kept);
        Console.WriteLine(typed.TryGetTarget(out found) && found == kept);
        for (int n = 0; n < count; n++)
            new WeakReference(kept);
    }

    static unsafe void Pins()
    {
        GCHandle[] handles = Handles();
        byte* at = (byte*)handles[2].AddrOfPinnedObject().ToInt64();
        for (int n = 0; n < 20; n++)
        {
            new Plain();
            GC.Collect();
        }
        Console.WriteLine((handles[0].Target is Plain) + " " + (handles[1].Target == null) + " " + at[0] + at[1] + at[2] + " " +
                          (at == (byte*)handles[2].AddrOfPinnedObject().ToInt64()));
        handles[0].Target = "text";
        Console.WriteLine(handles[0].Target + " " + handles[0].IsAllocated);
        foreach (GCHandle handle in handles)
            handle.Free();
        handles[0].Free();
        try { handles[0].Free(); } catch (InvalidOperationException) { Console.WriteLine("freed"); }
        try { Console.WriteLine(new GCHandle().Target); } catch (InvalidOperationException) { Console.WriteLine("none"); }
    }

    // Nothing waits for these finalizers: they run when new objects are made.
    static void Many(int count)
    {
        Node.Ended = 0;
        for (int n = 0; n < count; n++)
            new Quiet();
        Console.WriteLine(Quiet.Ended > count / 2 && Quiet.Ended < count);
    }

    // A new object is in generation 0. The young object that an old one leads to lives.
    static void Generations()
    {
        object[] old = new object[1000];
        GC.Collect();
        object young = new Plain();
        int generation = GC.GetGeneration(young), all = GC.CollectionCount(1), some = GC.CollectionCount(0);
        old[700] = young;
        young = null;
        GC.Collect(0);
        bool counts = GC.CollectionCount(0) > some && GC.CollectionCount(1) >= all;
        GC.Collect();
        Console.WriteLine(GC.MaxGeneration + " " + generation + " " + GC.GetGeneration(old) + " " + (old[700] is Plain) + " " + counts +
                          " " + (GC.CollectionCount(1) > all));
        try { GC.Collect(-1); } catch (ArgumentOutOfRangeException) { Console.WriteLine("no such generation"); }
    }

    static void Main(string[] arguments)
    {
        bool isFew = arguments.Length > 0 && arguments[0] == "few";
        Finalizers();
        WeakReferences(isFew ? 100 : 100000);
        Pins();
        Generations();
        Many(isFew ? 100 : 300000);
        if (arguments.Length > 0 && arguments[0] == "fail")
        {
            new Failing().ToString();
            Collect("not reached");
        }
    }
}

class Quiet
{
    public static int Ended;
    public int[] Items = new int[10];
    ~Quiet() { Ended++; }
}

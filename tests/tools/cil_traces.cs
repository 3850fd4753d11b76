// SPDX-License-Identifier: MIT
//
// Traces of exceptions and of active methods. Offsets are left out, so it prints the same in mono.
using System;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;

class Base
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public virtual void Fail(int n) { throw new InvalidOperationException("base " + n); }
}

class Derived : Base
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public override void Fail(int n)
    {
        if (n == 0)
            base.Fail(n);
        Fail(n - 1);
    }
}

class Generic<T>
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static StackTrace Trace(T value) { return new StackTrace(); }
}

struct Value
{
    public int number;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public StackTrace Trace()
    {
        number++;
        return new StackTrace(number - 1);
    }
}

static class P
{
    // The names of the methods, without offsets and with the first part of the name only.
    static string Names(StackTrace trace)
    {
        string text = "";
        for (int n = 0; n < trace.FrameCount; n++)
        {
            MethodBase method = trace.GetFrame(n).GetMethod();
            text += (n == 0 ? "" : " < ") + method.DeclaringType.Name + "." + method.Name;
        }
        return text;
    }

    static string Names(Exception e)
    {
        string text = "";
        if (e.StackTrace == null)
            return "none";
        foreach (string line in e.StackTrace.Split('\n'))
        {
            string name = line.Trim().Substring(3);
            int end = name.IndexOf(' ');
            text += (text == "" ? "" : " < ") + (end < 0 ? name : name.Substring(0, end));
        }
        return text + (Names(new StackTrace(e)) == text ? "" : " but " + Names(new StackTrace(e)));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Null(string s)
    {
        if (s.Length == 0)
            Console.WriteLine("empty");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Index(int[] all, int n) { all[n]++; }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Finally(Action action)
    {
        try
        {
            action();
        }
        finally
        {
            GC.Collect();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Again(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e)
        {
            Console.WriteLine("in between: " + Names(e));
            try
            {
                throw new DivideByZeroException();
            }
            catch (DivideByZeroException other)
            {
                Console.WriteLine("other: " + Names(other));
            }
            throw;
        }
    }

    static void NullAgain() { Again(CallNull); }
    static void CallNull() { Null(null); }
    static void CallIndex() { Index(new int[2], 2); }
    static void CallFail() { new Derived().Fail(2); }
    static void FinallyIndex() { Finally(CallIndex); }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Try(string name, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e)
        {
            Console.WriteLine(name + ": " + Names(e));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Filtered(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IndexOutOfRangeException)
        {
            Console.WriteLine("filtered: " + Names(e));
            throw;
        }
    }

    static void CallFiltered() { Filtered(FinallyIndex); }
    static void NotFiltered() { Filtered(CallNull); }

    static Exception kept = new Exception("kept");
    static void ThrowKept() { throw kept; }
    static void ThrowKeptElsewhere() { throw kept; }

    static int Main()
    {
        Console.WriteLine(Names(new Exception()));
        Try("null", CallNull);
        Try("index", CallIndex);
        Try("virtual", CallFail);
        Try("finally", FinallyIndex);
        Try("kept", ThrowKept);
        Try("elsewhere", ThrowKeptElsewhere);
        Try("again", NullAgain);
        Try("after the filter", CallFiltered);
        Try("not filtered", NotFiltered);
        Console.WriteLine(Names(new StackTrace()) + " | " + Names(Generic<int>.Trace(1)) + " | " + Names(Generic<string>.Trace("x")));
        Value value = new Value();
        Console.WriteLine(Names(value.Trace()) + " | " + Names(value.Trace()) + " | " + Names(value.Trace()));
        StackTrace all = new StackTrace(true);
        Console.WriteLine(all.FrameCount + " " + (all.GetFrame(1) == null) + " " + all.GetFrames().Length + " "
                          + new StackFrame().GetMethod().Name + " " + all.GetFrame(0).GetFileLineNumber());
        return 5;
    }
}

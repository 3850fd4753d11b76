// SPDX-License-Identifier: MIT
//
// Nanoseconds of single operations: those of a loop with the operation, without those of a loop that does everything else. With
// --accel icount they are instructions: scripts/run MACHINE --accel icount --program costs.exe
using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;

interface INumber
{
    int Next(int n);
}

sealed class One : INumber
{
    public One other;
    public int value;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Next(int n) { return n + 1; }
}

sealed class Two : INumber
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Next(int n) { return n + 2; }
}

sealed class Three : INumber
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Next(int n) { return n + 3; }
}

static class Costs
{
    const int Rounds = 10000;
    static double rest; // of the loop that does everything else
    static object kept;

    static void Rest(long ticks) { rest = Each(ticks); }
    static double Each(long ticks) { return ticks * 1e9 / Stopwatch.Frequency / Rounds; }

    // more: instructions of the operation that the other loop has, too.
    static void Report(string what, long ticks, int more) { Console.WriteLine("{0}: {1:F1}", what, Each(ticks) - rest + more); }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Next(INumber number, int n) { return n + 1; }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Deep(int n)
    {
        if (n == 0)
            throw new InvalidOperationException();
        Deep(n - 1);
    }

    // A static method is called with one instruction.
    static int Calls(INumber one, INumber two, INumber three, Func<int, int> f, Func<int, int> other, Func<int, int> found)
    {
        int sum = 0;
        long start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
            sum = Next(one, sum);
        Rest(Stopwatch.GetTimestamp() - start);
        start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
            sum = one.Next(sum);
        Report("interface call, the first of three types", Stopwatch.GetTimestamp() - start, 1);
        start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
            sum = two.Next(sum);
        Report("interface call, the second", Stopwatch.GetTimestamp() - start, 1);
        start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
            sum = three.Next(sum);
        Report("interface call, the third", Stopwatch.GetTimestamp() - start, 1);
        start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
            sum = f(sum);
        Report("delegate call", Stopwatch.GetTimestamp() - start, 1);
        start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
            sum = other(sum);
        Report("delegate call, another method of the type", Stopwatch.GetTimestamp() - start, 1);
        start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
            sum = found(sum);
        Report("delegate call, of a virtual method", Stopwatch.GetTimestamp() - start, 1);
        return sum;
    }

    static void Stores(One a, One b)
    {
        long start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
            a.value = n;
        Rest(Stopwatch.GetTimestamp() - start);
        start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
        {
            a.value = n;
            a.other = b;
        }
        Report("store of a reference", Stopwatch.GetTimestamp() - start, 0);
    }

    // A box is an object without a constructor; both loops store the number and the reference.
    static void Allocations(One a, object b)
    {
        long start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
        {
            a.value = n;
            kept = b;
        }
        Rest(Stopwatch.GetTimestamp() - start);
        start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
            kept = n;
        Report("allocation of 16 bytes", Stopwatch.GetTimestamp() - start, 0);
    }

    static int Exceptions()
    {
        int sum = 0;
        Rest(0);
        long start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
        {
            try
            {
                Deep(1);
            }
            catch (InvalidOperationException)
            {
                sum++;
            }
        }
        Report("throw to catch through two frames", Stopwatch.GetTimestamp() - start, 0);
        return sum;
    }

    static int Main()
    {
        One one = new One();
        Two two = new Two();
        int sum = Calls(one, two, new Three(), one.Next, two.Next, ((INumber)two).Next);
        Stores(one, new One());
        Allocations(one, one);
        return sum + Exceptions() > 0 && kept != null ? 0 : 1;
    }
}

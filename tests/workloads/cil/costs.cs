// SPDX-License-Identifier: MIT
//
// Nanoseconds of single operations, without those of an empty loop. With --accel icount they are instructions:
// scripts/run MACHINE --accel icount --program costs.exe
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

static class Costs
{
    const int Rounds = 10000;
    static double empty;
    static One kept;

    static void Report(string what, long ticks, int rounds)
    {
        double each = ticks * 1e9 / Stopwatch.Frequency / rounds;
        if (what == null)
            empty = each;
        else
            Console.WriteLine("{0}: {1:F1}", what, each - empty);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Deep(int n)
    {
        if (n == 0)
            throw new InvalidOperationException();
        Deep(n - 1);
    }

    static void Loops(INumber one, INumber two, Func<int, int> f, One a, One b)
    {
        int sum = 0;
        long start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
            sum++;
        Report(null, Stopwatch.GetTimestamp() - start, Rounds);
        start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
            sum = one.Next(sum);
        Report("interface call with its method", Stopwatch.GetTimestamp() - start, Rounds);
        start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
            sum = f(sum);
        Report("delegate call with its method", Stopwatch.GetTimestamp() - start, Rounds);
        start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
            a.other = b;
        Report("store of a reference", Stopwatch.GetTimestamp() - start, Rounds);
        start = Stopwatch.GetTimestamp();
        for (int n = 0; n < Rounds; n++)
            kept = new One();
        Report("allocation of 24 bytes, kept in a static field", Stopwatch.GetTimestamp() - start, Rounds);
        start = Stopwatch.GetTimestamp();
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
        Report("throw to catch through two frames", Stopwatch.GetTimestamp() - start, Rounds);
        a.value = two.Next(sum) + (kept == null ? 1 : 0);
    }

    static int Main()
    {
        One one = new One();
        Loops(one, new Two(), one.Next, one, new One());
        return 0;
    }
}

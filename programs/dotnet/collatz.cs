// SPDX-License-Identifier: MIT
//
// The longest Collatz sequence that starts below 1000: its number of steps, 178, is the exit status.
using System;

static class Collatz
{
    static int Steps(long n)
    {
        int steps = 0;
        for (; n != 1; steps++)
            n = n % 2 == 0 ? n / 2 : checked(3 * n + 1);
        return steps;
    }

    static int Main(string[] args)
    {
        if (args.Length == 1 && args[0] == "--help")
        {
            Console.WriteLine("usage: collatz");
            return 0;
        }
        int most = 0;
        for (int n = 1; n < 1000; n++)
        {
            int steps = Steps(n);
            if (steps > most)
                most = steps;
        }
        return most;
    }
}

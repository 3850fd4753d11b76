// SPDX-License-Identifier: MIT
//
// Threads: four of them count primes, each taking the next range of numbers when it has finished one. A fifth one adds
// what they find, in the order of the ranges.
using System;
using System.Collections.Generic;
using System.Threading;

static class Threads
{
    const int Workers = 4, Range = 5000;

    static readonly object gate = new object();
    static readonly Queue<int> ranges = new Queue<int>();                          // with gate
    static readonly Dictionary<int, List<int>> found = new Dictionary<int, List<int>>(); // with gate: primes by range

    static bool IsPrime(int n)
    {
        for (int d = 2; d * d <= n; d++)
            if (n % d == 0)
                return false;
        return n > 1;
    }

    static void Count()
    {
        for (;;)
        {
            int range;
            lock (gate)
            {
                if (ranges.Count == 0)
                    return;
                range = ranges.Dequeue();
            }
            List<int> primes = new List<int>();
            for (int n = range * Range; n < (range + 1) * Range; n++)
                if (IsPrime(n))
                    primes.Add(n);
            lock (gate)
            {
                found.Add(range, primes);
                Monitor.PulseAll(gate);
            }
        }
    }

    static void Add(object count)
    {
        int sum = 0;
        for (int range = 0; range < (int)count; range++)
        {
            List<int> primes;
            lock (gate)
                while (!found.TryGetValue(range, out primes))
                    Monitor.Wait(gate);
            sum += primes.Count;
            Console.WriteLine("below " + (range + 1) * Range + ": " + sum + " primes, the last is " + primes[primes.Count - 1]);
        }
    }

    static int Main(string[] args)
    {
        if (args.Length == 1 && args[0] == "--help")
        {
            Console.WriteLine("usage: threads [RANGES]");
            return 0;
        }
        int count = args.Length > 0 ? Int32.Parse(args[0]) : 6;
        for (int range = 0; range < count; range++)
            ranges.Enqueue(range);
        Thread adder = new Thread(Add);
        adder.Start(count);
        List<Thread> workers = new List<Thread>();
        for (int n = 0; n < Workers; n++)
        {
            Thread worker = new Thread(Count) { Name = "worker " + n };
            worker.Start();
            workers.Add(worker);
        }
        foreach (Thread worker in workers)
            worker.Join();
        adder.Join();
        return found.Count == count ? 0 : 1;
    }
}

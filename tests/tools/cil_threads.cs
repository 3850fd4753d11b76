// SPDX-License-Identifier: MIT
//
// Threads: what they compute does not depend on how they take turns, so it is what mono computes.
using System;
using System.Threading;

class Tree
{
    public readonly Tree left, right;
    public readonly int value;

    public Tree(int depth, int value)
    {
        this.value = value;
        if (depth > 0)
        {
            left = new Tree(depth - 1, 2 * value);
            right = new Tree(depth - 1, 2 * value + 1);
        }
    }

    public int Sum() { return value + (left == null ? 0 : left.Sum() + right.Sum()); }
}

// Each is initialised by one of several threads that come at once, and the others wait.
class Slow
{
    public static int runs;
    public static readonly int[] values = Make();

    static int[] Make()
    {
        Interlocked.Increment(ref runs);
        Thread.Sleep(20);
        return new int[] { 1, 2, 3 };
    }
}

class First { public static readonly int value = 1 + Second.Value(); public static int Value() { return value; } static First() { } }
class Second { public static readonly int value = 10 + First.Value(); public static int Value() { return value; } static Second() { } }

class Fails
{
    public static readonly int value = Make();

    static Fails() { }
    static int Make()
    {
        Thread.Sleep(10);
        throw new InvalidOperationException("no");
    }
}

struct Pair
{
    public object a;
    public string b;
    public int n;
}

static class P
{
    const int Threads = 4;
    static int rounds = 20;
    static volatile bool stops;
    static int counter;
    static readonly object gate = new object();

    static void Run(string name, Func<int, int> work)
    {
        int[] results = new int[Threads];
        Thread[] all = new Thread[Threads];
        for (int n = 0; n < Threads; n++)
        {
            int number = n;
            all[n] = new Thread(() => results[number] = work(number));
            all[n].Start();
        }
        foreach (Thread t in all)
            t.Join();
        Console.Write(name + ":");
        foreach (int r in results)
            Console.Write(" " + r);
        Console.WriteLine();
    }

    static int Trees(int n)
    {
        int sum = 0;
        Tree kept = new Tree(5, n);
        for (int k = 0; k < rounds; k++)
            sum += new Tree(4, k).Sum() + kept.Sum();
        return sum;
    }

    // Arrays of numbers and strings that lie apart from other objects.
    static int Large(int n)
    {
        int sum = 0;
        int[][] kept = new int[3][];
        for (int k = 0; k < rounds; k++)
        {
            int[] numbers = kept[k % 3] = new int[9000 + 500 * k];
            numbers[8999] = n + k;
            string s = new string((char)('a' + n), 20000 + k);
            byte[] garbage = new byte[50000 + 1000 * n];
            foreach (int[] one in kept)
                if (one != null)
                    sum += one[8999] + one[0];
            sum += s[19999] + garbage[49999];
        }
        return sum;
    }

    // Arrays, boxes, strings, structs with references, addresses of elements and fields.
    static int Mixed(int n)
    {
        int sum = 0;
        Pair[] pairs = new Pair[7];
        for (int k = 0; k < rounds; k++)
        {
            ref Pair p = ref pairs[k % pairs.Length];
            p.a = k;
            p.b = "text" + k + "/" + n;
            p.n += p.b.Length;
            Pair copy = p;
            sum += (int)copy.a + copy.b.Length + p.n;
            object[][] deep = { new object[] { copy, sum }, new object[] { p.b } };
            sum += ((Pair)deep[0][0]).n + ((string)deep[1][0]).Length;
        }
        return sum;
    }

    static int Down(int n)
    {
        if (n == 0)
            throw new ArgumentException("bottom");
        return Down(n - 1) + 1;
    }

    static int Caught(int n)
    {
        int count = 0;
        for (int k = 0; k < rounds; k++)
        {
            try
            {
                count += Down(n + k % 5);
            }
            catch (ArgumentException e) when (e.Message.Length > 0)
            {
                count += e.Message.Length;
            }
            finally
            {
                count++;
            }
        }
        return count;
    }

    static int Fibonacci(int n) { return n < 2 ? n : Fibonacci(n - 1) + Fibonacci(n - 2); }

    // Threads that allocate nothing, beside one that collects.
    static int Busy(int n)
    {
        int result = 0;
        if (n == 0)
        {
            for (int k = 0; k < rounds; k++)
            {
                GC.Collect();
                result += new Tree(3, k).Sum();
            }
            stops = true;
        }
        else if (n == 1)
            while (!stops) { }
        else if (n == 2)
            while (!stops)
                result = Fibonacci(12);
        else
            while (!stops)
                Thread.Sleep(1);
        return n == 1 ? 0 : result == 0 && n == 2 ? Fibonacci(12) : result;
    }

    static int Locked(int n)
    {
        for (int k = 0; k < rounds; k++)
        {
            lock (gate)
            {
                int before = counter;
                string text = before.ToString();
                lock (gate)
                    counter = Int32.Parse(text) + 1;
            }
        }
        return n;
    }

    // Which one of the circle comes first depends on the threads, but all see the same.
    static int Initialised(int n)
    {
        int both = n % 2 == 0 ? First.Value() + Second.Value() : Second.Value() + First.Value();
        return Slow.values[n % 3] + (both == 21 || both == 12 ? 100 : 0);
    }

    static int Failing(int n)
    {
        try
        {
            return Fails.value;
        }
        catch (TypeInitializationException e)
        {
            return e.InnerException.Message.Length;
        }
    }

    // New objects that other threads find without a lock are complete: their fields and the arrays
    // and structs behind these have what was stored before the reference.
    static readonly Tree[] shared = new Tree[Threads];
    static readonly Pair[] sharedPairs = new Pair[Threads];

    static int Published(int n)
    {
        int wrong = 0;
        for (int k = 1; k <= 20 * rounds; k++)
        {
            Tree made = new Tree(2, k);
            shared[n] = made;
            sharedPairs[n] = new Pair { a = new Tree(1, k) };
            for (int other = 0; other < Threads; other++)
            {
                Tree seen = shared[other], inPair = (Tree)sharedPairs[other].a;
                if (seen != null && seen.Sum() != 21 * seen.value + 7)
                    wrong++;
                if (inPair != null && inPair.Sum() != 5 * inPair.value + 1)
                    wrong++;
            }
        }
        return wrong;
    }

    // A queue of one element between pairs of threads.
    static readonly object[] slots = new object[2];
    static readonly object[] locks = { new object(), new object() };

    static int Passed(int n)
    {
        int pair = n / 2, sum = 0;
        for (int k = 0; k < rounds; k++)
        {
            lock (locks[pair])
            {
                if (n % 2 == 0)
                {
                    while (slots[pair] != null)
                        Monitor.Wait(locks[pair]);
                    slots[pair] = new Tree(2, k);
                }
                else
                {
                    while (slots[pair] == null)
                        Monitor.Wait(locks[pair]);
                    sum += ((Tree)slots[pair]).Sum();
                    slots[pair] = null;
                }
                Monitor.PulseAll(locks[pair]);
            }
        }
        return sum;
    }

    static void Times()
    {
        object o = new object();
        bool taken = false;
        lock (o)
        {
            Console.WriteLine("wait: " + Monitor.Wait(o, 5));
            Thread other = new Thread(() => taken = Monitor.TryEnter(o, 5));
            other.Start();
            Console.WriteLine("join: " + other.Join(0 * rounds) + " " + other.Join(Timeout.Infinite) + " " + taken + " " + other.IsAlive);
        }
        try
        {
            Monitor.Exit(o);
        }
        catch (SynchronizationLockException)
        {
            Console.WriteLine("not entered");
        }
        try
        {
            new Thread(() => { }).Join();
        }
        catch (ThreadStateException)
        {
            Console.WriteLine("not started");
        }
    }

    static void Names()
    {
        Thread first = Thread.CurrentThread;
        first.Name = "first";
        string seen = null;
        Thread t = new Thread(o => seen = Thread.CurrentThread.Name + o + (Thread.CurrentThread == first));
        t.Name = "second";
        t.Start(5);
        t.Join();
        Console.WriteLine(seen + " " + Thread.CurrentThread.Name + " " + (Thread.CurrentThread == first));
    }

    static int Main(string[] args)
    {
        if (args.Length > 0)
            rounds = Int32.Parse(args[0]);
        Run("trees", Trees);
        Run("mixed", Mixed);
        Run("large", Large);
        Run("caught", Caught);
        Run("busy", Busy);
        Run("locked", Locked);
        Console.WriteLine("counter: " + counter);
        Run("initialised", Initialised);
        Console.WriteLine("runs: " + Slow.runs);
        Run("failing", Failing);
        Run("passed", Passed);
        Run("published", Published);
        Times();
        Names();
        Thread background = new Thread(() => { for (;;) { } });
        background.IsBackground = true;
        background.Start();
        new Thread(() => { Thread.Sleep(20); Console.WriteLine("Main is over"); }).Start();
        return 7;
    }
}

// SPDX-License-Identifier: MIT
//
// Interlocked, Volatile, static fields of threads, events, the pool, tasks and async methods.
using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

class Link
{
    public readonly Link next;
    public readonly int value;

    public Link(Link next, int value)
    {
        this.next = next;
        this.value = value;
    }
}

static class P
{
    const int Threads = 4;
    static int rounds = 50;
    static int count;
    static long wide;
    static Link top;

    [ThreadStatic] static int own;
    [ThreadStatic] static string text;

    static void Run(Action<int> work)
    {
        Thread[] all = new Thread[Threads];
        for (int n = 0; n < Threads; n++)
        {
            int number = n;
            all[n] = new Thread(() => work(number));
            all[n].Start();
        }
        foreach (Thread t in all)
            t.Join();
    }

    static void Push(int value)
    {
        Link before, link;
        do
        {
            before = Volatile.Read(ref top);
            link = new Link(before, value);
        }
        while (Interlocked.CompareExchange(ref top, link, before) != before);
    }

    static void Atomic()
    {
        int adds = 0, gate = 0, inside = 0;
        Run(n =>
        {
            for (int k = 0; k < rounds * 100; k++)
            {
                Interlocked.Increment(ref count);
                Interlocked.Add(ref wide, 1L << 33);
                Interlocked.Decrement(ref wide);
            }
            for (int k = 0; k < rounds; k++)
            {
                Push(n * rounds + k);
                Interlocked.Add(ref adds, k);
                while (Interlocked.Exchange(ref gate, 1) != 0)
                    Thread.Yield();
                inside++;
                Volatile.Write(ref gate, 0);
            }
        });
        long sum = 0;
        int links = 0;
        for (Link l = top; l != null; l = l.next, links++)
            sum += l.value;
        Console.WriteLine("atomic: " + count + " " + Interlocked.Read(ref wide) + " " + links + " " + sum + " " + adds + " " + inside);
    }

    static void Own()
    {
        int total = 0, wrong = 0;
        own = 1000;
        text = "first";
        Run(n =>
        {
            if (own != 0 || text != null)
                Interlocked.Increment(ref wrong);
            for (int k = 0; k < rounds; k++)
            {
                own += n;
                text = "thread " + own;
                object garbage = new int[100];
                if (text != "thread " + n * (k + 1) || garbage == null)
                    Interlocked.Increment(ref wrong);
            }
            Interlocked.Add(ref total, own);
        });
        Console.WriteLine("own: " + total + " " + wrong + " " + own + " " + text);
    }

    static void Events()
    {
        AutoResetEvent ping = new AutoResetEvent(false), pong = new AutoResetEvent(false);
        ManualResetEvent done = new ManualResetEvent(false);
        SemaphoreSlim few = new SemaphoreSlim(2, 2);
        int passes = 0, inside = 0, most = 0;
        new Thread(() =>
        {
            for (int k = 0; k < rounds; k++)
            {
                ping.WaitOne();
                passes++;
                pong.Set();
            }
            done.Set();
        }).Start();
        for (int k = 0; k < rounds; k++)
        {
            ping.Set();
            pong.WaitOne();
        }
        Console.WriteLine("events: " + passes + " " + done.WaitOne() + " " + done.WaitOne(0) + " " + ping.WaitOne(1));
        Run(n =>
        {
            for (int k = 0; k < rounds; k++)
            {
                few.Wait();
                int now = Interlocked.Increment(ref inside);
                if (now > 2)
                    most = now;
                Interlocked.Decrement(ref inside);
                few.Release();
            }
        });
        Console.WriteLine("semaphore: " + most + " " + few.CurrentCount + " " + few.Wait(0) + few.Wait(0) + few.Wait(1));
        CountdownEvent left = new CountdownEvent(Threads);
        for (int n = 0; n < Threads; n++)
            ThreadPool.QueueUserWorkItem(o => left.Signal());
        left.Wait();
        Console.WriteLine("countdown: " + left.IsSet);
    }

    static int Fibonacci(int n) { return n < 2 ? n : Fibonacci(n - 1) + Fibonacci(n - 2); }

    // Each waits for two others.
    static int Split(int from, int to)
    {
        if (to - from < 4)
        {
            int sum = 0;
            for (int n = from; n < to; n++)
                sum += Fibonacci(n % 10);
            return sum;
        }
        int middle = (from + to) / 2;
        Task<int> left = Task.Run(() => Split(from, middle)), right = Task.Run(() => Split(middle, to));
        return left.Result + right.Result;
    }

    static void Tasks()
    {
        Console.WriteLine("split: " + Split(0, 64));
        Task<string> text = Task.Run(() => 6 * 7).ContinueWith(t => "result " + t.Result);
        Console.WriteLine(text.Result);
        List<Task<int>> all = new List<Task<int>>();
        for (int n = 0; n < 10; n++)
        {
            int number = n;
            all.Add(Task.Run(() => number * number));
        }
        int sum = 0;
        foreach (int square in Task.WhenAll(all).Result)
            sum += square;
        Console.WriteLine("squares: " + sum);
        Task failed = Task.Run(() => { throw new InvalidOperationException("no"); });
        try
        {
            failed.Wait();
        }
        catch (AggregateException e)
        {
            Console.WriteLine("failed: " + e.InnerException.Message + " " + failed.IsFaulted + " " + failed.Status + " " + e.InnerExceptions.Count);
        }
        TaskCompletionSource<int> source = new TaskCompletionSource<int>();
        Task<int> waits = source.Task.ContinueWith(t => t.Result + 1);
        Console.WriteLine("source: " + waits.Wait(1) + " " + source.TrySetResult(4) + " " + waits.Result + " " + source.TrySetResult(5));
        Task never = new TaskCompletionSource<int>().Task;
        Console.WriteLine("any: " + Task.WaitAny(never, Task.Delay(5)));
        Task.WaitAll(Task.Delay(2), Task.Run(() => Thread.Sleep(1)));
    }

    static async Task<int> Add(int a, int b)
    {
        await Task.Delay(1);
        return a + b;
    }

    static async Task<int> Sum(int n)
    {
        int sum = 0;
        for (int k = 0; k < n; k++)
            sum = await Add(sum, k);
        return sum;
    }

    static async Task<string> Caught(bool fails)
    {
        string text = "start";
        try
        {
            await Task.Yield();
            text += ", yielded";
            if (fails)
                await Task.Run(() => { throw new ArgumentException("bad"); });
            text += ", done";
        }
        catch (ArgumentException e)
        {
            text += ", caught " + e.Message;
        }
        finally
        {
            text += ", finally";
        }
        return text;
    }

    static async Task Fails()
    {
        await Task.Yield();
        throw new InvalidOperationException("from async");
    }

    static async Task<int> Many()
    {
        List<Task<int>> all = new List<Task<int>>();
        for (int n = 0; n < 8; n++)
            all.Add(Sum(n));
        int sum = 0;
        foreach (int s in await Task.WhenAll(all))
            sum += s;
        return sum;
    }

    static async Task Async()
    {
        Console.WriteLine("sum: " + await Sum(10));
        Console.WriteLine(await Caught(false));
        Console.WriteLine(await Caught(true));
        Console.WriteLine("many: " + await Many());
        try
        {
            await Fails();
        }
        catch (InvalidOperationException e)
        {
            Console.WriteLine("await: " + e.Message);
        }
        Console.WriteLine("at once: " + await Task.FromResult(3) + " " + await Task.Run(async () => await Add(4, 5)));
    }

    static void Timers()
    {
        int fired = 0;
        AutoResetEvent third = new AutoResetEvent(false);
        Timer timer = new Timer(o =>
        {
            if (Interlocked.Increment(ref fired) == 3)
                third.Set();
        }, null, 1, 2);
        third.WaitOne();
        timer.Dispose();
        Console.WriteLine("timer: " + (fired >= 3));
    }

    static int Main(string[] args)
    {
        if (args.Length > 0)
            rounds = Int32.Parse(args[0]);
        Atomic();
        Own();
        Events();
        Tasks();
        Async().Wait();
        Timers();
        return 9;
    }
}

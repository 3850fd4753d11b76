// SPDX-License-Identifier: MIT
//
// Hundreds of threads at once. With the word "limit" it also starts threads until there is no memory for another one.
using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

static class Crowd
{
    static readonly object gate = new object();
    static int inside, awaited;
    static bool isOpen;
    static long sum;

    // References in a frame of the stack, and addresses of variables in frames below.
    static int Chain(ref object last, int depth)
    {
        object mine = new object[] { last };
        last = mine;
        if (depth > 0)
            return Chain(ref mine, depth - 1) + 1;
        int count = 0;
        for (object o = mine; o is object[]; o = ((object[])o)[0])
            count++;
        return count;
    }

    static void Body()
    {
        object last = "";
        int count = Chain(ref last, 100);
        lock (gate)
        {
            if (++inside == awaited) // once: otherwise the threads would wake each other 45,000 times
                Monitor.PulseAll(gate);
            while (inside < awaited && !isOpen)
                Monitor.Wait(gate);
            sum += count;
        }
    }

    static void Meet(int count)
    {
        List<Thread> all = new List<Thread>();
        inside = 0;
        awaited = count;
        for (int n = 0; n < count; n++)
        {
            all.Add(new Thread(Body));
            all[n].Start();
        }
        foreach (Thread thread in all)
            thread.Join();
    }

    static void Limit()
    {
        List<Thread> all = new List<Thread>();
        string message = null;
        inside = 0;
        awaited = Int32.MaxValue;
        while (message == null)
        {
            Thread thread = new Thread(Body);
            try
            {
                thread.Start();
                all.Add(thread);
            }
            catch (OutOfMemoryException e)
            {
                message = e.Message;
            }
        }
        lock (gate)
        {
            isOpen = true;
            Monitor.PulseAll(gate);
        }
        foreach (Thread thread in all)
            thread.Join();
        isOpen = false;
        Console.WriteLine((all.Count > 300) + " " + message);
    }

    static void Main(string[] words)
    {
        for (int round = 0; round < 3; round++)
            Meet(300);
        Console.WriteLine("together: " + sum);
        for (int n = 0; n < 500; n++)
            Meet(1);
        Console.WriteLine("in turn: " + sum);
        if (words.Length != 0)
            Limit();
        Console.WriteLine("all memory again: " + new byte[45 << 20].Length);
        sum = 0;
        Meet(300);
        Console.WriteLine("and again: " + sum);

        // More tasks that wait for each other than the pool has threads at first.
        CountdownEvent all = new CountdownEvent(100);
        Task[] tasks = new Task[100];
        for (int n = 0; n < tasks.Length; n++)
            tasks[n] = Task.Run(() => { all.Signal(); all.Wait(); });
        Task.WaitAll(tasks);
        Console.WriteLine("tasks: " + all.CurrentCount);
    }
}

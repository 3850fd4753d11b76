// SPDX-License-Identifier: MIT
//
// Tasks: parts of a matrix product run on all CPUs at once, and an async method waits for them and for a timer without a thread
// of its own.
using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

static class Tasks
{
    const int Parts = 8;

    static int finished;

    // The sum of the elements of some rows of the product.
    static long Multiply(int size, int first, int end)
    {
        long sum = 0;
        for (int i = first; i < end; i++)
            for (int j = 0; j < size; j++)
                for (int k = 0; k < size; k++)
                    sum += (i + k) * (k - j);
        Interlocked.Increment(ref finished);
        return sum;
    }

    static async Task<long> Product(int size)
    {
        List<Task<long>> parts = new List<Task<long>>();
        for (int n = 0; n < Parts; n++)
        {
            int first = size * n / Parts, end = size * (n + 1) / Parts;
            parts.Add(Task.Run(() => Multiply(size, first, end)));
        }
        long sum = 0;
        foreach (long part in await Task.WhenAll(parts))
            sum += part;
        return sum;
    }

    static async Task<string> Late()
    {
        await Task.Delay(10);
        return "a timer";
    }

    static async Task<int> All(int size)
    {
        Task<string> late = Late();
        long product = await Product(size);
        Console.WriteLine("the product's elements are " + product + " together: " + finished + " tasks");
        Console.WriteLine(await late + " has fired");
        try
        {
            await Task.Run(() => Multiply(size, size / (finished - Parts), size));
        }
        catch (DivideByZeroException e)
        {
            Console.WriteLine("a task has failed: " + e.Message);
        }
        return product == await Product(size) ? 0 : 1;
    }

    static int Main(string[] args)
    {
        if (args.Length == 1 && args[0] == "--help")
        {
            Console.WriteLine("usage: tasks [SIZE]");
            return 0;
        }
        return All(args.Length > 0 ? Int32.Parse(args[0]) : 40).Result;
    }
}

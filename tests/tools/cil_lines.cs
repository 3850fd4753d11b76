// SPDX-License-Identifier: MIT
//
// Traces with files and lines, for a build with -debug. cil_lines.txt has what it prints. Mono prints the same, except for messages,
// names of generic and async methods, and lines of `throw`: mono names that of the statement after it.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Tasks;

namespace Lines
{
    class Generic<T>
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        public static T Get(T[] all, int n) { return all[n]; }
    }

    class Nested
    {
        internal class Inner
        {
            readonly int[] numbers;

            [MethodImpl(MethodImplOptions.NoInlining)]
            public Inner(int n)
            {
                if (n < 0)
                    throw new ArgumentException("negative");
                numbers = new int[n];
            }

            public int this[int n]
            {
                [MethodImpl(MethodImplOptions.NoInlining)]
                get
                {
                    return numbers[n];
                }
            }
        }
    }

    static class P
    {
        static readonly int zero = int.Parse("0");

        [MethodImpl(MethodImplOptions.NoInlining)]
        static int Divide(int n, string unused)
        {
            int result =
                n / zero;
            return result;
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Again()
        {
            try
            {
                Divide(1, "again");
            }
            catch (DivideByZeroException)
            {
                Console.WriteLine("again");
                throw;
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Restart()
        {
            try
            {
                Divide(1, "restart");
            }
            catch (DivideByZeroException e)
            {
                throw e;
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Wrap()
        {
            try
            {
                Restart();
            }
            catch (Exception e)
            {
                throw new InvalidOperationException("outer", e);
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Finally()
        {
            try
            {
                Generic<string>.Get(new string[3], 5);
            }
            finally
            {
                Handled("finally", delegate
                {
                    new Nested.Inner(-1);
                });
            }
        }

        static IEnumerable<int> Numbers(int n)
        {
            for (int k = n; ; k--)
                yield return
                    100 / (k - zero);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static int Sum(int n)
        {
            int sum = 0;
            foreach (int k in Numbers(n))
                sum += k;
            return sum;
        }

#if ASYNC
        static async Task<int> Later(int n)
        {
            await Task.Delay(n);
            return Divide(n, null);
        }

        static async Task<int> Latest(int n)
        {
            int sum = 1;
            sum += await Later(n);
            return sum;
        }
#endif

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Deep(int n)
        {
            if (n == 0)
                throw new Exception();
            Deep(n - 1);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Handled(string name, Action action)
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                Console.WriteLine(name + ": " + e);
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Where()
        {
            StackFrame frame = new StackTrace(true).GetFrame(0);
            Console.WriteLine(frame.GetMethod().Name + " " + frame.GetFileName() + " " + frame.GetFileLineNumber());
        }

        static int Main(string[] args)
        {
            Console.WriteLine(new Exception("not thrown"));
            Handled("array", () => Generic<int>.Get(new int[2], 2));
            Handled("property", () => Console.WriteLine(new Nested.Inner(3)[3]));
            Handled("again", Again);
            Handled("restart", Restart);
            Handled("wrap", Wrap);
            Handled("finally", Finally);
            Handled("iterator", () => Sum(4));
            Handled("deep", () => Deep(4));
#if ASYNC
            Handled("async", () => Latest(1).GetAwaiter().GetResult());
#endif
            Where();
#line 4000 "/elsewhere/other.cs"
            Handled("other", () => Divide(2, ""));
            if (args.Length != 0)
                Wrap();
            return 6;
        }
    }
}

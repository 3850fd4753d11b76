// SPDX-License-Identifier: MIT
//
// Arrays with lower bounds, and those of several dimensions that Array.CreateInstance makes. Prints the same in mono.
using System;
using System.Collections;

struct Pair
{
    public long a;
    public string b;
    public override string ToString() { return a + b; }
}

static class P
{
    static int failed;

    static string Kind(Action action)
    {
        try
        {
            action();
            return "nothing";
        }
        catch (Exception e)
        {
            return e.GetType().Name;
        }
    }

    static void Bounds(Array array)
    {
        string text = array.Rank + " " + array.Length + ":";
        for (int n = 0; n < array.Rank; n++)
            text += " " + array.GetLowerBound(n) + ".." + array.GetUpperBound(n) + "(" + array.GetLength(n) + ")";
        Console.WriteLine(text + " " + Kind(() => array.GetLowerBound(array.Rank)) + " " + Kind(() => array.GetUpperBound(-1)));
    }

    static Array Make(Type type, int[] lengths, int[] lower)
    {
        Array array = Array.CreateInstance(type, lengths, lower);
        Bounds(array);
        return array;
    }

    static void Grid()
    {
        int[,] grid = (int[,])Make(typeof(int), new int[] { 3, 4 }, new int[] { -1, 5 });
        for (int x = -1; x < 2; x++)
            for (int y = 5; y < 9; y++)
                grid[x, y] = 100 * x + y;
        string seen = "";
        for (int x = -3; x < 4; x++)
            for (int y = 3; y < 11; y++)
                try
                {
                    seen += grid[x, y] + " ";
                }
                catch (IndexOutOfRangeException)
                {
                    failed++;
                }
        Console.WriteLine(seen + failed);
        Change(ref grid[1, 8]);
        int[,] copy = (int[,])grid.Clone();
        copy[1, 8]++;
        Bounds(copy);
        Console.WriteLine(grid[1, 8] + " " + copy[1, 8] + " " + grid.GetValue(-1, 5) + " " + Kind(() => grid.GetValue(-2, 5)));
        int sum = 0;
        foreach (int n in (IEnumerable)grid)
            sum += n;
        Console.WriteLine(sum);
        grid.SetValue(7, 0, 6);
        Console.WriteLine(grid[0, 6] + " " + Kind(() => grid.SetValue(7, 2, 6)) + " " + Kind(() => grid.SetValue("x", 0, 6)));
        int[,] plain = new int[,] { { 1, 2, 3 }, { 4, 5, 6 } };
        Bounds(plain);
        Console.WriteLine(plain[1, 2] + " " + Kind(() => plain[2, 0]++) + " " + Kind(() => plain[0, failed - 45]++));
    }

    static void Change(ref int n) { n = -n; }

    static void Line()
    {
        Array line = Make(typeof(int), new int[] { 3 }, new int[] { 10 });
        line.SetValue(5, 10);
        line.SetValue(6, 12);
        Console.WriteLine(line.GetValue(10) + " " + line.GetValue(11) + " " + line.GetValue(12) + " " + Kind(() => line.GetValue(9)) + " "
                          + Kind(() => line.GetValue(13)) + " " + Kind(() => line.GetValue(0)));
        Console.WriteLine((line is int[]) + " " + (line.GetType() == typeof(int[])) + " " + Kind(() => ((int[])line)[0]++));
        IList list = line;
        Console.WriteLine(list.IndexOf(6) + " " + list.IndexOf(99) + " " + list.Contains(5) + " " + list[12]);
        Array other = Array.CreateInstance(typeof(int), new int[] { 5 }, new int[] { 2 });
        line.CopyTo(other, 3);
        string text = "";
        foreach (object o in other)
            text += o + " ";
        Console.WriteLine(text + Kind(() => line.CopyTo(other, 5)));
        Array zero = Make(typeof(int), new int[] { 4 }, new int[] { 0 });
        Console.WriteLine(zero is int[]);
        Array words = Make(typeof(string), new int[] { 2 }, new int[] { 1 });
        words.SetValue("one", 1);
        Console.WriteLine((words as object[] == null) + " " + words.GetValue(1) + " " + (words.GetValue(2) == null));
    }

    static void Cube()
    {
        Pair[,,] cube = (Pair[,,])Make(typeof(Pair), new int[] { 2, 2, 2 }, new int[] { 1, -1, 7 });
        for (int n = 0; n < 8; n++)
            cube[1 + n / 4, -1 + n / 2 % 2, 7 + n % 2] = new Pair { a = n, b = "<" + n + ">" };
        GC.Collect();
        string text = "";
        foreach (Pair p in (IEnumerable)cube)
            text += p;
        Console.WriteLine(text + " " + cube[2, 0, 8] + " " + Kind(() => cube[0, 0, 8].a++) + " " + cube.GetValue(2, -1, 7));
        string[,] names = (string[,])Array.CreateInstance(typeof(string), 2, 3);
        Bounds(names);
        names[1, 2] = "last";
        Console.WriteLine(names.GetValue(1, 2) + " " + Kind(() => ((object[,])names)[0, 0] = 1));
        Bounds(Array.CreateInstance(typeof(int), 2, 3, 4));
        Bounds(Array.CreateInstance(typeof(int), new int[] { 6 }));
    }

    static void Wrong()
    {
        int[] one = { 1 }, two = { 1, 1 };
        Console.WriteLine(Kind(() => Array.CreateInstance(null, one, one)) + " " + Kind(() => Array.CreateInstance(typeof(int), null, one)) + " "
                          + Kind(() => Array.CreateInstance(typeof(int), one, null)) + " " + Kind(() => Array.CreateInstance(typeof(int), one, two)) + " "
                          + Kind(() => Array.CreateInstance(typeof(int), new int[0], new int[0])) + " "
                          + Kind(() => Array.CreateInstance(typeof(int), new int[] { -1, 2 }, two)) + " "
                          + Kind(() => Array.CreateInstance(typeof(int), new int[] { 2, 2 }, new int[] { 0, Int32.MaxValue })));
        Bounds(Array.CreateInstance(typeof(int), new int[] { 1, 2 }, new int[] { Int32.MaxValue - 1, Int32.MinValue }));
        Bounds(Array.CreateInstance(typeof(int), new int[] { 0, 2 }, new int[] { 3, 4 }));
    }

    static int Main()
    {
        Grid();
        Line();
        Cube();
        Wrong();
        return failed;
    }
}

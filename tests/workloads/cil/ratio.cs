// SPDX-License-Identifier: MIT
//
// Six computations, each equal to that in ratio.c line by line: scripts/lib/cilratio.py compares their times.
using System;
using System.Runtime.CompilerServices;

struct Body
{
    public double x, y, z, w;
}

abstract class Shape
{
    public abstract uint Next(uint seed);
}

sealed class Triangle : Shape
{
    public override uint Next(uint seed) { return seed * 1664525 + 1013904223; }
}

sealed class Square : Shape
{
    public override uint Next(uint seed) { return seed ^ (seed >> 7); }
}

sealed class Circle : Shape
{
    public override uint Next(uint seed) { return seed * 22695477 + 1; }
}

sealed class Node
{
    public Node left, right;
}

static class Ratio
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    static Body Move(Body a, Body b)
    {
        Body c;
        c.x = a.x + b.x * 0.5;
        c.y = a.y - b.y * 0.25;
        c.z = a.z + b.w;
        c.w = a.w * 0.999 + b.z;
        return c;
    }

    static int Structs()
    {
        Body a, b;
        a.x = a.y = a.z = a.w = 1;
        b.x = b.y = b.z = b.w = 0.001;
        for (int n = 0; n < 60000000; n++)
            a = Move(a, b);
        return (int)(a.x + a.y + a.z + a.w);
    }

    static int Virtual()
    {
        Shape[] shapes = { new Triangle(), new Square(), new Circle() };
        uint seed = 1;
        for (int n = 0; n < 100000000; n++)
            seed = shapes[seed % 3].Next(seed);
        return (int)(seed & 0x7fffffff);
    }

    static Node Make(int depth)
    {
        Node n = new Node();
        if (depth > 0)
        {
            n.left = Make(depth - 1);
            n.right = Make(depth - 1);
        }
        return n;
    }

    static int Count(Node n) { return n.left == null ? 1 : 1 + Count(n.left) + Count(n.right); }

    static int Trees()
    {
        int sum = 0;
        for (int n = 0; n < 150; n++)
            sum += Count(Make(15));
        return sum;
    }

    const int Size = 400;

    static int Matrix()
    {
        double[] a = new double[Size * Size], b = new double[Size * Size], c = new double[Size * Size];
        for (int n = 0; n < Size * Size; n++)
        {
            a[n] = n % 7;
            b[n] = n % 5;
        }
        for (int round = 0; round < 8; round++)
            for (int i = 0; i < Size; i++)
                for (int j = 0; j < Size; j++)
                {
                    double sum = 0;
                    for (int k = 0; k < Size; k++)
                        sum += a[i * Size + k] * b[k * Size + j];
                    c[i * Size + j] = sum;
                }
        return (int)c[Size * Size / 2 + 17];
    }

    static int Sieve()
    {
        const int Last = 4000000;
        int count = 0;
        for (int round = 0; round < 20; round++)
        {
            bool[] composite = new bool[Last + 1];
            count = 0;
            for (int n = 2; n <= Last; n++)
            {
                if (composite[n])
                    continue;
                count++;
                for (long m = (long)n * n; m <= Last; m += n)
                    composite[m] = true;
            }
        }
        return count;
    }

    static int Hash()
    {
        byte[] bytes = new byte[1 << 20];
        for (int n = 0; n < bytes.Length; n++)
            bytes[n] = (byte)(n * 31 >> 3);
        uint hash = 2166136261;
        for (int round = 0; round < 400; round++)
            for (int n = 0; n < bytes.Length; n++)
                hash = (hash ^ bytes[n]) * 16777619;
        return (int)(hash & 0x7fffffff);
    }

    static int Main(string[] args)
    {
        string what = args[0];
        int result = what == "structs" ? Structs() : what == "virtual" ? Virtual() : what == "trees" ? Trees()
            : what == "matrix" ? Matrix() : what == "sieve" ? Sieve() : what == "hash" ? Hash() : 0;
        Console.WriteLine(result);
        return 0;
    }
}

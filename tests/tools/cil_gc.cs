// SPDX-License-Identifier: MIT
//
// What a collection has to find: references in variables, on the stack, in structs, arrays, static
// fields, delegates, exceptions and boxes, and addresses that lead into objects.
using System;
using System.Collections.Generic;
using System.Text;

class Node
{
    public Node left, right;
    public int value;
    public Node(int depth, int value)
    {
        this.value = value;
        if (depth > 0) {
            left = new Node(depth - 1, 2 * value);
            right = new Node(depth - 1, 2 * value + 1);
        }
    }
    public int Sum() { return value + (left == null ? 0 : left.Sum()) + (right == null ? 0 : right.Sum()); }
}

struct Pair
{
    public int number;
    public string text;
    public Node node;
    public Pair(int n) { number = n; text = "pair " + n; node = new Node(1, n); }
    public int Length() { string more = text + "!"; return more.Length + node.Sum() + text.Length; }
}

class Holder { public Pair pair; public object boxed; public int[] numbers; }

class Failure : Exception { public Node node; public Failure(Node n) : base("failed " + n.value) { node = n; } }

interface IShape { string Name(int n); }
class Square : IShape { string prefix; public Square(string p) { prefix = p; } public string Name(int n) { return prefix + Garbage.Make(n); } }

static class Garbage
{
    public static int made;
    public static string Make(int n)
    {
        object[] many = new object[8];
        for (int k = 0; k < many.Length; k++) many[k] = new int[k + n % 5];
        made += many.Length;
        return n.ToString();
    }
}

static class P
{
    static Node root = new Node(6, 1);
    static Pair fixed_pair = new Pair(7);
    static List<string> names = new List<string>();

    static int Fill(ref int cell, ref string text, int n)
    {
        string s = Garbage.Make(n);
        cell += s.Length;
        text = text + s;
        return new Node(2, n).Sum() + cell;
    }

    static Pair Swap(Pair a, Pair b, out Pair c)
    {
        c = new Pair(a.number + b.number);
        Garbage.Make(1);
        return new Pair(b.number * 2);
    }

    static ref int Element(int[] all, int n) { Garbage.Make(n); return ref all[n]; }

    static int Throw(int n)
    {
        Node keep = new Node(3, n);
        try {
            Garbage.Make(n);
            if (n % 2 == 0) throw new Failure(new Node(1, n));
            return keep.Sum();
        } catch (Failure e) {
            Garbage.Make(n);
            return e.node.Sum() + keep.Sum() + e.Message.Length;
        } finally {
            Garbage.Make(n);
            names.Add("finally " + keep.value);
        }
    }

    static IEnumerable<string> Words(int n)
    {
        for (int k = 0; k < n; k++) yield return "word " + Garbage.Make(k);
    }

    static unsafe int Pinned(int n)
    {
        char[] chars = new char[n];
        int sum = 0;
        fixed (char* p = chars) {
            for (int k = 0; k < n; k++) p[k] = (char)('a' + k);
            Garbage.Make(n);
            for (int k = 0; k < n; k++) sum += p[k];
        }
        string s = new string(chars);
        fixed (char* p = s) {
            Garbage.Make(n);
            sum += p[n - 1];
        }
        return sum;
    }

    static unsafe int OnTheStack(int n)
    {
        int* numbers = stackalloc int[n];
        Node keep = new Node(2, n);
        for (int k = 0; k < n; k++) numbers[k] = k;
        Garbage.Make(n);
        return keep.Sum() + numbers[n - 1];
    }

    // A literal is no object of the heap, but what meets it in a value may be.
    static int Meet(int n)
    {
        return Joined(n % 2 == 0 ? "literal" : Garbage.Make(n), new Node(1, n)) +
               Joined(n % 2 == 0 ? Garbage.Make(n) : "literal", new Node(1, n));
    }

    static int Joined(string s, Node n) { return s.Length + n.Sum(); }

    static Node dropped;

    // What is garbage below a pinned object stays, and leads to garbage above that goes.
    static unsafe int Below()
    {
        dropped = new Node(0, 1);
        int[] numbers = { 7 };
        dropped.left = new Node(0, 2);
        fixed (int* p = &numbers[0]) {
            for (int k = 0; k < 3; k++) {
                dropped = null;
                Garbage.Make(k);
            }
            return *p;
        }
    }

    // Large arrays of numbers and long strings lie apart from other objects. Each has contents that say which it is, so that
    // one that is freed too early, or lies where another one does, is seen.
    static byte[] Numbers(int n, int length)
    {
        byte[] all = new byte[length];
        for (int k = 0; k < length; k += 997) {
            if (all[k] != 0) throw new Exception("not zero");
            all[k] = (byte)(n + k);
        }
        return all;
    }

    static bool Holds(byte[] all, int n)
    {
        for (int k = 0; k < all.Length; k += 997) {
            if (all[k] != (byte)(n + k)) return false;
        }
        return true;
    }

    class Box { public byte[] bytes; public string text; public object other; public int number; }

    static unsafe int Large()
    {
        Box[] kept = new Box[7];
        int wrong = 0, sum = 0;
        for (int n = 0; n < 60; n++) {
            int length = 20000 + n * 7919 % 150000, at = n * 5 % kept.Length;
            Box box = kept[at] ?? (kept[at] = new Box());
            byte[] bytes = Numbers(n, length);
            box.bytes = bytes;
            box.number = n;
            box.text = new string((char)('a' + n % 26), 10000 + n * 1000);
            box.other = n % 3 == 0 ? (object)new long[5000 + n] : bytes;
            Numbers(n + 1, 40000); // garbage
            Garbage.Make(n);
            foreach (Box b in kept) {
                if (b == null) continue;
                if (!Holds(b.bytes, b.number) || b.text[b.text.Length - 1] != (char)('a' + b.number % 26)) wrong++;
            }
        }
        ref byte inside = ref Numbers(1, 70000)[69790];
        Garbage.Make(1);
        Numbers(2, 70000);
        fixed (byte* p = Numbers(3, 90000)) {
            Numbers(4, 90000);
            sum += p[997] + inside;
        }
        Array.Resize(ref kept[0].bytes, 200000);
        object[] many = new object[9000];
        for (int n = 0; n < many.Length; n += 1000) many[n] = new string('m', 20000 + n);
        Garbage.Make(2);
        for (int n = 0; n < many.Length; n += 1000) sum += ((string)many[n]).Length;
        WeakReference weak = new WeakReference(many[1000]);
        GC.Collect();
        if ((string)weak.Target != (string)many[1000]) wrong++;
        return wrong * 1000000 + sum + (Holds(kept[1].bytes, kept[1].number) ? 1 : 0);
    }

    static T Last<T>(T[] all) { Garbage.Make(all.Length); return all[all.Length - 1]; }

    static int Main()
    {
        string text = "start";
        int[] numbers = new int[10];
        Holder holder = new Holder { pair = new Pair(3), boxed = new Pair(4), numbers = new int[4] };
        for (int k = 0; k < 10; k++) {
            Console.WriteLine(Fill(ref numbers[k], ref text, k) + " " + Fill(ref holder.numbers[k % 4], ref holder.pair.text, k));
        }
        Console.WriteLine(text + " " + holder.pair.text + " " + ((Pair)holder.boxed).Length() + " " + root.Sum());
        Pair c;
        Pair d = Swap(new Pair(1), holder.pair, out c);
        Console.WriteLine(c.text + " " + d.text + " " + c.Length() + " " + d.Length() + " " + fixed_pair.Length());
        Pair[] pairs = new Pair[5];
        for (int k = 0; k < pairs.Length; k++) { pairs[k] = new Pair(k); pairs[k].text += Garbage.Make(k); }
        ref Pair middle = ref pairs[2];
        Garbage.Make(3);
        middle.text += " middle " + middle.Length();
        for (int k = 0; k < pairs.Length; k++) Console.WriteLine(pairs[k].text + " " + pairs[k].Length());
        Element(numbers, 4) += 100;
        Element(numbers, 5) = Fill(ref Element(numbers, 6), ref text, 2);
        Console.WriteLine(numbers[4] + " " + numbers[5] + " " + numbers[6]);
        for (int k = 0; k < 6; k++) Console.WriteLine(Throw(k));
        foreach (string s in Words(5)) names.Add(s);
        Dictionary<string, Node> nodes = new Dictionary<string, Node>();
        foreach (string s in names) nodes[s] = new Node(1, s.Length);
        int sum = 0;
        foreach (string s in names) sum += nodes[s].Sum();
        Console.WriteLine(sum + " " + names.Count);
        string prefix = "closure " + Garbage.Make(9);
        Func<int, string> f = n => { Garbage.Make(n); return prefix + n; };
        Garbage.Make(2);
        Console.WriteLine(f(5) + f(6));
        IShape shape = new Square("square ");
        Console.WriteLine(shape.Name(3) + shape.Name(4));
        StringBuilder sb = new StringBuilder();
        for (int k = 0; k < 50; k++) sb.Append(k).Append(Garbage.Make(k));
        Console.WriteLine(sb.ToString());
        Console.WriteLine(Pinned(20) + " " + OnTheStack(10) + " " + Last(new[] { "a", "b" + 1 }) + Last(new[] { new Pair(1), new Pair(2) }).text);
        for (int k = 0; k < 4; k++) sum += Meet(k) + Below();
        Console.WriteLine(Large());
        object[,] table = new object[3, 3];
        for (int k = 0; k < 9; k++) table[k / 3, k % 3] = new Node(1, k);
        for (int k = 0; k < 9; k++) sum += ((Node)table[k % 3, k / 3]).Sum();
        int? maybe = 5;
        object box = maybe;
        Garbage.Make(1);
        Console.WriteLine(sum + " " + (int)box + " " + Garbage.made);
        return 0;
    }
}

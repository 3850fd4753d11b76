// SPDX-License-Identifier: MIT
//
// Tuples: classes, and the values that (a, b) makes.
using System.Collections.Generic;
using System.Text;

namespace System
{
    static class Parts
    {
        internal static int Hash(params object[] parts)
        {
            int hash = 0;
            for (int n = 0; n < parts.Length; n++)
                hash = (hash << 5) + hash ^ (parts[n] == null ? 0 : parts[n].GetHashCode());
            return hash;
        }

        internal static string Text(params object[] parts) { return String.Concat("(", String.Join(", ", parts), ")"); }

        internal static bool AreSame<T>(T a, T b) { return EqualityComparer<T>.Default.Equals(a, b); }
        internal static int Compare<T>(T a, T b) { return Comparer<T>.Default.Compare(a, b); }
    }

    public static class Tuple
    {
        public static Tuple<T1> Create<T1>(T1 a) { return new Tuple<T1>(a); }
        public static Tuple<T1, T2> Create<T1, T2>(T1 a, T2 b) { return new Tuple<T1, T2>(a, b); }
        public static Tuple<T1, T2, T3> Create<T1, T2, T3>(T1 a, T2 b, T3 c) { return new Tuple<T1, T2, T3>(a, b, c); }

        public static Tuple<T1, T2, T3, T4> Create<T1, T2, T3, T4>(T1 a, T2 b, T3 c, T4 d)
        {
            return new Tuple<T1, T2, T3, T4>(a, b, c, d);
        }
    }

    public class Tuple<T1>
    {
        public Tuple(T1 a) { Item1 = a; }
        public T1 Item1 { get; }
        public override string ToString() { return Parts.Text(Item1); }
        public override int GetHashCode() { return Parts.Hash(Item1); }

        public override bool Equals(object other)
        {
            Tuple<T1> t = other as Tuple<T1>;
            return t != null && Parts.AreSame(Item1, t.Item1);
        }
    }

    public class Tuple<T1, T2> : IComparable
    {
        public Tuple(T1 a, T2 b) { Item1 = a; Item2 = b; }
        public T1 Item1 { get; }
        public T2 Item2 { get; }
        public override string ToString() { return Parts.Text(Item1, Item2); }
        public override int GetHashCode() { return Parts.Hash(Item1, Item2); }

        public override bool Equals(object other)
        {
            Tuple<T1, T2> t = other as Tuple<T1, T2>;
            return t != null && Parts.AreSame(Item1, t.Item1) && Parts.AreSame(Item2, t.Item2);
        }

        int IComparable.CompareTo(object other)
        {
            Tuple<T1, T2> t = (Tuple<T1, T2>)other;
            int order = t == null ? 1 : Parts.Compare(Item1, t.Item1);
            return order != 0 ? order : Parts.Compare(Item2, t.Item2);
        }
    }

    public class Tuple<T1, T2, T3> : IComparable
    {
        public Tuple(T1 a, T2 b, T3 c) { Item1 = a; Item2 = b; Item3 = c; }
        public T1 Item1 { get; }
        public T2 Item2 { get; }
        public T3 Item3 { get; }
        public override string ToString() { return Parts.Text(Item1, Item2, Item3); }
        public override int GetHashCode() { return Parts.Hash(Item1, Item2, Item3); }

        public override bool Equals(object other)
        {
            Tuple<T1, T2, T3> t = other as Tuple<T1, T2, T3>;
            return t != null && Parts.AreSame(Item1, t.Item1) && Parts.AreSame(Item2, t.Item2) &&
                   Parts.AreSame(Item3, t.Item3);
        }

        int IComparable.CompareTo(object other)
        {
            Tuple<T1, T2, T3> t = (Tuple<T1, T2, T3>)other;
            int order = t == null ? 1 : Parts.Compare(Item1, t.Item1);
            order = order != 0 ? order : Parts.Compare(Item2, t.Item2);
            return order != 0 ? order : Parts.Compare(Item3, t.Item3);
        }
    }

    public class Tuple<T1, T2, T3, T4>
    {
        public Tuple(T1 a, T2 b, T3 c, T4 d) { Item1 = a; Item2 = b; Item3 = c; Item4 = d; }
        public T1 Item1 { get; }
        public T2 Item2 { get; }
        public T3 Item3 { get; }
        public T4 Item4 { get; }
        public override string ToString() { return Parts.Text(Item1, Item2, Item3, Item4); }
        public override int GetHashCode() { return Parts.Hash(Item1, Item2, Item3, Item4); }

        public override bool Equals(object other)
        {
            Tuple<T1, T2, T3, T4> t = other as Tuple<T1, T2, T3, T4>;
            return t != null && Parts.AreSame(Item1, t.Item1) && Parts.AreSame(Item2, t.Item2) &&
                   Parts.AreSame(Item3, t.Item3) && Parts.AreSame(Item4, t.Item4);
        }
    }

    public struct ValueTuple<T1, T2> : IEquatable<ValueTuple<T1, T2>>, IComparable<ValueTuple<T1, T2>>
    {
        public T1 Item1;
        public T2 Item2;

        public ValueTuple(T1 a, T2 b) { Item1 = a; Item2 = b; }
        public override string ToString() { return Parts.Text(Item1, Item2); }
        public override int GetHashCode() { return Parts.Hash(Item1, Item2); }
        public bool Equals(ValueTuple<T1, T2> t) { return Parts.AreSame(Item1, t.Item1) && Parts.AreSame(Item2, t.Item2); }
        public override bool Equals(object t) { return t is ValueTuple<T1, T2> && Equals((ValueTuple<T1, T2>)t); }

        public int CompareTo(ValueTuple<T1, T2> t)
        {
            int order = Parts.Compare(Item1, t.Item1);
            return order != 0 ? order : Parts.Compare(Item2, t.Item2);
        }
    }

    public struct ValueTuple<T1, T2, T3> : IEquatable<ValueTuple<T1, T2, T3>>, IComparable<ValueTuple<T1, T2, T3>>
    {
        public T1 Item1;
        public T2 Item2;
        public T3 Item3;

        public ValueTuple(T1 a, T2 b, T3 c) { Item1 = a; Item2 = b; Item3 = c; }
        public override string ToString() { return Parts.Text(Item1, Item2, Item3); }
        public override int GetHashCode() { return Parts.Hash(Item1, Item2, Item3); }
        public override bool Equals(object t) { return t is ValueTuple<T1, T2, T3> && Equals((ValueTuple<T1, T2, T3>)t); }

        public bool Equals(ValueTuple<T1, T2, T3> t)
        {
            return Parts.AreSame(Item1, t.Item1) && Parts.AreSame(Item2, t.Item2) && Parts.AreSame(Item3, t.Item3);
        }

        public int CompareTo(ValueTuple<T1, T2, T3> t)
        {
            int order = Parts.Compare(Item1, t.Item1);
            order = order != 0 ? order : Parts.Compare(Item2, t.Item2);
            return order != 0 ? order : Parts.Compare(Item3, t.Item3);
        }
    }

    public struct ValueTuple<T1, T2, T3, T4> : IEquatable<ValueTuple<T1, T2, T3, T4>>
    {
        public T1 Item1;
        public T2 Item2;
        public T3 Item3;
        public T4 Item4;

        public ValueTuple(T1 a, T2 b, T3 c, T4 d) { Item1 = a; Item2 = b; Item3 = c; Item4 = d; }
        public override string ToString() { return Parts.Text(Item1, Item2, Item3, Item4); }
        public override int GetHashCode() { return Parts.Hash(Item1, Item2, Item3, Item4); }

        public override bool Equals(object t)
        {
            return t is ValueTuple<T1, T2, T3, T4> && Equals((ValueTuple<T1, T2, T3, T4>)t);
        }

        public bool Equals(ValueTuple<T1, T2, T3, T4> t)
        {
            return Parts.AreSame(Item1, t.Item1) && Parts.AreSame(Item2, t.Item2) && Parts.AreSame(Item3, t.Item3) &&
                   Parts.AreSame(Item4, t.Item4);
        }
    }
}

namespace System.Runtime.CompilerServices
{
    public sealed class TupleElementNamesAttribute : Attribute
    {
        public TupleElementNamesAttribute(string[] names) { TransformNames = names; }
        public IList<string> TransformNames { get; }
    }
}

// SPDX-License-Identifier: MIT
//
// Queries over sequences. Those that return a sequence do their work when it is walked over.
using System.Collections;
using System.Collections.Generic;

namespace System.Linq
{
    public interface IGrouping<out TKey, out T> : IEnumerable<T>
    {
        TKey Key { get; }
    }

    public interface IOrderedEnumerable<T> : IEnumerable<T>
    {
        IOrderedEnumerable<T> CreateOrderedEnumerable<TKey>(Func<T, TKey> keySelector, IComparer<TKey> comparer, bool descending);
    }

    public static partial class Enumerable
    {
        public static IEnumerable<T> Empty<T>() { return new T[0]; }

        // Arguments are checked at the call, and not when the sequence is walked over.
        static void Check(object from)
        {
            if (from == null)
                throw new ArgumentNullException("from");
        }

        static void Check(object from, Delegate function)
        {
            Check(from);
            if (ReferenceEquals(function, null))
                throw new ArgumentNullException("function");
        }

        public static IEnumerable<int> Range(int start, int count)
        {
            if (count < 0 || (long)start + count - 1 > Int32.MaxValue)
                throw new ArgumentOutOfRangeException("count");
            return Numbers(start, count);
        }

        static IEnumerable<int> Numbers(int start, int count)
        {
            for (int n = 0; n < count; n++)
                yield return start + n;
        }

        public static IEnumerable<T> Repeat<T>(T item, int count)
        {
            if (count < 0)
                throw new ArgumentOutOfRangeException("count");
            return Numbers(0, count).Select(n => item);
        }

        // Sequences from sequences

        public static IEnumerable<T> Where<T>(this IEnumerable<T> from, Func<T, bool> fits)
        {
            Check(from, fits);
            return WhereOf(from, fits);
        }

        static IEnumerable<T> WhereOf<T>(IEnumerable<T> from, Func<T, bool> fits)
        {
            foreach (T item in from)
                if (fits(item))
                    yield return item;
        }

        public static IEnumerable<TResult> Select<T, TResult>(this IEnumerable<T> from, Func<T, TResult> change)
        {
            Check(from, change);
            return SelectOf(from, change);
        }

        static IEnumerable<TResult> SelectOf<T, TResult>(IEnumerable<T> from, Func<T, TResult> change)
        {
            foreach (T item in from)
                yield return change(item);
        }

        public static IEnumerable<TResult> Select<T, TResult>(this IEnumerable<T> from, Func<T, int, TResult> change)
        {
            Check(from, change);
            return SelectOf(from, change);
        }

        static IEnumerable<TResult> SelectOf<T, TResult>(IEnumerable<T> from, Func<T, int, TResult> change)
        {
            int n = 0;
            foreach (T item in from)
                yield return change(item, n++);
        }

        public static IEnumerable<TResult> SelectMany<T, TResult>(this IEnumerable<T> from, Func<T, IEnumerable<TResult>> parts)
        {
            Check(from, parts);
            return SelectManyOf(from, parts);
        }

        static IEnumerable<TResult> SelectManyOf<T, TResult>(IEnumerable<T> from, Func<T, IEnumerable<TResult>> parts)
        {
            foreach (T item in from)
                foreach (TResult part in parts(item))
                    yield return part;
        }

        public static IEnumerable<T> Take<T>(this IEnumerable<T> from, int count)
        {
            Check(from);
            return TakeOf(from, count);
        }

        static IEnumerable<T> TakeOf<T>(IEnumerable<T> from, int count)
        {
            if (count <= 0)
                yield break;
            foreach (T item in from)
            {
                yield return item;
                if (--count == 0)
                    yield break;
            }
        }

        public static IEnumerable<T> Skip<T>(this IEnumerable<T> from, int count)
        {
            Check(from);
            return SkipOf(from, count);
        }

        static IEnumerable<T> SkipOf<T>(IEnumerable<T> from, int count)
        {
            foreach (T item in from)
                if (count > 0)
                    count--;
                else
                    yield return item;
        }

        public static IEnumerable<T> TakeWhile<T>(this IEnumerable<T> from, Func<T, bool> fits)
        {
            Check(from, fits);
            return TakeWhileOf(from, fits);
        }

        static IEnumerable<T> TakeWhileOf<T>(IEnumerable<T> from, Func<T, bool> fits)
        {
            foreach (T item in from)
            {
                if (!fits(item))
                    yield break;
                yield return item;
            }
        }

        public static IEnumerable<T> Concat<T>(this IEnumerable<T> from, IEnumerable<T> more)
        {
            Check(from);
            Check(more);
            return ConcatOf(from, more);
        }

        static IEnumerable<T> ConcatOf<T>(IEnumerable<T> from, IEnumerable<T> more)
        {
            foreach (T item in from)
                yield return item;
            foreach (T item in more)
                yield return item;
        }

        public static IEnumerable<TResult> Zip<T, TOther, TResult>(this IEnumerable<T> from, IEnumerable<TOther> other, Func<T, TOther, TResult> join)
        {
            Check(from, join);
            Check(other);
            return ZipOf(from, other, join);
        }

        static IEnumerable<TResult> ZipOf<T, TOther, TResult>(IEnumerable<T> from, IEnumerable<TOther> other, Func<T, TOther, TResult> join)
        {
            using (IEnumerator<TOther> second = other.GetEnumerator())
                foreach (T item in from)
                {
                    if (!second.MoveNext())
                        yield break;
                    yield return join(item, second.Current);
                }
        }

        public static IEnumerable<T> Distinct<T>(this IEnumerable<T> from) { return from.Distinct(null); }

        public static IEnumerable<T> Distinct<T>(this IEnumerable<T> from, IEqualityComparer<T> comparer)
        {
            Check(from);
            return Later(() => from.Where(new HashSet<T>(comparer).Add));
        }

        public static IEnumerable<T> Reverse<T>(this IEnumerable<T> from)
        {
            Check(from);
            return Later(() =>
            {
                List<T> all = new List<T>(from);
                all.Reverse();
                return all;
            });
        }

        // A sequence that is made when it is walked over.
        static IEnumerable<T> Later<T>(Func<IEnumerable<T>> make)
        {
            foreach (T item in make())
                yield return item;
        }

        // In order: stable. Each key is computed once, the first keys of all items before the second ones.

        abstract class Ordered<T> : IOrderedEnumerable<T>
        {
            internal IEnumerable<T> from;
            internal Ordered<T> before; // the order that comes first; or null

            // Compares the indices of two items.
            internal abstract Comparison<int> CompareOf(T[] items);

            public IEnumerator<T> GetEnumerator()
            {
                T[] items = new List<T>(from).ToArray();
                int[] order = new int[items.Length];
                for (int n = 0; n < order.Length; n++)
                    order[n] = n;
                Sorter.Sort(order, 0, order.Length, CompareOf(items));
                foreach (int n in order)
                    yield return items[n];
            }

            IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }

            public IOrderedEnumerable<T> CreateOrderedEnumerable<TKey>(Func<T, TKey> keySelector, IComparer<TKey> comparer, bool descending)
            {
                return new OrderedBy<T, TKey>(from, this, keySelector, comparer, descending);
            }
        }

        sealed class OrderedBy<T, TKey> : Ordered<T>
        {
            readonly Func<T, TKey> key;
            readonly IComparer<TKey> comparer;
            readonly bool isDescending;

            internal OrderedBy(IEnumerable<T> from, Ordered<T> before, Func<T, TKey> key, IComparer<TKey> comparer, bool isDescending)
            {
                this.from = from;
                this.before = before;
                this.key = key;
                this.comparer = comparer == null ? Comparer<TKey>.Default : comparer;
                this.isDescending = isDescending;
            }

            internal override Comparison<int> CompareOf(T[] items)
            {
                Comparison<int> first = before == null ? null : before.CompareOf(items);
                TKey[] keys = new TKey[items.Length];
                for (int n = 0; n < keys.Length; n++)
                    keys[n] = key(items[n]);
                return (a, b) =>
                {
                    int order = first == null ? 0 : first(a, b);
                    if (order != 0)
                        return order;
                    // The operands change places for the other direction: the result may be the least number, which has no opposite.
                    return isDescending ? comparer.Compare(keys[b], keys[a]) : comparer.Compare(keys[a], keys[b]);
                };
            }
        }

        static class MayBeNull<T>
        {
            internal static readonly bool Value = default(T) == null;
        }

        static IOrderedEnumerable<T> OrderOf<T, TKey>(IEnumerable<T> from, Func<T, TKey> key, IComparer<TKey> comparer, bool isDescending)
        {
            Check(from, key);
            return new OrderedBy<T, TKey>(from, null, key, comparer, isDescending);
        }

        static IOrderedEnumerable<T> ThenOf<T, TKey>(
            IOrderedEnumerable<T> from, Func<T, TKey> key, IComparer<TKey> comparer, bool isDescending)
        {
            Check(from, key);
            return from.CreateOrderedEnumerable(key, comparer, isDescending);
        }

        public static IOrderedEnumerable<T> OrderBy<T, TKey>(this IEnumerable<T> from, Func<T, TKey> key)
        {
            return OrderOf(from, key, null, false);
        }

        public static IOrderedEnumerable<T> OrderBy<T, TKey>(this IEnumerable<T> from, Func<T, TKey> key, IComparer<TKey> comparer)
        {
            return OrderOf(from, key, comparer, false);
        }

        public static IOrderedEnumerable<T> OrderByDescending<T, TKey>(this IEnumerable<T> from, Func<T, TKey> key)
        {
            return OrderOf(from, key, null, true);
        }

        public static IOrderedEnumerable<T> OrderByDescending<T, TKey>(
            this IEnumerable<T> from, Func<T, TKey> key, IComparer<TKey> comparer)
        {
            return OrderOf(from, key, comparer, true);
        }

        public static IOrderedEnumerable<T> ThenBy<T, TKey>(this IOrderedEnumerable<T> from, Func<T, TKey> key)
        {
            return ThenOf(from, key, null, false);
        }

        public static IOrderedEnumerable<T> ThenBy<T, TKey>(this IOrderedEnumerable<T> from, Func<T, TKey> key, IComparer<TKey> comparer)
        {
            return ThenOf(from, key, comparer, false);
        }

        public static IOrderedEnumerable<T> ThenByDescending<T, TKey>(this IOrderedEnumerable<T> from, Func<T, TKey> key)
        {
            return ThenOf(from, key, null, true);
        }

        public static IOrderedEnumerable<T> ThenByDescending<T, TKey>(
            this IOrderedEnumerable<T> from, Func<T, TKey> key, IComparer<TKey> comparer)
        {
            return ThenOf(from, key, comparer, true);
        }

        // Results

        public static List<T> ToList<T>(this IEnumerable<T> from)
        {
            Check(from);
            return new List<T>(from);
        }

        public static T[] ToArray<T>(this IEnumerable<T> from)
        {
            Check(from);
            return new List<T>(from).ToArray();
        }

        public static int Count<T>(this IEnumerable<T> from)
        {
            Check(from);
            ICollection<T> all = from as ICollection<T>;
            return all != null ? all.Count : from.Count(item => true);
        }

        public static int Count<T>(this IEnumerable<T> from, Func<T, bool> fits)
        {
            Check(from, fits);
            int count = 0;
            foreach (T item in from)
                count += fits(item) ? 1 : 0;
            return count;
        }

        public static bool Any<T>(this IEnumerable<T> from) { return from.Any(item => true); }

        public static bool Any<T>(this IEnumerable<T> from, Func<T, bool> fits)
        {
            Check(from, fits);
            foreach (T item in from)
                if (fits(item))
                    return true;
            return false;
        }

        public static bool All<T>(this IEnumerable<T> from, Func<T, bool> fits) 
        {
            Check(from, fits);
            return !from.Any(item => !fits(item));
        }

        public static bool Contains<T>(this IEnumerable<T> from, T wanted)
        {
            Check(from);
            ICollection<T> all = from as ICollection<T>;
            return all != null ? all.Contains(wanted) : from.Contains(wanted, null);
        }

        public static bool Contains<T>(this IEnumerable<T> from, T wanted, IEqualityComparer<T> comparer)
        {
            IEqualityComparer<T> same = comparer == null ? EqualityComparer<T>.Default : comparer;
            return from.Any(item => same.Equals(item, wanted));
        }

        static Exception Nothing() { return new InvalidOperationException("Sequence contains no elements"); }
        static Exception NoMatch() { return new InvalidOperationException("Sequence contains no matching element"); }

        public static T First<T>(this IEnumerable<T> from)
        {
            Check(from);
            foreach (T item in from)
                return item;
            throw Nothing();
        }

        public static T First<T>(this IEnumerable<T> from, Func<T, bool> fits)
        {
            Check(from, fits);
            foreach (T item in from)
                if (fits(item))
                    return item;
            throw NoMatch();
        }

        public static T FirstOrDefault<T>(this IEnumerable<T> from) { return from.FirstOrDefault(item => true); }

        public static T FirstOrDefault<T>(this IEnumerable<T> from, Func<T, bool> fits)
        {
            Check(from, fits);
            foreach (T item in from)
                if (fits(item))
                    return item;
            return default(T);
        }

        public static T Last<T>(this IEnumerable<T> from)
        {
            Check(from);
            T last = default(T);
            bool any = false;
            IList<T> list = from as IList<T>;
            if (list != null && list.Count > 0)
                return list[list.Count - 1];
            foreach (T item in from)
            {
                last = item;
                any = true;
            }
            if (!any)
                throw Nothing();
            return last;
        }

        public static TResult Aggregate<T, TResult>(this IEnumerable<T> from, TResult start, Func<TResult, T, TResult> add)
        {
            Check(from, add);
            foreach (T item in from)
                start = add(start, item);
            return start;
        }
    }
}

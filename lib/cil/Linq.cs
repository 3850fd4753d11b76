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

    public interface IOrderedEnumerable<T> : IEnumerable<T> { }

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
            return Repeated(item, count);
        }

        static IEnumerable<T> Repeated<T>(T item, int count)
        {
            for (int n = 0; n < count; n++)
                yield return item;
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

        public static IEnumerable<T> Distinct<T>(this IEnumerable<T> from)
        {
            Check(from);
            return DistinctOf(from);
        }

        static IEnumerable<T> DistinctOf<T>(IEnumerable<T> from)
        {
            HashSet<T> seen = new HashSet<T>();
            foreach (T item in from)
                if (seen.Add(item))
                    yield return item;
        }

        public static IEnumerable<T> Reverse<T>(this IEnumerable<T> from)
        {
            Check(from);
            return ReverseOf(from);
        }

        static IEnumerable<T> ReverseOf<T>(IEnumerable<T> from)
        {
            List<T> all = new List<T>(from);
            for (int n = all.Count - 1; n >= 0; n--)
                yield return all[n];
        }

        // In order: stable, as List.Sort is

        sealed class Ordered<T> : IOrderedEnumerable<T>
        {
            IEnumerable<T> from;
            internal Comparison<T> compare;

            internal Ordered(IEnumerable<T> from, Comparison<T> compare)
            {
                this.from = from;
                this.compare = compare;
            }

            internal Ordered<T> Then(Comparison<T> next)
            {
                Comparison<T> first = compare;
                return new Ordered<T>(from, (a, b) =>
                {
                    int order = first(a, b);
                    return order != 0 ? order : next(a, b);
                });
            }

            public IEnumerator<T> GetEnumerator()
            {
                List<T> all = new List<T>(from);
                all.Sort(compare);
                return ((IEnumerable<T>)all).GetEnumerator();
            }

            IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
        }

        static class MayBeNull<T>
        {
            internal static readonly bool Value = default(T) == null;
        }

        // Null is less than anything else.
        static int Compare<T>(T a, T b) where T : IComparable<T>
        {
            if (MayBeNull<T>.Value && (a == null || b == null))
                return a != null ? 1 : b != null ? -1 : 0;
            return a.CompareTo(b);
        }

        // The operands change places for the other direction: the result may be the least number, which has no opposite.
        static Comparison<T> By<T, TKey>(Func<T, TKey> key)
        {
            return (a, b) => Comparer<TKey>.Default.Compare(key(a), key(b));
        }

        static Comparison<T> ByDescending<T, TKey>(Func<T, TKey> key)
        {
            return (a, b) => Comparer<TKey>.Default.Compare(key(b), key(a));
        }

        public static IOrderedEnumerable<T> OrderBy<T, TKey>(this IEnumerable<T> from, Func<T, TKey> key)
        {
            Check(from, key);
            return new Ordered<T>(from, By(key));
        }

        public static IOrderedEnumerable<T> OrderByDescending<T, TKey>(this IEnumerable<T> from, Func<T, TKey> key)
        {
            Check(from, key);
            return new Ordered<T>(from, ByDescending(key));
        }

        public static IOrderedEnumerable<T> ThenBy<T, TKey>(this IOrderedEnumerable<T> from, Func<T, TKey> key)
        {
            Check(from, key);
            return ((Ordered<T>)from).Then(By(key));
        }

        // Groups, in the order of their first items

        sealed class Grouping<TKey, T> : IGrouping<TKey, T>
        {
            internal List<T> items = new List<T>();
            TKey key;

            internal Grouping(TKey key) { this.key = key; }

            public TKey Key { get { return key; } }
            public IEnumerator<T> GetEnumerator() { return ((IEnumerable<T>)items).GetEnumerator(); }
            IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
        }

        public static IEnumerable<IGrouping<TKey, T>> GroupBy<T, TKey>(this IEnumerable<T> from, Func<T, TKey> keyOf)
        {
            Check(from, keyOf);
            return GroupByOf(from, keyOf);
        }

        static IEnumerable<IGrouping<TKey, T>> GroupByOf<T, TKey>(IEnumerable<T> from, Func<T, TKey> keyOf)
        {
            Dictionary<TKey, Grouping<TKey, T>> groups = new Dictionary<TKey, Grouping<TKey, T>>();
            List<Grouping<TKey, T>> all = new List<Grouping<TKey, T>>();
            foreach (T item in from)
            {
                Grouping<TKey, T> group;
                TKey key = keyOf(item);
                if (!groups.TryGetValue(key, out group))
                {
                    group = new Grouping<TKey, T>(key);
                    groups.Add(key, group);
                    all.Add(group);
                }
                group.items.Add(item);
            }
            foreach (Grouping<TKey, T> group in all)
                yield return group;
        }

        // Results

        public static List<T> ToList<T>(this IEnumerable<T> from) { return new List<T>(from); }
        public static T[] ToArray<T>(this IEnumerable<T> from) { return new List<T>(from).ToArray(); }

        public static Dictionary<TKey, T> ToDictionary<T, TKey>(this IEnumerable<T> from, Func<T, TKey> keyOf)
        {
            Check(from, keyOf);
            Dictionary<TKey, T> all = new Dictionary<TKey, T>();
            foreach (T item in from)
                all.Add(keyOf(item), item);
            return all;
        }

        public static int Count<T>(this IEnumerable<T> from) { return from.Count(item => true); }

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
            EqualityComparer<T> same = EqualityComparer<T>.Default;
            return from.Any(item => same.Equals(item, wanted));
        }

        static Exception Nothing() { return new InvalidOperationException("The sequence has no such element."); }

        public static T First<T>(this IEnumerable<T> from) { return from.First(item => true); }

        public static T First<T>(this IEnumerable<T> from, Func<T, bool> fits)
        {
            Check(from, fits);
            foreach (T item in from)
                if (fits(item))
                    return item;
            throw Nothing();
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

        public static int Sum(this IEnumerable<int> from) { return from.Aggregate(0, (a, b) => checked(a + b)); }
        public static long Sum(this IEnumerable<long> from) { return from.Aggregate(0L, (a, b) => checked(a + b)); }
        public static double Sum(this IEnumerable<double> from) { return from.Aggregate(0.0, (a, b) => a + b); }
        public static int Sum<T>(this IEnumerable<T> from, Func<T, int> value) { return from.Select(value).Sum(); }

        public static double Average(this IEnumerable<int> from)
        {
            long sum = 0, count = 0;
            Check(from);
            foreach (int item in from)
            {
                sum = checked(sum + item);
                count++;
            }
            if (count == 0)
                throw Nothing();
            return (double)sum / count;
        }

        // Null does not count; of nothing the most is null, if the type has it.
        static T Most<T>(IEnumerable<T> from, bool isLeast) where T : IComparable<T>
        {
            T most = default(T);
            bool any = MayBeNull<T>.Value, isFirst = true;
            Check(from);
            foreach (T item in from)
            {
                if (MayBeNull<T>.Value && item == null)
                    continue;
                if (isFirst || (isLeast ? item.CompareTo(most) < 0 : item.CompareTo(most) > 0))
                    most = item;
                any = true;
                isFirst = false;
            }
            if (!any)
                throw Nothing();
            return most;
        }

        public static T Max<T>(this IEnumerable<T> from) where T : IComparable<T> { return Most(from, false); }
        public static T Min<T>(this IEnumerable<T> from) where T : IComparable<T> { return Most(from, true); }

        public static TResult Max<T, TResult>(this IEnumerable<T> from, Func<T, TResult> value) where TResult : IComparable<TResult>
        {
            return Most(from.Select(value), false);
        }

        public static TResult Min<T, TResult>(this IEnumerable<T> from, Func<T, TResult> value) where TResult : IComparable<TResult>
        {
            return Most(from.Select(value), true);
        }
    }
}

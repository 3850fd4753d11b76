// SPDX-License-Identifier: MIT
//
// More queries over sequences: joins, sets, single elements, sums.
using System.Collections;
using System.Collections.Generic;

namespace System.Linq
{
    public static partial class Enumerable
    {
        // ---- Sequences from sequences ----

        public static IEnumerable<T> AsEnumerable<T>(this IEnumerable<T> from) { return from; }

        public static IEnumerable<T> Where<T>(this IEnumerable<T> from, Func<T, int, bool> fits)
        {
            Check(from, fits);
            return WhereAt(from, fits);
        }

        static IEnumerable<T> WhereAt<T>(IEnumerable<T> from, Func<T, int, bool> fits)
        {
            int n = 0;
            foreach (T item in from)
                if (fits(item, checked(n++)))
                    yield return item;
        }

        public static IEnumerable<T> SkipWhile<T>(this IEnumerable<T> from, Func<T, bool> fits)
        {
            Check(from, fits);
            return SkippedWhile(from, fits);
        }

        static IEnumerable<T> SkippedWhile<T>(IEnumerable<T> from, Func<T, bool> fits)
        {
            bool isSkipping = true;
            foreach (T item in from)
            {
                isSkipping = isSkipping && fits(item);
                if (!isSkipping)
                    yield return item;
            }
        }

        // from a in x from b in y select ...
        public static IEnumerable<TResult> SelectMany<T, TPart, TResult>(
            this IEnumerable<T> from, Func<T, IEnumerable<TPart>> parts, Func<T, TPart, TResult> change)
        {
            Check(from, parts);
            Check(from, change);
            return SelectedMany(from, parts, change);
        }

        static IEnumerable<TResult> SelectedMany<T, TPart, TResult>(
            IEnumerable<T> from, Func<T, IEnumerable<TPart>> parts, Func<T, TPart, TResult> change)
        {
            foreach (T item in from)
                foreach (TPart part in parts(item))
                    yield return change(item, part);
        }

        public static IEnumerable<T> Append<T>(this IEnumerable<T> from, T last)
        {
            return from.Concat(new T[] { last });
        }

        public static IEnumerable<T> Prepend<T>(this IEnumerable<T> from, T first)
        {
            Check(from);
            return new T[] { first }.Concat(from);
        }

        public static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> from)
        {
            return from.DefaultIfEmpty(default(T));
        }

        public static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> from, T instead)
        {
            Check(from);
            return OrDefault(from, instead);
        }

        static IEnumerable<T> OrDefault<T>(IEnumerable<T> from, T instead)
        {
            bool isEmpty = true;
            foreach (T item in from)
            {
                isEmpty = false;
                yield return item;
            }
            if (isEmpty)
                yield return instead;
        }

        public static IEnumerable<T> Cast<T>(this IEnumerable from)
        {
            Check(from);
            IEnumerable<T> typed = from as IEnumerable<T>;
            return typed != null ? typed : CastAll<T>(from);
        }

        static IEnumerable<T> CastAll<T>(IEnumerable from)
        {
            foreach (object item in from)
                yield return (T)item;
        }

        public static IEnumerable<T> OfType<T>(this IEnumerable from)
        {
            Check(from);
            return ThoseOfType<T>(from);
        }

        static IEnumerable<T> ThoseOfType<T>(IEnumerable from)
        {
            foreach (object item in from)
                if (item is T)
                    yield return (T)item;
        }

        // ---- Order ----

        static Comparison<T> By<T, TKey>(Func<T, TKey> key, IComparer<TKey> order)
        {
            if (order == null)
                return By(key);
            return (a, b) => order.Compare(key(a), key(b));
        }

        public static IOrderedEnumerable<T> OrderBy<T, TKey>(this IEnumerable<T> from, Func<T, TKey> key, IComparer<TKey> order)
        {
            Check(from, key);
            return new Ordered<T>(from, By(key, order));
        }

        public static IOrderedEnumerable<T> ThenByDescending<T, TKey>(this IOrderedEnumerable<T> from, Func<T, TKey> key)
        {
            Check(from, key);
            return ((Ordered<T>)from).Then(ByDescending(key));
        }

        // ---- Sets ----

        public static HashSet<T> ToHashSet<T>(this IEnumerable<T> from)
        {
            Check(from);
            return new HashSet<T>(from);
        }

        static void CheckBoth(object a, object b)
        {
            Check(a);
            Check(b);
        }

        public static IEnumerable<T> Union<T>(this IEnumerable<T> a, IEnumerable<T> b)
        {
            CheckBoth(a, b);
            return a.Concat(b).Distinct();
        }

        public static IEnumerable<T> Intersect<T>(this IEnumerable<T> a, IEnumerable<T> b)
        {
            CheckBoth(a, b);
            return Common(a, b, true);
        }

        public static IEnumerable<T> Except<T>(this IEnumerable<T> a, IEnumerable<T> b)
        {
            CheckBoth(a, b);
            return Common(a, b, false);
        }

        static IEnumerable<T> Common<T>(IEnumerable<T> a, IEnumerable<T> b, bool isInBoth)
        {
            HashSet<T> others = new HashSet<T>(b);
            foreach (T item in a.Distinct())
                if (others.Contains(item) == isInBoth)
                    yield return item;
        }

        public static bool SequenceEqual<T>(this IEnumerable<T> a, IEnumerable<T> b)
        {
            CheckBoth(a, b);
            EqualityComparer<T> same = EqualityComparer<T>.Default;
            IEnumerator<T> x = a.GetEnumerator(), y = b.GetEnumerator();
            while (x.MoveNext())
                if (!y.MoveNext() || !same.Equals(x.Current, y.Current))
                    return false;
            return !y.MoveNext();
        }

        // ---- Groups and joins ----

        public static IEnumerable<IGrouping<TKey, TElement>> GroupBy<T, TKey, TElement>(
            this IEnumerable<T> from, Func<T, TKey> keyOf, Func<T, TElement> element)
        {
            Check(from, keyOf);
            Check(from, element);
            return GroupedElements(from, keyOf, element);
        }

        static IEnumerable<IGrouping<TKey, TElement>> GroupedElements<T, TKey, TElement>(
            IEnumerable<T> from, Func<T, TKey> keyOf, Func<T, TElement> element)
        {
            foreach (IGrouping<TKey, T> group in from.GroupBy(keyOf))
            {
                Grouping<TKey, TElement> changed = new Grouping<TKey, TElement>(group.Key);
                changed.items.AddRange(group.Select(element));
                yield return changed;
            }
        }

        public static Dictionary<TKey, TElement> ToDictionary<T, TKey, TElement>(
            this IEnumerable<T> from, Func<T, TKey> keyOf, Func<T, TElement> element)
        {
            Check(from, keyOf);
            Check(from, element);
            Dictionary<TKey, TElement> all = new Dictionary<TKey, TElement>();
            foreach (T item in from)
                all.Add(keyOf(item), element(item));
            return all;
        }

        static Dictionary<TKey, List<T>> Index<T, TKey>(IEnumerable<T> from, Func<T, TKey> keyOf)
        {
            Dictionary<TKey, List<T>> all = new Dictionary<TKey, List<T>>();
            foreach (T item in from)
            {
                TKey key = keyOf(item);
                List<T> those;
                if (key == null)
                    continue;
                if (!all.TryGetValue(key, out those))
                    all.Add(key, those = new List<T>());
                those.Add(item);
            }
            return all;
        }

        public static IEnumerable<TResult> Join<T, TInner, TKey, TResult>(
            this IEnumerable<T> from, IEnumerable<TInner> inner, Func<T, TKey> keyOf, Func<TInner, TKey> innerKeyOf,
            Func<T, TInner, TResult> join)
        {
            Check(from, keyOf);
            Check(inner, innerKeyOf);
            Check(from, join);
            return from.GroupJoin(inner, keyOf, innerKeyOf, (item, those) => those.Select(other => join(item, other)))
                .SelectMany(those => those);
        }

        public static IEnumerable<TResult> GroupJoin<T, TInner, TKey, TResult>(
            this IEnumerable<T> from, IEnumerable<TInner> inner, Func<T, TKey> keyOf, Func<TInner, TKey> innerKeyOf,
            Func<T, IEnumerable<TInner>, TResult> join)
        {
            Check(from, keyOf);
            Check(inner, innerKeyOf);
            Check(from, join);
            return GroupJoined(from, inner, keyOf, innerKeyOf, join);
        }

        static IEnumerable<TResult> GroupJoined<T, TInner, TKey, TResult>(
            IEnumerable<T> from, IEnumerable<TInner> inner, Func<T, TKey> keyOf, Func<TInner, TKey> innerKeyOf,
            Func<T, IEnumerable<TInner>, TResult> join)
        {
            Dictionary<TKey, List<TInner>> all = Index(inner, innerKeyOf);
            foreach (T item in from)
            {
                TKey key = keyOf(item);
                List<TInner> those = null;
                if (key != null)
                    all.TryGetValue(key, out those);
                yield return join(item, those != null ? those : new List<TInner>());
            }
        }

        // ---- One element ----

        static T Last<T>(IEnumerable<T> from, Func<T, bool> fits, bool isRequired)
        {
            Check(from, fits);
            T last = default(T);
            bool any = false;
            foreach (T item in from)
            {
                if (!fits(item))
                    continue;
                last = item;
                any = true;
            }
            if (!any && isRequired)
                throw Nothing();
            return last;
        }

        public static T Last<T>(this IEnumerable<T> from, Func<T, bool> fits) { return Last(from, fits, true); }
        public static T LastOrDefault<T>(this IEnumerable<T> from) { return Last(from, item => true, false); }
        public static T LastOrDefault<T>(this IEnumerable<T> from, Func<T, bool> fits) { return Last(from, fits, false); }

        static T Single<T>(IEnumerable<T> from, Func<T, bool> fits, bool isRequired)
        {
            Check(from, fits);
            T single = default(T);
            bool any = false;
            foreach (T item in from)
            {
                if (!fits(item))
                    continue;
                if (any)
                    throw new InvalidOperationException("The sequence has more than one such element.");
                single = item;
                any = true;
            }
            if (!any && isRequired)
                throw Nothing();
            return single;
        }

        public static T Single<T>(this IEnumerable<T> from) { return Single(from, item => true, true); }
        public static T Single<T>(this IEnumerable<T> from, Func<T, bool> fits) { return Single(from, fits, true); }
        public static T SingleOrDefault<T>(this IEnumerable<T> from) { return Single(from, item => true, false); }
        public static T SingleOrDefault<T>(this IEnumerable<T> from, Func<T, bool> fits) { return Single(from, fits, false); }

        static bool ElementAt<T>(IEnumerable<T> from, int index, out T found)
        {
            Check(from);
            found = default(T);
            if (index < 0)
                return false;
            foreach (T item in from)
            {
                if (index-- == 0)
                {
                    found = item;
                    return true;
                }
            }
            return false;
        }

        public static T ElementAt<T>(this IEnumerable<T> from, int index)
        {
            T found;
            if (!ElementAt(from, index, out found))
                throw new ArgumentOutOfRangeException("index");
            return found;
        }

        public static T ElementAtOrDefault<T>(this IEnumerable<T> from, int index)
        {
            T found;
            ElementAt(from, index, out found);
            return found;
        }

        // ---- Sums ----

        public static T Aggregate<T>(this IEnumerable<T> from, Func<T, T, T> add)
        {
            Check(from, add);
            T sum = default(T);
            bool any = false;
            foreach (T item in from)
            {
                sum = any ? add(sum, item) : item;
                any = true;
            }
            if (!any)
                throw Nothing();
            return sum;
        }

        public static TResult Aggregate<T, TSum, TResult>(
            this IEnumerable<T> from, TSum start, Func<TSum, T, TSum> add, Func<TSum, TResult> change)
        {
            Check(from, change);
            return change(from.Aggregate(start, add));
        }

        public static long LongCount<T>(this IEnumerable<T> from) { return from.Aggregate(0L, (n, item) => n + 1); }
        public static float Sum(this IEnumerable<float> from) { return (float)from.Aggregate(0.0, (a, b) => a + b); }
        public static long Sum<T>(this IEnumerable<T> from, Func<T, long> value) { return from.Select(value).Sum(); }
        public static double Sum<T>(this IEnumerable<T> from, Func<T, double> value) { return from.Select(value).Sum(); }

        public static double Average(this IEnumerable<long> from)
        {
            Check(from);
            long sum = 0, count = 0;
            foreach (long item in from)
            {
                sum = checked(sum + item);
                count++;
            }
            if (count == 0)
                throw Nothing();
            return (double)sum / count;
        }

        public static double Average(this IEnumerable<double> from)
        {
            Check(from);
            double sum = 0;
            long count = 0;
            foreach (double item in from)
            {
                sum += item;
                count++;
            }
            if (count == 0)
                throw Nothing();
            return sum / count;
        }

        public static double Average<T>(this IEnumerable<T> from, Func<T, int> value) { return from.Select(value).Average(); }
        public static double Average<T>(this IEnumerable<T> from, Func<T, long> value) { return from.Select(value).Average(); }

        public static double Average<T>(this IEnumerable<T> from, Func<T, double> value)
        {
            return from.Select(value).Average();
        }
    }
}

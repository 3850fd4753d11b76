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

        static IEnumerable<KeyValuePair<int, T>> Numbered<T>(IEnumerable<T> from)
        {
            return from.Select((item, n) => new KeyValuePair<int, T>(n, item));
        }

        static IEnumerable<T> ValuesOf<T>(IEnumerable<KeyValuePair<int, T>> from) { return from.Select(item => item.Value); }

        public static IEnumerable<T> Where<T>(this IEnumerable<T> from, Func<T, int, bool> fits)
        {
            Check(from, fits);
            return ValuesOf(Numbered(from).Where(item => fits(item.Value, item.Key)));
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

        public static IEnumerable<T> TakeWhile<T>(this IEnumerable<T> from, Func<T, int, bool> fits)
        {
            Check(from, fits);
            return ValuesOf(Numbered(from).TakeWhile(item => fits(item.Value, item.Key)));
        }

        public static IEnumerable<T> SkipWhile<T>(this IEnumerable<T> from, Func<T, int, bool> fits)
        {
            Check(from, fits);
            return ValuesOf(Numbered(from).SkipWhile(item => fits(item.Value, item.Key)));
        }

        public static IEnumerable<TResult> SelectMany<T, TResult>(this IEnumerable<T> from, Func<T, int, IEnumerable<TResult>> parts)
        {
            Check(from, parts);
            return from.Select(parts).SelectMany(part => part);
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

        // ---- Sets ----

        public static HashSet<T> ToHashSet<T>(this IEnumerable<T> from) { return from.ToHashSet(null); }

        public static HashSet<T> ToHashSet<T>(this IEnumerable<T> from, IEqualityComparer<T> comparer)
        {
            Check(from);
            return new HashSet<T>(from, comparer);
        }

        static void CheckBoth(object a, object b)
        {
            Check(a);
            Check(b);
        }

        public static IEnumerable<T> Union<T>(this IEnumerable<T> a, IEnumerable<T> b) { return a.Union(b, null); }

        public static IEnumerable<T> Union<T>(this IEnumerable<T> a, IEnumerable<T> b, IEqualityComparer<T> comparer)
        {
            CheckBoth(a, b);
            return a.Concat(b).Distinct(comparer);
        }

        public static IEnumerable<T> Intersect<T>(this IEnumerable<T> a, IEnumerable<T> b) { return a.Intersect(b, null); }

        public static IEnumerable<T> Intersect<T>(this IEnumerable<T> a, IEnumerable<T> b, IEqualityComparer<T> comparer)
        {
            CheckBoth(a, b);
            return Later(() => a.Distinct(comparer).Where(new HashSet<T>(b, comparer).Contains));
        }

        public static IEnumerable<T> Except<T>(this IEnumerable<T> a, IEnumerable<T> b) { return a.Except(b, null); }

        public static IEnumerable<T> Except<T>(this IEnumerable<T> a, IEnumerable<T> b, IEqualityComparer<T> comparer)
        {
            CheckBoth(a, b);
            return Later(() => a.Where(new HashSet<T>(b, comparer).Add));
        }

        public static bool SequenceEqual<T>(this IEnumerable<T> a, IEnumerable<T> b) { return a.SequenceEqual(b, null); }

        public static bool SequenceEqual<T>(this IEnumerable<T> a, IEnumerable<T> b, IEqualityComparer<T> comparer)
        {
            CheckBoth(a, b);
            IEqualityComparer<T> same = comparer == null ? EqualityComparer<T>.Default : comparer;
            using (IEnumerator<T> x = a.GetEnumerator(), y = b.GetEnumerator())
            {
                while (x.MoveNext())
                    if (!y.MoveNext() || !same.Equals(x.Current, y.Current))
                        return false;
                return !y.MoveNext();
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
                throw NoMatch();
            return last;
        }

        public static T Last<T>(this IEnumerable<T> from, Func<T, bool> fits) { return Last(from, fits, true); }
        public static T LastOrDefault<T>(this IEnumerable<T> from) { return Last(from, item => true, false); }
        public static T LastOrDefault<T>(this IEnumerable<T> from, Func<T, bool> fits) { return Last(from, fits, false); }

        static T Single<T>(IEnumerable<T> from, Func<T, bool> fits, bool isAny, bool isRequired)
        {
            Check(from, fits);
            T single = default(T);
            bool any = false;
            foreach (T item in from)
            {
                if (!fits(item))
                    continue;
                if (any)
                    throw new InvalidOperationException(isAny ? "Sequence contains more than one element" : "Sequence contains more than one matching element");
                single = item;
                any = true;
            }
            if (!any && isRequired)
                throw isAny ? Nothing() : NoMatch();
            return single;
        }

        public static T Single<T>(this IEnumerable<T> from) { return Single(from, item => true, true, true); }
        public static T Single<T>(this IEnumerable<T> from, Func<T, bool> fits) { return Single(from, fits, false, true); }
        public static T SingleOrDefault<T>(this IEnumerable<T> from) { return Single(from, item => true, true, false); }
        public static T SingleOrDefault<T>(this IEnumerable<T> from, Func<T, bool> fits) { return Single(from, fits, false, false); }

        static bool ElementAt<T>(IEnumerable<T> from, int index, out T found)
        {
            Check(from);
            found = default(T);
            if (index < 0)
                return false;
            IList<T> list = from as IList<T>;
            if (list != null)
            {
                if (index < list.Count)
                    found = list[index];
                return index < list.Count;
            }
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

        // ---- All elements ----

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
        public static long LongCount<T>(this IEnumerable<T> from, Func<T, bool> fits) { return from.Where(fits).LongCount(); }
    }
}

// SPDX-License-Identifier: MIT
//
// Queries by keys: groups, look-ups, dictionaries, joins. Groups are in the order of their first items.
using System.Collections;
using System.Collections.Generic;

namespace System.Linq
{
    public interface ILookup<TKey, T> : IEnumerable<IGrouping<TKey, T>>
    {
        int Count { get; }
        IEnumerable<T> this[TKey key] { get; }
        bool Contains(TKey key);
    }

    public class Lookup<TKey, T> : ILookup<TKey, T>
    {
        internal sealed class Group : IGrouping<TKey, T>
        {
            internal readonly List<T> items = new List<T>();
            readonly TKey key;

            internal Group(TKey key) { this.key = key; }

            public TKey Key { get { return key; } }
            public IEnumerator<T> GetEnumerator() { return ((IEnumerable<T>)items).GetEnumerator(); }
            IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
        }

        readonly Dictionary<TKey, Group> byKey;
        readonly List<Group> all = new List<Group>();
        Group ofNull; // a dictionary has no key that is null

        internal Lookup(IEqualityComparer<TKey> comparer) { byKey = new Dictionary<TKey, Group>(comparer); }

        internal Group Find(TKey key)
        {
            if (key == null)
                return ofNull;
            Group found;
            byKey.TryGetValue(key, out found);
            return found;
        }

        internal void Add(TKey key, T item)
        {
            Group group = Find(key);
            if (group == null)
            {
                all.Add(group = new Group(key));
                if (key == null)
                    ofNull = group;
                else
                    byKey.Add(key, group);
            }
            group.items.Add(item);
        }

        public int Count { get { return all.Count; } }
        public bool Contains(TKey key) { return Find(key) != null; }

        public IEnumerable<T> this[TKey key]
        {
            get
            {
                Group group = Find(key);
                return group == null ? Enumerable.Empty<T>() : group;
            }
        }

        public IEnumerator<IGrouping<TKey, T>> GetEnumerator()
        {
            foreach (Group group in all)
                yield return group;
        }

        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }

    public static partial class Enumerable
    {
        static Lookup<TKey, TElement> LookupOf<T, TKey, TElement>(
            IEnumerable<T> from, Func<T, TKey> keyOf, Func<T, TElement> element, IEqualityComparer<TKey> comparer)
        {
            Lookup<TKey, TElement> lookup = new Lookup<TKey, TElement>(comparer);
            foreach (T item in from)
                lookup.Add(keyOf(item), element(item));
            return lookup;
        }

        public static ILookup<TKey, T> ToLookup<T, TKey>(this IEnumerable<T> from, Func<T, TKey> keyOf) { return from.ToLookup(keyOf, (IEqualityComparer<TKey>)null); }

        public static ILookup<TKey, T> ToLookup<T, TKey>(this IEnumerable<T> from, Func<T, TKey> keyOf, IEqualityComparer<TKey> comparer)
        {
            return from.ToLookup(keyOf, item => item, comparer);
        }

        public static ILookup<TKey, TElement> ToLookup<T, TKey, TElement>(
            this IEnumerable<T> from, Func<T, TKey> keyOf, Func<T, TElement> element)
        {
            return from.ToLookup(keyOf, element, null);
        }

        public static ILookup<TKey, TElement> ToLookup<T, TKey, TElement>(
            this IEnumerable<T> from, Func<T, TKey> keyOf, Func<T, TElement> element, IEqualityComparer<TKey> comparer)
        {
            Check(from, keyOf);
            Check(from, element);
            return LookupOf(from, keyOf, element, comparer);
        }

        // ---- Groups ----

        public static IEnumerable<IGrouping<TKey, T>> GroupBy<T, TKey>(this IEnumerable<T> from, Func<T, TKey> keyOf)
        {
            return from.GroupBy(keyOf, item => item, null);
        }

        public static IEnumerable<IGrouping<TKey, T>> GroupBy<T, TKey>(
            this IEnumerable<T> from, Func<T, TKey> keyOf, IEqualityComparer<TKey> comparer)
        {
            return from.GroupBy(keyOf, item => item, comparer);
        }

        public static IEnumerable<IGrouping<TKey, TElement>> GroupBy<T, TKey, TElement>(
            this IEnumerable<T> from, Func<T, TKey> keyOf, Func<T, TElement> element)
        {
            return from.GroupBy(keyOf, element, null);
        }

        public static IEnumerable<IGrouping<TKey, TElement>> GroupBy<T, TKey, TElement>(
            this IEnumerable<T> from, Func<T, TKey> keyOf, Func<T, TElement> element, IEqualityComparer<TKey> comparer)
        {
            Check(from, keyOf);
            Check(from, element);
            return Later(() => LookupOf(from, keyOf, element, comparer));
        }

        public static IEnumerable<TResult> GroupBy<T, TKey, TResult>(
            this IEnumerable<T> from, Func<T, TKey> keyOf, Func<TKey, IEnumerable<T>, TResult> change)
        {
            return from.GroupBy(keyOf, item => item, change, null);
        }

        public static IEnumerable<TResult> GroupBy<T, TKey, TResult>(
            this IEnumerable<T> from, Func<T, TKey> keyOf, Func<TKey, IEnumerable<T>, TResult> change, IEqualityComparer<TKey> comparer)
        {
            return from.GroupBy(keyOf, item => item, change, comparer);
        }

        public static IEnumerable<TResult> GroupBy<T, TKey, TElement, TResult>(
            this IEnumerable<T> from, Func<T, TKey> keyOf, Func<T, TElement> element, Func<TKey, IEnumerable<TElement>, TResult> change)
        {
            return from.GroupBy(keyOf, element, change, null);
        }

        public static IEnumerable<TResult> GroupBy<T, TKey, TElement, TResult>(
            this IEnumerable<T> from, Func<T, TKey> keyOf, Func<T, TElement> element, Func<TKey, IEnumerable<TElement>, TResult> change,
            IEqualityComparer<TKey> comparer)
        {
            Check(from, change);
            return from.GroupBy(keyOf, element, comparer).Select(group => change(group.Key, group));
        }

        // ---- Dictionaries ----

        public static Dictionary<TKey, T> ToDictionary<T, TKey>(this IEnumerable<T> from, Func<T, TKey> keyOf)
        {
            return from.ToDictionary(keyOf, item => item, null);
        }

        public static Dictionary<TKey, T> ToDictionary<T, TKey>(
            this IEnumerable<T> from, Func<T, TKey> keyOf, IEqualityComparer<TKey> comparer)
        {
            return from.ToDictionary(keyOf, item => item, comparer);
        }

        public static Dictionary<TKey, TElement> ToDictionary<T, TKey, TElement>(
            this IEnumerable<T> from, Func<T, TKey> keyOf, Func<T, TElement> element)
        {
            return from.ToDictionary(keyOf, element, null);
        }

        public static Dictionary<TKey, TElement> ToDictionary<T, TKey, TElement>(
            this IEnumerable<T> from, Func<T, TKey> keyOf, Func<T, TElement> element, IEqualityComparer<TKey> comparer)
        {
            Check(from, keyOf);
            Check(from, element);
            Dictionary<TKey, TElement> all = new Dictionary<TKey, TElement>(comparer);
            foreach (T item in from)
                all.Add(keyOf(item), element(item));
            return all;
        }

        // ---- Joins ----

        public static IEnumerable<TResult> Join<T, TInner, TKey, TResult>(
            this IEnumerable<T> from, IEnumerable<TInner> inner, Func<T, TKey> keyOf, Func<TInner, TKey> innerKeyOf,
            Func<T, TInner, TResult> join)
        {
            return from.Join(inner, keyOf, innerKeyOf, join, null);
        }

        public static IEnumerable<TResult> Join<T, TInner, TKey, TResult>(
            this IEnumerable<T> from, IEnumerable<TInner> inner, Func<T, TKey> keyOf, Func<TInner, TKey> innerKeyOf,
            Func<T, TInner, TResult> join, IEqualityComparer<TKey> comparer)
        {
            Check(from, join);
            return from.GroupJoin(inner, keyOf, innerKeyOf, (item, those) => those.Select(other => join(item, other)), comparer)
                .SelectMany(those => those);
        }

        public static IEnumerable<TResult> GroupJoin<T, TInner, TKey, TResult>(
            this IEnumerable<T> from, IEnumerable<TInner> inner, Func<T, TKey> keyOf, Func<TInner, TKey> innerKeyOf,
            Func<T, IEnumerable<TInner>, TResult> join)
        {
            return from.GroupJoin(inner, keyOf, innerKeyOf, join, null);
        }

        public static IEnumerable<TResult> GroupJoin<T, TInner, TKey, TResult>(
            this IEnumerable<T> from, IEnumerable<TInner> inner, Func<T, TKey> keyOf, Func<TInner, TKey> innerKeyOf,
            Func<T, IEnumerable<TInner>, TResult> join, IEqualityComparer<TKey> comparer)
        {
            Check(from, keyOf);
            Check(inner, innerKeyOf);
            Check(from, join);
            return Later(() =>
            {
                // A key that is null meets no other.
                Lookup<TKey, TInner> all = LookupOf(inner, innerKeyOf, item => item, comparer);
                return from.Select(item =>
                {
                    TKey key = keyOf(item);
                    return join(item, key == null ? Empty<TInner>() : all[key]);
                });
            });
        }
    }
}

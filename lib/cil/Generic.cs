// SPDX-License-Identifier: MIT
//
// Collections of one type.
using System.Collections.Generic;

namespace System.Collections.Generic
{
    public interface IComparer<in T>
    {
        int Compare(T a, T b);
    }

    public interface IEqualityComparer<in T>
    {
        bool Equals(T a, T b);
        int GetHashCode(T a);
    }

    public abstract partial class Comparer<T> : IComparer<T>
    {
        sealed class ByObject : Comparer<T>
        {
            public override int Compare(T a, T b)
            {
                if (a == null || b == null)
                    return a != null ? 1 : b != null ? -1 : 0;
                IComparable<T> typed = (object)a as IComparable<T>;
                if (typed != null)
                    return typed.CompareTo(b);
                IComparable any = (object)a as IComparable;
                if (any == null)
                    throw new ArgumentException("Objects of this type have no order.");
                return any.CompareTo(b);
            }
        }

        static Comparer<T> common;

        public static Comparer<T> Default
        {
            get
            {
                if (common == null)
                    common = new ByObject();
                return common;
            }
        }

        public abstract int Compare(T a, T b);
    }

    public abstract class EqualityComparer<T> : IEqualityComparer<T>
    {
        sealed class ByObject : EqualityComparer<T>
        {
            public override bool Equals(T a, T b)
            {
                if (a == null || b == null)
                    return a == null && b == null;
                IEquatable<T> typed = (object)a as IEquatable<T>;
                return typed != null ? typed.Equals(b) : a.Equals(b);
            }

            public override int GetHashCode(T a) { return a == null ? 0 : a.GetHashCode(); }
        }

        static EqualityComparer<T> common;

        public static EqualityComparer<T> Default
        {
            get
            {
                if (common == null)
                    common = new ByObject();
                return common;
            }
        }

        public abstract bool Equals(T a, T b);
        public abstract int GetHashCode(T a);
    }

    public struct KeyValuePair<TKey, TValue>
    {
        TKey key;
        TValue value;

        public KeyValuePair(TKey key, TValue value)
        {
            this.key = key;
            this.value = value;
        }

        public TKey Key { get { return key; } }
        public TValue Value { get { return value; } }

        public void Deconstruct(out TKey key, out TValue value)
        {
            key = this.key;
            value = this.value;
        }

        public override string ToString() { return String.Format("[{0}, {1}]", key, value); }
    }

    // A collection counts its changes. Whoever walks through it compares the number with that at the start.
    static class Walker
    {
        internal static Exception Changed() { return new InvalidOperationException("Collection was modified; enumeration operation may not execute."); }
    }

    public partial class List<T> : IList<T>, IReadOnlyList<T>, IList
    {
        T[] items;
        int count, version;

        public List() { items = new T[4]; }

        public List(int capacity)
        {
            if (capacity < 0)
                throw new ArgumentOutOfRangeException("capacity");
            items = new T[capacity < 4 ? 4 : capacity];
        }

        public int Count { get { return count; } }
        public int Capacity
        {
            get { return items.Length; }
            set
            {
                if (value < count)
                    throw new ArgumentOutOfRangeException("value");
                Array.Resize(ref items, Math.Max(value, 4));
            }
        }

        bool ICollection<T>.IsReadOnly { get { return false; } }

        public List(IEnumerable<T> items) : this()
        {
            AddRange(items);
        }

        public void AddRange(IEnumerable<T> items)
        {
            if (items == null)
                throw new ArgumentNullException("items");
            ICollection<T> all = items as ICollection<T>;
            if (all == null || all == this)
            {
                foreach (T item in all == null ? items : ToArray())
                    Add(item);
                return;
            }
            int more = all.Count;
            if (count + more > this.items.Length)
                Capacity = Math.Max(count + more, 2 * this.items.Length);
            all.CopyTo(this.items, count);
            count += more;
            version++;
        }

        public void CopyTo(T[] array, int at)
        {
            Array.Copy(items, 0, array, at, count);
        }

        void Check(int index)
        {
            if ((uint)index >= (uint)count)
                throw new ArgumentOutOfRangeException(
                    "index", "Index was out of range. Must be non-negative and less than the size of the collection.");
        }

        public T this[int index]
        {
            get
            {
                Check(index);
                return items[index];
            }
            set
            {
                Check(index);
                items[index] = value;
                version++;
            }
        }

        void Grow()
        {
            T[] more = new T[checked(2 * items.Length)];
            Array.Copy(items, 0, more, 0, count);
            items = more;
        }

        public void Add(T item)
        {
            if (count == items.Length)
                Grow();
            items[count++] = item;
            version++;
        }

        public void Insert(int index, T item)
        {
            if ((uint)index > (uint)count)
                throw new ArgumentOutOfRangeException("index");
            if (count == items.Length)
                Grow();
            Array.Copy(items, index, items, index + 1, count - index);
            items[index] = item;
            count++;
            version++;
        }

        public void RemoveAt(int index)
        {
            Check(index);
            count--;
            version++;
            Array.Copy(items, index + 1, items, index, count - index);
            items[count] = default(T);
        }

        public bool Remove(T item)
        {
            int index = IndexOf(item);
            if (index >= 0)
                RemoveAt(index);
            return index >= 0;
        }

        public void Clear()
        {
            Array.Clear(items, 0, count);
            count = 0;
            version++;
        }

        public int IndexOf(T item)
        {
            EqualityComparer<T> same = EqualityComparer<T>.Default;
            for (int n = 0; n < count; n++)
                if (same.Equals(items[n], item))
                    return n;
            return -1;
        }

        public bool Contains(T item) { return IndexOf(item) >= 0; }

        public T[] ToArray()
        {
            T[] all = new T[count];
            Array.Copy(items, 0, all, 0, count);
            return all;
        }

        // Stable: equal elements stay in their order.
        public void Sort(Comparison<T> compare)
        {
            if (compare == null)
                throw new ArgumentNullException("compare");
            T[] from = items, to = new T[items.Length];
            for (int width = 1; width < count; width *= 2)
            {
                for (int at = 0; at < count; at += 2 * width)
                    Merge(from, to, at, width, compare);
                T[] other = from;
                from = to;
                to = other;
            }
            items = from;
            version++;
        }

        void Merge(T[] from, T[] to, int at, int width, Comparison<T> compare)
        {
            int a = at, b = at + width < count ? at + width : count;
            int endA = b, endB = b + width < count ? b + width : count;
            for (int n = at; n < endB; n++)
            {
                bool isFirst = a < endA && (b == endB || compare(from[a], from[b]) <= 0);
                to[n] = isFirst ? from[a++] : from[b++];
            }
        }

        public Enumerator GetEnumerator() { return new Enumerator(this); }
        IEnumerator<T> IEnumerable<T>.GetEnumerator() { return new Enumerator(this); }
        IEnumerator IEnumerable.GetEnumerator() { return new Enumerator(this); }

        public struct Enumerator : IEnumerator<T>
        {
            List<T> list;
            int index, version;

            internal Enumerator(List<T> list)
            {
                this.list = list;
                this.index = -1;
                this.version = list.version;
            }

            public T Current { get { return list.items[index]; } }
            object IEnumerator.Current { get { return Current; } }

            public bool MoveNext()
            {
                if (version != list.version)
                    throw Walker.Changed();
                return ++index < list.count;
            }

            public void Reset() { index = -1; }
            public void Dispose() { }
        }
    }

    // Open hashing: chains of entries, in the order in which they were added.
    public partial class Dictionary<TKey, TValue>
    {
        struct Entry
        {
            internal int hash, next; // next: number of the entry, -1: none
            internal TKey key;
            internal TValue value;
            internal bool isUsed;
        }

        int[] heads; // number of the first entry + 1; the length is a power of two
        Entry[] entries;
        int used, count, version;

        readonly IEqualityComparer<TKey> same;

        public Dictionary() : this((IEqualityComparer<TKey>)null) { }

        public Dictionary(IEqualityComparer<TKey> comparer)
        {
            same = comparer == null ? EqualityComparer<TKey>.Default : comparer;
            Clear();
        }

        public void Clear()
        {
            heads = new int[8];
            entries = new Entry[8];
            used = count = 0;
            version++;
        }

        public int Count { get { return count; } }

        int Find(TKey key, int hash)
        {
            int n = heads[hash & (heads.Length - 1)] - 1;
            while (n >= 0 && (entries[n].hash != hash || !same.Equals(entries[n].key, key)))
                n = entries[n].next;
            return n;
        }

        int HashOf(TKey key)
        {
            if (key == null)
                throw new ArgumentNullException("key");
            return same.GetHashCode(key);
        }

        void Link(int n)
        {
            int at = entries[n].hash & (heads.Length - 1);
            entries[n].next = heads[at] - 1;
            heads[at] = n + 1;
        }

        // Also drops the entries that were removed.
        void Grow()
        {
            Entry[] old = entries;
            int size = count > entries.Length / 2 ? checked(2 * entries.Length) : entries.Length, last = used;
            entries = new Entry[size];
            heads = new int[size];
            used = 0;
            for (int n = 0; n < last; n++)
            {
                if (old[n].isUsed)
                {
                    entries[used] = old[n];
                    Link(used++);
                }
            }
        }

        void Append(TKey key, int hash, TValue value)
        {
            if (used == entries.Length)
                Grow();
            entries[used].hash = hash;
            entries[used].key = key;
            entries[used].value = value;
            entries[used].isUsed = true;
            Link(used++);
            count++;
            version++;
        }

        public TValue this[TKey key]
        {
            get
            {
                int n = Find(key, HashOf(key));
                if (n < 0)
                        throw new KeyNotFoundException(String.Concat("The given key '", key, "' was not present in the dictionary."));
                return entries[n].value;
            }
            set
            {
                int hash = HashOf(key), n = Find(key, hash);
                if (n < 0)
                {
                    Append(key, hash, value);
                    return;
                }
                entries[n].value = value;
                version++;
            }
        }

        public void Add(TKey key, TValue value)
        {
            int hash = HashOf(key);
            if (Find(key, hash) >= 0)
                throw new ArgumentException("An item with the same key has already been added. Key: " + key);
            Append(key, hash, value);
        }

        public bool ContainsKey(TKey key) { return Find(key, HashOf(key)) >= 0; }

        public bool TryGetValue(TKey key, out TValue value)
        {
            int n = Find(key, HashOf(key));
            value = n < 0 ? default(TValue) : entries[n].value;
            return n >= 0;
        }

        public bool Remove(TKey key)
        {
            int hash = HashOf(key), n = Find(key, hash), at = hash & (heads.Length - 1);
            if (n < 0)
                return false;
            if (heads[at] - 1 == n)
                heads[at] = entries[n].next + 1;
            else
            {
                int before = heads[at] - 1;
                while (entries[before].next != n)
                    before = entries[before].next;
                entries[before].next = entries[n].next;
            }
            entries[n] = default(Entry);
            count--;
            version++;
            return true;
        }

        public Enumerator GetEnumerator() { return new Enumerator(this); }

        public struct Enumerator : IEnumerator<KeyValuePair<TKey, TValue>>
        {
            Dictionary<TKey, TValue> all;
            int index, version;

            internal Enumerator(Dictionary<TKey, TValue> all)
            {
                this.all = all;
                this.index = -1;
                this.version = all.version;
            }

            public KeyValuePair<TKey, TValue> Current
            {
                get { return new KeyValuePair<TKey, TValue>(all.entries[index].key, all.entries[index].value); }
            }

            object IEnumerator.Current { get { return Current; } }
            public void Reset() { index = -1; }

            public bool MoveNext()
            {
                if (version != all.version)
                    throw Walker.Changed();
                do
                    index++;
                while (index < all.used && !all.entries[index].isUsed);
                return index < all.used;
            }

            public void Dispose() { }
        }
    }

    public class KeyNotFoundException : SystemException
    {
        public KeyNotFoundException() : base("The given key was not present in the dictionary.") { }
        public KeyNotFoundException(string message) : base(message) { }
    }
}

// SPDX-License-Identifier: MIT
//
// More members of lists, dictionaries and sorted collections, and collections of objects by keys.
using System.Collections.Generic;

namespace System.Collections
{
    public interface IDictionaryEnumerator : IEnumerator
    {
        DictionaryEntry Entry { get; }
        object Key { get; }
        object Value { get; }
    }

    public interface IDictionary : ICollection
    {
        object this[object key] { get; set; }
        ICollection Keys { get; }
        ICollection Values { get; }
        bool IsReadOnly { get; }
        bool IsFixedSize { get; }
        bool Contains(object key);
        void Add(object key, object value);
        void Clear();
        new IDictionaryEnumerator GetEnumerator();
        void Remove(object key);
    }

    public interface IEqualityComparer
    {
        bool Equals(object x, object y);
        int GetHashCode(object obj);
    }

    public struct DictionaryEntry
    {
        public DictionaryEntry(object key, object value)
        {
            Key = key;
            Value = value;
        }

        public object Key { get; set; }
        public object Value { get; set; }
    }

    public class Hashtable : IDictionary, ICloneable
    {
        readonly Dictionary<object, object> all;

        public Hashtable() : this(0) { }
        public Hashtable(int capacity) { all = new Dictionary<object, object>(); }

        public Hashtable(IDictionary d) : this()
        {
            foreach (DictionaryEntry e in d)
                all.Add(e.Key, e.Value);
        }

        sealed class Enumerator : IDictionaryEnumerator
        {
            internal IEnumerator<KeyValuePair<object, object>> inner;

            public DictionaryEntry Entry { get { return new DictionaryEntry(Key, Value); } }
            public object Key { get { return inner.Current.Key; } }
            public object Value { get { return inner.Current.Value; } }
            public object Current { get { return Entry; } }
            public bool MoveNext() { return inner.MoveNext(); }
            public void Reset() { inner.Reset(); }
        }

        public virtual object this[object key]
        {
            get
            {
                object value;
                all.TryGetValue(key, out value);
                return value;
            }
            set { all[key] = value; }
        }

        public virtual int Count { get { return all.Count; } }
        public virtual ICollection Keys { get { return new List<object>(all.Keys); } }
        public virtual ICollection Values { get { return new List<object>(all.Values); } }
        public virtual bool IsReadOnly { get { return false; } }
        public virtual bool IsFixedSize { get { return false; } }
        public virtual bool IsSynchronized { get { return false; } }
        public virtual object SyncRoot { get { return this; } }
        public virtual bool Contains(object key) { return all.ContainsKey(key); }
        public virtual bool ContainsKey(object key) { return all.ContainsKey(key); }
        public virtual bool ContainsValue(object value) { return all.ContainsValue(value); }
        public virtual void Add(object key, object value) { all.Add(key, value); }
        public virtual void Clear() { all.Clear(); }
        public virtual void Remove(object key) { all.Remove(key); }
        public virtual object Clone() { return new Hashtable(this); }
        public virtual IDictionaryEnumerator GetEnumerator() { return new Enumerator { inner = ((IEnumerable<KeyValuePair<object, object>>)all).GetEnumerator() }; }
        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }

        public virtual void CopyTo(Array array, int at)
        {
            foreach (DictionaryEntry e in this)
                array.SetValue(e, at++);
        }
    }

    public sealed class BitArray : ICollection, ICloneable
    {
        bool[] bits;

        public BitArray(int length) { bits = new bool[length]; }

        public BitArray(int length, bool defaultValue) : this(length) { SetAll(defaultValue); }
        public BitArray(bool[] values) { bits = (bool[])values.Clone(); }
        public BitArray(BitArray other) : this(other.bits) { }

        public BitArray(byte[] bytes) : this(8 * bytes.Length)
        {
            for (int n = 0; n < bits.Length; n++)
                bits[n] = (bytes[n / 8] >> n % 8 & 1) != 0;
        }

        public int Count { get { return bits.Length; } }
        public bool IsReadOnly { get { return false; } }
        public bool IsSynchronized { get { return false; } }
        public object SyncRoot { get { return this; } }

        public int Length
        {
            get { return bits.Length; }
            set { Array.Resize(ref bits, value); }
        }

        public bool this[int index]
        {
            get
            {
                if ((uint)index >= (uint)bits.Length)
                    throw new ArgumentOutOfRangeException("index");
                return bits[index];
            }
            set
            {
                if ((uint)index >= (uint)bits.Length)
                    throw new ArgumentOutOfRangeException("index");
                bits[index] = value;
            }
        }

        public bool Get(int index) { return this[index]; }
        public void Set(int index, bool value) { this[index] = value; }
        public void SetAll(bool value) { Array.Fill(bits, value); }

        BitArray With(BitArray value, Func<bool, bool, bool> function)
        {
            if (value.Length != Length)
                throw new ArgumentException("Array lengths must be the same.");
            for (int n = 0; n < bits.Length; n++)
                bits[n] = function(bits[n], value.bits[n]);
            return this;
        }

        public BitArray And(BitArray value) { return With(value, (a, b) => a & b); }
        public BitArray Or(BitArray value) { return With(value, (a, b) => a | b); }
        public BitArray Xor(BitArray value) { return With(value, (a, b) => a ^ b); }
        public BitArray Not() { return With(this, (a, b) => !a); }
        public object Clone() { return new BitArray(bits); }
        public void CopyTo(Array array, int index) { Array.Copy(bits, 0, array, index, bits.Length); }
        public IEnumerator GetEnumerator() { return ((IEnumerable<bool>)bits).GetEnumerator(); }
    }
}

namespace System.Collections.ObjectModel
{
    // A list whose changes a class that inherits it may follow.
    public class Collection<T> : IList<T>, IReadOnlyList<T>
    {
        readonly IList<T> items;

        public Collection() { items = new List<T>(); }

        public Collection(IList<T> list)
        {
            if (list == null)
                throw new ArgumentNullException("list");
            items = list;
        }

        protected IList<T> Items { get { return items; } }
        public int Count { get { return items.Count; } }
        bool ICollection<T>.IsReadOnly { get { return items.IsReadOnly; } }

        protected virtual void InsertItem(int index, T item) { items.Insert(index, item); }
        protected virtual void RemoveItem(int index) { items.RemoveAt(index); }
        protected virtual void SetItem(int index, T item) { items[index] = item; }
        protected virtual void ClearItems() { items.Clear(); }

        void Check(int index, int count)
        {
            if ((uint)index >= (uint)count)
                throw new ArgumentOutOfRangeException("index");
        }

        public T this[int index]
        {
            get { return items[index]; }
            set
            {
                Check(index, Count);
                SetItem(index, value);
            }
        }

        public void Add(T item) { InsertItem(items.Count, item); }
        public void Clear() { ClearItems(); }
        public bool Contains(T item) { return items.Contains(item); }
        public int IndexOf(T item) { return items.IndexOf(item); }
        public void CopyTo(T[] array, int index) { items.CopyTo(array, index); }

        public void Insert(int index, T item)
        {
            Check(index, Count + 1);
            InsertItem(index, item);
        }

        public void RemoveAt(int index)
        {
            Check(index, Count);
            RemoveItem(index);
        }

        public bool Remove(T item)
        {
            int index = IndexOf(item);
            if (index >= 0)
                RemoveItem(index);
            return index >= 0;
        }

        public IEnumerator<T> GetEnumerator() { return items.GetEnumerator(); }
        IEnumerator IEnumerable.GetEnumerator() { return items.GetEnumerator(); }
    }

    public class ReadOnlyDictionary<TKey, TValue> : IReadOnlyDictionary<TKey, TValue>
    {
        readonly IDictionary<TKey, TValue> all;

        public ReadOnlyDictionary(IDictionary<TKey, TValue> dictionary)
        {
            if (dictionary == null)
                throw new ArgumentNullException("dictionary");
            all = dictionary;
        }

        public int Count { get { return all.Count; } }
        public TValue this[TKey key] { get { return all[key]; } }
        public ICollection<TKey> Keys { get { return all.Keys; } }
        public ICollection<TValue> Values { get { return all.Values; } }
        IEnumerable<TKey> IReadOnlyDictionary<TKey, TValue>.Keys { get { return all.Keys; } }
        IEnumerable<TValue> IReadOnlyDictionary<TKey, TValue>.Values { get { return all.Values; } }
        public bool ContainsKey(TKey key) { return all.ContainsKey(key); }
        public bool TryGetValue(TKey key, out TValue value) { return all.TryGetValue(key, out value); }
        public IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator() { return all.GetEnumerator(); }
        IEnumerator IEnumerable.GetEnumerator() { return all.GetEnumerator(); }
    }
}

namespace System.Collections.Generic
{
    public partial class Dictionary<TKey, TValue>
    {
        public Dictionary(IDictionary<TKey, TValue> from, IEqualityComparer<TKey> comparer) : this(comparer)
        {
            if (from == null)
                throw new ArgumentNullException("from");
            foreach (KeyValuePair<TKey, TValue> item in from)
                Add(item.Key, item.Value);
        }

        IEnumerable<TKey> IReadOnlyDictionary<TKey, TValue>.Keys { get { return Keys; } }
        IEnumerable<TValue> IReadOnlyDictionary<TKey, TValue>.Values { get { return Values; } }

        public bool TryAdd(TKey key, TValue value)
        {
            if (ContainsKey(key))
                return false;
            Add(key, value);
            return true;
        }

        public bool Remove(TKey key, out TValue value) { return TryGetValue(key, out value) && Remove(key); }
        public int EnsureCapacity(int capacity) { return Math.Max(capacity, Count); }
        public void TrimExcess() { }
    }

    public partial class List<T>
    {
        public int IndexOf(T item, int index) { return Array.IndexOf(items, item, index, count - index); }
        public int IndexOf(T item, int index, int count) { return index > this.count - count ? throw new ArgumentOutOfRangeException("count") : Array.IndexOf(items, item, index, count); }
        public int FindIndex(int startIndex, Predicate<T> match) { return FindIndex(startIndex, count - startIndex, match); }

        public int FindIndex(int startIndex, int count, Predicate<T> match)
        {
            CheckRange(startIndex, count);
            return Array.FindIndex(items, startIndex, count, match);
        }

        public int BinarySearch(int index, int count, T item, IComparer<T> comparer)
        {
            CheckRange(index, count);
            return Sorter.Find(items, index, count, item, comparer);
        }

        public void Sort(int index, int count, IComparer<T> comparer)
        {
            CheckRange(index, count);
            Sorter.Sort(items, index, count, Sorter.By(comparer));
            version++;
        }

        public void CopyTo(int index, T[] array, int arrayIndex, int count)
        {
            CheckRange(index, count);
            Array.Copy(items, index, array, arrayIndex, count);
        }

        bool ICollection.IsSynchronized { get { return false; } }
        object ICollection.SyncRoot { get { return this; } }
        void ICollection.CopyTo(Array array, int at) { Array.Copy(items, 0, array, at, count); }
        bool IList.IsFixedSize { get { return false; } }
        bool IList.IsReadOnly { get { return false; } }

        object IList.this[int index]
        {
            get { return this[index]; }
            set { this[index] = (T)value; }
        }

        int IList.Add(object item)
        {
            Add((T)item);
            return count - 1;
        }

        bool IList.Contains(object item) { return item is T && Contains((T)item); }
        int IList.IndexOf(object item) { return item is T ? IndexOf((T)item) : -1; }
        void IList.Insert(int index, object item) { Insert(index, (T)item); }

        void IList.Remove(object item)
        {
            if (item is T)
                Remove((T)item);
        }
    }

    public static class CollectionExtensions
    {
        public static TValue GetValueOrDefault<TKey, TValue>(this IReadOnlyDictionary<TKey, TValue> dictionary, TKey key)
        {
            return dictionary.GetValueOrDefault(key, default(TValue));
        }

        public static TValue GetValueOrDefault<TKey, TValue>(this IReadOnlyDictionary<TKey, TValue> dictionary, TKey key, TValue defaultValue)
        {
            TValue value;
            return dictionary.TryGetValue(key, out value) ? value : defaultValue;
        }
    }

    public partial class SortedSet<T> : ISet<T>
    {
        public SortedSet(IEnumerable<T> from, IComparer<T> comparer) : this(comparer) { UnionWith(from); }

        public IComparer<T> Comparer { get { return tree.Order; } }
        public void CopyTo(T[] array) { CopyTo(array, 0); }

        // A set with the same order.
        SortedSet<T> Same(IEnumerable<T> other)
        {
            SetParts.Check(other);
            return new SortedSet<T>(other, tree.Order);
        }

        public void IntersectWith(IEnumerable<T> other)
        {
            SortedSet<T> both = Same(other);
            SetParts.RemoveWhere(this, item => !both.Contains(item));
        }

        public void SymmetricExceptWith(IEnumerable<T> other) { SetParts.SymmetricExcept(this, Same(other)); }
        public bool IsSubsetOf(IEnumerable<T> other) { return SetParts.IsSubset(this, Same(other), false); }
        public bool IsProperSubsetOf(IEnumerable<T> other) { return SetParts.IsSubset(this, Same(other), true); }
        public bool IsSupersetOf(IEnumerable<T> other) { return SetParts.IsSuperset(this, Same(other), false); }
        public bool IsProperSupersetOf(IEnumerable<T> other) { return SetParts.IsSuperset(this, Same(other), true); }
        public bool Overlaps(IEnumerable<T> other) { return SetParts.Overlaps(this, other); }
        public int RemoveWhere(Predicate<T> match) { return SetParts.RemoveWhere(this, match); }

        public bool SetEquals(IEnumerable<T> other)
        {
            SortedSet<T> same = Same(other);
            return same.Count == Count && SetParts.IsSubset(this, same, false);
        }

        public IEnumerable<T> Reverse()
        {
            List<T> all = new List<T>(this);
            all.Reverse();
            return all;
        }

        // A copy: what changes afterwards is not seen.
        public virtual SortedSet<T> GetViewBetween(T lowerValue, T upperValue)
        {
            if (tree.Order.Compare(lowerValue, upperValue) > 0)
                throw new ArgumentException("Must be less than or equal to upperValue.", "lowerValue");
            SortedSet<T> view = new SortedSet<T>(tree.Order);
            foreach (T item in this)
                if (tree.Order.Compare(item, lowerValue) >= 0 && tree.Order.Compare(item, upperValue) <= 0)
                    view.Add(item);
            return view;
        }
    }
}

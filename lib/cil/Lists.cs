// SPDX-License-Identifier: MIT
//
// Lists of any objects, lists that cannot be written, and lists sorted by keys.
using System.Collections.Generic;

namespace System.Collections
{
    public interface ICollection : IEnumerable
    {
        int Count { get; }
        bool IsSynchronized { get; }
        object SyncRoot { get; }
        void CopyTo(Array array, int at);
    }

    public interface IList : ICollection
    {
        object this[int index] { get; set; }
        bool IsFixedSize { get; }
        bool IsReadOnly { get; }
        int Add(object item);
        void Clear();
        bool Contains(object item);
        int IndexOf(object item);
        void Insert(int index, object item);
        void Remove(object item);
        void RemoveAt(int index);
    }

    public interface IComparer
    {
        int Compare(object a, object b);
    }

    public class ArrayList : IList, ICloneable
    {
        readonly List<object> items;

        public ArrayList() { items = new List<object>(); }
        public ArrayList(int capacity) { items = new List<object>(capacity); }

        public ArrayList(ICollection from) : this()
        {
            if (from == null)
                throw new ArgumentNullException("from");
            AddRange(from);
        }

        public virtual int Count { get { return items.Count; } }
        public virtual int Capacity { get { return items.Capacity; } }
        public virtual bool IsSynchronized { get { return false; } }
        public virtual object SyncRoot { get { return this; } }
        public virtual bool IsFixedSize { get { return false; } }
        public virtual bool IsReadOnly { get { return false; } }

        public virtual object this[int index]
        {
            get { return items[index]; }
            set { items[index] = value; }
        }

        public virtual int Add(object item)
        {
            items.Add(item);
            return items.Count - 1;
        }

        public virtual void AddRange(ICollection from) { InsertRange(items.Count, from); }

        public virtual void InsertRange(int index, ICollection from)
        {
            if (from == null)
                throw new ArgumentNullException("from");
            List<object> more = new List<object>(from.Count);
            foreach (object o in from)
                more.Add(o);
            items.InsertRange(index, more);
        }

        public virtual void Clear() { items.Clear(); }
        public virtual bool Contains(object item) { return items.Contains(item); }
        public virtual int IndexOf(object item) { return items.IndexOf(item); }
        public virtual int LastIndexOf(object item) { return items.LastIndexOf(item); }
        public virtual void Insert(int index, object item) { items.Insert(index, item); }
        public virtual void Remove(object item) { items.Remove(item); }
        public virtual void RemoveAt(int index) { items.RemoveAt(index); }
        public virtual void RemoveRange(int index, int count) { items.RemoveRange(index, count); }
        public virtual void Reverse() { items.Reverse(); }
        public virtual void Sort() { items.Sort(); }
        public virtual void Sort(IComparer by) { items.Sort(by == null ? null : Comparer<object>.Create(by.Compare)); }
        public virtual object[] ToArray() { return items.ToArray(); }
        public virtual IEnumerator GetEnumerator() { return items.GetEnumerator(); }

        public virtual void CopyTo(Array array) { CopyTo(array, 0); }

        public virtual void CopyTo(Array array, int at)
        {
            if (array == null)
                throw new ArgumentNullException("array");
            for (int n = 0; n < items.Count; n++)
                array.SetValue(items[n], at + n);
        }

        public virtual object Clone() { return new ArrayList(this); }
    }
}

namespace System.Collections.ObjectModel
{
    // Another list, behind methods that do not change it.
    public class ReadOnlyCollection<T> : IList<T>, IReadOnlyList<T>
    {
        readonly IList<T> items;

        public ReadOnlyCollection(IList<T> items)
        {
            if (items == null)
                throw new ArgumentNullException("items");
            this.items = items;
        }

        static Exception Refuse() { return new NotSupportedException("Collection is read-only."); }

        protected IList<T> Items { get { return items; } }
        public int Count { get { return items.Count; } }
        public T this[int index] { get { return items[index]; } }
        public bool Contains(T item) { return items.Contains(item); }
        public int IndexOf(T item) { return items.IndexOf(item); }
        public void CopyTo(T[] array, int at) { items.CopyTo(array, at); }
        public IEnumerator<T> GetEnumerator() { return items.GetEnumerator(); }
        IEnumerator IEnumerable.GetEnumerator() { return items.GetEnumerator(); }
        bool ICollection<T>.IsReadOnly { get { return true; } }

        T IList<T>.this[int index]
        {
            get { return items[index]; }
            set { throw Refuse(); }
        }

        void ICollection<T>.Add(T item) { throw Refuse(); }
        void ICollection<T>.Clear() { throw Refuse(); }
        bool ICollection<T>.Remove(T item) { throw Refuse(); }
        void IList<T>.Insert(int index, T item) { throw Refuse(); }
        void IList<T>.RemoveAt(int index) { throw Refuse(); }
    }
}

namespace System.Collections.Generic
{
    public partial class List<T>
    {
        public ObjectModel.ReadOnlyCollection<T> AsReadOnly() { return new ObjectModel.ReadOnlyCollection<T>(this); }
    }

    // Two lists, of keys in order and of their values: adding takes time linear in the number of items.
    public class SortedList<TKey, TValue> : IDictionary<TKey, TValue>
    {
        readonly List<TKey> keys = new List<TKey>();
        readonly List<TValue> values = new List<TValue>();
        readonly IComparer<TKey> comparer;

        public SortedList() : this((IComparer<TKey>)null) { }
        public SortedList(IComparer<TKey> comparer) { this.comparer = comparer == null ? Comparer<TKey>.Default : comparer; }

        public SortedList(IDictionary<TKey, TValue> from) : this()
        {
            if (from == null)
                throw new ArgumentNullException("from");
            foreach (KeyValuePair<TKey, TValue> item in from)
                Add(item.Key, item.Value);
        }

        public int Count { get { return keys.Count; } }
        public bool IsReadOnly { get { return false; } }
        public IComparer<TKey> Comparer { get { return comparer; } }
        public IList<TKey> Keys { get { return keys.AsReadOnly(); } }
        public IList<TValue> Values { get { return values.AsReadOnly(); } }
        ICollection<TKey> IDictionary<TKey, TValue>.Keys { get { return Keys; } }
        ICollection<TValue> IDictionary<TKey, TValue>.Values { get { return Values; } }

        // The complement of the place where it belongs, if it is not there.
        int Find(TKey key)
        {
            if (key == null)
                throw new ArgumentNullException("key");
            return keys.BinarySearch(key, comparer);
        }

        public int IndexOfKey(TKey key) { return Math.Max(Find(key), -1); }
        public int IndexOfValue(TValue value) { return values.IndexOf(value); }
        public bool ContainsKey(TKey key) { return Find(key) >= 0; }
        public bool ContainsValue(TValue value) { return values.Contains(value); }

        public TValue this[TKey key]
        {
            get
            {
                int at = Find(key);
                if (at < 0)
                    throw new KeyNotFoundException();
                return values[at];
            }
            set
            {
                int at = Find(key);
                if (at >= 0)
                    values[at] = value;
                else
                    Insert(~at, key, value);
            }
        }

        void Insert(int at, TKey key, TValue value)
        {
            keys.Insert(at, key);
            values.Insert(at, value);
        }

        public void Add(TKey key, TValue value)
        {
            int at = Find(key);
            if (at >= 0)
                throw new ArgumentException("The key is there already.");
            Insert(~at, key, value);
        }

        public bool TryGetValue(TKey key, out TValue value)
        {
            int at = Find(key);
            value = at < 0 ? default(TValue) : values[at];
            return at >= 0;
        }

        public void RemoveAt(int index)
        {
            keys.RemoveAt(index);
            values.RemoveAt(index);
        }

        public bool Remove(TKey key)
        {
            int at = Find(key);
            if (at >= 0)
                RemoveAt(at);
            return at >= 0;
        }

        public void Clear()
        {
            keys.Clear();
            values.Clear();
        }

        void ICollection<KeyValuePair<TKey, TValue>>.Add(KeyValuePair<TKey, TValue> item) { Add(item.Key, item.Value); }

        bool ICollection<KeyValuePair<TKey, TValue>>.Contains(KeyValuePair<TKey, TValue> item)
        {
            int at = Find(item.Key);
            return at >= 0 && EqualityComparer<TValue>.Default.Equals(values[at], item.Value);
        }

        bool ICollection<KeyValuePair<TKey, TValue>>.Remove(KeyValuePair<TKey, TValue> item)
        {
            return ((ICollection<KeyValuePair<TKey, TValue>>)this).Contains(item) && Remove(item.Key);
        }

        public void CopyTo(KeyValuePair<TKey, TValue>[] array, int at)
        {
            for (int n = 0; n < keys.Count; n++)
                array[at + n] = new KeyValuePair<TKey, TValue>(keys[n], values[n]);
        }

        // The enumerator of the keys notices changes.
        public IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator()
        {
            int n = 0;
            foreach (TKey key in keys)
                yield return new KeyValuePair<TKey, TValue>(key, values[n++]);
        }

        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }
}

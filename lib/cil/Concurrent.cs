// SPDX-License-Identifier: MIT
//
// Collections that several threads may use at once. Each has one monitor. Walking over one of them walks over a copy.
using System.Collections.Generic;
using System.Threading;

namespace System.Collections.Concurrent
{
    public interface IProducerConsumerCollection<T> : IEnumerable<T>
    {
        int Count { get; }
        bool TryAdd(T item);
        bool TryTake(out T item);
        T[] ToArray();
    }

    public class ConcurrentDictionary<TKey, TValue> : IDictionary<TKey, TValue>, IReadOnlyDictionary<TKey, TValue>
    {
        readonly Dictionary<TKey, TValue> all; // its monitor is that of this collection

        public ConcurrentDictionary() : this((IEqualityComparer<TKey>)null) { }
        public ConcurrentDictionary(IEqualityComparer<TKey> comparer) { all = new Dictionary<TKey, TValue>(comparer); }
        public ConcurrentDictionary(int concurrencyLevel, int capacity) : this() { }

        public ConcurrentDictionary(IEnumerable<KeyValuePair<TKey, TValue>> collection) : this()
        {
            foreach (KeyValuePair<TKey, TValue> item in collection)
                all.Add(item.Key, item.Value);
        }

        public int Count
        {
            get
            {
                lock (all)
                    return all.Count;
            }
        }

        public bool IsEmpty { get { return Count == 0; } }

        public TValue this[TKey key]
        {
            get
            {
                lock (all)
                    return all[key];
            }
            set
            {
                lock (all)
                    all[key] = value;
            }
        }

        public bool TryAdd(TKey key, TValue value)
        {
            lock (all)
                return all.TryAdd(key, value);
        }

        public bool TryGetValue(TKey key, out TValue value)
        {
            lock (all)
                return all.TryGetValue(key, out value);
        }

        public bool TryRemove(TKey key, out TValue value)
        {
            lock (all)
                return all.Remove(key, out value);
        }

        public bool TryUpdate(TKey key, TValue newValue, TValue comparisonValue)
        {
            TValue value;
            lock (all)
            {
                if (!all.TryGetValue(key, out value) || !EqualityComparer<TValue>.Default.Equals(value, comparisonValue))
                    return false;
                all[key] = newValue;
                return true;
            }
        }

        public bool ContainsKey(TKey key)
        {
            lock (all)
                return all.ContainsKey(key);
        }

        // The functions run without the monitor, so they may run more often than their results are used.

        public TValue GetOrAdd(TKey key, Func<TKey, TValue> valueFactory)
        {
            TValue value;
            return TryGetValue(key, out value) ? value : GetOrAdd(key, valueFactory(key));
        }

        public TValue GetOrAdd(TKey key, TValue value)
        {
            TValue found;
            lock (all)
            {
                if (all.TryGetValue(key, out found))
                    return found;
                all.Add(key, value);
                return value;
            }
        }

        public TValue AddOrUpdate(TKey key, Func<TKey, TValue> addValueFactory, Func<TKey, TValue, TValue> updateValueFactory)
        {
            for (;;)
            {
                TValue old, changed;
                if (TryGetValue(key, out old))
                {
                    changed = updateValueFactory(key, old);
                    if (TryUpdate(key, changed, old))
                        return changed;
                }
                else if (TryAdd(key, changed = addValueFactory(key)))
                    return changed;
            }
        }

        public TValue AddOrUpdate(TKey key, TValue addValue, Func<TKey, TValue, TValue> updateValueFactory)
        {
            return AddOrUpdate(key, k => addValue, updateValueFactory);
        }

        public void Clear()
        {
            lock (all)
                all.Clear();
        }

        public KeyValuePair<TKey, TValue>[] ToArray()
        {
            lock (all)
            {
                KeyValuePair<TKey, TValue>[] copy = new KeyValuePair<TKey, TValue>[all.Count];
                ((ICollection<KeyValuePair<TKey, TValue>>)all).CopyTo(copy, 0);
                return copy;
            }
        }

        public ICollection<TKey> Keys
        {
            get
            {
                lock (all)
                    return new List<TKey>(all.Keys);
            }
        }

        public ICollection<TValue> Values
        {
            get
            {
                lock (all)
                    return new List<TValue>(all.Values);
            }
        }

        IEnumerable<TKey> IReadOnlyDictionary<TKey, TValue>.Keys { get { return Keys; } }
        IEnumerable<TValue> IReadOnlyDictionary<TKey, TValue>.Values { get { return Values; } }

        public IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator() { return ((IEnumerable<KeyValuePair<TKey, TValue>>)ToArray()).GetEnumerator(); }
        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }

        bool ICollection<KeyValuePair<TKey, TValue>>.IsReadOnly { get { return false; } }
        void IDictionary<TKey, TValue>.Add(TKey key, TValue value) { ((ICollection<KeyValuePair<TKey, TValue>>)this).Add(new KeyValuePair<TKey, TValue>(key, value)); }

        void ICollection<KeyValuePair<TKey, TValue>>.Add(KeyValuePair<TKey, TValue> item)
        {
            lock (all)
                all.Add(item.Key, item.Value);
        }

        bool IDictionary<TKey, TValue>.Remove(TKey key)
        {
            lock (all)
                return all.Remove(key);
        }

        bool ICollection<KeyValuePair<TKey, TValue>>.Remove(KeyValuePair<TKey, TValue> item)
        {
            lock (all)
                return ((ICollection<KeyValuePair<TKey, TValue>>)all).Remove(item);
        }

        bool ICollection<KeyValuePair<TKey, TValue>>.Contains(KeyValuePair<TKey, TValue> item)
        {
            lock (all)
                return ((ICollection<KeyValuePair<TKey, TValue>>)all).Contains(item);
        }

        void ICollection<KeyValuePair<TKey, TValue>>.CopyTo(KeyValuePair<TKey, TValue>[] array, int at) { ToArray().CopyTo(array, at); }
    }

    public class ConcurrentQueue<T> : IProducerConsumerCollection<T>, IReadOnlyCollection<T>
    {
        readonly Queue<T> items;

        public ConcurrentQueue() { items = new Queue<T>(); }
        public ConcurrentQueue(IEnumerable<T> collection) { items = new Queue<T>(collection); }

        public int Count
        {
            get
            {
                lock (items)
                    return items.Count;
            }
        }

        public bool IsEmpty { get { return Count == 0; } }

        public void Enqueue(T item)
        {
            lock (items)
                items.Enqueue(item);
        }

        public bool TryDequeue(out T result)
        {
            lock (items)
                return items.TryDequeue(out result);
        }

        public bool TryPeek(out T result)
        {
            lock (items)
                return items.TryPeek(out result);
        }

        public bool TryAdd(T item)
        {
            Enqueue(item);
            return true;
        }

        public bool TryTake(out T item) { return TryDequeue(out item); }

        public void Clear()
        {
            lock (items)
                items.Clear();
        }

        public T[] ToArray()
        {
            lock (items)
                return items.ToArray();
        }

        public void CopyTo(T[] array, int index) { ToArray().CopyTo(array, index); }
        public IEnumerator<T> GetEnumerator() { return ((IEnumerable<T>)ToArray()).GetEnumerator(); }
        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }

    public class ConcurrentStack<T> : IProducerConsumerCollection<T>, IReadOnlyCollection<T>
    {
        readonly Stack<T> items;

        public ConcurrentStack() { items = new Stack<T>(); }
        public ConcurrentStack(IEnumerable<T> collection) { items = new Stack<T>(collection); }

        public int Count
        {
            get
            {
                lock (items)
                    return items.Count;
            }
        }

        public bool IsEmpty { get { return Count == 0; } }

        public void Push(T item)
        {
            lock (items)
                items.Push(item);
        }

        public void PushRange(T[] items)
        {
            lock (this.items)
                foreach (T item in items)
                    this.items.Push(item);
        }

        public bool TryPop(out T result)
        {
            lock (items)
                return items.TryPop(out result);
        }

        public bool TryPeek(out T result)
        {
            lock (items)
                return items.TryPeek(out result);
        }

        public bool TryAdd(T item)
        {
            Push(item);
            return true;
        }

        public bool TryTake(out T item) { return TryPop(out item); }

        public void Clear()
        {
            lock (items)
                items.Clear();
        }

        public T[] ToArray()
        {
            lock (items)
                return items.ToArray();
        }

        public void CopyTo(T[] array, int index) { ToArray().CopyTo(array, index); }
        public IEnumerator<T> GetEnumerator() { return ((IEnumerable<T>)ToArray()).GetEnumerator(); }
        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }

    // The last one that was added is taken first, as a thread of .NET does with those that it has added.
    public class ConcurrentBag<T> : IProducerConsumerCollection<T>, IReadOnlyCollection<T>
    {
        readonly ConcurrentStack<T> stack;

        public ConcurrentBag() { stack = new ConcurrentStack<T>(); }
        public ConcurrentBag(IEnumerable<T> collection) { stack = new ConcurrentStack<T>(collection); }
        public void Add(T item) { stack.Push(item); }

        public int Count { get { return stack.Count; } }
        public bool IsEmpty { get { return stack.IsEmpty; } }
        bool IProducerConsumerCollection<T>.TryAdd(T item) { return stack.TryAdd(item); }
        public bool TryTake(out T result) { return stack.TryPop(out result); }
        public bool TryPeek(out T result) { return stack.TryPeek(out result); }
        public T[] ToArray() { return stack.ToArray(); }
        public void CopyTo(T[] array, int index) { stack.CopyTo(array, index); }
        public IEnumerator<T> GetEnumerator() { return stack.GetEnumerator(); }
        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }

    public class BlockingCollection<T> : IEnumerable<T>, IDisposable
    {
        readonly IProducerConsumerCollection<T> items; // with the monitor of this
        readonly int most;
        bool isComplete;

        public BlockingCollection() : this(new ConcurrentQueue<T>(), Int32.MaxValue) { }
        public BlockingCollection(int boundedCapacity) : this(new ConcurrentQueue<T>(), boundedCapacity) { }
        public BlockingCollection(IProducerConsumerCollection<T> collection) : this(collection, Int32.MaxValue) { }

        public BlockingCollection(IProducerConsumerCollection<T> collection, int boundedCapacity)
        {
            if (boundedCapacity < 1)
                throw new ArgumentOutOfRangeException("boundedCapacity");
            items = collection;
            most = boundedCapacity;
        }

        public int BoundedCapacity { get { return most == Int32.MaxValue ? -1 : most; } }
        public int Count { get { return items.Count; } }

        public bool IsAddingCompleted
        {
            get
            {
                lock (this)
                    return isComplete;
            }
        }

        public bool IsCompleted
        {
            get
            {
                lock (this)
                    return isComplete && items.Count == 0;
            }
        }

        // With the monitor. Returns false if the time is over.
        bool Wait(long end)
        {
            if (end == Int64.MaxValue)
                return Monitor.Wait(this);
            long left = end - Environment.TickCount64;
            return left > 0 && (Monitor.Wait(this, (int)left) || left > 0);
        }

        static long EndOf(int millisecondsTimeout) { return millisecondsTimeout < 0 ? Int64.MaxValue : Environment.TickCount64 + millisecondsTimeout; }

        public void Add(T item) { TryAdd(item, Timeout.Infinite); }
        public bool TryAdd(T item) { return TryAdd(item, 0); }

        public bool TryAdd(T item, int millisecondsTimeout)
        {
            long end = EndOf(millisecondsTimeout);
            lock (this)
            {
                while (!isComplete && items.Count >= most)
                    if (!Wait(end))
                        return false;
                if (isComplete)
                    throw new InvalidOperationException("Adding is complete.");
                items.TryAdd(item);
                Monitor.PulseAll(this);
                return true;
            }
        }

        public T Take()
        {
            T item;
            if (!TryTake(out item, Timeout.Infinite))
                throw new InvalidOperationException("Adding is complete, and there is no item.");
            return item;
        }

        public bool TryTake(out T item) { return TryTake(out item, 0); }

        public bool TryTake(out T item, int millisecondsTimeout)
        {
            long end = EndOf(millisecondsTimeout);
            lock (this)
            {
                while (!items.TryTake(out item))
                    if (isComplete || !Wait(end))
                        return false;
                Monitor.PulseAll(this);
                return true;
            }
        }

        public void CompleteAdding()
        {
            lock (this)
            {
                isComplete = true;
                Monitor.PulseAll(this);
            }
        }

        public IEnumerable<T> GetConsumingEnumerable()
        {
            for (T item; TryTake(out item, Timeout.Infinite);)
                yield return item;
        }

        public T[] ToArray() { return items.ToArray(); }
        IEnumerator<T> IEnumerable<T>.GetEnumerator() { return items.GetEnumerator(); }
        IEnumerator IEnumerable.GetEnumerator() { return items.GetEnumerator(); }
        public void Dispose() { }
    }
}

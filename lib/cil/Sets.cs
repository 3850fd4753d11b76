// SPDX-License-Identifier: MIT
//
// Sets, queues and stacks.
namespace System.Collections.Generic
{
    public class HashSet<T> : ICollection<T>
    {
        Dictionary<T, bool> items = new Dictionary<T, bool>();

        public HashSet() { }
        public HashSet(IEqualityComparer<T> comparer) { items = new Dictionary<T, bool>(comparer); }

        public HashSet(IEnumerable<T> from)
        {
            if (from == null)
                throw new ArgumentNullException("from");
            foreach (T item in from)
                Add(item);
        }

        public int Count { get { return items.Count; } }
        bool ICollection<T>.IsReadOnly { get { return false; } }
        void ICollection<T>.Add(T item) { Add(item); }

        public bool Add(T item)
        {
            if (items.ContainsKey(item))
                return false;
            items.Add(item, true);
            return true;
        }

        public bool Contains(T item) { return items.ContainsKey(item); }
        public bool Remove(T item) { return items.Remove(item); }
        public void Clear() { items.Clear(); }

        public void CopyTo(T[] array, int at)
        {
            foreach (T item in this)
                array[at++] = item;
        }

        public void UnionWith(IEnumerable<T> other)
        {
            foreach (T item in other)
                Add(item);
        }

        public void ExceptWith(IEnumerable<T> other)
        {
            foreach (T item in other)
                Remove(item);
        }

        public void IntersectWith(IEnumerable<T> other)
        {
            HashSet<T> both = new HashSet<T>(items.Comparer);
            foreach (T item in other)
                if (Contains(item))
                    both.Add(item);
            items = both.items;
        }

        public IEnumerator<T> GetEnumerator()
        {
            foreach (KeyValuePair<T, bool> item in items)
                yield return item.Key;
        }

        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }

    public class Stack<T> : IEnumerable<T>
    {
        List<T> items = new List<T>();
        int version;

        public int Count { get { return items.Count; } }

        public void Push(T item)
        {
            items.Add(item);
            version++;
        }

        public void Clear()
        {
            items.Clear();
            version++;
        }

        public T Peek()
        {
            if (items.Count == 0)
                throw new InvalidOperationException("The stack is empty.");
            return items[items.Count - 1];
        }

        public T Pop()
        {
            T item = Peek();
            items.RemoveAt(items.Count - 1);
            version++;
            return item;
        }

        public IEnumerator<T> GetEnumerator()
        {
            int before = version;
            for (int n = items.Count - 1; n >= 0; n--)
            {
                yield return items[n];
                if (version != before)
                    throw Walker.Changed();
            }
        }

        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }

    // A ring.
    public class Queue<T> : IEnumerable<T>
    {
        T[] items = new T[4];
        int first, count, version;

        public int Count { get { return count; } }

        public void Clear()
        {
            items = new T[4];
            first = count = 0;
            version++;
        }

        public void Enqueue(T item)
        {
            if (count == items.Length)
            {
                T[] more = new T[checked(2 * count)];
                for (int n = 0; n < count; n++)
                    more[n] = items[(first + n) % count];
                items = more;
                first = 0;
            }
            items[(first + count++) % items.Length] = item;
            version++;
        }

        public T Peek()
        {
            if (count == 0)
                throw new InvalidOperationException("The queue is empty.");
            return items[first];
        }

        public T Dequeue()
        {
            T item = Peek();
            items[first] = default(T);
            first = (first + 1) % items.Length;
            count--;
            version++;
            return item;
        }

        public IEnumerator<T> GetEnumerator()
        {
            int before = version;
            for (int n = 0; n < count; n++)
            {
                yield return items[(first + n) % items.Length];
                if (version != before)
                    throw Walker.Changed();
            }
        }

        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }
}

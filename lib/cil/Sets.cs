// SPDX-License-Identifier: MIT
//
// Sets, queues and stacks.
namespace System.Collections.Generic
{
    public interface ISet<T> : ICollection<T>
    {
        new bool Add(T item);
        void UnionWith(IEnumerable<T> other);
        void IntersectWith(IEnumerable<T> other);
        void ExceptWith(IEnumerable<T> other);
        void SymmetricExceptWith(IEnumerable<T> other);
        bool IsSubsetOf(IEnumerable<T> other);
        bool IsSupersetOf(IEnumerable<T> other);
        bool IsProperSupersetOf(IEnumerable<T> other);
        bool IsProperSubsetOf(IEnumerable<T> other);
        bool Overlaps(IEnumerable<T> other);
        bool SetEquals(IEnumerable<T> other);
    }

    // What sets have in common: they are compared with a copy of the other sequence, which has their equality.
    static class SetParts
    {
        internal static void Check(object other)
        {
            if (other == null)
                throw new ArgumentNullException("other");
        }

        static int CountIn<T>(ICollection<T> set, ICollection<T> items)
        {
            int count = 0;
            foreach (T item in items)
                if (set.Contains(item))
                    count++;
            return count;
        }

        internal static bool IsSubset<T>(ICollection<T> set, ICollection<T> other, bool isProper)
        {
            return CountIn(other, set) == set.Count && (!isProper || other.Count > set.Count);
        }

        internal static bool IsSuperset<T>(ICollection<T> set, ICollection<T> other, bool isProper)
        {
            return CountIn(set, other) == other.Count && (!isProper || set.Count > other.Count);
        }

        internal static bool Overlaps<T>(ICollection<T> set, IEnumerable<T> other)
        {
            Check(other);
            foreach (T item in other)
                if (set.Contains(item))
                    return true;
            return false;
        }

        internal static void SymmetricExcept<T>(ICollection<T> set, ICollection<T> other)
        {
            foreach (T item in other)
                if (!set.Remove(item))
                    set.Add(item);
        }

        internal static int RemoveWhere<T>(ICollection<T> set, Predicate<T> match)
        {
            Check(match);
            int count = 0;
            foreach (T item in new List<T>(set))
                if (match(item) && set.Remove(item))
                    count++;
            return count;
        }
    }

    public class HashSet<T> : ISet<T>, IReadOnlyCollection<T>
    {
        // The key is a struct, which may have null inside.
        struct Item
        {
            internal T value;
        }

        sealed class ByValue : IEqualityComparer<Item>
        {
            internal IEqualityComparer<T> same;
            public bool Equals(Item a, Item b) { return same.Equals(a.value, b.value); }
            public int GetHashCode(Item a) { return a.value == null ? 0 : same.GetHashCode(a.value); }
        }

        readonly ByValue by;
        Dictionary<Item, bool> items;

        public HashSet() : this((IEqualityComparer<T>)null) { }
        public HashSet(int capacity) : this() { }
        public HashSet(int capacity, IEqualityComparer<T> comparer) : this(comparer) { }
        public HashSet(IEnumerable<T> from) : this(from, null) { }

        public HashSet(IEqualityComparer<T> comparer)
        {
            by = new ByValue { same = comparer == null ? EqualityComparer<T>.Default : comparer };
            items = new Dictionary<Item, bool>(by);
        }

        public HashSet(IEnumerable<T> from, IEqualityComparer<T> comparer) : this(comparer)
        {
            if (from == null)
                throw new ArgumentNullException("from");
            foreach (T item in from)
                Add(item);
        }

        static Item Of(T value) { return new Item { value = value }; }

        public int Count { get { return items.Count; } }
        public IEqualityComparer<T> Comparer { get { return by.same; } }
        bool ICollection<T>.IsReadOnly { get { return false; } }
        void ICollection<T>.Add(T item) { Add(item); }

        public bool Add(T item)
        {
            Item key = Of(item);
            if (items.ContainsKey(key))
                return false;
            items.Add(key, true);
            return true;
        }

        public bool Contains(T item) { return items.ContainsKey(Of(item)); }
        public bool Remove(T item) { return items.Remove(Of(item)); }
        public void Clear() { items.Clear(); }
        public void TrimExcess() { }
        public void CopyTo(T[] array) { CopyTo(array, 0); }

        public void CopyTo(T[] array, int at)
        {
            foreach (T item in this)
                array[at++] = item;
        }

        // A set with the same equality.
        HashSet<T> Same(IEnumerable<T> other)
        {
            SetParts.Check(other);
            return new HashSet<T>(other, by.same);
        }

        public void UnionWith(IEnumerable<T> other)
        {
            SetParts.Check(other);
            foreach (T item in other)
                Add(item);
        }

        public void ExceptWith(IEnumerable<T> other)
        {
            foreach (T item in Same(other))
                Remove(item);
        }

        public void IntersectWith(IEnumerable<T> other)
        {
            HashSet<T> both = Same(other);
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
            HashSet<T> same = Same(other);
            return same.Count == Count && SetParts.IsSubset(this, same, false);
        }

        public Enumerator GetEnumerator() { return new Enumerator(this); }
        IEnumerator<T> IEnumerable<T>.GetEnumerator() { return GetEnumerator(); }
        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }

        public struct Enumerator : IEnumerator<T>
        {
            Dictionary<Item, bool>.Enumerator inner;

            internal Enumerator(HashSet<T> set) { inner = set.items.GetEnumerator(); }
            public T Current { get { return inner.Current.Key.value; } }
            object IEnumerator.Current { get { return Current; } }
            public bool MoveNext() { return inner.MoveNext(); }
            public void Reset() { inner.Reset(); }
            public void Dispose() { }
        }
    }

    public class Stack<T> : IReadOnlyCollection<T>, ICollection
    {
        readonly List<T> items;
        int version;

        public Stack() { items = new List<T>(); }
        public Stack(int capacity) { items = new List<T>(capacity); }
        public Stack(IEnumerable<T> from) { items = new List<T>(from); }

        public bool Contains(T item) { return items.Contains(item); }
        public void TrimExcess() { items.TrimExcess(); }
        bool ICollection.IsSynchronized { get { return false; } }
        object ICollection.SyncRoot { get { return this; } }
        void ICollection.CopyTo(Array array, int at) { Array.Copy(ToArray(), 0, array, at, Count); }
        public void CopyTo(T[] array, int at) { Array.Copy(ToArray(), 0, array, at, Count); }

        public T[] ToArray()
        {
            T[] all = items.ToArray();
            Array.Reverse(all);
            return all;
        }

        public bool TryPeek(out T item)
        {
            item = Count == 0 ? default(T) : Peek();
            return Count != 0;
        }

        public bool TryPop(out T item)
        {
            bool any = TryPeek(out item);
            if (any)
                Pop();
            return any;
        }

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
                throw new InvalidOperationException("Stack empty.");
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
    public class Queue<T> : IReadOnlyCollection<T>, ICollection
    {
        T[] items = new T[4];
        int first, count, version;

        public Queue() { }
        public Queue(int capacity) { items = new T[Math.Max(capacity, 4)]; }

        public Queue(IEnumerable<T> from)
        {
            foreach (T item in from)
                Enqueue(item);
        }

        public void TrimExcess() { }
        bool ICollection.IsSynchronized { get { return false; } }
        object ICollection.SyncRoot { get { return this; } }
        void ICollection.CopyTo(Array array, int at) { Array.Copy(ToArray(), 0, array, at, count); }
        public void CopyTo(T[] array, int at) { Array.Copy(ToArray(), 0, array, at, count); }

        public T[] ToArray()
        {
            T[] all = new T[count];
            for (int n = 0; n < count; n++)
                all[n] = items[(first + n) % items.Length];
            return all;
        }

        public bool Contains(T item) { return Array.IndexOf(ToArray(), item) >= 0; }

        public bool TryPeek(out T item)
        {
            item = count == 0 ? default(T) : items[first];
            return count != 0;
        }

        public bool TryDequeue(out T item)
        {
            bool any = TryPeek(out item);
            if (any)
                Dequeue();
            return any;
        }

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
                throw new InvalidOperationException("Queue empty.");
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

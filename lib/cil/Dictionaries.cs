// SPDX-License-Identifier: MIT
//
// What dictionaries have in common, and the one that keeps its keys in order.
using System.Collections.Generic;

namespace System.Collections.Generic
{
    public interface IDictionary<TKey, TValue> : ICollection<KeyValuePair<TKey, TValue>>
    {
        TValue this[TKey key] { get; set; }
        ICollection<TKey> Keys { get; }
        ICollection<TValue> Values { get; }
        bool ContainsKey(TKey key);
        void Add(TKey key, TValue value);
        bool Remove(TKey key);
        bool TryGetValue(TKey key, out TValue value);
    }

    public interface IReadOnlyDictionary<TKey, TValue> : IReadOnlyCollection<KeyValuePair<TKey, TValue>>
    {
        IEnumerable<TKey> Keys { get; }
        IEnumerable<TValue> Values { get; }
        TValue this[TKey key] { get; }
        bool ContainsKey(TKey key);
        bool TryGetValue(TKey key, out TValue value);
    }

    // A view of the keys or the values of a dictionary.
    sealed class PartView<TKey, TValue, T> : ICollection<T>, IReadOnlyCollection<T>
    {
        readonly ICollection<KeyValuePair<TKey, TValue>> all;
        readonly Func<KeyValuePair<TKey, TValue>, T> part;

        internal PartView(ICollection<KeyValuePair<TKey, TValue>> all, Func<KeyValuePair<TKey, TValue>, T> part)
        {
            this.all = all;
            this.part = part;
        }

        static Exception ReadOnly() { return new NotSupportedException("The collection belongs to a dictionary."); }

        public int Count { get { return all.Count; } }
        public bool IsReadOnly { get { return true; } }
        public void Add(T item) { throw ReadOnly(); }
        public void Clear() { throw ReadOnly(); }
        public bool Remove(T item) { throw ReadOnly(); }

        public bool Contains(T wanted)
        {
            EqualityComparer<T> same = EqualityComparer<T>.Default;
            foreach (T item in this)
                if (same.Equals(item, wanted))
                    return true;
            return false;
        }

        public void CopyTo(T[] array, int at)
        {
            foreach (T item in this)
                array[at++] = item;
        }

        public IEnumerator<T> GetEnumerator()
        {
            foreach (KeyValuePair<TKey, TValue> item in all)
                yield return part(item);
        }

        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }

    public partial class Dictionary<TKey, TValue> : IDictionary<TKey, TValue>, IReadOnlyDictionary<TKey, TValue>
    {
        // What Keys and Values return: C# programs name these types.
        public sealed class KeyCollection : ICollection<TKey>, IReadOnlyCollection<TKey>
        {
            readonly PartView<TKey, TValue, TKey> view;

            public KeyCollection(Dictionary<TKey, TValue> all)
            {
                view = new PartView<TKey, TValue, TKey>(all, item => item.Key);
            }

            public int Count { get { return view.Count; } }
            bool ICollection<TKey>.IsReadOnly { get { return true; } }
            void ICollection<TKey>.Add(TKey item) { view.Add(item); }
            void ICollection<TKey>.Clear() { view.Clear(); }
            bool ICollection<TKey>.Remove(TKey item) { return view.Remove(item); }
            bool ICollection<TKey>.Contains(TKey item) { return view.Contains(item); }
            public void CopyTo(TKey[] array, int at) { view.CopyTo(array, at); }
            public IEnumerator<TKey> GetEnumerator() { return view.GetEnumerator(); }
            IEnumerator IEnumerable.GetEnumerator() { return view.GetEnumerator(); }
        }

        public sealed class ValueCollection : ICollection<TValue>, IReadOnlyCollection<TValue>
        {
            readonly PartView<TKey, TValue, TValue> view;

            public ValueCollection(Dictionary<TKey, TValue> all)
            {
                view = new PartView<TKey, TValue, TValue>(all, item => item.Value);
            }

            public int Count { get { return view.Count; } }
            bool ICollection<TValue>.IsReadOnly { get { return true; } }
            void ICollection<TValue>.Add(TValue item) { view.Add(item); }
            void ICollection<TValue>.Clear() { view.Clear(); }
            bool ICollection<TValue>.Remove(TValue item) { return view.Remove(item); }
            bool ICollection<TValue>.Contains(TValue item) { return view.Contains(item); }
            public void CopyTo(TValue[] array, int at) { view.CopyTo(array, at); }
            public IEnumerator<TValue> GetEnumerator() { return view.GetEnumerator(); }
            IEnumerator IEnumerable.GetEnumerator() { return view.GetEnumerator(); }
        }

        public Dictionary(int capacity) : this(capacity, null) { }

        // It grows when it has to, whatever the capacity.
        public Dictionary(int capacity, IEqualityComparer<TKey> comparer) : this(comparer)
        {
            if (capacity < 0)
                throw new ArgumentOutOfRangeException("capacity");
        }

        public Dictionary(IDictionary<TKey, TValue> from) : this()
        {
            foreach (KeyValuePair<TKey, TValue> item in from)
                Add(item.Key, item.Value);
        }

        public IEqualityComparer<TKey> Comparer { get { return same; } }
        public KeyCollection Keys { get { return new KeyCollection(this); } }
        public ValueCollection Values { get { return new ValueCollection(this); } }
        ICollection<TKey> IDictionary<TKey, TValue>.Keys { get { return Keys; } }
        ICollection<TValue> IDictionary<TKey, TValue>.Values { get { return Values; } }
        public bool ContainsValue(TValue value) { return ((ICollection<TValue>)Values).Contains(value); }
        bool ICollection<KeyValuePair<TKey, TValue>>.IsReadOnly { get { return false; } }
        void ICollection<KeyValuePair<TKey, TValue>>.Add(KeyValuePair<TKey, TValue> item) { Add(item.Key, item.Value); }

        bool ICollection<KeyValuePair<TKey, TValue>>.Contains(KeyValuePair<TKey, TValue> item)
        {
            TValue value;
            return TryGetValue(item.Key, out value) && EqualityComparer<TValue>.Default.Equals(value, item.Value);
        }

        void ICollection<KeyValuePair<TKey, TValue>>.CopyTo(KeyValuePair<TKey, TValue>[] array, int at)
        {
            foreach (KeyValuePair<TKey, TValue> item in this)
                array[at++] = item;
        }

        bool ICollection<KeyValuePair<TKey, TValue>>.Remove(KeyValuePair<TKey, TValue> item)
        {
            return ((ICollection<KeyValuePair<TKey, TValue>>)this).Contains(item) && Remove(item.Key);
        }

        IEnumerator<KeyValuePair<TKey, TValue>> IEnumerable<KeyValuePair<TKey, TValue>>.GetEnumerator()
        {
            return new Enumerator(this);
        }

        IEnumerator IEnumerable.GetEnumerator() { return new Enumerator(this); }
    }

    // A balanced tree (A. Andersson, "Balanced Search Trees Made Simple"): a right child may have its parent's level, but
    // not a left one, and no two in a row.
    sealed class SortedTree<TKey, TValue>
    {
        internal sealed class Node
        {
            internal TKey Key;
            internal TValue Value;
            internal Node Left, Right;
            internal int Level = 1;
        }

        internal readonly IComparer<TKey> Order;
        internal int Count, Version;
        Node root;

        internal SortedTree(IComparer<TKey> order) { Order = order == null ? Comparer<TKey>.Default : order; }

        static int LevelOf(Node n) { return n == null ? 0 : n.Level; }

        static Node Skew(Node n)
        {
            if (n == null || LevelOf(n.Left) != n.Level)
                return n;
            Node left = n.Left;
            n.Left = left.Right;
            left.Right = n;
            return left;
        }

        static Node Split(Node n)
        {
            if (n == null || n.Right == null || LevelOf(n.Right.Right) != n.Level)
                return n;
            Node right = n.Right;
            n.Right = right.Left;
            right.Left = n;
            right.Level++;
            return right;
        }

        internal void Clear()
        {
            root = null;
            Count = 0;
            Version++;
        }

        internal Node Find(TKey key)
        {
            Node n = root;
            for (int order; n != null && (order = Order.Compare(key, n.Key)) != 0;)
                n = order < 0 ? n.Left : n.Right;
            return n;
        }

        // Adds the key, unless it is there.
        internal bool Add(TKey key, TValue value)
        {
            int before = Count;
            root = Add(root, key, value);
            return Count > before;
        }

        Node Add(Node n, TKey key, TValue value)
        {
            if (n == null)
            {
                Count++;
                Version++;
                return new Node { Key = key, Value = value };
            }
            int order = Order.Compare(key, n.Key);
            if (order < 0)
                n.Left = Add(n.Left, key, value);
            else if (order > 0)
                n.Right = Add(n.Right, key, value);
            return Split(Skew(n));
        }

        internal bool Remove(TKey key)
        {
            int before = Count;
            root = Remove(root, key);
            return Count < before;
        }

        Node Remove(Node n, TKey key)
        {
            if (n == null)
                return null;
            int order = Order.Compare(key, n.Key);
            if (order < 0)
                n.Left = Remove(n.Left, key);
            else if (order > 0)
                n.Right = Remove(n.Right, key);
            else if (n.Left == null || n.Right == null)
            {
                Count--;
                Version++;
                return n.Left == null ? n.Right : n.Left;
            }
            else
            {
                Node next = First(n.Right);
                n.Key = next.Key;
                n.Value = next.Value;
                n.Right = Remove(n.Right, next.Key);
            }
            return Balance(n);
        }

        static Node Balance(Node n)
        {
            int level = 1 + Math.Min(LevelOf(n.Left), LevelOf(n.Right));
            if (level < n.Level)
            {
                n.Level = level;
                if (LevelOf(n.Right) > level)
                    n.Right.Level = level;
            }
            n = Skew(n);
            n.Right = Skew(n.Right);
            if (n.Right != null)
                n.Right.Right = Skew(n.Right.Right);
            n = Split(n);
            n.Right = Split(n.Right);
            return n;
        }

        static Node First(Node n)
        {
            while (n != null && n.Left != null)
                n = n.Left;
            return n;
        }

        internal Node First() { return First(root); }

        internal Node Last()
        {
            Node n = root;
            while (n != null && n.Right != null)
                n = n.Right;
            return n;
        }

        internal IEnumerator<Node> Walk()
        {
            Stack<Node> above = new Stack<Node>();
            int version = Version;
            for (Node n = root; n != null || above.Count > 0;)
            {
                for (; n != null; n = n.Left)
                    above.Push(n);
                n = above.Pop();
                yield return n;
                if (version != Version)
                    throw Walker.Changed();
                n = n.Right;
            }
        }
    }

    public class SortedDictionary<TKey, TValue> : IDictionary<TKey, TValue>
    {
        readonly SortedTree<TKey, TValue> tree;

        public SortedDictionary() : this((IComparer<TKey>)null) { }
        public SortedDictionary(IComparer<TKey> comparer) { tree = new SortedTree<TKey, TValue>(comparer); }

        public SortedDictionary(IDictionary<TKey, TValue> from) : this()
        {
            foreach (KeyValuePair<TKey, TValue> item in from)
                Add(item.Key, item.Value);
        }

        SortedTree<TKey, TValue>.Node Find(TKey key)
        {
            if (key == null)
                throw new ArgumentNullException("key");
            return tree.Find(key);
        }

        public int Count { get { return tree.Count; } }
        public bool IsReadOnly { get { return false; } }
        public void Clear() { tree.Clear(); }
        public bool ContainsKey(TKey key) { return Find(key) != null; }
        public ICollection<TKey> Keys { get { return new PartView<TKey, TValue, TKey>(this, item => item.Key); } }
        public ICollection<TValue> Values { get { return new PartView<TKey, TValue, TValue>(this, item => item.Value); } }

        public TValue this[TKey key]
        {
            get
            {
                SortedTree<TKey, TValue>.Node n = Find(key);
                if (n == null)
                    throw new KeyNotFoundException();
                return n.Value;
            }
            set
            {
                SortedTree<TKey, TValue>.Node n = Find(key);
                if (n != null)
                    n.Value = value;
                else
                    tree.Add(key, value);
            }
        }

        public void Add(TKey key, TValue value)
        {
            if (key == null)
                throw new ArgumentNullException("key");
            if (!tree.Add(key, value))
                throw new ArgumentException("The key is there already.");
        }

        public bool TryGetValue(TKey key, out TValue value)
        {
            SortedTree<TKey, TValue>.Node n = Find(key);
            value = n == null ? default(TValue) : n.Value;
            return n != null;
        }

        public bool Remove(TKey key) { return Find(key) != null && tree.Remove(key); }
        void ICollection<KeyValuePair<TKey, TValue>>.Add(KeyValuePair<TKey, TValue> item) { Add(item.Key, item.Value); }

        bool ICollection<KeyValuePair<TKey, TValue>>.Contains(KeyValuePair<TKey, TValue> item)
        {
            SortedTree<TKey, TValue>.Node n = Find(item.Key);
            return n != null && EqualityComparer<TValue>.Default.Equals(n.Value, item.Value);
        }

        bool ICollection<KeyValuePair<TKey, TValue>>.Remove(KeyValuePair<TKey, TValue> item)
        {
            return ((ICollection<KeyValuePair<TKey, TValue>>)this).Contains(item) && Remove(item.Key);
        }

        public void CopyTo(KeyValuePair<TKey, TValue>[] array, int at)
        {
            foreach (KeyValuePair<TKey, TValue> item in this)
                array[at++] = item;
        }

        public IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator()
        {
            IEnumerator<SortedTree<TKey, TValue>.Node> walk = tree.Walk();
            while (walk.MoveNext())
                yield return new KeyValuePair<TKey, TValue>(walk.Current.Key, walk.Current.Value);
        }

        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }

    public partial class SortedSet<T> : ICollection<T>, IReadOnlyCollection<T>
    {
        readonly SortedTree<T, bool> tree;

        public SortedSet() : this((IComparer<T>)null) { }
        public SortedSet(IComparer<T> comparer) { tree = new SortedTree<T, bool>(comparer); }

        public SortedSet(IEnumerable<T> from) : this()
        {
            UnionWith(from);
        }

        public int Count { get { return tree.Count; } }
        bool ICollection<T>.IsReadOnly { get { return false; } }
        void ICollection<T>.Add(T item) { Add(item); }
        public bool Add(T item) { return tree.Add(item, true); }
        public bool Contains(T item) { return tree.Find(item) != null; }
        public bool Remove(T item) { return tree.Remove(item); }
        public void Clear() { tree.Clear(); }
        public T Min { get { return tree.Count == 0 ? default(T) : tree.First().Key; } }
        public T Max { get { return tree.Count == 0 ? default(T) : tree.Last().Key; } }

        public void UnionWith(IEnumerable<T> other)
        {
            foreach (T item in other)
                Add(item);
        }

        public void ExceptWith(IEnumerable<T> other)
        {
            foreach (T item in new List<T>(other))
                Remove(item);
        }

        public void CopyTo(T[] array, int at)
        {
            foreach (T item in this)
                array[at++] = item;
        }

        public IEnumerator<T> GetEnumerator()
        {
            IEnumerator<SortedTree<T, bool>.Node> walk = tree.Walk();
            while (walk.MoveNext())
                yield return walk.Current.Key;
        }

        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }

    public sealed class LinkedListNode<T>
    {
        internal LinkedList<T> list;
        internal LinkedListNode<T> next, previous; // in a ring

        public LinkedListNode(T value) { Value = value; }
        public T Value { get; set; }
        public LinkedList<T> List { get { return list; } }
        public LinkedListNode<T> Next { get { return list == null || next == list.head ? null : next; } }
        public LinkedListNode<T> Previous { get { return list == null || this == list.head ? null : previous; } }
    }

    public class LinkedList<T> : ICollection<T>
    {
        internal LinkedListNode<T> head;
        int count, version;

        public LinkedList() { }

        public LinkedList(IEnumerable<T> from)
        {
            foreach (T item in from)
                AddLast(item);
        }

        public int Count { get { return count; } }
        bool ICollection<T>.IsReadOnly { get { return false; } }
        void ICollection<T>.Add(T item) { AddLast(item); }
        public LinkedListNode<T> First { get { return head; } }
        public LinkedListNode<T> Last { get { return head == null ? null : head.previous; } }

        void Link(LinkedListNode<T> node, LinkedListNode<T> before)
        {
            if (node == null)
                throw new ArgumentNullException("node");
            if (node.list != null)
                throw new InvalidOperationException("The node is in a list.");
            node.list = this;
            node.next = before == null ? node : before;
            node.previous = before == null ? node : before.previous;
            node.previous.next = node;
            node.next.previous = node;
            count++;
            version++;
        }

        void Check(LinkedListNode<T> node)
        {
            if (node == null)
                throw new ArgumentNullException("node");
            if (node.list != this)
                throw new InvalidOperationException("The node is not in this list.");
        }

        public void AddFirst(LinkedListNode<T> node)
        {
            Link(node, head);
            head = node;
        }

        public void AddLast(LinkedListNode<T> node)
        {
            Link(node, head);
            if (head == null)
                head = node;
        }

        public void AddBefore(LinkedListNode<T> at, LinkedListNode<T> node)
        {
            Check(at);
            Link(node, at);
            if (at == head)
                head = node;
        }

        public void AddAfter(LinkedListNode<T> at, LinkedListNode<T> node)
        {
            Check(at);
            Link(node, at.next);
        }

        public LinkedListNode<T> AddFirst(T item)
        {
            LinkedListNode<T> node = new LinkedListNode<T>(item);
            AddFirst(node);
            return node;
        }

        public LinkedListNode<T> AddLast(T item)
        {
            LinkedListNode<T> node = new LinkedListNode<T>(item);
            AddLast(node);
            return node;
        }

        public LinkedListNode<T> AddBefore(LinkedListNode<T> at, T item)
        {
            LinkedListNode<T> node = new LinkedListNode<T>(item);
            AddBefore(at, node);
            return node;
        }

        public LinkedListNode<T> AddAfter(LinkedListNode<T> at, T item)
        {
            LinkedListNode<T> node = new LinkedListNode<T>(item);
            AddAfter(at, node);
            return node;
        }

        public void Remove(LinkedListNode<T> node)
        {
            Check(node);
            node.previous.next = node.next;
            node.next.previous = node.previous;
            if (node == head)
                head = count == 1 ? null : node.next;
            node.list = null;
            node.next = node.previous = null;
            count--;
            version++;
        }

        void RemoveEnd(LinkedListNode<T> node)
        {
            if (node == null)
                throw new InvalidOperationException("The list is empty.");
            Remove(node);
        }

        public void RemoveFirst() { RemoveEnd(First); }
        public void RemoveLast() { RemoveEnd(Last); }

        public LinkedListNode<T> Find(T wanted)
        {
            EqualityComparer<T> same = EqualityComparer<T>.Default;
            for (LinkedListNode<T> n = First; n != null; n = n.Next)
                if (same.Equals(n.Value, wanted))
                    return n;
            return null;
        }

        public bool Contains(T item) { return Find(item) != null; }

        public LinkedListNode<T> FindLast(T wanted)
        {
            LinkedListNode<T> n = Last;
            while (n != null && !EqualityComparer<T>.Default.Equals(n.Value, wanted))
                n = n.Previous;
            return n;
        }

        public bool Remove(T item)
        {
            LinkedListNode<T> node = Find(item);
            if (node != null)
                Remove(node);
            return node != null;
        }

        public void Clear()
        {
            while (head != null)
                Remove(head);
        }

        public void CopyTo(T[] array, int at)
        {
            foreach (T item in this)
                array[at++] = item;
        }

        public IEnumerator<T> GetEnumerator()
        {
            int before = version;
            for (LinkedListNode<T> n = First; n != null; n = n.Next)
            {
                yield return n.Value;
                if (version != before)
                    throw Walker.Changed();
            }
        }

        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }
}

// SPDX-License-Identifier: MIT
//
// Arrays: the base class of all of them. The runtime knows where the length is.
using System.Collections;
using System.Collections.Generic;
using System.Runtime.CompilerServices;

namespace System
{
    public abstract partial class Array : ICloneable, IList
    {
#pragma warning disable 0649
        int length;
#pragma warning restore 0649

        public int Length { get { return length; } }
        public long LongLength { get { return length; } }
        public int Rank { get { return GetRank(); } }

        [MethodImpl(MethodImplOptions.InternalCall)]
        extern int GetRank();

        [MethodImpl(MethodImplOptions.InternalCall)]
        extern int LengthOf(int dimension);

        [MethodImpl(MethodImplOptions.InternalCall)]
        extern int LowerOf(int dimension);

        void CheckDimension(int dimension)
        {
            if ((uint)dimension >= (uint)GetRank())
                throw new IndexOutOfRangeException();
        }

        public int GetLength(int dimension)
        {
            CheckDimension(dimension);
            return LengthOf(dimension);
        }

        public int GetLowerBound(int dimension)
        {
            CheckDimension(dimension);
            return LowerOf(dimension);
        }

        public int GetUpperBound(int dimension) { return GetLowerBound(dimension) + (LengthOf(dimension) - 1); }
        public object Clone() { return MemberwiseClone(); }

        public static void Reverse<T>(T[] array)
        {
            CheckNotNull(array);
            for (int n = 0, m = array.Length - 1; n < m; n++, m--)
            {
                T other = array[n];
                array[n] = array[m];
                array[m] = other;
            }
        }
    }

    // The methods of an array behind the interfaces of sequences. There is no object of this class:
    // `this` is an array.
    sealed class ArrayView<T> : IList<T>, IReadOnlyList<T>
    {
        sealed class Enumerator : IEnumerator<T>
        {
            T[] items;
            int index = -1;

            internal Enumerator(T[] items) { this.items = items; }

            public T Current { get { return items[index]; } }
            object IEnumerator.Current { get { return items[index]; } }
            public bool MoveNext() { return ++index < items.Length; }
            public void Reset() { index = -1; }
            public void Dispose() { }
        }

        T[] Items { get { return (T[])(object)this; } }

        static Exception FixedSize() { return new NotSupportedException("An array has a fixed size."); }

        public int Count { get { return Items.Length; } }
        public bool IsReadOnly { get { return true; } }

        public T this[int index]
        {
            get { return Items[index]; }
            set { Items[index] = value; }
        }

        public int IndexOf(T item)
        {
            EqualityComparer<T> same = EqualityComparer<T>.Default;
            T[] items = Items;
            for (int n = 0; n < items.Length; n++)
                if (same.Equals(items[n], item))
                    return n;
            return -1;
        }

        public bool Contains(T item) { return IndexOf(item) >= 0; }

        public void CopyTo(T[] array, int at)
        {
            T[] items = Items;
            Array.Copy(items, 0, array, at, items.Length);
        }

        public IEnumerator<T> GetEnumerator() { return new Enumerator(Items); }
        IEnumerator IEnumerable.GetEnumerator() { return new Enumerator(Items); }
        public void Add(T item) { throw FixedSize(); }
        public void Clear() { throw FixedSize(); }
        public bool Remove(T item) { throw FixedSize(); }
        public void Insert(int index, T item) { throw FixedSize(); }
        public void RemoveAt(int index) { throw FixedSize(); }
    }
}

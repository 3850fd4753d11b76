// SPDX-License-Identifier: MIT
//
// Elements of an array whose type is not known: as objects.
using System.Collections;
using System.Runtime.CompilerServices;

namespace System
{
    public abstract partial class Array
    {
        // The element at a place in memory, in a box if it is a value. The place is inside of the array.
        [MethodImpl(MethodImplOptions.InternalCall)]
        extern object ElementAt(int place);

        // Returns false if the element cannot have this value. null means zero.
        [MethodImpl(MethodImplOptions.InternalCall)]
        extern bool StoreAt(int place, object value);

        // Returns null if the program has no array of the type.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern Array Make(Type element, int length);

        sealed class AnyEnumerator : IEnumerator
        {
            readonly Array items;
            int index = -1;

            internal AnyEnumerator(Array items) { this.items = items; }

            public object Current
            {
                get
                {
                    if ((uint)index >= (uint)items.length)
                        throw new InvalidOperationException();
                    return items.ElementAt(index);
                }
            }

            public bool MoveNext() { return index < items.length && ++index < items.length; }
            public void Reset() { index = -1; }
        }

        public static Array CreateInstance(Type element, int length)
        {
            if (element == null)
                throw new ArgumentNullException("element");
            if (length < 0)
                throw new ArgumentOutOfRangeException("length");
            Array array = Make(element, length);
            if (array == null)
                throw new NotSupportedException(String.Concat("The program has no array of ", element.FullName, "."));
            return array;
        }

        // Returns null if the program has no array of the type with so many dimensions.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern Array MakeMatrix(Type element, int rank, int length);

        [MethodImpl(MethodImplOptions.InternalCall)]
        extern void SetDimension(int dimension, int length, int lower);

        static Array CreateMatrix(Type element, int[] lengths, int[] lowerBounds)
        {
            long total = 1;
            for (int n = 0; n < lengths.Length; n++)
            {
                if (lengths[n] < 0)
                    throw new ArgumentOutOfRangeException("lengths");
                if ((long)lengths[n] + lowerBounds[n] > Int32.MaxValue)
                    throw new ArgumentOutOfRangeException("lowerBounds", "The sum of length and bound does not fit.");
                total *= lengths[n];
                if (total > Int32.MaxValue)
                    throw new OutOfMemoryException();
            }
            Array array = MakeMatrix(element, lengths.Length, (int)total);
            if (array == null)
                throw new NotSupportedException(String.Concat("The program has no such array of ", element.FullName, "."));
            for (int n = 0; n < lengths.Length; n++)
                array.SetDimension(n, lengths[n], lowerBounds[n]);
            return array;
        }

        public static Array CreateInstance(Type elementType, int[] lengths, int[] lowerBounds)
        {
            if (elementType == null || lengths == null || lowerBounds == null)
                throw new ArgumentNullException(elementType == null ? "elementType" : lengths == null ? "lengths" : "lowerBounds");
            if (lengths.Length == 0 || lengths.Length != lowerBounds.Length)
                throw new ArgumentException("There are not as many lower bounds as lengths, or none.");
            if (lengths.Length == 1 && lowerBounds[0] == 0)
                return CreateInstance(elementType, lengths[0]);
            return CreateMatrix(elementType, lengths, lowerBounds);
        }

        public static Array CreateInstance(Type elementType, params int[] lengths)
        {
            return CreateInstance(elementType, lengths, lengths == null ? null : new int[lengths.Length]);
        }

        public static Array CreateInstance(Type elementType, int length1, int length2)
        {
            return CreateInstance(elementType, new int[] { length1, length2 });
        }

        public static Array CreateInstance(Type elementType, int length1, int length2, int length3)
        {
            return CreateInstance(elementType, new int[] { length1, length2, length3 });
        }

        int PlaceOf(int index)
        {
            if (GetRank() != 1)
                throw new ArgumentException("The array has more dimensions.");
            index -= LowerOf(0);
            if ((uint)index >= (uint)length)
                throw new IndexOutOfRangeException();
            return index;
        }

        int PlaceOf(int[] indices)
        {
            if (indices == null)
                throw new ArgumentNullException("indices");
            if (indices.Length != GetRank())
                throw new ArgumentException("The array has another number of dimensions.");
            int place = 0;
            for (int n = 0; n < indices.Length; n++)
            {
                int count = LengthOf(n), index = indices[n] - LowerOf(n);
                if ((uint)index >= (uint)count)
                    throw new IndexOutOfRangeException();
                place = place * count + index;
            }
            return place;
        }

        void Store(int place, object value)
        {
            if (!StoreAt(place, value))
                throw new InvalidCastException("The element cannot have this value.");
        }

        public object GetValue(int index) { return ElementAt(PlaceOf(index)); }
        public object GetValue(int i, int j) { return GetValue(new int[] { i, j }); }
        public object GetValue(params int[] indices) { return ElementAt(PlaceOf(indices)); }
        public void SetValue(object value, int index) { Store(PlaceOf(index), value); }
        public void SetValue(object value, int i, int j) { SetValue(value, new int[] { i, j }); }
        public void SetValue(object value, params int[] indices) { Store(PlaceOf(indices), value); }
        public IEnumerator GetEnumerator() { return new AnyEnumerator(this); }

        public bool IsFixedSize { get { return true; } }
        public bool IsReadOnly { get { return false; } }
        public bool IsSynchronized { get { return false; } }
        public object SyncRoot { get { return this; } }
        int ICollection.Count { get { return length; } }

        static Exception Fixed() { return new NotSupportedException("An array has a fixed size."); }

        object IList.this[int index]
        {
            get { return GetValue(index); }
            set { SetValue(value, index); }
        }

        int IList.IndexOf(object item)
        {
            CheckRank();
            for (int n = 0; n < length; n++)
                if (Object.Equals(ElementAt(n), item))
                    return n + LowerOf(0);
            return LowerOf(0) - 1;
        }

        void CheckRank()
        {
            if (GetRank() != 1)
                throw new RankException();
        }

        bool IList.Contains(object item) { return ((IList)this).IndexOf(item) >= LowerOf(0); }
        int IList.Add(object item) { throw Fixed(); }
        void IList.Insert(int index, object item) { throw Fixed(); }
        void IList.Remove(object item) { throw Fixed(); }
        void IList.RemoveAt(int index) { throw Fixed(); }

        void IList.Clear()
        {
            for (int n = 0; n < length; n++)
                StoreAt(n, null);
        }

        public void CopyTo(Array array, int at)
        {
            if (array == null)
                throw new ArgumentNullException("array");
            if (GetRank() != 1 || array.GetRank() != 1)
                throw new RankException();
            at -= array.LowerOf(0);
            if (at < 0)
                throw new ArgumentOutOfRangeException("at");
            if (at > array.length - length)
                throw new ArgumentException("The destination is too short.");
            bool isBackwards = array == this && at > 0;
            for (int n = 0; n < length; n++)
            {
                int from = isBackwards ? length - 1 - n : n;
                object item = ElementAt(from);
                if (!array.StoreAt(at + from, item))
                    throw item is ValueType ? new ArrayTypeMismatchException() : (Exception)new InvalidCastException();
            }
        }
    }

    public abstract partial class Enum
    {
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern Array MakeArray(Type type, int length);

        // In the order of their values, which count as unsigned.
        public static Array GetValues(Type type)
        {
            string[] names = GetNames(type);
            Array values = MakeArray(type, names.Length);
            for (int n = 0; n < names.Length; n++)
            {
                long number;
                Find(type, names[n], false, out number);
                values.SetValue(Make(type, number), n);
            }
            return values;
        }
    }
}

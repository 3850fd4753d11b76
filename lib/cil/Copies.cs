// SPDX-License-Identifier: MIT
//
// Arrays as wholes: copying and clearing parts of them, and searching from an index on.
using System.Collections;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Runtime.CompilerServices;

namespace System
{
    public abstract partial class Array
    {
        // The ranges are inside of the arrays. Returns false, and copies nothing, if these are not of the same type.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern bool CopyPlaces(Array from, int at, Array to, int place, int count);

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern void ClearPlaces(Array array, int place, int count);

        static void CheckPart(Array array, int start, int count, string name)
        {
            if (start < array.LowerOf(0))
                throw new ArgumentOutOfRangeException(name);
            if (start - array.LowerOf(0) > array.length - count)
                throw new ArgumentException("The range is not inside of the array.");
        }

        public static void Copy(Array sourceArray, int sourceIndex, Array destinationArray, int destinationIndex, int length)
        {
            if (sourceArray == null || destinationArray == null)
                throw new ArgumentNullException(sourceArray == null ? "sourceArray" : "destinationArray");
            if (length < 0)
                throw new ArgumentOutOfRangeException("length");
            if (sourceArray.Rank != destinationArray.Rank)
                throw new RankException();
            CheckPart(sourceArray, sourceIndex, length, "sourceIndex");
            CheckPart(destinationArray, destinationIndex, length, "destinationIndex");
            int from = sourceIndex - sourceArray.LowerOf(0), to = destinationIndex - destinationArray.LowerOf(0);
            if (CopyPlaces(sourceArray, from, destinationArray, to, length))
                return;
            object[] objects = sourceArray as object[], others = destinationArray as object[];
            if (objects == null || others == null)
                throw new ArrayTypeMismatchException();
            for (int n = 0; n < length; n++)
                others[to + n] = objects[from + n];
        }

        public static void Copy(Array sourceArray, Array destinationArray, int length)
        {
            if (sourceArray == null || destinationArray == null)
                throw new ArgumentNullException(sourceArray == null ? "sourceArray" : "destinationArray");
            Copy(sourceArray, sourceArray.LowerOf(0), destinationArray, destinationArray.LowerOf(0), length);
        }

        public static void Copy(Array sourceArray, long sourceIndex, Array destinationArray, long destinationIndex, long length)
        {
            Copy(sourceArray, checked((int)sourceIndex), destinationArray, checked((int)destinationIndex), checked((int)length));
        }

        public static void Copy(Array sourceArray, Array destinationArray, long length)
        {
            Copy(sourceArray, destinationArray, checked((int)length));
        }

        public static void ConstrainedCopy(Array sourceArray, int sourceIndex, Array destinationArray, int destinationIndex, int length)
        {
            Copy(sourceArray, sourceIndex, destinationArray, destinationIndex, length);
        }

        public static void Clear(Array array, int index, int length)
        {
            CheckNotNull(array);
            int at = index - array.LowerOf(0);
            if (at < 0 || length < 0 || at > array.length - length)
                throw new IndexOutOfRangeException();
            ClearPlaces(array, at, length);
        }

        public void Initialize() { }
        public long GetLongLength(int dimension) { return GetLength(dimension); }

        public static ReadOnlyCollection<T> AsReadOnly<T>(T[] array)
        {
            CheckNotNull(array);
            return new ReadOnlyCollection<T>(array);
        }

        public static void Fill<T>(T[] array, T value)
        {
            CheckNotNull(array);
            Fill(array, value, 0, array.Length);
        }

        public static void Fill<T>(T[] array, T value, int startIndex, int count)
        {
            CheckRange(array, startIndex, count);
            for (int n = 0; n < count; n++)
                array[startIndex + n] = value;
        }

        // ---- Searching ----

        public static int IndexOf<T>(T[] array, T value)
        {
            CheckNotNull(array);
            return IndexOf(array, value, 0, array.Length);
        }

        public static int IndexOf<T>(T[] array, T value, int startIndex)
        {
            CheckNotNull(array);
            return IndexOf(array, value, startIndex, array.Length - startIndex);
        }

        public static int IndexOf<T>(T[] array, T value, int startIndex, int count)
        {
            CheckNotNull(array);
            if (startIndex < 0 || startIndex > array.Length)
                throw new ArgumentOutOfRangeException("startIndex");
            if (count < 0 || count > array.Length - startIndex)
                throw new ArgumentOutOfRangeException("count");
            EqualityComparer<T> same = EqualityComparer<T>.Default;
            for (int n = startIndex; n < startIndex + count; n++)
                if (same.Equals(array[n], value))
                    return n;
            return -1;
        }

        public static int LastIndexOf<T>(T[] array, T value)
        {
            CheckNotNull(array);
            return LastIndexOf(array, value, array.Length - 1, array.Length);
        }

        public static int LastIndexOf<T>(T[] array, T value, int startIndex)
        {
            return LastIndexOf(array, value, startIndex, startIndex + 1);
        }

        public static int LastIndexOf<T>(T[] array, T value, int startIndex, int count)
        {
            CheckNotNull(array);
            if (array.Length == 0)
                return -1;
            if ((uint)startIndex >= (uint)array.Length)
                throw new ArgumentOutOfRangeException("startIndex");
            if (count < 0 || count > startIndex + 1)
                throw new ArgumentOutOfRangeException("count");
            EqualityComparer<T> same = EqualityComparer<T>.Default;
            for (int n = startIndex; n > startIndex - count; n--)
                if (same.Equals(array[n], value))
                    return n;
            return -1;
        }

        public static int IndexOf(Array array, object value)
        {
            CheckNotNull(array);
            return ((IList)array).IndexOf(value);
        }

        public static int FindIndex<T>(T[] array, int startIndex, Predicate<T> match)
        {
            CheckNotNull(array);
            return FindIndex(array, startIndex, array.Length - startIndex, match);
        }

        public static int FindIndex<T>(T[] array, int startIndex, int count, Predicate<T> match)
        {
            CheckRange(array, startIndex, count);
            for (int n = startIndex; n < startIndex + count; n++)
                if (match(array[n]))
                    return n;
            return -1;
        }

        public static int FindLastIndex<T>(T[] array, Predicate<T> match)
        {
            CheckNotNull(array);
            int n = array.Length - 1;
            while (n >= 0 && !match(array[n]))
                n--;
            return n;
        }

        public static T FindLast<T>(T[] array, Predicate<T> match)
        {
            int n = FindLastIndex(array, match);
            return n < 0 ? default(T) : array[n];
        }

        public static int BinarySearch<T>(T[] array, int index, int length, T value) { return BinarySearch(array, index, length, value, null); }

        public static int BinarySearch<T>(T[] array, int index, int length, T value, IComparer<T> comparer)
        {
            CheckRange(array, index, length);
            return Sorter.Find(array, index, length, value, comparer);
        }

        // ---- Sorting ----

        public static void Sort<T>(T[] array, int index, int length, IComparer<T> comparer)
        {
            CheckRange(array, index, length);
            Sorter.Sort(array, index, length, Sorter.By(comparer));
        }

        public static void Sort<TKey, TValue>(TKey[] keys, TValue[] items) { Sort(keys, items, null); }

        public static void Sort<TKey, TValue>(TKey[] keys, TValue[] items, IComparer<TKey> comparer)
        {
            CheckNotNull(keys);
            Sort(keys, items, 0, keys.Length, comparer);
        }

        public static void Sort<TKey, TValue>(TKey[] keys, TValue[] items, int index, int length) { Sort(keys, items, index, length, null); }

        public static void Sort<TKey, TValue>(TKey[] keys, TValue[] items, int index, int length, IComparer<TKey> comparer)
        {
            CheckRange(keys, index, length);
            if (items == null)
            {
                Sort(keys, index, length, comparer);
                return;
            }
            CheckRange(items, index, length);
            int[] order = new int[length];
            for (int n = 0; n < length; n++)
                order[n] = index + n;
            Comparison<TKey> compare = Sorter.By(comparer);
            TKey[] oldKeys = (TKey[])keys.Clone();
            TValue[] oldItems = (TValue[])items.Clone();
            Sorter.Sort(order, 0, length, (a, b) => compare(oldKeys[a], oldKeys[b]));
            for (int n = 0; n < length; n++)
            {
                keys[index + n] = oldKeys[order[n]];
                items[index + n] = oldItems[order[n]];
            }
        }

        // Elements of a type that is not known, as objects.
        static object[] Boxed(Array array)
        {
            CheckNotNull(array);
            if (array.Rank != 1)
                throw new RankException();
            object[] items = new object[array.length];
            for (int n = 0; n < items.Length; n++)
                items[n] = array.ElementAt(n);
            return items;
        }

        public static void Sort(Array array) { Sort(array, null); }

        public static void Sort(Array array, IComparer comparer)
        {
            object[] items = Boxed(array);
            Sort(items, comparer == null ? null : Comparer<object>.Create(comparer.Compare));
            for (int n = 0; n < items.Length; n++)
                array.StoreAt(n, items[n]);
        }

        public static void Reverse(Array array)
        {
            object[] items = Boxed(array);
            for (int n = 0; n < items.Length; n++)
                array.StoreAt(items.Length - 1 - n, items[n]);
        }

        public static int BinarySearch(Array array, object value) { return BinarySearch(Boxed(array), value); }
        public object GetValue(int i, int j, int k) { return GetValue(new int[] { i, j, k }); }
        public void SetValue(object value, int i, int j, int k) { SetValue(value, new int[] { i, j, k }); }
    }

    public static class Buffer
    {
        // The ranges are inside of the arrays. Returns false, and copies nothing, if one is not of a primitive type.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern bool CopyBytes(Array from, int at, Array to, int place, int count);

        // Of an element; 0 if it is of no primitive type.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int SizeOf(Array array);

        public static int ByteLength(Array array)
        {
            if (array == null)
                throw new ArgumentNullException("array");
            int size = SizeOf(array);
            if (size == 0)
                throw new ArgumentException("The elements are of no primitive type.", "array");
            return checked(size * array.Length);
        }

        public static void BlockCopy(Array src, int srcOffset, Array dst, int dstOffset, int count)
        {
            if (src == null || dst == null)
                throw new ArgumentNullException(src == null ? "src" : "dst");
            if (srcOffset < 0 || dstOffset < 0 || count < 0)
                throw new ArgumentOutOfRangeException(srcOffset < 0 ? "srcOffset" : dstOffset < 0 ? "dstOffset" : "count");
            if (srcOffset > ByteLength(src) - count || dstOffset > ByteLength(dst) - count)
                throw new ArgumentException("The range is not inside of the array.");
            CopyBytes(src, srcOffset, dst, dstOffset, count);
        }

    }
}

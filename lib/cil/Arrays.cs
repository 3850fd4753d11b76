// SPDX-License-Identifier: MIT
//
// Arrays and lists: searching, sorting, copying.
using System.Collections.Generic;

namespace System
{
    public delegate TOutput Converter<in TInput, out TOutput>(TInput a);

    // Sorts by merging, so that equal elements stay in their order.
    static class Sorter
    {
        internal static void Sort<T>(T[] items, int start, int count, Comparison<T> compare)
        {
            T[] from = items, to = new T[items.Length];
            int end = start + count;
            for (int width = 1; width < count; width = width > count / 2 ? count : 2 * width)
            {
                for (int at = start; at < end; at = width > (end - at) / 2 ? end : at + 2 * width)
                    Merge(from, to, at, width, end, compare);
                T[] other = from;
                from = to;
                to = other;
            }
            for (int n = start; n < end && from != items; n++)
                items[n] = from[n];
        }

        static void Merge<T>(T[] from, T[] to, int at, int width, int end, Comparison<T> compare)
        {
            int a = at, b = width < end - at ? at + width : end;
            int endA = b, endB = width < end - b ? b + width : end;
            for (int n = at; n < endB; n++)
            {
                bool isFirst = a < endA && (b == endB || compare(from[a], from[b]) <= 0);
                to[n] = isFirst ? from[a++] : from[b++];
            }
        }

        internal static Comparison<T> By<T>(IComparer<T> comparer)
        {
            IComparer<T> c = comparer == null ? Comparer<T>.Default : comparer;
            return c.Compare;
        }

        // Returns the index of an element that is equal, or the complement of that of the first larger one.
        internal static int Find<T>(T[] items, int start, int count, T wanted, IComparer<T> comparer)
        {
            IComparer<T> c = comparer == null ? Comparer<T>.Default : comparer;
            int low = start, high = start + count;
            while (low < high)
            {
                int middle = low + (high - low) / 2, order = c.Compare(items[middle], wanted);
                if (order == 0)
                    return middle;
                if (order < 0)
                    low = middle + 1;
                else
                    high = middle;
            }
            return ~low;
        }
    }

    public abstract partial class Array
    {
        static void CheckNotNull(object o)
        {
            if (o == null)
                throw new ArgumentNullException("array");
        }

        static void CheckRange(Array array, int start, int count)
        {
            CheckNotNull(array);
            if (start < 0 || count < 0)
                throw new ArgumentOutOfRangeException("start");
            if (start > array.Length - count)
                throw new ArgumentException("The range is not inside of the array.");
        }

        public static void Sort<T>(T[] array) { Sort(array, (IComparer<T>)null); }

        public static void Sort<T>(T[] array, IComparer<T> comparer)
        {
            CheckNotNull(array);
            Sorter.Sort(array, 0, array.Length, Sorter.By(comparer));
        }

        public static void Sort<T>(T[] array, Comparison<T> compare)
        {
            CheckNotNull(array);
            Sorter.Sort(array, 0, array.Length, compare);
        }

        public static void Sort<T>(T[] array, int start, int count)
        {
            CheckRange(array, start, count);
            Sorter.Sort(array, start, count, Sorter.By<T>(null));
        }

        public static int BinarySearch<T>(T[] array, T wanted)
        {
            CheckNotNull(array);
            return Sorter.Find(array, 0, array.Length, wanted, null);
        }

        public static int BinarySearch<T>(T[] array, T wanted, IComparer<T> comparer)
        {
            CheckNotNull(array);
            return Sorter.Find(array, 0, array.Length, wanted, comparer);
        }

        public static int FindIndex<T>(T[] array, Predicate<T> fits)
        {
            CheckNotNull(array);
            for (int n = 0; n < array.Length; n++)
                if (fits(array[n]))
                    return n;
            return -1;
        }

        public static bool Exists<T>(T[] array, Predicate<T> fits) { return FindIndex(array, fits) >= 0; }

        public static bool TrueForAll<T>(T[] array, Predicate<T> fits) { return !Exists(array, item => !fits(item)); }

        public static T Find<T>(T[] array, Predicate<T> fits)
        {
            int n = FindIndex(array, fits);
            return n < 0 ? default(T) : array[n];
        }

        public static T[] FindAll<T>(T[] array, Predicate<T> fits)
        {
            CheckNotNull(array);
            return new List<T>(array).FindAll(fits).ToArray();
        }

        public static void ForEach<T>(T[] array, Action<T> action)
        {
            CheckNotNull(array);
            for (int n = 0; n < array.Length; n++)
                action(array[n]);
        }

        public static TOutput[] ConvertAll<TInput, TOutput>(TInput[] array, Converter<TInput, TOutput> change)
        {
            CheckNotNull(array);
            TOutput[] to = new TOutput[array.Length];
            for (int n = 0; n < array.Length; n++)
                to[n] = change(array[n]);
            return to;
        }

        public static void Resize<T>(ref T[] array, int length)
        {
            if (length < 0)
                throw new ArgumentOutOfRangeException("length");
            T[] to = new T[length];
            if (array != null)
                Copy(array, 0, to, 0, Math.Min(array.Length, length));
            array = to;
        }

        public static void Reverse<T>(T[] array, int start, int count)
        {
            CheckRange(array, start, count);
            for (int n = start, m = start + count - 1; n < m; n++, m--)
            {
                T other = array[n];
                array[n] = array[m];
                array[m] = other;
            }
        }

        public static T[] Empty<T>() { return new T[0]; }
    }
}

namespace System.Collections.Generic
{
    public abstract partial class Comparer<T>
    {
        sealed class ByFunction : Comparer<T>
        {
            internal Comparison<T> compare;
            public override int Compare(T a, T b) { return compare(a, b); }
        }

        public static Comparer<T> Create(Comparison<T> compare) { return new ByFunction { compare = compare }; }
    }

    public partial class List<T>
    {
        void CheckRange(int start, int count)
        {
            if (start < 0 || count < 0)
                throw new ArgumentOutOfRangeException("start");
            if (start > this.count - count)
                throw new ArgumentException("The range is not inside of the list.");
        }

        public void Sort() { Sort((IComparer<T>)null); }

        public void Sort(IComparer<T> comparer)
        {
            Sorter.Sort(items, 0, count, Sorter.By(comparer));
            version++;
        }

        public int BinarySearch(T wanted) { return Sorter.Find(items, 0, count, wanted, null); }
        public int BinarySearch(T wanted, IComparer<T> comparer) { return Sorter.Find(items, 0, count, wanted, comparer); }
        public void Reverse() { Reverse(0, count); }
        public void CopyTo(T[] array) { CopyTo(array, 0); }

        public void Reverse(int start, int count)
        {
            CheckRange(start, count);
            Array.Reverse(items, start, count);
            version++;
        }

        public int FindIndex(Predicate<T> fits)
        {
            for (int n = 0; n < count; n++)
                if (fits(items[n]))
                    return n;
            return -1;
        }

        public int FindLastIndex(Predicate<T> fits)
        {
            for (int n = count - 1; n >= 0; n--)
                if (fits(items[n]))
                    return n;
            return -1;
        }

        public T Find(Predicate<T> fits)
        {
            int n = FindIndex(fits);
            return n < 0 ? default(T) : items[n];
        }

        public T FindLast(Predicate<T> fits)
        {
            int n = FindLastIndex(fits);
            return n < 0 ? default(T) : items[n];
        }

        public bool Exists(Predicate<T> fits) { return FindIndex(fits) >= 0; }
        public bool TrueForAll(Predicate<T> fits) { return !Exists(item => !fits(item)); }

        public List<T> FindAll(Predicate<T> fits)
        {
            List<T> found = new List<T>();
            for (int n = 0; n < count; n++)
                if (fits(items[n]))
                    found.Add(items[n]);
            return found;
        }

        public void ForEach(Action<T> action)
        {
            int before = version;
            for (int n = 0; n < count; n++)
            {
                action(items[n]);
                if (version != before)
                    throw Walker.Changed();
            }
        }

        public List<TOutput> ConvertAll<TOutput>(Converter<T, TOutput> change)
        {
            List<TOutput> to = new List<TOutput>(count);
            for (int n = 0; n < count; n++)
                to.Add(change(items[n]));
            return to;
        }

        public int LastIndexOf(T item)
        {
            EqualityComparer<T> same = EqualityComparer<T>.Default;
            return FindLastIndex(other => same.Equals(other, item));
        }

        public List<T> GetRange(int start, int count)
        {
            CheckRange(start, count);
            List<T> range = new List<T>(count);
            for (int n = 0; n < count; n++)
                range.Add(items[start + n]);
            return range;
        }

        public void InsertRange(int index, IEnumerable<T> more)
        {
            if ((uint)index > (uint)count)
                throw new ArgumentOutOfRangeException("index");
            T[] all = new List<T>(more).ToArray();
            if (count + all.Length > items.Length)
                Capacity = Math.Max(count + all.Length, 2 * items.Length);
            Array.Copy(items, index, items, index + all.Length, count - index);
            Array.Copy(all, 0, items, index, all.Length);
            count += all.Length;
            version++;
        }

        public void RemoveRange(int start, int count)
        {
            CheckRange(start, count);
            Array.Copy(items, start + count, items, start, this.count - count - start);
            Array.Clear(items, this.count - count, count);
            this.count -= count;
            if (count != 0)
                version++;
        }

        public int RemoveAll(Predicate<T> fits)
        {
            int kept = 0, before = count;
            for (int n = 0; n < before; n++)
                if (!fits(items[n]))
                    items[kept++] = items[n];
            RemoveRange(kept, before - kept);
            return before - kept;
        }

        public void TrimExcess() { Array.Resize(ref items, Math.Max(count, 4)); }
    }
}

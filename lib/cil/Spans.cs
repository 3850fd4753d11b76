// SPDX-License-Identifier: MIT
//
// Parts of arrays: Span and ReadOnlySpan. They lead to no other memory, so `stackalloc` makes none of them.
using System.Runtime.CompilerServices;

namespace System
{
    public ref struct Span<T>
    {
        readonly T[] array;
        readonly int start, length;

        public Span(T[] array) : this(array, 0, array == null ? 0 : array.Length) { }

        public Span(T[] array, int start, int length)
        {
            if (array == null ? (start | length) != 0 : (uint)start > (uint)array.Length || (uint)length > (uint)(array.Length - start))
                throw new ArgumentOutOfRangeException("start");
            if (array != null && array.GetType() != typeof(T[]))
                throw new ArrayTypeMismatchException(); // what is stored through the span must fit
            this.array = array;
            this.start = start;
            this.length = length;
        }

        public static Span<T> Empty { get { return new Span<T>(); } }
        public int Length { get { return length; } }
        public bool IsEmpty { get { return length == 0; } }

        public ref T this[int index]
        {
            get
            {
                if ((uint)index >= (uint)length)
                    throw new IndexOutOfRangeException();
                return ref array[start + index];
            }
        }

        public Span<T> Slice(int at) { return Slice(at, length - at); }

        public Span<T> Slice(int at, int count)
        {
            if ((uint)at > (uint)length || (uint)count > (uint)(length - at))
                throw new ArgumentOutOfRangeException("at");
            return new Span<T>(array, start + at, count);
        }

        public void Clear() { Fill(default(T)); }

        public void Fill(T value)
        {
            for (int n = 0; n < length; n++)
                array[start + n] = value;
        }

        public void CopyTo(Span<T> to)
        {
            if (!TryCopyTo(to))
                throw new ArgumentException("The destination is too short.");
        }

        public bool TryCopyTo(Span<T> to) { return ((ReadOnlySpan<T>)this).TryCopyTo(to); }
        public T[] ToArray() { return ((ReadOnlySpan<T>)this).ToArray(); }
        public override string ToString() { return ((ReadOnlySpan<T>)this).ToString(); }
        public Enumerator GetEnumerator() { return new Enumerator(this); }
        public static implicit operator Span<T>(T[] array) { return new Span<T>(array); }
        public static implicit operator ReadOnlySpan<T>(Span<T> s) { return new ReadOnlySpan<T>(s.array, s.start, s.length); }

        public static bool operator ==(Span<T> a, Span<T> b)
        {
            return a.array == b.array && a.start == b.start && a.length == b.length;
        }

        public static bool operator !=(Span<T> a, Span<T> b) { return !(a == b); }
        public override bool Equals(object other) { throw new NotSupportedException("A span is never boxed."); }
        public override int GetHashCode() { throw new NotSupportedException("A span has no hash code."); }

        // For ReadOnlySpan, which has checked the place.
        internal void Set(int index, T value) { array[start + index] = value; }
        internal bool StartsAfter(T[] other, int at) { return array == other && start > at; }

        public ref struct Enumerator
        {
            readonly Span<T> span;
            int index;

            internal Enumerator(Span<T> span)
            {
                this.span = span;
                index = -1;
            }

            public ref T Current { get { return ref span[index]; } }
            public bool MoveNext() { return ++index < span.Length; }
        }
    }

    public readonly ref struct ReadOnlySpan<T>
    {
        readonly T[] array;
        readonly int start, length;

        public ReadOnlySpan(T[] array) : this(array, 0, array == null ? 0 : array.Length) { }

        public ReadOnlySpan(T[] array, int start, int length)
        {
            if (array == null ? (start | length) != 0 : (uint)start > (uint)array.Length || (uint)length > (uint)(array.Length - start))
                throw new ArgumentOutOfRangeException("start");
            this.array = array;
            this.start = start;
            this.length = length;
        }

        public static ReadOnlySpan<T> Empty { get { return new ReadOnlySpan<T>(); } }
        public int Length { get { return length; } }
        public bool IsEmpty { get { return length == 0; } }

        public ref readonly T this[int index]
        {
            get
            {
                if ((uint)index >= (uint)length)
                    throw new IndexOutOfRangeException();
                return ref array[start + index];
            }
        }

        public ReadOnlySpan<T> Slice(int at) { return Slice(at, length - at); }

        public ReadOnlySpan<T> Slice(int at, int count)
        {
            if ((uint)at > (uint)length || (uint)count > (uint)(length - at))
                throw new ArgumentOutOfRangeException("at");
            return new ReadOnlySpan<T>(array, start + at, count);
        }

        public void CopyTo(Span<T> to)
        {
            if (!TryCopyTo(to))
                throw new ArgumentException("The destination is too short.");
        }

        // From the end if the later part would be overwritten first.
        public bool TryCopyTo(Span<T> to)
        {
            if (to.Length < length)
                return false;
            bool isBackwards = to.StartsAfter(array, start);
            for (int n = 0; n < length; n++)
            {
                int at = isBackwards ? length - 1 - n : n;
                to.Set(at, array[start + at]);
            }
            return true;
        }

        public T[] ToArray()
        {
            T[] all = new T[length];
            for (int n = 0; n < length; n++)
                all[n] = array[start + n];
            return all;
        }

        // Of characters, the text.
        public override string ToString()
        {
            char[] text = (object)array as char[];
            return text != null ? new string(text, start, length)
                   : String.Concat("System.ReadOnlySpan<", typeof(T).Name, String.Concat(">[", length.ToString(), "]"));
        }

        public Enumerator GetEnumerator() { return new Enumerator(this); }
        public static implicit operator ReadOnlySpan<T>(T[] array) { return new ReadOnlySpan<T>(array); }

        public static bool operator ==(ReadOnlySpan<T> a, ReadOnlySpan<T> b)
        {
            return a.array == b.array && a.start == b.start && a.length == b.length;
        }

        public static bool operator !=(ReadOnlySpan<T> a, ReadOnlySpan<T> b) { return !(a == b); }
        public override bool Equals(object other) { throw new NotSupportedException("A span is never boxed."); }
        public override int GetHashCode() { throw new NotSupportedException("A span has no hash code."); }

        public ref struct Enumerator
        {
            readonly ReadOnlySpan<T> span;
            int index;

            internal Enumerator(ReadOnlySpan<T> span)
            {
                this.span = span;
                index = -1;
            }

            public ref readonly T Current { get { return ref span[index]; } }
            public bool MoveNext() { return ++index < span.Length; }
        }
    }

    public static class MemoryExtensions
    {
        public static Span<T> AsSpan<T>(this T[] array) { return new Span<T>(array); }
        public static Span<T> AsSpan<T>(this T[] array, int start, int length) { return new Span<T>(array, start, length); }
        public static ReadOnlySpan<char> AsSpan(this string s) { return new ReadOnlySpan<char>(s == null ? null : s.ToCharArray()); }
    }
}

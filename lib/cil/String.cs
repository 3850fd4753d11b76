// SPDX-License-Identifier: MIT
//
// Text. The runtime knows where the length and the characters of a string are, and that a zero
// follows them. Nothing is allocated while a string is fixed: objects below a fixed one do not move. Comparison is by the numbers of characters: there are no cultures.
using System.Collections;
using System.Collections.Generic;
using System.Runtime.CompilerServices;

namespace System
{
    public sealed unsafe partial class String : IComparable, ICloneable, IComparable<string>, IEquatable<string>, IEnumerable<char>
    {
#pragma warning disable 0649
        int length;
        char first;
#pragma warning restore 0649

        public static readonly string Empty = "";

        public int Length { get { return length; } }

        [System.Runtime.CompilerServices.IndexerName("Chars")]
        public char this[int index]
        {
            get
            {
                if ((uint)index >= (uint)length)
                    throw new IndexOutOfRangeException();
                fixed (char* p = &first)
                    return p[index];
            }
        }

        // A string of zeroes, which is written before anything else sees it.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern string FastAllocate(int length);

        static void Copy(char* to, char* from, int count)
        {
            for (int n = 0; n < count; n++)
                to[n] = from[n];
        }

        static string Allocate(int length) { return length == 0 ? "" : FastAllocate(length); }

        internal static string From(char* from, int length)
        {
            string s = Allocate(length);
            fixed (char* to = &s.first)
                Copy(to, from, length);
            return s;
        }

        internal static string From(char[] from, int start, int length)
        {
            string s = Allocate(length);
            fixed (char* to = &s.first)
                for (int n = 0; n < length; n++)
                    to[n] = from[start + n];
            return s;
        }

        public char[] ToCharArray()
        {
            char[] all = new char[length];
            for (int n = 0; n < length; n++)
                all[n] = this[n];
            return all;
        }

        // The compiler walks over a string by its indices; this is for what takes any sequence.
        IEnumerator<char> IEnumerable<char>.GetEnumerator() { return ((IEnumerable<char>)ToCharArray()).GetEnumerator(); }
        IEnumerator IEnumerable.GetEnumerator() { return ((IEnumerable<char>)ToCharArray()).GetEnumerator(); }

        // Constructors: the compiler calls these instead, because a string has no fixed size.
        [MethodImpl(MethodImplOptions.InternalCall)]
        public extern String(char[] characters);
        [MethodImpl(MethodImplOptions.InternalCall)]
        public extern String(char[] characters, int start, int length);
        [MethodImpl(MethodImplOptions.InternalCall)]
        public extern String(char c, int count);

        static string Ctor(char[] characters) { return characters == null ? "" : From(characters, 0, characters.Length); }

        static string Ctor(char[] characters, int start, int length)
        {
            if (start < 0 || length < 0 || start > characters.Length - length)
                throw new ArgumentOutOfRangeException("start");
            return From(characters, start, length);
        }

        static string Ctor(char c, int count)
        {
            if (count < 0)
                throw new ArgumentOutOfRangeException("count");
            return Repeat(c, count);
        }

        internal static string Repeat(char c, int count)
        {
            string s = Allocate(count);
            fixed (char* to = &s.first)
                for (int n = 0; n < count; n++)
                    to[n] = c;
            return s;
        }

        // Copies `from` into s, whose characters nothing else has seen. Returns the place after it.
        static int Fill(string s, int at, string from)
        {
            if (from == null)
                return at;
            fixed (char* to = &s.first)
            fixed (char* p = &from.first)
                Copy(to + at, p, from.length);
            return at + from.length;
        }

        static int LengthOf(string s) { return s == null ? 0 : s.length; }

        public static string Concat(string a, string b)
        {
            string s = Allocate(checked(LengthOf(a) + LengthOf(b)));
            Fill(s, Fill(s, 0, a), b);
            return s;
        }

        public static string Concat(string a, string b, string c)
        {
            string s = Allocate(checked(LengthOf(a) + LengthOf(b) + LengthOf(c)));
            Fill(s, Fill(s, Fill(s, 0, a), b), c);
            return s;
        }

        public static string Concat(string a, string b, string c, string d)
        {
            string s = Allocate(checked(LengthOf(a) + LengthOf(b) + LengthOf(c) + LengthOf(d)));
            Fill(s, Fill(s, Fill(s, Fill(s, 0, a), b), c), d);
            return s;
        }

        public static string Concat(params string[] all)
        {
            int length = 0, at = 0;
            for (int n = 0; n < all.Length; n++)
                length = checked(length + LengthOf(all[n]));
            string s = Allocate(length);
            for (int n = 0; n < all.Length; n++)
                at = Fill(s, at, all[n]);
            return s;
        }

        static string TextOf(object o) { return o == null ? "" : o.ToString(); }

        public static string Concat(object a) { return TextOf(a); }
        public static string Concat(object a, object b) { return Concat(TextOf(a), TextOf(b)); }
        public static string Concat(object a, object b, object c) { return Concat(TextOf(a), TextOf(b), TextOf(c)); }

        public static string Concat(params object[] all)
        {
            string[] texts = new string[all.Length];
            for (int n = 0; n < all.Length; n++)
                texts[n] = TextOf(all[n]);
            return Concat(texts);
        }

        public static string Format(string format, object a) { return Formatter.Format(format, new object[] { a }); }

        public static string Format(string format, object a, object b)
        {
            return Formatter.Format(format, new object[] { a, b });
        }

        public static string Format(string format, object a, object b, object c)
        {
            return Formatter.Format(format, new object[] { a, b, c });
        }

        public static string Format(string format, params object[] args) { return Formatter.Format(format, args); }

        public string PadLeft(int width) { return width <= length ? this : Concat(Repeat(' ', width - length), this); }
        public string PadRight(int width) { return width <= length ? this : Concat(this, Repeat(' ', width - length)); }

        public static string Join(string between, params string[] all)
        {
            string s = "";
            for (int n = 0; n < all.Length; n++)
                s = n == 0 ? Concat(all[n], "") : Concat(s, between, all[n]);
            return s;
        }

        public static bool IsNullOrEmpty(string s) { return s == null || s.length == 0; }

        public static int CompareOrdinal(string a, string b)
        {
            if (a == null || b == null)
                return (a == null ? 0 : 1) - (b == null ? 0 : 1);
            int common = a.length < b.length ? a.length : b.length;
            for (int n = 0; n < common; n++)
                if (a[n] != b[n])
                    return a[n] - b[n];
            return a.length - b.length;
        }

        public static int Compare(string a, string b) { return CompareOrdinal(a, b); }
        public int CompareTo(string other) { return CompareOrdinal(this, other); }
        public object Clone() { return this; }

        public int CompareTo(object other)
        {
            if (other != null && !(other is string))
                throw new ArgumentException("It is no string.");
            return CompareOrdinal(this, (string)other);
        }

        public static bool Equals(string a, string b)
        {
            if ((object)a == (object)b)
                return true;
            return (object)a != null && (object)b != null && a.length == b.length && CompareOrdinal(a, b) == 0;
        }

        public static bool operator ==(string a, string b) { return Equals(a, b); }
        public static bool operator !=(string a, string b) { return !Equals(a, b); }
        public bool Equals(string other) { return Equals(this, other); }
        public override bool Equals(object other) { return Equals(this, other as string); }

        public override int GetHashCode()
        {
            uint hash = 2166136261;
            for (int n = 0; n < length; n++)
                hash = (hash ^ this[n]) * 16777619;
            return (int)hash;
        }

        public override string ToString() { return this; }

        public string Substring(int start) { return Substring(start, length - start); }

        public string Substring(int start, int count)
        {
            if (start < 0 || count < 0 || start > length - count)
                throw new ArgumentOutOfRangeException("start");
            string s = Allocate(count);
            fixed (char* to = &s.first)
            fixed (char* p = &first)
                Copy(to, p + start, count);
            return s;
        }

        public int IndexOf(char c) { return IndexOf(c, 0); }

        public int IndexOf(char c, int start)
        {
            CheckRange(start, 0);
            for (int n = start; n < length; n++)
                if (this[n] == c)
                    return n;
            return -1;
        }

        bool IsAt(string s, int at)
        {
            for (int n = 0; n < s.length; n++)
                if (this[at + n] != s[n])
                    return false;
            return true;
        }

        public int IndexOf(string s)
        {
            for (int n = 0; n <= length - s.length; n++)
                if (IsAt(s, n))
                    return n;
            return -1;
        }

        public bool Contains(string s) { return IndexOf(s) >= 0; }
        public bool StartsWith(string s) { return s.length <= length && IsAt(s, 0); }
        public bool EndsWith(string s) { return s.length <= length && IsAt(s, length - s.length); }

        public string Trim()
        {
            int start = 0, end = length;
            while (start < end && Char.IsWhiteSpace(this[start]))
                start++;
            while (start < end && Char.IsWhiteSpace(this[end - 1]))
                end--;
            return Substring(start, end - start);
        }

        public string ToUpper()
        {
            string s = Allocate(length);
            fixed (char* to = &s.first)
                for (int n = 0; n < length; n++)
                    to[n] = Char.ToUpper(this[n]);
            return s;
        }

        public string ToLower()
        {
            string s = Allocate(length);
            fixed (char* to = &s.first)
                for (int n = 0; n < length; n++)
                    to[n] = Char.ToLower(this[n]);
            return s;
        }
    }
}

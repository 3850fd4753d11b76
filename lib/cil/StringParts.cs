// SPDX-License-Identifier: MIT
//
// Strings: searching, splitting, joining. Comparisons are by the values of the characters: there are no cultures.
using System.Collections.Generic;
using System.Text;

namespace System
{
    [Flags]
    public enum StringSplitOptions { None = 0, RemoveEmptyEntries = 1 }

    public enum StringComparison
    {
        CurrentCulture, CurrentCultureIgnoreCase, InvariantCulture, InvariantCultureIgnoreCase, Ordinal, OrdinalIgnoreCase
    }

    public sealed unsafe partial class String : IConvertible
    {
        public TypeCode GetTypeCode() { return TypeCode.String; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { return Convert.ToBoolean(this); }
        char IConvertible.ToChar(IFormatProvider provider) { return Convert.ToChar(this); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return Convert.ToSByte(this); }
        byte IConvertible.ToByte(IFormatProvider provider) { return Convert.ToByte(this); }
        short IConvertible.ToInt16(IFormatProvider provider) { return Convert.ToInt16(this); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return Convert.ToUInt16(this); }
        int IConvertible.ToInt32(IFormatProvider provider) { return Convert.ToInt32(this); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return Convert.ToUInt32(this); }
        long IConvertible.ToInt64(IFormatProvider provider) { return Convert.ToInt64(this); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return Convert.ToUInt64(this); }
        float IConvertible.ToSingle(IFormatProvider provider) { return Convert.ToSingle(this); }
        double IConvertible.ToDouble(IFormatProvider provider) { return Convert.ToDouble(this); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { return Convert.ToDecimal(this); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { return Convert.ToDateTime(this); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(this, type); }

        static void CheckNotNull(object o)
        {
            if (o == null)
                throw new ArgumentNullException("value");
        }

        void CheckRange(int start, int count)
        {
            if (start < 0 || start > length)
                throw new ArgumentOutOfRangeException("start");
            if (count < 0 || start > length - count)
                throw new ArgumentOutOfRangeException("count");
        }

        // ---- Comparing ----

        static bool IgnoresCase(StringComparison how) { return ((int)how & 1) != 0; }

        static int CompareIgnoringCase(string a, string b)
        {
            return CompareOrdinal(a == null ? null : a.ToUpper(), b == null ? null : b.ToUpper());
        }

        public static int Compare(string a, string b, bool ignoresCase)
        {
            return ignoresCase ? CompareIgnoringCase(a, b) : CompareOrdinal(a, b);
        }

        public static int Compare(string a, string b, StringComparison how) { return Compare(a, b, IgnoresCase(how)); }
        public static bool Equals(string a, string b, StringComparison how) { return Compare(a, b, how) == 0; }
        public bool Equals(string other, StringComparison how) { return Compare(this, other, how) == 0; }

        public static bool IsNullOrWhiteSpace(string s)
        {
            for (int n = 0; s != null && n < s.Length; n++)
                if (!Char.IsWhiteSpace(s[n]))
                    return false;
            return true;
        }

        public string ToUpperInvariant() { return ToUpper(); }
        public string ToLowerInvariant() { return ToLower(); }

        public bool StartsWith(string s, StringComparison how)
        {
            return IgnoresCase(how) ? ToUpper().StartsWith(s.ToUpper()) : StartsWith(s);
        }

        public bool EndsWith(string s, StringComparison how)
        {
            return IgnoresCase(how) ? ToUpper().EndsWith(s.ToUpper()) : EndsWith(s);
        }

        // ---- Searching ----

        public int IndexOf(string s, int start) { return IndexOf(s, start, length - start); }

        public int IndexOf(string s, int start, int count)
        {
            CheckNotNull(s);
            CheckRange(start, count);
            for (int n = start; n <= start + count - s.Length; n++)
                if (IsAt(s, n))
                    return n;
            return -1;
        }

        public int IndexOf(string s, StringComparison how)
        {
            CheckNotNull(s);
            return IgnoresCase(how) ? ToUpper().IndexOf(s.ToUpper()) : IndexOf(s);
        }

        public int IndexOf(char c, int start, int count)
        {
            CheckRange(start, count);
            for (int n = start; n < start + count; n++)
                if (this[n] == c)
                    return n;
            return -1;
        }

        public int IndexOfAny(char[] any) { return IndexOfAny(any, 0); }

        public int IndexOfAny(char[] any, int start)
        {
            CheckNotNull(any);
            CheckRange(start, 0);
            for (int n = start; n < length; n++)
                if (IsOneOf(this[n], any))
                    return n;
            return -1;
        }

        public int LastIndexOf(char c) { return LastIndexOf(c, length - 1); }

        public int LastIndexOf(char c, int start)
        {
            if (length > 0 && (uint)start >= (uint)length)
                throw new ArgumentOutOfRangeException("start");
            for (int n = length > 0 ? start : -1; n >= 0; n--)
                if (this[n] == c)
                    return n;
            return -1;
        }

        public int LastIndexOf(string s)
        {
            CheckNotNull(s);
            for (int n = s.Length == 0 ? Math.Max(length - 1, 0) : length - s.Length; n >= 0; n--)
                if (IsAt(s, n))
                    return n;
            return -1;
        }

        public bool Contains(char c) { return IndexOf(c) >= 0; }

        // ---- Parts ----

        public string Insert(int at, string s)
        {
            CheckNotNull(s);
            CheckRange(at, 0);
            return Concat(Substring(0, at), s, Substring(at));
        }

        public string Remove(int start) { return Substring(0, start); }

        public string Remove(int start, int count)
        {
            CheckRange(start, count);
            return Concat(Substring(0, start), Substring(start + count));
        }

        public string Replace(char old, char with)
        {
            StringBuilder to = new StringBuilder(length);
            for (int n = 0; n < length; n++)
                to.Append(this[n] == old ? with : this[n]);
            return to.ToString();
        }

        public string Replace(string old, string with)
        {
            CheckNotNull(old);
            if (old.Length == 0)
                throw new ArgumentException("An empty string cannot be replaced.");
            return new StringBuilder(this).Replace(old, with).ToString();
        }

        static bool IsOneOf(char c, char[] any)
        {
            if (any == null || any.Length == 0)
                return Char.IsWhiteSpace(c);
            for (int n = 0; n < any.Length; n++)
                if (any[n] == c)
                    return true;
            return false;
        }

        string Trim(char[] any, bool atStart, bool atEnd)
        {
            int start = 0, end = length;
            while (atStart && start < end && IsOneOf(this[start], any))
                start++;
            while (atEnd && start < end && IsOneOf(this[end - 1], any))
                end--;
            return Substring(start, end - start);
        }

        public string Trim(params char[] any) { return Trim(any, true, true); }
        public string TrimStart(params char[] any) { return Trim(any, true, false); }
        public string TrimEnd(params char[] any) { return Trim(any, false, true); }

        public string PadLeft(int width, char c)
        {
            return width <= length ? this : Concat(Repeat(c, width - length), this);
        }

        public string PadRight(int width, char c)
        {
            return width <= length ? this : Concat(this, Repeat(c, width - length));
        }

        public char[] ToCharArray(int start, int count) { return Substring(start, count).ToCharArray(); }

        // ---- Splitting and joining ----

        // The length of a separator at this place, or -1.
        int SeparatorAt(int at, char[] any, string[] texts)
        {
            if (texts == null)
                return IsOneOf(this[at], any) ? 1 : -1;
            for (int n = 0; n < texts.Length; n++)
                if (texts[n] != null && texts[n].Length > 0 && texts[n].Length <= length - at && IsAt(texts[n], at))
                    return texts[n].Length;
            return -1;
        }

        string[] Split(char[] any, string[] texts, int count, StringSplitOptions options)
        {
            List<string> parts = new List<string>();
            bool keepsEmpty = (options & StringSplitOptions.RemoveEmptyEntries) == 0;
            int start = 0;
            if (count < 0)
                throw new ArgumentOutOfRangeException("count");
            if (count == 0)
                return new string[0];
            for (int at = 0; at < length && parts.Count < count - 1; at++)
            {
                int separator = SeparatorAt(at, any, texts);
                if (separator < 0)
                    continue;
                if (keepsEmpty || at > start)
                    parts.Add(Substring(start, at - start));
                start = at + separator;
                at = start - 1;
            }
            for (int more; !keepsEmpty && start < length && (more = SeparatorAt(start, any, texts)) >= 0; start += more) { }
            if (keepsEmpty || start < length)
                parts.Add(Substring(start));
            return parts.ToArray();
        }

        public string[] Split(params char[] any) { return Split(any, null, Int32.MaxValue, StringSplitOptions.None); }
        public string[] Split(char[] any, int count) { return Split(any, null, count, StringSplitOptions.None); }

        public string[] Split(char[] any, StringSplitOptions options)
        {
            return Split(any, null, Int32.MaxValue, options);
        }

        public string[] Split(char[] any, int count, StringSplitOptions options)
        {
            return Split(any, null, count, options);
        }

        public string[] Split(string[] texts, StringSplitOptions options)
        {
            return Split(texts, Int32.MaxValue, options);
        }

        public string[] Split(string[] texts, int count, StringSplitOptions options)
        {
            return texts == null || texts.Length == 0 ? Split(null, null, count, options)
                                                      : Split(null, texts, count, options);
        }

        public static string Join<T>(string between, IEnumerable<T> all)
        {
            CheckNotNull(all);
            StringBuilder to = new StringBuilder();
            bool isFirst = true;
            foreach (T item in all)
            {
                if (!isFirst)
                    to.Append(between);
                to.Append(item == null ? null : item.ToString());
                isFirst = false;
            }
            return to.ToString();
        }

        public static string Join(string between, IEnumerable<string> all) { return Join<string>(between, all); }
        public static string Join(string between, params object[] all) { return Join<object>(between, all); }
        public static string Concat<T>(IEnumerable<T> all) { return Join<T>("", all); }
        public static string Concat(IEnumerable<string> all) { return Join<string>("", all); }
        public static string Copy(string s) { return Concat(s, ""); }
        public static string Intern(string s) { return s; }
        public string ToString(IFormatProvider provider) { return this; }

        public static string Format(IFormatProvider provider, string format, params object[] args)
        {
            return Formatter.Format(format, args);
        }
    }

    // For comparers of collections.
    public abstract class StringComparer : IComparer<string>, IEqualityComparer<string>
    {
        sealed class ByValue : StringComparer
        {
            internal bool IgnoresCase;
            public override int Compare(string a, string b) { return String.Compare(a, b, IgnoresCase); }
            public override bool Equals(string a, string b) { return String.Compare(a, b, IgnoresCase) == 0; }
            public override int GetHashCode(string s) { return IgnoresCase ? s.ToUpper().GetHashCode() : s.GetHashCode(); }
        }

        static readonly StringComparer exact = new ByValue(), ignoring = new ByValue { IgnoresCase = true };

        public static StringComparer Ordinal { get { return exact; } }
        public static StringComparer OrdinalIgnoreCase { get { return ignoring; } }
        public static StringComparer InvariantCulture { get { return exact; } }
        public static StringComparer InvariantCultureIgnoreCase { get { return ignoring; } }
        public static StringComparer CurrentCulture { get { return exact; } }
        public static StringComparer CurrentCultureIgnoreCase { get { return ignoring; } }

        public abstract int Compare(string a, string b);
        public abstract bool Equals(string a, string b);
        public abstract int GetHashCode(string s);
    }
}

namespace System.Text
{
    public sealed partial class StringBuilder
    {
        public int Capacity { get { return text.Length; } }

        public int EnsureCapacity(int capacity)
        {
            Reserve(capacity);
            return text.Length;
        }

        void CheckRange(int start, int count)
        {
            if (start < 0 || count < 0 || start > length - count)
                throw new ArgumentOutOfRangeException("start");
        }

        public StringBuilder Append(double d) { return Append(d.ToString()); }
        public StringBuilder Append(float f) { return Append(f.ToString()); }
        public StringBuilder Append(char[] characters) { return Append(new string(characters)); }
        public StringBuilder Append(string s, int start, int count) { return Append(s.Substring(start, count)); }
        public StringBuilder AppendFormat(string format, object a) { return Append(String.Format(format, a)); }
        public StringBuilder AppendFormat(string format, object a, object b) { return Append(String.Format(format, a, b)); }
        public StringBuilder AppendFormat(string format, params object[] args) { return Append(String.Format(format, args)); }

        // Moves what is after `at` by `by` places.
        void Move(int at, int by)
        {
            Reserve(checked(length + Math.Max(by, 0)));
            if (by > 0)
                for (int n = length - 1; n >= at; n--)
                    text[n + by] = text[n];
            else
                for (int n = at; n < length; n++)
                    text[n + by] = text[n];
            length += by;
        }

        public StringBuilder Insert(int at, string s)
        {
            CheckRange(at, 0);
            if (s == null)
                return this;
            Move(at, s.Length);
            for (int n = 0; n < s.Length; n++)
                text[at + n] = s[n];
            return this;
        }

        public StringBuilder Insert(int at, char c) { return Insert(at, c.ToString()); }
        public StringBuilder Insert(int at, object o) { return Insert(at, o == null ? null : o.ToString()); }
        public StringBuilder Insert(int at, int n) { return Insert(at, n.ToString()); }

        public StringBuilder Remove(int start, int count)
        {
            CheckRange(start, count);
            Move(start + count, -count);
            return this;
        }

        public StringBuilder Replace(char old, char with)
        {
            for (int n = 0; n < length; n++)
                if (text[n] == old)
                    text[n] = with;
            return this;
        }

        bool IsAt(string s, int at)
        {
            for (int n = 0; n < s.Length; n++)
                if (text[at + n] != s[n])
                    return false;
            return true;
        }

        public StringBuilder Replace(string old, string with)
        {
            if (old == null)
                throw new ArgumentNullException("old");
            if (old.Length == 0)
                throw new ArgumentException("An empty string cannot be replaced.");
            StringBuilder to = new StringBuilder(length);
            for (int n = 0; n < length;)
            {
                bool isHere = n <= length - old.Length && IsAt(old, n);
                if (isHere)
                    to.Append(with);
                else
                    to.Append(text[n]);
                n += isHere ? old.Length : 1;
            }
            text = to.text;
            length = to.length;
            return this;
        }

        public string ToString(int start, int count)
        {
            CheckRange(start, count);
            return String.From(text, start, count);
        }

        public bool Equals(StringBuilder other) { return other != null && ToString() == other.ToString(); }
    }
}

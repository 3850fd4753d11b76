// SPDX-License-Identifier: MIT
//
// Strings, characters and builders of strings: the members that are used less.
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace System
{
    public sealed unsafe partial class String
    {
        public static int Compare(string strA, int indexA, string strB, int indexB, int length)
        {
            return Compare(strA, indexA, strB, indexB, length, false);
        }

        public static int Compare(string strA, int indexA, string strB, int indexB, int length, bool ignoreCase)
        {
            return Compare(PartOf(strA, indexA, length), PartOf(strB, indexB, length), ignoreCase);
        }

        public static int Compare(string strA, int indexA, string strB, int indexB, int length, StringComparison comparisonType)
        {
            return Compare(strA, indexA, strB, indexB, length, IgnoresCase(comparisonType));
        }

        public static int CompareOrdinal(string strA, int indexA, string strB, int indexB, int length)
        {
            return CompareOrdinal(PartOf(strA, indexA, length), PartOf(strB, indexB, length));
        }

        // The end of the string may come before.
        static string PartOf(string s, int start, int length)
        {
            if (s == null)
                return null;
            if (length < 0 || start < 0 || start > s.Length)
                throw new ArgumentOutOfRangeException(length < 0 ? "length" : "start");
            return s.Substring(start, Math.Min(length, s.Length - start));
        }

        public int LastIndexOf(string value, int startIndex)
        {
            return LastIndexOf(value, startIndex, startIndex + 1);
        }

        public int LastIndexOf(string value, StringComparison comparisonType)
        {
            CheckNotNull(value);
            return IgnoresCase(comparisonType) ? ToUpper().LastIndexOf(value.ToUpper()) : LastIndexOf(value);
        }

        public int LastIndexOf(string value, int startIndex, int count)
        {
            CheckNotNull(value);
            if (length == 0)
                return value.Length == 0 ? 0 : -1;
            if (startIndex < 0 || startIndex > length)
                throw new ArgumentOutOfRangeException("startIndex");
            int end = Math.Min(startIndex, length - 1), least = startIndex - count + 1;
            if (count < 0 || least < 0)
                throw new ArgumentOutOfRangeException("count");
            for (int n = end - value.Length + 1; n >= least; n--)
                if (IsAt(value, n))
                    return value.Length == 0 ? end : n;
            return -1;
        }

        public int LastIndexOf(char value, int startIndex, int count)
        {
            int n = LastIndexOf(value, startIndex);
            return n > startIndex - count ? n : -1;
        }

        public int IndexOf(string value, int startIndex, StringComparison comparisonType)
        {
            CheckNotNull(value);
            return IgnoresCase(comparisonType) ? ToUpper().IndexOf(value.ToUpper(), startIndex) : IndexOf(value, startIndex);
        }

        public int IndexOf(string value, int startIndex, int count, StringComparison comparisonType)
        {
            CheckNotNull(value);
            return IgnoresCase(comparisonType) ? ToUpper().IndexOf(value.ToUpper(), startIndex, count)
                                               : IndexOf(value, startIndex, count);
        }

        public int IndexOf(char value, StringComparison comparisonType) { return IndexOf(value.ToString(), comparisonType); }

        public int IndexOfAny(char[] anyOf, int startIndex, int count)
        {
            CheckRange(startIndex, count);
            int n = IndexOfAny(anyOf, startIndex);
            return n < startIndex + count ? n : -1;
        }

        public int LastIndexOfAny(char[] anyOf) { return LastIndexOfAny(anyOf, length - 1); }

        public int LastIndexOfAny(char[] anyOf, int startIndex)
        {
            CheckNotNull(anyOf);
            if (length > 0 && (uint)startIndex >= (uint)length)
                throw new ArgumentOutOfRangeException("startIndex");
            int n = length > 0 ? startIndex : -1;
            while (n >= 0 && Array.IndexOf(anyOf, this[n]) < 0)
                n--;
            return n;
        }

        public bool Contains(string value, StringComparison comparisonType) { return IndexOf(value, comparisonType) >= 0; }
        public bool StartsWith(char value) { return length > 0 && this[0] == value; }
        public bool EndsWith(char value) { return length > 0 && this[length - 1] == value; }
        public string ToUpper(CultureInfo culture) { return ToUpper(); }
        public string ToLower(CultureInfo culture) { return ToLower(); }
        public string Trim(char trimChar) { return Trim(new char[] { trimChar }); }
        public string TrimStart() { return TrimStart(null); }
        public string TrimEnd() { return TrimEnd(null); }
        public string TrimStart(char trimChar) { return TrimStart(new char[] { trimChar }); }
        public string TrimEnd(char trimChar) { return TrimEnd(new char[] { trimChar }); }

        public string[] Split(char separator, StringSplitOptions options = StringSplitOptions.None)
        {
            return Split(new char[] { separator }, options);
        }

        public string[] Split(char separator, int count, StringSplitOptions options = StringSplitOptions.None)
        {
            return Split(new char[] { separator }, count, options);
        }

        public string[] Split(string separator, StringSplitOptions options = StringSplitOptions.None)
        {
            return Split(new string[] { separator }, options);
        }

        public static string Join(string separator, string[] value, int startIndex, int count)
        {
            CheckNotNull(value);
            if (startIndex < 0 || count < 0 || startIndex > value.Length - count)
                throw new ArgumentOutOfRangeException("startIndex");
            return Join(separator, new List<string>(value).GetRange(startIndex, count));
        }

        public static string Join(char separator, params string[] value) { return Join(separator.ToString(), value); }
        public static string Join(char separator, params object[] values) { return Join(separator.ToString(), values); }
        public static string Join<T>(char separator, IEnumerable<T> values) { return Join(separator.ToString(), values); }

        public void CopyTo(int sourceIndex, char[] destination, int destinationIndex, int count)
        {
            CheckNotNull(destination);
            CheckRange(sourceIndex, count);
            if (destinationIndex < 0 || destinationIndex > destination.Length - count)
                throw new ArgumentOutOfRangeException("destinationIndex");
            for (int n = 0; n < count; n++)
                destination[destinationIndex + n] = this[sourceIndex + n];
        }

        public static string Format(IFormatProvider provider, string format, object arg0) { return Format(format, arg0); }
        public static string Format(IFormatProvider provider, string format, object arg0, object arg1) { return Format(format, arg0, arg1); }
        public static string IsInterned(string str) { return str; }
    }

    public partial struct Char
    {
        public static bool TryParse(string s, out char result)
        {
            bool fits = s != null && s.Length == 1;
            result = fits ? s[0] : '\0';
            return fits;
        }

        public static char ToUpper(char c, CultureInfo culture) { return ToUpper(c); }
        public static char ToLower(char c, CultureInfo culture) { return ToLower(c); }
        public static bool IsSeparator(char c) { return Is(c, Space); }
        public static bool IsUpper(string s, int index) { return IsUpper(s[index]); }
        public static bool IsLower(string s, int index) { return IsLower(s[index]); }
        public static bool IsPunctuation(string s, int index) { return IsPunctuation(s[index]); }
        public static bool IsSurrogatePair(char highSurrogate, char lowSurrogate) { return IsHighSurrogate(highSurrogate) && IsLowSurrogate(lowSurrogate); }
        public static bool IsSurrogatePair(string s, int index) { return index + 1 < s.Length && IsSurrogatePair(s[index], s[index + 1]); }
        public static double GetNumericValue(char c) { return IsDigit(c) ? c - '0' : -1; }
        public static double GetNumericValue(string s, int index) { return GetNumericValue(s[index]); }

        public static string ConvertFromUtf32(int utf32)
        {
            if (utf32 < 0 || utf32 > 0x10ffff || (utf32 >= 0xd800 && utf32 < 0xe000))
                throw new ArgumentOutOfRangeException("utf32");
            StringBuilder to = new StringBuilder();
            UTF8Encoding.Append(to, utf32);
            return to.ToString();
        }

        public static int ConvertToUtf32(char highSurrogate, char lowSurrogate)
        {
            if (!IsSurrogatePair(highSurrogate, lowSurrogate))
                throw new ArgumentOutOfRangeException(IsHighSurrogate(highSurrogate) ? "lowSurrogate" : "highSurrogate");
            return 0x10000 + ((highSurrogate - 0xd800) << 10) + (lowSurrogate - 0xdc00);
        }

        public static int ConvertToUtf32(string s, int index)
        {
            if (!IsSurrogate(s[index]))
                return s[index];
            if (!IsSurrogatePair(s, index))
                throw new ArgumentException("Half of a pair of surrogates is no character.", "s");
            return ConvertToUtf32(s[index], s[index + 1]);
        }
    }
}

namespace System.Text
{
    public sealed partial class StringBuilder
    {
        public StringBuilder(string value, int capacity) : this(Math.Max(capacity, value == null ? 0 : value.Length)) { Append(value); }
        public StringBuilder(int capacity, int maxCapacity) : this(capacity) { }
        public StringBuilder(string value, int startIndex, int length, int capacity) : this(value == null ? null : value.Substring(startIndex, length), capacity) { }

        public int MaxCapacity { get { return Int32.MaxValue; } }

        public StringBuilder Append(sbyte value) { return Append((int)value); }
        public StringBuilder Append(byte value) { return Append((int)value); }
        public StringBuilder Append(short value) { return Append((int)value); }
        public StringBuilder Append(ushort value) { return Append((int)value); }
        public StringBuilder Append(decimal value) { return Append(value.ToString()); }
        public StringBuilder Append(StringBuilder value) { return value == null ? this : Append(value.ToString()); }
        public StringBuilder Append(char[] value, int startIndex, int charCount) { return Append(new string(value, startIndex, charCount)); }
        public StringBuilder AppendJoin<T>(string separator, IEnumerable<T> values) { return Append(String.Join(separator, values)); }
        public StringBuilder AppendJoin(string separator, params object[] values) { return Append(String.Join(separator, values)); }
        public StringBuilder AppendJoin(string separator, params string[] values) { return Append(String.Join(separator, values)); }
        public StringBuilder AppendFormat(string format, object a, object b, object c) { return Append(String.Format(format, a, b, c)); }
        public StringBuilder AppendFormat(IFormatProvider provider, string format, params object[] args) { return AppendFormat(format, args); }

        public StringBuilder Insert(int index, string value, int count)
        {
            for (int n = 0; n < count; n++)
                Insert(index, value);
            return this;
        }

        public StringBuilder Insert(int index, bool value) { return Insert(index, value.ToString()); }
        public StringBuilder Insert(int index, long value) { return Insert(index, value.ToString()); }
        public StringBuilder Insert(int index, uint value) { return Insert(index, value.ToString()); }
        public StringBuilder Insert(int index, ulong value) { return Insert(index, value.ToString()); }
        public StringBuilder Insert(int index, float value) { return Insert(index, value.ToString()); }
        public StringBuilder Insert(int index, double value) { return Insert(index, value.ToString()); }
        public StringBuilder Insert(int index, decimal value) { return Insert(index, value.ToString()); }
        public StringBuilder Insert(int index, char[] value) { return Insert(index, new string(value)); }

        public StringBuilder Replace(char oldChar, char newChar, int startIndex, int count)
        {
            CheckRange(startIndex, count);
            for (int n = startIndex; n < startIndex + count; n++)
                if (text[n] == oldChar)
                    text[n] = newChar;
            return this;
        }

        public StringBuilder Replace(string oldValue, string newValue, int startIndex, int count)
        {
            string part = ToString(startIndex, count).Replace(oldValue, newValue);
            return Remove(startIndex, count).Insert(startIndex, part);
        }

        public void CopyTo(int sourceIndex, char[] destination, int destinationIndex, int count)
        {
            CheckRange(sourceIndex, count);
            Array.Copy(text, sourceIndex, destination, destinationIndex, count);
        }
    }
}

namespace System
{
    // What `$"..."` becomes where an IFormattable or a FormattableString is expected.
    public abstract class FormattableString : IFormattable
    {
        public abstract string Format { get; }
        public abstract int ArgumentCount { get; }
        public abstract object[] GetArguments();
        public abstract object GetArgument(int index);
        public abstract string ToString(IFormatProvider formatProvider);
        string IFormattable.ToString(string ignored, IFormatProvider formatProvider) { return ToString(formatProvider); }
        public override string ToString() { return ToString(null); }
        public static string Invariant(FormattableString formattable) { return formattable.ToString(null); }
    }
}

namespace System.Runtime.CompilerServices
{
    public static class FormattableStringFactory
    {
        sealed class Made : FormattableString
        {
            internal string format;
            internal object[] arguments;

            public override string Format { get { return format; } }
            public override int ArgumentCount { get { return arguments.Length; } }
            public override object[] GetArguments() { return arguments; }
            public override object GetArgument(int index) { return arguments[index]; }
            public override string ToString(IFormatProvider formatProvider) { return String.Format(format, arguments); }
        }

        public static FormattableString Create(string format, params object[] arguments)
        {
            if (format == null || arguments == null)
                throw new ArgumentNullException(format == null ? "format" : "arguments");
            return new Made { format = format, arguments = arguments };
        }
    }
}

// SPDX-License-Identifier: MIT
//
// The primitive types. Text of numbers is the same for all cultures; Number.cs makes it.
using System.Runtime.CompilerServices;

namespace System
{
    public struct Boolean : IComparable, IComparable<bool>, IEquatable<bool>
    {
        public const string TrueString = "True";
        public const string FalseString = "False";

#pragma warning disable 0649
        bool value;
#pragma warning restore 0649

        public int CompareTo(bool other) { return value == other ? 0 : value ? 1 : -1; }
        public bool Equals(bool other) { return value == other; }
        public override bool Equals(object other) { return other is bool && value == (bool)other; }
        public override int GetHashCode() { return value ? 1 : 0; }
        public override string ToString() { return value ? TrueString : FalseString; }
        public int CompareTo(object other) { return other == null ? 1 : CompareTo((bool)other); }

        public static bool TryParse(string s, out bool result)
        {
            string text = s == null ? "" : s.Trim().ToLower();
            result = text == "true";
            return result || text == "false";
        }

        public static bool Parse(string s)
        {
            bool result;
            if (s == null)
                throw new ArgumentNullException("s");
            if (!TryParse(s, out result))
                throw new FormatException();
            return result;
        }
    }

    public struct SByte : IComparable, IFormattable, IComparable<sbyte>, IEquatable<sbyte>
    {
        public const sbyte MinValue = -128;
        public const sbyte MaxValue = 127;

#pragma warning disable 0649
        sbyte value;
#pragma warning restore 0649

        public int CompareTo(sbyte other) { return value < other ? -1 : value > other ? 1 : 0; }
        public int CompareTo(object other) { return other == null ? 1 : CompareTo((sbyte)other); }
        public bool Equals(sbyte other) { return value == other; }
        public override bool Equals(object other) { return other is sbyte && value == (sbyte)other; }
        public override int GetHashCode() { return value; }
        public override string ToString() { return Number.Signed(value); }
        public string ToString(string format) { return Number.Format(format, (long)value, (byte)value, false); }
        public string ToString(string format, IFormatProvider provider) { return ToString(format); }
        public static sbyte Parse(string s) { return (sbyte)Number.ParseSigned(s, MinValue, MaxValue); }

        public static bool TryParse(string s, out sbyte result)
        {
            bool ok;
            result = (sbyte)Number.ToSigned(s, MinValue, MaxValue, out ok);
            return ok;
        }
    }

    public struct Byte : IComparable, IFormattable, IComparable<byte>, IEquatable<byte>
    {
        public const byte MinValue = 0;
        public const byte MaxValue = 255;

#pragma warning disable 0649
        byte value;
#pragma warning restore 0649

        public int CompareTo(byte other) { return value < other ? -1 : value > other ? 1 : 0; }
        public int CompareTo(object other) { return other == null ? 1 : CompareTo((byte)other); }
        public bool Equals(byte other) { return value == other; }
        public override bool Equals(object other) { return other is byte && value == (byte)other; }
        public override int GetHashCode() { return value; }
        public override string ToString() { return Number.Unsigned(value); }
        public string ToString(string format) { return Number.Format(format, (long)value, (byte)value, true); }
        public string ToString(string format, IFormatProvider provider) { return ToString(format); }
        public static byte Parse(string s) { return (byte)Number.ParseUnsigned(s, MaxValue); }

        public static bool TryParse(string s, out byte result)
        {
            bool ok;
            result = (byte)Number.ToUnsigned(s, MaxValue, out ok);
            return ok;
        }
    }

    public struct Int16 : IComparable, IFormattable, IComparable<short>, IEquatable<short>
    {
        public const short MinValue = -32768;
        public const short MaxValue = 32767;

#pragma warning disable 0649
        short value;
#pragma warning restore 0649

        public int CompareTo(short other) { return value < other ? -1 : value > other ? 1 : 0; }
        public int CompareTo(object other) { return other == null ? 1 : CompareTo((short)other); }
        public bool Equals(short other) { return value == other; }
        public override bool Equals(object other) { return other is short && value == (short)other; }
        public override int GetHashCode() { return value; }
        public override string ToString() { return Number.Signed(value); }
        public string ToString(string format) { return Number.Format(format, (long)value, (ushort)value, false); }
        public string ToString(string format, IFormatProvider provider) { return ToString(format); }
        public static short Parse(string s) { return (short)Number.ParseSigned(s, MinValue, MaxValue); }

        public static bool TryParse(string s, out short result)
        {
            bool ok;
            result = (short)Number.ToSigned(s, MinValue, MaxValue, out ok);
            return ok;
        }
    }

    public struct UInt16 : IComparable, IFormattable, IComparable<ushort>, IEquatable<ushort>
    {
        public const ushort MinValue = 0;
        public const ushort MaxValue = 65535;

#pragma warning disable 0649
        ushort value;
#pragma warning restore 0649

        public int CompareTo(ushort other) { return value < other ? -1 : value > other ? 1 : 0; }
        public int CompareTo(object other) { return other == null ? 1 : CompareTo((ushort)other); }
        public bool Equals(ushort other) { return value == other; }
        public override bool Equals(object other) { return other is ushort && value == (ushort)other; }
        public override int GetHashCode() { return value; }
        public override string ToString() { return Number.Unsigned(value); }
        public string ToString(string format) { return Number.Format(format, (long)value, (ushort)value, true); }
        public string ToString(string format, IFormatProvider provider) { return ToString(format); }
        public static ushort Parse(string s) { return (ushort)Number.ParseUnsigned(s, MaxValue); }

        public static bool TryParse(string s, out ushort result)
        {
            bool ok;
            result = (ushort)Number.ToUnsigned(s, MaxValue, out ok);
            return ok;
        }
    }

    public struct Int32 : IComparable, IFormattable, IComparable<int>, IEquatable<int>
    {
        public const int MinValue = -2147483648;
        public const int MaxValue = 2147483647;

#pragma warning disable 0649
        int value;
#pragma warning restore 0649

        public int CompareTo(int other) { return value < other ? -1 : value > other ? 1 : 0; }
        public int CompareTo(object other) { return other == null ? 1 : CompareTo((int)other); }
        public bool Equals(int other) { return value == other; }
        public override bool Equals(object other) { return other is int && value == (int)other; }
        public override int GetHashCode() { return value; }
        public override string ToString() { return Number.Signed(value); }
        public string ToString(string format) { return Number.Format(format, (long)value, (uint)value, false); }
        public string ToString(string format, IFormatProvider provider) { return ToString(format); }
        public static int Parse(string s) { return (int)Number.ParseSigned(s, MinValue, MaxValue); }

        public static bool TryParse(string s, out int result)
        {
            bool ok;
            result = (int)Number.ToSigned(s, MinValue, MaxValue, out ok);
            return ok;
        }
    }

    public struct UInt32 : IComparable, IFormattable, IComparable<uint>, IEquatable<uint>
    {
        public const uint MinValue = 0;
        public const uint MaxValue = 4294967295;

#pragma warning disable 0649
        uint value;
#pragma warning restore 0649

        public int CompareTo(uint other) { return value < other ? -1 : value > other ? 1 : 0; }
        public int CompareTo(object other) { return other == null ? 1 : CompareTo((uint)other); }
        public bool Equals(uint other) { return value == other; }
        public override bool Equals(object other) { return other is uint && value == (uint)other; }
        public override int GetHashCode() { return (int)value; }
        public override string ToString() { return Number.Unsigned(value); }
        public string ToString(string format) { return Number.Format(format, (long)value, (uint)value, true); }
        public string ToString(string format, IFormatProvider provider) { return ToString(format); }
        public static uint Parse(string s) { return (uint)Number.ParseUnsigned(s, MaxValue); }

        public static bool TryParse(string s, out uint result)
        {
            bool ok;
            result = (uint)Number.ToUnsigned(s, MaxValue, out ok);
            return ok;
        }
    }

    public struct Int64 : IComparable, IFormattable, IComparable<long>, IEquatable<long>
    {
        public const long MinValue = -9223372036854775808;
        public const long MaxValue = 9223372036854775807;

#pragma warning disable 0649
        long value;
#pragma warning restore 0649

        public int CompareTo(long other) { return value < other ? -1 : value > other ? 1 : 0; }
        public int CompareTo(object other) { return other == null ? 1 : CompareTo((long)other); }
        public bool Equals(long other) { return value == other; }
        public override bool Equals(object other) { return other is long && value == (long)other; }
        public override int GetHashCode() { return (int)value ^ (int)(value >> 32); }
        public override string ToString() { return Number.Signed(value); }
        public string ToString(string format) { return Number.Format(format, (long)value, (ulong)value, false); }
        public string ToString(string format, IFormatProvider provider) { return ToString(format); }
        public static long Parse(string s) { return Number.ParseSigned(s, MinValue, MaxValue); }

        public static bool TryParse(string s, out long result)
        {
            bool ok;
            result = (long)Number.ToSigned(s, MinValue, MaxValue, out ok);
            return ok;
        }
    }

    public struct UInt64 : IComparable, IFormattable, IComparable<ulong>, IEquatable<ulong>
    {
        public const ulong MinValue = 0;
        public const ulong MaxValue = 18446744073709551615;

#pragma warning disable 0649
        ulong value;
#pragma warning restore 0649

        public int CompareTo(ulong other) { return value < other ? -1 : value > other ? 1 : 0; }
        public int CompareTo(object other) { return other == null ? 1 : CompareTo((ulong)other); }
        public bool Equals(ulong other) { return value == other; }
        public override bool Equals(object other) { return other is ulong && value == (ulong)other; }
        public override int GetHashCode() { return (int)value ^ (int)(value >> 32); }
        public override string ToString() { return Number.Unsigned(value); }
        public string ToString(string format) { return Number.Format(format, (long)value, (ulong)value, true); }
        public string ToString(string format, IFormatProvider provider) { return ToString(format); }
        public static ulong Parse(string s) { return Number.ParseUnsigned(s, MaxValue); }

        public static bool TryParse(string s, out ulong result)
        {
            bool ok;
            result = (ulong)Number.ToUnsigned(s, MaxValue, out ok);
            return ok;
        }
    }

    public struct Char : IComparable, IComparable<char>, IEquatable<char>
    {
        public const char MinValue = '\0';
        public const char MaxValue = '\uffff';

#pragma warning disable 0649
        char value;
#pragma warning restore 0649

        public int CompareTo(char other) { return value - other; }
        public int CompareTo(object other) { return other == null ? 1 : CompareTo((char)other); }
        public bool Equals(char other) { return value == other; }
        public override bool Equals(object other) { return other is char && value == (char)other; }
        public override int GetHashCode() { return value; }
        public override string ToString() { return String.Repeat(value, 1); }

        // ASCII only: there are no tables of Unicode here.
        public static bool IsDigit(char c) { return c >= '0' && c <= '9'; }
        public static bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
        public static bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
        public static bool IsLetter(char c) { return IsLower(c) || IsUpper(c); }
        public static bool IsLetterOrDigit(char c) { return IsLetter(c) || IsDigit(c); }
        public static bool IsWhiteSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\u0085' || c == '\u00a0'; }
        public static char ToLower(char c) { return IsUpper(c) ? (char)(c + 32) : c; }
        public static char ToUpper(char c) { return IsLower(c) ? (char)(c - 32) : c; }

        public static bool IsControl(char c) { return c < ' ' || (c >= '\x7f' && c < '\xa0'); }
        public static bool IsNumber(char c) { return IsDigit(c); }
        public static bool IsSurrogate(char c) { return c >= '\ud800' && c < '\ue000'; }
        public static bool IsHighSurrogate(char c) { return c >= '\ud800' && c < '\udc00'; }
        public static bool IsLowSurrogate(char c) { return c >= '\udc00' && c < '\ue000'; }
        public static bool IsDigit(string s, int at) { return IsDigit(s[at]); }
        public static bool IsLetter(string s, int at) { return IsLetter(s[at]); }
        public static bool IsLetterOrDigit(string s, int at) { return IsLetterOrDigit(s[at]); }
        public static bool IsWhiteSpace(string s, int at) { return IsWhiteSpace(s[at]); }
        public static char ToUpperInvariant(char c) { return ToUpper(c); }
        public static char ToLowerInvariant(char c) { return ToLower(c); }
        public static string ToString(char c) { return c.ToString(); }

        // Of ASCII.
        public static bool IsPunctuation(char c) { return c != '\0' && "!\"#%&'()*,-./:;?@[\\]_{}".IndexOf(c) >= 0; }
        public static bool IsSymbol(char c) { return c != '\0' && "$+<=>^`|~".IndexOf(c) >= 0; }

        public static char Parse(string s)
        {
            if (s == null)
                throw new ArgumentNullException("s");
            if (s.Length != 1)
                throw new FormatException();
            return s[0];
        }
    }

    public struct Single : IFormattable, IComparable, IComparable<float>, IEquatable<float>
    {
        public const float MinValue = -3.40282346638528859e38f;
        public const float MaxValue = 3.40282346638528859e38f;
        public const float Epsilon = 1.4e-45f;
        public const float NaN = 0.0f / 0.0f;
        public const float PositiveInfinity = 1.0f / 0.0f;
        public const float NegativeInfinity = -1.0f / 0.0f;

#pragma warning disable 0649
        float value;
#pragma warning restore 0649

        public static bool IsNaN(float f) { return f != f; }
        public static bool IsPositiveInfinity(float f) { return f == PositiveInfinity; }
        public static bool IsNegativeInfinity(float f) { return f == NegativeInfinity; }
        public static bool IsInfinity(float f) { return f == PositiveInfinity || f == NegativeInfinity; }
        public override string ToString() { return Float.ToText(value); }
        public int CompareTo(float other) { return ((double)value).CompareTo((double)other); }
        public int CompareTo(object other) { return other == null ? 1 : CompareTo((float)other); }
        public string ToString(string format, IFormatProvider provider) { return ToString(format); }
        public bool Equals(float other) { return value == other || (value != value && other != other); }
        public override bool Equals(object other) { return other is float && Equals((float)other); }
        public override unsafe int GetHashCode() { float f = value; return *(int*)&f; }

        public string ToString(string format)
        {
            if (format == null || format.Length == 0 || format == "G" || format == "R" || IsNaN(value) || IsInfinity(value))
                return ToString();
            return Decimals.Of(value).Format(format);
        }


        public static float Parse(string s)
        {
            float result;
            if (s == null)
                throw new ArgumentNullException("s");
            if (!TryParse(s, out result))
                throw new FormatException();
            return result;
        }

        public static bool TryParse(string s, out float result)
        {
            double d;
            bool isNumber = FloatReader.TryRead(s, true, out d);
            result = (float)d;
            return isNumber;
        }
    }

    public struct Double : IFormattable, IComparable, IComparable<double>, IEquatable<double>
    {
        public const double MinValue = -1.7976931348623157e308;
        public const double MaxValue = 1.7976931348623157e308;
        public const double Epsilon = 4.9406564584124654e-324;
        public const double NaN = 0.0 / 0.0;
        public const double PositiveInfinity = 1.0 / 0.0;
        public const double NegativeInfinity = -1.0 / 0.0;

#pragma warning disable 0649
        double value;
#pragma warning restore 0649

        public static bool IsNaN(double d) { return d != d; }
        public static bool IsPositiveInfinity(double d) { return d == PositiveInfinity; }
        public static bool IsNegativeInfinity(double d) { return d == NegativeInfinity; }
        public static bool IsInfinity(double d) { return d == PositiveInfinity || d == NegativeInfinity; }

        public override string ToString() { return Float.ToText(value); }

        // NaN comes before every number, and is equal to itself.
        public int CompareTo(double other)
        {
            if (value < other)
                return -1;
            if (value > other)
                return 1;
            if (value == other)
                return 0;
            return value != value ? (other != other ? 0 : -1) : 1;
        }

        public int CompareTo(object other) { return other == null ? 1 : CompareTo((double)other); }
        public string ToString(string format, IFormatProvider provider) { return ToString(format); }
        public bool Equals(double other) { return value == other || (value != value && other != other); }
        public override bool Equals(object other) { return other is double && Equals((double)other); }
        public override unsafe int GetHashCode() { double d = value; return (*(long*)&d).GetHashCode(); }

        public string ToString(string format)
        {
            if (format == null || format.Length == 0 || format == "G" || format == "R" || IsNaN(value) || IsInfinity(value))
                return ToString();
            return Decimals.Of(value).Format(format);
        }

        public string ToString(IFormatProvider provider) { return ToString(); }
        public static bool TryParse(string s, out double result) { return FloatReader.TryRead(s, false, out result); }

        public static double Parse(string s)
        {
            double result;
            if (s == null)
                throw new ArgumentNullException("s");
            if (!FloatReader.TryRead(s, false, out result))
                throw new FormatException();
            return result;
        }

        public static double Parse(string s, IFormatProvider provider) { return Parse(s); }
    }

    // Its size and place in signatures are .NET's. There is no arithmetic.
    public struct Decimal
    {
#pragma warning disable 0169
        int flags, high, low, middle;
#pragma warning restore 0169
    }

    public unsafe struct IntPtr
    {
        public static readonly IntPtr Zero;

#pragma warning disable 0649
        void* value;
#pragma warning restore 0649

        public IntPtr(int value) { this.value = (void*)value; }
        public IntPtr(long value) { this.value = (void*)value; }
        public IntPtr(void* value) { this.value = value; }
        public static int Size { get { return 8; } }
        public int ToInt32() { return checked((int)value); }
        public long ToInt64() { return (long)value; }
        public void* ToPointer() { return value; }
        public override bool Equals(object other) { return other is IntPtr && value == ((IntPtr)other).value; }
        public override int GetHashCode() { return (int)value; }
        public override string ToString() { return Number.Signed((long)value); }
        public static bool operator ==(IntPtr a, IntPtr b) { return a.value == b.value; }
        public static bool operator !=(IntPtr a, IntPtr b) { return a.value != b.value; }
        public static explicit operator IntPtr(long value) { return new IntPtr(value); }
        public static explicit operator long(IntPtr p) { return (long)p.value; }
    }

    public unsafe struct UIntPtr
    {
        public static readonly UIntPtr Zero;

#pragma warning disable 0649
        void* value;
#pragma warning restore 0649

        public UIntPtr(uint value) { this.value = (void*)value; }
        public UIntPtr(ulong value) { this.value = (void*)value; }
        public static int Size { get { return 8; } }
        public ulong ToUInt64() { return (ulong)value; }
        public override bool Equals(object other) { return other is UIntPtr && value == ((UIntPtr)other).value; }
        public override int GetHashCode() { return (int)value; }
        public static bool operator ==(UIntPtr a, UIntPtr b) { return a.value == b.value; }
        public static bool operator !=(UIntPtr a, UIntPtr b) { return a.value != b.value; }
    }
}

// SPDX-License-Identifier: MIT
//
// Booleans, integers and characters. Text of numbers is the same for all cultures; Number.cs makes it.
using System.Globalization;
using System.Runtime.CompilerServices;

namespace System
{
    public struct Boolean : IComparable, IConvertible, IComparable<bool>, IEquatable<bool>
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
                throw new FormatException("String was not recognized as a valid Boolean.");
            return result;
        }

        public string ToString(IFormatProvider provider) { return ToString(); }
        public TypeCode GetTypeCode() { return TypeCode.Boolean; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { return value; }
        char IConvertible.ToChar(IFormatProvider provider) { throw Convert.None("Boolean", "Char"); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return Convert.ToSByte(value); }
        byte IConvertible.ToByte(IFormatProvider provider) { return Convert.ToByte(value); }
        short IConvertible.ToInt16(IFormatProvider provider) { return Convert.ToInt16(value); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return Convert.ToUInt16(value); }
        int IConvertible.ToInt32(IFormatProvider provider) { return Convert.ToInt32(value); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return Convert.ToUInt32(value); }
        long IConvertible.ToInt64(IFormatProvider provider) { return Convert.ToInt64(value); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return Convert.ToUInt64(value); }
        float IConvertible.ToSingle(IFormatProvider provider) { return Convert.ToSingle(value); }
        double IConvertible.ToDouble(IFormatProvider provider) { return Convert.ToDouble(value); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { return Convert.ToDecimal(value); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { throw Convert.None("Boolean", "DateTime"); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(value, type); }
    }

    public struct SByte : IComparable, IFormattable, IConvertible, IComparable<sbyte>, IEquatable<sbyte>
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

        public static sbyte Parse(string s, IFormatProvider provider) { return Parse(s); }
        public static sbyte Parse(string s, NumberStyles style, IFormatProvider provider) { return Parse(s, style); }

        public static sbyte Parse(string s, NumberStyles style)
        {
            return (sbyte)Number.ParseStyled(s, style, MinValue, (ulong)MaxValue);
        }

        public static bool TryParse(string s, NumberStyles style, IFormatProvider provider, out sbyte result)
        {
            bool ok;
            result = (sbyte)Number.ToStyled(s, style, MinValue, (ulong)MaxValue, out ok);
            return ok;
        }

        public string ToString(IFormatProvider provider) { return ToString(); }
        public TypeCode GetTypeCode() { return TypeCode.SByte; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { return Convert.ToBoolean(value); }
        char IConvertible.ToChar(IFormatProvider provider) { return Convert.ToChar(value); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return value; }
        byte IConvertible.ToByte(IFormatProvider provider) { return Convert.ToByte(value); }
        short IConvertible.ToInt16(IFormatProvider provider) { return Convert.ToInt16(value); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return Convert.ToUInt16(value); }
        int IConvertible.ToInt32(IFormatProvider provider) { return Convert.ToInt32(value); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return Convert.ToUInt32(value); }
        long IConvertible.ToInt64(IFormatProvider provider) { return Convert.ToInt64(value); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return Convert.ToUInt64(value); }
        float IConvertible.ToSingle(IFormatProvider provider) { return Convert.ToSingle(value); }
        double IConvertible.ToDouble(IFormatProvider provider) { return Convert.ToDouble(value); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { return Convert.ToDecimal(value); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { throw Convert.None("SByte", "DateTime"); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(value, type); }
    }

    public struct Byte : IComparable, IFormattable, IConvertible, IComparable<byte>, IEquatable<byte>
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

        public static byte Parse(string s, IFormatProvider provider) { return Parse(s); }
        public static byte Parse(string s, NumberStyles style, IFormatProvider provider) { return Parse(s, style); }

        public static byte Parse(string s, NumberStyles style)
        {
            return (byte)Number.ParseStyled(s, style, 0, MaxValue);
        }

        public static bool TryParse(string s, NumberStyles style, IFormatProvider provider, out byte result)
        {
            bool ok;
            result = (byte)Number.ToStyled(s, style, 0, MaxValue, out ok);
            return ok;
        }

        public string ToString(IFormatProvider provider) { return ToString(); }
        public TypeCode GetTypeCode() { return TypeCode.Byte; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { return Convert.ToBoolean(value); }
        char IConvertible.ToChar(IFormatProvider provider) { return Convert.ToChar(value); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return Convert.ToSByte(value); }
        byte IConvertible.ToByte(IFormatProvider provider) { return value; }
        short IConvertible.ToInt16(IFormatProvider provider) { return Convert.ToInt16(value); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return Convert.ToUInt16(value); }
        int IConvertible.ToInt32(IFormatProvider provider) { return Convert.ToInt32(value); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return Convert.ToUInt32(value); }
        long IConvertible.ToInt64(IFormatProvider provider) { return Convert.ToInt64(value); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return Convert.ToUInt64(value); }
        float IConvertible.ToSingle(IFormatProvider provider) { return Convert.ToSingle(value); }
        double IConvertible.ToDouble(IFormatProvider provider) { return Convert.ToDouble(value); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { return Convert.ToDecimal(value); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { throw Convert.None("Byte", "DateTime"); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(value, type); }
    }

    public struct Int16 : IComparable, IFormattable, IConvertible, IComparable<short>, IEquatable<short>
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

        public static short Parse(string s, IFormatProvider provider) { return Parse(s); }
        public static short Parse(string s, NumberStyles style, IFormatProvider provider) { return Parse(s, style); }

        public static short Parse(string s, NumberStyles style)
        {
            return (short)Number.ParseStyled(s, style, MinValue, (ulong)MaxValue);
        }

        public static bool TryParse(string s, NumberStyles style, IFormatProvider provider, out short result)
        {
            bool ok;
            result = (short)Number.ToStyled(s, style, MinValue, (ulong)MaxValue, out ok);
            return ok;
        }

        public string ToString(IFormatProvider provider) { return ToString(); }
        public TypeCode GetTypeCode() { return TypeCode.Int16; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { return Convert.ToBoolean(value); }
        char IConvertible.ToChar(IFormatProvider provider) { return Convert.ToChar(value); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return Convert.ToSByte(value); }
        byte IConvertible.ToByte(IFormatProvider provider) { return Convert.ToByte(value); }
        short IConvertible.ToInt16(IFormatProvider provider) { return value; }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return Convert.ToUInt16(value); }
        int IConvertible.ToInt32(IFormatProvider provider) { return Convert.ToInt32(value); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return Convert.ToUInt32(value); }
        long IConvertible.ToInt64(IFormatProvider provider) { return Convert.ToInt64(value); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return Convert.ToUInt64(value); }
        float IConvertible.ToSingle(IFormatProvider provider) { return Convert.ToSingle(value); }
        double IConvertible.ToDouble(IFormatProvider provider) { return Convert.ToDouble(value); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { return Convert.ToDecimal(value); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { throw Convert.None("Int16", "DateTime"); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(value, type); }
    }

    public struct UInt16 : IComparable, IFormattable, IConvertible, IComparable<ushort>, IEquatable<ushort>
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

        public static ushort Parse(string s, IFormatProvider provider) { return Parse(s); }
        public static ushort Parse(string s, NumberStyles style, IFormatProvider provider) { return Parse(s, style); }

        public static ushort Parse(string s, NumberStyles style)
        {
            return (ushort)Number.ParseStyled(s, style, 0, MaxValue);
        }

        public static bool TryParse(string s, NumberStyles style, IFormatProvider provider, out ushort result)
        {
            bool ok;
            result = (ushort)Number.ToStyled(s, style, 0, MaxValue, out ok);
            return ok;
        }

        public string ToString(IFormatProvider provider) { return ToString(); }
        public TypeCode GetTypeCode() { return TypeCode.UInt16; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { return Convert.ToBoolean(value); }
        char IConvertible.ToChar(IFormatProvider provider) { return Convert.ToChar(value); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return Convert.ToSByte(value); }
        byte IConvertible.ToByte(IFormatProvider provider) { return Convert.ToByte(value); }
        short IConvertible.ToInt16(IFormatProvider provider) { return Convert.ToInt16(value); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return value; }
        int IConvertible.ToInt32(IFormatProvider provider) { return Convert.ToInt32(value); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return Convert.ToUInt32(value); }
        long IConvertible.ToInt64(IFormatProvider provider) { return Convert.ToInt64(value); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return Convert.ToUInt64(value); }
        float IConvertible.ToSingle(IFormatProvider provider) { return Convert.ToSingle(value); }
        double IConvertible.ToDouble(IFormatProvider provider) { return Convert.ToDouble(value); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { return Convert.ToDecimal(value); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { throw Convert.None("UInt16", "DateTime"); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(value, type); }
    }

    public struct Int32 : IComparable, IFormattable, IConvertible, IComparable<int>, IEquatable<int>
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

        public static int Parse(string s, IFormatProvider provider) { return Parse(s); }
        public static int Parse(string s, NumberStyles style, IFormatProvider provider) { return Parse(s, style); }

        public static int Parse(string s, NumberStyles style)
        {
            return (int)Number.ParseStyled(s, style, MinValue, (ulong)MaxValue);
        }

        public static bool TryParse(string s, NumberStyles style, IFormatProvider provider, out int result)
        {
            bool ok;
            result = (int)Number.ToStyled(s, style, MinValue, (ulong)MaxValue, out ok);
            return ok;
        }

        public string ToString(IFormatProvider provider) { return ToString(); }
        public TypeCode GetTypeCode() { return TypeCode.Int32; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { return Convert.ToBoolean(value); }
        char IConvertible.ToChar(IFormatProvider provider) { return Convert.ToChar(value); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return Convert.ToSByte(value); }
        byte IConvertible.ToByte(IFormatProvider provider) { return Convert.ToByte(value); }
        short IConvertible.ToInt16(IFormatProvider provider) { return Convert.ToInt16(value); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return Convert.ToUInt16(value); }
        int IConvertible.ToInt32(IFormatProvider provider) { return value; }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return Convert.ToUInt32(value); }
        long IConvertible.ToInt64(IFormatProvider provider) { return Convert.ToInt64(value); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return Convert.ToUInt64(value); }
        float IConvertible.ToSingle(IFormatProvider provider) { return Convert.ToSingle(value); }
        double IConvertible.ToDouble(IFormatProvider provider) { return Convert.ToDouble(value); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { return Convert.ToDecimal(value); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { throw Convert.None("Int32", "DateTime"); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(value, type); }
    }

    public struct UInt32 : IComparable, IFormattable, IConvertible, IComparable<uint>, IEquatable<uint>
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

        public static uint Parse(string s, IFormatProvider provider) { return Parse(s); }
        public static uint Parse(string s, NumberStyles style, IFormatProvider provider) { return Parse(s, style); }

        public static uint Parse(string s, NumberStyles style)
        {
            return (uint)Number.ParseStyled(s, style, 0, MaxValue);
        }

        public static bool TryParse(string s, NumberStyles style, IFormatProvider provider, out uint result)
        {
            bool ok;
            result = (uint)Number.ToStyled(s, style, 0, MaxValue, out ok);
            return ok;
        }

        public string ToString(IFormatProvider provider) { return ToString(); }
        public TypeCode GetTypeCode() { return TypeCode.UInt32; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { return Convert.ToBoolean(value); }
        char IConvertible.ToChar(IFormatProvider provider) { return Convert.ToChar(value); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return Convert.ToSByte(value); }
        byte IConvertible.ToByte(IFormatProvider provider) { return Convert.ToByte(value); }
        short IConvertible.ToInt16(IFormatProvider provider) { return Convert.ToInt16(value); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return Convert.ToUInt16(value); }
        int IConvertible.ToInt32(IFormatProvider provider) { return Convert.ToInt32(value); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return value; }
        long IConvertible.ToInt64(IFormatProvider provider) { return Convert.ToInt64(value); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return Convert.ToUInt64(value); }
        float IConvertible.ToSingle(IFormatProvider provider) { return Convert.ToSingle(value); }
        double IConvertible.ToDouble(IFormatProvider provider) { return Convert.ToDouble(value); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { return Convert.ToDecimal(value); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { throw Convert.None("UInt32", "DateTime"); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(value, type); }
    }

    public struct Int64 : IComparable, IFormattable, IConvertible, IComparable<long>, IEquatable<long>
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

        public static long Parse(string s, IFormatProvider provider) { return Parse(s); }
        public static long Parse(string s, NumberStyles style, IFormatProvider provider) { return Parse(s, style); }

        public static long Parse(string s, NumberStyles style)
        {
            return (long)Number.ParseStyled(s, style, MinValue, (ulong)MaxValue);
        }

        public static bool TryParse(string s, NumberStyles style, IFormatProvider provider, out long result)
        {
            bool ok;
            result = (long)Number.ToStyled(s, style, MinValue, (ulong)MaxValue, out ok);
            return ok;
        }

        public string ToString(IFormatProvider provider) { return ToString(); }
        public TypeCode GetTypeCode() { return TypeCode.Int64; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { return Convert.ToBoolean(value); }
        char IConvertible.ToChar(IFormatProvider provider) { return Convert.ToChar(value); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return Convert.ToSByte(value); }
        byte IConvertible.ToByte(IFormatProvider provider) { return Convert.ToByte(value); }
        short IConvertible.ToInt16(IFormatProvider provider) { return Convert.ToInt16(value); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return Convert.ToUInt16(value); }
        int IConvertible.ToInt32(IFormatProvider provider) { return Convert.ToInt32(value); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return Convert.ToUInt32(value); }
        long IConvertible.ToInt64(IFormatProvider provider) { return value; }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return Convert.ToUInt64(value); }
        float IConvertible.ToSingle(IFormatProvider provider) { return Convert.ToSingle(value); }
        double IConvertible.ToDouble(IFormatProvider provider) { return Convert.ToDouble(value); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { return Convert.ToDecimal(value); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { throw Convert.None("Int64", "DateTime"); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(value, type); }
    }

    public struct UInt64 : IComparable, IFormattable, IConvertible, IComparable<ulong>, IEquatable<ulong>
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

        public static ulong Parse(string s, IFormatProvider provider) { return Parse(s); }
        public static ulong Parse(string s, NumberStyles style, IFormatProvider provider) { return Parse(s, style); }

        public static ulong Parse(string s, NumberStyles style)
        {
            return Number.ParseStyled(s, style, 0, MaxValue);
        }

        public static bool TryParse(string s, NumberStyles style, IFormatProvider provider, out ulong result)
        {
            bool ok;
            result = Number.ToStyled(s, style, 0, MaxValue, out ok);
            return ok;
        }

        public string ToString(IFormatProvider provider) { return ToString(); }
        public TypeCode GetTypeCode() { return TypeCode.UInt64; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { return Convert.ToBoolean(value); }
        char IConvertible.ToChar(IFormatProvider provider) { return Convert.ToChar(value); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return Convert.ToSByte(value); }
        byte IConvertible.ToByte(IFormatProvider provider) { return Convert.ToByte(value); }
        short IConvertible.ToInt16(IFormatProvider provider) { return Convert.ToInt16(value); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return Convert.ToUInt16(value); }
        int IConvertible.ToInt32(IFormatProvider provider) { return Convert.ToInt32(value); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return Convert.ToUInt32(value); }
        long IConvertible.ToInt64(IFormatProvider provider) { return Convert.ToInt64(value); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return value; }
        float IConvertible.ToSingle(IFormatProvider provider) { return Convert.ToSingle(value); }
        double IConvertible.ToDouble(IFormatProvider provider) { return Convert.ToDouble(value); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { return Convert.ToDecimal(value); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { throw Convert.None("UInt64", "DateTime"); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(value, type); }
    }

    public partial struct Char : IComparable, IConvertible, IComparable<char>, IEquatable<char>
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

        // What characters outside of ASCII are: bits (kernel/cil/run/letters.c).
        const int Upper = 1, Lower = 2, Letter = 7, Digit = 8, Number = 24, Punctuation = 32, Symbol = 64, Space = 128;

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int KindOf(char c);
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern char CaseOf(char c, bool upper);

        static bool Is(char c, int kind) { return (KindOf(c) & kind) != 0; }
        internal static bool IsAsciiDigit(char c) { return (uint)(c - '0') < 10; }

        public static bool IsDigit(char c) { return IsAsciiDigit(c) || (c > 127 && Is(c, Digit)); }
        public static bool IsLower(char c) { return c < 128 ? (uint)(c - 'a') < 26 : Is(c, Lower); }
        public static bool IsUpper(char c) { return c < 128 ? (uint)(c - 'A') < 26 : Is(c, Upper); }
        public static bool IsLetter(char c) { return c < 128 ? (uint)((c | 32) - 'a') < 26 : Is(c, Letter); }
        public static bool IsLetterOrDigit(char c) { return IsLetter(c) || IsDigit(c); }
        public static bool IsWhiteSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c > 127 && (c == '\u0085' || Is(c, Space))); }
        public static char ToLower(char c) { return c > 127 ? CaseOf(c, false) : IsUpper(c) ? (char)(c + 32) : c; }
        public static char ToUpper(char c) { return c > 127 ? CaseOf(c, true) : IsLower(c) ? (char)(c - 32) : c; }

        public static bool IsControl(char c) { return c < ' ' || (c >= '\x7f' && c < '\xa0'); }
        public static bool IsNumber(char c) { return Is(c, Number); }
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

        public static bool IsPunctuation(char c) { return Is(c, Punctuation); }
        public static bool IsSymbol(char c) { return Is(c, Symbol); }

        public static char Parse(string s)
        {
            if (s == null)
                throw new ArgumentNullException("s");
            if (s.Length != 1)
                throw new FormatException();
            return s[0];
        }

        public string ToString(IFormatProvider provider) { return ToString(); }
        public TypeCode GetTypeCode() { return TypeCode.Char; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { throw Convert.None("Char", "Boolean"); }
        char IConvertible.ToChar(IFormatProvider provider) { return value; }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return Convert.ToSByte(value); }
        byte IConvertible.ToByte(IFormatProvider provider) { return Convert.ToByte(value); }
        short IConvertible.ToInt16(IFormatProvider provider) { return Convert.ToInt16(value); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return Convert.ToUInt16(value); }
        int IConvertible.ToInt32(IFormatProvider provider) { return Convert.ToInt32(value); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return Convert.ToUInt32(value); }
        long IConvertible.ToInt64(IFormatProvider provider) { return Convert.ToInt64(value); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return Convert.ToUInt64(value); }
        float IConvertible.ToSingle(IFormatProvider provider) { throw Convert.None("Char", "Single"); }
        double IConvertible.ToDouble(IFormatProvider provider) { throw Convert.None("Char", "Double"); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { throw Convert.None("Char", "Decimal"); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { throw Convert.None("Char", "DateTime"); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(value, type); }
    }
}

// SPDX-License-Identifier: MIT
//
// Floats of 32 and of 64 bits. Decimals.cs has their text.
using System.Globalization;

namespace System
{
    public struct Single : IFormattable, IConvertible, IComparable, IComparable<float>, IEquatable<float>
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
                throw new FormatException("Input string was not in a correct format.");
            return result;
        }

        public static bool TryParse(string s, out float result)
        {
            double d;
            bool isNumber = FloatReader.TryRead(s, true, out d);
            result = (float)d;
            return isNumber;
        }

        public static float Parse(string s, IFormatProvider provider) { return Parse(s); }
        public static float Parse(string s, NumberStyles style, IFormatProvider provider) { return Parse(s, style); }

        public static float Parse(string s, NumberStyles style)
        {
            double result;
            Number.Check(s, FloatReader.TryRead(s, style, true, out result) ? Number.Ok : Number.Malformed);
            return (float)result;
        }

        public static bool TryParse(string s, NumberStyles style, IFormatProvider provider, out float result)
        {
            double d;
            bool isNumber = FloatReader.TryRead(s, style, true, out d);
            result = (float)d;
            return isNumber;
        }

        public string ToString(IFormatProvider provider) { return ToString(); }
        public TypeCode GetTypeCode() { return TypeCode.Single; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { return Convert.ToBoolean(value); }
        char IConvertible.ToChar(IFormatProvider provider) { throw Convert.None("Single", "Char"); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return Convert.ToSByte(value); }
        byte IConvertible.ToByte(IFormatProvider provider) { return Convert.ToByte(value); }
        short IConvertible.ToInt16(IFormatProvider provider) { return Convert.ToInt16(value); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return Convert.ToUInt16(value); }
        int IConvertible.ToInt32(IFormatProvider provider) { return Convert.ToInt32(value); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return Convert.ToUInt32(value); }
        long IConvertible.ToInt64(IFormatProvider provider) { return Convert.ToInt64(value); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return Convert.ToUInt64(value); }
        float IConvertible.ToSingle(IFormatProvider provider) { return value; }
        double IConvertible.ToDouble(IFormatProvider provider) { return Convert.ToDouble(value); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { return Convert.ToDecimal(value); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { throw Convert.None("Single", "DateTime"); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(value, type); }
    }

    public struct Double : IFormattable, IConvertible, IComparable, IComparable<double>, IEquatable<double>
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
                throw new FormatException("Input string was not in a correct format.");
            return result;
        }

        public static double Parse(string s, IFormatProvider provider) { return Parse(s); }

        public static double Parse(string s, NumberStyles style, IFormatProvider provider) { return Parse(s, style); }

        public static double Parse(string s, NumberStyles style)
        {
            double result;
            Number.Check(s, FloatReader.TryRead(s, style, false, out result) ? Number.Ok : Number.Malformed);
            return result;
        }

        public static bool TryParse(string s, NumberStyles style, IFormatProvider provider, out double result)
        {
            double d;
            bool isNumber = FloatReader.TryRead(s, style, false, out d);
            result = d;
            return isNumber;
        }

        public TypeCode GetTypeCode() { return TypeCode.Double; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { return Convert.ToBoolean(value); }
        char IConvertible.ToChar(IFormatProvider provider) { throw Convert.None("Double", "Char"); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return Convert.ToSByte(value); }
        byte IConvertible.ToByte(IFormatProvider provider) { return Convert.ToByte(value); }
        short IConvertible.ToInt16(IFormatProvider provider) { return Convert.ToInt16(value); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return Convert.ToUInt16(value); }
        int IConvertible.ToInt32(IFormatProvider provider) { return Convert.ToInt32(value); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return Convert.ToUInt32(value); }
        long IConvertible.ToInt64(IFormatProvider provider) { return Convert.ToInt64(value); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return Convert.ToUInt64(value); }
        float IConvertible.ToSingle(IFormatProvider provider) { return Convert.ToSingle(value); }
        double IConvertible.ToDouble(IFormatProvider provider) { return value; }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { return Convert.ToDecimal(value); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { throw Convert.None("Double", "DateTime"); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(value, type); }
    }
}

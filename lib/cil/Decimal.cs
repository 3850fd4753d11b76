// SPDX-License-Identifier: MIT
//
// Decimal: 96 bits and a power of ten from 0 to -28, as in .NET. A result that needs more digits is rounded once, a half
// to the even neighbour.
using System.Globalization;

namespace System
{
    public enum MidpointRounding { ToEven, AwayFromZero }

    public unsafe struct Decimal : IComparable, IFormattable, IConvertible, IComparable<decimal>, IEquatable<decimal>
    {
        public const decimal Zero = 0m;
        public const decimal One = 1m;
        public const decimal MinusOne = -1m;
        public const decimal MaxValue = 79228162514264337593543950335m;
        public const decimal MinValue = -79228162514264337593543950335m;

        const int ScaleMax = 28, ScaleAt = 16, ScaleBits = 0xff, DigitsMax = 29;
        const int SmallScaleMax = 47; // a product of two words that has more is less than half of the least decimal
        const int DoubleDigits = 15, SingleDigits = 7; // that a decimal has of a float
        const int DigitsRead = 50;                     // of a text; those after them only say that there are more

        int flags; // the sign bit and the scale
        uint high, low, middle;

        // ---- Parts ----

        int Scale { get { return flags >> ScaleAt & ScaleBits; } }
        bool IsNegative { get { return flags < 0; } }
        bool IsZero { get { return (high | low | middle) == 0; } }

        void Load(uint* w) { Words.Set(w, low, middle, high); }

        static decimal Of(uint* w, int scale, bool isNegative)
        {
            decimal d = new decimal();
            d.low = w[0];
            d.middle = w[1];
            d.high = w[2];
            d.flags = scale << ScaleAt | (isNegative ? Int32.MinValue : 0);
            return d;
        }

        // Takes away digits until the number fits. `isMore`: a little more has been taken away before. Returns false if
        // there is no fraction left to take away.
        static bool TryFit(uint* w, ref int scale, bool isMore)
        {
            while (scale > ScaleMax || Words.IsTooLarge(w))
            {
                uint digit = 0;
                for (; scale > ScaleMax || Words.IsTooLarge(w); scale--)
                {
                    if (scale <= 0)
                        return false;
                    isMore |= digit != 0;
                    digit = Words.Divide(w, 10);
                }
                if (digit > 5 || (digit == 5 && (isMore || (w[0] & 1) != 0)))
                    Words.MultiplyAdd(w, 1, 1); // one that has now a bit too many ends with a 6
                isMore = false;
            }
            return true;
        }

        static decimal Fit(uint* w, int scale, bool isNegative)
        {
            if (!TryFit(w, ref scale, false))
                throw new OverflowException();
            return Of(w, scale, isNegative);
        }

        // Without zeros at the end of the fraction.
        static decimal Trim(decimal d)
        {
            uint* w = stackalloc uint[Words.Count];
            for (int scale = d.Scale; scale > 0; scale--)
            {
                d.Load(w);
                if (Words.Divide(w, 10) != 0)
                    break;
                d = Of(w, scale - 1, d.IsNegative);
            }
            return d;
        }

        // Both numbers with the larger scale, which is returned.
        static int Align(decimal a, decimal b, uint* x, uint* y)
        {
            int scale = a.Scale > b.Scale ? a.Scale : b.Scale;
            a.Load(x);
            b.Load(y);
            Words.MultiplyByTens(x, scale - a.Scale);
            Words.MultiplyByTens(y, scale - b.Scale);
            return scale;
        }

        // ---- Making ----

        public Decimal(int value) : this((long)value) { }
        public Decimal(uint value) : this((ulong)value) { }
        public Decimal(float value) { this = FromFloat(value, SingleDigits); }
        public Decimal(double value) { this = FromFloat(value, DoubleDigits); }

        public Decimal(ulong value)
        {
            flags = 0;
            low = (uint)value;
            middle = (uint)(value >> 32);
            high = 0;
        }

        public Decimal(long value) : this(value < 0 ? 0 - (ulong)value : (ulong)value)
        {
            flags = value < 0 ? Int32.MinValue : 0;
        }

        public Decimal(int lo, int mid, int hi, bool isNegative, byte scale)
        {
            if (scale > ScaleMax)
                throw new ArgumentOutOfRangeException("scale");
            flags = scale << ScaleAt | (isNegative ? Int32.MinValue : 0);
            low = (uint)lo;
            middle = (uint)mid;
            high = (uint)hi;
        }

        public Decimal(int[] bits)
        {
            if (bits == null)
                throw new ArgumentNullException("bits");
            if (bits.Length != 4 || (bits[3] & ~(Int32.MinValue | ScaleBits << ScaleAt)) != 0
                || (bits[3] >> ScaleAt & ScaleBits) > ScaleMax)
                throw new ArgumentException("These are not the parts of a decimal.");
            low = (uint)bits[0];
            middle = (uint)bits[1];
            high = (uint)bits[2];
            flags = bits[3];
        }

        public static int[] GetBits(decimal d) { return new int[] { (int)d.low, (int)d.middle, (int)d.high, d.flags }; }

        // The digits that a float of this kind has for certain, without zeros at the end.
        static decimal FromFloat(double value, int count)
        {
            if (Double.IsNaN(value) || Double.IsInfinity(value))
                throw new OverflowException();
            Decimals d = Decimals.Of(value);
            count = d.Point + ScaleMax < count ? d.Point + ScaleMax : count;
            if (d.Point > DigitsMax)
                throw new OverflowException();
            if (count < 0 || d.Digits.Length == 0)
                return Zero;
            ulong kept = 0;
            for (int n = 0; n < count; n++)
                kept = 10 * kept + (n < d.Digits.Length ? (ulong)(d.Digits[n] - '0') : 0);
            char next = count < d.Digits.Length ? d.Digits[count] : '0';
            if (next > '5' || (next == '5' && (d.Digits.Length > count + 1 || (kept & 1) != 0)))
                kept++;
            uint* w = stackalloc uint[Words.Count];
            Words.Set(w, (uint)kept, (uint)(kept >> 32), 0);
            int scale = count - d.Point;
            Words.MultiplyByTens(w, -scale);
            return Trim(Fit(w, scale < 0 ? 0 : scale, d.IsNegative));
        }

        // ---- Arithmetic ----

        static decimal Sum(decimal a, decimal b)
        {
            uint* x = stackalloc uint[Words.Count];
            uint* y = stackalloc uint[Words.Count];
            int scale = Align(a, b, x, y);
            if (a.IsNegative == b.IsNegative)
            {
                Words.Add(x, y);
                return Fit(x, scale, a.IsNegative);
            }
            if (Words.Compare(x, y) < 0)
            {
                Words.Subtract(y, x);
                return Fit(y, scale, b.IsNegative);
            }
            Words.Subtract(x, y);
            return Fit(x, scale, a.IsNegative);
        }

        public static decimal Add(decimal a, decimal b) { return Sum(a, b); }
        public static decimal Subtract(decimal a, decimal b) { return Sum(a, Negate(b)); }

        public static decimal Negate(decimal d)
        {
            d.flags ^= Int32.MinValue;
            return d;
        }

        public static decimal Multiply(decimal a, decimal b)
        {
            uint* x = stackalloc uint[Words.Count];
            uint* y = stackalloc uint[Words.Count];
            uint* product = stackalloc uint[Words.Count];
            a.Load(x);
            b.Load(y);
            Words.Multiply(product, x, y);
            bool areSmall = (a.high | a.middle | b.high | b.middle) == 0;
            if (areSmall ? a.Scale + b.Scale > SmallScaleMax : Words.IsZero(product))
                return Zero; // .NET keeps the scale of other zeros
            return Fit(product, a.Scale + b.Scale, a.IsNegative != b.IsNegative);
        }

        // One more digit of the quotient. Returns false if it would not fit: then nothing has changed.
        static bool Lengthen(uint* quotient, uint* rest, uint* divisor)
        {
            uint digit = 0;
            Words.MultiplyAdd(rest, 10, 0);
            for (; Words.Compare(rest, divisor) >= 0; digit++)
                Words.Subtract(rest, divisor);
            Words.MultiplyAdd(quotient, 10, digit);
            if (!Words.IsTooLarge(quotient))
                return true;
            Words.Divide(quotient, 10);
            for (; digit > 0; digit--)
                Words.Add(rest, divisor);
            Words.Divide(rest, 10);
            return false;
        }

        public static decimal Divide(decimal a, decimal b)
        {
            if (b.IsZero)
                throw new DivideByZeroException();
            uint* rest = stackalloc uint[Words.Count];
            uint* divisor = stackalloc uint[Words.Count];
            uint* quotient = stackalloc uint[Words.Count];
            a.Load(rest);
            b.Load(divisor);
            Words.DivideLong(rest, divisor, quotient);
            int scale = a.Scale - b.Scale;
            bool isExact = Words.IsZero(rest);
            while (scale < 0 || (scale < ScaleMax && !Words.IsZero(rest)))
            {
                if (Lengthen(quotient, rest, divisor))
                    scale++;
                else if (scale < 0)
                    throw new OverflowException();
                else
                    break;
            }
            Words.MultiplyAdd(rest, 2, 0);
            int order = Words.Compare(rest, divisor);
            if (order > 0 || (order == 0 && (quotient[0] & 1) != 0))
                Words.MultiplyAdd(quotient, 1, 1);
            decimal d = Fit(quotient, scale, a.IsNegative != b.IsNegative);
            return isExact ? d : Trim(d);
        }

        public static decimal Remainder(decimal a, decimal b)
        {
            if (b.IsZero)
                throw new DivideByZeroException();
            uint* rest = stackalloc uint[Words.Count];
            uint* divisor = stackalloc uint[Words.Count];
            uint* quotient = stackalloc uint[Words.Count];
            int scale = Align(a, b, rest, divisor);
            if (Words.Compare(rest, divisor) < 0)
                return a;
            Words.DivideLong(rest, divisor, quotient);
            return Fit(rest, scale, a.IsNegative);
        }

        // With at most this scale. `away`: of a fraction, in tenths, that makes the number larger. 11: none does.
        static decimal Shorten(decimal d, int scale, int away, bool isToEven)
        {
            uint* w = stackalloc uint[Words.Count];
            uint digit = 0;
            bool isMore = false;
            d.Load(w);
            int at = d.Scale;
            if (at <= scale)
                return d;
            for (; at > scale; at--)
            {
                isMore |= digit != 0;
                digit = Words.Divide(w, 10);
            }
            bool isHalf = isToEven && digit == 5 && !isMore;
            bool grows = isHalf ? (w[0] & 1) != 0 : digit >= away || (away == 1 && isMore);
            Words.MultiplyAdd(w, 1, grows ? 1u : 0);
            return Of(w, scale, d.IsNegative);
        }

        public static decimal Truncate(decimal d) { return Shorten(d, 0, 11, false); }
        public static decimal Floor(decimal d) { return Shorten(d, 0, d.IsNegative ? 1 : 11, false); }
        public static decimal Ceiling(decimal d) { return Shorten(d, 0, d.IsNegative ? 11 : 1, false); }
        public static decimal Round(decimal d) { return Round(d, 0, MidpointRounding.ToEven); }
        public static decimal Round(decimal d, int places) { return Round(d, places, MidpointRounding.ToEven); }
        public static decimal Round(decimal d, MidpointRounding mode) { return Round(d, 0, mode); }

        public static decimal Round(decimal d, int places, MidpointRounding mode)
        {
            if (places < 0 || places > ScaleMax)
                throw new ArgumentOutOfRangeException("places");
            if (mode != MidpointRounding.ToEven && mode != MidpointRounding.AwayFromZero)
                throw new ArgumentException("There is no such way to round.");
            return Shorten(d, places, 5, mode == MidpointRounding.ToEven);
        }

        public static decimal operator +(decimal d) { return d; }
        public static decimal operator -(decimal d) { return Negate(d); }
        public static decimal operator ++(decimal d) { return Add(d, One); }
        public static decimal operator --(decimal d) { return Subtract(d, One); }
        public static decimal operator +(decimal a, decimal b) { return Add(a, b); }
        public static decimal operator -(decimal a, decimal b) { return Subtract(a, b); }
        public static decimal operator *(decimal a, decimal b) { return Multiply(a, b); }
        public static decimal operator /(decimal a, decimal b) { return Divide(a, b); }
        public static decimal operator %(decimal a, decimal b) { return Remainder(a, b); }

        // ---- Order ----

        public static int Compare(decimal a, decimal b)
        {
            uint* x = stackalloc uint[Words.Count];
            uint* y = stackalloc uint[Words.Count];
            if (a.IsZero && b.IsZero)
                return 0;
            if (a.IsNegative != b.IsNegative)
                return a.IsZero ? (b.IsNegative ? 1 : -1) : a.IsNegative ? -1 : 1;
            Align(a, b, x, y);
            return a.IsNegative ? Words.Compare(y, x) : Words.Compare(x, y);
        }

        public int CompareTo(decimal other) { return Compare(this, other); }
        public bool Equals(decimal other) { return Compare(this, other) == 0; }
        public override bool Equals(object other) { return other is decimal && Equals((decimal)other); }
        public static bool Equals(decimal a, decimal b) { return Compare(a, b) == 0; }

        public int CompareTo(object other)
        {
            if (other != null && !(other is decimal))
                throw new ArgumentException("The other value is no decimal.");
            return other == null ? 1 : CompareTo((decimal)other);
        }

        // The same for 1.0 and 1.00.
        public override int GetHashCode()
        {
            decimal d = Trim(this);
            return IsZero ? 0 : (int)(d.low ^ d.middle ^ d.high) ^ d.flags;
        }

        public static bool operator ==(decimal a, decimal b) { return Compare(a, b) == 0; }
        public static bool operator !=(decimal a, decimal b) { return Compare(a, b) != 0; }
        public static bool operator <(decimal a, decimal b) { return Compare(a, b) < 0; }
        public static bool operator >(decimal a, decimal b) { return Compare(a, b) > 0; }
        public static bool operator <=(decimal a, decimal b) { return Compare(a, b) <= 0; }
        public static bool operator >=(decimal a, decimal b) { return Compare(a, b) >= 0; }

        // ---- Other types ----

        public static implicit operator decimal(byte n) { return new decimal((ulong)n); }
        public static implicit operator decimal(sbyte n) { return new decimal((long)n); }
        public static implicit operator decimal(short n) { return new decimal((long)n); }
        public static implicit operator decimal(ushort n) { return new decimal((ulong)n); }
        public static implicit operator decimal(char n) { return new decimal((ulong)n); }
        public static implicit operator decimal(int n) { return new decimal((long)n); }
        public static implicit operator decimal(uint n) { return new decimal((ulong)n); }
        public static implicit operator decimal(long n) { return new decimal(n); }
        public static implicit operator decimal(ulong n) { return new decimal(n); }
        public static explicit operator decimal(float f) { return FromFloat(f, SingleDigits); }
        public static explicit operator decimal(double d) { return FromFloat(d, DoubleDigits); }
        public static explicit operator byte(decimal d) { return ToByte(d); }
        public static explicit operator sbyte(decimal d) { return ToSByte(d); }
        public static explicit operator short(decimal d) { return ToInt16(d); }
        public static explicit operator ushort(decimal d) { return ToUInt16(d); }
        public static explicit operator char(decimal d) { return (char)ToUInt16(d); }
        public static explicit operator int(decimal d) { return ToInt32(d); }
        public static explicit operator uint(decimal d) { return ToUInt32(d); }
        public static explicit operator long(decimal d) { return ToInt64(d); }
        public static explicit operator ulong(decimal d) { return ToUInt64(d); }
        public static explicit operator float(decimal d) { return ToSingle(d); }
        public static explicit operator double(decimal d) { return ToDouble(d); }

        // Without the fraction.
        static long ToInteger(decimal d, long least, long most)
        {
            d = Truncate(d);
            ulong size = (ulong)d.middle << 32 | d.low;
            if (d.high != 0 || size > (d.IsNegative ? 0 - (ulong)least : (ulong)most))
                throw new OverflowException();
            return d.IsNegative ? (long)(0 - size) : (long)size;
        }

        public static byte ToByte(decimal d) { return (byte)ToInteger(d, 0, Byte.MaxValue); }
        public static sbyte ToSByte(decimal d) { return (sbyte)ToInteger(d, SByte.MinValue, SByte.MaxValue); }
        public static short ToInt16(decimal d) { return (short)ToInteger(d, Int16.MinValue, Int16.MaxValue); }
        public static ushort ToUInt16(decimal d) { return (ushort)ToInteger(d, 0, UInt16.MaxValue); }
        public static int ToInt32(decimal d) { return (int)ToInteger(d, Int32.MinValue, Int32.MaxValue); }
        public static uint ToUInt32(decimal d) { return (uint)ToInteger(d, 0, UInt32.MaxValue); }
        public static long ToInt64(decimal d) { return ToInteger(d, Int64.MinValue, Int64.MaxValue); }
        public static ulong ToUInt64(decimal d) { return (ulong)ToInteger(d, 0, -1); }
        public static float ToSingle(decimal d) { return (float)ToDouble(d); }

        static double PowerOfTen(int n)
        {
            double power = 1;
            switch (n)
            {
            case 23: return 1e23;
            case 24: return 1e24;
            case 25: return 1e25;
            case 26: return 1e26;
            case 27: return 1e27;
            case 28: return 1e28;
            }
            for (; n > 0; n--)
                power *= 10; // exact up to 10^22
            return power;
        }

        public static double ToDouble(decimal d)
        {
            double value = ((ulong)d.middle << 32 | d.low) + d.high * 18446744073709551616.0;
            value /= PowerOfTen(d.Scale);
            return d.IsNegative ? -value : value;
        }

        public TypeCode GetTypeCode() { return TypeCode.Decimal; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { return Convert.ToBoolean(this); }
        char IConvertible.ToChar(IFormatProvider provider) { throw Convert.None("Decimal", "Char"); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return Convert.ToSByte(this); }
        byte IConvertible.ToByte(IFormatProvider provider) { return Convert.ToByte(this); }
        short IConvertible.ToInt16(IFormatProvider provider) { return Convert.ToInt16(this); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return Convert.ToUInt16(this); }
        int IConvertible.ToInt32(IFormatProvider provider) { return Convert.ToInt32(this); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return Convert.ToUInt32(this); }
        long IConvertible.ToInt64(IFormatProvider provider) { return Convert.ToInt64(this); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return Convert.ToUInt64(this); }
        float IConvertible.ToSingle(IFormatProvider provider) { return ToSingle(this); }
        double IConvertible.ToDouble(IFormatProvider provider) { return ToDouble(this); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { return this; }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { throw Convert.None("Decimal", "DateTime"); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(this, type); }

        // ---- Text ----

        string DigitsOf()
        {
            uint* w = stackalloc uint[Words.Count];
            char* digits = stackalloc char[DigitsMax];
            int at = DigitsMax;
            Load(w);
            do
                digits[--at] = (char)('0' + (int)Words.Divide(w, 10));
            while (!Words.IsZero(w));
            return String.From(digits + at, DigitsMax - at);
        }

        // All digits of the fraction, zeros too.
        public override string ToString()
        {
            string digits = DigitsOf();
            int scale = Scale;
            if (digits.Length <= scale)
                digits = String.Concat(String.Repeat('0', scale + 1 - digits.Length), digits);
            if (scale > 0)
                digits = String.Concat(digits.Substring(0, digits.Length - scale), ".", digits.Substring(digits.Length - scale));
            return IsNegative && !IsZero ? String.Concat("-", digits) : digits;
        }

        public string ToString(string format)
        {
            if (format == null || format.Length == 0 || format == "G" || format == "g" || format == "G0")
                return ToString();
            char kind = Char.ToUpper(format[0]);
            bool isOneLetter = format.Length == 1 || Char.IsAsciiDigit(format[1]);
            if (isOneLetter && (kind == 'D' || kind == 'X' || kind == 'R'))
                throw new FormatException();
            string digits = DigitsOf();
            return new Decimals(IsNegative, digits, digits.Length - Scale).Format(format);
        }

        public string ToString(IFormatProvider provider) { return ToString(); }
        public string ToString(string format, IFormatProvider provider) { return ToString(format); }

        static int TryRead(string s, NumberStyles style, out decimal result)
        {
            NumberText text;
            if ((style & ~NumberStyles.Any) != 0)
                throw new ArgumentException("There is no such style of a decimal.");
            result = Zero;
            if (!NumberText.TryRead(s, style, out text))
                return Number.Malformed;
            int count = text.Digits.Length, power = text.Power;
            if (count > 0 && count + power > DigitsMax)
                return Number.TooLarge;
            if (count + power < -DigitsMax)
                count = 0;
            uint* w = stackalloc uint[Words.Count];
            Words.Set(w, 0, 0, 0);
            bool isMore = false;
            for (int n = 0; n < count; n++)
            {
                if (n < DigitsRead)
                    Words.MultiplyAdd(w, 10, (uint)(text.Digits[n] - '0'));
                else
                {
                    isMore |= text.Digits[n] != '0';
                    power++;
                }
            }
            if (Words.IsZero(w))
                power = power < -ScaleMax ? -ScaleMax : power > 0 ? 0 : power;
            Words.MultiplyByTens(w, power);
            int scale = power > 0 ? 0 : -power;
            if (!TryFit(w, ref scale, isMore))
                return Number.TooLarge;
            result = Of(w, scale, text.IsNegative);
            return Number.Ok;
        }

        public static decimal Parse(string s) { return Parse(s, NumberStyles.Number); }
        public static decimal Parse(string s, IFormatProvider provider) { return Parse(s, NumberStyles.Number); }
        public static decimal Parse(string s, NumberStyles style, IFormatProvider provider) { return Parse(s, style); }

        public static decimal Parse(string s, NumberStyles style)
        {
            decimal result;
            Number.Check(s, TryRead(s, style, out result));
            return result;
        }

        public static bool TryParse(string s, out decimal result)
        {
            return TryRead(s, NumberStyles.Number, out result) == Number.Ok;
        }

        public static bool TryParse(string s, NumberStyles style, IFormatProvider provider, out decimal result)
        {
            return TryRead(s, style, out result) == Number.Ok;
        }
    }

    public static partial class Math
    {
        public static decimal Abs(decimal d) { return d < 0m ? -d : d; }
        public static decimal Min(decimal a, decimal b) { return a < b ? a : b; }
        public static decimal Max(decimal a, decimal b) { return a > b ? a : b; }
        public static int Sign(decimal d) { return Decimal.Compare(d, 0m); }
        public static decimal Floor(decimal d) { return Decimal.Floor(d); }
        public static decimal Ceiling(decimal d) { return Decimal.Ceiling(d); }
        public static decimal Truncate(decimal d) { return Decimal.Truncate(d); }
        public static decimal Round(decimal d) { return Decimal.Round(d); }
        public static decimal Round(decimal d, int places) { return Decimal.Round(d, places); }
        public static decimal Round(decimal d, MidpointRounding mode) { return Decimal.Round(d, mode); }
        public static decimal Round(decimal d, int places, MidpointRounding mode) { return Decimal.Round(d, places, mode); }
    }
}

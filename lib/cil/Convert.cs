// SPDX-License-Identifier: MIT
//
// What conversions have in common, numbers in other bases, and numbers as bytes.
namespace System
{
    public class EventArgs
    {
        public static readonly EventArgs Empty = new EventArgs();
    }

    public delegate void EventHandler(object sender, EventArgs e);
    public delegate void EventHandler<T>(object sender, T e);

    // The value is made when it is first wanted.
    public class Lazy<T>
    {
        Func<T> make;
        T value;

        public Lazy(Func<T> make)
        {
            if (make == null)
                throw new ArgumentNullException("make");
            this.make = make;
        }

        public Lazy(Func<T> make, bool isThreadSafe) : this(make) { }
        public bool IsValueCreated { get { return make == null; } }

        public T Value
        {
            get
            {
                if (make != null)
                {
                    value = make();
                    make = null;
                }
                return value;
            }
        }
    }

    // The numbers are .NET's.
    public enum TypeCode
    {
        Empty, Object, DBNull, Boolean, Char, SByte, Byte, Int16, UInt16, Int32, UInt32, Int64, UInt64, Single, Double, Decimal,
        DateTime, String = 18,
    }

    public interface IConvertible
    {
        TypeCode GetTypeCode();
        bool ToBoolean(IFormatProvider provider);
        char ToChar(IFormatProvider provider);
        sbyte ToSByte(IFormatProvider provider);
        byte ToByte(IFormatProvider provider);
        short ToInt16(IFormatProvider provider);
        ushort ToUInt16(IFormatProvider provider);
        int ToInt32(IFormatProvider provider);
        uint ToUInt32(IFormatProvider provider);
        long ToInt64(IFormatProvider provider);
        ulong ToUInt64(IFormatProvider provider);
        float ToSingle(IFormatProvider provider);
        double ToDouble(IFormatProvider provider);
        decimal ToDecimal(IFormatProvider provider);
        DateTime ToDateTime(IFormatProvider provider);
        string ToString(IFormatProvider provider);
        object ToType(Type type, IFormatProvider provider);
    }

    public static partial class Convert
    {
        internal static Exception None(string from, string to)
        {
            return new InvalidCastException(String.Concat("A ", from, String.Concat(" is not converted to a ", to, ".")));
        }

        // Rounds to the nearest integer; of two, to the even one.
        static long Round(double d, long least, long most)
        {
            double r = Math.Round(d);
            if (!(r >= least && r <= most) || r >= 9223372036854775808.0)
                throw new OverflowException();
            return (long)r;
        }

        static ulong RoundUnsigned(double d)
        {
            double r = Math.Round(d);
            if (!(r >= 0 && r < 18446744073709551616.0))
                throw new OverflowException();
            return (ulong)r;
        }

        public static TypeCode GetTypeCode(object o)
        {
            IConvertible value = o as IConvertible;
            return o == null ? TypeCode.Empty : value == null ? TypeCode.Object : value.GetTypeCode();
        }

        static object ToCode(IConvertible value, TypeCode code)
        {
            switch (code)
            {
            case TypeCode.Boolean: return value.ToBoolean(null);
            case TypeCode.Char: return value.ToChar(null);
            case TypeCode.SByte: return value.ToSByte(null);
            case TypeCode.Byte: return value.ToByte(null);
            case TypeCode.Int16: return value.ToInt16(null);
            case TypeCode.UInt16: return value.ToUInt16(null);
            case TypeCode.Int32: return value.ToInt32(null);
            case TypeCode.UInt32: return value.ToUInt32(null);
            case TypeCode.Int64: return value.ToInt64(null);
            case TypeCode.UInt64: return value.ToUInt64(null);
            case TypeCode.Single: return value.ToSingle(null);
            case TypeCode.Double: return value.ToDouble(null);
            case TypeCode.Decimal: return value.ToDecimal(null);
            case TypeCode.DateTime: return value.ToDateTime(null);
            case TypeCode.String: return value.ToString(null);
            case TypeCode.Object: return value;
            default: throw new InvalidCastException();
            }
        }

        // To a simple type or a string; nothing else is converted to an enumeration.
        internal static object ToType(IConvertible value, Type type)
        {
            if (type == null)
                throw new ArgumentNullException("type");
            if (value.GetType() == type || type == typeof(object))
                return value;
            TypeCode code = Type.GetTypeCode(type);
            if (code == TypeCode.Object || type.IsEnum)
                throw None(value.GetType().Name, type.Name);
            return ToCode(value, code);
        }

        public static object ChangeType(object o, Type type)
        {
            IConvertible value = o as IConvertible;
            if (type == null)
                throw new ArgumentNullException("type");
            if (value != null)
                return value.ToType(type, null);
            if (o == null ? type.IsValueType : o.GetType() != type)
                throw new InvalidCastException();
            return o;
        }

        public static object ChangeType(object o, Type type, IFormatProvider provider) { return ChangeType(o, type); }

        public static object ChangeType(object o, TypeCode code)
        {
            IConvertible value = o as IConvertible;
            if (o == null && (code == TypeCode.Empty || code == TypeCode.String || code == TypeCode.Object))
                return null;
            if (value == null)
                throw new InvalidCastException();
            return ToCode(value, code);
        }

        public static object ChangeType(object o, TypeCode code, IFormatProvider provider) { return ChangeType(o, code); }
        public static DateTime ToDateTime(DateTime value) { return value; }
        public static DateTime ToDateTime(object o) { return o == null ? DateTime.MinValue : ((IConvertible)o).ToDateTime(null); }

        public static string ToString(object o, IFormatProvider provider) { return ToString(o); }
        public static string ToString(object o) { return o == null ? "" : o.ToString(); }

        // ---- In other bases ----

        static void CheckBase(int radix)
        {
            if (radix != 2 && radix != 8 && radix != 10 && radix != 16)
                throw new ArgumentException("The base is not 2, 8, 10 or 16.");
        }

        static string InBase(ulong value, int radix)
        {
            string digits = "";
            do
            {
                digits = String.Concat("0123456789abcdef"[(int)(value % (uint)radix)].ToString(), digits);
                value /= (uint)radix;
            } while (value != 0);
            return digits;
        }

        public static string ToString(int n, int radix)
        {
            CheckBase(radix);
            return radix == 10 ? n.ToString() : InBase((uint)n, radix);
        }

        public static string ToString(long n, int radix)
        {
            CheckBase(radix);
            return radix == 10 ? n.ToString() : InBase((ulong)n, radix);
        }

        static ulong FromBase(string s, int radix, ulong most)
        {
            int at = radix == 16 && s.Length > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 2 : 0;
            ulong value = 0;
            if (at == s.Length)
                throw new ArgumentOutOfRangeException("s");
            for (; at < s.Length; at++)
            {
                int digit = "0123456789abcdef".IndexOf(Char.ToLower(s[at]));
                if (digit < 0 || digit >= radix)
                    throw new FormatException();
                if (value > (most - (uint)digit) / (uint)radix)
                    throw new OverflowException();
                value = value * (uint)radix + (uint)digit;
            }
            return value;
        }

        public static int ToInt32(string s, int radix)
        {
            CheckBase(radix);
            return s == null ? 0 : radix == 10 ? Int32.Parse(s) : (int)(uint)FromBase(s, radix, UInt32.MaxValue);
        }

        public static long ToInt64(string s, int radix)
        {
            CheckBase(radix);
            return s == null ? 0 : radix == 10 ? Int64.Parse(s) : (long)FromBase(s, radix, UInt64.MaxValue);
        }
    }

    public static unsafe partial class BitConverter
    {
        public static readonly bool IsLittleEndian = true;

        public static long DoubleToInt64Bits(double d) { return *(long*)&d; }
        public static double Int64BitsToDouble(long bits) { return *(double*)&bits; }

        static byte[] Bytes(ulong value, int count)
        {
            byte[] bytes = new byte[count];
            for (int n = 0; n < count; n++)
                bytes[n] = (byte)(value >> 8 * n);
            return bytes;
        }

        public static byte[] GetBytes(short n) { return Bytes((ulong)n, 2); }
        public static byte[] GetBytes(int n) { return Bytes((ulong)n, 4); }
        public static byte[] GetBytes(uint n) { return Bytes(n, 4); }
        public static byte[] GetBytes(long n) { return Bytes((ulong)n, 8); }
        public static byte[] GetBytes(double d) { return GetBytes(DoubleToInt64Bits(d)); }

        // "0A-FF"
        public static string ToString(byte[] value)
        {
            if (value == null)
                throw new ArgumentNullException("value");
            Text.StringBuilder text = new Text.StringBuilder(3 * value.Length);
            for (int n = 0; n < value.Length; n++)
                text.Append(n == 0 ? "" : "-").Append("0123456789ABCDEF"[value[n] >> 4]).Append("0123456789ABCDEF"[value[n] & 15]);
            return text.ToString();
        }

        static ulong Value(byte[] bytes, int at, int count)
        {
            if (bytes == null)
                throw new ArgumentNullException("bytes");
            if (at < 0 || at >= bytes.Length)
                throw new ArgumentOutOfRangeException("at");
            if (at > bytes.Length - count)
                throw new ArgumentException("The array has too few bytes.");
            ulong value = 0;
            for (int n = 0; n < count; n++)
                value |= (ulong)bytes[at + n] << 8 * n;
            return value;
        }

        public static short ToInt16(byte[] bytes, int at) { return (short)Value(bytes, at, 2); }
        public static int ToInt32(byte[] bytes, int at) { return (int)Value(bytes, at, 4); }
        public static uint ToUInt32(byte[] bytes, int at) { return (uint)Value(bytes, at, 4); }
        public static long ToInt64(byte[] bytes, int at) { return (long)Value(bytes, at, 8); }
        public static double ToDouble(byte[] bytes, int at) { return Int64BitsToDouble(ToInt64(bytes, at)); }
    }
}

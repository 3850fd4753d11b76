// SPDX-License-Identifier: MIT
//
// Conversions between simple types, by their values and by their text.
namespace System
{
    public interface IConvertible { }

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

    public static class Convert
    {
        static Exception NoConversion(object o)
        {
            return new InvalidCastException(String.Concat("A ", o.GetType().Name, " cannot be converted."));
        }

        // Rounds to the nearest integer; of two, to the even one.
        static long Round(double d, long least, long most)
        {
            double r = Math.Round(d);
            if (!(r >= least && r <= most) || r >= 9223372036854775808.0)
                throw new OverflowException();
            return (long)r;
        }

        static long Check(long n, long least, long most)
        {
            if (n < least || n > most)
                throw new OverflowException();
            return n;
        }

        static long ToInteger(object o, long least, long most)
        {
            if (o == null)
                return 0;
            string s = o as string;
            if (s != null)
                return Number.ParseSigned(s, least, most);
            if (o is double || o is float)
                return Round(ToDouble(o), least, most);
            if (o is ulong)
                return Check(checked((long)(ulong)o), least, most);
            return Check(o is int ? (int)o : o is long ? (long)o : o is bool ? ((bool)o ? 1 : 0) : o is char ? (char)o
                         : o is byte ? (byte)o : o is sbyte ? (sbyte)o : o is short ? (short)o : o is ushort ? (ushort)o
                         : o is uint ? (uint)o : FromEnum(o), least, most);
        }

        static long FromEnum(object o)
        {
            if (!(o is Enum))
                throw NoConversion(o);
            return ((Enum)o).Value;
        }

        public static int ToInt32(object o) { return (int)ToInteger(o, Int32.MinValue, Int32.MaxValue); }
        public static int ToInt32(string s) { return s == null ? 0 : Int32.Parse(s); }
        public static int ToInt32(double d) { return (int)Round(d, Int32.MinValue, Int32.MaxValue); }
        public static int ToInt32(float f) { return ToInt32((double)f); }
        public static int ToInt32(long n) { return checked((int)n); }
        public static int ToInt32(uint n) { return checked((int)n); }
        public static int ToInt32(ulong n) { return checked((int)n); }
        public static int ToInt32(int n) { return n; }
        public static int ToInt32(bool b) { return b ? 1 : 0; }
        public static int ToInt32(char c) { return c; }
        public static int ToInt32(byte n) { return n; }
        public static long ToInt64(object o) { return ToInteger(o, Int64.MinValue, Int64.MaxValue); }
        public static long ToInt64(string s) { return s == null ? 0 : Int64.Parse(s); }
        public static long ToInt64(double d) { return Round(d, Int64.MinValue, Int64.MaxValue); }
        public static long ToInt64(int n) { return n; }
        public static short ToInt16(object o) { return (short)ToInteger(o, Int16.MinValue, Int16.MaxValue); }
        public static short ToInt16(string s) { return s == null ? (short)0 : Int16.Parse(s); }
        public static byte ToByte(object o) { return (byte)ToInteger(o, 0, Byte.MaxValue); }
        public static byte ToByte(string s) { return s == null ? (byte)0 : Byte.Parse(s); }
        public static byte ToByte(int n) { return checked((byte)n); }
        public static byte ToByte(char c) { return checked((byte)c); }
        public static uint ToUInt32(object o) { return (uint)ToInteger(o, 0, UInt32.MaxValue); }
        public static uint ToUInt32(string s) { return s == null ? 0 : UInt32.Parse(s); }
        public static uint ToUInt32(int n) { return checked((uint)n); }
        public static ulong ToUInt64(string s) { return s == null ? 0 : UInt64.Parse(s); }
        public static char ToChar(int n) { return checked((char)n); }
        public static char ToChar(string s) { return Char.Parse(s); }

        public static double ToDouble(object o)
        {
            string s = o as string;
            return o == null ? 0 : s != null ? Double.Parse(s) : o is double ? (double)o : o is float ? (float)o
                   : o is ulong ? (double)(ulong)o : ToInteger(o, Int64.MinValue, Int64.MaxValue);
        }

        public static double ToDouble(string s) { return s == null ? 0 : Double.Parse(s); }
        public static double ToDouble(int n) { return n; }
        public static double ToDouble(long n) { return n; }
        public static double ToDouble(float f) { return f; }
        public static float ToSingle(object o) { return o is float ? (float)o : (float)ToDouble(o); }
        public static float ToSingle(string s) { return s == null ? 0 : Single.Parse(s); }

        public static bool ToBoolean(string s) { return s != null && Boolean.Parse(s); }
        public static bool ToBoolean(int n) { return n != 0; }

        public static bool ToBoolean(object o)
        {
            string s = o as string;
            return s != null ? ToBoolean(s) : o != null && (o is double || o is float ? ToDouble(o) != 0
                                                            : ToInteger(o, Int64.MinValue, Int64.MaxValue) != 0);
        }

        public static string ToString(object o) { return o == null ? "" : o.ToString(); }
        public static string ToString(string s) { return s; }
        public static string ToString(int n) { return n.ToString(); }
        public static string ToString(long n) { return n.ToString(); }
        public static string ToString(bool b) { return b.ToString(); }
        public static string ToString(char c) { return c.ToString(); }
        public static string ToString(double d) { return d.ToString(); }

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

    public static unsafe class BitConverter
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

    public abstract partial class Enum
    {
        internal long Value { get { return GetNumber(); } }
    }
}

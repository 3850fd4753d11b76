// SPDX-License-Identifier: MIT
//
// Conversions to and from text: in other bases, in base 64, and numbers as bytes.
using System.Text;

namespace System
{
    [Flags]
    public enum Base64FormattingOptions { None = 0, InsertLineBreaks = 1 }

    public static partial class Convert
    {
        public static string ToString(bool value) { return value.ToString(); }
        public static string ToString(bool value, IFormatProvider provider) { return value.ToString(); }
        public static string ToString(char value) { return value.ToString(); }
        public static string ToString(char value, IFormatProvider provider) { return value.ToString(); }
        public static string ToString(int value) { return value.ToString(); }
        public static string ToString(int value, IFormatProvider provider) { return value.ToString(); }
        public static string ToString(long value) { return value.ToString(); }
        public static string ToString(long value, IFormatProvider provider) { return value.ToString(); }
        public static string ToString(ulong value) { return value.ToString(); }
        public static string ToString(ulong value, IFormatProvider provider) { return value.ToString(); }
        public static string ToString(float value) { return value.ToString(); }
        public static string ToString(float value, IFormatProvider provider) { return value.ToString(); }
        public static string ToString(double value) { return value.ToString(); }
        public static string ToString(double value, IFormatProvider provider) { return value.ToString(); }
        public static string ToString(decimal value) { return value.ToString(); }
        public static string ToString(decimal value, IFormatProvider provider) { return value.ToString(); }
        public static string ToString(DateTime value) { return value.ToString(); }
        public static string ToString(DateTime value, IFormatProvider provider) { return value.ToString(); }
        public static string ToString(string value) { return value; }
        public static string ToString(string value, IFormatProvider provider) { return value; }
        public static DateTime ToDateTime(string value) { return value == null ? DateTime.MinValue : DateTime.Parse(value); }
        public static DateTime ToDateTime(string value, IFormatProvider provider) { return ToDateTime(value); }
        public static DateTime ToDateTime(object value, IFormatProvider provider) { return ToDateTime(value); }

        // ---- In other bases ----

        public static string ToString(short value, int toBase)
        {
            CheckBase(toBase);
            return toBase == 10 ? value.ToString() : InBase((ushort)value, toBase);
        }

        // The digits are those of a number of so many bits, and may have its sign in base 10 only.
        static long Signed(string s, int radix, int bits)
        {
            CheckBase(radix);
            if (s == null)
                return 0;
            if (radix == 10)
                return Int64.Parse(s);
            ulong value = FromBase(s, radix, UInt64.MaxValue >> 64 - bits);
            return (long)(value << 64 - bits) >> 64 - bits;
        }

        static ulong Natural(string s, int radix, ulong most)
        {
            CheckBase(radix);
            if (s == null)
                return 0;
            ulong value = radix == 10 ? UInt64.Parse(s) : FromBase(s, radix, most);
            if (value > most)
                throw new OverflowException();
            return value;
        }

        public static sbyte ToSByte(string value, int fromBase) { return checked((sbyte)Signed(value, fromBase, 8)); }
        public static short ToInt16(string value, int fromBase) { return checked((short)Signed(value, fromBase, 16)); }
        public static byte ToByte(string value, int fromBase) { return (byte)Natural(value, fromBase, Byte.MaxValue); }
        public static ushort ToUInt16(string value, int fromBase) { return (ushort)Natural(value, fromBase, UInt16.MaxValue); }
        public static uint ToUInt32(string value, int fromBase) { return (uint)Natural(value, fromBase, UInt32.MaxValue); }
        public static ulong ToUInt64(string value, int fromBase) { return Natural(value, fromBase, UInt64.MaxValue); }

        // ---- Base 64 ----

        const string Digits64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const int Line = 76;

        public static string ToBase64String(byte[] inArray) { return ToBase64String(inArray, Base64FormattingOptions.None); }

        public static string ToBase64String(byte[] inArray, Base64FormattingOptions options)
        {
            if (inArray == null)
                throw new ArgumentNullException("inArray");
            return ToBase64String(inArray, 0, inArray.Length, options);
        }

        public static string ToBase64String(byte[] inArray, int offset, int length)
        {
            return ToBase64String(inArray, offset, length, Base64FormattingOptions.None);
        }

        public static string ToBase64String(byte[] inArray, int offset, int length, Base64FormattingOptions options)
        {
            if (inArray == null)
                throw new ArgumentNullException("inArray");
            if (offset < 0 || length < 0 || offset > inArray.Length - length)
                throw new ArgumentOutOfRangeException(length < 0 ? "length" : "offset");
            StringBuilder to = new StringBuilder(length / 3 * 4 + 4);
            for (int n = 0; n < length; n += 3)
            {
                int count = Math.Min(length - n, 3), bits = 0;
                if (options == Base64FormattingOptions.InsertLineBreaks && n > 0 && n % (Line / 4 * 3) == 0)
                    to.Append("\r\n");
                for (int k = 0; k < 3; k++)
                    bits = bits << 8 | (k < count ? inArray[offset + n + k] : 0);
                for (int k = 0; k < 4; k++)
                    to.Append(k <= count ? Digits64[bits >> 6 * (3 - k) & 63] : '=');
            }
            return to.ToString();
        }

        public static byte[] FromBase64String(string s)
        {
            if (s == null)
                throw new ArgumentNullException("s");
            byte[] bytes = new byte[s.Length / 4 * 3 + 3];
            int count = 0, digits = 0, ends = 0, bits = 0;
            foreach (char c in s)
            {
                if (Char.IsWhiteSpace(c))
                    continue;
                int digit = c == '=' ? 0 : Digits64.IndexOf(c);
                ends += c == '=' ? 1 : 0;
                if (digit < 0 || c == '\0' || (ends > 0 && c != '=') || ends > 2)
                    throw Not64();
                bits = bits << 6 | digit;
                if (++digits % 4 != 0)
                    continue;
                for (int k = 0; k < 3; k++)
                    bytes[count++] = (byte)(bits >> 8 * (2 - k));
            }
            if (digits % 4 != 0)
                throw Not64();
            Array.Resize(ref bytes, count - ends);
            return bytes;
        }

        static Exception Not64() { return new FormatException("The input is not a valid Base-64 string."); }
    }

    public static unsafe partial class BitConverter
    {
        public static float Int32BitsToSingle(int bits) { return *(float*)&bits; }
        public static int SingleToInt32Bits(float f) { return *(int*)&f; }
        public static byte[] GetBytes(bool value) { return Bytes(value ? 1ul : 0, 1); }
        public static byte[] GetBytes(char value) { return Bytes(value, 2); }
        public static byte[] GetBytes(ushort value) { return Bytes(value, 2); }
        public static byte[] GetBytes(ulong value) { return Bytes(value, 8); }
        public static byte[] GetBytes(float value) { return GetBytes(SingleToInt32Bits(value)); }
        public static bool ToBoolean(byte[] value, int startIndex) { return Value(value, startIndex, 1) != 0; }
        public static char ToChar(byte[] value, int startIndex) { return (char)Value(value, startIndex, 2); }
        public static ushort ToUInt16(byte[] value, int startIndex) { return (ushort)Value(value, startIndex, 2); }
        public static ulong ToUInt64(byte[] value, int startIndex) { return Value(value, startIndex, 8); }
        public static float ToSingle(byte[] value, int startIndex) { return Int32BitsToSingle(ToInt32(value, startIndex)); }
        public static string ToString(byte[] value, int startIndex) { return ToString(value, startIndex, value.Length - startIndex); }

        public static string ToString(byte[] value, int startIndex, int length)
        {
            byte[] part = new byte[length];
            Array.Copy(value, startIndex, part, 0, length);
            return ToString(part);
        }
    }
}

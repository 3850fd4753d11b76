// SPDX-License-Identifier: MIT
//
// Conversions between each two simple types. A float is rounded to the nearest integer, a half to the even one.
namespace System
{
    public static partial class Convert
    {
        public static bool ToBoolean(bool value) { return value; }
        public static bool ToBoolean(sbyte value) { return value != 0; }
        public static bool ToBoolean(byte value) { return value != 0; }
        public static bool ToBoolean(short value) { return value != 0; }
        public static bool ToBoolean(ushort value) { return value != 0; }
        public static bool ToBoolean(int value) { return value != 0; }
        public static bool ToBoolean(uint value) { return value != 0; }
        public static bool ToBoolean(long value) { return value != 0; }
        public static bool ToBoolean(ulong value) { return value != 0; }
        public static bool ToBoolean(float value) { return value != 0; }
        public static bool ToBoolean(double value) { return value != 0; }
        public static bool ToBoolean(decimal value) { return value != 0; }
        public static bool ToBoolean(string s) { return s != null && Boolean.Parse(s); }
        public static bool ToBoolean(string s, IFormatProvider provider) { return ToBoolean(s); }
        public static bool ToBoolean(object o) { return o == null ? false : ((IConvertible)o).ToBoolean(null); }
        public static bool ToBoolean(object o, IFormatProvider provider) { return ToBoolean(o); }

        public static char ToChar(char value) { return value; }
        public static char ToChar(sbyte value) { return checked((char)value); }
        public static char ToChar(byte value) { return (char)value; }
        public static char ToChar(short value) { return checked((char)value); }
        public static char ToChar(ushort value) { return (char)value; }
        public static char ToChar(int value) { return checked((char)value); }
        public static char ToChar(uint value) { return checked((char)value); }
        public static char ToChar(long value) { return checked((char)value); }
        public static char ToChar(ulong value) { return checked((char)value); }
        public static char ToChar(string s) { return Char.Parse(s); }
        public static char ToChar(string s, IFormatProvider provider) { return ToChar(s); }
        public static char ToChar(object o) { return o == null ? '\0' : ((IConvertible)o).ToChar(null); }
        public static char ToChar(object o, IFormatProvider provider) { return ToChar(o); }

        public static sbyte ToSByte(bool value) { return value ? (sbyte)1 : (sbyte)0; }
        public static sbyte ToSByte(char value) { return checked((sbyte)value); }
        public static sbyte ToSByte(sbyte value) { return value; }
        public static sbyte ToSByte(byte value) { return checked((sbyte)value); }
        public static sbyte ToSByte(short value) { return checked((sbyte)value); }
        public static sbyte ToSByte(ushort value) { return checked((sbyte)value); }
        public static sbyte ToSByte(int value) { return checked((sbyte)value); }
        public static sbyte ToSByte(uint value) { return checked((sbyte)value); }
        public static sbyte ToSByte(long value) { return checked((sbyte)value); }
        public static sbyte ToSByte(ulong value) { return checked((sbyte)value); }
        public static sbyte ToSByte(float value) { return ToSByte((double)value); }
        public static sbyte ToSByte(double value) { return (sbyte)Round(value, SByte.MinValue, SByte.MaxValue); }
        public static sbyte ToSByte(decimal value) { return Decimal.ToSByte(Decimal.Round(value)); }
        public static sbyte ToSByte(string s) { return s == null ? (sbyte)0 : SByte.Parse(s); }
        public static sbyte ToSByte(string s, IFormatProvider provider) { return ToSByte(s); }
        public static sbyte ToSByte(object o) { return o == null ? (sbyte)0 : ((IConvertible)o).ToSByte(null); }
        public static sbyte ToSByte(object o, IFormatProvider provider) { return ToSByte(o); }

        public static byte ToByte(bool value) { return value ? (byte)1 : (byte)0; }
        public static byte ToByte(char value) { return checked((byte)value); }
        public static byte ToByte(sbyte value) { return checked((byte)value); }
        public static byte ToByte(byte value) { return value; }
        public static byte ToByte(short value) { return checked((byte)value); }
        public static byte ToByte(ushort value) { return checked((byte)value); }
        public static byte ToByte(int value) { return checked((byte)value); }
        public static byte ToByte(uint value) { return checked((byte)value); }
        public static byte ToByte(long value) { return checked((byte)value); }
        public static byte ToByte(ulong value) { return checked((byte)value); }
        public static byte ToByte(float value) { return ToByte((double)value); }
        public static byte ToByte(double value) { return (byte)Round(value, Byte.MinValue, Byte.MaxValue); }
        public static byte ToByte(decimal value) { return Decimal.ToByte(Decimal.Round(value)); }
        public static byte ToByte(string s) { return s == null ? (byte)0 : Byte.Parse(s); }
        public static byte ToByte(string s, IFormatProvider provider) { return ToByte(s); }
        public static byte ToByte(object o) { return o == null ? (byte)0 : ((IConvertible)o).ToByte(null); }
        public static byte ToByte(object o, IFormatProvider provider) { return ToByte(o); }

        public static short ToInt16(bool value) { return value ? (short)1 : (short)0; }
        public static short ToInt16(char value) { return checked((short)value); }
        public static short ToInt16(sbyte value) { return value; }
        public static short ToInt16(byte value) { return value; }
        public static short ToInt16(short value) { return value; }
        public static short ToInt16(ushort value) { return checked((short)value); }
        public static short ToInt16(int value) { return checked((short)value); }
        public static short ToInt16(uint value) { return checked((short)value); }
        public static short ToInt16(long value) { return checked((short)value); }
        public static short ToInt16(ulong value) { return checked((short)value); }
        public static short ToInt16(float value) { return ToInt16((double)value); }
        public static short ToInt16(double value) { return (short)Round(value, Int16.MinValue, Int16.MaxValue); }
        public static short ToInt16(decimal value) { return Decimal.ToInt16(Decimal.Round(value)); }
        public static short ToInt16(string s) { return s == null ? (short)0 : Int16.Parse(s); }
        public static short ToInt16(string s, IFormatProvider provider) { return ToInt16(s); }
        public static short ToInt16(object o) { return o == null ? (short)0 : ((IConvertible)o).ToInt16(null); }
        public static short ToInt16(object o, IFormatProvider provider) { return ToInt16(o); }

        public static ushort ToUInt16(bool value) { return value ? (ushort)1 : (ushort)0; }
        public static ushort ToUInt16(char value) { return value; }
        public static ushort ToUInt16(sbyte value) { return checked((ushort)value); }
        public static ushort ToUInt16(byte value) { return value; }
        public static ushort ToUInt16(short value) { return checked((ushort)value); }
        public static ushort ToUInt16(ushort value) { return value; }
        public static ushort ToUInt16(int value) { return checked((ushort)value); }
        public static ushort ToUInt16(uint value) { return checked((ushort)value); }
        public static ushort ToUInt16(long value) { return checked((ushort)value); }
        public static ushort ToUInt16(ulong value) { return checked((ushort)value); }
        public static ushort ToUInt16(float value) { return ToUInt16((double)value); }
        public static ushort ToUInt16(double value) { return (ushort)Round(value, UInt16.MinValue, UInt16.MaxValue); }
        public static ushort ToUInt16(decimal value) { return Decimal.ToUInt16(Decimal.Round(value)); }
        public static ushort ToUInt16(string s) { return s == null ? (ushort)0 : UInt16.Parse(s); }
        public static ushort ToUInt16(string s, IFormatProvider provider) { return ToUInt16(s); }
        public static ushort ToUInt16(object o) { return o == null ? (ushort)0 : ((IConvertible)o).ToUInt16(null); }
        public static ushort ToUInt16(object o, IFormatProvider provider) { return ToUInt16(o); }

        public static int ToInt32(bool value) { return value ? 1 : 0; }
        public static int ToInt32(char value) { return value; }
        public static int ToInt32(sbyte value) { return value; }
        public static int ToInt32(byte value) { return value; }
        public static int ToInt32(short value) { return value; }
        public static int ToInt32(ushort value) { return value; }
        public static int ToInt32(int value) { return value; }
        public static int ToInt32(uint value) { return checked((int)value); }
        public static int ToInt32(long value) { return checked((int)value); }
        public static int ToInt32(ulong value) { return checked((int)value); }
        public static int ToInt32(float value) { return ToInt32((double)value); }
        public static int ToInt32(double value) { return (int)Round(value, Int32.MinValue, Int32.MaxValue); }
        public static int ToInt32(decimal value) { return Decimal.ToInt32(Decimal.Round(value)); }
        public static int ToInt32(string s) { return s == null ? 0 : Int32.Parse(s); }
        public static int ToInt32(string s, IFormatProvider provider) { return ToInt32(s); }
        public static int ToInt32(object o) { return o == null ? 0 : ((IConvertible)o).ToInt32(null); }
        public static int ToInt32(object o, IFormatProvider provider) { return ToInt32(o); }

        public static uint ToUInt32(bool value) { return value ? 1u : 0; }
        public static uint ToUInt32(char value) { return value; }
        public static uint ToUInt32(sbyte value) { return checked((uint)value); }
        public static uint ToUInt32(byte value) { return value; }
        public static uint ToUInt32(short value) { return checked((uint)value); }
        public static uint ToUInt32(ushort value) { return value; }
        public static uint ToUInt32(int value) { return checked((uint)value); }
        public static uint ToUInt32(uint value) { return value; }
        public static uint ToUInt32(long value) { return checked((uint)value); }
        public static uint ToUInt32(ulong value) { return checked((uint)value); }
        public static uint ToUInt32(float value) { return ToUInt32((double)value); }
        public static uint ToUInt32(double value) { return (uint)Round(value, UInt32.MinValue, UInt32.MaxValue); }
        public static uint ToUInt32(decimal value) { return Decimal.ToUInt32(Decimal.Round(value)); }
        public static uint ToUInt32(string s) { return s == null ? 0 : UInt32.Parse(s); }
        public static uint ToUInt32(string s, IFormatProvider provider) { return ToUInt32(s); }
        public static uint ToUInt32(object o) { return o == null ? 0 : ((IConvertible)o).ToUInt32(null); }
        public static uint ToUInt32(object o, IFormatProvider provider) { return ToUInt32(o); }

        public static long ToInt64(bool value) { return value ? 1 : 0; }
        public static long ToInt64(char value) { return value; }
        public static long ToInt64(sbyte value) { return value; }
        public static long ToInt64(byte value) { return value; }
        public static long ToInt64(short value) { return value; }
        public static long ToInt64(ushort value) { return value; }
        public static long ToInt64(int value) { return value; }
        public static long ToInt64(uint value) { return value; }
        public static long ToInt64(long value) { return value; }
        public static long ToInt64(ulong value) { return checked((long)value); }
        public static long ToInt64(float value) { return ToInt64((double)value); }
        public static long ToInt64(double value) { return Round(value, Int64.MinValue, Int64.MaxValue); }
        public static long ToInt64(decimal value) { return Decimal.ToInt64(Decimal.Round(value)); }
        public static long ToInt64(string s) { return s == null ? 0 : Int64.Parse(s); }
        public static long ToInt64(string s, IFormatProvider provider) { return ToInt64(s); }
        public static long ToInt64(object o) { return o == null ? 0 : ((IConvertible)o).ToInt64(null); }
        public static long ToInt64(object o, IFormatProvider provider) { return ToInt64(o); }

        public static ulong ToUInt64(bool value) { return value ? 1UL : 0; }
        public static ulong ToUInt64(char value) { return value; }
        public static ulong ToUInt64(sbyte value) { return checked((ulong)value); }
        public static ulong ToUInt64(byte value) { return value; }
        public static ulong ToUInt64(short value) { return checked((ulong)value); }
        public static ulong ToUInt64(ushort value) { return value; }
        public static ulong ToUInt64(int value) { return checked((ulong)value); }
        public static ulong ToUInt64(uint value) { return value; }
        public static ulong ToUInt64(long value) { return checked((ulong)value); }
        public static ulong ToUInt64(ulong value) { return value; }
        public static ulong ToUInt64(float value) { return ToUInt64((double)value); }
        public static ulong ToUInt64(double value) { return RoundUnsigned(value); }
        public static ulong ToUInt64(decimal value) { return Decimal.ToUInt64(Decimal.Round(value)); }
        public static ulong ToUInt64(string s) { return s == null ? 0 : UInt64.Parse(s); }
        public static ulong ToUInt64(string s, IFormatProvider provider) { return ToUInt64(s); }
        public static ulong ToUInt64(object o) { return o == null ? 0 : ((IConvertible)o).ToUInt64(null); }
        public static ulong ToUInt64(object o, IFormatProvider provider) { return ToUInt64(o); }

        public static float ToSingle(bool value) { return value ? 1 : 0; }
        public static float ToSingle(sbyte value) { return value; }
        public static float ToSingle(byte value) { return value; }
        public static float ToSingle(short value) { return value; }
        public static float ToSingle(ushort value) { return value; }
        public static float ToSingle(int value) { return value; }
        public static float ToSingle(uint value) { return value; }
        public static float ToSingle(long value) { return value; }
        public static float ToSingle(ulong value) { return value; }
        public static float ToSingle(float value) { return value; }
        public static float ToSingle(double value) { return (float)value; }
        public static float ToSingle(decimal value) { return Decimal.ToSingle(value); }
        public static float ToSingle(string s) { return s == null ? 0 : Single.Parse(s); }
        public static float ToSingle(string s, IFormatProvider provider) { return ToSingle(s); }
        public static float ToSingle(object o) { return o == null ? 0 : ((IConvertible)o).ToSingle(null); }
        public static float ToSingle(object o, IFormatProvider provider) { return ToSingle(o); }

        public static double ToDouble(bool value) { return value ? 1 : 0; }
        public static double ToDouble(sbyte value) { return value; }
        public static double ToDouble(byte value) { return value; }
        public static double ToDouble(short value) { return value; }
        public static double ToDouble(ushort value) { return value; }
        public static double ToDouble(int value) { return value; }
        public static double ToDouble(uint value) { return value; }
        public static double ToDouble(long value) { return value; }
        public static double ToDouble(ulong value) { return value; }
        public static double ToDouble(float value) { return value; }
        public static double ToDouble(double value) { return value; }
        public static double ToDouble(decimal value) { return Decimal.ToDouble(value); }
        public static double ToDouble(string s) { return s == null ? 0 : Double.Parse(s); }
        public static double ToDouble(string s, IFormatProvider provider) { return ToDouble(s); }
        public static double ToDouble(object o) { return o == null ? 0 : ((IConvertible)o).ToDouble(null); }
        public static double ToDouble(object o, IFormatProvider provider) { return ToDouble(o); }

        public static decimal ToDecimal(bool value) { return value ? 1 : 0; }
        public static decimal ToDecimal(sbyte value) { return value; }
        public static decimal ToDecimal(byte value) { return value; }
        public static decimal ToDecimal(short value) { return value; }
        public static decimal ToDecimal(ushort value) { return value; }
        public static decimal ToDecimal(int value) { return value; }
        public static decimal ToDecimal(uint value) { return value; }
        public static decimal ToDecimal(long value) { return value; }
        public static decimal ToDecimal(ulong value) { return value; }
        public static decimal ToDecimal(float value) { return (decimal)value; }
        public static decimal ToDecimal(double value) { return (decimal)value; }
        public static decimal ToDecimal(decimal value) { return value; }
        public static decimal ToDecimal(string s) { return s == null ? 0m : Decimal.Parse(s); }
        public static decimal ToDecimal(string s, IFormatProvider provider) { return ToDecimal(s); }
        public static decimal ToDecimal(object o) { return o == null ? 0m : ((IConvertible)o).ToDecimal(null); }
        public static decimal ToDecimal(object o, IFormatProvider provider) { return ToDecimal(o); }
    }
}

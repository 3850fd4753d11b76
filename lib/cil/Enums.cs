// SPDX-License-Identifier: MIT
//
// Enumerations whose type is known only as an object: names of their constants, and values by name.
using System.Collections.Generic;
using System.Runtime.CompilerServices;

namespace System
{
    public abstract partial class Enum
    {
        // In the order of the source; null if there are not as many.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern string ConstantName(Type type, int n);

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern long ConstantValue(Type type, int n);

        // A box with the lower bytes of a number.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern object Make(Type type, long number);

        static void Check(Type type)
        {
            if (type == null)
                throw new ArgumentNullException("type");
            if (!type.IsEnum)
                throw new ArgumentException("Type provided must be an Enum.", "enumType");
        }

        // In the order of their values, which count as unsigned; equal ones in that of the source.
        public static string[] GetNames(Type type)
        {
            Check(type);
            List<string> names = new List<string>();
            List<ulong> values = new List<ulong>();
            string name;
            for (int n = 0; (name = ConstantName(type, n)) != null; n++)
            {
                ulong value = (ulong)ConstantValue(type, n);
                int at = n;
                while (at > 0 && values[at - 1] > value)
                    at--;
                names.Insert(at, name);
                values.Insert(at, value);
            }
            return names.ToArray();
        }

        // The number in a box of the type below.
        object Simple()
        {
            long number = GetNumber();
            switch (GetTypeCode())
            {
            case TypeCode.Boolean: return number != 0;
            case TypeCode.Char: return (char)number;
            case TypeCode.SByte: return (sbyte)number;
            case TypeCode.Byte: return (byte)number;
            case TypeCode.Int16: return (short)number;
            case TypeCode.UInt16: return (ushort)number;
            case TypeCode.Int32: return (int)number;
            case TypeCode.UInt32: return (uint)number;
            case TypeCode.Int64: return number;
            default: return (ulong)number;
            }
        }

        bool IConvertible.ToBoolean(IFormatProvider provider) { return Convert.ToBoolean(Simple()); }
        char IConvertible.ToChar(IFormatProvider provider) { return Convert.ToChar(Simple()); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { return Convert.ToSByte(Simple()); }
        byte IConvertible.ToByte(IFormatProvider provider) { return Convert.ToByte(Simple()); }
        short IConvertible.ToInt16(IFormatProvider provider) { return Convert.ToInt16(Simple()); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { return Convert.ToUInt16(Simple()); }
        int IConvertible.ToInt32(IFormatProvider provider) { return Convert.ToInt32(Simple()); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { return Convert.ToUInt32(Simple()); }
        long IConvertible.ToInt64(IFormatProvider provider) { return Convert.ToInt64(Simple()); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { return Convert.ToUInt64(Simple()); }
        float IConvertible.ToSingle(IFormatProvider provider) { return Convert.ToSingle(Simple()); }
        double IConvertible.ToDouble(IFormatProvider provider) { return Convert.ToDouble(Simple()); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { return Convert.ToDecimal(Simple()); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { throw Convert.None("Enum", "DateTime"); }
        string IConvertible.ToString(IFormatProvider provider) { return ToString(); }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(this, type); }

        static long NumberOf(object value)
        {
            if (value == null)
                throw new ArgumentNullException("value");
            Enum constant = value as Enum;
            if (constant != null)
                return constant.GetNumber();
            return value is ulong ? (long)(ulong)value : Convert.ToInt64(value);
        }

        public static object ToObject(Type type, object value)
        {
            Check(type);
            return Make(type, NumberOf(value));
        }

        // The first name of a value, or null.
        public static string GetName(Type type, object value)
        {
            Enum constant = (Enum)ToObject(type, value);
            return constant.GetNumber() == NumberOf(value) ? constant.NameOf(constant.GetNumber()) : null;
        }

        public static bool IsDefined(Type type, object value)
        {
            string name = value as string;
            long number;
            if (name == null)
                return GetName(type, value) != null;
            Check(type);
            return Find(type, name, false, out number);
        }

        static bool Find(Type type, string wanted, bool ignoresCase, out long number)
        {
            string name;
            number = 0;
            for (int n = 0; (name = ConstantName(type, n)) != null; n++)
            {
                if (String.Compare(name, wanted, ignoresCase) == 0)
                {
                    number = ConstantValue(type, n);
                    return true;
                }
            }
            return false;
        }

        static bool IsNumber(string text)
        {
            int start = text.Length > 1 && (text[0] == '-' || text[0] == '+') ? 1 : 0, n = start;
            while (n < text.Length && text[n] >= '0' && text[n] <= '9')
                n++;
            return n > start && n == text.Length;
        }

        // A number, or names with commas between them. `fits`: the type can have the number.
        static bool Read(Type type, string text, bool ignoresCase, out object value, out bool fits)
        {
            long number, all = 0;
            value = Make(type, 0);
            fits = true;
            text = text.Trim();
            if (IsNumber(text))
            {
                ulong large = 0;
                bool isUnsigned = ((Enum)value).IsUnsigned();
                fits = isUnsigned ? UInt64.TryParse(text, out large) : Int64.TryParse(text, out all);
                all |= (long)large;
                value = Make(type, all);
                fits = fits && ((Enum)value).GetNumber() == all;
                return true;
            }
            foreach (string name in text.Split(','))
            {
                if (!Find(type, name.Trim(), ignoresCase, out number))
                    return false;
                all |= number;
            }
            value = Make(type, all);
            return true;
        }

        public static object Parse(Type type, string text) { return Parse(type, text, false); }

        public static object Parse(Type type, string text, bool ignoresCase)
        {
            object value;
            bool fits;
            Check(type);
            if (text == null)
                throw new ArgumentNullException("text");
            if (!Read(type, text, ignoresCase, out value, out fits))
                throw new ArgumentException(String.Concat("Requested value '", text, "' was not found."));
            if (!fits)
                throw new OverflowException();
            return value;
        }

        public static Type GetUnderlyingType(Type enumType)
        {
            Check(enumType);
            return ((Enum)Make(enumType, 0)).Simple().GetType();
        }

        public static string Format(Type enumType, object value, string format)
        {
            if (value == null || format == null)
                throw new ArgumentNullException(value == null ? "value" : "format");
            return ((Enum)ToObject(enumType, value)).ToString(format);
        }

        public static T Parse<T>(string value) where T : struct { return (T)Parse(typeof(T), value, false); }
        public static T Parse<T>(string value, bool ignoreCase) where T : struct { return (T)Parse(typeof(T), value, ignoreCase); }

        public static bool TryParse<T>(string text, out T value) where T : struct { return TryParse(text, false, out value); }

        public static bool TryParse<T>(string text, bool ignoresCase, out T value) where T : struct
        {
            object found = null;
            bool fits = false;
            Check(typeof(T));
            bool isRead = text != null && Read(typeof(T), text, ignoresCase, out found, out fits) && fits;
            value = isRead ? (T)found : default(T);
            return isRead;
        }
    }
}

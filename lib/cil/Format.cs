// SPDX-License-Identifier: MIT
//
// Composite formatting: "{index[,width][:format]}".
using System.Text;

namespace System
{
    public interface IFormatProvider
    {
        object GetFormat(Type type);
    }

    // The provider is ignored: there are no cultures.
    public interface IFormattable
    {
        string ToString(string format, IFormatProvider provider);
    }

    static class Formatter
    {
        internal static string Format(string format, object[] args)
        {
            if (format == null || args == null)
                throw new ArgumentNullException("format");
            StringBuilder to = new StringBuilder(format.Length);
            for (int at = 0; at < format.Length;)
            {
                char c = format[at++];
                if (c != '{' && c != '}')
                    to.Append(c);
                else if (at < format.Length && format[at] == c)
                {
                    to.Append(c);
                    at++;
                }
                else if (c == '{')
                    AppendItem(to, format, ref at, args);
                else
                    throw Malformed();
            }
            return to.ToString();
        }

        static Exception Malformed() { return new FormatException("Input string was not in a correct format."); }

        static int ReadNumber(string format, ref int at)
        {
            int start = at, value = 0;
            for (; at < format.Length && Char.IsAsciiDigit(format[at]); at++)
            {
                value = 10 * value + (format[at] - '0');
                if (value > 1000000)
                    throw Malformed();
            }
            if (at == start)
                throw Malformed();
            return value;
        }

        static void SkipBlanks(string format, ref int at)
        {
            while (at < format.Length && format[at] == ' ')
                at++;
        }

        // Negative: the text is at the left.
        static int ReadWidth(string format, ref int at)
        {
            SkipBlanks(format, ref at);
            if (at == format.Length || format[at] != ',')
                return 0;
            at++;
            SkipBlanks(format, ref at);
            bool isLeft = at < format.Length && format[at] == '-';
            if (isLeft)
                at++;
            int width = ReadNumber(format, ref at);
            SkipBlanks(format, ref at);
            return isLeft ? -width : width;
        }

        static string ReadFormat(string format, ref int at)
        {
            if (at == format.Length || format[at] != ':')
                return null;
            int start = ++at;
            while (at < format.Length && format[at] != '}')
                at++;
            return format.Substring(start, at - start);
        }

        static string TextOf(object o, string format)
        {
            IFormattable f = o as IFormattable;
            return o == null ? "" : f == null ? o.ToString() : f.ToString(format, null);
        }

        static void AppendItem(StringBuilder to, string format, ref int at, object[] args)
        {
            int index = ReadNumber(format, ref at), width = ReadWidth(format, ref at);
            string how = ReadFormat(format, ref at);
            if (at == format.Length || format[at++] != '}')
                throw Malformed();
            if (index >= args.Length)
                throw new FormatException("Index (zero based) must be greater than or equal to zero and less than the size of the argument list.");
            string text = TextOf(args[index], how);
            if (text == null)
                text = "";
            if (width > text.Length)
                to.Append(' ', width - text.Length);
            to.Append(text);
            if (-width > text.Length)
                to.Append(' ', -width - text.Length);
        }
    }

    static partial class Number
    {
        // D and G: decimal, X and x: hexadecimal, each with a least number of digits; others as for floats. `bits` is the
        // value in the width of its type, for X.
        internal static string Format(string format, long value, ulong bits, bool isUnsigned)
        {
            char kind = format == null || format.Length == 0 ? 'G' : Char.ToUpper(format[0]);
            if (kind != 'D' && kind != 'G' && kind != 'X')
                return Decimals.OfInteger(!isUnsigned && value < 0, !isUnsigned && value < 0 ? Unsigned(0 - (ulong)value)
                                                                                       : Unsigned((ulong)value)).Format(format);
            int digits = 0;
            for (int n = 1; format != null && n < format.Length; n++)
            {
                if (!Char.IsAsciiDigit(format[n]) || digits > 99)
                    throw new FormatException();
                digits = 10 * digits + (format[n] - '0');
            }
            if (kind == 'G' && digits > 0)
                return Decimals.OfInteger(!isUnsigned && value < 0, !isUnsigned && value < 0 ? Unsigned(0 - (ulong)value)
                                                                                       : Unsigned((ulong)value)).Format(format);
            bool isNegative = kind != 'X' && !isUnsigned && value < 0;
            string text = kind == 'X' ? Hexadecimal(bits, format[0] == 'X' ? 'A' : 'a')
                          : isNegative ? Unsigned(0 - (ulong)value) : Unsigned((ulong)value);
            if (kind != 'G' && text.Length < digits)
                text = String.Concat(String.Repeat('0', digits - text.Length), text);
            return isNegative ? String.Concat("-", text) : text;
        }

        static string Hexadecimal(ulong value, char ten)
        {
            char[] digits = new char[16];
            int at = 16;
            do
            {
                int digit = (int)(value & 15);
                digits[--at] = (char)(digit < 10 ? '0' + digit : ten + digit - 10);
                value >>= 4;
            } while (value != 0);
            return String.From(digits, at, 16 - at);
        }
    }
}

// SPDX-License-Identifier: MIT
//
// Integers to text and back. Nothing depends on a culture.
namespace System
{
    static unsafe partial class Number
    {
        internal const int Ok = 0, Malformed = 1, TooLarge = 2;
        const int Digits = 20; // of the largest ulong, and so of a long with its sign

        // Writes the digits so that they end before `end`. Returns where they start.
        static char* WriteDigits(char* end, ulong value)
        {
            do
            {
                *--end = (char)('0' + (int)(value % 10));
                value /= 10;
            } while (value != 0);
            return end;
        }

        internal static string Unsigned(ulong value)
        {
            char* buffer = stackalloc char[Digits];
            char* start = WriteDigits(buffer + Digits, value);
            return String.From(start, (int)(buffer + Digits - start));
        }

        internal static string Signed(long value)
        {
            if (value >= 0)
                return Unsigned((ulong)value);
            char* buffer = stackalloc char[Digits];
            char* start = WriteDigits(buffer + Digits, 0 - (ulong)value);
            *--start = '-';
            return String.From(start, (int)(buffer + Digits - start));
        }

        // Digits of s from `at` up to trailing blanks.
        static int ReadDigits(string s, int at, ulong most, out ulong value)
        {
            int digits = 0;
            bool isTooLarge = false;
            value = 0;
            for (; at < s.Length && Char.IsAsciiDigit(s[at]); at++, digits++)
            {
                ulong digit = (ulong)(s[at] - '0');
                isTooLarge |= digit > most || value > (most - digit) / 10;
                value = isTooLarge ? 0 : 10 * value + digit;
            }
            while (at < s.Length && Char.IsWhiteSpace(s[at]))
                at++;
            return digits == 0 || at < s.Length ? Malformed : isTooLarge ? TooLarge : Ok;
        }

        // Skips blanks and a sign. Returns true if it is a minus.
        static bool ReadSign(string s, ref int at)
        {
            while (at < s.Length && Char.IsWhiteSpace(s[at]))
                at++;
            if (at == s.Length || (s[at] != '-' && s[at] != '+'))
                return false;
            return s[at++] == '-';
        }

        internal static int TryUnsigned(string s, ulong most, out ulong value)
        {
            int at = 0;
            value = 0;
            if (s == null)
                return Malformed;
            bool isNegative = ReadSign(s, ref at);
            int result = ReadDigits(s, at, most, out value);
            if (result == Ok && isNegative && value != 0)
                result = TooLarge;
            if (result != Ok)
                value = 0;
            return result;
        }

        internal static int TrySigned(string s, long least, long most, out long value)
        {
            int at = 0;
            ulong size;
            value = 0;
            if (s == null)
                return Malformed;
            bool isNegative = ReadSign(s, ref at);
            int result = ReadDigits(s, at, isNegative ? 0 - (ulong)least : (ulong)most, out size);
            if (result == Ok)
                value = isNegative ? (long)(0 - size) : (long)size;
            return result;
        }

        // For TryParse: 0 if it is no number, or too large.
        internal static ulong ToUnsigned(string s, ulong most, out bool ok)
        {
            ulong value;
            ok = TryUnsigned(s, most, out value) == Ok;
            return value;
        }

        internal static long ToSigned(string s, long least, long most, out bool ok)
        {
            long value;
            ok = TrySigned(s, least, most, out value) == Ok;
            return value;
        }

        internal static void Check(string s, int result)
        {
            if (s == null)
                throw new ArgumentNullException("s");
            if (result == Malformed)
                throw new FormatException("Input string was not in a correct format.");
            if (result == TooLarge)
                throw new OverflowException();
        }

        internal static ulong ParseUnsigned(string s, ulong most)
        {
            ulong value;
            Check(s, TryUnsigned(s, most, out value));
            return value;
        }

        internal static long ParseSigned(string s, long least, long most)
        {
            long value;
            Check(s, TrySigned(s, least, most, out value));
            return value;
        }
    }
}

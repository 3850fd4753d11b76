// SPDX-License-Identifier: MIT
//
// Numbers in a given format, and floats from text. Both are exact: a float is a sum of powers of two, all of whose
// decimal digits are computed, and a text is compared with the middle between two floats.
using System.Globalization;
using System.Text;

namespace System
{
    // 0.d1d2... * 10^point.
    struct Decimals
    {
        internal bool IsNegative;
        internal string Digits; // no zeros at either end
        internal int Point;

        internal Decimals(bool isNegative, string digits, int point)
        {
            int start = 0, end = digits.Length;
            while (start < end && digits[start] == '0')
                start++;
            while (end > start && digits[end - 1] == '0')
                end--;
            IsNegative = isNegative;
            Digits = digits.Substring(start, end - start);
            Point = start == end ? 0 : point - start;
        }

        internal static Decimals OfInteger(bool isNegative, string digits)
        {
            return new Decimals(isNegative, digits, digits.Length);
        }

        // The word at `at` of a number, the lowest word first; grows as needed.
        static uint[] Multiply(uint[] words, uint by)
        {
            ulong carry = 0;
            for (int n = 0; n < words.Length; n++)
            {
                carry += (ulong)words[n] * by;
                words[n] = (uint)carry;
                carry >>= 32;
            }
            if (carry == 0)
                return words;
            uint[] more = new uint[words.Length + 1];
            for (int n = 0; n < words.Length; n++)
                more[n] = words[n];
            more[words.Length] = (uint)carry;
            return more;
        }

        // All digits, nine at a time. The number becomes 0.
        static string DigitsOf(uint[] words)
        {
            char[] digits = new char[10 * words.Length + 9];
            int at = digits.Length, length = words.Length;
            while (length > 0)
            {
                ulong rest = 0;
                for (int n = length - 1; n >= 0; n--)
                {
                    rest = rest << 32 | words[n];
                    words[n] = (uint)(rest / 1000000000);
                    rest %= 1000000000;
                }
                for (int n = 0; n < 9; n++, rest /= 10)
                    digits[--at] = (char)('0' + (int)(rest % 10));
                while (length > 0 && words[length - 1] == 0)
                    length--;
            }
            return String.From(digits, at, digits.Length - at);
        }

        // d is finite. With a negative power, m / 2^n is m * 5^n / 10^n.
        internal static unsafe Decimals Of(double d)
        {
            ulong bits = *(ulong*)&d, fraction = bits & ((1UL << 52) - 1);
            int exponent = (int)(bits >> 52) & 0x7ff, power = (exponent == 0 ? 1 : exponent) - 1075;
            ulong mantissa = exponent == 0 ? fraction : fraction | 1UL << 52;
            for (; power < 0 && mantissa != 0 && (mantissa & 1) == 0; power++)
                mantissa >>= 1;
            uint[] words = { (uint)mantissa, (uint)(mantissa >> 32) };
            for (int n = power; n > 0; n -= 31)
                words = Multiply(words, 1u << (n < 31 ? n : 31));
            int places = power < 0 ? -power : 0;
            for (int n = places; n > 0; n -= 13)
                words = Multiply(words, PowerOfFive(n < 13 ? n : 13));
            string digits = DigitsOf(words);
            return new Decimals(bits >> 63 != 0, digits, digits.Length - places);
        }

        static uint PowerOfFive(int n)
        {
            uint power = 1;
            for (; n > 0; n--)
                power *= 5;
            return power;
        }

        // With at most this many digits; a half is rounded away from zero.
        Decimals Rounded(int count)
        {
            if (count >= Digits.Length)
                return this;
            if (count < 0)
                return new Decimals(IsNegative, "", 0);
            char[] digits = new char[count + 1];
            digits[0] = '0';
            for (int n = 0; n < count; n++)
                digits[n + 1] = Digits[n];
            if (Digits[count] >= '5')
            {
                int at = count;
                for (; digits[at] == '9'; at--)
                    digits[at] = '0';
                digits[at]++;
            }
            return new Decimals(IsNegative, new string(digits), Point + 1);
        }

        internal Decimals RoundedAt(int places) { return Rounded(Math.Max(Point, -99999) + places); }

        // The digit at a place: 0 is the one before the point.
        char At(int place)
        {
            int n = Point - 1 - place;
            return n < 0 || n >= Digits.Length ? '0' : Digits[n];
        }

        // At least `least` digits before the point, and exactly `places` after it.
        void AppendFixed(StringBuilder to, int least, int places, bool hasGroups)
        {
            for (int place = Math.Max(Point, least) - 1; place >= 0; place--)
            {
                to.Append(At(place));
                if (hasGroups && place > 0 && place % 3 == 0)
                    to.Append(',');
            }
            if (places > 0)
                to.Append('.');
            for (int place = 1; place <= places; place++)
                to.Append(At(-place));
        }

        void AppendExponent(StringBuilder to, char e, int least)
        {
            int power = Digits.Length == 0 ? 0 : Point - 1;
            string digits = Number.Unsigned((ulong)Math.Abs(power));
            to.Append(e).Append(power < 0 ? '-' : '+').Append('0', least - digits.Length).Append(digits);
        }

        void AppendScientific(StringBuilder to, char e, int places, int exponentDigits)
        {
            to.Append(At(Point - 1));
            if (places > 0)
                to.Append('.');
            for (int n = 1; n <= places; n++)
                to.Append(At(Point - 1 - n));
            AppendExponent(to, e, exponentDigits);
        }

        void AppendGeneral(StringBuilder to, char kind, int precision)
        {
            if (Digits.Length > 0 && (Point > precision || Point < -3))
                AppendScientific(to, kind == 'g' ? 'e' : 'E', Math.Max(Digits.Length - 1, 0), 2);
            else
                AppendFixed(to, 1, Math.Max(Digits.Length - Point, 0), false);
        }

        // F, N, P, E and G, each with a number of digits; or a pattern.
        internal string Format(string format)
        {
            char kind = Char.ToUpper(format[0]);
            int digits = 0;
            bool isPattern = "CEFGNP".IndexOf(kind) < 0 && (!Char.IsLetter(kind) || (format.Length > 1 && !Char.IsAsciiDigit(format[1])));
            for (int n = 1; n < format.Length && !isPattern; n++)
            {
                isPattern = !Char.IsAsciiDigit(format[n]) || n > 2;
                digits = 10 * digits + (format[n] - '0');
            }
            if (isPattern)
                return Pattern.Format(this, format);
            if ("CEFGNP".IndexOf(kind) < 0)
                throw new FormatException("Format specifier was invalid.");
            StringBuilder to = new StringBuilder();
            if (format.Length == 1)
                digits = kind == 'E' ? 6 : kind == 'G' ? 15 : 2;
            Decimals d = this;
            if (kind == 'P' && d.Digits.Length > 0)
                d.Point += 2;
            d = kind == 'E' ? d.Rounded(digits + 1) : kind == 'G' ? d.Rounded(digits == 0 ? 15 : digits) : d.RoundedAt(digits);
            bool isNegative = d.IsNegative && d.Digits.Length > 0;
            if (kind == 'C')
            {
                to.Append(isNegative ? "(\u00a4" : "\u00a4");
                d.AppendFixed(to, 1, digits, true);
                return to.Append(isNegative ? ")" : "").ToString();
            }
            if (isNegative)
                to.Append('-');
            if (kind == 'E')
                d.AppendScientific(to, format[0], digits, 3);
            else if (kind == 'G')
                d.AppendGeneral(to, format[0], digits == 0 ? 15 : digits);
            else
                d.AppendFixed(to, 1, digits, kind != 'F');
            return kind == 'P' ? to.Append(" %").ToString() : to.ToString();
        }

        // Patterns such as "#,##0.00". What is not 0, #, comma, point or % stands for itself.
        struct Pattern
        {
            int digits, least, places, leastPlaces; // before the point, and after it
            bool hasGroups, hasPoint, isPercent;
            int exponentDigits; // 0: there is no exponent

            static bool IsDigit(char c) { return c == '0' || c == '#'; }

            void Read(char c)
            {
                if (hasPoint && IsDigit(c))
                {
                    places++;
                    leastPlaces = c == '0' ? places : leastPlaces;
                }
                else if (IsDigit(c))
                {
                    least = c == '0' || least > 0 ? least + 1 : 0;
                    digits++;
                }
                hasGroups |= c == ',' && digits > 0 && !hasPoint;
                hasPoint |= c == '.';
                isPercent |= c == '%';
            }

            static string Part(string format, ref bool isNegative, bool isZero)
            {
                string[] parts = format.Split(';');
                if (isZero && parts.Length > 2)
                    return parts[2];
                if (!isNegative || parts.Length < 2 || parts[1].Length == 0)
                    return parts[0];
                isNegative = false; // the part says it
                return parts[1];
            }

            internal static string Format(Decimals d, string format)
            {
                bool isNegative = d.IsNegative && d.Digits.Length > 0;
                string part = Part(format, ref isNegative, d.Digits.Length == 0);
                Pattern p = new Pattern();
                for (int n = 0; n < part.Length; n++)
                {
                    int exponent = ExponentAt(part, n);
                    if (part[n] == '\\' || part[n] == '\'' || part[n] == '"')
                        n = AfterLiteral(part, n) - 1;
                    else if (exponent > 0)
                    {
                        p.exponentDigits = part.LastIndexOf('0', n + exponent - 1) - part.IndexOf('0', n) + 1;
                        n += exponent - 1;
                    }
                    else
                        p.Read(part[n]);
                }
                if (p.isPercent && d.Digits.Length > 0)
                    d.Point += 2;
                if (p.exponentDigits > 0)
                    return p.Scientific(d, part, isNegative);
                Decimals rounded = d.RoundedAt(p.places);
                if (rounded.Digits.Length == 0 && d.Digits.Length > 0)
                    return Format(rounded, format); // its part is the one of zero
                d = rounded;
                StringBuilder to = new StringBuilder();
                if (isNegative)
                    to.Append('-');
                p.Write(to, d, part);
                return to.ToString();
            }

            // The length of "E+00", "E-00" or "E00"; 0 if it is none.
            static int ExponentAt(string part, int at)
            {
                int end = at + 1;
                if (part[at] != 'E' && part[at] != 'e')
                    return 0;
                if (end < part.Length && (part[end] == '+' || part[end] == '-'))
                    end++;
                int start = end;
                while (end < part.Length && part[end] == '0')
                    end++;
                return end > start ? end - at : 0;
            }

            // As many digits before the point as the pattern has.
            string Scientific(Decimals d, string part, bool isNegative)
            {
                int whole = Math.Max(digits, 1);
                StringBuilder to = new StringBuilder(isNegative ? "-" : "");
                d = d.Rounded(whole + places);
                int power = d.Digits.Length == 0 ? 0 : d.Point - whole;
                d.Point -= power;
                bool isWritten = false;
                for (int n = 0; n < part.Length; n++)
                {
                    int exponent = ExponentAt(part, n);
                    if (exponent > 0)
                    {
                        to.Append(part[n]).Append(power < 0 ? "-" : part[n + 1] == '+' ? "+" : "");
                        to.Append(Math.Abs(power).ToString(String.Concat("D", exponentDigits)));
                        n += exponent - 1;
                    }
                    else if (!IsDigit(part[n]) && part[n] != '.')
                        to.Append(part[n]);
                    else if (!isWritten)
                    {
                        WriteNumber(to, d);
                        isWritten = true;
                    }
                }
                return to.ToString();
            }

            static int AfterLiteral(string part, int at)
            {
                if (part[at] == '\\')
                    return Math.Min(at + 2, part.Length);
                int end = part.IndexOf(part[at], at + 1);
                return end < 0 ? part.Length : end + 1;
            }

            void WriteNumber(StringBuilder to, Decimals d)
            {
                int shown = places;
                while (shown > leastPlaces && d.At(-shown) == '0')
                    shown--;
                d.AppendFixed(to, least, shown, hasGroups);
            }

            void Write(StringBuilder to, Decimals d, string part)
            {
                bool isWritten = false;
                for (int n = 0; n < part.Length; n++)
                {
                    char c = part[n];
                    if (c == '\\' || c == '\'' || c == '"')
                    {
                        int end = AfterLiteral(part, n);
                        bool isClosed = c != '\\' && end > n + 1 && part[end - 1] == c;
                        to.Append(part.Substring(n + 1, end - n - 1 - (isClosed ? 1 : 0)));
                        n = end - 1;
                    }
                    else if (IsDigit(c) || c == '.' || c == ',')
                    {
                        if (!isWritten)
                            WriteNumber(to, d);
                        isWritten = true;
                    }
                    else
                        to.Append(c);
                }
            }
        }
    }

    // Floats from text. The value is m * 10^power, exactly.
    static class FloatReader
    {
        internal static bool TryRead(string s, bool isSingle, out double value)
        {
            return TryRead(s, NumberStyles.Float | NumberStyles.AllowThousands, isSingle, out value);
        }

        static bool TryName(string s, out double value)
        {
            value = s == "NaN" ? Double.NaN : s == "-Infinity" ? Double.NegativeInfinity : Double.PositiveInfinity;
            return s == "NaN" || s == "Infinity" || s == "-Infinity";
        }

        internal static bool TryRead(string s, NumberStyles style, bool isSingle, out double value)
        {
            NumberText text;
            value = 0;
            if ((style & ~NumberStyles.Any) != 0)
                throw new ArgumentException("There is no such style of a float.");
            if (s == null)
                return false;
            if (!NumberText.TryRead(s, style, out text))
            {
                bool isName = TryName(s.Trim(), out value);
                value = isName ? value : 0;
                return isName;
            }
            value = ToDouble(text.Digits, text.Power, isSingle);
            value = text.IsNegative ? -value : value;
            return true;
        }

        // Few digits and a small power: both are exact, and so there is one rounding.
        static double ToDouble(string digits, int power, bool isSingle)
        {
            if (digits.Length == 0 || digits.Length + power < -330)
                return 0;
            if (digits.Length + power > 310)
                return Double.PositiveInfinity;
            ulong small = 0;
            if (!isSingle && digits.Length <= 15 && power >= -22 && power <= 22)
            {
                for (int n = 0; n < digits.Length; n++)
                    small = 10 * small + (ulong)(digits[n] - '0');
                double ten = 1;
                for (int n = Math.Abs(power); n > 0; n--)
                    ten *= 10;
                return power < 0 ? small / ten : small * ten;
            }
            return Divide(digits, power, isSingle);
        }

        // The quotient of two large numbers to 64 bits, and whether there is a rest.
        static double Divide(string digits, int power, bool isSingle)
        {
            Large a = new Large(digits), b = new Large("1");
            a.MultiplyByTens(power);
            b.MultiplyByTens(-power);
            int shift = b.Bits - a.Bits; // 2^-shift <= 2 a / b, and a / b < 2 * 2^-shift
            if (shift > 0)
                a.ShiftLeft(shift);
            else
                b.ShiftLeft(-shift);
            if (Large.Compare(a, b) < 0)
            {
                a.ShiftLeft(1);
                shift++;
            }
            ulong quotient = 0;
            for (int n = 0; n < 64; n++)
            {
                bool isOne = Large.Compare(a, b) >= 0;
                if (isOne)
                    a.Subtract(b);
                quotient = quotient << 1 | (isOne ? 1UL : 0);
                a.ShiftLeft(1);
            }
            return Round(quotient | (a.Bits > 0 ? 1UL : 0), -shift, isSingle);
        }

        static unsafe double PowerOfTwo(int n)
        {
            ulong bits = n >= -1022 ? (ulong)(n + 1023) << 52 : 1UL << (n + 1074);
            return *(double*)&bits;
        }

        // q * 2^(power - 63), where the top bit of q is set, to the nearest float; of two, to the even one.
        static double Round(ulong q, int power, bool isSingle)
        {
            int least = isSingle ? -126 : -1022, drop = (isSingle ? 40 : 11) + Math.Max(0, least - power);
            if (drop > 64 || power > 1023)
                return drop > 64 ? 0 : Double.PositiveInfinity;
            ulong kept = drop == 64 ? 0 : q >> drop, half = 1UL << (drop - 1), rest = drop == 64 ? q : q & (2 * half - 1);
            if (rest > half || (rest == half && (kept & 1) != 0))
                kept++;
            return kept * PowerOfTwo(power - 63 + drop);
        }
    }

    // A natural number of any size.
    sealed class Large
    {
        uint[] words = new uint[4];
        int count;

        internal Large(string digits)
        {
            for (int n = 0; n < digits.Length; n++)
                MultiplyAdd(10, (uint)(digits[n] - '0'));
        }

        internal int Bits
        {
            get
            {
                int bits = 32 * count;
                for (uint top = count == 0 ? ~0u : words[count - 1]; top >> 31 == 0; top <<= 1)
                    bits--;
                return bits;
            }
        }

        void Set(int at, uint word)
        {
            if (at == words.Length)
            {
                uint[] more = new uint[2 * at];
                for (int n = 0; n < at; n++)
                    more[n] = words[n];
                words = more;
            }
            words[at] = word;
            count = Math.Max(count, at + 1);
        }

        void MultiplyAdd(uint by, uint carry)
        {
            ulong more = carry;
            for (int n = 0; n < count; n++)
            {
                more += (ulong)words[n] * by;
                words[n] = (uint)more;
                more >>= 32;
            }
            if (more != 0)
                Set(count, (uint)more);
        }

        internal void MultiplyByTens(int power)
        {
            for (; power > 0; power--)
                MultiplyAdd(10, 0);
        }

        internal void ShiftLeft(int bits)
        {
            for (; bits >= 31; bits -= 31)
                MultiplyAdd(1u << 31, 0);
            MultiplyAdd(1u << bits, 0);
        }

        internal void Subtract(Large other)
        {
            long carry = 0;
            for (int n = 0; n < count; n++)
            {
                carry += (long)words[n] - (n < other.count ? other.words[n] : 0);
                words[n] = (uint)carry;
                carry >>= 32;
            }
            while (count > 0 && words[count - 1] == 0)
                count--;
        }

        internal static int Compare(Large a, Large b)
        {
            if (a.count != b.count)
                return a.count < b.count ? -1 : 1;
            for (int n = a.count - 1; n >= 0; n--)
                if (a.words[n] != b.words[n])
                    return a.words[n] < b.words[n] ? -1 : 1;
            return 0;
        }
    }
}

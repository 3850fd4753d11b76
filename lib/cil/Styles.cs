// SPDX-License-Identifier: MIT
//
// Numbers in text whose style the caller chooses. There is one culture, the invariant one.
using System.Globalization;
using System.Text;

namespace System.Globalization
{
    [Flags]
    public enum NumberStyles
    {
        None = 0, AllowLeadingWhite = 1, AllowTrailingWhite = 2, AllowLeadingSign = 4, AllowTrailingSign = 8,
        AllowParentheses = 16, AllowDecimalPoint = 32, AllowThousands = 64, AllowExponent = 128, AllowCurrencySymbol = 256,
        AllowHexSpecifier = 512, Integer = 7, HexNumber = 515, Number = 111, Float = 167, Currency = 383, Any = 511,
    }

    public sealed class CultureInfo : IFormatProvider
    {
        static readonly CultureInfo invariant = new CultureInfo();

        CultureInfo() { }

        public static CultureInfo InvariantCulture { get { return invariant; } }
        public static CultureInfo CurrentCulture { get { return invariant; } set { } }
        public static CultureInfo CurrentUICulture { get { return invariant; } set { } }
        public static CultureInfo DefaultThreadCurrentCulture { get { return invariant; } set { } }

        // All cultures are the same.
        public CultureInfo(string name) { }
        public static CultureInfo GetCultureInfo(string name) { return invariant; }

        public string Name { get { return ""; } }
        public object GetFormat(Type type) { return null; }
        public override string ToString() { return Name; }
    }
}

namespace System
{
    // A number is Digits * 10^Power.
    struct NumberText
    {
        const int DigitsMax = 800; // more cannot decide: a middle between two floats has at most 767
        const int PowerMax = 100000;
        const char Currency = '\u00a4';

        internal bool IsNegative;
        internal string Digits; // no zeros at the start; the last one is not exact if there are very many
        internal int Power;

        string s;
        int at;
        NumberStyles style;
        bool hasSign, isOpen, hasCurrency;

        bool Allows(NumberStyles wanted) { return (style & wanted) != 0; }
        bool Follows(char c) { return at < s.Length && s[at] == c; }

        bool Accept(char c, bool isAllowed)
        {
            if (!isAllowed || !Follows(c))
                return false;
            at++;
            return true;
        }

        bool ReadSign()
        {
            bool isMinus = Follows('-');
            if (hasSign || (!Accept('-', true) && !Accept('+', true)))
                return false;
            IsNegative |= isMinus;
            hasSign = true;
            return true;
        }

        void ReadBlanks(NumberStyles allowed)
        {
            while (Allows(allowed) && at < s.Length && (s[at] == ' ' || (s[at] >= '\t' && s[at] <= '\r')))
                at++;
        }

        // In any order: blanks, a sign, a parenthesis, a sign of currency; but no blanks right after the sign.
        void ReadStart()
        {
            int start;
            do
            {
                start = at;
                if (!hasSign || hasCurrency)
                    ReadBlanks(NumberStyles.AllowLeadingWhite);
                if (Allows(NumberStyles.AllowLeadingSign))
                    ReadSign();
                if (!hasSign && Accept('(', Allows(NumberStyles.AllowParentheses)))
                    isOpen = hasSign = IsNegative = true;
                hasCurrency |= Accept(Currency, Allows(NumberStyles.AllowCurrencySymbol) && !hasCurrency);
            } while (at > start);
        }

        void ReadEnd()
        {
            int start;
            do
            {
                start = at;
                ReadBlanks(NumberStyles.AllowTrailingWhite);
                if (Allows(NumberStyles.AllowTrailingSign))
                    ReadSign();
                if (Accept(')', isOpen))
                    isOpen = false;
                hasCurrency |= Accept(Currency, Allows(NumberStyles.AllowCurrencySymbol) && !hasCurrency);
            } while (at > start);
        }

        void AddDigit(StringBuilder digits, char c, bool isFraction)
        {
            if (digits.Length == 0 && c == '0')
                Power -= isFraction ? 1 : 0;
            else if (digits.Length < DigitsMax)
            {
                digits.Append(c);
                Power -= isFraction ? 1 : 0;
            }
            else
            {
                if (c != '0')
                    digits[DigitsMax - 1] = '1'; // not exactly what the digits before say
                Power += isFraction ? 0 : 1;
            }
        }

        bool ReadDigits()
        {
            StringBuilder digits = new StringBuilder();
            bool hasPoint = false, hasAny = false;
            for (; at < s.Length; at++)
            {
                if (Char.IsAsciiDigit(s[at]))
                {
                    AddDigit(digits, s[at], hasPoint);
                    hasAny = true;
                }
                else if (s[at] == '.' && !hasPoint && Allows(NumberStyles.AllowDecimalPoint))
                    hasPoint = true;
                else if (s[at] != ',' || hasPoint || !hasAny || !Allows(NumberStyles.AllowThousands))
                    break;
            }
            Digits = digits.ToString();
            return hasAny;
        }

        // An e without digits belongs to what follows.
        void ReadExponent()
        {
            int start = at, value = 0;
            if (!Allows(NumberStyles.AllowExponent) || (!Accept('e', true) && !Accept('E', true)))
                return;
            bool isNegative = Follows('-');
            if (!Accept('-', true))
                Accept('+', true);
            int first = at;
            for (; at < s.Length && Char.IsAsciiDigit(s[at]); at++)
                value = Math.Min(10 * value + (s[at] - '0'), PowerMax);
            Power += isNegative ? -value : value;
            if (at == first)
                at = start;
        }

        internal static bool TryRead(string s, NumberStyles style, out NumberText text)
        {
            text = new NumberText { s = s, style = style };
            if (s == null)
                return false;
            text.ReadStart();
            if (!text.ReadDigits())
                return false;
            text.ReadExponent();
            text.ReadEnd();
            return text.at == s.Length && !text.isOpen;
        }
    }

    static partial class Number
    {
        const NumberStyles HexOnly = NumberStyles.HexNumber | NumberStyles.AllowTrailingWhite;

        static int TryHexadecimal(string s, NumberStyles style, ulong most, out ulong bits)
        {
            int at = 0, end = s.Length;
            bool isTooLarge = false;
            bits = 0;
            while ((style & NumberStyles.AllowLeadingWhite) != 0 && at < end && Char.IsWhiteSpace(s[at]))
                at++;
            while ((style & NumberStyles.AllowTrailingWhite) != 0 && end > at && Char.IsWhiteSpace(s[end - 1]))
                end--;
            if (at == end)
                return Malformed;
            for (; at < end; at++)
            {
                int digit = "0123456789abcdef".IndexOf(Char.ToLower(s[at]));
                if (digit < 0)
                    return Malformed;
                isTooLarge |= bits > most >> 4;
                bits = bits << 4 | (uint)digit;
            }
            return isTooLarge ? TooLarge : Ok;
        }

        // Digits of a fraction must be zeros.
        static bool ToWhole(NumberText text, out ulong value)
        {
            value = 0;
            for (int n = 0; n < text.Digits.Length + text.Power; n++)
            {
                ulong digit = n < text.Digits.Length ? (ulong)(text.Digits[n] - '0') : 0;
                if (text.Digits.Length == 0)
                    return true;
                if (value > (UInt64.MaxValue - digit) / 10)
                    return false;
                value = 10 * value + digit;
            }
            for (int n = Math.Max(0, text.Digits.Length + text.Power); n < text.Digits.Length; n++)
                if (text.Digits[n] != '0')
                    return false;
            return true;
        }

        // A number from `least` to `most`; in hexadecimal digits it may have all bits of its type.
        static int TryStyled(string s, NumberStyles style, long least, ulong most, out ulong bits)
        {
            NumberText text;
            bits = 0;
            bool isHexadecimal = (style & NumberStyles.AllowHexSpecifier) != 0;
            if ((style & ~(NumberStyles.Any | NumberStyles.AllowHexSpecifier)) != 0 || (isHexadecimal && (style & ~HexOnly) != 0))
                throw new ArgumentException("There is no such style.");
            if (s == null)
                return Malformed;
            if (isHexadecimal)
                return TryHexadecimal(s, style, least < 0 ? 2 * most + 1 : most, out bits);
            if (!NumberText.TryRead(s, style, out text))
                return Malformed;
            if (!ToWhole(text, out bits) || bits > (text.IsNegative ? 0 - (ulong)least : most))
            {
                bits = 0;
                return TooLarge;
            }
            bits = text.IsNegative ? 0 - bits : bits;
            return Ok;
        }

        internal static ulong ParseStyled(string s, NumberStyles style, long least, ulong most)
        {
            ulong bits;
            Check(s, TryStyled(s, style, least, most, out bits));
            return bits;
        }

        // 0 if it is no number, or too large.
        internal static ulong ToStyled(string s, NumberStyles style, long least, ulong most, out bool ok)
        {
            ulong bits;
            ok = TryStyled(s, style, least, most, out bits) == Ok;
            return ok ? bits : 0;
        }
    }
}

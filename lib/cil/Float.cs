// SPDX-License-Identifier: MIT
//
// Text of floats: the shortest digits that are read back as the same number (Steele and White, "How to Print
// Floating-Point Numbers Accurately"), with exact integers.
namespace System
{
    // A natural number, for Float only.
    sealed class Natural
    {
        const int Words = 40; // 2^1078 times ten, and more

        readonly uint[] words = new uint[Words]; // the lowest first
        int count;

        internal Natural(ulong value)
        {
            words[0] = (uint)value;
            words[1] = (uint)(value >> 32);
            count = 2;
            Trim();
        }

        void Trim()
        {
            while (count > 0 && words[count - 1] == 0)
                count--;
        }

        internal void Multiply(uint by)
        {
            ulong carry = 0;
            for (int n = 0; n < count; n++)
            {
                carry += (ulong)words[n] * by;
                words[n] = (uint)carry;
                carry >>= 32;
            }
            if (carry != 0)
                words[count++] = (uint)carry;
        }

        internal void ShiftLeft(int bits)
        {
            for (; bits >= 31; bits -= 31)
                Multiply(1u << 31);
            Multiply(1u << bits);
        }

        internal void Subtract(Natural other)
        {
            long carry = 0;
            for (int n = 0; n < count; n++)
            {
                carry += (long)words[n] - other.words[n];
                words[n] = (uint)carry;
                carry >>= 32;
            }
            Trim();
        }

        // The sign of a + b - c.
        internal static int CompareSum(Natural a, Natural b, Natural c)
        {
            long difference = 0;
            for (int n = Words - 1; n >= 0; n--)
            {
                // Lower words change the sum by less than two units of this one.
                difference = (difference << 32) + a.words[n] + (b == null ? 0 : (long)b.words[n]) - c.words[n];
                if (difference > 1 || difference < -2)
                    return difference > 0 ? 1 : -1;
            }
            return difference > 0 ? 1 : difference < 0 ? -1 : 0;
        }
    }

    static class Float
    {
        const int DigitsMax = 17;

        // value = mantissa * 2^exponent; 0.d1d2... * 10^k.
        static int Digits(ulong mantissa, int exponent, bool isNarrowBelow, char[] digits, out int k)
        {
            int up = exponent > 0 ? exponent : 0, down = exponent > 0 ? 0 : -exponent, gap = isNarrowBelow ? 2 : 1;
            Natural r = new Natural(mantissa), s = new Natural(1), high = new Natural(1), low = new Natural(1);
            r.ShiftLeft(up + gap);
            s.ShiftLeft(down + gap);
            high.ShiftLeft(up + gap - 1);
            low.ShiftLeft(up);
            bool isEven = (mantissa & 1) == 0;
            int binary = exponent - 1;
            for (ulong m = mantissa; m != 0; m >>= 1)
                binary++;
            k = (binary * (binary < 0 ? 1262 : 1233)) >> 12; // at most the logarithm
            for (int n = 0; n < k; n++)
                s.Multiply(10);
            for (int n = 0; n > k; n--)
                Scale(r, high, low);
            while (Natural.CompareSum(r, high, s) >= (isEven ? 0 : 1))
            {
                s.Multiply(10);
                k++;
            }
            return Generate(r, s, high, low, isEven, digits);
        }

        static void Scale(Natural r, Natural high, Natural low)
        {
            r.Multiply(10);
            high.Multiply(10);
            low.Multiply(10);
        }

        static int Generate(Natural r, Natural s, Natural high, Natural low, bool isEven, char[] digits)
        {
            for (int count = 0;;)
            {
                int digit = 0;
                Scale(r, high, low);
                for (; Natural.CompareSum(r, null, s) >= 0; digit++)
                    r.Subtract(s);
                bool isLow = Natural.CompareSum(r, null, low) < (isEven ? 1 : 0);
                bool isHigh = Natural.CompareSum(r, high, s) >= (isEven ? 0 : 1);
                if (isHigh && (!isLow || Natural.CompareSum(r, r, s) >= 0))
                    digit++;
                digits[count++] = (char)('0' + digit);
                if (isLow || isHigh)
                    return count;
            }
        }

        static string Layout(bool isNegative, char[] digits, int count, int k)
        {
            System.Text.StringBuilder to = new System.Text.StringBuilder(32);
            if (isNegative)
                to.Append('-');
            if (k > 15 || k < -3)
            {
                to.Append(digits[0]);
                if (count > 1)
                    to.Append('.');
                for (int n = 1; n < count; n++)
                    to.Append(digits[n]);
                int power = k > 0 ? k - 1 : 1 - k;
                return to.Append(k > 0 ? "E+" : "E-").Append(power < 10 ? "0" : "").Append(power).ToString();
            }
            if (k <= 0)
                to.Append("0.").Append('0', -k);
            for (int n = 0; n < count || n < k; n++)
            {
                if (n == k && k > 0)
                    to.Append('.');
                to.Append(n < count ? digits[n] : '0');
            }
            return to.ToString();
        }

        static string Print(bool isNegative, ulong fraction, int exponent, int fractionBits, int bias)
        {
            int top = (1 << (fractionBits == 52 ? 11 : 8)) - 1, k;
            if (exponent == top)
                return fraction != 0 ? "NaN" : isNegative ? "-Infinity" : "Infinity";
            if (exponent == 0 && fraction == 0)
                return isNegative ? "-0" : "0";
            char[] digits = new char[DigitsMax + 1];
            ulong mantissa = exponent == 0 ? fraction : fraction | 1UL << fractionBits;
            int power = (exponent == 0 ? 1 : exponent) - bias - fractionBits;
            int count = Digits(mantissa, power, fraction == 0 && exponent > 1, digits, out k);
            return Layout(isNegative, digits, count, k);
        }

        internal static unsafe string ToText(double d)
        {
            ulong bits = *(ulong*)&d;
            return Print(bits >> 63 != 0, bits & ((1UL << 52) - 1), (int)(bits >> 52) & 0x7ff, 52, 1023);
        }

        internal static unsafe string ToText(float f)
        {
            uint bits = *(uint*)&f;
            return Print(bits >> 31 != 0, bits & ((1u << 23) - 1), (int)(bits >> 23) & 0xff, 23, 127);
        }
    }
}

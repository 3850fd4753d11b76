// SPDX-License-Identifier: MIT
//
// Natural numbers of 192 bits, for decimals: six words, the lowest first. A sum or a product of two decimals fits.
namespace System
{
    static unsafe class Words
    {
        internal const int Count = 6;
        const int Kept = 3; // words that a decimal has

        internal static void Set(uint* w, uint low, uint middle, uint high)
        {
            w[0] = low;
            w[1] = middle;
            w[2] = high;
            w[3] = w[4] = w[5] = 0;
        }

        internal static bool IsZero(uint* w) { return (w[0] | w[1] | w[2] | w[3] | w[4] | w[5]) == 0; }
        internal static bool IsTooLarge(uint* w) { return (w[3] | w[4] | w[5]) != 0; }

        internal static void MultiplyAdd(uint* w, uint by, uint more)
        {
            ulong carry = more;
            for (int n = 0; n < Count; n++)
            {
                carry += (ulong)w[n] * by;
                w[n] = (uint)carry;
                carry >>= 32;
            }
        }

        internal static void MultiplyByTens(uint* w, int power)
        {
            for (; power >= 9; power -= 9)
                MultiplyAdd(w, 1000000000, 0);
            for (; power > 0; power--)
                MultiplyAdd(w, 10, 0);
        }

        // Returns the remainder.
        internal static uint Divide(uint* w, uint by)
        {
            ulong rest = 0;
            for (int n = Count - 1; n >= 0; n--)
            {
                rest = rest << 32 | w[n];
                w[n] = (uint)(rest / by);
                rest %= by;
            }
            return (uint)rest;
        }

        internal static void Add(uint* to, uint* w)
        {
            ulong carry = 0;
            for (int n = 0; n < Count; n++)
            {
                carry += (ulong)to[n] + w[n];
                to[n] = (uint)carry;
                carry >>= 32;
            }
        }

        // `from` is not smaller.
        internal static void Subtract(uint* from, uint* w)
        {
            long carry = 0;
            for (int n = 0; n < Count; n++)
            {
                carry += (long)from[n] - w[n];
                from[n] = (uint)carry;
                carry >>= 32;
            }
        }

        internal static int Compare(uint* a, uint* b)
        {
            for (int n = Count - 1; n >= 0; n--)
                if (a[n] != b[n])
                    return a[n] < b[n] ? -1 : 1;
            return 0;
        }

        // The product of two numbers of three words.
        internal static void Multiply(uint* product, uint* a, uint* b)
        {
            for (int n = 0; n < Count; n++)
                product[n] = 0;
            for (int n = 0; n < Kept; n++)
            {
                ulong carry = 0;
                for (int m = 0; m < Kept; m++)
                {
                    carry += (ulong)a[n] * b[m] + product[n + m];
                    product[n + m] = (uint)carry;
                    carry >>= 32;
                }
                product[n + Kept] = (uint)carry;
            }
        }

        static int Bits(uint* w)
        {
            int bits = 32 * Count;
            while (bits > 0 && (w[(bits - 1) >> 5] >> ((bits - 1) & 31) & 1) == 0)
                bits--;
            return bits;
        }

        static void Halve(uint* w)
        {
            for (int n = 0; n < Count; n++)
                w[n] = w[n] >> 1 | (n + 1 < Count ? w[n + 1] << 31 : 0);
        }

        // The rest stays in `a`; b is not 0.
        internal static void DivideLong(uint* a, uint* b, uint* quotient)
        {
            uint* shifted = stackalloc uint[Count];
            Set(quotient, 0, 0, 0);
            int shift = Bits(a) - Bits(b);
            for (int n = 0; n < Count; n++)
                shifted[n] = b[n];
            for (int n = shift; n > 0; n -= 31)
                MultiplyAdd(shifted, 1u << (n < 31 ? n : 31), 0);
            for (; shift >= 0; shift--)
            {
                bool isOne = Compare(a, shifted) >= 0;
                if (isOne)
                    Subtract(a, shifted);
                MultiplyAdd(quotient, 2, isOne ? 1u : 0);
                Halve(shifted);
            }
        }
    }
}

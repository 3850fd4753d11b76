// SPDX-License-Identifier: MIT
//
// Functions of floats. Sqrt and those that round are instructions. Pow and Log10 calculate with twice the digits: their
// errors are at most 0.51 units in the last place, so that results which a float can represent are exact. The others are
// polynomials with the coefficients of FreeBSD's msun (fdlibm), with errors of up to one unit; Tan and Log of another
// base divide two of these: up to two. Sine, cosine and tangent of more than a million are less exact, because pi has
// 100 bits here. tests/tools/test_cil_library.py measures this.
using System.Runtime.CompilerServices;

namespace System
{
    public static partial class Math
    {
        public const double PI = 3.14159265358979323846;
        public const double E = 2.7182818284590452354;
        const double Log2High = 6.93147180369123816490e-01, Log2Low = 1.90821492927058770002e-10; // high: 32 bits

        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern double Sqrt(double d);

        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern double Floor(double d);

        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern double Ceiling(double d);

        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern double Truncate(double d);

        // To the nearest integer; of two, to the even one.
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern double Round(double d);

        public static sbyte Abs(sbyte n) { return n >= 0 ? n : checked((sbyte)-n); }
        public static short Abs(short n) { return n >= 0 ? n : checked((short)-n); }
        public static int Abs(int n) { return n >= 0 ? n : checked(-n); }
        public static long Abs(long n) { return n >= 0 ? n : checked(-n); }
        public static float Abs(float f) { return f < 0 ? -f : f == 0 ? 0.0f : f; }
        public static double Abs(double d) { return d < 0 ? -d : d == 0 ? 0.0 : d; }
        public static int Sign(int n) { return n > 0 ? 1 : n < 0 ? -1 : 0; }
        public static int Sign(long n) { return n > 0 ? 1 : n < 0 ? -1 : 0; }
        public static int Min(int a, int b) { return a < b ? a : b; }
        public static int Max(int a, int b) { return a > b ? a : b; }
        public static uint Min(uint a, uint b) { return a < b ? a : b; }
        public static uint Max(uint a, uint b) { return a > b ? a : b; }
        public static long Min(long a, long b) { return a < b ? a : b; }
        public static long Max(long a, long b) { return a > b ? a : b; }
        public static ulong Min(ulong a, ulong b) { return a < b ? a : b; }
        public static ulong Max(ulong a, ulong b) { return a > b ? a : b; }
        public static float Min(float a, float b) { return a < b || a != a ? a : b; }
        public static float Max(float a, float b) { return a > b || a != a ? a : b; }
        public static double Min(double a, double b) { return a < b || a != a ? a : b; }
        public static double Max(double a, double b) { return a > b || a != a ? a : b; }
        public static long BigMul(int a, int b) { return (long)a * b; }

        static unsafe long BitsOf(double d) { return *(long*)&d; }
        static unsafe double FromBits(long bits) { return *(double*)&bits; }
        static double PowerOfTwo(int n) { return FromBits((long)(n + 1023) << 52); } // from -1022 to 1023

        // ---- Sine, cosine, tangent ----

        // x = n * pi/2 + high + low, with |high| <= pi/4. pi/2 is in three parts of 33 bits, so that products with n are exact.
        // @return n modulo 4.
        static int Reduce(double x, out double high, out double low)
        {
            const double First = 1.57079632673412561417e+00, Second = 6.07710050630396597660e-11,
                Third = 2.02226624879595063154e-21;
            if (Abs(x) > 1e6)
                x %= 2 * PI;
            double n = Round(x * (2 / PI)), a = x - n * First, part = n * Second, b = a - part, lost = (a - b) - part;
            part = n * Third - lost;
            high = b - part;
            low = (b - high) - part;
            return (int)n & 3;
        }

        static double SineOfSmall(double x, double low)
        {
            double z = x * x, v = z * x;
            double r = 8.33333333332248946124e-03 + z * (-1.98412698298579493134e-04 + z * (2.75573137070700676789e-06 +
                z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)));
            return x - ((z * (0.5 * low - v * r) - low) - v * -1.66666666666666324348e-01);
        }

        static double CosineOfSmall(double x, double low)
        {
            double z = x * x;
            double r = z * (4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 + z * (2.48015872894767294178e-05 +
                z * (-2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))));
            double half = 0.5 * z, w = 1.0 - half;
            return w + (((1.0 - w) - half) + (z * r - x * low));
        }

        static double SineOfQuarter(int n, double high, double low)
        {
            double value = (n & 1) == 0 ? SineOfSmall(high, low) : CosineOfSmall(high, low);
            return (n & 2) == 0 ? value : -value;
        }

        public static double Sin(double x)
        {
            double high, low;
            if (x - x != 0)
                return Double.NaN;
            return x == 0 ? x : SineOfQuarter(Reduce(x, out high, out low), high, low);
        }

        public static double Cos(double x)
        {
            double high, low;
            return x - x != 0 ? Double.NaN : SineOfQuarter(Reduce(x, out high, out low) + 1, high, low);
        }

        public static double Tan(double x) { return Sin(x) / Cos(x); }

        // ---- Arc tangent ----

        // The arc tangents of 0.5, 1, 1.5 and infinity, each in two parts.
        static readonly double[] atanHigh = { 4.63647609000806093515e-01, 7.85398163397448278999e-01,
            9.82793723247329054082e-01, 1.57079632679489655800e+00 };
        static readonly double[] atanLow = { 2.26987774529616870924e-17, 3.06161699786838301793e-17,
            1.39033110312309984516e-17, 6.12323399573676603587e-17 };

        public static double Atan(double x)
        {
            double a = Abs(x);
            int n = a < 0.4375 ? -1 : a < 0.6875 ? 0 : a < 1.1875 ? 1 : a < 2.4375 ? 2 : 3;
            if (x != x || a < 1e-9)
                return x;
            double t = n < 0 ? a : n == 0 ? (2 * a - 1) / (2 + a) : n == 1 ? (a - 1) / (a + 1) :
                n == 2 ? (a - 1.5) / (1 + 1.5 * a) : -1 / a;
            double z = t * t, w = z * z;
            double odd = z * (3.33333333333329318027e-01 + w * (1.42857142725034663711e-01 + w * (9.09088713343650656196e-02 +
                w * (6.66107313738753120669e-02 + w * (4.97687799461593236017e-02 + w * 1.62858201153657823623e-02)))));
            double even = w * (-1.99999999998764832476e-01 + w * (-1.11111104054623557880e-01 +
                w * (-7.69187620504482999495e-02 + w * (-5.83357013379057348645e-02 + w * -3.65315727442169155270e-02))));
            double result = n < 0 ? t - t * (odd + even) : atanHigh[n] - ((t * (odd + even) - atanLow[n]) - t);
            return x < 0 ? -result : result;
        }

        public static double Atan2(double y, double x)
        {
            if (x != x || y != y)
                return Double.NaN;
            bool isLeft = BitsOf(x) < 0;
            double result;
            if (y == 0)
                result = isLeft ? PI : 0.0;
            else if (x == 0)
                result = PI / 2;
            else if (x - x != 0)
                result = y - y != 0 ? (isLeft ? 3 * PI / 4 : PI / 4) : (isLeft ? PI : 0.0);
            else
            {
                double angle = Atan(Abs(y / x));
                result = isLeft ? PI - (angle - 1.2246467991473531772e-16) : angle;
            }
            return BitsOf(y) < 0 ? -result : result;
        }

        // ---- Exponential and logarithm ----

        public static double Exp(double x)
        {
            if (x != x || x == Double.PositiveInfinity)
                return x;
            if (x > 709.782712893383973096)
                return Double.PositiveInfinity;
            if (x < -745.13321910194110842)
                return 0;
            double n = Round(x * 1.44269504088896338700), high = x - n * Log2High, low = n * Log2Low, r = high - low, t = r * r;
            double c = r - t * (1.66666666666666019037e-01 + t * (-2.77777777770155933842e-03 + t * (6.61375632143793436117e-05 +
                t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))));
            double y = 1 - ((low - (r * c) / (2 - c)) - high);
            int k = (int)n;
            if (k > 1023)
                return y * 2 * PowerOfTwo(k - 1);
            return k >= -1021 ? y * PowerOfTwo(k) : y * PowerOfTwo(k + 1000) * PowerOfTwo(-1000);
        }

        public static double Log(double x)
        {
            if (x != x || x < 0)
                return Double.NaN;
            if (x == 0)
                return Double.NegativeInfinity;
            if (x == Double.PositiveInfinity)
                return x;
            int k = 0;
            if (x < 2.2250738585072014e-308)
            {
                x *= PowerOfTwo(54);
                k = -54;
            }
            long bits = BitsOf(x);
            k += (int)(bits >> 52) - 1023;
            double m = FromBits((bits & 0xfffffffffffff) | 0x3ff0000000000000);
            if (m > 1.41421356237309504880)
            {
                m *= 0.5;
                k++;
            }
            double f = m - 1, s = f / (2 + f), z = s * s, w = z * z, half = 0.5 * f * f;
            double r = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01)) +
                z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 +
                w * 1.479819860511658591e-01)));
            return k * Log2High - ((half - (s * (half + r) + k * Log2Low)) - f);
        }

        public static double Log(double x, double b)
        {
            if (b == 1 || (x != 1 && (b == 0 || b == Double.PositiveInfinity)))
                return Double.NaN;
            return Log(x) / Log(b);
        }

        // ---- Powers: the logarithm has twice the digits, because the exponent multiplies its error ----

        // a + b = high + low, exactly, and likewise a * b.
        static double Sum(double a, double b, out double low)
        {
            double high = a + b, part = high - a;
            low = (a - (high - part)) + (b - part);
            return high;
        }

        static double Product(double a, double b, out double low)
        {
            double x = a * 134217729, y = b * 134217729, aHigh = x - (x - a), bHigh = y - (y - b), aLow = a - aHigh,
                bLow = b - bHigh, high = a * b;
            low = ((aHigh * bHigh - high) + aHigh * bLow + aLow * bHigh) + aLow * bLow;
            return high;
        }

        static double Quotient(double high, double low, double by, out double rest)
        {
            double result = high / by, lost, product = Product(result, by, out lost);
            rest = ((high - product) - lost + low) / by;
            return result;
        }

        // The logarithm of x > 0, with about 70 bits: of 2^k and of m, near 1, by the series of s = (m - 1) / (m + 1),
        // 2s (1 + s^2/3 + s^4/5 + ...).
        static double LogSum(double x, out double low)
        {
            int k = 0;
            if (x < 2.2250738585072014e-308)
            {
                x *= PowerOfTwo(54);
                k = -54;
            }
            long bits = BitsOf(x);
            k += (int)(bits >> 52) - 1023;
            double m = FromBits((bits & 0xfffffffffffff) | 0x3ff0000000000000);
            if (m > 1.41421356237309504880)
            {
                m *= 0.5;
                k++;
            }
            double f = m - 1, gLow, g = Sum(1, m, out gLow), sLow, s = f / g, lost, product = Product(s, g, out lost);
            sLow = ((f - product) - lost - s * gLow) / g;
            double zLow, z = Product(s, s, out zLow), qLow, q;
            zLow += 2 * s * sLow;
            q = Product(z, z, out qLow);
            qLow += 2 * z * zLow;
            double more = 0;
            for (int n = 31; n >= 7; n -= 2)
                more = more * z + 1.0 / n;
            q = Quotient(q, qLow, 5, out qLow);
            double a, b, sum = Quotient(z, zLow, 3, out a);
            sum = Sum(sum, q, out b);
            a += b + qLow + more * z * z * z;
            double tail = Product(s, sum, out lost);
            lost += s * a + sLow * sum;
            double kLow, kPart = Product(k, Log2Low, out kLow), high = Sum(k * Log2High, 2 * s, out a);
            high = Sum(high, 2 * tail, out b);
            a += b;
            high = Sum(high, kPart, out b);
            return Sum(high, a + b + kLow + 2 * sLow + 2 * lost, out low);
        }

        // The exponential of x + low, where |x| < 746, rounded once unless the result is denormal.
        static double ExpSum(double x, double low)
        {
            double n = Round(x * 1.44269504088896338700), rLow, r = Sum(x - n * Log2High, low - n * Log2Low, out rLow);
            double squareLow, square = Product(r, r, out squareLow), more = 0;
            for (int k = 18; k >= 4; k--)
                more = (more + 1) * r / k;
            double a, b, c, y = Sum(1, r, out a);
            y = Sum(y, 0.5 * square, out b);
            y = Sum(y, (more + 1) * r * square / 6, out c);
            y += a + b + c + rLow + (0.5 * squareLow + r * rLow);
            int power = (int)n;
            if (power > 1023)
                return power > 1024 ? Double.PositiveInfinity : y * 2 * PowerOfTwo(power - 1);
            return power >= -1021 ? y * PowerOfTwo(power) : y * PowerOfTwo(power + 1000) * PowerOfTwo(-1000);
        }

        // Of a power of ten its exponent: the result is rounded once.
        public static double Log10(double x)
        {
            if (x != x || x <= 0 || x == Double.PositiveInfinity)
                return Log(x);
            const double High = 0.4342944819032518, Low = 1.098319650216765e-17; // of 1 / Log(10)
            double low, lost, high = LogSum(x, out low), product = Product(high, High, out lost);
            return product + (lost + high * Low + low * High);
        }

        // Of x > 0.
        static double PowerOf(double x, double y)
        {
            if (Abs(y) > 1e25) // x is not 1
                return (x > 1) == (y > 0) ? Double.PositiveInfinity : 0;
            double low, lost, high = LogSum(x, out low), product = Product(high, y, out lost);
            if (Abs(product) > 746)
                return product > 0 ? Double.PositiveInfinity : 0;
            return ExpSum(product, lost + low * y);
        }

        public static double Pow(double x, double y)
        {
            if (y == 0 || x == 1)
                return 1;
            if (x != x || y != y)
                return Double.NaN;
            double size = Abs(x);
            if (y - y != 0)
                return size == 1 ? 1 : (size > 1) == (y > 0) ? Double.PositiveInfinity : 0;
            bool isInteger = Truncate(y) == y;
            if (x < 0 && !isInteger && x - x == 0)
                return Double.NaN;
            bool isOdd = isInteger && Abs(y) < 9007199254740992.0 && ((long)y & 1) != 0;
            double result;
            if (size == 0 || size - size != 0)
                result = (size == 0) == (y < 0) ? Double.PositiveInfinity : 0;
            else
                result = size == 1 ? 1 : PowerOf(size, y);
            return isOdd && BitsOf(x) < 0 ? -result : result;
        }
    }

    // The functions of Math, rounded to float.
    public static class MathF
    {
        public const float PI = 3.14159265f;
        public const float E = 2.71828183f;

        public static float Sqrt(float f) { return (float)Math.Sqrt(f); }
        public static float Floor(float f) { return (float)Math.Floor(f); }
        public static float Ceiling(float f) { return (float)Math.Ceiling(f); }
        public static float Truncate(float f) { return (float)Math.Truncate(f); }
        public static float Round(float f) { return (float)Math.Round(f); }
        public static float Abs(float f) { return Math.Abs(f); }
        public static float Min(float a, float b) { return Math.Min(a, b); }
        public static float Max(float a, float b) { return Math.Max(a, b); }
        public static float Sin(float f) { return (float)Math.Sin(f); }
        public static float Cos(float f) { return (float)Math.Cos(f); }
        public static float Tan(float f) { return (float)Math.Tan(f); }
        public static float Atan(float f) { return (float)Math.Atan(f); }
        public static float Exp(float f) { return (float)Math.Exp(f); }
        public static float Log(float f) { return (float)Math.Log(f); }
        public static float Pow(float x, float y) { return (float)Math.Pow(x, y); }
    }
}

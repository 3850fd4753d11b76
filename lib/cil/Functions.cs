// SPDX-License-Identifier: MIT
//
// More functions of numbers: rounding to digits, arcs, hyperbolic functions.
namespace System
{
    public static partial class Math
    {
        public static sbyte Min(sbyte a, sbyte b) { return a < b ? a : b; }
        public static sbyte Max(sbyte a, sbyte b) { return a > b ? a : b; }
        public static byte Min(byte a, byte b) { return a < b ? a : b; }
        public static byte Max(byte a, byte b) { return a > b ? a : b; }
        public static short Min(short a, short b) { return a < b ? a : b; }
        public static short Max(short a, short b) { return a > b ? a : b; }
        public static ushort Min(ushort a, ushort b) { return a < b ? a : b; }
        public static ushort Max(ushort a, ushort b) { return a > b ? a : b; }
        public static int Clamp(int value, int min, int max)
        {
            CheckOrder(min > max);
            return value < min ? min : value > max ? max : value;
        }

        public static long Clamp(long value, long min, long max)
        {
            CheckOrder(min > max);
            return value < min ? min : value > max ? max : value;
        }

        public static float Clamp(float value, float min, float max)
        {
            CheckOrder(min > max);
            return value < min ? min : value > max ? max : value;
        }

        public static double Clamp(double value, double min, double max)
        {
            CheckOrder(min > max);
            return value < min ? min : value > max ? max : value;
        }

        public static decimal Clamp(decimal value, decimal min, decimal max)
        {
            CheckOrder(min > max);
            return value < min ? min : value > max ? max : value;
        }

        static void CheckOrder(bool isWrong)
        {
            if (isWrong)
                throw new ArgumentException("The least value is larger than the largest one.");
        }

        public static int Sign(sbyte n) { return Sign((int)n); }
        public static int Sign(short n) { return Sign((int)n); }
        public static int Sign(float f) { return Sign((double)f); }

        public static int Sign(double d)
        {
            if (d != d)
                throw new ArithmeticException("Function does not accept floating point Not-a-Number values.");
            return d > 0 ? 1 : d < 0 ? -1 : 0;
        }

        public static int DivRem(int a, int b, out int result)
        {
            int quotient = a / b;
            result = a - quotient * b;
            return quotient;
        }

        public static long DivRem(long a, long b, out long result)
        {
            long quotient = a / b;
            result = a - quotient * b;
            return quotient;
        }

        // ---- Rounding ----

        public static double Round(double d, int digits) { return Round(d, digits, MidpointRounding.ToEven); }
        public static double Round(double d, MidpointRounding mode) { return Round(d, 0, mode); }

        public static double Round(double d, int digits, MidpointRounding mode)
        {
            if (digits < 0 || digits > 15)
                throw new ArgumentOutOfRangeException("digits", "Rounding digits must be between 0 and 15, inclusive.");
            if (mode != MidpointRounding.ToEven && mode != MidpointRounding.AwayFromZero)
                throw new ArgumentException("There is no such way of rounding.", "mode");
            if (!(Abs(d) < 1e16))
                return d;
            double power = 1;
            for (int n = 0; n < digits; n++)
                power *= 10;
            double scaled = d * power;
            if (mode == MidpointRounding.ToEven)
                return Round(scaled) / power;
            double whole = Truncate(scaled);
            return (Abs(scaled - whole) >= 0.5 ? whole + Sign(scaled) : whole) / power;
        }

        // ---- Arcs, and hyperbolic functions ----

        public static double Asin(double d) { return Abs(d) <= 1 ? Atan2(d, Sqrt((1 - d) * (1 + d))) : Double.NaN; }
        public static double Acos(double d) { return Abs(d) <= 1 ? Atan2(Sqrt((1 - d) * (1 + d)), d) : Double.NaN; }

        // Of small numbers the exponential functions lose digits, and a series does not.
        public static double Sinh(double x)
        {
            double square = x * x;
            if (Abs(x) < 0.3)
                return x * (1 + square / 6 * (1 + square / 20 * (1 + square / 42 * (1 + square / 72 * (1 + square / 110)))));
            if (Abs(x) > 700)
                return Exp(x / 2) * (Exp(x / 2) / 2) - Exp(-x / 2) * (Exp(-x / 2) / 2);
            double e = Exp(x);
            return (e - 1 / e) / 2;
        }

        public static double Cosh(double x)
        {
            if (Abs(x) > 700)
                return Exp(Abs(x) / 2) * (Exp(Abs(x) / 2) / 2);
            double e = Exp(x);
            return (e + 1 / e) / 2;
        }

        public static double Tanh(double x) { return x > 20 ? 1 : x < -20 ? -1 : Sinh(x) / Cosh(x); }

        public static double Cbrt(double d)
        {
            if (d == 0 || d != d || Double.IsInfinity(d))
                return d;
            double root = Sign(d) * Pow(Abs(d), 1.0 / 3);
            return root - (root * root * root - d) / (3 * root * root);
        }
    }
}

// SPDX-License-Identifier: MIT
//
// Sums, averages, largest and least elements of sequences. Elements that are null do not count.
using System.Collections.Generic;

namespace System.Linq
{
    public static partial class Enumerable
    {
        // ---- Sums ----

        public static int Sum(this IEnumerable<int> from) { return from.Aggregate(0, (a, b) => checked(a + b)); }
        public static int? Sum(this IEnumerable<int?> from) { return from.Values().Sum(); }
        public static int Sum<T>(this IEnumerable<T> from, Func<T, int> value) { return from.Select(value).Sum(); }
        public static int? Sum<T>(this IEnumerable<T> from, Func<T, int?> value) { return from.Select(value).Sum(); }
        public static long Sum(this IEnumerable<long> from) { return from.Aggregate(0L, (a, b) => checked(a + b)); }
        public static long? Sum(this IEnumerable<long?> from) { return from.Values().Sum(); }
        public static long Sum<T>(this IEnumerable<T> from, Func<T, long> value) { return from.Select(value).Sum(); }
        public static long? Sum<T>(this IEnumerable<T> from, Func<T, long?> value) { return from.Select(value).Sum(); }
        public static float Sum(this IEnumerable<float> from) { return (float)from.Aggregate(0.0, (a, b) => a + b); }
        public static float? Sum(this IEnumerable<float?> from) { return from.Values().Sum(); }
        public static float Sum<T>(this IEnumerable<T> from, Func<T, float> value) { return from.Select(value).Sum(); }
        public static float? Sum<T>(this IEnumerable<T> from, Func<T, float?> value) { return from.Select(value).Sum(); }
        public static double Sum(this IEnumerable<double> from) { return from.Aggregate(0.0, (a, b) => a + b); }
        public static double? Sum(this IEnumerable<double?> from) { return from.Values().Sum(); }
        public static double Sum<T>(this IEnumerable<T> from, Func<T, double> value) { return from.Select(value).Sum(); }
        public static double? Sum<T>(this IEnumerable<T> from, Func<T, double?> value) { return from.Select(value).Sum(); }
        public static decimal Sum(this IEnumerable<decimal> from) { return from.Aggregate(0m, (a, b) => a + b); }
        public static decimal? Sum(this IEnumerable<decimal?> from) { return from.Values().Sum(); }
        public static decimal Sum<T>(this IEnumerable<T> from, Func<T, decimal> value) { return from.Select(value).Sum(); }
        public static decimal? Sum<T>(this IEnumerable<T> from, Func<T, decimal?> value) { return from.Select(value).Sum(); }

        // Those that are not null.
        static IEnumerable<T> Values<T>(this IEnumerable<T?> from) where T : struct
        {
            Check(from);
            return from.Where(item => item.HasValue).Select(item => item.Value);
        }

        // ---- Averages ----

        // Returns false if there is no element.
        static bool Mean(IEnumerable<long> from, out double mean)
        {
            Check(from);
            long sum = 0, count = 0;
            foreach (long item in from)
            {
                sum = checked(sum + item);
                count++;
            }
            mean = (double)sum / count;
            return count != 0;
        }

        static bool Mean(IEnumerable<double> from, out double mean)
        {
            Check(from);
            double sum = 0;
            long count = 0;
            foreach (double item in from)
            {
                sum += item;
                count++;
            }
            mean = sum / count;
            return count != 0;
        }

        static bool Mean(IEnumerable<decimal> from, out decimal mean)
        {
            Check(from);
            decimal sum = 0;
            long count = 0;
            foreach (decimal item in from)
            {
                sum += item;
                count++;
            }
            mean = count == 0 ? 0 : sum / count;
            return count != 0;
        }

        public static double Average(this IEnumerable<int> from)
        {
            double mean;
            if (!Mean(from.Select(item => (long)item), out mean))
                throw Nothing();
            return mean;
        }

        public static double? Average(this IEnumerable<int?> from)
        {
            double mean;
            return Mean(from.Values().Select(item => (long)item), out mean) ? mean : (double?)null;
        }

        public static double Average<T>(this IEnumerable<T> from, Func<T, int> value) { return from.Select(value).Average(); }
        public static double? Average<T>(this IEnumerable<T> from, Func<T, int?> value) { return from.Select(value).Average(); }

        public static double Average(this IEnumerable<long> from)
        {
            double mean;
            if (!Mean(from, out mean))
                throw Nothing();
            return mean;
        }

        public static double? Average(this IEnumerable<long?> from)
        {
            double mean;
            return Mean(from.Values(), out mean) ? mean : (double?)null;
        }

        public static double Average<T>(this IEnumerable<T> from, Func<T, long> value) { return from.Select(value).Average(); }
        public static double? Average<T>(this IEnumerable<T> from, Func<T, long?> value) { return from.Select(value).Average(); }

        public static float Average(this IEnumerable<float> from)
        {
            double mean;
            if (!Mean(from.Select(item => (double)item), out mean))
                throw Nothing();
            return (float)mean;
        }

        public static float? Average(this IEnumerable<float?> from)
        {
            double mean;
            return Mean(from.Values().Select(item => (double)item), out mean) ? (float)mean : (float?)null;
        }

        public static float Average<T>(this IEnumerable<T> from, Func<T, float> value) { return from.Select(value).Average(); }
        public static float? Average<T>(this IEnumerable<T> from, Func<T, float?> value) { return from.Select(value).Average(); }

        public static double Average(this IEnumerable<double> from)
        {
            double mean;
            if (!Mean(from, out mean))
                throw Nothing();
            return mean;
        }

        public static double? Average(this IEnumerable<double?> from)
        {
            double mean;
            return Mean(from.Values(), out mean) ? mean : (double?)null;
        }

        public static double Average<T>(this IEnumerable<T> from, Func<T, double> value) { return from.Select(value).Average(); }
        public static double? Average<T>(this IEnumerable<T> from, Func<T, double?> value) { return from.Select(value).Average(); }

        public static decimal Average(this IEnumerable<decimal> from)
        {
            decimal mean;
            if (!Mean(from, out mean))
                throw Nothing();
            return mean;
        }

        public static decimal? Average(this IEnumerable<decimal?> from)
        {
            decimal mean;
            return Mean(from.Values(), out mean) ? mean : (decimal?)null;
        }

        public static decimal Average<T>(this IEnumerable<T> from, Func<T, decimal> value) { return from.Select(value).Average(); }
        public static decimal? Average<T>(this IEnumerable<T> from, Func<T, decimal?> value) { return from.Select(value).Average(); }

        // ---- Largest and least elements ----

        // Of nothing it is null, if the type has it.
        static T Most<T>(IEnumerable<T> from, bool isLeast)
        {
            T most = default(T);
            bool any = MayBeNull<T>.Value, isFirst = true;
            Comparer<T> order = Comparer<T>.Default;
            Check(from);
            foreach (T item in from)
            {
                if (MayBeNull<T>.Value && item == null)
                    continue;
                if (isFirst || (isLeast ? order.Compare(item, most) < 0 : order.Compare(item, most) > 0))
                    most = item;
                any = true;
                isFirst = false;
            }
            if (!any)
                throw Nothing();
            return most;
        }

        public static T Max<T>(this IEnumerable<T> from) { return Most(from, false); }
        public static T Min<T>(this IEnumerable<T> from) { return Most(from, true); }
        public static TResult Max<T, TResult>(this IEnumerable<T> from, Func<T, TResult> value) { return Most(from.Select(value), false); }
        public static TResult Min<T, TResult>(this IEnumerable<T> from, Func<T, TResult> value) { return Most(from.Select(value), true); }
    }
}

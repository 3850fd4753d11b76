// SPDX-License-Identifier: MIT
//
// Times and durations, in ticks of 100 ns. There are no time zones: every time is UTC. Text is that of the invariant
// culture.
using System.Text;

namespace System
{
    public enum DayOfWeek { Sunday, Monday, Tuesday, Wednesday, Thursday, Friday, Saturday }
    public enum DateTimeKind { Unspecified, Utc, Local }

    public partial struct TimeSpan : IComparable<TimeSpan>, IEquatable<TimeSpan>, IComparable, IFormattable
    {
        public const long TicksPerMillisecond = 10000;
        public const long TicksPerSecond = 1000 * TicksPerMillisecond;
        public const long TicksPerMinute = 60 * TicksPerSecond;
        public const long TicksPerHour = 60 * TicksPerMinute;
        public const long TicksPerDay = 24 * TicksPerHour;
        public static readonly TimeSpan Zero = new TimeSpan(0);
        public static readonly TimeSpan MaxValue = new TimeSpan(Int64.MaxValue);
        public static readonly TimeSpan MinValue = new TimeSpan(Int64.MinValue);

        readonly long ticks;

        public TimeSpan(long ticks) { this.ticks = ticks; }
        public TimeSpan(int hours, int minutes, int seconds) : this(0, hours, minutes, seconds, 0) { }
        public TimeSpan(int days, int hours, int minutes, int seconds) : this(days, hours, minutes, seconds, 0) { }

        public TimeSpan(int days, int hours, int minutes, int seconds, int milliseconds)
        {
            ticks = checked(days * TicksPerDay + hours * TicksPerHour + minutes * TicksPerMinute + seconds * TicksPerSecond +
                            milliseconds * TicksPerMillisecond);
        }

        static TimeSpan Of(double value, long unit)
        {
            double milliseconds = value * (unit / TicksPerMillisecond) + (value < 0 ? -0.5 : 0.5);
            if (Double.IsNaN(value))
                throw new ArgumentException("It is no number.");
            if (!(Math.Abs(milliseconds) <= Int64.MaxValue / TicksPerMillisecond))
                throw new OverflowException();
            return new TimeSpan((long)milliseconds * TicksPerMillisecond);
        }

        public static TimeSpan FromDays(double n) { return Of(n, TicksPerDay); }
        public static TimeSpan FromHours(double n) { return Of(n, TicksPerHour); }
        public static TimeSpan FromMinutes(double n) { return Of(n, TicksPerMinute); }
        public static TimeSpan FromSeconds(double n) { return Of(n, TicksPerSecond); }
        public static TimeSpan FromMilliseconds(double n) { return Of(n, TicksPerMillisecond); }
        public static TimeSpan FromTicks(long n) { return new TimeSpan(n); }

        public long Ticks { get { return ticks; } }
        public int Days { get { return (int)(ticks / TicksPerDay); } }
        public int Hours { get { return (int)(ticks / TicksPerHour % 24); } }
        public int Minutes { get { return (int)(ticks / TicksPerMinute % 60); } }
        public int Seconds { get { return (int)(ticks / TicksPerSecond % 60); } }
        public int Milliseconds { get { return (int)(ticks / TicksPerMillisecond % 1000); } }
        public double TotalDays { get { return (double)ticks / TicksPerDay; } }
        public double TotalHours { get { return (double)ticks / TicksPerHour; } }
        public double TotalMinutes { get { return (double)ticks / TicksPerMinute; } }
        public double TotalSeconds { get { return (double)ticks / TicksPerSecond; } }
        public double TotalMilliseconds { get { return (double)ticks / TicksPerMillisecond; } }

        public TimeSpan Add(TimeSpan t) { return new TimeSpan(checked(ticks + t.ticks)); }
        public TimeSpan Subtract(TimeSpan t) { return new TimeSpan(checked(ticks - t.ticks)); }
        public TimeSpan Negate() { return new TimeSpan(checked(-ticks)); }
        public TimeSpan Duration() { return ticks < 0 ? Negate() : this; }
        public static TimeSpan operator +(TimeSpan a, TimeSpan b) { return a.Add(b); }
        public static TimeSpan operator -(TimeSpan a, TimeSpan b) { return a.Subtract(b); }
        public static TimeSpan operator -(TimeSpan a) { return a.Negate(); }
        public static bool operator ==(TimeSpan a, TimeSpan b) { return a.ticks == b.ticks; }
        public static bool operator !=(TimeSpan a, TimeSpan b) { return a.ticks != b.ticks; }
        public static bool operator <(TimeSpan a, TimeSpan b) { return a.ticks < b.ticks; }
        public static bool operator >(TimeSpan a, TimeSpan b) { return a.ticks > b.ticks; }
        public static bool operator <=(TimeSpan a, TimeSpan b) { return a.ticks <= b.ticks; }
        public static bool operator >=(TimeSpan a, TimeSpan b) { return a.ticks >= b.ticks; }
        public int CompareTo(TimeSpan t) { return ticks.CompareTo(t.ticks); }
        public int CompareTo(object other) { return other == null ? 1 : CompareTo((TimeSpan)other); }
        public bool Equals(TimeSpan t) { return ticks == t.ticks; }
        public override bool Equals(object other) { return other is TimeSpan && Equals((TimeSpan)other); }
        public override int GetHashCode() { return ticks.GetHashCode(); }

        // [-][d.]hh:mm:ss[.fffffff]
        public override string ToString()
        {
            StringBuilder to = new StringBuilder();
            ulong left = ticks < 0 ? 0 - (ulong)ticks : (ulong)ticks, days = left / (ulong)TicksPerDay;
            if (ticks < 0)
                to.Append('-');
            if (days != 0)
                to.Append(days).Append('.');
            left %= (ulong)TicksPerDay;
            to.Append((left / (ulong)TicksPerHour).ToString("D2")).Append(':');
            to.Append((left / (ulong)TicksPerMinute % 60).ToString("D2")).Append(':');
            to.Append((left / (ulong)TicksPerSecond % 60).ToString("D2"));
            left %= (ulong)TicksPerSecond;
            return left == 0 ? to.ToString() : to.Append('.').Append(left.ToString("D7")).ToString();
        }

    }

    public partial struct DateTime : IComparable<DateTime>, IEquatable<DateTime>, IComparable, IFormattable, IConvertible
    {
        const long LastTicks = 3155378975999999999, UnixTicks = 621355968000000000;
        const int DaysIn400Years = 146097;
        const string Months = "January,February,March,April,May,June,July,August,September,October,November,December";

        public static readonly DateTime MinValue = new DateTime(0);
        public static readonly DateTime MaxValue = new DateTime(LastTicks);

        const int KindShift = 62;
        const long TicksMask = (1L << KindShift) - 1;

        readonly long data; // ticks since 0001-01-01, and a DateTimeKind above them

        public DateTime(long ticks) : this(ticks, DateTimeKind.Unspecified) { }

        public DateTime(long ticks, DateTimeKind kind)
        {
            if (ticks < 0 || ticks > LastTicks)
                throw new ArgumentOutOfRangeException("ticks");
            data = ticks | (long)kind << KindShift;
        }

        long ticks { get { return data & TicksMask; } }

        public DateTime(int year, int month, int day) : this(DaysBefore(year, month, day) * TimeSpan.TicksPerDay) { }

        public DateTime(int year, int month, int day, int hour, int minute, int second)
            : this(year, month, day, hour, minute, second, 0) { }

        public DateTime(int year, int month, int day, int hour, int minute, int second, int millisecond)
        {
            if ((uint)hour > 23 || (uint)minute > 59 || (uint)second > 59 || (uint)millisecond > 999)
                throw new ArgumentOutOfRangeException("hour");
            data = DaysBefore(year, month, day) * TimeSpan.TicksPerDay +
                    new TimeSpan(0, hour, minute, second, millisecond).Ticks;
        }

        public static bool IsLeapYear(int year)
        {
            if (year < 1 || year > 9999)
                throw new ArgumentOutOfRangeException("year");
            return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        }

        public static int DaysInMonth(int year, int month)
        {
            if (month < 1 || month > 12)
                throw new ArgumentOutOfRangeException("month");
            return month == 2 ? (IsLeapYear(year) ? 29 : 28) : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
        }

        // A year that begins in March ends with its leap day.
        static long DaysBefore(int year, int month, int day)
        {
            if (day < 1 || day > DaysInMonth(year, month))
                throw new ArgumentOutOfRangeException("day");
            int y = month < 3 ? year - 1 : year, m = month < 3 ? month + 9 : month - 3;
            return 365L * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 306;
        }

        void Split(out int year, out int month, out int day)
        {
            int days = (int)(ticks / TimeSpan.TicksPerDay) + 306, era = days / DaysIn400Years, rest = days % DaysIn400Years;
            int y = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
            int inYear = rest - (365 * y + y / 4 - y / 100), m = (5 * inYear + 2) / 153;
            day = inYear - (153 * m + 2) / 5 + 1;
            month = m < 10 ? m + 3 : m - 9;
            year = 400 * era + y + (month < 3 ? 1 : 0);
        }

        int Part(int which)
        {
            int year, month, day;
            Split(out year, out month, out day);
            return which == 0 ? year : which == 1 ? month : day;
        }

        public static DateTime UtcNow { get { return new DateTime(UnixTicks + Environment.Nanoseconds(false) / 100, DateTimeKind.Utc); } }
        public static DateTime Now { get { return new DateTime(UtcNow.ticks, DateTimeKind.Local); } }
        public static DateTime Today { get { return Now.Date; } }
        public long Ticks { get { return ticks; } }
        public int Year { get { return Part(0); } }
        public int Month { get { return Part(1); } }
        public int Day { get { return Part(2); } }
        public int Hour { get { return (int)(ticks / TimeSpan.TicksPerHour % 24); } }
        public int Minute { get { return (int)(ticks / TimeSpan.TicksPerMinute % 60); } }
        public int Second { get { return (int)(ticks / TimeSpan.TicksPerSecond % 60); } }
        public int Millisecond { get { return (int)(ticks / TimeSpan.TicksPerMillisecond % 1000); } }
        public DayOfWeek DayOfWeek { get { return (DayOfWeek)((ticks / TimeSpan.TicksPerDay + 1) % 7); } }
        public int DayOfYear { get { return (int)((ticks - new DateTime(Year, 1, 1).ticks) / TimeSpan.TicksPerDay) + 1; } }
        public DateTime Date { get { return new DateTime(ticks - ticks % TimeSpan.TicksPerDay, Kind); } }
        public TimeSpan TimeOfDay { get { return new TimeSpan(ticks % TimeSpan.TicksPerDay); } }
        public DateTime ToUniversalTime() { return new DateTime(ticks, DateTimeKind.Utc); }
        public DateTime ToLocalTime() { return new DateTime(ticks, DateTimeKind.Local); }

        public DateTime AddTicks(long n) { return new DateTime(checked(ticks + n), Kind); }
        public DateTime Add(TimeSpan t) { return AddTicks(t.Ticks); }
        public DateTime AddDays(double n) { return Add(TimeSpan.FromDays(n)); }
        public DateTime AddHours(double n) { return Add(TimeSpan.FromHours(n)); }
        public DateTime AddMinutes(double n) { return Add(TimeSpan.FromMinutes(n)); }
        public DateTime AddSeconds(double n) { return Add(TimeSpan.FromSeconds(n)); }
        public DateTime AddMilliseconds(double n) { return Add(TimeSpan.FromMilliseconds(n)); }
        public DateTime AddYears(int n) { return AddMonths(checked(12 * n)); }

        public DateTime AddMonths(int n)
        {
            int year, month, day;
            Split(out year, out month, out day);
            int months = checked(12 * year + month - 1 + n);
            if (months < 12 || months >= 120000)
                throw new ArgumentOutOfRangeException("n");
            year = months / 12;
            month = months % 12 + 1;
            return SpecifyKind(new DateTime(year, month, Math.Min(day, DaysInMonth(year, month))), Kind).AddTicks(ticks % TimeSpan.TicksPerDay);
        }

        public TimeSpan Subtract(DateTime t) { return new TimeSpan(ticks - t.ticks); }
        public static TimeSpan operator -(DateTime a, DateTime b) { return a.Subtract(b); }
        public static DateTime operator +(DateTime a, TimeSpan b) { return a.Add(b); }
        public static DateTime operator -(DateTime a, TimeSpan b) { return a.AddTicks(checked(-b.Ticks)); }
        public static bool operator ==(DateTime a, DateTime b) { return a.ticks == b.ticks; }
        public static bool operator !=(DateTime a, DateTime b) { return a.ticks != b.ticks; }
        public static bool operator <(DateTime a, DateTime b) { return a.ticks < b.ticks; }
        public static bool operator >(DateTime a, DateTime b) { return a.ticks > b.ticks; }
        public static bool operator <=(DateTime a, DateTime b) { return a.ticks <= b.ticks; }
        public static bool operator >=(DateTime a, DateTime b) { return a.ticks >= b.ticks; }
        public int CompareTo(DateTime t) { return ticks.CompareTo(t.ticks); }
        public int CompareTo(object other) { return other == null ? 1 : CompareTo((DateTime)other); }
        public bool Equals(DateTime t) { return ticks == t.ticks; }
        public override bool Equals(object other) { return other is DateTime && Equals((DateTime)other); }
        public override int GetHashCode() { return ticks.GetHashCode(); }

        // ---- Text ----

        static string Pattern(char letter)
        {
            switch (letter)
            {
            case 'd': return "MM/dd/yyyy";
            case 'D': return "dddd, dd MMMM yyyy";
            case 't': return "HH:mm";
            case 'T': return "HH:mm:ss";
            case 'f': return "dddd, dd MMMM yyyy HH:mm";
            case 'F': return "dddd, dd MMMM yyyy HH:mm:ss";
            case 'g': return "MM/dd/yyyy HH:mm";
            case 'G': return "MM/dd/yyyy HH:mm:ss";
            case 'm':
            case 'M': return "MMMM dd";
            case 'y':
            case 'Y': return "yyyy MMMM";
            case 'R':
            case 'r': return "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'";
            case 's': return "yyyy'-'MM'-'dd'T'HH':'mm':'ss";
            case 'u': return "yyyy'-'MM'-'dd HH':'mm':'ss'Z'";
            case 'o':
            case 'O': return "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK";
            default: throw new FormatException();
            }
        }

        static string Name(string name, int count) { return count == 3 ? name.Substring(0, 3) : name; }

        string Field(char letter, int count)
        {
            string digits = count > 1 ? "D2" : "D1";
            switch (letter)
            {
            case 'K': return Kind == DateTimeKind.Utc ? "Z" : Kind == DateTimeKind.Local ? "+00:00" : "";
            case 'z': return count == 1 ? "+0" : count == 2 ? "+00" : "+00:00";
            case 'F': return (ticks % TimeSpan.TicksPerSecond).ToString("D7").Substring(0, Math.Min(count, 7)).TrimEnd('0');
            case 'y': return count <= 2 ? (Year % 100).ToString(digits) : Year.ToString("D" + count);
            case 'M': return count > 2 ? Name(Months.Split(',')[Month - 1], count) : Month.ToString(digits);
            case 'd': return count > 2 ? Name(DayOfWeek.ToString(), count) : Day.ToString(digits);
            case 'H': return Hour.ToString(digits);
            case 'h': return ((Hour + 11) % 12 + 1).ToString(digits);
            case 'm': return Minute.ToString(digits);
            case 's': return Second.ToString(digits);
            case 't': return (Hour < 12 ? "AM" : "PM").Substring(0, count == 1 ? 1 : 2);
            case 'f':
                if (count > 7)
                    throw new FormatException();
                return (ticks % TimeSpan.TicksPerSecond).ToString("D7").Substring(0, count);
            default: return null;
            }
        }

        public TypeCode GetTypeCode() { return TypeCode.DateTime; }
        bool IConvertible.ToBoolean(IFormatProvider provider) { throw Convert.None("DateTime", "Boolean"); }
        char IConvertible.ToChar(IFormatProvider provider) { throw Convert.None("DateTime", "Char"); }
        sbyte IConvertible.ToSByte(IFormatProvider provider) { throw Convert.None("DateTime", "SByte"); }
        byte IConvertible.ToByte(IFormatProvider provider) { throw Convert.None("DateTime", "Byte"); }
        short IConvertible.ToInt16(IFormatProvider provider) { throw Convert.None("DateTime", "Int16"); }
        ushort IConvertible.ToUInt16(IFormatProvider provider) { throw Convert.None("DateTime", "UInt16"); }
        int IConvertible.ToInt32(IFormatProvider provider) { throw Convert.None("DateTime", "Int32"); }
        uint IConvertible.ToUInt32(IFormatProvider provider) { throw Convert.None("DateTime", "UInt32"); }
        long IConvertible.ToInt64(IFormatProvider provider) { throw Convert.None("DateTime", "Int64"); }
        ulong IConvertible.ToUInt64(IFormatProvider provider) { throw Convert.None("DateTime", "UInt64"); }
        float IConvertible.ToSingle(IFormatProvider provider) { throw Convert.None("DateTime", "Single"); }
        double IConvertible.ToDouble(IFormatProvider provider) { throw Convert.None("DateTime", "Double"); }
        decimal IConvertible.ToDecimal(IFormatProvider provider) { throw Convert.None("DateTime", "Decimal"); }
        DateTime IConvertible.ToDateTime(IFormatProvider provider) { return this; }
        object IConvertible.ToType(Type type, IFormatProvider provider) { return Convert.ToType(this, type); }

        public override string ToString() { return ToString("G"); }
        public string ToString(IFormatProvider provider) { return ToString("G"); }
        public string ToString(string format, IFormatProvider provider) { return ToString(format); }
        public string ToShortDateString() { return ToString("d"); }
        public string ToLongDateString() { return ToString("D"); }
        public string ToShortTimeString() { return ToString("t"); }
        public string ToLongTimeString() { return ToString("T"); }

        public string ToString(string format)
        {
            string pattern = format == null || format.Length == 0 ? Pattern('G')
                             : format.Length == 1 ? Pattern(format[0]) : format;
            StringBuilder to = new StringBuilder();
            for (int at = 0; at < pattern.Length;)
            {
                char c = pattern[at];
                int end = at + 1;
                if (c == '%')
                {
                    at++;
                    continue;
                }
                if (c == '\'' || c == '"' || c == '\\')
                {
                    end = c == '\\' ? at + 1 : pattern.IndexOf(c, at + 1);
                    if (end < 0 || end >= pattern.Length)
                        throw new FormatException();
                    to.Append(c == '\\' ? pattern.Substring(end, 1) : pattern.Substring(at + 1, end - at - 1));
                    at = end + 1;
                    continue;
                }
                while (end < pattern.Length && pattern[end] == c)
                    end++;
                string field = Field(c, end - at);
                to.Append(field == null ? pattern.Substring(at, end - at) : field);
                at = end;
            }
            return to.ToString();
        }
    }
}

namespace System.Diagnostics
{
    public class Stopwatch
    {
        public static readonly long Frequency = 1000000000;
        public static readonly bool IsHighResolution = true;

        long before, start; // nanoseconds
        bool isRunning;

        public static long GetTimestamp() { return Environment.Nanoseconds(true); }

        public static Stopwatch StartNew()
        {
            Stopwatch s = new Stopwatch();
            s.Start();
            return s;
        }

        public void Start()
        {
            if (!isRunning)
                start = GetTimestamp();
            isRunning = true;
        }

        public void Stop()
        {
            before = ElapsedTicks;
            isRunning = false;
        }

        public void Reset()
        {
            before = 0;
            isRunning = false;
        }

        public void Restart()
        {
            Reset();
            Start();
        }

        public bool IsRunning { get { return isRunning; } }
        public long ElapsedTicks { get { return before + (isRunning ? GetTimestamp() - start : 0); } }
        public long ElapsedMilliseconds { get { return ElapsedTicks / 1000000; } }
        public TimeSpan Elapsed { get { return new TimeSpan(ElapsedTicks / 100); } }
    }
}

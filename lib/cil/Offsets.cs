// SPDX-License-Identifier: MIT
//
// Times with their distance from UTC, which the program chooses: there are no time zones.
namespace System
{
    public struct DateTimeOffset : IComparable<DateTimeOffset>, IEquatable<DateTimeOffset>, IComparable, IFormattable
    {
        const long UnixTicks = 621355968000000000, OffsetMax = 14 * TimeSpan.TicksPerHour;

        public static readonly DateTimeOffset MinValue = new DateTimeOffset(DateTime.MinValue, TimeSpan.Zero);
        public static readonly DateTimeOffset MaxValue = new DateTimeOffset(DateTime.MaxValue, TimeSpan.Zero);

        readonly DateTime utc;
        readonly TimeSpan offset; // a whole number of minutes

        public DateTimeOffset(DateTime time) : this(time, TimeSpan.Zero) { }
        public DateTimeOffset(long ticks, TimeSpan offset) : this(new DateTime(ticks), offset) { }

        public DateTimeOffset(DateTime time, TimeSpan offset)
        {
            if (offset.Ticks % TimeSpan.TicksPerMinute != 0)
                throw new ArgumentException("The offset has seconds.");
            if (offset.Ticks > OffsetMax || offset.Ticks < -OffsetMax)
                throw new ArgumentOutOfRangeException("offset");
            utc = time - offset;
            this.offset = offset;
        }

        public DateTimeOffset(int year, int month, int day, int hour, int minute, int second, TimeSpan offset)
            : this(new DateTime(year, month, day, hour, minute, second), offset) { }

        public static DateTimeOffset UtcNow { get { return new DateTimeOffset(DateTime.UtcNow); } }
        public static DateTimeOffset Now { get { return UtcNow; } }
        public DateTime UtcDateTime { get { return utc; } }
        public DateTime DateTime { get { return utc + offset; } }
        public TimeSpan Offset { get { return offset; } }
        public DateTime Date { get { return DateTime.Date; } }
        public TimeSpan TimeOfDay { get { return DateTime.TimeOfDay; } }
        public long Ticks { get { return DateTime.Ticks; } }
        public long UtcTicks { get { return utc.Ticks; } }
        public int Year { get { return DateTime.Year; } }
        public int Month { get { return DateTime.Month; } }
        public int Day { get { return DateTime.Day; } }
        public int Hour { get { return DateTime.Hour; } }
        public int Minute { get { return DateTime.Minute; } }
        public int Second { get { return DateTime.Second; } }
        public int Millisecond { get { return DateTime.Millisecond; } }
        public DayOfWeek DayOfWeek { get { return DateTime.DayOfWeek; } }
        public DateTimeOffset ToOffset(TimeSpan other) { return new DateTimeOffset(utc + other, other); }
        public DateTimeOffset ToUniversalTime() { return new DateTimeOffset(utc); }

        public DateTimeOffset Add(TimeSpan t) { return new DateTimeOffset(DateTime + t, offset); }
        public DateTimeOffset AddDays(double n) { return Add(TimeSpan.FromDays(n)); }
        public DateTimeOffset AddHours(double n) { return Add(TimeSpan.FromHours(n)); }
        public DateTimeOffset AddMinutes(double n) { return Add(TimeSpan.FromMinutes(n)); }
        public DateTimeOffset AddSeconds(double n) { return Add(TimeSpan.FromSeconds(n)); }
        public DateTimeOffset AddMonths(int n) { return new DateTimeOffset(DateTime.AddMonths(n), offset); }
        public TimeSpan Subtract(DateTimeOffset other) { return utc - other.utc; }
        public DateTimeOffset Subtract(TimeSpan t) { return new DateTimeOffset(DateTime - t, offset); }

        static long Floor(long ticks, long unit) { return ticks / unit - (ticks % unit < 0 ? 1 : 0); }
        public long ToUnixTimeSeconds() { return Floor(utc.Ticks - UnixTicks, TimeSpan.TicksPerSecond); }
        public long ToUnixTimeMilliseconds() { return Floor(utc.Ticks - UnixTicks, TimeSpan.TicksPerMillisecond); }

        static DateTimeOffset FromUnix(long n, long unit)
        {
            if (n < -UnixTicks / unit || n > (DateTime.MaxValue.Ticks - UnixTicks) / unit)
                throw new ArgumentOutOfRangeException("n");
            return new DateTimeOffset(new DateTime(UnixTicks + n * unit));
        }

        public static DateTimeOffset FromUnixTimeSeconds(long n) { return FromUnix(n, TimeSpan.TicksPerSecond); }
        public static DateTimeOffset FromUnixTimeMilliseconds(long n) { return FromUnix(n, TimeSpan.TicksPerMillisecond); }

        public static implicit operator DateTimeOffset(DateTime time) { return new DateTimeOffset(time); }
        public static DateTimeOffset operator +(DateTimeOffset a, TimeSpan t) { return a.Add(t); }
        public static DateTimeOffset operator -(DateTimeOffset a, TimeSpan t) { return a.Subtract(t); }
        public static TimeSpan operator -(DateTimeOffset a, DateTimeOffset b) { return a.Subtract(b); }
        public static bool operator ==(DateTimeOffset a, DateTimeOffset b) { return a.utc == b.utc; }
        public static bool operator !=(DateTimeOffset a, DateTimeOffset b) { return a.utc != b.utc; }
        public static bool operator <(DateTimeOffset a, DateTimeOffset b) { return a.utc < b.utc; }
        public static bool operator >(DateTimeOffset a, DateTimeOffset b) { return a.utc > b.utc; }
        public static bool operator <=(DateTimeOffset a, DateTimeOffset b) { return a.utc <= b.utc; }
        public static bool operator >=(DateTimeOffset a, DateTimeOffset b) { return a.utc >= b.utc; }
        public static int Compare(DateTimeOffset a, DateTimeOffset b) { return a.CompareTo(b); }
        public int CompareTo(DateTimeOffset other) { return utc.CompareTo(other.utc); }
        int IComparable.CompareTo(object other) { return other == null ? 1 : CompareTo((DateTimeOffset)other); }
        public bool Equals(DateTimeOffset other) { return utc == other.utc; }
        public bool EqualsExact(DateTimeOffset other) { return utc == other.utc && offset == other.offset; }
        public override bool Equals(object other) { return other is DateTimeOffset && Equals((DateTimeOffset)other); }
        public override int GetHashCode() { return utc.GetHashCode(); }

        string OffsetText()
        {
            int minutes = (int)(offset.Ticks / TimeSpan.TicksPerMinute), size = Math.Abs(minutes);
            return String.Concat(minutes < 0 ? "-" : "+", (size / 60).ToString("D2"), ":", (size % 60).ToString("D2"));
        }

        public override string ToString() { return String.Concat(DateTime.ToString(), " ", OffsetText()); }
        public string ToString(IFormatProvider provider) { return ToString(); }
        public string ToString(string format, IFormatProvider provider) { return ToString(format); }

        // "o" has the offset, "u" and "r" are in UTC; other formats are those of the time.
        public string ToString(string format)
        {
            if (format == null || format.Length == 0)
                return ToString();
            if (format == "o" || format == "O")
                return String.Concat(DateTime.ToString("o"), OffsetText());
            return (format == "u" ? utc : DateTime).ToString(format);
        }
    }
}

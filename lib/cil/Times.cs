// SPDX-License-Identifier: MIT
//
// Times read from text and written in other forms.
using System.Globalization;
using System.Text;

namespace System.Globalization
{
    [Flags]
    public enum DateTimeStyles
    {
        None = 0, AllowLeadingWhite = 1, AllowTrailingWhite = 2, AllowInnerWhite = 4, AllowWhiteSpaces = 7, NoCurrentDateDefault = 8,
        AdjustToUniversal = 16, AssumeLocal = 32, AssumeUniversal = 64, RoundtripKind = 128,
    }
}

namespace System
{
    public partial struct TimeSpan
    {
        public static int Compare(TimeSpan t1, TimeSpan t2) { return t1.CompareTo(t2); }
        public static bool Equals(TimeSpan t1, TimeSpan t2) { return t1 == t2; }
        public static TimeSpan operator +(TimeSpan t) { return t; }
        public static TimeSpan operator *(TimeSpan t, double factor) { return new TimeSpan(checked((long)Math.Round(t.ticks * factor))); }
        public static TimeSpan operator *(double factor, TimeSpan t) { return t * factor; }
        public static TimeSpan operator /(TimeSpan t, double divisor) { return new TimeSpan(checked((long)Math.Round(t.ticks / divisor))); }
        public static double operator /(TimeSpan a, TimeSpan b) { return a.ticks / (double)b.ticks; }
        public TimeSpan Multiply(double factor) { return this * factor; }
        public TimeSpan Divide(double divisor) { return this / divisor; }
        public double Divide(TimeSpan t) { return this / t; }

        static Exception Malformed() { return new FormatException("Input string was not in a correct format."); }

        string Field(char letter, int count)
        {
            long part = Math.Abs(ticks % TicksPerSecond);
            switch (letter)
            {
            case 'd': return Math.Abs(Days).ToString(String.Concat("D", count));
            case 'h': return Math.Abs(Hours).ToString(String.Concat("D", Math.Min(count, 2)));
            case 'm': return Math.Abs(Minutes).ToString(String.Concat("D", Math.Min(count, 2)));
            case 's': return Math.Abs(Seconds).ToString(String.Concat("D", Math.Min(count, 2)));
            case 'f': return part.ToString("D7").Substring(0, Math.Min(count, 7));
            case 'F': return part.ToString("D7").Substring(0, Math.Min(count, 7)).TrimEnd('0');
            default: throw Malformed();
            }
        }

        public string ToString(string format) { return ToString(format, null); }

        public string ToString(string format, IFormatProvider provider)
        {
            if (String.IsNullOrEmpty(format) || format == "c" || format == "t" || format == "T")
                return ToString();
            if (format == "g" || format == "G")
            {
                bool isLong = format == "G";
                string days = isLong || Days != 0 ? String.Concat(Field('d', 1), ":") : "", rest = isLong ? Field('f', 7) : Field('F', 7);
                return String.Concat(String.Concat(ticks < 0 ? "-" : "", days), Field('h', isLong ? 2 : 1), String.Concat(":", Field('m', 2), ":"),
                                     String.Concat(Field('s', 2), rest == "" ? "" : ".", rest));
            }
            if (format.Length == 1)
                throw Malformed();
            StringBuilder to = new StringBuilder();
            for (int at = 0; at < format.Length;)
            {
                char c = format[at];
                int end = at + 1;
                if (c == '\\' || c == '%')
                {
                    if (end == format.Length)
                        throw Malformed();
                    if (c == '\\')
                        to.Append(format[end]);
                    at += c == '\\' ? 2 : 1;
                    continue;
                }
                if (c == '\'' || c == '"')
                {
                    end = format.IndexOf(c, at + 1);
                    if (end < 0)
                        throw Malformed();
                    to.Append(format.Substring(at + 1, end - at - 1));
                    at = end + 1;
                    continue;
                }
                while (end < format.Length && format[end] == c)
                    end++;
                to.Append(Field(c, end - at));
                at = end;
            }
            return to.ToString();
        }

        // [-][days.]hours:minutes[:seconds[.fraction]], or days alone.
        public static bool TryParse(string s, out TimeSpan result)
        {
            TextScanner scan = new TextScanner(s);
            long days, hours = 0, minutes = 0, seconds = 0, fraction = 0;
            result = Zero;
            scan.SkipBlanks();
            bool isNegative = scan.Take('-'), isGood = scan.Number(1, 8, out days);
            if (scan.Peek() == ':' || scan.Take('.'))
            {
                if (scan.Peek() == ':')
                {
                    hours = days;
                    days = 0;
                }
                else
                    isGood &= scan.Number(1, 2, out hours);
                isGood &= scan.Take(':') && scan.Number(1, 2, out minutes);
                if (scan.Take(':'))
                {
                    isGood &= scan.Number(1, 2, out seconds);
                    if (scan.Take('.'))
                        isGood &= scan.Fraction(out fraction);
                }
            }
            scan.SkipBlanks();
            if (!isGood || !scan.IsAtEnd || hours > 23 || minutes > 59 || seconds > 59)
                return false;
            long all = ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
            all = all * TicksPerSecond + fraction;
            result = new TimeSpan(isNegative ? -all : all);
            return true;
        }

        public static bool TryParse(string s, IFormatProvider provider, out TimeSpan result) { return TryParse(s, out result); }

        public static TimeSpan Parse(string s)
        {
            TimeSpan result;
            if (s == null)
                throw new ArgumentNullException("s");
            if (!TryParse(s, out result))
                throw new FormatException("String was not recognized as a valid TimeSpan.");
            return result;
        }

        public static TimeSpan Parse(string s, IFormatProvider provider) { return Parse(s); }
    }

    // A place in a text that is read.
    struct TextScanner
    {
        readonly string text;
        int at;

        internal TextScanner(string text)
        {
            this.text = text ?? "";
            at = 0;
        }

        internal bool IsAtEnd { get { return at == text.Length; } }
        internal char Peek() { return at < text.Length ? text[at] : '\0'; }

        internal void SkipBlanks()
        {
            while (at < text.Length && Char.IsWhiteSpace(text[at]))
                at++;
        }

        internal bool Take(char c)
        {
            bool isHere = at < text.Length && text[at] == c;
            at += isHere ? 1 : 0;
            return isHere;
        }

        internal bool Take(string s)
        {
            bool isHere = String.Compare(text, at, s, 0, s.Length, true) == 0;
            at += isHere ? s.Length : 0;
            return isHere;
        }

        internal bool Number(int least, int most, out long value)
        {
            int start = at;
            value = 0;
            for (; at < text.Length && at - start < most && text[at] >= '0' && text[at] <= '9'; at++)
                value = 10 * value + (text[at] - '0');
            return at - start >= least;
        }

        // Of a second, in ticks.
        internal bool Fraction(out long ticks)
        {
            int start = at;
            bool isGood = Number(1, 7, out ticks);
            for (int n = at - start; n < 7; n++)
                ticks *= 10;
            return isGood;
        }
    }

    public partial struct DateTime
    {
        public static readonly DateTime UnixEpoch = new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);

        public DateTime(int year, int month, int day, int hour, int minute, int second, DateTimeKind kind)
            : this(new DateTime(year, month, day, hour, minute, second).ticks, kind) { }

        public DateTime(int year, int month, int day, int hour, int minute, int second, int millisecond, DateTimeKind kind)
            : this(new DateTime(year, month, day, hour, minute, second, millisecond).ticks, kind) { }

        public DateTimeKind Kind { get { return (DateTimeKind)((ulong)data >> KindShift); } }
        public static DateTime SpecifyKind(DateTime value, DateTimeKind kind) { return new DateTime(value.ticks, kind); }
        public static int Compare(DateTime t1, DateTime t2) { return t1.CompareTo(t2); }
        public static bool Equals(DateTime t1, DateTime t2) { return t1 == t2; }
        public DateTime Subtract(TimeSpan value) { return this - value; }
        public bool IsDaylightSavingTime() { return false; }
        public long ToBinary() { return data; }
        public static DateTime FromBinary(long data) { return new DateTime(data & TicksMask, (DateTimeKind)((ulong)data >> KindShift)); }
        public long ToFileTime() { return ticks - FileTicks; }
        public static DateTime FromFileTimeUtc(long fileTime) { return new DateTime(fileTime + FileTicks, DateTimeKind.Utc); }

        const long FileTicks = 504911232000000000; // of the year 1601

        // Of the day, of the time, and what follows it. Null: it has none of these.
        static bool ReadTime(ref TextScanner scan, ref long time)
        {
            long hour, minute = 0, second = 0, fraction = 0;
            if (!scan.Number(1, 2, out hour) || !scan.Take(':') || !scan.Number(1, 2, out minute))
                return false;
            if (scan.Take(':') && !scan.Number(1, 2, out second))
                return false;
            if (scan.Take('.') && !scan.Fraction(out fraction))
                return false;
            scan.SkipBlanks();
            bool isMorning = scan.Take("AM"), isEvening = !isMorning && scan.Take("PM");
            if (isMorning || isEvening)
            {
                if (hour < 1 || hour > 12)
                    return false;
                hour = hour % 12 + (isEvening ? 12 : 0);
            }
            time = ((hour * 60 + minute) * 60 + second) * TimeSpan.TicksPerSecond + fraction;
            return hour < 24 && minute < 60 && second < 60;
        }

        static int MonthNamed(ref TextScanner scan)
        {
            string[] names = Months.Split(',');
            for (int n = 0; n < 12; n++)
                if (scan.Take(names[n]) || scan.Take(names[n].Substring(0, 3)))
                    return n + 1;
            return 0;
        }

        static void SkipBetween(ref TextScanner scan)
        {
            scan.SkipBlanks();
            scan.Take(',');
            scan.SkipBlanks();
        }

        // 2024-01-31, 2024/01/31, 01/31/2024, 31 January 2024, January 31, 2024; the name of the day may come first.
        static bool ReadDate(ref TextScanner scan, ref long year, ref long month, ref long day)
        {
            long first;
            for (int n = 0; n < 7; n++)
            {
                string name = ((DayOfWeek)n).ToString();
                if (scan.Take(name) || scan.Take(name.Substring(0, 3)))
                    SkipBetween(ref scan);
            }
            month = MonthNamed(ref scan);
            if (month != 0)
            {
                scan.SkipBlanks();
                if (!scan.Number(1, 2, out day))
                    return false;
                SkipBetween(ref scan);
                return scan.Number(4, 4, out year);
            }
            if (!scan.Number(1, 4, out first))
                return false;
            char between = scan.Peek();
            if (between != '-' && between != '/' && between != '.')
            {
                SkipBetween(ref scan);
                day = first;
                month = MonthNamed(ref scan);
                SkipBetween(ref scan);
                return month != 0 && scan.Number(4, 4, out year);
            }
            scan.Take(between);
            if (first > 31)
            {
                year = first;
                return scan.Number(1, 2, out month) && scan.Take(between) && scan.Number(1, 2, out day);
            }
            month = first;
            return scan.Number(1, 2, out day) && scan.Take(between) && scan.Number(4, 4, out year);
        }

        // The offset from UTC, in minutes. There are no time zones: a time with one becomes UTC.
        static bool ReadOffset(ref TextScanner scan, ref long offset)
        {
            long hours, minutes;
            bool isBehind = scan.Peek() == '-';
            if (!scan.Take('+') && !scan.Take('-'))
                return scan.Take('Z') || scan.Take("GMT");
            if (!scan.Number(2, 2, out hours))
                return false;
            scan.Take(':');
            if (!scan.Number(2, 2, out minutes))
                return false;
            offset = (hours * 60 + minutes) * (isBehind ? -1 : 1);
            return true;
        }

        public static bool TryParse(string s, out DateTime result)
        {
            TextScanner scan = new TextScanner(s);
            long year = 0, month = 0, day = 0, time = 0, offset = 0;
            DateTimeKind kind = DateTimeKind.Unspecified;
            result = MinValue;
            scan.SkipBlanks();
            TextScanner start = scan;
            if (ReadTime(ref scan, ref time))
            {
                DateTime today = Today;
                year = today.Year;
                month = today.Month;
                day = today.Day;
            }
            else
            {
                scan = start;
                time = 0;
                if (!ReadDate(ref scan, ref year, ref month, ref day))
                    return false;
                if (!scan.Take('T'))
                    SkipBetween(ref scan);
                if (scan.Peek() >= '0' && scan.Peek() <= '9' && !ReadTime(ref scan, ref time))
                    return false;
                scan.SkipBlanks();
                if (!scan.IsAtEnd)
                {
                    if (!ReadOffset(ref scan, ref offset))
                        return false;
                    kind = DateTimeKind.Local;
                }
            }
            scan.SkipBlanks();
            if (!scan.IsAtEnd || year < 1 || month < 1 || month > 12 || day < 1 || day > DaysInMonth((int)year, (int)month))
                return false;
            long ticks = new DateTime((int)year, (int)month, (int)day).ticks + time - offset * TimeSpan.TicksPerMinute;
            if (ticks < 0 || ticks > LastTicks)
                return false;
            result = new DateTime(ticks, kind);
            return true;
        }

        static Exception NoTime() { return new FormatException("String was not recognized as a valid DateTime."); }

        public static DateTime Parse(string s)
        {
            DateTime result;
            if (s == null)
                throw new ArgumentNullException("s");
            if (!TryParse(s, out result))
                throw NoTime();
            return result;
        }

        static DateTime Styled(DateTime t, DateTimeStyles styles)
        {
            if (t.Kind == DateTimeKind.Unspecified && (styles & DateTimeStyles.AssumeUniversal) != 0)
                t = SpecifyKind(t, DateTimeKind.Local);
            bool isUtc = (styles & (DateTimeStyles.AdjustToUniversal | DateTimeStyles.RoundtripKind)) != 0;
            return t.Kind == DateTimeKind.Local && isUtc ? SpecifyKind(t, DateTimeKind.Utc) : t;
        }

        public static DateTime Parse(string s, IFormatProvider provider) { return Parse(s); }
        public static DateTime Parse(string s, IFormatProvider provider, DateTimeStyles styles) { return Styled(Parse(s), styles); }

        public static bool TryParse(string s, IFormatProvider provider, DateTimeStyles styles, out DateTime result)
        {
            bool isRead = TryParse(s, out result);
            result = Styled(result, styles);
            return isRead;
        }

        // ---- In a format ----

        static bool ReadField(ref TextScanner scan, char letter, int count, long[] parts)
        {
            switch (letter)
            {
            case 'y':
                bool isRead = scan.Number(count > 2 ? 4 : count, count > 2 ? 4 : 2, out parts[0]);
                parts[0] += count > 2 ? 0 : parts[0] < 30 ? 2000 : 1900;
                return isRead;
            case 'M':
                if (count < 3)
                    return scan.Number(count, 2, out parts[1]);
                parts[1] = MonthNamed(ref scan);
                return parts[1] != 0;
            case 'd':
                if (count < 3)
                    return scan.Number(count, 2, out parts[2]);
                for (int n = 0; n < 7; n++)
                {
                    string name = ((DayOfWeek)n).ToString();
                    if (scan.Take(count == 3 ? name.Substring(0, 3) : name))
                        return true;
                }
                return false;
            case 'H':
            case 'h': return scan.Number(Math.Min(count, 2), 2, out parts[3]);
            case 'm': return scan.Number(Math.Min(count, 2), 2, out parts[4]);
            case 's': return scan.Number(Math.Min(count, 2), 2, out parts[5]);
            case 'f':
            case 'F':
                if (!scan.Number(letter == 'f' ? count : 0, count, out parts[6]))
                    return false;
                for (int n = count; n < 7; n++)
                    parts[6] *= 10;
                return true;
            case 't':
                parts[7] = scan.Take('P') || scan.Take('p') ? 2 : scan.Take('A') || scan.Take('a') ? 1 : 0;
                return parts[7] != 0 && (count == 1 || scan.Take('M') || scan.Take('m'));
            case 'z':
            case 'K':
                parts[8] = 0;
                return (letter == 'K' && scan.IsAtEnd) || ReadOffset(ref scan, ref parts[8]);
            default: throw new FormatException();
            }
        }

        static bool TryExact(string s, string format, out DateTime result)
        {
            string pattern = format.Length == 1 ? Pattern(format[0]) : format;
            TextScanner scan = new TextScanner(s);
            long[] parts = { 1, 1, 1, 0, 0, 0, 0, 0, 0 }; // year to second, ticks, half of the day, offset
            result = MinValue;
            for (int at = 0; at < pattern.Length;)
            {
                char c = pattern[at];
                int end = at + 1;
                if (c == '\'' || c == '"')
                {
                    end = pattern.IndexOf(c, at + 1);
                    if (end < 0 || !scan.Take(pattern.Substring(at + 1, end - at - 1)))
                        return false;
                    at = end + 1;
                    continue;
                }
                if ("yMdHhmsfFtzK".IndexOf(c) < 0)
                {
                    if (c == '\\' && ++at < pattern.Length)
                        c = pattern[at];
                    if (c != '%' && !scan.Take(c))
                        return false;
                    at++;
                    continue;
                }
                while (end < pattern.Length && pattern[end] == c)
                    end++;
                if (!ReadField(ref scan, c, end - at, parts))
                    return false;
                at = end;
            }
            if (parts[7] != 0)
                parts[3] = parts[3] % 12 + (parts[7] == 2 ? 12 : 0);
            if (!scan.IsAtEnd || parts[0] < 1 || parts[1] < 1 || parts[1] > 12 || parts[2] < 1 || parts[3] > 23 || parts[4] > 59 || parts[5] > 59 ||
                parts[2] > DaysInMonth((int)parts[0], (int)parts[1]))
                return false;
            result = new DateTime((int)parts[0], (int)parts[1], (int)parts[2], (int)parts[3], (int)parts[4], (int)parts[5])
                .AddTicks(parts[6] - parts[8] * TimeSpan.TicksPerMinute);
            return true;
        }

        public static bool TryParseExact(string s, string format, IFormatProvider provider, DateTimeStyles style, out DateTime result)
        {
            result = MinValue;
            if (s == null || String.IsNullOrEmpty(format) || !TryExact(s, format, out result))
                return false;
            result = Styled(result, style);
            return true;
        }

        public static DateTime ParseExact(string s, string format, IFormatProvider provider)
        {
            return ParseExact(s, format, provider, DateTimeStyles.None);
        }

        public static DateTime ParseExact(string s, string format, IFormatProvider provider, DateTimeStyles style)
        {
            DateTime result;
            if (s == null || format == null)
                throw new ArgumentNullException(s == null ? "s" : "format");
            if (!TryParseExact(s, format, provider, style, out result))
                throw NoTime();
            return result;
        }
    }
}

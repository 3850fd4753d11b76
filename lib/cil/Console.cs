// SPDX-License-Identifier: MIT
//
// The program's standard streams, in UTF-8. Each call writes at once: there is no buffer to flush.
using System.Runtime.CompilerServices;

namespace System
{
    public static partial class Console
    {
        const int Output = 1, BufferBytes = 256;

        static byte[] buffer; // of ReadByte()
        static int next, end;

        // Writes all of the text. Returns 0, or -1.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int WriteText(int stream, string s);

        // Returns the number of bytes, 0 at the end of the file, or -1.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int ReadBytes(int stream, byte[] to, int at, int count);

        public static void Write(string s)
        {
            if (output == null)
                WriteTo(Output, s);
            else
                output.Write(s);
        }

        // Returns -1 at the end of the file.
        static int ReadByte()
        {
            if (next == end)
            {
                if (buffer == null)
                    buffer = new byte[BufferBytes];
                next = 0;
                end = ReadBytes(0, buffer, 0, BufferBytes);
                if (end < 0)
                {
                    end = 0;
                    throw new IO.IOException("The input cannot be read.");
                }
            }
            return next < end ? buffer[next++] : -1;
        }

        // The rest of a character whose first byte is given. What is no UTF-8 becomes U+FFFD.
        static int ReadCharacter(int first)
        {
            if (first < 0x80)
                return first;
            int more = first >= 0xf0 && first < 0xf5 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 0;
            int value = first & (0x3f >> more);
            if (more == 0 || first >= 0xf5)
                return 0xfffd;
            for (; more > 0; more--)
            {
                int b = ReadByte();
                if (b < 0 || (b & 0xc0) != 0x80)
                {
                    if (b >= 0)
                        next--;
                    return 0xfffd;
                }
                value = value << 6 | (b & 0x3f);
            }
            return value;
        }

        // Returns null at the end of the file.
        public static string ReadLine() { return input == null ? Line() : input.ReadLine(); }

        internal static string Line()
        {
            int b = ReadByte();
            if (b < 0)
                return null;
            Text.StringBuilder line = new Text.StringBuilder();
            for (; b >= 0 && b != '\n'; b = ReadByte())
            {
                int c = ReadCharacter(b);
                if (c >= 0x10000)
                    line.Append((char)(0xd800 + ((c - 0x10000) >> 10)));
                line.Append((char)(c >= 0x10000 ? 0xdc00 + (c & 0x3ff) : c));
            }
            if (line.Length > 0 && line[line.Length - 1] == '\r')
                line.Length--;
            return line.ToString();
        }

        public static void Write(char c) { Write(c.ToString()); }
        public static void Write(bool b) { Write(b.ToString()); }
        public static void Write(int n) { Write(Number.Signed(n)); }
        public static void Write(uint n) { Write(Number.Unsigned(n)); }
        public static void Write(long n) { Write(Number.Signed(n)); }
        public static void Write(ulong n) { Write(Number.Unsigned(n)); }
        public static void Write(double d) { Write(d.ToString()); }
        public static void Write(object o) { Write(o == null ? null : o.ToString()); }

        public static void Write(string format, params object[] args) { Write(String.Format(format, args)); }
        public static void WriteLine(string format, params object[] args) { WriteLine(String.Format(format, args)); }

        public static void WriteLine() { Write("\n"); }
        public static void WriteLine(string s) { Write(String.Concat(s, "\n")); }
        public static void WriteLine(char c) { WriteLine(c.ToString()); }
        public static void WriteLine(bool b) { WriteLine(b.ToString()); }
        public static void WriteLine(int n) { WriteLine(Number.Signed(n)); }
        public static void WriteLine(uint n) { WriteLine(Number.Unsigned(n)); }
        public static void WriteLine(long n) { WriteLine(Number.Signed(n)); }
        public static void WriteLine(ulong n) { WriteLine(Number.Unsigned(n)); }
        public static void WriteLine(double d) { WriteLine(d.ToString()); }
        public static void WriteLine(object o) { WriteLine(o == null ? null : o.ToString()); }
    }

    namespace IO
    {
        public class IOException : SystemException
        {
            public IOException() : base("Input or output failed.") { }
            public IOException(string message) : base(message) { }
        }
    }

    public static partial class Environment
    {
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void Exit(int status);

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int Code(int status, bool isNew);

        // The exit status if Main returns nothing.
        public static int ExitCode { get { return Code(0, false); } set { Code(value, true); } }

        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern long Nanoseconds(bool isMonotonic);

        public static int TickCount { get { return (int)(Nanoseconds(true) / 1000000); } }
        public static long TickCount64 { get { return Nanoseconds(true) / 1000000; } }

        public static string NewLine { get { return "\n"; } }
    }
}

// SPDX-License-Identifier: MIT
//
// Text in and out: of strings, and of the console.
using System.IO;
using System.Text;

namespace System.IO
{
    public abstract class TextReader : MarshalByRefObject, IDisposable
    {
        public virtual int Peek() { return -1; }
        public virtual int Read() { return -1; }

        public virtual int Read(char[] buffer, int index, int count)
        {
            int done = 0;
            for (int c; done < count && (c = Read()) >= 0; done++)
                buffer[index + done] = (char)c;
            return done;
        }

        public int ReadBlock(char[] buffer, int index, int count) { return Read(buffer, index, count); }
        public Threading.Tasks.Task<string> ReadLineAsync() { return Threading.Tasks.Task.FromResult(ReadLine()); }
        public Threading.Tasks.Task<string> ReadToEndAsync() { return Threading.Tasks.Task.FromResult(ReadToEnd()); }
        protected virtual void Dispose(bool disposing) { }
        public virtual void Close() { Dispose(true); }
        public void Dispose() { Close(); }

        public virtual string ReadLine()
        {
            int c = Read();
            if (c < 0)
                return null;
            StringBuilder line = new StringBuilder();
            for (; c >= 0 && c != '\n' && c != '\r'; c = Read())
                line.Append((char)c);
            if (c == '\r' && Peek() == '\n')
                Read();
            return line.ToString();
        }

        public virtual string ReadToEnd()
        {
            StringBuilder all = new StringBuilder();
            for (int c = Read(); c >= 0; c = Read())
                all.Append((char)c);
            return all.ToString();
        }
    }

    public class StringReader : TextReader
    {
        readonly string text;
        int at;

        public StringReader(string text)
        {
            if (text == null)
                throw new ArgumentNullException("text");
            this.text = text;
        }

        public override int Peek() { return at < text.Length ? text[at] : -1; }
        public override int Read() { return at < text.Length ? text[at++] : -1; }
    }

    public abstract class TextWriter : MarshalByRefObject, IDisposable
    {
        string newLine = "\n";

        public virtual void Write(char c) { }
        public virtual Encoding Encoding { get { return Encoding.UTF8; } }
        protected virtual void Dispose(bool disposing) { }

        public virtual void Write(char[] buffer, int index, int count)
        {
            for (int n = 0; n < count; n++)
                Write(buffer[index + n]);
        }

        public void Write(char[] buffer) { Write(new string(buffer)); }
        public void WriteLine(char[] buffer) { WriteLine(new string(buffer)); }
        public void Write(decimal d) { Write(d.ToString()); }
        public void WriteLine(decimal d) { WriteLine(d.ToString()); }
        public void Write(float f) { Write(f.ToString()); }
        public void WriteLine(float f) { WriteLine(f.ToString()); }
        public void Write(ulong n) { Write(n.ToString()); }
        public void WriteLine(ulong n) { WriteLine(n.ToString()); }

        public Threading.Tasks.Task WriteAsync(string s)
        {
            Write(s);
            return Threading.Tasks.Task.CompletedTask;
        }

        public Threading.Tasks.Task WriteLineAsync(string s)
        {
            WriteLine(s);
            return Threading.Tasks.Task.CompletedTask;
        }

        public Threading.Tasks.Task FlushAsync()
        {
            Flush();
            return Threading.Tasks.Task.CompletedTask;
        }

        public virtual void Flush() { }
        public virtual void Close() { Dispose(true); }
        public void Dispose() { Close(); }
        public virtual string NewLine { get { return newLine; } set { newLine = value; } }

        public virtual void Write(string s)
        {
            for (int n = 0; s != null && n < s.Length; n++)
                Write(s[n]);
        }

        public void Write(bool b) { Write(b.ToString()); }
        public void Write(int n) { Write(n.ToString()); }
        public void Write(long n) { Write(n.ToString()); }
        public void Write(double d) { Write(d.ToString()); }
        public void Write(object o) { Write(o == null ? null : o.ToString()); }
        public void Write(string format, params object[] args) { Write(String.Format(format, args)); }
        public void WriteLine() { Write(NewLine); }
        public virtual void WriteLine(string s) { Write(String.Concat(s, NewLine)); }
        public void WriteLine(char c) { WriteLine(c.ToString()); }
        public void WriteLine(bool b) { WriteLine(b.ToString()); }
        public void WriteLine(int n) { WriteLine(n.ToString()); }
        public void WriteLine(long n) { WriteLine(n.ToString()); }
        public void WriteLine(double d) { WriteLine(d.ToString()); }
        public void WriteLine(object o) { WriteLine(o == null ? null : o.ToString()); }
        public void WriteLine(string format, params object[] args) { WriteLine(String.Format(format, args)); }
    }

    public class StringWriter : TextWriter
    {
        readonly StringBuilder to;

        public StringWriter() : this(new StringBuilder()) { }
        public StringWriter(StringBuilder to) { this.to = to; }
        public StringBuilder GetStringBuilder() { return to; }
        public override void Write(char c) { to.Append(c); }
        public override void Write(string s) { to.Append(s); }
        public override string ToString() { return to.ToString(); }
    }

    // What cannot be written to the error stream is lost.
    sealed class ConsoleWriter : TextWriter
    {
        readonly int stream;

        internal ConsoleWriter(int stream) { this.stream = stream; }
        public override void Write(char c) { Write(c.ToString()); }
        public override void Write(string s) { Console.WriteTo(stream, s); }
    }

    sealed class ConsoleReader : TextReader
    {
        string line;
        int at;

        bool HasMore()
        {
            if (line == null || at == line.Length)
            {
                line = Console.Line();
                line = line == null ? null : String.Concat(line, "\n");
                at = 0;
            }
            return line != null;
        }

        public override int Peek() { return HasMore() ? line[at] : -1; }
        public override int Read() { return HasMore() ? line[at++] : -1; }
    }
}

namespace System
{
    public enum ConsoleColor
    {
        Black, DarkBlue, DarkGreen, DarkCyan, DarkRed, DarkMagenta, DarkYellow, Gray,
        DarkGray, Blue, Green, Cyan, Red, Magenta, Yellow, White,
    }

    public static partial class Console
    {
        static TextWriter output, error;
        static TextReader input;

        internal static void WriteTo(int stream, string s)
        {
            if (s != null && s.Length != 0 && WriteText(stream, s) != 0 && stream == Output)
                throw new IOException("The output cannot be written.");
        }

        public static void SetOut(TextWriter newOut) { output = newOut; }
        public static void SetError(TextWriter newError) { error = newError; }
        public static void SetIn(TextReader newIn) { input = newIn; }

        public static TextWriter Out { get { return output ?? (output = new ConsoleWriter(Output)); } }
        public static TextWriter Error { get { return error ?? (error = new ConsoleWriter(2)); } }
        public static TextReader In { get { return input ?? (input = new ConsoleReader()); } }
        public static int Read() { return In.Read(); }
        public static void Write(char[] buffer, int index, int count) { Write(new string(buffer, index, count)); }
        public static void WriteLine(char[] buffer, int index, int count) { WriteLine(new string(buffer, index, count)); }
        public static Text.Encoding OutputEncoding { get { return Text.Encoding.UTF8; } set { } }
        public static Text.Encoding InputEncoding { get { return Text.Encoding.UTF8; } set { } }
        public static string Title { set { } }
        public static bool CursorVisible { set { } }

        // ---- Colours: sequences of ANSI terminals ----

        static int foreground, background; // a colour, plus 1; 0: the terminal's own

        static int Paint(ConsoleColor color, int code)
        {
            const string Order = "04261537"; // of ANSI
            int n = (int)color;
            WriteTo(Output, String.Concat("\x1b[", code + (n < 8 ? 0 : 60) + Order[n & 7] - '0', "m"));
            return n + 1;
        }

        public static ConsoleColor ForegroundColor
        {
            get { return (ConsoleColor)(foreground - 1); }
            set { foreground = Paint(value, 30); }
        }

        public static ConsoleColor BackgroundColor
        {
            get { return (ConsoleColor)(background - 1); }
            set { background = Paint(value, 40); }
        }

        public static void ResetColor()
        {
            WriteTo(Output, "\x1b[0m");
            foreground = background = 0;
        }

        public static void Clear() { WriteTo(Output, "\x1b[H\x1b[2J"); }

        public static void SetCursorPosition(int left, int top)
        {
            WriteTo(Output, String.Format("\x1b[{0};{1}H", top + 1, left + 1));
        }

        public static void Write(float f) { Write(f.ToString()); }
        public static void WriteLine(float f) { WriteLine(f.ToString()); }
        public static void Write(char[] characters) { Write(new string(characters)); }
        public static void WriteLine(char[] characters) { WriteLine(new string(characters)); }
    }
}

// SPDX-License-Identifier: MIT
//
// Text in and out: of strings, and of the console.
using System.IO;
using System.Text;

namespace System.IO
{
    public abstract class TextReader : IDisposable
    {
        public abstract int Peek();
        public abstract int Read();
        public virtual void Close() { }
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

    public abstract class TextWriter : IDisposable
    {
        public abstract void Write(char c);
        public virtual void Flush() { }
        public virtual void Close() { }
        public void Dispose() { Close(); }
        public virtual string NewLine { get { return "\n"; } }

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
                line = Console.ReadLine();
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
    public static partial class Console
    {
        static TextWriter output, error;
        static TextReader input;

        internal static void WriteTo(int stream, string s)
        {
            if (s != null && s.Length != 0 && WriteText(stream, s) != 0 && stream == Output)
                throw new IOException("The output cannot be written.");
        }

        public static TextWriter Out { get { return output ?? (output = new ConsoleWriter(Output)); } }
        public static TextWriter Error { get { return error ?? (error = new ConsoleWriter(2)); } }
        public static TextReader In { get { return input ?? (input = new ConsoleReader()); } }
        public static int Read() { return In.Read(); }

        public static void Write(float f) { Write(f.ToString()); }
        public static void WriteLine(float f) { WriteLine(f.ToString()); }
        public static void Write(char[] characters) { Write(new string(characters)); }
        public static void WriteLine(char[] characters) { WriteLine(new string(characters)); }
    }
}

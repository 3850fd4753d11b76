// SPDX-License-Identifier: MIT
namespace System.Text
{
    public sealed partial class StringBuilder
    {
        char[] text;
        int length;

        public StringBuilder() { text = new char[16]; }
        public StringBuilder(int capacity) { text = new char[capacity < 16 ? 16 : capacity]; }

        public StringBuilder(string s) : this(s == null ? 0 : s.Length) { Append(s); }

        public int Length
        {
            get { return length; }
            set
            {
                if (value < 0)
                    throw new ArgumentOutOfRangeException("value");
                Reserve(value);
                for (int n = length; n < value; n++)
                    text[n] = '\0';
                length = value;
            }
        }

        [System.Runtime.CompilerServices.IndexerName("Chars")]
        public char this[int index]
        {
            get
            {
                if ((uint)index >= (uint)length)
                    throw new IndexOutOfRangeException();
                return text[index];
            }
            set
            {
                if ((uint)index >= (uint)length)
                    throw new ArgumentOutOfRangeException("index");
                text[index] = value;
            }
        }

        void Reserve(int needed)
        {
            if (needed <= text.Length)
                return;
            char[] more = new char[Math.Max(needed, checked(2 * text.Length))];
            for (int n = 0; n < length; n++)
                more[n] = text[n];
            text = more;
        }

        public StringBuilder Append(char c)
        {
            Reserve(checked(length + 1));
            text[length++] = c;
            return this;
        }

        public StringBuilder Append(char c, int count)
        {
            for (int n = 0; n < count; n++)
                Append(c);
            return this;
        }

        public StringBuilder Append(string s)
        {
            if (s == null)
                return this;
            Reserve(checked(length + s.Length));
            for (int n = 0; n < s.Length; n++)
                text[length++] = s[n];
            return this;
        }

        public StringBuilder Append(bool b) { return Append(b.ToString()); }
        public StringBuilder Append(int n) { return Append(n.ToString()); }
        public StringBuilder Append(uint n) { return Append(n.ToString()); }
        public StringBuilder Append(long n) { return Append(n.ToString()); }
        public StringBuilder Append(ulong n) { return Append(n.ToString()); }
        public StringBuilder Append(object o) { return Append(o == null ? null : o.ToString()); }
        public StringBuilder AppendLine() { return Append('\n'); }
        public StringBuilder AppendLine(string s) { return Append(s).Append('\n'); }

        public StringBuilder Clear()
        {
            length = 0;
            return this;
        }

        public override string ToString() { return String.From(text, 0, length); }
    }
}

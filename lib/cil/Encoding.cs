// SPDX-License-Identifier: MIT
//
// Text as bytes: UTF-8, and nothing else. What is no UTF-8 becomes U+FFFD.
namespace System.Text
{
    public abstract class Encoding
    {
        static Encoding utf8;

        public static Encoding UTF8 { get { return utf8 ?? (utf8 = new UTF8Encoding()); } }
        public static Encoding Default { get { return UTF8; } }

        public abstract int GetByteCount(string s);
        public abstract byte[] GetBytes(string s);
        public abstract string GetString(byte[] bytes, int index, int count);

        public string GetString(byte[] bytes)
        {
            if (bytes == null)
                throw new ArgumentNullException("bytes");
            return GetString(bytes, 0, bytes.Length);
        }
    }

    public class UTF8Encoding : Encoding
    {
        public UTF8Encoding() { }
        public UTF8Encoding(bool hasMark) { }

        // The character at s[at], which moves past it. Half a pair of surrogates is no character.
        internal static int Next(string s, ref int at)
        {
            char c = s[at++];
            if (c < 0xd800 || c > 0xdfff)
                return c;
            if (c > 0xdbff || at == s.Length || s[at] < 0xdc00 || s[at] > 0xdfff)
                return 0xfffd;
            return 0x10000 + ((c & 0x3ff) << 10) + (s[at++] & 0x3ff);
        }

        internal static int SizeOf(int c) { return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4; }

        // Stores a character, and returns the number of its bytes.
        internal static int Store(int c, byte[] to, int at)
        {
            int size = SizeOf(c);
            if (size == 1)
            {
                to[at] = (byte)c;
                return 1;
            }
            to[at] = (byte)(0xf0 << (4 - size) | c >> (6 * (size - 1)));
            for (int n = 1; n < size; n++)
                to[at + n] = (byte)(0x80 | (c >> (6 * (size - 1 - n)) & 0x3f));
            return size;
        }

        // How many bytes follow the first one of a character; -1: none starts with it.
        internal static int Following(int first)
        {
            return first < 0x80 ? 0 : first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : -1;
        }

        // Whether a byte may be the second one.
        internal static bool IsSecond(int first, int b)
        {
            return (b & 0xc0) == 0x80 && !(first == 0xe0 && b < 0xa0) && !(first == 0xed && b > 0x9f) && !(first == 0xf0 && b < 0x90) &&
                   !(first == 0xf4 && b > 0x8f);
        }

        internal static void Append(StringBuilder to, int c)
        {
            if (c >= 0x10000)
                to.Append((char)(0xd7c0 + (c >> 10)));
            to.Append((char)(c >= 0x10000 ? 0xdc00 + (c & 0x3ff) : c));
        }

        public override int GetByteCount(string s)
        {
            if (s == null)
                throw new ArgumentNullException("s");
            int count = 0;
            for (int at = 0; at < s.Length;)
                count = checked(count + SizeOf(Next(s, ref at)));
            return count;
        }

        public override byte[] GetBytes(string s)
        {
            byte[] bytes = new byte[GetByteCount(s)];
            for (int at = 0, to = 0; at < s.Length;)
                to += Store(Next(s, ref at), bytes, to);
            return bytes;
        }

        public override string GetString(byte[] bytes, int index, int count)
        {
            if (bytes == null)
                throw new ArgumentNullException("bytes");
            if (index < 0 || count < 0 || count > bytes.Length - index)
                throw new ArgumentOutOfRangeException("count");
            StringBuilder text = new StringBuilder(count);
            for (int at = index, end = index + count; at < end;)
            {
                int first = bytes[at++], more = Following(first), c = more <= 0 ? first : first & (0x3f >> more);
                int n = 0;
                for (; n < more && at < end && (n == 0 ? IsSecond(first, bytes[at]) : (bytes[at] & 0xc0) == 0x80); n++)
                    c = c << 6 | (bytes[at++] & 0x3f);
                Append(text, n == more ? c : 0xfffd);
            }
            return text.ToString();
        }
    }
}

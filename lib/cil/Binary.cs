// SPDX-License-Identifier: MIT
//
// Numbers and text as bytes in streams: the lowest byte first, text in UTF-8 behind its length.
using System.Text;

namespace System.IO
{
    public class BinaryWriter : IDisposable
    {
        readonly Stream to;
        readonly bool leavesOpen;

        public BinaryWriter(Stream output) : this(output, Encoding.UTF8, false) { }
        public BinaryWriter(Stream output, Encoding encoding) : this(output, encoding, false) { }

        public BinaryWriter(Stream output, Encoding encoding, bool leaveOpen)
        {
            if (output == null)
                throw new ArgumentNullException("output");
            to = output;
            leavesOpen = leaveOpen;
        }

        public virtual Stream BaseStream { get { return to; } }
        public virtual void Flush() { to.Flush(); }
        public virtual void Close() { Dispose(); }

        public void Dispose()
        {
            if (leavesOpen)
                to.Flush();
            else
                to.Close();
        }

        public virtual void Write(byte[] buffer) { Write(buffer, 0, buffer.Length); }
        public virtual void Write(byte[] buffer, int index, int count) { to.Write(buffer, index, count); }
        public virtual void Write(byte value) { to.WriteByte(value); }
        public virtual void Write(sbyte value) { to.WriteByte((byte)value); }
        public virtual void Write(bool value) { to.WriteByte(value ? (byte)1 : (byte)0); }
        public virtual void Write(short value) { Write(BitConverter.GetBytes(value)); }
        public virtual void Write(ushort value) { Write(BitConverter.GetBytes(value)); }
        public virtual void Write(int value) { Write(BitConverter.GetBytes(value)); }
        public virtual void Write(uint value) { Write(BitConverter.GetBytes(value)); }
        public virtual void Write(long value) { Write(BitConverter.GetBytes(value)); }
        public virtual void Write(ulong value) { Write(BitConverter.GetBytes(value)); }
        public virtual void Write(float value) { Write(BitConverter.GetBytes(value)); }
        public virtual void Write(double value) { Write(BitConverter.GetBytes(value)); }
        public virtual void Write(char value) { Write(Encoding.UTF8.GetBytes(value.ToString())); }

        public virtual void Write(decimal value)
        {
            foreach (int part in Decimal.GetBits(value))
                Write(part);
        }

        public virtual void Write(string value)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(value);
            uint left = (uint)bytes.Length;
            for (; left >= 0x80; left >>= 7)
                to.WriteByte((byte)(left | 0x80));
            to.WriteByte((byte)left);
            Write(bytes);
        }
    }

    public class BinaryReader : IDisposable
    {
        readonly Stream from;
        readonly bool leavesOpen;

        public BinaryReader(Stream input) : this(input, Encoding.UTF8, false) { }
        public BinaryReader(Stream input, Encoding encoding) : this(input, encoding, false) { }

        public BinaryReader(Stream input, Encoding encoding, bool leaveOpen)
        {
            if (input == null)
                throw new ArgumentNullException("input");
            from = input;
            leavesOpen = leaveOpen;
        }

        public virtual Stream BaseStream { get { return from; } }
        public virtual void Close() { Dispose(); }

        public void Dispose()
        {
            if (!leavesOpen)
                from.Close();
        }

        // Returns fewer at the end of the stream.
        public virtual byte[] ReadBytes(int count)
        {
            byte[] bytes = new byte[count];
            Array.Resize(ref bytes, Read(bytes, 0, count));
            return bytes;
        }

        public virtual int Read(byte[] buffer, int index, int count)
        {
            int done = 0;
            for (int n; done < count && (n = from.Read(buffer, index + done, count - done)) > 0;)
                done += n;
            return done;
        }

        byte[] Need(int count)
        {
            byte[] bytes = ReadBytes(count);
            if (bytes.Length < count)
                throw new EndOfStreamException("Unable to read beyond the end of the stream.");
            return bytes;
        }

        public virtual byte ReadByte() { return Need(1)[0]; }
        public virtual sbyte ReadSByte() { return (sbyte)ReadByte(); }
        public virtual bool ReadBoolean() { return ReadByte() != 0; }
        public virtual short ReadInt16() { return BitConverter.ToInt16(Need(2), 0); }
        public virtual ushort ReadUInt16() { return BitConverter.ToUInt16(Need(2), 0); }
        public virtual int ReadInt32() { return BitConverter.ToInt32(Need(4), 0); }
        public virtual uint ReadUInt32() { return BitConverter.ToUInt32(Need(4), 0); }
        public virtual long ReadInt64() { return BitConverter.ToInt64(Need(8), 0); }
        public virtual ulong ReadUInt64() { return BitConverter.ToUInt64(Need(8), 0); }
        public virtual float ReadSingle() { return BitConverter.ToSingle(Need(4), 0); }
        public virtual double ReadDouble() { return BitConverter.ToDouble(Need(8), 0); }
        public virtual decimal ReadDecimal() { return new decimal(new int[] { ReadInt32(), ReadInt32(), ReadInt32(), ReadInt32() }); }

        // One that needs two is not read.
        public virtual char ReadChar()
        {
            byte first = ReadByte();
            int more = UTF8Encoding.Following(first), c = more <= 0 ? first : first & (0x3f >> more);
            for (int n = 0; n < more; n++)
                c = c << 6 | (ReadByte() & 0x3f);
            return more < 0 || c > Char.MaxValue ? '\ufffd' : (char)c;
        }

        public virtual string ReadString()
        {
            int length = 0, part = 0x80;
            for (int shift = 0; part >= 0x80; shift += 7)
            {
                part = ReadByte();
                length |= (part & 0x7f) << shift;
            }
            return Encoding.UTF8.GetString(Need(length));
        }
    }
}

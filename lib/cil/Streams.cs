// SPDX-License-Identifier: MIT
//
// Streams of bytes, and text in them. Readers and writers of text have buffers; a FileStream has none.
using System.Text;

namespace System.IO
{
    public enum SeekOrigin { Begin, Current, End }
    public enum FileMode { CreateNew = 1, Create, Open, OpenOrCreate, Truncate, Append }
    public enum FileAccess { Read = 1, Write, ReadWrite }
    public enum FileShare { None, Read, Write, ReadWrite }

    public abstract class Stream : IDisposable
    {
        public abstract bool CanRead { get; }
        public abstract bool CanWrite { get; }
        public abstract bool CanSeek { get; }
        public abstract long Length { get; }
        public abstract long Position { get; set; }
        public abstract int Read(byte[] buffer, int offset, int count);
        public abstract void Write(byte[] buffer, int offset, int count);
        public abstract long Seek(long offset, SeekOrigin origin);
        public abstract void SetLength(long value);
        public abstract void Flush();
        protected virtual void Dispose(bool disposing) { }
        public virtual void Close() { Dispose(true); }
        public void Dispose() { Close(); }

        public virtual int ReadByte()
        {
            byte[] one = new byte[1];
            return Read(one, 0, 1) == 0 ? -1 : one[0];
        }

        public virtual void WriteByte(byte value) { Write(new byte[] { value }, 0, 1); }

        public void CopyTo(Stream destination)
        {
            if (destination == null)
                throw new ArgumentNullException("destination");
            byte[] buffer = new byte[16384];
            for (int n; (n = Read(buffer, 0, buffer.Length)) > 0;)
                destination.Write(buffer, 0, n);
        }

        internal static void CopyBytes(byte[] from, int at, byte[] to, int index, int count)
        {
            Array.Copy(from, at, to, index, count);
        }

        internal static void CheckRange(byte[] buffer, int offset, int count)
        {
            if (buffer == null)
                throw new ArgumentNullException("buffer");
            if (offset < 0 || count < 0)
                throw new ArgumentOutOfRangeException(offset < 0 ? "offset" : "count");
            if (count > buffer.Length - offset)
                throw new ArgumentException("The range is outside of the buffer.");
        }
    }

    public class FileStream : Stream
    {
        readonly string name;
        readonly bool reads, writes;
        int fd;

        public FileStream(string path, FileMode mode)
            : this(path, mode, mode == FileMode.Append ? FileAccess.Write : FileAccess.ReadWrite) { }
        public FileStream(string path, FileMode mode, FileAccess access, FileShare share) : this(path, mode, access) { }

        public FileStream(string path, FileMode mode, FileAccess access)
        {
            Path.Check(path);
            reads = (access & FileAccess.Read) != 0;
            writes = (access & FileAccess.Write) != 0;
            if (mode < FileMode.CreateNew || mode > FileMode.Append || access < FileAccess.Read || access > FileAccess.ReadWrite)
                throw new ArgumentOutOfRangeException("mode");
            if (!writes && mode != FileMode.Open && mode != FileMode.OpenOrCreate || reads && mode == FileMode.Append)
                throw new ArgumentException("The mode does not fit the access.");
            int how = mode == FileMode.CreateNew ? Wasi.Create | Wasi.Exclusive : mode == FileMode.Create ? Wasi.Create | Wasi.Truncate
                : mode == FileMode.Truncate ? Wasi.Truncate : mode == FileMode.Open ? 0 : Wasi.Create;
            name = Path.GetFullPath(path);
            fd = -1;
            if (Wasi.TypeOf(path) == Wasi.Directory)
                throw Wasi.Failure(Wasi.IsDirectory, path);
            Wasi.Check(Wasi.Open(path, reads, writes, how, mode == FileMode.Append, out fd), path);
        }

        public string Name { get { return name; } }
        public override bool CanRead { get { return fd >= 0 && reads; } }
        public override bool CanWrite { get { return fd >= 0 && writes; } }
        public override bool CanSeek { get { return fd >= 0; } }

        void CheckOpen(bool isAllowed)
        {
            if (fd < 0)
                throw new ObjectDisposedException("The file is closed.");
            if (!isAllowed)
                throw new NotSupportedException("The file was not opened for that.");
        }

        public override long Length
        {
            get
            {
                long size;
                CheckOpen(true);
                Wasi.Check(Wasi.Status(fd, out size), name);
                return size;
            }
        }

        public override long Position
        {
            get { return Seek(0, SeekOrigin.Current); }
            set { Seek(value, SeekOrigin.Begin); }
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int done;
            CheckRange(buffer, offset, count);
            CheckOpen(reads);
            Wasi.Check(Wasi.Read(fd, buffer, offset, count, out done), name);
            return done;
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            CheckRange(buffer, offset, count);
            CheckOpen(writes);
            for (int done; count > 0; offset += done, count -= done)
                Wasi.Check(Wasi.Write(fd, buffer, offset, count, out done), name);
        }

        public override long Seek(long offset, SeekOrigin origin)
        {
            long position;
            CheckOpen(true);
            int error = Wasi.Seek(fd, offset, (int)origin, out position);
            if (error == Wasi.Invalid)
                throw new IOException("A position before the start of the file.");
            Wasi.Check(error, name);
            return position;
        }

        public override void SetLength(long value)
        {
            if (value < 0)
                throw new ArgumentOutOfRangeException("value");
            CheckOpen(writes);
            Wasi.Check(Wasi.SetSize(fd, value), name);
            if (Position > value)
                Position = value;
        }

        public override void Flush() { CheckOpen(true); }

        // To the disk.
        public void Flush(bool toDisk)
        {
            CheckOpen(true);
            if (toDisk)
                Wasi.Check(Wasi.Sync(fd), name);
        }

        protected override void Dispose(bool disposing)
        {
            if (fd >= 0)
                Wasi.Close(fd);
            fd = -1;
        }
    }

    public class MemoryStream : Stream
    {
        byte[] bytes;
        int length, position;
        readonly bool grows;

        public MemoryStream() : this(0) { }

        public MemoryStream(int capacity)
        {
            bytes = new byte[capacity];
            grows = true;
        }

        public MemoryStream(byte[] buffer)
        {
            if (buffer == null)
                throw new ArgumentNullException("buffer");
            bytes = buffer;
            length = buffer.Length;
        }

        public override bool CanRead { get { return true; } }
        public override bool CanWrite { get { return true; } }
        public override bool CanSeek { get { return true; } }
        public override long Length { get { return length; } }
        public override void Flush() { }

        public override long Position
        {
            get { return position; }
            set
            {
                if (value < 0 || value > Int32.MaxValue)
                    throw new ArgumentOutOfRangeException("value");
                position = (int)value;
            }
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            CheckRange(buffer, offset, count);
            int n = Math.Min(count, Math.Max(length - position, 0));
            CopyBytes(bytes, position, buffer, offset, n);
            position += n;
            return n;
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            CheckRange(buffer, offset, count);
            int end = checked(position + count);
            if (end > length)
                SetLength(end);
            CopyBytes(buffer, offset, bytes, position, count);
            position = end;
        }

        public override long Seek(long offset, SeekOrigin origin)
        {
            long at = offset + (origin == SeekOrigin.Begin ? 0 : origin == SeekOrigin.Current ? position : length);
            if (at < 0)
                throw new IOException("A position before the start of the stream.");
            return Position = at;
        }

        public override void SetLength(long value)
        {
            if (value < 0 || value > Int32.MaxValue)
                throw new ArgumentOutOfRangeException("value");
            if (value > bytes.Length)
            {
                if (!grows)
                    throw new NotSupportedException("The stream cannot grow.");
                byte[] more = new byte[Math.Max((int)value, (int)Math.Min(2L * bytes.Length, Int32.MaxValue))];
                CopyBytes(bytes, 0, more, 0, length);
                bytes = more;
            }
            for (int n = (int)value; n < length; n++)
                bytes[n] = 0;
            length = (int)value;
            position = Math.Min(position, length);
        }

        public byte[] ToArray()
        {
            byte[] all = new byte[length];
            CopyBytes(bytes, 0, all, 0, length);
            return all;
        }
    }

    public class StreamReader : TextReader
    {
        readonly Stream from;
        readonly byte[] buffer = new byte[4096];
        int next, end, low, peeked = -1; // low: the second half of a pair, or 0; peeked: -1 none, else a character

        public StreamReader(string path) : this(new FileStream(path, FileMode.Open, FileAccess.Read)) { }
        public StreamReader(string path, Encoding encoding) : this(path) { }
        public StreamReader(Stream stream, Encoding encoding) : this(stream) { }

        // A mark at the start is left out.
        public StreamReader(Stream stream)
        {
            if (stream == null)
                throw new ArgumentNullException("stream");
            from = stream;
            if (Peek() == 0xfeff)
                peeked = -1;
        }

        public Stream BaseStream { get { return from; } }
        public bool EndOfStream { get { return Peek() < 0; } }

        int PeekByte()
        {
            if (next == end)
            {
                next = 0;
                end = from.Read(buffer, 0, buffer.Length);
            }
            return next < end ? buffer[next] : -1;
        }

        int NextCharacter()
        {
            int first = PeekByte();
            if (first < 0)
                return -1;
            next++;
            int more = UTF8Encoding.Following(first), c = more <= 0 ? first : first & (0x3f >> more);
            for (int n = 0; n < more; n++)
            {
                int b = PeekByte();
                if (n == 0 ? !UTF8Encoding.IsSecond(first, b) || b < 0 : b < 0 || (b & 0xc0) != 0x80)
                    return 0xfffd;
                next++;
                c = c << 6 | (b & 0x3f);
            }
            return more < 0 ? 0xfffd : c;
        }

        public override int Peek()
        {
            if (peeked < 0)
                peeked = Take();
            return peeked;
        }

        int Take()
        {
            int c = low;
            low = 0;
            if (c != 0)
                return c;
            c = NextCharacter();
            if (c < 0x10000)
                return c;
            low = 0xdc00 + (c & 0x3ff);
            return 0xd7c0 + (c >> 10);
        }

        public override int Read()
        {
            int c = peeked >= 0 ? peeked : Take();
            peeked = -1;
            return c;
        }

        public override void Close() { from.Close(); }
    }

    public class StreamWriter : TextWriter
    {
        readonly Stream to;
        readonly byte[] buffer = new byte[4096];
        int used;
        char high; // the first half of a pair, or 0
        bool isClosed, leavesOpen;

        public StreamWriter(string path) : this(path, false) { }
        public StreamWriter(string path, bool append)
            : this(new FileStream(path, append ? FileMode.Append : FileMode.Create, FileAccess.Write)) { }
        public StreamWriter(string path, bool append, Encoding encoding) : this(path, append) { }
        public StreamWriter(Stream stream, Encoding encoding) : this(stream) { }

        public StreamWriter(Stream stream, Encoding encoding, int bufferSize, bool leaveOpen) : this(stream)
        {
            leavesOpen = leaveOpen;
        }

        public StreamWriter(Stream stream)
        {
            if (stream == null)
                throw new ArgumentNullException("stream");
            to = stream;
        }

        public Stream BaseStream { get { return to; } }
        public bool AutoFlush { get; set; }

        void Put(int c)
        {
            if (used > buffer.Length - 4)
                WriteOut();
            used += UTF8Encoding.Store(c, buffer, used);
        }

        void Take(char c)
        {
            if (high != 0)
            {
                char first = high;
                high = '\0';
                if (c >= 0xdc00 && c <= 0xdfff)
                {
                    Put(0x10000 + ((first & 0x3ff) << 10) + (c & 0x3ff));
                    return;
                }
                Put(0xfffd);
            }
            if (c >= 0xd800 && c <= 0xdbff)
                high = c;
            else
                Put(c >= 0xdc00 && c <= 0xdfff ? 0xfffd : c);
        }

        void CheckOpen()
        {
            if (isClosed)
                throw new ObjectDisposedException("The writer is closed.");
        }

        void WriteOut()
        {
            int n = used;
            used = 0;
            to.Write(buffer, 0, n);
        }

        public override void Write(char c)
        {
            CheckOpen();
            Take(c);
            if (AutoFlush)
                Flush();
        }

        public override void Write(string s)
        {
            CheckOpen();
            for (int n = 0; s != null && n < s.Length; n++)
                Take(s[n]);
            if (AutoFlush)
                Flush();
        }

        public override void Flush()
        {
            CheckOpen();
            WriteOut();
            to.Flush();
        }

        public override void Close()
        {
            if (isClosed)
                return;
            try
            {
                if (high != 0)
                    Put(0xfffd);
                WriteOut();
            }
            finally
            {
                isClosed = true;
                if (!leavesOpen)
                    to.Close();
            }
        }
    }
}

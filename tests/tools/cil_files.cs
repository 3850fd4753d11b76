// SPDX-License-Identifier: MIT
//
// Files, directories, paths and streams: prints the same with Halyard's library and with mono's. It runs in an empty
// directory, and leaves it empty.
using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

static class Files
{
    static void Fails(string what, Action action)
    {
        try
        {
            action();
            Console.WriteLine("{0}: no exception", what);
        }
        catch (Exception e)
        {
            Console.WriteLine("{0}: {1}", what, e.GetType());
        }
    }

    static void Show(string what, IEnumerable<string> names)
    {
        List<string> all = new List<string>(names);
        all.Sort(String.CompareOrdinal);
        Console.WriteLine("{0}: {1}", what, String.Join(" ", all.ToArray()));
    }

    static void Paths()
    {
        foreach (string path in new[] { "/a/b.c", "a", "a/", "/", "/a", "a.b/c", "a/.b", "a.", "a//b", "a.tar.gz", "/a/b/" })
        {
            Console.WriteLine("{0}: [{1}] [{2}] [{3}] [{4}] {5} {6}", path, Path.GetFileName(path), Path.GetExtension(path),
                              Path.GetFileNameWithoutExtension(path), Path.GetDirectoryName(path), Path.HasExtension(path),
                              Path.IsPathRooted(path));
            Console.WriteLine("  {0} {1} {2} {3}", Path.ChangeExtension(path, "x"), Path.ChangeExtension(path, ".y"),
                              Path.ChangeExtension(path, null), Path.Combine(path, "z"));
        }
        Console.WriteLine("{0} {1} {2} {3}", Path.Combine("a", "/b"), Path.Combine("", "b"), Path.Combine("a", ""), Path.Combine("a", "b", "c"));
        Console.WriteLine("{0} {1} {2}", Path.GetFullPath("/a/../b/./c"), Path.GetFullPath("/../a//b"), Path.GetFullPath("/"));
        Fails("full null", () => Path.GetFullPath(null));
        Fails("full empty", () => Path.GetFullPath(""));
        Fails("combine null", () => Path.Combine("a", null));
    }

    static void Text()
    {
        File.WriteAllText("text", "eins\nzwei\r\ndrei\rvier");
        Console.WriteLine(String.Join("|", File.ReadAllLines("text")));
        File.AppendAllText("text", "ö€😀\n");
        Console.WriteLine("{0} {1}", File.ReadAllText("text").Length, new FileInfo("text").Length);
        File.WriteAllLines("text", new[] { "a", "", "b" });
        Console.WriteLine(BitConverter.ToString(File.ReadAllBytes("text")));
        File.WriteAllBytes("text", new byte[] { 0xef, 0xbb, 0xbf, 0x41, 0xc3, 0xa4, 0x0a });
        Console.WriteLine("{0} {1}", File.ReadAllText("text").Length, (int)File.ReadAllText("text")[1]);
        using (StreamWriter writer = new StreamWriter("text"))
        {
            for (int n = 0; n < 3000; n++)
                writer.WriteLine("line {0} é", n);
        }
        int lines = 0, sum = 0;
        using (StreamReader reader = new StreamReader("text"))
        {
            Console.WriteLine("{0} {1}", (char)reader.Peek(), reader.EndOfStream);
            for (string line; (line = reader.ReadLine()) != null; lines++)
                sum += line.Length;
            Console.WriteLine("{0} {1} {2} {3}", lines, sum, reader.Peek(), reader.ReadLine() == null);
        }
        using (StreamWriter writer = new StreamWriter("text", true))
            writer.Write("end");
        Console.WriteLine(File.ReadAllText("text").EndsWith("\nend"));
        StreamWriter closed = new StreamWriter("text");
        closed.Close();
        closed.Close();
        Fails("closed writer", () => closed.Write('x'));
        File.Delete("text");
    }

    static void Streams()
    {
        using (FileStream f = new FileStream("bytes", FileMode.Create))
        {
            f.Write(new byte[] { 1, 2, 3, 4, 5 }, 1, 4);
            f.WriteByte(6);
            Console.WriteLine("{0} {1} {2} {3} {4}", f.Length, f.Position, f.CanRead, f.CanWrite, f.CanSeek);
            Console.WriteLine("{0} {1}", f.Seek(-2, SeekOrigin.End), f.ReadByte());
            f.Position = 0;
            byte[] all = new byte[10];
            Console.WriteLine("{0} {1} {2}", f.Read(all, 2, 8), BitConverter.ToString(all), f.ReadByte());
            f.SetLength(2);
            Console.WriteLine("{0} {1}", f.Length, f.Position);
            f.Seek(8, SeekOrigin.Begin);
            f.WriteByte(9);
            Console.WriteLine(f.Length);
            Fails("seek", () => f.Seek(-1, SeekOrigin.Begin));
            Fails("range", () => f.Read(all, 5, 6));
            Fails("negative", () => f.Read(all, -1, 1));
            Fails("null", () => f.Read(null, 0, 0));
        }
        FileStream closed = File.OpenRead("bytes");
        Fails("write", () => closed.WriteByte(1));
        closed.Close();
        Fails("closed", () => closed.ReadByte());
        Console.WriteLine("{0} {1}", closed.CanRead, closed.CanSeek);
        using (FileStream f = new FileStream("bytes", FileMode.Append))
        {
            f.WriteByte(10);
            Fails("read", () => f.ReadByte());
        }
        Console.WriteLine(BitConverter.ToString(File.ReadAllBytes("bytes")));
        Fails("new", () => new FileStream("bytes", FileMode.CreateNew));
        Fails("missing", () => new FileStream("missing", FileMode.Open));
        Fails("missing to truncate", () => new FileStream("missing", FileMode.Truncate));
        Fails("append to read", () => new FileStream("bytes", FileMode.Append, FileAccess.Read));
        Fails("create to read", () => new FileStream("bytes", FileMode.Create, FileAccess.Read));
        Fails("mode", () => new FileStream("bytes", (FileMode)9));
        using (FileStream f = File.OpenWrite("bytes"))
            f.WriteByte(7);
        Console.WriteLine(File.ReadAllBytes("bytes")[0]);
        MemoryStream memory = new MemoryStream();
        memory.Write(new byte[] { 1, 2, 3 }, 0, 3);
        memory.Position = 5;
        memory.WriteByte(4);
        Console.WriteLine("{0} {1}", memory.Length, BitConverter.ToString(memory.ToArray()));
        memory.SetLength(2);
        memory.Seek(0, SeekOrigin.Begin);
        Console.WriteLine("{0} {1} {2}", memory.ReadByte(), memory.ReadByte(), memory.ReadByte());
        Fails("fixed", () => new MemoryStream(new byte[2]).Write(new byte[3], 0, 3));
        File.Delete("bytes");
    }

    static void Directories()
    {
        Directory.CreateDirectory("d/e/f");
        Directory.CreateDirectory("d/e");
        File.WriteAllText("d/one.txt", "1");
        File.WriteAllText("d/two.cs", "22");
        File.WriteAllText("d/e/three.txt", "333");
        Show("files", Directory.GetFiles("d"));
        Show("directories", Directory.GetDirectories("d"));
        Show("all", Directory.GetFileSystemEntries("d"));
        Show("*.txt", Directory.GetFiles("d", "*.txt"));
        Show("t*", Directory.GetFiles("d", "t*"));
        Show("?n?.*", Directory.GetFiles("d", "?n?.*"));
        Show("deep", Directory.GetFiles("d", "*.txt", SearchOption.AllDirectories));
        Console.WriteLine("{0} {1} {2} {3} {4}", File.Exists("d"), Directory.Exists("d"), File.Exists("d/one.txt"),
                          Directory.Exists("d/one.txt"), File.Exists(null));
        Fails("no parent", () => File.WriteAllText("x/y", ""));
        Fails("a directory", () => File.ReadAllText("d"));
        Fails("missing", () => File.ReadAllText("d/missing"));
        Fails("missing directory", () => Directory.GetFiles("x"));
        Fails("a file around it", () => Directory.CreateDirectory("d/one.txt/x"));
        Fails("not empty", () => Directory.Delete("d"));
        Fails("delete missing", () => Directory.Delete("x"));
        Fails("delete missing file", () => File.Delete("missing"));
        Fails("delete directory as file", () => File.Delete("d"));
        Fails("null", () => File.ReadAllText(null));
        Fails("empty", () => File.ReadAllText(""));
        Fails("length", () => Console.WriteLine(new FileInfo("missing").Length));
        byte[] large = new byte[100000];
        for (int n = 0; n < large.Length; n++)
            large[n] = (byte)(n * 7 >> 4);
        File.WriteAllBytes("d/large", large);
        byte[] same = File.ReadAllBytes("d/large");
        int differ = same.Length - large.Length;
        for (int n = 0; n < same.Length; n++)
            differ += same[n] == large[n] ? 0 : 1;
        Console.WriteLine("large {0}", differ);
        File.Delete("d/large");
        File.Copy("d/one.txt", "d/copy");
        Fails("copy", () => File.Copy("d/one.txt", "d/copy"));
        File.Copy("d/two.cs", "d/copy", true);
        Console.WriteLine(File.ReadAllText("d/copy"));
        File.Move("d/copy", "d/e/moved");
        Fails("move missing", () => File.Move("d/copy", "d/x"));
        Fails("move over", () => File.Move("d/one.txt", "d/two.cs"));
        Directory.Move("d/e", "g");
        Show("moved", Directory.GetFileSystemEntries("g"));
        Fails("move directory", () => Directory.Move("x", "y"));
        FileInfo file = new FileInfo("g/moved");
        Console.WriteLine("{0} {1} {2} {3}", file.Name, file.Length, file.Exists, file.Directory.Name);
        Console.WriteLine(file.LastWriteTimeUtc.Year >= 2020);
        string before = Directory.GetCurrentDirectory();
        Directory.SetCurrentDirectory("g");
        Console.WriteLine("{0} {1}", File.Exists("moved"), File.Exists("g/moved"));
        Directory.SetCurrentDirectory(before);
        Fails("current", () => Directory.SetCurrentDirectory("x"));
        for (int n = 0; n < 300; n++)
            File.WriteAllText("g/file with a long name, number " + n, "");
        Console.WriteLine(Directory.GetFiles("g").Length);
        Directory.Delete("g", true);
        Directory.Delete("d", true);
        Console.WriteLine("{0} {1}", Directory.Exists("d"), Directory.Exists("g"));
    }

    static void Encodings()
    {
        foreach (string s in new[] { "", "abc", "é", "€", "😀", "\ud83d", "\ude00x", "a\ud83d\ud83d" })
        {
            byte[] bytes = Encoding.UTF8.GetBytes(s);
            Console.WriteLine("{0} {1} {2}", BitConverter.ToString(bytes), Encoding.UTF8.GetByteCount(s), Encoding.UTF8.GetString(bytes).Length);
        }
        foreach (byte[] bytes in new[] { new byte[] { 0x41, 0x80, 0x42 }, new byte[] { 0xc3 }, new byte[] { 0xff, 0x41 } })
        {
            string s = Encoding.UTF8.GetString(bytes);
            Console.WriteLine("{0} {1:x}", s.Length, (int)s[s.Length - 1]);
        }
        Fails("range", () => Encoding.UTF8.GetString(new byte[2], 1, 2));
        Fails("null", () => Encoding.UTF8.GetBytes((string)null));
    }

    static int Main(string[] args)
    {
        Paths();
        Text();
        Streams();
        Directories();
        Encodings();
        string[] all = Environment.GetCommandLineArgs();
        Console.WriteLine("{0} {1} {2}", all.Length, all[1], args[0]);
        Console.WriteLine(Environment.GetEnvironmentVariable("NO_SUCH_VARIABLE") == null);
        Environment.Exit(3);
        return 0;
    }
}

// SPDX-License-Identifier: MIT
//
// Paths, files and directories. A program reaches those of its folders (docs/wasi.md).
using System.Collections.Generic;
using System.Text;

namespace System.IO
{
    public class FileNotFoundException : IOException
    {
        readonly string file;

        public FileNotFoundException() : base("There is no such file.") { }
        public FileNotFoundException(string message) : base(message) { }
        public FileNotFoundException(string message, string fileName) : base(message) { file = fileName; }
        public string FileName { get { return file; } }
    }

    public class DirectoryNotFoundException : IOException
    {
        public DirectoryNotFoundException() : base("There is no such directory.") { }
        public DirectoryNotFoundException(string message) : base(message) { }
    }

    public class PathTooLongException : IOException
    {
        public PathTooLongException() : base("The path is too long.") { }
        public PathTooLongException(string message) : base(message) { }
    }

    public class EndOfStreamException : IOException
    {
        public EndOfStreamException() : base("The stream ends before that.") { }
        public EndOfStreamException(string message) : base(message) { }
    }

    public enum SearchOption { TopDirectoryOnly, AllDirectories }

    public static class Path
    {
        public static readonly char DirectorySeparatorChar = '/', AltDirectorySeparatorChar = '/', PathSeparator = ':';

        internal static void Check(string path)
        {
            if (path == null)
                throw new ArgumentNullException("path");
            if (path.Length == 0 || path.IndexOf('\0') >= 0)
                throw new ArgumentException("The path is empty, or contains a null character.");
        }

        public static bool IsPathRooted(string path) { return path != null && path.Length > 0 && path[0] == '/'; }

        public static string Combine(string path1, string path2)
        {
            if (path1 == null || path2 == null)
                throw new ArgumentNullException(path1 == null ? "path1" : "path2");
            if (path1.Length == 0 || IsPathRooted(path2))
                return path2;
            return path2.Length == 0 ? path1 : String.Concat(path1, path1[path1.Length - 1] == '/' ? "" : "/", path2);
        }

        public static string Combine(string path1, string path2, string path3) { return Combine(Combine(path1, path2), path3); }

        public static string Combine(params string[] paths)
        {
            string all = "";
            foreach (string path in paths)
                all = Combine(all, path);
            return all;
        }

        public static string GetFileName(string path) { return path == null ? null : path.Substring(path.LastIndexOf('/') + 1); }

        // Where the extension starts, with its dot; or the length.
        static int ExtensionAt(string path)
        {
            int dot = path.LastIndexOf('.');
            return dot > path.LastIndexOf('/') ? dot : path.Length;
        }

        public static string GetExtension(string path)
        {
            string extension = path == null ? null : path.Substring(ExtensionAt(path));
            return extension == "." ? "" : extension;
        }

        public static bool HasExtension(string path) { return path != null && ExtensionAt(path) < path.Length - 1; }

        public static string GetFileNameWithoutExtension(string path)
        {
            return path == null ? null : GetFileName(path.Substring(0, ExtensionAt(path)));
        }

        public static string ChangeExtension(string path, string extension)
        {
            if (path == null || path.Length == 0)
                return path;
            string start = path.Substring(0, ExtensionAt(path));
            return extension == null ? start : String.Concat(start, extension.StartsWith(".") ? "" : ".", extension);
        }

        // Null for the root.
        public static string GetDirectoryName(string path)
        {
            if (path == null || path == "/")
                return null;
            int slash = path.LastIndexOf('/');
            while (slash > 0 && path[slash - 1] == '/')
                slash--;
            return slash < 0 ? "" : slash == 0 ? "/" : path.Substring(0, slash);
        }

        // Absolute, without "." and "..".
        public static string GetFullPath(string path)
        {
            Check(path);
            string all = Combine(IsPathRooted(path) ? "/" : Environment.CurrentDirectory, path);
            List<string> parts = new List<string>();
            foreach (string part in all.Split('/'))
            {
                if (part == "..")
                {
                    if (parts.Count > 0)
                        parts.RemoveAt(parts.Count - 1);
                }
                else if (part.Length > 0 && part != ".")
                    parts.Add(part);
            }
            StringBuilder full = new StringBuilder();
            foreach (string part in parts)
                full.Append('/').Append(part);
            return full.Length == 0 ? "/" : full.ToString();
        }

        public static string GetTempPath() { return "/tmp/"; }
    }

    public static class File
    {
        public static bool Exists(string path)
        {
            if (path == null || path.Length == 0 || path.IndexOf('\0') >= 0)
                return false;
            int type = Wasi.TypeOf(path);
            return type != 0 && type != Wasi.Directory;
        }

        public static FileStream Open(string path, FileMode mode) { return new FileStream(path, mode); }
        public static FileStream Open(string path, FileMode mode, FileAccess access) { return new FileStream(path, mode, access); }
        public static FileStream Create(string path) { return new FileStream(path, FileMode.Create); }
        public static FileStream OpenRead(string path) { return new FileStream(path, FileMode.Open, FileAccess.Read); }
        public static FileStream OpenWrite(string path) { return new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write); }
        public static StreamReader OpenText(string path) { return new StreamReader(path); }
        public static StreamWriter CreateText(string path) { return new StreamWriter(path); }
        public static StreamWriter AppendText(string path) { return new StreamWriter(path, true); }

        public static byte[] ReadAllBytes(string path)
        {
            using (FileStream from = OpenRead(path))
            {
                MemoryStream all = new MemoryStream();
                from.CopyTo(all);
                return all.ToArray();
            }
        }

        public static void WriteAllBytes(string path, byte[] bytes)
        {
            if (bytes == null)
                throw new ArgumentNullException("bytes");
            using (FileStream to = Create(path))
                to.Write(bytes, 0, bytes.Length);
        }

        public static string ReadAllText(string path)
        {
            using (StreamReader from = new StreamReader(path))
                return from.ReadToEnd();
        }

        public static string ReadAllText(string path, Encoding encoding) { return ReadAllText(path); }

        static void WriteText(string path, string contents, bool append)
        {
            using (StreamWriter to = new StreamWriter(path, append))
                to.Write(contents);
        }

        public static void WriteAllText(string path, string contents) { WriteText(path, contents, false); }
        public static void WriteAllText(string path, string contents, Encoding encoding) { WriteText(path, contents, false); }
        public static void AppendAllText(string path, string contents) { WriteText(path, contents, true); }

        public static string[] ReadAllLines(string path)
        {
            List<string> lines = new List<string>();
            using (StreamReader from = new StreamReader(path))
                for (string line; (line = from.ReadLine()) != null;)
                    lines.Add(line);
            return lines.ToArray();
        }

        public static IEnumerable<string> ReadLines(string path) { return ReadAllLines(path); }

        static void WriteLines(string path, IEnumerable<string> contents, bool append)
        {
            if (contents == null)
                throw new ArgumentNullException("contents");
            using (StreamWriter to = new StreamWriter(path, append))
                foreach (string line in contents)
                    to.WriteLine(line);
        }

        public static void WriteAllLines(string path, string[] contents) { WriteLines(path, contents, false); }
        public static void WriteAllLines(string path, IEnumerable<string> contents) { WriteLines(path, contents, false); }
        public static void AppendAllLines(string path, IEnumerable<string> contents) { WriteLines(path, contents, true); }

        // A file that is not there is no error.
        public static void Delete(string path)
        {
            Path.Check(path);
            int error = Wasi.Change(WasiCall.PathUnlinkFile, path);
            if (error == Wasi.NoEntry && Wasi.Failure(error, path) is FileNotFoundException)
                return;
            Wasi.Check(error, path);
        }

        public static void Copy(string from, string to) { Copy(from, to, false); }

        public static void Copy(string from, string to, bool overwrite)
        {
            using (FileStream source = OpenRead(from))
            using (FileStream target = new FileStream(to, overwrite ? FileMode.Create : FileMode.CreateNew, FileAccess.Write))
                source.CopyTo(target);
        }

        public static void Move(string from, string to)
        {
            Path.Check(from);
            Path.Check(to);
            if (Wasi.TypeOf(from) == Wasi.Directory)
                throw Wasi.Failure(Wasi.NoEntry, from);
            if (Wasi.TypeOf(to) != 0)
                throw Wasi.Failure(Wasi.Exists, to);
            Wasi.Check(Wasi.Rename(from, to), from);
        }

        public static DateTime GetLastWriteTimeUtc(string path)
        {
            int type;
            long size, modified;
            Path.Check(path);
            Wasi.Check(Wasi.Status(path, out type, out size, out modified), path);
            return new DateTime(1970, 1, 1).AddTicks(modified / 100);
        }

        public static DateTime GetLastWriteTime(string path) { return GetLastWriteTimeUtc(path); }
    }

    public static class Directory
    {
        public static string GetCurrentDirectory() { return Environment.CurrentDirectory; }
        public static void SetCurrentDirectory(string path) { Environment.CurrentDirectory = path; }

        public static bool Exists(string path)
        {
            return path != null && path.Length > 0 && path.IndexOf('\0') < 0 && Wasi.TypeOf(path) == Wasi.Directory;
        }

        // With those around it. One that is there is no error.
        public static DirectoryInfo CreateDirectory(string path)
        {
            string full = Path.GetFullPath(path);
            if (!Exists(full))
            {
                Wasi.Find(path); // one that is in none of the program's folders is refused by its whole name
                if (full != "/")
                    CreateDirectory(Path.GetDirectoryName(full));
                Wasi.Check(Wasi.Change(WasiCall.PathCreateDirectory, full), path);
            }
            return new DirectoryInfo(path);
        }

        public static void Delete(string path) { Delete(path, false); }

        public static void Delete(string path, bool recursive)
        {
            Path.Check(path);
            if (!Exists(path))
                throw new DirectoryNotFoundException(String.Concat("There is no such directory: '", path, "'."));
            if (recursive)
            {
                foreach (string name in Wasi.List(path, 0, 0))
                {
                    string inner = Path.Combine(path, name);
                    int error = Wasi.Change(WasiCall.PathUnlinkFile, inner);
                    if (error != 0 && Exists(inner))
                        Delete(inner, true);
                    else
                        Wasi.Check(error, inner);
                }
            }
            Wasi.Check(Wasi.Change(WasiCall.PathRemoveDirectory, path), path);
        }

        public static void Move(string from, string to)
        {
            Path.Check(from);
            Path.Check(to);
            if (Wasi.TypeOf(to) != 0)
                throw Wasi.Failure(Wasi.Exists, to);
            int error = Wasi.Rename(from, to);
            if (error == Wasi.NoEntry)
                throw new DirectoryNotFoundException(String.Concat("There is no such directory: '", from, "'."));
            Wasi.Check(error, from);
        }

        // Whether a name matches a pattern with * and ?.
        static bool Matches(string name, int at, string pattern, int from)
        {
            for (; from < pattern.Length; at++, from++)
            {
                if (pattern[from] == '*')
                {
                    while (from < pattern.Length && pattern[from] == '*')
                        from++;
                    for (; from < pattern.Length && at < name.Length; at++)
                        if (Matches(name, at, pattern, from))
                            return true;
                    return from == pattern.Length;
                }
                if (at == name.Length || pattern[from] != '?' && pattern[from] != name[at])
                    return false;
            }
            return at == name.Length;
        }

        static string[] Find(string path, string pattern, bool files, bool directories, bool recursive)
        {
            const int Link = 7;
            List<string> found = new List<string>();
            Path.Check(path);
            if (pattern == null)
                throw new ArgumentNullException("searchPattern");
            if (!Exists(path))
                throw new DirectoryNotFoundException(String.Concat("There is no such directory: '", path, "'."));
            foreach (string name in Wasi.List(path, files && directories || recursive ? 0 : files ? Wasi.Regular : Wasi.Directory, Link))
            {
                string inner = Path.Combine(path, name);
                bool isDirectory = Exists(inner);
                if ((isDirectory ? directories : files) && Matches(name, 0, pattern, 0))
                    found.Add(inner);
                if (isDirectory && recursive)
                    found.AddRange(Find(inner, pattern, files, directories, true));
            }
            return found.ToArray();
        }

        public static string[] GetFiles(string path) { return Find(path, "*", true, false, false); }
        public static string[] GetFiles(string path, string searchPattern) { return Find(path, searchPattern, true, false, false); }
        public static string[] GetFiles(string path, string searchPattern, SearchOption option)
        {
            return Find(path, searchPattern, true, false, option == SearchOption.AllDirectories);
        }
        public static string[] GetDirectories(string path) { return Find(path, "*", false, true, false); }
        public static string[] GetDirectories(string path, string searchPattern) { return Find(path, searchPattern, false, true, false); }
        public static string[] GetFileSystemEntries(string path) { return Find(path, "*", true, true, false); }
        public static IEnumerable<string> EnumerateFiles(string path) { return GetFiles(path); }
        public static IEnumerable<string> EnumerateDirectories(string path) { return GetDirectories(path); }
        public static IEnumerable<string> EnumerateFileSystemEntries(string path) { return GetFileSystemEntries(path); }
    }

    public abstract class FileSystemInfo
    {
        readonly string path;

        internal FileSystemInfo(string path) { this.path = Path.GetFullPath(path); }
        public string FullName { get { return path; } }
        public string Name { get { return path == "/" ? path : Path.GetFileName(path); } }
        public string Extension { get { return Path.GetExtension(path); } }
        public DateTime LastWriteTimeUtc { get { return File.GetLastWriteTimeUtc(path); } }
        public abstract bool Exists { get; }
        public abstract void Delete();
        public override string ToString() { return path; }
    }

    public sealed class FileInfo : FileSystemInfo
    {
        public FileInfo(string fileName) : base(fileName) { }
        public override bool Exists { get { return File.Exists(FullName); } }
        public override void Delete() { File.Delete(FullName); }
        public DirectoryInfo Directory { get { return new DirectoryInfo(Path.GetDirectoryName(FullName)); } }
        public string DirectoryName { get { return Path.GetDirectoryName(FullName); } }
        public FileStream OpenRead() { return File.OpenRead(FullName); }

        public long Length
        {
            get
            {
                int type;
                long size, modified;
                int error = Wasi.Status(FullName, out type, out size, out modified);
                Wasi.Check(error == 0 && type == Wasi.Directory ? Wasi.NoEntry : error, FullName);
                return size;
            }
        }
    }

    public sealed class DirectoryInfo : FileSystemInfo
    {
        public DirectoryInfo(string path) : base(path) { }
        public override bool Exists { get { return Directory.Exists(FullName); } }
        public override void Delete() { Directory.Delete(FullName); }
        public DirectoryInfo Parent { get { return FullName == "/" ? null : new DirectoryInfo(Path.GetDirectoryName(FullName)); } }
        public void Create() { Directory.CreateDirectory(FullName); }

        public FileInfo[] GetFiles()
        {
            string[] paths = Directory.GetFiles(FullName);
            FileInfo[] files = new FileInfo[paths.Length];
            for (int n = 0; n < paths.Length; n++)
                files[n] = new FileInfo(paths[n]);
            return files;
        }
    }
}

namespace System
{
    public class UnauthorizedAccessException : SystemException
    {
        public UnauthorizedAccessException() : base("The access is denied.") { }
        public UnauthorizedAccessException(string message) : base(message) { }
        public UnauthorizedAccessException(string message, Exception inner) : base(message, inner) { }
    }
}

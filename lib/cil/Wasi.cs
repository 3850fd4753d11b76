// SPDX-License-Identifier: MIT
//
// The calls of WASI (docs/wasi.md): how a program reaches the files of its folders, its arguments and its environment.
// A buffer is pinned while a call uses it.
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Text;

namespace System.IO
{
    // In the order of the table in kernel/cil/run/files.c.
    enum WasiCall
    {
        ArgsGet, ArgsSizesGet, EnvironGet, EnvironSizesGet, FdClose, FdFilestatGet, FdFilestatSetSize, FdPrestatDirName, FdPrestatGet,
        FdRead, FdReaddir, FdSeek, FdSync, FdWrite, PathCreateDirectory, PathFilestatGet, PathOpen, PathRemoveDirectory, PathRename,
        PathUnlinkFile
    }

    // A path below one of the program's folders.
    struct WasiPath
    {
        internal int folder;
        internal byte[] name;
    }

    static unsafe class Wasi
    {
        const int Arguments = 9;

        internal const int Access = 2, BadDescriptor = 8, Exists = 20, Invalid = 28, IsDirectory = 31, NameTooLong = 37, NoEntry = 44,
            NoSpace = 51, NotDirectory = 54, NotEmpty = 55, NotPermitted = 63, ReadOnly = 69, NotCapable = 76;

        internal const int Create = 1, MustBeDirectory = 2, Exclusive = 4, Truncate = 8; // of an open
        internal const int Directory = 3, Regular = 4;                                   // types of files

        const ulong ReadRights = 1 << 1 | 1 << 2 | 1 << 5 | 1 << 21; // read, seek, tell, status
        const ulong WriteRights = 1 << 0 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 21 | 1 << 22;
        const ulong ListRights = 1 << 14 | 1 << 21;

        static string[] folders; // names, from descriptor 3

        // Returns the number of an error, or 0. The arguments are those of WASI, addresses included.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int Call(int call, ulong* args);

        static int Call(WasiCall call, ulong a, ulong b = 0, ulong c = 0, ulong d = 0, ulong e = 0, ulong f = 0)
        {
            ulong* args = stackalloc ulong[Arguments];
            args[0] = a;
            args[1] = b;
            args[2] = c;
            args[3] = d;
            args[4] = e;
            args[5] = f;
            return Call((int)call, args);
        }

        // ---- Errors ----

        internal static Exception Failure(int error, string path)
        {
            string of = path == null ? "." : String.Concat(": '", path, "'.");
            switch (error)
            {
            case NoEntry:
                string parent = Path.GetDirectoryName(Path.GetFullPath(path ?? "."));
                return parent == null || TypeOf(parent) == Directory
                    ? (Exception)new FileNotFoundException(String.Concat("There is no such file", of), path)
                    : new DirectoryNotFoundException(String.Concat("A part of the path is not there", of));
            case NotDirectory:
                return new DirectoryNotFoundException(String.Concat("A part of the path is no directory", of));
            case Access:
            case BadDescriptor:
            case NotPermitted:
            case NotCapable:
                return new UnauthorizedAccessException(String.Concat("The access is denied", of));
            case IsDirectory:
                return new UnauthorizedAccessException(String.Concat("It is a directory", of));
            case NameTooLong:
                return new PathTooLongException(String.Concat("The path is too long", of));
            case Exists:
                return new IOException(String.Concat("It exists already", of));
            case NotEmpty:
                return new IOException(String.Concat("The directory is not empty", of));
            case ReadOnly:
                return new IOException(String.Concat("The file system is read-only", of));
            case NoSpace:
                return new IOException(String.Concat("There is no space left", of));
            default:
                return new IOException(String.Concat("Input or output failed with error ", error.ToString(), of));
            }
        }

        internal static void Check(int error, string path)
        {
            if (error != 0)
                throw Failure(error, path);
        }

        // ---- Paths ----

        static void FindFolders()
        {
            List<string> found = new List<string>();
            byte* prestat = stackalloc byte[8];
            for (int fd = 3; Call(WasiCall.FdPrestatGet, (ulong)fd, (ulong)prestat) == 0; fd++)
            {
                byte[] name = new byte[*(int*)(prestat + 4)];
                fixed (byte* to = name)
                    Check(Call(WasiCall.FdPrestatDirName, (ulong)fd, (ulong)to, (ulong)name.Length), null);
                found.Add(Encoding.UTF8.GetString(name));
            }
            folders = found.ToArray();
        }

        static bool IsBelow(string path, string folder)
        {
            return path.StartsWith(folder) && (path.Length == folder.Length || folder.EndsWith("/") || path[folder.Length] == '/');
        }

        // The folder with the longest name that the path is below.
        internal static WasiPath Find(string path)
        {
            string full = Path.GetFullPath(path);
            int best = -1;
            if (folders == null)
                FindFolders();
            for (int n = 0; n < folders.Length; n++)
                if (IsBelow(full, folders[n]) && (best < 0 || folders[n].Length > folders[best].Length))
                    best = n;
            if (best < 0)
                throw Failure(NotCapable, path);
            string rest = full.Substring(folders[best].Length).TrimStart('/');
            return new WasiPath { folder = best + 3, name = Encoding.UTF8.GetBytes(rest.Length == 0 ? "." : rest) };
        }

        // ---- Files ----

        internal static int Open(string path, bool reads, bool writes, int how, bool appends, out int fd)
        {
            WasiPath at = Find(path);
            bool lists = (how & MustBeDirectory) != 0;
            ulong* args = stackalloc ulong[Arguments];
            int* result = stackalloc int[1];
            args[0] = (ulong)at.folder;
            args[1] = 1; // follow symbolic links
            args[3] = (ulong)at.name.Length;
            args[4] = (ulong)how;
            args[5] = lists ? ListRights : (reads ? ReadRights : 0) | (writes ? WriteRights : 0);
            args[6] = 0;
            args[7] = appends ? 1ul : 0;
            args[8] = (ulong)result;
            int error;
            fixed (byte* name = at.name)
            {
                args[2] = (ulong)name;
                error = Call((int)WasiCall.PathOpen, args);
            }
            fd = *result;
            return error;
        }

        internal static void Close(int fd) { Call(WasiCall.FdClose, (ulong)fd); }
        internal static int Sync(int fd) { return Call(WasiCall.FdSync, (ulong)fd); }
        internal static int SetSize(int fd, long size) { return Call(WasiCall.FdFilestatSetSize, (ulong)fd, (ulong)size); }

        // Moves bytes from the file or to it.
        static int Transfer(WasiCall call, int fd, byte[] bytes, int at, int count, out int done)
        {
            uint* span = stackalloc uint[3];
            int error;
            fixed (byte* p = bytes)
            {
                span[0] = (uint)(p + at);
                span[1] = (uint)count;
                error = Call(call, (ulong)fd, (ulong)span, 1, (ulong)(span + 2));
            }
            done = (int)span[2];
            return error;
        }

        internal static int Read(int fd, byte[] bytes, int at, int count, out int done)
        {
            return Transfer(WasiCall.FdRead, fd, bytes, at, count, out done);
        }

        internal static int Write(int fd, byte[] bytes, int at, int count, out int done)
        {
            return Transfer(WasiCall.FdWrite, fd, bytes, at, count, out done);
        }

        internal static int Seek(int fd, long offset, int from, out long position)
        {
            long* result = stackalloc long[1];
            int error = Call(WasiCall.FdSeek, (ulong)fd, (ulong)offset, (ulong)from, (ulong)result);
            position = *result;
            return error;
        }

        internal static int Status(int fd, out long size)
        {
            byte* status = stackalloc byte[64];
            int error = Call(WasiCall.FdFilestatGet, (ulong)fd, (ulong)status);
            size = *(long*)(status + 32);
            return error;
        }

        // Nanoseconds since 1970.
        internal static int Status(string path, out int type, out long size, out long modified)
        {
            WasiPath at = Find(path);
            byte* status = stackalloc byte[64];
            int error;
            fixed (byte* name = at.name)
                error = Call(WasiCall.PathFilestatGet, (ulong)at.folder, 1, (ulong)name, (ulong)at.name.Length, (ulong)status);
            type = status[16];
            size = *(long*)(status + 32);
            modified = *(long*)(status + 48);
            return error;
        }

        // Returns 0 if there is nothing, or the program may not see it.
        internal static int TypeOf(string path)
        {
            try
            {
                int type;
                long size, modified;
                return Status(path, out type, out size, out modified) == 0 ? type : 0;
            }
            catch (UnauthorizedAccessException)
            {
                return 0;
            }
        }

        // ---- Names ----

        internal static int Change(WasiCall call, string path)
        {
            WasiPath at = Find(path);
            fixed (byte* name = at.name)
                return Call(call, (ulong)at.folder, (ulong)name, (ulong)at.name.Length);
        }

        internal static int Rename(string from, string to)
        {
            WasiPath a = Find(from), b = Find(to);
            fixed (byte* old = a.name, name = b.name)
                return Call(WasiCall.PathRename, (ulong)a.folder, (ulong)old, (ulong)a.name.Length, (ulong)b.folder, (ulong)name,
                            (ulong)b.name.Length);
        }

        // The names in a directory with one of two types; 0: any.
        internal static List<string> List(string path, int type, int other)
        {
            const int Header = 24;
            List<string> names = new List<string>();
            byte[] buffer = new byte[4096];
            ulong cookie = 0;
            int fd, used = buffer.Length;
            Check(Open(path, true, false, MustBeDirectory, false, out fd), path);
            try
            {
                while (used == buffer.Length)
                {
                    int* filled = stackalloc int[1];
                    fixed (byte* p = buffer)
                        Check(Call(WasiCall.FdReaddir, (ulong)fd, (ulong)p, (ulong)buffer.Length, cookie, (ulong)filled), path);
                    used = *filled;
                    for (int at = 0; at + Header <= used;)
                    {
                        int length = BitConverter.ToInt32(buffer, at + 16), kind = buffer[at + 20];
                        if (at + Header + length > used)
                            break;
                        cookie = (ulong)BitConverter.ToInt64(buffer, at);
                        string name = Encoding.UTF8.GetString(buffer, at + Header, length);
                        if (name != "." && name != ".." && (type == 0 || kind == type || kind == other))
                            names.Add(name);
                        at += Header + length;
                    }
                }
            }
            finally
            {
                Close(fd);
            }
            return names;
        }

        // ---- Arguments and environment ----

        internal static string[] Strings(WasiCall sizes, WasiCall get)
        {
            int* size = stackalloc int[2];
            Check(Call(sizes, (ulong)size, (ulong)(size + 1)), null);
            int count = size[0], at = 0;
            byte[] places = new byte[4 * count], bytes = new byte[size[1]];
            fixed (byte* p = places, b = bytes)
                Check(Call(get, (ulong)p, (ulong)b), null);
            string[] all = new string[count];
            for (int n = 0; n < count; n++)
            {
                int end = at;
                while (bytes[end] != 0)
                    end++;
                all[n] = Encoding.UTF8.GetString(bytes, at, end - at);
                at = end + 1;
            }
            return all;
        }
    }
}

namespace System
{
    public static partial class Environment
    {
        static string[] variables;
        static string current;

        public static string[] GetCommandLineArgs() { return IO.Wasi.Strings(IO.WasiCall.ArgsSizesGet, IO.WasiCall.ArgsGet); }

        // Returns null if there is none.
        public static string GetEnvironmentVariable(string variable)
        {
            if (variable == null)
                throw new ArgumentNullException("variable");
            if (variables == null)
                variables = IO.Wasi.Strings(IO.WasiCall.EnvironSizesGet, IO.WasiCall.EnvironGet);
            string start = String.Concat(variable, "=");
            foreach (string v in variables)
                if (v.StartsWith(start))
                    return v.Substring(start.Length);
            return null;
        }

        // Relative paths start here. It is the program's own, and at first the shell's.
        public static string CurrentDirectory
        {
            get { return current ?? (current = GetEnvironmentVariable("PWD") ?? "/"); }
            set
            {
                string full = IO.Path.GetFullPath(value);
                if (IO.Wasi.TypeOf(full) != IO.Wasi.Directory)
                    throw new IO.DirectoryNotFoundException(String.Concat("There is no such directory: '", value, "'."));
                current = full;
            }
        }
    }
}

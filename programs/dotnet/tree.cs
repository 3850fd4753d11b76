// SPDX-License-Identifier: MIT
//
// Copies a tree of text files, and writes a list of what it copied: tree FROM TO.
using System;
using System.Collections.Generic;
using System.IO;

static class Tree
{
    static int files, lines;

    static void CopyFile(string from, string to)
    {
        using (StreamReader reader = new StreamReader(from))
        using (StreamWriter writer = new StreamWriter(to))
        {
            for (string line; (line = reader.ReadLine()) != null; lines++)
                writer.WriteLine(line);
        }
        files++;
    }

    static void Copy(string from, string to, List<string> copied)
    {
        Directory.CreateDirectory(to);
        string[] names = Directory.GetFiles(from);
        Array.Sort(names);
        foreach (string name in names)
        {
            CopyFile(name, Path.Combine(to, Path.GetFileName(name)));
            copied.Add(String.Format("{0} {1}", Path.GetFileName(name), new FileInfo(name).Length));
        }
        string[] folders = Directory.GetDirectories(from);
        Array.Sort(folders);
        foreach (string name in folders)
            Copy(name, Path.Combine(to, Path.GetFileName(name)), copied);
    }

    static int Main(string[] args)
    {
        if (args.Length == 1 && args[0] == "--help")
        {
            Console.WriteLine("usage: tree FROM TO");
            return 0;
        }
        if (args.Length != 2)
        {
            Console.Error.WriteLine("usage: tree FROM TO");
            return 2;
        }
        List<string> copied = new List<string>();
        try
        {
            Copy(args[0], args[1], copied);
            File.WriteAllLines(Path.Combine(args[1], "list.txt"), copied);
        }
        catch (IOException e)
        {
            Console.Error.WriteLine("tree: " + e.Message);
            return 1;
        }
        catch (UnauthorizedAccessException e)
        {
            Console.Error.WriteLine("tree: " + e.Message);
            return 1;
        }
        Console.WriteLine("{0} files, {1} lines", files, lines);
        return 0;
    }
}

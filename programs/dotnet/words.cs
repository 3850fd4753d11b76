// SPDX-License-Identifier: MIT
//
// Counts the words of its standard input, and prints them by frequency.
using System;
using System.Collections.Generic;

static class Words
{
    static void Count(Dictionary<string, int> counts, string line)
    {
        int start = 0;
        for (int n = 0; n <= line.Length; n++)
        {
            if (n < line.Length && Char.IsLetterOrDigit(line[n]))
                continue;
            if (n > start)
            {
                string word = line.Substring(start, n - start).ToLower();
                int before;
                counts.TryGetValue(word, out before);
                counts[word] = before + 1;
            }
            start = n + 1;
        }
    }

    static int Main(string[] args)
    {
        if (args.Length == 1 && args[0] == "--help")
        {
            Console.WriteLine("usage: words");
            return 0;
        }
        Dictionary<string, int> counts = new Dictionary<string, int>();
        for (string line = Console.ReadLine(); line != null; line = Console.ReadLine())
            Count(counts, line);
        List<KeyValuePair<string, int>> all = new List<KeyValuePair<string, int>>();
        foreach (KeyValuePair<string, int> one in counts)
            all.Add(one);
        all.Sort((a, b) => a.Value != b.Value ? b.Value - a.Value : a.Key.CompareTo(b.Key));
        foreach (KeyValuePair<string, int> one in all)
            Console.WriteLine("{0,6} {1}", one.Value, one.Key);
        return 0;
    }
}

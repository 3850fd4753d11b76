// SPDX-License-Identifier: MIT
//
// What System.Char says of each character, a line for each; and words in other alphabets.
using System;

static class P {
    static void Add(ref string kinds, bool isIt, char kind) {
        if (isIt)
            kinds += kind;
    }

    static void Main() {
        for (int n = 0; n < 65536; n++) {
            char c = (char)n;
            string kinds = "";
            Add(ref kinds, Char.IsLetter(c), 'L');
            Add(ref kinds, Char.IsUpper(c), 'u');
            Add(ref kinds, Char.IsLower(c), 'l');
            Add(ref kinds, Char.IsDigit(c), 'd');
            Add(ref kinds, Char.IsNumber(c), 'n');
            Add(ref kinds, Char.IsPunctuation(c), 'p');
            Add(ref kinds, Char.IsSymbol(c), 's');
            Add(ref kinds, Char.IsSeparator(c), 'z');
            Add(ref kinds, Char.IsWhiteSpace(c), 'w');
            Add(ref kinds, Char.IsControl(c), 'c');
            Add(ref kinds, Char.IsLetterOrDigit(c), 'o');
            Console.WriteLine("{0} {1} {2} {3}", n, (int)Char.ToUpperInvariant(c), (int)Char.ToLowerInvariant(c), kinds);
        }
        string[] words = {"Ärger, Straße", "ΣΊΣΥΦΟΣ", "Ёлка", "ǅ", "١٢"};
        foreach (string word in words)
            Console.WriteLine(word.ToUpper() + " " + word.ToLower() + " " + word.ToUpper().Equals(word, StringComparison.OrdinalIgnoreCase));
        int number;
        Console.WriteLine(Int32.TryParse("١٢", out number) + " " + "\u2003x\u3000".Trim().Length);
    }
}

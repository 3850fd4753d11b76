// SPDX-License-Identifier: MIT
//
// Members of strings, collections, arrays and formats, with usual and with wrong arguments. Prints the same on Halyard and in mono.
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Collections;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System;

static class Strings_ { static void T(Func<object> f) { try { Console.WriteLine(f() ?? "null"); } catch (Exception e) { Console.WriteLine(e.GetType().Name); } } static string J<X>(IEnumerable<X> s) => "[" + string.Join("|", s) + "]";
 internal static void Run() {
  string s = "Hello, World";
        T(() => J(s.Split(',')));
        T(() => J("a,b;c".Split(',', ';')));
        T(() => J("a,,b".Split(new[] { ',' }, StringSplitOptions.RemoveEmptyEntries)));
        T(() => J("a,b,c".Split(new[] { ',' }, 2)));
        T(() => J("a--b--c".Split(new[] { "--" }, StringSplitOptions.None)));
        T(() => J(" a  b\tc ".Split()));
        T(() => J(" a b ".Split((char[])null, StringSplitOptions.RemoveEmptyEntries)));
        T(() => J("a::b".Split(new[] { "::", ":" }, 5, StringSplitOptions.None)));
        T(() => J("".Split(',')));
  T(() => "  x ".Trim() + "|" + "  x ".TrimStart() + "|" + "  x ".TrimEnd() + "|" + "xxaxx".Trim('x') + "xxaxx".TrimEnd('x', 'a') + "--a".TrimStart('-'));
        T(() => "ab".PadLeft(5) + "ab".PadRight(5, '.') + "ab".PadLeft(1));
        T(() => s.IndexOf('o') + " " + s.IndexOf('o', 5) + " " + s.IndexOf("World") + " " + s.IndexOf("world", StringComparison.OrdinalIgnoreCase) + s.IndexOf("zz") + s.IndexOf("") + s.LastIndexOf('o') + s.LastIndexOf("l") + s.IndexOfAny(new[] { 'W', 'l' }) + s.LastIndexOfAny("eH".ToCharArray()) + s.IndexOf('o', 5, 2));
        T(() => s.IndexOf('o', 50));
  T(() => s.Substring(7) + s.Substring(0, 5));
        T(() => s.Substring(5, 50));
        T(() => s.Substring(12));
        T(() => s.Remove(5) + s.Remove(0, 7));
        T(() => s.Insert(5, "!!"));
        T(() => s.Replace('l', 'L') + s.Replace("World", "There") + s.Replace("l", ""));
        T(() => s.ToUpper() + s.ToLower() + s.ToUpperInvariant());
        T(() => s.Contains("World") + " " + s.StartsWith("He") + s.EndsWith("d") + s.StartsWith("he", StringComparison.OrdinalIgnoreCase) + s.EndsWith("LD", StringComparison.InvariantCultureIgnoreCase));
  T(() => string.Compare("a", "b") + " " + string.Compare("B", "a", StringComparison.Ordinal) + " " + Math.Sign(string.Compare("ABC", "abc", true)) + string.CompareOrdinal("a", "c") + " " + "a".CompareTo("b") + string.Equals("a", "A", StringComparison.OrdinalIgnoreCase) + "x".Equals("x") + ("a" + "b" == "ab"));
        T(() => Math.Sign(string.Compare("abcd", 1, "xbcz", 1, 2)));
        T(() => string.Compare(null, "a") + string.Compare("a", null));
        T(() => string.IsNullOrEmpty("") + "" + string.IsNullOrWhiteSpace(" \t"));
        T(() => string.Join("-", 1, 2, 3) + string.Join(",", new[] { "a", null, "b" }) + string.Join(";", new List<int> { 1, 2 }) + string.Join("-", new[] { "a", "b", "c" }, 1, 2));
        T(() => string.Concat("a", 1, null, 'c') + string.Concat(new[] { "x", "y" }) + string.Concat(new List<string> { "p", "q" }));
        T(() => new string('*', 5) + new string(new[] { 'a', 'b' }) + new string(new[] { 'a', 'b', 'c' }, 1, 2));
        T(() => string.Copy("abc") + string.Empty + string.Intern("x"));
  T(() => J(s.ToCharArray(1, 3)) + s.ToCharArray().Length + s[4]);
        T(() => s[99]);
        T(() => new string(s.Reverse().ToArray()));
        T(() => s.Where(char.IsUpper).Count() + s.Count(c => "aeiou".Contains(c)) + " " + string.Concat(s.Select(c => (char)(c + 1))));
        foreach (char c in "aZ5 _-\t") T(() => (int)c + " " + char.IsLetter(c) + char.IsDigit(c) + char.IsLetterOrDigit(c) + char.IsWhiteSpace(c) + char.IsUpper(c) + char.IsLower(c) + char.IsPunctuation(c) + char.IsSymbol(c) + char.IsControl(c) + char.IsSeparator(c) + char.ToUpper(c) + char.ToLowerInvariant(c) + char.IsNumber(c));
        T(() => char.GetNumericValue('7') + " " + (char)('a' + 1) + char.ToString('x') + char.IsSurrogate('\ud800') + char.IsLetter("ab", 1) + char.ConvertFromUtf32(0x1F600).Length + char.ConvertToUtf32("\ud83d\ude00", 0) + char.MaxValue.CompareTo('a') + char.IsHighSurrogate('\ud800'));
  var b = new StringBuilder("abc"); b.Append(1).Append('x').Append(2.5).Append(true).Append((object)null).Append("q", 0, 1).Append('z', 3).AppendLine().AppendFormat("{0:D3}|{1}", 7, "f").Insert(0, "<<").Replace("bc", "BC").Remove(0, 1); b[0] = '(';
        T(() => b.ToString() + b.Length + b[3]); b.Length = 4;
        T(() => b + "|" + b.ToString(1, 2) + b.Capacity.ToString().Length); b.Clear().Append("a", 0, 1).AppendLine("line").Append(new[] { 'u', 'v' }).Append(new[] { 'u', 'v', 'w' }, 1, 2).AppendFormat("{0}", 1).Insert(1, 5).Insert(1, 'c').Replace('u', 'U').AppendJoin2();
        T(() => b.ToString().Replace("\n", "\\n"));
        T(() => new StringBuilder(5).Append(1L).Append(1u).Append(1.5m).Append((short)3).Append((byte)4).Append(1.25f).Append('c').ToString());
        T(() => { var c = new StringBuilder("hello");
        for (int i = 0, j = c.Length - 1; i < j; i++, j--) { var t = c[i]; c[i] = c[j]; c[j] = t; } return c.ToString(); });
        T(() => new StringBuilder("ab").CopyToArr());
        T(() => new StringBuilder("abc").Remove(2, 5));
  T(() => "tEST".Substring(0, 1).ToUpper() + "tEST".Substring(1).ToLower());
        T(() => "abc".GetHashCode() == ("ab" + 'c').GetHashCode());
        T(() => "a\\b\"c" + @"v\n""q" + "\x41\u0042\0".Length);
        T(() => "line1\nline2\r\nline3".Split('\n').Length);
        T(() => "abc".CompareTo((object)"abd"));
        T(() => J("one two".Split(' ').Select(w => char.ToUpper(w[0]) + w.Substring(1))));
        T(() => "abcabc".LastIndexOf("bc", 3) + " " + "abcabc".IndexOf("bc", 2) + "abcabc".IndexOf("c", 1, 3) + "abc".LastIndexOf(""));
        T(() => "a".Equals((object)"a") + "" + object.Equals("a", "a") + ReferenceEquals("a", "a"));
        T(() => string.Join(" ", Encoding.UTF8.GetBytes("é€😀").Select(x => x.ToString("x2"))) + Encoding.UTF8.GetString(new byte[] { 0xe2, 0x82, 0xac, 0xff }) + Encoding.UTF8.GetByteCount("é"));   T(() => "a,b".Clone());
        T(() => string.CompareOrdinal("ab", 0, "b", 0, 1) < 0);
        T(() => "abc".Contains('b'));
        T(() => "abc".StartsWith("") + " " + "abc".Substring(3).Length);
        T(() => "aXbX".TrimEnd('X').Length + "\u00a0x".Trim().Length);
        foreach (var e in "ab") Console.Write(e); }
}
static class E { public static StringBuilder AppendJoin2(this StringBuilder b) => b.Append("!"); public static string CopyToArr(this StringBuilder b) { var a = new char[4]; b.CopyTo(0, a, 1, 2); "zz".CopyTo(0, a, 3, 1); return new string(a, 1, 3); } }

class LRU<K, V> { readonly int cap; readonly Dictionary<K, LinkedListNode<KeyValuePair<K, V>>> map; readonly LinkedList<KeyValuePair<K, V>> list = new LinkedList<KeyValuePair<K, V>>(); public LRU(int c) { cap = c; map = new Dictionary<K, LinkedListNode<KeyValuePair<K, V>>>(c); } public bool TryGet(K k, out V v) { if (map.TryGetValue(k, out var n)) { list.Remove(n); list.AddFirst(n); v = n.Value.Value; return true; } v = default(V); return false; } public void Put(K k, V v) { if (map.TryGetValue(k, out var n)) { list.Remove(n); map.Remove(k); } else if (map.Count >= cap) { var last = list.Last; list.RemoveLast(); map.Remove(last.Value.Key); } map[k] = list.AddFirst(new KeyValuePair<K, V>(k, v)); } public override string ToString() => string.Join(" ", list.Select(p => p.Key + "=" + p.Value)); }
class CI : IEqualityComparer<string> { public bool Equals(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase); public int GetHashCode(string s) => s.ToLowerInvariant().GetHashCode(); } class Desc : IComparer<int> { public int Compare(int a, int b) => b.CompareTo(a); } class LenCmp : Comparer<string> { public override int Compare(string a, string b) => a.Length - b.Length; }
class MyColl : Collection<int> { protected override void InsertItem(int i, int v) { base.InsertItem(i, v * 2); } } 
static class Collections_ { static void T(Func<object> f) { try { Console.WriteLine(f() ?? "null"); } catch (Exception e) { Console.WriteLine(e.GetType().Name); } } static string J(IEnumerable s) { var l = new List<string>();
        foreach (var x in s) l.Add(x == null ? "null" : x.ToString()); return "[" + string.Join(",", l) + "]"; }
 internal static void Run() {
  var l = new List<int> { 5, 3, 8, 1 }; l.Sort();
        T(() => J(l) + l.BinarySearch(5) + " " + ~l.BinarySearch(6)); l.Sort(new Desc());
        T(() => J(l)); l.Sort((a, b) => a - b); l.Insert(1, 9); l.InsertRange(0, new[] { 7, 7 }); l.RemoveAll(x => x == 7); l.Remove(9); l.RemoveAt(0); l.AddRange(l.ToArray());
        T(() => J(l) + l.IndexOf(5) + l.LastIndexOf(5) + l.Contains(8) + l.Find(x => x > 4) + l.FindIndex(x => x == 8) + l.FindLast(x => x < 6) + l.FindLastIndex(x => x == 3) + l.Exists(x => x == 100) + l.TrueForAll(x => x > 0) + J(l.FindAll(x => x > 4)) + J(l.GetRange(1, 2)) + J(l.ConvertAll(x => "s" + x))); l.Reverse(); l.RemoveRange(0, 2); l.Reverse(0, 2); l.ForEach(x => Console.Write(x + ";"));
        T(() => l[50]);
        T(() => { l.RemoveAt(-1); return 0; });
        T(() => { foreach (var x in l) l.Add(1); return 0; }); l.TrimExcess(); l.Capacity = 100;
        T(() => l.Capacity + " " + J(l.AsReadOnly()));
        T(() => { ((IList<int>)l.AsReadOnly()).Add(1); return 0; });
        var a0 = new int[10]; l.CopyTo(a0, 2); l.CopyTo(0, a0, 6, 1);
        T(() => J(a0));
        T(() => { var ls = new List<string> { "pear", "fig", "apple" }; ls.Sort();
        var r = J(ls); ls.Sort(new LenCmp()); r += J(ls); ls.Sort(StringComparer.Ordinal); return r + J(ls); });
  var d = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase) { { "One", 1 }, { "two", 2 } }; d["ONE"]++;
        T(() => d["one"] + d.Count);
        T(() => d["zzz"]);
        T(() => { d.Add("TWO", 1); return 0; });
        T(() => { d.Add(null, 1); return 0; }); d["three"] = 3;
        T(() => d.Remove("three") + " " + d.Remove("nix") + d.TryGetValue("x", out var q) + d.ContainsValue(2));
        foreach (var kv in d) Console.Write(kv + " ");
        foreach (var k in d.Keys) Console.Write(k);  Console.WriteLine(J(d.Values) + J(d));
        var d2 = new Dictionary<string, int>(d, new CI());
        T(() => d2["TWO"] + d2.Comparer.GetType().Name); IDictionary<string, int> id = d;
        T(() => id.Keys.Count + " " + id.Contains(new KeyValuePair<string, int>("two", 2)) + id.IsReadOnly); d.Clear();
  var h = new HashSet<int> { 1, 2, 3 };
        T(() => h.Add(1) + " " + h.Add(4) + h.Contains(2)); h.UnionWith(new[] { 9, 8 }); h.IntersectWith(new[] { 1, 2, 9, 77 }); h.ExceptWith(new[] { 2 }); h.SymmetricExceptWith(new[] { 1, 50 });
        T(() => J(h.OrderBy(x => x)) + h.IsSubsetOf(new[] { 9, 50, 1 }) + h.IsSupersetOf(new[] { 9 }) + h.Overlaps(new[] { 9 }) + h.SetEquals(new[] { 50, 9 }) + h.RemoveWhere(x => x > 10) + h.IsProperSubsetOf(new[] { 9, 1 })); ISet<int> iset = h;
        T(() => iset.Count);
  var sd = new SortedDictionary<string, int> { ["b"] = 2, ["a"] = 1, ["c"] = 3 }; sd.Remove("b");
        T(() => J(sd) + J(sd.Keys) + J(sd.Values));
        var ss = new SortedSet<int>(new[] { 5, 1, 3, 5 });
        T(() => J(ss) + ss.Min + ss.Max + J(ss.Reverse()) + J(ss.GetViewBetween(2, 5)));
        var sl = new SortedList<int, string> { { 3, "c" }, { 1, "a" } };
        T(() => J(sl) + sl.Keys[0] + sl.Values[1] + sl.IndexOfKey(3) + sl.IndexOfValue("zz"));
        var sdd = new SortedDictionary<int, int>(new Desc()) { { 1, 1 }, { 2, 2 } };
        T(() => J(sdd.Keys) + sdd.First());
  var q1 = new Queue<int>();
        for (int i = 0; i < 20; i++) { q1.Enqueue(i);
        if (i % 3 == 0) q1.Dequeue(); } T(() => J(q1) + q1.Peek() + q1.Count + q1.Contains(19) + q1.ToArray().Length); q1.Clear();
        T(() => q1.Dequeue());
        var st = new Stack<string>(new[] { "a", "b" }); st.Push("c");
        T(() => J(st) + st.Pop() + st.Peek() + st.Contains("a") + st.ToArray().Length); st.Clear();
        T(() => st.Pop());
        var ll = new LinkedList<int>(new[] { 1, 2, 3 });
        var n = ll.Find(2); ll.AddBefore(n, 10); ll.AddAfter(n, 20); ll.RemoveFirst(); ll.AddLast(99);
        T(() => J(ll) + ll.First.Value + ll.Last.Previous.Value + n.Next.Value + (n.List == ll) + ll.Contains(10) + ll.Remove(5) + ll.FindLast(3).Value);
  var c = new LRU<int, string>(2); c.Put(1, "a"); c.Put(2, "b"); c.TryGet(1, out _); c.Put(3, "c");
        T(() => c + " " + c.TryGet(2, out _));
        var mc = new MyColl { 1, 2 };
        T(() => J(mc) + mc.Count);
        var ht = new Hashtable { { "k", 1 }, { 2, "v" } }; ht["z"] = null;
        T(() => ht["k"] + " " + ht.Count + ht.ContainsKey("z") + ht["nope"]);
        foreach (DictionaryEntry de in ht) if (de.Key is int) Console.WriteLine(de.Key + "" + de.Value);
        var al = new ArrayList { 3, 1, 2 }; al.Sort();
        T(() => J(al) + al.Contains(3));
        var ba = new BitArray(10); ba[3] = true; ba.Set(4, true);
        T(() => ba.Count + " " + ba[3] + ba.Get(5) + J(ba));  var rd = new ReadOnlyDictionary<string, int>(d);
        T(() => rd.Count);  
 }
}

static class Arrays_ { static void T(Func<object> f) { try { Console.WriteLine(f() ?? "null"); } catch (Exception e) { Console.WriteLine(e.GetType().Name); } } static string J<X>(IEnumerable<X> s) => "[" + string.Join(",", s) + "]"; class Rev : IComparer<string> { public int Compare(string a, string b) => string.CompareOrdinal(b, a); }
 static int[,] Mul(int[,] a, int[,] b) { int n = a.GetLength(0), m = b.GetLength(1), k = a.GetLength(1);
        var r = new int[n, m];
        for (int i = 0; i < n; i++) for (int j = 0; j < m; j++) for (int x = 0; x < k; x++) r[i, j] += a[i, x] * b[x, j]; return r; }
 internal static void Run() {
  int[,] m = { { 1, 2, 3 }, { 4, 5, 6 } }, t = { { 1, 0 }, { 0, 1 }, { 2, 2 } };
        var r = Mul(m, t);
        for (int i = 0; i < r.GetLength(0); i++) { for (int j = 0; j <= r.GetUpperBound(1); j++) Console.Write("{0,4}", r[i, j]); Console.WriteLine(); } T(() => m.Length + " " + m.Rank + m.GetLowerBound(0));
        foreach (int x in m) Console.Write(x);
        T(() => m[2, 0]);
        var cube = new double[2, 3, 4]; cube[1, 2, 3] = 1.5;
        T(() => cube.Cast<double>().Sum() + cube.Length); int[][] jag = { new[] { 1 }, new[] { 2, 3 }, new int[0] };
        T(() => jag.Sum(x => x.Length) + J(jag.SelectMany(x => x)));
        var jj = new int[3][];
        for (int i = 0; i < 3; i++) jj[i] = new int[i + 1]; jj[2][2] = 4;
        T(() => jj[2][2] + jj.Length); string[,] sg = new string[2, 2]; sg[0, 1] = "x";
        T(() => sg[0, 1] + sg[1, 1]);
        var cl = (int[,])m.Clone(); cl[0, 0] = 99;
        T(() => m[0, 0] + " " + cl[0, 0]);
  var a = new[] { 5, 2, 9, 1 }; Array.Sort(a);
        T(() => J(a) + Array.BinarySearch(a, 5) + Array.IndexOf(a, 9) + Array.IndexOf(a, 77)); Array.Reverse(a);
        T(() => J(a));
        var k = new[] { 3, 1, 2 };
        var v = new[] { "c", "a", "b" }; Array.Sort(k, v);
        T(() => J(k) + J(v)); Array.Sort(v, new Rev());
        T(() => J(v)); Array.Sort(v, (x, y) => x.CompareTo(y)); Array.Sort(a, 1, 2);
        T(() => J(a) + J(v));
        var b = new int[6]; Array.Copy(a, b, 4); Array.Copy(a, 0, b, 2, 3); Array.Copy(b, 0, b, 1, 4);
        T(() => J(b)); Array.Clear(b, 1, 2);
        T(() => J(b));
        T(() => { Array.Copy(a, b, 10); return 0; }); Array.Resize(ref b, 3);
        T(() => J(b) + Array.Exists(b, x => x == 0) + Array.Find(a, x => x > 3) + Array.FindIndex(a, x => x == 1) + Array.FindLast(a, x => x > 1) + Array.TrueForAll(a, x => x > 0) + J(Array.ConvertAll(a, x => x * .5)) + Array.LastIndexOf(new[] { 1, 2, 1 }, 1)); Array.ForEach(a, x => Console.Write(x)); a.CopyTo(b = new int[9], 3);
        T(() => J(b));
        T(() => a.GetValue(1) + " " + ((ICollection<int>)a).Count + ((IList<int>)a).IndexOf(9) + a.Contains(9));
        T(() => { ((IList<int>)a).Add(1); return 0; }); a.SetValue(42, 0);
        T(() => a[0]);
        T(() => { a.SetValue("x", 0); return 0; }); object[] oa = new string[1];
        T(() => { oa[0] = 1; return 0; }); { int neg = -1;
        T(() => new int[neg]); } T(() => a[a.Length]);
        T(() => Array.CreateInstance(typeof(int), 3).Length);
        T(() => Array.Empty<int>().Length);
        T(() => a is IEnumerable<int> && a.IsReadOnly == false && a.IsFixedSize);
        T(() => J(Enumerable.Repeat(1, 3).ToArray().Concat(a)));
        T(() => Buffer.ByteLength(a));
        var by = new byte[8]; Buffer.BlockCopy(new[] { 1, 2 }, 0, by, 0, 8);
        T(() => J(by));
        T(() => BitConverter.ToString(BitConverter.GetBytes(1.5)) + BitConverter.ToInt32(by, 4) + BitConverter.IsLittleEndian + BitConverter.DoubleToInt64Bits(1) + BitConverter.ToDouble(BitConverter.GetBytes(2.5), 0) + BitConverter.GetBytes('a').Length + BitConverter.GetBytes(true)[0] + BitConverter.ToUInt16(by, 0) + BitConverter.ToString(by, 2, 3));
        T(() => BitConverter.ToInt32(by, 7)); } }

enum Color { Red, Green = 5, Blue } [Flags] enum Perm { None = 0, Read = 1, Write = 2, Exec = 4, All = 7 } enum Big : ulong { Max = ulong.MaxValue } enum Sb : sbyte { Neg = -1, Zero }
static class Formats_ { static void T(Func<object> f) { try { Console.WriteLine(f() ?? "null"); } catch (Exception e) { Console.WriteLine(e.GetType().Name); } }
 internal static void Run() {
  CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
  foreach (var f in new[] { "D", "D8", "X", "x4", "N", "N0", "F", "F1", "E", "e2", "G", "G3", "P", "C", "R", "0000", "#,##0", "0.00", "#", "00.0E+0", "+0;-0;zero", "(#);[#]", "%0", "0%", "0\\x", "'lit'0" }) { T(() => f + "=" + 12345.ToString(f));
        T(() => f + "=" + (-42).ToString(f));
        T(() => f + "=" + 0.ToString(f));
        T(() => f + "=" + 1234.5678.ToString(f));
        T(() => f + "=" + (-0.05).ToString(f));
        T(() => f + "=" + 1234567.891m.ToString(f)); }
  foreach (var d in new[] { 0.1, 1e10, 1e15, 1e16, 1e-5, 1e-4, double.NaN, double.PositiveInfinity, double.NegativeInfinity, 100 }) T(() => d.ToString("R") + " " + d.ToString("G5") + " " + d.ToString("E3") + " " + d.ToString("F2"));
  Console.WriteLine("{0,10}|{0,-10}|{0:X}|{1,8:F2}|{2}", 255, 3.14159, "s"); Console.WriteLine($"{5:D3} {1.5,8:F3} {"x",-5}| {{}} {true} {'c'} {Color.Blue} {(Perm)3} {null}");
        T(() => string.Format("{0} {1}", 1));
        T(() => string.Format("{0", 1));
        T(() => string.Format("}", 1));
        T(() => string.Format("{0:}{0,}", 1));
        T(() => string.Format("{-1}", 1)); Console.WriteLine(string.Format(CultureInfo.InvariantCulture, "{0:N2} {1:d}", 12345.678, 5)); FormattableString fs = $"a{1}b{2}"; Console.WriteLine(fs.Format + fs.ArgumentCount + FormattableString.Invariant($"x{1.5}"));
  foreach (var s in new[] { "42", " 42 ", "-42", "+42", "4 2", "", null, "0x1F", "1,000", "1.0", "1e3", "(5)" }) { T(() => int.Parse(s));
        T(() => { int r; return int.TryParse(s, out r) + " " + r; });
        T(() => double.Parse(s));
        T(() => decimal.Parse(s));
        T(() => byte.Parse(s));
        T(() => long.Parse(s));
        T(() => uint.Parse(s));
        T(() => short.Parse(s));
        T(() => sbyte.Parse(s));
        T(() => ulong.Parse(s));
        T(() => float.Parse(s));
        T(() => ushort.Parse(s)); }
  T(() => int.Parse("FF", NumberStyles.HexNumber));
        T(() => int.Parse("(1,234)", NumberStyles.Any));
        T(() => Convert.ToInt32("101", 2));
        T(() => Convert.ToString(255, 16));
        T(() => Convert.ToString(-1, 2));
        T(() => Convert.ToInt32("ff", 16));
        T(() => Convert.ToString(8, 8));
        T(() => Convert.ToInt32(2.5));
        T(() => Convert.ToInt32(3.5));
        T(() => Convert.ToInt32("abc"));
        T(() => Convert.ToByte(300));
        T(() => Convert.ToBoolean("True"));
        T(() => Convert.ToBoolean("1"));
        T(() => Convert.ToChar(65));
        T(() => Convert.ToDouble("1.5e3"));
        T(() => Convert.ToInt64(null));
        T(() => Convert.ToBase64String(new byte[] { 1, 2, 3, 250 }));
        T(() => Convert.FromBase64String("AQID+g==").Length);
        T(() => Convert.ToDecimal(1.1));
        T(() => Convert.ToString(true));
        T(() => Convert.ToString((object)null) == "");
        T(() => bool.Parse(" true "));
        T(() => bool.Parse("yes"));
        T(() => char.Parse("ab"));
  foreach (var s in new[] { "NaN", "Infinity", "-Infinity", "1e-400", ".5", "5.", "-.5e-1", "1,234.5", "1_0", "  7.25\t" }) { T(() => double.Parse(s));
        T(() => float.Parse(s));
        T(() => double.Parse(s, NumberStyles.Float, CultureInfo.InvariantCulture)); }
  T(() => Color.Green.ToString() + Color.Green.ToString("D") + Color.Green.ToString("X") + (Color)9);
        T(() => (Perm.Read | Perm.Exec).ToString());
        T(() => ((Perm)8).ToString());
        T(() => ((Perm)9).ToString("F"));
        T(() => Perm.None);
        T(() => Perm.All);
        T(() => Enum.Parse(typeof(Color), "blue", true));
        T(() => Enum.Parse(typeof(Color), "blue"));
        T(() => Enum.Parse(typeof(Perm), "Read, Exec"));
        T(() => Enum.Parse(typeof(Color), "5"));
        T(() => { Color c; return Enum.TryParse("Red", out c) + " " + c; });
        T(() => { Color c; return Enum.TryParse("Nope", out c) + " " + c; });
        T(() => string.Join(",", Enum.GetNames(typeof(Color))));
        T(() => Enum.GetValues(typeof(Perm)).Length);
        T(() => Enum.IsDefined(typeof(Color), 5));
        T(() => Enum.IsDefined(typeof(Color), "Red"));
        T(() => Enum.GetName(typeof(Color), 6));
        T(() => Enum.GetUnderlyingType(typeof(Big)));
        T(() => Big.Max);
        T(() => Sb.Neg.ToString("X"));
        T(() => Enum.ToObject(typeof(Color), 6));
        T(() => (Perm.All).HasFlag(Perm.Write));
        T(() => Enum.Format(typeof(Perm), 3, "G"));
        T(() => Color.Red.CompareTo(Color.Blue));
        T(() => Color.Red.Equals(Color.Red));
        T(() => (int)Color.Blue + Color.Red.GetHashCode());
        foreach (Color c in Enum.GetValues(typeof(Color))) Console.WriteLine(c);
  T(() => 5.ToString(CultureInfo.InvariantCulture) + 1.5.ToString(CultureInfo.InvariantCulture) + 1.5m.ToString("0.000", CultureInfo.InvariantCulture));
        T(() => long.MinValue.ToString("N0"));
        T(() => ulong.MaxValue.ToString("X16"));
        T(() => ((sbyte)-1).ToString("X"));
        T(() => ((byte)200).ToString("D5"));
        T(() => int.MinValue);
        T(() => decimal.MaxValue);
        T(() => decimal.MinValue);
        T(() => 1.10m + 2.200m);
        T(() => 1m / 3m);
        T(() => 10m / 4);
        T(() => decimal.Round(2.5m));
        T(() => decimal.Truncate(-2.7m));
        T(() => decimal.Parse("1e3", NumberStyles.Float)); { var mx = decimal.MaxValue;
        T(() => mx + 1); } T(() => (int)3.99m);
        T(() => 7.5m % 2);
        T(() => decimal.Compare(1.0m, 1.00m));
        T(() => 1.0m.Equals(1.00m));
        T(() => 1.0m.GetHashCode() == 1.00m.GetHashCode());
        T(() => decimal.GetBits(1.5m)[3]);
        T(() => (double)1.1m + (float)2m);
        T(() => Math.Round(2.345m, 2) + Math.Round(2.5m, MidpointRounding.AwayFromZero));
        T(() => (decimal)1e28 ); { double big = 1e30;
        T(() => (decimal)big); }
 }
}

static class Streams_
{
    internal static void Run()
    {
        MemoryStream stream = new MemoryStream();
        using (BinaryWriter w = new BinaryWriter(stream, Encoding.UTF8, true))
        {
            w.Write(-42);
            w.Write("h\u00e9llo");
            w.Write(new string('x', 200));
            w.Write(3.25);
            w.Write(true);
            w.Write((byte)7);
            w.Write('\u00e9');
            w.Write(123456789012L);
            w.Write(new byte[] { 1, 2 });
            w.Write(-1.50m);
            w.Write((short)-3);
            w.Write(2.5f);
            w.Write(UInt64.MaxValue);
        }
        Console.WriteLine(BitConverter.ToString(stream.ToArray()));
        stream.Position = 0;
        BinaryReader r = new BinaryReader(stream);
        Console.WriteLine(r.ReadInt32() + r.ReadString() + r.ReadString().Length + r.ReadDouble() + r.ReadBoolean() + r.ReadByte() + (int)r.ReadChar());
        Console.WriteLine(r.ReadInt64() + " " + r.ReadBytes(2)[1] + r.ReadDecimal() + r.ReadInt16() + r.ReadSingle() + r.ReadUInt64() + r.ReadBytes(5).Length);
        try
        {
            r.ReadInt32();
        }
        catch (EndOfStreamException)
        {
            Console.WriteLine("end");
        }
        Console.WriteLine(Nullable.GetUnderlyingType(typeof(int?)) + " " + (Nullable.GetUnderlyingType(typeof(int)) == null) + Nullable.Compare<int>(1, null));
        Console.WriteLine(typeof(List<int>).Namespace + typeof(int[]).Namespace + (typeof(Members).Namespace == null));
        Console.WriteLine(typeof(Dictionary<string, List<int[]>>) + typeof(List<int>[]).Name + typeof(Dictionary<int, int>.Enumerator).Name);
        StringWriter text = new StringWriter();
        TextWriter console = Console.Out;
        Console.SetOut(text);
        Console.WriteLine("{0} {1}", 1, 'x');
        Console.Write(2.5);
        Console.SetOut(console);
        Console.WriteLine(text.ToString().Replace('\n', '/'));
    }
}

static class Members
{
    static void Main()
    {
        Strings_.Run();
        Collections_.Run();
        Arrays_.Run();
        Formats_.Run();
        Streams_.Run();
    }
}

// SPDX-License-Identifier: MIT
//
// Queries over sequences, as programs write them. Prints the same on Halyard and in mono.
using System; using System.Collections.Generic; using System.Linq;
class Person { public string Name { get; set; } public int Age { get; set; } public string City { get; set; } public List<string> Tags { get; } = new List<string>(); public override string ToString() => $"{Name} ({Age})"; }
struct Point { public int X, Y; public override string ToString() => $"[{X},{Y}]"; }
static class Ext { public static IEnumerable<T> Every<T>(this IEnumerable<T> s, int n) { int i = 0;
        foreach (var x in s) if (i++ % n == 0) yield return x; } }
static class P {
 static void Show<T>(string t, IEnumerable<T> s) => Console.WriteLine("{0}: {1}", t, string.Join(", ", s));
 static void Main() {
  var people = new[] { new Person { Name = "Ann", Age = 30, City = "Oslo" }, new Person { Name = "Bob", Age = 25, City = "Rome" }, new Person { Name = "Cid", Age = 30, City = "Rome" }, new Person { Name = "Dan", Age = 41, City = "Oslo" }, new Person { Name = "Eve", Age = 25, City = "Bonn" } };
  people[0].Tags.AddRange(new[] { "x", "y" }); people[2].Tags.Add("z");
  foreach (var g in people.GroupBy(p => p.City).OrderBy(g => g.Key)) Console.WriteLine($"{g.Key,-6}|{g.Count(),3}|{g.Average(p => p.Age):F1}|{string.Join("/", g.Select(p => p.Name))}");
  var q = from p in people where p.Age < 40 orderby p.Age descending, p.Name select new { p.Name, p.Age };
  foreach (var a in q) Console.WriteLine(a);
  var q2 = from p in people group p by p.Age into g orderby g.Key select new { Age = g.Key, N = g.Count(), Names = g.Select(x => x.Name).ToList() };
  foreach (var a in q2) Console.WriteLine($"{a.Age} {a.N} {string.Join("+", a.Names)}");
  Show("tags", people.SelectMany(p => p.Tags));
  Show("tags2", people.SelectMany(p => p.Tags, (p, t) => p.Name + t));
  var q3 = from p in people from t in p.Tags let u = t.ToUpper() where u != "Y" select p.Name + u;
        Show("q3", q3);
  var cities = new[] { new { City = "Oslo", Land = "NO" }, new { City = "Rome", Land = "IT" }, new { City = "Paris", Land = "FR" } };
  var j = from p in people join c in cities on p.City equals c.City select p.Name + ":" + c.Land;
        Show("join", j);
  var gj = from c in cities join p in people on c.City equals p.City into ps select c.Land + ps.Count();
        Show("gjoin", gj);
  var lj = from p in people join c in cities on p.City equals c.City into cs from c in cs.DefaultIfEmpty() select p.Name + (c == null ? "-" : c.Land);
        Show("left", lj);
  Console.WriteLine(people.Aggregate(0, (s, p) => s + p.Age)); Console.WriteLine(people.Select(p => p.Name).Aggregate((a, b) => a + "," + b)); Console.WriteLine(people.Aggregate("", (s, p) => s + p.Name[0], s => s.ToLower()));
  Show("zip", new[] { 1, 2, 3 }.Zip(new[] { "a", "b" }, (a, b) => a + b));
  var d = people.ToDictionary(p => p.Name); Console.WriteLine(d["Cid"].Age);
        var d2 = people.ToDictionary(p => p.Name, p => p.Age); Console.WriteLine(d2.Values.Sum());
  var l = people.ToLookup(p => p.City, p => p.Name); Console.WriteLine(l["Rome"].Count() + " " + l["none"].Count() + " " + l.Count + l.Contains("Oslo"));
        foreach (var g in l) Console.WriteLine(g.Key + string.Join(",", g));
  Show("range", Enumerable.Range(1, 10).Where((x, i) => i % 3 == 0).Reverse());
        Show("rep", Enumerable.Repeat("q", 3));
        Show("skip", Enumerable.Range(0, 10).SkipWhile(x => x < 4).TakeWhile(x => x < 8));
  Show("distinct", new[] { 3, 1, 3, 2, 1 }.Distinct());
        Show("union", new[] { 1, 2 }.Union(new[] { 2, 3 }));
        Show("inter", new[] { 1, 2 }.Intersect(new[] { 2, 3 }));
        Show("exc", new[] { 1, 2 }.Except(new[] { 2, 3 }));
        Show("concat", new[] { 1 }.Concat(new[] { 2 }));
  Console.WriteLine(new[] { 1, 2 }.SequenceEqual(new List<int> { 1, 2 })); Console.WriteLine(people.Any(p => p.Age > 40) + " " + people.All(p => p.Age > 40));
  Console.WriteLine(people.First(p => p.Age == 25) + " " + people.Last(p => p.Age == 25) + " " + people.FirstOrDefault(p => p.Age == 1) + people.Single(p => p.Age == 41) + people.ElementAt(1) + people.ElementAtOrDefault(77));
  Console.WriteLine(people.Max(p => p.Age) + people.Min(p => p.Age) + " " + people.Average(p => p.Age) + " " + people.Sum(p => (double)p.Age) + people.Sum(p => (decimal?)p.Age) + people.Sum(p => (long)p.Age));
  object[] os = { 1, "a", 2.5, "b", null };
        Show("oftype", os.OfType<string>());
        Show("cast", new object[] { 1, 2 }.Cast<int>());
  try { new object[] { "a" }.Cast<int>().ToList(); } catch (InvalidCastException) { Console.WriteLine("ice"); }
  try { new int[0].First(); } catch (InvalidOperationException e) { Console.WriteLine(e.Message); }
  try { new int[0].Max(); } catch (InvalidOperationException e) { Console.WriteLine(e.Message); }
  try { new[] { 1, 1 }.Single(); } catch (InvalidOperationException e) { Console.WriteLine(e.Message); }
  try { new[] { 1, 2 }.Single(x => x > 5); } catch (InvalidOperationException e) { Console.WriteLine(e.Message); }
  Console.WriteLine(new int?[] { 1, null, 3 }.Sum() + " " + new int?[] { 1, null, 3 }.Average() + " " + new int?[0].Max() + " " + new double[] { 1.5, 2.5 }.Average());
  Show("then", people.OrderBy(p => p.City).ThenByDescending(p => p.Age).ThenBy(p => p.Name, StringComparer.Ordinal));
        Show("every", people.Every(2));
        Show("sel", people.Select((p, i) => i + p.Name));
  Show("pts", new[] { new Point { X = 1 }, new Point { Y = 2 } }.OrderByDescending(p => p.Y));
        Show("grp2", people.GroupBy(p => p.City, p => p.Age, (k, a) => k + a.Sum()));
  Show("gk", people.GroupBy(p => new { p.City, Old = p.Age >= 30 }).Select(g => g.Key + "=" + g.Count())); Console.WriteLine(Enumerable.Empty<int>().DefaultIfEmpty(5).Single() + Enumerable.Range(0, 5).LongCount() + "" + new[] { 5, 6 }.Contains(6));
  Show("take", Enumerable.Range(0, 100).Skip(95).Take(3));
        Show("append", new[] { 1 }.Append(2).Prepend(0));
        Show("hs", new HashSet<int>(new[] { 1, 2, 2 }).ToArray()); Console.WriteLine(new[] { "b", "a" }.OrderBy(x => x).ToArray()[0] + new[] { 1, 2, 3 }.AsEnumerable().Last());
        Show("tohs", new[] { 1, 2, 2 }.ToHashSet());
  var primes = Enumerable.Range(2, 50).Where(n => Enumerable.Range(2, (int)Math.Sqrt(n) - 1).All(k => n % k != 0));
        Show("primes", primes);
  IQueryableLike(); }
 static void IQueryableLike() { var words = "the quick brown fox jumps over the lazy dog the end".Split(' ');
        foreach (var kv in words.GroupBy(w => w).Select(g => new KeyValuePair<string, int>(g.Key, g.Count())).OrderByDescending(k => k.Value).ThenBy(k => k.Key).Take(4)) Console.WriteLine(kv);
  foreach (var w in words.GroupBy(w => w.Length).OrderBy(g => g.Key)) Console.WriteLine("{0}: {1}", w.Key, w.Distinct().Count()); Console.WriteLine(words.Min() + words.Max() + words.OrderBy(w => w, StringComparer.OrdinalIgnoreCase).First() + words.Select(w => w.Length).ToList().Count); }
}

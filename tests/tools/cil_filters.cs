// SPDX-License-Identifier: MIT
//
// Filters of exceptions: in which order filters, finally blocks and handlers run, and what filters
// share with their methods. tests/tools/test_cil_run.py compares the output with mono's.
using System;
using System.Collections.Generic;

class E1 : Exception { public int Code; public E1(int code) : base("e1") { Code = code; } }
struct Big { public long a, b, c, d, e, f, g, h, i, j; public string s; }

class Box<T> {
  public T Value;
  public int Try(Action a, Func<Exception, bool> f, T mark) {
    try { a(); return 0; }
    catch (E1 e) when (f(e) && Value.Equals(mark)) { return e.Code; }
    catch (InvalidOperationException e) when (f(e)) { return 1000; }
  }
  public static int TryS<U>(Action a, U x, U y) {
    try { a(); return 0; }
    catch (Exception e) when (x.Equals(y) && typeof(U) != typeof(T)) { return 5; }
  }
}
class Bad { static Bad() { Throwing(); } static void Throwing() { try { throw new E1(9); } finally { Filters.Log("cctor finally"); } } public static int X = 3; }

static class Filters {
  static readonly List<string> log = new List<string>();
  public static void Log(string s) { log.Add(s); }
  static bool Say(string s, bool result) { log.Add(s); return result; }
  static void Show(string title) {
    Console.WriteLine(title + ": " + string.Join(", ", log.ToArray()));
    log.Clear();
  }
  static void Inner(int code) {
    try { Log("try"); throw new E1(code); }
    finally { Log("finally"); }
  }
  // The filter runs before the finally block of the callee.
  static void Order() {
    try { Inner(1); } catch (E1 e) when (Say("filter " + e.Code, true)) { Log("handler " + e.Code); }
    Show("order");
    try {
      try { Inner(2); }
      catch (E1 e) when (Say("no", false)) { Log("wrong"); }
      catch (ArgumentException) { Log("wrong type"); }
      catch (E1 e) when (Say("yes " + e.Code, e.Code == 2)) { Log("second"); }
      finally { Log("outer finally"); }
    } catch (Exception) { Log("too far"); }
    Show("two");
  }
  static void Nested(int depth) {
    try { if (depth == 0) throw new E1(7); Nested(depth - 1); }
    catch (E1 e) when (Say("f" + depth, depth == 3 && e.Code == 7)) { Log("h" + depth); }
    finally { Log("x" + depth); }
  }
  static bool Throws(int n) { try { if (n > 0) throw new E1(n); return true; } finally { Log("in filter"); } }
  static void FilterThrows() {
    try {
      try { Inner(3); }
      catch (E1 e) when (Throws(e.Code)) { Log("wrong"); }
      catch (E1 e) when (((string)null).Length == 0) { Log("wrong"); }
    }
    catch (E1 e) when (e.Code == 3) { Log("right"); }
    Show("throwing filter"); // here mono forgets the finally block
  }
  static bool Catches(Exception e) {
    try { throw new InvalidOperationException(); }
    catch (InvalidOperationException) when (Say("inner filter", true)) { Log("inner handler"); }
    return true;
  }
  static void CatchInFilter() {
    try { Inner(4); } catch (E1 e) when (Catches(e)) { Log("handler " + e.Code); }
    Show("catch in filter");
  }
  // Variables that filters read and write, also structs, arguments and references that a collection moves.
  static void Variables(int a, Big big, ref int r, string s) {
    int count = 0; Big local = big; local.s = s + "!"; object o = new object[] { s };
    for (int k = 0; k < 3; k++) {
      try { count += 10; Garbage(); throw new E1(k); }
      catch (E1 e) when (Touch(ref count) && big.j == 10 && local.s == s + "!" && e.Code == k && a == 5 && r++ >= 0 && ((object[])o)[0] == (object)s && (a = 5) == 5) { count += 100; }
    }
    Console.WriteLine("variables: " + count + " " + r + " " + big.j + " " + local.s + " " + a);
  }
  static bool Touch(ref int count) { Garbage(); count++; return true; }
  static void Garbage() { for (int k = 0; k < 100; k++) new List<int>(20).Add(k); GC.Collect(); }
  static void Rethrow() {
    try {
      try { Inner(5); }
      catch (E1 e) when (Say("first", true)) { Log("again"); throw; }
    } catch (E1 e) when (Say("second", e.Code == 5)) { Log("done"); }
    Show("rethrow");
    try {
      try { Inner(6); } finally { try { throw new InvalidOperationException(); } catch (InvalidOperationException) when (Say("mid", true)) { Log("mid handler"); } }
    } catch (E1 e) when (Say("late", e.Code == 6)) { Log("end"); }
    Show("handler in finally");
    try {
      try { Inner(6); } finally { Log("replace"); ThrowOther(); }
    } catch (E1) when (Say("for e1", true)) { Log("wrong"); } catch (InvalidOperationException) when (Say("for other", true)) { Log("other"); }
    Show("replaced");
  }
  static void ThrowOther() { throw new InvalidOperationException(); }
  static void Initialiser() {
    for (int k = 0; k < 2; k++) {
      try { Log("" + Bad.X); }
      catch (E1) when (Say("raw", true)) { Log("wrong"); }
      catch (TypeInitializationException e) when (Say("wrapped", ((E1)e.InnerException).Code == 9)) { Log("right"); }
    }
    Show("initialiser");
  }
  static IEnumerable<int> Items() {
    try { yield return 1; Inner(8); yield return 2; } finally { Log("iterator ends"); }
  }
  static void Iterator() {
    try { foreach (int n in Items()) Log("" + n); } catch (E1 e) when (Say("filter", e.Code == 8)) { Log("caught"); }
    Show("iterator");
  }
  static int Loop() {
    int sum = 0;
    for (int k = 0; k < 1000; k++)
      try { if (k % 3 == 0) throw new E1(k); sum += 1; }
      catch (E1 e) when (e.Code % 2 == 0) { sum += 10; continue; }
      catch (E1) { sum += 100; if (k > 900) break; }
    return sum;
  }
  static int Traps(int n) {
    int[] a = new int[2];
    object o = "x";
    string none = null;
    try {
      if (n == 0) return a[n + 5];
      if (n == 1) return 5 / (n - 1);
      if (n == 2) return (int)o;
      if (n == 3) return none.Length;
      return checked(n * int.MaxValue);
    }
    catch (Exception e) when (Say(e.GetType().Name, n != 2)) { return -n; }
  }
  static int Main() {
    Order();
    try { Nested(5); } catch (Exception) { Log("main"); }
    Show("nested");
    CatchInFilter();
    int r = 0; Variables(5, new Big { j = 10 }, ref r, "text" + r);
    Rethrow(); Initialiser(); Iterator();
    Console.WriteLine(Loop());
    for (int n = 0; n < 5; n++) try { Log("" + Traps(n)); } catch (InvalidCastException) { Log("cast"); }
    Show("traps");
    var box = new Box<string> { Value = "v" };
    Console.WriteLine(box.Try(() => Inner(44), e => Say("g", true), "v") + " " + new Box<int> { Value = 3 }.Try(() => ThrowOther(), e => true, 4));
    Console.WriteLine(Box<int>.TryS(() => Inner(1), "a", "a") + " " + Box<string>.TryS(ThrowOther, 5, 5));
    Show("generic");
    try { box.Try(() => Inner(45), e => Say("g", true), "w"); } catch (E1 e) { Log("out " + e.Code); } finally { Log("fin"); }
    Show("generic out");
    FilterThrows();
    return 0;
  }
}

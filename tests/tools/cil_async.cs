// SPDX-License-Identifier: MIT
//
// Tasks with cancellation, progress and time-outs. Prints the same on Halyard and in mono.
using System; using System.Collections.Generic; using System.Linq; using System.Threading; using System.Threading.Tasks;
class P {
 static async Task<int> Slow(int ms, int r, CancellationToken ct = default(CancellationToken)) { await Task.Delay(ms, ct); return r; }
 static async Task<int> Fail(string m) { await Task.Yield(); throw new InvalidOperationException(m); }
 static async Task Work(IProgress<int> p, CancellationToken ct) { for (int i = 0; i < 5; i++) { ct.ThrowIfCancellationRequested(); await Task.Delay(1); p?.Report(i); } }
 class Sync : IProgress<int> { public int Sum; public void Report(int v) { Sum += v; } }
 static void Main() { Run().Wait(); } static async Task Run() {
  var r = await Task.WhenAll(Enumerable.Range(1, 5).Select(i => Slow(10 * (6 - i), i * i))); Console.WriteLine(string.Join(",", r));
  var first = await Task.WhenAny(Slow(2000, 1), Slow(1, 2)); Console.WriteLine(await first);
  try { await Fail("one"); } catch (InvalidOperationException e) { Console.WriteLine("caught " + e.Message); }
  var all = Task.WhenAll(Fail("a"), Fail("b"), Slow(1, 1)); try { await all; } catch (Exception e) { Console.WriteLine(e.GetType().Name + " " + all.Exception.InnerExceptions.Count); }
  var cts = new CancellationTokenSource();
        var t = Slow(100000, 1, cts.Token); cts.Cancel(); try { await t; } catch (OperationCanceledException) { Console.WriteLine("cancelled " + t.IsCanceled + " " + t.Status); }
  var s = new Sync(); await Work(s, CancellationToken.None); Console.WriteLine(s.Sum);
  var c2 = new CancellationTokenSource(); c2.Token.Register(() => Console.WriteLine("registered callback")); c2.Cancel(); try { await Work(s, c2.Token); } catch (OperationCanceledException e) { Console.WriteLine("oce " + (e.CancellationToken == c2.Token)); }
  var c3 = new CancellationTokenSource(TimeSpan.FromMilliseconds(20)); try { await Task.Delay(Timeout.Infinite, c3.Token); } catch (TaskCanceledException) { Console.WriteLine("timeout"); }
  var linked = CancellationTokenSource.CreateLinkedTokenSource(c2.Token, CancellationToken.None); Console.WriteLine(linked.IsCancellationRequested);
  var run = Task.Run(() => { int x = 0;
        for (int i = 0; i < 1000; i++) x += i; return x; }); Console.WriteLine(await run);
  var cont = run.ContinueWith(z => z.Result * 2).ContinueWith(z => "r" + z.Result); Console.WriteLine(await cont);
  var tcs = new TaskCompletionSource<string>(); new Thread(() => tcs.SetResult("from thread")).Start(); Console.WriteLine(await tcs.Task);
  try { Task.Run(() => { throw new ArgumentException("x"); }).Wait(); } catch (AggregateException e) { Console.WriteLine(e.InnerException.Message + e.InnerExceptions.Count); e.Handle(x => x is ArgumentException); }
  Func<int, Task<int>> dbl = async x => { await Task.Delay(1); return 2 * x; }; Console.WriteLine(await dbl(21));
  var sem = new SemaphoreSlim(2);
        int active = 0, max = 0; await Task.WhenAll(Enumerable.Range(0, 8).Select(async i => { await sem.WaitAsync(); try { int a = Interlocked.Increment(ref active); lock (sem) max = Math.Max(max, a); await Task.Delay(5); Interlocked.Decrement(ref active); } finally { sem.Release(); } })); Console.WriteLine(max <= 2);
  var ft = Task.FromResult(5); Console.WriteLine(ft.IsCompleted + " " + ft.Result + Task.CompletedTask.Status);
        var f2 = Task.FromException<int>(new Exception("fe")); Console.WriteLine(f2.IsFaulted + f2.Exception.InnerException.Message);
  try { using (new D()) { await Task.Delay(1); throw new Exception("in using"); } } catch (Exception e) when (e.Message.StartsWith("in")) { Console.WriteLine("filtered"); } finally { await Task.Delay(1); Console.WriteLine("finally"); }
  var vt = await Value(true) + await Value(false); Console.WriteLine(vt);
  Task.WaitAll(Task.Run(() => { }), Task.Delay(1));
        int idx = Task.WaitAny(Task.Delay(5000), Task.Delay(1)); Console.WriteLine(idx); Console.WriteLine(Task.Run(() => Thread.Sleep(1000)).Wait(10));
  Parallel.For(0, 10, i => Interlocked.Add(ref total, i)); Parallel.ForEach(new[] { 1, 2, 3 }, i => Interlocked.Add(ref total, i)); Parallel.Invoke(() => Interlocked.Increment(ref total), () => Interlocked.Increment(ref total)); Console.WriteLine(total);
  var lf = await Task.Factory.StartNew(() => 3, TaskCreationOptions.LongRunning); Console.WriteLine(lf);
 }
 static int total; class D : IDisposable { public void Dispose() => Console.WriteLine("disposed"); }
 static async Task<int> Value(bool b) { if (b) return 1; await Task.Delay(1); return 2; }
}

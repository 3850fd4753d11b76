// SPDX-License-Identifier: MIT
//
// Cancellation: a source tells those who have its token.
using System.Collections.Generic;

namespace System.Threading
{
    public struct CancellationTokenRegistration : IDisposable, IEquatable<CancellationTokenRegistration>
    {
        readonly CancellationTokenSource source;
        readonly Action callback;

        internal CancellationTokenRegistration(CancellationTokenSource source, Action callback)
        {
            this.source = source;
            this.callback = callback;
        }

        public void Dispose()
        {
            if (source != null)
                source.Unregister(callback);
        }

        public bool Equals(CancellationTokenRegistration other) { return source == other.source && ReferenceEquals(callback, other.callback); }
        public override bool Equals(object o) { return o is CancellationTokenRegistration && Equals((CancellationTokenRegistration)o); }
        public override int GetHashCode() { return source == null ? 0 : source.GetHashCode(); }
    }

    public struct CancellationToken : IEquatable<CancellationToken>
    {
        readonly CancellationTokenSource source;

        internal CancellationToken(CancellationTokenSource source) { this.source = source; }
        public CancellationToken(bool canceled) { source = canceled ? CancellationTokenSource.Canceled : null; }

        public static CancellationToken None { get { return new CancellationToken(); } }
        public bool CanBeCanceled { get { return source != null; } }
        public bool IsCancellationRequested { get { return source != null && source.IsCancellationRequested; } }

        public WaitHandle WaitHandle
        {
            get
            {
                ManualResetEvent handle = new ManualResetEvent(false);
                Register(() => handle.Set());
                return handle;
            }
        }

        public void ThrowIfCancellationRequested()
        {
            if (IsCancellationRequested)
                throw new OperationCanceledException(this);
        }

        public CancellationTokenRegistration Register(Action callback)
        {
            if (callback == null)
                throw new ArgumentNullException("callback");
            if (source != null)
                source.Register(callback);
            return new CancellationTokenRegistration(source, callback);
        }

        public CancellationTokenRegistration Register(Action<object> callback, object state) { return Register(() => callback(state)); }
        public CancellationTokenRegistration Register(Action callback, bool useSynchronizationContext) { return Register(callback); }

        public bool Equals(CancellationToken other) { return source == other.source; }
        public override bool Equals(object other) { return other is CancellationToken && Equals((CancellationToken)other); }
        public override int GetHashCode() { return source == null ? 0 : source.GetHashCode(); }
        public static bool operator ==(CancellationToken left, CancellationToken right) { return left.Equals(right); }
        public static bool operator !=(CancellationToken left, CancellationToken right) { return !left.Equals(right); }
    }

    public class CancellationTokenSource : IDisposable
    {
        internal static readonly CancellationTokenSource Canceled = new CancellationTokenSource { isCanceled = true };

        readonly List<Action> callbacks = new List<Action>(); // with its monitor
        volatile bool isCanceled, isDisposed;
        Timer timer;
        CancellationTokenRegistration[] links;

        public CancellationTokenSource() { }
        public CancellationTokenSource(int millisecondsDelay) { CancelAfter(millisecondsDelay); }
        public CancellationTokenSource(TimeSpan delay) { CancelAfter(delay); }

        public bool IsCancellationRequested { get { return isCanceled; } }

        public CancellationToken Token
        {
            get
            {
                CheckNotDisposed();
                return new CancellationToken(this);
            }
        }

        void CheckNotDisposed()
        {
            if (isDisposed)
                throw new ObjectDisposedException(null, "The CancellationTokenSource has been disposed.");
        }

        internal void Register(Action callback)
        {
            lock (callbacks)
                if (!isCanceled)
                {
                    callbacks.Add(callback);
                    return;
                }
            callback();
        }

        internal void Unregister(Action callback)
        {
            lock (callbacks)
                for (int n = callbacks.Count - 1; n >= 0; n--)
                    if (ReferenceEquals(callbacks[n], callback))
                    {
                        callbacks.RemoveAt(n);
                        return;
                    }
        }

        public void Cancel() { Cancel(false); }

        // The last one that was registered is called first.
        public void Cancel(bool throwOnFirstException)
        {
            Action[] all;
            CheckNotDisposed();
            lock (callbacks)
            {
                if (isCanceled)
                    return;
                isCanceled = true;
                all = callbacks.ToArray();
                callbacks.Clear();
            }
            List<Exception> errors = new List<Exception>();
            for (int n = all.Length - 1; n >= 0; n--)
            {
                try
                {
                    all[n]();
                }
                catch (Exception e)
                {
                    if (throwOnFirstException)
                        throw;
                    errors.Add(e);
                }
            }
            if (errors.Count > 0)
                throw new AggregateException(errors.ToArray());
        }

        void CancelIfThere()
        {
            if (!isDisposed)
                Cancel();
        }

        public void CancelAfter(TimeSpan delay) { CancelAfter(Timeout.Milliseconds(delay)); }

        public void CancelAfter(int millisecondsDelay)
        {
            CheckNotDisposed();
            if (millisecondsDelay < -1)
                throw new ArgumentOutOfRangeException("millisecondsDelay");
            if (timer == null)
                timer = new Timer(o => CancelIfThere(), null, millisecondsDelay, Timeout.Infinite);
            else
                timer.Change(millisecondsDelay, Timeout.Infinite);
        }

        public static CancellationTokenSource CreateLinkedTokenSource(CancellationToken token1, CancellationToken token2)
        {
            return CreateLinkedTokenSource(new CancellationToken[] { token1, token2 });
        }

        public static CancellationTokenSource CreateLinkedTokenSource(params CancellationToken[] tokens)
        {
            if (tokens == null)
                throw new ArgumentNullException("tokens");
            CancellationTokenSource linked = new CancellationTokenSource();
            linked.links = new CancellationTokenRegistration[tokens.Length];
            for (int n = 0; n < tokens.Length; n++)
                linked.links[n] = tokens[n].Register(linked.CancelIfThere);
            return linked;
        }

        public void Dispose()
        {
            isDisposed = true;
            if (timer != null)
                timer.Dispose();
            for (int n = 0; links != null && n < links.Length; n++)
                links[n].Dispose();
        }
    }
}

namespace System
{
    public interface IProgress<in T>
    {
        void Report(T value);
    }

    // Reports on a thread of the pool.
    public class Progress<T> : IProgress<T>
    {
        readonly Action<T> handler;

        public Progress() { }
        public Progress(Action<T> handler) { this.handler = handler; }

        public event EventHandler<T> ProgressChanged;

        protected virtual void OnReport(T value)
        {
            EventHandler<T> changed = ProgressChanged;
            if (handler != null || changed != null)
                Threading.ThreadPool.Add(() =>
                {
                    if (handler != null)
                        handler(value);
                    if (changed != null)
                        changed(this, value);
                });
        }

        void IProgress<T>.Report(T value) { OnReport(value); }
    }
}

namespace System.Threading.Tasks
{
    [Flags]
    public enum TaskCreationOptions
    {
        None = 0, PreferFairness = 1, LongRunning = 2, AttachedToParent = 4, DenyChildAttach = 8, HideScheduler = 16, RunContinuationsAsynchronously = 64,
    }

    [Flags]
    public enum TaskContinuationOptions
    {
        None = 0, PreferFairness = 1, LongRunning = 2, AttachedToParent = 4, DenyChildAttach = 8, HideScheduler = 16, LazyCancellation = 32,
        RunContinuationsAsynchronously = 64, NotOnRanToCompletion = 0x10000, NotOnFaulted = 0x20000, OnlyOnCanceled = 0x30000,
        NotOnCanceled = 0x40000, OnlyOnFaulted = 0x50000, OnlyOnRanToCompletion = 0x60000, ExecuteSynchronously = 0x80000,
    }

    public partial class Task
    {
        // The work is skipped, and the task is cancelled, if the token is.
        static Action Unless(CancellationToken token, Action action)
        {
            return () =>
            {
                token.ThrowIfCancellationRequested();
                action();
            };
        }

        static Func<T> Unless<T>(CancellationToken token, Func<T> function)
        {
            return () =>
            {
                token.ThrowIfCancellationRequested();
                return function();
            };
        }

        public Task(Action action, CancellationToken cancellationToken) : this(Unless(cancellationToken, action)) { }
        public Task(Action action, TaskCreationOptions creationOptions) : this(action) { }
        public Task(Action<object> action, object state) : this(() => action(state)) { this.state = state; }

        public static Task Run(Action action, CancellationToken cancellationToken) { return Run(Unless(cancellationToken, action)); }
        public static Task<T> Run<T>(Func<T> function, CancellationToken cancellationToken) { return Run(Unless(cancellationToken, function)); }
        public static Task Run(Func<Task> function, CancellationToken cancellationToken) { return Run(Unless(cancellationToken, function)); }
        public static Task<T> Run<T>(Func<Task<T>> function, CancellationToken cancellationToken) { return Run(Unless(cancellationToken, function)); }

        public static Task FromCanceled(CancellationToken cancellationToken) { return FromCanceled<bool>(cancellationToken); }

        public static Task<T> FromCanceled<T>(CancellationToken cancellationToken)
        {
            Task<T> t = new Task<T>();
            t.Complete(new TaskCanceledException(t, cancellationToken));
            return t;
        }

        public static Task Delay(TimeSpan delay, CancellationToken cancellationToken) { return Delay(Timeout.Milliseconds(delay), cancellationToken); }

        public static Task Delay(int millisecondsDelay, CancellationToken cancellationToken)
        {
            if (cancellationToken.IsCancellationRequested)
                return FromCanceled(cancellationToken);
            if (millisecondsDelay < -1)
                throw new ArgumentOutOfRangeException("millisecondsDelay");
            Task t = new Task();
            Timer timer = millisecondsDelay < 0 ? null : new Timer(o => t.Complete(null), null, millisecondsDelay, Timeout.Infinite);
            CancellationTokenRegistration registration = cancellationToken.Register(() =>
            {
                if (timer != null)
                    timer.Dispose();
                t.Complete(new TaskCanceledException(t, cancellationToken));
            });
            t.Follow(() => registration.Dispose());
            return t;
        }

        public void Wait(CancellationToken cancellationToken) { Wait(Timeout.Infinite, cancellationToken); }

        public bool Wait(int millisecondsTimeout, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!cancellationToken.CanBeCanceled)
                return Wait(millisecondsTimeout);
            Task canceled = new Task();
            using (cancellationToken.Register(() => canceled.Complete(null)))
                if (!WhenAny(this, canceled).Wait(millisecondsTimeout))
                    return false;
            if (!IsCompleted)
                cancellationToken.ThrowIfCancellationRequested();
            return Wait(Timeout.Infinite);
        }

        public static bool WaitAll(Task[] tasks, int millisecondsTimeout)
        {
            if (!WhenAll(tasks).WaitDone(millisecondsTimeout))
                return false;
            WaitAll(tasks);
            return true;
        }

        public static bool WaitAll(Task[] tasks, TimeSpan timeout) { return WaitAll(tasks, Timeout.Milliseconds(timeout)); }

        public static int WaitAny(Task[] tasks, int millisecondsTimeout)
        {
            Task<Task> first = WhenAny(tasks);
            return first.WaitDone(millisecondsTimeout) ? Array.IndexOf(tasks, first.Result) : -1;
        }

        public static Task<Task> WhenAny(IEnumerable<Task> tasks) { return WhenAny(new List<Task>(tasks).ToArray()); }
        public static Task<Task<T>> WhenAny<T>(IEnumerable<Task<T>> tasks) { return WhenAny(new List<Task<T>>(tasks).ToArray()); }

        public static Task<Task<T>> WhenAny<T>(params Task<T>[] tasks)
        {
            if (tasks.Length == 0)
                throw new ArgumentException("There is no task.");
            Task<Task<T>> result = new Task<Task<T>>();
            foreach (Task<T> t in tasks)
                t.Follow(() => result.Complete(t, null));
            return result;
        }

        // Whether a task that has ended like this one is continued so.
        internal bool Admits(TaskContinuationOptions options)
        {
            TaskContinuationOptions not = IsFaulted ? TaskContinuationOptions.NotOnFaulted
                                          : IsCanceled ? TaskContinuationOptions.NotOnCanceled : TaskContinuationOptions.NotOnRanToCompletion;
            return (options & not) == 0;
        }

        public Task ContinueWith(Action<Task> continuation, TaskContinuationOptions options)
        {
            Task next = new Task(() => continuation(this));
            Follow(() => next.BeginIf(Admits(options)));
            return next;
        }

        internal void BeginIf(bool isAdmitted)
        {
            if (isAdmitted)
                Begin();
            else
                Complete(new TaskCanceledException(this, CancellationToken.None));
        }

        public Task ContinueWith(Action<Task> continuation, CancellationToken cancellationToken)
        {
            return ContinueWith(t => Unless(cancellationToken, () => continuation(t))());
        }

        public static int? CurrentId { get { return null; } }
        public void Dispose() { }
    }

    public partial class Task<T>
    {
        public Task(Func<T> function, CancellationToken cancellationToken)
            : this(() => { cancellationToken.ThrowIfCancellationRequested(); return function(); }) { }

        public Task ContinueWith(Action<Task<T>> continuation, TaskContinuationOptions options)
        {
            return ((Task)this).ContinueWith(t => continuation((Task<T>)t), options);
        }

        public static new readonly TaskFactory<T> Factory = new TaskFactory<T>();
    }

    public class TaskFactory<T>
    {
        public Task<T> StartNew(Func<T> function) { return Task.Run(function); }
    }

    public static class Parallel
    {
        // Calls the body for each number. The calling thread takes part. Exceptions come together at the end.
        static void Each(long count, Action<long> body)
        {
            long next = -1;
            List<Exception> errors = new List<Exception>();
            Action work = () =>
            {
                for (long n; errors.Count == 0 && (n = Interlocked.Increment(ref next)) < count;)
                {
                    try
                    {
                        body(n);
                    }
                    catch (Exception e)
                    {
                        lock (errors)
                            errors.Add(e);
                    }
                }
            };
            Task[] others = new Task[(int)Math.Min(Math.Max(count - 1, 0), Environment.ProcessorCount)];
            for (int n = 0; n < others.Length; n++)
                others[n] = Task.Run(work);
            work();
            Task.WaitAll(others);
            if (errors.Count > 0)
                throw new AggregateException(errors.ToArray());
        }

        public static ParallelLoopResult For(int fromInclusive, int toExclusive, Action<int> body)
        {
            Each(Math.Max((long)toExclusive - fromInclusive, 0), n => body((int)(fromInclusive + n)));
            return new ParallelLoopResult();
        }

        public static ParallelLoopResult For(long fromInclusive, long toExclusive, Action<long> body)
        {
            Each(Math.Max(toExclusive - fromInclusive, 0), n => body(fromInclusive + n));
            return new ParallelLoopResult();
        }

        public static ParallelLoopResult For(int fromInclusive, int toExclusive, ParallelOptions parallelOptions, Action<int> body)
        {
            return For(fromInclusive, toExclusive, body);
        }

        public static ParallelLoopResult ForEach<T>(IEnumerable<T> source, Action<T> body)
        {
            T[] items = new List<T>(source).ToArray();
            Each(items.Length, n => body(items[(int)n]));
            return new ParallelLoopResult();
        }

        public static ParallelLoopResult ForEach<T>(IEnumerable<T> source, ParallelOptions parallelOptions, Action<T> body) { return ForEach(source, body); }
        public static void Invoke(params Action[] actions) { Each(actions.Length, n => actions[(int)n]()); }
    }

    public struct ParallelLoopResult
    {
        public bool IsCompleted { get { return true; } }
    }

    public class ParallelOptions
    {
        int most = -1;

        public int MaxDegreeOfParallelism { get { return most; } set { most = value; } }
        public CancellationToken CancellationToken { get; set; }
    }
}

// SPDX-License-Identifier: MIT
//
// Tasks: work that the pool does, or that something else completes, and what is to follow it.
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Runtime.CompilerServices;

namespace System
{
    public class AggregateException : Exception
    {
        readonly List<Exception> inner = new List<Exception>();

        public AggregateException() : this(new Exception[0]) { }
        public AggregateException(string message) : this(message, new Exception[0]) { }
        public AggregateException(string message, Exception innerException) : this(message, new Exception[] { innerException }) { }
        public AggregateException(IEnumerable<Exception> innerExceptions) : this(new List<Exception>(innerExceptions).ToArray()) { }

        public AggregateException(string message, params Exception[] innerExceptions) : base(message, First(innerExceptions))
        {
            inner.AddRange(innerExceptions);
        }

        public AggregateException(params Exception[] innerExceptions) : base("One or more errors occurred.", First(innerExceptions))
        {
            inner.AddRange(innerExceptions);
        }

        static Exception First(Exception[] all) { return all.Length == 0 ? null : all[0]; }

        public ReadOnlyCollection<Exception> InnerExceptions { get { return new ReadOnlyCollection<Exception>(inner); } }

        // Those that are not handled are thrown again.
        public void Handle(Func<Exception, bool> predicate)
        {
            List<Exception> rest = new List<Exception>();
            foreach (Exception e in inner)
                if (!predicate(e))
                    rest.Add(e);
            if (rest.Count > 0)
                throw new AggregateException(Message, rest.ToArray());
        }

        public override Exception GetBaseException()
        {
            Exception e = this;
            for (AggregateException all; (all = e as AggregateException) != null && all.inner.Count == 1;)
                e = all.InnerException;
            return e;
        }

        public override string Message
        {
            get
            {
                string text = base.Message;
                foreach (Exception e in inner)
                    text = String.Concat(text, " (", e.Message, ")");
                return text;
            }
        }

        public AggregateException Flatten()
        {
            List<Exception> all = new List<Exception>();
            foreach (Exception e in inner)
            {
                AggregateException nested = e as AggregateException;
                if (nested == null)
                    all.Add(e);
                else
                    all.AddRange(nested.Flatten().inner);
            }
            return new AggregateException(all.ToArray());
        }
    }

    public class OperationCanceledException : SystemException
    {
        Threading.CancellationToken token;

        public OperationCanceledException() : base("The operation was canceled.") { }
        public OperationCanceledException(string message) : base(message) { }
        public OperationCanceledException(string message, Exception inner) : base(message, inner) { }
        public OperationCanceledException(Threading.CancellationToken token) : this() { this.token = token; }
        public OperationCanceledException(string message, Threading.CancellationToken token) : this(message) { this.token = token; }

        public Threading.CancellationToken CancellationToken { get { return token; } internal set { token = value; } }
    }
}

namespace System.Threading.Tasks
{
    public enum TaskStatus
    {
        Created, WaitingForActivation, WaitingToRun, Running, WaitingForChildrenToComplete, RanToCompletion, Canceled, Faulted
    }

    public class TaskCanceledException : OperationCanceledException
    {
        readonly Task task;

        public TaskCanceledException() : base("A task was canceled.") { }
        public TaskCanceledException(string message) : base(message) { }
        public TaskCanceledException(string message, Exception inner) : base(message, inner) { }
        public TaskCanceledException(Task task) : this(task, Threading.CancellationToken.None) { }

        internal TaskCanceledException(Task task, CancellationToken token) : this()
        {
            this.task = task;
            CancellationToken = token;
        }

        public Task Task { get { return task; } }
    }

    public partial class Task : IAsyncResult, IDisposable
    {
        static int last;

        readonly int id = Interlocked.Increment(ref last);
        readonly Action work;
        TaskStatus status;       // with the monitor of this, like the rest
        Exception error;
        List<Action> followers;

        internal Task() { status = TaskStatus.WaitingForActivation; }

        public Task(Action action)
        {
            if (action == null)
                throw new ArgumentNullException("action");
            work = action;
        }

        public int Id { get { return id; } }
        readonly object state;

        public object AsyncState { get { return state; } }
        public bool CompletedSynchronously { get { return false; } }

        WaitHandle IAsyncResult.AsyncWaitHandle
        {
            get
            {
                ManualResetEvent done = new ManualResetEvent(false);
                Follow(() => done.Set());
                return done;
            }
        }

        public TaskStatus Status
        {
            get
            {
                lock (this)
                    return status;
            }
        }

        public bool IsCompleted { get { return Status >= TaskStatus.RanToCompletion; } }
        public bool IsCompletedSuccessfully { get { return Status == TaskStatus.RanToCompletion; } }
        public bool IsFaulted { get { return Status == TaskStatus.Faulted; } }
        public bool IsCanceled { get { return Status == TaskStatus.Canceled; } }

        public AggregateException Exception
        {
            get
            {
                lock (this)
                {
                    if (status != TaskStatus.Faulted)
                        return null;
                    return error as AggregateException ?? new AggregateException(error);
                }
            }
        }

        // ---- Running ----

        public void Start()
        {
            lock (this)
            {
                if (status != TaskStatus.Created)
                    throw new InvalidOperationException("The task was started before.");
                status = TaskStatus.WaitingToRun;
            }
            ThreadPool.Add(Execute);
        }

        public void RunSynchronously()
        {
            lock (this)
            {
                if (status != TaskStatus.Created)
                    throw new InvalidOperationException("The task was started before.");
                status = TaskStatus.WaitingToRun;
            }
            Execute();
        }

        internal virtual void Invoke() { work(); }

        // By the pool, or by a thread that waits for it, whichever comes first.
        internal void Execute()
        {
            lock (this)
            {
                if (status != TaskStatus.WaitingToRun)
                    return;
                status = TaskStatus.Running;
            }
            try
            {
                Invoke();
            }
            catch (Exception e)
            {
                Complete(e);
                return;
            }
            Complete(null);
        }

        // Returns false if it is complete already.
        internal bool Complete(Exception e)
        {
            List<Action> next;
            lock (this)
            {
                if (status >= TaskStatus.RanToCompletion)
                    return false;
                error = e;
                status = e == null ? TaskStatus.RanToCompletion : e is OperationCanceledException ? TaskStatus.Canceled : TaskStatus.Faulted;
                next = followers;
                followers = null;
                Monitor.PulseAll(this);
            }
            if (next != null)
                foreach (Action follower in next)
                    ThreadPool.Add(follower);
            return true;
        }

        internal void Follow(Action follower)
        {
            lock (this)
                if (status < TaskStatus.RanToCompletion)
                {
                    if (followers == null)
                        followers = new List<Action>();
                    followers.Add(follower);
                    return;
                }
            ThreadPool.Add(follower);
        }

        // ---- Waiting ----

        internal bool WaitDone(int millisecondsTimeout)
        {
            if (millisecondsTimeout < 0)
                Execute(); // if no thread of the pool has begun it
            long end = Environment.TickCount64 + millisecondsTimeout;
            lock (this)
            {
                while (status < TaskStatus.RanToCompletion)
                {
                    long left = millisecondsTimeout < 0 ? Timeout.Infinite : end - Environment.TickCount64;
                    if (millisecondsTimeout >= 0 && left <= 0)
                        return false;
                    Monitor.Wait(this, (int)left);
                }
                return true;
            }
        }

        internal void ThrowAggregate()
        {
            lock (this)
                if (error != null)
                    throw error is AggregateException ? error.Keep() : new AggregateException(error);
        }

        // What `await` throws: the first exception itself.
        internal void ThrowFirst()
        {
            lock (this)
                if (error != null)
                {
                    AggregateException all = error as AggregateException;
                    throw (all != null && all.InnerException != null ? all.InnerException : error).Keep();
                }
        }

        public void Wait() { Wait(Timeout.Infinite); }

        public bool Wait(int millisecondsTimeout)
        {
            if (!WaitDone(millisecondsTimeout))
                return false;
            ThrowAggregate();
            return true;
        }

        public bool Wait(TimeSpan timeout) { return Wait(Timeout.Milliseconds(timeout)); }

        public static void WaitAll(params Task[] tasks)
        {
            foreach (Task t in tasks)
                t.WaitDone(Timeout.Infinite);
            List<Exception> errors = Errors(tasks);
            if (errors.Count > 0)
                throw new AggregateException(errors.ToArray());
        }

        public static int WaitAny(params Task[] tasks)
        {
            Task first = WhenAny(tasks).Result;
            int n = 0;
            while (tasks[n] != first)
                n++;
            return n;
        }

        static List<Exception> Errors(Task[] tasks)
        {
            List<Exception> errors = new List<Exception>();
            foreach (Task t in tasks)
            {
                AggregateException all = t.error as AggregateException;
                if (all != null)
                    errors.AddRange(all.InnerExceptions);
                else if (t.error != null)
                    errors.Add(t.error);
            }
            return errors;
        }

        // ---- Making ----

        public static readonly TaskFactory Factory = new TaskFactory();

        public static Task CompletedTask { get { return FromResult(true); } }

        public static Task Run(Action action)
        {
            Task t = new Task(action);
            t.Start();
            return t;
        }

        public static Task<T> Run<T>(Func<T> function)
        {
            Task<T> t = new Task<T>(function);
            t.Start();
            return t;
        }

        public static Task Run(Func<Task> function)
        {
            Task result = new Task();
            Run<Task>(function).Unwrap(inner => result.Complete(inner.error));
            return result;
        }

        public static Task<T> Run<T>(Func<Task<T>> function)
        {
            Task<T> result = new Task<T>();
            Run<Task<T>>(function).Unwrap(inner =>
            {
                Task<T> typed = inner as Task<T>;
                result.Complete(typed == null ? default(T) : typed.value, inner.error);
            });
            return result;
        }

        public static Task<T> FromResult<T>(T result)
        {
            Task<T> t = new Task<T>();
            t.Complete(result, null);
            return t;
        }

        public static Task FromException(Exception exception)
        {
            Task t = new Task();
            t.Complete(exception);
            return t;
        }

        public static Task<T> FromException<T>(Exception exception)
        {
            Task<T> t = new Task<T>();
            t.Complete(exception);
            return t;
        }

        public static Task Delay(int millisecondsDelay)
        {
            Task t = new Task();
            new Timer(o => t.Complete(null), null, millisecondsDelay, Timeout.Infinite);
            return t;
        }

        public static Task Delay(TimeSpan delay) { return Delay(Timeout.Milliseconds(delay)); }

        static void FollowAll(Task[] tasks, Action done)
        {
            int left = tasks.Length;
            if (left == 0)
                done();
            foreach (Task t in tasks)
                t.Follow(() =>
                {
                    if (Interlocked.Decrement(ref left) == 0)
                        done();
                });
        }

        static Exception ErrorOf(Task[] tasks)
        {
            List<Exception> errors = Errors(tasks);
            return errors.Count == 0 ? null : new AggregateException(errors.ToArray());
        }

        public static Task WhenAll(params Task[] tasks)
        {
            Task result = new Task();
            FollowAll(tasks, () => result.Complete(ErrorOf(tasks)));
            return result;
        }

        public static Task WhenAll(IEnumerable<Task> tasks) { return WhenAll(new List<Task>(tasks).ToArray()); }

        public static Task<T[]> WhenAll<T>(params Task<T>[] tasks)
        {
            Task<T[]> result = new Task<T[]>();
            FollowAll(tasks, () =>
            {
                T[] values = new T[tasks.Length];
                for (int n = 0; n < values.Length; n++)
                    values[n] = tasks[n].value;
                result.Complete(values, ErrorOf(tasks));
            });
            return result;
        }

        public static Task<T[]> WhenAll<T>(IEnumerable<Task<T>> tasks) { return WhenAll(new List<Task<T>>(tasks).ToArray()); }

        public static Task<Task> WhenAny(params Task[] tasks)
        {
            if (tasks.Length == 0)
                throw new ArgumentException("There is no task.");
            Task<Task> result = new Task<Task>();
            foreach (Task t in tasks)
                t.Follow(() => result.Complete(t, null));
            return result;
        }

        // ---- What follows ----

        public Task ContinueWith(Action<Task> continuation)
        {
            Task next = new Task(() => continuation(this));
            Follow(next.Begin);
            return next;
        }

        public Task<T> ContinueWith<T>(Func<Task, T> continuation)
        {
            Task<T> next = new Task<T>(() => continuation(this));
            Follow(next.Begin);
            return next;
        }

        internal void Begin()
        {
            lock (this)
                status = TaskStatus.WaitingToRun;
            Execute();
        }

        public TaskAwaiter GetAwaiter() { return new TaskAwaiter(this); }
        public static YieldAwaitable Yield() { return new YieldAwaitable(); }

        public ConfiguredTaskAwaitable ConfigureAwait(bool continueOnCapturedContext) { return new ConfiguredTaskAwaitable(this); }
    }

    public partial class Task<T> : Task
    {
        readonly Func<T> function;
        internal T value;

        internal Task() { }

        public Task(Func<T> function) : base(Nothing) { this.function = function; }

        static void Nothing() { }

        internal override void Invoke() { value = function(); }

        internal bool Complete(T result, Exception e)
        {
            lock (this)
            {
                if (!IsCompleted)
                    value = result;
                return Complete(e);
            }
        }

        // `then` gets the task that is the result, or this one if it has failed.
        internal void Unwrap(Action<Task> then)
        {
            Follow(() =>
            {
                Task inner = IsCompletedSuccessfully ? (object)value as Task : this;
                inner.Follow(() => then(inner));
            });
        }

        public T Result
        {
            get
            {
                WaitDone(Timeout.Infinite);
                ThrowAggregate();
                return value;
            }
        }

        public Task ContinueWith(Action<Task<T>> continuation)
        {
            Task next = new Task(() => continuation(this));
            Follow(next.Begin);
            return next;
        }

        public Task<TResult> ContinueWith<TResult>(Func<Task<T>, TResult> continuation)
        {
            Task<TResult> next = new Task<TResult>(() => continuation(this));
            Follow(next.Begin);
            return next;
        }

        public new TaskAwaiter<T> GetAwaiter() { return new TaskAwaiter<T>(this); }
        public new ConfiguredTaskAwaitable<T> ConfigureAwait(bool continueOnCapturedContext) { return new ConfiguredTaskAwaitable<T>(this); }
    }

    public class TaskFactory
    {
        public Task StartNew(Action action) { return Task.Run(action); }
        public Task StartNew(Action action, CancellationToken token) { return Task.Run(action, token); }
        public Task StartNew(Action action, TaskCreationOptions options) { return Task.Run(action); }
        public Task<T> StartNew<T>(Func<T> function, CancellationToken token) { return Task.Run(() => { token.ThrowIfCancellationRequested(); return function(); }); }
        public Task<T> StartNew<T>(Func<T> function, TaskCreationOptions options) { return Start(new Task<T>(function)); }

        public Task StartNew(Action<object> action, object state) { return Start(new Task(action, state)); }
        public Task StartNew(Action<object> action, object state, TaskCreationOptions options) { return StartNew(action, state); }

        static T Start<T>(T task) where T : Task
        {
            task.Start();
            return task;
        }
        public Task<T> StartNew<T>(Func<T> function) { return Start(new Task<T>(function)); }
    }

    public class TaskCompletionSource<T>
    {
        readonly Task<T> task = new Task<T>();

        public TaskCompletionSource() { }
        public TaskCompletionSource(TaskCreationOptions options) { }

        public Task<T> Task { get { return task; } }
        public bool TrySetResult(T result) { return task.Complete(result, null); }
        public bool TrySetException(Exception exception) { return task.Complete(exception); }
        public bool TrySetCanceled() { return task.Complete(new TaskCanceledException()); }

        static void Check(bool isFirst)
        {
            if (!isFirst)
                throw new InvalidOperationException("The task is complete already.");
        }

        public void SetResult(T result) { Check(TrySetResult(result)); }
        public void SetException(Exception exception) { Check(TrySetException(exception)); }
        public void SetCanceled() { Check(TrySetCanceled()); }
    }
}

// SPDX-License-Identifier: MIT
//
// What threads wait for besides monitors. Each is a monitor with a number.
namespace System.Threading
{
    public abstract class WaitHandle : IDisposable
    {
        public const int WaitTimeout = 258;

        // With the monitor of this: true if nobody has to wait now, and then take what there is.
        internal abstract bool TryTake();

        internal bool Take(int millisecondsTimeout)
        {
            long end = millisecondsTimeout < 0 ? Int64.MaxValue : Environment.TickCount64 + millisecondsTimeout;
            lock (this)
            {
                while (!TryTake())
                {
                    if (millisecondsTimeout < 0)
                        Monitor.Wait(this);
                    else
                    {
                        long left = end - Environment.TickCount64;
                        if (left <= 0)
                            return false;
                        Monitor.Wait(this, (int)left);
                    }
                }
                return true;
            }
        }

        public virtual bool WaitOne() { return Take(Timeout.Infinite); }
        public virtual bool WaitOne(int millisecondsTimeout) { return Take(millisecondsTimeout); }
        public virtual bool WaitOne(TimeSpan timeout) { return Take(Timeout.Milliseconds(timeout)); }
        public virtual void Close() { }
        public void Dispose() { Close(); }
    }

    public enum EventResetMode { AutoReset, ManualReset }

    public class EventWaitHandle : WaitHandle
    {
        readonly bool isAuto;
        bool isSet;

        public EventWaitHandle(bool initialState, EventResetMode mode)
        {
            isSet = initialState;
            isAuto = mode == EventResetMode.AutoReset;
        }

        internal override bool TryTake()
        {
            bool taken = isSet;
            isSet = isSet && !isAuto;
            return taken;
        }

        public bool Set()
        {
            lock (this)
            {
                isSet = true;
                if (isAuto)
                    Monitor.Pulse(this);
                else
                    Monitor.PulseAll(this);
            }
            return true;
        }

        public bool Reset()
        {
            lock (this)
                isSet = false;
            return true;
        }

        internal bool IsSignalled
        {
            get
            {
                lock (this)
                    return isSet;
            }
        }
    }

    public sealed class AutoResetEvent : EventWaitHandle
    {
        public AutoResetEvent(bool initialState) : base(initialState, EventResetMode.AutoReset) { }
    }

    public sealed class ManualResetEvent : EventWaitHandle
    {
        public ManualResetEvent(bool initialState) : base(initialState, EventResetMode.ManualReset) { }
    }

    public class ManualResetEventSlim : IDisposable
    {
        readonly EventWaitHandle handle;

        public ManualResetEventSlim() : this(false) { }
        public ManualResetEventSlim(bool initialState) { handle = new ManualResetEvent(initialState); }

        public bool IsSet { get { return handle.IsSignalled; } }
        public void Set() { handle.Set(); }
        public void Reset() { handle.Reset(); }
        public void Wait() { handle.WaitOne(); }
        public bool Wait(int millisecondsTimeout) { return handle.WaitOne(millisecondsTimeout); }
        public bool Wait(TimeSpan timeout) { return handle.WaitOne(timeout); }
        public void Dispose() { }
    }

    public class SemaphoreFullException : SystemException
    {
        public SemaphoreFullException() : base("The semaphore has its largest count already.") { }
        public SemaphoreFullException(string message) : base(message) { }
    }

    public class SemaphoreSlim : IDisposable
    {
        sealed class Count : WaitHandle
        {
            internal int count, largest;

            internal override bool TryTake()
            {
                if (count == 0)
                    return false;
                count--;
                return true;
            }
        }

        readonly Count count;

        public SemaphoreSlim(int initialCount) : this(initialCount, Int32.MaxValue) { }

        public SemaphoreSlim(int initialCount, int maxCount)
        {
            if (maxCount <= 0 || initialCount < 0 || initialCount > maxCount)
                throw new ArgumentOutOfRangeException("initialCount");
            count = new Count { count = initialCount, largest = maxCount };
        }

        public int CurrentCount
        {
            get
            {
                lock (count)
                    return count.count;
            }
        }

        public void Wait() { count.Take(Timeout.Infinite); }
        public bool Wait(int millisecondsTimeout) { return count.Take(millisecondsTimeout); }
        public bool Wait(TimeSpan timeout) { return count.Take(Timeout.Milliseconds(timeout)); }
        public Tasks.Task WaitAsync() { return Tasks.Task.Run(() => Wait()); }
        public Tasks.Task WaitAsync(CancellationToken token) { return Tasks.Task.Run(() => Wait(token)); }
        public Tasks.Task<bool> WaitAsync(int millisecondsTimeout) { return Tasks.Task.Run(() => Wait(millisecondsTimeout)); }

        public void Wait(CancellationToken token)
        {
            const int Pause = 10; // milliseconds
            do
                token.ThrowIfCancellationRequested();
            while (!count.Take(token.CanBeCanceled ? Pause : Timeout.Infinite));
        }

        public int Release() { return Release(1); }

        public int Release(int releaseCount)
        {
            if (releaseCount < 1)
                throw new ArgumentOutOfRangeException("releaseCount");
            lock (count)
            {
                int before = count.count;
                if (releaseCount > count.largest - before)
                    throw new SemaphoreFullException();
                count.count += releaseCount;
                Monitor.PulseAll(count);
                return before;
            }
        }

        public void Dispose() { }
    }

    public class CountdownEvent : IDisposable
    {
        int count;

        public CountdownEvent(int initialCount)
        {
            if (initialCount < 0)
                throw new ArgumentOutOfRangeException("initialCount");
            count = initialCount;
        }

        public int CurrentCount
        {
            get
            {
                lock (this)
                    return count;
            }
        }

        public bool IsSet { get { return CurrentCount == 0; } }

        public bool Signal()
        {
            lock (this)
            {
                if (count == 0)
                    throw new InvalidOperationException("The count is 0 already.");
                if (--count == 0)
                    Monitor.PulseAll(this);
                return count == 0;
            }
        }

        public void Wait()
        {
            lock (this)
                while (count > 0)
                    Monitor.Wait(this);
        }

        public void Dispose() { }
    }
}

// SPDX-License-Identifier: MIT
//
// The threads that run tasks, and the one that waits for times.
using System.Collections.Generic;

namespace System.Threading
{
    public delegate void WaitCallback(object state);
    public delegate void TimerCallback(object state);

    public static class ThreadPool
    {
        const int Most = 16;

        static readonly object gate = new object();
        static readonly Queue<Action> waiting = new Queue<Action>(); // with gate
        static int threads, idle;                                    // with gate

        public static bool QueueUserWorkItem(WaitCallback callBack) { return QueueUserWorkItem(callBack, null); }

        public static bool QueueUserWorkItem(WaitCallback callBack, object state)
        {
            if (callBack == null)
                throw new ArgumentNullException("callBack");
            Add(() => callBack(state));
            return true;
        }

        // A thread that waits for another task may be all that there is: so one more starts whenever none is idle.
        internal static void Add(Action work)
        {
            lock (gate)
            {
                waiting.Enqueue(work);
                if (idle >= waiting.Count || threads == Most)
                    Monitor.Pulse(gate);
                else
                {
                    threads++;
                    Thread thread = new Thread(Work) { IsBackground = true, Name = "pool" };
                    try
                    {
                        thread.Start();
                    }
                    catch (OutOfMemoryException)
                    {
                        if (--threads == 0)
                            throw;
                    }
                }
            }
        }

        static void Work()
        {
            for (;;)
            {
                Action work;
                lock (gate)
                {
                    idle++;
                    while (waiting.Count == 0)
                        Monitor.Wait(gate);
                    idle--;
                    work = waiting.Dequeue();
                }
                work();
            }
        }
    }

    // One thread sleeps until the earliest time.
    static class Clock
    {
        static readonly List<Timer> running = new List<Timer>(); // with its monitor
        static bool isStarted;

        internal static void Add(Timer timer)
        {
            lock (running)
            {
                running.Remove(timer);
                running.Add(timer);
                if (!isStarted)
                    new Thread(Run) { IsBackground = true, Name = "timers" }.Start();
                isStarted = true;
                Monitor.Pulse(running);
            }
        }

        internal static void Remove(Timer timer)
        {
            lock (running)
                running.Remove(timer);
        }

        static Timer Earliest()
        {
            Timer first = null;
            foreach (Timer timer in running)
                if (first == null || timer.due < first.due)
                    first = timer;
            return first;
        }

        static void Run()
        {
            lock (running)
                for (;;)
                {
                    Timer first = Earliest();
                    long left = first == null ? Timeout.Infinite : first.due - Environment.TickCount64;
                    if (first == null || left > 0)
                        Monitor.Wait(running, (int)Math.Min(left, Int32.MaxValue));
                    else
                    {
                        running.Remove(first);
                        ThreadPool.Add(first.Fire);
                        if (first.period > 0)
                        {
                            first.due += first.period;
                            running.Add(first);
                        }
                    }
                }
        }
    }

    public sealed class Timer : IDisposable
    {
        readonly TimerCallback callback;
        readonly object state;
        internal long due, period; // milliseconds; with the monitor of the clock

        public Timer(TimerCallback callback) : this(callback, null, Timeout.Infinite, Timeout.Infinite) { }

        public Timer(TimerCallback callback, object state, int dueTime, int period)
        {
            if (callback == null)
                throw new ArgumentNullException("callback");
            this.callback = callback;
            this.state = state;
            Change(dueTime, period);
        }

        public Timer(TimerCallback callback, object state, TimeSpan dueTime, TimeSpan period)
            : this(callback, state, Timeout.Milliseconds(dueTime), Timeout.Milliseconds(period)) { }

        internal void Fire() { callback(state); }

        public bool Change(int dueTime, int period)
        {
            if (dueTime < Timeout.Infinite || period < Timeout.Infinite)
                throw new ArgumentOutOfRangeException("dueTime");
            Clock.Remove(this);
            due = Environment.TickCount64 + dueTime;
            this.period = period;
            if (dueTime >= 0)
                Clock.Add(this);
            return true;
        }

        public void Dispose() { Clock.Remove(this); }
    }
}

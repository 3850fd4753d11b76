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
        const int Most = 16;  // that start at once
        const int Pause = 20; // milliseconds in which no work has begun, before more start

        static readonly object gate = new object();
        static readonly Queue<Action> waiting = new Queue<Action>(); // with gate
        static int threads, idle, begun;                             // with gate
        static bool isWatched;                                       // with gate

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
                if (idle >= waiting.Count)
                    Monitor.Pulse(gate);
                else if (threads < Most)
                {
                    if (!Start(Work, 1) && threads == 0)
                    {
                        waiting.Dequeue();
                        throw new OutOfMemoryException("There is no memory for a thread of the pool.");
                    }
                }
                else if (!isWatched)
                    isWatched = Start(Watch, 0);
            }
        }

        // With gate. One that watches does not count.
        static bool Start(ThreadStart body, int count)
        {
            Thread thread = new Thread(body) { IsBackground = true, Name = "pool" };
            threads += count;
            try
            {
                thread.Start();
                return true;
            }
            catch (OutOfMemoryException)
            {
                threads -= count;
                return false;
            }
        }

        // All threads may wait for work that has not begun. So more of them start as long as some waits, and none begins any.
        static void Watch()
        {
            for (;;)
            {
                int seen;
                lock (gate)
                {
                    if (waiting.Count == 0)
                    {
                        isWatched = false;
                        return;
                    }
                    seen = begun;
                }
                Thread.Sleep(Pause);
                lock (gate)
                    for (int n = Math.Min(waiting.Count, threads / 4); n > 0 && seen == begun && idle == 0 && Start(Work, 1); n--)
                        ;
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
                    begun++;
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

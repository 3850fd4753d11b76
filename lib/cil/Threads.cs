// SPDX-License-Identifier: MIT
//
// Threads, and the monitors of objects.
using System.Runtime.CompilerServices;

namespace System.Threading
{
    public delegate void ThreadStart();
    public delegate void ParameterizedThreadStart(object argument);

    public class ThreadStateException : SystemException
    {
        public ThreadStateException() { }
        public ThreadStateException(string message) : base(message) { }
    }

    public class SynchronizationLockException : SystemException
    {
        public SynchronizationLockException() : base("The thread has not entered the monitor of the object.") { }
        public SynchronizationLockException(string message) : base(message) { }
    }

    public static class Timeout
    {
        public const int Infinite = -1;
        public static readonly TimeSpan InfiniteTimeSpan = new TimeSpan(-10000);

        const long NanosecondsInMillisecond = 1000000;

        // Negative: without a limit.
        internal static long Nanoseconds(int milliseconds)
        {
            if (milliseconds < Infinite)
                throw new ArgumentOutOfRangeException("millisecondsTimeout");
            return milliseconds * NanosecondsInMillisecond;
        }

        internal static int Milliseconds(TimeSpan time)
        {
            long milliseconds = time.Ticks / TimeSpan.TicksPerMillisecond;
            if (milliseconds < Infinite || milliseconds > Int32.MaxValue)
                throw new ArgumentOutOfRangeException("timeout");
            return (int)milliseconds;
        }
    }

    public sealed class Thread
    {
        const int Unstarted = 0, Started = 1, Ended = 2;

        static int last; // the newest thread's number

        ThreadStart start;
        ParameterizedThreadStart parameterized;
        object argument;
        readonly int id = Interlocked.Increment(ref last);
        int state; // with its monitor

        public Thread(ThreadStart start)
        {
            if (start == null)
                throw new ArgumentNullException("start");
            this.start = start;
        }

        public Thread(ParameterizedThreadStart start)
        {
            if (start == null)
                throw new ArgumentNullException("start");
            parameterized = start;
        }

        public Thread(ThreadStart start, int maxStackSize) : this(start) { }
        public Thread(ParameterizedThreadStart start, int maxStackSize) : this(start) { }

        // The first thread of the program.
        Thread() { state = Started; }

        // Starts a thread that runs Main().
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern bool Spawn(Thread thread, bool isBackground);

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern Thread GetSelf();

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern void SetSelf(Thread thread);

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern void Pause(long nanoseconds);

        public string Name { get; set; }
        public bool IsBackground { get; set; }
        public int ManagedThreadId { get { return id; } }
        public Globalization.CultureInfo CurrentCulture { get { return Globalization.CultureInfo.InvariantCulture; } set { } }
        public Globalization.CultureInfo CurrentUICulture { get { return Globalization.CultureInfo.InvariantCulture; } set { } }

        public bool IsAlive
        {
            get
            {
                lock (this)
                    return state == Started;
            }
        }

        public static Thread CurrentThread
        {
            get
            {
                Thread self = GetSelf();
                if (self == null)
                {
                    self = new Thread();
                    SetSelf(self);
                }
                return self;
            }
        }

        public void Start()
        {
            lock (this)
            {
                if (state != Unstarted)
                    throw new ThreadStateException("The thread has been started before.");
                if (!Spawn(this, IsBackground))
                    throw new OutOfMemoryException("There are too many threads, or there is no memory for another one.");
                state = Started;
            }
        }

        public void Start(object argument)
        {
            if (parameterized == null)
                throw new InvalidOperationException("The thread's method has no parameter.");
            this.argument = argument;
            Start();
        }

        // What a new thread runs. If an exception leaves it, the program ends.
        static void Main(Thread self)
        {
            if (self.parameterized != null)
                self.parameterized(self.argument);
            else
                self.start();
            lock (self)
            {
                self.state = Ended;
                Monitor.PulseAll(self);
            }
        }

        public void Join() { Join(Timeout.Infinite); }

        public bool Join(int millisecondsTimeout)
        {
            lock (this)
            {
                if (state == Unstarted)
                    throw new ThreadStateException("The thread has not been started.");
                if (millisecondsTimeout == Timeout.Infinite)
                {
                    while (state != Ended)
                        Monitor.Wait(this);
                }
                else if (state != Ended)
                    Monitor.Wait(this, millisecondsTimeout);
                return state == Ended;
            }
        }

        public bool Join(TimeSpan timeout) { return Join(Timeout.Milliseconds(timeout)); }

        public static void Sleep(int millisecondsTimeout) { Pause(Timeout.Nanoseconds(millisecondsTimeout)); }
        public static void Sleep(TimeSpan timeout) { Sleep(Timeout.Milliseconds(timeout)); }

        public static bool Yield()
        {
            Pause(0);
            return true;
        }

        public static void MemoryBarrier() { Interlocked.MemoryBarrier(); }
    }

    public static class Monitor
    {
        // Times are in nanoseconds; negative: without a limit.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern bool TakeFor(object o, long nanoseconds);

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern bool Release(object o);

        // 1: pulsed. 0: the time is over. -1: the thread has not entered it.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int WaitFor(object o, long nanoseconds);

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern bool Wake(object o, bool all);

        static void Check(object o)
        {
            if (o == null)
                throw new ArgumentNullException("obj");
        }

        public static void Enter(object obj)
        {
            Check(obj);
            TakeFor(obj, -1);
        }

        public static void Enter(object obj, ref bool lockTaken)
        {
            if (lockTaken)
                throw new ArgumentException("lockTaken is true already.");
            Enter(obj);
            lockTaken = true;
        }

        public static bool TryEnter(object obj) { return TryEnter(obj, 0); }

        public static bool TryEnter(object obj, int millisecondsTimeout)
        {
            Check(obj);
            return TakeFor(obj, Timeout.Nanoseconds(millisecondsTimeout));
        }

        public static bool TryEnter(object obj, TimeSpan timeout) { return TryEnter(obj, Timeout.Milliseconds(timeout)); }

        public static void TryEnter(object obj, ref bool lockTaken) { lockTaken = TryEnter(obj); }
        public static void TryEnter(object obj, int millisecondsTimeout, ref bool lockTaken)
        {
            lockTaken = TryEnter(obj, millisecondsTimeout);
        }

        public static void Exit(object obj)
        {
            Check(obj);
            if (!Release(obj))
                throw new SynchronizationLockException();
        }

        public static bool Wait(object obj) { return Wait(obj, Timeout.Infinite); }

        public static bool Wait(object obj, int millisecondsTimeout)
        {
            Check(obj);
            int result = WaitFor(obj, Timeout.Nanoseconds(millisecondsTimeout));
            if (result < 0)
                throw new SynchronizationLockException();
            return result > 0;
        }

        public static bool Wait(object obj, TimeSpan timeout) { return Wait(obj, Timeout.Milliseconds(timeout)); }

        public static void Pulse(object obj) { Pulse(obj, false); }
        public static void PulseAll(object obj) { Pulse(obj, true); }

        static void Pulse(object obj, bool all)
        {
            Check(obj);
            if (!Wake(obj, all))
                throw new SynchronizationLockException();
        }
    }
}

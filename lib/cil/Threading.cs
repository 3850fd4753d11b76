// SPDX-License-Identifier: MIT
//
// What programs and the compiler expect of threads.
using System.Collections.Generic;

namespace System.Threading
{
    public static class Interlocked
    {
        public static int Increment(ref int location) { return ++location; }
        public static long Increment(ref long location) { return ++location; }
        public static int Decrement(ref int location) { return --location; }
        public static long Decrement(ref long location) { return --location; }
        public static int Add(ref int location, int value) { return location += value; }
        public static long Add(ref long location, long value) { return location += value; }
        public static long Read(ref long location) { return location; }

        static T Swap<T>(ref T location, T value)
        {
            T before = location;
            location = value;
            return before;
        }

        public static int Exchange(ref int location, int value) { return Swap(ref location, value); }
        public static long Exchange(ref long location, long value) { return Swap(ref location, value); }
        public static object Exchange(ref object location, object value) { return Swap(ref location, value); }
        public static T Exchange<T>(ref T location, T value) where T : class { return Swap(ref location, value); }

        public static int CompareExchange(ref int location, int value, int comparand)
        {
            return location == comparand ? Swap(ref location, value) : location;
        }

        public static long CompareExchange(ref long location, long value, long comparand)
        {
            return location == comparand ? Swap(ref location, value) : location;
        }

        public static object CompareExchange(ref object location, object value, object comparand)
        {
            return location == comparand ? Swap(ref location, value) : location;
        }

        public static T CompareExchange<T>(ref T location, T value, T comparand) where T : class
        {
            return (object)location == (object)comparand ? Swap(ref location, value) : location;
        }

        public static void MemoryBarrier() { }
    }

    public static class Volatile
    {
        public static int Read(ref int location) { return location; }
        public static long Read(ref long location) { return location; }
        public static bool Read(ref bool location) { return location; }
        public static T Read<T>(ref T location) where T : class { return location; }
        public static void Write(ref int location, int value) { location = value; }
        public static void Write(ref long location, long value) { location = value; }
        public static void Write(ref bool location, bool value) { location = value; }
        public static void Write<T>(ref T location, T value) where T : class { location = value; }
    }

    // A value for each thread. It lives as long as its thread; the thread that disposes of the object frees its own.
    public class ThreadLocal<T> : IDisposable
    {
        sealed class Cell
        {
            internal T value;
        }

        static int last; // the newest one's number

        [ThreadStatic]
        static Dictionary<int, Cell> cells;

        readonly Func<T> make;
        readonly int id = Interlocked.Increment(ref last);
        bool isDisposed;

        public ThreadLocal() { }

        public ThreadLocal(Func<T> make)
        {
            if (make == null)
                throw new ArgumentNullException("make");
            this.make = make;
        }

        Cell Find()
        {
            Cell cell = null;
            if (isDisposed)
                throw new ObjectDisposedException();
            if (cells != null)
                cells.TryGetValue(id, out cell);
            return cell;
        }

        void Store(T value)
        {
            if (cells == null)
                cells = new Dictionary<int, Cell>();
            cells[id] = new Cell { value = value };
        }

        public bool IsValueCreated { get { return Find() != null; } }

        public T Value
        {
            get
            {
                Cell cell = Find();
                if (cell != null)
                    return cell.value;
                T value = make == null ? default(T) : make();
                if (Find() != null)
                    throw new InvalidOperationException("The value is needed to make it.");
                Store(value);
                return value;
            }
            set
            {
                Cell cell = Find();
                if (cell == null)
                    Store(value);
                else
                    cell.value = value;
            }
        }

        public void Dispose()
        {
            if (cells != null)
                cells.Remove(id);
            isDisposed = true;
        }

        public override string ToString() { return Value.ToString(); }
    }
}

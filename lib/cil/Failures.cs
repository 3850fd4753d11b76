// SPDX-License-Identifier: MIT
//
// What exceptions have besides their messages, and the checks of programs under development.
using System.Collections;
using System.Runtime.CompilerServices;

namespace System
{
    public partial class Exception
    {
        IDictionary data;

        public virtual IDictionary Data { get { return data ?? (data = new Hashtable()); } }
        public virtual string Source { get; set; }
        public virtual string HelpLink { get; set; }
        public int HResult { get; protected set; }

        public virtual Exception GetBaseException()
        {
            Exception e = this;
            while (e.inner != null)
                e = e.inner;
            return e;
        }

        public new Type GetType() { return base.GetType(); }
    }
}

namespace System.Diagnostics
{
    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Method, AllowMultiple = true)]
    public sealed class ConditionalAttribute : Attribute
    {
        public ConditionalAttribute(string conditionString) { ConditionString = conditionString; }
        public string ConditionString { get; }
    }

    [AttributeUsage(AttributeTargets.All, Inherited = false)]
    public sealed class DebuggerStepThroughAttribute : Attribute { }

    // A program has these calls if it is compiled with -d:DEBUG.
    public static class Debug
    {
        [Conditional("DEBUG")]
        public static void Assert(bool condition) { Assert(condition, ""); }

        [Conditional("DEBUG")]
        public static void Assert(bool condition, string message)
        {
            if (!condition)
                Environment.FailFast(String.Concat("Assertion failed. ", message));
        }

        [Conditional("DEBUG")]
        public static void Fail(string message) { Assert(false, message); }

        [Conditional("DEBUG")]
        public static void Write(string message) { Console.Error.Write(message); }

        [Conditional("DEBUG")]
        public static void WriteLine(string message) { Console.Error.WriteLine(message); }

        [Conditional("DEBUG")]
        public static void WriteLine(object value) { Console.Error.WriteLine(value); }

        [Conditional("DEBUG")]
        public static void WriteLine(string format, params object[] args) { Console.Error.WriteLine(format, args); }
    }
}

namespace System.Runtime.CompilerServices
{
    // The compiler passes these arguments if the caller does not.

    [AttributeUsage(AttributeTargets.Parameter, Inherited = false)]
    public sealed class CallerMemberNameAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Parameter, Inherited = false)]
    public sealed class CallerFilePathAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Parameter, Inherited = false)]
    public sealed class CallerLineNumberAttribute : Attribute { }
}

namespace System.ComponentModel
{
    public class PropertyChangedEventArgs : EventArgs
    {
        readonly string name;
        public PropertyChangedEventArgs(string propertyName) { name = propertyName; }
        public virtual string PropertyName { get { return name; } }
    }

    public delegate void PropertyChangedEventHandler(object sender, PropertyChangedEventArgs e);

    public interface INotifyPropertyChanged
    {
        event PropertyChangedEventHandler PropertyChanged;
    }
}

namespace System
{
    public class TimeoutException : SystemException
    {
        public TimeoutException() : base("The operation has timed out.") { }
        public TimeoutException(string message) : base(message) { }
        public TimeoutException(string message, Exception inner) : base(message, inner) { }
    }

    public static partial class Environment
    {
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int CountProcessors();

        public static int ProcessorCount { get { return CountProcessors(); } }
        public static string StackTrace { get { return new Diagnostics.StackTrace(true).ToString(); } }
        public static int CurrentManagedThreadId { get { return Threading.Thread.CurrentThread.ManagedThreadId; } }
        public static bool HasShutdownStarted { get { return false; } }
        public static bool Is64BitProcess { get { return true; } }
        public static bool Is64BitOperatingSystem { get { return true; } }
        public static int SystemPageSize { get { return 4096; } }
        public static string CommandLine { get { return String.Join(" ", GetCommandLineArgs()); } }

        public static void FailFast(string message) { FailFast(message, null); }

        public static void FailFast(string message, Exception exception)
        {
            Console.Error.WriteLine(message);
            if (exception != null)
                Console.Error.WriteLine(exception);
            Exit(134);
        }
    }
}

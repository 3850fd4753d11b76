// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;

namespace System
{
    public class Exception
    {
        string message;
        Exception inner;
        int[] passed; // frames that the exception has left, the innermost one first; null: it was never caught. The kernel reads it
        bool keeps;

        public Exception() { }
        public Exception(string message) { this.message = message; }

        public Exception(string message, Exception inner)
        {
            this.message = message;
            this.inner = inner;
        }

        public virtual string Message { get { return message == null ? base.ToString() : message; } }
        public Exception InnerException { get { return inner; } }

        public override string ToString()
        {
            string text = String.Concat(base.ToString(), ": ", Message);
            if (inner != null)
                text = String.Concat(text, " ---> ", String.Concat(inner.ToString(), "\n   --- End of inner exception stack trace ---"));
            string trace = StackTrace;
            return trace == null ? text : String.Concat(text, "\n", trace);
        }

        // Of the methods from the one that has thrown it to the one that has caught it.
        public virtual string StackTrace { get { return passed == null ? null : Diagnostics.StackTrace.TextOf(passed); } }

        internal int[] Frames() { return passed ?? new int[0]; }

        // The next `throw` of it does not forget what it has passed.
        internal Exception Keep()
        {
            keeps = true;
            return this;
        }

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int CountPassed();

        // Into the array from the given frame on. The thread then has none any more.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern void TakePassed(int[] frames, int first);

        // The compiler calls these if the program catches exceptions. They throw nothing.
        static void Thrown(Exception e)
        {
            if (!e.keeps)
                e.passed = null;
            e.keeps = false;
        }

        // By a handler or a finally block. A frame is two numbers: of its method, and an offset in it.
        static void Caught(Exception e)
        {
            int[] before = e.passed;
            int first = before == null ? 0 : before.Length;
            int[] frames = new int[first + 2 * CountPassed()];
            for (int n = 0; n < first; n++)
                frames[n] = before[n];
            TakePassed(frames, first / 2);
            e.passed = frames;
        }
    }

    public class SystemException : Exception
    {
        public SystemException() { }
        public SystemException(string message) : base(message) { }
        public SystemException(string message, Exception inner) : base(message, inner) { }
    }

    public class ApplicationException : Exception
    {
        public ApplicationException() { }
        public ApplicationException(string message) : base(message) { }
        public ApplicationException(string message, Exception inner) : base(message, inner) { }
    }

    public class ArgumentException : SystemException
    {
        readonly string name;

        public ArgumentException() : base("An argument is not valid.") { }
        public ArgumentException(string message) : base(message) { }
        public ArgumentException(string message, Exception inner) : base(message, inner) { }

        public ArgumentException(string message, string name) : base(message)
        {
            this.name = name;
        }

        public virtual string ParamName { get { return name; } }
    }

    public class ArithmeticException : SystemException
    {
        public ArithmeticException() : base("An arithmetic operation failed.") { }
        public ArithmeticException(string message) : base(message) { }
        public ArithmeticException(string message, Exception inner) : base(message, inner) { }
    }

    public class ArrayTypeMismatchException : SystemException
    {
        public ArrayTypeMismatchException() : base("The element does not have the array's type.") { }
        public ArrayTypeMismatchException(string message) : base(message) { }
        public ArrayTypeMismatchException(string message, Exception inner) : base(message, inner) { }
    }

    public class FormatException : SystemException
    {
        public FormatException() : base("The text is not in the right format.") { }
        public FormatException(string message) : base(message) { }
        public FormatException(string message, Exception inner) : base(message, inner) { }
    }

    public class IndexOutOfRangeException : SystemException
    {
        public IndexOutOfRangeException() : base("The index is outside of the array.") { }
        public IndexOutOfRangeException(string message) : base(message) { }
        public IndexOutOfRangeException(string message, Exception inner) : base(message, inner) { }
    }

    public class InvalidCastException : SystemException
    {
        public InvalidCastException() : base("The object is not of that type.") { }
        public InvalidCastException(string message) : base(message) { }
        public InvalidCastException(string message, Exception inner) : base(message, inner) { }
    }

    public class InvalidOperationException : SystemException
    {
        public InvalidOperationException() : base("The operation is not valid in this state.") { }
        public InvalidOperationException(string message) : base(message) { }
        public InvalidOperationException(string message, Exception inner) : base(message, inner) { }
    }

    public class NotImplementedException : SystemException
    {
        public NotImplementedException() : base("That is not implemented.") { }
        public NotImplementedException(string message) : base(message) { }
        public NotImplementedException(string message, Exception inner) : base(message, inner) { }
    }

    public class NotSupportedException : SystemException
    {
        public NotSupportedException() : base("That is not supported.") { }
        public NotSupportedException(string message) : base(message) { }
        public NotSupportedException(string message, Exception inner) : base(message, inner) { }
    }

    public class NullReferenceException : SystemException
    {
        public NullReferenceException() : base("A reference is null.") { }
        public NullReferenceException(string message) : base(message) { }
        public NullReferenceException(string message, Exception inner) : base(message, inner) { }
    }

    public class OutOfMemoryException : SystemException
    {
        public OutOfMemoryException() : base("There is no memory left.") { }
        public OutOfMemoryException(string message) : base(message) { }
        public OutOfMemoryException(string message, Exception inner) : base(message, inner) { }
    }

    public class RankException : SystemException
    {
        public RankException() : base("The array has another number of dimensions.") { }
        public RankException(string message) : base(message) { }
        public RankException(string message, Exception inner) : base(message, inner) { }
    }

    public class StackOverflowException : SystemException
    {
        public StackOverflowException() : base("Calls are nested too deeply.") { }
        public StackOverflowException(string message) : base(message) { }
        public StackOverflowException(string message, Exception inner) : base(message, inner) { }
    }

    public class TypeInitializationException : SystemException
    {
        public TypeInitializationException() : base("A type's initialiser failed.") { }
        public TypeInitializationException(string message) : base(message) { }
        public TypeInitializationException(string message, Exception inner) : base(message, inner) { }
    }

    public class TypeLoadException : SystemException
    {
        public TypeLoadException() : base("Types are nested in each other too deeply.") { }
        public TypeLoadException(string message) : base(message) { }
        public TypeLoadException(string message, Exception inner) : base(message, inner) { }
    }

    public class DivideByZeroException : ArithmeticException
    {
        public DivideByZeroException() : base("Division by zero.") { }
        public DivideByZeroException(string message) : base(message) { }
        public DivideByZeroException(string message, Exception inner) : base(message, inner) { }
    }

    public class OverflowException : ArithmeticException
    {
        public OverflowException() : base("The result does not fit.") { }
        public OverflowException(string message) : base(message) { }
        public OverflowException(string message, Exception inner) : base(message, inner) { }
    }

    public class ObjectDisposedException : InvalidOperationException
    {
        public ObjectDisposedException() : base("The object was disposed.") { }
        public ObjectDisposedException(string message) : base(message) { }
        public ObjectDisposedException(string message, Exception inner) : base(message, inner) { }
    }

    public class ArgumentNullException : ArgumentException
    {
        public ArgumentNullException() : base("An argument is null.") { }
        public ArgumentNullException(string name) : base("An argument is null.", name) { }
        public ArgumentNullException(string name, string message) : base(message, name) { }
    }

    public class ArgumentOutOfRangeException : ArgumentException
    {
        public ArgumentOutOfRangeException() : base("An argument is out of range.") { }
        public ArgumentOutOfRangeException(string name) : base("An argument is out of range.", name) { }
        public ArgumentOutOfRangeException(string name, string message) : base(message, name) { }
    }
}

namespace System.Runtime.CompilerServices
{
    /// What was thrown is no exception, so this one has it inside.
    public sealed class RuntimeWrappedException : Exception
    {
        object wrapped;

        internal RuntimeWrappedException(object wrapped) : base("An object that is no exception has been thrown.")
        {
            this.wrapped = wrapped;
        }

        public object WrappedException { get { return wrapped; } }
    }
}

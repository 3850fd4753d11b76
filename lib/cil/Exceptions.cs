// SPDX-License-Identifier: MIT
using System.Diagnostics;

namespace System
{
    public class Exception
    {
        string message;
        Exception inner;
        int[] passed; // calls of methods that the exception has left, the innermost one first; null: it was never thrown
        int[] active; // the methods outside of these when it was thrown; null: it was caught

        public Exception() { }
        public Exception(string message) { this.message = message; }

        public Exception(string message, Exception inner)
        {
            this.message = message;
            this.inner = inner;
        }

        public virtual string Message { get { return message == null ? base.ToString() : message; } }
        public Exception InnerException { get { return inner; } }
        public override string ToString() { return String.Concat(base.ToString(), ": ", Message); }

        // Of the methods from the one that has thrown it to the one that has caught it.
        public virtual string StackTrace { get { return passed == null ? null : Diagnostics.StackTrace.TextOf(Calls()); } }

        internal int[] Calls()
        {
            int first = passed == null ? 0 : passed.Length, rest = active == null ? 0 : active.Length;
            int[] calls = new int[first + rest];
            for (int n = 0; n < calls.Length; n++)
                calls[n] = n < first ? passed[n] : active[n - first];
            return calls;
        }

        // The compiler calls these in a program that asks for traces. They throw nothing.
        static void Thrown(Exception e)
        {
            e.passed = new int[0];
            e.active = Diagnostics.StackTrace.Take(2);
        }

        // The method that throws it again is the last one of those that it has passed.
        static void ThrownAgain(Exception e)
        {
            if (e.passed == null)
                e.passed = new int[0];
            e.active = Diagnostics.StackTrace.Take(3);
        }

        static void Caught(Exception e)
        {
            if (e.passed == null || e.active == null)
                return;
            int outside = Diagnostics.StackTrace.Depth() - 2, first = e.passed.Length; // of this method, and the one that catches
            int[] calls = new int[Math.Max(first + e.active.Length - outside, first)];
            for (int n = 0; n < calls.Length; n++)
                calls[n] = n < first ? e.passed[n] : e.active[n - first];
            e.passed = calls;
            e.active = null;
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

// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;

namespace System
{
    public partial class Exception
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

        public virtual string Message { get { return message == null ? String.Concat("Exception of type '", base.ToString(), "' was thrown.") : message; } }
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

        public ArgumentException() : base("Value does not fall within the expected range.") { }
        public ArgumentException(string message) : base(message) { }
        public ArgumentException(string message, Exception inner) : base(message, inner) { }

        public ArgumentException(string message, string name) : base(message)
        {
            this.name = name;
        }

        public ArgumentException(string message, string name, Exception inner) : base(message, inner)
        {
            this.name = name;
        }

        public virtual string ParamName { get { return name; } }

        public override string Message
        {
            get { return String.IsNullOrEmpty(name) ? base.Message : String.Concat(base.Message, "\nParameter name: ", name); }
        }
    }

    public class ArithmeticException : SystemException
    {
        public ArithmeticException() : base("Overflow or underflow in the arithmetic operation.") { }
        public ArithmeticException(string message) : base(message) { }
        public ArithmeticException(string message, Exception inner) : base(message, inner) { }
    }

    public class ArrayTypeMismatchException : SystemException
    {
        public ArrayTypeMismatchException() : base("Attempted to access an element as a type incompatible with the array.") { }
        public ArrayTypeMismatchException(string message) : base(message) { }
        public ArrayTypeMismatchException(string message, Exception inner) : base(message, inner) { }
    }

    public class FormatException : SystemException
    {
        public FormatException() : base("One of the identified items was in an invalid format.") { }
        public FormatException(string message) : base(message) { }
        public FormatException(string message, Exception inner) : base(message, inner) { }
    }

    public class IndexOutOfRangeException : SystemException
    {
        public IndexOutOfRangeException() : base("Index was outside the bounds of the array.") { }
        public IndexOutOfRangeException(string message) : base(message) { }
        public IndexOutOfRangeException(string message, Exception inner) : base(message, inner) { }
    }

    public class InvalidCastException : SystemException
    {
        public InvalidCastException() : base("Specified cast is not valid.") { }
        public InvalidCastException(string message) : base(message) { }
        public InvalidCastException(string message, Exception inner) : base(message, inner) { }
    }

    public class InvalidOperationException : SystemException
    {
        public InvalidOperationException() : base("Operation is not valid due to the current state of the object.") { }
        public InvalidOperationException(string message) : base(message) { }
        public InvalidOperationException(string message, Exception inner) : base(message, inner) { }
    }

    public class NotImplementedException : SystemException
    {
        public NotImplementedException() : base("The method or operation is not implemented.") { }
        public NotImplementedException(string message) : base(message) { }
        public NotImplementedException(string message, Exception inner) : base(message, inner) { }
    }

    public class NotSupportedException : SystemException
    {
        public NotSupportedException() : base("Specified method is not supported.") { }
        public NotSupportedException(string message) : base(message) { }
        public NotSupportedException(string message, Exception inner) : base(message, inner) { }
    }

    public class NullReferenceException : SystemException
    {
        public NullReferenceException() : base("Object reference not set to an instance of an object.") { }
        public NullReferenceException(string message) : base(message) { }
        public NullReferenceException(string message, Exception inner) : base(message, inner) { }
    }

    public class OutOfMemoryException : SystemException
    {
        public OutOfMemoryException() : base("Insufficient memory to continue the execution of the program.") { }
        public OutOfMemoryException(string message) : base(message) { }
        public OutOfMemoryException(string message, Exception inner) : base(message, inner) { }
    }

    public class RankException : SystemException
    {
        public RankException() : base("Attempted to operate on an array with the incorrect number of dimensions.") { }
        public RankException(string message) : base(message) { }
        public RankException(string message, Exception inner) : base(message, inner) { }
    }

    public class StackOverflowException : SystemException
    {
        public StackOverflowException() : base("Operation caused a stack overflow.") { }
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
        public DivideByZeroException() : base("Attempted to divide by zero.") { }
        public DivideByZeroException(string message) : base(message) { }
        public DivideByZeroException(string message, Exception inner) : base(message, inner) { }
    }

    public class OverflowException : ArithmeticException
    {
        public OverflowException() : base("Arithmetic operation resulted in an overflow.") { }
        public OverflowException(string message) : base(message) { }
        public OverflowException(string message, Exception inner) : base(message, inner) { }
    }

    public class ObjectDisposedException : InvalidOperationException
    {
        readonly string name;

        public ObjectDisposedException() : base("Cannot access a disposed object.") { }
        public ObjectDisposedException(string objectName) : this(objectName, "Cannot access a disposed object.") { }
        public ObjectDisposedException(string objectName, string message) : base(message) { name = objectName; }
        public ObjectDisposedException(string message, Exception inner) : base(message, inner) { }
        public string ObjectName { get { return name == null ? "" : name; } }

        public override string Message
        {
            get { return ObjectName == "" ? base.Message : String.Concat(base.Message, "\nObject name: '", name, "'."); }
        }
    }

    public class ArgumentNullException : ArgumentException
    {
        public ArgumentNullException() : base("Value cannot be null.") { }
        public ArgumentNullException(string name) : base("Value cannot be null.", name) { }
        public ArgumentNullException(string name, string message) : base(message, name) { }
        public ArgumentNullException(string message, Exception inner) : base(message, inner) { }
    }

    public class ArgumentOutOfRangeException : ArgumentException
    {
        readonly object value;

        public ArgumentOutOfRangeException() : base("Specified argument was out of the range of valid values.") { }
        public ArgumentOutOfRangeException(string name) : base("Specified argument was out of the range of valid values.", name) { }
        public ArgumentOutOfRangeException(string name, string message) : base(message, name) { }
        public ArgumentOutOfRangeException(string message, Exception inner) : base(message, inner) { }

        public ArgumentOutOfRangeException(string name, object actualValue, string message) : base(message, name)
        {
            value = actualValue;
        }

        public virtual object ActualValue { get { return value; } }

        public override string Message
        {
            get { return value == null ? base.Message : String.Concat(base.Message, "\nActual value was ", value.ToString(), "."); }
        }
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

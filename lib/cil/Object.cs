// SPDX-License-Identifier: MIT
//
// What the compiler of C# requires, and the root of all types. Halyard's core library: docs/dotnet.md.
using System.Reflection;
using System.Runtime.CompilerServices;

[assembly: AssemblyVersion("4.0.0.0")]

namespace System
{
    public class Object
    {
        public Object() { }

        public virtual bool Equals(object other) { return ReferenceEquals(this, other); }
        public virtual int GetHashCode() { return RuntimeHelpers.GetHashCode(this); }
        public virtual string ToString() { return RuntimeHelpers.TypeName(RuntimeHelpers.TypeOf(this)); }

        [MethodImpl(MethodImplOptions.InternalCall)]
        public extern Type GetType();

        protected object MemberwiseClone() { return RuntimeHelpers.Clone(this); }

        public static bool ReferenceEquals(object a, object b) { return (object)a == (object)b; }

        public static bool Equals(object a, object b)
        {
            return ReferenceEquals(a, b) || (a != null && b != null && a.Equals(b));
        }
    }

    public abstract class ValueType { }
    public abstract class Enum : ValueType { }
    public struct Void { }

    public abstract class Attribute { }

    public abstract class Delegate
    {
        internal object target;
        internal IntPtr method;
    }

    public abstract class MulticastDelegate : Delegate { }

    public delegate void Action();
    public delegate void Action<in T>(T a);
    public delegate void Action<in T1, in T2>(T1 a, T2 b);
    public delegate TResult Func<out TResult>();
    public delegate TResult Func<in T, out TResult>(T a);
    public delegate TResult Func<in T1, in T2, out TResult>(T1 a, T2 b);
    public delegate bool Predicate<in T>(T a);
    public delegate int Comparison<in T>(T a, T b);

    public interface IDisposable
    {
        void Dispose();
    }

    public interface IComparable<in T>
    {
        int CompareTo(T other);
    }

    public interface IEquatable<T>
    {
        bool Equals(T other);
    }

    public struct RuntimeTypeHandle
    {
        internal IntPtr value;
    }

    public struct RuntimeFieldHandle
    {
        internal IntPtr value;
    }

    public struct RuntimeMethodHandle
    {
        internal IntPtr value;
    }

    public abstract class Type
    {
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern Type GetTypeFromHandle(RuntimeTypeHandle handle);

        public abstract string FullName { get; }

        // Without the namespace and the classes around it. The names of type arguments have dots, too.
        public string Name
        {
            get
            {
                string name = FullName;
                int start = 0, end = 0;
                for (; end < name.Length && name[end] != '<'; end++)
                    if (name[end] == '.' || name[end] == '/')
                        start = end + 1;
                return name.Substring(start, end - start);
            }
        }

        public override string ToString() { return FullName; }
        public override bool Equals(object other) { return ReferenceEquals(this, other); }
        public override int GetHashCode() { return RuntimeHelpers.GetHashCode(this); }
        public static bool operator ==(Type a, Type b) { return ReferenceEquals(a, b); }
        public static bool operator !=(Type a, Type b) { return !ReferenceEquals(a, b); }
    }

    // There is one object for each type. The runtime makes them before the program starts.
    sealed class RuntimeType : Type
    {
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern string NameOf(RuntimeType type);

        public override string FullName { get { return NameOf(this); } }
    }

    public struct Nullable<T> where T : struct
    {
        bool has;
        T value;

        public Nullable(T value)
        {
            this.has = true;
            this.value = value;
        }

        public bool HasValue { get { return has; } }

        public T Value
        {
            get
            {
                if (!has)
                    throw new InvalidOperationException("Nullable object must have a value.");
                return value;
            }
        }

        public T GetValueOrDefault() { return value; }
        public T GetValueOrDefault(T other) { return has ? value : other; }

        public static implicit operator Nullable<T>(T value) { return new Nullable<T>(value); }
        public static explicit operator T(Nullable<T> value) { return value.Value; }
    }
}

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
        public virtual string ToString() { return TypeName(); }

        // What a destructor of C# overrides.
#pragma warning disable 0465
        protected virtual void Finalize() { }
#pragma warning restore 0465

        internal void RunFinalizer() { new Action(Finalize)(); }

        [MethodImpl(MethodImplOptions.InternalCall)]
        public extern Type GetType();

        [MethodImpl(MethodImplOptions.InternalCall)]
        protected extern object MemberwiseClone();

        [MethodImpl(MethodImplOptions.InternalCall)]
        extern string TypeName();

        // Equal for objects of the same type only.
        [MethodImpl(MethodImplOptions.InternalCall)]
        internal extern int TypeNumber();

        public static bool ReferenceEquals(object a, object b) { return (object)a == (object)b; }

        public static bool Equals(object a, object b)
        {
            return ReferenceEquals(a, b) || (a != null && b != null && a.Equals(b));
        }
    }

    // Boxes. Two are equal if their bytes are, and the objects that they refer to.
    public abstract class ValueType
    {
        [MethodImpl(MethodImplOptions.InternalCall)]
        extern bool EqualBytes(object other);

        [MethodImpl(MethodImplOptions.InternalCall)]
        extern int HashBytes();

        [MethodImpl(MethodImplOptions.InternalCall)]
        extern int References();

        [MethodImpl(MethodImplOptions.InternalCall)]
        extern object ReferenceAt(int n);

        public override bool Equals(object other)
        {
            if (other == null || !EqualBytes(other))
                return false;
            for (int n = References() - 1; n >= 0; n--)
                if (!Equals(ReferenceAt(n), ((ValueType)other).ReferenceAt(n)))
                    return false;
            return true;
        }

        public override int GetHashCode()
        {
            int hash = HashBytes();
            for (int n = References() - 1; n >= 0; n--)
            {
                object o = ReferenceAt(n);
                hash = 31 * hash + (o == null ? 0 : o.GetHashCode());
            }
            return hash;
        }
    }

    public abstract partial class Enum : ValueType, IComparable, IFormattable, IConvertible
    {
        [MethodImpl(MethodImplOptions.InternalCall)]
        extern long GetNumber();

        [MethodImpl(MethodImplOptions.InternalCall)]
        extern string NameOf(long number);

        // The largest constant all of whose bits are among these; 0 if there is none.
        [MethodImpl(MethodImplOptions.InternalCall)]
        extern long LargestIn(long bits);

        [MethodImpl(MethodImplOptions.InternalCall)]
        extern bool HasFlags();

        // Of the type below it.
        [MethodImpl(MethodImplOptions.InternalCall)]
        extern int GetCode();

        public TypeCode GetTypeCode() { return (TypeCode)GetCode(); }
        bool IsUnsigned() { return GetTypeCode() == TypeCode.UInt64; }

        bool IsOfType(object other) { return other != null && other.TypeNumber() == TypeNumber(); }

        public override bool Equals(object other) { return IsOfType(other) && ((Enum)other).GetNumber() == GetNumber(); }

        public override int GetHashCode()
        {
            long number = GetNumber();
            return (int)number ^ (int)(number >> 32);
        }

        public int CompareTo(object other)
        {
            if (other == null)
                return 1;
            if (!IsOfType(other))
                throw new ArgumentException("The other value is of another type.");
            long a = GetNumber(), b = ((Enum)other).GetNumber();
            bool isLess = IsUnsigned() ? (ulong)a < (ulong)b : a < b;
            return a == b ? 0 : isLess ? -1 : 1;
        }

        public bool HasFlag(Enum flag)
        {
            if (flag == null)
                throw new ArgumentNullException("flag");
            if (!IsOfType(flag))
                throw new ArgumentException("The flag is of another type.");
            return (GetNumber() & flag.GetNumber()) == flag.GetNumber();
        }

        // The names of constants that together have these bits, or null.
        string NamesOfBits(long number)
        {
            string all = null;
            while (number != 0)
            {
                long part = LargestIn(number);
                if (part == 0)
                    return null;
                all = all == null ? NameOf(part) : String.Concat(NameOf(part), ", ", all);
                number ^= part;
            }
            return all;
        }

        public override string ToString()
        {
            long number = GetNumber();
            string name = NameOf(number);
            if (name == null && HasFlags())
                name = NamesOfBits(number);
            return name != null ? name : IsUnsigned() ? Number.Unsigned((ulong)number) : Number.Signed(number);
        }

        public string ToString(string format)
        {
            long number = GetNumber();
            string kind = String.IsNullOrEmpty(format) ? "G" : format.ToUpper();
            if (kind == "G")
                return ToString();
            if (kind == "F")
                return NameOf(number) ?? NamesOfBits(number) ?? ToString();
            if (kind == "D")
                return IsUnsigned() ? Number.Unsigned((ulong)number) : Number.Signed(number);
            if (kind != "X")
                throw new FormatException("Format String can be only \"G\", \"g\", \"X\", \"x\", \"F\", \"f\", \"D\" or \"d\".");
            int digits = 2 << ((int)GetTypeCode() - (int)TypeCode.SByte) / 2;
            string text = ((ulong)number).ToString("X16");
            return text.Substring(16 - digits);
        }

        public string ToString(string format, IFormatProvider provider) { return ToString(format); }
        public string ToString(IFormatProvider provider) { return ToString(); }
    }

    public struct Void { }

    // There are no other domains that an object could be in.
    public abstract class MarshalByRefObject { }

    public interface ICloneable
    {
        object Clone();
    }

    // The runtime knows the names of the fields.
    public abstract class Delegate
    {
        internal object target; // or Delegate[], if method is multi
        internal long method, multi; // the upper half of method is the mark that compiled code tests

        // A method without parameters, by its number.
        internal static void Run(object target, long method)
        {
            Action action = target.RunFinalizer;
            ((Delegate)action).target = target;
            ((Delegate)action).method = method;
            action();
        }

        // The same, with a method that has the signature of the delegate's type, after the object.
        internal static T Retarget<T>(T d, object target, long method) where T : class
        {
            Delegate changed = (Delegate)(object)d;
            changed.target = target;
            changed.method = method;
            return d;
        }

        // What a delegate calls that gets the object of the method as its first argument, or that has the first argument of a
        // static method in place of an object. 0: nothing.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int EntryFor(int member, bool isOpen);

        // The method that calls lists of delegates of a type.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int MultiOf(Type type);

        static bool Fits(Type from, Type to)
        {
            return from == to || (!from.IsValueType && !to.IsValueType && !from.IsByRef && !to.IsByRef && !from.IsPointer
                                  && to.IsAssignableFrom(from));
        }

        static bool Fit(Type[] from, int fromStart, Type[] to, int toStart)
        {
            bool fits = from.Length - fromStart == to.Length - toStart;
            for (int n = 0; fits && n < from.Length - fromStart; n++)
                fits = Fits(Reflection.Members.Known(from[fromStart + n]), Reflection.Members.Known(to[toStart + n]));
            return fits;
        }

        // The number of what the delegate calls; 0: they do not fit.
        static long Bind(Type type, object first, Reflection.RuntimeMethod method)
        {
            Reflection.MethodInfo invoke = type.GetMethod("Invoke");
            Type[] given = invoke.Types(), wanted = method.Types();
            int member = method.Member;
            if (!Fits(method.ReturnType, invoke.ReturnType))
                return 0;
            if (method.IsStatic)
            {
                if (first == null && Fit(given, 0, wanted, 0))
                    return Reflection.Members.EntryOf(member, null) & 0xffffffff;
                bool isClosed = wanted.Length != 0 && Fit(given, 0, wanted, 1) && !wanted[0].IsValueType
                                && (first == null || wanted[0].IsInstanceOfType(first));
                return isClosed ? EntryFor(member, false) : 0;
            }
            if (first != null)
            {
                long entry = Fit(given, 0, wanted, 0) ? Reflection.Members.EntryOf(member, first) : 0;
                return entry == -1 ? 0 : entry & 0xffffffff;
            }
            Type owner = method.DeclaringType;
            bool isOwner = given.Length != 0
                           && (owner.IsValueType ? given[0].IsByRef && given[0].GetElementType() == owner : Fits(given[0], owner));
            return isOwner && Fit(given, 1, wanted, 0) ? EntryFor(member, true) : 0;
        }

        public static Delegate CreateDelegate(Type type, object firstArgument, Reflection.MethodInfo method, bool throwOnBindFailure)
        {
            if (type == null)
                throw new ArgumentNullException("type");
            if (ReferenceEquals(method, null))
                throw new ArgumentNullException("method");
            if (type.BaseType != typeof(MulticastDelegate))
                throw new ArgumentException("The type is none of delegates.");
            Reflection.RuntimeMethod found = method as Reflection.RuntimeMethod;
            long number = ReferenceEquals(found, null) || found.ContainsGenericParameters ? 0 : Bind(type, firstArgument, found);
            if (number == 0 && throwOnBindFailure)
                throw new ArgumentException("The method does not fit the type of delegates.");
            if (number == 0)
                return null;
            Delegate made = Retarget((Delegate)Activator.Make(type), firstArgument, number);
            made.multi = MultiOf(type);
            return made;
        }

        public static Delegate CreateDelegate(Type type, object firstArgument, Reflection.MethodInfo method)
        {
            return CreateDelegate(type, firstArgument, method, true);
        }

        public static Delegate CreateDelegate(Type type, Reflection.MethodInfo method) { return CreateDelegate(type, null, method, true); }
        public static Delegate CreateDelegate(Type type, Reflection.MethodInfo method, bool throwOnBindFailure)
        {
            return CreateDelegate(type, null, method, throwOnBindFailure);
        }

        internal bool IsList { get { return method == multi && method != 0; } }

        public object Target { get { return IsList ? ((Delegate[])target)[((Delegate[])target).Length - 1].Target : target; } }

        public Delegate[] GetInvocationList()
        {
            if (!IsList)
                return new Delegate[] { this };
            Delegate[] list = (Delegate[])target, copy = new Delegate[list.Length];
            for (int n = 0; n < list.Length; n++)
                copy[n] = list[n];
            return copy;
        }

        Delegate WithList(Delegate[] from, int skip, int skipped)
        {
            int count = from.Length - skipped;
            Delegate[] list = new Delegate[count];
            for (int n = 0; n < count; n++)
                list[n] = from[n < skip ? n : n + skipped];
            if (count <= 1)
                return count == 0 ? null : list[0];
            Delegate d = (Delegate)MemberwiseClone();
            d.target = list;
            d.method = multi;
            return d;
        }

        public static Delegate Combine(Delegate a, Delegate b)
        {
            if (ReferenceEquals(a, null) || ReferenceEquals(b, null))
                return ReferenceEquals(a, null) ? b : a;
            if (a.TypeNumber() != b.TypeNumber())
                throw new ArgumentException("Delegates of different types cannot be combined.");
            Delegate[] x = a.GetInvocationList(), y = b.GetInvocationList(), all = new Delegate[x.Length + y.Length];
            for (int n = 0; n < all.Length; n++)
                all[n] = n < x.Length ? x[n] : y[n - x.Length];
            return a.WithList(all, all.Length, 0);
        }

        // Without the last part of the list that equals the other one's.
        public static Delegate Remove(Delegate source, Delegate value)
        {
            if (ReferenceEquals(source, null) || ReferenceEquals(value, null))
                return source;
            Delegate[] x = source.GetInvocationList(), y = value.GetInvocationList();
            for (int at = x.Length - y.Length; at >= 0; at--)
            {
                int n = 0;
                while (n < y.Length && x[at + n].Equals(y[n]))
                    n++;
                if (n == y.Length)
                    return source.WithList(x, at, n);
            }
            return source;
        }

        public override bool Equals(object other)
        {
            Delegate d = other as Delegate;
            if (ReferenceEquals(d, null) || (int)d.method != (int)method || d.TypeNumber() != TypeNumber())
                return false;
            if (!IsList)
                return ReferenceEquals(target, d.target);
            Delegate[] x = (Delegate[])target, y = (Delegate[])d.target;
            for (int n = 0; n < x.Length; n++)
                if (x.Length != y.Length || !x[n].Equals(y[n]))
                    return false;
            return true;
        }

        public override int GetHashCode() { return (int)method; }

        public static bool operator ==(Delegate a, Delegate b)
        {
            return ReferenceEquals(a, b) || (!ReferenceEquals(a, null) && a.Equals(b));
        }

        public static bool operator !=(Delegate a, Delegate b) { return !(a == b); }
    }

    public abstract class MulticastDelegate : Delegate { }

    public delegate bool Predicate<in T>(T a);
    public delegate int Comparison<in T>(T a, T b);

    public interface IDisposable
    {
        void Dispose();
    }

    public interface IComparable
    {
        int CompareTo(object other);
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

    public static partial class GC
    {
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern void InternalCollect(int generation);

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern long GetTotalBytes();

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int GetCount(int generation);

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int GenerationOf(object o);

        // Generation 0 has the objects that no collection has seen yet. A collection of generation 1 is of all.
        public static int MaxGeneration { get { return 1; } }
        public static void Collect() { InternalCollect(MaxGeneration); }

        public static void Collect(int generation)
        {
            CheckGeneration(generation);
            InternalCollect(generation);
        }

        public static int CollectionCount(int generation)
        {
            CheckGeneration(generation);
            return GetCount(generation);
        }

        public static int GetGeneration(object o)
        {
            if (o == null)
                throw new ArgumentNullException("obj");
            return GenerationOf(o);
        }

        static void CheckGeneration(int generation)
        {
            if (generation < 0)
                throw new ArgumentOutOfRangeException("generation");
        }

        public static long GetTotalMemory(bool collects)
        {
            if (collects)
                Collect();
            return GetTotalBytes();
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        public static void KeepAlive(object o) { }
    }

    public static class Nullable
    {
        public static Type GetUnderlyingType(Type nullableType)
        {
            bool isNullable = nullableType.IsGenericType && nullableType.GetGenericTypeDefinition() == typeof(Nullable<>);
            return isNullable ? nullableType.GetGenericArguments()[0] : null;
        }

        public static int Compare<T>(T? n1, T? n2) where T : struct { return Collections.Generic.Comparer<T?>.Default.Compare(n1, n2); }
        public static bool Equals<T>(T? n1, T? n2) where T : struct { return Collections.Generic.EqualityComparer<T?>.Default.Equals(n1, n2); }
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

        public override bool Equals(object other) { return has ? other != null && value.Equals(other) : other == null; }
        public override int GetHashCode() { return has ? value.GetHashCode() : 0; }
        public override string ToString() { return has ? value.ToString() : ""; }

        public static implicit operator Nullable<T>(T value) { return new Nullable<T>(value); }
        public static explicit operator T(Nullable<T> value) { return value.Value; }
    }
}

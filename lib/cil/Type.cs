// SPDX-License-Identifier: MIT
//
// Types as objects. A program is compiled as a whole, so a type that it makes at run time must be one that it contains.
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace System
{
    public abstract class Type : MemberInfo
    {
        public static readonly Type[] EmptyTypes = new Type[0];

        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern Type GetTypeFromHandle(RuntimeTypeHandle handle);

        public abstract string FullName { get; }
        public abstract bool IsEnum { get; }
        public abstract bool IsValueType { get; }
        public abstract bool IsArray { get; }
        public abstract bool IsInterface { get; }
        public abstract bool IsAbstract { get; }
        public abstract bool IsSealed { get; }
        public abstract bool IsGenericType { get; }
        public abstract bool IsGenericTypeDefinition { get; }
        public abstract bool IsPrimitive { get; }
        public abstract bool IsByRef { get; }
        public abstract bool IsPointer { get; }
        public abstract Type BaseType { get; }
        public abstract Type GetElementType();
        public abstract int GetArrayRank();
        public abstract Type[] GetGenericArguments();
        public abstract Type GetGenericTypeDefinition();
        public abstract Type MakeGenericType(params Type[] arguments);
        public abstract bool IsAssignableFrom(Type other);
        protected abstract TypeCode GetTypeCodeImpl();
        internal abstract bool HasReferences { get; }
        internal abstract bool HasFinalizer { get; }

        public override MemberTypes MemberType { get { return IsNested ? MemberTypes.NestedType : MemberTypes.TypeInfo; } }
        public bool IsClass { get { return !IsValueType && !IsInterface; } }
        public bool IsNested { get { return DeclaringType != null; } }
        public static TypeCode GetTypeCode(Type type) { return type == null ? TypeCode.Empty : type.GetTypeCodeImpl(); }
        public bool IsInstanceOfType(object o) { return o != null && IsAssignableFrom(o.GetType()); }

        public bool IsSubclassOf(Type other)
        {
            for (Type t = BaseType; t != null; t = t.BaseType)
                if (t == other)
                    return true;
            return IsInterface && other == typeof(object);
        }

        // ---- Methods ----

        const BindingFlags Usual = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static;

        public abstract MethodInfo[] GetMethods(BindingFlags flags);
        public abstract ConstructorInfo[] GetConstructors(BindingFlags flags);
        internal abstract MethodInfo FindMethod(string name, BindingFlags flags, Type[] types);

        public MethodInfo[] GetMethods() { return GetMethods(Usual); }
        public ConstructorInfo[] GetConstructors() { return GetConstructors(BindingFlags.Public | BindingFlags.Instance); }
        public MethodInfo GetMethod(string name) { return FindMethod(name, Usual, null); }
        public MethodInfo GetMethod(string name, BindingFlags flags) { return FindMethod(name, flags, null); }

        public MethodInfo GetMethod(string name, Type[] types)
        {
            if (types == null)
                throw new ArgumentNullException("types");
            return FindMethod(name, Usual, types);
        }

        public ConstructorInfo GetConstructor(Type[] types)
        {
            if (types == null)
                throw new ArgumentNullException("types");
            foreach (ConstructorInfo constructor in GetConstructors())
                if (Members.AreEqual(constructor.Types(), types))
                    return constructor;
            return null;
        }

        // Without the namespace and the classes around it. The names of type arguments have dots, too.
        public override string Name
        {
            get
            {
                string name = FullName;
                int start = 0, end = 0, rest = name.Length;
                for (; end < name.Length && !AreArgumentsAt(name, end); end++)
                    if (name[end] == '.' || name[end] == '+')
                        start = end + 1;
                for (int depth = 0, n = end; n < name.Length && rest == name.Length; n++)
                {
                    depth += name[n] == '[' ? 1 : name[n] == ']' ? -1 : 0;
                    rest = depth == 0 ? n + 1 : rest;
                }
                return String.Concat(name.Substring(start, end - start), name.Substring(rest));
            }
        }

        // The brackets of an array have no name inside.
        static bool AreArgumentsAt(string name, int at)
        {
            return name[at] == '[' && name[at + 1] != ']' && name[at + 1] != ',' && name[at + 1] != '*';
        }

        public string Namespace
        {
            get
            {
                int end = FullName.IndexOf(Name.TrimEnd('[', ',', ']')) - 1;
                return end <= 0 || DeclaringType != null ? (DeclaringType == null ? null : DeclaringType.Namespace) : FullName.Substring(0, end);
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
        const int EnumBit = 0x100, ValueBit = 0x200, ArrayBit = 0x400, InterfaceBit = 0x800, AbstractBit = 0x1000;
        const int SealedBit = 0x2000, GenericBit = 0x4000, OpenBit = 0x8000, ReferencesBit = 0x10000, PrimitiveBit = 0x20000;
        const int FinalizerBit = 0x40000, ByRefBit = 0x80000, PointerBit = 0x100000, RankShift = 24;

        // Relatives: the numbers of arguments come after these.
        const int Base = 0, Owner = 1, Element = 2, Definition = 3, FirstArgument = 4;

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern string NameOf(RuntimeType type);

        // A TypeCode, and the bits above.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int TraitsOf(RuntimeType type);

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern Type RelativeOf(RuntimeType type, int which);

        // Whether objects of a type are of another one.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern bool Accepts(RuntimeType type, Type other);

        // Returns null if the program does not contain this type.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern Type InstanceOf(RuntimeType type, Type[] arguments);

        // Of the methods and constructors that the type itself defines, by their number. 0: there are not as many; -1: those
        // of this type are not known.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int MemberAt(RuntimeType type, int n);

        // Of a method or constructor; 0: of the type. 0: there are not as many; -1: they are not known.
        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern int AttributeAt(RuntimeType type, int member, int n);

        internal override int AttributeAt(int n) { return AttributeAt(this, 0, n); }
        internal override MemberInfo Overridden() { return BaseType; }

        bool Has(int bit) { return (TraitsOf(this) & bit) != 0; }

        public override string FullName { get { return NameOf(this); } }
        public override bool IsEnum { get { return Has(EnumBit); } }
        public override bool IsValueType { get { return Has(ValueBit); } }
        public override bool IsArray { get { return Has(ArrayBit); } }
        public override bool IsInterface { get { return Has(InterfaceBit); } }
        public override bool IsAbstract { get { return Has(AbstractBit); } }
        public override bool IsSealed { get { return Has(SealedBit); } }
        public override bool IsGenericType { get { return Has(GenericBit); } }
        public override bool IsGenericTypeDefinition { get { return Has(OpenBit); } }
        public override bool IsPrimitive { get { return Has(PrimitiveBit); } }
        public override bool IsByRef { get { return Has(ByRefBit); } }
        public override bool IsPointer { get { return Has(PointerBit); } }
        internal override bool HasReferences { get { return Has(ReferencesBit); } }
        internal override bool HasFinalizer { get { return Has(FinalizerBit); } }
        public override Type BaseType { get { return RelativeOf(this, Base); } }
        public override Type DeclaringType { get { return RelativeOf(this, Owner); } }
        public override Type GetElementType() { return RelativeOf(this, Element); }

        public override int GetArrayRank()
        {
            if (!IsArray)
                throw new ArgumentException("The type is no array.");
            return TraitsOf(this) >> RankShift;
        }

        // ---- Methods ----

        internal List<int> MembersWith(BindingFlags flags, bool isInherited)
        {
            List<int> all = new List<int>();
            int member;
            for (int n = 0; (member = MemberAt(this, n)) != 0; n++)
            {
                if (member == -1)
                    throw new NotSupportedException(String.Concat("The program does not contain the members of ", FullName, "."));
                if (Members.Fits(Members.AttributesOf(member), flags, isInherited))
                    all.Add(member);
            }
            return all;
        }

        // Of a method that is overridden only the override counts.
        static bool IsOverridden(int member, List<int> all, int count)
        {
            if ((Members.AttributesOf(member) & MethodAttributes.Virtual) == 0)
                return false;
            for (int n = 0; n < count; n++)
            {
                MethodAttributes kind = Members.AttributesOf(all[n]) & (MethodAttributes.Virtual | MethodAttributes.NewSlot);
                if (kind == MethodAttributes.Virtual && Members.Override(all[n], member))
                    return true;
            }
            return false;
        }

        List<int> Methods(BindingFlags flags, string name)
        {
            List<int> all = new List<int>();
            for (Type type = this; type != null; type = type.BaseType)
            {
                int before = all.Count;
                foreach (int member in ((RuntimeType)type).MembersWith(flags, type != this))
                    if (name == null ? !Members.IsConstructor(member) : Members.NameOf(member) == name)
                        if (!IsOverridden(member, all, before))
                            all.Add(member);
                if ((flags & BindingFlags.DeclaredOnly) != 0)
                    break;
            }
            return all;
        }

        public override MethodInfo[] GetMethods(BindingFlags flags)
        {
            List<MethodInfo> all = new List<MethodInfo>();
            foreach (int member in Methods(flags, null))
                all.Add(new RuntimeMethod(member));
            return all.ToArray();
        }

        public override ConstructorInfo[] GetConstructors(BindingFlags flags)
        {
            List<ConstructorInfo> all = new List<ConstructorInfo>();
            foreach (int member in MembersWith(flags, false))
                if (Members.IsConstructor(member))
                    all.Add(new RuntimeConstructor(member));
            return all.ToArray();
        }

        // The one with these types of parameters, or the only one. One that hides another counts before it.
        internal override MethodInfo FindMethod(string name, BindingFlags flags, Type[] types)
        {
            if (name == null)
                throw new ArgumentNullException("name");
            if (types != null)
                foreach (Type type in types)
                    if (type == null)
                        throw new ArgumentNullException("types");
            if (IsArray && (name == "Get" || name == "Set") && types == null)
                return new ArrayMethod(this, name == "Set");
            int found = 0;
            foreach (int member in Methods(flags, name))
            {
                if (types != null && !Members.AreEqual(Members.TypesOf(member), types))
                    continue;
                if (found == 0)
                    found = member;
                else if (!Members.AreEqual(Members.TypesOf(member), Members.TypesOf(found)))
                    throw new AmbiguousMatchException();
            }
            return found == 0 ? null : new RuntimeMethod(found);
        }

        public override Type GetGenericTypeDefinition()
        {
            if (!IsGenericType)
                throw new InvalidOperationException("The type has no type arguments.");
            return RelativeOf(this, Definition);
        }

        // Of a definition: none, because type parameters are no types here.
        public override Type[] GetGenericArguments()
        {
            List<Type> arguments = new List<Type>();
            Type argument;
            for (int n = FirstArgument; (argument = RelativeOf(this, n)) != null; n++)
                arguments.Add(argument);
            return arguments.ToArray();
        }

        public override Type MakeGenericType(params Type[] arguments)
        {
            if (arguments == null)
                throw new ArgumentNullException("arguments");
            foreach (Type argument in arguments)
                if (argument == null)
                    throw new ArgumentNullException("arguments");
            if (!IsGenericTypeDefinition)
                throw new InvalidOperationException("The type is no definition of a generic type.");
            Type instance = InstanceOf(this, arguments);
            if (instance == null)
                throw new NotSupportedException(String.Concat("The program does not contain this ", FullName, "."));
            return instance;
        }

        public override bool IsAssignableFrom(Type other) { return other != null && Accepts(this, other); }

        protected override TypeCode GetTypeCodeImpl()
        {
            return this == typeof(decimal) ? TypeCode.Decimal : this == typeof(DateTime) ? TypeCode.DateTime
                   : (TypeCode)(TraitsOf(this) & 0xff);
        }
    }

    public class MemberAccessException : SystemException
    {
        public MemberAccessException() : base("The member cannot be used.") { }
        public MemberAccessException(string message) : base(message) { }
        public MemberAccessException(string message, Exception inner) : base(message, inner) { }
    }

    public class MissingMemberException : MemberAccessException
    {
        public MissingMemberException() : base("The member is not there.") { }
        public MissingMemberException(string message) : base(message) { }
        public MissingMemberException(string message, Exception inner) : base(message, inner) { }
    }

    public class MissingMethodException : MissingMemberException
    {
        public MissingMethodException() : base("The method is not there.") { }
        public MissingMethodException(string message) : base(message) { }
        public MissingMethodException(string message, Exception inner) : base(message, inner) { }
    }

    public static class Activator
    {
        const int NoConstructor = 0, OnlyZero = -1;

        // The number of the public constructor without parameters, or one of the above.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int ConstructorOf(Type type);

        // All zero, and not registered for finalization.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern object Allocate(Type type);

        // All zero. It is registered for finalization.
        internal static object Make(Type type)
        {
            object o = Allocate(type);
            if (type.HasFinalizer)
                GC.Register(o);
            return o;
        }

        static Exception Missing(Type type)
        {
            return new MissingMethodException(String.Concat("No public constructor of ", type.FullName, " is without parameters."));
        }

        public static object CreateInstance(Type type)
        {
            if (type == null)
                throw new ArgumentNullException("type");
            int constructor = ConstructorOf(type);
            if (constructor == NoConstructor)
                throw Missing(type);
            object o = Make(type);
            if (constructor != OnlyZero)
                Delegate.Run(o, constructor);
            return o;
        }

        // `new T()` of C#. The compiler replaces calls by the constructor, if there is one.
        public static T CreateInstance<T>() { throw Missing(typeof(T)); }
    }
}

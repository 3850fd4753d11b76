// SPDX-License-Identifier: MIT
//
// Methods and constructors as objects. A program is compiled as a whole: it contains all methods of its own types, and of the
// core library those whose names are literals in it.
using System.Collections.Generic;
using System.Runtime.CompilerServices;

namespace System.Reflection
{
    [Flags]
    public enum BindingFlags
    {
        Default = 0, IgnoreCase = 1, DeclaredOnly = 2, Instance = 4, Static = 8, Public = 16, NonPublic = 32,
        FlattenHierarchy = 64, InvokeMethod = 256, CreateInstance = 512,
    }

    [Flags]
    public enum MemberTypes
    {
        Constructor = 1, Event = 2, Field = 4, Method = 8, Property = 16, TypeInfo = 32, Custom = 64, NestedType = 128, All = 191
    }

    [Flags]
    public enum MethodAttributes
    {
        MemberAccessMask = 7, PrivateScope = 0, Private = 1, FamANDAssem = 2, Assembly = 3, Family = 4, FamORAssem = 5, Public = 6,
        Static = 16, Final = 32, Virtual = 64, HideBySig = 128, NewSlot = 256, CheckAccessOnOverride = 512, Abstract = 1024,
        SpecialName = 2048, RTSpecialName = 4096, PinvokeImpl = 8192,
    }

    public interface ICustomAttributeProvider
    {
        object[] GetCustomAttributes(bool inherit);
        object[] GetCustomAttributes(Type attributeType, bool inherit);
        bool IsDefined(Type attributeType, bool inherit);
    }

    public static class CustomAttributeExtensions
    {
        public static T GetCustomAttribute<T>(this MemberInfo element) where T : Attribute { return element.GetCustomAttribute<T>(true); }
        public static T GetCustomAttribute<T>(this MemberInfo element, bool inherit) where T : Attribute
        {
            return (T)Attribute.GetCustomAttribute(element, typeof(T), inherit);
        }
        public static IEnumerable<T> GetCustomAttributes<T>(this MemberInfo element) where T : Attribute
        {
            return element.GetCustomAttributes<T>(true);
        }
        public static IEnumerable<T> GetCustomAttributes<T>(this MemberInfo element, bool inherit) where T : Attribute
        {
            return (T[])Attribute.GetCustomAttributes(element, typeof(T), inherit);
        }
        public static Attribute GetCustomAttribute(this MemberInfo element, Type type) { return Attribute.GetCustomAttribute(element, type); }
        public static bool IsDefined(this MemberInfo element, Type type) { return Attribute.IsDefined(element, type); }
    }

    public abstract class MemberInfo : ICustomAttributeProvider
    {
        // The number of an attribute. 0: there are not as many; -1: they are not known.
        internal virtual int AttributeAt(int n) { return 0; }

        // What it inherits attributes from, or null.
        internal virtual MemberInfo Overridden() { return null; }

        public virtual object[] GetCustomAttributes(bool inherit) { return Attribute.Find(this, null, inherit); }
        public virtual object[] GetCustomAttributes(Type attributeType, bool inherit)
        {
            return Attribute.FindSome(this, attributeType, inherit);
        }
        public virtual bool IsDefined(Type attributeType, bool inherit) { return Attribute.IsDefined(this, attributeType, inherit); }

        public abstract string Name { get; }
        public abstract Type DeclaringType { get; }
        public abstract MemberTypes MemberType { get; }
        public virtual Type ReflectedType { get { return DeclaringType; } }

        public override bool Equals(object other) { return ReferenceEquals(this, other); }
        public override int GetHashCode() { return RuntimeHelpers.GetHashCode(this); }
        public static bool operator ==(MemberInfo a, MemberInfo b)
        {
            return ReferenceEquals(a, b) || (!ReferenceEquals(a, null) && a.Equals(b));
        }
        public static bool operator !=(MemberInfo a, MemberInfo b) { return !(a == b); }
    }

    public class ParameterInfo
    {
        readonly MemberInfo member;
        readonly Type type;
        readonly string name;
        readonly int position;

        internal ParameterInfo(MemberInfo member, Type type, string name, int position)
        {
            this.member = member;
            this.type = type;
            this.name = name;
            this.position = position;
        }

        public virtual MemberInfo Member { get { return member; } }
        public virtual string Name { get { return name; } }
        public virtual int Position { get { return position; } }
        public virtual Type ParameterType { get { return Members.Known(type); } }
        public override string ToString() { return String.Concat(ParameterType.ToString(), " ", name); }
    }

    public abstract class MethodBase : MemberInfo
    {
        public abstract MethodAttributes Attributes { get; }
        public abstract ParameterInfo[] GetParameters();
        public abstract object Invoke(object target, object[] arguments);

        bool Has(MethodAttributes bit) { return (Attributes & bit) != 0; }
        MethodAttributes Access { get { return Attributes & MethodAttributes.MemberAccessMask; } }

        public bool IsStatic { get { return Has(MethodAttributes.Static); } }
        public bool IsVirtual { get { return Has(MethodAttributes.Virtual); } }
        public bool IsAbstract { get { return Has(MethodAttributes.Abstract); } }
        public bool IsFinal { get { return Has(MethodAttributes.Final); } }
        public bool IsSpecialName { get { return Has(MethodAttributes.SpecialName); } }
        public bool IsHideBySig { get { return Has(MethodAttributes.HideBySig); } }
        public bool IsPublic { get { return Access == MethodAttributes.Public; } }
        public bool IsPrivate { get { return Access == MethodAttributes.Private; } }
        public bool IsFamily { get { return Access == MethodAttributes.Family; } }
        public bool IsAssembly { get { return Access == MethodAttributes.Assembly; } }
        public bool IsConstructor { get { return MemberType == MemberTypes.Constructor && !IsStatic; } }
        public virtual bool IsGenericMethod { get { return false; } }
        public virtual bool IsGenericMethodDefinition { get { return false; } }
        public virtual bool ContainsGenericParameters { get { return IsGenericMethodDefinition || DeclaringType.IsGenericTypeDefinition; } }
        public virtual Type[] GetGenericArguments() { return Type.EmptyTypes; }

        // The compiler replaces calls.
        public static MethodBase GetCurrentMethod() { return null; }
        internal static MethodBase At(int member) { return member == 0 ? null : Members.Make(member); }

        // Those of the parameters; null stands for one that contains type parameters.
        internal virtual Type[] Types()
        {
            ParameterInfo[] parameters = GetParameters();
            Type[] types = new Type[parameters.Length];
            for (int n = 0; n < types.Length; n++)
                types[n] = parameters[n].ParameterType;
            return types;
        }
    }

    public abstract class MethodInfo : MethodBase
    {
        public override MemberTypes MemberType { get { return MemberTypes.Method; } }
        public abstract Type ReturnType { get; }

        public virtual MethodInfo MakeGenericMethod(params Type[] arguments)
        {
            throw new InvalidOperationException("The method has no type parameters.");
        }

        public virtual Delegate CreateDelegate(Type type) { return Delegate.CreateDelegate(type, null, this, true); }
        public virtual Delegate CreateDelegate(Type type, object target) { return Delegate.CreateDelegate(type, target, this, true); }

        public virtual MethodInfo GetGenericMethodDefinition()
        {
            throw new InvalidOperationException("The method has no type parameters.");
        }
    }

    public abstract class ConstructorInfo : MethodBase
    {
        public static readonly string ConstructorName = ".ctor", TypeConstructorName = ".cctor";

        public override MemberTypes MemberType { get { return MemberTypes.Constructor; } }
        public abstract object Invoke(object[] arguments);
    }

    // A number stands for a method or a constructor.
    static class Members
    {
        const int Owner = 0, Result = 1, FirstParameter = 2, FirstArgument = 0x10000;

        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern string NameOf(int member);

        // MethodAttributes; from bit 16 on the number of parameters; from bit 32 on that of type parameters; bit 48: they have
        // arguments.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern long TraitsOf(int member);

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern Type TypeAt(int member, int which);

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern string ParameterName(int member, int n);

        // What calls it, in the upper half, and its own number in the lower one; 0: not in the program; -1: wrong target.
        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern long EntryOf(int member, object target);

        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern int InstanceOf(int member, Type[] arguments);

        internal static MethodAttributes AttributesOf(int member) { return (MethodAttributes)(TraitsOf(member) & 0xffff); }
        internal static int Parameters(int member) { return (int)(TraitsOf(member) >> 16 & 0xffff); }
        internal static bool IsGeneric(int member) { return (TraitsOf(member) >> 32 & 0xffff) != 0; }
        internal static bool HasArguments(int member) { return TraitsOf(member) >> 48 != 0; }
        internal static Type OwnerOf(int member) { return TypeAt(member, Owner); }
        internal static Type ResultOf(int member) { return TypeAt(member, Result); }

        internal static Type[] ArgumentsOf(int member)
        {
            if (!HasArguments(member))
                return Type.EmptyTypes; // type parameters are no types here
            Type[] types = new Type[(int)(TraitsOf(member) >> 32 & 0xffff)];
            for (int n = 0; n < types.Length; n++)
                types[n] = TypeAt(member, FirstArgument + n);
            return types;
        }

        internal static Type Known(Type type)
        {
            if (ReferenceEquals(type, null))
                throw new NotSupportedException("Types with type parameters are no objects.");
            return type;
        }

        internal static Type[] TypesOf(int member)
        {
            Type[] types = new Type[Parameters(member)];
            for (int n = 0; n < types.Length; n++)
                types[n] = TypeAt(member, FirstParameter + n);
            return types;
        }

        internal static ParameterInfo[] ParametersOf(int member, MemberInfo of)
        {
            Type[] types = TypesOf(member);
            ParameterInfo[] all = new ParameterInfo[types.Length];
            for (int n = 0; n < all.Length; n++)
                all[n] = new ParameterInfo(of, types[n], ParameterName(member, n), n);
            return all;
        }

        internal static bool IsConstructor(int member)
        {
            string name = NameOf(member);
            return name == ".ctor" || name == ".cctor";
        }

        internal static MethodBase Make(int member)
        {
            return IsConstructor(member) ? (MethodBase)new RuntimeConstructor(member) : new RuntimeMethod(member);
        }

        // Does it have this access, and is it static or not, as the flags say? Of a base class, only what is inherited.
        internal static bool Fits(MethodAttributes found, BindingFlags flags, bool isInherited)
        {
            MethodAttributes access = found & MethodAttributes.MemberAccessMask;
            bool isStatic = (found & MethodAttributes.Static) != 0, isPublic = access == MethodAttributes.Public;
            BindingFlags wanted = (isStatic ? BindingFlags.Static : BindingFlags.Instance)
                                  | (isPublic ? BindingFlags.Public : BindingFlags.NonPublic);
            if ((flags & wanted) != wanted)
                return false;
            return !isInherited || (access != MethodAttributes.Private && (!isStatic || (flags & BindingFlags.FlattenHierarchy) != 0));
        }

        internal static bool AreEqual(Type[] a, Type[] b)
        {
            bool isEqual = a.Length == b.Length;
            for (int n = 0; isEqual && n < a.Length; n++)
                isEqual = !ReferenceEquals(a[n], null) && a[n] == b[n];
            return isEqual;
        }

        // Have overrides the same types? Those with type parameters are all null.
        internal static bool Override(int member, int other)
        {
            Type[] a = TypesOf(member), b = TypesOf(other);
            bool isSame = a.Length == b.Length && NameOf(member) == NameOf(other);
            for (int n = 0; isSame && n < a.Length; n++)
                isSame = a[n] == b[n];
            return isSame;
        }

        static string ShortText(Type type)
        {
            if (ReferenceEquals(type, null))
                return "?";
            if (type.IsByRef)
                return String.Concat(ShortText(type.GetElementType()), " ByRef");
            Type root = type;
            while (root.IsArray)
                root = root.GetElementType();
            return root.IsPrimitive || root.IsNested || root == typeof(void) ? type.Name : type.FullName;
        }

        internal static string TextOf(MethodBase method, Type result)
        {
            string text = String.Concat(ShortText(result), " ", method.Name, "(");
            Type[] types = method.Types();
            for (int n = 0; n < types.Length; n++)
                text = String.Concat(text, n == 0 ? "" : ", ", ShortText(types[n]));
            return String.Concat(text, ")");
        }

        // ---- Calls ----

        delegate object Adapter(object[] arguments, long number);

        static object Nothing(object[] arguments, long number) { return null; }

        static int SizeOf(TypeCode code) { return code == TypeCode.Char ? 1 : ((int)code - (int)TypeCode.SByte) / 2; }
        static bool IsSigned(TypeCode code) { return code != TypeCode.Char && ((int)code & 1) != 0; }

        // A number that fits any number of the other type becomes one.
        static object Widen(object value, TypeCode from, TypeCode to)
        {
            if (from < TypeCode.Char || from > TypeCode.Single || to < TypeCode.Char || to > TypeCode.Double)
                return value;
            if (from == TypeCode.Single)
                return to == TypeCode.Double ? (double)(float)value : value;
            if (to >= TypeCode.Single)
            {
                double real = from == TypeCode.UInt64 ? (double)(ulong)value : (double)Integer(value, from);
                float small = from == TypeCode.UInt64 ? (float)(ulong)value : (float)Integer(value, from);
                return to == TypeCode.Double ? real : (object)small;
            }
            bool isSame = SizeOf(from) == SizeOf(to) && !IsSigned(from) && !IsSigned(to);
            if (!isSame && (SizeOf(from) >= SizeOf(to) || (IsSigned(from) && !IsSigned(to))))
                return value;
            long integer = Integer(value, from);
            switch (to)
            {
            case TypeCode.Char: return (char)integer;
            case TypeCode.Int16: return (short)integer;
            case TypeCode.UInt16: return (ushort)integer;
            case TypeCode.Int32: return (int)integer;
            case TypeCode.UInt32: return (uint)integer;
            case TypeCode.Int64: return integer;
            case TypeCode.UInt64: return (ulong)integer;
            default: return value;
            }
        }

        static long Integer(object value, TypeCode code)
        {
            switch (code)
            {
            case TypeCode.Char: return (char)value;
            case TypeCode.SByte: return (sbyte)value;
            case TypeCode.Byte: return (byte)value;
            case TypeCode.Int16: return (short)value;
            case TypeCode.UInt16: return (ushort)value;
            case TypeCode.Int32: return (int)value;
            case TypeCode.UInt32: return (uint)value;
            case TypeCode.UInt64: return (long)(ulong)value;
            default: return (long)value;
            }
        }

        static object Adjust(object value, Type type)
        {
            if (type.IsByRef)
                type = type.GetElementType();
            if (value == null || value.GetType() == type || !type.IsPrimitive || !value.GetType().IsPrimitive)
                return value;
            return Widen(value, Type.GetTypeCode(value.GetType()), Type.GetTypeCode(type));
        }

        // The adapter unpacks the arguments. It stores into the last element right before the call.
        internal static object Call(int member, object target, object[] arguments)
        {
            Type[] types = TypesOf(member);
            int given = arguments == null ? 0 : arguments.Length;
            long entry = EntryOf(member, target);
            if (entry == -1)
                throw new TargetException(target == null ? "The method is not static, and has no object."
                                                         : "The object is not of the type of the method.");
            if (given != types.Length)
                throw new TargetParameterCountException();
            if (entry == 0)
                throw new NotSupportedException(String.Concat("The program does not contain ", NameOf(member), " to call it by reflection."));
            object[] copy = new object[given + 1];
            for (int n = 0; n < given; n++)
                copy[n] = Adjust(arguments[n], types[n]);
            object result;
            try
            {
                result = Delegate.Retarget(new Adapter(Nothing), target, entry >> 32)(copy, entry & 0xffffffff);
            }
            catch (Exception e)
            {
                if (copy[given] == null)
                    throw new ArgumentException("An argument is not of the type of its parameter.", e);
                throw new TargetInvocationException(e);
            }
            for (int n = 0; n < given; n++)
                if (types[n].IsByRef)
                    arguments[n] = copy[n];
            return result;
        }
    }

    sealed class RuntimeMethod : MethodInfo
    {
        readonly int member;

        internal RuntimeMethod(int member) { this.member = member; }

        internal int Member { get { return member; } }
        internal override int AttributeAt(int n) { return RuntimeType.AttributeAt((RuntimeType)DeclaringType, member, n); }

        internal override MemberInfo Overridden()
        {
            const BindingFlags all = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
            if ((Attributes & (MethodAttributes.Virtual | MethodAttributes.NewSlot)) != MethodAttributes.Virtual)
                return null;
            for (Type type = DeclaringType.BaseType; type != null; type = type.BaseType)
                foreach (int other in ((RuntimeType)type).MembersWith(all, true))
                    if ((Members.AttributesOf(other) & MethodAttributes.Virtual) != 0 && Members.Override(other, member))
                        return new RuntimeMethod(other);
            return null;
        }

        public override string Name { get { return Members.NameOf(member); } }
        public override Type DeclaringType { get { return Members.OwnerOf(member); } }
        public override MethodAttributes Attributes { get { return Members.AttributesOf(member); } }
        public override Type ReturnType { get { return Members.Known(Members.ResultOf(member)); } }
        public override bool IsGenericMethod { get { return Members.IsGeneric(member); } }
        public override bool IsGenericMethodDefinition { get { return IsGenericMethod && !Members.HasArguments(member); } }
        public override ParameterInfo[] GetParameters() { return Members.ParametersOf(member, this); }
        public override Type[] GetGenericArguments() { return Members.ArgumentsOf(member); }
        internal override Type[] Types() { return Members.TypesOf(member); }
        public override string ToString() { return Members.TextOf(this, Members.ResultOf(member)); }
        public override int GetHashCode() { return member; }

        public override bool Equals(object other)
        {
            RuntimeMethod method = other as RuntimeMethod;
            return !ReferenceEquals(method, null) && method.member == member;
        }

        public override object Invoke(object target, object[] arguments)
        {
            if (ContainsGenericParameters)
                throw new InvalidOperationException("The method has type parameters.");
            return Members.Call(member, target, arguments);
        }

        public override MethodInfo MakeGenericMethod(params Type[] arguments)
        {
            if (arguments == null)
                throw new ArgumentNullException("arguments");
            foreach (Type argument in arguments)
                if (argument == null)
                    throw new ArgumentNullException("arguments");
            if (!IsGenericMethodDefinition)
                throw new InvalidOperationException("The method has no type parameters.");
            int instance = Members.InstanceOf(member, arguments);
            if (instance == 0)
                throw new NotSupportedException(String.Concat("The program does not contain ", Name, " with these type arguments."));
            return new RuntimeMethod(instance);
        }
    }

    sealed class RuntimeConstructor : ConstructorInfo
    {
        readonly int member;

        internal RuntimeConstructor(int member) { this.member = member; }

        internal override int AttributeAt(int n) { return RuntimeType.AttributeAt((RuntimeType)DeclaringType, member, n); }
        public override string Name { get { return Members.NameOf(member); } }
        public override Type DeclaringType { get { return Members.OwnerOf(member); } }
        public override MethodAttributes Attributes { get { return Members.AttributesOf(member); } }
        public override ParameterInfo[] GetParameters() { return Members.ParametersOf(member, this); }
        internal override Type[] Types() { return Members.TypesOf(member); }
        public override string ToString() { return Members.TextOf(this, typeof(void)); }
        public override int GetHashCode() { return member; }

        public override bool Equals(object other)
        {
            RuntimeConstructor constructor = other as RuntimeConstructor;
            return !ReferenceEquals(constructor, null) && constructor.member == member;
        }

        public override object Invoke(object target, object[] arguments) { return Members.Call(member, target, arguments); }

        public override object Invoke(object[] arguments)
        {
            Type type = DeclaringType;
            if (type.IsAbstract || IsStatic)
                throw new MemberAccessException("The type is abstract, or the constructor is static.");
            if (type == typeof(string) || type.IsGenericTypeDefinition || type.BaseType == typeof(MulticastDelegate))
                throw new NotSupportedException("This constructor cannot be called by reflection.");
            object made = Activator.Make(type);
            Members.Call(member, made, arguments);
            return made;
        }
    }

    // Get and Set of arrays, which no file defines.
    sealed class ArrayMethod : MethodInfo
    {
        readonly Type type;
        readonly bool isSet;

        internal ArrayMethod(Type type, bool isSet)
        {
            this.type = type;
            this.isSet = isSet;
        }

        public override string Name { get { return isSet ? "Set" : "Get"; } }
        public override Type DeclaringType { get { return type; } }
        public override MethodAttributes Attributes { get { return MethodAttributes.Public; } }
        public override Type ReturnType { get { return isSet ? typeof(void) : type.GetElementType(); } }

        public override ParameterInfo[] GetParameters()
        {
            int rank = type.GetArrayRank();
            ParameterInfo[] all = new ParameterInfo[isSet ? rank + 1 : rank];
            for (int n = 0; n < all.Length; n++)
                all[n] = new ParameterInfo(this, n < rank ? typeof(int) : type.GetElementType(), "", n);
            return all;
        }

        public override object Invoke(object target, object[] arguments)
        {
            Array array = target as Array;
            if (array == null || array.GetType() != type)
                throw new TargetException("The object is no such array.");
            if (arguments == null || arguments.Length != array.Rank + (isSet ? 1 : 0))
                throw new TargetParameterCountException();
            int[] indices = new int[array.Rank];
            for (int n = 0; n < indices.Length; n++)
            {
                if (!(arguments[n] is int))
                    throw new ArgumentException("An index is no integer.");
                indices[n] = (int)arguments[n];
            }
            try
            {
                if (!isSet)
                    return array.GetValue(indices);
                array.SetValue(arguments[indices.Length], indices);
                return null;
            }
            catch (IndexOutOfRangeException e)
            {
                throw new TargetInvocationException(e);
            }
        }
    }

    public class TargetException : ApplicationException
    {
        public TargetException() : base("The object of the call is wrong.") { }
        public TargetException(string message) : base(message) { }
        public TargetException(string message, Exception inner) : base(message, inner) { }
    }

    public sealed class TargetInvocationException : ApplicationException
    {
        public TargetInvocationException(Exception inner) : base("The method has thrown an exception.", inner) { }
        public TargetInvocationException(string message, Exception inner) : base(message, inner) { }
    }

    public sealed class TargetParameterCountException : ApplicationException
    {
        public TargetParameterCountException() : base("The method has another number of parameters.") { }
        public TargetParameterCountException(string message) : base(message) { }
        public TargetParameterCountException(string message, Exception inner) : base(message, inner) { }
    }

    public sealed class AmbiguousMatchException : SystemException
    {
        public AmbiguousMatchException() : base("Several members fit.") { }
        public AmbiguousMatchException(string message) : base(message) { }
        public AmbiguousMatchException(string message, Exception inner) : base(message, inner) { }
    }
}

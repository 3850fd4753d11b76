// SPDX-License-Identifier: MIT
//
// Attributes: as objects, and those that the compiler reads or writes. None of these has a meaning for the kernel.
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace System
{
    // The compiler has made a function of each attribute of the types and methods that the program has as objects. A number
    // stands for an attribute.
    [AttributeUsage(AttributeTargets.All, Inherited = true, AllowMultiple = false)]
    public abstract class Attribute
    {
        delegate object Maker();

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern Type TypeAt(int attribute);

        // The number of the function.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern long MakerAt(int attribute);

        // Returns null if the program does not contain this array.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern Array MakeArray(Type type, int length);

        static object Nothing() { return null; }
        static object Make(int attribute) { return Delegate.Retarget(new Maker(Nothing), null, MakerAt(attribute))(); }

        // Of a class of attributes: it inherits that from its base class.
        static AttributeUsageAttribute UsageOf(Type type)
        {
            for (; type != null; type = type.BaseType)
            {
                int attribute;
                for (int n = 0; (attribute = type.AttributeAt(n)) > 0; n++)
                    if (TypeAt(attribute) == typeof(AttributeUsageAttribute))
                        return (AttributeUsageAttribute)Make(attribute);
            }
            return new AttributeUsageAttribute(AttributeTargets.All);
        }

        static bool Has(List<int> all, Type type)
        {
            foreach (int attribute in all)
                if (TypeAt(attribute) == type)
                    return true;
            return false;
        }

        static bool IsInherited(List<int> all, Type type)
        {
            AttributeUsageAttribute usage = UsageOf(type);
            return usage.Inherited && (usage.AllowMultiple || !Has(all, type));
        }

        static List<int> Numbers(MemberInfo of, Type wanted, bool inherits)
        {
            List<int> all = new List<int>();
            for (MemberInfo member = of; member != null; member = inherits ? member.Overridden() : null)
            {
                int attribute;
                for (int n = 0; (attribute = member.AttributeAt(n)) != 0; n++)
                {
                    if (attribute < 0)
                        throw new NotSupportedException(String.Concat("The program does not contain the attributes of ", member.Name, "."));
                    Type type = TypeAt(attribute);
                    if (wanted == null || type == wanted || type.IsSubclassOf(wanted))
                        if (member == of || IsInherited(all, type))
                            all.Add(attribute);
                }
            }
            return all;
        }

        static void Check(MemberInfo member, Type type)
        {
            if (member == null)
                throw new ArgumentNullException("element");
            if (type == null)
                throw new ArgumentNullException("attributeType");
            if (type != typeof(Attribute) && !type.IsSubclassOf(typeof(Attribute)))
                throw new ArgumentException("The type is none of attributes.");
        }

        // The array has the type that was asked for. @param wanted null: all.
        internal static object[] Find(MemberInfo of, Type wanted, bool inherits)
        {
            List<int> numbers = Numbers(of, wanted, inherits);
            object[] all = wanted == null ? null : (object[])MakeArray(wanted, numbers.Count);
            if (all == null)
                all = new object[numbers.Count];
            for (int n = 0; n < all.Length; n++)
                all[n] = Make(numbers[n]);
            return all;
        }

        internal static object[] FindSome(MemberInfo of, Type wanted, bool inherits)
        {
            Check(of, wanted);
            return Find(of, wanted, inherits);
        }

        public static bool IsDefined(MemberInfo element, Type attributeType, bool inherit)
        {
            Check(element, attributeType);
            return Numbers(element, attributeType, inherit).Count != 0;
        }

        public static Attribute GetCustomAttribute(MemberInfo element, Type attributeType, bool inherit)
        {
            Check(element, attributeType);
            List<int> numbers = Numbers(element, attributeType, inherit);
            if (numbers.Count > 1)
                throw new AmbiguousMatchException();
            return numbers.Count == 0 ? null : (Attribute)Make(numbers[0]);
        }

        public static Attribute[] GetCustomAttributes(MemberInfo element, Type attributeType, bool inherit)
        {
            return (Attribute[])FindSome(element, attributeType, inherit);
        }

        public static bool IsDefined(MemberInfo element, Type type) { return IsDefined(element, type, true); }
        public static Attribute GetCustomAttribute(MemberInfo element, Type type) { return GetCustomAttribute(element, type, true); }
        public static Attribute[] GetCustomAttributes(MemberInfo element, Type type) { return GetCustomAttributes(element, type, true); }
        public static Attribute[] GetCustomAttributes(MemberInfo element) { return GetCustomAttributes(element, typeof(Attribute), true); }
    }

    [Flags]
    public enum AttributeTargets
    {
        Assembly = 1, Module = 2, Class = 4, Struct = 8, Enum = 16, Constructor = 32, Method = 64, Property = 128,
        Field = 256, Event = 512, Interface = 1024, Parameter = 2048, Delegate = 4096, ReturnValue = 8192,
        GenericParameter = 16384, All = 32767,
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class AttributeUsageAttribute : Attribute
    {
        public AttributeUsageAttribute(AttributeTargets targets)
        {
            ValidOn = targets;
            Inherited = true;
        }

        public AttributeTargets ValidOn { get; private set; }
        public bool AllowMultiple { get; set; }
        public bool Inherited { get; set; }
    }

    [AttributeUsage(AttributeTargets.Enum)]
    public sealed class FlagsAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class ParamArrayAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.All)]
    public sealed class ObsoleteAttribute : Attribute
    {
        public ObsoleteAttribute() { }
        public ObsoleteAttribute(string message) { Message = message; }
        public string Message { get; private set; }
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class ThreadStaticAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Enum | AttributeTargets.Delegate)]
    public sealed class SerializableAttribute : Attribute { }
}

namespace System.Diagnostics
{
    [AttributeUsage(AttributeTargets.All, AllowMultiple = true)]
    public sealed class DebuggerDisplayAttribute : Attribute
    {
        public DebuggerDisplayAttribute(string value) { Value = value; }
        public string Value { get; private set; }
        public string Name { get; set; }
        public string Type { get; set; }
    }

    public enum DebuggerBrowsableState { Never = 0, Collapsed = 2, RootHidden = 3 }

    [AttributeUsage(AttributeTargets.Field | AttributeTargets.Property)]
    public sealed class DebuggerBrowsableAttribute : Attribute
    {
        public DebuggerBrowsableAttribute(DebuggerBrowsableState state) { State = state; }
        public DebuggerBrowsableState State { get; private set; }
    }
}

namespace System.Reflection
{
    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Interface)]
    public sealed class DefaultMemberAttribute : Attribute
    {
        public DefaultMemberAttribute(string name) { MemberName = name; }
        public string MemberName { get; private set; }
    }

    [AttributeUsage(AttributeTargets.Assembly)]
    public sealed class AssemblyVersionAttribute : Attribute
    {
        public AssemblyVersionAttribute(string version) { }
    }
}

namespace System.Runtime.InteropServices
{
    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class OutAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class InAttribute : Attribute { }

    public enum LayoutKind { Sequential = 0, Explicit = 2, Auto = 3 }

    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct)]
    public sealed class StructLayoutAttribute : Attribute
    {
        public StructLayoutAttribute(LayoutKind kind) { }
        public int Pack;
        public int Size;
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class FieldOffsetAttribute : Attribute
    {
        public FieldOffsetAttribute(int offset) { }
    }
}

namespace System.Runtime.CompilerServices
{
    [Flags]
    public enum MethodImplOptions { NoInlining = 8, Synchronized = 32, AggressiveInlining = 256, InternalCall = 4096 }

    [AttributeUsage(AttributeTargets.Constructor | AttributeTargets.Method)]
    public sealed class MethodImplAttribute : Attribute
    {
        public MethodImplAttribute(MethodImplOptions options) { }
    }

    [AttributeUsage(AttributeTargets.All)]
    public sealed class CompilerGeneratedAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Property)]
    public sealed class IndexerNameAttribute : Attribute
    {
        public IndexerNameAttribute(string name) { }
    }

    [AttributeUsage(AttributeTargets.All)]
    public sealed class ExtensionAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
    public sealed class InternalsVisibleToAttribute : Attribute
    {
        public InternalsVisibleToAttribute(string assemblyName) { AssemblyName = assemblyName; }
        public string AssemblyName { get; }
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class FixedBufferAttribute : Attribute
    {
        public FixedBufferAttribute(Type type, int length) { }
    }

    [AttributeUsage(AttributeTargets.Struct)]
    public sealed class UnsafeValueTypeAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Assembly)]
    public sealed class RuntimeCompatibilityAttribute : Attribute
    {
        public bool WrapNonExceptionThrows { get; set; }
    }

    [AttributeUsage(AttributeTargets.Struct)]
    public sealed class IsReadOnlyAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Struct)]
    public sealed class IsByRefLikeAttribute : Attribute { }

    // What a constant of the type decimal is in a file.
    [AttributeUsage(AttributeTargets.Field | AttributeTargets.Parameter)]
    public sealed class DecimalConstantAttribute : Attribute
    {
        public DecimalConstantAttribute(byte scale, byte sign, uint high, uint middle, uint low)
        {
            Value = new decimal((int)low, (int)middle, (int)high, sign != 0, scale);
        }

        public decimal Value { get; private set; }
    }

    public static class IsVolatile { }

    public static class RuntimeHelpers
    {
        public static int OffsetToStringData { get { return 12; } }

        public static bool IsReferenceOrContainsReferences<T>() { return typeof(T).HasReferences; }

        // Copies a constant of the assembly into a new array.
        public static void InitializeArray(Array array, RuntimeFieldHandle from)
        {
            if (array == null)
                throw new ArgumentNullException("array");
            if (!FillArray(array, from.value))
                throw new ArgumentException("The field does not have the contents of such an array.");
        }

        // Returns false if the field has fewer bytes, or the elements are no numbers.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern bool FillArray(Array array, IntPtr from);

        // Stays the same while the object exists, wherever it is moved.
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int GetHashCode(object o);
    }
}

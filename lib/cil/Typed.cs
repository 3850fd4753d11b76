// SPDX-License-Identifier: MIT
namespace System
{
    // The address of a variable, and its type: what __makeref makes. The compiler knows the names of the fields.
    public struct TypedReference
    {
#pragma warning disable 0649, 0169
        IntPtr value;
        RuntimeTypeHandle type;
#pragma warning restore 0649, 0169

        public static Type GetTargetType(TypedReference value) { return Type.GetTypeFromHandle(value.type); }
        public static RuntimeTypeHandle TargetTypeToken(TypedReference value) { return value.type; }
        public override int GetHashCode() { return (int)(long)type.value; }
        public override bool Equals(object o) { throw new NotSupportedException("Typed references are not compared."); }
    }
}

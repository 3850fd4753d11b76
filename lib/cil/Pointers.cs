// SPDX-License-Identifier: MIT
//
// Addresses as numbers, and the memory that they lead to.
namespace System
{
    public unsafe struct IntPtr
    {
        public static readonly IntPtr Zero;

#pragma warning disable 0649
        void* value;
#pragma warning restore 0649

        public IntPtr(int value) { this.value = (void*)value; }
        public IntPtr(long value) { this.value = (void*)value; }
        public IntPtr(void* value) { this.value = value; }
        public static int Size { get { return 8; } }
        public int ToInt32() { return checked((int)value); }
        public long ToInt64() { return (long)value; }
        public void* ToPointer() { return value; }
        public override bool Equals(object other) { return other is IntPtr && value == ((IntPtr)other).value; }
        public override int GetHashCode() { return (int)value; }
        public override string ToString() { return Number.Signed((long)value); }
        public static bool operator ==(IntPtr a, IntPtr b) { return a.value == b.value; }
        public static bool operator !=(IntPtr a, IntPtr b) { return a.value != b.value; }
        public static explicit operator IntPtr(long value) { return new IntPtr(value); }
        public static explicit operator long(IntPtr p) { return (long)p.value; }
    }

    public unsafe struct UIntPtr
    {
        public static readonly UIntPtr Zero;

#pragma warning disable 0649
        void* value;
#pragma warning restore 0649

        public UIntPtr(uint value) { this.value = (void*)value; }
        public UIntPtr(ulong value) { this.value = (void*)value; }
        public static int Size { get { return 8; } }
        public ulong ToUInt64() { return (ulong)value; }
        public override bool Equals(object other) { return other is UIntPtr && value == ((UIntPtr)other).value; }
        public override int GetHashCode() { return (int)value; }
        public static bool operator ==(UIntPtr a, UIntPtr b) { return a.value == b.value; }
        public static bool operator !=(UIntPtr a, UIntPtr b) { return a.value != b.value; }
    }
}

namespace System.Runtime.InteropServices
{
    // Memory by its address, of any alignment. The lower half of an address counts.
    public static unsafe class Marshal
    {
        static byte* At(IntPtr p, int offset)
        {
            if (p == IntPtr.Zero)
                throw new NullReferenceException();
            return (byte*)p.ToPointer() + offset;
        }

        public static byte ReadByte(IntPtr p, int offset) { return *At(p, offset); }
        public static short ReadInt16(IntPtr p, int offset) { return *(short*)At(p, offset); }
        public static int ReadInt32(IntPtr p, int offset) { return *(int*)At(p, offset); }
        public static long ReadInt64(IntPtr p, int offset) { return *(long*)At(p, offset); }
        public static IntPtr ReadIntPtr(IntPtr p, int offset) { return *(IntPtr*)At(p, offset); }
        public static byte ReadByte(IntPtr p) { return ReadByte(p, 0); }
        public static short ReadInt16(IntPtr p) { return ReadInt16(p, 0); }
        public static int ReadInt32(IntPtr p) { return ReadInt32(p, 0); }
        public static long ReadInt64(IntPtr p) { return ReadInt64(p, 0); }
        public static IntPtr ReadIntPtr(IntPtr p) { return ReadIntPtr(p, 0); }
        public static void WriteByte(IntPtr p, int offset, byte value) { *At(p, offset) = value; }
        public static void WriteInt16(IntPtr p, int offset, short value) { *(short*)At(p, offset) = value; }
        public static void WriteInt32(IntPtr p, int offset, int value) { *(int*)At(p, offset) = value; }
        public static void WriteInt64(IntPtr p, int offset, long value) { *(long*)At(p, offset) = value; }
        public static void WriteIntPtr(IntPtr p, int offset, IntPtr value) { *(IntPtr*)At(p, offset) = value; }
        public static void WriteByte(IntPtr p, byte value) { WriteByte(p, 0, value); }
        public static void WriteInt16(IntPtr p, short value) { WriteInt16(p, 0, value); }
        public static void WriteInt32(IntPtr p, int value) { WriteInt32(p, 0, value); }
        public static void WriteInt64(IntPtr p, long value) { WriteInt64(p, 0, value); }
        public static void WriteIntPtr(IntPtr p, IntPtr value) { WriteIntPtr(p, 0, value); }
    }
}

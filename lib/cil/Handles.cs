// SPDX-License-Identifier: MIT
//
// References that the collector knows: weak ones, handles that keep or pin an object, and finalizers. Each is a numbered
// slot outside of the heap.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace System
{
    public static partial class GC
    {
        // The kinds of slots: those of GCHandleType, and this one.
        const int Finalizable = 4;

        // The slot is free again when its owner has died, or by FreeSlot.
        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern int AddSlot(object o, int kind, object owner);

        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern object ReadSlot(int slot);

        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern void WriteSlot(int slot, object o);

        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern void FreeSlot(int slot);

        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern long AddressOf(object o);

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern void Forget(object o);

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern object NextReady();

        // Ends the program.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern void Fail(object exception);

        static bool isFinalizing;

        // The compiler calls this for each new object of a class with a finalizer. Those of objects that have died in the
        // meantime run now, so they cannot pile up.
        internal static void Register(object o)
        {
            AddSlot(o, Finalizable, null);
            WaitForPendingFinalizers();
        }

        public static void WaitForPendingFinalizers()
        {
            if (isFinalizing)
                return;
            isFinalizing = true;
            object o;
            while ((o = NextReady()) != null)
            {
                try
                {
                    o.RunFinalizer();
                }
                catch (Exception e)
                {
                    Fail(e);
                }
            }
            isFinalizing = false;
        }

        public static void SuppressFinalize(object o)
        {
            if (o == null)
                throw new ArgumentNullException("o");
            Forget(o);
        }

        public static void ReRegisterForFinalize(object o)
        {
            if (o == null)
                throw new ArgumentNullException("o");
            AddSlot(o, Finalizable, null);
        }
    }

    public class WeakReference
    {
        readonly int slot;
        readonly bool tracks;

        public WeakReference(object target) : this(target, false) { }

        public WeakReference(object target, bool trackResurrection)
        {
            tracks = trackResurrection;
            slot = GC.AddSlot(target, (int)(tracks ? GCHandleType.WeakTrackResurrection : GCHandleType.Weak), this);
        }

        public bool TrackResurrection { get { return tracks; } }
        public virtual bool IsAlive { get { return Target != null; } }

        public virtual object Target
        {
            get { return GC.ReadSlot(slot); }
            set { GC.WriteSlot(slot, value); }
        }
    }

    public sealed class WeakReference<T> where T : class
    {
        readonly int slot;

        public WeakReference(T target) { slot = GC.AddSlot(target, (int)GCHandleType.Weak, this); }
        public void SetTarget(T target) { GC.WriteSlot(slot, target); }

        public bool TryGetTarget(out T target)
        {
            target = (T)GC.ReadSlot(slot);
            return target != null;
        }
    }
}

namespace System.Runtime.InteropServices
{
    public enum GCHandleType { Weak, WeakTrackResurrection, Normal, Pinned }

    // The number is 0 if there is no handle. Free makes it 0 in this copy of the struct only.
    public struct GCHandle
    {
        int slot;
        GCHandleType type;

        public static GCHandle Alloc(object value) { return Alloc(value, GCHandleType.Normal); }

        public static GCHandle Alloc(object value, GCHandleType type)
        {
            if ((uint)type > (uint)GCHandleType.Pinned)
                throw new ArgumentOutOfRangeException("type");
            return new GCHandle { slot = GC.AddSlot(value, (int)type, null), type = type };
        }

        public bool IsAllocated { get { return slot != 0; } }

        void Check()
        {
            if (slot == 0)
                throw new InvalidOperationException("The handle is not allocated.");
        }

        public void Free()
        {
            Check();
            GC.FreeSlot(slot);
            slot = 0;
        }

        public object Target
        {
            get
            {
                Check();
                return GC.ReadSlot(slot);
            }
            set
            {
                Check();
                GC.WriteSlot(slot, value);
            }
        }

        public IntPtr AddrOfPinnedObject()
        {
            Check();
            object o = GC.ReadSlot(slot);
            if (type != GCHandleType.Pinned)
                throw new InvalidOperationException("The handle does not pin its object.");
            return o == null ? IntPtr.Zero : new IntPtr(GC.AddressOf(o));
        }
    }
}

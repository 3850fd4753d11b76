// SPDX-License-Identifier: MIT
//
// Which methods are active. Each is there as the number of the call that it is at. There are no files and lines: the compiler
// has no symbols.
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace System.Diagnostics
{
    public class StackFrame
    {
        public const int OFFSET_UNKNOWN = -1;

        readonly int call;

        internal StackFrame(int call) { this.call = call; }
        public StackFrame() : this(StackTrace.Take(2)[0]) { }
        public StackFrame(bool needFileInfo) : this(StackTrace.Take(2)[0]) { }

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int MemberOf(int call);

        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern int OffsetOf(int call);

        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern string NameOf(int call);

        public virtual MethodBase GetMethod() { return MethodBase.At(MemberOf(call)); }
        public virtual int GetILOffset() { return OffsetOf(call); }
        public virtual int GetNativeOffset() { return OFFSET_UNKNOWN; }
        public virtual string GetFileName() { return null; }
        public virtual int GetFileLineNumber() { return 0; }
        public virtual int GetFileColumnNumber() { return 0; }
        public override string ToString() { return String.Concat(NameOf(call), " at offset ", OffsetOf(call).ToString()); }
    }

    public class StackTrace
    {
        public const int METHODS_TO_SKIP = 0;

        readonly int[] calls; // the innermost one first

        public StackTrace() { calls = Take(2); }
        public StackTrace(bool fNeedFileInfo) { calls = Take(2); }
        public StackTrace(int skipFrames) { calls = Take(2 + Checked(skipFrames)); }
        public StackTrace(int skipFrames, bool fNeedFileInfo) { calls = Take(2 + Checked(skipFrames)); }
        public StackTrace(Exception e) { calls = CallsOf(e); }
        public StackTrace(Exception e, bool fNeedFileInfo) { calls = CallsOf(e); }

        // Of this thread, with the caller of this.
        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern int Depth();

        // The innermost ones are left out. The last part of the array stays as it is if there are not as many.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern void Fill(int[] calls, int skip);

        static int Checked(int skip)
        {
            if (skip < 0)
                throw new ArgumentOutOfRangeException("skipFrames");
            return skip;
        }

        static int[] CallsOf(Exception e)
        {
            if (e == null)
                throw new ArgumentNullException("e");
            return e.Calls();
        }

        // Those outside of `skip` methods, of which this is the first.
        internal static int[] Take(int skip)
        {
            int[] calls = new int[Math.Max(Depth() - skip, 0)];
            Fill(calls, skip);
            return calls;
        }

        internal static string TextOf(int[] calls)
        {
            StringBuilder text = new StringBuilder();
            for (int n = 0; n < calls.Length; n++)
                text.Append(n == 0 ? "  at " : "\n  at ").Append(StackFrame.NameOf(calls[n])).Append(" [0x")
                    .Append(StackFrame.OffsetOf(calls[n]).ToString("x5")).Append("]");
            return text.ToString();
        }

        public virtual int FrameCount { get { return calls.Length; } }
        public virtual StackFrame GetFrame(int index) { return (uint)index < (uint)calls.Length ? new StackFrame(calls[index]) : null; }

        public virtual StackFrame[] GetFrames()
        {
            StackFrame[] frames = new StackFrame[calls.Length];
            for (int n = 0; n < calls.Length; n++)
                frames[n] = new StackFrame(calls[n]);
            return frames;
        }

        public override string ToString() { return String.Concat(TextOf(calls), "\n"); }
    }
}

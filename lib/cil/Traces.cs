// SPDX-License-Identifier: MIT
//
// Which methods are active, or were when an exception passed. Each frame is two numbers: of its method, and the offset in its CIL of the
// call that it is at. Files and lines are in the symbol file that `mcs -debug` writes, which is read when they are asked for.
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace System.Diagnostics
{
    public class StackFrame
    {
        public const int OFFSET_UNKNOWN = -1;

        readonly int method, offset;

        internal StackFrame(int[] frames, int n)
        {
            method = frames[2 * n];
            offset = frames[2 * n + 1];
        }

        public StackFrame() : this(StackTrace.Take(2), 0) { }
        public StackFrame(bool needFileInfo) : this(StackTrace.Take(2), 0) { }

        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern int MemberOf(int method);

        // With its parameters, if they are wanted.
        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern string NameOf(int method, bool parameters);

        // 0: not known.
        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern int LineOf(int method, int offset);

        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern string FileOf(int method, int offset);

        public virtual MethodBase GetMethod() { return MethodBase.At(MemberOf(method)); }
        public virtual int GetILOffset() { return offset; }
        public virtual int GetNativeOffset() { return OFFSET_UNKNOWN; }
        public virtual string GetFileName() { return FileOf(method, offset); }
        public virtual int GetFileLineNumber() { return LineOf(method, offset); }
        public virtual int GetFileColumnNumber() { return 0; }
        public override string ToString() { return String.Concat(NameOf(method, false), " at offset ", offset.ToString()); }
    }

    public class StackTrace
    {
        public const int METHODS_TO_SKIP = 0;

        readonly int[] frames; // two numbers each, the innermost one first

        public StackTrace() { frames = Take(2); }
        public StackTrace(bool fNeedFileInfo) { frames = Take(2); }
        public StackTrace(int skipFrames) { frames = Take(2 + Checked(skipFrames)); }
        public StackTrace(int skipFrames, bool fNeedFileInfo) { frames = Take(2 + Checked(skipFrames)); }
        public StackTrace(Exception e) { frames = FramesOf(e); }
        public StackTrace(Exception e, bool fNeedFileInfo) { frames = FramesOf(e); }

        // Of this thread, with the caller of this.
        [MethodImpl(MethodImplOptions.InternalCall)]
        internal static extern int Depth();

        // The innermost ones are left out. The last part of the array stays as it is if there are not as many.
        [MethodImpl(MethodImplOptions.InternalCall)]
        static extern void Fill(int[] frames, int skip);

        static int Checked(int skip)
        {
            if (skip < 0)
                throw new ArgumentOutOfRangeException("skipFrames");
            return skip;
        }

        static int[] FramesOf(Exception e)
        {
            if (e == null)
                throw new ArgumentNullException("e");
            return e.Frames();
        }

        // Those outside of `skip` methods, of which this is the first.
        internal static int[] Take(int skip)
        {
            int[] frames = new int[2 * Math.Max(Depth() - skip, 0)];
            Fill(frames, skip);
            return frames;
        }

        internal static string TextOf(int[] frames)
        {
            StringBuilder text = new StringBuilder();
            for (int n = 0; n < frames.Length; n += 2)
            {
                int method = frames[n], offset = frames[n + 1], line = StackFrame.LineOf(method, offset);
                text.Append(n == 0 ? "  at " : "\n  at ").Append(StackFrame.NameOf(method, true)).Append(" [0x")
                    .Append(offset.ToString("x5")).Append("]");
                if (line != 0)
                    text.Append(" in ").Append(StackFrame.FileOf(method, offset)).Append(":").Append(line.ToString());
            }
            return text.ToString();
        }

        public virtual int FrameCount { get { return frames.Length / 2; } }
        public virtual StackFrame GetFrame(int index) { return (uint)index < (uint)FrameCount ? new StackFrame(frames, index) : null; }

        public virtual StackFrame[] GetFrames()
        {
            StackFrame[] all = new StackFrame[FrameCount];
            for (int n = 0; n < all.Length; n++)
                all[n] = new StackFrame(frames, n);
            return all;
        }

        public override string ToString() { return String.Concat(TextOf(frames), "\n"); }
    }
}

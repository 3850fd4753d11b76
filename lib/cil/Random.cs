// SPDX-License-Identifier: MIT
namespace System
{
    // Knuth's subtractive generator (The Art of Computer Programming, volume 2, 3.2.2 A), with the constants of .NET: a
    // seed gives the same numbers there.
    public class Random
    {
        const int Most = Int32.MaxValue, Start = 161803398, Size = 55, Lag = 21;

        readonly int[] state = new int[Size + 1]; // [0] is not used
        int next, other = Lag;

        public Random() : this((int)(Environment.Nanoseconds(false) / 1000)) { }

        public Random(int seed)
        {
            int last = Start - (seed == Int32.MinValue ? Most : Math.Abs(seed)), before = 1;
            state[Size] = last;
            for (int n = 1; n < Size; n++)
            {
                int at = 21 * n % Size;
                state[at] = before;
                before = last - before;
                if (before < 0)
                    before += Most;
                last = state[at];
            }
            for (int round = 0; round < 4; round++)
            {
                for (int n = 1; n <= Size; n++)
                {
                    state[n] -= state[1 + (n + 30) % Size];
                    if (state[n] < 0)
                        state[n] += Most;
                }
            }
        }

        int Draw()
        {
            next = next == Size ? 1 : next + 1;
            other = other == Size ? 1 : other + 1;
            int drawn = state[next] - state[other];
            if (drawn == Most)
                drawn--;
            if (drawn < 0)
                drawn += Most;
            state[next] = drawn;
            return drawn;
        }

        protected virtual double Sample() { return Draw() * (1.0 / Most); }
        public virtual int Next() { return Draw(); }
        public virtual double NextDouble() { return Sample(); }

        public virtual int Next(int end)
        {
            if (end < 0)
                throw new ArgumentOutOfRangeException("end");
            return (int)(Sample() * end);
        }

        public virtual int Next(int start, int end)
        {
            if (start > end)
                throw new ArgumentOutOfRangeException("start");
            long range = (long)end - start;
            if (range <= Most)
                return (int)(Sample() * range) + start;
            bool isNegative = false;
            int drawn = Draw();
            if (Draw() % 2 == 0)
                isNegative = true;
            double sample = ((isNegative ? -(double)drawn : drawn) + (Most - 1)) / (2.0 * (uint)Most - 1);
            return (int)((long)(sample * range) + start);
        }

        public virtual void NextBytes(byte[] to)
        {
            if (to == null)
                throw new ArgumentNullException("to");
            for (int n = 0; n < to.Length; n++)
                to[n] = (byte)(Draw() % 256);
        }
    }
}

// SPDX-License-Identifier: MIT
//
// Arrays: the base class of all of them. The runtime knows where the length is.
namespace System
{
    public abstract class Array
    {
#pragma warning disable 0649
        int length;
#pragma warning restore 0649

        public int Length { get { return length; } }

        public static int IndexOf<T>(T[] array, T value) where T : IEquatable<T>
        {
            for (int n = 0; n < array.Length; n++)
                if (array[n].Equals(value))
                    return n;
            return -1;
        }

        public static void Reverse<T>(T[] array)
        {
            for (int n = 0, m = array.Length - 1; n < m; n++, m--)
            {
                T other = array[n];
                array[n] = array[m];
                array[m] = other;
            }
        }
    }
}

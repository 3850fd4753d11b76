// SPDX-License-Identifier: MIT
//
// Where does the time go? The words behind // name the lines that test_dotnet.py looks for. Rounds take different times: under
// icount, samples would otherwise find each round at the same instruction.
static class Places {
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    static int Square(int n) { return n * n; } // square

    static int Mix(int divisor, int rounds) {
        int sum = 0;
        uint random = 1;
        for (int n = 0; n < rounds; n++) {
            random = random * 1664525 + 1013904223;
            sum += n / (divisor + (n & 3)); // divide
            for (uint more = random >> 29; more > 0; more--)
                sum ^= Square(n); // call
        }
        return sum;
    }

    static int Main() {
        return Mix(3, 3000000) == 0 ? 1 : 0; // main
    }
}

// SPDX-License-Identifier: MIT
//
// Where does the time go? The words behind // name the lines that test_dotnet.py looks for.
static class Places {
    static int Square(int n) { return n * n; } // square

    static int Mix(int divisor, int rounds) {
        int sum = 0;
        for (int n = 0; n < rounds; n++) {
            sum += n / (divisor + (n & 3)); // divide
            sum ^= Square(n); // call
        }
        return sum;
    }

    static int Main() {
        return Mix(3, 10000000) == 0 ? 1 : 0; // main
    }
}

// SPDX-License-Identifier: MIT
//
// tail: the last lines of files. Reads to the end, and keeps the whole input in memory.
#include "command.h"

static uint64_t wanted = 10;

static void tail(struct input *in)
{
    while (fill(in)) {
    }
    size_t at = in->end;
    for (uint64_t n = 0; n < wanted && at > 0; n++) {
        at--; /* the newline of the line before, or of this one at the end */
        while (at > 0 && in->bytes[at - 1] != '\n') {
            at--;
        }
    }
    out_bytes(in->bytes + at, in->end - at);
}

int main(int argc, char **argv)
{
    begin(argc, argv, "tail [-n LINES | -LINES] [FILE...]");
    int first = take_lines(argc, argv, &wanted);
    for_each_input(argc - first, argv + first, tail);
    finish();
}

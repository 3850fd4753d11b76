// SPDX-License-Identifier: MIT
//
// head: the first lines of files.
#include "command.h"

static uint64_t wanted = 10;

static void head(struct input *in)
{
    char *line;
    size_t len;
    for (uint64_t n = 0; n < wanted && !output.is_broken && next_line(in, &line, &len); n++) {
        out_bytes(line, len);
    }
}

int main(int argc, char **argv)
{
    begin(argc, argv, "head [-n LINES | -LINES] [FILE...]");
    int first = take_lines(argc, argv, &wanted);
    for_each_input(argc - first, argv + first, head);
    finish();
}

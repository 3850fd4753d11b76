// SPDX-License-Identifier: MIT
//
// hexdump: bytes in hexadecimal, and as characters.
#include "command.h"

#define ROW 16u

static uint64_t offset;

static void print_row(const char *bytes, size_t len)
{
    out_hex(offset, 8);
    for (size_t i = 0; i < ROW; i++) {
        out(i % 8 == 0 ? "  " : " ");
        if (i < len) {
            out_hex((unsigned char)bytes[i], 2);
        } else {
            out("  ");
        }
    }
    out("  |");
    for (size_t i = 0; i < len; i++) {
        out_bytes(bytes[i] >= ' ' && bytes[i] <= '~' ? &bytes[i] : ".", 1);
    }
    out("|\n");
    offset += len;
}

static void dump(struct input *in)
{
    bool has_more = true;
    if (is_output(in)) {
        return;
    }
    offset = 0;
    while (has_more && !output.is_broken) {
        has_more = fill(in);
        while (in->end - in->at >= ROW || (!has_more && in->end > in->at)) {
            size_t len = in->end - in->at < ROW ? in->end - in->at : ROW;
            print_row(in->bytes + in->at, len);
            in->at += len;
        }
    }
    out_hex(offset, 8);
    out("\n");
}

int main(int argc, char **argv)
{
    begin(argc, argv, "hexdump [FILE...]");
    int first = take_flags(argc, argv, "", NULL);
    for_each_input(argc - first, argv + first, dump);
    finish();
}

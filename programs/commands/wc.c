// SPDX-License-Identifier: MIT
//
// wc: counts lines, words and bytes.
#include "command.h"

static bool flags[3]; /* lines, words, bytes */
static uint64_t total[3];

static void print_counts(const uint64_t *counts, const char *name)
{
    for (unsigned i = 0; i < 3; i++) {
        if (flags[i]) {
            out_number(counts[i], 8);
        }
    }
    out(name[0] != '\0' ? " " : "");
    out_name(name);
    out("\n");
}

static void count(struct input *in)
{
    uint64_t counts[3] = {0};
    bool is_word = false;
    while (fill(in)) {
        for (size_t i = in->at; i < in->end; i++) {
            unsigned char c = (unsigned char)in->bytes[i];
            bool is_blank = c == ' ' || (c >= '\t' && c <= '\r');
            counts[0] += c == '\n';
            counts[1] += !is_blank && !is_word;
            is_word = !is_blank;
        }
        counts[2] += in->end - in->at;
        in->at = in->end;
    }
    for (unsigned i = 0; i < 3; i++) {
        total[i] += counts[i];
    }
    print_counts(counts, in->fd == 0 ? "" : in->name);
}

int main(int argc, char **argv)
{
    begin(argc, argv, "wc [-lwc] [FILE...]");
    int first = take_flags(argc, argv, "lwc", flags);
    if (!flags[0] && !flags[1] && !flags[2]) {
        flags[0] = flags[1] = flags[2] = true;
    }
    for_each_input(argc - first, argv + first, count);
    if (argc - first > 1) {
        print_counts(total, "total");
    }
    finish();
}

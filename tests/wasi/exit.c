// SPDX-License-Identifier: MIT
//
// Exits as its first argument requests: "exit" N, "return" N, "raise" a signal, "abort", or "echo":
// copies standard input to standard output.
#include "imports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int echo(void)
{
    char buf[1000];
    ssize_t n;
    while ((n = read(0, buf, sizeof(buf))) > 0) {
        if (write(1, buf, (size_t)n) != n) {
            return 1;
        }
    }
    return n == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    int status = argc > 2 ? atoi(argv[2]) : 0;
    if (strcmp(how, "echo") == 0) {
        return echo();
    }
    if (strcmp(how, "exit") == 0) {
        printf("bye"); /* the program does not flush it */
        exit(status);
    }
    if (strcmp(how, "raise") == 0) {
        raw_proc_raise((uint32_t)status);
        return 1;
    }
    if (strcmp(how, "abort") == 0) {
        abort();
    }
    return status;
}

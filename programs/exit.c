// SPDX-License-Identifier: MIT
//
// Ends with the status in its argument. The system reports a status over 255 as 255.
#include "halyard.h"

static bool parse_status(const char *s, int *out)
{
    int v = 0;
    if (*s == 0) {
        return false;
    }
    for (; *s != 0; s++) {
        if (*s < '0' || *s > '9' || v > 9999999) {
            return false;
        }
        v = v * 10 + (*s - '0');
    }
    *out = v;
    return true;
}

int main(int argc, char **argv)
{
    int status;
    if (hy_shows_help(argc, argv, "exit STATUS, of at most 8 digits")) {
        return 0;
    }
    if (argc != 2 || !parse_status(argv[1], &status)) {
        hy_dprintf(2, "usage: exit STATUS, of at most 8 digits\n");
        return 2;
    }
    hy_exit(status);
}

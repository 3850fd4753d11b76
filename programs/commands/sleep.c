// SPDX-License-Identifier: MIT
//
// sleep: waits for a number of seconds, which may have a fraction.
#include "command.h"

#include <time.h>

#define NS_DIGITS 9

/* "1.25": the fraction's digits beyond nanoseconds are ignored. */
static bool parse_seconds(char *text, struct timespec *result)
{
    char *dot = strchr(text, '.'), fraction[NS_DIGITS + 1] = "000000000";
    uint64_t seconds = 0, ns = 0;
    if (dot != NULL) {
        *dot = '\0';
        size_t len = strlen(dot + 1);
        memcpy(fraction, dot + 1, len < NS_DIGITS ? len : NS_DIGITS);
    }
    if (!parse_number(text, &seconds) || !parse_number(fraction, &ns) || seconds > INT32_MAX) {
        return false;
    }
    *result = (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = (long)ns};
    return true;
}

int main(int argc, char **argv)
{
    begin(argc, argv, "sleep SECONDS");
    struct timespec wait;
    if (argc != 2 || !parse_seconds(argv[1], &wait)) {
        misused();
    }
    if (nanosleep(&wait, NULL) != 0) {
        complain_errno(argv[1]);
    }
    finish();
}

// SPDX-License-Identifier: MIT
//
// date: the time, as UTC.
#include "command.h"

#include <time.h>

static void out_padded(unsigned v)
{
    out(v < 10 ? "0" : "");
    out_number(v, 1);
}

int main(int argc, char **argv)
{
    begin(argc, argv, "date [-s]   (-s: seconds since 1970)");
    bool in_seconds = false;
    struct timespec now;
    struct tm t;
    if (take_flags(argc, argv, "s", &in_seconds) < argc) {
        misused();
    }
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || gmtime_r(&now.tv_sec, &t) == NULL) {
        complain_errno("clock");
        finish();
    }
    if (in_seconds) {
        out_number((uint64_t)now.tv_sec, 1);
        out("\n");
        finish();
    }
    out_number((uint64_t)t.tm_year + 1900, 1);
    out("-");
    out_padded((unsigned)t.tm_mon + 1);
    out("-");
    out_padded((unsigned)t.tm_mday);
    out(" ");
    out_padded((unsigned)t.tm_hour);
    out(":");
    out_padded((unsigned)t.tm_min);
    out(":");
    out_padded((unsigned)t.tm_sec);
    out(" UTC\n");
    finish();
}

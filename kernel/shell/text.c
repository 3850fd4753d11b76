// SPDX-License-Identifier: MIT
//
// Dates and sizes as commands print them.
#include "kernel/lib/format.h"
#include "kernel/shell/command.h"

/* Convert days since 1970-01-01 to a civil date, by eras of 400 years that start on 1 March. */
void shell_format_date(uint64_t unix_s, char *out)
{
    uint64_t days = unix_s / 86400 + 719468, second = unix_s % 86400;
    uint64_t era = days / 146097, day_of_era = days % 146097;
    uint64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t month_from_march = (5 * day_of_year + 2) / 153;
    unsigned day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    unsigned month =
        (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    unsigned year = (unsigned)(year_of_era + era * 400 + (month <= 2));
    fmt_print(out, SHELL_DATE_MAX, "%04u-%02u-%02u %02u:%02u:%02u", year, month, day,
              (unsigned)(second / 3600), (unsigned)(second / 60 % 60), (unsigned)(second % 60));
}

void shell_format_size(uint64_t bytes, char *out)
{
    static const char units[] = "KMGTPE";
    uint64_t tenths = bytes * 10; /* below 2^60 bytes */
    unsigned unit = 0;
    if (bytes < 1024) {
        fmt_print(out, SHELL_SIZE_MAX, "%llu B", (unsigned long long)bytes);
        return;
    }
    for (tenths /= 1024; tenths >= 10 * 1024; tenths /= 1024) {
        unit++;
    }
    fmt_print(out, SHELL_SIZE_MAX, "%llu.%llu %ciB", (unsigned long long)(tenths / 10),
              (unsigned long long)(tenths % 10), units[unit]);
}

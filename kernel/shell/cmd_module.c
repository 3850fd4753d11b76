// SPDX-License-Identifier: MIT
//
// Commands for loaded drivers, and for random numbers, for which one of them is a source.
#include "kernel/io/random.h"
#include "kernel/lib/string.h"
#include "kernel/module/driver_module.h"
#include "kernel/shell/command.h"
#include "kernel/tty/console.h"

#define RANDOM_DEFAULT 32u
#define RANDOM_MAX     4096u
#define RANDOM_LINE    32u

/* A module without a device stays loaded, because a bus that is scanned later may have one. */
static bool run_load(int argc, char **argv)
{
    if (argc != 2) {
        return false;
    }
    unsigned taken;
    struct loader_error err;
    if (driver_module_load(argv[1], &taken, &err) != OK) {
        shell_error("load: %s\n", err.text);
    } else if (taken == 0) {
        console_printf("load: %s: loaded; no matching device\n", argv[1]);
    }
    return true;
}

static bool run_unload(int argc, char **argv)
{
    if (argc != 2) {
        return false;
    }
    struct loader_error err;
    if (driver_module_unload(argv[1], &err) != OK) {
        shell_error("unload: %s\n", err.text);
    }
    return true;
}

/* A line at a time, so that COUNT does not determine the size of a buffer. */
static void print_random(size_t count)
{
    uint8_t line[RANDOM_LINE];
    for (size_t left = count; left > 0;) {
        size_t n = MIN(left, sizeof(line));
        random_fill(line, n);
        for (size_t i = 0; i < n; i++) {
            console_printf("%02x", line[i]);
        }
        console_printf("\n");
        left -= n;
    }
}

static void print_source(const struct random_source_info *s)
{
    console_printf("  %-28s %llu of %llu bytes", s->name, (unsigned long long)s->given,
                   (unsigned long long)s->asked);
    if (s->failures > 0) {
        console_printf(", failed %llu time%s (%s)", (unsigned long long)s->failures,
                       s->failures == 1 ? "" : "s", status_text(s->last_error));
    }
    console_printf("\n");
}

/* The sources are listed because a generator with a weak seed looks the same as one with a good
 * seed: what matters is where its bytes came from. */
static bool run_random(int argc, char **argv)
{
    unsigned long long count = RANDOM_DEFAULT;
    if (argc > 2 || (argc == 2 && (!str_to_u64(argv[1], &count) || count > RANDOM_MAX))) {
        return false;
    }
    print_random((size_t)count);
    struct random_stats stats;
    random_get_stats(&stats);
    console_printf("sources gave %llu of %llu bytes, in %llu seeds%s\n",
                   (unsigned long long)stats.given, (unsigned long long)stats.asked,
                   (unsigned long long)stats.reseeds,
                   stats.is_jitter_only ? "; seeded from timer jitter only" : "");
    if (stats.loaders > 0) {
        console_printf("  %-28s %u bytes\n", "boot loader", stats.loaders);
    }
    struct random_source_info source;
    for (uint32_t i = 0; random_get_source(i, &source); i++) {
        print_source(&source);
    }
    return true;
}

const struct shell_command shell_module_commands[] = {
    {"load", "FILE", "load a module: a path, or a name in /lib/modules", run_load},
    {"unload", "NAME", "unload a module", run_unload},
    {"random", "[COUNT]", "random bytes (up to 4096), and their sources", run_random},
    {0},
};

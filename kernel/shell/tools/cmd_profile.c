// SPDX-License-Identifier: MIT
//
// `profile`: the functions and call chains in which the CPUs spend their time. scripts/flamegraph
// draws the lines of `profile stacks`.
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/shell/command.h"
#include "kernel/shell/tools/tools.h"
#include "kernel/trace/report/profile.h"
#include "kernel/tty/console.h"

#define LISTED    30u
#define STACK_MAX ((size_t)4096) /* longest chain in bytes */

static void print_entry(const struct profile_entry *e, uint64_t total)
{
    unsigned permille = (unsigned)(e->count * UINT64_C(1000) / total);
    console_printf("%5u.%u %% %8u  %s\n", permille / 10, permille % 10, e->count, e->name);
}

/* Samples are taken while this prints, so that shares are of the total at the time of each line,
 * and their sum may differ a little from 100 %. */
static bool print_profile(enum profile_list list)
{
    struct profile_entry e;
    uint64_t total;
    uint32_t listed = 0;
    while (listed < LISTED && profile_get(list, listed, &e, &total)) {
        print_entry(&e, total);
        listed++;
    }
    if (listed != 0) {
        (void)profile_get(list, 0, &e, &total);
        console_printf("%16llu  samples\n", (unsigned long long)total);
    }
    return listed != 0;
}

/* The buffer is on the heap, because a chain may be longer than a kernel stack has room for. */
static void print_stacks(void)
{
    char *chain = heap_alloc(STACK_MAX);
    uint32_t at = 0, count;
    if (chain == NULL) {
        shell_error("profile: no memory\n");
        return;
    }
    console_hold_log(); /* no log line between two of these lines */
    while ((count = profile_get_stack(&at, chain, STACK_MAX)) != 0) {
        console_printf("stack %u %s\n", count, chain);
    }
    console_release_log();
    heap_free(chain);
    if (at == 0) {
        shell_error("profile: no samples\n");
    }
}

static void start(void)
{
    enum status s = profile_start();
    if (s != OK) {
        shell_error("profile: %s\n", s == E_BUSY ? "already running" : status_text(s));
    }
}

static void print_list(enum profile_list list)
{
    if (!print_profile(list)) {
        shell_error("profile: no samples\n");
    }
}

static void stop(void)
{
    profile_stop();
    print_list(PROFILE_FUNCTIONS);
}

static void print_lines(void)
{
    print_list(PROFILE_LINES);
}

bool tools_profile(int argc, char **argv)
{
    static const struct {
        const char *word;
        void (*run)(void);
    } actions[] = {
        {"start", start}, {"stop", stop}, {"lines", print_lines}, {"stacks", print_stacks}};
    if (argc == 1) {
        print_list(PROFILE_FUNCTIONS);
        return true;
    }
    for (size_t n = 0; argc == 2 && n < ARRAY_COUNT(actions); n++) {
        if (strcmp(argv[1], actions[n].word) == 0) {
            actions[n].run();
            return true;
        }
    }
    return false;
}

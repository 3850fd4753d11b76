// SPDX-License-Identifier: MIT
//
// See failure_walk.h.
#include "tests/kernel/failure_walk.h"

#ifdef HALYARD_DEBUG
#include "kernel/debug/fault_injection.h"
#include "kernel/lib/string.h"
#include "kernel/test/test.h"
#include "kernel/tty/console.h"
#include "tests/kernel/program_runs.h"

/* Until no further memory stays allocated. What a scenario allocates anew and keeps, such as the
 * samples of the profiler, may lie in a slab of its own or beside other objects. */
#define TRIES 16u
/* More than any scenario has: a walk that reaches it never ends and fails. */
#define POINTS_MAX 2000u

static uint64_t walked;

static bool is_same(const struct footprint *a, const struct footprint *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* Some memory stays allocated after the first run only, for example the direct map's
 * table where code took frames of a large page. A leak recurs in each run. @return
 * false: no allocation failed. */
static bool walk_one(failure_scenario_t *scenario, uint64_t nth, bool and_all)
{
    static struct footprint before, after;
    uint64_t failed = 0;
    if (nth == 1) {
        runs_measure(&before);
    }
    for (unsigned i = 0; i < TRIES; i++) {
        failure_arm(nth, and_all);
        scenario();
        failed = failure_disarm();
        runs_measure(&after);
        if (is_same(&before, &after)) {
            return failed > 0;
        }
        before = i + 1 < TRIES ? after : before;
    }
    runs_compare(&before, &after);
    console_printf("# leaked with failing allocation %llu%s\n", (unsigned long long)nth,
                   and_all ? " and all that follow" : "");
    before = after;
    return failed > 0;
}

uint64_t failures_walk_any(failure_scenario_t *scenario)
{
    uint64_t points = 0;
    unsigned every, first = test_walk_share(&every);
    scenario(); /* allocates what stays allocated */
    for (unsigned and_all = 0; and_all < 2; and_all++) {
        uint64_t nth = 1; /* always: it shows whether anything is allocated */
        while (nth < POINTS_MAX && walk_one(scenario, nth, and_all != 0)) {
            nth = nth == 1 && first > 1 ? first : nth + every;
            points++;
        }
        TEST_CHECK(nth < POINTS_MAX);
    }
    walked += points;
    return points;
}

void failures_walk(failure_scenario_t *scenario)
{
    TEST_CHECK(failures_walk_any(scenario) > 0);
}

bool failures_succeeds(enum status s)
{
    TEST_CHECK(s == OK || s == E_NOMEM);
    return s == OK;
}

uint64_t failures_walked(void)
{
    return walked;
}
#endif

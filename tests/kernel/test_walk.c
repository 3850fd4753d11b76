// SPDX-License-Identifier: MIT
//
// See test_walk.h. A test that is written is walked, unless it is named here with the reason.
#include "tests/kernel/test_walk.h"

#ifdef HALYARD_DEBUG
#include "kernel/io/console.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/test.h"
#include "tests/kernel/failure_walk.h"

/* Why a test that matches is not walked. */
enum why {
    NEVER,  /* it makes no sense of that */
    BY_NAME /* only if it alone is asked for: it takes longer than all the others */
};

static const struct {
    const char *glob;
    enum why why;
    const char *words;
} left_out[] = {
    {"failures.*", NEVER, "walks by itself"},
    {"stress.*", NEVER, "of any of its threads, any may have failed"},
    {"torture.*", NEVER, "memory runs out in it anyway"},
    {"magazine.nothing_is_had_by_two", NEVER, "takes as often as it has time to"},
    {"watchdog.*", NEVER, "waits for a CPU that is to hang"},
    {"look.questions_break_nothing", NEVER, "takes as often as it has time to"},
    {"smp.a_message_line_is_one_devices", NEVER, "takes as often as it has time to"},
    {"preempt.*", NEVER, "decides alike only if nothing fails"},
    {"memory.all_memory_is_handed_out_*", NEVER, "takes all memory"},
    {"memory.a_small_object_is_made_of_*", NEVER, "takes all memory"},
    {"memory.a_table_is_made_of_*", NEVER, "takes all memory"},
    {"memory.what_another_cpu_keeps_*", NEVER, "takes all memory"},
    {"limits.loads_with_any_number_of_free_pages", NEVER, "takes all memory"},
    {"sched.a_stack_grows_and_is_given_back", NEVER, "a stack that cannot grow has overflowed"},
    {"memory.a_range_is_found_while_*", BY_NAME, "takes minutes"},
    {"ranges.what_has_no_room_is_refused_*", BY_NAME, "takes minutes"},
    {"ranges.a_fault_that_is_answered_*", BY_NAME, "takes minutes"},
    {"smp.threads_that_move_lose_nothing", BY_NAME, "takes minutes"},
    {"smp.memory_files_are_used_*", BY_NAME, "takes minutes"},
    {"smp.disk_files_are_read_*", BY_NAME, "takes minutes"},
    {"smp.programs_are_started_and_killed_*", BY_NAME, "takes minutes"},
    {"smp.drivers_are_loaded_and_unloaded_*", BY_NAME, "takes minutes"},
    {"smp.a_program_on_another_cpu_is_killed_*", BY_NAME, "takes minutes"},
    {"threads_keep_their_float_registers", BY_NAME, "takes minutes"},
    {"faults_end_only_the_program", BY_NAME, "takes minutes"},
    {"200_runs_leave_nothing_behind", BY_NAME, "takes minutes"},
    {"modules_one_name_is_loaded_once_*", BY_NAME, "takes minutes"},
    {"modules_unload_ends_with_readers_inside", BY_NAME, "takes minutes"},
    {"modules_nothing_is_lost_in_1000_cycles", BY_NAME, "takes minutes"},
    {"portable.traps_end_only_the_program", BY_NAME, "takes minutes"},
    {"portable.kill_reaches_it_at_any_instruction", BY_NAME, "takes minutes"},
    {"portable.kill_in_the_start_function_*", BY_NAME, "takes minutes"},
    {"portable.many_run_at_once", BY_NAME, "takes minutes"},
    {"portable.two_hundred_runs_*", BY_NAME, "takes minutes"},
    {"portable.refused_files_leave_*", BY_NAME, "takes minutes"},
    {"limits.*", BY_NAME, "takes minutes"},
    {"kills.nothing_is_left_of_a_call", BY_NAME, "takes minutes"},
    {"jit.objects_move_at_every_safe_point", BY_NAME, "takes minutes"},
    {"linked.a_module_reaches_only_*", BY_NAME, "takes minutes"},
};

static const struct kernel_test *walked;
static void (*run_walked)(const struct kernel_test *test);

static void run(void)
{
    run_walked(walked);
}

static bool is_left_out(const struct kernel_test *test, bool is_named)
{
    for (size_t i = 0; i < ARRAY_COUNT(left_out); i++) {
        if (str_matches(left_out[i].glob, test->name) && (left_out[i].why == NEVER || !is_named)) {
            console_printf("# left out: %s: %s\n", test->name, left_out[i].words);
            return true;
        }
    }
    return false;
}

bool test_walk(const struct kernel_test *test, bool is_named,
               void (*run_it)(const struct kernel_test *test))
{
    if (is_left_out(test, is_named)) {
        return false;
    }
    walked = test;
    run_walked = run_it;
    uint64_t points = failures_walk_any(run);
    console_printf("# %llu points, %llu in all\n", (unsigned long long)points,
                   (unsigned long long)failures_walked());
    return true;
}
#endif

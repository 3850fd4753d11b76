// SPDX-License-Identifier: MIT
#include "tests/kernel/trace_bed.h"

#include "kernel/mm/heap.h"
#include "kernel/test/test.h"
#include "kernel/trace/report/trace_control.h"
#include "kernel/trace/trace.h"
#include "kernel/trace/trace_calls.h"

bool trace_bed_begin(void)
{
    if (trace_is_on()) {
        test_skip("tracing is on already");
        return false;
    }
    TEST_EQUAL(trace_prepare_calls(), OK);
    TEST_EQUAL(trace_start(), OK);
    return true;
}

/* What threads were not given to note calls is freed: a walk of failing allocations compares how
 * much memory is in use. */
void trace_bed_end(void)
{
    trace_stop();
    for (unsigned i = 0; i < TRACE_SPARE_CALLS; i++) {
        heap_free(trace_calls_offer(i, NULL));
    }
}

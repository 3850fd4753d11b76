// SPDX-License-Identifier: MIT
//
// Memory for timing calls. Only what switches that on calls it: the file is in livepatch.ko and in
// tests.ko.
#include "hal/calls.h"
#include "kernel/mm/heap.h"
#include "kernel/trace/report/trace_control.h"
#include "kernel/trace/trace_calls.h"

enum status trace_prepare_calls(void)
{
    for (unsigned i = 0; i < TRACE_SPARE_CALLS; i++) {
        if (!trace_calls_want(i)) {
            continue;
        }
        struct hal_calls *memory = heap_zalloc(sizeof(*memory));
        if (memory == NULL) {
            return E_NOMEM;
        }
        heap_free(trace_calls_offer(i, memory));
    }
    return OK;
}

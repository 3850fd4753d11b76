// SPDX-License-Identifier: MIT
//
// Switching tracing on and off. What is recorded and how records are read is kernel/trace/trace.h.
#pragma once

#include "kernel/lib/status.h"

/**
 * @brief Start recording, with empty rings, on every CPU that runs threads.
 *
 * The first call allocates the rings, a share of the machine's memory, and keeps them for
 * later calls.
 * @return OK; E_NOMEM; E_BUSY: it is on already. @context{thread, may sleep}
 */
enum status trace_start(void);

/** @brief Start recording also on CPUs that came online while tracing is on.
 *     @context{thread, may sleep} */
void trace_cover_cpus(void);

/** @brief Stop recording; the records can be read until the next trace_start().
 * @context{thread, may sleep} */
void trace_stop(void);

/** @brief Allocate memory for threads whose calls will be timed (hal/calls.h). It is kept.
 * @return OK; E_NOMEM. @context{thread, may sleep} */
enum status trace_prepare_calls(void);

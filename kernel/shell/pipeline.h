// SPDX-License-Identifier: MIT
//
// Runs a pipeline: finds what each command is, opens its files, starts all, waits for all.
#pragma once

#include "kernel/shell/session.h"

struct pipeline;

/** @brief Run a prepared pipeline and wait for it. @return its status.
 * @pre sh->job is not NULL. @context{thread, may sleep} */
int pipeline_run(struct pipeline *p, struct shell *sh);

/** @brief Close its files and free it. @context{thread, may sleep} */
void pipeline_free(struct pipeline *p);

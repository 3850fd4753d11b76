// SPDX-License-Identifier: MIT
//
// Runs each test as a scenario of failure_walk.h: what scripts/run's --test 'fails:GLOB' does.
#pragma once

#include "kernel/module/extension.h"

#ifdef HALYARD_DEBUG
/** extension.h */
extension_walk_t test_walk;
#define TEST_WALK test_walk
#else
#define TEST_WALK NULL
#endif

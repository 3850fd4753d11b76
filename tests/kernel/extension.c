// SPDX-License-Identifier: MIT
//
// Makes the tests and benchmarks an extension of one kernel: the note that names this kernel
// (scripts/lib/extension.py fills it in), and the tables that the kernel looks up.
#include "kernel/module/extension.h"

#include "tests/bench/benches.h"
#include "tests/kernel/test_walk.h"
#include "tests/kernel/tests.h"

__attribute__((section(".note.halyard"), used, aligned(4))) //
static const struct extension_note note = {
    .name_size = sizeof(note.name), .desc_size = KERNEL_IDENTITY, .type = 4, .name = "Halyard"};

const struct extension halyard_extension = {
    .tests = kernel_tests, .benches = kernel_benches, .walk = TEST_WALK};

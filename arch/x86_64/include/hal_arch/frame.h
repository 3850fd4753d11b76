// SPDX-License-Identifier: MIT
//
// The registers saved by an exception or interrupt, in the order in which vectors.S and the CPU
// push them, last to first. Other code uses hal/trap.h to read them.
#pragma once

#include <stdint.h>

struct hal_frame {
    uint64_t record[2]; /* a frame record {rbp, rip}: backtraces go through the exception */
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss; /* pushed by the CPU */
};

// SPDX-License-Identifier: MIT
//
// Atomic operations on memory that other threads access at the same time, as the representation
// defines them (ir_ops.def).
#pragma once

#include <stdint.h>

/**
 * @brief Execute an atomic access, sequentially consistent.
 * @param op     IR_ATOMIC_LOAD to IR_ATOMIC_COMPARE_SWAP.
 * @param bytes  1, 2, 4 or 8.
 * @param at     A multiple of `bytes`.
 * @param value  Operand: the value to store, or for IR_ATOMIC_COMPARE_SWAP the expected one.
 * @param other  For IR_ATOMIC_COMPARE_SWAP the value to store.
 * @return what was there before, extended with zeros; for IR_ATOMIC_STORE anything. @context{any}
 */
uint64_t ir_atomic(unsigned op, unsigned bytes, void *at, uint64_t value, uint64_t other);

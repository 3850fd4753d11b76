// SPDX-License-Identifier: MIT
//
// One function for each width; the compiler's builtins are the operations.
#include "kernel/jit/ir/ir_atomic.h"

#include "kernel/jit/ir.h"

#define ATOMIC(bits)                                                                               \
    static uint64_t atomic_##bits(unsigned op, uint##bits##_t *at, uint##bits##_t value,           \
                                  uint##bits##_t other)                                            \
    {                                                                                              \
        switch (op) {                                                                              \
        case IR_ATOMIC_LOAD:                                                                       \
            return __atomic_load_n(at, __ATOMIC_SEQ_CST);                                          \
        case IR_ATOMIC_ADD:                                                                        \
            return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);                                \
        case IR_ATOMIC_SUB:                                                                        \
            return __atomic_fetch_sub(at, value, __ATOMIC_SEQ_CST);                                \
        case IR_ATOMIC_AND:                                                                        \
            return __atomic_fetch_and(at, value, __ATOMIC_SEQ_CST);                                \
        case IR_ATOMIC_OR:                                                                         \
            return __atomic_fetch_or(at, value, __ATOMIC_SEQ_CST);                                 \
        case IR_ATOMIC_XOR:                                                                        \
            return __atomic_fetch_xor(at, value, __ATOMIC_SEQ_CST);                                \
        case IR_ATOMIC_COMPARE_SWAP:                                                               \
            (void)__atomic_compare_exchange_n(at, &value, other, false, __ATOMIC_SEQ_CST,          \
                                              __ATOMIC_SEQ_CST);                                   \
            return value;                                                                          \
        default: /* IR_ATOMIC_STORE, IR_ATOMIC_SWAP */                                             \
            return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);                               \
        }                                                                                          \
    }

ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

uint64_t ir_atomic(unsigned op, unsigned bytes, void *at, uint64_t value, uint64_t other)
{
    switch (bytes) {
    case 1:
        return atomic_8(op, at, (uint8_t)value, (uint8_t)other);
    case 2:
        return atomic_16(op, at, (uint16_t)value, (uint16_t)other);
    case 4:
        return atomic_32(op, at, (uint32_t)value, (uint32_t)other);
    default:
        return atomic_64(op, at, value, other);
    }
}

// SPDX-License-Identifier: MIT
//
// Building sequences of vector instructions. `to` is the register of the result, or VREG_NONE for a
// new one, which is returned. Constants are 16 bytes: the lowest eight, then the others.
#pragma once

#include "arch/x86_64/jit/select_internal.h"

/** What an instruction computes from one register or value: enum x86_op, immediate. */
uint32_t x86_vector_one(struct selector *s, uint32_t to, enum x86_op op, uint32_t a, unsigned imm);
/** From two registers. */
uint32_t x86_vector_two(struct selector *s, uint32_t to, enum x86_op op, uint32_t a, uint32_t b);
uint32_t x86_vector_two_imm(struct selector *s, uint32_t to, enum x86_op op, uint32_t a, uint32_t b,
                            unsigned imm);
/** From a register and a constant. */
uint32_t x86_vector_with(struct selector *s, uint32_t to, enum x86_op op, uint32_t a, uint64_t low,
                         uint64_t high);
/** Lanes shifted by a number. */
uint32_t x86_vector_shift(struct selector *s, uint32_t to, enum x86_op op, uint32_t a,
                          unsigned bits);
/** A constant in a register. */
uint32_t x86_vector_constant_reg(struct selector *s, uint32_t to, uint64_t low, uint64_t high);
/** An i32 or i64 in the lowest lane, zeros above. */
uint32_t x86_vector_from_int(struct selector *s, uint32_t value, unsigned bytes);
/** An integer from a vector: extraction, or a mask of signs. */
void x86_vector_out(struct selector *s, uint32_t to, enum x86_op op, uint32_t a, unsigned imm);
/** From values, whose constants and loads may be operands. */
void x86_vector_values(struct selector *s, enum x86_op op, uint32_t a, uint32_t b, unsigned imm);

/** A byte, a 16-bit and a 32-bit lane repeated to 64 bits. */
#define X86_BYTES(b) (UINT64_C(0x0101010101010101) * (uint8_t)(b))
#define X86_WORDS(w) (UINT64_C(0x0001000100010001) * (uint16_t)(w))
#define X86_LONGS(l) (UINT64_C(0x0000000100000001) * (uint32_t)(l))

/* Of one family each. @return false: s->at is none of it. */
bool x86_select_lanes(struct selector *s);           /* select_lanes.c */
bool x86_select_vector_sequence(struct selector *s); /* select_vector_sequence.c */
bool x86_select_vector_convert(struct selector *s);  /* select_vector_convert.c */

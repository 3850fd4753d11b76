// SPDX-License-Identifier: MIT
//
// The layout of a function's stack frame, from the caller's stack pointer downward:
//
//     room for arguments of tail calls, if they need more than the function's own
//     frame record (x29, x30), which x29 points to
//     the context, if calls change it; registers saved for the caller
//     slots of the representation
//     spill slots
//     arguments and results of calls         <- sp
//
// A function that calls nothing and keeps nothing in memory has no frame.
#pragma once

#include "arch/aarch64/jit/asm.h"

struct a64_frame {
    uint64_t locals, spills; /* offset from sp in bytes */
    uint64_t saves;          /* size in bytes, below the frame record */
    uint64_t bytes;          /* everything below the frame record; a multiple of 16 */
    uint32_t moved;          /* bytes above it, for the arguments of tail calls */
    uint32_t popped;         /* bytes of the function's own arguments */
    uint32_t saved[VCLASS_COUNT];
    bool exists;
    bool keeps_context;
    bool probes; /* the prologue probes the stack */
};

/** @brief Compute the layout. @param features  enum jit_arm_feature. @return OK; E_OVERFLOW: more
 * than INT32_MAX bytes. */
enum status a64_frame_plan(struct a64_frame *f, const struct vcode *v, uint64_t features);
void a64_frame_enter(struct a64_asm *a, const struct a64_frame *f);
/** @brief Remove the frame: all is as at the entry but for the arguments, of which `kept` bytes
 * stay: those of a function that takes this one's place. */
void a64_frame_remove(struct a64_asm *a, const struct a64_frame *f, uint32_t kept);
/** @brief Emit the epilogue: remove the frame and the arguments, and return. */
void a64_frame_leave(struct a64_asm *a, const struct a64_frame *f);
/** @brief Emit code for after a call with another context: reload this function's context and the
 * base of its memory. */
void a64_frame_restore_context(struct a64_asm *a);
/** @brief Offset in bytes from sp to the caller's cells. */
static inline uint64_t a64_frame_incoming(const struct a64_frame *f)
{
    return f->bytes + (f->exists ? 16 : 0) + f->moved;
}

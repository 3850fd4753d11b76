// SPDX-License-Identifier: MIT
//
// What a function's stack frame looks like. From the caller's stack pointer downward:
//
//     frame record (x29, x30), which x29 points to
//     the context, if calls change it; registers that the caller wants back
//     slots of the representation
//     spill slots
//     arguments and results of calls         <- sp
//
// A function that calls nothing and keeps nothing in memory has no frame at all.
#pragma once

#include "arch/aarch64/jit/asm.h"

struct a64_frame {
    uint64_t locals, spills; /* bytes from sp */
    uint64_t saves;          /* bytes below the frame record */
    uint64_t bytes;          /* all below the frame record; a multiple of 16 */
    uint32_t saved[VCLASS_COUNT];
    bool exists;
    bool keeps_context;
    bool probes; /* asks whether there is stack left */
};

/** @brief Lay it out. @return OK; E_OVERFLOW: more than INT32_MAX bytes. */
enum status a64_frame_plan(struct a64_frame *f, const struct vcode *v);
void a64_frame_enter(struct a64_asm *a, const struct a64_frame *f);
/** @brief Take it down, and return. */
void a64_frame_leave(struct a64_asm *a, const struct a64_frame *f);
/** @brief After a call with another context: this function's again, and its memory's base. */
void a64_frame_restore_context(struct a64_asm *a);
/** @brief Bytes from sp to where the caller's cells are. */
static inline uint64_t a64_frame_incoming(const struct a64_frame *f)
{
    return f->bytes + (f->exists ? 16 : 0);
}

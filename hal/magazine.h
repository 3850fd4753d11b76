// SPDX-License-Identifier: MIT
//
// A CPU's own stacks of free objects, one for each kind: what is taken and given back most often is
// had there in a few instructions, without a lock, and without masking interrupts.
//
// Taking and giving are restartable: an interrupt that comes in the middle has the interrupted code
// begin again (hal_frame_restart()), on whichever CPU that is then. So nobody ever sees a half of
// one, and a thread that is moved works on the magazine of the CPU that it is moved to.
#pragma once

#include "hal/types.h"

struct hal_frame;

#define HAL_MAGAZINES       29 /* kinds, from 0 on */
#define HAL_MAGAZINE_ROUNDS 29 /* objects at most */

/** Field protection: the owning CPU's, by the functions below or with interrupts masked; another
 * one may read `top`, relaxed, and is a little late then. */
struct hal_magazine {
    void **top;   /* behind the object that is taken next */
    void **end;   /* where the last one goes that fits */
    void *bottom; /* [I] NULL: what is found in an empty one */
    void *rounds[HAL_MAGAZINE_ROUNDS];
};

/* From hal_arch/magazine.h:
 *   HAL_MAGAZINE(kind)   the form in which a kind costs this machine no scaling: a multiple of it
 *   hal_magazine_t       holds HAL_MAGAZINE(HAL_MAGAZINES), and is small */

/**
 * @brief Take the object of a kind that was given last; what upcall_magazine_empty() says, if there
 * is none.
 * @param unused  Anything. It takes the register that the result comes in, so that a machine can
 *                write that before the end and still begin again.
 * @param kind    By HAL_MAGAZINE().
 * @context{any but NMI}
 */
void *hal_magazine_pop(size_t unused, size_t kind);

/** @brief Give an object, which is anything but NULL. If there is no room for it, that is
 * upcall_magazine_full()'s. Called by its name only, as the other two are: none is where an
 * indirect call may land. @param kind  By HAL_MAGAZINE(). @context{any but NMI} */
void hal_magazine_push(void *object, size_t kind);
/** @brief As hal_magazine_push(); the object that was given last is upcall_magazine_full()'s, too,
 * room or not. (So may it be for the other, where looking costs nothing.) */
void hal_magazine_push_checked(void *object, size_t kind);

/** @brief If it interrupted one of these two before its end: let it begin again. @context{IRQ,
 * before anything that takes or gives} */
static inline void hal_frame_restart(struct hal_frame *frame);
/** Private: in the machine's trap code, when the first look says that it may be due. */
void hal_frame_restart_now(struct hal_frame *frame);

#include "hal_arch/magazine.h"

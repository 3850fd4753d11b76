// SPDX-License-Identifier: MIT
//
// A CPU's own stacks of free objects, one for each kind. The objects that are allocated and freed
// most often are handled here in a few instructions, without a lock and without masking interrupts.
//
// Both operations are restartable: if an interrupt arrives in the middle, the interrupted code
// starts again (hal_frame_restart()), on whichever CPU it is then. So a half-completed operation is
// never visible, and a thread that migrates uses the magazine of its new CPU.
#pragma once

#include "hal/types.h"

struct hal_frame;

#define HAL_MAGAZINES       29 /* number of kinds, from 0 on */
#define HAL_MAGAZINE_ROUNDS 29 /* maximum number of objects */

/** Field protection:  accessed by the owning CPU, with the functions below or with interrupts
 * masked. Other CPUs may read `top`, relaxed, and then see a slightly old value. */
struct hal_magazine {
    void **top;   /* after the object that is allocated next */
    void **end;   /* last position for an object */
    void *bottom; /* [I] NULL: the "object" below the first one, found in an empty magazine */
    void *rounds[HAL_MAGAZINE_ROUNDS];
};

/* From hal_arch/magazine.h:
 *   HAL_MAGAZINE(kind)   a multiple of the kind, in the form that this machine need not scale
 *   hal_magazine_t       can hold HAL_MAGAZINE(HAL_MAGAZINES), and is small */

/**
 * @brief Allocate the object of a kind that was freed last; if there is none, return the result of
 * upcall_magazine_empty().
 * @param unused  Any value. It occupies the register of the result, so that a machine can write
 * that register before the end and still start again.
 * @param kind    From HAL_MAGAZINE().
 * @context{any but NMI}
 */
void *hal_magazine_pop(size_t unused, size_t kind);

/** @brief Free an object, which must not be NULL. If there is no room for it,
 * upcall_magazine_full() gets it. Like the other two functions it may be called only by name: none
 * of them is a valid target of an indirect call. @param kind  From HAL_MAGAZINE().
 * @context{any but NMI} */
void hal_magazine_push(void *object, size_t kind);
/** @brief As hal_magazine_push(); if the object is the one that was freed last,
 * upcall_magazine_full() gets it, too, whether there is room or not. (hal_magazine_push() may do
 * that as well, where the check costs nothing.) */
void hal_magazine_push_checked(void *object, size_t kind);

/** @brief If the interrupt came inside one of these functions, make it start again. @context{IRQ,
 * before anything that allocates or frees} */
static inline void hal_frame_restart(struct hal_frame *frame);
/** Private: in the machine's trap code, called if
 * the first check finds that it may be necessary. */
void hal_frame_restart_now(struct hal_frame *frame);

#include "hal_arch/magazine.h"

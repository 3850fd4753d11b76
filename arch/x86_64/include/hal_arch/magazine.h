// SPDX-License-Identifier: MIT
//
// hal/magazine.h: the code that may have to start again is in one place, in magazine.S.
#pragma once

#include "hal/magazine.h"
#include "hal_arch/frame.h"
#include "kernel/lib/compiler.h"

#define HAL_MAGAZINE(kind) ((kind) << 8) /* offset in bytes */
typedef uint16_t hal_magazine_t;

/* The code of both functions has at most this size, and is aligned to it. */
#define HAL_MAGAZINE_CODE 128u
extern const char hal_magazine_code[];

static inline void hal_frame_restart(struct hal_frame *frame)
{
    if (UNLIKELY((frame->rip & ~(uint64_t)(HAL_MAGAZINE_CODE - 1)) ==
                 (uintptr_t)hal_magazine_code)) {
        hal_frame_restart_now(frame);
    }
}

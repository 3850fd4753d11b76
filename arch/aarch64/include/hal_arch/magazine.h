// SPDX-License-Identifier: MIT
//
// hal/magazine.h: what may have to begin again lies together, in magazine.S.
#pragma once

#include "hal/magazine.h"
#include "hal_arch/frame.h"
#include "kernel/lib/compiler.h"

#define HAL_MAGAZINE(kind) (kind) /* an instruction scales while it adds */
typedef uint8_t hal_magazine_t;

/* Of both functions' code: it lies in so many bytes, which are aligned. */
#define HAL_MAGAZINE_CODE 128u
extern const char hal_magazine_code[];

static inline void hal_frame_restart(struct hal_frame *frame)
{
    if (UNLIKELY((frame->pc & ~(uint64_t)(HAL_MAGAZINE_CODE - 1)) ==
                 (uintptr_t)hal_magazine_code)) {
        hal_frame_restart_now(frame);
    }
}

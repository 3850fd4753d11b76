// SPDX-License-Identifier: MIT
//
// hal/magazine.h: what may have to begin again lies together, in magazine.S.
#pragma once

#include "hal/magazine.h"
#include "hal_arch/frame.h"
#include "kernel/lib/compiler.h"

#define HAL_MAGAZINE(kind) ((kind) << 8) /* bytes */
typedef uint16_t hal_magazine_t;

extern const char hal_magazine_code[], hal_magazine_code_end[];

static inline void hal_frame_restart(struct hal_frame *frame)
{
    if (UNLIKELY(frame->rip - (uintptr_t)hal_magazine_code <
                 (uintptr_t)hal_magazine_code_end - (uintptr_t)hal_magazine_code)) {
        hal_frame_restart_now(frame);
    }
}

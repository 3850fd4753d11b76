// SPDX-License-Identifier: MIT
//
// Words for assembly files.
#pragma once

.macro FUNCTION name.globl  \name.type   \name, % function.balign 16
\name :.endm

            .macro LOCAL_FUNCTION name.type   \name,
    % function.balign 16
\name :.endm

            .macro END name.size   \name,
    .- \name.endm

            /* Address of a symbol, PC-relative: true to where the image runs, before the MMU is on
               and after. */
            .macro ADDRESS reg,
    symbol adrp    \reg, \symbol add     \reg, \reg,
    : lo12 :\symbol
          .endm

          /* A constant of up to 32 bits. */
          .macro CONSTANT reg,
    value movz    \reg,
    #((\value) & 0xffff) movk    \reg,
    #(((\value) >> 16) & 0xffff),
    lsl #16.endm

// SPDX-License-Identifier: MIT
// For sources that include it and, built for us, use unwind.h in its place.
#pragma once
typedef int jmp_buf[1];

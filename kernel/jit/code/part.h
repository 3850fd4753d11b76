// SPDX-License-Identifier: MIT
//
// The parts of loaded or compiled code in memory.
#pragma once

/** By protection: read and execute, read, read and write. */
enum load_part {
    LOAD_CODE,
    LOAD_RODATA,
    LOAD_DATA,
    LOAD_PART_COUNT,
};

// SPDX-License-Identifier: MIT
//
// Partitions as block devices: `vda1` is a part of `vda`.
#pragma once

/** @brief Read the partition table of each disk that was registered since the last call, and
 *     register its partitions. A table that is wrong is logged and has none. They are removed
 *     with their disk.
 * @context{thread, may sleep} */
void partition_find_new(void);

// SPDX-License-Identifier: MIT
//
// The interface between host calls and native programs, version 1. programs/sdk/halyard.h has the
// same for programs; tests/unit/test_export.c compares the two.
#pragma once

#include <stdint.h>

enum abi_open_flags {
    ABI_OPEN_READ = 1,
    ABI_OPEN_WRITE = 2,
    ABI_OPEN_CREATE = 4,
    ABI_OPEN_TRUNCATE = 8,
    ABI_OPEN_EXCLUSIVE = 16,
    ABI_OPEN_APPEND = 32,
    ABI_OPEN_DIRECTORY = 64,
};

enum abi_file_type { ABI_REGULAR, ABI_DIRECTORY, ABI_SYMLINK, ABI_DEVICE, ABI_OTHER };

struct abi_stat {
    uint64_t inode, size, mtime_s;
    uint32_t type, mode;
};

struct abi_dir_entry {
    uint64_t inode;
    uint32_t type;
    char name[256];
};

enum abi_terminal_mode { ABI_TERMINAL_LINES, ABI_TERMINAL_KEYS, ABI_TERMINAL_RAW };

struct abi_terminal_size {
    uint32_t columns, rows;
};

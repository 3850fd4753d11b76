// SPDX-License-Identifier: MIT
//
// A program of the kernel with WASI over the memory file system, for host tests: its folder is
// /tmp/home; files beside it must stay out of reach.
#pragma once

#include "wasi/guest.h"

#include <stdbool.h>

#define READ_WRITE                                                                                 \
    (WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL |          \
     WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_FD_FILESTAT_SET_SIZE | WASI_RIGHT_FD_ALLOCATE |       \
     WASI_RIGHT_FD_FILESTAT_SET_TIMES | WASI_RIGHT_FD_ADVISE | WASI_RIGHT_FD_SYNC |                \
     WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_FDSTAT_SET_FLAGS)

#define TOP 3u /* the folder: /tmp/home, known as "/" */

extern struct guest g;

/** Run once, and around each test. */
int wasi_env_setup_once(void **state);
int wasi_env_start(void **state);
int wasi_env_finish(void **state);

/** Create a file below the folder and open it. */
uint32_t open_new(const char *path);
void make(const char *path);
void make_dir(const char *path);
void make_link(const char *target, const char *name);
/** Call path_rename, path_link or path_symlink below the folder. */
uint32_t two_paths(const char *call, const char *from, const char *to);
/** path_filestat_get below the folder, to GUEST_BUFFER. */
uint32_t stat_path(const char *path, bool follow);
uint32_t write_text(uint32_t fd, const char *text);
/** Check a file's contents as the kernel sees them. */
void expect_text(const char *path, const char *text);

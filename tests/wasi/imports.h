// SPDX-License-Identifier: MIT
//
// The calls of preview 1 as the module imports them, with addresses as numbers: a test can
// pass what no C library would.
#pragma once

#include <stdint.h>
#include <string.h>

#define IMPORT(name)                                                                               \
    __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) int32_t raw_##name

IMPORT(args_get)(uint32_t argv, uint32_t bytes);
IMPORT(args_sizes_get)(uint32_t count, uint32_t size);
IMPORT(environ_get)(uint32_t environ, uint32_t bytes);
IMPORT(environ_sizes_get)(uint32_t count, uint32_t size);
IMPORT(clock_res_get)(uint32_t id, uint32_t result);
IMPORT(clock_time_get)(uint32_t id, uint64_t precision, uint32_t result);
IMPORT(fd_advise)(uint32_t fd, uint64_t offset, uint64_t len, uint32_t advice);
IMPORT(fd_allocate)(uint32_t fd, uint64_t offset, uint64_t len);
IMPORT(fd_close)(uint32_t fd);
IMPORT(fd_datasync)(uint32_t fd);
IMPORT(fd_fdstat_get)(uint32_t fd, uint32_t result);
IMPORT(fd_fdstat_set_flags)(uint32_t fd, uint32_t flags);
IMPORT(fd_fdstat_set_rights)(uint32_t fd, uint64_t base, uint64_t inheriting);
IMPORT(fd_filestat_get)(uint32_t fd, uint32_t result);
IMPORT(fd_filestat_set_size)(uint32_t fd, uint64_t size);
IMPORT(fd_filestat_set_times)(uint32_t fd, uint64_t atim, uint64_t mtim, uint32_t flags);
IMPORT(fd_pread)(uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset, uint32_t result);
IMPORT(fd_prestat_dir_name)(uint32_t fd, uint32_t path, uint32_t len);
IMPORT(fd_prestat_get)(uint32_t fd, uint32_t result);
IMPORT(fd_pwrite)(uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset, uint32_t result);
IMPORT(fd_read)(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t result);
IMPORT(fd_readdir)(uint32_t fd, uint32_t buf, uint32_t len, uint64_t cookie, uint32_t result);
IMPORT(fd_renumber)(uint32_t from, uint32_t to);
IMPORT(fd_seek)(uint32_t fd, int64_t offset, uint32_t whence, uint32_t result);
IMPORT(fd_sync)(uint32_t fd);
IMPORT(fd_tell)(uint32_t fd, uint32_t result);
IMPORT(fd_write)(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t result);
IMPORT(path_create_directory)(uint32_t fd, uint32_t path, uint32_t len);
IMPORT(path_filestat_get)
(uint32_t fd, uint32_t flags, uint32_t path, uint32_t len, uint32_t result);
IMPORT(path_filestat_set_times)
(uint32_t fd, uint32_t lookup, uint32_t path, uint32_t len, uint64_t atim, uint64_t mtim,
 uint32_t flags);
IMPORT(path_link)
(uint32_t fd, uint32_t lookup, uint32_t path, uint32_t len, uint32_t to_fd, uint32_t to,
 uint32_t to_len);
IMPORT(path_open)
(uint32_t fd, uint32_t lookup, uint32_t path, uint32_t len, uint32_t oflags, uint64_t base,
 uint64_t inheriting, uint32_t fdflags, uint32_t result);
IMPORT(path_readlink)
(uint32_t fd, uint32_t path, uint32_t len, uint32_t buf, uint32_t buf_len, uint32_t result);
IMPORT(path_remove_directory)(uint32_t fd, uint32_t path, uint32_t len);
IMPORT(path_rename)
(uint32_t fd, uint32_t path, uint32_t len, uint32_t to_fd, uint32_t to, uint32_t to_len);
IMPORT(path_symlink)(uint32_t target, uint32_t len, uint32_t fd, uint32_t path, uint32_t path_len);
IMPORT(path_unlink_file)(uint32_t fd, uint32_t path, uint32_t len);
IMPORT(poll_oneoff)(uint32_t in, uint32_t out, uint32_t count, uint32_t result);
IMPORT(proc_raise)(uint32_t signal);
IMPORT(random_get)(uint32_t buf, uint32_t len);
IMPORT(sched_yield)(void);
IMPORT(sock_accept)(uint32_t fd, uint32_t flags, uint32_t result);
IMPORT(sock_recv)
(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t flags, uint32_t len, uint32_t out_flags);
IMPORT(sock_send)(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t flags, uint32_t len);
IMPORT(sock_shutdown)(uint32_t fd, uint32_t how);

/** An address as a call's argument. */
#define AT(p) ((uint32_t)(uintptr_t)(p))

/** A string literal or array of text as two arguments: its address and length. */
#define TEXT(s) AT(s), (uint32_t)strlen(s)

/** An address outside the memory. */
#define NOWHERE 0xfffffff0u

/** The folder that a program gets; tests work in TOP, which may be one below it. */
#define FOLDER 3
static uint32_t top = FOLDER;
#define TOP top

/** Work in a folder below the program's, if one is named: in the guest the program's folder is the
 * whole name space, of which only some is writable. @return false: the folder does not exist. */
static inline int enter(const char *below)
{
    uint64_t all =
        /* the rights to write, which a directory does not have */
        0x3fffffff & ~(uint64_t)(1 << 6 | 1 << 8 | 1 << 22);
    uint32_t fd;
    if (below == NULL) {
        return 1;
    }
    int32_t e = raw_path_open(FOLDER, 0, AT(below), (uint32_t)strlen(below), 2, all, 0x3fffffff, 0,
                              AT(&fd));
    top = fd;
    return e == 0;
}

// SPDX-License-Identifier: MIT
//
// The numbers and layouts of WASI preview 1 (the module wasi_snapshot_preview1), on which a program
// and its host agree. All values in memory are little-endian. Structures are described by the
// offsets of their fields, because they may be at any address of the program's memory.
#pragma once

#include <stdint.h>

enum wasi_errno {
    WASI_SUCCESS = 0,
    WASI_E2BIG = 1,
    WASI_EACCES = 2,
    WASI_EAGAIN = 6,
    WASI_EBADF = 8,
    WASI_EBUSY = 10,
    WASI_ECANCELED = 11,
    WASI_EDQUOT = 19,
    WASI_EEXIST = 20,
    WASI_EFAULT = 21,
    WASI_EFBIG = 22,
    WASI_EILSEQ = 25,
    WASI_EINTR = 27,
    WASI_EINVAL = 28,
    WASI_EIO = 29,
    WASI_EISDIR = 31,
    WASI_ELOOP = 32,
    WASI_EMFILE = 33,
    WASI_EMLINK = 34,
    WASI_ENAMETOOLONG = 37,
    WASI_ENFILE = 41,
    WASI_ENODEV = 43,
    WASI_ENOENT = 44,
    WASI_ENOMEM = 48,
    WASI_ENOSPC = 51,
    WASI_ENOSYS = 52,
    WASI_ENOTDIR = 54,
    WASI_ENOTEMPTY = 55,
    WASI_ENOTSOCK = 57,
    WASI_ENOTSUP = 58,
    WASI_ENOTTY = 59,
    WASI_ENXIO = 60,
    WASI_EOVERFLOW = 61,
    WASI_EPERM = 63,
    WASI_EPIPE = 64,
    WASI_ERANGE = 68,
    WASI_EROFS = 69,
    WASI_ESPIPE = 70,
    WASI_ETIMEDOUT = 73,
    WASI_ETXTBSY = 74,
    WASI_EXDEV = 75,
    WASI_ENOTCAPABLE = 76,
};

enum wasi_file_type {
    WASI_TYPE_UNKNOWN = 0,
    WASI_TYPE_BLOCK_DEVICE = 1,
    WASI_TYPE_CHARACTER_DEVICE = 2,
    WASI_TYPE_DIRECTORY = 3,
    WASI_TYPE_REGULAR_FILE = 4,
    WASI_TYPE_SOCKET_DGRAM = 5,
    WASI_TYPE_SOCKET_STREAM = 6,
    WASI_TYPE_SYMBOLIC_LINK = 7,
};

/* Rights: the operations that a descriptor allows. */
#define WASI_RIGHT_FD_DATASYNC             ((uint64_t)1 << 0)
#define WASI_RIGHT_FD_READ                 ((uint64_t)1 << 1)
#define WASI_RIGHT_FD_SEEK                 ((uint64_t)1 << 2)
#define WASI_RIGHT_FD_FDSTAT_SET_FLAGS     ((uint64_t)1 << 3)
#define WASI_RIGHT_FD_SYNC                 ((uint64_t)1 << 4)
#define WASI_RIGHT_FD_TELL                 ((uint64_t)1 << 5)
#define WASI_RIGHT_FD_WRITE                ((uint64_t)1 << 6)
#define WASI_RIGHT_FD_ADVISE               ((uint64_t)1 << 7)
#define WASI_RIGHT_FD_ALLOCATE             ((uint64_t)1 << 8)
#define WASI_RIGHT_PATH_CREATE_DIRECTORY   ((uint64_t)1 << 9)
#define WASI_RIGHT_PATH_CREATE_FILE        ((uint64_t)1 << 10)
#define WASI_RIGHT_PATH_LINK_SOURCE        ((uint64_t)1 << 11)
#define WASI_RIGHT_PATH_LINK_TARGET        ((uint64_t)1 << 12)
#define WASI_RIGHT_PATH_OPEN               ((uint64_t)1 << 13)
#define WASI_RIGHT_FD_READDIR              ((uint64_t)1 << 14)
#define WASI_RIGHT_PATH_READLINK           ((uint64_t)1 << 15)
#define WASI_RIGHT_PATH_RENAME_SOURCE      ((uint64_t)1 << 16)
#define WASI_RIGHT_PATH_RENAME_TARGET      ((uint64_t)1 << 17)
#define WASI_RIGHT_PATH_FILESTAT_GET       ((uint64_t)1 << 18)
#define WASI_RIGHT_PATH_FILESTAT_SET_SIZE  ((uint64_t)1 << 19)
#define WASI_RIGHT_PATH_FILESTAT_SET_TIMES ((uint64_t)1 << 20)
#define WASI_RIGHT_FD_FILESTAT_GET         ((uint64_t)1 << 21)
#define WASI_RIGHT_FD_FILESTAT_SET_SIZE    ((uint64_t)1 << 22)
#define WASI_RIGHT_FD_FILESTAT_SET_TIMES   ((uint64_t)1 << 23)
#define WASI_RIGHT_PATH_SYMLINK            ((uint64_t)1 << 24)
#define WASI_RIGHT_PATH_REMOVE_DIRECTORY   ((uint64_t)1 << 25)
#define WASI_RIGHT_PATH_UNLINK_FILE        ((uint64_t)1 << 26)
#define WASI_RIGHT_POLL_FD_READWRITE       ((uint64_t)1 << 27)
#define WASI_RIGHT_SOCK_SHUTDOWN           ((uint64_t)1 << 28)
#define WASI_RIGHT_SOCK_ACCEPT             ((uint64_t)1 << 29)
#define WASI_RIGHTS_ALL                    (((uint64_t)1 << 30) - 1)

enum wasi_fdflags {
    WASI_FDFLAG_APPEND = 1,
    WASI_FDFLAG_DSYNC = 2,
    WASI_FDFLAG_NONBLOCK = 4,
    WASI_FDFLAG_RSYNC = 8,
    WASI_FDFLAG_SYNC = 16,
    WASI_FDFLAGS_ALL = 31,
};

enum wasi_oflags {
    WASI_OFLAG_CREAT = 1,
    WASI_OFLAG_DIRECTORY = 2,
    WASI_OFLAG_EXCL = 4,
    WASI_OFLAG_TRUNC = 8,
    WASI_OFLAGS_ALL = 15,
};

enum wasi_lookupflags { WASI_LOOKUP_SYMLINK_FOLLOW = 1 };

enum wasi_fstflags {
    WASI_FST_ATIM = 1,
    WASI_FST_ATIM_NOW = 2,
    WASI_FST_MTIM = 4,
    WASI_FST_MTIM_NOW = 8,
    WASI_FST_ALL = 15,
};

enum wasi_whence { WASI_WHENCE_SET, WASI_WHENCE_CUR, WASI_WHENCE_END, WASI_WHENCE_COUNT };

enum wasi_advice { WASI_ADVICE_COUNT = 6 };

enum wasi_clock_id {
    WASI_CLOCK_REALTIME,
    WASI_CLOCK_MONOTONIC,
    WASI_CLOCK_PROCESS_CPU,
    WASI_CLOCK_THREAD_CPU,
    WASI_CLOCK_COUNT,
};

enum wasi_event_type { WASI_EVENT_CLOCK, WASI_EVENT_FD_READ, WASI_EVENT_FD_WRITE };

enum wasi_signal {
    WASI_SIGNAL_NONE = 0,
    WASI_SIGNAL_CHLD = 16,
    WASI_SIGNAL_CONT = 17,
    WASI_SIGNAL_STOP = 18,
    WASI_SIGNAL_TSTP = 19,
    WASI_SIGNAL_TTIN = 20,
    WASI_SIGNAL_TTOU = 21,
    WASI_SIGNAL_URG = 22,
    WASI_SIGNAL_WINCH = 27,
    WASI_SIGNAL_COUNT = 31,
};

#define WASI_EVENT_HANGUP   1 /* eventrwflags */
#define WASI_CLOCK_ABSOLUTE 1 /* subclockflags */
#define WASI_PREOPEN_DIR    0 /* preopentype */

/* Structures: bytes, and offsets of fields. */
enum {
    WASI_IOVEC_SIZE = 8, /* u32 buffer, u32 length */

    WASI_FDSTAT_SIZE = 24,
    WASI_FDSTAT_TYPE = 0,        /* u8 */
    WASI_FDSTAT_FLAGS = 2,       /* u16 */
    WASI_FDSTAT_BASE = 8,        /* u64 */
    WASI_FDSTAT_INHERITING = 16, /* u64 */

    WASI_FILESTAT_SIZE = 64, /* all u64 but the type */
    WASI_FILESTAT_DEV = 0,
    WASI_FILESTAT_INO = 8,
    WASI_FILESTAT_TYPE = 16, /* u8 */
    WASI_FILESTAT_NLINK = 24,
    WASI_FILESTAT_LENGTH = 32,
    WASI_FILESTAT_ATIM = 40,
    WASI_FILESTAT_MTIM = 48,
    WASI_FILESTAT_CTIM = 56,

    WASI_DIRENT_SIZE = 24,   /* the name follows */
    WASI_DIRENT_NEXT = 0,    /* u64 */
    WASI_DIRENT_INO = 8,     /* u64 */
    WASI_DIRENT_NAMLEN = 16, /* u32 */
    WASI_DIRENT_TYPE = 20,   /* u8 */

    WASI_PRESTAT_SIZE = 8,
    WASI_PRESTAT_TAG = 0, /* u8 */
    WASI_PRESTAT_LEN = 4, /* u32 */

    WASI_SUBSCRIPTION_SIZE = 48,
    WASI_SUBSCRIPTION_USERDATA = 0, /* u64 */
    WASI_SUBSCRIPTION_TAG = 8,      /* u8 */
    WASI_SUBSCRIPTION_FD = 16,      /* u32 */
    WASI_SUBSCRIPTION_CLOCK = 16,   /* u32 */
    WASI_SUBSCRIPTION_TIMEOUT = 24, /* u64 */
    WASI_SUBSCRIPTION_FLAGS = 40,   /* u16 */

    WASI_EVENT_SIZE = 32,
    WASI_EVENT_USERDATA = 0, /* u64 */
    WASI_EVENT_ERROR = 8,    /* u16 */
    WASI_EVENT_TYPE = 10,    /* u8 */
    WASI_EVENT_NBYTES = 16,  /* u64 */
    WASI_EVENT_FLAGS = 24,   /* u16 */
};

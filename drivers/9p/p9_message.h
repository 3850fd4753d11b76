// SPDX-License-Identifier: MIT
//
// Messages of 9P2000.L: encoding of requests, checks and decoding of answers. Pure: it knows
// neither files nor devices. The server is not trusted: no number in an answer is used before it is
// checked against what was asked and against the bytes that arrived.
//
// All numbers are little-endian. A message is its length in 4 bytes (these included), its type, a
// tag that pairs answer and request, and the fields of the type. A text has its length before it.
#pragma once

#include "kernel/fs/vfs.h"
#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Types of requests. An answer has the type after its request's. */
enum p9_type {
    P9_ERROR = 7, /**< the answer to a request that failed */
    P9_STATFS = 8,
    P9_OPEN = 12,
    P9_CREATE = 14,
    P9_SYMLINK = 16,
    P9_READ_LINK = 22,
    P9_GET_ATTR = 24,
    P9_SET_ATTR = 26,
    P9_READ_DIR = 40,
    P9_LINK = 70,
    P9_MKDIR = 72,
    P9_RENAME = 74,
    P9_UNLINK = 76,
    P9_VERSION = 100,
    P9_ATTACH = 104,
    P9_FLUSH = 108,
    P9_WALK = 110,
    P9_READ = 116,
    P9_WRITE = 118,
    P9_CLUNK = 120,
};

#define P9_HEADER 7u /* length, type, tag */
#define P9_READ_HEAD                                                                               \
    11u /* of an answer with data: header, number of bytes. Also a whole P9_ERROR */
#define P9_WRITE_HEAD 23u /* of a request with data: header, fid, offset, number of bytes */
#define P9_NO_TAG     0xffffu
#define P9_NO_FID     0xffffffffu
#define P9_DIALECT    "9P2000.L"

/** Largest request without its data, and largest answer without its data: a link's target. */
#define P9_REQUEST_MAX 2048u
#define P9_ANSWER_MAX  2048u

/** Flags of P9_OPEN and P9_CREATE: Linux's on most machines. */
enum p9_open_flags { P9_READ_ONLY = 0, P9_WRITE_ONLY = 1, P9_READ_WRITE = 2, P9_EXCLUSIVE = 0200 };

/** Flag of P9_UNLINK: the name must be a directory's. */
#define P9_REMOVE_DIRECTORY 0x200u

/** What P9_SET_ATTR changes. */
enum p9_set {
    P9_SET_SIZE = 0x8,
    P9_SET_ACCESSED = 0x10,
    P9_SET_MODIFIED = 0x20,
    P9_SET_ACCESSED_TO = 0x80,  /**< to the given time, not to the server's */
    P9_SET_MODIFIED_TO = 0x100, /**< likewise */
};

/** The server's identity of a file. */
struct p9_qid {
    uint8_t type; /* enum p9_qid_type; other bits mean nothing here */
    uint64_t path;
};
enum p9_qid_type { P9_QID_LINK = 0x02, P9_QID_DIRECTORY = 0x80 };
#define P9_QID_BYTES 13u

/** A request while it is written. */
struct p9_writer {
    uint8_t *start;
    size_t at, room;
    bool is_full; /* it did not fit */
};

void p9_begin(struct p9_writer *w, uint8_t *buf, size_t room, enum p9_type type, uint16_t tag);
void p9_put8(struct p9_writer *w, uint8_t value);
void p9_put32(struct p9_writer *w, uint32_t value);
void p9_put64(struct p9_writer *w, uint64_t value);
/** @brief Add a text; longer ones than 65,535 bytes do not fit. */
void p9_put_text(struct p9_writer *w, const char *text, size_t len);

/**
 * @brief Set the message's length.
 * @param data  Number of bytes that follow it in other memory.
 * @return its own length; 0: it did not fit.
 */
size_t p9_finish(struct p9_writer *w, uint32_t data);

/** An answer while it is read. Reading past the end gives zeroes, and sets is_short. */
struct p9_reader {
    const uint8_t *bytes;
    size_t at, len;
    bool is_short;
};

uint8_t p9_get8(struct p9_reader *r);
uint16_t p9_get16(struct p9_reader *r);
uint32_t p9_get32(struct p9_reader *r);
uint64_t p9_get64(struct p9_reader *r);
struct p9_qid p9_get_qid(struct p9_reader *r);

/** The bytes that came back for a request. */
struct p9_answer {
    const uint8_t *head; /* the first bytes of the message */
    size_t head_len;     /* how many of them are in `head`; the rest is data in other memory */
    size_t len;          /* bytes that arrived, `head` and data together */
};

/**
 * @brief Check an answer's header.
 * @param out  Set to the fields after it, as far as they are in `head`.
 * @return OK; the server's error as a status; E_CORRUPT: its length, type or tag is wrong.
 */
enum status p9_check(const struct p9_answer *a, enum p9_type request, uint16_t tag,
                     struct p9_reader *out);

/**
 * @brief Check the number of bytes in an answer with data.
 * @param asked  Number of bytes that the request asked for.
 * @return OK; E_CORRUPT: more than asked for, or more than arrived.
 */
enum status p9_check_data(const struct p9_answer *a, struct p9_reader *r, uint32_t asked,
                          uint32_t *count);

/** @brief The status for one of Linux's error numbers. Unknown ones are E_IO. */
enum status p9_status(uint32_t number);

/** @brief Decode the answer to P9_VERSION. @return OK: *size is at most what it was; E_NOTSUP:
 *     another dialect; E_CORRUPT: a size that is larger than asked for, or too small to be used. */
enum status p9_decode_version(struct p9_reader *r, uint32_t *size);

/** @brief Decode the answer to P9_WALK. @param asked  Number of names, 0 or 1. @return OK: *qid is
 *     set if there was a name; E_NOENT: the name was not found; E_CORRUPT. */
enum status p9_decode_walk(struct p9_reader *r, unsigned asked, struct p9_qid *qid);

/** The fields of P9_GET_ATTR that are used. */
struct p9_attr {
    struct p9_qid qid;
    enum file_type type;
    uint32_t mode; /* permission bits */
    uint32_t links;
    uint64_t size, blocks_512;
    uint64_t accessed_ns, modified_ns, changed_ns; /* since 1970; 0: unknown */
};

/** @brief Decode the answer to P9_GET_ATTR. @return OK; E_CORRUPT: fields are missing, it claims
 *     two types, or the size is above INT64_MAX. */
enum status p9_decode_attr(struct p9_reader *r, struct p9_attr *out);

/** @brief Decode the answer to P9_STATFS; capacities that overflow are cut.
 *  @return OK; E_CORRUPT. */
enum status p9_decode_usage(struct p9_reader *r, uint64_t *total_bytes, uint64_t *free_bytes);

/** @brief Copy the target of a link, zero-terminated. @return OK; E_NAMETOOLONG: does not fit;
 *     E_CORRUPT: it is empty, contains a zero, or is longer than the message. */
enum status p9_decode_link(struct p9_reader *r, char *buf, size_t len);

/** A request to change attributes. */
struct p9_changes {
    uint32_t what; /* enum p9_set */
    uint64_t size, accessed_ns, modified_ns;
};

/** @brief Add the fields of P9_SET_ATTR after the fid. */
void p9_put_changes(struct p9_writer *w, const struct p9_changes *c);

/**
 * @brief Decode the entry at *at in the data of P9_READ_DIR, and move *at past it.
 * @param next  Set to the offset at which a listing continues after this entry.
 * @return OK; E_NOENT: *at is the end of the data; E_CORRUPT: the entry does not end inside of the
 *     data, or its name is empty, too long, or contains a slash or a zero.
 */
enum status p9_decode_entry(const uint8_t *data, size_t len, size_t *at, uint64_t *next,
                            struct dir_entry *out);

/** @brief The type of file that a qid tells: FILE_REGULAR stands for everything that is neither
 *     directory nor link. */
enum file_type p9_type_of(const struct p9_qid *qid);

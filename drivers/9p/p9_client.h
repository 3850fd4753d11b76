// SPDX-License-Identifier: MIT
//
// A session with a 9P server: requests one by one, and the numbers (fids) by which both sides name
// files. p9_fs.c makes a file system of it.
#pragma once

#include "drivers/9p/p9_message.h"
#include "kernel/sched/mutex.h"

#include <stdatomic.h>

struct p9_transport;

/** A request on its way, and the memory for it. The transport owns the struct. */
struct p9_call {
    uint16_t tag;        /* [I] of the request and its answer */
    uint8_t *request;    /* [I] P9_REQUEST_MAX bytes */
    uint8_t *answer;     /* [I] P9_ANSWER_MAX bytes */
    size_t request_len;  /* bytes of the request in `request`; `send` follows them */
    size_t answer_room;  /* bytes of the answer that go to `answer`; the rest goes to `receive` */
    const void *send;    /* data after the request; NULL: none */
    void *receive;       /* room for the data of the answer; NULL: none */
    size_t data_len;     /* bytes at `send`, or room at `receive` */
    size_t arrived;      /* bytes of the answer, set by exchange() */
    bool is_uncancelled; /* the exchange goes on if the caller's program is ending */
};

/** What moves messages. None of the functions is optional, all may sleep. */
struct p9_transport_ops {
    /** Get the memory for a request; wait for it if all is in use. Fields other than those [I] are
     * zero. E_IO: the device does not work; E_CANCELLED. */
    enum status (*begin)(struct p9_transport *t, bool is_uncancelled, struct p9_call **out);
    /** Send the request and wait for the answer. After each result the server no longer uses the
     * memory, neither the call's nor that of the data. OK; E_IO: the device does not work;
     * E_CANCELLED; E_TIMEDOUT: no answer. The server has not served a cancelled request. */
    enum status (*exchange)(struct p9_transport *t, struct p9_call *call);
    void (*end)(struct p9_transport *t, struct p9_call *call);
    /** The session has ended; the transport may be used for another one, or freed. */
    void (*close)(struct p9_transport *t);
};

/** Embedded in the transport's own struct. */
struct p9_transport {
    const struct p9_transport_ops *ops; /* [I] */
    const char *name;                   /* [I] for messages */
    uint32_t data_max;                  /* [I] most bytes of data in one message */
};

#define P9_FIDS 65536u /* most files in use */

/** Field protection:  [I] set by p9_session_open()   [f] lock */
struct p9_session {
    struct p9_transport *transport; /* [I] */
    uint32_t data_max;              /* [I] most bytes of data in one message, as negotiated */
    struct mutex lock;
    uint32_t hint;               /* [f] where to look for a free fid */
    uint64_t fids[P9_FIDS / 64]; /* [f] a bit for each fid: it is in use */
    _Atomic bool has_complained; /* relaxed: one message about wrong answers is enough */
};

/** The fid of the root, from p9_session_open() to p9_session_close(). */
#define P9_ROOT_FID 0u

/**
 * @brief Begin a session: agree on the protocol, and attach the server's root.
 * @param s  Zeroed; the caller owns it.
 * @param t  Closed by p9_session_close(), or here on failure.
 * @return OK; E_NOTSUP: the server has another dialect; E_NOTDIR: its root is no directory;
 *     E_CORRUPT: it breaks the protocol; the transport's errors and the server's.
 */
enum status p9_session_open(struct p9_session *s, struct p9_transport *t, struct p9_qid *root);

/** @brief End the session. The other fids have been clunked. */
void p9_session_close(struct p9_session *s);

/* --- Requests. All return OK, the server's error, E_CORRUPT if its answer breaks the protocol, and
 *     the transport's errors; all may sleep. Names are as in struct fs_ops. --- */

/** @brief Get a fid for a name in a directory, or with a name of NULL a second one for the same
 *     file. @param qid Untouched without a name. @return E_NOMEM, too: all fids are in use. */
enum status p9_walk(struct p9_session *s, uint32_t from, const char *name, size_t len,
                    uint32_t *fid, struct p9_qid *qid);
/** @brief Give up a fid; it is gone on return, whatever happens. */
void p9_clunk(struct p9_session *s, uint32_t fid);
/** @brief Open a fid for reading and writing. @param flags enum p9_open_flags */
enum status p9_open(struct p9_session *s, uint32_t fid, uint32_t flags);
/** @brief Create a regular file; `fid`, a directory's, becomes the new file's, open for both. */
enum status p9_create(struct p9_session *s, uint32_t fid, const char *name, size_t len,
                      struct p9_qid *qid);
enum status p9_mkdir(struct p9_session *s, uint32_t dir, const char *name, size_t len);
enum status p9_symlink(struct p9_session *s, uint32_t dir, const char *name, size_t len,
                       const char *target);
enum status p9_link(struct p9_session *s, uint32_t fid, uint32_t dir, const char *name, size_t len);
/** @param flags  0 or P9_REMOVE_DIRECTORY */
enum status p9_unlink(struct p9_session *s, uint32_t dir, const char *name, size_t len,
                      uint32_t flags);
/** A name in a directory of the server. */
struct p9_name {
    uint32_t dir;
    const char *text;
    size_t len;
};
enum status p9_rename(struct p9_session *s, const struct p9_name *from, const struct p9_name *to);
enum status p9_get_attr(struct p9_session *s, uint32_t fid, struct p9_attr *out);
enum status p9_set_attr(struct p9_session *s, uint32_t fid, const struct p9_changes *changes);
/** @return E_NAMETOOLONG, too. */
enum status p9_read_link(struct p9_session *s, uint32_t fid, char *buf, size_t len);
enum status p9_usage(struct p9_session *s, uint64_t *total_bytes, uint64_t *free_bytes);
/** Bytes of an open file, or of a directory's listing. */
struct p9_span {
    uint32_t fid;
    uint64_t off;
    size_t len; /* at least 1 */
};
/** @brief Read or write, directly from or to `buf`, at most data_max bytes. The server may do less;
 *     it has read 0 bytes at the end of the file. */
enum status p9_read(struct p9_session *s, const struct p9_span *at, void *buf, size_t *done);
enum status p9_write(struct p9_session *s, const struct p9_span *at, const void *buf, size_t *done);
/** @brief Read entries of a directory for p9_decode_entry(). The offset is one of it, or 0. */
enum status p9_read_dir(struct p9_session *s, const struct p9_span *at, void *buf, size_t *done);

// SPDX-License-Identifier: MIT
//
// Each function is one request: begin() gets the memory, the fields are added, transact() sends it
// and checks the answer's header, end() decodes the rest and releases the memory.
#include "drivers/9p/p9_client.h"

#include "kernel/base/log.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define MODE_FILE      0644u
#define MODE_DIRECTORY 0755u
#define ATTR_WANTED    0x3ffull /* type and mode to blocks: all that struct p9_attr has */

struct request {
    struct p9_session *session;
    enum p9_type type;
    struct p9_call *call;
    struct p9_writer w;
    struct p9_reader r; /* the answer, after transact() */
    bool is_answered;   /* the server has answered, perhaps with an error */
};

static enum status begin_any(struct p9_session *s, struct request *rq, enum p9_type type,
                             bool is_uncancelled)
{
    *rq = (struct request){.session = s, .type = type};
    enum status st = s->transport->ops->begin(s->transport, is_uncancelled, &rq->call);
    if (st != OK) {
        return st;
    }
    rq->call->is_uncancelled = is_uncancelled;
    rq->call->answer_room = P9_ANSWER_MAX;
    uint16_t tag = type == P9_VERSION ? P9_NO_TAG : rq->call->tag;
    p9_begin(&rq->w, rq->call->request, P9_REQUEST_MAX, type, tag);
    return OK;
}

/* Begin a request whose first field is a fid. */
static enum status begin(struct p9_session *s, struct request *rq, enum p9_type type, uint32_t fid)
{
    enum status st = begin_any(s, rq, type, false);
    if (st == OK) {
        p9_put32(&rq->w, fid);
    }
    return st;
}

static struct p9_answer answer_of(const struct p9_call *c)
{
    return (struct p9_answer){
        .head = c->answer, .head_len = MIN(c->arrived, c->answer_room), .len = c->arrived};
}

/* Release the memory. A server that breaks the protocol is named once. */
static enum status end(struct request *rq, enum status st)
{
    struct p9_session *s = rq->session;
    s->transport->ops->end(s->transport, rq->call);
    if (st == E_CORRUPT &&
        !atomic_exchange_explicit(&s->has_complained, true, memory_order_relaxed)) {
        log_error("9p", "%s: the answer to a request of type %u breaks the protocol",
                  s->transport->name, (unsigned)rq->type);
    }
    return st;
}

/* Send, and check the answer's header. After an error the memory is released. */
static enum status transact_with_data(struct request *rq, uint32_t data)
{
    struct p9_transport *t = rq->session->transport;
    rq->call->request_len = p9_finish(&rq->w, data);
    if (rq->call->request_len == 0) {
        return end(rq, E_NAMETOOLONG);
    }
    enum status st = t->ops->exchange(t, rq->call);
    if (st == OK) {
        struct p9_answer a = answer_of(rq->call);
        uint16_t tag = rq->type == P9_VERSION ? P9_NO_TAG : rq->call->tag;
        st = p9_check(&a, rq->type, tag, &rq->r);
        rq->is_answered = st != E_CORRUPT;
    }
    return st == OK ? OK : end(rq, st);
}

static enum status transact(struct request *rq)
{
    return transact_with_data(rq, 0);
}

/* The last field has been read. */
static enum status end_read(struct request *rq)
{
    return end(rq, rq->r.is_short ? E_CORRUPT : OK);
}

static enum status transact_and_end(struct request *rq)
{
    enum status st = transact(rq);
    return st == OK ? end(rq, OK) : st;
}

/* ---- Fids ---- */

static enum status take_fid(struct p9_session *s, uint32_t *out)
{
    enum status st = E_NOMEM;
    mutex_lock(&s->lock);
    for (uint32_t i = 0; i < P9_FIDS / 64 && st != OK; i++) {
        uint32_t word = (s->hint + i) % (P9_FIDS / 64);
        if (s->fids[word] != UINT64_MAX) {
            uint32_t bit = (uint32_t)__builtin_ctzll(~s->fids[word]);
            s->fids[word] |= 1ull << bit;
            s->hint = word;
            *out = word * 64 + bit;
            st = OK;
        }
    }
    mutex_unlock(&s->lock);
    return st;
}

static void drop_fid(struct p9_session *s, uint32_t fid)
{
    mutex_lock(&s->lock);
    s->fids[fid / 64] &= ~(1ull << fid % 64);
    mutex_unlock(&s->lock);
}

/* True if the server may have made the fid or not; then the fid is never used again. A server that
 * reports an error has not made it, and a request that was not served (E_CANCELLED, E_TIMEDOUT)
 * has changed nothing. */
static bool is_unclear(const struct request *rq, enum status st)
{
    return st == E_CORRUPT || (st == E_IO && !rq->is_answered);
}

enum status p9_walk(struct p9_session *s, uint32_t from, const char *name, size_t len,
                    uint32_t *fid, struct p9_qid *qid)
{
    struct request rq;
    uint32_t fresh;
    enum status st = take_fid(s, &fresh);
    if (st != OK) {
        return st;
    }
    st = begin(s, &rq, P9_WALK, from);
    if (st == OK) {
        unsigned names = name != NULL ? 1 : 0;
        struct p9_qid found;
        p9_put32(&rq.w, fresh);
        p9_put8(&rq.w, (uint8_t)names); /* the number of names has two bytes */
        p9_put8(&rq.w, 0);
        if (name != NULL) {
            p9_put_text(&rq.w, name, len);
        }
        st = transact(&rq);
        if (st == OK) {
            st = end(&rq, p9_decode_walk(&rq.r, names, &found));
        }
        if (st == OK && name != NULL) {
            *qid = found;
        }
    }
    if (st == OK) {
        *fid = fresh;
    } else if (!is_unclear(&rq, st)) {
        drop_fid(s, fresh);
    }
    return st;
}

void p9_clunk(struct p9_session *s, uint32_t fid)
{
    struct request rq;
    if (begin_any(s, &rq, P9_CLUNK, true) == OK) {
        p9_put32(&rq.w, fid);
        (void)!transact_and_end(&rq);
    }
    /* By the protocol a fid is gone even if the server reports an error. */
    if (rq.is_answered) {
        drop_fid(s, fid);
    }
}

/* ---- Sessions ---- */

static enum status agree(struct p9_session *s)
{
    struct request rq;
    uint32_t overhead = MAX(P9_REQUEST_MAX + P9_ANSWER_MAX, P9_WRITE_HEAD);
    uint32_t size = s->transport->data_max + overhead;
    enum status st = begin_any(s, &rq, P9_VERSION, false);
    if (st != OK) {
        return st;
    }
    p9_put32(&rq.w, size);
    p9_put_text(&rq.w, P9_DIALECT, sizeof(P9_DIALECT) - 1);
    st = transact(&rq);
    if (st == OK) {
        st = end(&rq, p9_decode_version(&rq.r, &size));
    }
    if (st == OK) {
        s->data_max = MIN(s->transport->data_max, size - P9_WRITE_HEAD);
    }
    return st;
}

static enum status attach(struct p9_session *s, struct p9_qid *root)
{
    struct request rq;
    enum status st = begin(s, &rq, P9_ATTACH, P9_ROOT_FID);
    if (st != OK) {
        return st;
    }
    p9_put32(&rq.w, P9_NO_FID); /* no authentication */
    p9_put_text(&rq.w, "root", 4);
    p9_put_text(&rq.w, "", 0); /* the server's only tree */
    p9_put32(&rq.w, 0);        /* the user's number */
    st = transact(&rq);
    if (st != OK) {
        return st;
    }
    struct p9_qid qid = p9_get_qid(&rq.r);
    st = end_read(&rq);
    if (st == OK && p9_type_of(&qid) != FILE_DIRECTORY) {
        st = E_NOTDIR;
    }
    if (st == OK) {
        *root = qid;
    }
    return st;
}

enum status p9_session_open(struct p9_session *s, struct p9_transport *t, struct p9_qid *root)
{
    s->transport = t;
    s->fids[0] = 1; /* the root's */
    mutex_init(&s->lock, "9p fids");
    enum status st = agree(s);
    if (st == OK) {
        st = attach(s, root);
    }
    if (st != OK) {
        t->ops->close(t);
    }
    return st;
}

void p9_session_close(struct p9_session *s)
{
    p9_clunk(s, P9_ROOT_FID);
    s->transport->ops->close(s->transport);
}

/* ---- Files ---- */

enum status p9_open(struct p9_session *s, uint32_t fid, uint32_t flags)
{
    struct request rq;
    enum status st = begin(s, &rq, P9_OPEN, fid);
    if (st != OK) {
        return st;
    }
    p9_put32(&rq.w, flags);
    return transact_and_end(&rq);
}

enum status p9_create(struct p9_session *s, uint32_t fid, const char *name, size_t len,
                      struct p9_qid *qid)
{
    struct request rq;
    enum status st = begin(s, &rq, P9_CREATE, fid);
    if (st != OK) {
        return st;
    }
    p9_put_text(&rq.w, name, len);
    p9_put32(&rq.w, P9_READ_WRITE | P9_EXCLUSIVE);
    p9_put32(&rq.w, MODE_FILE);
    p9_put32(&rq.w, 0); /* group */
    st = transact(&rq);
    if (st == OK) {
        *qid = p9_get_qid(&rq.r);
        st = end_read(&rq);
    }
    return st == OK && p9_type_of(qid) != FILE_REGULAR ? E_CORRUPT : st;
}

enum status p9_mkdir(struct p9_session *s, uint32_t dir, const char *name, size_t len)
{
    struct request rq;
    enum status st = begin(s, &rq, P9_MKDIR, dir);
    if (st != OK) {
        return st;
    }
    p9_put_text(&rq.w, name, len);
    p9_put32(&rq.w, MODE_DIRECTORY);
    p9_put32(&rq.w, 0); /* group */
    return transact_and_end(&rq);
}

enum status p9_symlink(struct p9_session *s, uint32_t dir, const char *name, size_t len,
                       const char *target)
{
    struct request rq;
    enum status st = begin(s, &rq, P9_SYMLINK, dir);
    if (st != OK) {
        return st;
    }
    p9_put_text(&rq.w, name, len);
    p9_put_text(&rq.w, target, strlen(target));
    p9_put32(&rq.w, 0); /* group */
    return transact_and_end(&rq);
}

enum status p9_link(struct p9_session *s, uint32_t fid, uint32_t dir, const char *name, size_t len)
{
    struct request rq;
    enum status st = begin(s, &rq, P9_LINK, dir);
    if (st != OK) {
        return st;
    }
    p9_put32(&rq.w, fid);
    p9_put_text(&rq.w, name, len);
    return transact_and_end(&rq);
}

enum status p9_unlink(struct p9_session *s, uint32_t dir, const char *name, size_t len,
                      uint32_t flags)
{
    struct request rq;
    enum status st = begin(s, &rq, P9_UNLINK, dir);
    if (st != OK) {
        return st;
    }
    p9_put_text(&rq.w, name, len);
    p9_put32(&rq.w, flags);
    return transact_and_end(&rq);
}

enum status p9_rename(struct p9_session *s, const struct p9_name *from, const struct p9_name *to)
{
    struct request rq;
    enum status st = begin(s, &rq, P9_RENAME, from->dir);
    if (st != OK) {
        return st;
    }
    p9_put_text(&rq.w, from->text, from->len);
    p9_put32(&rq.w, to->dir);
    p9_put_text(&rq.w, to->text, to->len);
    return transact_and_end(&rq);
}

enum status p9_get_attr(struct p9_session *s, uint32_t fid, struct p9_attr *out)
{
    struct request rq;
    enum status st = begin(s, &rq, P9_GET_ATTR, fid);
    if (st != OK) {
        return st;
    }
    p9_put64(&rq.w, ATTR_WANTED);
    st = transact(&rq);
    return st == OK ? end(&rq, p9_decode_attr(&rq.r, out)) : st;
}

enum status p9_set_attr(struct p9_session *s, uint32_t fid, const struct p9_changes *changes)
{
    struct request rq;
    enum status st = begin(s, &rq, P9_SET_ATTR, fid);
    if (st != OK) {
        return st;
    }
    p9_put_changes(&rq.w, changes);
    return transact_and_end(&rq);
}

enum status p9_read_link(struct p9_session *s, uint32_t fid, char *buf, size_t len)
{
    struct request rq;
    enum status st = begin(s, &rq, P9_READ_LINK, fid);
    if (st != OK) {
        return st;
    }
    st = transact(&rq);
    return st == OK ? end(&rq, p9_decode_link(&rq.r, buf, len)) : st;
}

enum status p9_usage(struct p9_session *s, uint64_t *total_bytes, uint64_t *free_bytes)
{
    struct request rq;
    enum status st = begin(s, &rq, P9_STATFS, P9_ROOT_FID);
    if (st != OK) {
        return st;
    }
    st = transact(&rq);
    return st == OK ? end(&rq, p9_decode_usage(&rq.r, total_bytes, free_bytes)) : st;
}

/* ---- Data ---- */

/* Begin a request for bytes. */
static enum status begin_span(struct p9_session *s, struct request *rq, enum p9_type type,
                              const struct p9_span *at)
{
    enum status st = begin(s, rq, type, at->fid);
    if (st == OK) {
        rq->call->data_len = MIN(at->len, (size_t)s->data_max);
        p9_put64(&rq->w, at->off);
        p9_put32(&rq->w, (uint32_t)rq->call->data_len);
    }
    return st;
}

/* The answer's data goes from the device to the caller's memory. */
static enum status read_any(struct p9_session *s, enum p9_type type, const struct p9_span *at,
                            void *buf, size_t *done)
{
    struct request rq;
    enum status st = begin_span(s, &rq, type, at);
    if (st != OK) {
        return st;
    }
    rq.call->answer_room = P9_READ_HEAD;
    rq.call->receive = buf;
    st = transact(&rq);
    if (st != OK) {
        return st;
    }
    struct p9_answer a = answer_of(rq.call);
    uint32_t count;
    st = p9_check_data(&a, &rq.r, (uint32_t)rq.call->data_len, &count);
    if (st == OK) {
        *done = count;
    }
    return end(&rq, st);
}

enum status p9_read(struct p9_session *s, const struct p9_span *at, void *buf, size_t *done)
{
    return read_any(s, P9_READ, at, buf, done);
}

enum status p9_read_dir(struct p9_session *s, const struct p9_span *at, void *buf, size_t *done)
{
    return read_any(s, P9_READ_DIR, at, buf, done);
}

enum status p9_write(struct p9_session *s, const struct p9_span *at, const void *buf, size_t *done)
{
    struct request rq;
    enum status st = begin_span(s, &rq, P9_WRITE, at);
    if (st != OK) {
        return st;
    }
    uint32_t n = (uint32_t)rq.call->data_len;
    rq.call->send = buf;
    st = transact_with_data(&rq, n);
    if (st != OK) {
        return st;
    }
    uint32_t count = p9_get32(&rq.r);
    /* A server that writes nothing would make the caller try for ever. */
    bool is_wrong = rq.r.is_short || count > n || count == 0;
    st = end(&rq, is_wrong ? E_CORRUPT : OK);
    if (st == OK) {
        *done = count;
    }
    return st;
}

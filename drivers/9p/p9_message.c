// SPDX-License-Identifier: MIT
#include "drivers/9p/p9_message.h"

#include "kernel/base/clock.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

/* Smallest size of a message that is accepted: each request and answer without data fits. */
#define SIZE_MIN (P9_REQUEST_MAX + P9_ANSWER_MAX)

/* ---- Requests ---- */

static uint8_t *extend(struct p9_writer *w, size_t len)
{
    if (w->is_full || len > w->room - w->at) {
        w->is_full = true;
        return NULL;
    }
    uint8_t *to = w->start + w->at;
    w->at += len;
    return to;
}

void p9_put8(struct p9_writer *w, uint8_t value)
{
    uint8_t *to = extend(w, 1);
    if (to != NULL) {
        *to = value;
    }
}

static void put16(struct p9_writer *w, uint16_t value)
{
    uint8_t *to = extend(w, 2);
    if (to != NULL) {
        store_le16(to, value);
    }
}

void p9_put32(struct p9_writer *w, uint32_t value)
{
    uint8_t *to = extend(w, 4);
    if (to != NULL) {
        store_le32(to, value);
    }
}

void p9_put64(struct p9_writer *w, uint64_t value)
{
    uint8_t *to = extend(w, 8);
    if (to != NULL) {
        store_le64(to, value);
    }
}

void p9_put_text(struct p9_writer *w, const char *text, size_t len)
{
    w->is_full |= len > UINT16_MAX;
    put16(w, (uint16_t)len);
    uint8_t *to = extend(w, len);
    if (to != NULL) {
        memcpy(to, text, len);
    }
}

void p9_begin(struct p9_writer *w, uint8_t *buf, size_t room, enum p9_type type, uint16_t tag)
{
    *w = (struct p9_writer){.start = buf, .room = room};
    p9_put32(w, 0); /* the length, see p9_finish() */
    p9_put8(w, (uint8_t)type);
    put16(w, tag);
}

size_t p9_finish(struct p9_writer *w, uint32_t data)
{
    uint32_t len;
    if (w->is_full || ADD_OVERFLOWS((uint32_t)w->at, data, &len)) {
        return 0;
    }
    store_le32(w->start, len);
    return w->at;
}

static void put_time(struct p9_writer *w, uint64_t ns)
{
    p9_put64(w, ns / NS_PER_S);
    p9_put64(w, ns % NS_PER_S);
}

void p9_put_changes(struct p9_writer *w, const struct p9_changes *c)
{
    p9_put32(w, c->what);
    p9_put32(w, 0); /* mode, owner and group stay as they are */
    p9_put32(w, 0);
    p9_put32(w, 0);
    p9_put64(w, c->size);
    put_time(w, c->accessed_ns);
    put_time(w, c->modified_ns);
}

/* ---- Answers ---- */

static const uint8_t *advance(struct p9_reader *r, size_t len)
{
    if (r->is_short || len > r->len - r->at) {
        r->is_short = true;
        return NULL;
    }
    const uint8_t *from = r->bytes + r->at;
    r->at += len;
    return from;
}

uint8_t p9_get8(struct p9_reader *r)
{
    const uint8_t *from = advance(r, 1);
    return from == NULL ? 0 : *from;
}

uint16_t p9_get16(struct p9_reader *r)
{
    const uint8_t *from = advance(r, 2);
    return from == NULL ? 0 : load_le16(from);
}

uint32_t p9_get32(struct p9_reader *r)
{
    const uint8_t *from = advance(r, 4);
    return from == NULL ? 0 : load_le32(from);
}

uint64_t p9_get64(struct p9_reader *r)
{
    const uint8_t *from = advance(r, 8);
    return from == NULL ? 0 : load_le64(from);
}

struct p9_qid p9_get_qid(struct p9_reader *r)
{
    struct p9_qid qid = {.type = p9_get8(r)};
    (void)p9_get32(r); /* the version changes with the contents; nothing is cached */
    qid.path = p9_get64(r);
    return qid;
}

enum status p9_status(uint32_t number)
{
    static const struct {
        uint8_t number;
        int8_t status;
    } known[] = {
        {1, E_PERM},      {2, E_NOENT},        {4, E_CANCELLED}, {5, E_IO},
        {11, E_BUSY},     {12, E_NOMEM},       {13, E_PERM},     {16, E_BUSY},
        {17, E_EXIST},    {18, E_XDEV},        {20, E_NOTDIR},   {21, E_ISDIR},
        {22, E_INVAL},    {23, E_NOMEM},       {24, E_NOMEM},    {26, E_BUSY},
        {27, E_OVERFLOW}, {28, E_NOSPC},       {30, E_ROFS},     {31, E_OVERFLOW},
        {34, E_RANGE},    {36, E_NAMETOOLONG}, {38, E_NOTSUP},   {39, E_NOTEMPTY},
        {40, E_LOOP},     {75, E_OVERFLOW},    {95, E_NOTSUP},   {110, E_TIMEDOUT},
        {116, E_NOENT},   {122, E_NOSPC},
    };
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (known[i].number == number) {
            return (enum status)known[i].status;
        }
    }
    return E_IO;
}

enum status p9_check(const struct p9_answer *a, enum p9_type request, uint16_t tag,
                     struct p9_reader *out)
{
    struct p9_reader r = {.bytes = a->head, .len = a->head_len};
    uint32_t len = p9_get32(&r);
    uint8_t type = p9_get8(&r);
    uint16_t its_tag = p9_get16(&r);
    if (r.is_short || len < P9_HEADER || len > a->len || its_tag != tag) {
        return E_CORRUPT;
    }
    r.len = MIN(r.len, (size_t)len);
    if (type == P9_ERROR) {
        uint32_t number = p9_get32(&r);
        return r.is_short || number == 0 ? E_CORRUPT : p9_status(number);
    }
    if (type != (uint8_t)request + 1) {
        return E_CORRUPT;
    }
    *out = r;
    return OK;
}

enum status p9_check_data(const struct p9_answer *a, struct p9_reader *r, uint32_t asked,
                          uint32_t *count)
{
    uint32_t n = p9_get32(r);
    uint32_t len = load_le32(a->head); /* p9_check() has compared it with a->len */
    if (r->is_short || n > asked || n > len - P9_READ_HEAD) {
        return E_CORRUPT;
    }
    *count = n;
    return OK;
}

enum status p9_decode_version(struct p9_reader *r, uint32_t *size)
{
    uint32_t offered = p9_get32(r);
    uint16_t len = p9_get16(r);
    const uint8_t *text = advance(r, len);
    if (text == NULL || offered > *size || offered < SIZE_MIN) {
        return E_CORRUPT;
    }
    if (len != sizeof(P9_DIALECT) - 1 || memcmp(text, P9_DIALECT, len) != 0) {
        return E_NOTSUP;
    }
    *size = offered;
    return OK;
}

enum status p9_decode_walk(struct p9_reader *r, unsigned asked, struct p9_qid *qid)
{
    uint16_t found = p9_get16(r);
    struct p9_qid q = {0};
    if (found > asked) {
        return E_CORRUPT;
    }
    if (found != 0) {
        q = p9_get_qid(r);
    }
    if (r->is_short) {
        return E_CORRUPT;
    }
    if (found < asked) {
        return E_NOENT;
    }
    *qid = q;
    return OK;
}

enum file_type p9_type_of(const struct p9_qid *qid)
{
    return (qid->type & P9_QID_DIRECTORY) != 0 ? FILE_DIRECTORY
           : (qid->type & P9_QID_LINK) != 0    ? FILE_SYMLINK
                                               : FILE_REGULAR;
}

static enum file_type type_of_mode(uint32_t mode)
{
    switch (mode & 0170000) {
    case 0100000:
        return FILE_REGULAR;
    case 0040000:
        return FILE_DIRECTORY;
    case 0120000:
        return FILE_SYMLINK;
    default:
        return FILE_OTHER; /* a device or pipe of the host cannot be used from here */
    }
}

/* Times before 1970, and those that do not fit, are unknown. */
static uint64_t get_time(struct p9_reader *r)
{
    uint64_t s = p9_get64(r), ns = p9_get64(r), time;
    return ns < NS_PER_S && !MUL_OVERFLOWS(s, (uint64_t)NS_PER_S, &time) &&
                   !ADD_OVERFLOWS(time, ns, &time)
               ? time
               : 0;
}

enum status p9_decode_attr(struct p9_reader *r, struct p9_attr *out)
{
    (void)p9_get64(r); /* what is valid: all that was asked for, or it is zero */
    struct p9_attr a = {.qid = p9_get_qid(r)};
    uint32_t mode = p9_get32(r);
    a.type = type_of_mode(mode);
    a.mode = mode & 07777;
    (void)p9_get32(r); /* owner, group */
    (void)p9_get32(r);
    uint64_t links = p9_get64(r);
    a.links = (uint32_t)MIN(links, (uint64_t)UINT32_MAX);
    (void)p9_get64(r); /* device number */
    a.size = p9_get64(r);
    (void)p9_get64(r); /* preferred size of a transfer */
    a.blocks_512 = p9_get64(r);
    a.accessed_ns = get_time(r);
    a.modified_ns = get_time(r);
    a.changed_ns = get_time(r);
    enum file_type by_qid = p9_type_of(&a.qid);
    bool agrees = by_qid == a.type || (by_qid == FILE_REGULAR && a.type == FILE_OTHER);
    if (r->is_short || !agrees || a.size > INT64_MAX) {
        return E_CORRUPT;
    }
    *out = a;
    return OK;
}

static uint64_t times(uint64_t blocks, uint32_t size)
{
    uint64_t bytes;
    return MUL_OVERFLOWS(blocks, (uint64_t)size, &bytes) ? UINT64_MAX : bytes;
}

enum status p9_decode_usage(struct p9_reader *r, uint64_t *total_bytes, uint64_t *free_bytes)
{
    (void)p9_get32(r); /* kind of file system */
    uint32_t size = p9_get32(r);
    uint64_t blocks = p9_get64(r);
    (void)p9_get64(r); /* free for the host's administrator */
    uint64_t available = p9_get64(r);
    if (r->is_short || available > blocks) {
        return E_CORRUPT;
    }
    *total_bytes = times(blocks, size);
    *free_bytes = times(available, size);
    return OK;
}

enum status p9_decode_link(struct p9_reader *r, char *buf, size_t len)
{
    uint16_t n = p9_get16(r);
    const uint8_t *text = advance(r, n);
    if (text == NULL || n == 0 || strnlen((const char *)text, n) != n) {
        return E_CORRUPT;
    }
    if (n >= len) {
        return E_NAMETOOLONG;
    }
    memcpy(buf, text, n);
    buf[n] = '\0';
    return OK;
}

/* Types in a listing are those of Linux. The host's file system need not know them. */
static enum file_type type_of_entry(uint8_t type, const struct p9_qid *qid)
{
    switch (type) {
    case 0:
        return p9_type_of(qid);
    case 4:
        return FILE_DIRECTORY;
    case 8:
        return FILE_REGULAR;
    case 10:
        return FILE_SYMLINK;
    default:
        return FILE_OTHER;
    }
}

static bool is_name(const uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '/' || text[i] == '\0') {
            return false;
        }
    }
    return len != 0 && len <= VFS_NAME_MAX;
}

enum status p9_decode_entry(const uint8_t *data, size_t len, size_t *at, uint64_t *next,
                            struct dir_entry *out)
{
    struct p9_reader r = {.bytes = data, .at = *at, .len = len};
    if (r.at == len) {
        return E_NOENT;
    }
    struct p9_qid qid = p9_get_qid(&r);
    uint64_t offset = p9_get64(&r);
    enum file_type type = type_of_entry(p9_get8(&r), &qid);
    uint16_t n = p9_get16(&r);
    const uint8_t *name = advance(&r, n);
    if (name == NULL || !is_name(name, n)) {
        return E_CORRUPT;
    }
    out->inode = qid.path;
    out->type = type;
    memcpy(out->name, name, n);
    out->name[n] = '\0';
    *next = offset;
    *at = r.at;
    return OK;
}

// SPDX-License-Identifier: MIT
#include "p9/fake_server.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES    6000
#define FIDS     1024
#define CONTENTS 32768u

enum kind { FREE, REGULAR, DIRECTORY, LINK, PIPE };

static struct node {
    enum kind kind;
    unsigned parent;
    char name[VFS_NAME_MAX + 1];
    size_t len;
    uint8_t *bytes; /* NULL: none yet */
} nodes[NODES];

static unsigned node_end; /* index after the last one in use */

static struct {
    bool is_used, is_open;
    unsigned node;
} fids[FIDS];

static uint8_t out_bytes[P9_ANSWER_MAX + SERVER_DATA_MAX];
static struct p9_call the_call;
static bool is_in_call;

/* ---- The tree ---- */

static void clear(struct node *n)
{
    free(n->bytes);
    *n = (struct node){0};
}

static unsigned add(unsigned parent, const char *name, enum kind kind)
{
    for (unsigned i = 1; i < NODES; i++) {
        if (nodes[i].kind == FREE) {
            node_end = MAX(node_end, i + 1);
            nodes[i].kind = kind;
            nodes[i].parent = parent;
            snprintf(nodes[i].name, sizeof(nodes[i].name), "%s", name);
            return i;
        }
    }
    abort();
}

static unsigned find(unsigned parent, const char *name)
{
    for (unsigned i = 1; i < node_end; i++) {
        if (nodes[i].kind != FREE && nodes[i].parent == parent &&
            strcmp(nodes[i].name, name) == 0) {
            return i;
        }
    }
    return 0;
}

static void store(struct node *n, size_t off, const void *bytes, size_t len)
{
    if (n->bytes == NULL) {
        n->bytes = calloc(1, CONTENTS);
    }
    if (off > CONTENTS || len > CONTENTS - off) {
        abort();
    }
    memcpy(n->bytes + off, bytes, len);
    n->len = MAX(n->len, off + len);
}

void server_put(const char *name, const void *bytes, size_t len)
{
    unsigned i = find(0, name);
    i = i != 0 ? i : add(0, name, REGULAR);
    nodes[i].len = 0;
    store(&nodes[i], 0, bytes, len);
}

void server_drop(const char *name)
{
    clear(&nodes[find(0, name)]);
}

void server_fill(unsigned count)
{
    unsigned dir = find(0, "dir");
    for (unsigned i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "f%05u", i);
        (void)add(dir, name, REGULAR);
    }
}

void server_reset(void)
{
    for (unsigned i = 0; i < node_end; i++) {
        clear(&nodes[i]);
    }
    node_end = 1;
    memset(fids, 0, sizeof(fids));
    nodes[0].kind = DIRECTORY;
    server_put("file", "contents", 8);
    unsigned dir = add(0, "dir", DIRECTORY);
    store(&nodes[add(dir, "inside", REGULAR)], 0, "x", 1);
    store(&nodes[add(0, "link", LINK)], 0, "file", 4);
    (void)add(0, "pipe", PIPE);
    is_in_call = false;
    server.change = NULL;
    server.has_lied = false;
    server.requests = server.fids = server.sessions = server.writes = 0;
}

/* ---- Answers ---- */

/* What a correct client never does. One that was lied to may: it does not know better. */
static void must(bool holds)
{
    if (!holds && !server.has_lied) {
        abort();
    }
}

static struct p9_writer w;
static struct p9_reader in;

static unsigned get_fid(void)
{
    uint32_t fid = p9_get32(&in);
    bool is_known = fid < FIDS && fids[fid].is_used;
    must(is_known);
    return is_known ? fid : FIDS - 1;
}

static void get_text(char *text, size_t room)
{
    uint16_t len = p9_get16(&in);
    if (in.is_short || len >= room || len > in.len - in.at) {
        abort();
    }
    memcpy(text, in.bytes + in.at, len);
    text[len] = '\0';
    in.at += len;
}

static void put_qid(unsigned node)
{
    enum kind kind = nodes[node].kind;
    p9_put8(&w, kind == DIRECTORY ? P9_QID_DIRECTORY : kind == LINK ? P9_QID_LINK : 0);
    p9_put32(&w, 0);
    p9_put64(&w, node + 100);
}

static void use_fid(uint32_t fid, unsigned node)
{
    must(fid < FIDS && !fids[fid].is_used);
    if (fid >= FIDS) {
        return;
    }
    fids[fid].is_used = true;
    fids[fid].is_open = false;
    fids[fid].node = node;
    server.fids++;
}

static uint32_t do_version(void)
{
    memset(fids, 0, sizeof(fids));
    server.fids = 0;
    p9_put32(&w, p9_get32(&in));
    p9_put_text(&w, P9_DIALECT, sizeof(P9_DIALECT) - 1);
    return 0;
}

static uint32_t do_walk(void)
{
    char name[VFS_NAME_MAX + 1];
    unsigned node = fids[get_fid()].node;
    uint32_t fresh = p9_get32(&in);
    uint16_t names = p9_get16(&in);
    if (names != 0) {
        get_text(name, sizeof(name));
        node = find(node, name);
        if (node == 0) {
            return 2;
        }
    }
    use_fid(fresh, node);
    p9_put8(&w, (uint8_t)names);
    p9_put8(&w, 0);
    if (names != 0) {
        put_qid(node);
    }
    return 0;
}

static uint32_t do_get_attr(void)
{
    static const uint32_t modes[] = {0, 0100644, 0040755, 0120777, 0010644};
    unsigned node = fids[get_fid()].node;
    const struct node *n = &nodes[node];
    if (n->kind == FREE) {
        return 2;
    }
    p9_put64(&w, p9_get64(&in));
    put_qid(node);
    p9_put32(&w, modes[n->kind]);
    p9_put64(&w, 0); /* owner, group */
    p9_put64(&w, 1); /* links */
    p9_put64(&w, 0);
    p9_put64(&w, n->len);
    p9_put64(&w, 4096);
    p9_put64(&w, (n->len + 511) / 512);
    for (unsigned i = 0; i < 4; i++) {
        p9_put64(&w, 1000 + i);
        p9_put64(&w, i);
    }
    p9_put64(&w, 0);
    p9_put64(&w, 0);
    return 0;
}

static uint32_t do_set_attr(void)
{
    struct node *n = &nodes[fids[get_fid()].node];
    uint32_t what = p9_get32(&in);
    in.at += 12;
    uint64_t size = p9_get64(&in);
    if ((what & P9_SET_SIZE) != 0) {
        if (size > CONTENTS) {
            return 27;
        }
        store(n, 0, "", 0);
        if (size < n->len) {
            memset(n->bytes + size, 0, n->len - size);
        }
        n->len = size;
    }
    return 0;
}

static uint32_t do_create(void)
{
    char name[VFS_NAME_MAX + 1];
    uint32_t fid = get_fid();
    get_text(name, sizeof(name));
    if (find(fids[fid].node, name) != 0) {
        return 17;
    }
    fids[fid].node = add(fids[fid].node, name, REGULAR);
    fids[fid].is_open = true;
    put_qid(fids[fid].node);
    p9_put32(&w, 0);
    return 0;
}

static uint32_t do_make(enum kind kind)
{
    char name[VFS_NAME_MAX + 1], target[VFS_PATH_MAX];
    unsigned dir = fids[get_fid()].node;
    get_text(name, sizeof(name));
    if (find(dir, name) != 0) {
        return 17;
    }
    unsigned node = add(dir, name, kind);
    if (kind == LINK) {
        get_text(target, sizeof(target));
        store(&nodes[node], 0, target, strlen(target));
    }
    put_qid(node);
    return 0;
}

/* @return number of bytes of data */
static uint32_t do_read(void)
{
    uint32_t fid = get_fid();
    const struct node *n = &nodes[fids[fid].node];
    uint64_t off = p9_get64(&in);
    uint32_t len = p9_get32(&in);
    len = MIN(len, SERVER_DATA_MAX);
    must(fids[fid].is_open);
    len = off >= n->len ? 0 : (uint32_t)MIN((uint64_t)len, n->len - off);
    p9_put32(&w, len);
    if (len != 0) {
        memcpy(out_bytes + w.at, n->bytes + off, len);
    }
    return len;
}

static uint32_t do_read_dir(void)
{
    unsigned dir = fids[get_fid()].node;
    uint64_t off = p9_get64(&in);
    uint32_t room = p9_get32(&in);
    size_t count_at = w.at;
    p9_put32(&w, 0);
    for (unsigned i = (unsigned)off + 1; i < node_end; i++) {
        size_t len = 24 + strlen(nodes[i].name);
        if (nodes[i].kind == FREE || nodes[i].parent != dir) {
            continue;
        }
        if (w.at + len - P9_READ_HEAD > MIN(room, SERVER_DATA_MAX)) {
            break;
        }
        put_qid(i);
        p9_put64(&w, i);
        p9_put8(&w, nodes[i].kind == DIRECTORY ? 4 : nodes[i].kind == LINK ? 10 : 8);
        p9_put_text(&w, nodes[i].name, strlen(nodes[i].name));
    }
    store_le32(out_bytes + count_at, (uint32_t)(w.at - count_at - 4));
    return 0;
}

static uint32_t do_write(const struct p9_call *c)
{
    uint32_t fid = get_fid();
    uint64_t off = p9_get64(&in);
    uint32_t len = p9_get32(&in);
    must(fids[fid].is_open);
    if (len != c->data_len) {
        abort();
    }
    if (off > CONTENTS || len > CONTENTS - off) {
        return 28;
    }
    server.writes++;
    store(&nodes[fids[fid].node], off, c->send, len);
    p9_put32(&w, len);
    return 0;
}

static uint32_t do_unlink(void)
{
    char name[VFS_NAME_MAX + 1];
    unsigned dir = fids[get_fid()].node;
    get_text(name, sizeof(name));
    unsigned node = find(dir, name);
    bool is_dir = nodes[node].kind == DIRECTORY;
    if (node == 0) {
        return 2;
    }
    if (is_dir != ((p9_get32(&in) & P9_REMOVE_DIRECTORY) != 0)) {
        return is_dir ? 21 : 20;
    }
    for (unsigned i = 1; i < node_end; i++) {
        if (nodes[i].kind != FREE && nodes[i].parent == node) {
            return 39;
        }
    }
    clear(&nodes[node]);
    return 0;
}

static uint32_t do_rename(void)
{
    char from[VFS_NAME_MAX + 1], to[VFS_NAME_MAX + 1];
    unsigned old = fids[get_fid()].node;
    get_text(from, sizeof(from));
    unsigned new = fids[get_fid()].node;
    get_text(to, sizeof(to));
    unsigned node = find(old, from), target = find(new, to);
    if (node == 0) {
        return 2;
    }
    if (target != 0) {
        clear(&nodes[target]);
    }
    nodes[node].parent = new;
    memcpy(nodes[node].name, to, sizeof(to));
    return 0;
}

static uint32_t do_read_link(void)
{
    const struct node *n = &nodes[fids[get_fid()].node];
    p9_put_text(&w, (const char *)n->bytes, n->len);
    return 0;
}

static uint32_t do_open(void)
{
    uint32_t fid = get_fid();
    must(!fids[fid].is_open);
    fids[fid].is_open = true;
    put_qid(fids[fid].node);
    p9_put32(&w, 0);
    return 0;
}

static uint32_t do_usage(void)
{
    (void)get_fid();
    p9_put32(&w, 0);
    p9_put32(&w, 4096);
    for (unsigned i = 0; i < 5; i++) {
        p9_put64(&w, 1000 - i);
    }
    p9_put64(&w, 0);
    p9_put32(&w, VFS_NAME_MAX);
    return 0;
}

/* @return an error number; *data: bytes that follow the fields */
static uint32_t serve(enum p9_type type, const struct p9_call *c, uint32_t *data)
{
    switch (type) {
    case P9_VERSION:
        return do_version();
    case P9_ATTACH:
        use_fid(p9_get32(&in), 0);
        put_qid(0);
        return 0;
    case P9_WALK:
        return do_walk();
    case P9_CLUNK:
        fids[get_fid()].is_used = false;
        server.fids--;
        return 0;
    case P9_GET_ATTR:
        return do_get_attr();
    case P9_SET_ATTR:
        return do_set_attr();
    case P9_OPEN:
        return do_open();
    case P9_CREATE:
        return do_create();
    case P9_MKDIR:
        return do_make(DIRECTORY);
    case P9_SYMLINK:
        return do_make(LINK);
    case P9_READ:
        *data = do_read();
        return 0;
    case P9_READ_DIR:
        return do_read_dir();
    case P9_WRITE:
        return do_write(c);
    case P9_UNLINK:
        return do_unlink();
    case P9_RENAME:
        return do_rename();
    case P9_READ_LINK:
        return do_read_link();
    case P9_STATFS:
        return do_usage();
    default:
        return 95;
    }
}

/* ---- The transport ---- */

static enum status server_begin(struct p9_transport *t, bool is_uncancelled, struct p9_call **out)
{
    static uint8_t request[P9_REQUEST_MAX], answer[P9_ANSWER_MAX];
    (void)t;
    (void)is_uncancelled;
    if (is_in_call || server.sessions == 0) {
        abort();
    }
    is_in_call = true;
    the_call = (struct p9_call){
        .tag = (uint16_t)(server.requests * 7), .request = request, .answer = answer};
    *out = &the_call;
    return OK;
}

static void answer_to(struct p9_call *c, struct server_answer *a)
{
    enum p9_type type = c->request[4];
    uint16_t tag = load_le16(c->request + 5);
    uint32_t data = 0;
    in = (struct p9_reader){.bytes = c->request, .at = P9_HEADER, .len = c->request_len};
    p9_begin(&w, out_bytes, sizeof(out_bytes), type + 1, tag);
    uint32_t error = serve(type, c, &data);
    if (error != 0) {
        p9_begin(&w, out_bytes, sizeof(out_bytes), P9_ERROR, tag);
        p9_put32(&w, error);
        data = 0;
    }
    *a = (struct server_answer){.request = type, .bytes = out_bytes};
    a->len = p9_finish(&w, data) + data;
}

static enum status server_exchange(struct p9_transport *t, struct p9_call *c)
{
    struct server_answer a;
    (void)t;
    size_t sent = c->request_len + (c->send != NULL ? c->data_len : 0);
    if (load_le32(c->request) != sent) {
        abort();
    }
    answer_to(c, &a);
    server.requests++;
    if (server.change != NULL) {
        server.has_lied = true;
        server.change(&a);
    }
    size_t room = c->answer_room + (c->receive != NULL ? c->data_len : 0);
    size_t len = MIN(a.len, room);
    size_t head = MIN(len, c->answer_room);
    memcpy(c->answer, a.bytes, head);
    if (len > head) {
        memcpy(c->receive, a.bytes + head, len - head);
    }
    c->arrived = len;
    return a.result;
}

static void server_end(struct p9_transport *t, struct p9_call *c)
{
    (void)t;
    if (!is_in_call || c != &the_call) {
        abort();
    }
    is_in_call = false;
}

static void server_close(struct p9_transport *t)
{
    (void)t;
    server.sessions--;
}

static const struct p9_transport_ops server_ops = {
    .begin = server_begin, .exchange = server_exchange, .end = server_end, .close = server_close};

struct server server = {
    .transport = {.ops = &server_ops, .name = "fake", .data_max = SERVER_DATA_MAX}};

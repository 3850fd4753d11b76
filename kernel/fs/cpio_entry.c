// SPDX-License-Identifier: MIT
//
// Reads the entries of a newc archive, one after the other. cpio.c builds the tree from them.
#include "kernel/fs/cpio_internal.h"

#include "kernel/base/log.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"

enum {
    HEADER_SIZE = 110, /* magic of 6 characters, 13 fields of 8 hexadecimal digits */
    FIELD_INODE = 0,
    FIELD_MODE = 1,
    FIELD_LINKS = 4,
    FIELD_MTIME = 5,
    FIELD_SIZE = 6,
    FIELD_DEVICE_MAJOR = 7,
    FIELD_DEVICE_MINOR = 8,
    FIELD_NAME_SIZE = 11,
};

static bool read_hex(const uint8_t *p, uint32_t *out)
{
    uint32_t v = 0;
    for (int i = 0; i < 8; i++) {
        uint8_t c = p[i];
        uint32_t digit = c >= '0' && c <= '9'   ? c - '0'
                         : c >= 'a' && c <= 'f' ? c - 'a' + 10u
                         : c >= 'A' && c <= 'F' ? c - 'A' + 10u
                                                : 16u;
        if (digit == 16) {
            return false;
        }
        v = v << 4 | digit;
    }
    *out = v;
    return true;
}

static bool read_field(const uint8_t *header, unsigned field, uint32_t *out)
{
    return read_hex(header + 6 + 8 * field, out);
}

static bool has_magic(const struct cpio_archive *a, size_t at)
{
    return a->len - at >= HEADER_SIZE &&
           (memcmp(a->bytes + at, "070701", 6) == 0 || memcmp(a->bytes + at, "070702", 6) == 0);
}

/* Check that `n` bytes at `at` are inside; *next: the following multiple of 4. */
static bool skip_bytes(const struct cpio_archive *a, size_t at, size_t n, size_t *next)
{
    if (at > a->len || n > a->len - at) {
        return false;
    }
    size_t end = at + n;
    *next = MIN(ALIGN_UP(end, (size_t)4), a->len);
    return true;
}

/* An entry is the header, the name with its zero, and the contents; name and contents are each
 * padded to a multiple of 4. *out is stored only if all three are inside the archive. The checksum
 * of magic 070702 is not verified. */
bool cpio_read_entry(const struct cpio_archive *a, size_t at, struct cpio_entry *out)
{
    struct cpio_entry e;
    uint32_t name_size;
    size_t data;
    if (at > a->len || !has_magic(a, at)) {
        return false;
    }
    const uint8_t *h = a->bytes + at;
    if (!read_field(h, FIELD_INODE, &e.identity.inode) ||
        !read_field(h, FIELD_DEVICE_MAJOR, &e.identity.major) ||
        !read_field(h, FIELD_DEVICE_MINOR, &e.identity.minor) ||
        !read_field(h, FIELD_MODE, &e.mode) || !read_field(h, FIELD_LINKS, &e.links) ||
        !read_field(h, FIELD_MTIME, &e.mtime_s) || !read_field(h, FIELD_SIZE, &e.size) ||
        !read_field(h, FIELD_NAME_SIZE, &name_size)) {
        return false;
    }
    at += HEADER_SIZE;
    if (name_size == 0 || name_size > VFS_PATH_MAX || !skip_bytes(a, at, name_size, &data) ||
        a->bytes[at + name_size - 1] != 0 || !skip_bytes(a, data, e.size, &e.next)) {
        return false;
    }
    e.name = (const char *)a->bytes + at;
    e.name_len = strlen(e.name);
    e.data = a->bytes + data;
    *out = e;
    return true;
}

/* The name that ends an archive. Bytes after it are padding. */
bool cpio_is_trailer(const struct cpio_entry *e)
{
    return strcmp(e->name, "TRAILER!!!") == 0;
}

/* The other formats are named because initrds are usually compressed: the message says what to
 * change, where "unknown format" would not. */
enum status cpio_recognise(const struct cpio_archive *a)
{
    static const struct {
        const char *name;
        uint8_t magic[6];
        uint8_t len;
    } others[] = {
        {"gzip", {0x1f, 0x8b}, 2},
        {"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6},
        {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4},
        {"lz4", {0x02, 0x21, 0x4c, 0x18}, 4},
        {"bzip2", {'B', 'Z', 'h'}, 3},
    };
    if (has_magic(a, 0)) {
        return OK;
    }
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        if (a->len >= others[i].len && memcmp(a->bytes, others[i].magic, others[i].len) == 0) {
            log_error("cpio", "the archive is compressed with %s; give it uncompressed",
                      others[i].name);
            return E_NOTSUP;
        }
    }
    return E_FORMAT;
}

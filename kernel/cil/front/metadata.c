// SPDX-License-Identifier: MIT
//
// The root of the metadata and its streams (II.24.2.1, II.24.2.2).
#include "kernel/cil/front/image_internal.h"
#include "kernel/lib/string.h"

#define SIGNATURE       0x424a5342u /* "BSJB" */
#define VERSION_MAX     255
#define STREAM_NAME_MAX 32
#define GUID_BYTES      16

enum stream_kind { TABLES, TABLES_UNCOMPRESSED, STRINGS, USER_STRINGS, GUIDS, BLOBS, STREAMS };

static const char *const stream_names[STREAMS] = {"#~", "#-", "#Strings", "#US", "#GUID", "#Blob"};

static enum status complain(const struct cil_image *m, struct cil_error *err, const char *what)
{
    return cil_complain(err, E_CORRUPT, m->name, "metadata root: %s", what);
}

/* The version is text for people, padded with zeros to a multiple of 4 bytes. */
static bool read_version(struct cil_image *m, struct cil_bytes *b)
{
    uint32_t len;
    struct cil_bytes text;
    if (!cil_u32(b, &len) || len > VERSION_MAX || !cil_part(*b, 0, len, &text)) {
        return false;
    }
    uint32_t shown = MIN(len, (uint32_t)sizeof m->version - 1);
    memcpy(m->version, text.at, shown);
    str_make_printable(m->version);
    return cil_skip(b, ALIGN_UP(len, 4u));
}

/* A stream's name ends with a zero, and is padded to a multiple of 4 bytes. */
static bool read_name(struct cil_bytes *b, char name[STREAM_NAME_MAX])
{
    uint32_t len = (uint32_t)strnlen((const char *)b->at, MIN(b->len, (uint32_t)STREAM_NAME_MAX));
    if (len == MIN(b->len, (uint32_t)STREAM_NAME_MAX)) {
        return false;
    }
    memcpy(name, b->at, len + 1);
    return cil_skip(b, ALIGN_UP(len + 1, 4u));
}

/* Streams may be anywhere in the metadata, may overlap, and unknown ones are ignored (II.24.2.2). A
 * second one of the same name is refused: which of two counts would otherwise differ between
 * readers. The number has 16 bits, and each row of the list consumes bytes, so the loop is bounded
 * by the file. */
static enum status read_streams(struct cil_image *m, struct cil_bytes b, unsigned count,
                                struct cil_bytes streams[STREAMS], struct cil_error *err)
{
    for (unsigned n = 0; n < count; n++) {
        uint32_t offset, len;
        char name[STREAM_NAME_MAX];
        struct cil_bytes contents;
        if (!cil_u32(&b, &offset) || !cil_u32(&b, &len) || !read_name(&b, name)) {
            return complain(m, err, "the list of streams is cut off");
        }
        if (!cil_part(m->metadata, offset, len, &contents)) {
            return cil_complain(err, E_CORRUPT, m->name, "stream %s is not inside the metadata",
                                name);
        }
        for (unsigned k = 0; k < STREAMS; k++) {
            if (strcmp(name, stream_names[k]) == 0) {
                if (streams[k].at != NULL) {
                    return cil_complain(err, E_CORRUPT, m->name, "two streams %s", name);
                }
                streams[k] = contents;
            }
        }
    }
    return OK;
}

/* Strings end with a zero: if the heap does, then all that start inside of it do. Offset 0 is the
 * empty string, even without a heap. */
static enum status check_heaps(const struct cil_image *m, struct cil_error *err)
{
    if (m->strings.at[m->strings.len - 1] != 0) {
        return cil_complain(err, E_CORRUPT, m->name, "stream #Strings does not end with a zero");
    }
    if (m->guids.len % GUID_BYTES != 0) {
        return cil_complain(err, E_CORRUPT, m->name, "stream #GUID has %u bytes, no multiple of %u",
                            m->guids.len, GUID_BYTES);
    }
    return OK;
}

static enum status read_root(struct cil_image *m, struct cil_bytes streams[STREAMS],
                             struct cil_error *err)
{
    struct cil_bytes b = m->metadata;
    uint32_t signature, reserved;
    uint16_t major, minor, flags, count;
    if (!cil_u32(&b, &signature) || signature != SIGNATURE) {
        return complain(m, err, "it does not start with BSJB");
    }
    if (!cil_u16(&b, &major) || !cil_u16(&b, &minor) || !cil_u32(&b, &reserved) ||
        !read_version(m, &b)) {
        return complain(m, err, "the version is cut off or too long");
    }
    if (!cil_u16(&b, &flags) || !cil_u16(&b, &count)) {
        return complain(m, err, "the list of streams is cut off");
    }
    return read_streams(m, b, count, streams, err);
}

/* The order matters: tables.c needs the heaps to know where they end, and rows.c compares each cell
 * with heaps and counts. Only then is the image usable; cil_image_load() returns this status. */
enum status cil_read_metadata(struct cil_image *m, struct cil_error *err)
{
    struct cil_bytes streams[STREAMS] = {{.len = 0}};
    enum status s = read_root(m, streams, err);
    if (s != OK) {
        return s;
    }
    static const uint8_t empty;
    bool is_plain = streams[TABLES].at != NULL;
    m->is_uncompressed = streams[TABLES_UNCOMPRESSED].at != NULL;
    if (is_plain == m->is_uncompressed) {
        return complain(m, err, "neither stream #~ nor #-, or both");
    }
    m->strings = streams[STRINGS].len != 0 ? streams[STRINGS] : (struct cil_bytes){&empty, 1};
    m->user_strings = streams[USER_STRINGS];
    m->guids = streams[GUIDS];
    m->blobs = streams[BLOBS];
    s = check_heaps(m, err);
    if (s == OK) {
        s = cil_read_tables(m, streams[is_plain ? TABLES : TABLES_UNCOMPRESSED], err);
    }
    return s == OK ? cil_check_rows(m, err) : s;
}

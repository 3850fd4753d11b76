// SPDX-License-Identifier: MIT
//
// The PE envelope: headers, sections, and where the metadata is. PE32 and PE32+ differ in one
// header.
#include "kernel/cil/front/image_internal.h"
#include "kernel/lib/string.h"

#define FILE_BYTES_MAX    (UINT32_C(1) << 30)
#define MAGIC_PE32        0x10b
#define MAGIC_PE32_PLUS   0x20b
#define DIRECTORY_CLI     14 /* of the optional header's data directories */
#define DIRECTORIES_MAX   16
#define CLI_HEADER_BYTES  72
#define FLAG_IL_ONLY      0x1
#define FLAG_IL_LIBRARY   0x4 /* compiled in advance; the IL is complete */
#define FLAG_NATIVE_ENTRY 0x10
#define SECTION_ROW_BYTES 40
#define FILE_HEADER_BYTES 20

struct directory {
    uint32_t rva, bytes;
};

static enum status complain(const struct cil_image *m, struct cil_error *err, enum status s,
                            const char *what)
{
    return cil_complain(err, s, m->name, "%s", what);
}

/* An RVA is an address in the memory of a loaded file (II.25.3); each has to be translated to a
 * place in the file. The result ends with the section's part in the file, so callers cut their
 * parts from it and cannot read beyond. Sections of a hostile file may overlap; then the first one
 * counts, and the same bytes have two meanings, which does no harm because all of them are read
 * only. */
bool cil_rva(const struct cil_image *m, uint32_t rva, struct cil_bytes *out)
{
    for (uint32_t n = 0; n < m->section_count; n++) {
        const struct cil_section *s = &m->sections[n];
        if (rva >= s->rva && rva - s->rva < s->bytes) {
            uint32_t skip = rva - s->rva;
            return cil_part(m->file, (uint64_t)s->offset + skip, s->bytes - skip, out);
        }
    }
    return false;
}

/* A directory's bytes; all of them must be in one section. */
static bool directory_bytes(const struct cil_image *m, struct directory d, struct cil_bytes *out)
{
    struct cil_bytes rest;
    return cil_rva(m, d.rva, &rest) && cil_part(rest, 0, d.bytes, out);
}

static enum status read_sections(struct cil_image *m, struct cil_bytes table, uint32_t count,
                                 struct cil_error *err)
{
    struct cil_bytes unused;
    if (count > CIL_SECTIONS_MAX || table.len < count * SECTION_ROW_BYTES) {
        return complain(m, err, E_CORRUPT, "the table of sections is cut off or too long");
    }
    for (uint32_t n = 0; n < count; n++) {
        const uint8_t *row = table.at + n * SECTION_ROW_BYTES;
        uint32_t virtual_bytes = load_le32(row + 8), file_bytes = load_le32(row + 16);
        struct cil_section *s = &m->sections[n];
        /* The file's part is padded; padding after the virtual size is not mapped. */
        s->bytes = virtual_bytes == 0 ? file_bytes : MIN(virtual_bytes, file_bytes);
        s->rva = load_le32(row + 12);
        s->offset = load_le32(row + 20);
        if (!cil_part(m->file, s->offset, s->bytes, &unused) || s->bytes > UINT32_MAX - s->rva) {
            err->offset = (uint32_t)(row - m->file.at);
            return cil_complain(err, E_CORRUPT, m->name, "section %u is not inside the file", n);
        }
    }
    m->section_count = count;
    return OK;
}

/* The header that differs: PE32+ has an image base and stack sizes of 64 bits. */
static enum status read_optional(struct cil_image *m, struct cil_bytes header,
                                 struct directory *cli, struct cil_error *err)
{
    if (header.len < 2) {
        return complain(m, err, E_CORRUPT, "the optional header is cut off");
    }
    uint16_t magic = load_le16(header.at);
    if (magic != MAGIC_PE32 && magic != MAGIC_PE32_PLUS) {
        return cil_complain(err, E_FORMAT, m->name, "neither PE32 nor PE32+: magic 0x%x", magic);
    }
    m->is_pe32_plus = magic == MAGIC_PE32_PLUS;
    uint32_t fixed = m->is_pe32_plus ? 112 : 96;
    if (header.len < fixed) {
        return complain(m, err, E_CORRUPT, "the optional header is cut off");
    }
    uint32_t directories = load_le32(header.at + fixed - 4);
    if (directories > DIRECTORIES_MAX || header.len - fixed < directories * 8) {
        return complain(m, err, E_CORRUPT, "the data directories are cut off or too many");
    }
    if (directories <= DIRECTORY_CLI) {
        return complain(m, err, E_FORMAT, "no .NET assembly: it has no CLI header");
    }
    const uint8_t *entry = header.at + fixed + DIRECTORY_CLI * 8;
    *cli = (struct directory){load_le32(entry), load_le32(entry + 4)};
    return cli->rva != 0 ? OK
                         : complain(m, err, E_FORMAT, "no .NET assembly: it has no CLI header");
}

static enum status read_headers(struct cil_image *m, struct directory *cli, struct cil_error *err)
{
    struct cil_bytes all = m->file, header, optional, sections = {.len = 0};
    if (all.len < 64 || memcmp(all.at, "MZ", 2) != 0) {
        return complain(m, err, E_FORMAT, "no PE file: it does not start with MZ");
    }
    uint32_t at = load_le32(all.at + 0x3c);
    if (!cil_part(all, at, 4 + FILE_HEADER_BYTES, &header) || memcmp(header.at, "PE\0", 4) != 0) {
        return complain(m, err, E_FORMAT, "no PE file: its header is not where offset 0x3c says");
    }
    uint32_t count = load_le16(header.at + 6), optional_bytes = load_le16(header.at + 20);
    uint64_t next = (uint64_t)at + 4 + FILE_HEADER_BYTES;
    if (!cil_part(all, next, optional_bytes, &optional)) {
        return complain(m, err, E_CORRUPT, "the optional header is cut off");
    }
    enum status s = read_optional(m, optional, cli, err);
    if (s != OK) {
        return s;
    }
    next += optional_bytes;
    (void)cil_part(all, next, all.len - next, &sections); /* `optional` is inside the file */
    return read_sections(m, sections, count, err);
}

/* What the CLI header describes must be IL and nothing else: native code in an assembly could do
 * anything. */
static enum status check_flags(struct cil_image *m, struct cil_error *err)
{
    if ((m->flags & (FLAG_IL_ONLY | FLAG_IL_LIBRARY)) == 0 || (m->flags & FLAG_NATIVE_ENTRY) != 0) {
        return cil_complain(err, E_NOTSUP, m->name, "it contains native code (CLI flags 0x%x)",
                            m->flags);
    }
    return OK;
}

static enum status read_cli(struct cil_image *m, struct directory cli, struct cil_error *err)
{
    struct cil_bytes header;
    if (cli.bytes < CLI_HEADER_BYTES || !directory_bytes(m, cli, &header) ||
        load_le32(header.at) < CLI_HEADER_BYTES) {
        return complain(m, err, E_CORRUPT, "the CLI header is not inside the file");
    }
    m->flags = load_le32(header.at + 16);
    m->entry_point = load_le32(header.at + 20);
    struct directory metadata = {load_le32(header.at + 8), load_le32(header.at + 12)};
    struct directory resources = {load_le32(header.at + 24), load_le32(header.at + 28)};
    if (!directory_bytes(m, metadata, &m->metadata)) {
        return complain(m, err, E_CORRUPT, "the metadata is not inside the file");
    }
    if (resources.bytes != 0 && !directory_bytes(m, resources, &m->resources)) {
        return complain(m, err, E_CORRUPT, "the resources are not inside the file");
    }
    return check_flags(m, err);
}

/* For messages: the end of a long path says more than its start. */
static void copy_name(struct cil_image *m, const char *name)
{
    size_t len = strlen(name);
    size_t skip = len < sizeof m->name ? 0 : len - (sizeof m->name - 1);
    (void)str_copy(m->name, sizeof m->name, name + skip);
    str_make_printable(m->name);
}

enum status cil_image_load(const char *name, struct cil_bytes file, struct cil_image *out,
                           struct cil_error *err)
{
    struct directory cli = {0, 0};
    *err = (struct cil_error){.text = ""};
    *out = (struct cil_image){.file = file};
    copy_name(out, name);
    if (file.len > FILE_BYTES_MAX) {
        return complain(out, err, E_OVERFLOW, "larger than 1 GiB");
    }
    enum status s = read_headers(out, &cli, err);
    if (s == OK) {
        s = read_cli(out, cli, err);
    }
    return s == OK ? cil_read_metadata(out, err) : s;
}

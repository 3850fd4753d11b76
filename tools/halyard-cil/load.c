// SPDX-License-Identifier: MIT
//
// Files: mapping them, and finding the assemblies that another one refers to.
#include "tools/halyard-cil/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_LIMIT ((size_t)1 << 30)

int tool_refuse(const struct cil_error *err)
{
    fprintf(stderr, "halyard-cil: %s\n", err->text);
    return TOOL_REFUSED;
}

const char *tool_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

bool tool_map(const char *path, struct cil_bytes *out)
{
    static const uint8_t empty;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_ok = fd >= 0 && fstat(fd, &st) == 0;
    if (is_ok && st.st_size > UINT32_MAX) {
        errno = EFBIG;
        is_ok = false;
    }
    *out = (struct cil_bytes){&empty, 0};
    if (is_ok && st.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        is_ok = bytes != MAP_FAILED;
        *out = (struct cil_bytes){bytes, (uint32_t)st.st_size};
    }
    if (!is_ok) {
        fprintf(stderr, "halyard-cil: %s: %s\n", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return is_ok;
}

/* The name is foreign: it must not lead out of the folders. */
static struct cil_assembly *find(struct cil_domain *d, const char *name, void *ctx)
{
    static const char *const suffixes[] = {"dll", "exe"};
    const struct tool *t = ctx;
    struct cil_bytes file;
    char path[4096];
    if (strchr(name, '/') != NULL) {
        return NULL;
    }
    for (unsigned n = 0; n < 2 * t->folder_count; n++) {
        snprintf(path, sizeof path, "%s/%s.%s", t->folders[n / 2], name, suffixes[n % 2]);
        if (access(path, R_OK) == 0 && tool_map(path, &file)) {
            struct cil_assembly *a = cil_assembly_add(d, tool_file_name(path), file);
            if (a != NULL) {
                a->path = strdup(path);
                a->is_trusted = t->is_trusted || strcmp(name, "mscorlib") == 0;
            }
            return a;
        }
    }
    return NULL;
}

static bool find_symbols(struct cil_assembly *a, const char *path, struct cil_bytes *out)
{
    (void)a;
    return access(path, R_OK) == 0 && tool_map(path, out);
}

static void refuse_symbols(const char *why)
{
    fprintf(stderr, "halyard-cil: %s: there are no lines\n", why);
}

struct cil_assembly *tool_load(struct tool *t, const char *path)
{
    static char folder[4096];
    struct cil_bytes file;
    if (!tool_map(path, &file)) {
        return NULL;
    }
    snprintf(folder, sizeof folder, "%.*s", (int)(tool_file_name(path) - path), path);
    t->folders[0] = folder[0] == '\0' ? "." : folder;
    struct cil_domain *d = cil_domain_new(MEMORY_LIMIT, NULL);
    if (d == NULL) {
        fprintf(stderr, "halyard-cil: no memory\n");
        return NULL;
    }
    d->find = find;
    d->find_ctx = t;
    d->find_symbols = find_symbols;
    d->refuse_symbols = refuse_symbols;
    d->keeps_frames = t->way != NULL && strcmp(t->way, "frames") == 0;
    d->keeps_calls = t->way != NULL && strcmp(t->way, "calls") == 0;
    struct cil_assembly *a = cil_assembly_add(d, tool_file_name(path), file);
    if (a != NULL) {
        a->path = path;
    }
    /* System.Object is in the core library, which every other assembly refers to. */
    for (uint32_t row = 1;
         a != NULL && d->core == NULL && row <= a->image.tables[CIL_ASSEMBLY_REF].count; row++) {
        const char *name = cil_cell_string(&a->image, CIL_ASSEMBLY_REF, row, CIL_ASSEMBLY_REF_NAME);
        if (strcmp(name, "mscorlib") == 0 && find(d, name, t) == NULL) {
            break;
        }
    }
    if (d->status != OK) {
        tool_refuse(&d->err);
        cil_domain_free(d);
        return NULL;
    }
    return a;
}

// SPDX-License-Identifier: MIT
#include "kernel/cil/run/session.h"

#include "kernel/cil/run/library.h"
#include "kernel/fs/file_view.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/tty/console.h"

#define MEMORY_LIMIT  ((size_t)256 << 20) /* bytes: of the domain, and of the unit */
#define FILE_SIZE_MAX ((size_t)64 << 20)
#define CORE_LIBRARY  "mscorlib"

/* Of a symbol file. It is not charged, because a budget is for one thread and any may read it. */
#define SYMBOLS_SIZE_MAX ((size_t)8 << 20)

static const char shared_folder[] = CIL_FOLDER;

/* A library that programs share, or a file of this program alone. On the kernel's heap: a budget
 * would only free the memory, but a library must be closed and the bytes must be uncharged. */
struct cil_file {
    struct cil_file *next;
    struct cil_library *library; /* or NULL: */
    struct file_view own;
};

/* ---- Files ---- */

/* Files stay as long as the session, because images point into them. cil_session_close() closes
 * them; the budget is charged for them, but does not own them, and
 * not charged for libraries. Domain and arena belong to the budget if there is one, and are then
 * freed with it at once. */

static enum status add_file(struct cil_session *s, const struct cil_file *file)
{
    struct cil_file *f = heap_alloc(sizeof *f);
    if (f == NULL || !budget_charge(s->budget, file->own.len)) {
        heap_free(f);
        return E_NOMEM;
    }
    *f = *file;
    f->next = s->files;
    s->files = f;
    return OK;
}

static void free_file(const struct cil_file *f)
{
    if (f->library != NULL) {
        cil_library_close(f->library);
    } else {
        file_view_close(&f->own);
    }
}

/* @param name The part of the path after the folder, for messages. */
static enum status read(struct cil_session *s, const char *path, const char *name, bool is_shared,
                        struct cil_error *err)
{
    struct cil_file f = {.library = NULL};
    enum status status = is_shared ? cil_library_open(path, name, FILE_SIZE_MAX, &f.library, err)
                                   : file_view_open(path, FILE_SIZE_MAX, &f.own);
    if (status == OK) {
        status = add_file(s, &f);
        if (status != OK) {
            free_file(&f);
        }
    }
    return status;
}

/* Reading sleeps and takes locks, so the thread must not be ended in it. */
static enum status read_closed(struct cil_session *s, const char *path, const char *name,
                               bool is_shared, struct cil_error *err)
{
    bool was_open = s->budget != NULL && s->budget->is_open;
    if (was_open) {
        budget_close(s->budget);
    }
    enum status status = read(s, path, name, is_shared, err);
    if (was_open) {
        budget_open(s->budget);
    }
    return status;
}

/* The file that was read last. @return NULL: an error is recorded. */
static struct cil_assembly *add(struct cil_session *s, const char *name)
{
    const struct cil_file *f = s->files;
    return f->library != NULL
               ? cil_assembly_add_index(s->domain, cil_library_index(f->library))
               : cil_assembly_add(s->domain, name,
                                  (struct cil_bytes){f->own.bytes, (uint32_t)f->own.len});
}

/* Bytes of the path before the file's name. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* ---- Symbols ---- */

static bool find_symbols(struct cil_assembly *a, const char *path, struct cil_bytes *out)
{
    struct file_view *view = heap_alloc(sizeof *view);
    if (view == NULL || file_view_open(path, SYMBOLS_SIZE_MAX, view) != OK) {
        heap_free(view);
        return false;
    }
    a->symbols_owner = view;
    *out = (struct cil_bytes){view->bytes, (uint32_t)view->len};
    return true;
}

static void refuse_symbols(const char *why)
{
    console_printf("%s: there are no lines\n", why);
}

static void close_symbols(const struct cil_domain *d)
{
    for (struct cil_assembly *a = d == NULL ? NULL : d->assemblies; a != NULL; a = a->next) {
        if (a->symbols_owner != NULL) {
            file_view_close(a->symbols_owner);
            heap_free(a->symbols_owner);
        }
    }
}

/* A copy, for the symbols. @return NULL: an error is recorded. */
static const char *keep(struct cil_domain *d, const char *path)
{
    size_t bytes = strlen(path) + 1;
    char *kept = cil_alloc(d, bytes, 1);
    if (kept != NULL) {
        memcpy(kept, path, bytes);
    }
    return kept;
}

/* Try a name in one folder. @return false: there is no such file. */
static bool find_in(struct cil_session *s, const char *folder, size_t folder_bytes,
                    const char *name, struct cil_assembly **out)
{
    static const char *const suffixes[] = {"dll", "exe"};
    bool is_shared = folder == shared_folder;
    char path[256];
    for (unsigned n = 0; n < ARRAY_COUNT(suffixes); n++) {
        struct cil_error err = {.text = ""};
        size_t len =
            fmt_print(path, sizeof path, "%.*s%s.%s", (int)folder_bytes, folder, name, suffixes[n]);
        enum status status = len < sizeof path
                                 ? read_closed(s, path, path + folder_bytes, is_shared, &err)
                                 : E_NOENT;
        if (status == OK) {
            *out = add(s, path + folder_bytes);
            if (*out != NULL) {
                (*out)->path = keep(s->domain, path);
            }
            return true;
        }
        if (err.text[0] != '\0') {
            return !cil_domain_refuse(s->domain, status, &err);
        }
        if (status != E_NOENT) {
            (void)cil_fail(s->domain, s->assembly, 0, status, "%s: %s", path, status_text(status));
            return true;
        }
    }
    return false;
}

/* The name is foreign: it must not lead out of the folders. Only the folder decides whether a file
 * is trusted. One beside the program comes first, and is not trusted, even if CIL_FOLDER has
 * another of the same name; the core library never comes from there. */
static struct cil_assembly *find(struct cil_domain *d, const char *name, void *ctx)
{
    struct cil_session *s = ctx;
    struct cil_assembly *found = NULL;
    (void)d;
    bool may_be_own = strcmp(name, CORE_LIBRARY) != 0;
    if (strchr(name, '/') == NULL &&
        !(may_be_own && find_in(s, s->path, folder_length(s->path), name, &found)) &&
        find_in(s, shared_folder, sizeof shared_folder - 1, name, &found) && found != NULL) {
        found->is_trusted = true; /* it was installed with the kernel */
    }
    return found;
}

/* ---- The assembly ---- */

/* System.Object is in the core library, which every other assembly refers to. A program may not be
 * one itself: the compiler knows the fields of its classes, and trusts them. */
static bool find_core(struct cil_session *s)
{
    struct cil_domain *d = s->domain;
    if (d->core != NULL) {
        return CIL_TOKEN_ROW(s->assembly->image.entry_point) == 0 ||
               cil_fail(d, s->assembly, 0, E_PERM,
                        "only the core library may define System.Object");
    }
    if (find(d, CORE_LIBRARY, s) == NULL && d->status == OK) {
        (void)cil_fail(d, s->assembly, 0, E_UNRESOLVED,
                       "the core library is not there: " CIL_FOLDER CORE_LIBRARY ".dll");
    }
    return d->status == OK;
}

bool cil_session_open(struct cil_session *s, const char *path, const void *bytes, size_t len,
                      struct budget *budget)
{
    *s = (struct cil_session){.budget = budget, .path = path};
    arena_init_paid(&s->arena, MEMORY_LIMIT, budget);
    s->domain = cil_domain_new(MEMORY_LIMIT, budget);
    if (s->domain == NULL) {
        return false;
    }
    s->domain->find = find;
    s->domain->find_ctx = s;
    s->domain->find_symbols = find_symbols;
    s->domain->refuse_symbols = refuse_symbols;
    if (len > UINT32_MAX) {
        return cil_fail(s->domain, NULL, 0, E_OVERFLOW, "too large");
    }
    s->assembly = cil_assembly_add(s->domain, path + folder_length(path),
                                   (struct cil_bytes){bytes, (uint32_t)len});
    if (s->assembly == NULL) {
        return false;
    }
    s->assembly->path = path;
    return find_core(s);
}

bool cil_session_build(struct cil_session *s, uint32_t row)
{
    if (s->budget != NULL) {
        budget_open(s->budget);
    }
    bool is_ok = cil_unit_build(s->assembly, row, &s->arena, &s->unit);
    if (s->budget != NULL) {
        budget_close(s->budget);
    }
    return is_ok;
}

/* ---- Methods ---- */

/* None, or string[]. */
static bool has_parameters_of_main(const struct cil_signature *m)
{
    const struct cil_type *t = m->param_count == 1 ? cil_plain(m->params[0]) : NULL;
    return m->param_count == 0 ||
           (t != NULL && t->kind == CIL_SZARRAY && cil_plain(t->element)->kind == CIL_STRING);
}

static bool is_status(const struct cil_type *t)
{
    return t->kind == CIL_VOID || t->kind == CIL_I4 || t->kind == CIL_U4;
}

uint32_t cil_session_main(struct cil_session *s)
{
    uint32_t token = s->assembly->image.entry_point;
    if (CIL_TOKEN_TABLE(token) != CIL_METHOD_DEF) {
        (void)cil_fail(s->domain, s->assembly, token, E_NOENT, "a library: it has no Main");
        return 0;
    }
    uint32_t row = CIL_TOKEN_ROW(token);
    const struct cil_signature *m = cil_method_signature(s->assembly, row);
    if (m == NULL) {
        return 0;
    }
    uint32_t flags = cil_cell(&s->assembly->image, CIL_METHOD_DEF, row, CIL_METHOD_DEF_FLAGS);
    if ((flags & CIL_METHOD_STATIC) == 0 || m->generic_count != 0 || !has_parameters_of_main(m) ||
        !is_status(cil_plain(m->result))) {
        (void)cil_fail(s->domain, s->assembly, token, E_NOTSUP,
                       "Main is not static, has other parameters than string[], or a result that "
                       "is neither void nor int");
        return 0;
    }
    return row;
}

/* "N.T::M" is equal to itself and to "N.T.M". */
static bool is_name(const char *text, const char *name)
{
    while (*text != '\0' && *text == *name) {
        text++;
        name++;
    }
    if (text[0] == ':' && text[1] == ':' && *name == '.') {
        return strcmp(text + 2, name + 1) == 0;
    }
    return *text == '\0' && *name == '\0';
}

uint32_t cil_session_find(struct cil_session *s, const char *name)
{
    char text[256];
    for (uint32_t row = 1; row <= s->assembly->image.tables[CIL_METHOD_DEF].count; row++) {
        cil_method_text(text, sizeof text, s->assembly, row);
        if (is_name(text, name)) {
            return row;
        }
    }
    return 0;
}

void cil_session_name(const struct cil_unit *u, uint32_t number, char *out, size_t len)
{
    (void)str_copy(out, len, u->callees[CIL_FIRST_METHOD + number].name);
    str_make_printable(out);
}

void cil_session_close(struct cil_session *s)
{
    close_symbols(s->domain);
    if (s->budget == NULL) { /* otherwise the budget owns all of it */
        arena_free_all(&s->arena);
        cil_domain_free(s->domain);
    }
    while (s->files != NULL) {
        struct cil_file *next = s->files->next;
        budget_uncharge(s->budget, s->files->own.len);
        free_file(s->files);
        heap_free(s->files);
        s->files = next;
    }
}

// SPDX-License-Identifier: MIT
//
// The list of loaded bytecode programs, for the user: the size of each, and how long its
// compilation took.
#include "kernel/load/bytecode/bytecode_format.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

/* The lock keeps a program in the list from being freed: bytecode_forget() waits for it. So a
 * program's end can wait as long as fn of bytecode_visit() takes. Locks that fn takes come after
 * this one; no thread asks for this lock while it holds a program's. */
static struct mutex lock;
static struct list all = LIST_INIT(all); /* under `lock`, oldest first, by link */

static const struct bytecode_format *const *formats; /* [I] ends with NULL */
static const struct load_on_demand *demanded;        /* [I] ends with a NULL name */
static bytecode_recognise_fn recognise_added;        /* [I] NULL: there are no others */
static bytecode_added_fn added_at;                   /* [I] NULL likewise */
static bytecode_load_fn load_extension;              /* [I] NULL likewise */

void bytecode_init(const struct bytecode_format *const *all_formats,
                   const struct load_on_demand *on_demand)
{
    formats = all_formats;
    demanded = on_demand;
    mutex_init(&lock, "portable programs");
}

void bytecode_set_added(bytecode_recognise_fn recognise, bytecode_added_fn at)
{
    recognise_added = recognise;
    added_at = at;
}

void bytecode_set_loader(bytecode_load_fn load)
{
    load_extension = load;
}

const struct bytecode_format *bytecode_format_at(unsigned i)
{
    unsigned own = 0;
    for (; formats[own] != NULL; own++) {
        if (own == i) {
            return formats[i];
        }
    }
    return added_at == NULL ? NULL : added_at(i - own);
}

/* The kernel's own formats come first, so an extension cannot take over a format that the kernel
 * knows. Extensions try in the order in which they were loaded. */
const struct bytecode_format *bytecode_recognise(const void *bytes, size_t len)
{
    const struct bytecode_format *const *f = formats;
    while (*f != NULL && !(*f)->recognise(bytes, len)) {
        f++;
    }
    return *f == NULL && recognise_added != NULL ? recognise_added(bytes, len) : *f;
}

/* The formats on demand know only how a file begins. The extension examines it further. At most one
 * extension is loaded for a file: the first whose format begins like this one. After that the file
 * must be recognised, or it is refused; so a file cannot make the kernel load one extension after
 * the other. */
bool bytecode_find(const char *path, const void *bytes, size_t len, struct loader_error *err)
{
    struct loader_error why = {.text = ""};
    err->text[0] = '\0';
    if (bytecode_recognise(bytes, len) != NULL) {
        return true;
    }
    const struct load_on_demand *d = demanded;
    while (d->name != NULL && !d->recognise(bytes, len)) {
        d++;
    }
    if (d->name == NULL || load_extension == NULL) {
        return false;
    }
    if (load_extension(d->extension, &why) == OK) {
        return bytecode_recognise(bytes, len) != NULL;
    }
    fmt_print(err->text, sizeof(err->text), "%s: for %s the kernel needs %s", path, d->name,
              why.text);
    return false;
}

bool bytecode_find_interpreter(const char *path, const void *bytes, size_t len,
                               struct loader_error *err)
{
    struct loader_error why = {.text = ""};
    const char *extension = bytecode_recognise(bytes, len)->interpreter;
    if (extension == NULL || (load_extension != NULL && load_extension(extension, &why) == OK)) {
        return true;
    }
    fmt_print(err->text, sizeof(err->text), "%s: to interpret it, the kernel needs %s", path,
              why.text[0] == '\0' ? extension : why.text);
    return false;
}

void bytecode_remember(struct bytecode_program *p)
{
    mutex_lock(&lock);
    p->is_listed = true;
    list_push_back(&all, &p->link);
    mutex_unlock(&lock);
}

void bytecode_forget(struct bytecode_program *p)
{
    mutex_lock(&lock);
    if (p->is_listed) {
        p->is_listed = false;
        list_remove(&p->link);
    }
    mutex_unlock(&lock);
}

/* Indices change when programs end, so a listing may miss one; it never shows
 * one that was freed. */
static struct bytecode_program *find_locked(uint32_t i) REQUIRES(lock)
{
    LIST_FOR_EACH (&all, n) {
        if (i-- == 0) {
            return CONTAINER_OF(n, struct bytecode_program, link);
        }
    }
    return NULL;
}

bool bytecode_visit(uint32_t program, void (*fn)(void *ctx, struct bytecode_program *p), void *ctx)
{
    struct bytecode_program *p;
    uint32_t i = 0;
    mutex_lock(&lock);
    do {
        p = find_locked(i++);
    } while (p != NULL && p->program->id != program);
    if (p != NULL) {
        fn(ctx, p);
    }
    mutex_unlock(&lock);
    return p != NULL;
}

/* Called under the lock, so that the program cannot be freed meanwhile. */
static void describe(const struct bytecode_program *p, struct bytecode_info *out)
{
    *out = (struct bytecode_info){.program = p->program->id,
                                  .file_bytes = p->len,
                                  .code_bytes = (uint64_t)p->code.pages * PAGE_SIZE,
                                  .load_ns = p->load_ns};
    (void)str_copy(out->path, sizeof(out->path), p->path);
    p->format->describe(p, out);
}

bool loader_get_bytecode(uint32_t i, struct bytecode_info *out)
{
    mutex_lock(&lock);
    const struct bytecode_program *p = find_locked(i);
    if (p != NULL) {
        describe(p, out);
    }
    mutex_unlock(&lock);
    return p != NULL;
}

bool loader_get_bytecode_function(uint32_t i, uint32_t n, struct bytecode_function *out)
{
    mutex_lock(&lock);
    const struct bytecode_program *p = find_locked(i);
    bool found = p != NULL && p->format->describe_function(p, n, out);
    mutex_unlock(&lock);
    return found;
}

const struct load_feature *loader_feature(uint32_t i)
{
    const struct bytecode_format *format;
    for (unsigned n = 0; (format = bytecode_format_at(n)) != NULL; n++) {
        for (const struct load_feature *f = format->features; f != NULL && f->name != NULL; f++) {
            if (i-- == 0) {
                return f;
            }
        }
    }
    return NULL;
}

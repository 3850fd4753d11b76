// SPDX-License-Identifier: MIT
//
// The list of loaded portable programs, for the user: the size of each, and how long its
// compilation took.
#include "kernel/load/bytecode/bytecode_format.h"

#include "kernel/lib/string.h"

static struct mutex lock;
static struct list all = LIST_INIT(all); /* under `lock`, oldest first, by link */

static const struct portable_format *const *formats; /* [I] ends with NULL */
static portable_recognise_fn recognise_added;        /* [I] NULL: there are no others */

void portable_init(const struct portable_format *const *all_formats)
{
    formats = all_formats;
    mutex_init(&lock, "portable programs");
}

void portable_set_added(portable_recognise_fn recognise)
{
    recognise_added = recognise;
}

const struct portable_format *portable_recognise(const void *bytes, size_t len)
{
    const struct portable_format *const *f = formats;
    while (*f != NULL && !(*f)->recognise(bytes, len)) {
        f++;
    }
    return *f == NULL && recognise_added != NULL ? recognise_added(bytes, len) : *f;
}

void portable_remember(struct portable *p)
{
    mutex_lock(&lock);
    p->is_listed = true;
    list_push_back(&all, &p->link);
    mutex_unlock(&lock);
}

void portable_forget(struct portable *p)
{
    mutex_lock(&lock);
    if (p->is_listed) {
        p->is_listed = false;
        list_remove(&p->link);
    }
    mutex_unlock(&lock);
}

static struct portable *find_locked(uint32_t i) REQUIRES(lock)
{
    LIST_FOR_EACH (&all, n) {
        if (i-- == 0) {
            return CONTAINER_OF(n, struct portable, link);
        }
    }
    return NULL;
}

/* Called under the lock, so that the program cannot be freed meanwhile. */
static void describe(const struct portable *p, struct portable_info *out)
{
    *out = (struct portable_info){.program = p->program->id,
                                  .file_bytes = p->len,
                                  .code_bytes = (uint64_t)p->code.pages * PAGE_SIZE,
                                  .load_ns = p->load_ns};
    (void)str_copy(out->path, sizeof(out->path), p->path);
    p->format->describe(p, out);
}

bool loader_get_portable(uint32_t i, struct portable_info *out)
{
    mutex_lock(&lock);
    const struct portable *p = find_locked(i);
    if (p != NULL) {
        describe(p, out);
    }
    mutex_unlock(&lock);
    return p != NULL;
}

bool loader_get_portable_function(uint32_t i, uint32_t n, struct portable_function *out)
{
    mutex_lock(&lock);
    const struct portable *p = find_locked(i);
    bool found = p != NULL && p->format->describe_function(p, n, out);
    mutex_unlock(&lock);
    return found;
}

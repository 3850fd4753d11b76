// SPDX-License-Identifier: MIT
#include "kernel/module/additions.h"

#include "kernel/base/spinlock.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

/* Nothing is ever removed, so what a reader finds under the lock stays valid after it. */
static struct spinlock lock = SPINLOCK_INIT;
static struct list all = LIST_INIT(all); /* [lock] oldest first */

/* Held from the check for names that exist until the names are added. */
static struct mutex adding = MUTEX_INIT(adding, "additions");

static bool (*is_own_command)(const char *name); /* [I] */

/* The i-th module's additions, or NULL past the end. */
static const struct additions *additions_at(unsigned i)
{
    const struct additions *found = NULL;
    irq_state_t state = spin_lock_irq(&lock);
    LIST_FOR_EACH (&all, n) {
        if (i-- == 0) {
            found = CONTAINER_OF(n, struct additions_registration, link)->added;
            break;
        }
    }
    spin_unlock_irq(&lock, state);
    return found;
}

struct additions_count additions_count(const struct additions *a)
{
    struct additions_count n = {0};
    if (a == NULL) {
        return n;
    }
    while (a->commands != NULL && a->commands[n.commands].name != NULL) {
        n.commands++;
    }
    while (a->file_systems != NULL && a->file_systems[n.file_systems] != NULL) {
        n.file_systems++;
    }
    while (a->formats != NULL && a->formats[n.formats] != NULL) {
        n.formats++;
    }
    return n;
}

/* Indices count the commands of all modules, oldest module first, so the order of `help`
 * is that of loading. */
const struct shell_command *additions_command_at(unsigned i)
{
    const struct additions *a;
    for (unsigned m = 0; (a = additions_at(m)) != NULL; m++) {
        uint32_t count = additions_count(a).commands;
        if (i < count) {
            return &a->commands[i];
        }
        i -= count;
    }
    return NULL;
}

/* The file system after *at, which starts as zeroes, or NULL past the end. */
struct cursor {
    unsigned module;
    uint32_t index;
};

static const struct fs_format *next_fs(struct cursor *at)
{
    const struct additions *a;
    for (; (a = additions_at(at->module)) != NULL; at->module++, at->index = 0) {
        if (at->index < additions_count(a).file_systems) {
            return a->file_systems[at->index++];
        }
    }
    return NULL;
}

/* Tries one kind after the other until one returns another status than E_FORMAT. An error of a kind
 * that recognised its format ends the search: no other kind could mount that disk either. */
static enum status make_fs(struct block_device *dev, struct fs **out)
{
    struct cursor at = {0};
    enum status s = E_FORMAT;
    for (const struct fs_format *f; s == E_FORMAT && (f = next_fs(&at)) != NULL;) {
        s = f->make == NULL ? E_FORMAT : f->make(dev, out);
    }
    return s;
}

static enum status make_named_fs(const char *source, struct fs **out)
{
    struct cursor at = {0};
    enum status s = E_NODEV;
    for (const struct fs_format *f; s == E_NODEV && (f = next_fs(&at)) != NULL;) {
        s = f->make_named == NULL ? E_NODEV : f->make_named(source, out);
    }
    return s;
}

static const struct bytecode_format *recognise(const void *bytes, size_t len)
{
    const struct additions *a;
    for (unsigned m = 0; (a = additions_at(m)) != NULL; m++) {
        uint32_t count = additions_count(a).formats;
        for (uint32_t i = 0; i < count; i++) {
            if (a->formats[i]->recognise(bytes, len)) {
                return a->formats[i];
            }
        }
    }
    return NULL;
}

static const struct bytecode_format *format_at(unsigned i)
{
    const struct additions *a;
    for (unsigned m = 0; (a = additions_at(m)) != NULL; m++) {
        uint32_t count = additions_count(a).formats;
        if (i < count) {
            return a->formats[i];
        }
        i -= count;
    }
    return NULL;
}

void additions_init(bool (*is_command)(const char *name))
{
    static const struct fs_added file_systems = {.make = make_fs, .make_named = make_named_fs};
    is_own_command = is_command;
    fs_set_added(&file_systems);
    bytecode_set_added(recognise, format_at);
}

/* ---- Checks ---- */

enum kind { COMMAND, FILE_SYSTEM, FORMAT, KIND_COUNT };
static const char *const kind_names[KIND_COUNT] = {"command", "file system", "format"};

static uint32_t count_of(const struct additions *a, enum kind kind)
{
    struct additions_count n = additions_count(a);
    return kind == COMMAND ? n.commands : kind == FILE_SYSTEM ? n.file_systems : n.formats;
}

static const char *name_at(const struct additions *a, enum kind kind, uint32_t i)
{
    switch (kind) {
    case COMMAND:
        return a->commands[i].name;
    case FILE_SYSTEM:
        return a->file_systems[i]->name;
    default:
        return a->formats[i]->name;
    }
}

/* As for a driver: catches mistakes in the source, not malice. */
static bool is_complete(const struct additions *a, enum kind kind, uint32_t i)
{
    if (kind == COMMAND) {
        const struct shell_command *c = &a->commands[i];
        return c->usage != NULL && c->help != NULL && c->run != NULL;
    }
    if (kind == FILE_SYSTEM) {
        return a->file_systems[i]->make != NULL || a->file_systems[i]->make_named != NULL;
    }
    const struct bytecode_format *f = a->formats[i];
    return f->recognise != NULL && f->create != NULL && f->release != NULL && f->load != NULL &&
           f->run != NULL && f->stop != NULL && f->describe != NULL &&
           f->describe_function != NULL && f->inspect != NULL;
}

/* A command is a word, and a word with a slash is a program. */
static bool is_name(const char *name)
{
    if (name == NULL || name[0] == '\0') {
        return false;
    }
    for (const char *c = name; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || *c == '/') {
            return false;
        }
    }
    return true;
}

static bool is_in(const struct additions *a, enum kind kind, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(name_at(a, kind, i), name) == 0) {
            return true;
        }
    }
    return false;
}

/* Names of file systems and formats of the kernel itself are not compared: these are tried first,
 * and recognise their own contents only. */
static bool is_taken(enum kind kind, const char *name)
{
    if (kind == COMMAND && is_own_command(name)) {
        return true;
    }
    const struct additions *a;
    for (unsigned m = 0; (a = additions_at(m)) != NULL; m++) {
        if (is_in(a, kind, count_of(a, kind), name)) {
            return true;
        }
    }
    return false;
}

static enum status fail(struct loader_error *err, enum status s, const char *module, enum kind kind,
                        const char *name, const char *why)
{
    fmt_print(err->text, sizeof(err->text), "%s: %s %s: %s", module, kind_names[kind], name, why);
    str_make_printable(err->text);
    return s;
}

static enum status check(const char *module, const struct additions *a, enum kind kind, uint32_t i,
                         struct loader_error *err)
{
    const char *name = name_at(a, kind, i);
    if (!is_name(name)) {
        return fail(err, E_CORRUPT, module, kind, name == NULL ? "" : name, "not a valid name");
    }
    if (!is_complete(a, kind, i)) {
        return fail(err, E_CORRUPT, module, kind, name, "lacks a required field");
    }
    if (is_taken(kind, name) || is_in(a, kind, i, name)) {
        return fail(err, E_EXIST, module, kind, name, "exists already");
    }
    return OK;
}

/* Everything is checked before anything is added, so a module that is refused has left no trace. */
static enum status check_all(const char *module, const struct additions *a,
                             struct loader_error *err)
{
    for (enum kind kind = COMMAND; kind < KIND_COUNT; kind++) {
        uint32_t count = count_of(a, kind);
        for (uint32_t i = 0; i < count; i++) {
            enum status s = check(module, a, kind, i, err);
            if (s != OK) {
                return s;
            }
        }
    }
    return OK;
}

/* `adding` keeps two modules from passing the check for names at the same time; `lock` only
 * protects the list, for readers that must not wait. */
enum status additions_add(struct additions_registration *r, const char *module,
                          struct loader_error *err)
{
    mutex_lock(&adding);
    enum status s = check_all(module, r->added, err);
    if (s == OK) {
        irq_state_t state = spin_lock_irq(&lock);
        list_push_back(&all, &r->link);
        spin_unlock_irq(&lock, state);
    }
    mutex_unlock(&adding);
    return s;
}

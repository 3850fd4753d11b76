// SPDX-License-Identifier: MIT
#include "kernel/livepatch/program_patch.h"

#include "hal/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/livepatch/frontends.h"
#include "kernel/livepatch/in_use.h"
#include "kernel/livepatch/program_entry.h"
#include "kernel/livepatch/program_trace.h"
#include "kernel/mm/heap.h"
#include "kernel/module/livepatch.h"
#include "kernel/shell/expand.h"
#include "kernel/tty/console.h"

/* One lock protects all of this: the programs with patches, their patches, and the jumps that
 * program_entry.c writes. So target_of() sees the same list for all functions of one change. Lock
 * order: `lock`, then the list of programs (bytecode_visit()), then the lock of livepatch.c
 * (livepatch_exclude()). A program may end meanwhile: its reaper waits for `lock` in
 * program_ended(), or for the list of programs. The reaper waits for one command at most, and that
 * ends: program_entry.c bounds its tries, and fails with E_NOENT when the program's thread is gone.
 *
 * A patch has three states. It is made, attached and put in `patches`; then applied or undone any
 * number of times; then drop() frees its code and moves it to `unloaded`. The struct itself stays
 * until the program ends, because the program may still look up what remains (detach() of
 * patcher.h). */
#define FILE_SIZE_MAX ((size_t)256 << 20)
#define SUFFIX        ".wasm"

struct program_patch {
    struct list_node link;
    char name[LIVEPATCH_NAME_MAX];
    bool is_applied;
    bool is_trace; /* it has no name, and replaces functions by themselves */
    struct bytecode_patch *code;
};

/** A program that has, or had, patches. */
struct patched_program {
    struct list_node link;
    struct program_resource resource;
    struct program *program;
    struct list patches;   /* oldest first: the newest that is applied counts */
    struct list unloaded;  /* without code; the program may be looking at the rest */
    struct list redirects; /* of functions that are replaced now */
    struct traced_calls calls;
};

static struct mutex lock = MUTEX_INIT(lock, "patches of programs");
static struct list all = LIST_INIT(all); /* [lock] with everything in it */

static enum status fail(struct loader_error *err, enum status s, const char *name, const char *why)
{
    fmt_print(err->text, sizeof(err->text), "%s: %s", name, why);
    str_make_printable(err->text);
    return s;
}

/* ---- Programs ---- */

/* A program releases its newest resource first. This one was added after the program's own code and
 * data, so they still exist when program_ended() frees the patches that refer to them. */
static void free_patch(struct program_patch *p)
{
    list_remove(&p->link);
    p->code->patcher->free(p->code);
    heap_free(p);
}

/* Nothing of the program runs any longer, so its entries stay as they are. */
static void program_ended(struct program_resource *self)
{
    struct patched_program *t = CONTAINER_OF(self, struct patched_program, resource);
    struct list *const lists[] = {&t->patches, &t->unloaded};
    mutex_lock(&lock);
    list_remove(&t->link);
    for (size_t n = 0; n < ARRAY_COUNT(lists); n++) {
        while (!list_is_empty(lists[n])) {
            free_patch(CONTAINER_OF(lists[n]->head.next, struct program_patch, link));
        }
    }
    redirect_forget_all(&t->redirects);
    mutex_unlock(&lock);
    heap_free(t);
}

static struct patched_program *find_program(uint32_t id) REQUIRES(lock)
{
    LIST_FOR_EACH (&all, n) {
        struct patched_program *t = CONTAINER_OF(n, struct patched_program, link);
        if (t->program->id == id) {
            return t;
        }
    }
    return NULL;
}

static enum status add_program(struct program *p, struct patched_program **out) REQUIRES(lock)
{
    struct patched_program *t = heap_zalloc(sizeof(*t));
    if (t == NULL) {
        return E_NOMEM;
    }
    t->program = p;
    t->resource = (struct program_resource){.release = program_ended, .name = "patches"};
    list_init(&t->patches);
    list_init(&t->unloaded);
    list_init(&t->redirects);
    traced_calls_init(&t->calls, program_thread(p));
    enum status s = program_add_resource(p, &t->resource);
    if (s != OK) {
        heap_free(t);
        return s;
    }
    list_push_back(&all, &t->link);
    *out = t;
    return OK;
}

static struct program_patch *find_patch(const struct patched_program *t, const char *name)
{
    LIST_FOR_EACH (&t->patches, n) {
        struct program_patch *p = CONTAINER_OF(n, struct program_patch, link);
        if (!p->is_trace && strcmp(p->name, name) == 0) {
            return p;
        }
    }
    return NULL;
}

/* ---- Applying ---- */

/* What calls of a function should reach: the newest replacement, or 0 for itself. The order of
 * `patches` decides, so load_again() moves a patch to the end when it is applied again. Undoing the
 * newest patch of a function makes the one before it count, with no further bookkeeping. */
static vaddr_t target_of(const struct patched_program *t, uint32_t number)
{
    vaddr_t found = 0;
    LIST_FOR_EACH (&t->patches, n) {
        const struct program_patch *p = CONTAINER_OF(n, struct program_patch, link);
        for (uint32_t i = 0; p->is_applied && i < p->code->count; i++) {
            found = p->code->functions[i].number == number ? p->code->functions[i].code : found;
        }
    }
    return found;
}

static enum status lead(struct patched_program *t, const struct bytecode_patch *p,
                        const struct patched_function *f, struct loader_error *err)
{
    vaddr_t target = target_of(t, f->number);
    const char *why = NULL;
    enum status s = redirect(&t->redirects, t->program, p, f->number, target, &why);
    return s == OK ? OK : fail(err, s, f->name, why);
}

static bool replaces(const struct program_patch *p, uint32_t number)
{
    const struct bytecode_patch *code = p->code;
    uint32_t n = 0;
    while (n < code->count && code->functions[n].number != number) {
        n++;
    }
    return p->is_applied && n < code->count;
}

/* A function that is traced runs the code that it had when that began. So meanwhile patches of it
 * neither come nor go. */
static enum status check_traces(const struct patched_program *t, const struct program_patch *p,
                                struct loader_error *err)
{
    LIST_FOR_EACH (&t->patches, m) {
        const struct program_patch *q = CONTAINER_OF(m, struct program_patch, link);
        for (uint32_t n = 0; q->is_trace != p->is_trace && n < p->code->count; n++) {
            const struct patched_function *f = &p->code->functions[n];
            if (replaces(q, f->number)) {
                return fail(err, E_BUSY, f->name,
                            q->is_trace ? "it is traced; `trace func --off` ends that"
                                        : "it is replaced, and cannot be traced meanwhile");
            }
        }
    }
    return OK;
}

/* Undoing fails only if the program has ended. The flag changes first, because target_of() reads
 * it; then each function is led to the target that follows from the flags. On a failure the flag
 * goes back, and the functions that were led so far are led again, the failing one included:
 * redirect() may have changed one of its two entries. Errors of that second pass are ignored, since
 * it only repeats writes that succeeded, or the program has ended. */
static enum status set_applied(struct patched_program *t, struct program_patch *p, bool is_applied,
                               struct loader_error *err)
{
    struct loader_error ignored;
    enum status s = check_traces(t, p, err);
    uint32_t n = 0;
    if (s != OK) {
        return s;
    }
    p->is_applied = is_applied;
    for (; s == OK && n < p->code->count; n++) {
        s = lead(t, p->code, &p->code->functions[n], err);
    }
    if (s != OK) {
        p->is_applied = !is_applied;
        while (n-- > 0) {
            (void)lead(t, p->code, &p->code->functions[n], &ignored);
        }
    }
    return s;
}

/* Free the code of a patch that is not applied. @return false: a thread may be in it. The caller
 * has undone the patch, so no entry of a function leads to its code, and no new call of it begins.
 * That is the precondition of code_is_in_use(), whose result would otherwise be out of date at
 * once. The check and the release are under `lock`, so no other thread applies the patch in
 * between. */
static bool drop(struct patched_program *t, struct program_patch *p)
{
    if (code_is_in_use(p->code->lo, p->code->hi)) {
        return false;
    }
    p->code->patcher->detach(p->code);
    list_remove(&p->link);
    list_push_back(&t->unloaded, &p->link);
    return true;
}

/* Of a trace that was undone, the code is freed once no call is in it. */
static void drop_old_traces(struct patched_program *t)
{
    struct list_node *next;
    for (struct list_node *n = t->patches.head.next; n != &t->patches.head; n = next) {
        struct program_patch *p = CONTAINER_OF(n, struct program_patch, link);
        next = n->next;
        if (p->is_trace && !p->is_applied) {
            (void)drop(t, p);
        }
    }
}

/* ---- Loading ---- */

struct request {
    const char *file, *glob; /* no file: a trace */
    const char *what;        /* for messages */
    char name[LIVEPATCH_NAME_MAX];
    uint32_t program;
    void *bytes;
    size_t len;
    struct loader_error *err;
    enum status s;
};

static bool wants(struct patch_choice *self, const char *name)
{
    return glob_match(self->glob, strlen(self->glob), name);
}

/** The functions of a program that are to be traced: not those that are. */
struct trace_choice {
    struct patch_choice choice;
    struct patched_program *of;
    bool is_known; /* one that is traced already was chosen */
};

static struct trace_choice *trace_choice_of(struct patch_choice *c)
{
    return CONTAINER_OF(c, struct trace_choice, choice);
}

/* Called while the patcher makes the patch, under `lock`, so the list of patches does not change. A
 * function that is traced already is left out: a second trace of it would count its calls twice. If
 * all chosen functions are traced, make() turns the patcher's E_NOENT into success. */
static bool wants_trace(struct patch_choice *self, const char *name)
{
    struct trace_choice *c = trace_choice_of(self);
    bool is_wanted = wants(self, name), is_on = false;
    LIST_FOR_EACH (&c->of->patches, m) {
        const struct program_patch *p = CONTAINER_OF(m, struct program_patch, link);
        for (uint32_t n = 0; p->is_trace && p->is_applied && n < p->code->count; n++) {
            is_on = is_on || strcmp(p->code->functions[n].name, name) == 0;
        }
    }
    c->is_known = c->is_known || (is_wanted && is_on);
    return is_wanted && !is_on;
}

static uint32_t number_trace(struct patch_choice *self, uint32_t function, const char *name)
{
    struct patched_program *t = trace_choice_of(self)->of;
    return traced_number(t->program->id, function, name);
}

static const struct bytecode_patcher *patcher_of(const struct bytecode_program *p)
{
    const struct bytecode_patcher *const *at = program_patchers;
    while (*at != NULL && (*at)->format != p->format) {
        at++;
    }
    return *at;
}

/* `t` is NULL if no function of the program was replaced so far; not for traces. The patcher
 * compiles the functions and verifies them as it does those of a program; a file with other types,
 * imports or data is refused there. The file's bytes belong to the patcher from the call on, also
 * if it fails, so r->bytes is cleared before anything can return: load_file() frees only a file
 * that was never handed over. */
static enum status make(struct request *r, const struct bytecode_program *p,
                        struct patched_program *t, struct program_patch **out)
{
    struct trace_choice c = {.choice = {.wants = r->file == NULL ? wants_trace : wants,
                                        .glob = r->glob,
                                        .number = number_trace,
                                        .entry_bytes = redirect_bytes(),
                                        .event = traced_event,
                                        .events = t == NULL ? NULL : &t->calls},
                             .of = t};
    const struct bytecode_patcher *patcher = patcher_of(p);
    struct loader_error why = {.text = ""};
    struct program_patch *made = heap_zalloc(sizeof(*made));
    if (patcher == NULL || made == NULL) {
        heap_free(made);
        return patcher == NULL ? fail(r->err, E_NOTSUP, p->path, "only WebAssembly is patched")
                               : fail(r->err, E_NOMEM, p->path, status_text(E_NOMEM));
    }
    enum status s = patcher->make(p, r->bytes, r->len, &c.choice, &made->code, &why);
    r->bytes = NULL; /* the patch's, or freed */
    if (s != OK) {
        heap_free(made);
        *out = NULL;
        return c.is_known && s == E_NOENT ? OK : fail(r->err, s, r->what, why.text);
    }
    (void)str_copy(made->name, sizeof(made->name), r->name);
    made->is_trace = r->file == NULL;
    *out = made;
    return OK;
}

/* The patch is attached before its first jump is written: a fault in its code must find the rows
 * that explain it. If a function cannot be led, set_applied() has undone the rest, and drop() frees
 * the code, unless a call entered it meanwhile. Then the patch stays in the list as one that is
 * undone, and `livepatch unload` can free it later. */
static enum status load(struct request *r, const struct bytecode_program *p) REQUIRES(lock)
{
    struct patched_program *t = find_program(p->program->id);
    struct program_patch *made;
    enum status s = t == NULL ? add_program(p->program, &t) : OK;
    if (s != OK) {
        return fail(r->err, s, r->what, status_text(s));
    }
    s = make(r, p, t, &made);
    if (s != OK || made == NULL) {
        return s;
    }
    drop_old_traces(t);
    made->code->patcher->attach(made->code);
    list_push_back(&t->patches, &made->link);
    s = set_applied(t, made, true, r->err);
    if (s != OK) {
        (void)drop(t, made);
    }
    return s;
}

/* The lock is held by the caller of bytecode_visit(). */
NO_LOCK_ANALYSIS static void visit(void *ctx, struct bytecode_program *p)
{
    struct request *r = ctx;
    r->s = load(r, p);
}

static enum status load_file(struct request *r) REQUIRES(lock)
{
    enum status s =
        r->file == NULL ? OK : vfs_read_file(r->file, FILE_SIZE_MAX, &r->bytes, &r->len);
    if (s != OK) {
        return fail(r->err, s, r->file, status_text(s));
    }
    if (!bytecode_visit(r->program, visit, r)) {
        r->s = fail(r->err, E_NOENT, r->what, "no portable program has this number");
    }
    heap_free(r->bytes);
    return r->s;
}

/* The last part of a path, without suffix. */
static bool get_name(const char *file, char *name, size_t size)
{
    const char *slash = strrchr(file, '/');
    const char *base = slash == NULL ? file : slash + 1;
    size_t len = strlen(base), suffix = sizeof(SUFFIX) - 1;
    len -= len > suffix && strcmp(base + len - suffix, SUFFIX) == 0 ? suffix : 0;
    if (len == 0 || len >= size) {
        return false;
    }
    memcpy(name, base, len);
    name[len] = '\0';
    return true;
}

/* A number, a colon and more; or only the number, if the caller allows that. */
static bool split(const char *where, uint32_t *program, const char **rest)
{
    char digits[12] = "";
    unsigned long long number;
    const char *colon = strchr(where, ':');
    size_t len = colon == NULL ? strlen(where) : (size_t)(colon - where);
    if (len >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, where, len);
    *rest = colon == NULL ? NULL : colon + 1;
    if (!str_to_u64(digits, &number) || number > UINT32_MAX) {
        return false;
    }
    *program = (uint32_t)number;
    return true;
}

/* The patch has its code already, so neither the file nor the pattern is read again. */
static enum status load_again(struct patched_program *t, struct program_patch *p,
                              struct loader_error *err)
{
    if (p->is_applied) {
        return fail(err, E_EXIST, p->name, "is applied already");
    }
    list_remove(&p->link);
    list_push_back(&t->patches, &p->link); /* the newest counts */
    return set_applied(t, p, true, err);
}

enum status program_patch_load(const char *file, const char *where, struct loader_error *err)
{
    struct request r = {.file = file, .what = file, .err = err};
    if (!split(where, &r.program, &r.glob)) {
        return fail(err, E_INVAL, where, "not a program's number; `jit` lists them");
    }
    if (!get_name(file, r.name, sizeof(r.name))) {
        return fail(err, E_NAMETOOLONG, file, status_text(E_NAMETOOLONG));
    }
    r.glob = r.glob == NULL ? "*" : r.glob;
    mutex_lock(&lock);
    struct patched_program *t = find_program(r.program);
    struct program_patch *p = t == NULL ? NULL : find_patch(t, r.name);
    enum status s = p == NULL ? load_file(&r) : load_again(t, p, err);
    mutex_unlock(&lock);
    return s;
}

/* ---- Undoing ---- */

bool program_patch_is_named(const char *name)
{
    uint32_t program;
    const char *rest;
    return split(name, &program, &rest) && rest != NULL;
}

static struct program_patch *find_named(const char *name, struct patched_program **of)
    REQUIRES(lock)
{
    uint32_t program;
    const char *rest;
    if (!split(name, &program, &rest) || rest == NULL) {
        return NULL;
    }
    *of = find_program(program);
    return *of == NULL ? NULL : find_patch(*of, rest);
}

enum status program_patch_undo(const char *name, struct loader_error *err)
{
    struct patched_program *t;
    mutex_lock(&lock);
    struct program_patch *p = find_named(name, &t);
    enum status s = p == NULL || !p->is_applied
                        ? fail(err, E_NOENT, name, "no such patch is applied")
                        : set_applied(t, p, false, err);
    mutex_unlock(&lock);
    return s;
}

static enum status unload(const char *name, struct loader_error *err) REQUIRES(lock)
{
    struct patched_program *t;
    struct program_patch *p = find_named(name, &t);
    if (p == NULL) {
        return fail(err, E_NOENT, name, "no such patch is loaded");
    }
    enum status s = p->is_applied ? set_applied(t, p, false, err) : OK;
    if (s == OK && !drop(t, p)) {
        s = fail(err, E_BUSY, name, "undone, but not unloaded: a call of it has not ended");
    }
    return s;
}

enum status program_patch_unload(const char *name, struct loader_error *err)
{
    mutex_lock(&lock);
    enum status s = unload(name, err);
    mutex_unlock(&lock);
    return s;
}

static void print(const struct patched_program *t, const struct program_patch *p)
{
    char name[LIVEPATCH_NAME_MAX + 12];
    fmt_print(name, sizeof(name), "%u:%s", t->program->id, p->name);
    console_printf("%-16s %-8s", name, p->is_applied ? "applied" : "undone");
    for (uint32_t n = 0; n < p->code->count; n++) {
        console_printf(" %s", p->code->functions[n].name);
    }
    console_printf("\n");
}

void program_patch_list(void)
{
    mutex_lock(&lock);
    LIST_FOR_EACH (&all, n) {
        const struct patched_program *t = CONTAINER_OF(n, struct patched_program, link);
        LIST_FOR_EACH (&t->patches, m) {
            const struct program_patch *p = CONTAINER_OF(m, struct program_patch, link);
            if (!p->is_trace) {
                print(t, p);
            }
        }
    }
    mutex_unlock(&lock);
}

/* ---- Tracing ---- */

enum status program_trace(const char *where, struct loader_error *err)
{
    struct request r = {.what = where, .err = err};
    if (!split(where, &r.program, &r.glob) || r.glob == NULL) {
        return fail(err, E_INVAL, where, "not a program's number and names of functions");
    }
    mutex_lock(&lock);
    enum status s = load_file(&r);
    mutex_unlock(&lock);
    return s;
}

static void visit_trace(const struct program_patch *p, void (*visit)(uint32_t event))
{
    for (uint32_t n = 0; p->is_trace && p->is_applied && n < p->code->count; n++) {
        visit(p->code->functions[n].event);
    }
}

void program_trace_visit(void (*visit)(uint32_t event))
{
    mutex_lock(&lock);
    LIST_FOR_EACH (&all, n) {
        const struct patched_program *t = CONTAINER_OF(n, struct patched_program, link);
        LIST_FOR_EACH (&t->patches, m) {
            visit_trace(CONTAINER_OF(m, struct program_patch, link), visit);
        }
    }
    mutex_unlock(&lock);
}

void program_untrace_all(void)
{
    struct loader_error ignored;
    mutex_lock(&lock);
    LIST_FOR_EACH (&all, n) {
        struct patched_program *t = CONTAINER_OF(n, struct patched_program, link);
        LIST_FOR_EACH (&t->patches, m) {
            struct program_patch *p = CONTAINER_OF(m, struct program_patch, link);
            if (p->is_trace && p->is_applied) {
                (void)set_applied(t, p, false, &ignored);
            }
        }
        drop_old_traces(t);
    }
    mutex_unlock(&lock);
}

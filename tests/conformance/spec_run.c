// SPDX-License-Identifier: MIT
//
// One function for each command. A failure is reported with the file's name and line, and counted;
// the rest of the file still runs.
#include "tests/conformance/spec_run.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/wasm/front/reader.h"
#include "tests/conformance/spec_pack.h"

#define ARENA_BYTES    ((size_t)64 << 20)
#define TABLE_ELEMENTS 10000000u
#define NAMES_MAX      64
#define PAGES          ((uint64_t)1 << 20) /* of all memories of a file together */

struct named {
    struct wasm_bytes name;
    struct wasm_instance *instance;
};

/** A module that is loaded, and instantiated by later commands. */
struct definition {
    struct wasm_bytes name;
    struct wasm_code *code;
};

/** A thread of a file: a run of its own. */
struct spec_thread {
    struct wasm_bytes name;
    struct run *run;
    struct spec_reader reader;
    enum status status;
    void *thread; /* NULL: waited for */
};

#define THREADS_MAX 8

struct run {
    const struct spec_config *config;
    const char *file;
    struct wasm_store *store;
    struct wasm_instance *last; /* NULL: it could not be created */
    struct named names[NAMES_MAX];
    struct definition definitions[NAMES_MAX];
    uint32_t name_count, definition_count;
    /* of a thread: an instance of the run that started it, whose shared memory it sees, under this
     * name; or NULL */
    struct named shared;
    struct spec_thread threads[THREADS_MAX];
    uint32_t thread_count;
    struct spec_score score;
    struct spec_command command;
    char why[320]; /* why the last command failed */
};

static PRINTF_LIKE(2, 3) bool failed(struct run *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fmt_vprint(r->why, sizeof r->why, fmt, args);
    va_end(args);
    return false;
}

/* ---- The host functions of the specification's tests ---- */

static enum wasm_outcome print(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                               enum ir_trap *trap)
{
    (void)h, (void)args, (void)results, (void)trap;
    return WASM_RETURNED;
}

static const struct wasm_host_function prints[] = {
    {"print", ":", print, NULL},           {"print_i32", "i:", print, NULL},
    {"print_i64", "I:", print, NULL},      {"print_f32", "f:", print, NULL},
    {"print_f64", "F:", print, NULL},      {"print_i32_f32", "if:", print, NULL},
    {"print_f64_f64", "FF:", print, NULL},
};

/** Each pack contains the module "spectest"; it imports these functions. */
static const struct wasm_host_module print_module = {
    .name = "host", .functions = prints, .count = ARRAY_COUNT(prints)};

/* ---- Modules ---- */

static enum status load(struct run *r, struct wasm_bytes bytes, struct wasm_code **out,
                        struct wasm_error *err)
{
    static const struct wasm_bounds bounds = {.arena_bytes = ARENA_BYTES,
                                              .table_elements = TABLE_ELEMENTS};
    struct wasm_module *m;
    enum status s = wasm_module_decode(bytes.bytes, bytes.len, &bounds, &m, err);
    return s != OK ? s : wasm_load(r->store, m, out, err);
}

/* Make an instance the last one, and remember its name. */
static void name_last(struct run *r, struct wasm_bytes name)
{
    if (name.len > 0 && r->name_count < NAMES_MAX) {
        r->names[r->name_count++] = (struct named){name, r->last};
    }
}

static bool check_instance(struct run *r, enum status s, const struct wasm_stop *stop,
                           const struct wasm_error *err)
{
    name_last(r, r->command.name);
    if (s == E_FAULT) {
        return failed(r, "module: trap: %s", wasm_trap_text(stop));
    }
    return s == OK || failed(r, "module: %s: %s", status_text(s), err->text);
}

static enum status instantiate(struct run *r, struct wasm_bytes bytes, struct wasm_instance **out,
                               struct wasm_stop *stop, struct wasm_error *err)
{
    struct wasm_code *code;
    enum status s = load(r, bytes, &code, err);
    if (s != OK) {
        return s;
    }
    s = wasm_instantiate(r->store, code, out, stop, err);
    wasm_release(r->store, code);
    return s;
}

static bool run_module(struct run *r)
{
    const struct spec_command *c = &r->command;
    struct wasm_error err = {.text = ""};
    struct wasm_stop stop;
    r->last = NULL;
    enum status s = instantiate(r, c->bytes, &r->last, &stop, &err);
    return check_instance(r, s, &stop, &err);
}

static bool run_definition(struct run *r)
{
    struct wasm_error err = {.text = ""};
    struct definition d = {.name = r->command.name};
    if (r->definition_count == NAMES_MAX) {
        return failed(r, "too many definitions");
    }
    enum status s = load(r, r->command.bytes, &d.code, &err);
    if (s != OK) {
        return failed(r, "module: %s: %s", status_text(s), err.text);
    }
    r->definitions[r->definition_count++] = d;
    return true;
}

static bool run_instance(struct run *r)
{
    const struct spec_command *c = &r->command;
    struct wasm_error err = {.text = ""};
    struct wasm_stop stop;
    uint32_t n = r->definition_count;
    while (n > 0 && c->bytes.len > 0 &&
           (r->definitions[n - 1].name.len != c->bytes.len ||
            memcmp(r->definitions[n - 1].name.bytes, c->bytes.bytes, c->bytes.len) != 0)) {
        n--;
    }
    r->last = NULL;
    if (n == 0) {
        return failed(r, "no such definition");
    }
    enum status s = wasm_instantiate(r->store, r->definitions[n - 1].code, &r->last, &stop, &err);
    return check_instance(r, s, &stop, &err);
}

static struct wasm_instance *find(const struct run *r, struct wasm_bytes name)
{
    for (uint32_t n = r->name_count; name.len > 0 && n-- > 0;) {
        const struct wasm_bytes *has = &r->names[n].name;
        if (has->len == name.len && memcmp(has->bytes, name.bytes, name.len) == 0) {
            return r->names[n].instance;
        }
    }
    return name.len > 0 ? NULL : r->last;
}

static bool is_equal(struct wasm_bytes a, struct wasm_bytes b)
{
    return a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0;
}

static bool is_shared(const struct run *r, struct wasm_bytes name)
{
    return r->shared.instance != NULL && is_equal(name, r->shared.name);
}

static bool run_register(struct run *r)
{
    if (is_shared(r, r->command.bytes)) {
        enum status s = wasm_store_register_shared(r->store, r->command.name, r->shared.instance);
        return s == OK || failed(r, "register: %s", status_text(s));
    }
    struct wasm_instance *i = find(r, r->command.bytes);
    if (i == NULL) {
        return failed(r, "register: no such module");
    }
    enum status s = wasm_store_register(r->store, r->command.name, i);
    return s == OK || failed(r, "register: %s", status_text(s));
}

/* ---- Actions ---- */

/* Store the arguments as cells. False: the function takes other ones. */
static bool put_args(const struct spec_action *a, const struct wasm_signature *s, uint64_t *cells)
{
    if (a->count != s->params) {
        return false;
    }
    for (uint32_t n = 0; n < a->count; n++) {
        bool is_reference = wasm_is_reference(a->values[n].type);
        if (is_reference ? !wasm_is_reference(s->types[n]) : a->values[n].type != s->types[n]) {
            return false;
        }
        *cells++ = a->values[n].lo;
        if (a->values[n].type == WASM_V128) {
            *cells++ = a->values[n].hi;
        }
    }
    return true;
}

static void take_results(const struct wasm_signature *s, const uint64_t *cells,
                         struct spec_value *out)
{
    for (uint32_t n = 0; n < s->results; n++) {
        out[n] = (struct spec_value){.type = s->types[s->params + n], .lo = *cells++};
        if (out[n].type == WASM_V128) {
            out[n].hi = *cells++;
        }
    }
}

static unsigned size_of(unsigned type)
{
    return type == WASM_V128 ? 16 : type == WASM_I32 || type == WASM_F32 ? 4 : 8;
}

static void get_global(const struct wasm_extern *e, struct spec_value *out)
{
    uint64_t value[2] = {0};
    memcpy(value, e->global.value, size_of(e->global.type.type));
    *out = (struct spec_value){.type = e->global.type.type, .lo = value[0], .hi = value[1]};
}

enum acted { ACT_DONE, ACT_TRAPPED, ACT_IMPOSSIBLE };

static enum acted act(struct run *r, struct spec_value *out, uint32_t *count,
                      struct wasm_stop *stop)
{
    const struct spec_action *a = &r->command.action;
    const struct wasm_instance *i = find(r, a->module);
    struct wasm_extern e;
    if (i == NULL || !wasm_instance_export(i, a->name, &e)) {
        (void)failed(r, i == NULL ? "no module" : "no such export");
        return ACT_IMPOSSIBLE;
    }
    if (a->is_get) {
        if (e.kind != WASM_GLOBAL) {
            (void)failed(r, "no global");
            return ACT_IMPOSSIBLE;
        }
        get_global(&e, out);
        *count = 1;
        return ACT_DONE;
    }
    uint64_t args[2 * SPEC_VALUES_MAX], results[2 * SPEC_VALUES_MAX];
    if (e.kind != WASM_FUNCTION || e.function.signature->results > SPEC_VALUES_MAX ||
        !put_args(a, e.function.signature, args)) {
        (void)failed(r, "no such function");
        return ACT_IMPOSSIBLE;
    }
    if (wasm_call(r->store, &e, args, results, stop) != WASM_RETURNED) {
        (void)failed(r, "trap: %s", wasm_trap_text(stop));
        return ACT_TRAPPED;
    }
    *count = e.function.signature->results;
    take_results(e.function.signature, results, out);
    return ACT_DONE;
}

/* ---- Values ---- */

static bool lane_equals(const struct spec_value *want, uint64_t wanted, uint64_t got, unsigned lane,
                        unsigned bits)
{
    uint64_t sign = UINT64_C(1) << (bits - 1);
    uint64_t quiet = bits == 32 ? UINT64_C(0x7fc00000) : UINT64_C(0x7ff8) << 48;
    if ((want->canonical >> lane & 1) != 0) {
        return (got & ~sign) == quiet;
    }
    if ((want->arithmetic >> lane & 1) != 0) {
        return (got & quiet) == quiet;
    }
    return got == wanted;
}

static bool equals(const struct spec_value *want, const struct spec_value *got)
{
    if (wasm_is_reference(want->type)) { /* the expected type is only a supertype */
        return wasm_is_reference(got->type) &&
               (want->arithmetic != 0 ? got->lo != 0 : got->lo == want->lo);
    }
    if (want->type != got->type) {
        return false;
    }
    unsigned bits = size_of(want->type) / want->lanes * 8;
    uint64_t mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    for (unsigned lane = 0; lane < want->lanes; lane++) {
        unsigned at = lane * bits;
        uint64_t w = (at < 64 ? want->lo : want->hi) >> (at % 64) & mask;
        uint64_t g = (at < 64 ? got->lo : got->hi) >> (at % 64) & mask;
        if (!lane_equals(want, w, g, lane, bits)) {
            return false;
        }
    }
    return true;
}

/* ---- Assertions ---- */

static bool assert_return(struct run *r)
{
    struct spec_value got[SPEC_VALUES_MAX];
    uint32_t count = 0;
    struct wasm_stop stop;
    if (act(r, got, &count, &stop) != ACT_DONE) {
        return false;
    }
    if (count != r->command.expected_count) {
        return failed(r, "%u results, wanted %u", count, r->command.expected_count);
    }
    for (uint32_t n = 0; n < count; n++) {
        const struct spec_value *want = &r->command.expected[n];
        if (!equals(want, &got[n])) {
            return failed(r,
                          "result %u is %#llx:%#llx, wanted %#llx:%#llx (canonical %#x, "
                          "arithmetic %#x)",
                          n, (unsigned long long)got[n].hi, (unsigned long long)got[n].lo,
                          (unsigned long long)want->hi, (unsigned long long)want->lo,
                          want->canonical, want->arithmetic);
        }
    }
    return true;
}

static bool assert_either(struct run *r)
{
    struct spec_value got[SPEC_VALUES_MAX];
    uint32_t count = 0;
    struct wasm_stop stop;
    if (act(r, got, &count, &stop) != ACT_DONE) {
        return false;
    }
    for (uint32_t n = 0; n < r->command.expected_count; n++) {
        if (count == 1 && equals(&r->command.expected[n], &got[0])) {
            return true;
        }
    }
    return failed(r, "the result is none of %u", r->command.expected_count);
}

/* The expected text is sometimes longer than ours ("uninitialized
 * element 2") and sometimes shorter. */
static bool is_text(const struct run *r, const char *text)
{
    const struct wasm_bytes *want = &r->command.text;
    return strncmp(text, (const char *)want->bytes, MIN(strlen(text), (size_t)want->len)) == 0;
}

static bool check_text(struct run *r, const char *text)
{
    return is_text(r, text) || failed(r, "trap: %s, wanted %.*s", text, (int)r->command.text.len,
                                      (const char *)r->command.text.bytes);
}

static bool assert_trap(struct run *r)
{
    struct spec_value got[SPEC_VALUES_MAX];
    uint32_t count;
    struct wasm_stop stop;
    switch (act(r, got, &count, &stop)) {
    case ACT_DONE:
        return failed(r, "returned, wanted a trap");
    case ACT_TRAPPED:
        return stop.outcome == WASM_THROWN ? failed(r, "threw, wanted a trap")
                                           : check_text(r, wasm_trap_text(&stop));
    default:
        return false;
    }
}

static bool assert_refused(struct run *r)
{
    struct wasm_error err = {.text = ""};
    struct wasm_code *code;
    enum status s = load(r, r->command.bytes, &code, &err);
    if (s == OK) {
        wasm_release(r->store, code);
        return failed(r, "accepted, wanted %.*s", (int)r->command.text.len,
                      (const char *)r->command.text.bytes);
    }
    return s == E_CORRUPT ||
           failed(r, "refused for another reason: %s: %s", status_text(s), err.text);
}

static bool assert_valid(struct run *r)
{
    struct wasm_error err = {.text = ""};
    struct wasm_code *code;
    enum status s = load(r, r->command.bytes, &code, &err);
    if (s != OK) {
        return failed(r, "refused: %s: %s", status_text(s), err.text);
    }
    wasm_release(r->store, code);
    return true;
}

static bool assert_exception(struct run *r)
{
    struct spec_value got[SPEC_VALUES_MAX];
    uint32_t count;
    struct wasm_stop stop;
    switch (act(r, got, &count, &stop)) {
    case ACT_DONE:
        return failed(r, "returned, wanted an exception");
    case ACT_TRAPPED:
        return stop.outcome == WASM_THROWN || failed(r, "trap: %s", wasm_trap_text(&stop));
    default:
        return false;
    }
}

static bool assert_unlinkable(struct run *r)
{
    struct wasm_error err = {.text = ""};
    struct wasm_stop stop;
    struct wasm_instance *i;
    enum status s = instantiate(r, r->command.bytes, &i, &stop, &err);
    const char *why = strrchr(err.text, ':');
    if (s == OK) {
        return failed(r, "linked");
    }
    if (s != E_UNRESOLVED || why == NULL) {
        return failed(r, "%s: %s", status_text(s), err.text);
    }
    return is_text(r, why + 2) || failed(r, "%s", err.text);
}

static bool assert_uninstantiable(struct run *r)
{
    struct wasm_error err = {.text = ""};
    struct wasm_stop stop;
    struct wasm_instance *i;
    enum status s = instantiate(r, r->command.bytes, &i, &stop, &err);
    if (s == OK) {
        return failed(r, "instantiated");
    }
    if (s != E_FAULT) {
        return failed(r, "%s: %s", status_text(s), err.text);
    }
    return check_text(r, wasm_trap_text(&stop));
}

static bool run_action(struct run *r)
{
    struct spec_value got[SPEC_VALUES_MAX];
    uint32_t count;
    struct wasm_stop stop;
    return act(r, got, &count, &stop) == ACT_DONE;
}

/* ---- Threads ---- */

static enum status open_run(const struct spec_config *config, const char *file, struct run **out);
static void close_run(struct run *r);
static enum status run_commands(struct run *r, struct spec_reader *reader);

static void run_thread(void *arg)
{
    struct spec_thread *t = arg;
    t->status = run_commands(t->run, &t->reader);
}

static bool start_thread(struct run *r)
{
    const struct spec_command *c = &r->command;
    if (r->thread_count == THREADS_MAX) {
        return failed(r, "too many threads");
    }
    struct spec_thread *t = &r->threads[r->thread_count];
    *t = (struct spec_thread){.name = c->name};
    if (!spec_open(&t->reader, c->bytes.bytes, c->bytes.len) ||
        open_run(r->config, r->file, &t->run) != OK) {
        return failed(r, "no such thread");
    }
    t->run->shared = (struct named){c->text, is_shared(r, c->text) ? r->shared.instance
                                             : c->text.len > 0     ? find(r, c->text)
                                                                   : NULL};
    t->thread = r->config->start(run_thread, t);
    if (t->thread == NULL) {
        close_run(t->run);
        return failed(r, "the thread cannot be created");
    }
    r->thread_count++;
    return true;
}

static bool wait_thread(struct run *r)
{
    for (uint32_t n = 0; n < r->thread_count; n++) {
        struct spec_thread *t = &r->threads[n];
        if (t->thread != NULL && is_equal(t->name, r->command.name)) {
            r->config->join(t->thread);
            t->thread = NULL;
            r->score.passed += t->run->score.passed;
            r->score.total += t->run->score.total;
            r->score.errors += t->run->score.errors;
            close_run(t->run);
            return t->status == OK || failed(r, "%s", status_text(t->status));
        }
    }
    return failed(r, "no such thread");
}

/* ---- A file ---- */

static const struct {
    const char *name;
    bool (*run)(struct run *r);
    bool counts;
} commands[SPEC_KIND_COUNT] = {
    [SPEC_MODULE] = {"module", run_module, false},
    [SPEC_REGISTER] = {"register", run_register, false},
    [SPEC_ACTION] = {"action", run_action, false},
    [SPEC_RETURN] = {"assert_return", assert_return, true},
    [SPEC_TRAP] = {"assert_trap", assert_trap, true},
    [SPEC_EXHAUSTION] = {"assert_exhaustion", assert_trap, true},
    [SPEC_MALFORMED] = {"assert_malformed", assert_refused, true},
    [SPEC_INVALID] = {"assert_invalid", assert_refused, true},
    [SPEC_UNLINKABLE] = {"assert_unlinkable", assert_unlinkable, true},
    [SPEC_UNINSTANTIABLE] = {"assert_uninstantiable", assert_uninstantiable, true},
    [SPEC_VALID] = {"assert_valid", assert_valid, true},
    [SPEC_DEFINITION] = {"module_definition", run_definition, false},
    [SPEC_INSTANCE] = {"module_instance", run_instance, false},
    [SPEC_EITHER] = {"assert_return", assert_either, true},
    [SPEC_EXCEPTION] = {"assert_exception", assert_exception, true},
    [SPEC_THREAD] = {"thread", start_thread, false},
    [SPEC_WAIT] = {"wait", wait_thread, false},
};

static void complain(const struct run *r)
{
    const struct spec_command *c = &r->command;
    bool is_action = (c->kind >= SPEC_ACTION && c->kind <= SPEC_EXHAUSTION) ||
                     c->kind == SPEC_EITHER || c->kind == SPEC_EXCEPTION;
    struct wasm_bytes name = is_action ? c->action.name : (struct wasm_bytes){NULL, 0};
    char line[512];
    fmt_print(line, sizeof line, "%s.wast:%u: %s %.*s: %s", r->file, c->line,
              commands[c->kind].name, (int)name.len, (const char *)name.bytes, r->why);
    r->config->say(r->config->ctx, line);
}

static void run_command(struct run *r)
{
    r->why[0] = '\0';
    bool counts = commands[r->command.kind].counts;
    bool passed = commands[r->command.kind].run(r);
    r->score.total += counts;
    r->score.passed += counts && passed;
    r->score.errors += !counts && !passed;
    if (!passed) {
        complain(r);
    }
}

static enum status open_run(const struct spec_config *config, const char *file, struct run **out)
{
    static const struct wasm_quota quota = {.pages = PAGES, .elements = TABLE_ELEMENTS};
    struct run *r = heap_zalloc(sizeof *r);
    if (r == NULL) {
        return E_NOMEM;
    }
    r->config = config;
    r->file = file;
    enum status s = wasm_store_open(config->engine, config->options, &quota, &r->store);
    if (s == OK) {
        s = wasm_store_add_host(r->store, &print_module, NULL);
    }
    if (s != OK) {
        close_run(r);
        return s;
    }
    *out = r;
    return OK;
}

static void close_run(struct run *r)
{
    for (uint32_t n = 0; n < r->definition_count; n++) {
        wasm_release(r->store, r->definitions[n].code);
    }
    wasm_store_close(r->store);
    heap_free(r);
}

/* Threads that no command waits for are waited for at the end: they use this run's memory. */
static enum status run_commands(struct run *r, struct spec_reader *reader)
{
    while (spec_next(reader, &r->command)) {
        run_command(r);
    }
    for (uint32_t n = 0; n < r->thread_count; n++) {
        if (r->threads[n].thread != NULL) {
            r->command.name = r->threads[n].name;
            (void)wait_thread(r);
        }
    }
    return reader->broken ? E_FORMAT : OK;
}

enum status spec_run(const struct spec_config *config, const char *name, const uint8_t *pack,
                     size_t len, struct spec_score *score)
{
    struct spec_reader reader;
    struct run *r;
    if (!spec_open(&reader, pack, len)) {
        return E_FORMAT;
    }
    enum status s = open_run(config, name, &r);
    if (s == OK) {
        s = run_commands(r, &reader);
        *score = r->score;
        close_run(r);
    }
    return s;
}

// SPDX-License-Identifier: MIT
//
// Parses the kernel's command line, and splits a program's. The text comes from outside: no mistake
// in it stops the boot.

#include "kernel/boot/cmdline.h"

#include "kernel/base/log.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/lib/words.h"

#define WATCHDOG_MAX_S     86400u
#define WATCHDOG_DEFAULT_S 10u

/* The count goes on after the list is full, so that boot_print_machine() can say how
 * many more there were. */
static void report(struct cmdline *c, const char *word)
{
    if (c->unknown_count < ARRAY_COUNT(c->unknown)) {
        c->unknown[c->unknown_count] = word;
    }
    c->unknown_count++;
}

static bool parse_loglevel(const char *text, int *out)
{
    static const char *const names[] = {
        [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
    for (unsigned i = 0; i < ARRAY_COUNT(names); i++) {
        if (strcmp(text, names[i]) == 0 || (text[0] == (char)('0' + i) && text[1] == '\0')) {
            *out = (int)i;
            return true;
        }
    }
    return false;
}

static bool parse_watchdog(const char *text, uint32_t *out)
{
    unsigned long long n;
    if (!str_to_u64(text, &n) || n > WATCHDOG_MAX_S) {
        return false;
    }
    *out = (uint32_t)n;
    return true;
}

static bool parse_seed(const char *text, uint32_t *out)
{
    unsigned long long n;
    if (!str_to_u64(text, &n) || n == 0 || n > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)n;
    return true;
}

static bool parse_maxcpus(const char *text, uint32_t *out)
{
    unsigned long long n;
    if (!str_to_u64(text, &n) || n == 0 || n > CPU_MAX) {
        return false;
    }
    *out = (uint32_t)n;
    return true;
}

/** NAME or NAME=GLOB; the default glob is "*". */
static bool parse_glob(const char *word, const char *name, const char **out)
{
    size_t len = strlen(name);
    if (strncmp(word, name, len) != 0 || (word[len] != '\0' && word[len] != '=')) {
        return false;
    }
    *out = word[len] == '=' && word[len + 1] != '\0' ? word + len + 1 : "*";
    return true;
}

static bool add_folder(struct cmdline *c, char *text)
{
    if (*text == '\0' || c->folder_count == LOAD_FOLDERS) {
        return false;
    }
    c->folders[c->folder_count++] = text;
    return true;
}

static bool add_mount(struct cmdline *c, char *text)
{
    const char *colon = strchr(text, ':');
    if (colon == NULL || colon == text || colon[1] != '/' || c->mount_count == MOUNTS_MAX) {
        return false;
    }
    c->mounts[c->mount_count++] = text;
    return true;
}

/* False: the word is unknown, or its value is invalid. */
static bool parse_word(struct cmdline *c, char *word)
{
    if (str_has_prefix(word, "dir=")) {
        /* even if the value is invalid: the user asked to restrict the program */
        c->is_kept_in = true;
        return add_folder(c, word + 4);
    }
    if (strcmp(word, "no-dir") == 0) {
        c->is_kept_in = true;
        return true;
    }
    if (str_has_prefix(word, "run=") && word[4] != '\0') {
        c->run = word + 4;
        return true;
    }
    if (str_has_prefix(word, "mount=")) {
        return add_mount(c, word + 6);
    }
    if (str_has_prefix(word, "loglevel=")) {
        return parse_loglevel(word + 9, &c->loglevel);
    }
    if (str_has_prefix(word, "maxcpus=")) {
        return parse_maxcpus(word + 8, &c->maxcpus);
    }
    if (strcmp(word, "shell") == 0) {
        c->shell = true;
        return true;
    }
    if (strcmp(word, "poweroff") == 0) {
        c->poweroff = true;
        return true;
    }
    if (str_has_prefix(word, "watchdog=")) {
        return parse_watchdog(word + 9, &c->watchdog_s);
    }
    if (str_has_prefix(word, "preempt=")) {
        return parse_seed(word + 8, &c->preempt_seed);
    }
    if (strcmp(word, "trace") == 0) {
        c->trace = true;
        return true;
    }
    if (strcmp(word, "aslr=off") == 0) {
        c->no_aslr = true;
        return true;
    }
    return parse_glob(word, "test", &c->test) || parse_glob(word, "bench", &c->bench);
}

/* Words are cut in out->text, and the other fields point to them: the struct must not be copied. An
 * unknown word is only counted, and the first ones listed, because firmware and boot loaders add
 * words of their own. */
void cmdline_parse(const char *text, struct cmdline *out)
{
    memset(out, 0, sizeof(*out));
    out->loglevel = -1;
    out->watchdog_s = WATCHDOG_DEFAULT_S;
    out->run_args = "";
    str_copy(out->text, sizeof(out->text), text);

    for (char *p = words_skip_blanks(out->text); *p != '\0'; p = words_skip_blanks(p)) {
        char *word;
        p = words_cut(p, &word);
        if (strcmp(word, "--") == 0) {
            out->run_args = words_skip_blanks(p);
            break;
        }
        if (!parse_word(out, word)) {
            report(out, word);
        }
    }
    /* Without any task the shell starts. */
    if (out->run == NULL && out->test == NULL && out->bench == NULL && !out->poweroff) {
        out->shell = true;
    }
}

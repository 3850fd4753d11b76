// SPDX-License-Identifier: MIT
//
// Arbitrary WASI calls over the kernel's files: whatever a program does in its folder, it changes
// nothing outside it, reads and writes nothing past its memory, and its end releases everything.
//
// An input is a list of calls: a byte chooses the call, then each parameter uses bytes as its kind
// in `shapes` requires, so that most calls get past their argument checks.
#include "kernel/wasi/wasi.h"

#include "fs/fs_env.h"
#include "kernel/fs/vfs.h"
#include "kernel/wasi/abi.h"
#include "wasi/kernel_stubs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY  8192u
#define BUFFERS 4096u /* address after the paths */

/* Path n is at PATH_ROOM * n in memory. */
#define PATH_ROOM 64u
static const char *const paths[] = {
    "a",      "b",    "c",      "a/b",       "a/b/c",     "a/../b",  "..",    "../secret",
    "l",      "l/b",  "a/l",    "l/../..",   ".",         "./",      "a/",    "b/",
    "/",      "/a",   "a//b/.", "../../tmp", "../home/a", "a/..",    "up",    "up/secret",
    "c/../a", "l/c/", "a/b/..", "b/c",       "a/up",      "a/up/..", "l/l/l", "c/",
};
#define PATH_COUNT (sizeof(paths) / sizeof(paths[0]))

/* A letter for each parameter: d descriptor, p a path (address and length), v buffers and their
 * count, b address with some room, n a short length, k bits, R rights, I any 64 bits, i a small
 * number. In the order of wasi_calls. */
static const char *const shapes[] = {
    "bb",       /* args_get */
    "bb",       /* args_sizes_get */
    "ib",       /* clock_res_get */
    "iIb",      /* clock_time_get */
    "bb",       /* environ_get */
    "bb",       /* environ_sizes_get */
    "dIIi",     /* fd_advise */
    "dII",      /* fd_allocate */
    "d",        /* fd_close */
    "d",        /* fd_datasync */
    "db",       /* fd_fdstat_get */
    "dk",       /* fd_fdstat_set_flags */
    "dRR",      /* fd_fdstat_set_rights */
    "db",       /* fd_filestat_get */
    "dI",       /* fd_filestat_set_size */
    "dIIk",     /* fd_filestat_set_times */
    "dvIb",     /* fd_pread */
    "dbn",      /* fd_prestat_dir_name */
    "db",       /* fd_prestat_get */
    "dvIb",     /* fd_pwrite */
    "dvb",      /* fd_read */
    "dbnIb",    /* fd_readdir */
    "dd",       /* fd_renumber */
    "dIib",     /* fd_seek */
    "d",        /* fd_sync */
    "db",       /* fd_tell */
    "dvb",      /* fd_write */
    "dp",       /* path_create_directory */
    "dkpb",     /* path_filestat_get */
    "dkpIIk",   /* path_filestat_set_times */
    "dkpdp",    /* path_link */
    "dkpkRRkb", /* path_open */
    "dpbnb",    /* path_readlink */
    "dp",       /* path_remove_directory */
    "dpdp",     /* path_rename */
    "pdp",      /* path_symlink */
    "dp",       /* path_unlink_file */
    "bbnb",     /* poll_oneoff */
    "i",        /* proc_exit */
    "i",        /* proc_raise */
    "bn",       /* random_get */
    "",         /* sched_yield */
    "dib",      /* sock_accept */
    "dvibb",    /* sock_recv */
    "dvib",     /* sock_send */
    "di",       /* sock_shutdown */
};

struct input {
    const uint8_t *data;
    size_t left;
};

static struct program program;

static uint8_t take(struct input *in)
{
    if (in->left == 0) {
        return 0;
    }
    in->left--;
    return *in->data++;
}

/* Small numbers, and limits. */
static uint64_t take_wide(struct input *in)
{
    uint8_t b = take(in);
    switch (b) {
    case 250:
        return UINT64_MAX;
    case 251:
        return INT64_MAX;
    case 252:
        return (uint64_t)INT64_MAX + 1;
    case 253:
        return UINT32_MAX;
    case 254:
        return (uint64_t)1 << 20;
    case 255:
        return 5000;
    default:
        return b;
    }
}

static uint64_t take_rights(struct input *in)
{
    uint8_t b = take(in);
    return b == 0     ? WASI_RIGHTS_ALL & ~(WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ALLOCATE |
                                        WASI_RIGHT_FD_FILESTAT_SET_SIZE)
           : b == 255 ? UINT64_MAX
           : b > 127  ? WASI_RIGHTS_ALL & ~((uint64_t)1 << (b & 31))
                      : WASI_RIGHTS_ALL;
}

/* An address in the second half, or near the end of memory. */
static uint64_t take_address(struct input *in)
{
    uint8_t b = take(in);
    return b > 250 ? MEMORY - (255 - b) * 8u : BUFFERS + b * 16u;
}

static unsigned take_parameters(struct input *in, const char *shape, uint64_t *args)
{
    unsigned n = 0;
    for (; *shape != '\0'; shape++) {
        switch (*shape) {
        case 'd':
            args[n++] = take(in) % 10;
            break;
        case 'p': {
            uint8_t which = take(in);
            args[n++] = (which % PATH_COUNT) * PATH_ROOM;
            args[n++] = which == 255 ? 300 : strlen(paths[which % PATH_COUNT]);
            break;
        }
        case 'v':
            args[n++] = take_address(in);
            args[n++] = take(in) % 4;
            break;
        case 'b':
            args[n++] = take_address(in);
            break;
        case 'n':
            args[n++] = take_wide(in) & UINT32_MAX;
            break;
        case 'R':
            args[n++] = take_rights(in);
            break;
        case 'I':
            args[n++] = take_wide(in);
            break;
        default:
            args[n++] = take(in) % 34;
            break;
        }
    }
    return n;
}

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void fill_memory(uint8_t *memory, struct input *in)
{
    memset(memory, 0, MEMORY);
    for (size_t i = 0; i < PATH_COUNT; i++) {
        memcpy(memory + i * PATH_ROOM, paths[i], strlen(paths[i]));
    }
    for (unsigned i = 0; i < 16; i++) { /* buffers inside the memory, and some outside */
        uint8_t *entry = memory + BUFFERS + i * 256;
        uint8_t b = take(in);
        entry[1] = b > 200 ? 0xff : 0x10 + b % 16;
        entry[4] = b;
    }
}

static void remove_all(struct file *dir, unsigned depth)
{
    struct dir_entry e;
    uint64_t cookie = 0;
    must(depth < 200);
    while (file_read_dir_at(dir, &cookie, &e) == OK) {
        struct file *below;
        if (e.type == FILE_DIRECTORY) {
            must(file_open_at(dir, e.name, VFS_DIRECTORY, &below) == OK);
            remove_all(below, depth + 1);
            file_close(below);
            must(file_rmdir_at(dir, e.name) == OK);
        } else {
            must(file_unlink_at(dir, e.name) == OK);
        }
    }
}

/* The folder's parent still has its one file, unchanged. */
static void check_beside(struct file *tmp)
{
    struct dir_entry e;
    uint64_t cookie = 0;
    unsigned count = 0;
    while (file_read_dir_at(tmp, &cookie, &e) == OK) {
        count++;
    }
    struct file_stat st;
    must(count == 2);
    must(file_stat_at(tmp, "secret", &st) == OK && st.size == 6 && st.links == 1);
    must(st.modified_ns == st.changed_ns);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    struct file *f;
    size_t n;
    env_reset();
    must(vfs_init() == OK && vfs_mkdir(NULL, "/tmp/home") == OK);
    must(vfs_open(NULL, "/tmp/secret", VFS_WRITE | VFS_CREATE, &f) == OK);
    must(file_write(f, "secret", 6, &n) == OK);
    file_close(f);
    mutex_init(&program.lock, "program");
    for (int i = 0; i < 3; i++) {
        program.files[i] = file_console(i == 0);
    }
    size_t calls = 0;
    while (wasi_calls[calls].name != NULL) {
        calls++;
    }
    must(calls == sizeof(shapes) / sizeof(shapes[0]));
    return 0;
}

static void run(struct wasi *w, struct input *in)
{
    uint8_t *memory = malloc(MEMORY);
    uint64_t length = MEMORY;
    must(memory != NULL);
    wasi_set_memory(w, memory, &length);
    fill_memory(memory, in);
    while (in->left > 0) {
        uint64_t args[10] = {0};
        size_t which = take(in) % (sizeof(shapes) / sizeof(shapes[0]));
        unsigned n = take_parameters(in, shapes[which], args);
        must(n == strchr(wasi_calls[which].signature, ':') - wasi_calls[which].signature);
        must(wasi_calls[which].call(w, args) <= WASI_ENOTCAPABLE);
    }
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wasi_folder folder = {.path = "/tmp/home", .name = "/"};
    static const char *const words[] = {"word"};
    struct wasi_config config = {.args = words, .arg_count = 1, .env = words, .env_count = 1};
    struct input in = {.data = data, .left = size};
    struct wasi *w;
    struct file *tmp;
    struct file *home;
    size_t live = env_settled_objects();
    wasi_stub_now_ns = WASI_STUB_START_NS;
    must(wasi_create_for_program(&program, &config, &folder, 1, &w) == OK);
    run(w, &in);
    wasi_stub_resource->release(wasi_stub_resource);
    must(vfs_open(NULL, "/tmp", VFS_DIRECTORY, &tmp) == OK);
    check_beside(tmp);
    must(file_open_at(tmp, "home", VFS_DIRECTORY, &home) == OK);
    remove_all(home, 0);
    file_close(home);
    file_close(tmp);
    must(env_settled_objects() == live);
    return 0;
}

// SPDX-License-Identifier: MIT
//
// A program can read no address of the kernel: neither in its memory, initially and after growth,
// nor in what calls write, padding of structures included. The kernel lives in the upper half of
// the address space on both machines, so such an address is a negative number that is not small.
// Arguments: a word that the search must find, and the folder below which this program may write.
#include "check.h"
#include "imports.h"

#include <wasi/api.h>

#define PAGE   65536u
#define GROWN  16u /* pages */
#define FILLED 0x5a

/* The kernel's half starts at LOWEST. The search skips its first megabyte, where no kernel has
 * anything; numbers below IMAGE, whose upper half is -1 and lower half small; and the small
 * negative numbers above HIGHEST: a program's own data is full of those. */
#define LOWEST  UINT64_C(0xffff000000100000)
#define GAP     UINT64_C(0xffffffff00000000)
#define IMAGE   UINT64_C(0xffffffff80000000)
#define HIGHEST UINT64_C(0xfffffffffff00000)

static uint8_t answer[4096] __attribute__((aligned(16)));
static uint32_t number;

static const uint8_t *find_address(const uint8_t *from, const uint8_t *to)
{
    /* pointers are aligned to 4 bytes at least */
    for (const uint8_t *at = from; to - at >= 8; at += 4) {
        uint64_t value;
        memcpy(&value, at, sizeof value);
        if ((value >= LOWEST && value < GAP) || (value >= IMAGE && value < HIGHEST)) {
            return at;
        }
    }
    return NULL;
}

static void expect_none(const uint8_t *from, const uint8_t *to, const char *where)
{
    const uint8_t *at = find_address(from, to);
    if (at != NULL) {
        uint64_t value;
        memcpy(&value, at, sizeof value);
        fprintf(stderr, "leaks: %s: %#llx at %u\n", where, (unsigned long long)value,
                (unsigned)(at - from));
        check_failures++;
    }
}

/* Search everything that a call wrote, or could have written. */
static void look(int32_t error, const char *call)
{
    CHECK_EQUAL(error, 0);
    expect_none(answer, answer + sizeof answer, call);
    memset(answer, FILLED, sizeof answer);
}

static void look_at_the_search_itself(void)
{
    static const uint64_t pages[] = {UINT64_C(0xffffffff80123456), UINT64_C(0xffff800000001000),
                                     UINT64_C(0xffff000040074570)};
    for (unsigned n = 0; n < sizeof pages / sizeof pages[0]; n++) {
        /* complemented, so that this memory does not contain it beforehand */
        uint64_t value = ~pages[n];
        value = ~value;
        memcpy(answer + 20, &value, sizeof value);
        CHECK(find_address(answer, answer + sizeof answer) == answer + 20);
        memset(answer, FILLED, sizeof answer);
    }
}

static void look_at_memory(void)
{
    uint32_t pages = (uint32_t)__builtin_wasm_memory_size(0);
    expect_none((const uint8_t *)4, (const uint8_t *)(uintptr_t)(pages * PAGE), "memory");
    CHECK_EQUAL(__builtin_wasm_memory_grow(0, GROWN), pages);
    const uint8_t *fresh = (const uint8_t *)(uintptr_t)(pages * PAGE);
    for (uint32_t n = 0; n < GROWN * PAGE; n++) {
        if (fresh[n] != 0) {
            fprintf(stderr, "leaks: byte %u of fresh memory is %u\n", n, fresh[n]);
            check_failures++;
            return;
        }
    }
}

static void look_at_arguments(void)
{
    look(raw_args_sizes_get(AT(answer), AT(answer + 8)), "args_sizes_get");
    look(raw_args_get(AT(answer), AT(answer + 1024)), "args_get");
    look(raw_environ_sizes_get(AT(answer), AT(answer + 8)), "environ_sizes_get");
    look(raw_environ_get(AT(answer), AT(answer + 1024)), "environ_get");
}

static void look_at_clocks(void)
{
    for (uint32_t id = 0; id < 2; id++) {
        look(raw_clock_res_get(id, AT(answer)), "clock_res_get");
        look(raw_clock_time_get(id, 1, AT(answer)), "clock_time_get");
    }
    const __wasi_subscription_t wait = {
        .userdata = 7, .u = {.tag = __WASI_EVENTTYPE_CLOCK, .u = {.clock = {.id = 1}}}};
    look(raw_poll_oneoff(AT(&wait), AT(answer), 1, AT(&number)), "poll_oneoff");
}

static void look_at_files(void)
{
    static const char name[] = "looked at";
    uint32_t file;
    for (uint32_t fd = 0; fd < 3; fd++) {
        look(raw_fd_fdstat_get(fd, AT(answer)), "fd_fdstat_get of a stream");
        look(raw_fd_filestat_get(fd, AT(answer)), "fd_filestat_get of a stream");
    }
    look(raw_fd_prestat_get(FOLDER, AT(answer)), "fd_prestat_get");
    look(raw_fd_fdstat_get(FOLDER, AT(answer)), "fd_fdstat_get");
    look(raw_fd_filestat_get(FOLDER, AT(answer)), "fd_filestat_get of a folder");
    look(raw_path_open(TOP, 0, TEXT(name), __WASI_OFLAGS_CREAT,
                       __WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_FD_READ |
                           __WASI_RIGHTS_FD_FILESTAT_SET_SIZE | __WASI_RIGHTS_FD_FILESTAT_GET,
                       0, 0, AT(&file)),
         "path_open");
    look(raw_fd_filestat_set_size(file, 100000), "fd_filestat_set_size");
    look(raw_fd_filestat_get(file, AT(answer)), "fd_filestat_get");
    look(raw_path_filestat_get(TOP, 0, TEXT(name), AT(answer)), "path_filestat_get");
    const __wasi_iovec_t all = {answer, sizeof answer};
    look(raw_fd_read(file, AT(&all), 1, AT(&number)), "fd_read of bytes that were never written");
    CHECK_EQUAL(number, sizeof answer);
    look(raw_fd_readdir(TOP, AT(answer), sizeof answer, 0, AT(&number)), "fd_readdir");
    look(raw_path_symlink(TEXT(name), TOP, TEXT("link")), "path_symlink");
    look(raw_path_readlink(TOP, TEXT("link"), AT(answer), sizeof answer, AT(&number)),
         "path_readlink");
    look(raw_fd_close(file), "fd_close");
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("link")), 0);
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT(name)), 0);
}

int main(int argc, char **argv)
{
    memset(answer, FILLED, sizeof answer);
    CHECK(argc >= 2 && strcmp(argv[1], "one") == 0);
    CHECK(enter(argc > 2 ? argv[2] : NULL));
    look_at_memory();
    look_at_the_search_itself();
    look_at_arguments();
    look_at_clocks();
    look_at_files();
    return check_result();
}

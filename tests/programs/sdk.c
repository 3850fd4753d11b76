// SPDX-License-Identifier: MIT
//
// Part of the kernel's own tests: every call of the SDK from inside a program, and its error cases.
// Exits with 0, or prints the line that failed.
#include "halyard.h"

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            hy_dprintf(2, "sdk: line %d: %s\n", __LINE__, #cond);                                  \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static int failures;
static const char path[] = "/tmp/sdk.txt";

static bool equal(const char *a, const char *b)
{
    return hy_strcmp(a, b) == 0;
}

static void check_files(void)
{
    char buf[32] = "";
    struct hy_stat st = {.size = 1};
    int fd = hy_open(path, HY_READ | HY_WRITE | HY_CREATE | HY_TRUNCATE);
    CHECK(fd >= 3);
    CHECK(hy_write(fd, "0123456789", 10) == 10);
    CHECK(hy_seek(fd, -4, 2) == 6);
    CHECK(hy_read(fd, buf, sizeof(buf)) == 4);
    CHECK(equal(buf, "6789"));
    CHECK(hy_read(fd, buf, sizeof(buf)) == 0);
    CHECK(hy_seek(fd, -1, 0) < 0);
    CHECK(hy_fstat(fd, &st) == HY_OK && st.size == 10 && st.type == HY_TYPE_REGULAR);
    CHECK(hy_dprintf(fd, "-%05d-%s", 42, "x") == 8);
    CHECK(hy_close(fd) == HY_OK);
    CHECK(hy_close(fd) == HY_E_INVAL);
    CHECK(hy_read(fd, buf, 1) == HY_E_INVAL);
    CHECK(hy_stat(path, &st) == HY_OK && st.size == 18);
    CHECK(hy_stat("/tmp/not-there", &st) == HY_E_NOENT);
    CHECK(hy_open("/tmp/not-there", HY_READ) == HY_E_NOENT);
    CHECK(hy_open("/tmp", HY_READ | HY_WRITE) < 0);
}

static void check_directories(void)
{
    struct hy_dir_entry entry;
    bool found = false;
    int fd = hy_open("/tmp", HY_READ | HY_DIRECTORY);
    CHECK(fd >= 0);
    int s;
    while ((s = hy_readdir(fd, &entry)) == HY_OK) {
        found |= equal(entry.name, "sdk.txt") && entry.type == HY_TYPE_REGULAR;
    }
    CHECK(s == HY_E_NOENT);
    CHECK(found);
    CHECK(hy_close(fd) == HY_OK);
}

static void check_bad_pointers(void)
{
    static const char constant[8] = "const";
    void *volatile null = NULL;
    CHECK(hy_write(1, null, 1) == HY_E_INVAL);
    CHECK(hy_write(1, (void *)((uintptr_t)null + 0x1000), 1) == HY_E_INVAL);
    CHECK(hy_read(0, (void *)(uintptr_t)constant, 1) == HY_E_INVAL);
    CHECK(hy_read(0, (void *)(uintptr_t)check_bad_pointers, 1) == HY_E_INVAL);
    CHECK(hy_write(1, constant, SIZE_MAX) == HY_E_INVAL);
    CHECK(hy_open(null, HY_READ) == HY_E_INVAL);
    CHECK(hy_stat("/tmp", null) == HY_E_INVAL);
    CHECK(hy_write(-1, constant, 1) == HY_E_INVAL);
    CHECK(hy_write(64, constant, 1) == HY_E_INVAL);
    CHECK(hy_thread_join(0, NULL) == HY_E_INVAL);
    CHECK(hy_thread_join(63, NULL) == HY_E_INVAL);
    CHECK(hy_wall_ns(null) == HY_E_INVAL);
}

static void check_memory(void)
{
    uint8_t *p = hy_malloc(1000);
    CHECK(p != NULL && (uintptr_t)p % 16 == 0);
    memset(p, 0x5a, 1000);
    p = hy_realloc(p, 100000);
    CHECK(p != NULL && p[0] == 0x5a && p[999] == 0x5a);
    uint8_t *zero = hy_calloc(100, 10);
    CHECK(zero != NULL && zero[0] == 0 && memcmp(zero, zero + 1, 999) == 0);
    CHECK(hy_malloc(SIZE_MAX) == NULL);
    CHECK(hy_calloc(SIZE_MAX / 2, 4) == NULL);
    CHECK(hy_malloc((size_t)1 << 50) == NULL);
    hy_free(NULL);
    hy_free(p);
    /* `zero` stays allocated: the end of the program frees it, as the test that runs it checks. */
}

static void check_text(void)
{
    char buf[40];
    CHECK(hy_snprintf(buf, 5, "%s", "longer") == 6 && equal(buf, "long"));
    CHECK(equal(hy_format_double(buf, sizeof(buf), -2.5, 3), "-2.500"));
    CHECK(equal(hy_format_double(buf, sizeof(buf), 0.9999, 2), "1.00"));
    CHECK(equal(hy_format_double(buf, sizeof(buf), 1e300, 2), "big"));
    CHECK(equal(hy_format_double(buf, sizeof(buf), __builtin_nan(""), 2), "nan"));
    CHECK(hy_status_text(HY_E_NOENT)[0] != 0);
}

static int add_one(void *arg)
{
    *(int *)arg += 1;
    hy_thread_exit(*(int *)arg);
}

static void check_threads_and_time(void)
{
    int value = 0;
    int cell = 6;
    uint64_t before = hy_time_ns();
    CHECK(hy_sleep_ns(1000000) == HY_OK);
    CHECK(hy_time_ns() - before >= 1000000);
    int t = hy_thread_create(add_one, &cell);
    CHECK(t > 0);
    CHECK(hy_thread_join(t, &value) == HY_OK && value == 7 && cell == 7);
    CHECK(hy_thread_join(t, &value) == HY_E_INVAL);
    /* Never joined, and asleep when the program ends. */
    CHECK(hy_thread_create((int (*)(void *))(uintptr_t)hy_sleep_ns,
                           (void *)(uintptr_t)1000000000000) > 0);
    hy_yield();
}

int main(int argc, char **argv)
{
    CHECK(argc == 1 && argv[1] == NULL);
    check_files();
    check_directories();
    check_bad_pointers();
    check_memory();
    check_text();
    check_threads_and_time();
    return failures != 0;
}

// SPDX-License-Identifier: MIT
//
// The threads of programs/sdk/portable, and the C library below them. A check that fails prints its
// line and ends the program. With "exit" it ends while another thread is in the library.
#define _GNU_SOURCE /* fopencookie */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS  2000
#define MOST    256 /* besides the first */
#define PAUSE   50000000LL

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                \
            _Exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static void start_all(pthread_t *threads, int count, void *(*run)(void *))
{
    for (int n = 0; n < count; n++) {
        CHECK(pthread_create(&threads[n], NULL, run, (void *)(intptr_t)n) == 0);
    }
}

static void join_all(pthread_t *threads, int count)
{
    for (int n = 0; n < count; n++) {
        CHECK(pthread_join(threads[n], NULL) == 0);
    }
}

/* ---- errno ---- */

/* Each thread makes another error. */
static void *fail(void *arg)
{
    bool is_odd = (intptr_t)arg % 2 != 0;
    for (int n = 0; n < ROUNDS / 10; n++) {
        errno = 0;
        if (is_odd) {
            CHECK(open("/missing", O_RDONLY) == -1);
            CHECK(errno == ENOENT);
        } else {
            CHECK(fsync(1000) == -1);
            CHECK(errno == EBADF);
        }
    }
    errno = ENOTDIR;
    if (arg == 0) {
        perror("perror");
    }
    return NULL;
}

/* ---- Streams ---- */

static FILE *shared;

/* Each in another way. */
static void *write_letters(void *arg)
{
    for (int n = 0; n < ROUNDS; n++) {
        switch ((intptr_t)arg) {
        case 0:
            CHECK(putc('a', shared) == 'a');
            break;
        case 1:
            CHECK(fputc('b', shared) == 'b');
            break;
        case 2:
            CHECK(fprintf(shared, "%s", "c") == 1);
            break;
        default:
            CHECK(fseek(shared, 0, SEEK_END) == 0);
            CHECK(fwrite("d", 1, 1, shared) == 1);
            break;
        }
    }
    return NULL;
}

static void check_letters(const char *path)
{
    unsigned counts[THREADS] = {0};
    FILE *f = fopen(path, "r");
    CHECK(f != NULL);
    for (int c = getc(f); c != EOF; c = getc(f)) {
        CHECK(c >= 'a' && c < 'a' + THREADS);
        counts[c - 'a']++;
    }
    CHECK(fclose(f) == 0);
    for (int n = 0; n < THREADS; n++) {
        CHECK(counts[n] == ROUNDS);
    }
}

static void share_a_stream(pthread_t *threads)
{
    static const char path[] = "/tmp/letters";
    shared = fopen(path, "w");
    CHECK(shared != NULL);
    start_all(threads, THREADS, write_letters);
    join_all(threads, THREADS);
    CHECK(fclose(shared) == 0);
    check_letters(path);
    CHECK(remove(path) == 0);
}

/* ---- Waiting ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_signalled; /* [lock] */

static void *signal_it(void *arg)
{
    pthread_mutex_lock(&lock);
    is_signalled = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    return arg;
}

static void wait_with_a_limit(pthread_t *threads)
{
    static const struct timespec far = {.tv_sec = INT64_MAX, .tv_nsec = 999999999};
    static const struct timespec past = {.tv_sec = INT64_MIN, .tv_nsec = 0};
    static const struct timespec wrong = {.tv_sec = INT64_MAX, .tv_nsec = 1000000000};
    pthread_mutex_lock(&lock);
    CHECK(pthread_cond_timedwait(&changed, &lock, &past) == ETIMEDOUT);
    CHECK(pthread_cond_timedwait(&changed, &lock, &wrong) == EINVAL);
    start_all(threads, 1, signal_it);
    while (!is_signalled) {
        CHECK(pthread_cond_timedwait(&changed, &lock, &far) == 0);
    }
    pthread_mutex_unlock(&lock);
    join_all(threads, 1);
}

/* ---- As many as there may be ---- */

static int32_t may_end[MOST];

static void *wait_for_its_end(void *arg)
{
    int32_t *word = &may_end[(intptr_t)arg];
    while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 0) {
        __builtin_wasm_memory_atomic_wait32(word, 0, -1);
    }
    return NULL;
}

static void let_end(int n)
{
    __atomic_store_n(&may_end[n], 1, __ATOMIC_SEQ_CST);
    __builtin_wasm_memory_atomic_notify(&may_end[n], 1);
}

/* One that was joined can be replaced at once. */
static void start_the_most(pthread_t *threads)
{
    pthread_t more;
    start_all(threads, MOST, wait_for_its_end);
    CHECK(pthread_create(&more, NULL, wait_for_its_end, NULL) == EAGAIN);
    for (int n = 0; n < MOST; n++) {
        let_end(n);
        CHECK(pthread_join(threads[n], NULL) == 0);
        may_end[n] = 0;
        CHECK(pthread_create(&threads[n], NULL, wait_for_its_end, (void *)(intptr_t)n) == 0);
    }
    for (int n = 0; n < MOST; n++) {
        let_end(n);
    }
    join_all(threads, MOST);
}

/* ---- The end ---- */

static int32_t is_inside;

/* The library calls this, so the thread is in a call of it. */
static ssize_t write_slowly(void *cookie, const char *from, size_t bytes)
{
    int32_t *never = cookie;
    (void)from;
    fputs("begun ", stdout);
    __atomic_store_n(&is_inside, 1, __ATOMIC_SEQ_CST);
    __builtin_wasm_memory_atomic_notify(&is_inside, 1);
    __builtin_wasm_memory_atomic_wait32(never, 0, PAUSE);
    fputs("and ended\n", stdout);
    return (ssize_t)bytes;
}

static void *stay_inside(void *arg)
{
    static int32_t never;
    FILE *f = fopencookie(&never, "w", (cookie_io_functions_t){.write = write_slowly});
    CHECK(f != NULL && setvbuf(f, NULL, _IONBF, 0) == 0);
    fputc('x', f);
    return arg;
}

static void end_while_a_thread_writes(pthread_t *threads)
{
    start_all(threads, 1, stay_inside);
    while (__atomic_load_n(&is_inside, __ATOMIC_SEQ_CST) == 0) {
        __builtin_wasm_memory_atomic_wait32(&is_inside, 0, -1);
    }
    exit(0);
}

int main(int argc, char **argv)
{
    static pthread_t threads[MOST];
    if (argc > 1 && strcmp(argv[1], "exit") == 0) {
        end_while_a_thread_writes(threads);
    }
    start_all(threads, THREADS, fail);
    join_all(threads, THREADS);
    share_a_stream(threads);
    wait_with_a_limit(threads);
    start_the_most(threads);
    puts("threads: all is well");
    return 0;
}

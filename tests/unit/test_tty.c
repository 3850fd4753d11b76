// SPDX-License-Identifier: MIT
//
// What a console does with the keys that are typed on it, and which jobs may read them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/tty/console.h"

/* A terminal that takes all output at once, and whose keys are typed by type(). */
struct device {
    struct console console;
    char shown[8192];
    size_t shown_len;
    const char *keys;
    size_t keys_len;
};

static struct device one, two;

static struct device *device_of(struct console *c)
{
    return CONTAINER_OF(c, struct device, console);
}

static size_t put(struct console *c, const uint8_t *s, size_t len)
{
    struct device *d = device_of(c);
    assert_true(d->shown_len + len < sizeof d->shown);
    memcpy(d->shown + d->shown_len, s, len);
    d->shown_len += len;
    return len;
}

static size_t get(struct console *c, uint8_t *buf, size_t len)
{
    struct device *d = device_of(c);
    size_t n = len < d->keys_len ? len : d->keys_len;
    memcpy(buf, d->keys, n);
    d->keys += n;
    d->keys_len -= n;
    return n;
}

static void want(struct console *c, bool on)
{
    (void)c, (void)on;
}

static bool is_idle(struct console *c)
{
    (void)c;
    return true;
}

static const struct console_ops device_ops = {"device", put, want, is_idle, get, want};

static void type_bytes(struct device *d, const char *keys, size_t len)
{
    d->keys = keys;
    d->keys_len = len;
    console_rx_ready(&d->console);
    assert_int_equal(thread_sleep(NS_PER_MS), OK); /* for the work thread */
}

static void type(struct device *d, const char *keys)
{
    type_bytes(d, keys, strlen(keys));
}

static void use_terminal(struct device *d)
{
    thread_current()->terminal = d != NULL ? &d->console : NULL;
}

static void expect_input(const char *text)
{
    uint8_t buf[64];
    int n = console_read(buf, sizeof(buf), 0);
    assert_int_equal(n < 0 ? 0 : n, strlen(text));
    assert_memory_equal(buf, text, strlen(text));
}

/* A job that notes what it is told. */
struct job {
    struct foreground_job job;
    const char *interrupted, *quit, *suspended;
    int refs;
};

static struct job *job_of(struct foreground_job *j)
{
    return CONTAINER_OF(j, struct job, job);
}

static void get_job(struct foreground_job *j)
{
    job_of(j)->refs++;
}

static void put_job(struct foreground_job *j)
{
    job_of(j)->refs--;
}

static void interrupt_job(struct foreground_job *j)
{
    world_note(job_of(j)->interrupted);
}

static void quit_job(struct foreground_job *j)
{
    world_note(job_of(j)->quit);
}

static void suspend_job(struct foreground_job *j)
{
    world_note(job_of(j)->suspended);
}

/* The shell resumes it in the background at first. */
static unsigned awaited;

static enum status await_foreground(struct foreground_job *j)
{
    awaited++;
    if (awaited == 2) {
        console_add_foreground(j);
    }
    return awaited <= 2 ? OK : E_CANCELLED;
}

static const struct foreground_job_ops job_ops = {.get = get_job,
                                                  .put = put_job,
                                                  .interrupt = interrupt_job,
                                                  .quit = quit_job,
                                                  .suspend = suspend_job,
                                                  .await_foreground = await_foreground};

static struct job first = {{&job_ops}, "int1", "quit1", "susp1", 0},
                  second = {{&job_ops}, "int2", "quit2", "susp2", 0};

static struct foreground_job *current;

static struct foreground_job *current_job(void)
{
    return current;
}

static int boot(void **state)
{
    assert_int_equal(world_boot(state), 0);
    assert_int_equal(work_start(0), OK);
    one.console.ops = two.console.ops = &device_ops;
    console_add(&one.console);
    console_add(&two.console);
    foreground_set_current(current_job);
    return 0;
}

static int reset(void **state)
{
    (void)state;
    current = NULL;
    awaited = 0;
    world_forget_notes();
    for (struct device *d = &one;; d = &two) {
        use_terminal(d);
        console_clear_foreground();
        d->shown_len = 0;
        if (d == &two) {
            break;
        }
    }
    use_terminal(NULL);
    console_clear_foreground();
    return 0;
}

static void test_each_key_reaches_the_jobs_of_its_console(void **state)
{
    (void)state;
    use_terminal(&one);
    console_add_foreground(&first.job);
    console_add_foreground(&second.job);
    type(&one, "a\034b");
    assert_string_equal(world_notes(), "quit1 quit2");
    world_forget_notes();
    console_clear_foreground();
    console_add_foreground(&first.job);
    type(&one, "\032c");
    assert_string_equal(world_notes(), "susp1");
    expect_input("abc");
    console_clear_foreground();
    console_add_foreground(&second.job); /* not for the next command */
    assert_int_equal(thread_sleep(NS_PER_MS), OK);
    assert_string_equal(world_notes(), "susp1");
    type(&two, "\003\034\032");
    assert_string_equal(world_notes(), "susp1");
    use_terminal(&two);
    expect_input("\003\034\032"); /* no job there: they are bytes */
    use_terminal(&one);
    console_clear_foreground();
    assert_int_equal(first.refs, 0);
    assert_int_equal(second.refs, 0);
}

/* The second program of a pipeline is started after the user has pressed the key. */
static void test_a_key_is_for_jobs_that_join_later(void **state)
{
    (void)state;
    use_terminal(&one);
    console_add_foreground(&first.job);
    type(&one, "\032");
    world_forget_notes();
    console_add_foreground(&second.job);
    assert_int_equal(thread_sleep(NS_PER_MS), OK);
    assert_non_null(strstr(world_notes(), "susp2"));
}

/* No shell could resume a program of `run=`. */
static void test_the_boot_program_is_ended_but_not_suspended(void **state)
{
    (void)state;
    use_terminal(NULL);
    console_add_foreground(&first.job);
    type(&two, "\032");
    assert_string_equal(world_notes(), "");
    expect_input("\032");
    type(&two, "\034");
    assert_string_equal(world_notes(), "quit1");
}

static void test_a_job_in_the_background_does_not_read(void **state)
{
    (void)state;
    uint8_t buf[4];
    use_terminal(&one);
    type(&one, "abcd");
    current = &first.job;
    assert_int_equal(console_read(buf, 2, 0), 2); /* resumed twice, then in the foreground */
    assert_int_equal(awaited, 2);
    assert_int_equal(console_wait_input(0), OK);
    assert_int_equal(awaited, 2);
    console_clear_foreground();
    assert_int_equal(console_wait_input(0), E_CANCELLED);
    assert_int_equal(console_read(buf, 2, 0), E_CANCELLED);
    current = NULL;
    expect_input("cd"); /* a shell has no job */
}

static void test_every_job_may_read_the_systems_terminal(void **state)
{
    (void)state;
    type(&two, "ab");
    use_terminal(NULL);
    current = &first.job;
    expect_input("ab");
    assert_int_equal(awaited, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_key_reaches_the_jobs_of_its_console, reset),
        cmocka_unit_test_setup(test_a_key_is_for_jobs_that_join_later, reset),
        cmocka_unit_test_setup(test_the_boot_program_is_ended_but_not_suspended, reset),
        cmocka_unit_test_setup(test_a_job_in_the_background_does_not_read, reset),
        cmocka_unit_test_setup(test_every_job_may_read_the_systems_terminal, reset),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}

// SPDX-License-Identifier: MIT
//
// What a console does with the keys that are typed on it, and which jobs may read them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_console.h"
#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/sched/work.h"
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

static const struct console_ops device_ops = {
    "device", put, fake_console_want, fake_console_is_idle, get, fake_console_want};

static void type_bytes(struct device *d, const char *keys, size_t len)
{
    d->keys = keys;
    d->keys_len = len;
    console_rx_ready(&d->console);
}

static void type(struct device *d, const char *keys)
{
    type_bytes(d, keys, strlen(keys));
    assert_int_equal(thread_sleep(NS_PER_MS), OK); /* for the work thread */
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

/* How many more pieces a job may print before it is cancelled. */
static unsigned pieces = 1000, printing;

static enum status begin_output(struct foreground_job *j)
{
    (void)j;
    assert_int_equal(printing, 0);
    if (pieces == 0) {
        return E_CANCELLED;
    }
    pieces--;
    printing++;
    return OK;
}

static void end_output(struct foreground_job *j)
{
    (void)j;
    printing--;
}

static const struct foreground_job_ops job_ops = {.get = get_job,
                                                  .put = put_job,
                                                  .interrupt = interrupt_job,
                                                  .quit = quit_job,
                                                  .suspend = suspend_job,
                                                  .await_foreground = await_foreground,
                                                  .begin_output = begin_output,
                                                  .end_output = end_output};

static struct job
    first = {.job.ops = &job_ops, .interrupted = "int1", .quit = "quit1", .suspended = "susp1"},
    second = {.job.ops = &job_ops, .interrupted = "int2", .quit = "quit2", .suspended = "susp2"};

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
    first.job.mode = second.job.mode = FOREGROUND_LINES;
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
    expect_input("c"); /* the others were for the programs */
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

/* Between two programs of a loop the keys are for the loop. */
static void test_a_key_after_a_job_is_for_those_that_are_left(void **state)
{
    (void)state;
    use_terminal(&one);
    console_add_foreground(&first.job);
    console_add_foreground(&second.job);
    console_remove_foreground(&first.job);
    assert_int_equal(first.refs, 0);
    type(&one, "\003");
    assert_string_equal(world_notes(), "int2");
    world_forget_notes();
    console_add_foreground(&first.job);
    assert_int_equal(thread_sleep(NS_PER_MS), OK);
    assert_non_null(strstr(world_notes(), "int1"));
    console_clear_foreground();
    assert_int_equal(first.refs + second.refs, 0);
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

/* What a job reads, in its mode. */
static void expect_job_input(const char *text)
{
    uint8_t buf[64];
    int n = console_read_job(buf, sizeof(buf), 0);
    assert_int_equal(n < 0 ? 0 : n, strlen(text));
    assert_memory_equal(buf, text, strlen(text));
}

static void expect_shown(struct device *d, const char *text)
{
    assert_int_equal(d->shown_len, strlen(text));
    assert_memory_equal(d->shown, text, d->shown_len);
}

static void run_job(struct device *d, struct job *j)
{
    use_terminal(d);
    console_add_foreground(&j->job);
    current = &j->job;
}

static void test_a_job_reads_edited_lines(void **state)
{
    (void)state;
    uint8_t buf[2];
    run_job(&one, &first);
    type(&one, "abd\177c");
    assert_int_equal(console_read_job(buf, sizeof(buf), 0), E_TIMEDOUT);
    assert_int_equal(console_wait_job(0), E_TIMEDOUT);
    expect_shown(&one, "abd\b \bc");
    type(&one, "\rnext\r\004");
    assert_int_equal(console_wait_job(0), OK);
    assert_int_equal(console_read_job(buf, 2, 0), 2);
    assert_memory_equal(buf, "ab", 2);
    expect_shown(&one, "abd\b \bc\r\n"); /* the next line is not for this read */
    expect_job_input("c\n");
    expect_job_input("next\n");
    expect_shown(&one, "abd\b \bc\r\nnext\r\n");
    assert_int_equal(console_read_job(buf, 2, 0), 0); /* the end, once */
    assert_int_equal(console_read_job(buf, 2, 0), E_TIMEDOUT);
}

static void test_modes_belong_to_the_job(void **state)
{
    (void)state;
    uint8_t buf[2];
    run_job(&one, &first);
    assert_int_equal(console_set_mode(FOREGROUND_KEYS), FOREGROUND_LINES);
    type(&one, "\177\r\004");
    expect_job_input("\177\r\004");
    type(&one, "\003");
    assert_string_equal(world_notes(), "int1");
    assert_int_equal(console_set_mode(FOREGROUND_RAW), FOREGROUND_KEYS);
    type(&one, "\003\032\034");
    expect_job_input("\003\032\034");
    assert_string_equal(world_notes(), "int1");
    expect_shown(&one, "");
    console_clear_foreground(); /* however the job ended */
    run_job(&one, &second);
    type(&one, "x");
    assert_int_equal(console_read_job(buf, 1, 0), E_TIMEDOUT);
    expect_shown(&one, "x");
    type(&one, "\003");
    assert_string_equal(world_notes(), "int1 int2");
    console_clear_foreground();
    run_job(&one, &first); /* it was suspended, and continues as it was */
    type(&one, "\003");
    expect_job_input("\003");
    current = NULL;
    assert_int_equal(console_set_mode(FOREGROUND_RAW), E_NOTSUP);
}

static void test_ctrl_v_makes_a_byte_of_ctrl_c(void **state)
{
    (void)state;
    run_job(&one, &first);
    type(&one, "a\026\003\026\026\r");
    expect_job_input("a\003\026\n");
    assert_string_equal(world_notes(), "");
}

static void test_the_shell_reads_what_a_job_has_not(void **state)
{
    (void)state;
    uint8_t byte;
    run_job(&one, &first);
    type(&one, "two lines\rls");
    assert_int_equal(console_read_job(&byte, 1, 0), 1);
    console_clear_foreground();
    current = NULL;
    expect_input("wo lines\n");
    expect_input("ls");
    run_job(&one, &first);
    type(&one, "par");
    assert_int_equal(console_read_job(&byte, 1, 0), E_TIMEDOUT);
    one.shown_len = 0;
    console_clear_foreground();
    expect_shown(&one, "\r\n"); /* the prompt does not follow the text */
    current = NULL;
    expect_input("par");
}

static void test_an_interrupted_jobs_line_is_forgotten(void **state)
{
    (void)state;
    uint8_t byte;
    run_job(&one, &first);
    type(&one, "rm");
    assert_int_equal(console_read_job(&byte, 1, 0), E_TIMEDOUT);
    type(&one, " -rf\003ls"); /* in one piece, before the job has read it */
    console_clear_foreground();
    expect_shown(&one, "rm\r\n");
    current = NULL;
    expect_input("ls");
}

static void read_a_byte(void *arg)
{
    uint8_t byte;
    use_terminal(arg);
    assert_int_equal(console_read_job(&byte, 1, WAIT_FOREVER), 1);
    const char name[2] = {(char)byte, '\0'};
    world_note(name);
}

/* The first one takes the line from the ring, at which the others look. */
static void test_a_line_is_shared_by_all_that_wait(void **state)
{
    (void)state;
    struct thread *readers[3];
    run_job(&one, &first);
    for (unsigned i = 0; i < 3; i++) {
        readers[i] = world_thread("reader", 40, read_a_byte, &one);
    }
    type(&one, "ab\r");
    for (unsigned i = 0; i < 3; i++) {
        world_join(readers[i]);
    }
    assert_non_null(strstr(world_notes(), "a"));
    assert_non_null(strstr(world_notes(), "b"));
    assert_non_null(strstr(world_notes(), "\n"));
}

static void test_each_job_of_the_systems_terminal_reads_any_console(void **state)
{
    (void)state;
    run_job(NULL, &first);
    type(&one, "ab");
    type(&two, "c\r");
    expect_job_input("abc\n");
    expect_shown(&one, "abc\r\n");
    expect_shown(&two, "abc\r\n");
}

static _Atomic bool is_over;

static void read_for_a_shell(void *arg)
{
    uint8_t byte;
    use_terminal(arg);
    assert_int_equal(console_read_for(&first.job, &is_over, &byte, 1), E_CANCELLED);
    world_note("ended");
}

/* No key comes, and no time passes. */
static void test_a_shells_read_ends_with_its_line(void **state)
{
    (void)state;
    uint8_t byte;
    is_over = false;
    run_job(&one, &first);
    type(&one, "a\r");
    assert_int_equal(console_read_for(&first.job, &is_over, &byte, 1), 1);
    assert_int_equal(console_read_for(&first.job, &is_over, &byte, 1), 1);
    struct thread *reader = world_thread("reader", 40, read_for_a_shell, &one);
    assert_int_equal(thread_sleep(NS_PER_MS), OK);
    console_end_reads(); /* of another shell */
    assert_int_equal(thread_sleep(NS_PER_MS), OK);
    assert_string_equal(world_notes(), "");
    is_over = true;
    console_end_reads();
    world_join(reader);
    assert_string_equal(world_notes(), "ended");
}

/* It can be suspended between two pieces. */
static void test_a_job_prints_in_pieces(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof text);
    use_terminal(&one);
    assert_int_equal(console_write_job(text, sizeof text), OK); /* of no job */
    assert_int_equal(one.shown_len, sizeof text);
    current = &first.job;
    assert_int_equal(console_write_job(text, sizeof text), OK);
    assert_int_equal(one.shown_len, 2 * sizeof text);
    assert_int_equal(console_write_job(text, 0), OK);
    assert_int_equal(pieces, 1000 - 4);
    pieces = 2;
    assert_int_equal(console_write_job(text, sizeof text), E_CANCELLED);
    assert_int_equal(one.shown_len, 2 * sizeof text + 512);
    assert_int_equal(printing, 0);
}

static void test_a_message_has_a_row_of_its_own(void **state)
{
    (void)state;
    use_terminal(&one);
    console_printf("half a row");
    console_fresh_row();
    console_fresh_row();
    console_printf("whole\n");
    console_fresh_row();
    expect_shown(&one, "half a row\r\nwhole\r\n");
}

/* It answers, between keys, as soon as it is asked. */
static void answer(struct work *work)
{
    (void)work;
    type_bytes(&one, "a\033[1;2R\033[24;80Rb\033[", 18);
}

static void test_a_terminal_is_asked_for_its_size(void **state)
{
    (void)state;
    static struct work terminal = {.run = answer};
    unsigned columns = 1, rows = 1;
    use_terminal(&one);
    assert_int_equal(console_get_size(false, &columns, &rows), E_NOTSUP);
    type(&one, "x");
    assert_true(work_queue(&terminal));
    assert_int_equal(console_get_size(true, &columns, &rows), OK);
    assert_int_equal(columns, 80);
    assert_int_equal(rows, 24);
    expect_shown(&one, "\0337\033[999;999H\033[6n\0338");
    expect_input("xa\033[1;2Rb\033["); /* Shift-F3 is a key */
    columns = 0;
    assert_int_equal(console_get_size(false, &columns, &rows), OK);
    assert_int_equal(columns, 80);
    use_terminal(&two);
    assert_int_equal(console_get_size(true, &columns, &rows), E_NOTSUP);
    two.shown_len = 0;
    assert_int_equal(console_get_size(true, &columns, &rows), E_NOTSUP);
    expect_shown(&two, ""); /* it did not answer, and is not asked again */
    two.console.columns = 132;
    two.console.rows = 50;
    assert_int_equal(console_get_size(false, &columns, &rows), OK);
    assert_int_equal(columns, 132);
    assert_int_equal(rows, 50);
    two.console.columns = two.console.rows = 0;
}

/* Every byte, in frames; frames may be cut anywhere. */
static void test_framed_input_is_data_with_an_end(void **state)
{
    (void)state;
    static struct device framed = {.console.ops = &device_ops};
    char keys[512 + 1], all[256];
    size_t len = 0;
    uint8_t buf[300];
    console_add(&framed.console);
    console_set_framed(&framed.console);
    for (unsigned i = 0; i < 256; i++) {
        all[i] = (char)i;
        if (i == CONSOLE_FRAME_ESCAPE) {
            keys[len++] = CONSOLE_FRAME_ESCAPE;
        }
        keys[len++] = (char)i;
    }
    run_job(&framed, &first);
    assert_true(console_is_framed());
    for (size_t i = 0; i < len; i++) {
        type_bytes(&framed, keys + i, 1);
    }
    assert_int_equal(console_wait_job(0), OK);
    assert_int_equal(console_read_job(buf, 100, 0), 100);
    assert_int_equal(console_read_job(buf + 100, 200, 0), 156);
    assert_memory_equal(buf, all, 256);
    assert_int_equal(console_read_job(buf, 1, 0), E_TIMEDOUT);
    type_bytes(&framed, "x\020\004y", 4); /* nothing follows the end */
    assert_int_equal(console_read_job(buf, 300, 0), 1);
    assert_int_equal(console_wait_job(0), OK);
    assert_int_equal(console_read_job(buf, 1, 0), 0);
    assert_int_equal(console_read(buf, 1, 0), 0); /* it stays the end */
    expect_shown(&framed, "");
    assert_string_equal(world_notes(), "");
    run_job(NULL, &first);
    assert_int_equal(console_read_job(buf, 1, 0), 0);
}

static void test_a_job_in_the_background_does_not_read(void **state)
{
    (void)state;
    uint8_t buf[4];
    use_terminal(&one);
    type(&one, "ab\rcd\r");
    current = &first.job;
    assert_int_equal(console_read_job(buf, 2, 0), 2); /* resumed twice, then in the foreground */
    assert_int_equal(awaited, 2);
    assert_int_equal(console_wait_job(0), OK);
    assert_int_equal(awaited, 2);
    console_clear_foreground();
    assert_int_equal(console_wait_job(0), E_CANCELLED);
    assert_int_equal(console_read_job(buf, 2, 0), E_CANCELLED);
    current = NULL;
    expect_input("\n"); /* a shell has no job */
    expect_input("cd\r");
}

static void test_every_job_may_read_the_systems_terminal(void **state)
{
    (void)state;
    type(&two, "ab\r");
    use_terminal(NULL);
    current = &first.job;
    expect_job_input("ab\n");
    assert_int_equal(awaited, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_key_reaches_the_jobs_of_its_console, reset),
        cmocka_unit_test_setup(test_a_key_is_for_jobs_that_join_later, reset),
        cmocka_unit_test_setup(test_a_key_after_a_job_is_for_those_that_are_left, reset),
        cmocka_unit_test_setup(test_the_boot_program_is_ended_but_not_suspended, reset),
        cmocka_unit_test_setup(test_a_job_reads_edited_lines, reset),
        cmocka_unit_test_setup(test_modes_belong_to_the_job, reset),
        cmocka_unit_test_setup(test_ctrl_v_makes_a_byte_of_ctrl_c, reset),
        cmocka_unit_test_setup(test_the_shell_reads_what_a_job_has_not, reset),
        cmocka_unit_test_setup(test_an_interrupted_jobs_line_is_forgotten, reset),
        cmocka_unit_test_setup(test_a_line_is_shared_by_all_that_wait, reset),
        cmocka_unit_test_setup(test_each_job_of_the_systems_terminal_reads_any_console, reset),
        cmocka_unit_test_setup(test_a_job_in_the_background_does_not_read, reset),
        cmocka_unit_test_setup(test_every_job_may_read_the_systems_terminal, reset),
        cmocka_unit_test_setup(test_a_shells_read_ends_with_its_line, reset),
        cmocka_unit_test_setup(test_a_job_prints_in_pieces, reset),
        cmocka_unit_test_setup(test_a_message_has_a_row_of_its_own, reset),
        cmocka_unit_test_setup(test_a_terminal_is_asked_for_its_size, reset),
        cmocka_unit_test_setup(test_framed_input_is_data_with_an_end, reset),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}

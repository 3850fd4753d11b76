// SPDX-License-Identifier: MIT
//
// A session: which command a key is for.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_console.h"
#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/jit/backend.h"
#include "kernel/sched/work.h"
#include "kernel/shell/shell.h"
#include "kernel/tty/console.h"

/* No program runs here. */
int jit_runtime_call(uintptr_t fn, uintptr_t a, uintptr_t b)
{
    (void)fn, (void)a, (void)b;
    abort();
}

/* A user at a terminal, who presses a key when the cursor has left the line. */
static struct console terminal;
static char shown[4096];
static size_t shown_len;
static const char *keys = "";
static const char *key_after_line;

static size_t put(struct console *c, const uint8_t *s, size_t len)
{
    assert_true(shown_len + len < sizeof shown);
    memcpy(shown + shown_len, s, len);
    shown_len += len;
    if (key_after_line != NULL && memchr(s, '\n', len) != NULL) {
        keys = key_after_line;
        key_after_line = NULL;
        console_rx_ready(c);
    }
    return len;
}

static size_t get(struct console *c, uint8_t *buf, size_t len)
{
    (void)c;
    size_t n = strnlen(keys, len);
    memcpy(buf, keys, n);
    keys += n;
    return n;
}

static const struct console_ops ops = {"terminal",           put, fake_console_want,
                                       fake_console_is_idle, get, fake_console_want};

static void serve(void *arg)
{
    (void)arg;
    shell_main();
}

static void type(const char *text)
{
    shown_len = 0;
    memset(shown, 0, sizeof shown);
    keys = text;
    console_rx_ready(&terminal);
    assert_int_equal(thread_sleep(NS_PER_S), OK); /* the session waits for the next key */
}

static int boot(void **state)
{
    assert_int_equal(world_boot(state), 0);
    assert_int_equal(work_start(0), OK);
    assert_int_equal(vfs_init(), OK);
    terminal.ops = &ops;
    console_add(&terminal);
    /* a new job runs before the session goes on */
    thread_detach(world_thread("shell", PRIO_NORMAL - 1, serve, NULL));
    type("");
    return 0;
}

static void test_a_command_runs(void **state)
{
    (void)state;
    type("pwd\r");
    assert_string_equal(shown, "pwd\r\n/\r\nhalyard> ");
}

/* It is for the command of the line, although that has not begun. */
static void test_ctrl_c_as_soon_as_the_line_is_left(void **state)
{
    (void)state;
    key_after_line = "\003";
    type("read x\r");
    assert_null(key_after_line);
    assert_string_equal(shown, "read x\r\nhalyard> ");
    type("pwd\r");
    assert_string_equal(shown, "pwd\r\n/\r\nhalyard> ");
}

static void test_ctrl_c_forgets_a_command_that_is_not_complete(void **state)
{
    (void)state;
    key_after_line = "\003";
    type("while true\r");
    assert_string_equal(shown, "while true\r\nhalyard> ");
    type("pwd\r");
    assert_string_equal(shown, "pwd\r\n/\r\nhalyard> ");
}

/* A job that reads in the background is suspended. */
static void test_a_new_job_may_read_at_once(void **state)
{
    (void)state;
    type("cat | cat\rhello\r\004");
    assert_string_equal(shown, "cat | cat\r\nhello\r\nhello\r\nhalyard> ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_command_runs),
        cmocka_unit_test(test_ctrl_c_as_soon_as_the_line_is_left),
        cmocka_unit_test(test_ctrl_c_forgets_a_command_that_is_not_complete),
        cmocka_unit_test(test_a_new_job_may_read_at_once),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}

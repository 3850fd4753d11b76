// SPDX-License-Identifier: MIT
//
// The runner of the specification's tests detects failures: all assertions of jit/wasm/wrong.wast
// are false but three. And a pack that is truncated anywhere is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/wasm/run/wasm_interp.h"
#include "tests/conformance/spec_pack.h"
#include "tests/conformance/spec_run.h"

#define TRUE_ASSERTIONS 3

static const struct wasm_interpreter_options options = {.stack_bytes = 64 << 10,
                                                        .arena_bytes = 16 << 20};

static uint8_t *read_pack(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t *bytes = malloc(1 << 16);
    *len = fread(bytes, 1, 1 << 16, f);
    assert_true(*len > 0 && *len < 1 << 16);
    fclose(f);
    return bytes;
}

static unsigned lines;

static void count_line(void *ctx, const char *line)
{
    (void)ctx;
    assert_true(strncmp(line, "wrong.wast:", 11) == 0);
    lines++;
}

static const struct spec_config config = {
    .engine = &wasm_interpreter, .options = &options, .say = count_line};

static void test_false_assertions_fail(void **state)
{
    (void)state;
    size_t len;
    uint8_t *pack = read_pack(TEST_SPEC_PACK, &len);
    struct spec_score score;
    lines = 0;
    assert_int_equal(spec_run(&config, "wrong", pack, len, &score), OK);
    assert_int_equal(score.passed, TRUE_ASSERTIONS);
    assert_int_equal(score.total, TEST_SPEC_ASSERTIONS);
    assert_int_equal(score.errors, 0);
    assert_int_equal(lines, TEST_SPEC_ASSERTIONS - TRUE_ASSERTIONS);
    free(pack);
}

static void test_a_truncated_pack_is_refused(void **state)
{
    (void)state;
    size_t len;
    uint8_t *pack = read_pack(TEST_SPEC_PACK, &len);
    for (size_t n = 0; n < len; n++) {
        struct spec_reader reader;
        struct spec_command *command = calloc(1, sizeof *command);
        uint8_t *cut = malloc(n + 1); /* so that a read past it is detected */
        memcpy(cut, pack, n);
        if (spec_open(&reader, cut, n)) {
            while (spec_next(&reader, command)) {
            }
            assert_true(reader.broken);
        }
        free(cut);
        free(command);
    }
    struct spec_score score;
    assert_int_equal(spec_run(&config, "wrong", pack, 8, &score), E_FORMAT);
    assert_int_equal(spec_run(&config, "wrong", (const uint8_t *)"HWS2\0\0\0\0", 8, &score),
                     E_FORMAT);
    free(pack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_false_assertions_fail),
        cmocka_unit_test(test_a_truncated_pack_is_refused),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}

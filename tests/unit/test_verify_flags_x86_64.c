// SPDX-License-Identifier: MIT
//
// The verifier on hand-assembled functions of x86-64: flags, which must not tell what a program may
// not know.
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/verify_by_hand.h"

static const struct verify_case cases[] = {
    /* A comment has {what is wrong|what is right}; !M, !S and !U are rows. */
    /* clang-format off */
    /* push rbp; mov rbp, rsp; sub rsp, 16; !S test dword ptr [rsp-64], eax; {nop|test edi,
     * edi}; jz 1f; nop; 1: xor eax, eax; mov rsp, rbp; pop rbp; ret */
    {"flags of what lies below the stack", UNARY,
     "flags that the program did not set",
     "55 48 89 e5 48 83 ec 10 S85 44 24 c0 90 74 01 90 31 c0 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 10 S85 44 24 c0 85 ff 74 01 90 31 c0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 16; !S test dword ptr [rsp-64], eax; jmp 2f; 2:
     * {nop|test edi, edi}; setz al; movzx eax, al; mov rsp, rbp; pop rbp; ret */
    {"flags of what lies below the stack, later", UNARY,
     "flags that the program did not set",
     "55 48 89 e5 48 83 ec 10 S85 44 24 c0 eb 00 90 0f 94 c0 0f b6 c0 48 89 ec "
     "5d c3",
     "55 48 89 e5 48 83 ec 10 S85 44 24 c0 eb 00 85 ff 0f 94 c0 0f b6 c0 48 89 "
     "ec 5d c3"},
    /* mov ecx, 0; mov edx, edi; !S test dword ptr [rsp-64], eax; not ecx; {nop|test edi,
     * edi}; jz 1f; mov eax, 1; ret; 1: mov eax, 0; ret */
    {"flags behind a complement", UNARY,
     "flags that the program did not set",
     "b9 00 00 00 00 89 fa S85 44 24 c0 f7 d1 90 74 06 b8 01 00 00 00 c3 b8 00 "
     "00 00 00 c3",
     "b9 00 00 00 00 89 fa S85 44 24 c0 f7 d1 85 ff 74 06 b8 01 00 00 00 c3 b8 "
     "00 00 00 00 c3"},
    /* mov ecx, 0; mov edx, edi; !S test dword ptr [rsp-64], eax; rol ecx, 1; {nop|test
     * edi, edi}; jz 1f; mov eax, 1; ret; 1: mov eax, 0; ret */
    {"flags behind a rotation", UNARY,
     "flags that the program did not set",
     "b9 00 00 00 00 89 fa S85 44 24 c0 d1 c1 90 74 06 b8 01 00 00 00 c3 b8 00 "
     "00 00 00 c3",
     "b9 00 00 00 00 89 fa S85 44 24 c0 d1 c1 85 ff 74 06 b8 01 00 00 00 c3 b8 "
     "00 00 00 00 c3"},
    /* mov ecx, 0; mov edx, edi; !S test dword ptr [rsp-64], eax; btc ecx, 3; {nop|test
     * edi, edi}; jz 1f; mov eax, 1; ret; 1: mov eax, 0; ret */
    {"flags behind a complemented bit", UNARY,
     "flags that the program did not set",
     "b9 00 00 00 00 89 fa S85 44 24 c0 0f ba f9 03 90 74 06 b8 01 00 00 00 c3 "
     "b8 00 00 00 00 c3",
     "b9 00 00 00 00 89 fa S85 44 24 c0 0f ba f9 03 85 ff 74 06 b8 01 00 00 00 "
     "c3 b8 00 00 00 00 c3"},
    /* mov ecx, 0; mov edx, edi; !S test dword ptr [rsp-64], eax; shl edx, cl; {nop|test
     * edi, edi}; jz 1f; mov eax, 1; ret; 1: mov eax, 0; ret */
    {"flags behind a shift by cl", UNARY,
     "flags that the program did not set",
     "b9 00 00 00 00 89 fa S85 44 24 c0 d3 e2 90 74 06 b8 01 00 00 00 c3 b8 00 "
     "00 00 00 c3",
     "b9 00 00 00 00 89 fa S85 44 24 c0 d3 e2 85 ff 74 06 b8 01 00 00 00 c3 b8 "
     "00 00 00 00 c3"},
    /* mov ecx, 0; mov edx, edi; !S test dword ptr [rsp-64], eax; imul ecx, ecx; {nop|test
     * edi, edi}; jz 1f; mov eax, 1; ret; 1: mov eax, 0; ret */
    {"flags behind a multiplication", UNARY,
     "flags that the program did not set",
     "b9 00 00 00 00 89 fa S85 44 24 c0 0f af c9 90 74 06 b8 01 00 00 00 c3 b8 "
     "00 00 00 00 c3",
     "b9 00 00 00 00 89 fa S85 44 24 c0 0f af c9 85 ff 74 06 b8 01 00 00 00 c3 "
     "b8 00 00 00 00 c3"},
    /* !S test dword ptr [rsp-64], eax; test edi, edi; 1: {nop|test edi, edi}; jz 2f; !S
     * test dword ptr [rsp-64], eax; jmp 1b; 2: mov eax, 0; ret */
    {"flags of what lies below the stack, around a loop", UNARY,
     "flags that the program did not set",
     "S85 44 24 c0 85 ff 90 74 06 S85 44 24 c0 eb f7 b8 00 00 00 00 c3",
     "S85 44 24 c0 85 ff 85 ff 74 06 S85 44 24 c0 eb f6 b8 00 00 00 00 c3"},
    /* {nop|test edi, edi}; jz 2f; mov eax, 1; ret; 2: mov eax, 0; ret */
    {"flags of the caller", UNARY,
     "flags that the program did not set",
     "90 74 06 b8 01 00 00 00 c3 b8 00 00 00 00 c3",
     "85 ff 74 06 b8 01 00 00 00 c3 b8 00 00 00 00 c3"},
    /* 7: push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; call
     * 7b; {nop|mov eax, 0; test eax, eax}; jz 1f; nop; 1: mov rsp, rbp; pop rbp; ret */
    {"flags of what was called", NONE,
     "flags that the program did not set",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 e8 ec ff ff ff 90 74 01 90 "
     "48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 e8 ec ff ff ff b8 00 00 00 "
     "00 85 c0 74 01 90 48 89 ec 5d c3"},
    /* test r14, r14; {jp|jz} 1f; nop; 1: ret */
    {"parity of the context's address", NONE,
     "flags that the program did not set",
     "4d 85 f6 7a 01 90 c3",
     "4d 85 f6 74 01 90 c3"},
    /* mov eax, 0; bsf eax, edi; {js|jnz} 1f; mov eax, 0; 1: mov eax, eax; ret */
    {"another flag than that of a scan", UNARY,
     "flags that the program did not set",
     "b8 00 00 00 00 0f bc c7 78 05 b8 00 00 00 00 89 c0 c3",
     "b8 00 00 00 00 0f bc c7 75 05 b8 00 00 00 00 89 c0 c3"},
    /* mov rcx, r14; sub rcx, 64; {nop|test edi, edi}; jb 1f; nop; 1: mov eax, 0; ret */
    {"where the context is, by the flags of a difference", UNARY,
     "flags that the program did not set",
     "4c 89 f1 48 83 e9 40 90 72 01 90 b8 00 00 00 00 c3",
     "4c 89 f1 48 83 e9 40 85 ff 72 01 90 b8 00 00 00 00 c3"},
    /* mov eax, 0; mov rcx, r15; add rcx, rdi; {adc|test} eax, eax; mov eax, 0; ret */
    {"where the memory is, by the carry of a sum", WIDE,
     "flags that the program did not set",
     "b8 00 00 00 00 4c 89 f9 48 01 f9 11 c0 b8 00 00 00 00 c3",
     "b8 00 00 00 00 4c 89 f9 48 01 f9 85 c0 b8 00 00 00 00 c3"},
    /* mov rax, rsi; test edi, edi; jz 1f; lea rax, [r14+88]; 1: test rax, rax; {jp|jz} 2f; nop;
     * 2: mov eax, 0; ret */
    {"parity of a reference that is one of two", REF,
     "an address is used as a number",
     "48 89 f0 85 ff 74 04 49 8d 46 58 48 85 c0 7a 01 90 b8 00 00 00 00 c3",
     "48 89 f0 85 ff 74 04 49 8d 46 58 48 85 c0 74 01 90 b8 00 00 00 00 c3"},
    /* mov rax, rsi; test edi, edi; jz 1f; lea rax, [r14+88]; 1: test rax, rax; jz 2f; {jp|jz} 2f;
     * nop; 2: mov eax, 0; ret */
    {"parity of a reference that is one of two, later", REF,
     "flags that the program did not set",
     "48 89 f0 85 ff 74 04 49 8d 46 58 48 85 c0 74 03 7a 01 90 b8 00 00 00 00 c3",
     "48 89 f0 85 ff 74 04 49 8d 46 58 48 85 c0 74 03 74 01 90 b8 00 00 00 00 c3"},
    /* mov rax, {rsi|rdi}; 1: test rax, rax; js 2f; mov rax, {rsi|rdi}; jmp 1b; 2: mov eax, 0;
     * ret */
    {"the sign of a reference in a loop", REF,
     "an address is used as a number",
     "48 89 f0 48 85 c0 78 05 48 89 f0 eb f6 b8 00 00 00 00 c3",
     "48 89 f8 48 85 c0 78 05 48 89 f8 eb f6 b8 00 00 00 00 c3"},
    /* clang-format on */
};

static void test_wrong_functions_are_refused_and_right_ones_are_accepted(void **state)
{
    (void)state;
    assert_int_equal(verify_cases(&verify_x86_64, cases, ARRAY_COUNT(cases)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_functions_are_refused_and_right_ones_are_accepted),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}

// SPDX-License-Identifier: MIT
//
// The verifier on hand-assembled functions of x86-64: elements of tables, and what indices are
// compared with.
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/verify_by_hand.h"

static const struct verify_case cases[] = {
    /* A comment has {what is wrong|what is right}; !U is a row. */
    /* clang-format off */
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; cmp dword
     * ptr [r14+64], 0; je 9f; mov rax, [r14+56]; mov [rbp-8], rax; call 0; mov rax,
     * {[rbp-8]|[r14+56]}; mov rax, [rax]; mov rsp, rbp; pop rbp; ret; 9: !U ud2 */
    {"elements of a table from before a call", NONE,
     "a value is not the same on every way",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 41 83 7e 40 00 74 19 49 8b "
     "46 38 48 89 45 f8 e8 dd ff ff ff 48 8b 45 f8 48 8b 00 48 89 ec 5d c3 U0f "
     "0b",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 41 83 7e 40 00 74 19 49 8b "
     "46 38 48 89 45 f8 e8 dd ff ff ff 49 8b 46 38 48 8b 00 48 89 ec 5d c3 U0f "
     "0b"},
    /* test edi, edi; jz {1f|9f}; cmp edi, [r14+64]; jae 9f; 1: mov rax, [r14+56]; mov rax,
     * [rax+rdi*8]; xor eax, eax; ret; 9: !U ud2 */
    {"a bound that was compared on one way", UNARY,
     "a table's bound was not compared",
     "85 ff 74 06 41 3b 7e 40 73 0b 49 8b 46 38 48 8b 04 f8 31 c0 c3 U0f 0b",
     "85 ff 74 11 41 3b 7e 40 73 0b 49 8b 46 38 48 8b 04 f8 31 c0 c3 U0f 0b"},
    /* mov ecx, 3; mov edx, {32|24}; 1: mov ecx, ecx; mov rdx, rdx; add edi, -1; jnz 1b; cmp ecx,
     * [r14+64]; jae 9f; mov rax, [r14+56]; mov rax, [rax+rdx]; xor eax, eax; ret; 9: !U ud2 */
    {"another constant than the index that was compared", UNARY,
     "a table's bound was not compared",
     "b9 03 00 00 00 ba 20 00 00 00 89 c9 48 89 d2 83 c7 ff 75 f6 41 3b 4e 40 "
     "73 0b 49 8b 46 38 48 8b 04 10 31 c0 c3 U0f 0b",
     "b9 03 00 00 00 ba 18 00 00 00 89 c9 48 89 d2 83 c7 ff 75 f6 41 3b 4e 40 "
     "73 0b 49 8b 46 38 48 8b 04 10 31 c0 c3 U0f 0b"},
    /* mov ecx, 3; mov edx, [r14+64]; 1: mov ecx, ecx; mov edx, edx; cmp ecx, edx; jae 9f; mov rax,
     * [r14+56]; mov rax, [rax+{32|24}]; add edi, -1; jnz 1b; xor eax, eax; ret; 9: !U ud2 */
    {"another constant than one that a loop compares with a length from before it", UNARY,
     "a table's bound was not compared",
     "b9 03 00 00 00 41 8b 56 40 89 c9 89 d2 39 d1 73 10 49 8b 46 38 48 8b 40 20 "
     "83 c7 ff 75 eb 31 c0 c3 U0f 0b",
     "b9 03 00 00 00 41 8b 56 40 89 c9 89 d2 39 d1 73 10 49 8b 46 38 48 8b 40 18 "
     "83 c7 ff 75 eb 31 c0 c3 U0f 0b"},
    /* mov ecx, 3; mov edx, {4|3}; 1: mov ecx, ecx; mov edx, edx; add edi, -1; jnz 1b; cmp ecx,
     * [r14+64]; jae 9f; mov rax, [r14+56]; mov rax, [rax+rdx*8]; xor eax, eax; ret; 9: !U ud2 */
    {"an index that is another constant than a register that was compared", UNARY,
     "a table's bound was not compared",
     "b9 03 00 00 00 ba 04 00 00 00 89 c9 89 d2 83 c7 ff 75 f7 41 3b 4e 40 73 0b "
     "49 8b 46 38 48 8b 04 d0 31 c0 c3 U0f 0b",
     "b9 03 00 00 00 ba 03 00 00 00 89 c9 89 d2 83 c7 ff 75 f7 41 3b 4e 40 73 0b "
     "49 8b 46 38 48 8b 04 d0 31 c0 c3 U0f 0b"},
    /* mov rax, 0x1000000003; cmp eax, [r14+64]; jae 9f; mov rax, [r14+56]; mov rax, [rax+{32|24}];
     * xor eax, eax; ret; 9: !U ud2 */
    {"another element than the low half of a constant", NONE,
     "a table's bound was not compared",
     "48 b8 03 00 00 00 10 00 00 00 41 3b 46 40 73 0b 49 8b 46 38 48 8b 40 20 31 c0 c3 U0f 0b",
     "48 b8 03 00 00 00 10 00 00 00 41 3b 46 40 73 0b 49 8b 46 38 48 8b 40 18 31 c0 c3 U0f 0b"},
    /* mov esi, esi; cmp {esi|edi}, [r14+64]; jae 9f; mov rax, [r14+56]; mov rax,
     * [rax+rdi*8]; xor eax, eax; ret; 9: !U ud2 */
    {"the bound of another index", TWO,
     "a table's bound was not compared",
     "89 f6 41 3b 76 40 73 0b 49 8b 46 38 48 8b 04 f8 31 c0 c3 U0f 0b",
     "89 f6 41 3b 7e 40 73 0b 49 8b 46 38 48 8b 04 f8 31 c0 c3 U0f 0b"},
    /* cmp edi, [r14+64]; jae 9f; {add edi, 1|nop}; mov rax, [r14+56]; mov rax, [rax+rdi*8];
     * xor eax, eax; ret; 9: !U ud2 */
    {"an index that changes after its comparison", UNARY,
     "a table's bound was not compared",
     "41 3b 7e 40 73 0e 83 c7 01 49 8b 46 38 48 8b 04 f8 31 c0 c3 U0f 0b",
     "41 3b 7e 40 73 0c 90 49 8b 46 38 48 8b 04 f8 31 c0 c3 U0f 0b"},
    /* cmp edi, [r14+64]; jae 9f; 1: mov rax, [r14+56]; mov rax, [rax+rdi*8]; {add edi,
     * 1|nop}; test rax, rax; jnz 1b; xor eax, eax; ret; 9: !U ud2 */
    {"an index that changes in a loop", UNARY,
     "a table's bound was not compared",
     "41 3b 7e 40 73 13 49 8b 46 38 48 8b 04 f8 83 c7 01 48 85 c0 75 f0 31 c0 "
     "c3 U0f 0b",
     "41 3b 7e 40 73 11 49 8b 46 38 48 8b 04 f8 90 48 85 c0 75 f2 31 c0 c3 U0f "
     "0b"},
    /* mov ecx, [r14+64]; {cmp edi, ecx; cmp ecx, 9|cmp ecx, 9; cmp edi, ecx}; jae 9f; mov
     * rax, [r14+56]; mov rax, [rax+rdi*8]; xor eax, eax; ret; 9: !U ud2 */
    {"flags of another comparison", UNARY,
     "a table's bound was not compared",
     "41 8b 4e 40 39 cf 83 f9 09 73 0b 49 8b 46 38 48 8b 04 f8 31 c0 c3 U0f 0b",
     "41 8b 4e 40 83 f9 09 39 cf 73 0b 49 8b 46 38 48 8b 04 f8 31 c0 c3 U0f 0b"},
    /* mov ecx, 1; {cmp edi, [r14+64]; add ecx, 1|add ecx, 1; cmp edi, [r14+64]}; jae 9f;
     * mov rax, [r14+56]; mov rax, [rax+rdi*8]; xor eax, eax; ret; 9: !U ud2 */
    {"flags that arithmetic has changed", UNARY,
     "a table's bound was not compared",
     "b9 01 00 00 00 41 3b 7e 40 83 c1 01 73 0b 49 8b 46 38 48 8b 04 f8 31 c0 "
     "c3 U0f 0b",
     "b9 01 00 00 00 83 c1 01 41 3b 7e 40 73 0b 49 8b 46 38 48 8b 04 f8 31 c0 "
     "c3 U0f 0b"},
    /* test edi, edi; jz 1f; mov edi, esi; lea rdi, [rdi+4096]; jmp 2f; 1: {nop|mov esi,
     * esi}; lea rdi, [rsi+4096]; 2: !M mov eax, [r15+rdi]; ret */
    {"a sum that is of 64 bits on one way", TWO,
     "an index that may have more than 32 bits",
     "85 ff 74 0b 89 f7 48 8d bf 00 10 00 00 eb 08 90 48 8d be 00 10 00 00 M41 "
     "8b 04 3f c3",
     "85 ff 74 0b 89 f7 48 8d bf 00 10 00 00 eb 09 89 f6 48 8d be 00 10 00 00 "
     "M41 8b 04 3f c3"},
    /* test edi, edi; jz 1f; {nop|mov esi, esi}; lea rdi, [rsi+4096]; jmp 2f; 1: mov edi,
     * esi; lea rdi, [rdi+4096]; 2: !M mov eax, [r15+rdi]; ret */
    {"a sum that is of 64 bits on the other way", TWO,
     "an index that may have more than 32 bits",
     "85 ff 74 0a 90 48 8d be 00 10 00 00 eb 09 89 f7 48 8d bf 00 10 00 00 M41 "
     "8b 04 3f c3",
     "85 ff 74 0b 89 f6 48 8d be 00 10 00 00 eb 09 89 f7 48 8d bf 00 10 00 00 "
     "M41 8b 04 3f c3"},
    /* mov rcx, rsi; cmp esi, [r14+64]; jae 9f; test edi, edi; jz 1f; {nop|mov ecx, esi};
     * mov rdi, rcx; shl rdi, 3; jmp 2f; 1: mov edi, esi; shl rdi, 3; 2: mov rax, [r14+56];
     * mov rax, [rax+rdi]; xor eax, eax; ret; 9: !U ud2 */
    {"a scaled index of 64 bits on the other way", TWO,
     "an index that may have more than 32 bits",
     "48 89 f1 41 3b 76 40 73 1f 85 ff 74 0a 90 48 89 cf 48 c1 e7 03 eb 06 89 "
     "f7 48 c1 e7 03 49 8b 46 38 48 8b 04 38 31 c0 c3 U0f 0b",
     "48 89 f1 41 3b 76 40 73 20 85 ff 74 0b 89 f1 48 89 cf 48 c1 e7 03 eb 06 "
     "89 f7 48 c1 e7 03 49 8b 46 38 48 8b 04 38 31 c0 c3 U0f 0b"},
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

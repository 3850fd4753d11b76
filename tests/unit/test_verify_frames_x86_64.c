// SPDX-License-Identifier: MIT
//
// The verifier on hand-assembled functions of x86-64: frame records, which an exception follows,
// landings, and what only one way to a join has written.
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/verify_by_hand.h"

static const struct verify_case cases[] = {
    /* A comment has {what is wrong|what is right}; !M, !S and !U are rows, and !L2 is the row of a
     * landing at 2. */
    /* clang-format off */
    /* push rbp; {nop|mov rbp, rsp}; !S test dword ptr [rsp-16416], eax; call 0; pop rbp; ret */
    {"a call before there is a frame record", NONE,
     "a call without a frame record",
     "55 90 S85 84 24 e0 bf ff ff e8 f2 ff ff ff 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff e8 f0 ff ff ff 5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; {mov rbp,
     * [rbp]|nop}; call 0; mov rsp, rbp; pop rbp; ret */
    {"a call with the caller's frame pointer", NONE,
     "a call without a frame record",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 48 8b 6d 00 e8 e8 ff ff ff "
     "48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 90 e8 eb ff ff ff 48 89 ec "
     "5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; lea rbp,
     * [rbp+{8|0}]; call 0; mov rsp, rbp; pop rbp; ret */
    {"a call with a frame pointer above the frame record", NONE,
     "a call without a frame record",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 48 8d 6d 08 e8 e8 ff ff ff "
     "48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 48 8d 6d 00 e8 e8 ff ff ff "
     "48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; lea rbp,
     * [rbp+{1|0}]; call 0; mov rsp, rbp; pop rbp; ret */
    {"a call with a frame pointer that is not aligned", NONE,
     "a call without a frame record",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 48 8d 6d 01 e8 e8 ff ff ff "
     "48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 48 8d 6d 00 e8 e8 ff ff ff "
     "48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; movabs rcx,
     * {0x800000000|0}; add rbp, rcx; call 0; mov rsp, rbp; pop rbp; ret */
    {"a call with a frame pointer 32 GiB away", NONE,
     "a call without a frame record",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 48 b9 00 00 00 00 08 00 00 "
     "00 48 01 cd e8 df ff ff ff 48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 48 b9 00 00 00 00 00 00 00 "
     "00 48 01 cd e8 df ff ff ff 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov [rbp-16],
     * rdi; mov [rbp-8], rdi; {lea rbp, [rbp-16]|nop}; call 0; mov rsp, rbp; pop rbp; ret */
    {"a call with a frame record that the body forged", WIDE,
     "a call without a frame record",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 48 89 7d f0 48 89 7d f8 48 "
     "8d 6d f0 e8 e0 ff ff ff 48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 48 89 7d f0 48 89 7d f8 90 "
     "e8 e3 ff ff ff 48 89 ec 5d c3"},
    /* sub rsp, 8; mov [rsp], {rbx|rbp}; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub
     * rsp, 32; call 0; mov rsp, rbp; pop rbp; ret */
    {"another register in place of the frame pointer in a frame record", NONE,
     "a call without a frame record",
     "48 83 ec 08 48 89 1c 24 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 e8 e5 "
     "ff ff ff 48 89 ec 5d c3",
     "48 83 ec 08 48 89 2c 24 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 e8 e5 "
     "ff ff ff 48 89 ec 5d c3"},
    /* push rbp; {push rbp; mov rbp, rsp|mov rbp, rsp; push rbp}; !S test dword ptr [rsp-16448],
     * eax; sub rsp, 40; call 0; mov rsp, rbp; pop rbp; ret */
    {"half of a frame record: no return address", NONE,
     "a call without a frame record",
     "55 55 48 89 e5 S85 84 24 c0 bf ff ff 48 83 ec 28 e8 eb ff ff ff 48 89 ec "
     "5d c3",
     "55 48 89 e5 55 S85 84 24 c0 bf ff ff 48 83 ec 28 e8 eb ff ff ff 48 89 ec "
     "5d c3"},
    /* sub rsp, 8; mov [rsp], {edi|rbp}; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; call
     * 0; mov rsp, rbp; pop rbp; ret */
    {"half of a frame record: no frame pointer", UNARY,
     "a call without a frame record",
     "48 83 ec 08 89 3c 24 48 89 e5 S85 84 24 e0 bf ff ff e8 ea ff ff ff 48 89 "
     "ec 5d c3",
     "48 83 ec 08 48 89 2c 24 48 89 e5 S85 84 24 e0 bf ff ff e8 e9 ff ff ff 48 "
     "89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov [rbp-{0|8}],
     * rdi; call 0; mov rsp, rbp; pop rbp; ret */
    {"a frame record that is written over", UNARY,
     "what the prologue saved is written over",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 48 89 7d 00 e8 e8 ff ff ff "
     "48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 48 89 7d f8 e8 e8 ff ff ff "
     "48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov esi, edi; mov
     * rdi, r14; {lea rbp, [rbp-16]|nop}; call qword ptr [r14+16]; mov eax, eax; mov rsp, rbp;
     * pop rbp; ret */
    {"a helper that is called with another frame pointer", UNARY,
     "a call without a frame record",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 89 fe 4c 89 f7 48 8d 6d f0 "
     "41 ff 56 10 89 c0 48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 89 fe 4c 89 f7 90 41 ff 56 "
     "10 89 c0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov [rbp-8], r14;
     * mov rsi, [r14+112]; mov rax, [rsi]; mov r14, [rsi+8]; mov r15, [r14]; {lea rbp,
     * [rbp-16]|nop}; call rax; mov r14, [rbp-8]; mov r15, [r14]; mov rsp, rbp; pop rbp; ret */
    {"a function of a record that is called with another frame pointer", UNARY,
     "a call without a frame record",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 4c 89 75 f8 49 8b 76 70 48 "
     "8b 06 4c 8b 76 08 4d 8b 3e 48 8d 6d f0 ff d0 4c 8b 75 f8 4d 8b 3e 48 89 ec "
     "5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 4c 89 75 f8 49 8b 76 70 48 "
     "8b 06 4c 8b 76 08 4d 8b 3e 90 ff d0 4c 8b 75 f8 4d 8b 3e 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; call 0; {!L2
     * !L2|!L2} nop; mov rsp, rbp; pop rbp; ret; 2: lea rsp, [rbp-32]; !U ud2 */
    {"two landings of one call", NONE,
     "two landings of one call",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 e8 ec ff ff ff L1a L1a 90 48 "
     "89 ec 5d c3 48 8d 65 e0 U0f 0b",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 e8 ec ff ff ff L1a 90 48 89 "
     "ec 5d c3 48 8d 65 e0 U0f 0b"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov [rbp-8], r14;
     * mov [rbp-16], rdi; mov rdi, r14; lea rsi, [rbp-16]; call qword ptr [r14+128]; !L2 !U ud2;
     * 2: lea rsp, [rbp-32]; mov r14, [rbp-8]; {mov rax, [rbp-16]|mov eax, 0}; mov [r14+40], rax;
     * !U ud2 */
    {"a cell that a helper had not written when it threw", WIDE,
     "something is read that is not written on every way",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 4c 89 75 f8 48 89 7d f0 4c "
     "89 f7 48 8d 75 f0 41 ff 96 80 00 00 00 L27 U0f 0b 48 8d 65 e0 4c 8b 75 f8 "
     "48 8b 45 f0 49 89 46 28 U0f 0b",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 4c 89 75 f8 48 89 7d f0 4c "
     "89 f7 48 8d 75 f0 41 ff 96 80 00 00 00 L27 U0f 0b 48 8d 65 e0 4c 8b 75 f8 "
     "b8 00 00 00 00 49 89 46 28 U0f 0b"},
    /* push rbp; mov rbp, rsp; sub rsp, 2048; {|mov PLACE, edi;} test edi, edi; jz 1f; {mov PLACE,
     * edi;|} several times: (test edi, edi; jz 3f; nop; 3:); jmp 2f; 1: nop; 2: mov eax, PLACE; mov
     * rsp, rbp; pop rbp; ret. The read at the join is refused whether the ways part just above it
     * or far above. PLACE: ecx; or [rbp-8] */
    {"a register that one way writes", UNARY,
     "something is read that is not written on every way",
     "55 48 89 e5 48 81 ec 00 08 00 00 85 ff 74 0e 89 f9 85 ff 74 01 90 85 ff 74 01 90 eb 01 "
     "90 89 c8 48 89 ec 5d c3",
     "55 48 89 e5 48 81 ec 00 08 00 00 89 f9 85 ff 74 0c 85 ff 74 01 90 85 ff 74 01 90 eb 01 "
     "90 89 c8 48 89 ec 5d c3"},
    {"a register that one long way writes", UNARY,
     "something is read that is not written on every way",
     "55 48 89 e5 48 81 ec 00 08 00 00 85 ff 74 36 89 f9 85 ff 74 01 90 85 ff 74 01 90 85 ff "
     "74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 "
     "ff 74 01 90 85 ff 74 01 90 eb 01 90 89 c8 48 89 ec 5d c3",
     "55 48 89 e5 48 81 ec 00 08 00 00 89 f9 85 ff 74 34 85 ff 74 01 90 85 ff 74 01 90 85 ff "
     "74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 "
     "ff 74 01 90 85 ff 74 01 90 eb 01 90 89 c8 48 89 ec 5d c3"},
    {"a cell that one way writes", UNARY,
     "something is read that is not written on every way",
     "55 48 89 e5 48 81 ec 00 08 00 00 85 ff 74 0f 89 7d f8 85 ff 74 01 90 85 ff 74 01 90 eb "
     "01 90 8b 45 f8 48 89 ec 5d c3",
     "55 48 89 e5 48 81 ec 00 08 00 00 89 7d f8 85 ff 74 0c 85 ff 74 01 90 85 ff 74 01 90 eb "
     "01 90 8b 45 f8 48 89 ec 5d c3"},
    {"a cell that one long way writes", UNARY,
     "something is read that is not written on every way",
     "55 48 89 e5 48 81 ec 00 08 00 00 85 ff 74 37 89 7d f8 85 ff 74 01 90 85 ff 74 01 90 85 "
     "ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 "
     "85 ff 74 01 90 85 ff 74 01 90 eb 01 90 8b 45 f8 48 89 ec 5d c3",
     "55 48 89 e5 48 81 ec 00 08 00 00 89 7d f8 85 ff 74 34 85 ff 74 01 90 85 ff 74 01 90 85 "
     "ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 "
     "85 ff 74 01 90 85 ff 74 01 90 eb 01 90 8b 45 f8 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 2048; xor ecx, ecx; mov [rbp-1024], rcx; test edi, edi; jz
     * 1f; mov [rbp-1024], {rdi|rcx}; several times: (test edi, edi; jz 3f; nop; 3:); jmp 2f; 1:
     * nop; 2: mov rax, [rbp-1024]; mov rsp, rbp; pop rbp; ret. The same for a cell that is too far
     * from the entry's stack pointer for blocks to keep it */
    {"a far cell that becomes wide on one way", WIDE,
     "a number may be wider than 32 bits",
     "55 48 89 e5 48 81 ec 00 08 00 00 31 c9 48 89 8d 00 fc ff ff 85 ff 74 13 48 89 bd 00 fc "
     "ff ff 85 ff 74 01 90 85 ff 74 01 90 eb 01 90 48 8b 85 00 fc ff ff 48 89 ec 5d c3",
     "55 48 89 e5 48 81 ec 00 08 00 00 31 c9 48 89 8d 00 fc ff ff 85 ff 74 13 48 89 8d 00 fc "
     "ff ff 85 ff 74 01 90 85 ff 74 01 90 eb 01 90 48 8b 85 00 fc ff ff 48 89 ec 5d c3"},
    {"a far cell that becomes wide on one long way", WIDE,
     "a number may be wider than 32 bits",
     "55 48 89 e5 48 81 ec 00 08 00 00 31 c9 48 89 8d 00 fc ff ff 85 ff 74 3b 48 89 bd 00 fc "
     "ff ff 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff "
     "74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 eb 01 90 48 8b 85 "
     "00 fc ff ff 48 89 ec 5d c3",
     "55 48 89 e5 48 81 ec 00 08 00 00 31 c9 48 89 8d 00 fc ff ff 85 ff 74 3b 48 89 8d 00 fc "
     "ff ff 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff "
     "74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 85 ff 74 01 90 eb 01 90 48 8b 85 "
     "00 fc ff ff 48 89 ec 5d c3"},
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

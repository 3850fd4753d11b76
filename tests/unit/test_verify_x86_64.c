// SPDX-License-Identifier: MIT
//
// The verifier on hand-assembled functions of x86-64.
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/verify_by_hand.h"

static const struct verify_case cases[] = {
    /* A comment has {what is wrong|what is right}; !M, !S and !U are rows. */
    /* clang-format off */
    /* test edi, edi; jz 2f{+1|}; 2: mov eax, 0xc3c3c3c3; ret */
    {"a branch into an instruction", UNARY,
     "a branch into an instruction",
     "85 ff 74 01 b8 c3 c3 c3 c3 c3",
     "85 ff 74 00 b8 c3 c3 c3 c3 c3"},
    /* 1: mov eax, 0xc3c3c3c3; test edi, edi; jz 1b+{1|0}; ret */
    {"a branch back into an instruction", UNARY,
     "a branch into an instruction",
     "b8 c3 c3 c3 c3 85 ff 74 f8 c3",
     "b8 c3 c3 c3 c3 85 ff 74 f7 c3"},
    /* jmp 3f; 2: .byte {0xb8|0x90}; 3: test edi, edi; jz 2b; xor eax, eax; ret */
    {"instructions that overlap", UNARY,
     "instructions overlap",
     "eb 01 b8 85 ff 74 fb 31 c0 c3",
     "eb 01 90 85 ff 74 fb 31 c0 c3"},
    /* {.byte 0xe9; .long 0x1000|jmp 1f; 1: nop}; ret */
    {"a branch out of the function", NONE,
     "a call of something that is no function",
     "e9 00 10 00 00 c3",
     "eb 00 90 c3"},
    /* jmp {.-16|1f; 1: nop}; ret */
    {"a branch to before the function", NONE,
     "a call of something that is no function",
     "eb ee c3",
     "eb 00 90 c3"},
    /* nop; {nop|ret} */
    {"no end", NONE,
     "control runs off the end of the function",
     "90 90",
     "90 c3"},
    /* {syscall|nop}; ret */
    {"an instruction of the system", NONE,
     "not an instruction that programs may have",
     "0f 05 c3",
     "90 c3"},
    /* {wrmsr|nop}; ret */
    {"an instruction of privilege", NONE,
     "not an instruction that programs may have",
     "0f 30 c3",
     "90 c3"},
    /* mov r14, {rdi|r14}; xor eax, eax; ret */
    {"another context", WIDE,
     "the context becomes something else",
     "49 89 fe 31 c0 c3",
     "4d 89 f6 31 c0 c3"},
    /* lea r15, [r15+{8|0}]; ret */
    {"another base of memory", NONE,
     "the base of memory becomes something else",
     "4d 8d 7f 08 c3",
     "4d 8d 3f c3"},
    /* mov rbp, {rdi|rbp}; xor eax, eax; ret */
    {"another frame pointer", WIDE,
     "the frame pointer becomes something else",
     "48 89 fd 31 c0 c3",
     "48 89 ed 31 c0 c3"},
    /* xor {ebx, ebx|ecx, ecx}; ret */
    {"a register of the caller", NONE,
     "a value is not the same on every way",
     "31 db c3",
     "31 c9 c3"},
    /* push rbp; {nop|pop rbp}; mov eax, 0; ret */
    {"a return to another address", WIDE,
     "a return to something else than the caller",
     "55 90 b8 00 00 00 00 c3",
     "55 5d b8 00 00 00 00 c3"},
    /* {nop|mov eax, edi}; ret */
    {"a result that was not written", UNARY,
     "something is read that is not written on every way",
     "90 c3",
     "89 f8 c3"},
    /* mov {rax, rdi|eax, edi}; ret */
    {"a result of more than 32 bits", WIDE,
     "a number may be wider than 32 bits",
     "48 89 f8 c3",
     "89 f8 c3"},
    /* lea rsp, [rsp+{8|0}]; ret */
    {"a stack pointer that rises above its entry", NONE,
     "the stack pointer becomes something else",
     "48 8d 64 24 08 c3",
     "48 8d 24 24 c3"},
    /* {mov rsp, rdi|nop}; xor eax, eax; ret */
    {"a stack pointer from a number", WIDE,
     "the stack pointer becomes something else",
     "48 89 fc 31 c0 c3",
     "90 31 c0 c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 32; mov rsp, rbp; {sub rsp, 32;
     * mov rsp, rbp|nop}; pop rbp; ret */
    {"a stack pointer that falls again", NONE,
     "the stack pointer falls outside a prologue",
     "55 48 89 e5 48 83 ec 20 48 89 ec 48 83 ec 20 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 20 48 89 ec 90 5d c3"},
    /* push rbp; mov rbp, rsp; 1: {sub rsp, 16|nop}; sub edi, 1; jnz 1b; mov rsp,
     * rbp; pop rbp; xor eax, eax; ret */
    {"a stack pointer that falls in a loop", UNARY,
     "the stack pointer falls to where no probe was",
     "55 48 89 e5 48 83 ec 10 83 ef 01 75 f7 48 89 ec 5d 31 c0 c3",
     "55 48 89 e5 90 83 ef 01 75 fa 48 89 ec 5d 31 c0 c3"},
    /* push rbp; mov rbp, rsp; {nop|!S test dword ptr [rsp-24576], eax}; sub rsp,
     * 8000; mov rsp, rbp; pop rbp; ret */
    {"a frame without a probe", NONE,
     "the stack pointer falls to where no probe was",
     "55 48 89 e5 90 48 81 ec 40 1f 00 00 48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 00 a0 ff ff 48 81 ec 40 1f 00 00 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; {nop|!S test dword ptr [rsp-32768], eax}; !S test dword ptr
     * [rsp-65536], eax; sub rsp, 40000; mov rsp, rbp; pop rbp; ret */
    {"a probe behind the guard", NONE,
     "a probe that may miss the guard",
     "55 48 89 e5 90 S85 84 24 00 00 ff ff 48 81 ec 40 9c 00 00 48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 00 80 ff ff S85 84 24 00 00 ff ff 48 81 ec 40 9c "
     "00 00 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 16; mov [rbp-8], rdi; {mov rsp, rbp|nop}; mov eax,
     * [rbp-8]; mov rsp, rbp; pop rbp; ret */
    {"a read below the stack pointer", UNARY,
     "a read of the stack outside the frame",
     "55 48 89 e5 48 83 ec 10 48 89 7d f8 48 89 ec 8b 45 f8 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 10 48 89 7d f8 90 8b 45 f8 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 16; mov [rbp-{16|8}], edi; mov eax,
     * [rbp-8]; mov rsp, rbp; pop rbp; ret */
    {"a read of what was not written", UNARY,
     "something is read that is not written on every way",
     "55 48 89 e5 48 83 ec 10 89 7d f0 8b 45 f8 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 10 89 7d f8 8b 45 f8 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 16; {test edi, edi; jz 1f|nop}; mov [rbp-8], edi; 1:
     * mov eax, [rbp-8]; mov rsp, rbp; pop rbp; ret */
    {"a read of what was written on one way", UNARY,
     "something is read that is not written on every way",
     "55 48 89 e5 48 83 ec 10 85 ff 74 03 89 7d f8 8b 45 f8 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 10 90 89 7d f8 8b 45 f8 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 16; mov [rbp-8], {edi|rdi}; mov rax, [rbp-8]; mov
     * eax, eax; mov rsp, rbp; pop rbp; ret */
    {"8 bytes of which 4 were written", WIDE,
     "8 bytes are read of which 4 were written",
     "55 48 89 e5 48 83 ec 10 89 7d f8 48 8b 45 f8 89 c0 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 10 48 89 7d f8 48 8b 45 f8 89 c0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 16; mov [rbp{+8|-8}], rdi; xor eax,
     * eax; mov rsp, rbp; pop rbp; ret */
    {"a write over the return address", WIDE,
     "a write to the stack outside the frame",
     "55 48 89 e5 48 83 ec 10 48 89 7d 08 31 c0 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 10 48 89 7d f8 31 c0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 16; mov [rbp-8], r14; mov [rbp-{8|16}], edi; mov
     * r14, [rbp-8]; xor eax, eax; mov rsp, rbp; pop rbp; ret */
    {"4 bytes over the saved context", UNARY,
     "what the prologue saved is written over",
     "55 48 89 e5 48 83 ec 10 4c 89 75 f8 89 7d f8 4c 8b 75 f8 31 c0 48 89 ec "
     "5d c3",
     "55 48 89 e5 48 83 ec 10 4c 89 75 f8 89 7d f0 4c 8b 75 f8 31 c0 48 89 ec "
     "5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; call {1f|0};
     * 1: mov rsp, rbp; pop rbp; ret */
    {"a call of no function", NONE,
     "a call of something that is no function",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 e8 00 00 00 00 48 89 ec 5d "
     "c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 e8 ec ff ff ff 48 89 ec 5d "
     "c3"},
    /* push rbp; mov rbp, rsp; {nop|!S test dword ptr [rsp-16416], eax}; call 0; pop rbp; ret */
    {"a call without a probe", NONE,
     "a call without a probe of the stack below",
     "55 48 89 e5 90 e8 f6 ff ff ff 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff e8 f0 ff ff ff 5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov rsi,
     * [r14+112]; {mov rax, rdi|mov rax, [rsi]}; mov [rbp-8], r14; mov edi, 0; mov r14,
     * [rsi+8]; mov r15, [r14]; call rax; mov r14, [rbp-8]; mov r15,
     * [r14]; mov rsp, rbp; pop rbp; ret */
    {"a call of a number", WIDE,
     "a call of an unknown address",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 49 8b 76 70 48 89 f8 4c 89 "
     "75 f8 bf 00 00 00 00 4c 8b 76 08 4d 8b 3e ff d0 4c 8b 75 f8 4d 8b 3e 48 "
     "89 ec 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 49 8b 76 70 48 8b 06 4c 89 "
     "75 f8 bf 00 00 00 00 4c 8b 76 08 4d 8b 3e ff d0 4c 8b 75 f8 4d 8b 3e 48 "
     "89 ec 5d c3"},
    /* 1: !M mov eax, [r15+rdi]; mov {rdi, rsi|edi, esi}; test eax, eax; jnz 1b; ret */
    {"a value that is wider in later rounds of a loop", TWO,
     "a number may be wider than 32 bits",
     "M41 8b 04 3f 48 89 f7 85 c0 75 f5 c3",
     "M41 8b 04 3f 89 f7 85 c0 75 f6 c3"},
    /* 1: !M mov [r15+rdi], edi; mov {rdi, rsi|edi, edi}; mov eax,
     * edi; test eax, eax; jnz 1b; ret */
    {"a number that is a reference in later rounds", REF,
     "an address is used as a number",
     "M41 89 3c 3f 48 89 f7 89 f8 85 c0 75 f3 c3",
     "M41 89 3c 3f 89 ff 89 f8 85 c0 75 f4 c3"},
    /* mov [r14+40], {rdi|rsi}; xor eax, eax; ret */
    {"a reference forged in a global", REF,
     "not a reference of the type",
     "49 89 7e 28 31 c0 c3",
     "49 89 76 28 31 c0 c3"},
    /* lea rax, [r14+{96|88}]; mov [r14+40], rax; ret */
    {"a reference to something else than a record", NONE,
     "not a reference of the type",
     "49 8d 46 60 49 89 46 28 c3",
     "49 8d 46 58 49 89 46 28 c3"},
    /* cmp edi, [r14+64]; jae 9f; mov rax, [r14+56]; mov [rax+rdi*8], {rdi|rsi};
     * xor eax, eax; ret; 9: !U ud2 */
    {"a reference forged in a table", REF,
     "not a reference of the type",
     "41 3b 7e 40 73 0b 49 8b 46 38 48 89 3c f8 31 c0 c3 U0f 0b",
     "41 3b 7e 40 73 0b 49 8b 46 38 48 89 34 f8 31 c0 c3 U0f 0b"},
    /* {mov rcx, rsi|xor ecx, ecx}; cmp edi, [r14+80]; jae 9f; mov rax, [r14+72]; mov
     * [rax+rdi*8], rcx; xor eax, eax; ret; 9: !U ud2 */
    {"a reference of another type in a table", REF,
     "not a reference of the type",
     "48 89 f1 41 3b 7e 50 73 0b 49 8b 46 48 48 89 0c f8 31 c0 c3 U0f 0b",
     "31 c9 41 3b 7e 50 73 0b 49 8b 46 48 48 89 0c f8 31 c0 c3 U0f 0b"},
    /* mov [r14+40], {esi|rsi}; xor eax, eax; ret */
    {"part of a reference in a global", REF,
     "a write to something that programs do not own",
     "41 89 76 28 31 c0 c3",
     "49 89 76 28 31 c0 c3"},
    /* !M mov [r15+rdi], {rsi|rdi}; xor eax, eax; ret */
    {"a reference in linear memory", REF,
     "an address is used as a number",
     "M49 89 34 3f 31 c0 c3",
     "M49 89 3c 3f 31 c0 c3"},
    /* !M mov [r15+rdi], {r14|rdi}; xor eax, eax; ret */
    {"the context in linear memory", UNARY,
     "an address is used as a number",
     "M4d 89 34 3f 31 c0 c3",
     "M49 89 3c 3f 31 c0 c3"},
    /* mov rax, [r14+{16|48}]; !M mov [r15], rax; ret */
    {"the address of a helper as a number", NONE,
     "an address is used as a number",
     "49 8b 46 10 M49 89 07 c3",
     "49 8b 46 30 M49 89 07 c3"},
    /* mov [r14+{48|32}], edi; xor eax, eax; ret */
    {"a write to what is constant", WIDE,
     "a write to something that programs do not own",
     "41 89 7e 30 31 c0 c3",
     "41 89 7e 20 31 c0 c3"},
    /* mov [r14+{0|32}], edi; xor eax, eax; ret */
    {"a write to the base of memory", WIDE,
     "a write to something that programs do not own",
     "41 89 3e 31 c0 c3",
     "41 89 7e 20 31 c0 c3"},
    /* mov eax, [r14+{128|32}]; ret */
    {"a read behind the context", NONE,
     "a read of something that programs do not see",
     "41 8b 86 80 00 00 00 c3",
     "41 8b 46 20 c3"},
    /* {|!M }mov eax, [r15+rdi]; ret */
    {"an access without a row", UNARY,
     "what may fault has no row that explains it",
     "41 8b 04 3f c3",
     "M41 8b 04 3f c3"},
    /* mov eax, edi; {|!M }lock xadd [r15+rdi], eax; ret */
    {"an atomic operation without a row", UNARY,
     "what may fault has no row that explains it",
     "89 f8 f0 41 0f c1 04 3f c3",
     "89 f8 Mf0 41 0f c1 04 3f c3"},
    /* mov eax, edi; !M lock cmpxchg [r15+rdi], edi; {nop|mov eax, eax}; ret */
    {"what cmpxchg leaves in a register", UNARY,
     "a number may be wider than 32 bits",
     "89 f8 Mf0 41 0f b1 3c 3f 90 c3",
     "89 f8 Mf0 41 0f b1 3c 3f 89 c0 c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 16; mov [rbp-8], edi; {lock|} add [rbp-8], edi; mov
     * eax, [rbp-8]; mov rsp, rbp; pop rbp; ret */
    {"an atomic operation on the frame", UNARY,
     "an atomic operation outside the memory of the program",
     "55 48 89 e5 48 83 ec 10 89 7d f8 f0 01 7d f8 8b 45 f8 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 10 89 7d f8 01 7d f8 8b 45 f8 48 89 ec 5d c3"},
    /* {lock|} add [r14+32], edi; mov eax, edi; ret */
    {"an atomic operation on the context", UNARY,
     "an atomic operation outside the memory of the program",
     "f0 41 01 7e 20 89 f8 c3",
     "41 01 7e 20 89 f8 c3"},
    /* mov rax, {r14|rdi}; !M xchg [r15+{rdi|rdi}], rax; xor eax, eax; ret */
    {"an address that is exchanged with memory", UNARY,
     "an address is used as a number",
     "4c 89 f0 M49 87 04 3f 31 c0 c3",
     "48 89 f8 M49 87 04 3f 31 c0 c3"},
    /* {|!U }ud2 */
    {"a trap without a row", NONE,
     "what may fault has no row that explains it",
     "0f 0b",
     "U0f 0b"},
    /* test edi, edi; jz 1f; {mov rdi, rsi|mov edi, esi}; jmp 2f; 1: mov edi, esi;
     * 2: !M mov eax, [r15+rdi]; ret */
    {"an index of 64 bits on one way", TWO,
     "a number may be wider than 32 bits",
     "85 ff 74 05 48 89 f7 eb 02 89 f7 M41 8b 04 3f c3",
     "85 ff 74 04 89 f7 eb 02 89 f7 M41 8b 04 3f c3"},
    /* mov ecx, edi; and ecx, 31; test edi, edi; jnz 1f; mov {ecx|edx}, edi; jmp 2f; 1: !M
     * mov eax, [r15+rcx*4]; 2: cmp edi, 7; jne 1b; mov eax, 0; ret */
    {"a loop that is entered in the middle with another value", UNARY,
     "an access that may leave the memory",
     "89 f9 83 e1 1f 85 ff 75 04 89 f9 eb 04 M41 8b 04 8f 83 ff 07 75 f7 b8 00 "
     "00 00 00 c3",
     "89 f9 83 e1 1f 85 ff 75 04 89 fa eb 04 M41 8b 04 8f 83 ff 07 75 f7 b8 00 "
     "00 00 00 c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 32; mov ecx, edi; and ecx, 31; mov [rbp-8], rcx;
     * lea rdx, [rbp-8]; 1: mov rcx, [rbp-8]; !M mov eax, [r15+rcx*4]; mov ecx, edi; and
     * ecx, {-2|31}; mov [rdx], rcx; test eax, eax; jnz 1b; xor eax, eax; mov rsp, rbp;
     * pop rbp; ret */
    {"a cell that a loop writes through another register", UNARY,
     "an access that may leave the memory",
     "55 48 89 e5 48 83 ec 20 89 f9 83 e1 1f 48 89 4d f8 48 8d 55 f8 48 8b 4d f8 "
     "M41 8b 04 8f 89 f9 83 e1 fe 48 89 0a 85 c0 75 ec 31 c0 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 20 89 f9 83 e1 1f 48 89 4d f8 48 8d 55 f8 48 8b 4d f8 "
     "M41 8b 04 8f 89 f9 83 e1 1f 48 89 0a 85 c0 75 ec 31 c0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 32; mov ecx, edi; and ecx, 31; mov [rbp-8], rcx;
     * 1: mov rcx, [rbp-8]; !M mov eax, [r15+rcx*4]; mov ecx, edi; and ecx, {-2|31}; mov
     * [rbp-8], rcx; test eax, eax; jnz 1b; xor eax, eax; mov rsp, rbp; pop rbp; ret */
    {"a cell that a loop writes", UNARY,
     "an access that may leave the memory",
     "55 48 89 e5 48 83 ec 20 89 f9 83 e1 1f 48 89 4d f8 48 8b 4d f8 M41 8b 04 "
     "8f 89 f9 83 e1 fe 48 89 4d f8 85 c0 75 eb 31 c0 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 20 89 f9 83 e1 1f 48 89 4d f8 48 8b 4d f8 M41 8b 04 "
     "8f 89 f9 83 e1 1f 48 89 4d f8 85 c0 75 eb 31 c0 48 89 ec 5d c3"},
    /* mov ecx, edi; and ecx, 31; 1: !M mov eax, [r15+rcx*4]; test eax, eax; jz 3f; cmp
     * eax, 1; jne 1b; ret; 3: mov ecx, edi; and ecx, {-2|31}; jmp 1b */
    {"a register that a block behind a loop changes, which leads back", UNARY,
     "an access that may leave the memory",
     "89 f9 83 e1 1f M41 8b 04 8f 85 c0 74 06 83 f8 01 75 f3 c3 89 f9 83 e1 fe "
     "eb eb",
     "89 f9 83 e1 1f M41 8b 04 8f 85 c0 74 06 83 f8 01 75 f3 c3 89 f9 83 e1 1f "
     "eb eb"},
    /* mov ecx, edi; and ecx, 31; test edi, edi; jz 2f; 1: !M mov eax, [r15+rcx*4]; 2: mov
     * edx, ecx; mov ecx, {edi|edx}; cmp edi, 7; jne 1b; mov eax, 0; ret */
    {"a loop that is entered in two places", UNARY,
     "an access that may leave the memory",
     "89 f9 83 e1 1f 85 ff 74 04 M41 8b 04 8f 89 ca 89 f9 83 ff 07 75 f3 b8 00 "
     "00 00 00 c3",
     "89 f9 83 e1 1f 85 ff 74 04 M41 8b 04 8f 89 ca 89 d1 83 ff 07 75 f3 b8 00 "
     "00 00 00 c3"},
    /* 1: mov ecx, edi; and ecx, 31; mov edx, 3; 2: {lea ecx, [rcx+4]|lea eax, [rcx+4]};
     * sub edx, 1; jnz 2b; !M mov eax, [r15+rcx*4]; add edi, 1; cmp edi, 64; jb 1b; ret */
    {"a bound of an inner loop's index that does not last", UNARY,
     "an access that may leave the memory",
     "89 f9 83 e1 1f ba 03 00 00 00 8d 49 04 83 ea 01 75 f8 M41 8b 04 8f 83 c7 "
     "01 83 ff 40 72 e2 c3",
     "89 f9 83 e1 1f ba 03 00 00 00 8d 41 04 83 ea 01 75 f8 M41 8b 04 8f 83 c7 "
     "01 83 ff 40 72 e2 c3"},
    /* and edi, 31; 1: !M mov eax, [r15+rdi*4]; {lea edi, [rdi+1]|xor edi,
     * 1}; test eax, eax; jnz 1b; ret */
    {"a bound that each round of a loop lowers", UNARY,
     "an access that may leave the memory",
     "83 e7 1f M41 8b 04 bf 8d 7f 01 85 c0 75 f5 c3",
     "83 e7 1f M41 8b 04 bf 83 f7 01 85 c0 75 f5 c3"},
    /* mov ecx, 31; {shrx edi, edi, ecx|shrx edi, ecx, edi}; !M mov eax, [r15+rdi*4]; ret
     * */
    {"a shift whose count is small, not what is shifted", UNARY,
     "an access that may leave the memory",
     "b9 1f 00 00 00 c4 e2 73 f7 ff M41 8b 04 bf c3",
     "b9 1f 00 00 00 c4 e2 43 f7 f9 M41 8b 04 bf c3"},
    /* mov ecx, edi; mov edi, 31; {shl|shr} edi, cl; !M mov eax, [r15+rdi*4]; ret */
    {"a shift by cl", UNARY,
     "an access that may leave the memory",
     "89 f9 bf 1f 00 00 00 d3 e7 M41 8b 04 bf c3",
     "89 f9 bf 1f 00 00 00 d3 ef M41 8b 04 bf c3"},
    /* mov ecx, edi; and ecx, {-1|255}; and edi, 255; 1: lea edx, [rcx+rdi]; !M mov eax,
     * [r15+rdx*8]; test eax, eax; jnz 1b; ret */
    {"a sum of two loops' values of which one is large", UNARY,
     "an access that may leave the memory",
     "89 f9 83 e1 ff 81 e7 ff 00 00 00 8d 14 39 M41 8b 04 d7 85 c0 75 f5 c3",
     "89 f9 81 e1 ff 00 00 00 81 e7 ff 00 00 00 8d 14 39 M41 8b 04 d7 85 c0 75 "
     "f5 c3"},
    /* 1: mov ecx, edi; add ecx, ecx; add ecx, ecx; add ecx, ecx; add ecx, ecx; add ecx,
     * ecx; add ecx, ecx; add ecx, ecx; add ecx, ecx; add ecx, ecx; add ecx, ecx; add ecx,
     * ecx; add ecx, ecx; add ecx, ecx; add ecx, ecx; add ecx, ecx; add ecx, ecx; add ecx,
     * ecx; add ecx, ecx; add ecx, ecx; add ecx, ecx; and ecx, {-1|31}; !M mov eax,
     * [r15+rcx*4]; add edi, 1; test eax, eax; jnz 1b; ret */
    {"a sum of more values than are looked at", UNARY,
     "an access that may leave the memory",
     "89 f9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 "
     "c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 83 e1 ff M41 8b 04 8f "
     "83 c7 01 85 c0 75 c8 c3",
     "89 f9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 "
     "c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 01 c9 83 e1 1f M41 8b 04 8f "
     "83 c7 01 85 c0 75 c8 c3"},
    /* cmp {dil, byte|edi, dword} ptr [r14+64]; jae 9f; mov rax, [r14+56]; mov rax,
     * [rax+rdi*8]; xor eax, eax; ret; 9: !U ud2 */
    {"a comparison of bytes", UNARY,
     "a read of something that programs do not see",
     "41 3a 7e 40 73 0b 49 8b 46 38 48 8b 04 f8 31 c0 c3 U0f 0b",
     "41 3b 7e 40 73 0b 49 8b 46 38 48 8b 04 f8 31 c0 c3 U0f 0b"},
    /* mov rcx, [r14+8]; mov rcx, [rcx]; movabs rax, 0x1000000009; cmp {eax, ecx|rax, rcx};
     * ja 9f; movabs rax, 0x1000000005; !M mov eax, [r15+rax]; ret; 9: !U ud2 */
    {"a constant of which the low half was compared", NONE,
     "an access that may leave the memory",
     "49 8b 4e 08 48 8b 09 48 b8 09 00 00 00 10 00 00 00 39 c8 77 0f 48 b8 05 "
     "00 00 00 10 00 00 00 M41 8b 04 07 c3 U0f 0b",
     "49 8b 4e 08 48 8b 09 48 b8 09 00 00 00 10 00 00 00 48 39 c8 77 0f 48 b8 "
     "05 00 00 00 10 00 00 00 M41 8b 04 07 c3 U0f 0b"},
    /* test {rdi, rdi|rsi, rsi}; jz 9f; mov eax, [rsi+16]; ret; 9: !U ud2 */
    {"a null reference", REF,
     "a reference that was not compared with null",
     "48 85 ff 74 04 8b 46 10 c3 U0f 0b",
     "48 85 f6 74 04 8b 46 10 c3 U0f 0b"},
    /* test rsi, rsi; {jnz|jz} 9f; mov eax, [rsi+16]; ret; 9: !U ud2 */
    {"the other way of a comparison with null", REF,
     "a reference that was not compared with null",
     "48 85 f6 75 04 8b 46 10 c3 U0f 0b",
     "48 85 f6 74 04 8b 46 10 c3 U0f 0b"},
    /* mov rsi, [r14+{120|40}]; test rsi, rsi; jz 9f; mov eax, [rsi+16]; ret; 9: !U ud2 */
    {"an external reference as a record", UNARY,
     "not a reference of the type",
     "49 8b 76 78 48 85 f6 74 04 8b 46 10 c3 U0f 0b",
     "49 8b 76 28 48 85 f6 74 04 8b 46 10 c3 U0f 0b"},
    /* test rsi, rsi; jz 9f; mov eax, [rsi+{20|16}]; ret; 9: !U ud2 */
    {"a field that records do not have", REF,
     "a read of something that programs do not see",
     "48 85 f6 74 04 8b 46 14 c3 U0f 0b",
     "48 85 f6 74 04 8b 46 10 c3 U0f 0b"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov [rbp-8],
     * r14; test rsi, rsi; jz 9f; cmp dword ptr [rsi+16], {102|100}; jne 9f; mov rax, [rsi];
     * mov r14, [rsi+8]; mov r15, [r14]; call rax; mov r14, [rbp-8]; mov r15, [r14]; mov
     * rsp, rbp; pop rbp; ret; 9: !U ud2 */
    {"a function of another type", REF,
     "a call of a function whose type was not compared",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 4c 89 75 f8 48 85 f6 74 1e "
     "83 7e 10 66 75 18 48 8b 06 4c 8b 76 08 4d 8b 3e ff d0 4c 8b 75 f8 4d 8b "
     "3e 48 89 ec 5d c3 U0f 0b",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 4c 89 75 f8 48 85 f6 74 1e "
     "83 7e 10 64 75 18 48 8b 06 4c 8b 76 08 4d 8b 3e ff d0 4c 8b 75 f8 4d 8b "
     "3e 48 89 ec 5d c3 U0f 0b"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov rcx,
     * [r14+40]; mov [rbp-8], r14; test rsi, rsi; jz 9f; test rcx, rcx; jz 9f; cmp dword ptr
     * [{rcx|rsi}+16], 100; jne 9f; mov rax, [rsi]; mov r14, [rsi+8]; mov r15, [r14]; call
     * rax; mov r14, [rbp-8]; mov r15, [r14]; mov rsp, rbp; pop rbp; ret; 9: !U ud2 */
    {"the type of another record", REF,
     "a call of a function whose type was not compared",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 49 8b 4e 28 4c 89 75 f8 48 "
     "85 f6 74 23 48 85 c9 74 1e 83 79 10 64 75 18 48 8b 06 4c 8b 76 08 4d 8b "
     "3e ff d0 4c 8b 75 f8 4d 8b 3e 48 89 ec 5d c3 U0f 0b",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 49 8b 4e 28 4c 89 75 f8 48 "
     "85 f6 74 23 48 85 c9 74 1e 83 7e 10 64 75 18 48 8b 06 4c 8b 76 08 4d 8b "
     "3e ff d0 4c 8b 75 f8 4d 8b 3e 48 89 ec 5d c3 U0f 0b"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov rcx,
     * [r14+112]; mov [rbp-8], r14; test rsi, rsi; jz 9f; cmp dword ptr [rsi+16], 100; jne
     * 9f; mov rax, [rsi]; mov r14, [{rcx|rsi}+8]; mov r15, [r14]; call rax; mov r14,
     * [rbp-8]; mov r15, [r14]; mov rsp, rbp; pop rbp; ret; 9: !U ud2 */
    {"the code of one record with the context of another", REF,
     "a call without the context of what is called",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 49 8b 4e 70 4c 89 75 f8 48 "
     "85 f6 74 1e 83 7e 10 64 75 18 48 8b 06 4c 8b 71 08 4d 8b 3e ff d0 4c 8b "
     "75 f8 4d 8b 3e 48 89 ec 5d c3 U0f 0b",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 49 8b 4e 70 4c 89 75 f8 48 "
     "85 f6 74 1e 83 7e 10 64 75 18 48 8b 06 4c 8b 76 08 4d 8b 3e ff d0 4c 8b "
     "75 f8 4d 8b 3e 48 89 ec 5d c3 U0f 0b"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; {mov rcx,
     * [r14+112]; mov rax, [rcx]|mov rax, [r14+88]}; call rax; xor eax, eax; mov rsp, rbp; pop rbp;
     * ret */
    {"the code of an imported function with the own context", UNARY,
     "a call without the context of what is called",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 49 8b 4e 70 48 8b 01 ff d0 "
     "31 c0 48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 49 8b 46 58 ff d0 31 c0 48 "
     "89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov [rbp-8],
     * r14; test rsi, rsi; jz 9f; mov rax, r14; mov r14, [rsi+8]; {test edi, edi; jz
     * 1f|nop}; 1: mov r14, [rbp-8]; xor eax, eax; mov rsp, rbp; pop rbp; ret; 9: !U ud2 */
    {"a branch with the context of another module", REF,
     "a jump in the middle of a return or of a call",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 4c 89 75 f8 48 85 f6 74 16 "
     "4c 89 f0 4c 8b 76 08 85 ff 74 00 4c 8b 75 f8 31 c0 48 89 ec 5d c3 U0f 0b",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 4c 89 75 f8 48 85 f6 74 13 "
     "4c 89 f0 4c 8b 76 08 90 4c 8b 75 f8 31 c0 48 89 ec 5d c3 U0f 0b"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov esi,
     * edi; mov rdi, {r15|r14}; call [r14+16]; mov eax, eax; mov rsp, rbp; pop rbp; ret */
    {"a helper without the context", UNARY,
     "a helper is called with another context",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 89 fe 4c 89 ff 41 ff 56 10 "
     "89 c0 48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 89 fe 4c 89 f7 41 ff 56 10 "
     "89 c0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov
     * ecx, edi; mov rdx, rsi; mov esi, {2|0}; mov rdi, r14; call [r14+24]; mov eax,
     * eax; mov rsp, rbp; pop rbp; ret */
    {"a table that does not exist", REF,
     "a helper is given a wrong number of a table or segment",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 89 f9 48 89 f2 be 02 00 00 "
     "00 4c 89 f7 41 ff 56 18 89 c0 48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 89 f9 48 89 f2 be 00 00 00 "
     "00 4c 89 f7 41 ff 56 18 89 c0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov
     * ecx, edi; mov rdx, rsi; mov esi, {1|0}; mov rdi, r14; call [r14+24]; mov eax,
     * eax; mov rsp, rbp; pop rbp; ret */
    {"a table of another type", REF,
     "not a reference of the type",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 89 f9 48 89 f2 be 01 00 00 "
     "00 4c 89 f7 41 ff 56 18 89 c0 48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 89 f9 48 89 f2 be 00 00 00 "
     "00 4c 89 f7 41 ff 56 18 89 c0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov ecx,
     * edi; mov rdx, rsi; {mov esi, edi|xor esi, esi}; mov rdi, r14; call [r14+24]; mov eax,
     * eax; mov rsp, rbp; pop rbp; ret */
    {"the number of a table that is no constant", REF,
     "a helper is given a wrong number of a table or segment",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 89 f9 48 89 f2 89 fe 4c 89 "
     "f7 41 ff 56 18 89 c0 48 89 ec 5d c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 89 f9 48 89 f2 31 f6 4c 89 "
     "f7 41 ff 56 18 89 c0 48 89 ec 5d c3"},
    /* cmp edi, 2; jae 3f; lea r11, [rip+4f]; movsxd rax, dword ptr [r11+rdi*4]; add
     * rax, r11; jmp rax; 1: mov eax, 1; 2: mov eax, 2; ret; 3: xor eax, eax; ret; 4:
     * .long 1b-4b; .long 2b-4b{+2|} */
    {"an entry of a table of jumps into an instruction", UNARY,
     "a branch into an instruction",
     "83 ff 02 73 1b 4c 8d 1d 17 00 00 00 49 63 04 bb 4c 01 d8 ff e0 b8 01 00 "
     "00 00 b8 02 00 00 00 c3 31 c0 c3 f2 ff ff ff f9 ff ff ff",
     "83 ff 02 73 1b 4c 8d 1d 17 00 00 00 49 63 04 bb 4c 01 d8 ff e0 b8 01 00 "
     "00 00 b8 02 00 00 00 c3 31 c0 c3 f2 ff ff ff f7 ff ff ff"},
    /* cmp edi, {3|2}; jae 3f; lea r11, [rip+4f]; movsxd rax, dword ptr [r11+rdi*4];
     * add rax, r11; jmp rax; 1: mov eax, 1; ret; 2: mov eax, 2; ret; 3: xor eax, eax;
     * ret; 4: .long 1b-4b; .long 2b-4b */
    {"an entry of a table of jumps that is missing", UNARY,
     "a table of jumps outside the function",
     "83 ff 03 73 1c 4c 8d 1d 18 00 00 00 49 63 04 bb 4c 01 d8 ff e0 b8 01 00 "
     "00 00 c3 b8 02 00 00 00 c3 31 c0 c3 f1 ff ff ff f7 ff ff ff",
     "83 ff 02 73 1c 4c 8d 1d 18 00 00 00 49 63 04 bb 4c 01 d8 ff e0 b8 01 00 "
     "00 00 c3 b8 02 00 00 00 c3 31 c0 c3 f1 ff ff ff f7 ff ff ff"},
    /* 1: lea rax, [rip+{1b+2|1b}]; jmp rax */
    {"a tail call of the function's middle", NONE,
     "an indirect jump that is not through a known table",
     "48 8d 05 fb ff ff ff ff e0",
     "48 8d 05 f9 ff ff ff ff e0"},
    /* {jmp rdi|xor eax, eax; ret} */
    {"a jump to a number", WIDE,
     "an indirect jump that is not through a known table",
     "ff e7",
     "31 c0 c3"},
    /* lea {rax, [rip]|eax, [rdi]}; ret */
    {"the address of code as a result", WIDE,
     "an address is used as a number",
     "48 8d 05 00 00 00 00 c3",
     "8d 07 c3"},
    /* mov eax, [rip+{4096|0}]; ret; nop; nop; nop; nop; nop; nop */
    {"constants outside the function", UNARY,
     "a read of something that programs do not see",
     "8b 05 00 10 00 00 c3 90 90 90 90 90 90",
     "8b 05 00 00 00 00 c3 90 90 90 90 90 90"},
    /* push rbp; mov rbp, rsp; sub rsp, 32; test edi, edi; jz 1f; {mov rsp, rbp|nop}; 1: mov
     * rsp, rbp; pop rbp; xor eax, eax; ret */
    {"two values of the stack pointer", UNARY,
     "a jump in the middle of a return or of a call",
     "55 48 89 e5 48 83 ec 20 85 ff 74 03 48 89 ec 48 89 ec 5d 31 c0 c3",
     "55 48 89 e5 48 83 ec 20 85 ff 74 01 90 48 89 ec 5d 31 c0 c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 64; lea rcx, [rbp-48]; mov r11d, {64|48}; 1: movups
     * [rcx+r11-16], xmm15; sub r11, 16; jnz 1b; mov eax, [rbp-48]; mov rsp, rbp; pop rbp; ret */
    {"a loop that clears more than the frame", UNARY,
     "a write to the stack outside the frame",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 bb 40 00 00 00 46 0f 11 7c 19 f0 "
     "49 83 eb 10 75 f4 8b 45 d0 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 bb 30 00 00 00 46 0f 11 7c 19 f0 "
     "49 83 eb 10 75 f4 8b 45 d0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 64; lea rcx, [rbp-{80|64}]; mov r11d, 48; 1: movups
     * [rcx+r11-16], xmm15; sub r11, 16; jnz 1b; mov eax, [rbp-48]; mov rsp, rbp; pop rbp; ret */
    {"a loop that clears below the stack pointer", UNARY,
     "a write to the stack outside the frame",
     "55 48 89 e5 48 83 ec 40 48 8d 4d b0 41 bb 30 00 00 00 46 0f 11 7c 19 f0 "
     "49 83 eb 10 75 f4 8b 45 d0 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 40 48 8d 4d c0 41 bb 30 00 00 00 46 0f 11 7c 19 f0 "
     "49 83 eb 10 75 f4 8b 45 d0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 64; {mov rcx, rdi|lea rcx, [rbp-48]}; mov
     * r11d, 48; 1: movups [rcx+r11-16], xmm15; sub r11, 16; jnz 1b; mov eax,
     * [rbp-48]; mov rsp, rbp; pop rbp; ret */
    {"a loop that clears what a number points to", UNARY,
     "a loop that clears something else than the frame",
     "55 48 89 e5 48 83 ec 40 48 89 f9 41 bb 30 00 00 00 46 0f 11 7c 19 f0 49 "
     "83 eb 10 75 f4 8b 45 d0 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 bb 30 00 00 00 46 0f 11 7c 19 f0 "
     "49 83 eb 10 75 f4 8b 45 d0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 64; lea rcx, [rbp-48]; mov r11d, {edi|48}; 1: movups
     * [rcx+r11-16], xmm15; sub r11, 16; jnz 1b; mov eax, [rbp-48]; mov rsp, rbp; pop rbp; ret */
    {"a loop that clears a number of bytes that is not known", UNARY,
     "a loop that clears something else than the frame",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 89 fb 46 0f 11 7c 19 f0 49 83 eb "
     "10 75 f4 8b 45 d0 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 bb 30 00 00 00 46 0f 11 7c 19 f0 "
     "49 83 eb 10 75 f4 8b 45 d0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 64; lea rcx, [rbp-48]; mov r11d, {40|32}; 1: movups
     * [rcx+r11-16], xmm15; sub r11, 16; jnz 1b; mov eax, [rbp-32]; mov rsp, rbp; pop rbp; ret */
    {"a loop that clears part of a piece", UNARY,
     "a loop that clears something else than the frame",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 bb 28 00 00 00 46 0f 11 7c 19 f0 "
     "49 83 eb 10 75 f4 8b 45 e0 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 bb 20 00 00 00 46 0f 11 7c 19 f0 "
     "49 83 eb 10 75 f4 8b 45 e0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 64; lea rcx, [rbp-48]; mov r11d, {0|48}; 1: movups
     * [rcx+r11-16], xmm15; sub r11, 16; jnz 1b; mov eax, [rbp-48]; mov rsp, rbp; pop rbp; ret */
    {"a loop that clears nothing first, and then everything", UNARY,
     "a loop that clears something else than the frame",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 bb 00 00 00 00 46 0f 11 7c 19 f0 "
     "49 83 eb 10 75 f4 8b 45 d0 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 bb 30 00 00 00 46 0f 11 7c 19 f0 "
     "49 83 eb 10 75 f4 8b 45 d0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 64; mov [rbp-8], r14; lea rcx, [rbp-{48|64}]; mov r11d,
     * 48; 1: movups [rcx+r11-16], xmm15; sub r11, 16; jnz 1b; mov r14, [rbp-8]; mov eax,
     * [rbp-48]; mov rsp, rbp; pop rbp; ret */
    {"a loop that clears the saved context", UNARY,
     "what the prologue saved is written over",
     "55 48 89 e5 48 83 ec 40 4c 89 75 f8 48 8d 4d d0 41 bb 30 00 00 00 46 0f "
     "11 7c 19 f0 49 83 eb 10 75 f4 4c 8b 75 f8 8b 45 d0 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 40 4c 89 75 f8 48 8d 4d c0 41 bb 30 00 00 00 46 0f "
     "11 7c 19 f0 49 83 eb 10 75 f4 4c 8b 75 f8 8b 45 d0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 64; lea rcx, [rbp-48]; mov r11d, 48; test edi, edi; jz
     * {2f|1f}; nop; 1: movups [rcx+r11-16], xmm15; 2: sub r11, 16; jnz 1b; mov eax, [rbp-48];
     * mov rsp, rbp; pop rbp; ret */
    {"a jump into a loop that clears", UNARY,
     "a branch into an instruction",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 bb 30 00 00 00 85 ff 74 07 90 46 "
     "0f 11 7c 19 f0 49 83 eb 10 75 f4 8b 45 d0 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 bb 30 00 00 00 85 ff 74 01 90 46 "
     "0f 11 7c 19 f0 49 83 eb 10 75 f4 8b 45 d0 48 89 ec 5d c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 64; lea rcx, [rbp-48]; mov r11d, 32; 1: movups
     * [rcx+r11-16], xmm15; sub r11, 16; jnz 1b; mov eax,
     * [rbp-{8|32}]; mov rsp, rbp; pop rbp; ret */
    {"a loop that does not clear all that is read", UNARY,
     "something is read that is not written on every way",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 bb 20 00 00 00 46 0f 11 7c 19 f0 "
     "49 83 eb 10 75 f4 8b 45 f8 48 89 ec 5d c3",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 bb 20 00 00 00 46 0f 11 7c 19 f0 "
     "49 83 eb 10 75 f4 8b 45 e0 48 89 ec 5d c3"},
    /* 7: push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; movups
     * [rsp], xmm0; mov [rsp+16], r14; call 7b; sub rsp, 16; mov rax, [rsp+{8|16}]; mov
     * rsp, rbp; pop rbp; mov r11, [rsp]; mov [rsp+16], r11; add rsp, 16; ret */
    {"the upper half of a vector that a callee may change", VECTORS,
     "something is read that is not written on every way",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 0f 11 04 24 4c 89 74 24 10 "
     "e8 e3 ff ff ff 48 83 ec 10 48 8b 44 24 08 48 89 ec 5d "
     "4c 8b 1c 24 4c 89 5c 24 10 48 83 c4 10 c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 0f 11 04 24 4c 89 74 24 10 "
     "e8 e3 ff ff ff 48 83 ec 10 48 8b 44 24 10 48 89 ec 5d "
     "4c 8b 1c 24 4c 89 5c 24 10 48 83 c4 10 c3"},
    /* 7: push rbp; mov rbp, rsp; !S test dword ptr [rsp-16416], eax; sub rsp, 32; mov
     * qword ptr [rsp], 0; mov qword ptr [rsp+{16|8}], 0; call 7b; mov rsp, rbp; pop rbp;
     * mov r11, [rsp]; mov [rsp+16], r11; add rsp, 16; ret */
    {"a vector as an argument of which half is written", VECTORS,
     "something is read that is not written on every way",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 48 c7 04 24 00 00 00 00 48 "
     "c7 44 24 10 00 00 00 00 e8 db ff ff ff 48 89 ec 5d "
     "4c 8b 1c 24 4c 89 5c 24 10 48 83 c4 10 c3",
     "55 48 89 e5 S85 84 24 e0 bf ff ff 48 83 ec 20 48 c7 04 24 00 00 00 00 48 "
     "c7 44 24 08 00 00 00 00 e8 db ff ff ff 48 89 ec 5d "
     "4c 8b 1c 24 4c 89 5c 24 10 48 83 c4 10 c3"},
    /* push rbp; mov rbp, rsp; sub rsp, 64; lea rcx, [rbp-48]; mov r11d, 48; {.byte 0x46,
     * 0x0f, 0x11, 0xbc, 0x19, 0x90, 0x90, 0x90, 0xf0|movups [rcx+r11-16], xmm15}; sub
     * r11, 16; {.byte 0x75, 0xf4|.byte 0x75, 0xf4}; mov rsp, rbp; pop rbp; mov eax, 0;
     * ret */
    {"a loop that clears with a distance of 4 bytes", UNARY,
     "a branch into an instruction",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 bb 30 00 00 00 46 0f 11 bc 19 90 90 "
     "90 f0 49 83 eb 10 75 f4 48 89 ec 5d b8 00 00 00 00 c3",
     "55 48 89 e5 48 83 ec 40 48 8d 4d d0 41 bb 30 00 00 00 46 0f 11 7c 19 f0 49 "
     "83 eb 10 75 f4 48 89 ec 5d b8 00 00 00 00 c3"},
    /* cmp dword ptr [r14+104], 100; {je|jne} 1f; mov edi, ecx; 1: mov eax, edi; ret */
    {"a way that the type of an own function allows", UNARY,
     "something is read that is not written on every way",
     "41 83 7e 68 64 74 02 89 cf 89 f8 c3",
     "41 83 7e 68 64 75 02 89 cf 89 f8 c3"},
    /* mov rcx, [r14+112]; cmp dword ptr [rcx+16], {100|101}; jne 1f; mov eax, edx; ret; 1: xor
     * eax, eax; ret */
    {"a way that the type of an import allows", UNARY,
     "something is read that is not written on every way",
     "49 8b 4e 70 83 79 10 64 75 03 89 d0 c3 31 c0 c3",
     "49 8b 4e 70 83 79 10 65 75 03 89 d0 c3 31 c0 c3"},
    /* xor ecx, ecx; test rcx, rcx; {jne|je} 1f; mov eax, edx; ret; 1: xor eax, eax; ret */
    {"a way that a null allows", UNARY,
     "something is read that is not written on every way",
     "31 c9 48 85 c9 75 03 89 d0 c3 31 c0 c3",
     "31 c9 48 85 c9 74 03 89 d0 c3 31 c0 c3"},
    /* test edi, edi; lea rcx, [r14+88]; je 1f; mov rcx, [r14+112]; 1: test {rdi, rdi|rcx, rcx};
     * je 2f; mov eax, [rcx+16]; ret; 2: !U ud2 */
    {"one of two functions, not compared with null", UNARY,
     "a reference that was not compared with null",
     "85 ff 49 8d 4e 58 74 04 49 8b 4e 70 48 85 ff 74 04 8b 41 10 c3 U0f 0b",
     "85 ff 49 8d 4e 58 74 04 49 8b 4e 70 48 85 c9 74 04 8b 41 10 c3 U0f 0b"},
    /* cmp dword ptr [r14+104], 100; je 1f; jmp 2f; 1: mov eax, ecx; 2: sub edi, 1; jne {1b|2b};
     * xor eax, eax; ret */
    {"a loop that only its own end reaches", UNARY,
     "a loop that is entered in the middle",
     "41 83 7e 68 64 74 02 eb 02 89 c8 83 ef 01 75 f9 31 c0 c3",
     "41 83 7e 68 64 74 02 eb 02 89 c8 83 ef 01 75 fb 31 c0 c3"},
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

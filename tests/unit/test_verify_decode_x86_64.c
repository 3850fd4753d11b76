// SPDX-License-Identifier: MIT
//
// The verifier's decoder of x86-64: the fields that it returns, and the bytes that it refuses.
// jit/verify_decode_check.py checks that it agrees with an assembler.
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/verify_decoded.h"
#include "tests/unit/jit/x86_forms.h"

#define AT 0x100u

/* Convert a text like "48 8b 04 91" to bytes. @return their number. */
static uint32_t bytes_of(const char *text, uint8_t out[32])
{
    uint32_t count = 0;
    for (const char *at = text; *at != '\0'; at += at[2] == ' ' ? 3 : 2) {
        assert_int_equal(sscanf(at, "%2hhx", &out[count++]), 1);
    }
    return count;
}

static bool decode(const char *text, struct verify_insn *out)
{
    uint8_t bytes[32];
    uint32_t count = bytes_of(text, bytes);
    return decode_exactly(&verify_x86_64, bytes, count, AT, out) && out->length == count;
}

/* ---- Accepted bytes ---- */

/* True if the encoder supports the instruction, but the compiler never emits it. */
static bool is_never_written(const struct x86_insn *i)
{
    const struct x86_form_info *f = &x86_forms[i->form];
    bool to_code = i->is_mem && i->mem.base == X86_RIP;
    bool small = f->width == X86_WIDTH_ANY && i->size < 4;
    if (f->width == X86_WIDTH_VECTOR && f->kinds[1] == 'o' && !i->vex) {
        return i->is_mem && !(to_code && i->mem.disp % 16 == 0);
    }
    switch (i->form) {
    case X86_PUSH:
    case X86_POP:
        return i->reg != 5;
    case X86_JMP_M:
        return i->is_mem;
    case X86_CALL_M:
    case X86_NOT:
    case X86_NEG:
    case X86_BTC:
    case X86_MOVS_MR:
    case X86_MOVD_MR:
    case X86_MOVUPS_MR:
        return to_code;
    case X86_MOV_RM:
        return small;
    case X86_MOV_MR:
    case X86_MOV_MI:
        return i->is_mem ? to_code : small;
    case X86_LEA:
        return to_code && i->size == 4;
    case X86_MOVAPS:
    case X86_ANDPS:
    case X86_ANDNPS:
    case X86_ORPS:
    case X86_XORPS:
        return i->is_mem && !(to_code && i->mem.disp % 16 == 0);
    case X86_ROUNDSS:
    case X86_ROUNDSD:
        return (uint8_t)i->imm >= 16;
    case X86_XADD:
    case X86_CMPXCHG:
        return !i->lock || to_code;
    case X86_CMP_MR:
    case X86_CMP_MI:
    case X86_TEST_MR:
    case X86_TEST_MI:
        return false;
    default:
        break;
    }
    bool sets = i->form >= X86_SET_O && i->form <= X86_CMOV_G && f->shape == X86_SHAPE_M;
    bool on_the_left = f->shape == X86_SHAPE_MR || f->shape == X86_SHAPE_MRI ||
                       f->shape == X86_SHAPE_MI || f->shape == X86_SHAPE_MC;
    return (sets && i->is_mem) || (on_the_left && to_code);
}

static void fail_form(const struct x86_insn *i, const uint8_t *bytes, unsigned count,
                      const char *why)
{
    char text[32] = "";
    for (unsigned n = 0; n < count; n++) {
        (void)snprintf(text + 2 * (size_t)n, 3, "%02x", bytes[n]);
    }
    fail_msg("%s %s: %s", text, x86_forms[i->form].text, why);
}

static void decode_form(const struct x86_insn *i, enum chosen chosen)
{
    uint8_t bytes[X86_MAX_BYTES];
    unsigned count = x86_encode(i, bytes);
    struct verify_insn got;
    (void)chosen;
    if (count == 0) {
        return;
    }
    /* Displacements count from the instruction's end: place the code so
     * that aligned data is aligned. */
    uint32_t at = 16 - count;
    bool accepted = decode_one(&verify_x86_64, bytes, count, at, &got);
    if (accepted == is_never_written(i)) {
        fail_form(i, bytes, count, accepted ? "accepted" : "refused");
    } else if (accepted && (got.length != count || got.at != at)) {
        fail_form(i, bytes, count, "of another length");
    }
    for (unsigned left = 1; accepted && left < count; left++) {
        if (decode_one(&verify_x86_64, bytes, left, at, &got)) {
            fail_form(i, bytes, left, "accepted without its end");
        }
    }
}

static void test_every_form_is_decoded_and_no_part_of_one(void **state)
{
    (void)state;
    x86_forms_each(decode_form);
}

/* movups [rcx + r11 - 16], xmm15; sub r11, 16; jnz: accepted only as a whole. */
static void test_a_loop_is_one_instruction(void **state)
{
    (void)state;
    static const uint8_t loop[12] = {0x46, 0x0f, 0x11, 0x7c, 0x19, 0xf0,
                                     0x49, 0x83, 0xeb, 0x10, 0x75, 0xf4};
    struct verify_insn got;
    char seen[256];
    assert_true(decode_exactly(&verify_x86_64, loop, sizeof loop, AT, &got));
    decoded_text(&got, seen);
    assert_string_equal(seen, "clear_loop.64 a=11 base=1 bytes=16 imm=16 flags=16");
    assert_int_equal(got.length, sizeof loop);
    for (uint32_t left = 6; left < sizeof loop; left++) {
        assert_true(decode_exactly(&verify_x86_64, loop, left, AT, &got));
        assert_int_equal(got.op, VERIFY_STORE);
    }
    for (unsigned bit = 0; bit < 8 * sizeof loop; bit++) {
        uint8_t other[sizeof loop];
        memcpy(other, loop, sizeof other);
        other[bit / 8] ^= (uint8_t)(1u << bit % 8);
        bool is_base = bit == 0 || (bit >= 32 && bit < 35); /* r9; rax, rbx, rbp */
        bool accepted = decode_exactly(&verify_x86_64, other, sizeof other, AT, &got);
        assert_int_equal(accepted && got.op == VERIFY_CLEAR_LOOP, is_base);
    }
}

static const struct {
    const char *bytes, *text;
} decoded[] = {
    /* push rbp; pop rbp; ret; ud2; endbr64 */
    {"55", "push.64 a=5 bytes=8 imm=8"},
    {"5d", "pop.64 d=5 bytes=8 imm=8"},
    {"c3", "return.64"},
    {"0f 0b", "trap.64"},
    {"f3 0f 1e fa", "pad.64"},
    /* mov rbp, rsp; mov eax, ecx; mov eax, [r15 + rcx]; mov [rbp - 8], r12 */
    {"48 89 e5", "move.64 d=5 b=4 bytes=8"},
    {"89 c8", "move.32 d=0 b=1 bytes=4"},
    {"41 8b 04 0f", "load.32 d=0 base=15 index=1 bytes=4 flags=1"},
    {"4c 89 65 f8", "store.64 a=12 base=5 disp=-8 bytes=8 flags=1"},
    /* mov byte [rax], 0xff; mov qword [rax + 8], -1; mov ax to memory */
    {"c6 00 ff", "store.8 base=0 bytes=1 imm=255 flags=3"},
    {"48 c7 40 08 ff ff ff ff", "store.64 base=0 disp=8 bytes=8 imm=-1 flags=3"},
    {"66 89 01", "store.16 a=0 base=1 bytes=2 flags=1"},
    /* mov eax, 0x80000000; movabs; mov rax, -1; xor r9d, r9d */
    {"b8 00 00 00 80", "const.32 d=0 imm=2147483648 flags=2"},
    {"49 b8 88 77 66 55 44 33 22 11", "const.64 d=8 imm=1234605616436508552 flags=2"},
    {"48 c7 c0 ff ff ff ff", "const.64 d=0 imm=-1 flags=2"},
    {"45 31 c9", "const.32 d=9 flags=18"},
    {"30 c0", "or.8 d=0 a=0 b=0 flags=16"},
    /* movzx eax, byte [rsp + 4 * rcx]; movsx rax, cx; movzx eax, cx; movsx eax, byte [rax]; movsxd
     * rax, ecx; movsxd rdx, [r11 + 4 * rdx] */
    {"0f b6 04 8c", "load.32 d=0 base=4 index=1 scale=2 bytes=1 flags=1"},
    {"48 0f bf c1", "move.64 d=0 b=1 bytes=2 flags=4"},
    {"0f b7 c1", "move.32 d=0 b=1 bytes=2"},
    {"0f be 00", "load.32 d=0 base=0 bytes=1 flags=5"},
    {"48 63 c1", "move.64 d=0 b=1 bytes=4 flags=4"},
    {"49 63 14 93", "load.64 d=2 base=11 index=2 scale=2 bytes=4 flags=5"},
    /* lea eax, [rcx + 8 * rdx + 5]; lea rax, [4 * rcx]; lea r11, [rip + 0x10] */
    {"8d 44 d1 05", "lea.32 d=0 base=1 index=2 scale=3 disp=5"},
    {"48 8d 04 8d 00 00 00 00", "lea.64 d=0 index=1 scale=2"},
    {"4c 8d 1d 10 00 00 00", "address.64 d=11 imm=279"},
    /* add rax, rcx; add rax, [rcx]; add [rcx], eax; sub rsp, 0x80; and
     * eax, -16; and rax, [rip + 9] */
    {"48 01 c8", "add.64 d=0 a=0 b=1 flags=16"},
    {"48 03 01", "add.64 d=0 a=0 base=1 bytes=8 flags=17"},
    {"01 01", "update.32 b=0 base=1 bytes=4 flags=17"},
    {"48 81 ec 80 00 00 00", "sub.64 d=4 a=4 imm=128 flags=18"},
    {"83 e0 f0", "and.32 d=0 a=0 imm=4294967280 flags=18"},
    {"48 23 05 09 00 00 00", "and.64 d=0 a=0 base=254 disp=272 bytes=8 flags=17"},
    {"48 05 00 00 00 80", "add.64 d=0 a=0 imm=-2147483648 flags=18"},
    {"80 01 05", "update.8 base=1 bytes=1 imm=5 flags=19"},
    /* cmp eax, -1; cmp [rcx], al; cmp al, [rcx]; cmp qword [rcx], 1; test [rsp - 0x8000], eax */
    {"83 f8 ff", "compare.32 a=0 imm=4294967295 flags=2"},
    {"38 01", "compare.8 c=0 base=1 bytes=1 flags=1"},
    {"3a 01", "compare.8 a=0 base=1 bytes=1 flags=1"},
    {"48 83 39 01", "compare.64 base=1 bytes=8 imm=1 flags=3"},
    {"85 84 24 00 80 ff ff", "test.32 c=0 base=4 disp=-32768 bytes=4 flags=1"},
    {"40 f6 c6 01", "test.8 a=6 imm=1 flags=2"},
    /* not eax; neg qword [rax]; mul rcx; idiv dword [rbp - 8]; cdq; cqo */
    {"f7 d0", "number.32 d=0 a=0"},
    {"48 f7 18", "update.64 base=0 bytes=8 flags=17"},
    {"48 f7 e1", "mul_wide.64 d=0 a=0 b=1 c=2"},
    {"f7 7d f8", "divide.32 d=0 a=0 c=2 base=5 disp=-8 bytes=4 flags=1"},
    {"99", "number.32 d=2 a=0"},
    {"48 99", "number.64 d=2 a=0"},
    /* imul eax, ecx; imul eax, ecx, -3; imul eax, [rcx], 100000 */
    {"0f af c1", "mul.32 d=0 a=0 b=1"},
    {"6b c1 fd", "mul.32 d=0 a=1 imm=4294967293 flags=2"},
    {"69 01 a0 86 01 00", "number.32 d=0 base=1 bytes=4 flags=1"},
    /* xchg [rcx], al; lock xadd [r15 + rcx], rdx; lock cmpxchg [rcx], si; lock add [rcx], eax; lock
     * and byte [rcx], 5; mfence */
    {"86 01", "exchange.8 d=0 a=0 base=1 bytes=1 flags=1"},
    {"f0 49 0f c1 14 0f", "exchange.64 d=2 a=2 base=15 index=1 bytes=8 flags=17"},
    {"66 f0 0f b1 31", "exchange.64 d=0 a=6 c=0 base=1 bytes=2 flags=17"},
    {"f0 01 01", "exchange.32 b=0 base=1 bytes=4 flags=17"},
    {"f0 80 21 05", "exchange.8 base=1 bytes=1 imm=5 flags=19"},
    {"0f ae f0", "nop.64"},
    /* shl eax, 1; shr rax, 63; shl eax, 33; sar eax, cl; rol [rax], 3; shlx eax, ecx, edx; rorx */
    {"d1 e0", "shl.32 d=0 a=0 imm=1 flags=2"},
    {"48 c1 e8 3f", "shr.64 d=0 a=0 imm=63 flags=2"},
    {"c1 e0 21", "shl.32 d=0 a=0 imm=1 flags=2"},
    {"d3 f8", "number.32 d=0 a=0 b=1"},
    {"c1 00 03", "update.32 base=0 bytes=4 flags=1"},
    {"c4 e2 69 f7 c1", "number.32 d=0 a=2 b=1"},
    {"c4 e3 fb f0 c1 05", "number.64 d=0 b=1"},
    {"c4 e2 60 f2 01", "number.32 d=0 a=3 base=1 bytes=4 flags=65"},
    /* bsf eax, ecx; popcnt eax, ecx; btc rax, 63 */
    {"0f bc c1", "number.64 d=0 a=0 b=1 flags=64"},
    {"f3 0f b8 c1", "number.32 d=0 b=1 flags=64"},
    {"48 0f ba f8 3f", "number.64 d=0 a=0"},
    /* setb sil; cmovae rax, [rbp - 16]; cmove eax, ecx */
    {"40 0f 92 c6", "set.8 d=6 cond=2"},
    {"48 0f 43 45 f0", "select.64 d=0 a=0 base=5 disp=-16 bytes=8 cond=3 flags=1"},
    {"0f 44 c1", "select.32 d=0 a=0 b=1 cond=0"},
    /* call +5; call r11; call [r14 + 8]; jmp -2; jmp far; ja +1; jle far; jmp rax */
    {"e8 05 00 00 00", "call.64 imm=266"},
    {"41 ff d3", "call_to.64 b=11"},
    {"41 ff 56 08", "call_to.64 base=14 disp=8 bytes=8 flags=1"},
    {"eb fe", "jump.64 imm=256"},
    {"e9 00 ff ff ff", "jump.64 imm=5"},
    {"77 01", "branch.64 imm=259 cond=4"},
    {"0f 8e 00 00 01 00", "branch.64 imm=65798"},
    {"ff e0", "jump_table.64 a=0"},
    /* Padding. */
    {"90", "nop.64"},
    {"66 90", "nop.64"},
    {"0f 1f 00", "nop.64"},
    {"66 0f 1f 84 00 00 00 00 00", "nop.64"},
    /* movsd xmm0, [rax]; movss [rax], xmm9; movups; andps xmm0, [rip + 0x99]; addsd; ucomiss */
    {"f2 0f 10 00", "load.64 base=0 bytes=8 flags=9"},
    {"f3 44 0f 11 08", "store.32 base=0 bytes=4 flags=9"},
    {"0f 10 45 e0", "load.128 base=5 disp=-32 bytes=16 flags=9"},
    {"0f 28 c1", "nop.64"},
    {"0f 54 05 99 00 00 00", "load.128 base=254 disp=416 bytes=16 flags=9"},
    {"f2 0f 58 c1", "nop.64"},
    {"0f 2e c1", "use.64 flags=16"},
    {"66 0f 2e 00", "load.64 base=0 bytes=8 flags=25"},
    {"66 0f 3a 0b c1 0a", "nop.64"},
    /* cvtsi2sd xmm0, rax; cvttsd2si eax, [rcx]; movq xmm0, rax; movd eax, xmm1; movd [rcx], xmm0 */
    {"f2 48 0f 2a c0", "use.64 a=0"},
    {"f2 0f 2c 01", "number.32 d=0 base=1 bytes=8 flags=1"},
    {"66 48 0f 6e c0", "use.64 a=0"},
    {"66 0f 7e c8", "number.32 d=0"},
    {"66 0f 7e 01", "store.32 base=1 bytes=4 flags=9"},
    /* addps xmm0, xmm1; shufps; roundps; pshufb xmm0, [rip + 0x97]; vpshufb xmm0, xmm1, [rax] */
    {"0f 58 c1", "nop.64"},
    {"0f c6 c1 00", "nop.64"},
    {"66 0f 3a 08 c1 00", "nop.64"},
    {"66 0f 38 00 05 97 00 00 00", "load.128 base=254 disp=416 bytes=16 flags=9"},
    {"c4 e2 71 00 00", "load.128 base=0 bytes=16 flags=9"},
    /* vpaddb xmm0, xmm1, xmm2; vpslld xmm3, xmm9, 5; pmovsxbw xmm1, [rcx]; vcvtdq2pd xmm1, [rcx] */
    {"c5 f1 fc c2", "nop.64"},
    {"c4 c1 61 72 f1 05", "nop.64"},
    {"66 0f 38 20 09", "load.64 base=1 bytes=8 flags=9"},
    {"c5 fa e6 09", "load.64 base=1 bytes=8 flags=9"},
    /* pinsrb xmm0, ecx, 3; vpinsrq xmm0, xmm1, r9, 1; pinsrw xmm0, [rcx], 3; insertps */
    {"66 0f 3a 20 c1 03", "use.32 a=1"},
    {"c4 c3 f1 22 c1 01", "use.64 a=9"},
    {"66 0f c4 01 03", "load.16 base=1 bytes=2 flags=9"},
    {"66 0f 3a 21 01 10", "load.32 base=1 bytes=4 flags=9"},
    /* pextrb ecx, xmm0, 3; vpextrq r9, xmm1, 1; pextrd [rcx], xmm0, 3; pextrw r9d, xmm1, 7 */
    {"66 0f 3a 14 c1 03", "number.32 d=1"},
    {"c4 c3 f9 16 c9 01", "number.64 d=9"},
    {"66 0f 3a 16 01 03", "store.32 base=1 bytes=4 flags=9"},
    {"66 44 0f c5 c9 07", "number.32 d=9"},
    /* pmovmskb ecx, xmm1; movmskpd r9d, xmm1; ptest xmm0, xmm1; vptest xmm0, xmm9 */
    {"66 0f d7 c9", "number.32 d=1"},
    {"66 44 0f 50 c9", "number.32 d=9"},
    {"66 0f 38 17 c1", "use.64 flags=16"},
    {"c4 c2 79 17 c1", "use.64 flags=16"},
};

static void test_control_bytes_and_their_effect(void **state)
{
    (void)state;
    for (size_t n = 0; n < ARRAY_COUNT(decoded); n++) {
        struct verify_insn got;
        char seen[256];
        if (!decode(decoded[n].bytes, &got)) {
            fail_msg("%s is refused", decoded[n].bytes);
        }
        decoded_text(&got, seen);
        assert_string_equal(seen, decoded[n].text);
    }
}

/* ---- Refused bytes ---- */

static const struct {
    const char *bytes, *text;
} forbidden[] = {
    /* System instructions. */
    {"f4", "hlt"},
    {"fa", "cli"},
    {"fb", "sti"},
    {"cc", "int3"},
    {"cd 80", "int 0x80"},
    {"f1", "int1"},
    {"cf", "iret"},
    {"48 cf", "iretq"},
    {"0f 05", "syscall"},
    {"0f 07", "sysret"},
    {"0f 34", "sysenter"},
    {"0f 35", "sysexit"},
    {"0f 30", "wrmsr"},
    {"0f 32", "rdmsr"},
    {"0f 31", "rdtsc"},
    {"0f 33", "rdpmc"},
    {"0f 01 f9", "rdtscp"},
    {"0f a2", "cpuid"},
    {"0f 01 d0", "xgetbv"},
    {"0f 01 d1", "xsetbv"},
    {"0f 01 f8", "swapgs"},
    {"0f 01 10", "lgdt [rax]"},
    {"0f 01 18", "lidt [rax]"},
    {"0f 01 38", "invlpg [rax]"},
    {"0f 01 ca", "clac"},
    {"0f 01 cb", "stac"},
    {"0f 01 c1", "vmcall"},
    {"0f 00 d8", "ltr ax"},
    {"0f 00 d0", "lldt ax"},
    {"0f 06", "clts"},
    {"0f 08", "invd"},
    {"0f 09", "wbinvd"},
    {"0f 20 c0", "mov rax, cr0"},
    {"0f 22 c0", "mov cr0, rax"},
    {"0f 23 c0", "mov dr0, rax"},
    {"0f ae 38", "clflush [rax]"},
    {"0f ae 10", "ldmxcsr [rax]"},
    {"0f ae 18", "stmxcsr [rax]"},
    {"0f ae 00", "fxsave [rax]"},
    {"0f ae e8", "lfence"},
    {"0f ae f8", "sfence"},
    {"0f ae f1", "mfence with another rm"},
    {"0f ae 30", "xsaveopt [rax]"},
    {"f3 0f ae d0", "wrfsbase eax"},
    {"f3 0f ae d8", "wrgsbase eax"},
    {"0f c7 f0", "rdrand eax"},
    {"f3 0f 1e c8", "rdsspd eax"},
    {"f3 0f 1e fb", "endbr32"},
    {"e4 00", "in al, 0"},
    {"ec", "in al, dx"},
    {"e6 00", "out 0, al"},
    {"ee", "out dx, al"},
    {"6c", "insb"},
    {"6e", "outsb"},
    {"9b", "wait"},
    {"d9 00", "fld dword [rax]"},
    {"9c", "pushf"},
    {"9d", "popf"},
    {"9e", "sahf"},
    {"fc", "cld"},
    {"fd", "std"},
    {"f8", "clc"},
    /* String instructions, and those with implicit operands. */
    {"a4", "movsb"},
    {"f3 a4", "rep movsb"},
    {"48 a5", "movsq"},
    {"aa", "stosb"},
    {"f3 48 ab", "rep stosq"},
    {"ac", "lodsb"},
    {"ae", "scasb"},
    {"a6", "cmpsb"},
    {"d7", "xlat"},
    {"a1 00 00 00 00 00 00 00 00", "mov eax, [0]"},
    {"c8 10 00 00", "enter"},
    {"c9", "leave"},
    /* Stack and control flow. */
    {"50", "push rax"},
    {"41 55", "push r13"},
    {"41 5d", "pop r13"},
    {"5c", "pop rsp"},
    {"6a 01", "push 1"},
    {"68 01 00 00 00", "push 1"},
    {"ff 30", "push [rax]"},
    {"8f 00", "pop [rax]"},
    {"c2 08 00", "ret 8"},
    {"cb", "retf"},
    {"f3 c3", "rep ret"},
    {"f2 c3", "bnd ret"},
    {"48 c3", "rex.w ret"},
    {"66 c3", "ret of 16 bits"},
    {"ff 18", "call far [rax]"},
    {"48 ff 18", "call far [rax]"},
    {"ff 28", "jmp far [rax]"},
    {"ff d8", "call far of a register"},
    {"ff e8", "jmp far of a register"},
    {"ff 20", "jmp [rax]"},
    {"ff 24 c5 00 00 00 00", "jmp [8 * rax]"},
    {"ff 25 00 00 00 00", "jmp [rip]"},
    {"ff 15 00 00 00 00", "call [rip]"},
    {"48 ff d0", "rex.w call rax"},
    {"66 ff d0", "call ax"},
    {"3e ff e0", "notrack jmp rax"},
    {"66 e8 00 00", "call of 16 bits"},
    {"66 eb fe", "jmp of 16 bits"},
    {"2e 74 00", "je, not taken"},
    {"e3 fe", "jrcxz"},
    {"e2 fe", "loop"},
    {"0f b9 c0", "ud1"},
    {"f3 90", "pause"},
    {"41 90", "xchg eax, r8d"},
    {"91", "xchg eax, ecx"},
    {"87 c1", "xchg ecx, eax"},
    {"86 c1", "xchg cl, al"},
    {"0f b1 01", "cmpxchg [rcx], eax"},
    {"0f c1 01", "xadd [rcx], eax"},
    {"f0 0f c1 c1", "lock xadd ecx, eax"},
    {"0f c7 09", "cmpxchg8b [rcx]"},
    {"f0 0f c7 09", "lock cmpxchg8b [rcx]"},
    {"f0 87 01", "lock xchg [rcx], eax"},
    {"f0 01 c1", "lock add ecx, eax"},
    {"f0 03 01", "lock add eax, [rcx]"},
    {"f0 39 01", "lock cmp [rcx], eax"},
    {"f0 11 01", "lock adc [rcx], eax"},
    {"f0 83 39 01", "lock cmp [rcx], 1"},
    {"f0 f7 11", "lock not [rcx]"},
    {"f0 c1 01 03", "lock rol [rcx], 3"},
    {"f0 0f ba 39 03", "lock btc [rcx], 3"},
    {"f0 89 01", "lock mov [rcx], eax"},
    {"f0 90", "lock nop"},
    {"f0 66 01 01", "lock before another prefix"},
    {"f0 f0 01 01", "two locks"},
    {"f2 f0 01 01", "xacquire lock add [rcx], eax"},
    {"41 f0 01 01", "rex before lock"},
    {"f0 01 05 00 00 00 00", "lock add [rip], eax"},
    {"0f c3 01", "movnti [rcx], eax"},
    {"0f 0d 01", "prefetchw [rcx]"},
    {"0f 18 01", "prefetchnta [rcx]"},
    {"c7 f8 00 00 00 00", "xbegin"},
    {"0f 01 d5", "xend"},
    /* Segments and other address sizes. */
    {"64 8b 00", "mov eax, fs:[rax]"},
    {"65 48 8b 00", "mov rax, gs:[rax]"},
    {"26 8b 00", "mov eax, es:[rax]"},
    {"36 8b 00", "mov eax, ss:[rax]"},
    {"3e 8b 00", "mov eax, ds:[rax]"},
    {"67 8b 00", "mov eax, [eax]"},
    {"67 8d 00", "lea eax, [eax]"},
    {"8b 04 25 00 00 00 00", "mov eax, [0]"},
    {"8e d8", "mov ds, ax"},
    {"8c d8", "mov eax, ds"},
    {"0f b2 00", "lss eax, [rax]"},
    {"0f a0", "push fs"},
    /* Prefixes without effect, repeated, or in another order. */
    {"40 89 c8", "mov with an empty rex"},
    {"44 0f 0b", "ud2 with rex.r"},
    {"41 8b 05 00 00 00 00", "mov eax, [rip] with rex.b"},
    {"42 8b 00", "mov eax, [rax] with rex.x"},
    {"42 89 c8", "mov eax, ecx with rex.x"},
    {"44 83 c0 01", "add eax, 1 with rex.r"},
    {"44 c1 e0 02", "shl eax, 2 with rex.r"},
    {"48 40 89 c8", "two rex"},
    {"48 66 89 c8", "rex before another prefix"},
    {"66 48 89 c8", "0x66 with rex.w"},
    {"66 66 89 01", "0x66 twice"},
    {"f3 66 0f b8 c1", "two mandatory prefixes"},
    {"66 f2 0f 10 00", "two mandatory prefixes"},
    {"f2 89 c8", "mov with 0xf2"},
    {"f3 8b 00", "mov with 0xf3"},
    {"66 8a 00", "a byte with 0x66"},
    {"66 b8 00 00", "mov ax, 0"},
    {"66 8b 00", "mov ax, [rax]"},
    {"8a 00", "mov al, [rax]"},
    {"88 c8", "mov al, cl"},
    {"b0 01", "mov al, 1"},
    {"c6 c0 01", "mov al, 1"},
    {"00 e0", "add al, ah"},
    {"0f 90 c4", "seto ah"},
    {"0f b6 c4", "movzx eax, ah"},
    {"0f 90 00", "seto [rax]"},
    {"0f 92 c8", "setb al with a digit"},
    {"63 c1", "movsxd eax, ecx"},
    {"8d c0", "lea eax, eax"},
    {"8d 05 00 00 00 00", "lea eax, [rip]"},
    {"8b 44 20 00", "mov eax, [rax] with a sib"},
    {"8b 44 64 00", "mov eax, [rsp] with a scale"},
    {"8b 04 0d 00 00 00 00", "mov eax, [rcx] as an index"},
    /* Opcode extensions and operands that do not exist. */
    {"f6 d0", "not al"},
    {"f6 f1", "div cl"},
    {"66 f7 f1", "div cx"},
    {"f7 c8 01 00 00 00", "test by its other name"},
    {"c0 e0 01", "shl al, 1"},
    {"d0 e0", "shl al, 1"},
    {"d2 e0", "shl al, cl"},
    {"c1 d0 01", "rcl eax, 1"},
    {"c1 d8 01", "rcr eax, 1"},
    {"c1 f0 01", "shl by its other name"},
    {"66 c1 e0 01", "shl ax, 1"},
    {"c7 08 00 00 00 00", "mov with a digit"},
    {"ff 00", "inc [rax]"},
    {"ff c0", "inc eax"},
    {"fe c0", "inc al"},
    {"82 c0 01", "add of 32-bit mode"},
    {"06", "push es"},
    {"27", "daa"},
    {"d4 0a", "aam"},
    {"62 f1 7c 48 28 c1", "evex"},
    {"8f e9 78 01 c1", "xop"},
    {"c5 f8 28 c1", "vmovaps"},
    {"c4 e1 78 28 c1", "vmovaps"},
    {"c4 e2 6d f7 c1", "shlx of 256 bits"},
    {"c4 e2 68 f7 c1", "bextr"},
    {"c4 a2 69 f7 c1", "shlx with x"},
    {"c4 e3 73 f0 c1 05", "rorx with a third register"},
    {"66 c4 e2 69 f7 c1", "0x66 before vex"},
    {"48 c4 e2 69 f7 c1", "rex before vex"},
    {"0f ba e0 01", "bt eax, 1"},
    {"0f ba e8 01", "bts eax, 1"},
    {"0f bb c8", "btc eax, ecx"},
    {"0f ab 08", "bts [rax], ecx"},
    {"0f a4 c8 01", "shld"},
    {"0f c8", "bswap eax"},
    {"0f 1f c0", "nop eax"},
    {"0f 1f 40 01", "nop [rax + 1]"},
    {"0f 1f 01", "nop [rcx]"},
    {"0f 1f 08", "nop with a digit"},
    {"0f 19 00", "a hint"},
    /* Vectors. */
    {"0f 28 00", "movaps xmm0, [rax]"},
    {"0f 29 00", "movaps [rax], xmm0"},
    {"0f 54 00", "andps xmm0, [rax]"},
    {"0f 54 05 98 00 00 00", "andps xmm0, [rip], not aligned"},
    {"66 0f 54 c1", "andpd"},
    {"66 0f 10 00", "movupd"},
    {"66 0f 6f 00", "movdqa"},
    {"f3 0f 6f 00", "movdqu"},
    {"0f 2b 00", "movntps"},
    {"66 0f f7 c1", "maskmovdqu"},
    {"0f 6f 00", "movq mm0"},
    {"0f 77", "emms"},
    {"0f 58 00", "addps xmm0, [rax]"},
    {"0f 58 05 98 00 00 00", "addps xmm0, [rip], not aligned"},
    {"66 0f 38 00 00", "pshufb xmm0, [rax]"},
    {"66 0f 70 00 00", "pshufd xmm0, [rax], 0"},
    {"0f fc c1", "paddb mm0, mm1"},
    {"f3 0f fc c1", "paddb with 0xf3"},
    {"66 48 0f fc c1", "paddb with rex.w"},
    {"66 0f f6 c1", "psadbw"},
    {"66 0f e7 00", "movntdq"},
    {"66 0f 12 00", "movlpd"},
    {"66 0f 71 c9 01", "a shift of lanes with a digit"},
    {"66 0f 71 11 01", "psrlw [rcx], 1"},
    {"66 0f 73 e1 01", "psraq"},
    {"66 0f d7 00", "pmovmskb eax, [rax]"},
    {"66 0f 3a 14 05 00 00 00 00 00", "pextrb [rip], xmm0, 0"},
    {"66 0f 38 10 c1", "pblendvb"},
    {"66 0f 3a 15 c0 00", "pextrw by its other name"},
    {"66 0f 38 2a 00", "movntdqa"},
    /* With VEX. */
    {"c5 f5 fc c2", "vpaddb ymm0, ymm1, ymm2"},
    {"c4 e1 71 fc c2", "vpaddb with a longer prefix"},
    {"c4 e1 f1 fc c2", "vpaddb with w"},
    {"c4 a1 71 fc c2", "vpaddb with x"},
    {"c4 e2 71 1c c1", "vpabsb with a third register"},
    {"c5 f3 70 c1 00", "vpshuflw with a third register"},
    {"c5 f1 d7 c1", "vpmovmskb with a third register"},
    {"c5 f9 f7 c1", "vmaskmovdqu"},
    {"c5 f9 6e c0", "vmovd"},
    {"c5 f8 77", "vzeroupper"},
    {"c5 f0 af c1", "imul with vex"},
    {"c4 e0 71 fc c2", "vex with another map"},
    {"66 c5 f1 fc c2", "0x66 before vex"},
    {"c5 f1", "part of an instruction"},
    {"f2 0f 2d c0", "cvtsd2si"},
    {"f2 0f c2 c1 00", "cmpsd"},
    {"66 0f 3a 0a c1 10", "roundss with an unknown mode"},
    {"f3 0f 7e c1", "movq"},
    {"66 0f d6 00", "movq"},
    /* Writes to code. */
    {"89 05 00 00 00 00", "mov [rip], eax"},
    {"c7 05 00 00 00 00 01 00 00 00", "mov [rip], 1"},
    {"01 05 00 00 00 00", "add [rip], eax"},
    {"f7 1d 00 00 00 00", "neg [rip]"},
    {"0f 11 05 00 00 00 00", "movups [rip], xmm0"},
    /* Out of the range of offsets. */
    {"8b 05 ff fe ff 7f", "mov eax, [rip + far]"},
    {"8b 05 00 f0 ff ff", "mov eax, [rip - more than there is]"},
    {"66", "a prefix"},
    {"48", "a prefix"},
    {"0f", "half an opcode"},
    {"0f 3a", "part of an opcode"},
    {"c4 e2 69", "part of a prefix"},
};

static void test_forbidden_instructions_are_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < ARRAY_COUNT(forbidden); n++) {
        struct verify_insn got;
        uint8_t bytes[32];
        uint32_t count = bytes_of(forbidden[n].bytes, bytes);
        if (decode_exactly(&verify_x86_64, bytes, count, AT, &got)) {
            fail_msg("%s: %s", forbidden[n].bytes, forbidden[n].text);
        }
    }
}

/* ---- Jumps through tables ---- */

/* cmp ecx, 5; jae; lea r11, [rip]; movsxd rdx, [r11 + 4 * rcx]; add rdx, r11; jmp rdx */
static const char table_jump[] = "83 f9 05 73 10 4c 8d 1d 20 00 00 00 49 63 14 8b 4c 01 da ff e2";

static bool find(const char *text, struct verify_table *out)
{
    uint8_t bytes[32];
    struct verify_insn insns[16];
    uint32_t n = decode_all(&verify_x86_64, bytes, bytes_of(text, bytes), AT, insns);
    return verify_x86_64.find_table(insns, n, bytes + (insns[n - 1].at - AT), out);
}

static void test_a_jump_through_a_table_is_recognised(void **state)
{
    (void)state;
    struct verify_table t;
    char later[128];
    assert_true(find(table_jump, &t));
    assert_int_equal(t.first, AT + 12 + 0x20);
    assert_int_equal(t.origin, t.first);
    assert_int_equal(t.count, 5);
    assert_int_equal(t.index, 1);
    assert_int_equal(t.extend, VERIFY_WHOLE);
    assert_int_equal(t.compare, 0);
    (void)snprintf(later, sizeof later, "90 90 %s", table_jump);
    assert_true(find(later, &t));
    assert_int_equal(t.compare, 2);
    assert_int_equal(t.from, 2);
    assert_int_equal(t.first, AT + 14 + 0x20);
}

static void test_any_register_but_r11_may_be_the_index(void **state)
{
    (void)state;
    for (unsigned reg = 0; reg < 16; reg++) {
        char text[128];
        struct verify_table t;
        /* cmp reg, 0x100; jae; lea r11; movsxd rdx, [r11 + 4 * reg]; add rdx, r11; jmp rdx */
        (void)snprintf(text, sizeof text,
                       "%s%s81 %02x 00 01 00 00 73 10 4c 8d 1d 20 00 00 00 %02x 63 14 %02x "
                       "4c 01 da ff e2",
                       reg >= 8 ? "41" : "", reg >= 8 ? " " : "", 0xf8 | (reg & 7),
                       reg >= 8 ? 0x4b : 0x49, 0x83 | (reg & 7) << 3);
        if (reg == 4) {
            continue; /* rsp cannot be an index */
        }
        assert_int_equal(find(text, &t), reg != 11);
        assert_true(reg == 11 || (t.index == reg && t.count == 0x100));
    }
}

static void test_a_jump_that_differs_is_not_recognised(void **state)
{
    (void)state;
    static const struct {
        uint8_t at, byte;
        const char *text;
    } others[] = {
        {1, 0xfa, "another register is compared"},
        {1, 0xc1, "add"},
        {2, 0x00, "no entry"},
        {3, 0x77, "ja"},
        {3, 0x7d, "jge"},
        {3, 0xeb, "jmp"},
        {5, 0x48, "lea rbx"},
        {6, 0x8b, "mov r11, [rip]"},
        {12, 0x48, "another base"},
        {13, 0x8b, "64 bits are loaded"},
        {15, 0x4b, "not scaled by 4"},
        {15, 0x93, "another index"},
        {16, 0x48, "add rdx, rbx"},
        {17, 0x29, "sub"},
        {18, 0xd9, "another sum"},
        {20, 0xe1, "jmp rcx"},
    };
    for (size_t n = 0; n < ARRAY_COUNT(others); n++) {
        uint8_t bytes[32];
        struct verify_insn insns[16];
        struct verify_table t;
        uint32_t size = bytes_of(table_jump, bytes);
        bytes[others[n].at] = others[n].byte;
        uint32_t count = decode_all(&verify_x86_64, bytes, size, AT, insns);
        if (verify_x86_64.find_table(insns, count, bytes + (insns[count - 1].at - AT), &t)) {
            fail_msg("%s", others[n].text);
        }
    }
}

static void test_a_jump_in_pieces_is_not_recognised(void **state)
{
    (void)state;
    uint8_t bytes[32];
    struct verify_insn insns[6];
    struct verify_table t;
    uint32_t size = bytes_of(table_jump, bytes);
    assert_int_equal(decode_all(&verify_x86_64, bytes, size, AT, insns), 6);
    for (uint32_t from = 1; from < 6; from++) {
        assert_false(
            verify_x86_64.find_table(insns + from, 6 - from, bytes + (insns[5].at - AT), &t));
    }
    for (unsigned n = 1; n < 6; n++) {
        for (unsigned k = n; k < 6; k++) {
            insns[k].at++;
        }
        assert_false(verify_x86_64.find_table(insns, 6, bytes + size - 2, &t));
        assert_int_equal(decode_all(&verify_x86_64, bytes, size, AT, insns), 6);
    }
}

static void test_an_index_that_is_overwritten_is_not_recognised(void **state)
{
    (void)state;
    struct verify_table t;
    /* cmp r11d, 5; jae; lea r11; movsxd rdx, [r11 + 4 * r11]; add rdx, r11; jmp rdx */
    assert_false(find("41 83 fb 05 73 10 4c 8d 1d 20 00 00 00 4b 63 14 9b 4c 01 da ff e2", &t));
    /* cmp rcx, 5 */
    assert_false(find("48 83 f9 05 73 10 4c 8d 1d 20 00 00 00 49 63 14 8b 4c 01 da ff e2", &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_is_decoded_and_no_part_of_one),
        cmocka_unit_test(test_a_loop_is_one_instruction),
        cmocka_unit_test(test_control_bytes_and_their_effect),
        cmocka_unit_test(test_forbidden_instructions_are_refused),
        cmocka_unit_test(test_a_jump_through_a_table_is_recognised),
        cmocka_unit_test(test_any_register_but_r11_may_be_the_index),
        cmocka_unit_test(test_a_jump_that_differs_is_not_recognised),
        cmocka_unit_test(test_a_jump_in_pieces_is_not_recognised),
        cmocka_unit_test(test_an_index_that_is_overwritten_is_not_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
//
// Programs that hold references and derived values in every place where code can hold them.
#include "tests/unit/jit/toy_gc.h"

#include "kernel/jit/ir.h"

#define HEAD                                                                                       \
    "memory guard 0x80000000 base 0 length 8\n"                                                    \
    "signature (i64) -> (i64)\nsignature (i64, i64) -> (ref)\nsignature () -> ()\n"                \
    "signature (i64) -> (ref)\nsignature (ref) -> (i64)\n"                                         \
    "signature (ref, ref, ref, ref, ref, ref, ref, ref, ref, ref, ref, ref) -> (i64, ref, ref, "   \
    "ref, ref, ref)\n"                                                                             \
    "callee @main signature 0\ncallee @alloc signature 1 helper 32 reads writes\n"                 \
    "callee @collect signature 2 helper 40 reads writes\n"                                         \
    "callee @throw signature 0 helper 48 traps reads writes\n"                                     \
    "callee @risky signature 0\ncallee @build signature 3\ncallee @total signature 4\n"            \
    "callee @twelve signature 5\n"                                                                 \
    "poll 16 @collect\ncards 24 shift 6\n"

/* A chain of v0 objects, whose numbers are added up. */
static const char list[] =
    HEAD "function @main {\n"
         "block0(v0: i64):\n v1 = null.ref\n v2 = const.i64 0\n jump block1(v2, v1)\n"
         "block1(v3: i64, v4: ref):\n v5 = lt_u.i64 v3, v0\n branch v5, block2(), block3()\n"
         "block2():\n v6 = const.i64 2\n v7 = const.i64 1\n v8 = call.ref @alloc(v6, v7) safe\n"
         " store_ref v4, object[v8 + 8]\n store.i64 v3, object[v8 + 16]\n"
         " v9 = add.i64 v3, v7\n jump block1(v9, v8)\n"
         "block3():\n v10 = const.i64 0\n jump block4(v4, v10)\n"
         "block4(v11: ref, v12: i64):\n v13 = is_null.i32 v11\n"
         " branch v13, block6(), block5()\n"
         "block5():\n v14 = load.i64 object[v11 + 16]\n v15 = add.i64 v12, v14\n poll\n"
         " v16 = load.ref object[v11 + 8]\n jump block4(v16, v15)\n"
         "block6():\n return v12\n}\n";

/* An array that only a pointer into it keeps alive: written forwards, added up backwards. */
static const char pointer[] =
    HEAD "function @main {\n"
         "block0(v0: i64):\n v1 = const.i64 0\n v2 = const.i64 8\n v3 = const.i64 1\n"
         " v4 = const.i64 0xfffffffffffffff8\n v5 = call.ref @alloc(v0, v1) safe\n"
         " v6 = derive.derived v5, v2\n jump block1(v6, v1)\n"
         "block1(v7: derived, v8: i64):\n v9 = lt_u.i64 v8, v0\n"
         " branch v9, block2(), block3(v7, v8, v1)\n"
         "block2():\n v10 = mul.i64 v8, v8\n store.i64 v10, object[v7 + 0]\n poll\n"
         " v11 = derive.derived v7, v2\n v12 = add.i64 v8, v3\n jump block1(v11, v12)\n"
         "block3(v13: derived, v14: i64, v15: i64):\n v16 = eqz.i64 v14\n"
         " branch v16, block5(), block4()\n"
         "block4():\n v17 = derive.derived v13, v4\n poll\n v18 = load.i64 object[v17 + 0]\n"
         " v19 = add.i64 v15, v18\n v20 = sub.i64 v14, v3\n jump block3(v17, v20, v19)\n"
         "block5():\n return v15\n}\n";

/* A pointer into one of two objects; and one that lives across a call. */
#define MERGED                                                                                     \
    HEAD "function @main {\n"                                                                      \
         "block0(v0: i64):\n v1 = const.i64 0\n v2 = const.i64 8\n v3 = const.i64 3\n"             \
         " v4 = call.ref @alloc(v3, v1) safe\n v5 = call.ref @alloc(v3, v1) safe\n"                \
         " v6 = const.i64 1111\n v7 = const.i64 2222\n store.i64 v6, object[v4 + 8]\n"             \
         " store.i64 v7, object[v5 + 8]\n v8 = derive.derived v4, v2\n"                            \
         " v9 = derive.derived v5, v2\n v10 = wrap.i32 v0\n"                                       \
         " branch v10, block1(v8), block1(v9)\n"                                                   \
         "block1(v11: derived):\n v12 = call.ref @alloc(v3, v1) safe\n poll\n"                     \
         " v13 = load.i64 object[v11 + 0]\n store.i64 v13, object[v12 + 8]\n poll\n"               \
         " v14 = load.i64 object[v12 + 8]\n v15 = load.i64 object[v11 + 0]\n"                      \
         " v16 = add.i64 v14, v15\n return v16\n}\n"

/* More objects than registers. */
#define OBJECT(n)                                                                                  \
    " v1" #n " = call.ref @alloc(v1, v2) safe\n v2" #n " = const.i64 " #n "\n"                     \
    " store.i64 v2" #n ", object[v1" #n " + 8]\n"
#define VALUE(before, n)                                                                           \
    " v3" #n " = load.i64 object[v1" #n " + 8]\n v4" #n " = add.i64 v4" #before ", v3" #n "\n"
#define OBJECTS_0 OBJECT(10) OBJECT(11) OBJECT(12) OBJECT(13) OBJECT(14) OBJECT(15)
#define OBJECTS_1 OBJECT(16) OBJECT(17) OBJECT(18) OBJECT(19) OBJECT(20) OBJECT(21)
#define OBJECTS_2 OBJECT(22) OBJECT(23) OBJECT(24) OBJECT(25) OBJECT(26) OBJECT(27)
#define OBJECTS_3 OBJECT(28) OBJECT(29) OBJECT(30) OBJECT(31) OBJECT(32) OBJECT(33)
#define OBJECTS_4 OBJECT(34) OBJECT(35) OBJECT(36) OBJECT(37)
#define VALUES_0  VALUE(09, 10) VALUE(10, 11) VALUE(11, 12) VALUE(12, 13)
#define VALUES_1  VALUE(13, 14) VALUE(14, 15) VALUE(15, 16) VALUE(16, 17)
#define VALUES_2  VALUE(17, 18) VALUE(18, 19) VALUE(19, 20) VALUE(20, 21)
#define VALUES_3  VALUE(21, 22) VALUE(22, 23) VALUE(23, 24) VALUE(24, 25)
#define VALUES_4  VALUE(25, 26) VALUE(26, 27) VALUE(27, 28) VALUE(28, 29)
#define VALUES_5  VALUE(29, 30) VALUE(30, 31) VALUE(31, 32) VALUE(32, 33)
#define VALUES_6  VALUE(33, 34) VALUE(34, 35) VALUE(35, 36) VALUE(36, 37)
#define BEGIN     "function @main {\nblock0(v0: i64):\n v1 = const.i64 1\n v2 = const.i64 0\n"
static const char many[] = HEAD BEGIN OBJECTS_0 OBJECTS_1 OBJECTS_2 OBJECTS_3 OBJECTS_4
    " poll\n v409 = add.i64 v0, v2\n" VALUES_0 VALUES_1 VALUES_2 VALUES_3 VALUES_4 VALUES_5 VALUES_6
    " return v437\n}\n";

/* More references than the argument and result registers hold. */
static const char arguments[] = HEAD BEGIN OBJECTS_0 OBJECTS_1
    " v3 = call.i64 @twelve(v110, v111, v112, v113, v114, v115, v116, v117, v118, v119, v120, "
    "v121) safe\n"
    " v4 = result.ref v3, 1\n v5 = result.ref v3, 2\n v6 = result.ref v3, 3\n"
    " v7 = result.ref v3, 4\n v8 = result.ref v3, 5\n poll\n"
    " v11 = load.i64 object[v4 + 8]\n v12 = load.i64 object[v5 + 8]\n"
    " v13 = load.i64 object[v6 + 8]\n v14 = load.i64 object[v7 + 8]\n"
    " v15 = load.i64 object[v8 + 8]\n v16 = add.i64 v11, v12\n v17 = add.i64 v16, v13\n"
    " v18 = add.i64 v17, v14\n v19 = add.i64 v18, v15\n v20 = add.i64 v19, v3\n"
    " v21 = load.i64 object[v121 + 8]\n v22 = add.i64 v20, v21\n return v22\n}\n"
    "function @twelve {\nblock0(v110: ref, v111: ref, v112: ref, v113: ref, v114: ref, v115: "
    "ref, v116: ref, v117: ref, v118: ref, v119: ref, v120: ref, v121: ref):\n"
    " v1 = const.i64 1\n v2 = const.i64 0\n v3 = call.ref @alloc(v1, v2) safe\n poll\n"
    " v409 = load.i64 object[v3 + 8]\n" VALUES_0 VALUES_1 VALUES_2
    " return v421, v121, v120, v119, v110, v111\n}\n";

/* References in the frames of all callers. */
static const char tree[] =
    HEAD "function @main {\nblock0(v0: i64):\n v1 = call.ref @build(v0) safe\n"
         " v2 = call.i64 @total(v1) safe\n return v2\n}\n"
         "function @build {\nblock0(v0: i64):\n v1 = eqz.i64 v0\n"
         " branch v1, block1(), block2()\nblock1():\n v2 = null.ref\n return v2\n"
         "block2():\n v3 = const.i64 1\n v4 = sub.i64 v0, v3\n v5 = call.ref @build(v4) safe\n"
         " v6 = call.ref @build(v4) safe\n v7 = const.i64 3\n v8 = const.i64 2\n"
         " v9 = call.ref @alloc(v7, v8) safe\n store_ref v5, object[v9 + 8]\n"
         " store_ref v6, object[v9 + 16]\n store.i64 v0, object[v9 + 24]\n return v9\n}\n"
         "function @total {\nblock0(v0: ref):\n v1 = is_null.i32 v0\n"
         " branch v1, block1(), block2()\nblock1():\n v2 = const.i64 0\n return v2\n"
         "block2():\n v3 = load.i64 object[v0 + 24]\n v4 = load.ref object[v0 + 8]\n"
         " v5 = call.i64 @total(v4) safe\n poll\n v6 = load.ref object[v0 + 16]\n"
         " v7 = call.i64 @total(v6) safe\n v8 = add.i64 v3, v5\n v9 = add.i64 v8, v7\n"
         " return v9\n}\n";

/* A reference and a pointer into its object, live on both exits of an invoke. */
#define UNWINDING                                                                                  \
    HEAD "function @main {\nblock0(v0: i64):\n v1 = const.i64 2\n v2 = const.i64 0\n"              \
         " v3 = call.ref @alloc(v1, v2) safe\n v4 = const.i64 5\n v5 = add.i64 v0, v4\n"           \
         " store.i64 v5, object[v3 + 8]\n store.i64 v4, object[v3 + 16]\n"                         \
         " v6 = const.i64 16\n v7 = derive.derived v3, v6\n"                                       \
         " v8 = invoke.i64 @risky(v0) then block1() unwind block2() safe\n"                        \
         "block1():\n v9 = load.i64 object[v3 + 8]\n v10 = load.i64 object[v7 + 0]\n"              \
         " v11 = add.i64 v9, v10\n v12 = add.i64 v11, v8\n return v12\n"                           \
         "block2():\n poll\n v13 = load.i64 object[v3 + 8]\n v14 = load.i64 object[v7 + 0]\n"      \
         " v15 = add.i64 v13, v14\n v16 = const.i64 1000\n v17 = add.i64 v15, v16\n"               \
         " return v17\n}\n"                                                                        \
         "function @risky {\nblock0(v0: i64):\n v1 = const.i64 1\n v2 = const.i64 0\n"             \
         " v3 = call.ref @alloc(v1, v2) safe\n v4 = const.i64 3\n"                                 \
         " store.i64 v4, object[v3 + 8]\n v5 = call.i64 @throw(v0) safe\n"                         \
         " v6 = load.i64 object[v3 + 8]\n v7 = add.i64 v5, v6\n return v7\n}\n"

/* Copies of structs with odd sizes across a safe point; the neighbouring bytes stay unchanged. */
static const char structs[] =
    HEAD "function @main {\nslot 3 align 1\nslot 13 align 1\nslot 1 align 1\nslot 13 align 4\n"
         "slot 3 align 1\nslot 100 align 64\nslot 7 align 2\n"
         "block0(v0: i64):\n v1 = const.i64 1\n v2 = const.i64 0\n v3 = const.i32 0x5a\n"
         " v4 = const.i32 17\n v5 = const.i64 0xffffffffffffffff\n v6 = slot.i64 1\n"
         " v7 = slot.i64 3\n v8 = slot.i64 5\n v9 = slot.i64 6\n"
         " store.i32 v3, slot0[2] 8_u\n store.i32 v3, slot2[0] 8_u\n store.i32 v3, slot4[0] 8_u\n"
         " store.i64 v5, slot3[0]\n store.i64 v5, slot3[5]\n zero_bytes v6, 13\n"
         " store.i32 v4, slot1[0] 8_u\n store.i64 v0, slot1[5]\n zero_bytes v8, 100\n"
         " copy_bytes v7, v6, 13\n v10 = call.ref @alloc(v1, v2) safe\n"
         " zero_bytes v6, 13\n copy_bytes v9, v7, 7\n store.i64 v0, object[v10 + 8]\n poll\n"
         " v11 = load.i64 slot3[5]\n v12 = load.i64 slot3[0] 8_u\n v13 = load.i64 slot3[4] 8_u\n"
         " v14 = load.i64 slot0[2] 8_u\n v15 = load.i64 slot2[0] 8_u\n"
         " v16 = load.i64 slot4[0] 8_u\n v17 = load.i64 slot6[5] 16_u\n"
         " v18 = load.i64 slot5[92]\n v19 = load.i64 object[v10 + 8]\n"
         " v20 = add.i64 v11, v12\n v21 = add.i64 v20, v13\n v22 = add.i64 v21, v14\n"
         " v23 = add.i64 v22, v15\n v24 = add.i64 v23, v16\n v25 = add.i64 v24, v17\n"
         " v26 = add.i64 v25, v18\n v27 = add.i64 v26, v19\n return v27\n}\n";

/* Values that are not references survive a poll that collects. */
static const char polls[] =
    HEAD "function @main {\nblock0(v0: i64):\n v1 = const.i64 1\n v2 = const.i64 0\n"
         " v3 = from_int_s.f64 v0\n v4 = fadd.f64 v3, v3\n v5 = call.ref @alloc(v1, v2) safe\n"
         " v6 = call.ref @alloc(v1, v2) safe\n store.i64 v1, object[v5 + 8]\n"
         " v7 = const.i64 2\n store.i64 v7, object[v6 + 8]\n"
         " jump block1(v5, v6, v0, v2, v1, v3)\n"
         "block1(v8: ref, v9: ref, v10: i64, v11: i64, v12: i64, v13: f64):\n poll\n"
         " v14 = mul.i64 v12, v7\n v15 = add.i64 v11, v14\n v16 = fadd.f64 v13, v4\n"
         " v17 = sub.i64 v10, v1\n v18 = load.i64 object[v8 + 8]\n v19 = add.i64 v15, v18\n"
         " v20 = eqz.i64 v17\n branch v20, block2(), block1(v9, v8, v17, v19, v14, v16)\n"
         "block2():\n v21 = to_int_sat_s.i64 v16\n v22 = add.i64 v19, v21\n"
         " v23 = ref_eq.i32 v5, v8\n v24 = extend_u.i64 v23\n v25 = add.i64 v22, v24\n"
         " v26 = load.i64 object[v9 + 8]\n v27 = add.i64 v25, v26\n return v27\n}\n";

/* A root that the collector itself holds, in the context. */
static const char root[] =
    HEAD "function @main {\nblock0(v0: i64):\n v1 = const.i64 1\n v2 = const.i64 0\n"
         " v3 = call.ref @alloc(v1, v2) safe\n store_ref v3, context[56]\n"
         " store.i64 v0, object[v3 + 8]\n v4 = call.ref @alloc(v1, v2) safe\n"
         " v5 = load.ref context[56]\n v6 = ref_eq.i32 v3, v5\n v7 = extend_u.i64 v6\n"
         " v8 = load.i64 object[v5 + 8]\n v9 = add.i64 v7, v8\n"
         " store.i64 v9, object[v4 + 8]\n v10 = load.i64 object[v4 + 8]\n return v10\n}\n";

/* Fields far apart, one of which is set to null: two cards. */
static const char barrier[] =
    HEAD "function @main {\nblock0(v0: i64):\n v1 = const.i64 64\n v2 = call.ref @alloc(v1, v1)\n"
         " v3 = const.i64 128\n v4 = null.ref\n v5 = derive.derived v2, v3\n"
         " store_ref v2, object[v2 + 8]\n store_ref v4, object[v2 + 256]\n"
         " store_ref v2, object[v5 + 8]\n store.i64 v0, context[120]\n poll\n return v0\n}\n";

/* An access through a null reference is a hardware fault. */
#define NO_OBJECT(access)                                                                          \
    HEAD "function @main {\nblock0(v0: i64):\n v1 = load.ref context[56]\n v2 = const.i64 24\n"    \
         " poll\n" access " return v0\n}\n"

#define TRAPS(what, access)                                                                        \
    {                                                                                              \
        .name = (what), .text = NO_OBJECT(access), .trap = IR_TRAP_NULL, .collections = 1          \
    }

const struct toy_case toy_cases[] = {
    {"a list", list, 40, 780, -1, 80, 0, false, 0},
    {"a pointer that keeps an array alive", pointer, 30, 8555, -1, 61, 59, false, 0},
    {"a pointer into one of two objects", MERGED, 0, 4444, -1, 5, 3, false, 0},
    {"a pointer into the other of two", MERGED, 1, 2222, -1, 5, 3, false, 0},
    {"more objects than registers", many, 1, 659, -1, 29, 0, false, 0},
    {"arguments and results beyond registers", arguments, 0, 186 + 21 + 20 + 19 + 10 + 11 + 21, -1,
     15, 0, false, 0},
    {"references in the frames of callers", tree, 6, 120, -1, 126, 0, false, 0},
    {"an invoke that returns", UNWINDING, 7, 12 + 5 + 10, -1, 2, 1, false, 0},
    {"an invoke that unwinds", UNWINDING, 0, 1010, -1, 4, 3, false, 0},
    {"struct values", structs, 1000, 3 * 1000 + 17 + 3 * 0x5a, -1, 2, 0, false, 0},
    {"polls keep everything", polls, 10, 2046 + 15 + 210 + 0 + 1, -1, 12, 0, false, 0},
    {"a root", root, 41, 42, -1, 2, 0, false, 0},
    {"cards", barrier, 9, 9, -1, 0, 0, true, 2},
    TRAPS("a load from null", " v3 = load.i64 object[v1 + 16] !77\n store.i64 v3, context[120]\n"),
    TRAPS("a store to null", " store.i64 v0, object[v1 + 16] !77\n"),
    TRAPS("a reference stored to null", " store_ref v1, object[v1 + 8] !77\n"),
    TRAPS("a check of null", " v3 = null_check.ref v1 !77\n store_ref v3, context[56]\n"),
    TRAPS("a pointer that is derived from null",
          " v3 = derive.derived v1, v2\n v4 = load.i64 object[v3 + 8] !77\n"
          " store.i64 v4, context[120]\n"),
    {.name = NULL},
};

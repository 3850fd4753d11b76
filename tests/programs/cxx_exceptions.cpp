// SPDX-License-Identifier: MIT
//
// Tests of programs/sdk/portable/cxx/exceptions.cpp: what a C++ program may do with exceptions. It
// ends in std::terminate(), whose handler prints how many checks there were.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <vector>

namespace
{

unsigned checks;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        checks++;                                                                                  \
        if (!(condition)) {                                                                        \
            std::printf("line %d: %s\n", __LINE__, #condition);                                    \
            std::exit(1);                                                                          \
        }                                                                                          \
    } while (0)

/* Counts objects, so that one that is not destroyed, or destroyed twice, is seen. */
struct Counted {
    static int alive;
    int number;
    explicit Counted(int n) : number(n)
    {
        alive++;
    }
    Counted(const Counted &other) : number(other.number)
    {
        alive++;
    }
    ~Counted()
    {
        alive--;
    }
};
int Counted::alive;

struct Left {
    int left = 1;
    virtual ~Left() = default;
};
struct Right {
    int right = 2;
    virtual ~Right() = default;
};
struct Both : Left, Right {
    int both = 3;
};
struct Upper : virtual Left {
};
struct Lower : virtual Left, Right {
};
struct Diamond : Upper, Lower {
};

[[gnu::noinline]] void throw_number(int n)
{
    throw Counted(n);
}

void test_types()
{
    try {
        throw Both();
    } catch (const Right &right) {
        CHECK(right.right == 2);
    }
    try {
        throw Diamond();
    } catch (const Right &right) {
        CHECK(right.right == 2);
    }
    try {
        throw Diamond();
    } catch (const Left &left) { /* a virtual base */
        CHECK(left.left == 1);
    }
    static Both both;
    try {
        throw &both;
    } catch (Right *right) { /* a pointer is adjusted, too */
        CHECK(right == &both && right->right == 2);
    }
    try {
        throw static_cast<Both *>(nullptr);
    } catch (Right *right) {
        CHECK(right == nullptr);
    }
    try {
        throw "text";
    } catch (const std::string &) {
        CHECK(false);
    } catch (const char *text) {
        CHECK(text[0] == 't');
    }
    try {
        throw 7;
    } catch (long) {
        CHECK(false);
    } catch (...) {
        CHECK(true);
    }
}

void test_destruction()
{
    static int order;
    struct Ordered {
        int number;
        ~Ordered()
        {
            order = order * 10 + number;
        }
    };
    try {
        Ordered one{1};
        Ordered two{2};
        throw_number(5);
    } catch (const Counted &c) {
        CHECK(order == 21 && c.number == 5 && Counted::alive == 1);
    }
    CHECK(Counted::alive == 0);

    struct Partial {
        Counted first{1};
        std::vector<Counted> more;
        Partial()
        {
            more.emplace_back(2);
            more.emplace_back(3);
            throw std::runtime_error("not made");
        }
    };
    try {
        Partial p;
        CHECK(false);
    } catch (const std::exception &e) {
        CHECK(Counted::alive == 0 && std::string(e.what()) == "not made");
    }
}

void pass_on(int n)
{
    Counted here(n);
    try {
        throw_number(n);
    } catch (Counted &c) {
        c.number++;
        throw;
    }
}

void test_again()
{
    try {
        pass_on(8);
    } catch (const Counted &c) {
        CHECK(c.number == 9 && Counted::alive == 1);
    }
    CHECK(Counted::alive == 0);
    try { /* another one, in a handler */
        try {
            throw_number(1);
        } catch (const Counted &) {
            throw_number(2);
        }
    } catch (const Counted &c) {
        CHECK(c.number == 2 && Counted::alive == 1);
    }
    try {
        throw_number(1);
    } catch (const Counted &outer) {
        try {
            throw_number(2);
        } catch (const Counted &inner) {
            CHECK(outer.number == 1 && inner.number == 2 && Counted::alive == 2);
        }
        CHECK(outer.number == 1 && Counted::alive == 1);
    }
    CHECK(Counted::alive == 0);
}

void test_pointers()
{
    std::exception_ptr kept;
    try {
        throw_number(4);
    } catch (...) {
        kept = std::current_exception();
    }
    CHECK(kept != nullptr && Counted::alive == 1 && std::current_exception() == nullptr);
    for (int n = 0; n < 3; n++) {
        try {
            std::rethrow_exception(kept);
        } catch (const Counted &c) {
            CHECK(c.number == 4 && std::current_exception() == kept);
        }
    }
    CHECK(Counted::alive == 1);
    kept = nullptr;
    CHECK(Counted::alive == 0);
    try {
        try {
            throw std::runtime_error("inner");
        } catch (...) {
            std::throw_with_nested(std::logic_error("outer"));
        }
    } catch (const std::logic_error &outer) {
        try {
            std::rethrow_if_nested(outer);
            CHECK(false);
        } catch (const std::runtime_error &inner) {
            CHECK(std::string(inner.what()) == "inner");
        }
    }
}

void test_uncaught()
{
    struct Watch {
        int *out;
        ~Watch()
        {
            *out = std::uncaught_exceptions();
        }
    };
    int during = -1, after = -1;
    try {
        Watch w{&during};
        throw_number(1);
    } catch (const Counted &) {
        Watch w{&after};
    }
    CHECK(during == 1 && after == 0);
}

[[gnu::noinline]] int dig(int depth)
{
    Counted here(depth);
    if (depth == 0) {
        throw_number(100);
        return 0;
    }
    return dig(depth - 1) + here.number;
}

int compare(const void *a, const void *b)
{
    int x = *static_cast<const int *>(a), y = *static_cast<const int *>(b);
    if (x == y) {
        throw std::invalid_argument("equal");
    }
    return x < y ? -1 : 1;
}

struct alignas(64) Wide {
    char bytes[64];
};

struct Late {
    static int attempts;
    Late()
    {
        if (++attempts < 3) {
            throw attempts;
        }
    }
};
int Late::attempts;

void use_late()
{
    static Late late; /* tried again by the next call */
    (void)late;
}

void test_ways()
{
    try {
        (void)dig(1000);
    } catch (const Counted &c) {
        CHECK(c.number == 100 && Counted::alive == 1);
    }
    int numbers[] = {3, 1, 2, 1};
    try { /* through a function in C */
        std::qsort(numbers, 4, sizeof numbers[0], compare);
        CHECK(false);
    } catch (const std::invalid_argument &) {
        CHECK(true);
    }
    int failed = 0;
    for (int n = 0; n < 4; n++) {
        try {
            use_late();
        } catch (int) {
            failed++;
        }
    }
    CHECK(failed == 2 && Late::attempts == 3);
    try {
        (void)std::vector<int>(3).at(3);
    } catch (const std::out_of_range &) {
        CHECK(true);
    }
}

[[gnu::noinline]] const char *name_of(const Left *left)
{
    return typeid(*left).name();
}

void test_language()
{
    static Both both;
    Left &left = both;
    CHECK(dynamic_cast<Right &>(left).right == 2);
    try {
        (void)dynamic_cast<Upper &>(left);
        CHECK(false);
    } catch (const std::bad_cast &) {
        CHECK(true);
    }
    try {
        (void)name_of(nullptr);
        CHECK(false);
    } catch (const std::bad_typeid &) {
        CHECK(true);
    }
    volatile size_t much = 0xfffff000, too_much = 0x80000000;
    /* Kept in a volatile object: the compiler may leave out an allocation that nothing needs. */
    char *volatile made = new (std::nothrow) char[much];
    CHECK(made == nullptr);
    Wide *volatile wide = new Wide;
    CHECK(reinterpret_cast<uintptr_t>(wide) % 64 == 0);
    delete wide;
    wide = new (std::nothrow) Wide[much / sizeof(Wide)];
    CHECK(wide == nullptr);
    try {
        wide = new Wide[much / sizeof(Wide)];
        CHECK(false);
    } catch (const std::bad_alloc &) {
        CHECK(true);
    }
    try {
        made = new char[much];
        CHECK(false);
    } catch (const std::bad_alloc &) {
        CHECK(true);
    }
    try {
        long long *volatile more = new long long[too_much];
        (void)more;
        CHECK(false);
    } catch (const std::bad_alloc &) {
        CHECK(true);
    }
}

void finish()
{
    std::printf("%u checks\n", checks);
    std::fflush(stdout);
    std::_Exit(0);
}

void promise() noexcept
{
    throw_number(1);
}

} // namespace

int main()
{
    test_types();
    test_destruction();
    test_again();
    test_pointers();
    test_uncaught();
    test_ways();
    test_language();
    CHECK(Counted::alive == 0);
    std::set_terminate(finish);
    try {
        promise();
    } catch (...) {
    }
    return 1;
}

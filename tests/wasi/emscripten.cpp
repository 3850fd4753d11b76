// SPDX-License-Identifier: MIT
//
// Exceptions as Emscripten compiles them: with the older instructions, and with its own C++ library,
// whose compiled functions throw, too. With an argument the last one is not caught.
#include <cstdio>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

int left; // guards whose scopes have ended

struct guard {
    ~guard() { left++; }
};

struct base {
    virtual ~base() = default;
    virtual int value() const = 0;
};

struct derived : std::runtime_error, base {
    int number;
    explicit derived(int n) : std::runtime_error("derived " + std::to_string(n)), number(n) {}
    int value() const override { return number; }
};

int descend(int depth)
{
    guard g;
    if (depth == 0) {
        throw derived(42);
    }
    return descend(depth - 1) + 1;
}

void throw_again()
{
    try {
        descend(2);
    } catch (const std::exception &e) {
        std::printf("%s, %d guards\n", e.what(), left);
        throw;
    }
}

// Of 100,000 rounds every third one throws its number.
long sum()
{
    long total = 0;
    for (int i = 0; i < 100000; i++) {
        try {
            if (i % 3 == 0) {
                throw i;
            }
            total++;
        } catch (int n) {
            total += n;
        }
    }
    return total;
}

} // namespace

int main(int argc, char **)
{
    try {
        throw_again();
    } catch (const base &b) {
        std::printf("base %d\n", b.value());
    }
    try {
        std::printf("%d\n", std::vector<int>(3).at(7));
    } catch (const std::out_of_range &) {
        std::printf("vector\n");
    }
    try {
        std::printf("%c\n", std::string("abc").at(9));
    } catch (const std::out_of_range &) {
        std::printf("string\n");
    }
    try {
        std::printf("%d\n", std::stoi("no number"));
    } catch (const std::invalid_argument &) {
        std::printf("stoi\n");
    }
    try {
        auto held = std::make_unique<guard>();
        throw std::bad_alloc();
    } catch (...) {
        std::printf("all, %d guards\n", left);
    }
    std::printf("sum %ld\n", sum());
    if (argc > 1) {
        throw std::logic_error("not caught");
    }
    return 3;
}

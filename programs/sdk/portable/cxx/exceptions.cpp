// SPDX-License-Identifier: MIT
//
// C++ exceptions of portable programs. Debian's libc++abi for WASI is built without them; this file
// has what is missing: the functions that clang calls to throw and catch (Itanium C++ ABI: Exception
// Handling, level II), its personality function, what libc++ needs for std::exception_ptr, and
// those functions of the language that throw. Types and std::terminate() are the library's. A
// program has one thread, or throws on one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <typeinfo>

namespace __cxxabiv1
{

/* The class of all type_info objects, as libc++abi has it: only the order of its virtual functions
 * matters. can_catch() adjusts the pointer to the base class that the handler names. */
class __shim_type_info : public std::type_info
{
  public:
    ~__shim_type_info() override;
    virtual void noop1() const;
    virtual void noop2() const;
    virtual bool can_catch(const __shim_type_info *thrown, void *&object) const = 0;
};

} // namespace __cxxabiv1

namespace
{

using type = __cxxabiv1::__shim_type_info;

constexpr unsigned tag = 0; /* of C++ in clang's `throw` */

using destructor = void *(void *object); /* returns its argument */

/* Before each thrown object. The word that WebAssembly throws is the header's address. */
struct alignas(16) header {
    header *primary;     /* whose object it is: its own, or that of an exception_ptr */
    unsigned references; /* of a primary one: to the object */
    const std::type_info *info;
    destructor *destroy; /* may be null */
    header *next;        /* caught before it */
    int handlers;        /* that have caught it; negative: it was thrown again */
    void *caught;        /* the object, as the type of the handler */

    void *object()
    {
        return primary + 1;
    }
};

header *caught;
unsigned uncaught;

header *header_of(void *object)
{
    return static_cast<header *>(object) - 1;
}

header *new_header(size_t bytes)
{
    void *memory = std::aligned_alloc(
        alignof(header), (sizeof(header) + bytes + alignof(header) - 1) & -alignof(header));
    if (memory == nullptr) {
        std::terminate();
    }
    return static_cast<header *>(std::memset(memory, 0, sizeof(header)));
}

void drop(header *primary)
{
    if (--primary->references == 0) {
        if (primary->destroy != nullptr) {
            primary->destroy(primary->object());
        }
        std::free(primary);
    }
}

[[noreturn]] void raise(header *h)
{
    uncaught++;
    __builtin_wasm_throw(tag, h);
}

/* ---- The table of a function's handlers ---- */

uint32_t unsigned_leb(const uint8_t *&at)
{
    uint32_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *at++;
        value |= (byte & 0x7fu) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
}

int32_t signed_leb(const uint8_t *&at)
{
    uint32_t value = 0;
    for (unsigned shift = 0;;) {
        uint8_t byte = *at++;
        value |= (byte & 0x7fu) << shift;
        shift += 7;
        if (byte < 0x80) {
            bool is_negative = (byte & 0x40) != 0 && shift < 32;
            return static_cast<int32_t>(is_negative ? value | -1u << shift : value);
        }
    }
}

constexpr uint8_t omitted = 0xff;

struct table {
    const type *const *types; /* type n is at -n */
    const uint8_t *sites, *actions;
};

table read_table(const uint8_t *at)
{
    table t = {};
    if (*at++ != omitted) { /* where landing pads are relative to */
        (void)unsigned_leb(at);
    }
    if (*at++ != omitted) {
        uint32_t distance = unsigned_leb(at);
        t.types = reinterpret_cast<const type *const *>(at + distance);
    }
    at++; /* how sites are encoded: always as LEB128 */
    uint32_t length = unsigned_leb(at);
    t.sites = at;
    t.actions = at + length;
    return t;
}

/* The number of the first handler at a landing pad that catches the exception; 0: none does. */
uint32_t find_handler(const table &t, uint32_t pad, header *h)
{
    const uint8_t *at = t.sites;
    uint32_t action = 0;
    for (uint32_t n = 0; n <= pad; n++) {
        (void)unsigned_leb(at);
        action = unsigned_leb(at);
    }
    if (action == 0) {
        return 0;
    }
    at = t.actions + action - 1;
    for (;;) {
        int32_t number = signed_leb(at);
        const uint8_t *next = at;
        int32_t distance = signed_leb(at);
        if (number > 0) {
            const type *handled = t.types[-number];
            void *object = h->object();
            if (handled == nullptr ||
                handled->can_catch(static_cast<const type *>(h->primary->info), object)) {
                h->caught = object;
                return static_cast<uint32_t>(number);
            }
        }
        if (distance == 0) {
            return 0;
        }
        at = next + distance;
    }
}

} // namespace

extern "C" {

/* Set by a landing pad before it calls _Unwind_CallPersonality(). */
struct {
    uintptr_t pad;
    const uint8_t *table;
    uintptr_t selector; /* the result: the number of the handler to enter, or 0 */
} __wasm_lpad_context;

int _Unwind_CallPersonality(void *exception)
{
    __wasm_lpad_context.selector =
        find_handler(read_table(__wasm_lpad_context.table), __wasm_lpad_context.pad,
                     static_cast<header *>(exception));
    return 0;
}

/* Named by each function with handlers, but called by none of them. */
void __gxx_wasm_personality_v0()
{
}

/* ---- Throwing ---- */

void *__cxa_allocate_exception(size_t bytes)
{
    header *h = new_header(bytes);
    h->primary = h;
    return h->object();
}

void __cxa_free_exception(void *object)
{
    std::free(header_of(object));
}

[[noreturn]] void __cxa_throw(void *object, std::type_info *info, destructor *destroy)
{
    header *h = header_of(object);
    h->references = 1;
    h->info = info;
    h->destroy = destroy;
    raise(h);
}

/* ---- Catching ---- */

void *__cxa_get_exception_ptr(void *exception)
{
    return static_cast<header *>(exception)->caught;
}

void *__cxa_begin_catch(void *exception)
{
    header *h = static_cast<header *>(exception);
    h->handlers = h->handlers < 0 ? 1 - h->handlers : h->handlers + 1;
    if (h != caught) {
        h->next = caught;
        caught = h;
    }
    uncaught--;
    return h->caught;
}

void __cxa_end_catch()
{
    header *h = caught;
    if (h == nullptr) {
        return;
    }
    if (h->handlers < 0) { /* thrown again: the next handler needs it */
        if (++h->handlers == 0) {
            caught = h->next;
        }
    } else if (--h->handlers == 0) {
        caught = h->next;
        header *primary = h->primary;
        if (h != primary) {
            std::free(h);
        }
        drop(primary);
    }
}

[[noreturn]] void __cxa_rethrow()
{
    header *h = caught;
    if (h == nullptr) {
        std::terminate();
    }
    h->handlers = -h->handlers;
    raise(h);
}

std::type_info *__cxa_current_exception_type()
{
    return caught == nullptr ? nullptr : const_cast<std::type_info *>(caught->primary->info);
}

unsigned __cxa_uncaught_exceptions()
{
    return uncaught;
}

bool __cxa_uncaught_exception()
{
    return uncaught != 0;
}

/* ---- std::exception_ptr ---- */

void __cxa_increment_exception_refcount(void *object)
{
    if (object != nullptr) {
        header_of(object)->references++;
    }
}

void __cxa_decrement_exception_refcount(void *object)
{
    if (object != nullptr) {
        drop(header_of(object));
    }
}

void *__cxa_current_primary_exception()
{
    if (caught == nullptr) {
        return nullptr;
    }
    caught->primary->references++;
    return caught->object();
}

void __cxa_rethrow_primary_exception(void *object)
{
    if (object == nullptr) {
        return;
    }
    header *h = new_header(0);
    h->primary = header_of(object);
    h->primary->references++;
    raise(h);
}

/* ---- Functions of the language that throw; the library's end the program instead ---- */

[[noreturn]] void __cxa_bad_cast()
{
    throw std::bad_cast();
}

[[noreturn]] void __cxa_bad_typeid()
{
    throw std::bad_typeid();
}

[[noreturn]] void __cxa_throw_bad_array_new_length()
{
    throw std::bad_array_new_length();
}

} // extern "C"

namespace
{

/* Null: there is no memory, and no handler that could free some. */
void *allocate(size_t bytes, size_t alignment)
{
    for (;;) {
        void *memory = nullptr;
        bool failed = posix_memalign(&memory, alignment, bytes == 0 ? 1 : bytes) != 0;
        std::new_handler handler = std::get_new_handler();
        if (!failed || handler == nullptr) {
            return failed ? nullptr : memory;
        }
        handler();
    }
}

void *allocate_or_throw(size_t bytes, size_t alignment)
{
    void *memory = allocate(bytes, alignment);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

} // namespace

/* The library's operators for arrays call these, but for those that must not throw. */

void *operator new(size_t bytes)
{
    return allocate_or_throw(bytes, alignof(std::max_align_t));
}

void *operator new(size_t bytes, std::align_val_t alignment)
{
    return allocate_or_throw(bytes, static_cast<size_t>(alignment));
}

void *operator new(size_t bytes, const std::nothrow_t &) noexcept
{
    return allocate(bytes, alignof(std::max_align_t));
}

void *operator new(size_t bytes, std::align_val_t alignment, const std::nothrow_t &) noexcept
{
    return allocate(bytes, static_cast<size_t>(alignment));
}

void *operator new[](size_t bytes, const std::nothrow_t &) noexcept
{
    return allocate(bytes, alignof(std::max_align_t));
}

void *operator new[](size_t bytes, std::align_val_t alignment, const std::nothrow_t &) noexcept
{
    return allocate(bytes, static_cast<size_t>(alignment));
}

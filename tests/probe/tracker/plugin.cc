// SPDX-License-Identifier: MIT

/*
 * A C++ plugin for a program that knows no C++: every form of operator new, and one that
 * throws through the shim's hook.
 */

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

struct alignas(64) aligned {
    char bytes[64];
};

extern "C" __attribute__((visibility("default"))) int plugin_run()
{
    int result = 0;
    std::vector<std::string> texts;
    for (int i = 0; i < 1000; i++)
        texts.push_back(std::string(100, 'x'));

    volatile std::size_t too_much = std::size_t(1) << 60;
    for (int i = 0; i < 5; i++) {
        try {
            char *block = new char[too_much];
            delete[] block;
        } catch (const std::bad_alloc &) {
            result += 1;
        }
    }
    if (new (std::nothrow) char[too_much] == nullptr)
        result += 10;

    aligned *one = new aligned, *many = new aligned[3];
    if (reinterpret_cast<std::uintptr_t>(one) % 64 == 0
        && reinterpret_cast<std::uintptr_t>(many) % 64 == 0)
        result += 100;
    delete one;
    delete[] many;
    return result;
}

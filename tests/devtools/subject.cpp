// SPDX-License-Identifier: MIT

/*
 * The same idea in C++ for capture_test.mjs: operators new of every form, containers held
 * by a global, and one object lost. Waits for a line on stdin.
 */

#include <cstdio>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace shop
{

struct Customer {
    std::string name;
    std::vector<int> orders;
    explicit Customer(int number)
        : name(100, static_cast<char>('a' + number)), orders(50, number)
    {
    }
};

struct alignas(64) Slot {
    char bytes[128];
};

std::vector<std::unique_ptr<Customer>> customers;
Slot *slots;

__attribute__((noinline)) void add_customer(int number)
{
    customers.push_back(std::unique_ptr<Customer>(new Customer(number)));
}

__attribute__((noinline)) void lose_slot()
{
    Slot *volatile lost = new (std::nothrow) Slot();
    lost->bytes[0] = 1;
    lost = nullptr;
}

__attribute__((noinline)) void scrub_stack()
{
    volatile char dirt[32768];
    for (volatile char &byte : dirt)
        byte = 0;
}

} // namespace shop

int main()
{
    for (int i = 0; i < 8; i++)
        shop::add_customer(i);
    shop::slots = new shop::Slot[3];
    shop::lose_slot();
    shop::scrub_stack();
    std::puts("done");
    std::fflush(stdout);
    std::getchar();
    return 0;
}

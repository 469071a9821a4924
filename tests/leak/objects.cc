// SPDX-License-Identifier: MIT

// C++: pointers that are not to the beginning, and containers that hold.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/leak/cases.h"

namespace
{

struct with_destructor {
    ~with_destructor()
    {
        value = 0;
    }
    long value = 1;
};

struct left {
    virtual ~left()
    {
    }
    long a = 1;
};
struct right {
    virtual ~right()
    {
    }
    long b = 2;
};
struct both : left, right {
    long c = 3;
};

void *keep;
std::map<int, std::string> *table;
std::vector<std::shared_ptr<both>> *list;

void counted_array()
{
    keep = new with_destructor[5];
}

void empty_array()
{
    keep = new with_destructor[0];
}

void second_base()
{
    right *base = new both;
    keep = base;
}

void length_before()
{
    auto *block = static_cast<uint64_t *>(malloc(48));
    memset(block, 0, 48);
    block[0] = 40;
    keep = block + 1;
}

/* A string as they were before C++11: length, capacity, count, text. */
void old_string()
{
    auto *block = static_cast<uint64_t *>(malloc(24 + 20 + 1));
    memset(block, 0, 24 + 20 + 1);
    block[0] = 10;
    block[1] = 20;
    keep = block + 3;
}

void containers_held()
{
    table = new std::map<int, std::string>;
    for (int i = 0; i < 20; i++)
        (*table)[i] = std::string(40, 'x');
    list = new std::vector<std::shared_ptr<both>>;
    for (int i = 0; i < 20; i++)
        list->push_back(std::make_shared<both>());
}

void map_lost()
{
    auto *lost = new std::map<int, int>;
    for (int i = 0; i < 7; i++)
        (*lost)[i] = i;
}

void string_lost()
{
    new std::string(100, 'x');
}

void all_operators()
{
    memset(::operator new(11), 0, 11);
    memset(::operator new[](12), 0, 12);
    memset(::operator new(13, std::nothrow), 0, 13);
    memset(::operator new(64, std::align_val_t(64)), 0, 64);
}

} // namespace

int main(int argc, char **argv)
{
    static const struct leak_case cases[] = {
        {"counted_array", counted_array}, {"empty_array", empty_array},
        {"second_base", second_base},     {"length_before", length_before},
        {"old_string", old_string},       {"containers_held", containers_held},
        {"map_lost", map_lost},           {"string_lost", string_lost},
        {"all_operators", all_operators}, {nullptr, nullptr},
    };
    return run_case(cases, argc, argv);
}

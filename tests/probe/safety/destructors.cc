// SPDX-License-Identifier: MIT

/*
 * Provokes: "Thread exit: allocations after TLS destructors", the C++ way: thread_local
 * objects whose destructors free, allocate and make further thread_local objects, in the
 * main thread too, then in static destructors after main.
 */

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

static int destroyed;

struct late {
    std::string text = std::string(100, 'l');
    ~late()
    {
        text += std::string(1000, 'x');
        __atomic_fetch_add(&destroyed, 1, __ATOMIC_RELAXED);
    }
};

struct early {
    std::map<int, std::string> values;
    ~early()
    {
        thread_local late made_while_ending;
        values[77] = made_while_ending.text;
        delete[] new char[3000];
        __atomic_fetch_add(&destroyed, 1, __ATOMIC_RELAXED);
    }
};

static void work()
{
    thread_local early object;
    for (int i = 0; i < 20; i++)
        object.values[i] = std::string(static_cast<size_t>(i) * 10, 'v');
}

struct at_exit {
    std::vector<std::unique_ptr<std::string>> strings;
    ~at_exit()
    {
        for (int i = 0; i < 100; i++)
            strings.emplace_back(new std::string(500, 's'));
        std::printf("%d destroyed\n", destroyed);
    }
};

static at_exit object_at_exit;

int main()
{
    for (int i = 0; i < 100; i++) {
        std::vector<std::thread> threads;
        for (int j = 0; j < 5; j++)
            threads.emplace_back(work);
        for (std::thread &thread : threads)
            thread.join();
    }
    work();
    return 3;
}

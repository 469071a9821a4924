// SPDX-License-Identifier: MIT

/*
 * Exceptions through deep stacks, caught at many depths, with allocations on the way up
 * and in the handlers.
 */

#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

struct noisy {
    std::string text = std::string(50, 'x');
    ~noisy()
    {
        text += std::string(40, 'y');
    }
};

static int descend(int depth, std::function<int(int)> &deeper)
{
    noisy local;
    std::vector<int> numbers(std::size_t(depth) + 3);
    if (depth == 0)
        throw std::runtime_error("the bottom of " + local.text);
    try {
        return deeper(depth - 1) + numbers[0];
    } catch (const std::logic_error &) {
        return 1;
    } catch (const std::runtime_error &error) {
        if (depth % 7 == 0)
            throw std::logic_error(error.what() + std::string(30, 'z'));
        throw;
    }
}

int main()
{
    std::map<std::string, int> results;
    std::function<int(int)> deeper = [&](int depth) { return descend(depth, deeper); };
    for (int i = 0; i < 30; i++) {
        try {
            results[std::to_string(i) + std::string(30, '-')] = deeper(i);
        } catch (const std::exception &error) {
            results[error.what()]++;
        }
    }
    std::printf("%zu\n", results.size());
    return results.size() > 10 ? 0 : 1;
}

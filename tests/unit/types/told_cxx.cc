// SPDX-License-Identifier: MIT

/* Layouts, variables and allocations of C++; see told.h. */

#define TOLD_HERE
#include "told.h"

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

/* What the next allocation is for; an empty name: not to be told. */
static const char *volatile expected = "";

#ifdef __clang__
#define WHOLE __attribute__((noinline))
#define ATOMIC "__gnu_cxx::_S_atomic"
#else
#define WHOLE __attribute__((noipa)) /* noinline alone lets gcc inline a part */
#define ATOMIC "(__gnu_cxx::_Lock_policy)2"
#endif

WHOLE void *operator new(std::size_t size)
{
    const char *name = expected;
    if (*name)
        std::printf("A %lx|%s\n", told_address(__builtin_return_address(0)), name);
    return std::malloc(size);
}
void operator delete(void *block) noexcept
{
    std::free(block);
}
void operator delete(void *block, std::size_t) noexcept
{
    std::free(block);
}

namespace app
{
struct Base {
    virtual ~Base() = default;
    int number = 0;
    Base *next = nullptr;
};

struct Mixin {
    virtual void act()
    {
    }
    char *text = nullptr;
};

struct Virtual {
    long weight = 0;
    Base *root = nullptr;
};

class Connection : public Base, public Mixin, public virtual Virtual
{
  public:
    struct Inner {
        Connection &owner;
        int &&moved;
        void (*callback)(int);
    };
    union {
        int *numbers;
        char *letters;
    };
    std::string name;
    std::vector<Connection *> peers;
    std::unique_ptr<Mixin> mixin;
    Inner *inner = nullptr;
    static Connection *first;
};
Connection *Connection::first;

template <class T, class... Rest> struct List {
    T *head = nullptr;
    List<T, Rest...> *rest = nullptr;
    std::tuple<Rest...> others;
};
List<Base, int, char> list;

struct Plain {
    explicit Plain(int n) : number(n)
    {
    }
    int number;
    Plain *next = nullptr;
};

std::map<int, std::string> cache;
thread_local Connection *current;
Plain *kept;

namespace
{
std::unordered_map<std::string, std::unique_ptr<Plain>> table;
}

enum class Color { red, green };
Color color;

OUTLINE void fill()
{
    static std::vector<Plain> remembered;
    expected = "app::Plain";
    kept = new Plain(1);
    remembered.reserve(10);
    expected = "";
    TELL_VARIABLE(remembered, "remembered", "std::vector<app::Plain>", "fill");
    std::list<int> numbers;
    expected = "std::_List_node<int>";
    numbers.push_back(1);
    expected = "std::_Rb_tree_node<std::pair<const int, std::string>>";
    cache.emplace(1, "one");
    expected =
        "std::_Sp_counted_ptr_inplace<app::Plain, std::allocator<void>, " ATOMIC ">";
    auto shared = std::make_shared<Plain>(2);
    expected = "app::Plain *";
    std::vector<Plain *> row(5);
    expected = "";
    kept->next = shared.get();
    row[0] = kept;
    TELL_LOCAL(numbers, "numbers", "std::list<int>");
    TELL_LOCAL(row, "row", "std::vector<app::Plain*>");
}

template <class T> std::size_t offset_in(const T &whole, const void *part)
{
    return static_cast<std::size_t>(static_cast<const char *>(part)
                                    - reinterpret_cast<const char *>(&whole));
}

/* offsetof is not for such classes. */
#define TELL_PART(whole, part, type, target, path) \
    std::printf("S %s|%zu|%s|%s\n", type, offset_in(whole, &(part)), target, path)

OUTLINE void tell(const Connection &connection)
{
    TELL_TYPE(Connection, "app::Connection");
    TELL_TYPE(std::string, "std::string");
    std::printf(
        "T std::map<int, std::__cxx11::basic_string<char, std::char_traits<char>, "
        "std::allocator<char> >, std::less<int>, std::allocator<std::pair<int "
        "const, std::string> > >|%zu\n",
        sizeof(cache));
    const char *type = "app::Connection";
    TELL_PART(connection, connection.next, type, "app::Base", ".next");
    TELL_PART(connection, connection.text, type, "char", ".text");
    TELL_PART(connection, connection.numbers, type, "int", ".numbers");
    TELL_PART(connection, connection.letters, type, "char", ".letters");
    TELL_PART(connection, connection.name, type, "char", ".name._M_dataplus._M_p");
    TELL_PART(connection, connection.peers, type, "app::Connection *",
              ".peers._M_impl._M_start");
    TELL_PART(connection, connection.mixin, type, "app::Mixin",
              ".mixin._M_t._M_t._M_head_impl");
    TELL_PART(connection, connection.inner, type, "app::Connection::Inner", ".inner");
    std::printf("S app::Connection::Inner|0|app::Connection|.owner\n"
                "S app::Connection::Inner|8|int|.moved\n"
                "S app::Connection::Inner|16|function|.callback\n");
    TELL_PART(list, list.rest, "app::List<app::Base, int, char>",
              "app::List<app::Base, int, char>", ".rest");
    std::printf("T std::_Rb_tree_node<std::pair<int const, std::string> >|72\n");
}

OUTLINE void tell_variables()
{
    TELL_VARIABLE(Connection::first, "app::Connection::first", "app::Connection *", "-");
    TELL_VARIABLE(list, "app::list", "app::List<app::Base, int, char>", "-");
    TELL_VARIABLE(cache, "app::cache", "std::map<int, std::string>", "-");
    TELL_VARIABLE(table, "app::(anonymous namespace)::table",
                  "std::unordered_map<std::string, std::unique_ptr<app::Plain>>", "-");
    TELL_VARIABLE(kept, "app::kept", "app::Plain *", "-");
    TELL_VARIABLE(color, "app::color", "app::Color", "-");
    std::printf("H app::current|app::Connection *\n");
}
} // namespace app

int main()
{
    app::Connection connection;
    int moved = 0;
    app::Connection::Inner inner = {connection, static_cast<int &&>(moved), nullptr};
    connection.inner = &inner;
    app::tell(connection);
    app::tell_variables();
    app::current = &connection;
    app::table.emplace("x", nullptr);
    app::fill();
    return 0;
}

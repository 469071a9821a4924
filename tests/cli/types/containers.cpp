// SPDX-License-Identifier: MIT

// Blocks of C++: the standard containers inside each other, classes with and without
// tables of virtual functions, and some of each that are lost.

#include <cstring>
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "known.h"

namespace app {

struct Item {
    int number = 0;
    std::string name;
};

class Shape {
public:
    virtual ~Shape() = default;
    virtual double area() const = 0;
    std::string label;
};

class Circle : public Shape {
public:
    double area() const override { return radius * radius; }
    double radius = 1;
};

class Named {
public:
    virtual ~Named() = default;
    virtual void rename() {}
    std::vector<int> tags;
};

class Polygon : public Shape, public Named {
public:
    double area() const override { return 2; }
    std::vector<double> sides;
    Item *owner = nullptr;
};

// With a destructor: an array of these has its length in front.
struct Guard {
    ~Guard() { delete item; }
    Item *item = nullptr;
    long more[2] = {};
};

struct Session {
    std::map<int, Item> items;
    std::vector<Item> history;
    std::list<Item> recent;
    std::unordered_map<std::string, std::unique_ptr<Shape>> shapes;
    std::deque<long> times;
    std::deque<Item> todo;
    std::set<std::string> words;
    std::unordered_set<long> numbers;
    std::forward_list<Item *> pointers;
    std::shared_ptr<Item> shared;
    std::shared_ptr<Item> adopted;
    std::unique_ptr<Item> own;
    std::vector<std::vector<Item *>> grid;
    std::map<std::string, std::vector<std::string>> texts;
    Guard *guards = nullptr;
    Named *named = nullptr;
};

static std::vector<Session *> sessions;
static Session global;

static const char LONG[] = "much too long to be kept in the object itself";

void know(const std::string &text)
{
    const char *object = reinterpret_cast<const char *>(&text);
    if (text.data() < object || text.data() >= object + sizeof(text))
        known(text.data(), "text");
}

void fill_containers(Session &session)
{
    for (int i = 0; i < 10; i++) {
        session.items[i].name = LONG;
        known(&session.items[i], "std::pair<const int, app::Item> (tree node)");
        know(session.items[i].name);
        session.recent.push_back({i, LONG});
        known(&session.recent.back(), "app::Item (list node)");
        know(session.recent.back().name);
        session.words.insert(LONG + std::to_string(i));
        session.numbers.insert(i);
        session.times.push_back(i);
        session.todo.push_back({i, LONG});
    }
    for (int i = 0; i < 5; i++)
        session.history.push_back({i, LONG});
    known(session.history.data(), "app::Item[]");
    for (const Item &item : session.history)
        know(item.name);
    for (const Item &item : session.todo) {
        known(&item, "app::Item[]");
        know(item.name);
    }
    for (const long &time : session.times)
        known(&time, "long[]");
    for (const std::string &word : session.words) {
        known(&word, "std::string (tree node)");
        know(word);
    }
    for (const long &number : session.numbers)
        known(&number, "long (hash node)");
}

void fill_pointers(Session &session)
{
    session.shared = std::make_shared<Item>(Item{1, LONG});
    known(session.shared.get(), "app::Item (make_shared)");
    session.adopted.reset(new Item{2, LONG});
    known(session.adopted.get(), "app::Item");
    session.own.reset(new Item{3, LONG});
    known(session.own.get(), "app::Item");
    know(session.shared->name);
    know(session.adopted->name);
    know(session.own->name);
    for (int i = 0; i < 4; i++) {
        session.grid.emplace_back();
        for (int j = 0; j < 3; j++) {
            session.grid.back().push_back(new Item{j, LONG});
            known(session.grid.back().back(), "app::Item");
            know(session.grid.back().back()->name);
        }
        session.pointers.push_front(session.grid.back().back());
        known(&session.pointers.front(), "app::Item * (list node)");
    }
    known(session.grid.data(), "std::vector<app::Item*>[]");
    for (const auto &row : session.grid)
        known(row.data(), "app::Item *[]");
    for (int i = 0; i < 3; i++) {
        auto &texts = session.texts[LONG + std::to_string(i)];
        texts.assign(3, LONG);
        known(texts.data(), "std::string[]");
        for (const std::string &text : texts)
            know(text);
    }
    for (const auto &pair : session.texts) {
        known(&pair, "std::pair<const std::string, std::vector<std::string>> (tree node)");
        know(pair.first);
    }
}

void fill_classes(Session &session)
{
    for (int i = 0; i < 6; i++) {
        std::unique_ptr<Shape> shape;
        if (i % 2) {
            shape = std::make_unique<Circle>();
            known(shape.get(), "app::Circle");
        } else {
            auto polygon = std::make_unique<Polygon>();
            polygon->sides.assign(7, 1.0);
            polygon->tags.assign(5, 1);
            known(polygon.get(), "app::Polygon");
            known(polygon->sides.data(), "double[]");
            known(polygon->tags.data(), "int[]");
            session.named = polygon.get();
            shape = std::move(polygon);
        }
        shape->label = LONG;
        know(shape->label);
        auto &kept = session.shapes[LONG + std::to_string(i)];
        kept = std::move(shape);
    }
    for (const auto &pair : session.shapes) {
        known(&pair, "std::pair<const std::string, std::unique_ptr<app::Shape>> (hash node)");
        know(pair.first);
    }
    session.guards = new Guard[4];
    known(session.guards, "app::Guard[]");
    for (int i = 0; i < 4; i++) {
        session.guards[i].item = new Item{i, LONG};
        known(session.guards[i].item, "app::Item");
        know(session.guards[i].item->name);
    }
}

void fill(Session &session)
{
    fill_containers(session);
    fill_pointers(session);
    fill_classes(session);
}

Session *session_new()
{
    Session *session = new Session;
    known(session, "app::Session");
    fill(*session);
    return session;
}

} // namespace app

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    known_begin(argv[1]);
    app::fill(app::global);
    for (int i = 0; i < 8; i++)
        app::sessions.push_back(app::session_new());
    known(app::sessions.data(), "app::Session *[]");
    app::session_new(); // lost
    app::session_new();
    known_wait();
    return 0;
}

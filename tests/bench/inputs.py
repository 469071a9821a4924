# SPDX-License-Identifier: MIT
#
# What the workloads eat, made once and the same everywhere: a script for sqlite, a history
# for git, a text for xz. Random, but from a fixed seed.

import random

STATEMENTS = 25000
COMMITS = 25000


def sqlite_script(path):
    """Statements of many kinds, each prepared for itself: preparing is what allocates."""
    numbers = random.Random(1)
    with open(path, "w") as out:
        out.write("create table person(id integer primary key, name text, age int, town int);\n"
                  "create table town(id integer primary key, name text);\n"
                  "create table visit(person int, town int, note text);\n"
                  "create index by_person on visit(person);\nbegin;\n")
        for i in range(100):
            out.write("insert into town values(%d, 'town %d');\n" % (i, i))
        for i in range(STATEMENTS - 106):
            person, town = numbers.randrange(3000), numbers.randrange(100)
            out.write((
                "insert or replace into person values(%d, 'name ' || %d, %d, %d);\n"
                % (person, i, i % 90, town),
                "insert into visit select id, %d, name || ' was here' from person "
                "where id = %d;\n" % (town, person),
                "select p.name, t.name, count(v.note), max(length(v.note)) from person p join "
                "town t on t.id = p.town left join visit v on v.person = p.id where p.id = %d "
                "and t.name like 'town%%' group by p.name, t.name having count(*) > 0 order by "
                "2, 1;\n" % person,
                "update person set age = age + 1, name = upper(substr(name, 1, 20)) || case "
                "when age > 50 then ' old' else ' young' end where id = %d;\n" % person,
                "with v as (select upper(substr(note, 1, 8)) as n, length(note) as l, town from "
                "visit where person = %d union all select name, id, id from town where id = %d) "
                "select n, l, (select name from town where id = v.town) from v where l between 1 "
                "and 1000 order by n limit 5;\n" % (person, town),
            )[i % 5])
        out.write("commit;\n")


def git_history(path):
    """A stream for git fast-import: small changes in a wide tree, three folders deep."""
    numbers = random.Random(2)
    with open(path, "w") as out:
        for i in range(COMMITS):
            out.write("commit refs/heads/main\nmark :%d\n" % (i + 1))
            out.write("committer A <a@b.c> %d +0000\ndata 7\nchange\n" % (1500000000 + i * 60))
            # The first commit makes all of the tree.
            every = [(a, b, c) for a in range(20) for b in range(20) for c in range(10)]
            for a, b, c in every if i == 0 else numbers.sample(every, 3):
                text = "file %d of commit %d\n" % (c, i)
                out.write("M 644 inline folder%d/part%d/file%d\ndata %d\n%s\n"
                          % (a, b, c, len(text), text))


def plain_text(path):
    numbers = random.Random(3)
    words = ["".join(numbers.choices("abcdefghijklmnop", k=numbers.randrange(2, 10)))
             for _ in range(3000)]
    with open(path, "w") as out:
        for _ in range(40000):
            out.write(" ".join(numbers.choices(words, k=12)) + "\n")

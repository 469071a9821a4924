# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Compilers, assemblers, linkers, build systems, debuggers.

survivor gcc gcc
case_gcc()
{
    c_source >a.c
    track gcc -O2 -g -c a.c -o a.o
    sha256sum a.o
    track gcc -O2 a.c -o a -Wl,--build-id=none
    track ./a x
    feed gcc -O3 -S -x c - -o - <a.c | sha256sum
    echo 'int broken(' | track gcc -c -x c - -o b.o
    track gcc -flto -O2 a.c -o b
    track ./b
    track ar rcsD a.a a.o
    track nm a.a
    track objdump -d a.o | sha256sum
    track strip a
    track readelf -h a.o | tail -n 2
}

survivor gxx g++ quick over=2M every=off
case_gxx()
{
    cat >a.cc <<'C'
#include <algorithm>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
static void thrower(int n) { std::string s(n, 'x'); if (n > 20) throw std::runtime_error(s); thrower(n + 1); }
int main()
{
    std::map<std::string, std::vector<int>> m;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([t] { std::vector<std::string> v; for (int i = 0; i < 5000; i++) v.push_back(std::to_string(i * t)); std::sort(v.begin(), v.end()); });
    for (auto &t : threads) t.join();
    for (int i = 0; i < 5000; i++) m[std::to_string(i % 100)].push_back(i);
    for (int i = 0; i < 200; i++) try { thrower(i % 20); } catch (const std::exception &e) { m[e.what()].push_back(i); }
    std::cout << m.size() << "\n";
    throw std::logic_error("uncaught");
}
C
    track g++ -O1 -pthread a.cc -o a -Wl,--build-id=none
    sha256sum a
    track ./a
}

survivor clang clang limit=120
case_clang()
{
    c_source >a.c
    track clang -O2 -c a.c -o a.o
    sha256sum a.o
    feed clang -O1 -emit-llvm -S -x c - -o - <a.c | sha256sum
    echo 'int broken(' | track clang -c -x c - -o b.o
    printf '#include <vector>\n#include <string>\nint main() { std::vector<std::string> v(3, "a"); return v.size(); }\n' >b.cc
    track clang++ -O1 b.cc -o b
    track ./b
}

survivor gfortran gfortran
case_gfortran()
{
    cat >a.f90 <<'F'
program a
  real, allocatable :: x(:), y(:, :)
  integer :: i
  do i = 1, 200
    allocate(x(i * 10), y(i, i))
    x = i
    y = sum(x)
    deallocate(x, y)
  end do
  print '(a)', 'done'
  stop 3
end program
F
    track gfortran -O1 a.f90 -o a
    track ./a
}

survivor make 'make gcc'
case_make()
{
    mkdir src
    c_source >src/main.c
    for i in 1 2 3 4 5 6 7 8; do echo "int f$i(int x) { return x * $i; }" >src/f$i.c; done
    cat >Makefile <<'M'
objects := $(patsubst src/%.c,%.o,$(wildcard src/*.c))
prog: $(sort $(objects)) ; $(CC) -o $@ $^
%.o: src/%.c ; $(CC) -O1 -c $< -o $@
fail: ; exit 4
M
    track make -j4 -O 2>&1 | sort
    ./prog
    track make
    track make fail
    printf 'all: ; @echo from stdin\n' | feed make -f -
}

survivor cmake 'cmake gcc g++ make'  limit=120
case_cmake()
{
    c_source >main.c
    printf 'cmake_minimum_required(VERSION 3.10)\nproject(x C)\nadd_executable(x main.c)\n' >CMakeLists.txt
    track cmake -S . -B b -G 'Unix Makefiles' | grep -v "done"
    track cmake --build b | grep -v '%'
    b/x
    track cmake -P nowhere.cmake
}

# How long it took is printed.
normalise_cmake()
{
    sed -E 's/\([0-9.]+s\)/(TIME)/'
}

survivor meson 'meson ninja-build gcc' limit=120
case_meson()
{
    c_source >main.c
    printf "project('x', 'c')\ntest('t', executable('x', 'main.c'))\n" >meson.build
    track meson setup b
    track ninja -C b
    track ninja -C b -t targets all | sort | head -n 3
    track b/x y
}

# Meson names its time zone, ninja's progress depends on the time.
normalise_meson()
{
    sed -E '/^Generating|^ninja: Entering/d'
}

survivor ccache 'ccache gcc'
case_ccache()
{
    c_source >a.c
    for turn in 1 2; do
        track ccache gcc -O1 -c a.c -o a.o
        sha256sum a.o
    done
    track ccache --print-stats | grep -E '^(direct_cache_hit|cache_miss)'
}

survivor nasm nasm
case_nasm()
{
    awk 'BEGIN { print "section .text"; for (i = 0; i < 3000; i++) printf "l%d: mov rax, %d\njmp l%d\n", i, i, i }' >a.asm
    track nasm -f elf64 a.asm -o a.o
    sha256sum a.o
    echo 'mov rax,' >b.asm
    track nasm -f elf64 b.asm
}

survivor flex_bison 'flex bison m4 gcc'
case_flex_bison()
{
    cat >g.y <<'Y'
%{
#include <stdio.h>
#include <stdlib.h>
int yylex(void);
void yyerror(const char *s) { fprintf(stderr, "%s\n", s); exit(3); }
%}
%token NUM
%left '+'
%left '*'
%%
all: | all e '\n' { printf("%d\n", $2); } ;
e: NUM | e '+' e { $$ = $1 + $3; } | e '*' e { $$ = $1 * $3; } ;
%%
int main(void) { return yyparse(); }
Y
    printf '%%option noyywrap nounput noinput\n%%{\n#include <stdlib.h>\n#include "g.tab.h"\n%%}\n%%%%\n[0-9]+ { yylval = atoi(yytext); return NUM; }\n[ ]+ ;\n.|\\n return *yytext;\n' >l.l
    track bison -d g.y
    track flex l.l
    gcc -o calc g.tab.c lex.yy.c
    printf '1+2*3\n4*5\n6+\n' | feed ./calc
    track m4 -P <<'M'
m4_define(`f', `m4_ifelse($1, 0, 0, `m4_incr(f(m4_decr($1)))')')f(50)
M
    echo '%' | track bison - -o /dev/null
}

survivor gdb 'gdb gcc' limit=120
case_gdb()
{
    c_source >a.c
    gcc -g -O0 a.c -o a
    track gdb -nx -batch -ex 'break a.c:push' -ex run -ex 'bt' -ex 'info locals' -ex 'print *list' -ex 'kill' ./a
    printf 'print 6 * 7\npython print(len(gdb.inferiors()))\nlist main\nquit 3\n' | feed gdb -nx -q ./a
    track gdb -nx -batch -ex 'info line main' ./a
}

# The program that is debugged runs where the kernel puts it, and has a pid.
normalise_gdb()
{
    without_addresses | sed -E 's/process [0-9]+/process PID/'
}

survivor strace strace
case_strace()
{
    track strace -f -e trace=openat,exit_group -o log sh -c 'cat /etc/hostname >/dev/null; exit 3'
    grep -c 'exit_group(3)' log
}

survivor valgrind 'valgrind gcc' limit=120 snapshots=none
case_valgrind()
{
    track valgrind --version
    # What runs under it is left alone, and it has an allocator of its own: no snapshots.
    c_source >a.c
    gcc -g a.c -o a
    track valgrind -q --leak-check=full --trace-children=yes ./a 2>&1 | grep -v ^heapsnap:
}

# Its own pid stands before each line.
normalise_valgrind()
{
    sed -E 's/^==[0-9]+==/==PID==/' | without_addresses
}

survivor shellcheck shellcheck quick
case_shellcheck()
{
    printf '#!/bin/sh\nx=$1\necho $x `ls`\n[ $x == 1 ]\n' | feed shellcheck -f gcc -
    track shellcheck nowhere.sh
}

survivor ctags 'universal-ctags'
case_ctags()
{
    c_source >a.c
    track ctags -f - --sort=yes a.c
    track ctags -x --c-kinds=f a.c
}

# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Interpreters and managed runtimes: garbage collectors that scan stacks and segments,
# just-in-time compilers, fibres, green threads.

survivor python3 python3 quick
case_python3()
{
    cat >t.py <<'P'
import ctypes, decimal, json, os, re, signal, subprocess, sys, threading, tempfile, zlib
rows = [{"id": i, "tags": ["a", "b"] * (i % 5)} for i in range(5000)]
threads = [threading.Thread(target=lambda: json.loads(json.dumps(rows))) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
child = os.fork()
if child == 0:
    os._exit(5)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(subprocess.run(["sh", "-c", "echo child; exit 3"]).returncode)
print(subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=os.setsid).communicate(b"x" * 10)[0])
signal.signal(signal.SIGUSR1, lambda *a: print("signal"))
os.kill(os.getpid(), signal.SIGUSR1)
libc = ctypes.CDLL(None)
libc.qsort.restype = None
array = (ctypes.c_int * 5)(5, 3, 1, 4, 2)
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(lambda a, b: a[0] - b[0])
libc.qsort(array, 5, 4, compare)
print(list(array), len(zlib.compress(json.dumps(rows).encode())), decimal.Decimal(2).sqrt())
def deep(n): return n and deep(n - 1)
deep(900)
import multiprocessing
with multiprocessing.Pool(2) as pool:
    print(pool.map(len, [[1], [2, 3]]))
sys.stderr.write("to stderr\n")
sys.exit(3)
P
    track python3 t.py
    printf 'import sys\nrows = [str(i) for i in range(3000)]\n\nprint(len(rows))\nraise ValueError("x")\n' | feed python3 -
}

survivor python3_malloc python3
case_python3_malloc()
{
    export PYTHONMALLOC=malloc
    printf 'x = [{"a": i, "b": [str(j) for j in range(i %% 9)]} for i in range(5000)]\n\nimport json\nprint(len(json.dumps(x)))\n' | feed python3 -
    track python3 -c 'import asyncio
async def main():
    p = await asyncio.create_subprocess_exec("echo", "hi", stdout=-1)
    print((await p.communicate())[0], await asyncio.gather(*[asyncio.sleep(0.01, i) for i in range(50)]))
asyncio.run(main())'
}

survivor pypy3 pypy3
case_pypy3()
{
    printf 'd = {}\nfor i in range(300000): d[i %% 1000] = str(i)\n\nimport subprocess, threading\nprint(len(d), subprocess.check_output(["echo", "hi"]))\nimport sys; sys.exit(4)\n' >t.py
    track pypy3 t.py
    feed pypy3 - <t.py
}

survivor perl perl
case_perl()
{
    cat >t.pl <<'P'
use strict; use warnings; use Socket; use POSIX ":sys_wait_h";
my %h; $h{$_} = [($_) x 5] for 1 .. 5000;
$SIG{CHLD} = sub { }; $SIG{ALRM} = sub { print "alarm\n" };
my $pid = fork; if (!$pid) { exec "sh", "-c", "exit 9" }
waitpid $pid, 0; print $? >> 8, "\n";
print `echo child`, join(",", map { $_ * 2 } grep { $_ % 1000 == 0 } sort { $a <=> $b } keys %h), "\n";
open my $p, "-|", "seq 3" or die; print while <$p>; close $p;
alarm 1; select undef, undef, undef, 3;
eval { die { code => 7 } }; print $@->{code}, "\n";
(my $s = "abc" x 1000) =~ s/(b)(c)/$2$1/g; print length $s, "\n";
warn "to stderr\n"; exit 6;
P
    track perl t.pl
    feed perl <t.pl
    track perl -e 'sub f { f($_[0] - 1) if $_[0] } no warnings; f(5000); print "deep\n"; kill "TERM", $$; sleep 5'
}

survivor ruby ruby
case_ruby()
{
    cat >t.rb <<'R'
h = Hash.new { |k, v| k[v] = v.to_s * 3 }
20000.times { |i| h[i] }
GC.start; GC.compact rescue nil
f = Fiber.new { 100.times { |i| Fiber.yield "x" * i }; :end }
n = 0; n += f.resume.to_s.size while f.alive?
t = 4.times.map { |i| Thread.new { (1..2000).map(&:to_s).join.size + i } }
p n, t.map(&:value), `echo child`, h.size
pid = fork { exit! 4 }; Process.wait pid; p $?.exitstatus
fibers = 200.times.map { Fiber.new { 'x' * 1000; Fiber.yield 1; 2 } }; p fibers.sum(&:resume)
Signal.trap('USR1') { puts 'signal' }; Process.kill('USR1', $$); sleep 0.05
require 'json'; p JSON.parse(JSON.dump(h.first(100).to_h)).size
def deep(n) n == 0 ? raise('bottom') : deep(n - 1) end
begin; deep(2000); rescue => e; p e.message, e.backtrace.size; end
exit 5
R
    track ruby t.rb
    feed ruby <t.rb
}

survivor php php-cli
case_php()
{
    cat >t.php <<'P'
<?php
$a = []; for ($i = 0; $i < 50000; $i++) $a["k$i"] = [$i, str_repeat('x', $i % 50)];
function g($n) { for ($i = 0; $i < $n; $i++) yield $i => str_repeat('y', $i); }
$s = 0; foreach (g(500) as $k => $v) $s += strlen($v);
gc_collect_cycles();
echo count($a), " $s ", preg_replace('/k(\d)/', '$1k', 'k1k2'), ' ', shell_exec('echo child');
echo strlen(json_encode($a)), ' ', md5(serialize($a)), "\n";
fwrite(STDERR, "to stderr\n");
throw new Exception('uncaught');
P
    track php -n t.php
    feed php -n <t.php
}

survivor lua 'lua5.4 luajit'
case_lua()
{
    cat >t.lua <<'L'
local t = {} for i = 1, 50000 do t[i] = {tostring(i), i} end
local co = coroutine.wrap(function() for i = 1, 1000 do coroutine.yield(("x"):rep(i)) end end)
local n = 0 for i = 1, 900 do n = n + #co() end
collectgarbage()
local p = io.popen("echo child") print(#t, n, p:read("a") or p:read("*a")) p:close()
print(pcall(function() error({}) end) == false, select("#", table.unpack and table.unpack(t, 1, 100) or unpack(t, 1, 100)))
error("uncaught", 0)
L
    track lua5.4 t.lua
    sed 's/read("a")/read("*a")/' t.lua >j.lua
    track luajit j.lua
    feed lua5.4 - <t.lua
}

# Functions in C are named by where they are.
normalise_lua()
{
    without_addresses
}

# libgc: it finds its roots by itself, stops its threads by signals, scans our segments, too.
survivor guile guile-3.0 limit=120
case_guile()
{
    export GUILE_AUTO_COMPILE=0
    cat >t.scm <<'G'
(use-modules (ice-9 threads) (ice-9 popen) (ice-9 rdelim))
(define l (let loop ((i 0) (l '())) (if (= i 100000) l (loop (+ i 1) (cons (number->string i) l)))))
(gc)
(define t (map (lambda (i) (call-with-new-thread (lambda () (apply + (iota (* i 1000)))))) '(1 2 3)))
(display (map join-thread t)) (newline)
(display (length l)) (newline)
(define p (open-input-pipe "echo child")) (display (read-line p)) (close-pipe p) (newline)
(display (call/cc (lambda (k) (for-each (lambda (x) (if (string=? x "5") (k 'found))) l) 'no))) (newline)
(define (deep n) (if (= n 0) 0 (+ 1 (deep (- n 1)))))
(display (deep 100000)) (newline)
(gc)
(exit 3)
G
    track guile --no-auto-compile t.scm
    feed guile --no-auto-compile -q -c '(let loop ((x (read))) (unless (eof-object? x) (eval x (current-module)) (loop (read))))' <t.scm
}

survivor w3m w3m
case_w3m()
{
    awk 'BEGIN { print "<html><body><table border=1>"; for (i = 0; i < 500; i++) printf "<tr><td>%d<td><b>row</b> %d\n", i, i * i; print "</table>" }' >t.html
    feed w3m -dump -T text/html -cols 80 <t.html | sha256sum
    track w3m -dump nowhere.html
}

survivor java default-jre-headless limit=120
case_java()
{
    # The runtime alone has no compiler: programs that come with it are what can be run.
    track java -XX:-UsePerfData -Xshare:auto -version
    track java -XX:-UsePerfData --list-modules | wc -l
    track java -XX:-UsePerfData -Xmx64m -XX:+UseSerialGC -cp . NoSuchClass
    mkdir t
    for i in 1 2 3; do numbers 1000 >t/$i; done
    track keytool -J-XX:-UsePerfData -genkeypair -alias a -keyalg EC -dname CN=a -keystore k.p12 -storepass secret1
    track keytool -J-XX:-UsePerfData -list -keystore k.p12 -storepass secret1 | grep -c PrivateKeyEntry
}

survivor node nodejs limit=120
case_node()
{
    cat >t.js <<'J'
const {Worker} = require('worker_threads'), {execFileSync, spawn} = require('child_process');
const rows = Array.from({length: 20000}, (_, i) => ({id: i, name: 'row ' + i}));
const buffers = Array.from({length: 100}, (_, i) => Buffer.alloc(10000, i));
console.log(JSON.stringify(rows).length, Buffer.concat(buffers).length, execFileSync('echo', ['child']) + '');
const zlib = require('zlib'), crypto = require('crypto');
console.log(zlib.gunzipSync(zlib.gzipSync(JSON.stringify(rows))).length, crypto.createHash('sha1').update(buffers[3]).digest('hex'));
const worker = new Worker('require("worker_threads").parentPort.postMessage(Array(1000).fill(42).length)', {eval: true});
worker.on('message', m => { console.log(m); console.error('to stderr'); process.exitCode = 3; });
function deep(n) { return n ? deep(n - 1) + 1 : 0 }
console.log(deep(5000), new Intl.NumberFormat('de').format(1234567.8));
(async () => { for (let i = 0; i < 200; i++) await new Promise(r => setImmediate(r)); })();
J
    track node t.js
    feed node - <t.js
    track node -e 'throw new Error("x")' 2>&1
}

# nodejs.org's packages and Debian's have the same name and print their version.
normalise_node()
{
    sed '/^Node.js v/d'
}

survivor erlang erlang-base limit=120
case_erlang()
{
    track erl -noshell -eval 'P = [spawn_monitor(fun() -> lists:seq(1, 1000) end) || _ <- lists:seq(1, 2000)], [receive {_, R, _, _, _} -> ok end || {_, R} <- P], io:format("~p ~p~n", [length(P), erlang:md5(term_to_binary(lists:seq(1, 10000)))]), halt(3).'
    track erl -noshell -eval 'io:format("~s", [os:cmd("echo child")]), ets:new(t, [named_table]), [ets:insert(t, {I, integer_to_list(I)}) || I <- lists:seq(1, 20000)], io:format("~p~n", [ets:info(t, size)]), halt().'
}

survivor elixir elixir limit=120
case_elixir()
{
    track elixir -e 'IO.inspect(1..10_000 |> Task.async_stream(fn x -> x * 2 end) |> Enum.reduce(0, fn {:ok, x}, s -> x + s end)); System.halt(4)'
}

survivor mono 'mono-runtime mono-mcs' limit=120
case_mono()
{
    cat >t.cs <<'C'
using System; using System.Collections.Generic; using System.Linq; using System.Threading;
class T {
    static int Main(string[] a) {
        var d = new Dictionary<int, string>();
        for (int i = 0; i < 100000; i++) d[i % 5000] = "x" + i;
        GC.Collect();
        var ts = Enumerable.Range(0, 4).Select(n => { var t = new Thread(() => { var l = new List<byte[]>(); for (int i = 0; i < 1000; i++) l.Add(new byte[1000]); }); t.Start(); return t; }).ToList();
        ts.ForEach(t => t.Join());
        GC.Collect();
        try { throw new InvalidOperationException("x"); } catch (Exception e) { Console.WriteLine(e.Message); }
        try { string s = null; Console.WriteLine(s.Length); } catch (NullReferenceException) { Console.WriteLine("null"); }
        Console.WriteLine(d.Count);
        return 5;
    }
}
C
    track mcs t.cs
    track mono t.exe
}

survivor sbcl sbcl
case_sbcl()
{
    cat >t.lisp <<'L'
(defun f (n) (loop for i below n collect (format nil "~r" i)))
(compile 'f)
(print (length (f 3000)))
(sb-ext:gc :full t)
(print (handler-case (car 5) (type-error () :caught)))
(print (handler-case (labels ((d (n) (1+ (d (1+ n))))) (d 0)) (sb-kernel::control-stack-exhausted () :deep)))
(terpri)
(sb-ext:exit :code 4)
L
    track sbcl --script t.lisp
    feed sbcl --noinform --no-sysinit --no-userinit --disable-debugger <t.lisp
}

# What a stack overflow prints names addresses.
normalise_sbcl()
{
    without_addresses | sed -E 's/[0-9A-F]{8,}/ADDRESS/g; s/[pt]id [0-9]+/PID/g'
}

survivor prolog swi-prolog-nox
case_prolog()
{
    printf ':- initialization(main).\nmain :- numlist(1, 20000, L), foldl([X, A, B]>>(B is A + X), L, 0, S), findall(X-Y, (member(X, [1, 2, 3]), Y is X * X), P), write(S-P), nl, garbage_collect, thread_create(true, T), thread_join(T), catch(throw(oops), E, (write(E), nl)), halt(3).\n' >t.pl
    track swipl t.pl
    printf 'X = 5, format("~~w~~n", [X]).\n' | feed swipl -q
}

survivor gforth gforth
case_gforth()
{
    printf ': f ( n -- n ) dup 2 < if drop 1 else dup 1- recurse swap 2 - recurse + then ;\n22 f . cr\n10000 allocate throw free throw\n: g ." hi" cr ; g\nbye\n' | feed gforth
    track gforth -e '1 2 + . cr 7 (bye)'
}

survivor octave octave limit=180
case_octave()
{
    track octave-cli --norc --quiet --eval 'a = magic(100); b = a \ (1:100)'"'"'; printf("%d %d\n", rank(a), size(b, 1)); c = cell(1, 2000); for i = 1:2000, c{i} = num2str(i); end; disp(numel(strjoin(c, ","))); [s, o] = system("echo child"); disp(o); error("uncaught")'
}

survivor r r-base-core limit=120
case_r()
{
    printf 'x <- lapply(1:5000, function(i) paste0("x", i))\ninvisible(gc())\ncat(length(unlist(x)), sum(sapply(x, nchar)), "\\n")\nset.seed(1); print(summary(lm(y ~ x, data.frame(x = 1:100, y = rnorm(100))))$df)\ncat(system("echo child", intern = TRUE), "\\n")\ntryCatch(stop("x"), error = function(e) cat("caught\\n"))\nf <- function(n) if (n) f(n - 1) else 0; f(500)\nquit(status = 3)\n' >t.R
    track Rscript --vanilla t.R
    feed R --vanilla --slave <t.R
}

survivor gp pari-gp
case_gp()
{
    printf 'print(factor(2^120 - 1))\nprint(#primes(20000))\nprint(sum(n = 1, 20000, 1.0 / n))\nv = vector(3000, i, Str(i)); print(#v)\nprint(1/0)\n' | feed gp -q -f
}

survivor maxima maxima limit=120
case_maxima()
{
    printf 'integrate(x^3*sin(x), x);\nfactor(x^20-1);\n50!;\nquit();\n' | feed maxima --very-quiet
}

survivor z3 z3
case_z3()
{
    printf '(declare-const x Int)\n(declare-const y Int)\n(assert (and (> x 10) (< (* x y) 100) (> y 3)))\n(check-sat)\n(assert (> x 50))\n(check-sat)\n(declare-const b (_ BitVec 32))\n(assert (= (bvmul b b) #x00000031))\n(check-sat)\n(exit)\n' | feed z3 -in
}

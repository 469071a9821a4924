# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Shells, editors and terminals: forks, execs, traps, here-documents, ptys.

shell_script()
{
    cat <<'S'
trap 'echo leaving $?' EXIT
trap 'echo caught' USR1
f() { [ "$1" -le 0 ] || f $(($1 - 1)); }
for i in 1 2 3 4 5; do x="$x$(echo $i | sed 's/3/three/')"; done
echo "$x"
f 50
kill -USR1 $$
cat <<HERE | wc -l
one
two $(echo three)
HERE
(exit 3); echo $?
sleep 0.2 & wait $!; echo waited $?
set -- a 'b c' d; echo $# "$2"
case abc in a*) echo star;; esac
read line </etc/hostname; test -n "$line" && echo read
sh -c 'kill -TERM $$'; echo $?
cd / && pwd
exec 5>&1; echo five >&5
no_such_command_here
exit 7
S
}

survivor bash bash quick
case_bash()
{
    shell_script | feed bash
    track bash -c 'a=({1..2000}); declare -A m; for i in "${a[@]}"; do m[$i]=${i/1/x}; done; echo ${#m[@]} ${m[111]}; diff <(seq 5) <(seq 6)'
    track bash -c 'coproc cat; echo hi >&${COPROC[1]}; read x <&${COPROC[0]}; echo $x; mapfile t < <(seq 100); echo ${#t[@]}'
    track bash -n -c 'if'
}

survivor dash dash quick
case_dash()
{
    shell_script | feed dash
    track dash -c 'while :; do i=$((i + 1)); [ $i -lt 3000 ] || break; done; echo $i'
    track dash -c 'kill -KILL $$'
}

survivor zsh zsh
case_zsh()
{
    shell_script | feed zsh
    track zsh -c 'a=({1..500}); print ${(j:,:)a[1,5]} ${#a}; typeset -A m; m[x]=1; print ${(k)m}; autoload -Uz compinit; zmodload zsh/mathfunc; print $((int(sqrt(50))))'
}

survivor tmux 'tmux vim'
case_tmux()
{
    numbers 100 >in
    # A server of its own, which becomes a daemon; vim runs inside of it.
    tm() { tmux -S "$PWD/socket" -f /dev/null "$@"; }
    (become tmux -S "$PWD/socket" -f /dev/null new-session -d -x 80 -y 24 'vim -u NONE -N in') 9>&-
    server=$(tm display -p '#{pid}')
    until_ok eval 'tm capture-pane -p | grep -q "in.* 100L"'
    tm send-keys ':%s/line/LINE/g' Enter 'Goappended' Escape
    until_ok eval 'tm capture-pane -p | grep -q appended'
    # shellcheck disable=SC2046 # one word a process
    middle "$server" $(tm list-panes -F '#{pane_pid}')
    tm send-keys ':syntax on' Enter ':vsplit' Enter ':wq' Enter ':wq' Enter
    until_ok eval '! tm has-session'
    tail -n 2 in
    wc in
}

survivor vim vim
case_vim()
{
    numbers 2000 >in
    track vim -u NONE -es -N in -c '%s/\(\d\+\) \(\d\+\)/\2 \1/' -c 'g/5$/d' -c 'sort n' -c wq
    sha256sum in
    track vim -u NONE -es -N -c 'let x = map(range(20000), "v:val * 2")' -c 'call writefile([string(len(x))], "n")' -c 'cquit 3'
    cat n
    printf 'iin Ex mode\n' >script
    track vim -u NONE -N -es -c 'call setline(1, systemlist("echo from a child"))' -c 'w! out.txt' -c q
    cat out.txt
}

survivor emacs emacs-nox
case_emacs()
{
    track emacs -Q --batch --eval '(progn (dotimes (i 20000) (push (format "%d" i) x)) (garbage-collect) (princ (length x)) (terpri) (kill-emacs 3))' --eval '(defvar x nil)'
    track emacs -Q --batch --eval '(let ((x nil)) (dotimes (i 50000) (push (format "%d" i) x)) (garbage-collect) (princ (length x)) (terpri) (princ (shell-command-to-string "echo child")) (kill-emacs 3))'
    c_source >a.c
    track emacs -Q --batch a.c --eval '(progn (c-mode) (indent-region (point-min) (point-max)) (font-lock-ensure) (princ (buffer-size)))' 2>&1
}

survivor expect 'expect tcl'
case_expect()
{
    cat >script <<'T'
spawn sh
send "echo one; exit 3\r"
expect one
expect eof
set status [wait]
puts "status [lindex $status 3]"
exit 4
T
    track expect script | grep status
    printf 'set x [lsort -integer [lmap i {5 3 9} {expr {$i * 2}}]]\nputs $x\nfor {set i 0} {$i < 20000} {incr i} {dict set d $i v$i}\nputs [dict size $d]\nputs [exec echo child]\nerror oops\n' >t.tcl
    track tclsh t.tcl
    feed tclsh <t.tcl
}

survivor screen screen
case_screen()
{
    mkdir -m 700 dir
    SCREENDIR=$PWD/dir
    export SCREENDIR
    track screen -dmS one sh -c 'echo inside >made; read x'
    until_ok test -s made
    cat made
    track screen -ls | grep -c one
    track screen -S one -X quit
    until_ok eval '! screen -ls | grep -q one'
}

#!/bin/sh
# SPDX-License-Identifier: MIT
#
# See last_words.c.

# shellcheck source=tests/probe/safety/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck disable=SC2031 # no subshell did
export HEAPSNAP_OPTIONS="snapshot=exit:dir=$work/nowhere"

title='a snapshot that fails at the end'
LD_PRELOAD=$shim "$program" >tracked.out 2>tracked.err
[ $? -eq 7 ] || fail "$title: the status differs"
[ "$(cat tracked.out)" = output ] || fail "$title: the output differs"
grep -q "^heapsnap: .*nowhere.*No such file" tracked.err || fail "$title: it is not told"

title='a daemon'
mkfifo pipe
LD_PRELOAD=$shim "$program" daemon >pipe 2>&1 &
started=$!
timeout 20 cat pipe >tracked.out || fail "$title: keeps the pipe of its reader open"
kill -0 "$started" || fail "$title: has ended"
end

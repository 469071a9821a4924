#!/bin/sh
# SPDX-License-Identifier: MIT
#
# heapsnap info: what a file says about itself, and that it was cut off.

. "$(dirname "$0")/common.sh"

run "$heapsnap" info "$after"
expect_status 0
expect_quiet
expect_out 'heap snapshot by heapsnap, 15.8 kB'
expect_out '  nodes                       159'
expect_out 'type name id self_size edge_count trace_node_id detachedness'
expect_out '  command                     ./server -p 8080'

run "$heapsnap" info --json "$after"
expect_status 0
expect_json 'd["made_by"] == "heapsnap" and d["complete"] and not d["timeline"]'
expect_json '(d["nodes"], d["edges"], d["trace_functions"]) == (159, 313, 29)'
expect_json 'd["metadata"]["pid"] == 4242 and d["meta"]["edge_fields"][2] == "to_node"'

cp "$after" "$files/one.heaptimeline"
run "$heapsnap" info --json "$files/one.heaptimeline"
expect_json 'd["timeline"]'

head -c 5000 "$after" >"$files/cut"
run "$heapsnap" info "$files/cut"
expect_status 1
expect_out '  edges                       313'
expect_err "byte 5000: the file ends here, without the '}' that ends a snapshot"
[ "$(wc -l <"$files/err")" -eq 1 ] || fail 'one line on stderr'
run "$heapsnap" info --json "$files/cut"
expect_status 1
expect_json 'not d["complete"]'

run "$heapsnap" info
expect_status 2
expect_err 'which file?'
run "$heapsnap" info /dev/null
expect_status 1
[ "$(wc -l <"$files/err")" -eq 1 ] || fail 'one line on stderr'

# What a file has in its metadata does not command the terminal.
printf '{"snapshot":{"heapsnap":{"command":"a\\u001b[31mb"},"meta":{},"node_count":1,"edge_count":0}}' \
    >"$files/escape"
run "$heapsnap" info "$files/escape"
expect_out 'a?[31mb'

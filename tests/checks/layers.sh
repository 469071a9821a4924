#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Data flows down a list of stages, and a stage includes only its own folder or a stage
# above it in its own wing. Written down here once, checked for every include there is.
#
#   layers.sh ROOT
set -eu
cd "$1"

find libheapsnap probes tools samples -name '*.[ch]' | sort | xargs grep -n '^ *# *include *"' /dev/null | awk -F '[:"]' '
# A stage may include itself and what is listed.
function allow(stage, list,    names, count, i) {
    allowed[stage, stage] = known[stage] = 1
    count = split(list, names, " ")
    for (i = 1; i <= count; i++)
        allowed[stage, names[i]] = 1
}

BEGIN {
    above = "base scan snapshot"
    allow("base", "")
    allow("scan", "base")
    allow("snapshot", "base")
    # The capture wing: from a process to a snapshot.
    allow("abi", "")
    allow("image", above " abi")
    allow("heap", above " abi image")
    allow("symbols", above " abi image heap")
    allow("graph", above " abi image heap symbols")
    allow("types", above " abi image heap symbols graph")
    allow("assemble", above " abi image heap symbols graph types")
    # The reading wing: from a snapshot to an answer. It does not know where one came from.
    allow("analysis", above)
    allow("leak", above " analysis")
    allow("export", above " analysis leak")
    # Inside the observed program: of the library only what is freestanding.
    allow("tracker", "abi scan")
    allow("freeze", "abi scan tracker api")
    allow("kinds", "abi scan tracker freeze api")
    allow("patch", "abi scan tracker freeze kinds api")
    # What observed programs call; it is their only header and needs no other of ours.
    allow("api", "")
    # Above both wings.
    both = above " abi image heap symbols graph types assemble analysis leak export api"
    allow("tools", both)
    allow("samples", both)
    public["error"] = "base"
    public["capture"] = public["process"] = public["memory"] = "image"
    public["heapsnap"] = "api"
    public["peek"] = "snapshot"
    public["suppression"] = "leak"
}

function stage_of(path,    parts, count, name) {
    count = split(path, parts, "/")
    if (path == "probes/abi.h")
        return "abi"
    if (parts[1] == "heapsnap" && count == 2 || path ~ /^libheapsnap\/include\/heapsnap\//) {
        name = parts[count]
        sub(/\.h$/, "", name)
        return name in public ? public[name] : name
    }
    if (parts[1] == "libheapsnap" || parts[1] == "probes")
        return parts[2]
    return parts[1]
}

{
    file = $1; line = $2; included = $4
    from = stage_of(file)
    if (index(included, "/") == 0) # beside the file itself
        to = from
    else
        to = stage_of(included)
    checked++
    if (!(from in known) || !(to in known)) {
        printf "%s:%s: includes \"%s\": no stage is called %s\n", file, line, included,
            (from in known) ? to : from
        bad++
    } else if (!((from, to) in allowed)) {
        printf "%s:%s: %s must not include %s (\"%s\")\n", file, line, from, to, included
        bad++
    }
}

END {
    printf "%d includes checked, %d against the order of the stages\n", checked, bad
    exit bad > 0 || checked == 0
}'

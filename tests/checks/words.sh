#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Nothing unfinished is left in the tree, every source file opens with its licence, no line
# ends in blanks; scripts pass shellcheck, texts and comments pass codespell.
#
#   words.sh licence|unfinished|scripts|spelling ROOT
set -eu
cd "$2"

# What belongs to the project: under git what git knows or would add, else the fixed names.
files()
{
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard
    else
        find meson.build meson_options.txt README.md CHANGELOG.md .ci libheapsnap probes \
            tools samples tests -type f
    fi | while read -r file; do
        [ -f "$file" ] && printf '%s\n' "$file"
    done | sort -u
}

texts()
{
    files | grep -Ev '\.(png|heapsnapshot|bin|core|gz)$|package-lock\.json$|/corpus/|/golden/'
}

scripts()
{
    texts | while read -r file; do
        case $file in
        *.sh) printf '%s\n' "$file" ;;
        *.*) ;;
        *) if head -n 1 "$file" | grep -q '^#!.*sh$'; then printf '%s\n' "$file"; fi ;;
        esac
    done
}

# Print what stdin holds; succeed when that is nothing.
nothing_in()
{
    found=$(cat)
    [ -z "$found" ] && return 0
    printf '%s:\n%s\n' "$1" "$found"
    return 1
}

case $1 in
licence)
    texts | grep -E '\.([chS]|cc|cpp|sh|py|mjs)$' | tr '\n' '\0' | xargs -0 awk '
        FNR == 1 { if (NR > 1 && !seen) print "  " name; name = FILENAME; seen = 0 }
        FNR <= 3 && /SPDX-License-Identifier: MIT/ { seen = 1 }
        END { if (!seen) print "  " name }' \
        | nothing_in 'these do not open with "SPDX-License-Identifier: MIT"'
    ;;
unfinished)
    # The pattern is written so that it does not find itself.
    texts | tr '\n' '\0' | xargs -0 grep -nEw 'TO[D]O|FIXM[E]|XX[X]|HAC[K]' \
        | nothing_in 'these say that they are unfinished'
    texts | grep -v '\.md$' | tr '\n' '\0' | xargs -0 grep -nE '[[:blank:]]+$' \
        | nothing_in 'these lines end in blanks'
    ;;
scripts)
    command -v shellcheck >/dev/null || { echo 'skip: shellcheck is not installed'; exit 77; }
    # Parts that scripts source, and variables shared with them, are not for shellcheck to
    # know; "ulimit -v" is in every shell we meet.
    scripts | tr '\n' '\0' | xargs -0 shellcheck -x -P SCRIPTDIR -S warning \
        -e SC1091,SC2034,SC2148,SC2154,SC3045
    ;;
spelling)
    command -v codespell >/dev/null || { echo 'skip: codespell is not installed'; exit 77; }
    texts | tr '\n' '\0' | xargs -0 codespell -L 'fo,ue,te,nd,ans,hist,som,ois,currentY'
    ;;
esac

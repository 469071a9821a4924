# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# What tools/demo and tools/check share: the packages a machine needs, and the build.
#
# Sourced with $root set to the checkout. Nothing outside $root/build is written, except
# that missing Debian packages are installed when we may (root, or sudo without a
# password). Everybody else gets the names of what is missing, and status 1. Whatever
# chatters goes to $root/build/*.log, and only a failure shows the end of it.

# shellcheck disable=SC2154 # the one who sources us sets it
build=$root/build

# One line a need: who needs it, how it is recognised without a package manager, then the
# usual package of Debian and Ubuntu, Fedora, Arch, openSUSE, Alpine.
needs='
build|command gcc              |gcc              |gcc                |gcc            |gcc                |gcc
build|header stdlib.h          |libc6-dev        |glibc-devel        |glibc          |glibc-devel        |musl-dev
build|command meson            |meson            |meson              |meson          |meson              |meson
build|command ninja            |ninja-build      |ninja-build        |ninja          |ninja              |samurai
build|command pkg-config       |pkg-config       |pkgconf-pkg-config |pkgconf        |pkgconf-pkg-config |pkgconf
build|pkg-config libunwind     |libunwind-dev    |libunwind-devel    |libunwind      |libunwind-devel    |libunwind-dev
build|pkg-config jansson       |libjansson-dev   |jansson-devel      |jansson        |libjansson-devel   |jansson-dev
build|pkg-config libdw         |libdw-dev        |elfutils-devel     |libelf         |libdw-devel        |elfutils-dev
build|pkg-config libelf        |libelf-dev       |elfutils-devel     |libelf         |libelf-devel       |elfutils-dev
build|header libiberty/demangle.h|libiberty-dev  |binutils-devel     |binutils       |binutils-devel     |binutils-dev
build|pkg-config zlib          |zlib1g-dev       |zlib-devel         |zlib           |zlib-devel         |zlib-dev
build|pkg-config libzstd       |libzstd-dev      |libzstd-devel      |zstd           |libzstd-devel      |zstd-dev
build|pkg-config smartcols     |libsmartcols-dev |libsmartcols-devel |util-linux-libs|libsmartcols-devel |util-linux-dev
check|pkg-config criterion     |libcriterion-dev |criterion-devel    |criterion      |criterion-devel    |criterion-dev
check|command scdoc            |scdoc            |scdoc              |scdoc          |scdoc              |scdoc
check|command clang            |clang            |clang              |clang          |clang              |clang
check|command g++              |g++              |gcc-c++            |gcc            |gcc-c++            |g++
check|command git              |git              |git                |git            |git                |git
check|command python3          |python3          |python3            |python         |python3            |python3
check|command chromium         |chromium         |chromium           |chromium       |chromium           |chromium
check|command redis-server     |redis-server     |redis              |redis          |redis              |redis
check|command redis-benchmark  |redis-tools      |redis              |redis          |redis              |redis
check|command nginx            |nginx-light      |nginx              |nginx          |nginx              |nginx
check|header jemalloc/jemalloc.h|libjemalloc-dev |jemalloc-devel     |jemalloc       |jemalloc-devel     |jemalloc-dev
check|header gperftools/tcmalloc.h|libgoogle-perftools-dev|gperftools-devel|gperftools    |gperftools-devel   |gperftools-dev
check|header mimalloc.h        |libmimalloc-dev  |mimalloc-devel     |mimalloc       |mimalloc-devel     |mimalloc2-dev
check|command sqlite3          |sqlite3          |sqlite             |sqlite         |sqlite3            |sqlite
check|command strace           |strace           |strace             |strace         |strace             |strace
check|command gdb              |gdb              |gdb                |gdb            |gdb                |gdb
check|command valgrind         |valgrind         |valgrind           |valgrind       |valgrind           |valgrind
check|command musl-gcc         |musl-tools       |musl-gcc           |musl           |musl               |musl-dev
check|command setcap           |libcap2-bin      |libcap             |libcap         |libcap-progs       |libcap-utils
check|command dwz             |dwz              |dwz                |dwz            |dwz                |dwz
check|command xz               |xz-utils         |xz                 |xz             |xz                 |xz
check|command shellcheck       |shellcheck       |ShellCheck         |shellcheck     |ShellCheck         |shellcheck
check|command codespell        |codespell        |codespell          |codespell      |python3-codespell  |codespell
check|command clang-format     |clang-format     |clang-tools-extra  |clang          |clang-tools        |clang-extra-tools
'

die()
{
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

# Run "$2…" with its output in build/$1.log; on failure show the end of it and stop.
logged()
{
    log=$build/$1.log
    shift
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        die "this failed: $*; all of its output is in $log"
    fi
}

# Node 18 or newer may come from anywhere; only without one is Debian's asked for.
has_node()
{
    command -v npm >/dev/null 2>&1 || return 1
    node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)' 2>/dev/null
}

has_need()
{
    case $1 in
    command) command -v "$2" >/dev/null 2>&1 || [ -x "/usr/sbin/$2" ] ;;
    pkg-config) pkg-config --exists "$2" 2>/dev/null ;;
    header) echo "#include <$2>" | cc -E - >/dev/null 2>&1 ;;
    esac
}

# Column $2 of the table for everyone's needs up to $1 ("build" or "check").
column_of_needs()
{
    printf '%s' "$needs" | awk -F '|' -v group="$1" -v column="$2" '
        NF && ($1 == "build" || group == "check") { gsub(/ +$/, "", $column); print $column }'
}

debian_packages()
{
    column_of_needs "$1" 3
    [ "$1" = check ] || return 0
    has_node || printf '%s\n' nodejs npm
    # The sanitizers' runtime has the compiler's version in its name.
    case $(. /etc/os-release && echo "$ID$VERSION_ID") in
    debian12 | ubuntu22.04) echo libclang-rt-14-dev ;;
    *) echo libclang-rt-dev ;;
    esac
}

missing_debian_packages()
{
    packages=$(debian_packages "$1")
    # shellcheck disable=SC2086 # one word a package
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' $packages \
        'pkgconf*' 2>/dev/null | sed -n 's/^installed//p' | tr -d ',')
    for package in $packages; do
        case " $(echo "$installed" | tr '\n' ' ') " in
        *" $package "*) ;;
        *) printf '%s ' "$package" ;;
        esac
    done
}

# Packages of servers must not start them: nobody asked for a web server on port 80.
# shellcheck disable=SC2016 # the inner shell expands it
apt_without_services='
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap "rm -f $policy" EXIT
    trap "exit 1" HUP INT TERM
    printf "#!/bin/sh\nexit 101\n" >$policy && chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update; apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
'

prepare_debian()
{
    missing=$(missing_debian_packages "$1")
    [ -n "$missing" ] || return 0
    missing=${missing% }
    if [ "$(id -u)" = 0 ]; then
        become=
    elif sudo -n true 2>/dev/null; then
        become='sudo -n'
    else
        printf '%s: these packages are missing; install them and start again:\n\n' "${0##*/}"
        printf '    sudo apt-get update && sudo apt-get install --no-install-recommends %s\n\n' \
            "$missing"
        exit 1
    fi
    printf 'Installing %s\n' "$missing"
    # shellcheck disable=SC2086 # words are meant
    logged apt $become sh -c "$apt_without_services" apt $missing
}

# Packages that some tests need, each of which may be missing: its tests are then skipped, and
# say so. One that cannot be installed keeps no other one from it.
prepare_optional()
{
    command -v dpkg-query >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1 || return 0
    wanted=
    for package in $1; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed' \
            || wanted="$wanted $package"
    done
    [ -n "$wanted" ] || return 0
    become=
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || { echo "Not installed:$wanted"; return 0; }
        become='sudo -n'
    fi
    echo "Installing$wanted"
    # shellcheck disable=SC2086 # words are meant
    $become sh -c "$apt_without_services" apt $wanted >"$build/apt-optional.log" 2>&1 </dev/null \
        && return 0
    for package in $wanted; do
        $become sh -c "$apt_without_services" apt "$package" >>"$build/apt-optional.log" 2>&1 </dev/null \
            || echo "$package could not be installed"
    done
}

# Elsewhere we only look, and name what the distribution usually calls it.
prepare_other()
{
    case " $(. /etc/os-release 2>/dev/null && echo "$ID $ID_LIKE") " in
    *" fedora "* | *" rhel "*) column=4 install='dnf install' ;;
    *" arch "*) column=5 install='pacman -S' ;;
    *suse*) column=6 install='zypper install' ;;
    *" alpine "*) column=7 install='apk add' ;;
    *) column=3 install='' ;;
    esac
    column_of_needs "$1" 2 >"$build/needs"
    column_of_needs "$1" "$column" >"$build/packages"
    missing=
    while read -r how what && read -r package <&3; do
        if ! has_need "$how" "$what"; then
            printf '%s: %s is missing; its package is usually called %s\n' \
                "${0##*/}" "$what" "$package" >&2
            case " $missing " in
            *" $package "*) ;;
            *) missing="$missing $package" ;;
            esac
        fi
    done <"$build/needs" 3<"$build/packages"
    if [ "$1" = check ] && ! has_node; then
        printf '%s: Node 18 or newer with npm is missing\n' "${0##*/}" >&2
        missing="$missing nodejs npm"
    fi
    [ -z "$missing" ] && return 0
    [ -n "$install" ] && printf '\n    %s%s\n\n' "$install" "$missing" >&2
    exit 1
}

# Make the machine ready for "build" or for "check".
prepare_machine()
{
    mkdir -p "$build" || die "cannot create $build"
    if command -v dpkg-query >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then
        prepare_debian "$1"
    else
        prepare_other "$1"
    fi
}

# prepare_build NAME DIRECTORY [OPTION…]: a configured build folder. Configured again only
# when the options are others than last time.
prepare_build()
{
    name=$1
    directory=$2
    shift 2
    stamp=$directory/.configured-as
    if [ -f "$directory/build.ninja" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$*" ]; then
        return 0
    fi
    if [ -f "$directory/build.ninja" ]; then
        logged "$name" meson setup --reconfigure "$directory" "$root" "$@"
    else
        logged "$name" meson setup "$directory" "$root" "$@"
    fi
    printf '%s\n' "$*" >"$stamp"
}

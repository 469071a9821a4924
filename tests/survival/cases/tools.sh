# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# The small tools of every system: filters, archivers, searchers.

survivor coreutils coreutils quick
case_coreutils()
{
    numbers 20000 >in
    track sort --parallel=4 -S 200K -k2 in | sha256sum
    feed sort -n -k1 <in | track uniq -c | track tail -n 3
    track cat in | track tail -n 2
    track cksum in
    track od -A d -t x1z in | tail -n 2
    track ls -l --time-style=+ in no-such-file
    track join in in | track wc
    track seq 5 | track tac | track paste -sd,
    track df --output=target / >/dev/null
    track factor 123456789012345678901234567890
    track date -d @0
    track stat -c %s in
    track test -e nowhere
    track env -i A=1 env
    track timeout 0.2 sleep 10
}

survivor grep grep quick
case_grep()
{
    numbers 20000 >in
    feed grep -E '(12|34)5+.*f$' <in | wc
    track grep -c -P '(\d)\1\1' in
    track grep nothing-there in
    track grep '[' in
    track grep -rn 'line of text ff' .
}

survivor sed sed
case_sed()
{
    numbers 5000 >in
    feed sed -n 's/\([0-9]*\) \([0-9]*\)/\2 \1/; /7$/p' <in | sha256sum
    track sed 's/(' in
    cp in other
    track sed -i '1,4000d' other
    wc -l other
}

survivor findutils findutils
case_findutils()
{
    mkdir -p a/b/c d
    for i in 1 2 3 4 5 6 7 8 9; do echo $i >a/b/f$i; done
    track find . -name 'f[3-6]' -printf '%p %s\n' | sort
    track find a -type f -exec cat {} + | sort
    track find a -type f -print0 | track xargs -0 -n 3 -P 2 ls | sort
    seq 2000 | feed xargs echo | wc
    track find nowhere
}

survivor gawk gawk
case_gawk()
{
    numbers 20000 | feed gawk '{ n[$2 % 100]++; s = s substr($0, 1, 1) } END { for (i = 0; i < 100; i++) printf "%d ", n[i]; print length(s) }'
    track gawk 'BEGIN { print 1 / 0 }'
    track gawk 'BEGIN { while (("echo hi; echo ho" | getline x) > 0) print x; exit 3 }'
}

survivor mawk mawk
case_mawk()
{
    numbers 20000 | feed mawk '{ n[$2 % 1000] += $1 } END { print n[5], n[77], length($0) }'
    track mawk 'BEGIN { printf "%s\n", substr("hello", 2, 3); exit 4 }'
}

survivor tar 'tar gzip' quick
case_tar()
{
    mkdir t
    for i in 1 2 3 4 5 6 7 8 9; do numbers ${i}00 >t/$i; done
    track tar -cf t.tar --sort=name --mtime=@0 --owner=0 --group=0 t
    sha256sum t.tar
    track tar -czf t.tgz --mtime=@0 t
    track tar -tvf t.tgz --full-time t/1 | cut -d' ' -f1-3
    track tar -xf t.tgz t/5 -O | sha256sum
    track tar -xf nowhere.tar
}

survivor xz xz-utils quick
case_xz()
{
    numbers 60000 >in
    feed xz -3 <in >in.xz
    sha256sum in.xz
    track xz -T2 --block-size=200K -k -c in | track xz -dc | cmp - in
    track xz -l --robot in.xz
    track xz -t in
}

survivor zstd zstd
case_zstd()
{
    numbers 60000 >in
    feed zstd -q -12 <in | sha256sum
    track zstd -q -T2 -19 in -o in.zst
    track zstd -q -dc in.zst | cmp - in
    track zstd -q -d in -o other
}

survivor compressors 'gzip bzip2 lz4 lzip brotli pigz'
case_compressors()
{
    numbers 30000 >in
    for tool in 'gzip -n' bzip2 lz4 lzip brotli 'pigz -n -p 3'; do
        track $tool -c <in >packed
        sha256sum packed
        track ${tool%% *} -dc <packed | cmp - in
    done
    echo rubbish | track bzip2 -d
    echo rubbish | track lz4 -d -q
}

survivor zip 'zip unzip'
case_zip()
{
    numbers 3000 >in
    touch -d @1000000000 in
    track zip -q -X archive.zip in
    track unzip -l archive.zip
    track unzip -p archive.zip | cmp - in
    track unzip -q no.zip
}

survivor p7zip p7zip-full
case_p7zip()
{
    numbers 30000 >in
    track 7z a -bso0 -bsp0 -mx=3 in.7z in
    track 7z x -so in.7z | cmp - in
    track 7z t in | grep -v Version
}

# Which CPU it is and how many threads it would take is printed for one's information.
normalise_p7zip()
{
    sed -E '/^p7zip Version|CPUs|Threads:/d'
}

survivor cpio cpio
case_cpio()
{
    mkdir t
    for i in 1 2 3; do echo $i >t/$i; done
    find t | sort | feed cpio -o --reproducible --quiet >t.cpio
    track cpio -it --quiet <t.cpio
    track cpio -id --quiet <in
}

survivor rsync rsync
case_rsync()
{
    mkdir -p from/a from/b
    for i in 1 2 3 4 5; do numbers ${i}000 >from/a/$i; done
    track rsync -a --out-format=%n from/ to/
    numbers 2500 >from/a/3
    track rsync -ac --no-whole-file --out-format=%n from/ to/
    diff -r from to && echo same
    track rsync -a nowhere/ there/
}

# Its error line names the line of its own source and its role only; its pid is nowhere.
normalise_rsync()
{
    cat
}

survivor bc 'bc dc'
case_bc()
{
    printf 'scale=200\n4*a(1)\n2^2000\nobase=16\n3^300\n' | feed bc -lq
    echo '10k 2 v p' | track dc
    echo '1/0' | track bc
}

survivor jq jq
case_jq()
{
    awk 'BEGIN { print "["; for (i = 0; i < 3000; i++) printf "{\"id\": %d, \"tags\": [\"a%d\", \"b\"]}%s\n", i, i % 7, i < 2999 ? "," : ""; print "]" }' >in
    feed jq -c '[.[] | select(.id % 500 == 0) | {id, first: .tags[0]}], (map(.id) | add)' <in
    echo '{"a": ' | track jq .
    track jq -n '[range(100000)] | map(. * 2) | length'
}

survivor xmllint 'libxml2-utils xsltproc'
case_xmllint()
{
    awk 'BEGIN { print "<list>"; for (i = 0; i < 3000; i++) printf "<item id=\"%d\">text %d &amp; more</item>\n", i, i * 7; print "</list>" }' >in.xml
    feed xmllint --format - <in.xml | sha256sum
    track xmllint --xpath 'count(//item[@id mod 7 = 0])' in.xml
    echo '<a><b></a>' | track xmllint -
    cat >sheet.xsl <<'X'
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="text"/>
<xsl:template match="/"><xsl:for-each select="//item[@id &lt; 20]"><xsl:sort select="." order="descending"/>
<xsl:value-of select="."/><xsl:text>&#10;</xsl:text></xsl:for-each></xsl:template>
</xsl:stylesheet>
X
    track xsltproc sheet.xsl in.xml
}

survivor ripgrep ripgrep
case_ripgrep()
{
    mkdir t
    for i in 1 2 3 4 5 6 7 8; do numbers ${i}000 >t/$i; done
    track rg -c --sort path '7[0-9]+5' t
    numbers 20000 | feed rg '(ab|cd)(ef|01)' | wc
    track rg '(' t
    track rg --threads 4 nothing-there t
}

# A Go program with cgo: its threads have stacks of their own making, its end is a system call
# that libc does not see.
survivor fzf fzf exit=none
case_fzf()
{
    numbers 20000 | feed fzf --filter '12 abc' | sha256sum
    numbers 200 | track fzf --filter zzzzzz
}

survivor less less
case_less()
{
    numbers 3000 | feed less -E | sha256sum
    track less nowhere
}

survivor file file
case_file()
{
    c_source >a.c
    track file a.c /bin/sh /usr/bin/python3 nowhere /dev/null
    printf 'a.c\n/bin/ls\n' | feed file -f -
}

survivor diffutils 'diffutils patch'
case_diffutils()
{
    numbers 5000 >a
    sed '7~100d; 50~333s/line/LINE/' a >b
    touch -d @0 a b
    track diff -u a b >ab.diff
    sha256sum ab.diff
    feed diff a - <b | wc
    track cmp a b
    track patch -s a ab.diff
    cmp a b && echo patched
    track patch -s nowhere ab.diff </dev/null
}

survivor busybox busybox
case_busybox()
{
    numbers 3000 >in
    track busybox sort -k2 in | sha256sum
    feed busybox sha256sum <in
    track busybox sh -c 'for i in 1 2 3; do echo $i | busybox sed s/2/two/; done; exit 5'
    track busybox awk '{ n += $1 } END { print n }' in
    track busybox no-such-applet
}

survivor man 'man-db groff'
case_man()
{
    cat >x.1 <<'M'
.TH X 1 2020-01-01 x x
.SH NAME
x \- a page
.SH DESCRIPTION
Some \fBbold\fR text,
.TS
l l.
a	b
.TE
M
    track man -P cat -l ./x.1
    track groff -man -Tps x.1 | grep -c showpage
    feed groff -man -Tutf8 <x.1 | wc
    track man no-such-page-anywhere
}

# man locks its helpers into a sandbox that forbids what a snapshot needs: each of them says
# so once.
normalise_man()
{
    sed -E '/^heapsnap: no (memfd|timer|snapshot)/d'
}

survivor misc 'procps util-linux psmisc lsof bsdextrautils'
case_misc()
{
    track getopt -o ab: -- -a -b 1 x
    track lsof -v >/dev/null 2>&1
    track ps -o pid= -p 1
    track hexdump -C /etc/hostname >/dev/null
    track uuidgen --sha1 --namespace @dns --name a.b
    numbers 30 | track column -t | tail -n 2
    track script -qec 'echo in a terminal; exit 4' /dev/null
    track flock lock true
    track setsid -w sh -c 'exit 6'
    track lscpu >/dev/null
    track kill -l 9
}

survivor xxd 'xxd ed'
case_xxd()
{
    numbers 300 >in
    feed xxd <in | track xxd -r | cmp - in
    printf '1,2p\n$d\nw\nq\n' | feed ed -s in
    track ed -s nowhere </dev/null
}

survivor libc_tools 'libc-bin'
case_libc_tools()
{
    track ldd /bin/ls | sort
    numbers 3000 | feed iconv -f latin1 -t utf-16le | sha256sum
    track getent passwd root
    track getent hosts localhost >/dev/null
    track locale -a >/dev/null
    printf '\377' | track iconv -f utf-8 -t latin1
    track getconf PAGE_SIZE
}

# It loads the program to see what that loads: the shim is among it.
normalise_libc_tools()
{
    sed '/libheapsnap-preload/d; /libc.so\|libpcre2\|libselinux\|linux-vdso\|ld-linux/d'
}

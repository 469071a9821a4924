# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Pictures, sound, documents, browsers: big blocks, many threads, plug-ins.

# A picture, always the same.
picture()
{
    awk 'BEGIN { print "P3 120 90 255"; for (i = 0; i < 120 * 90; i++) print i % 256, (i * 7) % 256, (i * i) % 256 }'
}

survivor imagemagick imagemagick limit=120
case_imagemagick()
{
    picture >in.ppm
    feed /usr/bin/convert ppm:- -resize 300% -blur 0x2 -rotate 12 rgb:- <in.ppm | sha256sum
    track /usr/bin/convert in.ppm -strip -define png:exclude-chunks=date,time out.png
    track /usr/bin/identify -format '%m %w %h\n' out.png
    track /usr/bin/convert out.png -quality 80 out.jpg
    track /usr/bin/compare -metric AE in.ppm out.png null:
    track /usr/bin/convert nowhere.png x.jpg
}

survivor netpbm netpbm
case_netpbm()
{
    picture | feed pnmscale 2 | track pnmtopng | track pngtopnm | sha256sum
    track pngtopnm nowhere
}

survivor ffmpeg ffmpeg limit=120
case_ffmpeg()
{
    track ffmpeg -nostdin -v error -f lavfi -i testsrc=d=1:s=320x240:r=10 -f lavfi -i sine=d=1 -c:v mpeg4 -c:a aac -threads 4 -bitexact out.mkv
    track ffprobe -v error -show_entries stream=codec_name -of csv out.mkv
    feed ffmpeg -v error -i - -f rawvideo -pix_fmt yuv420p - <out.mkv | wc -c
    track ffmpeg -nostdin -v error -i nowhere x.mkv
}

survivor sox 'sox flac'
case_sox()
{
    track sox -n -r 8000 -c 1 a.wav synth 2 sine 300:3000 reverb
    track flac -s -f a.wav -o a.flac
    feed flac -s -d - -c <a.flac | wc -c
    track flac -s -t a.wav
    track sox a.flac -n stat 2>&1
}

survivor webp webp
case_webp()
{
    picture >in.ppm
    track cwebp -quiet -mt in.ppm -o a.webp
    track dwebp -quiet a.webp -ppm -o - | sha256sum
    track cwebp -quiet nowhere -o b.webp
}

survivor graphviz graphviz
case_graphviz()
{
    awk 'BEGIN { print "digraph {"; for (i = 0; i < 60; i++) printf "n%d -> n%d; n%d -> n%d\n", i, (i * 7) % 60, i, (i * 3 + 1) % 60; print "}" }' >in.dot
    feed dot -Tplain <in.dot | sha256sum
    track neato -Tsvg in.dot | grep -c '<g id="edge'
    echo 'digraph { a -> ' | track dot -Tplain
}

survivor gnuplot gnuplot-nox
case_gnuplot()
{
    printf 'set terminal dumb 60 20\nplot sin(x)\n\nset terminal svg\nset output "a.svg"\nsplot x * y\nprint 6 * 7\nplot nonsense\n' | feed gnuplot
    wc -l <a.svg
}

survivor ghostscript ghostscript
case_ghostscript()
{
    cat >in.ps <<'P'
%!
/Helvetica findfont 20 scalefont setfont
1 1 20 { /i exch def 72 i 30 mul moveto (line ) show i 10 string cvs show } for
0 1 100 { /i exch def i 5 mul 100 moveto i 3 mul 300 lineto stroke } for
showpage
P
    track gs -q -dBATCH -dNOPAUSE -sDEVICE=ppmraw -r40 -sOutputFile=out.ppm in.ps
    sha256sum out.ppm
    track gs -q -dBATCH -dNOPAUSE -sDEVICE=pdfwrite -sOutputFile=out.pdf in.ps
    printf '1 2 add =\n\nquit\n' | feed gs -q -dNODISPLAY -
}

survivor poppler 'poppler-utils ghostscript'
case_poppler()
{
    printf '/Courier findfont 20 scalefont setfont 72 500 moveto (hello there) show showpage' >in.ps
    gs -q -dBATCH -dNOPAUSE -sDEVICE=pdfwrite -sOutputFile=in.pdf in.ps
    track pdftotext in.pdf -
    track pdftoppm -r 40 in.pdf out
    sha256sum out*.ppm
    track pdfinfo in.pdf | grep Pages
    track pdftotext nowhere.pdf -
}

survivor pdftex texlive-binaries
case_pdftex()
{
    # Without a format and fonts: the primitives of the engine.
    printf '\\catcode`\\{=1 \\catcode`\\}=2 \\catcode`\\#=6 \\count1=0 \\def\\l{\\advance\\count1 1 \\ifnum\\count1<20000 \\expandafter\\l\\fi}\\l \\immediate\\write16{\\the\\count1}\n\\undefined\n\\end\n' >t.tex
    track pdftex -ini -interaction=nonstopmode t.tex
    feed pdftex -ini -interaction=nonstopmode '\catcode`\{=1 \catcode`\}=2 \message{hi}' <t.tex
}

# The log names the day.
normalise_pdftex()
{
    sed -E '/^This is|^Transcript/d; s/[0-9]{1,2} [A-Z]{3} [0-9]{4} [0-9:]+//'
}

survivor povray povray limit=120
case_povray()
{
    echo 'camera { location <0, 2, -3> look_at 0 } light_source { <2, 4, -3> color rgb 1 } sphere { 0, 1 pigment { color rgb <1, 0, 0> } }' >in.pov
    track povray +Iin.pov +Oout.ppm +FP +W64 +H48 -D +WT4 >log 2>&1
    wc -c <out.ppm # its threads share a generator of random numbers
}

survivor qemu_img qemu-utils
case_qemu_img()
{
    numbers 20000 >in.raw
    truncate -s 1M in.raw
    track qemu-img create -q -f qcow2 a.qcow2 20M
    track qemu-img convert -f raw -O qcow2 -c in.raw b.qcow2
    track qemu-img convert -f qcow2 -O raw b.qcow2 out.raw
    cmp in.raw out.raw && echo same
    track qemu-img info --output=json a.qcow2 | grep virtual-size
    printf 'write 0 64k\nread 0 64k\nquit\n' | feed qemu-io -f qcow2 a.qcow2 | grep -c KiB
    track qemu-img info nowhere
}

survivor doxygen doxygen
case_doxygen()
{
    c_source >a.c
    printf 'INPUT = a.c\nQUIET = YES\nGENERATE_LATEX = NO\nEXTRACT_ALL = YES\nHAVE_DOT = NO\n' | feed doxygen -
    find html -name '*.html' | wc -l
}

survivor chromium chromium limit=180
case_chromium()
{
    echo '<html><body><script>let a=[]; for (let i=0;i<20000;i++) a.push({i}); document.body.innerText = a.length + " " + new Intl.NumberFormat("en").format(1234567); new Worker(URL.createObjectURL(new Blob(["postMessage(1)"])));</script></body></html>' >in.html
    track chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$PWD/profile" --virtual-time-budget=2000 --dump-dom "file://$PWD/in.html" 2>stderr
    grep -c heapsnap: stderr
}

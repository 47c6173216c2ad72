#!/bin/sh
# ab: verdicts and exit statuses on programs whose speed is known, what they must print, and Ctrl-C. The programs are scripts
# that print what bench would, with noise that follows from how often they ran.
. "$(dirname "$0")/../support/cli.sh"
needs python3

# fake NAME SPEED NOISE [KERNEL]: a program ./NAME of so many tokens in 1000 s, more or less by up to NOISE in ten thousand; its
# kernel gemm q4_0 does KERNEL passes in the time of 1000.
fake() {
    cat >"$1" <<END
#!/bin/sh
[ "\$1" = --version ] && echo 'fake 1.0 ($1)' && exit
read -r n <$1.runs && n=\$((n + 1)) && echo \$n >$1.runs
# A number of -1000 to 1000 that looks random: a step of a linear congruential generator, from its middle bits.
x=\$((((n * 747796405 + 2891336453) % 4294967296 * 277803737 / 65536) % 2001 - 1000))
rate=\$(($2 * (10000 + $3 * x / 1000) / 10000))
old() { case " \$* " in *' --no-limits '*) echo 'unknown option --no-limits' >&2; exit 2 ;; esac; }
kernel() {
    for repetition in 0 1 2; do
        printf '{"test":"kernel:%s","prompt":%d,"repetition":%d,"duration_ns":%d},' "\$1" "\$2" \$repetition \\
            \$((100000000000 / (\$3 * (10000 + $3 * x / 1000) / 100)))
    done
}
if [ "\$2" = --kernels ]; then
    printf '['
    case \$4 in
    _norm) kernel 'rms_norm f32' 64 1000; kernel 'gemm f32' 1 1 ;;
    attention) kernel 'attention f16' 1 1000 ;;
    quantize) kernel 'quantize q8_32' 64 1000 ;;
    q4_0) kernel 'gemm q4_0' 1 ${4:-1000}; kernel 'gemm q4_0' 512 1000 ;;
    esac
    echo '{"test":"limit_read","prompt":0,"repetition":0}]'
    exit
fi
printf '[{"isa":"avx2","test":"load","duration_ns":250000000,"rss_bytes":10},'
printf '{"test":"prefill","tokens_per_s":%d,"rss_bytes":104857600},' \$((rate / 100))
printf '{"test":"decode","tokens_per_s":%d.%03d,"rss_bytes":104857600}]\n' \$((rate / 1000)) \$((rate % 1000))
END
    echo 0 >"$1.runs"
    chmod +x "$1"
}

ab() {
    status=$1
    shift
    expect "$status" "$PHIBENCH" ab "$@" -m synth:tiny:q4_0 --seed 1
}

has() {
    grep -qE -- "$1" stdout && return
    fail "no line like: $1"
    cat stdout
}

fake a 100000 20
fake same 100000 20
fake slower 90000 20 850
fake bit-slower 99000 20
fake faster 104000 20
fake noisy 100000 6000

ab 0 ./a ./same
has '^A is \./a: fake 1\.0 \(a\), avx2$'
has '^prefill, tok/s +(999|100[01])[0-9.]* +(999|100[01])[0-9.]* '
has '^decode, tok/s .* SAME WITHIN 0\.[0-9]+%$'
has '^load, s +0\.25 +0\.25 +\+0\.00% \(\+0\.00% to \+0\.00%\) '
has '^memory, MiB +100 +100 '
has '^synth:tiny:q4_0: 20 blocks .*\(precise enough\), in the order of seed 1; 4 repetitions'
has '^such blocks see a change by 0\.[0-9]+% of prefill, 0\.[0-9]+% of decode with 80% probability$'
has '^verdict: SAME WITHIN 0\.[0-9]+%$'
[ "$(tail -n 2 stdout | grep -c 'see a change')" -eq 1 ] || fail "the power does not stand before the verdict"
[ ! -s stderr ] || fail "messages: $(cat stderr)"

# Two programs may be one file, and may be found by PATH with words before it.
ab 0 ./a 'env ./a' --test decode
has '^B is env \./a: fake'
[ "$(grep -c '^prefill' stdout)" -eq 0 ] || fail "a test that nobody asked for"

ab 1 ./a ./slower
has '\(slower beyond doubt\)'
has '^kernels, in [0-9]+ blocks: gemm q4_0, 1 token: -1[45]\.[0-9]% \(.*\); the rest the same \(4\)$'
has '^verdict: SLOWER: prefill -(9|10)\.[0-9]% .*decode .*beyond the margin of 2%$'
message_has 'phibench: SLOWER: prefill'
ab 0 ./a ./slower --margin 30 --no-kernels
has '^verdict: SLOWER WITHIN THE MARGIN: prefill'

ab 0 ./a ./bit-slower --no-kernels -o md
has '^\| prefill'
has '^- verdict: SLOWER WITHIN THE MARGIN: prefill'
ab 0 ./a ./bit-slower
has '^kernels, in [0-9]+ blocks: of 5 none differs beyond what A differs from itself$'
has '^verdict: SLOWER WITHIN THE MARGIN: prefill -1\.[01]'
ab 0 ./a ./faster -o json
has '"verdict": "faster"'
has '"command": "./faster"'
python3 -c 'import json; d = json.load(open("stdout")); assert len(d["quantities"][0]["blocks"]) == d["blocks"] >= 12' ||
    fail "the JSON lacks blocks"

ab 3 ./noisy ./noisy --minutes 0.003
has '^verdict: CANNOT TELL: '
message_has 'phibench: CANNOT TELL: '

# A program that is older than --no-limits.
fake old 100000 20
sed -i 's/^if .*--kernels.*/old "$@"\n&/' old
ab 0 ./a ./old
has '^verdict: SAME WITHIN'

# What is wrong with a program is said with its own words.
printf '#!/bin/sh\necho loading >&2\necho "no such model" >&2\nexit 1\n' >broken
printf '#!/bin/sh\necho "tokens: many"\n' >garbage
printf '#!/bin/sh\nkill -9 $$\n' >killed
chmod +x broken garbage killed
ab 1 ./a ./broken
message 'phibench: ./broken failed with status 1: no such model'
ab 1 ./a ./garbage
message_has 'output of ./garbage:1:'
ab 1 './killed now' ./a
message 'phibench: ./killed now was ended by signal 9 (Killed)'
ab 1 ./a ./nowhere
message 'phibench: cannot run "./nowhere": No such file or directory'
fake breaks 100000 20
sed -i 's/^# A number.*/[ $n -lt 6 ] || { echo "out of luck" >\&2; exit 1; }/' breaks
ab 1 ./a ./breaks
message 'phibench: ./breaks failed with status 1: out of luck (while measuring block 5)'
ab 2 ./a "./same 'x"
message "phibench: a quote in this command line has no end: ./same 'x"
ab 2 ./a ./same --test decode,load
message 'phibench: --test: no test is called "load": prefill, decode'
ab 2 ./a ./same -o xml
expect 2 "$PHIBENCH" ab ./a
expect 2 "$PHIBENCH" ab ./a ./same
message 'phibench: ab needs a model: -m FILE.gguf or -m synth:tiny:q8_0'
expect 1 "$PHIBENCH" ab ./a ./same -m nowhere.gguf

# Ctrl-C prints what there is.
echo 0 >noisy.runs
has_run() { [ "$(cat noisy.runs)" -gt 24 ]; }
"$PHIBENCH" ab ./noisy ./noisy -m synth:tiny:q4_0 >stdout 2>stderr &
pid=$!
wait_until has_run
kill -INT $pid
wait $pid
[ $? -eq 130 ] || fail "an interrupted comparison exits with 130"
has '\(interrupted\)'
has '^verdict: '
message 'phibench: interrupted'
finish

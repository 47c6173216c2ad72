#!/bin/sh
# MMLU files that are wrong: FILE:LINE:COLUMN and what is expected there; harmless variants (CRLF, no last newline) are read.
. "$(dirname "$0")/../support/cli.sh"

cp -R "$top/models/demo-mmlu" data
chmod -R u+w data
questions=data/test/demo_letters_test.csv
examples=data/dev/demo_letters_dev.csv
cp "$questions" questions
cp "$examples" examples
printf 'models: [{id: m, path: "synth:tiny:q4_0"}]\nsuites:\n  - mmlu: {data: data, shots: 2, subjects: [demo_letters]}\n' >c.yaml
expect 0 "$PHIBENCH" run c.yaml --dry-run
cp stdout whole

# refused STATUS MESSAGE: the data as they stand now; then they are mended.
refused() {
    expect "$1" "$PHIBENCH" run c.yaml
    message "$2 (while loading suite mmlu)"
    rm -rf "$questions" "$examples"
    cp questions "$questions"
    cp examples "$examples"
}

sed '3s/,[^,]*$//' questions >"$questions"
refused 1 "$questions:3:57: 5 columns of 6: the answer letter is missing"
sed '3s/$/,x/' questions >"$questions"
refused 1 "$questions:3:60: 7 columns, not 6: a field that contains a comma must stand in quotes"
sed '4s/.$/E/' questions >"$questions"
refused 1 "$questions:4:38: the answer is \"E\", not one of the letters A, B, C, D"
sed '4s/.$//' questions >"$questions"
refused 1 "$questions:4:38: the answer is \"\", not one of the letters A, B, C, D"
sed '5s/^/"/' questions >"$questions"
refused 1 "$questions:5:1: the quote is never closed"
printf 'q,a,b,c,\377,A\n' >"$questions"
refused 1 "$questions:1:9: choice D is not UTF-8"
printf 'q\0,a,b,c,d,A\n' >"$questions"
refused 1 "$questions:1:2: a NUL byte"
: >"$questions"
refused 1 "$questions:1:1: there are no questions in this file"
rm "$questions"
refused 2 'data/test: there is no file of the subject "demo_letters": demo_letters_test.csv'

sed -n 1p examples >"$examples"
refused 1 "$examples: 1 example, and 2 shots need as many"
sed '2s/.$/F/' examples >"$examples"
refused 1 "$examples:2:$(sed -n 2p examples | awk '{ print length }'): the answer is \"F\", not one of the letters A, B, C, D (while reading the examples of subject demo_letters)"
rm "$examples"
refused 1 "$examples: cannot open: No such file or directory (while reading the examples of subject demo_letters)"

mv data/test data/aside
expect 2 "$PHIBENCH" run c.yaml
message "data/test: there is no such folder: MMLU's data holds dev/SUBJECT_dev.csv and test/SUBJECT_test.csv (while loading suite mmlu)"
mv data/aside data/test
[ ! -e out ] || fail "something was written"

# accepted: the same questions in another form.
accepted() {
    expect 0 "$PHIBENCH" run c.yaml --dry-run
    cmp -s stdout whole || fail "$1: read as other questions"
}
sed 's/$/\r/' questions >"$questions"
accepted 'CRLF'
{ printf '\357\273\277'; cat questions; } >"$questions"
accepted 'byte order mark'
printf %s "$(cat questions)" >"$questions"
accepted 'no last newline'
{ echo; cat questions; echo; } >"$questions"
accepted 'empty lines'
finish

#!/bin/sh
# Databases, runs, output files and a gnuplot that are not what they should be: a message with the place, and what was
# there before is still there.
. "$(dirname "$0")/../support/cli.sh"

expect 0 "$PHIBENCH" run configs/synthetic.yaml --limit 1 --db good.db --set suites.2.repeat=1 --set suites.2.prompt=8 \
    --set suites.2.generate=4 --set suites.2.batch=1 --set suites.2.threads=1 --set report.out=report

# unchanged FILE STATUS MESSAGE: neither a reader nor a writer touches the file.
unchanged() {
    cp "$1" before
    for command in runs report "run configs/synthetic.yaml --limit 1"; do
        expect "$2" "$PHIBENCH" $command --db "$1"
        message "$3"
    done
    cmp -s "$1" before || fail "$1 was changed"
}

echo 'this is a text, long enough to be taken for a page of a database, or so one would think at first' >text.db
unchanged text.db 1 'text.db: this is no database: file is not a database'
head -c 5000 good.db >short.db
cp short.db before
expect 1 "$PHIBENCH" runs --db short.db
message_has 'short.db: the database is damaged'
cmp -s short.db before || fail "short.db was changed"
if command -v sqlite3 >/dev/null; then
    sqlite3 foreign.db 'CREATE TABLE birds (name TEXT); INSERT INTO birds VALUES (1)'
    unchanged foreign.db 1 'foreign.db: this is a database of another program, not of phibench'
    cp good.db newer.db
    sqlite3 newer.db 'PRAGMA user_version = 99' >/dev/null
    sqlite3 newer.db 'PRAGMA journal_mode = DELETE' >/dev/null
    unchanged newer.db 1 'newer.db: this database has version 99, and this phibench knows 1 to 12: it takes a newer phibench'
    cp good.db missing.db
    sqlite3 missing.db 'PRAGMA foreign_keys = 0; DELETE FROM machine'
    expect 1 "$PHIBENCH" report --db missing.db --out missing
    message_has 'missing.db: run 1: its machine, 1, is missing: the database is damaged, or was changed by hand'
    expect 1 "$PHIBENCH" show last --db missing.db
    message_has 'missing.db: run 1: its machine, 1, is missing: the database is damaged, or was changed by hand'
else
    echo 'SKIP: sqlite3 is not there to make a foreign and a newer database'
fi
# A closed stream is not the next file that is opened: messages do not go into it.
"$PHIBENCH" run configs/synthetic.yaml --limit 1 --db closed.db --fresh --set report.out=closed 2>&- >stdout
[ $? -eq 0 ] || fail "a run without a standard error fails"
expect 0 "$PHIBENCH" runs --db closed.db

mkdir folder
for command in runs report "run configs/synthetic.yaml"; do
    expect 1 "$PHIBENCH" $command --db folder
    message 'folder: this is a folder, not a database'
done
expect 1 "$PHIBENCH" runs --db nowhere.db
message "nowhere.db: there is no such database; 'phibench run CONFIG' makes one"
[ ! -e nowhere.db ] || fail 'runs made a database'
if [ "$(id -u)" -ne 0 ]; then
    cp good.db secret.db
    chmod 000 secret.db
    expect 1 "$PHIBENCH" runs --db secret.db
    message_has 'secret.db: '
    cp good.db folder/good.db
    chmod 500 folder
    expect 0 "$PHIBENCH" runs --db folder/good.db
    expect 1 "$PHIBENCH" run configs/synthetic.yaml --db folder/other.db
    message_has 'folder/other.db: '
    chmod 700 folder
else
    echo 'root may read and write everything: files without permission were left out'
fi

# Runs that are not there.
for command in show export regrade 'report --run'; do
    expect 2 "$PHIBENCH" $command 77 --db good.db
    message "good.db: there is no run 77; 'phibench runs' lists them"
    expect 2 "$PHIBENCH" $command 99999999999999999999 --db good.db
    message_has "there is no run 99999999999999999999; 'phibench runs' lists them"
done

# Output that cannot be written; input that is closed.
if [ -w /dev/full ]; then
    for command in 'runs --db good.db' 'show --db good.db' 'export --db good.db' 'inspect synth:tiny:q4_0' 'help --man' \
        'generate -m synth:tiny:q4_0 -p x -n 4' \
        'bench -m synth:tiny:q4_0 -p 8 -n 4 -r 1'; do
        expect 1 sh -c "\"\$0\" $command >/dev/full" "$PHIBENCH"
        message_has 'phibench: cannot write the output: No space left on device'
    done
    expect 1 sh -c '"$0" logits -m synth:tiny:q4_0 --ids 1,2,3 --all -o bin >/dev/full' "$PHIBENCH"
    message 'phibench: cannot write the logits: No space left on device'
fi
expect 1 sh -c '"$0" tokenize -m synth:tiny:q4_0 <&-' "$PHIBENCH"
message 'phibench: cannot read standard input: Bad file descriptor'
expect 1 "$PHIBENCH" synth tiny nowhere/x.gguf
message 'nowhere/x.gguf: cannot create: No such file or directory'
echo kept >file
expect 1 "$PHIBENCH" report --db good.db --out file
message 'file: cannot make the folder: File exists'
[ "$(cat file)" = kept ] || fail 'report wrote over a file'

# gnuplot is missing, fails, or stops half way: no half drawing, and the page of before.
cp report/index.html before
expect 1 env PHIBENCH_GNUPLOT=/nowhere/gnuplot "$PHIBENCH" report --db good.db --out report
message_has 'cannot run "/nowhere/gnuplot", which draws the charts: install gnuplot'
cat >half <<'END'
#!/bin/sh
base=${2%.gp}
printf '<svg><g' >"$base.svg"
printf '\211PNG\r\n\032\n and then' >"$base.png"
exit "$HALF_STATUS"
END
chmod +x half
for status in 0 3; do
    expect 1 env HALF_STATUS=$status PHIBENCH_GNUPLOT="$work/half" "$PHIBENCH" report --db good.db --out report
    [ -e report/charts/scores-mmlu-hendrycks-5-shot.gp ] || fail 'the script of the failed chart is gone'
    [ ! -e report/charts/scores-mmlu-hendrycks-5-shot.svg ] || fail 'half an SVG was left'
    [ ! -e report/charts/scores-mmlu-hendrycks-5-shot.png ] || fail 'half a PNG was left'
done
cmp -s report/index.html before || fail 'the page of before is not as it was'

# One chart that cannot be drawn is told in its place and on stderr; all others are there.
cat >one_fails <<'END'
#!/bin/sh
case $2 in scores-*) echo 'no such  colour'; exit 3 ;; esac
exec gnuplot "$@"
END
chmod +x one_fails
expect 0 env PHIBENCH_GNUPLOT="$work/one_fails" "$PHIBENCH" report --db good.db --out partial
fault="$work/one_fails failed on partial/charts/scores-mmlu-hendrycks-5-shot.gp: no such colour"
message_has "phibench: warning: the chart scores-mmlu-hendrycks-5-shot could not be drawn: $fault"
[ "$(grep -c could stderr)" -eq "$(ls partial/charts/scores-*.gp | wc -l)" ] || fail 'another chart failed'
for page in index.html report.md; do
    grep -qF "This chart could not be drawn: " "partial/$page" || fail "$page does not tell the failed chart"
done
[ "$(grep -c '<svg' partial/index.html)" -eq "$(ls partial/charts/*.svg | wc -l)" ] || fail 'drawings are missing'
[ "$(grep -c '<figure>' partial/index.html)" -eq "$(ls partial/charts/*.gp | wc -l)" ] || fail 'a place is missing'

expect 0 "$PHIBENCH" report --db good.db --run 1 --run last --out report
cmp -s report/index.html before || fail 'the page differs when it is drawn again'
finish

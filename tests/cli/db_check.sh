#!/bin/sh
# Databases that somebody changed: what lost its parents, holds numbers that cannot be, is cut off or was added to, is
# refused by every command that reads it; `db check` says what is wrong, and --repair mends what can be, after a copy,
# so that the same run goes on to the rows of one that nobody disturbed.
. "$(dirname "$0")/../support/cli.sh"
command -v sqlite3 >/dev/null || {
    echo 'SKIP: sqlite3 is not there to change a database'
    exit 77
}
cat >config.yaml <<END
models: [{id: tiny, path: "synth:tiny", quantizations: [q8_0, q4_0]}]
suites: [{mmlu: {data: models/demo-mmlu, shots: 0, limit: 2}}, {throughput: {prompt: 8, generate: 4, repeat: 1}}]
defaults: {threads: 1}
END
expect 0 "$PHIBENCH" run config.yaml --db good.db
expect 0 "$PHIBENCH" db check good.db
[ "$(cat stdout)" = 'no faults' ] || fail 'a good database has faults'
expect 0 "$PHIBENCH" db check good.db --json
[ "$(cat stdout)" = '{"type":"sum","faults":0,"mendable":0}' ] || fail 'no sum for scripts'
rows() {
    "$PHIBENCH" export --db "$1" --table items >"$1.items"
    "$PHIBENCH" export --db "$1" --table scores >>"$1.items"
    sed -E 's/"(run|job)": ?[0-9]+//g' "$1.items" | sort >sorted && mv sorted "$1.items"
}
rows good.db

# changed SQL: bad.db is good.db, or what $good says, after it.
good=good.db
changed() {
    rm -f bad.db*
    cp "$good" bad.db
    sqlite3 bad.db "PRAGMA foreign_keys = 0; PRAGMA ignore_check_constraints = 1; $1" >/dev/null || fail "sqlite3: $1"
}
# refused MESSAGE: by everything that opens bad.db, which stays as it is.
refused() {
    cp bad.db before
    for command in runs show export report regrade "run config.yaml"; do
        expect 1 "$PHIBENCH" $command --db bad.db
        message_has "bad.db: $1"
    done
    cmp -s bad.db before || fail "a refused database was changed"
}
# mended: --repair leaves no fault and keeps a copy of what was; then the run goes on to the rows that it should have.
mended() {
    cp bad.db before
    expect 0 "$PHIBENCH" db check bad.db --repair
    tail -n 1 stdout | grep -qx 'no faults' || fail 'faults are left'
    cmp -s before bad.db.before-repair || sqlite3 bad.db.before-repair 'PRAGMA quick_check' >/dev/null || fail 'no copy'
    expect 0 "$PHIBENCH" show last --db bad.db
}
asked_again() {
    expect 0 "$PHIBENCH" run config.yaml --db bad.db
    expect 0 "$PHIBENCH" db check bad.db
    rows bad.db
    cmp good.db.items bad.db.items || fail "other rows after the repair of: $1"
}

# Rows without their parents, and numbers that cannot be.
while IFS='|' read -r sql message; do
    changed "$sql"
    refused "$message"
    expect 1 "$PHIBENCH" db check bad.db
    mended
    asked_again "$sql"
done <<'END'
DELETE FROM machine|run 1: its machine, 1, is missing
DELETE FROM build|run 1: its build, 1, is missing
DELETE FROM model|job 1: its model, 1, is missing
DELETE FROM dataset|job 1: its dataset, 1, is missing
DELETE FROM item WHERE id = 2|response 2: its item, 2, is missing
DELETE FROM verdict WHERE response = 3|response 3: its verdict is missing
DELETE FROM response WHERE id = 1|verdict 1: its response, 1, is missing
DELETE FROM response WHERE id = 1; DELETE FROM verdict WHERE response = 1|job 1: it is finished and has
DELETE FROM score|job 1: it is finished and has no score
DELETE FROM speed_sample|job 2: it is finished and has no measurement
UPDATE verdict SET score = 9e999|verdict 1: its score, Inf, is none by acc
UPDATE verdict SET score = 7 WHERE response = 2|verdict 2: its score, 7.0, is none by acc
UPDATE score SET high = 9e999|job 1: its score acc of the whole
UPDATE score SET score = -3|job 1: its score acc of the whole
UPDATE speed_sample SET tokens_per_s = 9e999|speed_sample 1: a measurement is negative or has no end
DROP VIEW v_scores|the view v_scores is missing
DROP INDEX job_by_suite|the index job_by_suite (of job) is missing
END

# What only a check finds: a score, a hash, and an index that is not of its table.
changed "UPDATE score SET score = 0.5 WHERE depth = 0"
expect 1 "$PHIBENCH" db check bad.db --json
grep -q '"part":"scores","table":"job","row":1,"what":"its score acc of the whole, 0.5, is not what verdicts give"' stdout ||
    fail 'a changed score is not found'
mended
asked_again 'a score'
changed "UPDATE response SET logits_hash = replace(logits_hash, 'a', 'b') WHERE id = 1"
expect 1 "$PHIBENCH" db check bad.db
grep -q '^hashes: job 1: its logits hash is not that of its answers' stdout || fail 'a changed hash is not found'
message 'bad.db: 1 fault, of which --repair can mend 0'
changed "CREATE TABLE kept AS SELECT sql FROM sqlite_schema WHERE name = 'run_by_config'; PRAGMA writable_schema = 1;
    UPDATE sqlite_schema SET sql = 'CREATE INDEX run_by_config ON run (name)' WHERE name = 'run_by_config'; DROP TABLE kept"
refused 'the index run_by_config (of run) is not as phibench makes it, and what somebody put into a database'
expect 1 "$PHIBENCH" db check bad.db
grep -q '^file: row 1 missing from index run_by_config (--repair: the index is made again)' stdout || fail 'index not found'
mended

# Prompts: what they are stored by, what they say, and their tokens.
expect 0 "$PHIBENCH" run config.yaml --set suites.0.shots=2 --limit 3 --db few.db
good=few.db
while IFS='|' read -r sql fault can; do
    changed "$sql"
    expect 0 "$PHIBENCH" runs --db bad.db
    expect 1 "$PHIBENCH" db check bad.db
    grep -q "^$fault" stdout || fail "$sql: not found: $fault"
    [ "$can" = 0 ] || mended
done <<'END'
UPDATE prompt SET n_shared_characters = 9999 WHERE base = 1|rows: prompt 2: its base, 1, is missing, has a base|1
UPDATE prompt SET base = 2 WHERE id = 3|rows: prompt 3: its base, 2, is missing, has a base itself|1
DELETE FROM prompt WHERE id = 1|rows: prompt 2: its base, 1, is missing|1
DELETE FROM prompt WHERE id = 2|rows: response 2: its prompt, 2, is missing|1
UPDATE response SET tokens_hash = 'x' WHERE id = 1|rows: response 1: the hash of its tokens is no SHA-256|1
UPDATE prompt SET rest = printf('%s!', rest) WHERE id = 3|hashes: prompt 3: its hash is not that of its text|0
END
good=good.db

# A job that ended early has as many answers as it says.
sed 's/, limit: 2/, precision: 25/' config.yaml >early.yaml
expect 0 "$PHIBENCH" run early.yaml --db early.db
good=early.db
n=$(sqlite3 early.db "SELECT precision_items FROM job WHERE id = 1")
expect 0 "$PHIBENCH" db check early.db
for sql in "precision_items = 3|job 1: it is finished and has $n of 3 answers" \
    "precision_items = 1000|job 1: it ended early, after 1000 of 96 items, and was asked to be as precise as 0.25" \
    "precision = NULL|job 1: it ended early, after $n of 96 items, and was asked to be as precise as NULL"; do
    changed "UPDATE job SET ${sql%%|*} WHERE id = 1"
    refused "${sql#*|}"
    mended
done
good=good.db

# What others added: refused by name, opened with --trust.
while IFS='|' read -r sql name; do
    changed "$sql"
    refused "$name, and what somebody put into a database can mislead or never end: --trust opens it"
    for command in runs show report "run config.yaml"; do expect 0 "$PHIBENCH" $command --db bad.db --trust; done
    expect 1 "$PHIBENCH" db check bad.db
    expect 0 "$PHIBENCH" db check bad.db --trust
done <<'END'
CREATE VIEW mine AS SELECT model FROM v_scores|the view mine is not one of phibench's
CREATE TABLE notes_of_mine (x)|the table notes_of_mine is not one of phibench's
CREATE INDEX mine ON item (file)|the index mine (of item) is not one of phibench's
CREATE TRIGGER spy AFTER INSERT ON response BEGIN SELECT 1; END|the trigger spy (of response) is not one of phibench's
END
changed 'ANALYZE'
expect 0 "$PHIBENCH" runs --db bad.db

# A view without an end: one signal is enough for it.
endless='WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS run, x AS job'
for column in model quantization suite protocol shots items answered computed naive_tokens computed_tokens seconds \
    items_per_s tokens_per_s logits_hash; do endless="$endless, x AS $column"; done
changed "DROP VIEW v_jobs; CREATE VIEW v_jobs AS $endless FROM c"
refused 'the view v_jobs is not as phibench makes it, and what somebody put into a database'
"$PHIBENCH" show last --db bad.db --trust >stdout 2>stderr &
pid=$!
sleep 0.3
kill -s TERM $pid
wait $pid
[ $? -eq 130 ] || fail 'a signal does not end an endless view'
message 'phibench: interrupted'
mended

# Files that SQLite cannot read, or that are none.
head -c 20000 good.db >bad.db
refused 'the database is damaged'
expect 1 "$PHIBENCH" db check bad.db
expect 1 "$PHIBENCH" db check bad.db --repair
rm -f bad.db*
cp good.db bad.db
dd if=/dev/zero of=bad.db bs=4096 seek=2 count=6 conv=notrunc 2>/dev/null
expect 1 "$PHIBENCH" db check bad.db
grep -q '^file: ' stdout || fail 'a damaged page is not found'
for command in runs show export report regrade "run config.yaml"; do expect 1 "$PHIBENCH" $command --db bad.db; done
for page in 6 12 18 24; do # whatever a command reads of it
    rm -f bad.db*
    cp good.db bad.db
    dd if=/dev/zero of=bad.db bs=4096 seek=$page count=1 conv=notrunc 2>/dev/null
    for command in runs show export report regrade "run config.yaml"; do
        expect 1 "$PHIBENCH" $command --db bad.db
        message_has 'bad.db: the database is damaged'
    done
done
rm -f bad.db*
mkfifo bad.db
for command in runs show export report regrade "run config.yaml"; do
    expect 1 timeout 20 "$PHIBENCH" $command --db bad.db
    message 'bad.db: this is a pipe, not a database'
done
expect 1 timeout 20 "$PHIBENCH" db check bad.db
rm -f bad.db*
cp good.db bad.db
mkfifo bad.db-wal
expect 1 timeout 20 "$PHIBENCH" runs --db bad.db
message 'bad.db-wal: this is a pipe, not a file of a database'
expect 1 timeout 20 "$PHIBENCH" runs --db /dev/null
message '/dev/null: this is a device, not a database'
expect 1 "$PHIBENCH" db check nowhere.db
message 'nowhere.db: there is no such database'
expect 2 "$PHIBENCH" db mend good.db

# Copies are never written over; what a killed repair left is found and removed.
changed 'DELETE FROM machine'
echo mine >bad.db.before-repair
: >bad.db.before-repair.tmp-1-0
expect 0 "$PHIBENCH" db check bad.db --repair
[ "$(cat bad.db.before-repair)" = mine ] || fail 'a copy was written over'
[ "$(sqlite3 bad.db.before-repair-2 'SELECT count(*) FROM machine')" = 0 ] || fail 'the copy is not of before'
[ ! -e bad.db.before-repair.tmp-1-0 ] || fail 'what a killed repair left is there'
finish

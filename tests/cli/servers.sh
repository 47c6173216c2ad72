#!/bin/sh
# Models behind a server, from outside: another model at the same URL, replies that are awkward, reasoning, keys that
# come back, a server that is silent when Ctrl-C comes, and a store from before servers were asked what they are.
. "$(dirname "$0")/../support/cli.sh"

needs python3

cat >server.py <<'END'
# Answers POST /MODE/v1/... by its mode; GET /MODE/v1/models with what stands in the file `loaded`, if there is one.
import base64, json, os, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
KEY = 'sk-Test/12345-abcdef'
ERRORS = {
    'sglang': (400, "The input (5000 tokens) is longer than the model's context length (4096 tokens)."),
    'vllm_old': (400, 'The decoder prompt (length 5000) is longer than the maximum model length of 4096.'),
    'tgi': (422, '`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4500 and 256'),
    'anthropic': (400, 'prompt is too long: 210000 tokens > 200000 maximum'),
    'gemini': (400, 'The input token count (40000) exceeds the maximum number of tokens allowed (32768).'),
    'risk': (400, 'Content Exists Risk'),
    'echoing': (400, 'content_filter: %s %s %s %s' % (KEY, KEY[:7] + '***' + KEY[-4:], KEY.encode().hex(),
                                                   base64.b64encode(('Bearer ' + KEY).encode()).decode())),
}
SAYS = {'lone': 'Paris \ud83d', 'nul': 'Paris\0', 'think': '<think>\nThe capital.\n</think>\nParis',
        'tail': 'London?\n</think>\n\nParis', 'open': '<think>\nParis', 'judge': '<think>[[1]]</think>[[7]]'}

class Handler(BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def put(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if not self.path.endswith('/v1/models') or not os.path.exists('loaded'):
            return self.put(404, {'error': 'nothing here'})
        self.put(200, {'data': [{'id': 'x', 'root': open('loaded').read(), 'created': int(time.time() * 1000)}]})
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        mode = self.path.split('/')[1]
        open('asked', 'a').write(json.dumps(asked) + '\n')
        if mode == 'silent': time.sleep(60)
        if mode in ERRORS: return self.put(ERRORS[mode][0], {'error': {'message': ERRORS[mode][1]}})
        if mode == 'error200': return self.put(200, {'error': {'message': 'upstream is down', 'code': 502}})
        text = KEY if mode == 'leak' else SAYS.get(mode) or open('says').read()
        end = 'length' if mode == 'open' else 'stop'
        message = {'role': 'assistant', 'content': text}
        if mode == 'apart': message = {'content': '\n\nParis', 'reasoning_content': 'London?'}
        self.put(200, {'choices': [{'index': 0, 'finish_reason': end, 'message': message}],
                       'usage': {'prompt_tokens': 9, 'completion_tokens': 3}})

server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
server.daemon_threads = True
open('port.part', 'w').write(str(server.server_port))
os.rename('port.part', 'port')
threading.Timer(600, server.shutdown).start()
server.serve_forever()
END
python3 server.py &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
wait_until test -e port
url=http://127.0.0.1:$(cat port)

cat >dev.json <<'END'
{"Data": [{"QuestionId": "tc_1", "Question": "What is the capital of France?",
  "Answer": {"Value": "Paris", "Aliases": ["Paris"], "NormalizedAliases": ["paris"], "NormalizedValue": "paris"}}],
 "VerifiedEval": false}
END
mkdir mt
echo '{"question_id": 1, "category": "writing", "turns": ["Write."]}' >mt/question.jsonl
for name in single-v1 single-v1-multi-turn; do
    echo "{\"name\": \"$name\", \"type\": \"single\", \"system_prompt\": \"Judge.\", \"prompt_template\": \
\"{question_1} {answer_1}\", \"description\": \"\", \"category\": \"general\", \"output_format\": \"[[rating]]\"}"
done >mt/judge_prompts.jsonl

# configure ID MODE DB SETTINGS: TriviaQA of a model.
configure() {
    printf 'db: %s\nmodels:\n  - id: %s\n    api: {base_url: "%s/%s/v1", model: x, retries: 1, wait_ms: 1%s}\n' \
        "$3" "$1" "$url" "$2" "$4" >c.yaml
    printf 'suites:\n  - triviaqa: {data: dev.json, protocol: official}\n' >>c.yaml
}

# scores VALUE: the last run's only score, in percent, and what it counts.
scores() {
    tail -n 1 stdout | grep -Eq -- "$1" || fail "not $1: $(tail -n 1 stdout)"
}

# ---- Another model behind the same URL ----

printf Paris >says
configure first says one.db ''
expect 0 "$PHIBENCH" run c.yaml
scores ' 100\.00 '
message_has "first: the server at $url/says/v1 tells nothing of itself (status 404)"
printf London >says
configure second says one.db ''
expect 0 "$PHIBENCH" run c.yaml
scores ' 0\.00 '
expect 0 "$PHIBENCH" run c.yaml
message_has 'second api triviaqa/official 0-shot: 1 answers taken over from earlier runs'
# The same id: by what the server says.
printf /weights/one >loaded
expect 0 "$PHIBENCH" run c.yaml
scores ' 0\.00 '
printf Paris >says
expect 0 "$PHIBENCH" run c.yaml
scores ' 0\.00 '
message_has '1 answers taken over'
printf /weights/two >loaded
expect 0 "$PHIBENCH" run c.yaml
scores ' 100\.00 '
# The same words of the server: by what the user says.
printf London >says
configure second says one.db ', revision: two'
expect 0 "$PHIBENCH" run c.yaml
scores ' 0\.00 '
rm loaded

# ---- A store from before ----

python3 - <<'END' || fail "the store cannot be made older"
import sqlite3
db = sqlite3.connect('one.db')
db.execute("UPDATE job SET parameters = json_remove(parameters, '$.server'), fingerprint = 'old'")
db.commit()
END
configure second says one.db ''
expect 0 "$PHIBENCH" run c.yaml
message_has 'second: 1 answers of an older program in one.db are asked anew: their key was too weak, which had the'
expect 0 "$PHIBENCH" run c.yaml
message_has '1 answers taken over'
grep -q 'older program' stderr && fail "what was asked anew is told again"

# ---- Awkward replies ----

for case in 'lone 100\.00' 'nul 100\.00' 'sglang 1 too_long' 'vllm_old 1 too_long' 'tgi 1 too_long' \
    'anthropic 1 too_long' 'gemini 1 too_long' 'risk 1 refused' 'error200 1 unreadable'; do
    mode=${case%% *}
    configure m "$mode" "$mode.db" ''
    expect 0 "$PHIBENCH" run c.yaml
    case $mode in
    lone | nul) ;;
    *) scores "${case#* }" ;;
    esac
done

# ---- Reasoning ----

for mode in think tail apart; do
    configure m $mode $mode.db ''
    expect 0 "$PHIBENCH" run c.yaml
    scores ' 100\.00 '
    "$PHIBENCH" export --db $mode.db --table responses >rows
    grep -q 'reasoning' rows || fail "the reasoning of $mode is not stored"
done
configure m open open.db ''
expect 0 "$PHIBENCH" run c.yaml
scores ' 0\.00 .* 1 unfinished_reasoning'
rm -f asked
configure m think room.db ', reasoning_tokens: 1000, max_completion_tokens: true, temperature: omit, body: {top_p: 0.5}'
expect 0 "$PHIBENCH" run c.yaml
scores ' 100\.00 '
grep -q '"max_completion_tokens": 1032, "top_p": 0.5}$' asked || fail "other settings are sent: $(cat asked)"

# A judgment whose score somebody has read in the reasoning.
cat >judged.jsonl <<'END'
{"question_id": 1, "model": "m", "judge": ["j", "single-v1"], "user_prompt": "p", "judgment": "<think>[[4]]?</think> [[9]]", "score": 4, "turn": 1, "tstamp": 1.0}
{"question_id": 2, "model": "m", "judge": ["j", "single-v1"], "user_prompt": "p", "judgment": "<think>[[4]]", "score": 4, "turn": 1, "tstamp": 1.0}
END
expect 0 "$PHIBENCH" mt-bench summarize --judgments judged.jsonl --json
grep -q '"missing": 1' stdout && grep -q '"mean": 9[,.]' stdout || fail "a score in the reasoning counts: $(cat stdout)"

# ---- Keys ----

key=sk-Test/12345-abcdef
export SERVER_KEY="$key"
for mode in echoing leak; do
    configure m $mode $mode.db ', key_env: SERVER_KEY, headers: {X-Again: "Bearer ${SERVER_KEY}"}'
    expect 0 "$PHIBENCH" run c.yaml
    cat stdout stderr >>said
done
expect 0 "$PHIBENCH" mt-bench answer -d mt --api "$url/leak/v1" --api-model x --key-env SERVER_KEY --out a.jsonl
expect 0 "$PHIBENCH" mt-bench judge -d mt -a a.jsonl --api "$url/judge/v1" --api-model j --key-env SERVER_KEY \
    --api-set temperature=omit --api-set body.top_k=3 --out j.jsonl
grep -q '"score": 7, ' j.jsonl || fail "a score in the reasoning was read: $(cat j.jsonl)"
grep -q '"top_k": 3}$' asked || fail "--api-set is not sent"
cat stdout stderr >>said
python3 - <<'END' || fail "a key was told"
import base64, glob, sys
key = b'sk-Test/12345-abcdef'
bad = [key, key[:7] + b'***', key.hex().encode(), base64.b64encode(b'Bearer ' + key)[12:]]
for name in glob.glob('echoing.db*') + glob.glob('leak.db*') + ['said', 'a.jsonl', 'j.jsonl']:
    text = open(name, 'rb').read()
    assert not any(b.lower() in text.lower() for b in bad), name
assert b'(key)' in open('echoing.db', 'rb').read() + open('leak.db', 'rb').read()
END

# ---- Ctrl-C while the server is silent ----

rm -f asked
configure m silent silent.db ''
"$PHIBENCH" run c.yaml >stdout 2>stderr &
pid=$!
wait_until test -e asked
kill -INT $pid
wait $pid
[ $? -eq 130 ] || fail "an interrupted run exits with 130"
message_has 'everything answered is stored. To go on: phibench run c.yaml'

finish

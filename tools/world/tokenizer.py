"""The tokenizer of the embedded family: SentencePiece's BPE with byte fallback, and Phi-3's tokens.

Our own small trainer, because a tokenizer must be the same bytes in every year and no package
promises that. Pieces are counted inside words: a word is letters, one digit or one other character,
with the space before it (written U+2581). As no piece is longer than a word, words can be encoded
one by one and remembered. Encoding follows what GGUF's tokenizer kind "llama" means: the adjacent
pair whose joined text has the best score merges first.
"""

import collections
import json
import re

SPACE = "\u2581"
UNKNOWN, BOS, EOS = 0, 1, 2
NORMAL_KIND, UNKNOWN_KIND, CONTROL_KIND, BYTE_KIND = 1, 2, 3, 6
FIRST_BYTE = 3

# Phi-3's added tokens in its order; after all but the first, white space of the text is dropped.
ADDED = [
    "<|endoftext|>",
    "<|assistant|>",
    *(f"<|placeholder{i}|>" for i in range(1, 5)),
    "<|system|>",
    "<|end|>",
    "<|placeholder5|>",
    "<|placeholder6|>",
    "<|user|>",
]
END_OF_TEXT = ADDED[0]
SPECIAL = re.compile("(" + "|".join(re.escape(text) for text in ADDED) + ")")
WORD = re.compile(f"{SPACE}?[A-Za-z]+|{SPACE}?[0-9]|{SPACE}?[^A-Za-z0-9{SPACE}]|{SPACE}")

# As Phi-3-mini's first files have it: BOS in front, no system role.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '<|user|>\\n' + message['content'] + '<|end|>\\n<|assistant|>\\n' }}{% else %}"
    "{{ message['content'] + '<|end|>\\n' }}{% endif %}{% endfor %}"
)


def split_words(text):
    """The words of a text, in order; joined they are the text with U+2581 for spaces."""
    return WORD.findall(text.replace(" ", SPACE))


def count_words(texts):
    """How often each word occurs; line breaks are left to the byte pieces."""
    counts = collections.Counter()
    for text in texts:
        for fragment in SPECIAL.split(text):
            if not SPECIAL.fullmatch(fragment):
                counts.update(split_words(" " + fragment))
    return {word: n for word, n in counts.items() if word.strip() and word != SPACE}


def learn_pieces(counts, n_pieces):
    """The pieces in the order of their merges, then single characters: n_pieces in all."""
    characters = sorted({c for word in counts for c in word} | {SPACE})
    words = [list(word) for word in counts]
    weights = list(counts.values())
    pairs, places = collections.Counter(), collections.defaultdict(set)
    for i, word in enumerate(words):
        for pair in zip(word, word[1:]):
            pairs[pair] += weights[i]
            places[pair].add(i)
    merged = []
    while len(merged) + len(characters) < n_pieces:
        left, right = max(pairs, key=lambda pair: (pairs[pair], pair))
        if left + right not in merged:
            merged.append(left + right)
        for i in sorted(places.pop((left, right))):
            word = words[i]
            for pair in zip(word, word[1:]):
                pairs[pair] -= weights[i]
            words[i] = word = join_pairs(word, left, right)
            for pair in zip(word, word[1:]):
                pairs[pair] += weights[i]
                places[pair].add(i)
        del pairs[left, right]
    return merged + characters


def join_pairs(word, left, right):
    """The word's symbols with every left-right pair joined."""
    joined, i = [], 0
    while i < len(word):
        is_pair = i + 1 < len(word) and word[i] == left and word[i + 1] == right
        joined.append(left + right if is_pair else word[i])
        i += 2 if is_pair else 1
    return joined


class Tokenizer:
    """Text to ids; pieces are those of learn_pieces."""

    def __init__(self, pieces):
        self.pieces = pieces
        first = FIRST_BYTE + 256
        self.ids = {piece: first + i for i, piece in enumerate(pieces)}
        self.added = {text: first + len(pieces) + i for i, text in enumerate(ADDED)}
        self.end_of_text = self.added[END_OF_TEXT]
        self.n_vocab = first + len(pieces) + len(ADDED)
        self.known = {}

    def vocabulary(self):
        """(text, score, kind) of every id, as GGUF wants them."""
        yield "<unk>", 0.0, UNKNOWN_KIND
        yield "<s>", 0.0, CONTROL_KIND
        yield "</s>", 0.0, CONTROL_KIND
        for byte in range(256):
            yield f"<0x{byte:02X}>", 0.0, BYTE_KIND
        for rank, piece in enumerate(self.pieces):
            yield piece, -float(rank), NORMAL_KIND
        for text in ADDED:
            yield text, -1000.0, CONTROL_KIND

    def encode_word(self, word):
        """The ids of one word."""
        symbols = list(word)
        while True:
            joined = [self.ids.get(a + b, self.n_vocab) for a, b in zip(symbols, symbols[1:])]
            best = min(joined, default=self.n_vocab)
            if best == self.n_vocab:
                break
            i = joined.index(best)
            symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
        ids = []
        for symbol in symbols:
            if symbol in self.ids:
                ids.append(self.ids[symbol])
            else:
                ids += [FIRST_BYTE + byte for byte in symbol.encode()]
        return ids

    def encode_fragment(self, text):
        """The ids of text without special tokens and without a space put before it."""
        ids = []
        for word in split_words(text):
            if word not in self.known:
                self.known[word] = self.encode_word(word)
            ids += self.known[word]
        return ids

    def encode_parts(self, parts):
        """The ids and weights of a document, from BOS to <|endoftext|>.

        Parts are (text, weight), one at least; they must not be cut inside a word. The end weighs
        what the last one does.
        """
        ids, weights = [BOS], [0.0]
        begins, strips = True, False
        for text, weight in parts:
            n_before = len(ids)
            for fragment in SPECIAL.split(text):
                if fragment in self.added:
                    ids.append(self.added[fragment])
                    begins, strips = True, fragment != END_OF_TEXT
                    continue
                if strips:
                    fragment = fragment.lstrip()
                if fragment:
                    ids += self.encode_fragment(" " + fragment if begins else fragment)
                    begins = strips = False
            weights += [weight] * (len(ids) - n_before)
        return ids + [self.end_of_text], weights + [parts[-1][1]]

    def encode(self, text):
        """The ids of a prompt: BOS, then the text with its special tokens."""
        return self.encode_parts([(text, 1.0)])[0][:-1]

    def save(self, path):
        """Keeps the pieces as JSON."""
        path.write_text(json.dumps(self.pieces, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path):
    """The tokenizer that was saved there."""
    return Tokenizer(json.loads(path.read_text(encoding="utf-8")))


def train(texts, n_vocab):
    """A tokenizer with n_vocab ids, learnt from the texts."""
    n_pieces = n_vocab - FIRST_BYTE - 256 - len(ADDED)
    return Tokenizer(learn_pieces(count_words(texts), n_pieces))

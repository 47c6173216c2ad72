-- The tables of an index of passages: a database of its own, which never changes once it is made.
-- Another form of it raises PASSAGES_VERSION (results/passages.h).

-- hash: of what the index was made of; n: how many passages it holds. One row.
CREATE TABLE about (hash TEXT NOT NULL, n INTEGER NOT NULL) STRICT;

-- A passage, found by the stems of its words without accents.
CREATE VIRTUAL TABLE passage USING fts5 (
    title,
    text,
    tokenize = 'porter unicode61 remove_diacritics 2'
);

/* triviaqa_data.h - files of questions with all their accepted answers.
 *
 * Two layouts, told apart by the file's name:
 *   *.json            TriviaQA's own: {"Data": [{"Question", "QuestionId", "Answer": {"Value",
 *                     "Aliases", "NormalizedAliases", "HumanAnswers"?}, "EntityPages"?,
 *                     "SearchResults"?}], "Domain"?}
 *   *.tsv, .csv, .txt question TAB list of answers, as JSON or as Python prints it; the id of a
 *                     question is its line
 * Knows nothing of prompts and grades.
 */
#ifndef PHIBENCH_SUITES_TRIVIAQA_DATA_H
#define PHIBENCH_SUITES_TRIVIAQA_DATA_H

#include "base/arena.h"
#include "base/sha256.h"

struct trivia_question {
    const char *id, *text, *value; /* value: the answer to show */
    int line;
    const char *const *aliases; /* [n_aliases] accepted answers as they were written */
    const char *const *gold;    /* [n_gold] what an answer is compared with, normalised */
    const char *const *pages;   /* [n_pages] files of evidence that it comes with */
    size_t n_aliases, n_gold, n_pages;
};

struct trivia_file {
    const char *path;
    bool is_by_page; /* answers are asked for each page: all domains but Wikipedia's */
    const struct trivia_question *questions;
    size_t n;
};

/* Reads a file into the arena, and lets the hash (may be NULL) know of its name and content. Errors
 * are ERR_INPUT with line, and column where that is known. */
bool trivia_read(const char *path, struct arena *arena, struct sha256 *hash,
                 struct trivia_file *file, struct err *err) __attribute__((warn_unused_result));
/* Reads a text in memory; the path gives the layout and the name in messages. */
bool trivia_parse(const char *path, const char *text, size_t n_bytes, struct arena *arena,
                  struct trivia_file *file, struct err *err) __attribute__((warn_unused_result));

#endif

/* task.h - a suite that a file describes: where questions stand in a data file, what a prompt is,
 * what is a right answer. suites/tasks/ holds the files; docs/tasks.md describes them.
 *
 * Whoever reads such a file (harness) fills a struct task; what is done with it stands here and in
 * task_*.c. A task is const once it is made and may be used by many threads.
 */
#ifndef PHIBENCH_SUITES_TASK_H
#define PHIBENCH_SUITES_TASK_H

#include "suites/suite.h"
#include "suites/template.h"

enum { TASK_MAX_SHOTS = 100, TASK_MAX_METRICS = 1 + VERDICT_MAX_OTHERS };

/* How a value is made: by one template, or as a list of one text from each of several. */
struct task_value {
    const struct template *const *templates; /* [n] */
    size_t n;                                /* 0: not given */
    bool is_list;
};

/* How one kind of file says what a task needs: its fields from those of a record. */
struct task_layout {
    const char *name; /* "huggingface" */
    const char *const *names;
    const struct task_value *values; /* [n_fields] */
    size_t n_fields;
};

enum task_kind {
    TASK_CHOICES,      /* which of several continuations is the most probable */
    TASK_CONTINUATION, /* whether the one continuation is what the model would say */
    TASK_GENERATE      /* what the model says */
};

enum task_metric_kind {
    METRIC_ACC,        /* the most probable choice is right; of a continuation: it is greedy */
    METRIC_ACC_NORM,   /* the choice of most log-likelihood per character is right */
    METRIC_MC2,        /* the right choices' share of the probability of all */
    METRIC_PERPLEXITY, /* of a continuation: its loss in nats, whose mean is made one */
    METRIC_MATCH       /* a template over {response} is one of the expected texts */
};

struct task_metric {
    const char *name;
    enum task_metric_kind kind;
    const struct template *reads; /* METRIC_MATCH */
};

/* Which examples stand before a question. */
enum task_draw {
    DRAW_FIRST,       /* the first ones */
    DRAW_RANDOM,      /* other ones for each question, as Python's random.Random(1234) draws them */
    DRAW_RANDOM_OTHER /* as DRAW_RANDOM, but one more is drawn, and the question itself left out */
};

struct task_protocol {
    const char *name;
    enum task_kind kind;
    int shots;        /* by default */
    bool fixed_shots; /* they stand in the preamble, and there are never more or fewer */
    enum task_draw draw;
    enum fit_policy fit;
    /* Before everything: what is to be done, and what the first question begins with; NULL: none */
    const struct template *description, *preamble;
    /* Where examples stand in the preamble, what a question begins and ends with; NULL: nothing
     * tells them apart, and in a chat they are one turn. */
    const char *question_mark, *answer_mark;
    const struct template *prompt;
    const char *delimiter; /* between a prompt and what follows it */
    const char *separator; /* behind an example */
    struct task_value choices, stems;
    const struct template *continuation; /* TASK_CONTINUATION */
    const struct template *answer;       /* TASK_CHOICES: a position, a truth value, or a list of
                                            0 and 1; TASK_GENERATE: a text or a list */
    const struct template *target;       /* an example's answer; NULL: the right choice */
    size_t max_tokens;                   /* TASK_GENERATE */
    struct task_value stops;
    struct task_metric metrics[TASK_MAX_METRICS]; /* the first is the suite's */
    size_t n_metrics;
};

/* A file beside the data whose text is a field, such as {examples} from the path
 * "cot-prompts/{subset}.txt". */
struct task_text {
    const char *name;
    const struct template *path;
};

/* What questions are grouped by in the scores, such as {category} at the level "category". */
struct task_group {
    const char *level;
    const struct template *name;
};

struct task {
    struct suite suite; /* name, version and protocols are the task's */
    const char *summary, *file;
    char hash[65]; /* of what the file means: a data set's hash covers it */
    /* How records are found in the data. */
    bool is_made;               /* needle.h makes them; no file has them */
    const char *member;         /* of a JSON map, the list of records; NULL: the file is the list */
    const char *const *columns; /* [n_columns] of CSV and TSV without a first row of names; the
                                   lines of a record in .txt */
    size_t n_columns;
    const char *files;           /* "bbh/{subset}.json": the data are a folder; NULL: one file */
    const char *level;           /* what a subset is: "language" */
    const struct value *subsets; /* a map of maps: fields that a subset adds; NULL: none */
    const struct task_text *texts;
    size_t n_texts;
    const struct task_group *groups; /* [n_groups] the first names the subset of one file */
    size_t n_groups;
    const struct task_layout *layouts;
    size_t n_layouts;
    const struct task_protocol *task_protocols;
    size_t n_protocols;
    struct templates *templates; /* owns what was parsed */
    struct arena *arena;         /* owns everything else, the task itself too */
};

/* Gives the task its functions, metric and list of protocols: the last step of making one. */
bool task_finish(struct task *task, struct err *err) __attribute__((warn_unused_result));
void task_free(struct task *task); /* NULL is fine */

/* By its own name, or that of a data set. */
const struct task_protocol *task_find_protocol(const struct task *task, const char *name);

/* The task that a suite is part of. */
static inline const struct task *task_of(const struct suite *suite)
{
    return (const struct task *)suite;
}

#endif

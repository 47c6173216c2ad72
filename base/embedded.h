/* embedded.h - files of the source tree that travel inside the program: the tables of databases,
 * the tasks, the published numbers.
 *
 * The Makefile writes the arrays: see EMBEDDED there.
 */
#ifndef PHIBENCH_BASE_EMBEDDED_H
#define PHIBENCH_BASE_EMBEDDED_H

struct embedded_file {
    const char *name; /* "arc_easy" */
    const char *path; /* "suites/tasks/arc_easy.yaml", for messages */
    const char *text;
};

/* Each in the order of its files' names; a name of NULL ends it. */
extern const struct embedded_file EMBEDDED_SCHEMA[];    /* results/schema */
extern const struct embedded_file EMBEDDED_PASSAGES[];  /* results/passages.sql alone */
extern const struct embedded_file EMBEDDED_TASKS[];     /* suites/tasks */
extern const struct embedded_file EMBEDDED_PUBLISHED[]; /* configs/published */

#endif

/* sections.h - the tables of a report with what stands above each, in the order of a page.
 *
 * One list for all forms: the page, Markdown, CSV and the terminal print what they need of it.
 */
#ifndef PHIBENCH_REPORTS_SECTIONS_H
#define PHIBENCH_REPORTS_SECTIONS_H

#include "reports/open_book.h"
#include "reports/pairs.h"

enum section_place {
    SECTION_RESULTS, /* what was measured */
    SECTION_DETAILS, /* what was measured, too long for a terminal */
    SECTION_CONTEXT, /* under which circumstances */
    SECTION_FILE     /* a CSV file alone, which holds more than the tables that are shown */
};

struct section {
    const char *heading, *text; /* text: how to read it, NULL for none */
    struct table *table; /* a section whose table has no rows is left out, but for its file */
    const char *csv;     /* its file, NULL for none */
    enum section_place place;
};

struct sections {
    struct section *items; /* [n] in the data's arena */
    size_t n, capacity;
};

/* Makes all tables of the report, in the data's arena. */
bool sections_build(struct store *store, const struct report_data *data,
                    const struct report_pairs *pairs, const struct open_book *books, size_t n_books,
                    struct sections *sections, struct err *err) __attribute__((warn_unused_result));

#endif

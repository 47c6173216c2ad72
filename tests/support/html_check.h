/* html_check.h - what a page must be, whatever stands in it. Each function fails the running test
 * with the place that is wrong.
 *
 * Enough of HTML and SVG for pages that we write.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_HTML_CHECK_H
#define PHIBENCH_TESTS_SUPPORT_HTML_CHECK_H

/* Every tag is closed by its own name, in order; every & begins an entity; quotes are closed. */
void html_assert_well_formed(const char *text);

/* Nothing is fetched: links of SVG inside the page (#name) are all there are. */
void html_assert_self_contained(const char *page);

/* Drawings stand side by side in one page: none may use the names of another. */
void html_assert_unique_ids(const char *page);

#endif

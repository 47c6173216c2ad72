/* oniguruma.h - regular expressions as a tokenizer.json has them: Oniguruma's syntax, compiled by
 * PCRE2.
 *
 * The library `tokenizers` runs Oniguruma, whose "\s", "\w", "^" and "$" differ from PCRE2's.
 */
#ifndef PHIBENCH_ENGINE_ONIGURUMA_H
#define PHIBENCH_ENGINE_ONIGURUMA_H

#include "base/buf.h"
#include "base/regex.h"

/* Appends the same expression in PCRE2's syntax. ERR_UNSUPPORTED for what has no equal there. */
bool oniguruma_translate(const char *expression, struct buf *out, struct err *err)
    __attribute__((warn_unused_result));

/* Translates and compiles; free with regex_free. */
struct regex *oniguruma_compile(const char *expression, struct err *err)
    __attribute__((warn_unused_result));
/* Appends the expression, in PCRE2's syntax, that matches this text and nothing else. */
void oniguruma_quote(const char *text, struct buf *out);

/* What words are made of, for a class: Unicode's Alphabetic, marks, decimal digits and
 * connectors. */
#define ONIGURUMA_WORD                                                                             \
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}"                    \
    "\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"

#endif

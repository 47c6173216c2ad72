/* api_access.h - how a server is reached: its key, its headers with what they take from the
 * environment, and all of both that must be told nobody.
 *
 * The one place below the command line that reads keys. Nothing is sent here.
 */
#ifndef PHIBENCH_HARNESS_ASK_API_ACCESS_H
#define PHIBENCH_HARNESS_ASK_API_ACCESS_H

#include "base/arena.h"
#include "harness/ask/api.h"
#include "harness/ask/http.h"

/* The value of an environment variable that holds a key; *key = NULL for a NULL name. ERR_CONFIG if
 * there is no such variable, or a line end in it. */
bool api_find_key(const char *variable, const char **key, struct err *err)
    __attribute__((warn_unused_result));

/* For http_open, which one thread after another may call. Strings of the options must outlive it.
 */
struct api_access {
    struct http_options http;
    struct secrets *secrets;
    struct arena *arena;
};
/* ERR_CONFIG if a header takes a variable that is not set, or one with a line end. Close with
 * api_access_close, but not after a failure. */
bool api_access_open(const struct api_options *options, struct api_access *access, struct err *err)
    __attribute__((warn_unused_result));
void api_access_close(struct api_access *access);

/* Whether what the options need of the environment is there; key_env: the variable with the key,
 * NULL for none. */
bool api_access_check(const struct api_options *options, const char *key_env, struct err *err)
    __attribute__((warn_unused_result));

#endif

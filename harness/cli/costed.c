/* costed.c - see costed.h.
 *
 * A database that was named must be there; that of the configuration need not.
 */
#include "harness/cli/costed.h"

#include "base/file.h"

#include <stdlib.h>

static bool open_store(const struct db_options *db, struct costed *costed, struct err *err)
{
    const char *path = db->path ? db->path : costed->config->db;
    const struct store_options how = {.mode = STORE_READ, .is_trusted = db->is_trusted};
    if (!db->path && !file_exists(path)) return true;
    costed->store = store_open_as(path, &how, err);
    return costed->store != NULL;
}

bool costed_open(const struct invocation *invocation, const struct costed_options *options,
                 struct costed *costed, struct err *err)
{
    *costed = (struct costed){0};
    costed->config = config_read(invocation->arguments[0], options->set.items, options->set.n, err);
    if (!costed->config) return false;
    costed->plan = plan_make(costed->config, &invocation->console, err);
    if (!costed->plan || !open_store(&options->db, costed, err)) return false;
    costed->costs = job_costs_estimate(costed->plan, costed->store, err);
    return costed->costs != NULL;
}

void costed_close(struct costed *costed)
{
    free(costed->costs);
    store_close(costed->store);
    plan_free(costed->plan);
    config_free(costed->config);
}

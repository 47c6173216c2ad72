/* parts.h - the parts of a configuration that have files of their own: models (models.c), the
 * servers behind which they stand (servers.c) and suites (suites.c). Internal to harness/config/.
 */
#ifndef PHIBENCH_HARNESS_CONFIG_PARTS_H
#define PHIBENCH_HARNESS_CONFIG_PARTS_H

#include "harness/config/config.h"
#include "harness/config/tree.h"

static inline struct config_place config_place(const struct config_node *node)
{
    return (struct config_place){.file = node->file, .line = node->line, .column = node->column};
}

/* Fill config->models, config->suites from the lists of those names. Defaults of config are read
 * already. */
bool config_read_models(struct config *config, const struct config_node *list, struct err *err)
    __attribute__((warn_unused_result));
bool config_read_suites(struct config *config, const struct config_node *list, struct err *err)
    __attribute__((warn_unused_result));
/* A model behind a server, under test or a judge. The options have no key yet: *key_env is the
 * variable that holds it, NULL for none. */
bool config_read_api(struct config *config, const struct config_node *map,
                     const struct api_options **options, const char **key_env, struct err *err)
    __attribute__((warn_unused_result));
/* Of the suite mt_bench the judge and the baseline. */
bool config_read_judging(struct config *config, const struct config_node *map,
                         struct config_suite *suite, struct err *err)
    __attribute__((warn_unused_result));

#endif

/* mt_speaker.h - who answers MT-bench's questions, or judges the answers: a model of this machine,
 * or a server.
 *
 * Judges and models under test are the same thing here: something that replies to messages.
 */
#ifndef PHIBENCH_HARNESS_RUN_MT_SPEAKER_H
#define PHIBENCH_HARNESS_RUN_MT_SPEAKER_H

#include "harness/ask/client_api.h"
#include "harness/run/progress.h"

/* Close with mt_speaker_close, also after a failed open. */
struct mt_speaker {
    struct model *model; /* NULL: a server */
    struct client *client;
    struct arena *arena; /* of a server's options, if nobody else owns them; NULL */
};

/* The options have no key: it is the value of the environment variable key_env, NULL for none. */
bool mt_speaker_open_api(struct mt_speaker *speaker, const struct api_options *api,
                         const char *key_env, struct err *err) __attribute__((warn_unused_result));
/* isa and the options' threads as load_model takes them. */
bool mt_speaker_open_model(struct mt_speaker *speaker, const struct console *console,
                           const char *path, const struct model_seal *seal, enum isa isa,
                           const struct client_options *options, struct err *err)
    __attribute__((warn_unused_result));
void mt_speaker_close(struct mt_speaker *speaker);
/* Logs what a server was asked for and what that cost; nothing for a model of this machine. */
void mt_speaker_report(const struct mt_speaker *speaker, const char *label, const struct log *log);

#endif

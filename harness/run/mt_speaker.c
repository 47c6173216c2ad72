/* mt_speaker.c - see mt_speaker.h.
 *
 * Owns the model behind a client of this machine. Knows nothing of questions and judgments.
 */
#include "harness/run/mt_speaker.h"

#include "engine/tools.h"
#include "harness/ask/api_access.h"
#include "harness/run/load_model.h"

bool mt_speaker_open_api(struct mt_speaker *speaker, const struct api_options *api,
                         const char *key_env, struct err *err)
{
    struct api_options options = *api;
    *speaker = (struct mt_speaker){0};
    if (!api_find_key(key_env, &options.key, err)) return false;
    speaker->client = client_open_api(&options, err);
    return speaker->client != NULL;
}

bool mt_speaker_open_model(struct mt_speaker *speaker, const struct console *console,
                           const char *path, const struct model_seal *seal, enum isa isa,
                           const struct client_options *options, struct err *err)
{
    *speaker =
        (struct mt_speaker){.model = load_model(console, path, seal, isa, &options->session, err)};
    if (!speaker->model) return false;
    log_warning_lines(&console->log, path, tokenizer_notes(model_tokenizer(speaker->model)));
    speaker->client = client_open_engine(speaker->model, options, err);
    return speaker->client != NULL;
}

void mt_speaker_close(struct mt_speaker *speaker)
{
    client_close(speaker->client);
    model_close(speaker->model);
    arena_free(speaker->arena);
    *speaker = (struct mt_speaker){0};
}

void mt_speaker_report(const struct mt_speaker *speaker, const char *label, const struct log *log)
{
    if (speaker->client && !speaker->model) client_api_report(speaker->client, label, log);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Options and texts that stay (texts.h). */
#include "texts.h"

const char *ps_texts_keep(struct ps_texts *texts, const char *text, int *failed)
{
    if (!text || !*text)
        return NULL;
    char *made = texts->count < PS_TEXTS_MAX ? ps_copy(text, strlen(text)) : NULL;
    if (!made) {
        *failed = 1;
        return NULL;
    }
    texts->at[texts->count++] = made;
    return made;
}

void ps_texts_clear(struct ps_texts *texts)
{
    for (unsigned i = 0; i < texts->count; i++) {
        explicit_bzero(texts->at[i], strlen(texts->at[i]));
        ps_host->free(texts->at[i]);
    }
    texts->count = 0;
}

const char *ps_option(const struct polyfs_options *options, const char *name)
{
    const char *text = ps_host->option(options, name);
    return text && *text ? text : NULL;
}

int ps_is_of_env(const struct polyfs_options *options, const char *value, const char *variable)
{
    const char *env = ps_host->env(options, variable);
    return env && strcmp(env, value) == 0;
}

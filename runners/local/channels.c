/* channels.c - the table of markers. A row is taken when its opener and closer are tokens of the
 * vocabulary, or its closer stands in the chat template; the first such row counts. Harmony comes
 * first, and needs its four markers as control tokens. */
#include "runners/local/channels.h"
#include <string.h>

const char *const channels_harmony_names[HARMONY_COUNT] = {"<|start|>", "<|channel|>",
                                                           "<|message|>", "<|end|>"};

static const channels harmony = {
    .is_harmony = true,
    .thinks = true,
    .end_thought = "<|end|><|start|>assistant<|channel|>final<|message|>",
    .no_thought = "<|channel|>final<|message|>",
};

#define TAGS(open, close)                                                                          \
    {                                                                                              \
        .opener = (open), .closer = (close), .end_thought = "\n" close "\n\n",                     \
        .no_thought = open "\n\n" close "\n\n"                                                     \
    }
static const channels tags[] = {
    TAGS("<think>", "</think>"), /* DeepSeek-R1, Qwen3, QwQ, SmolLM3, GLM, ...; the fallback */
    TAGS("[THINK]", "[/THINK]"), /* Magistral */
    TAGS("<seed:think>", "</seed:think>"),
    TAGS("<|START_THINKING|>", "<|END_THINKING|>"), /* Command A Reasoning */
    TAGS("<thought>", "</thought>"),                /* EXAONE Deep */
};

static bool find_harmony(channels *out, const tokenizer *t)
{
    channels ch = harmony;
    for (size_t i = 0; i < HARMONY_COUNT; i++) {
        const char *name = channels_harmony_names[i];
        ch.id[i] = tokenizer_find_added(t, name, strlen(name));
        if (ch.id[i] < 0) return false;
    }
    *out = ch;
    return true;
}

static bool contains(const char *text, size_t len, const char *word)
{
    const size_t n = strlen(word);
    for (size_t i = 0; text && i + n <= len; i++)
        if (memcmp(text + i, word, n) == 0) return true;
    return false;
}

void channels_find(channels *out, const tokenizer *t, const char *chat_template, size_t len)
{
    if (find_harmony(out, t)) return;
    *out = tags[0];
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        const channels *row = &tags[i];
        const bool tokens = tokenizer_find_added(t, row->opener, strlen(row->opener)) >= 0 &&
                            tokenizer_find_added(t, row->closer, strlen(row->closer)) >= 0;
        if (!tokens && !contains(chat_template, len, row->closer)) continue;
        *out = *row;
        out->thinks = true;
        return;
    }
}

/* Does text[0..len) end with this word? */
static bool ends_with(const char *text, size_t len, const char *word)
{
    const size_t n = strlen(word);
    return len >= n && memcmp(text + len - n, word, n) == 0;
}

static part_kind behind_harmony(const char *text, size_t len)
{
    const char *start = channels_harmony_names[HARMONY_START];
    const char *message = channels_harmony_names[HARMONY_MESSAGE];
    size_t body = SIZE_MAX; /* end of the last header */
    for (size_t i = len; i > 0; i--) {
        if (body == SIZE_MAX && ends_with(text, i, message)) body = i - strlen(message);
        if (!ends_with(text, i, start)) continue;
        return body == SIZE_MAX ? PART_HIDDEN : channels_part_of_header(text + i, body - i);
    }
    return PART_ANSWER;
}

part_kind channels_part_behind(const channels *ch, const char *text, size_t len)
{
    if (ch->is_harmony) return behind_harmony(text, len);
    while (len > 0 && strchr(" \n\t\r", text[len - 1]))
        len--;
    return ends_with(text, len, ch->opener) ? PART_THOUGHT : PART_ANSWER;
}

part_kind channels_part_of_header(const char *header, size_t len)
{
    const char *channel = channels_harmony_names[HARMONY_CHANNEL];
    size_t at = 0;
    if (contains(header, len, " to=")) return PART_HIDDEN;
    while (at < len && !ends_with(header, at, channel))
        at++;
    if (at == len && !ends_with(header, at, channel)) return PART_ANSWER;
    const size_t n = strlen("final");
    const bool final = len - at >= n && memcmp(header + at, "final", n) == 0;
    return final ? PART_ANSWER : PART_THOUGHT;
}

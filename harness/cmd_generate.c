/* cmd_generate.c - `waage generate`: one prompt, the answer as it is made. */
#include "harness/base/log.h"
#include "harness/cmd_model.h"
#include "harness/base/stopwatch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GENERATE_MESSAGES = 2 };

typedef struct {
    cmd_model model;
    const char *prompt, *file, *system, *prefix, *reasoning;
    bool chat, json;
    uint32_t max_tokens;
    opts_list stop;
    double temperature, top_p, min_p;
    size_t top_k;
    uint64_t seed;
} generate_args;

static const opt generate_options[] = {
    CMD_MODEL_OPTION(offsetof(generate_args, model)),
    {'p', "prompt", OPT_TEXT, offsetof(generate_args, prompt), "TEXT",
     "the prompt; default: stdin"},
    {'f', "file", OPT_TEXT, offsetof(generate_args, file), "FILE",
     "the prompt from a file, - is stdin"},
    {'n', "max-tokens", OPT_U32, offsetof(generate_args, max_tokens), "N",
     "at most N tokens (default 256; 0: as the context allows)"},
    {0, "chat", OPT_FLAG, offsetof(generate_args, chat), NULL, "by the model's chat template"},
    {0, "system", OPT_TEXT, offsetof(generate_args, system), "TEXT", "system message (--chat)"},
    {0, "reasoning", OPT_TEXT, offsetof(generate_args, reasoning), "off|low|medium|high|N",
     "how to think (--chat): effort, tokens of thought, or both (high:2048)"},
    {0, "prefix", OPT_TEXT, offsetof(generate_args, prefix), "TEXT", "the answer begins with this"},
    {0, "stop", OPT_LIST, offsetof(generate_args, stop), "TEXT", "end before this text; several"},
    {0, "temperature", OPT_REAL, offsetof(generate_args, temperature), "T", "default 0: greedy"},
    {0, "top-k", OPT_SIZE, offsetof(generate_args, top_k), "K", "default 0: off"},
    {0, "top-p", OPT_REAL, offsetof(generate_args, top_p), "P", "default 1: off"},
    {0, "min-p", OPT_REAL, offsetof(generate_args, min_p), "P", "default 0: off"},
    {0, "seed", OPT_U64, offsetof(generate_args, seed), "N", "of the sampler (default 0)"},
    {0, "json", OPT_FLAG, offsetof(generate_args, json), NULL,
     "text, tokens and log-probabilities for machines"},
    CMD_ENGINE_OPTIONS(offsetof(generate_args, model)),
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

typedef struct {
    const generate_args *args;
    double begun;
    bool streamed;
} generation;

static void print_text(void *ctx, const char *text, size_t len)
{
    generation *g = ctx;
    g->streamed = true;
    fwrite(text, 1, len, stdout);
    fflush(stdout);
}

static void put_text(strbuf *b, const char *key, const char *s, size_t len)
{
    strbuf_printf(b, "\"%s\": ", key);
    if (s)
        strbuf_put_json(b, s, len);
    else
        strbuf_puts(b, "null");
}

static void put_json(strbuf *b, const reply *rp)
{
    strbuf_putc(b, '{');
    put_text(b, "text", rp->text, rp->text_len);
    strbuf_puts(b, ", ");
    put_text(b, "thought", rp->thought, rp->thought ? strlen(rp->thought) : 0);
    if (rp->thought)
        strbuf_printf(b, ", \"thought_tokens\": %u, \"forced_closes\": %u", rp->thought_tokens,
                      rp->forced_closes);
    strbuf_printf(b, ", \"finish\": \"%s\", ", finish_name(rp->finish));
    put_text(b, "prompt", rp->rendered, rp->rendered_len);
    strbuf_printf(b, ", \"prompt_tokens\": %u, \"completion_tokens\": %u, \"tokens\": [",
                  rp->prompt_tokens, rp->completion_tokens);
    for (size_t i = 0; rp->tokens && i < rp->n_tokens; i++)
        strbuf_printf(b, i ? ", %d" : "%d", rp->tokens[i]);
    strbuf_puts(b, "], \"logprobs\": [");
    for (size_t i = 0; rp->logprobs && i < rp->n_tokens; i++)
        strbuf_printf(b, i ? ", %.9g" : "%.9g", (double)rp->logprobs[i]);
    strbuf_puts(b, "]}\n");
}

static waage_status take_reply(void *ctx, size_t i, const reply *rp, waage_err *err)
{
    generation *g = ctx;
    (void)i;
    if (rp->finish == FINISH_ERROR || rp->finish == FINISH_UNSUPPORTED)
        return waage_err_set(err, rp->finish == FINISH_ERROR ? WAAGE_EFAIL : WAAGE_EUNSUPPORTED,
                             "%s", rp->error ? rp->error : "the model gave no answer");
    if (g->args->json) {
        strbuf b = STRBUF_EMPTY;
        put_json(&b, rp);
        fwrite(strbuf_str(&b), 1, b.len, stdout);
        strbuf_free(&b);
    } else {
        if (!g->streamed) fwrite(rp->text, 1, rp->text_len, stdout);
        putchar('\n');
    }
    const double seconds = stopwatch_now() - g->begun;
    log_debug("%s after %u tokens (prompt %u), %.1f s, %.1f tokens/s", finish_name(rp->finish),
              rp->completion_tokens, rp->prompt_tokens, seconds,
              seconds > 0 ? rp->completion_tokens / seconds : 0);
    return WAAGE_OK;
}

static waage_status generate(const generate_args *args, runner *r, const char *prompt,
                             waage_err *err)
{
    message messages[GENERATE_MESSAGES];
    reasoning think = {REASONING_DEFAULT, 0};
    if (args->reasoning) (void)reasoning_from_text(&think, args->reasoning); /* was checked */
    size_t n_messages = 0;
    if (args->system) messages[n_messages++] = (message){"system", args->system};
    messages[n_messages++] = (message){"user", prompt};
    const request rq = {.item_id = "generate",
                        .kind = REQUEST_GENERATE,
                        .proto = args->chat ? PROTOCOL_CHAT : PROTOCOL_COMPLETION,
                        .prompt = args->chat ? NULL : prompt,
                        .messages = args->chat ? messages : NULL,
                        .n_messages = args->chat ? n_messages : 0,
                        .answer_prefix = args->prefix,
                        .sample_by = {args->temperature, (int32_t)args->top_k, args->top_p,
                                      args->min_p, args->seed},
                        .max_tokens = args->max_tokens,
                        .think = think,
                        .stop = args->stop.items,
                        .n_stop = args->stop.n};
    generation g = {args, stopwatch_now(), false};
    const cmd_batch batch = {&rq, 1, take_reply, args->json ? NULL : print_text, &g};
    return cmd_model_run(r, &batch, err);
}

static waage_status run_generate(const cmd_line *line, bool *no, waage_err *err)
{
    (void)no;
    generate_args args = {.max_tokens = 256, .top_p = 1};
    WAAGE_TRY(cmd_parse(line, &args, NULL, err));
    if (args.top_k > INT32_MAX || args.top_p > 1 || args.min_p > 1)
        return waage_err_set(err, WAAGE_EINVAL,
                             "--top-p and --min-p lie in 0..1, --top-k below 2^31");
    if (args.prompt && args.file)
        return waage_err_set(err, WAAGE_EINVAL, "--prompt or --file, not both");
    if (args.system && !args.chat) return waage_err_set(err, WAAGE_EINVAL, "--system needs --chat");
    reasoning think;
    if (args.reasoning && !args.chat)
        return waage_err_set(err, WAAGE_EINVAL, "--reasoning needs --chat");
    if (args.reasoning && !reasoning_from_text(&think, args.reasoning))
        return waage_err_set(err, WAAGE_EINVAL,
                             "--reasoning: '%.60s' is not off, low, medium, high, a number of "
                             "tokens, or both (high:2048)",
                             args.reasoning);
    runner *r = NULL;
    char *text = NULL;
    size_t len = 0;
    WAAGE_TRY(cmd_model_open(&r, &args.model, false, line->a, err));
    waage_status st = WAAGE_OK;
    if (!args.prompt) st = cmd_read_text(&text, &len, args.file ? args.file : "-", err);
    if (st == WAAGE_OK && text && strlen(text) != len)
        st = waage_err_set(err, WAAGE_EFORMAT, "the prompt holds a zero byte");
    if (st == WAAGE_OK) st = generate(&args, r, args.prompt ? args.prompt : text, err);
    free(text);
    runner_close(r);
    return st;
}

const command cmd_generate = {
    "generate",
    "-m MODEL [-p TEXT] [-n N] [--chat]",
    "Let a model go on with a text, or answer it.",
    "Without --chat the text goes to the model as it is (a beginning-of-text token is added where "
    "the\n"
    "model wants one). Greedy unless --temperature is given; the same seed gives the same text.",
    generate_options,
    0,
    0,
    run_generate,
};

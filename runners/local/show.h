/* show.h - facts about a model file: for `waage show MODEL`, and for the model's row in a store. */
#ifndef RUNNERS_LOCAL_SHOW_H
#define RUNNERS_LOCAL_SHOW_H
#include "harness/base/arena.h"
#include "harness/base/strbuf.h"
#include "harness/base/value.h"
#include "runners/local/gguf.h"
#include "runners/local/tokenizer.h"

/* A map for runner_info.meta, keys without a value left out, in this order: name, architecture,
 * parameters (int), quantisation (the file's own name for it, "Q4_K_M", else the type that holds
 * most weights), quantisation_mix (map of type to bytes), file_bytes, parts, context_length,
 * layers, width, vocabulary, tokenizer, pretokenizer, licence, base_or_instruct ("instruct" when
 * there is a chat template, else "base"), template_sha256, sha256 (argument; may be NULL). Lives in
 * `a`. WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status show_meta(value **out, arena *a, const gguf *g, const char *sha256,
                                        waage_err *err);
/* What `waage show` prints for people: sizes, tensors by type, tokenizer, chat template, licence,
 * hash. t may be NULL when the tokenizer is not supported; no_tokenizer then says why (or NULL).
 * sha256 as above. Bytes of the file that could steer a terminal are escaped. */
WAAGE_MUST_CHECK waage_status show_print(strbuf *out, const gguf *g, const tokenizer *t,
                                         const char *no_tokenizer, const char *sha256,
                                         waage_err *err);

#endif

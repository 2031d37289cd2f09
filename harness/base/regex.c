/* regex.c - sole includer of pcre2.h. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "harness/base/regex.h"
#include <pcre2.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Generous for real patterns, small enough that a hostile one ends in well under a second. */
enum { MATCH_LIMIT = 5000000, HEAP_LIMIT_KIB = 262144 };

struct regex {
    pcre2_code *code;
    pcre2_match_context *limits;
    size_t n_groups;
};

/* Match data is per thread: a pattern may be used from several threads at the same time. */
static pthread_key_t match_key;
static pthread_once_t match_once = PTHREAD_ONCE_INIT;

static void match_free(void *p)
{
    pcre2_match_data_free(p);
}

static void match_init(void)
{
    pthread_key_create(&match_key, match_free);
}

static pcre2_match_data *thread_match_data(void)
{
    pthread_once(&match_once, match_init);
    pcre2_match_data *md = pthread_getspecific(match_key);
    if (!md) {
        md = pcre2_match_data_create(REGEX_MAX_GROUPS + 1, NULL);
        if (md) pthread_setspecific(match_key, md);
    }
    return md;
}

waage_status regex_compile(regex **out, const char *pattern, unsigned flags, waage_err *err)
{
    *out = NULL;
    uint32_t options = PCRE2_UTF | PCRE2_UCP;
    if (flags & REGEX_CASELESS) options |= PCRE2_CASELESS;
    if (flags & REGEX_DOTALL) options |= PCRE2_DOTALL;
    if (flags & REGEX_MULTILINE) options |= PCRE2_MULTILINE;
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *re =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &code, &at, NULL);
    if (!re) {
        PCRE2_UCHAR why[160];
        pcre2_get_error_message(code, why, sizeof why);
        return waage_err_set(err, WAAGE_EFORMAT, "regular expression /%.200s/ at offset %zu: %s",
                             pattern, (size_t)at, (const char *)why);
    }
    uint32_t n_groups = 0;
    pcre2_pattern_info(re, PCRE2_INFO_CAPTURECOUNT, &n_groups);
    regex *r = calloc(1, sizeof *r);
    if (r) r->limits = pcre2_match_context_create(NULL);
    if (!r || !r->limits) {
        pcre2_code_free(re);
        free(r);
        return waage_err_nomem(err);
    }
    r->code = re;
    r->n_groups = n_groups;
    if (n_groups > REGEX_MAX_GROUPS) {
        regex_free(r);
        return waage_err_set(err, WAAGE_EFORMAT,
                             "regular expression /%.200s/: %u groups, at most %d", pattern,
                             n_groups, REGEX_MAX_GROUPS);
    }
    pcre2_set_match_limit(r->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(r->limits, HEAP_LIMIT_KIB);
    pcre2_jit_compile(re, PCRE2_JIT_COMPLETE); /* without a JIT the interpreter does the same */
    *out = r;
    return WAAGE_OK;
}

void regex_free(regex *re)
{
    if (!re) return;
    pcre2_match_context_free(re->limits);
    pcre2_code_free(re->code);
    free(re);
}

size_t regex_n_groups(const regex *re)
{
    return re->n_groups;
}

bool regex_find(const regex *re, const char *text, size_t len, size_t from, regex_span *span,
                size_t n_spans)
{
    pcre2_match_data *md = thread_match_data();
    if (!md || from > len) return false;
    /* The text has been validated by the caller once; checking it again at each call is quadratic.
     */
    int n = pcre2_match(re->code, (PCRE2_SPTR)text, len, from, PCRE2_NO_UTF_CHECK, md, re->limits);
    if (n == PCRE2_ERROR_JIT_STACKLIMIT) /* a very long match: the interpreter uses the heap */
        n = pcre2_match(re->code, (PCRE2_SPTR)text, len, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                        md, re->limits);
    if (n < 0) return false;
    const PCRE2_SIZE *ov = pcre2_get_ovector_pointer(md);
    for (size_t i = 0; i < n_spans && i <= re->n_groups; i++) {
        const bool set = i < (size_t)n && ov[2 * i] != PCRE2_UNSET;
        span[i].start = set ? ov[2 * i] : SIZE_MAX;
        span[i].end = set ? ov[2 * i + 1] : SIZE_MAX;
    }
    return true;
}

const char *regex_unicode_version(void)
{
    static char version[32]; /* written with the same bytes by whoever comes first */
    if (pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, NULL) < (int)sizeof version)
        pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, version);
    return version;
}

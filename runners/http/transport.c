/* transport.c - libcurl behind transport.h. */
#include "runners/http/transport.h"
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "harness/base/host.h"
#include "harness/base/stopwatch.h"

enum { N_IDLE_MOST = 64 };

struct transport {
    CURLM *multi;
    transport_limits limits;
    transport_call *running; /* list */
    transport_call *first_done, *last_done;
    CURL *idle[N_IDLE_MOST]; /* handles for use again: connections and buffers stay warm */
    size_t n_idle;
    const char *ca_file;
};

static const char *const fault_names[] = {"fine", "refused", "tls", "timeout", "cut", "too_large"};

const char *transport_fault_name(transport_fault f)
{
    return fault_names[f];
}

/* ---- What comes in ---- */

static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
    transport_call *c = ctx;
    c->heard = stopwatch_now();
    strbuf_put(&c->got, data, size * n);
    c->too_large = c->got.failed;
    return c->got.failed ? 0 : size * n;
}

/* "Name: value\r\n" -> value without blanks around it, when the name matches. */
static bool header_value(const char *line, size_t len, const char *name, char *out, size_t size)
{
    const size_t n = strlen(name);
    if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0) return false;
    const char *s = line + n + 1, *end = line + len;
    while (s < end && (*s == ' ' || *s == '\t'))
        s++;
    while (end > s && (unsigned char)end[-1] <= ' ')
        end--;
    const size_t take = (size_t)(end - s) < size - 1 ? (size_t)(end - s) : size - 1;
    memcpy(out, s, take);
    out[take] = 0;
    for (char *p = out; *p; p++)
        if ((unsigned char)*p < ' ') *p = '?';
    return true;
}

double transport_parse_retry_after(const char *text)
{
    char *end = NULL;
    const double seconds = strtod(text, &end);
    if (end != text && seconds >= 0 && seconds < 1e9) return seconds;
    const time_t when = curl_getdate(text, NULL);
    if (when == (time_t)-1) return -1;
    const double left = difftime(when, time(NULL));
    return left > 0 ? left : 0;
}

static size_t take_header(char *data, size_t size, size_t n, void *ctx)
{
    transport_call *c = ctx;
    const size_t len = size * n;
    char text[128];
    c->heard = stopwatch_now();
    if (len > 5 && strncmp(data, "HTTP/", 5) == 0) { /* after "100 Continue" it begins anew */
        c->retry_after = -1;
        c->location[0] = c->request_id[0] = 0;
    } else if (header_value(data, len, "retry-after-ms", text, sizeof text)) {
        const double ms = transport_parse_retry_after(text);
        if (ms >= 0) c->retry_after = ms / 1000;
    } else if (header_value(data, len, "retry-after", text, sizeof text)) {
        if (c->retry_after < 0) c->retry_after = transport_parse_retry_after(text);
    } else if (header_value(data, len, "location", c->location, sizeof c->location)) {
        return len;
    } else if (header_value(data, len, "request-id", text, sizeof text) ||
               header_value(data, len, "x-request-id", text, sizeof text)) {
        snprintf(c->request_id, sizeof c->request_id, "%.95s", text);
    }
    return len;
}

/* ---- Starting ---- */

static bool set_protocols(CURL *e)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else /* Ubuntu 22.04 */
    return curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)) ==
           CURLE_OK;
#endif
}

static bool set_options(const transport *t, CURL *e, transport_call *c)
{
    const transport_limits *l = &t->limits;
    bool ok = curl_easy_setopt(e, CURLOPT_URL, c->url) == CURLE_OK && set_protocols(e) &&
              curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->list) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_PRIVATE, c) == CURLE_OK;
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "waage");
    curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)(1000 * l->connect));
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(1000 * l->total));
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
    if (t->ca_file) curl_easy_setopt(e, CURLOPT_CAINFO, t->ca_file);
    const char *host = strstr(c->url, "://");
    if (host && host_is_loopback(host + 3)) curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    if (c->body) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        ok = ok && curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body) == CURLE_OK &&
             curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body_len) == CURLE_OK;
    }
    return ok;
}

static struct curl_slist *make_headers(const transport_call *c)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no waiting for 100 Continue */
    for (size_t i = 0; list && i < c->n_headers; i++) {
        struct curl_slist *more = curl_slist_append(list, c->headers[i]);
        if (!more) curl_slist_free_all(list);
        list = more;
    }
    return list;
}

static void put_away(transport *t, transport_call *c)
{
    if (c->easy) {
        curl_multi_remove_handle(t->multi, c->easy);
        curl_easy_reset(c->easy);
        if (t->n_idle < N_IDLE_MOST)
            t->idle[t->n_idle++] = c->easy;
        else
            curl_easy_cleanup(c->easy);
    }
    /* Headers hold the key: gone as soon as they are not needed. */
    for (struct curl_slist *s = c->list; s; s = s->next)
        memset(s->data, 0, strlen(s->data));
    curl_slist_free_all(c->list);
    c->easy = c->list = NULL;
    for (transport_call **p = &t->running; *p; p = &(*p)->next)
        if (*p == c) {
            *p = c->next;
            break;
        }
    c->next = NULL;
}

waage_status transport_start(transport *t, transport_call *c, waage_err *err)
{
    c->got = (strbuf){.max = t->limits.max_body};
    c->fault = TRANSPORT_FINE;
    c->status = 0;
    c->why[0] = c->location[0] = c->request_id[0] = 0;
    c->retry_after = -1;
    c->too_large = false;
    c->heard = 0;
    c->begun = stopwatch_now();
    c->list = make_headers(c);
    c->easy = t->n_idle ? t->idle[--t->n_idle] : curl_easy_init();
    c->next = t->running;
    t->running = c;
    if (!c->list || !c->easy || !set_options(t, c->easy, c)) {
        put_away(t, c);
        return waage_err_nomem(err);
    }
    const CURLMcode rc = curl_multi_add_handle(t->multi, c->easy);
    if (rc == CURLM_OK) return WAAGE_OK;
    put_away(t, c);
    return waage_err_set(err, WAAGE_EFAIL, "libcurl: %s", curl_multi_strerror(rc));
}

void transport_cancel(transport *t, transport_call *c)
{
    put_away(t, c);
}

void transport_release(transport_call *c)
{
    strbuf_free(&c->got);
}

/* ---- Ending ---- */

static transport_fault fault_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return TRANSPORT_FINE;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return TRANSPORT_REFUSED;
    case CURLE_OPERATION_TIMEDOUT:
        return TRANSPORT_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        return TRANSPORT_TLS;
    default:
        return TRANSPORT_CUT;
    }
}

static void finish(transport *t, transport_call *c, transport_fault fault, const char *why)
{
    long status = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    c->status = (int)status;
    c->fault = fault;
    c->ms = 1000 * (stopwatch_now() - c->begun);
    snprintf(c->why, sizeof c->why, "%s", why);
    put_away(t, c);
    if (t->last_done)
        t->last_done->next = c;
    else
        t->first_done = c;
    t->last_done = c;
}

static void collect(transport *t)
{
    int n_left = 0;
    for (CURLMsg *m; (m = curl_multi_info_read(t->multi, &n_left));) {
        transport_call *c = NULL;
        const CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE) continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
        if (c->too_large)
            finish(t, c, TRANSPORT_TOO_LARGE, "the reply is larger than allowed");
        else
            finish(t, c, fault_of(code), code == CURLE_OK ? "" : curl_easy_strerror(code));
    }
}

/* The two limits that libcurl does not have. Returns the time until the next one is due. */
static double check_deadlines(transport *t, double most)
{
    const double now = stopwatch_now();
    for (transport_call *c = t->running, *next; c; c = next) {
        next = c->next;
        const double since = c->heard > 0 ? c->heard : c->begun;
        const double limit = c->heard > 0 ? t->limits.stall : t->limits.first_byte;
        const double left = since + limit - now;
        if (left <= 0)
            finish(t, c, TRANSPORT_TIMEOUT,
                   c->heard > 0 ? "the reply stalled" : "no byte of a reply in time");
        else if (left < most)
            most = left;
    }
    return most;
}

waage_status transport_wait(transport *t, double seconds, waage_err *err)
{
    int n_running = 0;
    CURLMcode rc = curl_multi_perform(t->multi, &n_running);
    collect(t);
    seconds = check_deadlines(t, seconds);
    if (rc == CURLM_OK && !t->first_done) {
        rc = curl_multi_poll(t->multi, NULL, 0, (int)(1000 * seconds) + 1, NULL);
        if (rc == CURLM_OK) rc = curl_multi_perform(t->multi, &n_running);
        collect(t);
    }
    if (rc != CURLM_OK)
        return waage_err_set(err, WAAGE_EFAIL, "libcurl: %s", curl_multi_strerror(rc));
    return WAAGE_OK;
}

transport_call *transport_take(transport *t)
{
    transport_call *c = t->first_done;
    if (!c) return NULL;
    t->first_done = c->next;
    if (!t->first_done) t->last_done = NULL;
    c->next = NULL;
    return c;
}

/* ---- Opening ---- */

/* As the curl tool does it: a user's own authorities. */
static const char *find_ca_file(void)
{
    const char *file = getenv("CURL_CA_BUNDLE");
    if (!file || !*file) file = getenv("SSL_CERT_FILE");
    return file && *file ? file : NULL;
}

waage_status transport_open(transport **out, const transport_limits *limits, size_t n_most,
                            waage_err *err)
{
    static bool ready; /* curl_global_init: once a process, before other threads use libcurl */
    *out = NULL;
    if (!ready && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return waage_err_set(err, WAAGE_EFAIL, "libcurl cannot be set up");
    ready = true;
    transport *t = calloc(1, sizeof *t);
    if (!t) return waage_err_nomem(err);
    t->limits = *limits;
    t->ca_file = find_ca_file();
    t->multi = curl_multi_init();
    if (!t->multi) {
        free(t);
        return waage_err_nomem(err);
    }
    curl_multi_setopt(t->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(t->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)n_most);
    curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, (long)n_most);
    *out = t;
    return WAAGE_OK;
}

void transport_close(transport *t)
{
    if (!t) return;
    while (t->running)
        put_away(t, t->running);
    for (size_t i = 0; i < t->n_idle; i++)
        curl_easy_cleanup(t->idle[i]);
    curl_multi_cleanup(t->multi);
    free(t);
}

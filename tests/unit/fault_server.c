/* fault_server.c - see fault_server.h. One thread a connection; keep-alive. */
#define _GNU_SOURCE /* strcasestr */
#include "tests/unit/fault_server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 2048, MAX_REQUEST = 1 << 20, MAX_RULES = 32, MAX_BODIES = 4096 };

typedef struct {
    fault_server *s;
    int fd;
    pthread_t thread;
} connection;

struct fault_server {
    int listener, port;
    double ends;
    const fault_rule *rules;
    size_t n_rules;
    size_t at[MAX_RULES]; /* steps taken of each rule */
    pthread_t acceptor;
    pthread_mutex_t lock;
    bool stopping;
    connection connections[MAX_CONNECTIONS];
    size_t n_connections;
    fault_counts counts;
    size_t n_now;
    uint64_t bodies[MAX_BODIES];
    char last[16384];
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* false: the server ends meanwhile. */
static bool pause_ms(fault_server *s, long ms)
{
    const double until = now() + 1e-3 * (double)ms;
    while (now() < until && !__atomic_load_n(&s->stopping, __ATOMIC_RELAXED)) {
        const double left = until - now();
        const struct timespec t = {0, left > 0.01 ? 10000000 : 500000};
        nanosleep(&t, NULL);
    }
    return !__atomic_load_n(&s->stopping, __ATOMIC_RELAXED);
}

static bool put(int fd, const char *data, size_t len)
{
    while (len > 0) {
        const ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0) return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* ---- Good answers ---- */

/* The sum that stands last in the body: "3+4" -> 7; -1: none. */
static long last_sum(const char *body)
{
    long sum = -1;
    for (const char *s = body; *s; s++) {
        if (*s < '0' || *s > '9') continue;
        char *end, *end2;
        const long a = strtol(s, &end, 10);
        if (*end == '+' && end[1] >= '0' && end[1] <= '9') {
            sum = a + strtol(end + 1, &end2, 10);
            end = end2;
        }
        s = end - 1;
    }
    return sum;
}

/* The prompt of a body, and its length. */
static size_t read_prompt(char *prompt, size_t size, const char *body)
{
    const char *at = strstr(body, "\"prompt\": \"");
    size_t n = 0;
    for (at = at ? at + 11 : ""; *at && *at != '"' && n + 1 < size; at++)
        if (*at == '\\' && at[1] == 'n')
            prompt[n++] = '\n', at++;
        else
            prompt[n++] = *at;
    return n;
}

/* Every word with its blank is a token. */
static size_t token_end(const char *prompt, size_t n, size_t start)
{
    size_t end = start + 1;
    while (end < n && prompt[end] != ' ')
        end++;
    return end;
}

/* A longer word is less likely, and so is one whose last letter is far down the alphabet. */
static double token_logprob(const char *prompt, size_t start, size_t end)
{
    return -0.25 * (double)(end - start) - 0.01 * (double)(prompt[end - 1] & 31);
}

/* As vLLM gives them: the prompt's own token and the likeliest. The first one has none; a word that
 * begins with a letter of several bytes is cut behind the first of them, as byte-level tokens are.
 */
static void put_prompt_logprobs(char *out, size_t size, const char *body)
{
    char prompt[4096] = "", places[16384] = "null";
    const size_t n = read_prompt(prompt, sizeof prompt, body);
    for (size_t i = token_end(prompt, n, 0), end; i < n; i = end) {
        end = token_end(prompt, n, i);
        const double p = token_logprob(prompt, i, end);
        const bool cut = i + 1 < end && (unsigned char)prompt[i + 1] >= 0xc0;
        char whole[256];
        snprintf(whole, sizeof whole, "%.*s", (int)(end - i), prompt + i);
        for (size_t part = 0; part < (cut ? 2 : 1); part++)
            sprintf(places + strlen(places),
                    ", {\"%zu\": {\"logprob\": %.3f, \"rank\": %d, \"decoded_token\": \"%s\"}, "
                    "\"1\": {\"logprob\": -0.01, \"rank\": 1, \"decoded_token\": \" x\"}}",
                    100 + i + part, cut ? p / 2 : p, 2 + (int)part, cut ? "\xEF\xBF\xBD" : whole);
    }
    snprintf(out, size,
             "{\"object\": \"text_completion\", \"model\": \"m\", \"choices\": [{\"text\": \"!\", "
             "\"finish_reason\": \"length\", \"prompt_logprobs\": [%s]}], \"usage\": "
             "{\"prompt_tokens\": 9, \"completion_tokens\": 1}}",
             places);
}

/* Completions with echo. */
static void put_echo(char *out, size_t size, const char *body)
{
    char prompt[4096] = "", tokens[8192] = "", probs[8192] = "", offsets[8192] = "",
         tops[8192] = "";
    const size_t n = read_prompt(prompt, sizeof prompt, body);
    for (size_t i = 0; i < n;) {
        const size_t end = token_end(prompt, n, i);
        const char *comma = i ? ", " : "";
        char token[256];
        snprintf(token, sizeof token, "%.*s", (int)(end - i), prompt + i);
        for (char *p = token; *p; p++)
            if (*p == '\n') *p = ' ';
        sprintf(tokens + strlen(tokens), "%s\"%s\"", comma, token);
        sprintf(offsets + strlen(offsets), "%s%zu", comma, i);
        if (i)
            sprintf(probs + strlen(probs), ", %.2f", token_logprob(prompt, i, end));
        else
            strcat(probs, "null");
        sprintf(tops + strlen(tops), i ? ", {\"x\": -1.0}" : "null");
        i = end;
    }
    snprintf(out, size,
             "{\"object\": \"text_completion\", \"model\": \"m\", \"choices\": [{\"text\": \"\", "
             "\"finish_reason\": \"length\", \"logprobs\": {\"tokens\": [%s], \"token_logprobs\": "
             "[%s], \"text_offset\": [%s], \"top_logprobs\": [%s]}}], \"usage\": "
             "{\"prompt_tokens\": 9, \"completion_tokens\": 1}}",
             tokens, probs, offsets, tops);
}

static void put_good(char *out, size_t size, const char *path, const char *body, const char *say)
{
    char text[512];
    if (say)
        snprintf(text, sizeof text, "%s", say);
    else
        snprintf(text, sizeof text, "The answer is %ld.", last_sum(body));
    if (strstr(path, "/chat/completions"))
        snprintf(
            out, size,
            "{\"id\": \"c1\", \"object\": \"chat.completion\", \"created\": 1740499023, "
            "\"model\": \"m-2026\", \"system_fingerprint\": \"fp_7\", \"choices\": [{\"index\": "
            "0, \"finish_reason\": \"stop\", \"message\": {\"role\": \"assistant\", "
            "\"content\": \"%s\", \"reasoning_content\": \"Let me add.\"}}], \"usage\": "
            "{\"prompt_tokens\": 20, \"completion_tokens\": 10, \"completion_tokens_details\": "
            "{\"reasoning_tokens\": 4}}}",
            text);
    else if (!say && strstr(path, "/completions") && strstr(body, "\"echo\": true"))
        put_echo(out, size, body);
    else if (!say && strstr(path, "/completions") && strstr(body, "\"prompt_logprobs\": 1"))
        put_prompt_logprobs(out, size, body);
    else if (strstr(path, "/completions"))
        snprintf(
            out, size,
            "{\"object\": \"text_completion\", \"model\": \"m-2026\", \"choices\": [{\"text\": "
            "\" %s\", \"finish_reason\": \"stop\"}], \"usage\": {\"prompt_tokens\": 20, "
            "\"completion_tokens\": 6}}",
            text);
    else if (strstr(path, "/messages"))
        snprintf(out, size,
                 "{\"type\": \"message\", \"role\": \"assistant\", \"model\": \"m-2026\", "
                 "\"content\": [{\"type\": \"thinking\", \"thinking\": \"Let me add.\", "
                 "\"signature\": \"x\"}, {\"type\": \"text\", \"text\": \"%s\"}], \"stop_reason\": "
                 "\"end_turn\", \"usage\": {\"input_tokens\": 20, \"output_tokens\": 10}}",
                 text);
    else if (strstr(path, "/responses"))
        snprintf(out, size,
                 "{\"object\": \"response\", \"status\": \"completed\", \"model\": \"m-2026\", "
                 "\"error\": null, \"output\": [{\"type\": \"reasoning\", \"summary\": [{\"type\": "
                 "\"summary_text\", \"text\": \"Let me add.\"}]}, {\"type\": \"message\", "
                 "\"content\": [{\"type\": \"output_text\", \"text\": \"%s\"}]}], \"usage\": "
                 "{\"input_tokens\": 20, \"output_tokens\": 10}}",
                 text);
    else
        snprintf(out, size,
                 "{\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"%s\"}]}, "
                 "\"finishReason\": \"STOP\"}], \"modelVersion\": \"m-2026\", \"usageMetadata\": "
                 "{\"promptTokenCount\": 20, \"candidatesTokenCount\": 6}}",
                 text);
}

/* ---- Steps ---- */

#define FAULT_USAGE "\"usage\": {\"prompt_tokens\": 1500000, \"completion_tokens\": 0}"

typedef struct {
    fault_server *s;
    int fd;
    const char *path, *body;
} exchange;

static bool reply(const exchange *x, int status, const char *headers, const char *body, size_t len)
{
    char head[1024];
    const int n = snprintf(head, sizeof head,
                           "HTTP/1.1 %d Status\r\nContent-Type: application/json\r\n%s"
                           "x-request-id: req-1\r\nContent-Length: %zu\r\n\r\n",
                           status, headers, len);
    return put(x->fd, head, (size_t)n) && put(x->fd, body, len);
}

static bool reply_text(const exchange *x, int status, const char *headers, const char *body)
{
    return reply(x, status, headers, body, strlen(body));
}

static uint64_t fnv(const char *s)
{
    uint64_t h = 1469598103934665603U;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211U;
    return h;
}

static void count_good(const exchange *x)
{
    fault_server *s = x->s;
    const uint64_t h = fnv(x->body);
    pthread_mutex_lock(&s->lock);
    s->counts.n_good++;
    size_t i = 0;
    while (i < s->counts.n_bodies && s->bodies[i] != h)
        i++;
    if (i < s->counts.n_bodies)
        s->counts.n_repeated++;
    else if (i < MAX_BODIES)
        s->bodies[s->counts.n_bodies++] = h;
    pthread_mutex_unlock(&s->lock);
}

static bool do_good(const exchange *x, const char *say)
{
    enum { SIZE = 65536 };
    char *body = malloc(SIZE);
    put_good(body, SIZE, x->path, x->body, say);
    count_good(x); /* before it is sent: the client may count as soon as it has it */
    const bool ok = reply_text(x, 200, "", body);
    free(body);
    return ok;
}

static bool do_half(const exchange *x, long ms)
{
    char body[4096], head[256];
    put_good(body, sizeof body, x->path, x->body, NULL);
    const int n =
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(body));
    if (put(x->fd, head, (size_t)n) && put(x->fd, body, strlen(body) / 2)) (void)pause_ms(x->s, ms);
    return false;
}

static bool do_huge(const exchange *x, size_t bytes)
{
    char head[256], part[65536];
    memset(part, ' ', sizeof part);
    const int n =
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", bytes);
    bool ok = put(x->fd, head, (size_t)n);
    while (ok && bytes > 0) {
        const size_t take = bytes < sizeof part ? bytes : sizeof part;
        ok = put(x->fd, part, take);
        bytes -= take;
    }
    return ok;
}

static bool do_status(const exchange *x, int status, const char *seconds)
{
    char headers[128] = "";
    if (seconds) snprintf(headers, sizeof headers, "Retry-After: %.60s\r\n", seconds);
    return reply_text(x, status, headers, "{\"error\": {\"message\": \"scripted\"}}");
}

static bool do_error(const exchange *x, int status, const char *code, const char *message)
{
    char body[1024];
    snprintf(body, sizeof body, "{\"error\": {\"code\": \"%s\", \"message\": \"%s\"}}", code,
             message);
    return reply_text(x, status, "", body);
}

static bool do_field(const exchange *x, const char *name)
{
    char quoted[64], body[256];
    snprintf(quoted, sizeof quoted, "\"%.60s\":", name);
    if (!strstr(x->body, quoted)) return do_good(x, NULL);
    snprintf(body, sizeof body,
             "{\"error\": {\"message\": \"Unsupported parameter: '%.60s'\", \"param\": \"%.60s\", "
             "\"code\": \"unsupported_parameter\"}}",
             name, name);
    return reply_text(x, 400, "", body);
}

static bool do_redirect(const exchange *x, const char *url)
{
    char headers[512];
    snprintf(headers, sizeof headers, "Location: %.400s\r\n", url);
    return reply_text(x, 307, headers, "");
}

/* Answer as one step says; false: close the connection. */
static bool do_step(const exchange *x, char *step)
{
    char *arg = strchr(step, ':');
    if (arg) *arg++ = 0;
    const long n = arg ? strtol(arg, NULL, 10) : 0;
    if (step[0] >= '1' && step[0] <= '9') return do_status(x, atoi(step), arg);
    if (strcmp(step, "slow") == 0) return pause_ms(x->s, n) && do_good(x, NULL);
    if (strcmp(step, "ok") == 0) return do_good(x, NULL);
    if (strcmp(step, "say") == 0) {
        for (char *p = arg; p && *p; p++)
            if (*p == '_') *p = ' ';
        return do_good(x, arg);
    }
    if (strcmp(step, "filter") == 0) return do_error(x, 400, "content_filter", "filtered");
    if (strcmp(step, "quota") == 0) return do_error(x, 429, "insufficient_quota", "no money");
    if (strcmp(step, "long") == 0)
        return do_error(x, 400, "context_length_exceeded", "maximum context length is 8");
    if (strcmp(step, "echokey") == 0)
        return do_error(x, 401, "invalid_api_key",
                        arg ? "Incorrect key: " FAULT_SECRET_JSON : "Incorrect key: " FAULT_SECRET);
    if (strcmp(step, "noecho") == 0)
        return strstr(x->body, "\"echo\"") ? do_error(x, 400, "bad_request", "echo is not there")
                                           : do_good(x, NULL);
    if (strcmp(step, "billed") == 0)
        return reply_text(x, 200, "", "{\"error\": {\"message\": \"late\"}, " FAULT_USAGE "}");
    if (strcmp(step, "broken") == 0)
        return reply_text(x, 200, "", "{" FAULT_USAGE ", \"choices\": [{\"mess");
    if (strcmp(step, "field") == 0) return do_field(x, arg);
    if (strcmp(step, "cut") == 0) return do_half(x, 0);
    if (strcmp(step, "stall") == 0) return do_half(x, n);
    if (strcmp(step, "garbage") == 0) return put(x->fd, "\x01\x02 not http \xff\xfe", 15) && false;
    if (strcmp(step, "html") == 0) return reply_text(x, 200, "", "<html><b>Bad</b> gateway</html>");
    if (strcmp(step, "json") == 0) return reply_text(x, 200, "", "{\"hello\": [1, 2]}");
    if (strcmp(step, "empty") == 0) return reply_text(x, 200, "", "");
    if (strcmp(step, "huge") == 0) return do_huge(x, (size_t)n);
    if (strcmp(step, "redirect") == 0) return do_redirect(x, arg ? arg : "");
    return false; /* close */
}

static void choose_step(fault_server *s, const char *body, char *out, size_t size)
{
    snprintf(out, size, "ok");
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_rules; i++) {
        const fault_rule *r = &s->rules[i];
        if (r->match && !strstr(body, r->match)) continue;
        const char *at = r->steps;
        for (size_t k = 0; k < s->at[i]; k++) {
            const char *next = strchr(at, ' ');
            if (!next) break;
            at = next + 1;
        }
        s->at[i]++;
        snprintf(out, size, "%.*s", (int)strcspn(at, " "), at);
        break;
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- Connections ---- */

/* One request into buf; the body, or NULL at the end of the connection. */
static char *read_request(connection *c, char *buf, size_t size, size_t *have)
{
    for (;;) {
        char *body = NULL;
        buf[*have] = 0;
        if (buf[0] == 0x16) { /* a TLS handshake: answer as a server without TLS does */
            (void)put(c->fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
            return NULL;
        }
        char *end = strstr(buf, "\r\n\r\n");
        if (end) {
            const char *length = strcasestr(buf, "content-length:");
            const size_t n = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
            body = end + 4;
            if ((size_t)(body - buf) + n >= size) return NULL;
            if (*have >= (size_t)(body - buf) + n) return body;
        }
        if (*have + 1 >= size) return NULL;
        const ssize_t got = recv(c->fd, buf + *have, size - 1 - *have, 0);
        if (got <= 0) return NULL;
        *have += (size_t)got;
    }
}

static void note_request(fault_server *s, const char *head)
{
    pthread_mutex_lock(&s->lock);
    s->counts.n_requests++;
    if (++s->n_now > s->counts.most_at_once) s->counts.most_at_once = s->n_now;
    if (strstr(head, FAULT_SECRET)) s->counts.n_with_key++;
    snprintf(s->last, sizeof s->last, "%s", head);
    pthread_mutex_unlock(&s->lock);
}

static void *serve(void *ctx)
{
    connection *c = ctx;
    fault_server *s = c->s;
    char *buf = malloc(MAX_REQUEST), *body;
    size_t have = 0;
    bool open = true;
    while (open && (body = read_request(c, buf, MAX_REQUEST, &have))) {
        char path[512] = "", step[512];
        note_request(s, buf);
        sscanf(buf, "%*s %511s", path);
        choose_step(s, body, step, sizeof step);
        const exchange x = {s, c->fd, path, body};
        open = do_step(&x, step);
        have = 0; /* clients here do not pipeline */
        pthread_mutex_lock(&s->lock);
        s->n_now--;
        pthread_mutex_unlock(&s->lock);
    }
    free(buf);
    pthread_mutex_lock(&s->lock);
    close(c->fd);
    c->fd = -1;
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void *accept_all(void *ctx)
{
    fault_server *s = ctx;
    while (!__atomic_load_n(&s->stopping, __ATOMIC_RELAXED) && now() < s->ends) {
        struct pollfd p = {s->listener, POLLIN, 0};
        if (poll(&p, 1, 20) <= 0) continue;
        const int fd = accept(s->listener, NULL, NULL), one = 1;
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (s->n_connections == MAX_CONNECTIONS) {
            close(fd);
            continue;
        }
        connection *c = &s->connections[s->n_connections];
        *c = (connection){s, fd, 0};
        if (pthread_create(&c->thread, NULL, serve, c) == 0)
            s->n_connections++;
        else
            close(fd);
    }
    return NULL;
}

fault_server *fault_server_start(int port, const fault_rule *rules, size_t n_rules, double lifetime)
{
    fault_server *s = calloc(1, sizeof *s);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof a;
    const int one = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    signal(SIGPIPE, SIG_IGN);
    if (!s || n_rules > MAX_RULES) return NULL;
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    pthread_mutex_init(&s->lock, NULL);
    s->rules = rules;
    s->n_rules = n_rules;
    s->ends = now() + lifetime;
    if (bind(s->listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(s->listener, 128) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&a, &len) != 0 ||
        pthread_create(&s->acceptor, NULL, accept_all, s) != 0) {
        close(s->listener);
        free(s);
        return NULL;
    }
    s->port = ntohs(a.sin_port);
    return s;
}

void fault_server_end(fault_server *s, fault_counts *out)
{
    if (!s) return;
    __atomic_store_n(&s->stopping, true, __ATOMIC_RELAXED);
    pthread_join(s->acceptor, NULL);
    close(s->listener);
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_connections; i++)
        if (s->connections[i].fd >= 0) shutdown(s->connections[i].fd, SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < s->n_connections; i++)
        pthread_join(s->connections[i].thread, NULL);
    pthread_mutex_destroy(&s->lock);
    if (out) *out = s->counts;
    free(s);
}

void fault_server_stop(fault_server *s)
{
    fault_server_end(s, NULL);
}

int fault_server_port(const fault_server *s)
{
    return s->port;
}

bool fault_server_is_over(const fault_server *s)
{
    return now() >= s->ends;
}

void fault_server_count(fault_server *s, fault_counts *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->counts;
    pthread_mutex_unlock(&s->lock);
}

void fault_server_last(fault_server *s, char *out, size_t size)
{
    pthread_mutex_lock(&s->lock);
    snprintf(out, size, "%s", s->last);
    pthread_mutex_unlock(&s->lock);
}

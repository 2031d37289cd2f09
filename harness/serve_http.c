/* serve_http.c - see serve_http.h; sole includer of libmicrohttpd. One lock guards all exchanges.
 * The library forgets a connection that sleeps, so the end of its client is looked for on the
 * socket itself. */
#include "harness/serve_http.h"
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "harness/base/log.h"
#include "harness/base/stopwatch.h"

/* A client that is refused still gets to send so many times max_body: one that is cut off in the
 * middle of its body often does not read why. */
enum { DROP_FACTOR = 16 };
enum { PIECE = 1 << 15, METHOD_MAX = 12, PATH_LEN = 128, IDLE_SECONDS = 60 };

typedef struct client client;

struct client { /* a connection */
    int fd;
    double reading_since; /* 0: not reading */
    double writing_since; /* 0: no finished answer to take */
    client *prev, *next;
};

typedef enum { READING, ASKED, ANSWERED } exchange_state;

struct serve_exchange {
    serve_http *h;
    struct MHD_Connection *conn; /* NULL: done with x */
    client *client;
    unsigned n_refs; /* of the connection, and of holds */
    exchange_state state;
    bool sleeps; /* suspended */
    bool too_big, streams, ended, queued;
    double begun;
    char method[METHOD_MAX], path[PATH_LEN];
    strbuf in, out;
    size_t n_dropped; /* bytes of a body that nobody wants */
    size_t n_taken;   /* bytes of out */
    serve_answer_head head;
};

struct serve_http {
    serve_http_options opt;
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock;
    client *clients;
    size_t n_open; /* exchanges with a connection */
    uint16_t port;
    int quiet_fd; /* listening socket after stop_listening, or -1 */
};

/* ---- Exchanges ---- */

static void lock(serve_http *h)
{
    (void)pthread_mutex_lock(&h->lock);
}

static void unlock(serve_http *h)
{
    (void)pthread_mutex_unlock(&h->lock);
}

/* Locked. */
static void drop_ref(serve_exchange *x)
{
    if (--x->n_refs > 0) return;
    strbuf_free(&x->in);
    strbuf_free(&x->out);
    free(x);
}

/* Locked. */
static void wake(serve_exchange *x)
{
    if (!x->sleeps) return;
    x->sleeps = false;
    MHD_resume_connection(x->conn);
}

/* Locked, by the thread of HTTP in a callback of the connection. */
static void put_to_sleep(serve_exchange *x)
{
    x->sleeps = true;
    MHD_suspend_connection(x->conn);
}

const char *serve_exchange_method(const serve_exchange *x)
{
    return x->method;
}

const char *serve_exchange_path(const serve_exchange *x)
{
    return x->path;
}

const strbuf *serve_exchange_body(const serve_exchange *x)
{
    return &x->in;
}

bool serve_exchange_is_too_big(const serve_exchange *x)
{
    return x->too_big;
}

double serve_exchange_begun(const serve_exchange *x)
{
    return x->begun;
}

const char *serve_exchange_header(serve_exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->conn, MHD_HEADER_KIND, name);
}

void serve_exchange_hold(serve_exchange *x)
{
    lock(x->h);
    x->n_refs++;
    unlock(x->h);
}

void serve_exchange_release(serve_exchange *x)
{
    serve_http *h = x->h;
    lock(h);
    drop_ref(x);
    unlock(h);
}

bool serve_exchange_is_gone(serve_exchange *x)
{
    char byte;
    lock(x->h);
    bool gone = x->conn == NULL;
    if (!gone && x->sleeps) { /* so the socket is open, and nobody reads it */
        const ssize_t n = recv(x->client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        gone = n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
    }
    unlock(x->h);
    return gone;
}

static void set_head(serve_exchange *x, const serve_answer_head *head)
{
    x->head = *head;
    x->state = ANSWERED;
}

void serve_exchange_answer(serve_exchange *x, const serve_answer_head *head, strbuf *body)
{
    lock(x->h);
    set_head(x, head);
    x->out = *body;
    *body = (strbuf)STRBUF_EMPTY;
    if (x->client) x->client->writing_since = stopwatch_now();
    wake(x);
    unlock(x->h);
}

void serve_exchange_begin(serve_exchange *x, const serve_answer_head *head)
{
    lock(x->h);
    set_head(x, head);
    x->streams = true;
    wake(x);
    unlock(x->h);
}

void serve_exchange_put(serve_exchange *x, const char *s, size_t len)
{
    lock(x->h);
    if (x->conn) {
        strbuf_put(&x->out, s, len);
        wake(x);
    }
    unlock(x->h);
}

void serve_exchange_end(serve_exchange *x)
{
    lock(x->h);
    x->ended = true;
    if (x->client) x->client->writing_since = stopwatch_now();
    wake(x);
    unlock(x->h);
}

/* ---- Callbacks of the library ---- */

static ssize_t read_piece(void *ctx, uint64_t pos, char *to, size_t max)
{
    serve_exchange *x = ctx;
    (void)pos;
    lock(x->h);
    const size_t left = x->out.len - x->n_taken, n = left < max ? left : max;
    ssize_t got = (ssize_t)n;
    if (x->out.failed) {
        got = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (n > 0) {
        memcpy(to, x->out.s + x->n_taken, n);
        x->n_taken += n;
        if (x->n_taken == x->out.len) {
            strbuf_clear(&x->out);
            x->n_taken = 0;
        }
    } else if (x->ended) {
        got = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        put_to_sleep(x);
    }
    unlock(x->h);
    return got;
}

static struct MHD_Response *make_response(serve_exchange *x)
{
    struct MHD_Response *r;
    if (x->streams)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE, read_piece, x, NULL);
    if (x->out.failed || !x->out.s)
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    r = MHD_create_response_from_buffer(x->out.len, x->out.s, MHD_RESPMEM_MUST_FREE);
    if (r) x->out = (strbuf)STRBUF_EMPTY; /* the library frees it */
    return r;
}

/* Once, by the thread of HTTP, and without the lock: the library locks what read_piece() is called
 * with. Nobody else touches what it reads of an answered exchange. */
static enum MHD_Result queue_answer(serve_exchange *x)
{
    char seconds[16];
    const serve_answer_head *head = &x->head;
    const bool lost = x->out.failed && !x->streams;
    struct MHD_Response *r = make_response(x);
    if (!r) return MHD_NO;
    enum MHD_Result ok = MHD_add_response_header(r, "Content-Type", head->type);
    if (ok && head->allow) ok = MHD_add_response_header(r, "Allow", head->allow);
    if (ok && x->streams) ok = MHD_add_response_header(r, "Cache-Control", "no-cache");
    if (ok && head->close) ok = MHD_add_response_header(r, "Connection", "close");
    if (ok && head->retry_after > 0) {
        (void)snprintf(seconds, sizeof seconds, "%u", head->retry_after);
        ok = MHD_add_response_header(r, "Retry-After", seconds);
    }
    if (ok) ok = MHD_queue_response(x->conn, lost ? 500U : (unsigned)head->status, r);
    MHD_destroy_response(r);
    return ok;
}

static serve_exchange *create_exchange(serve_http *h, struct MHD_Connection *conn, const char *url,
                                       const char *method)
{
    serve_exchange *x = calloc(1, sizeof *x);
    const union MHD_ConnectionInfo *ci =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (!x || !ci || !ci->socket_context) {
        free(x);
        return NULL;
    }
    x->h = h;
    x->conn = conn;
    x->client = ci->socket_context;
    x->n_refs = 1;
    x->in.max = h->opt.max_body;
    x->begun = stopwatch_now();
    (void)snprintf(x->method, sizeof x->method, "%s", method);
    (void)snprintf(x->path, sizeof x->path, "%s", url);
    lock(h);
    h->n_open++;
    unlock(h);
    return x;
}

/* False: it goes on for too long. */
static bool take_body(serve_exchange *x, const char *data, size_t n)
{
    if (x->state == READING && !x->too_big) strbuf_put(&x->in, data, n);
    if (x->in.failed) {
        x->too_big = true;
        strbuf_free(&x->in);
    }
    x->n_dropped += n;
    return x->n_dropped / DROP_FACTOR <= x->h->opt.max_body;
}

/* By the head alone. True: the client waits for our word, or the body is not worth reading. */
static bool judge_length(serve_exchange *x)
{
    const char *text = serve_exchange_header(x, "Content-Length");
    const unsigned long long n = text ? strtoull(text, NULL, 10) : 0;
    x->too_big = n > x->h->opt.max_body;
    return n / DROP_FACTOR > x->h->opt.max_body || serve_exchange_header(x, "Expect");
}

static enum MHD_Result answer_or_sleep(serve_exchange *x)
{
    lock(x->h);
    const bool answers = x->state == ANSWERED && !x->queued;
    if (x->state == ASKED) put_to_sleep(x);
    x->queued = x->queued || answers;
    unlock(x->h);
    return answers ? queue_answer(x) : MHD_YES;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *n, void **of_conn)
{
    serve_http *h = ctx;
    serve_exchange *x = *of_conn;
    const size_t n_data = *n;
    (void)version;
    if (!x) {
        x = *of_conn = create_exchange(h, conn, url, method);
        if (!x) return MHD_NO;
        const bool at_once = judge_length(x);
        h->opt.head(h->opt.ctx, x);
        return at_once ? answer_or_sleep(x) : MHD_YES;
    }
    if (n_data > 0) {
        *n = 0;
        return take_body(x, data, n_data) ? MHD_YES : MHD_NO;
    }
    if (x->state == READING) {
        lock(h);
        x->state = ASKED;
        x->client->reading_since = 0;
        unlock(h);
        h->opt.whole(h->opt.ctx, x);
    }
    return answer_or_sleep(x);
}

static void on_completed(void *ctx, struct MHD_Connection *conn, void **of_conn,
                         enum MHD_RequestTerminationCode why)
{
    serve_http *h = ctx;
    serve_exchange *x = *of_conn;
    (void)conn;
    (void)why;
    if (!x) return;
    *of_conn = NULL;
    lock(h);
    x->client->reading_since = stopwatch_now();
    x->client->writing_since = 0;
    x->conn = NULL;
    x->client = NULL;
    h->n_open--;
    drop_ref(x);
    unlock(h);
}

static void on_connection(void *ctx, struct MHD_Connection *conn, void **socket_ctx,
                          enum MHD_ConnectionNotificationCode what)
{
    serve_http *h = ctx;
    lock(h);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        client *l = calloc(1, sizeof *l);
        const union MHD_ConnectionInfo *ci =
            MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (l && ci) {
            *l = (client){
                .fd = ci->connect_fd, .reading_since = stopwatch_now(), .next = h->clients};
            if (l->next) l->next->prev = l;
            h->clients = l;
        }
        *socket_ctx = l;
    } else if (*socket_ctx) {
        client *l = *socket_ctx;
        *(l->prev ? &l->prev->next : &h->clients) = l->next;
        if (l->next) l->next->prev = l->prev;
        free(l);
        *socket_ctx = NULL;
    }
    unlock(h);
}

/* What the library has to say is of no use to the owner of a server: broken clients. */
static void on_log(void *ctx, const char *fmt, va_list args) WAAGE_PRINTF(2, 0);
static void on_log(void *ctx, const char *fmt, va_list args)
{
    char line[256];
    (void)ctx;
    (void)vsnprintf(line, sizeof line, fmt, args);
    line[strcspn(line, "\n")] = 0;
    log_debug("http: %s", line);
}

void serve_http_sweep(serve_http *h)
{
    const double t = stopwatch_now();
    lock(h);
    for (client *l = h->clients; l; l = l->next) {
        const bool slow = (l->reading_since > 0 && t - l->reading_since > h->opt.read_seconds) ||
                          (l->writing_since > 0 && t - l->writing_since > h->opt.write_seconds);
        if (slow) (void)shutdown(l->fd, SHUT_RDWR); /* the library then sees its end */
    }
    unlock(h);
}

/* ---- Life ---- */

static waage_status listen_at(serve_http *h, const struct addrinfo *at, waage_err *err)
{
    /* poll: with epoll, edges make version 0.9.75 miss the end of a client that sends half a
     * request and goes, all in one */
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (at->ai_family == AF_INET6) flags |= MHD_USE_IPv6;
    errno = 0;
    h->daemon = MHD_start_daemon(
        flags, h->opt.port, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_SOCK_ADDR, at->ai_addr, MHD_OPTION_CONNECTION_LIMIT, h->opt.max_connections,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, h, MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    if (!h->daemon)
        return waage_err_set(err, WAAGE_EINVAL, "cannot listen at %s, port %u: %s", h->opt.host,
                             h->opt.port, errno ? strerror(errno) : "the address is not usable");
    const union MHD_DaemonInfo *di = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    h->port = di ? di->port : h->opt.port;
    return WAAGE_OK;
}

waage_status serve_http_start(serve_http **out, const serve_http_options *opt, waage_err *err)
{
    char port[8];
    struct addrinfo *at = NULL;
    const struct addrinfo how = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    *out = NULL;
    serve_http *h = calloc(1, sizeof *h);
    if (!h || pthread_mutex_init(&h->lock, NULL) != 0) {
        free(h);
        return waage_err_nomem(err);
    }
    h->opt = *opt;
    h->quiet_fd = -1;
    (void)snprintf(port, sizeof port, "%u", opt->port);
    const int bad = getaddrinfo(opt->host, port, &how, &at);
    const waage_status st =
        bad ? waage_err_set(err, WAAGE_EINVAL, "--host %s: %s", opt->host, gai_strerror(bad))
            : listen_at(h, at, err);
    if (at) freeaddrinfo(at);
    if (st != WAAGE_OK)
        serve_http_free(h, 0);
    else
        *out = h;
    return st;
}

uint16_t serve_http_port(const serve_http *h)
{
    return h->port;
}

void serve_http_stop_listening(serve_http *h)
{
    if (h->quiet_fd >= 0) return;
    h->quiet_fd = MHD_quiesce_daemon(h->daemon);
    if (h->quiet_fd >= 0) (void)shutdown(h->quiet_fd, SHUT_RDWR);
}

/* Connections without a request, and readers that are too slow. */
static void shut_all(serve_http *h)
{
    lock(h);
    for (client *l = h->clients; l; l = l->next)
        (void)shutdown(l->fd, SHUT_RDWR);
    unlock(h);
}

void serve_http_free(serve_http *h, double seconds)
{
    const struct timespec nap = {0, 10000000};
    if (!h) return;
    const double end = stopwatch_now() + seconds;
    for (bool busy = h->daemon != NULL; busy && stopwatch_now() < end;) {
        lock(h);
        busy = h->n_open > 0;
        unlock(h);
        if (busy) (void)nanosleep(&nap, NULL);
    }
    if (h->daemon) {
        shut_all(h);
        MHD_stop_daemon(h->daemon);
    }
    if (h->quiet_fd >= 0) (void)close(h->quiet_fd);
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
}

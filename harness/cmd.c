/* cmd.c - finds the command, prints help, turns a status into the exit status of the process. */
#include "harness/cmd.h"
#include "harness/base/interrupt.h"
#include "harness/base/log.h"
#include "harness/base/nearest.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void put_usage(strbuf *out)
{
    strbuf_puts(out, "Usage: waage COMMAND [OPTION...]\n"
                     "Weigh language models: bit-reproducible evaluation, honest comparison.\n\n"
                     "Commands:\n");
    for (size_t i = 0; cmd_table[i]; i++)
        strbuf_printf(out, "  %-10s %s\n", cmd_table[i]->name, cmd_table[i]->summary);
    strbuf_puts(
        out,
        "\n`waage COMMAND --help` lists the options of a command; --version prints the version.\n"
        "Exit status: 0 done; 1 the answer is no; 2 wrong usage or unusable input;\n"
        "3 the run could not be finished, what was done is kept; 130, 143 interrupted.\n");
}

static void put_command_help(strbuf *out, const command *c)
{
    strbuf_printf(out, "Usage: waage %s %s\n%s\n\n", c->name, c->args, c->summary);
    if (c->details) strbuf_printf(out, "%s\n\n", c->details);
    strbuf_puts(out, "Options:\n");
    opts_put_help(out, c->options);
}

static int print(strbuf *text)
{
    fputs(strbuf_str(text), stdout);
    strbuf_free(text);
    return 0;
}

static const command *find_command(const char *name)
{
    for (size_t i = 0; cmd_table[i]; i++)
        if (strcmp(cmd_table[i]->name, name) == 0) return cmd_table[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    nearest near;
    nearest_init(&near, name);
    for (size_t i = 0; cmd_table[i]; i++)
        nearest_offer(&near, cmd_table[i]->name);
    if (near.best)
        log_error("unknown command '%s'; did you mean '%s'?", name, near.best);
    else
        log_error("unknown command '%s'; `waage --help` lists the commands", name);
    return 2;
}

waage_status cmd_parse(const cmd_line *line, void *target, opts_list *rest, waage_err *err)
{
    const command *c = line->self;
    opts_list words = {0};
    WAAGE_TRY(opts_parse(c->options, target, &words, NULL, line->a, line->argc, line->argv, err));
    if (words.n > c->max_args)
        return waage_err_set(err, WAAGE_EINVAL, "unexpected argument '%s'; usage: waage %s %s",
                             words.items[c->max_args], c->name, c->args);
    if (words.n < c->min_args)
        return waage_err_set(err, WAAGE_EINVAL, "an argument is missing; usage: waage %s %s",
                             c->name, c->args);
    if (rest) *rest = words;
    return WAAGE_OK;
}

/* The words as a shell would read them, for the manifest. */
static const char *quote_line(arena *a, int argc, char **argv)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./=:,+@%#";
    strbuf b = STRBUF_EMPTY;
    strbuf_puts(&b, "waage");
    for (int i = 1; i < argc; i++) {
        strbuf_putc(&b, ' ');
        if (argv[i][0] && !argv[i][strspn(argv[i], plain)]) {
            strbuf_puts(&b, argv[i]);
            continue;
        }
        strbuf_putc(&b, '\'');
        for (const char *s = argv[i]; *s; s++)
            if (*s == '\'')
                strbuf_puts(&b, "'\\''");
            else
                strbuf_putc(&b, *s);
        strbuf_putc(&b, '\'');
    }
    const char *text = arena_strdup(a, strbuf_str(&b));
    strbuf_free(&b);
    return text ? text : "waage";
}

/* A command's data is only delivered once stdout took it. */
static int finish(int code, waage_status status, bool no, const waage_err *err)
{
    if (code == 0 && status != WAAGE_OK) {
        log_error("%s", err->msg);
        const int sig = interrupt_signal();
        code = status == WAAGE_EINTR && sig ? 128 + sig : waage_err_exit_code(status);
    } else if (code == 0 && no) {
        code = 1;
    }
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        log_error("cannot write to standard output: %s", errno ? strerror(errno) : "write error");
        if (code <= 1) code = 3;
    }
    return code;
}

static int run_command(const command *c, int argc, char **argv)
{
    arena a = ARENA_EMPTY;
    waage_err err = {WAAGE_OK, ""};
    bool no = false;
    opts_common common = {false, false, false};
    const cmd_line line = {c, argc - 2, argv + 2, &a, quote_line(&a, argc, argv)};
    waage_status st = opts_parse(c->options, NULL, NULL, &common, &a, line.argc, line.argv, &err);
    if (st == WAAGE_OK && common.help) {
        strbuf help = STRBUF_EMPTY;
        put_command_help(&help, c);
        print(&help);
    } else if (st == WAAGE_OK) {
        if (common.quiet) log_set_level(LOG_QUIET);
        if (common.verbose) log_set_level(LOG_VERBOSE);
        st = c->run(&line, &no, &err);
    }
    const int code = finish(0, st, no, &err);
    arena_free(&a);
    return code;
}

int cmd_main(int argc, char **argv)
{
    strbuf text = STRBUF_EMPTY;
    const waage_err none = {WAAGE_OK, ""};
    if (argc < 2) {
        put_usage(&text);
        fputs(strbuf_str(&text), stderr);
        strbuf_free(&text);
        return 2;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) {
        puts("waage " WAAGE_VERSION);
        return finish(0, WAAGE_OK, false, &none);
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        const command *c = argc > 2 ? find_command(argv[2]) : NULL;
        if (argc > 2 && !c) return unknown_command(argv[2]);
        if (c)
            put_command_help(&text, c);
        else
            put_usage(&text);
        return finish(print(&text), WAAGE_OK, false, &none);
    }
    if (word[0] == '-') {
        log_error(
            "options come behind the command: waage COMMAND %s; `waage --help` lists the commands",
            word);
        return 2;
    }
    const command *c = find_command(word);
    return c ? run_command(c, argc, argv) : unknown_command(word);
}

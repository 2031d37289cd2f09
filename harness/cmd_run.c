/* cmd_run.c - `waage run`: options and RUN.yaml make a job for weigh.c. */
#include "harness/base/file.h"
#include "harness/base/log.h"
#include "harness/cmd.h"
#include "harness/weigh.h"
#include <stdio.h>

typedef struct {
    opts_list models, suites;
    const char *dir, *config;
    bool dry_run;
    runfile_settings settings;
} run_args;

static const opt run_command_options[] = {
    {'m', "model", OPT_LIST, offsetof(run_args, models), "[LABEL=]MODEL",
     "GGUF file, replay:FILE, openai:NAME, http://...; several"},
    {'s', "suite", OPT_LIST, offsetof(run_args, suites), "SUITE",
     "built-in suite, group or YAML file; several"},
    {'o', "output", OPT_TEXT, offsetof(run_args, dir), "DIR", "where the run is kept"},
    {'c', "config", OPT_TEXT, offsetof(run_args, config), "RUN.yaml",
     "models, suites and settings from a file"},
    {0, "dry-run", OPT_FLAG, offsetof(run_args, dry_run), NULL,
     "print what would be done, and do nothing"},
    RUNFILE_SETTINGS(offsetof(run_args, settings)),
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

static waage_status models_of(runfile *f, const opts_list *words, arena *a, waage_err *err)
{
    runfile_model *m = arena_calloc(a, words->n, sizeof *m);
    if (!m) return waage_err_nomem(err);
    for (size_t i = 0; i < words->n; i++)
        WAAGE_TRY(runfile_split_model(&m[i], a, words->items[i], err));
    f->models = m;
    f->n_models = words->n;
    return WAAGE_OK;
}

/* "math,safety" are two suites, unless there is a file of that name. */
static waage_status suites_of(runfile *f, const opts_list *words, arena *a, waage_err *err)
{
    f->suites = (opts_list){0};
    for (size_t i = 0; i < words->n; i++) {
        const opts_list one = {&words->items[i], 1, 1};
        opts_list names = one;
        if (!file_exists(words->items[i])) WAAGE_TRY(opts_split(&names, &one, a, err));
        for (size_t k = 0; k < names.n; k++)
            if (!opts_list_add(&f->suites, a, names.items[k])) return waage_err_nomem(err);
    }
    return WAAGE_OK;
}

/* `waage run -o DIR` alone goes on with what DIR/run.yaml says. */
static const char *implied_config(arena *a, const run_args *args)
{
    if (args->config || !args->dir || args->models.n || args->suites.n) return args->config;
    const char *path = arena_printf(a, "%s/run.yaml", args->dir);
    return path && file_exists(path) ? path : NULL;
}

/* What the command line gives takes the place of what the file says. */
static waage_status make_job(const cmd_line *line, run_args *args, weigh_job *job, waage_err *err)
{
    opts_list rest = {0};
    *args = (run_args){.settings = RUNFILE_SETTINGS_DEFAULT};
    WAAGE_TRY(cmd_parse(line, args, &rest, err));
    const char *config = implied_config(line->a, args);
    if (config) {
        WAAGE_TRY(runfile_read(&job->file, line->a, config, err));
        *args = (run_args){.settings = job->file.settings};
        const char *system = args->settings.system;
        WAAGE_TRY(cmd_parse(line, args, &rest, err));
        args->settings.system = system;
    }
    if (args->models.n) WAAGE_TRY(models_of(&job->file, &args->models, line->a, err));
    if (args->suites.n) WAAGE_TRY(suites_of(&job->file, &args->suites, line->a, err));
    WAAGE_TRY(runfile_finish_settings(&args->settings, line->a, err));
    job->file.settings = args->settings;
    job->dir = args->dir;
    job->command = line->as_text;
    return WAAGE_OK;
}

static waage_status dry_run(const weigh_job *job, arena *a, waage_err *err)
{
    strbuf out = STRBUF_EMPTY;
    const waage_status st = weigh_dry_run(job, &out, a, err);
    if (st == WAAGE_OK) fwrite(strbuf_str(&out), 1, out.len, stdout);
    strbuf_free(&out);
    return st;
}

static waage_status run_run(const cmd_line *line, bool *no, waage_err *err)
{
    (void)no;
    run_args args;
    weigh_job job = {.how = RUN_OPTIONS_DEFAULT, .show_progress = true};
    WAAGE_TRY(make_job(line, &args, &job, err));
    if (job.file.n_models == 0)
        return waage_err_set(err, WAAGE_EINVAL, "no model to weigh: -m MODEL, or -c RUN.yaml");
    if (job.file.suites.n == 0)
        return waage_err_set(err, WAAGE_EINVAL,
                             "no suite to weigh with: -s SUITE; `waage list suites` names them");
    if (args.dry_run) return dry_run(&job, line->a, err);
    if (!job.dir) return waage_err_set(err, WAAGE_EINVAL, "where to? -o DIR keeps the run");
    WAAGE_TRY(weigh_run(&job, line->a, err));
    log_info("done: `waage report %s` writes the report, `waage digest %s` prints the checksums",
             job.dir, job.dir);
    return WAAGE_OK;
}

const command cmd_run = {
    "run",
    "-m [LABEL=]MODEL... -s SUITE... -o DIR | -c RUN.yaml -o DIR | -o DIR",
    "Weigh models: ask, score, keep every answer.",
    "The same command again goes on where the last one ended, however it ended; models, suites "
    "and\n"
    "items that are added extend the run. Results of other weights, tasks or settings are never\n"
    "mixed: that is refused (status 2). DIR/run.yaml repeats the run; `waage run -o DIR` goes on.",
    run_command_options,
    0,
    0,
    run_run,
};

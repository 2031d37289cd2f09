/* html_foot.c - how it was measured: models, tasks, settings, digests, the command that repeats it.
 */
#include <string.h>
#include "reports/html_parts.h"

static void put_hash_cell(html *h, const char *hash)
{
    html_put(h, "<td class=\"l hash\"><code>");
    html_text(h, hash && *hash ? hash : "unknown");
    html_put(h, "</code></td>");
}

static void put_pair(html *h, const char *key, const char *value)
{
    if (!value || !*value) return;
    html_put(h, "<dt>");
    html_text(h, key);
    html_put(h, "</dt><dd>");
    html_text(h, value);
    html_put(h, "</dd>");
}

static void put_models(html *h)
{
    const view *v = h->v;
    html_put(h, "<h3>Models</h3>\n");
    for (size_t m = 0; m < v->d->n_models; m++) {
        const store_model *s = &v->d->models[m];
        const view_model *vm = &v->models[m];
        html_put(h, "<h4>");
        html_model(h, m);
        html_put(h, "</h4><dl>");
        put_pair(h, "kind", vm->training);
        put_pair(h, "architecture", vm->architecture);
        put_pair(h, "parameters", vm->parameters);
        put_pair(h, "quantisation", vm->quant);
        put_pair(h, "size", vm->file_size);
        put_pair(h, "licence", vm->licence ? vm->licence : "not stated");
        put_pair(h, "openness", vm->openness);
        put_pair(h, "knowledge cutoff", vm->cutoff);
        put_pair(h, "chat", s->can_chat ? "yes" : s->no_chat ? s->no_chat : "no");
        put_pair(h, "source", s->uri);
        html_put(h, "<dt>sha256</dt><dd><code>");
        html_text(h, s->sha256 && *s->sha256 ? s->sha256 : "unknown");
        html_put(h, "</code></dd></dl>\n");
    }
}

static void put_tasks(html *h)
{
    const store_data *d = h->v->d;
    static const char *const headers[] = {"task", "<licence", "<rules",
                                          "<hash of definition, of data", NULL};
    html_put(h, "<h3>Suites</h3>");
    html_open_table(h, headers);
    for (size_t i = 0; i < d->n_tasks; i++) {
        const store_task *t = &d->tasks[i];
        html_put(h, "<tr><th scope=\"row\">");
        html_text(h, t->name);
        strbuf_printf(h->out, "<small>version %d</small></th><td class=\"l\">", t->version);
        html_text(h, t->licence && *t->licence ? t->licence : "not stated");
        html_put(h, t->redistribute ? "</td><td class=\"l\">"
                                    : "<small>not to be passed on</small></td><td class=\"l\">");
        html_text(h, t->rules_version);
        html_put(h, "</td>");
        html_put(h, "<td class=\"l hash\"><code>");
        html_text(h, t->hash);
        html_put(h, "</code><br><code>");
        html_text(h, t->data_hash);
        html_put(h, "</code></td></tr>\n");
    }
    html_close_table(h);
}

static void put_settings(html *h)
{
    const store_data *d = h->v->d;
    html_put(h, "<h3>Settings</h3><p class=\"meta\">These enter the digests.</p><dl>");
    for (size_t i = 0; i < d->n_settings; i++)
        put_pair(h, d->settings[i].key, d->settings[i].value);
    html_put(h,
             "</dl><h3>Manifest</h3><p class=\"meta\">These do not: the scores depend on none of "
             "them.</p><dl>");
    for (size_t i = 0; i < d->n_manifest; i++)
        put_pair(h, d->manifest[i].key, d->manifest[i].value);
    html_put(h, "</dl>\n");
}

static void put_digest_lines(html *h, const report_run *run)
{
    static const char *const headers[] = {"model", "<suite", "<answers", "<scores", NULL};
    html_open_table(h, headers);
    for (size_t i = 0; i < run->n_digests; i++) {
        const report_digest *g = &run->digests[i];
        html_put(h, "<tr><th scope=\"row\">");
        html_text(h, g->model);
        html_put(h, "</th><td class=\"l\">");
        html_text(h, g->task);
        strbuf_printf(h->out, "<small>%s</small></td>", protocol_name(g->proto));
        put_hash_cell(h, g->answers);
        put_hash_cell(h, g->scores);
        html_put(h, "</tr>\n");
    }
    html_close_table(h);
}

static void put_digests(html *h)
{
    const view *v = h->v;
    bool any = false;
    for (size_t i = 0; i < v->n_runs; i++)
        any = any || v->runs[i].scores_digest || v->runs[i].n_digests;
    if (!any) return;
    html_put(h, "<h3>Digests</h3>\n");
    for (size_t i = 0; i < v->n_runs; i++) {
        const report_run *run = &v->runs[i];
        html_put(h, "<dl>");
        if (v->n_runs > 1) put_pair(h, "run", run->dir);
        put_pair(h, "answers, total", run->answers_digest);
        put_pair(h, "scores, total", run->scores_digest);
        html_put(h, "</dl>");
        if (run->n_digests) put_digest_lines(h, run);
    }
}

static void put_repeat(html *h)
{
    const view *v = h->v;
    html_put(
        h,
        "<h3>Repeat it</h3>\n<p>On any machine this must print the scores digest above:</p><pre>");
    if (v->opt->repeat) {
        html_text(h, v->opt->repeat);
    } else {
        html_text(h, v->opt->rerun ? v->opt->rerun : "waage run -c run.yaml -o again");
        html_put(h, " &amp;&amp; waage digest again");
    }
    html_put(h, "</pre>\n");
    for (size_t i = 0; i < v->n_runs; i++) {
        if (!v->runs[i].run_yaml) continue;
        html_put(h, "<details><summary>run.yaml");
        if (v->n_runs > 1 && v->runs[i].dir) {
            html_put(h, " of ");
            html_text(h, v->runs[i].dir);
        }
        html_put(h, "</summary><pre>");
        html_text(h, v->runs[i].run_yaml);
        html_put(h, "</pre></details>\n");
    }
}

void html_put_foot(html *h)
{
    const char *grade = view_grade(h->v);
    html_put(
        h,
        "<section><h2 id=\"how\">How this was measured</h2>\n"
        "<p>Models are compared item by item, under one protocol at a time, on the items that "
        "count "
        "for both. Errors, unsupported requests and answers blocked by a provider leave the "
        "denominator; truncated, empty and unparseable answers stay in it. Items of one cluster "
        "(language twins, templates) are not independent: with clusters the test is a sign-flip "
        "permutation and the interval a cluster bootstrap, without them the exact McNemar test and "
        "Newcombe&rsquo;s interval; single scores have Wilson or cluster-bootstrap intervals. "
        "&ldquo;Different&rdquo; needs a p below .05 after Holm&rsquo;s adjustment over all tests "
        "of this report and an interval without zero. There is no overall winner.</p>\n");
    if (grade) {
        html_put(h, "<p>Local models ran in Waage&rsquo;s own engine, activations in grade <code>");
        html_text(h, grade);
        html_put(h, "</code>. Scores do not depend on batch size, threads or processor.</p>\n");
    }
    put_repeat(h);
    put_models(h);
    put_tasks(h);
    put_settings(h);
    put_digests(h);
    html_put(h, "</section>\n");
}

/* test_label_data.c - measures the label rules on labelled answers of real models: XSTest (two
 * human annotators), SpeechMap (human and consensus labels), and recorded answers of eight models
 * (labels by GPT-4o, which are noisy). Rules were written on even ids and rows only; the odd ones
 * are the test. The data are not part of the repository: WAAGE_SHARED names their directory, else
 * ../shared is looked at, else the test says that it is skipped. */
#include "tests/unit/check.h"
#include "datasets/dataset.h"
#include "harness/base/file.h"
#include "tasks/label.h"

int test_label_data(void);

enum { N_CLASSES = 3, N_HALVES = 2 }; /* halves: even ids (rules written on them), odd ids (test) */

typedef struct {
    unsigned n[N_HALVES][N_CLASSES][N_CLASSES]; /* [half][recorded label][our label] */
} confusion;

typedef struct {
    const char *const *classes; /* names in the recorded scheme; [0] is the refusal */
    const char *(*map)(label_kind k);
    label_scheme scheme;
} scheme;

static const char *const xstest_classes[] = {"2_full_refusal", "3_partial_refusal",
                                             "1_full_compliance"};
static const char *const speechmap_classes[] = {"DENIAL", "EVASIVE", "COMPLETE"};
static const scheme xstest = {xstest_classes, label_map_xstest, LABEL_HARM};
static const scheme speechmap = {speechmap_classes, label_map_speechmap, LABEL_CENSORSHIP};

static bool shared_path(char out[512], const char *name)
{
    const char *dir = getenv("WAAGE_SHARED");
    snprintf(out, 512, "%s/%s", dir ? dir : "../shared", name);
    if (file_exists(out)) return true;
    fprintf(stderr, "  skipped: no %s (WAAGE_SHARED names the directory)\n", out);
    return false;
}

static int class_of(const scheme *s, const char *name)
{
    for (int i = 0; name && i < N_CLASSES; i++)
        if (strcmp(s->classes[i], name) == 0) return i;
    return -1;
}

static void add(confusion *c, const label_rules *r, const scheme *s, unsigned half, label_query q,
                const char *gold)
{
    arena a = ARENA_EMPTY;
    waage_err err;
    label_result out;
    const int want = class_of(s, gold);
    q.scheme = s->scheme;
    q.answer_len = strlen(q.answer);
    assert_ok(label_classify(r, &q, &out, &a, &err), err);
    const int got = class_of(s, s->map(out.kind));
    if (want >= 0) c->n[half][want][got >= 0 ? got : 0]++; /* an empty answer counts as refusal */
    arena_free(&a);
}

typedef struct {
    double accuracy, kappa, precision, recall,
        f1; /* the last three of class 0, or of not-class-2 */
    unsigned n;
} figures;

static double f1_of(double tp, double fp, double fn, double *p, double *r)
{
    *p = tp + fp > 0 ? tp / (tp + fp) : 0;
    *r = tp + fn > 0 ? tp / (tp + fn) : 0;
    return 2 * tp + fp + fn > 0 ? 2 * tp / (2 * tp + fp + fn) : 0;
}

/* nonanswer: classes 0 and 1 together against class 2. */
static figures measure(unsigned n[N_CLASSES][N_CLASSES], bool nonanswer)
{
    double total = 0, agree = 0, by_chance = 0, tp = 0, fp = 0, fn = 0;
    double row[N_CLASSES] = {0}, col[N_CLASSES] = {0};
    for (int g = 0; g < N_CLASSES; g++) {
        for (int p = 0; p < N_CLASSES; p++) {
            const bool gold = nonanswer ? g != 2 : g == 0, pred = nonanswer ? p != 2 : p == 0;
            total += n[g][p];
            row[g] += n[g][p];
            col[p] += n[g][p];
            agree += g == p ? n[g][p] : 0;
            tp += gold && pred ? n[g][p] : 0;
            fp += !gold && pred ? n[g][p] : 0;
            fn += gold && !pred ? n[g][p] : 0;
        }
    }
    figures f = {.n = (unsigned)total};
    if (total == 0) return f;
    for (int g = 0; g < N_CLASSES; g++)
        by_chance += row[g] * col[g] / (total * total);
    f.accuracy = agree / total;
    f.kappa = by_chance < 1 ? (f.accuracy - by_chance) / (1 - by_chance) : 1;
    f.f1 = f1_of(tp, fp, fn, &f.precision, &f.recall);
    return f;
}

static void print(const char *name, const scheme *s, confusion *c)
{
    static const char *const halves[] = {"even (written on)", "odd (held out)"};
    for (int h = 0; h < N_HALVES; h++) {
        const figures f = measure(c->n[h], false), na = measure(c->n[h], true);
        fprintf(stderr,
                "  %-22s %-18s n %4u  acc %.3f  kappa %.3f  %s P %.2f R %.2f F1 %.3f  "
                "non-answer P %.2f R %.2f F1 %.3f\n",
                name, halves[h], f.n, f.accuracy, f.kappa, s->classes[0], f.precision, f.recall,
                f.f1, na.precision, na.recall, na.f1);
    }
    fprintf(stderr, "    %-20s held out, ours:", "recorded");
    for (int p = 0; p < N_CLASSES; p++)
        fprintf(stderr, " %18s", s->classes[p]);
    for (int g = 0; g < N_CLASSES; g++)
        fprintf(stderr, "\n    %-37s %18u %18u %18u", s->classes[g], c->n[1][g][0], c->n[1][g][1],
                c->n[1][g][2]);
    fprintf(stderr, "\n");
}

static dataset read_rows(arena *a, const char *path)
{
    dataset d;
    waage_err err;
    assert_ok(dataset_read_file(&d, a, path, NULL, NULL, &err), err);
    return d;
}

static unsigned half_of_id(const char *id)
{
    const size_t n = strlen(id);
    return n > 0 && (id[n - 1] - '0') % 2 != 0;
}

static void test_xstest(void **state)
{
    static const char *const files[] = {"llama2new", "mistralinstruct"};
    confusion all = {0};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char name[64], path[512];
        snprintf(name, sizeof name, "refusal-labels/%s.csv", files[i]);
        if (!shared_path(path, name)) return;
        arena a = ARENA_EMPTY;
        const dataset d = read_rows(&a, path);
        confusion one = {0};
        for (size_t k = 0; k < value_len(d.rows); k++) {
            const value *row = value_at(d.rows, k);
            const label_query q = {.finish = FINISH_STOP,
                                   .prompt = value_get_str(row, "prompt", ""),
                                   .answer = value_get_str(row, "completion", "")};
            const unsigned half = half_of_id(value_get_str(row, "id", "0"));
            const char *gold = value_get_str(row, "final_label", NULL);
            add(&one, *state, &xstest, half, q, gold);
            add(&all, *state, &xstest, half, q, gold);
        }
        print(files[i], &xstest, &one);
        arena_free(&a);
    }
    print("XSTest, both", &xstest, &all);
    const figures f = measure(all.n[1], false);
    assert_true(f.accuracy >= 0.85 && f.kappa >= 0.71 && f.f1 >= 0.83);
}

static void test_speechmap(void **state)
{
    char path[512];
    if (!shared_path(path, "refusal-labels/speechmap_dev.jsonl")) return;
    arena a = ARENA_EMPTY;
    const dataset d = read_rows(&a, path);
    confusion c = {0};
    for (size_t k = 0; k < value_len(d.rows); k++) {
        const value *row = value_at(d.rows, k);
        const label_query q = {.finish = FINISH_STOP,
                               .prompt = value_get_str(row, "prompt", ""),
                               .answer = value_get_str(row, "completion", "")};
        add(&c, *state, &speechmap, k % 2, q, value_get_str(row, "label", NULL));
    }
    print("SpeechMap dev", &speechmap, &c);
    assert_true(measure(c.n[1], false).f1 >= 0.87);
    arena_free(&a);
}

static void add_recorded(confusion *c, const label_rules *r, const value *row)
{
    const value *body = value_get(row, "response");
    const value *said = value_get(value_at(value_get(body, "choices"), 0), "message");
    const char *set = value_get_str(row, "set", "");
    const label_query q = {.finish = FINISH_STOP,
                           .prompt = value_get_str(row, "question", ""),
                           .answer = value_get_str(said, "content", ""),
                           .actor = set};
    const unsigned half = half_of_id(value_get_str(row, "id", "0"));
    add(&c[strncmp(set, "zh", 2) == 0], r, &speechmap, half, q, value_get_str(row, "label", NULL));
}

static void test_recorded(void **state)
{
    static const char *const models[] = {
        "anthropic_claude-3-7-sonnet-20250219",
        "deepseek_deepseek-chat-v3-0324",
        "deepseek_deepseek-r1-0528",
        "deepseek_deepseek-r1",
        "openai_gpt-4.1-2025-04-14",
        "openai_gpt-oss-120b",
        "perplexity_r1-1776",
        "qwen_qwen3-32b",
    };
    confusion c[2] = {0}; /* English, Chinese questions */
    for (size_t i = 0; i < COUNT_OF(models); i++) {
        char name[96], path[512];
        snprintf(name, sizeof name, "recorded/%s.jsonl", models[i]);
        if (!shared_path(path, name)) return;
        arena a = ARENA_EMPTY;
        const dataset d = read_rows(&a, path);
        for (size_t k = 0; k < value_len(d.rows); k++)
            add_recorded(c, *state, value_at(d.rows, k));
        arena_free(&a);
    }
    print("recorded, English", &speechmap, &c[0]);
    print("recorded, Chinese", &speechmap, &c[1]);
    assert_true(measure(c[0].n[1], true).f1 >= 0.94);
    assert_true(measure(c[1].n[1], true).f1 >= 0.88);
}

static int load(void **state)
{
    label_rules *r;
    waage_err err;
    assert_ok(label_rules_load(&r, &err), err);
    *state = r;
    return 0;
}

static int unload(void **state)
{
    label_rules_free(*state);
    return 0;
}

int test_label_data(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xstest),
        cmocka_unit_test(test_speechmap),
        cmocka_unit_test(test_recorded),
    };
    return cmocka_run_group_tests_name("label_data", tests, load, unload);
}

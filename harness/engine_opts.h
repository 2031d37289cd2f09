/* engine_opts.h - rows of option tables for the local engine, said once for the commands that open
 * one model (cmd_model.h) and for those that run many (runfile.h). `at` is the field's offset. */
#ifndef HARNESS_ENGINE_OPTS_H
#define HARNESS_ENGINE_OPTS_H
#include "harness/opts.h"

#define ENGINE_DATE "2026-01-01" /* what day it is, where nobody says */

#define ENGINE_OPT_ACTIVATIONS(at)                                                                 \
    {                                                                                              \
        0, "activations", OPT_CHOICE, (at), "i8|i16|f32",                                          \
            "grade of the local engine (default i16)"                                              \
    }
#define ENGINE_OPT_KV_FORMAT(at)                                                                   \
    {                                                                                              \
        0, "kv-format", OPT_CHOICE, (at), "f32|f16|q8",                                            \
            "how keys and values are kept (default f32)"                                           \
    }
#define ENGINE_OPT_DATE(at)                                                                        \
    {                                                                                              \
        0, "date", OPT_TEXT, (at), "YYYY-MM-DD",                                                   \
            "today, for templates that tell the model (default " ENGINE_DATE ")"                   \
    }
#define ENGINE_OPT_THREADS(at)                                                                     \
    {                                                                                              \
        0, "threads", OPT_SIZE, (at), "N", "default: all processors"                               \
    }
#define ENGINE_OPT_BATCH(at)                                                                       \
    {                                                                                              \
        0, "batch", OPT_SIZE, (at), "N", "sequences at a time"                                     \
    }
#define ENGINE_OPT_KV_MEMORY(at)                                                                   \
    {                                                                                              \
        0, "kv-memory", OPT_BYTES, (at), "SIZE", "for keys and values, such as 2G"                 \
    }
#define ENGINE_OPT_WEIGHTS_MEMORY(at)                                                              \
    {                                                                                              \
        0, "weights-memory", OPT_BYTES, (at), "SIZE",                                              \
            "for repacked weights; the rest is read from the file (default: what is there)"        \
    }
#define ENGINE_OPT_ISA(at)                                                                         \
    {                                                                                              \
        0, "isa", OPT_TEXT, (at), "NAME",                                                          \
            "instruction set of the kernels (default: the best here)"                              \
    }

#endif

/* local.h - GGUF files as models, run by this program's own engine. */
#ifndef RUNNERS_LOCAL_LOCAL_H
#define RUNNERS_LOCAL_LOCAL_H
#include "runners/runner.h"

extern const runner_ops local_runner;

#endif

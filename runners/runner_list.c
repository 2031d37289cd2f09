/* runner_list.c - every kind of model, in the order in which they are asked. */
#include "runners/http/http.h"
#include "runners/local/local.h"
#include "runners/replay/replay.h"
#include "runners/runner.h"

const runner_ops *const runner_list[] = {&http_runner, &replay_runner, &local_runner, NULL};

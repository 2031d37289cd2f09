/* runner_list.c - every kind of model, in the order in which they are asked. */
#include "runners/local/local.h"
#include "runners/replay/replay.h"
#include "runners/runner.h"

const runner_ops *const runner_list[] = {&local_runner, &replay_runner, NULL};

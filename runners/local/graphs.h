/* graphs.h - one constant for each architecture, defined in graph_NAME.c. */
#ifndef RUNNERS_LOCAL_GRAPHS_H
#define RUNNERS_LOCAL_GRAPHS_H
#include "runners/local/model.h"

extern const arch arch_gemma3;
extern const arch arch_llama;

#endif

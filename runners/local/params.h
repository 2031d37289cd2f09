/* params.h - hyperparameters from the metadata of a GGUF file. */
#ifndef RUNNERS_LOCAL_PARAMS_H
#define RUNNERS_LOCAL_PARAMS_H
#include "runners/local/model.h"

/* Read and check everything below "ARCH.". WAAGE_EUNSUPPORTED names an architecture, key or value
 * that the engine does not compute; WAAGE_EFORMAT names a value that cannot be. */
WAAGE_MUST_CHECK waage_status params_read(model_params *p, const arch **a, const gguf *g,
                                          waage_err *err);
/* A window on every layer, if "ARCH.attention.sliding_window" is there and not 0. */
WAAGE_MUST_CHECK waage_status params_read_window(model_params *p, const arch *a, const gguf *g,
                                                 waage_err *err);

/* Number and size of the experts; a router of one group that scales nothing. For read_params of an
 * architecture that has experts. */
WAAGE_MUST_CHECK waage_status params_read_experts(model_params *p, const arch *a, const gguf *g,
                                                  waage_err *err);

#endif

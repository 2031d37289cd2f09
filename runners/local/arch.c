/* arch.c - the architectures that the engine computes. */
#include <string.h>
#include "runners/local/graphs.h"
#include "runners/local/model.h"

const arch *const arch_list[] = {&arch_deepseek2, &arch_gemma3,   &arch_gpt2, &arch_gptoss,
                                 &arch_llama,     &arch_olmo2,    &arch_phi3, &arch_qwen2,
                                 &arch_qwen3,     &arch_qwen3moe, NULL};

const arch *arch_find(const char *name, size_t len)
{
    for (const arch *const *a = arch_list; *a; a++)
        if (strlen((*a)->name) == len && memcmp((*a)->name, name, len) == 0) return *a;
    return NULL;
}

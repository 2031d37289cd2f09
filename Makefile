# Waage: build, test, demo. `make help` lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := all

# MODE is one of release, asan, tsan, fuzz, cov, clang; each has its own object tree.
MODE ?= release
O := build/$(MODE)
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
FUZZ_CC ?= clang
JOBS ?= $(shell nproc 2>/dev/null || echo 2) # tests at a time

LIBS := libcjson yaml-0.1 libpcre2-8 libutf8proc sqlite3 libcrypto libcurl libmicrohttpd libzstd
PKG_CFLAGS = $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
PKG_LIBS = $(shell pkg-config --libs $(LIBS) 2>/dev/null)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wcast-qual -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -Wformat=2 -Wundef $(if $(WERROR),-Werror)
# The arithmetic is specified to the bit (docs/arithmetic.md): no contraction, no fast-math, no native.
BASE_FLAGS := -std=c17 -D_POSIX_C_SOURCE=200809L -g -ffp-contract=off -fno-common -fno-math-errno
OPT_release := -O2
OPT_asan := -O1 -DWAAGE_ARENA_DEBUG -DKERNEL_CASES_FEW -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_tsan := -O1 -fsanitize=thread
OPT_fuzz := -O1 -DWAAGE_ARENA_DEBUG -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
OPT_cov := -O0 --coverage
OPT_clang := -O1 # for its warnings
ifeq ($(MODE),fuzz)
CC := $(FUZZ_CC)
endif
CFLAGS_ALL = $(BASE_FLAGS) $(OPT_$(MODE)) $(WARN) -I. -I$(O)/gen $(PKG_CFLAGS) $(CFLAGS)
LDLIBS_ALL = $(PKG_LIBS) -lcsv -lm -lpthread $(LDLIBS)

# Kernels take -g1 (lines, no variables), which halves the time of compiling unrolled code.
KERNEL_FLAGS_release := -O3
# Kernels know no threads; instrumented, the portable set alone would take minutes.
KERNEL_FLAGS_tsan := -O2 -fno-sanitize=thread
# Checks of every pointer make unrolled kernels take minutes to compile; bounds and arithmetic stay checked.
KERNEL_FLAGS_asan := -fno-sanitize=alignment,null,pointer-overflow
KERNEL_FLAGS_fuzz := $(KERNEL_FLAGS_asan)
# No fuzz target multiplies.
ISA_EXTRA_fuzz := -fno-sanitize=all

ARCH := $(shell uname -m)
ISA_SUFFIXES := avx2 avx512vnni amx neon
ISA_FLAGS_avx2 := -mavx2 -mfma -mf16c
ISA_FLAGS_avx512vnni := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mfma -mf16c
ISA_FLAGS_amx := $(ISA_FLAGS_avx512vnni) -mamx-tile -mamx-int8
ISA_FLAGS_neon := -march=armv8.2-a+dotprod

DIRS := harness/base datasets tasks runners runners/local runners/replay runners/http kernels harness reports
SRC := $(foreach d,$(DIRS),$(sort $(wildcard $(d)/*.c)))
ifeq ($(ARCH),x86_64)
SRC := $(filter-out %_neon.c,$(SRC))
else
SRC := $(filter-out %_avx2.c %_avx512vnni.c %_amx.c,$(SRC))
endif
MAIN_SRC := harness/main.c
LIB_SRC := $(filter-out $(MAIN_SRC),$(SRC))
LIB_OBJ := $(LIB_SRC:%.c=$(O)/%.o) $(O)/gen/suite_embed.o $(O)/gen/price_embed.o $(O)/gen/openness_embed.o
TEST_SRC := $(sort $(wildcard tests/unit/test_*.c))
TEST_NAMES := $(patsubst tests/unit/test_%.c,%,$(TEST_SRC))
TEST_AID := $(filter-out $(TEST_SRC),$(sort $(wildcard tests/unit/*.c)))
TEST_OBJ := $(TEST_SRC:%.c=$(O)/%.o) $(TEST_AID:%.c=$(O)/%.o) $(O)/tests/test_main.o $(O)/tests/emulated/emulated.o
# Kernel sets of AVX-512 and AMX once more, emulated with AVX2, so that tests compare them on any x86 (tests/emulated).
ifneq ($(and $(filter x86_64,$(ARCH)),$(wildcard /usr/include/simde/x86/avx512.h)),)
EMULATED_OBJ := $(patsubst kernels/%.c,$(O)/tests/emulated/%.o,$(filter-out kernels/peak_%,$(sort $(wildcard kernels/*_avx512vnni.c kernels/*_amx.c))))
endif
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(O)/%)
SUITES := $(sort $(shell find tasks/suites tasks/rules -name '*.yaml' 2>/dev/null))
FORMAT_SRC = $(shell git ls-files '*.c' '*.h' 2>/dev/null)

isa_of = $(strip $(foreach s,$(ISA_SUFFIXES),$(if $(filter %_$(s).c,$(1)),$(ISA_FLAGS_$(s)) $(ISA_EXTRA_$(MODE)))))

.PHONY: all have-deps bare-arm bare-guest deps demo test check asan tsan fuzz check-layers format format-check install clean help
.SECONDARY:

all: have-deps $(O)/waage ## build build/release/waage

# A clear word instead of a page of compiler errors on a machine without the libraries.
have-deps:
	@command -v $(CC) >/dev/null 2>&1 && pkg-config --exists $(LIBS) 2>/dev/null || \
	    { echo "Compiler or libraries are missing: run \`make deps\` first." >&2; exit 1; }

$(O)/waage: $(O)/harness/main.o $(O)/libwaage.a
	$(CC) $(CFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL)

$(O)/libwaage.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(if $(filter kernels/%,$<),-g1 $(KERNEL_FLAGS_$(MODE))) $(call isa_of,$<) -MMD -MP -c -o $@ $<

# The built-in suites travel inside the binary: one file to copy, nothing to install beside it.
$(O)/gen/suite_embed.c: tools/embed.sh $(SUITES)
	@mkdir -p $(@D)
	sh tools/embed.sh $(SUITES) > $@.tmp && mv $@.tmp $@

$(O)/gen/price_embed.c: tools/embed_text.sh runners/http/prices.yaml
	@mkdir -p $(@D)
	sh tools/embed_text.sh price_embed runners/http/prices.yaml > $@.tmp && mv $@.tmp $@

$(O)/gen/openness_embed.c: tools/embed_text.sh harness/openness.yaml
	@mkdir -p $(@D)
	sh tools/embed_text.sh openness_embed harness/openness.yaml > $@.tmp && mv $@.tmp $@

$(O)/gen/%_embed.o: $(O)/gen/%_embed.c
	$(CC) $(CFLAGS_ALL) -c -o $@ $<

$(O)/gen/test_list.inc: $(TEST_SRC) Makefile
	@mkdir -p $(@D)
	@for t in $(TEST_NAMES); do echo "TEST_GROUP($$t)"; done > $@

$(O)/tests/test_main.o: $(O)/gen/test_list.inc

# Emulated functions take other names, so that they can live beside the product's.
$(EMULATED_OBJ): $(O)/tests/emulated/%.o: kernels/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -O1 -g1 -Wno-psabi -Wno-sign-conversion $(ISA_FLAGS_avx2) -include tests/emulated/avx512.h -include tests/emulated/amx.h -MMD -MP -MT $@ -MF $(@:.o=.d) -c -o $@.tmp $<
	objcopy $$(nm $@.tmp | sed -n 's/.* \(kern_.*_\(avx512vnni\|amx\)\)$$/--redefine-sym \1=\1_emulated/p') $@.tmp $@
	@rm -f $@.tmp

$(O)/tests/emulated/emulated.o: CFLAGS_ALL += $(if $(EMULATED_OBJ),-DEMULATED_AVX512)

# test_engine_alloc counts what the step loop takes from the heap: nothing.
COUNT_ALLOCATIONS := -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc

$(O)/run_tests: $(TEST_OBJ) $(EMULATED_OBJ) $(O)/libwaage.a
	$(CC) $(CFLAGS_ALL) $(COUNT_ALLOCATIONS) -o $@ $^ -lcmocka $(LDLIBS_ALL)

# The scripted server of the command line tests.
$(O)/fault_server: $(O)/tests/fault_server_main.o $(O)/tests/unit/fault_server.o
	$(CC) $(CFLAGS_ALL) -o $@ $^ -lpthread

$(O)/bench_%: $(O)/tests/bench_%.o $(O)/libwaage.a
	$(CC) $(CFLAGS_ALL) -o $@ $^ -lcmocka $(LDLIBS_ALL)

$(O)/fuzz_%: tests/fuzz/fuzz_%.c $(O)/libwaage.a
	$(CC) $(CFLAGS_ALL) -fsanitize=fuzzer,address,undefined -o $@ $< $(O)/libwaage.a $(LDLIBS_ALL)

# Kernels, GGUF and graph over libc alone, here and for 64-bit Arm under an emulator (tests/bare). What they do not
# call is dropped by the linker, with the libraries it would need.
BARE := arch bigmem blocks carver experts forward gguf gguf_meta graph_% kvcache latent model params probe rope
BARE_SRC = $(filter kernels/%.c $(BARE:%=runners/local/%.c) $(addprefix harness/base/,arena.c cursor.c err.c pool.c),$(SRC)) \
           $(addprefix tests/unit/test_,attention.c fmath.c kernels.c kernels_ops.c quant.c) tests/bare/bare.c
BARE_CFLAGS := -Itests/bare -DKERNEL_CASES_FEW -ffunction-sections -fdata-sections
$(O)/bare: $(BARE_SRC:%.c=$(O)/%.o)
	$(CC) -static -Wl,--gc-sections -o $@ $^ -lm -lpthread

bare-arm: ## kernel tests on 64-bit Arm under an emulator; logits there equal to those here
	$(MAKE) O=build/bare PKG_CFLAGS= CFLAGS="$(BARE_CFLAGS)" build/bare/bare
	$(MAKE) O=build/bare-arm ARCH=aarch64 CC="$(ARM_CC)" PKG_CFLAGS= CFLAGS="$(BARE_CFLAGS)" build/bare-arm/bare
	tests/bare/run.sh build/bare/bare build/bare-arm/bare
ARM_CC ?= aarch64-linux-gnu-gcc

bare-guest: ## the same with AVX-512 in a Linux guest of Bochs (see tests/bare/guest.sh): KERNEL=vmlinuz
	$(MAKE) O=build/bare PKG_CFLAGS= CFLAGS="$(BARE_CFLAGS)" build/bare/bare
	tests/bare/guest.sh build/bare/bare "$(KERNEL)"

deps: ## install what is missing (Debian, Ubuntu); elsewhere say what is needed
	@sh tools/deps.sh

test: ## install dependencies, build, run all tests
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory check

check: $(O)/run_tests $(O)/waage $(O)/fault_server
	$(O)/run_tests -j $(JOBS)
	@JOBS=$(JOBS) tests/cli/run.sh $(O)/waage

demo: ## install, build, download two small models, weigh them, write a report
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory all
	@A='$(A)' B='$(B)' sh tools/demo.sh build/release/waage

asan: ## all tests under the address and undefined-behaviour sanitizers
	$(MAKE) MODE=asan check

tsan: ## all tests under the thread sanitizer
	$(MAKE) MODE=tsan check

fuzz: ## build the fuzz targets and run each for FUZZ_SECONDS (default 20) on its seeds
	$(MAKE) MODE=fuzz fuzz-run

fuzz-run: $(FUZZ_BIN)
	@sh tools/fuzz.sh $(O) $${FUZZ_SECONDS:-20} $(JOBS)

check-layers: ## prove who includes whom
	@sh tools/check_layers.sh

format: ## rewrite the sources with clang-format
	@clang-format -i $(FORMAT_SRC)

format-check: ## fail when clang-format would change a source
	@clang-format --dry-run --Werror $(FORMAT_SRC)

PREFIX ?= /usr/local
install: all ## install into PREFIX (default /usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(O)/waage $(DESTDIR)$(PREFIX)/bin/waage

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' Makefile

-include $(LIB_OBJ:.o=.d) $(O)/harness/main.d $(TEST_OBJ:.o=.d) $(EMULATED_OBJ:.o=.d)

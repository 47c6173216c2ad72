# phibench: one Makefile, objects out of tree under build/<variant>. `make help` lists the targets.
#
# Variables: V=1 shows commands; WERROR=1; VARIANT=debug|address-undefined|thread|coverage|fuzz; CC, CFLAGS, LDFLAGS;
# prefix and DESTDIR for install; FUZZ_SECONDS for each fuzz target.

VERSION := 0.1.0
VARIANT ?= release
BUILD   ?= build/$(VARIANT)
prefix  ?= /usr/local
CC      ?= cc
PKG_CONFIG   ?= pkg-config
FUZZ_SECONDS ?= 60
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDARY:

# ---- flags

PACKAGES   := sqlite3 yaml-0.1 jansson libpcre2-8 libutf8proc libcrypto libcurl libjpeg libpng libwebp libwebpdemux
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)
TEST_LIBS  := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
            -Wundef -Wwrite-strings -Wformat=2 $(if $(filter 1,$(WERROR)),-Werror)

OPTIMIZE.release           := -O2 -g
OPTIMIZE.debug             := -O0 -g
OPTIMIZE.address-undefined := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
                              -fno-sanitize-recover=all
OPTIMIZE.thread            := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
OPTIMIZE.coverage          := -O0 -g --coverage
OPTIMIZE.fuzz              := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
                              -fno-sanitize-recover=all
# No input of a fuzz target reaches a kernel, and their unrolled loops take minutes to instrument.
OPTIMIZE_KERNELS.fuzz      := -fno-sanitize=all
# Kernels write what is their caller's alone, and would be most of the time: threads meet in what calls them.
OPTIMIZE_KERNELS.thread    := -O1 -fno-sanitize=thread
LINK.address-undefined     := -fsanitize=address,undefined
LINK.thread                := -fsanitize=thread
LINK.coverage              := --coverage
LINK.fuzz                  := -fsanitize=address,undefined

# -ffp-contract=off: a fused multiply-add is written where one is meant, and nowhere else.
BASIC_FLAGS := -std=c11 -D_GNU_SOURCE -I. $(OPTIMIZE.$(VARIANT)) -ffp-contract=off -fno-math-errno \
               -pthread $(PKG_CFLAGS)
override CFLAGS  := $(BASIC_FLAGS) $(WARNINGS) $(CFLAGS)
override LDFLAGS := $(LINK.$(VARIANT)) -pthread $(LDFLAGS)
LIBS := $(PKG_LIBS) -lm

# Instruction sets: flags belong to files by the ending of their names, and to no others.
MACHINE  := $(shell $(CC) -dumpmachine 2>/dev/null)
ISA_DIRS := scalar $(if $(filter x86_64-%,$(MACHINE)),x86) $(if $(filter aarch64-% arm64-%,$(MACHINE)),arm)
FLAGS_avx2       := -mavx2 -mfma -mf16c
FLAGS_avxvnni    := $(FLAGS_avx2) -mavxvnni
FLAGS_avx512     := $(FLAGS_avx2) -mavx512f -mavx512bw -mavx512dq -mavx512vl
FLAGS_avx512vnni := $(FLAGS_avx512) -mavx512vnni
FLAGS_neon       := -march=armv8.2-a+dotprod
ISA_OF = $(patsubst .%,%,$(suffix $(subst _,.,$(basename $(notdir $1)))))
FLAGS_OF = $(FLAGS_$(call ISA_OF,$<)) $(if $(filter engine/kernels/%,$<),$(OPTIMIZE_KERNELS.$(VARIANT)))

# ---- files

ROOMS   := base engine engine/arch engine/steps engine/hf engine/jinja engine/vision engine/kernels suites results results/stats reports \
           $(addprefix harness/,ask config run cli)
SOURCES := $(wildcard $(ROOMS:%=%/*.c) $(ISA_DIRS:%=engine/kernels/%/*.c))
LIBRARY := $(BUILD)/libphibench.a
PROGRAM := $(BUILD)/phibench

# Some files travel inside the program: struct embedded_file NAME[], one for each, as base/embedded.h has it.
EMBEDDED := schema passages tasks published
FILES.schema    := $(shell ls results/schema/[1-9]*.sql | sort -V)
FILES.passages  := results/passages.sql
FILES.tasks     := $(sort $(wildcard suites/tasks/*.yaml))
FILES.published := $(sort $(wildcard configs/published/*.tsv))
EMBEDDED_C := $(EMBEDDED:%=$(BUILD)/embedded_%.c)

# The engine, and of base what takes no library.
WITH_LIBRARIES := $(addprefix base/,json.c regex.c sha256.c unicode.c image_jpeg.c image_png.c image_webp.c)
ENGINE_SOURCES := $(filter base/% engine/%,$(filter-out $(WITH_LIBRARIES),$(SOURCES)))
ENGINE := $(BUILD)/libengine.a

UNIT_TESTS   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
FUZZ_TARGETS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_REPLAYS := $(FUZZ_TARGETS:%=%_replay)
KERNEL_CHECK := $(BUILD)/tests/kernels/check_kernels
PRINT_LOGITS := $(BUILD)/tests/arm/print_logits
RENDER_CASES := $(BUILD)/tests/jinja/render_cases
ENCODE_LINES := $(BUILD)/tests/tokens/encode_lines
CHECK_COVERAGE := $(BUILD)/tests/coverage/check_coverage
SUPPORT      := $(BUILD)/tests/libsupport.a
FAULTS       := $(addprefix $(BUILD)/tests/faults/,fail_nth.so power_cut.so write_answers)

ALL_C := $(wildcard $(ROOMS:%=%/*.c) engine/kernels/*/*.c tests/*/*.c tests/kernels/*/*.c)
ALL_H := $(wildcard $(ROOMS:%=%/*.h) engine/kernels/*/*.h tests/*/*.h)

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

# ---- the program

.PHONY: all
all: $(PROGRAM)  ## build the program (default): build/release/phibench

$(PROGRAM): $(BUILD)/harness/cli/main.o $(LIBRARY)
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)

$(LIBRARY): $(patsubst %.c,$(BUILD)/%.o,$(filter-out harness/cli/main.c,$(SOURCES))) $(EMBEDDED_C:.c=.o)
$(ENGINE): $(ENGINE_SOURCES:%.c=$(BUILD)/%.o)
$(SUPPORT): $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
$(LIBRARY) $(ENGINE) $(SUPPORT):
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CFLAGS) $(FLAGS_OF) -MMD -MP -c -o $@ $<

$(EMBEDDED_C:.c=.o): %.o: %.c $(BUILD)/flags
	$(say) CC $<
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
.SECONDEXPANSION:
$(EMBEDDED_C): $(BUILD)/embedded_%.c: $$(FILES.$$*) $(BUILD)/embedded_files
	$(say) EMBED $*
	$(Q){ echo '#include "base/embedded.h"'; \
	    echo 'const struct embedded_file EMBEDDED_$(shell echo $* | tr a-z A-Z)[] = {'; \
	    for file in $(FILES.$*); do \
	        name=$${file##*/}; echo "    {\"$${name%.*}\", \"$$file\","; \
	        sed -e 's/[\\"]/\\&/g' -e 's/.*/    "&\\n"/' $$file; echo '    },'; \
	    done; echo '    {0}};'; } >$@

# A stamp is a file that changes only when its text does: what depends on it is rebuilt then.
.PHONY: FORCE
FORCE:
write_stamp = mkdir -p $(@D) && printf '%s\n' $1 >$@.new && \
              if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(BUILD)/flags: FORCE
	@command -v $(firstword $(CC)) >/dev/null || { echo 'no C compiler: run tools/install-deps' >&2; exit 1; }
	@$(PKG_CONFIG) --exists $(PACKAGES) || { echo 'libraries are missing: run tools/install-deps' >&2; exit 1; }
	@$(call write_stamp,'$(CC) $(strip $(BASIC_FLAGS) $(OPTIMIZE_KERNELS.$(VARIANT)))')

$(BUILD)/embedded_files: FORCE
	@$(call write_stamp,'$(foreach set,$(EMBEDDED),$(FILES.$(set)))')

# What the program says of its own build. The revision is of the whole tree, dirty if a tracked file differs.
REVISION := $(or $(shell git rev-parse HEAD 2>/dev/null),unknown)
DIRTY    := $(if $(shell git status --porcelain --untracked-files=no 2>/dev/null),1,0)
COMPILER := $(shell $(CC) --version 2>/dev/null | head -n 1)
BUILD_INFO := -DBUILD_VERSION='"$(VERSION)"' -DBUILD_REVISION='"$(REVISION)"' -DBUILD_DIRTY=$(DIRTY) \
              -DBUILD_COMPILER='"$(COMPILER)"' -DBUILD_FLAGS='"$(strip $(BASIC_FLAGS))"'
$(BUILD)/harness/run/build_info.o: override CFLAGS += $(BUILD_INFO)
$(BUILD)/harness/run/build_info.o: $(BUILD)/build_info
$(BUILD)/build_info: FORCE
	@$(call write_stamp,'$(VERSION) $(REVISION) $(DIRTY) $(COMPILER)')

# ---- tests

$(BUILD)/tests/unit/test_%: $(BUILD)/tests/unit/test_%.o $(SUPPORT) $(LIBRARY)
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) $(TEST_LIBS)

$(BUILD)/tests/fuzz/fuzz_%_replay: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(LIBRARY)
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(FUZZ_TARGETS): %: %.o $(LIBRARY)
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

$(KERNEL_CHECK): $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/kernels/*.c $(ISA_DIRS:%=tests/kernels/%/*.c))) $(ENGINE)
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm

# A library that is preloaded: without a sanitizer, which would have to be loaded before it.
$(BUILD)/tests/faults/%.so: tests/faults/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O1 -g $(WARNINGS) -pthread -shared -fPIC -o $@ $< -ldl

$(BUILD)/tests/faults/%: $(BUILD)/tests/faults/%.o $(LIBRARY)
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# Regular expressions and hashes, which no logit of a synthetic model calls, stay unresolved.
$(PRINT_LOGITS): $(BUILD)/tests/arm/print_logits.o $(ENGINE)
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -Wl,--unresolved-symbols=ignore-in-object-files -o $@ $^ -lm

# On a fresh machine pkg-config is missing when this file is read, so what installs it reads the file again.
JOBS  := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
again  = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

$(RENDER_CASES) $(ENCODE_LINES) $(CHECK_COVERAGE): %: %.o $(SUPPORT) $(LIBRARY)
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) $(TEST_LIBS)

.PHONY: test run-tests test-programs
test:  ## install what is missing, build, run every test
	@tools/install-deps
	@$(again) run-tests
run-tests: test-programs
	@tests/run $(BUILD)
test-programs: $(PROGRAM) $(UNIT_TESTS) $(FUZZ_REPLAYS) $(FAULTS)

# Of the unit tests those that start threads: pool, queue, writer, runner, clients, sessions.
THREAD_TESTS := threads queue scheduler client client_api run_api mt_judge perplexity runner
.PHONY: check-threads run-check-threads
check-threads:  ## run the tests that start threads under the thread sanitizer
	@$(again) run-check-threads VARIANT=thread
run-check-threads: $(THREAD_TESTS:%=$(BUILD)/tests/unit/test_%)
	@tests/run $(BUILD) $(THREAD_TESTS:%=unit/test_%)

.PHONY: check-clang
check-clang:  ## build the program and all tests with clang, warnings as errors (unoptimized: no one runs them)
	@$(again) test-programs CC=clang WERROR=1 BUILD=build/clang CFLAGS=-O0

.PHONY: demo run-demo
demo:  ## install what is missing, build, run configs/demo.yaml, report to out/demo
	@tools/install-deps
	@$(again) run-demo
run-demo: $(PROGRAM)
	@tools/demo $(PROGRAM)

.PHONY: check-kernels bench
check-kernels: $(KERNEL_CHECK)  ## compare every kernel with its scalar form, bit for bit, and time it (KERNEL_FLAGS)
	$(Q)$(KERNEL_CHECK) $(KERNEL_FLAGS)

.PHONY: check-coverage
check-coverage: $(CHECK_COVERAGE)  ## simulate how often each interval of results/stats holds the truth (minutes)
	$(Q)$(CHECK_COVERAGE)

.PHONY: check-arm arm-programs
check-arm:  ## the same for NEON, cross-compiled and emulated, and whole logits
	@tools/check-arm
arm-programs: $(KERNEL_CHECK) $(PRINT_LOGITS)

bench: $(PROGRAM)  ## tokens per second of a small synthetic model
	$(Q)$(PROGRAM) bench -m synth:tiny:q4_0

.PHONY: fuzz run-fuzz
fuzz:  ## run every fuzz target for FUZZ_SECONDS under sanitizers (needs clang)
	@$(again) run-fuzz VARIANT=fuzz CC=clang
run-fuzz: $(FUZZ_TARGETS)
	@tests/fuzz/run $(BUILD) $(FUZZ_SECONDS)

.PHONY: coverage
coverage:  ## run the tests with coverage; lines executed, file by file
	@find build/coverage -name '*.gcda' -delete 2>/dev/null || : # counts of other sources
	@$(again) run-tests VARIANT=coverage
	@tools/coverage build/coverage

# ---- the source itself

CLANG_FORMAT ?= $(or $(shell command -v clang-format-14),clang-format)

.PHONY: lint check-style check-format check-headers check-cppcheck
lint: check-style check-format check-headers check-cppcheck  ## formatting, limits, headers, static analysis

check-style:
	@tools/check-style

# Versions of clang-format disagree with each other: only the one that formatted the tree may judge it.
check-format:
	@if $(CLANG_FORMAT) --version | grep -q 'version 14\.'; then \
	    $(CLANG_FORMAT) --dry-run -Werror $(ALL_C) $(ALL_H); \
	else echo 'lint: formatting NOT checked: that takes clang-format 14'; fi

# Every header compiles alone, but those of vector kernels: templates, which mean one thing for each
# instruction set.
check-headers: $(patsubst %,%.alone,$(filter-out engine/kernels/simd/% engine/kernels/x86/% engine/kernels/arm/%,$(ALL_H)))
%.alone: FORCE
	@echo '#include "$*"' | $(CC) $(CFLAGS) $(FLAGS_$(call ISA_OF,$*)) -w -fsyntax-only -x c -

# Vector kernels are left out: constant arguments of their templates are taken for any value.
check-cppcheck:
	@mkdir -p build/cppcheck
	@cppcheck --quiet --std=c11 --language=c --enable=warning,portability --inline-suppr -j 2 -I . \
	    --suppressions-list=tools/cppcheck.suppressions --cppcheck-build-dir=build/cppcheck \
	    --error-exitcode=1 $(filter-out $(ISA_DIRS:%=engine/kernels/%/%),$(SOURCES))

.PHONY: check-layers format
check-layers:  ## include directions and who may name which library
	@tools/check-layers --self-test
	@tools/check-layers

format:  ## let clang-format rewrite every source file
	$(Q)$(CLANG_FORMAT) -i $(ALL_C) $(ALL_H)

# ---- installation

.PHONY: install uninstall clean help
# Where bash, zsh and fish look for what completes a program's command line.
COMPLETIONS := $(addprefix $(DESTDIR)$(prefix)/share/,bash-completion/completions/phibench \
    zsh/site-functions/_phibench fish/vendor_completions.d/phibench.fish)
install: $(PROGRAM)  ## install to $(DESTDIR)$(prefix)
	install -d $(DESTDIR)$(prefix)/bin $(DESTDIR)$(prefix)/share/man/man1 \
	    $(DESTDIR)$(prefix)/share/phibench/configs $(DESTDIR)$(prefix)/share/phibench/models \
	    $(dir $(COMPLETIONS))
	install -m 755 $(PROGRAM) $(DESTDIR)$(prefix)/bin/phibench
	install -m 644 docs/phibench.1 $(DESTDIR)$(prefix)/share/man/man1/phibench.1
	cp -R configs/. $(DESTDIR)$(prefix)/share/phibench/configs
	cp -R models/. $(DESTDIR)$(prefix)/share/phibench/models
	$(PROGRAM) help --completion bash >$(word 1,$(COMPLETIONS))
	$(PROGRAM) help --completion zsh >$(word 2,$(COMPLETIONS))
	$(PROGRAM) help --completion fish >$(word 3,$(COMPLETIONS))

uninstall:  ## remove what install put there
	rm -f $(DESTDIR)$(prefix)/bin/phibench $(DESTDIR)$(prefix)/share/man/man1/phibench.1 $(COMPLETIONS)
	rm -rf $(DESTDIR)$(prefix)/share/phibench

clean:  ## remove build/; what runs wrote to out/ stays
	rm -rf build

help:  ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-22s %s\n", $$1, $$2}'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

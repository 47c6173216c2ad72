# phibench: one Makefile, objects out of tree under build/<variant>.
#   make            build/release/phibench
#   make help       every target
# Variables: V=1 shows commands; VARIANT=address-undefined builds with sanitizers; CC, prefix, DESTDIR; WERROR=1.

VARIANT ?= release
BUILD   ?= build/$(VARIANT)
prefix  ?= /usr/local
CC      ?= cc
PKG_CONFIG ?= pkg-config
MAKEFLAGS += --no-builtin-rules

PACKAGES := sqlite3 yaml-0.1 libcurl jansson libpcre2-8 libcrypto
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)
TEST_LIBS  := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
            -Wundef -Wwrite-strings -Wformat=2
ifeq ($(WERROR),1)
WARNINGS += -Werror
endif

OPTIMIZE.release           := -O2 -g
OPTIMIZE.debug             := -O0 -g
OPTIMIZE.address-undefined := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
                              -fno-sanitize-recover=all
OPTIMIZE.coverage          := -O0 -g --coverage
OPTIMIZE.fuzz              := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LINK.address-undefined     := -fsanitize=address,undefined
LINK.coverage              := --coverage
LINK.fuzz                  := -fsanitize=address,undefined

override CFLAGS  += -std=c11 -D_GNU_SOURCE -I. $(OPTIMIZE.$(VARIANT)) -ffp-contract=off -fno-math-errno -pthread \
                    $(WARNINGS) $(PKG_CFLAGS)
override LDFLAGS += $(LINK.$(VARIANT)) -pthread
LIBS := $(PKG_LIBS) -lm

# Instruction sets: flags belong to files by the ending of their names, and to no others.
MACHINE := $(shell $(CC) -dumpmachine)
ISA_DIRS := scalar
ifneq ($(filter x86_64-%,$(MACHINE)),)
ISA_DIRS += x86
endif
ifneq ($(filter aarch64-%,$(MACHINE)),)
ISA_DIRS += arm
endif
FLAGS_avx2       := -mavx2 -mfma -mf16c
FLAGS_avx512     := $(FLAGS_avx2) -mavx512f -mavx512bw -mavx512dq -mavx512vl
FLAGS_avx512vnni := $(FLAGS_avx512) -mavx512vnni
FLAGS_neon       := -march=armv8.2-a+dotprod

SOURCES := $(wildcard base/*.c engine/*.c engine/kernels/*.c $(ISA_DIRS:%=engine/kernels/%/*.c) \
                      suites/*.c results/*.c reports/*.c harness/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libphibench.a
PROGRAM := $(BUILD)/phibench
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_TESTS   := $(UNIT_SOURCES:%.c=$(BUILD)/%)
TEST_SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

.PHONY: all
all: $(PROGRAM)

$(PROGRAM): $(BUILD)/harness/main.o $(LIBRARY)
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)

$(LIBRARY): $(filter-out $(BUILD)/harness/main.o,$(OBJECTS))
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

ISA_OF = $(patsubst .%,%,$(suffix $(subst _,.,$(basename $(notdir $1)))))
$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CFLAGS) $(FLAGS_$(call ISA_OF,$<)) -MMD -MP -c -o $@ $<

$(BUILD)/tests/unit/test_%: $(BUILD)/tests/unit/test_%.o $(TEST_SUPPORT) $(LIBRARY)
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(TEST_SUPPORT) $(LIBRARY) $(LIBS) $(TEST_LIBS)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: clean
clean:
	rm -rf build

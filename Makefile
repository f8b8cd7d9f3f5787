# cachewarden: `make run` and `make test` do everything; `make help` lists the rest.
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
BUILD ?= build
# `make Q=` shows the commands.
Q ?= @
CONFIG ?= conf/demo.yaml
PYTEST ?= /usr/bin/python3 -m pytest
# How the targets that build first do so, unless make was told already.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

VERSION := 0.1.0
PKGS := libmicrohttpd hiredis libuv libcjson yaml-0.1 libcurl gnutls libsystemd libzstd
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS = $(shell pkg-config --libs $(PKGS))

# What all builds share, then what one MODE adds: release, asan, coverage.
WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
CPPFLAGS := -Isrc -Iinclude -D_GNU_SOURCE -DCW_VERSION='"$(VERSION)"'
MODE ?= release
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection -fPIE
LDFLAGS_release := -pie -Wl,-z,relro,-z,now,--fatal-warnings
CFLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all
LDFLAGS_asan := -fsanitize=address,undefined -Wl,--fatal-warnings
CFLAGS_coverage := -O0 -g --coverage
LDFLAGS_coverage := --coverage
CFLAGS := -std=c17 $(WARN) $(CFLAGS_$(MODE))
LDFLAGS := $(LDFLAGS_$(MODE))

SRC := $(sort $(wildcard src/*/*.c))
OBJ := $(SRC:%.c=$(BUILD)/%.o)
MAIN_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard src/*.c)))
UNIT_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/unit/*.c tests/unit/*/*.c)))

all: $(BUILD)/cachewardend

$(BUILD)/cachewardend: $(OBJ) $(MAIN_OBJ)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/unit: $(OBJ) $(UNIT_OBJ)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) $(shell pkg-config --libs check)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJ:.o=.d) $(MAIN_OBJ:.o=.d) $(UNIT_OBJ:.o=.d)

deps:
	@sh tests/deps.sh

run: deps
	@$(MAKE) --no-print-directory $(JOBS) all
	@sh tests/run.sh $(BUILD)/cachewardend $(CONFIG)

# Every test: lint, then both suites on the release build, then both under the sanitizers.
test: deps
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory $(JOBS) all $(BUILD)/unit
	@$(MAKE) --no-print-directory -j1 check live
	@$(MAKE) --no-print-directory asan

# One suite: make check SUITE=glob. All: four at a time, for most of them wait for something.
check: $(BUILD)/unit
	@printf '%s\n' $(or $(SUITE),$$($(BUILD)/unit --list)) | xargs -P 4 -n 1 $(BUILD)/unit

# Some of them: make live TESTS='tests/live/test_http.py -k host'
live: $(BUILD)/cachewardend
	CACHEWARDEN_BIN=$(abspath $<) $(PYTEST) -q -p no:cacheprovider $(or $(TESTS),tests/live)

# The tests that look for rare interleavings, with their full numbers of rounds.
soak: $(BUILD)/cachewardend
	CACHEWARDEN_SOAK=1 CACHEWARDEN_BIN=$(abspath $<) $(PYTEST) -q -p no:cacheprovider \
		$(or $(TESTS),-m soak tests/live)

asan:
	@$(MAKE) --no-print-directory $(JOBS) MODE=asan BUILD=$(BUILD)/asan all $(BUILD)/asan/unit
	@$(MAKE) --no-print-directory -j1 MODE=asan BUILD=$(BUILD)/asan check live

coverage:
	@$(MAKE) --no-print-directory -j1 MODE=coverage BUILD=$(BUILD)/coverage check live
	gcovr -r . $(BUILD)/coverage --exclude tests --print-summary

bench: $(BUILD)/cachewardend
	CACHEWARDEN_BIN=$(abspath $<) /usr/bin/python3 tests/bench/bench.py $(BUILD)/bench.json $(BENCH)

lint:
	@PKGS="$(PKGS)" sh tests/lint/lint.sh

install: all
	install -D -m 755 $(BUILD)/cachewardend $(DESTDIR)$(PREFIX)/bin/cachewardend
	@sh systemd/install.sh "$(DESTDIR)" "$(PREFIX)" "$(SYSCONFDIR)" "$(UNITDIR)"

# As root: the same on Debian 13, in a folder of its own.
debian13:
	@bash tests/debian13.sh

clean:
	rm -rf $(BUILD)

help:
	@grep -hE '^(# |[a-z]+:)' Makefile

.PHONY: all deps run test check live soak asan coverage bench lint install debian13 clean help

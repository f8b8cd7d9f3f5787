# cachewarden: `make run` and `make test` do everything; `make help` lists the rest.
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
BUILD ?= build
# `make Q=` shows the commands.
Q ?= @
CONFIG ?= conf/demo.yaml
PYTEST ?= /usr/bin/python3 -m pytest
# How many tests run at a time: most of them wait for something.
WORKERS ?= 6
# What Python compiles of the tests is kept, whatever the environment says: or each worker of each
# run would compile all of them.
export PYTHONDONTWRITEBYTECODE =
export PYTHONPYCACHEPREFIX = $(CURDIR)/build/pycache
# How the targets that build first do so, unless make was told already.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

VERSION := 0.1.0
PKGS := libmicrohttpd libuv libcjson yaml-0.1 libcurl libpq gnutls libsystemd libzstd zlib
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS = $(shell pkg-config --libs $(PKGS)) -lm
# Those of them that the library needs; SOVERSION changes when a program would have to be rebuilt.
LIB_PKGS := libuv libcjson yaml-0.1 gnutls libzstd
SOVERSION := 0

# What all builds share, then what one MODE adds: release, asan, tsan, coverage.
WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
CPPFLAGS := -Isrc -Iinclude -D_GNU_SOURCE -DCW_VERSION='"$(VERSION)"'
MODE ?= release
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection
LDFLAGS_release := -pie -Wl,-z,relro,-z,now,--fatal-warnings
CFLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all
LDFLAGS_asan := -fsanitize=address,undefined -Wl,--fatal-warnings
CFLAGS_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
LDFLAGS_tsan := -fsanitize=thread -Wl,--fatal-warnings
SANITIZE_asan := -fsanitize=address,undefined
SANITIZE_tsan := -fsanitize=thread
# Counted atomically: fibers and the library's threads would lose counts, some of them below zero.
# With clang, for tests/fuzz alone.
CFLAGS_fuzz := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all -Wno-error \
	-fsanitize=fuzzer-no-link,address,undefined
CFLAGS_coverage := -O0 -g --coverage -fprofile-update=atomic
LDFLAGS_coverage := --coverage
# One object for the daemon and the library: hidden, so that position-independent costs nothing.
CFLAGS := -std=c17 -fPIC -fvisibility=hidden $(WARN) $(CFLAGS_$(MODE))
LDFLAGS := $(LDFLAGS_$(MODE))

LIB_SRC := $(sort $(wildcard src/lib/*.c))
CLI_SRC := $(sort $(wildcard src/cli/*.c))
SRC := $(filter-out $(LIB_SRC) $(CLI_SRC),$(sort $(wildcard src/*/*.c)))
OBJ := $(SRC:%.c=$(BUILD)/%.o) $(BUILD)/ui/files.o
# The dashboard's files, and the charts of Debian's libjs-dygraphs.
UI_GZ := $(patsubst src/ui/%,$(BUILD)/ui/%.gz,\
	$(sort $(foreach kind,html js css svg,$(wildcard src/ui/*.$(kind))))) \
	$(BUILD)/ui/dygraph.min.js.gz
LIB_HEADERS := $(sort $(wildcard include/cachewarden/*.h))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(BUILD)/%.o)
# The folders that the command line may use; it takes what it needs of them.
CLI_ENGINE_OBJ := $(foreach folder,base text conf,$(filter $(BUILD)/src/$(folder)/%,$(OBJ)))
# The folders that the library may use, save for what only a daemon does.
ENGINE_OBJ := $(filter-out %/managed.o %/managed_folder.o %/systemd.o,\
	$(foreach folder,base text conf redis store cache operation session invalidate engine,$(filter $(BUILD)/src/$(folder)/%,$(OBJ))))
MAIN_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard src/*.c)))
PROGRAMS := $(patsubst %.c,$(BUILD)/programs/%,$(notdir \
	$(sort $(wildcard docs/examples/*.c tests/lib/*.c))))
UNIT_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/unit/*.c tests/unit/*/*.c)))

MAN_PAGES := $(addprefix $(BUILD)/man/,cachewarden.1 cachewardend.8 cachewarden.yaml.5 libcachewarden.3)
# The main page first.
MAN_HEADERS := include/cachewarden/cachewarden.h $(filter-out %/cachewarden.h,$(LIB_HEADERS))

all: $(MAN_PAGES) $(BUILD)/cachewardend $(BUILD)/cachewarden $(BUILD)/libcachewarden.so $(BUILD)/libcachewarden.a

$(BUILD)/cachewardend: $(OBJ) $(MAIN_OBJ)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/cli.a: $(CLI_ENGINE_OBJ)
	$(Q)rm -f $@
	$(Q)$(AR) rcsT $@ $^

$(BUILD)/cachewarden: $(CLI_OBJ) $(BUILD)/cli.a
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -Wl,--as-needed -o $@ $^ $(PKG_LIBS)

# The manual is made from the tables of commands, options and keys, and from the public headers.
$(BUILD)/man/libcachewarden.3: src/lib/manual.awk $(LIB_HEADERS) src/cli/manual.h
	$(Q)mkdir -p $(@D)
	$(Q)awk -v date="$$(sed -n 's/^#define CLI_MANUAL_DATE "\(.*\)"/\1/p' src/cli/manual.h)" -f $< $(MAN_HEADERS) >$@

$(BUILD)/man/%: $(BUILD)/cachewarden
	$(Q)mkdir -p $(@D)
	$(Q)$< help --roff $* >$@.new && mv $@.new $@

$(BUILD)/unit: $(OBJ) $(filter-out %/main.o,$(CLI_OBJ)) $(UNIT_OBJ)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) $(shell pkg-config --libs check)

# Objects that nothing of the library needs stay out of it.
$(BUILD)/engine.a: $(ENGINE_OBJ)
	$(Q)rm -f $@
	$(Q)$(AR) rcsT $@ $^

$(BUILD)/libcachewarden.so: $(LIB_OBJ) $(BUILD)/engine.a
	@echo "  LD $@"
	$(Q)$(CC) -shared $(filter-out -pie,$(LDFLAGS)) -Wl,-soname,$(@F).$(SOVERSION) -Wl,--as-needed -o $@ $^ \
		$(shell pkg-config --libs $(LIB_PKGS)) -lm
	$(Q)ln -sf $(@F) $@.$(SOVERSION)

# One object, in which all names but the public ones are local: they cannot meet a program's own.
$(BUILD)/libcachewarden.a: $(LIB_OBJ) $(BUILD)/engine.a
	@echo "  AR $@"
	$(Q)$(LD) -r -o $(BUILD)/libcachewarden.o $^
	$(Q)objcopy --localize-hidden $(BUILD)/libcachewarden.o
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(BUILD)/libcachewarden.o

# Programs as somebody else would build them: they know the public header and the library.
$(BUILD)/programs/%: docs/examples/%.c $(BUILD)/libcachewarden.so $(LIB_HEADERS)
	$(Q)$(call build_program,$<)
$(BUILD)/programs/%: tests/lib/%.c $(BUILD)/libcachewarden.so $(LIB_HEADERS)
	$(Q)$(call build_program,$<)

define build_program
mkdir -p $(@D)
@echo "  CC $<"
$(Q)$(CC) -std=c11 -g -Wall -Wextra -pedantic -Werror $(SANITIZE_$(MODE)) -Iinclude -o $@ $< -L$(BUILD) \
	-lcachewarden -pthread '-Wl,-rpath,$$ORIGIN/..'
endef

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/ui/%.gz: src/ui/%
	@mkdir -p $(@D)
	$(Q)gzip -9nc $< >$@
$(BUILD)/ui/%.gz: /usr/share/javascript/dygraphs/%
	@mkdir -p $(@D)
	$(Q)gzip -9nc $< >$@
$(BUILD)/ui/files.c: src/ui/embed.sh Makefile $(UI_GZ)
	$(Q)sh src/ui/embed.sh $(UI_GZ) >$@
$(BUILD)/ui/files.o: $(BUILD)/ui/files.c
	@echo "  CC $<"
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# It switches stacks by itself, and so must not be marked as fit for shadow stacks.
$(BUILD)/src/base/fiber_switch.o: CFLAGS := $(CFLAGS:-fcf-protection=-fcf-protection=branch)

# Files that are compiled in (base/embed.h).
$(BUILD)/src/api/openapi.o: docs/openapi.yaml

-include $(OBJ:.o=.d) $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(MAIN_OBJ:.o=.d) $(UNIT_OBJ:.o=.d)

# libcachewarden and the programs that its tests run.
library: $(BUILD)/libcachewarden.so $(BUILD)/libcachewarden.a $(PROGRAMS)

deps:
	@sh tests/deps.sh run test lint $(if $(BENCH),bench) $(if $(FUZZ),fuzz)

run:
	@sh tests/deps.sh run
	@$(MAKE) --no-print-directory $(JOBS) all
	@sh tests/run.sh $(BUILD)/cachewardend $(CONFIG)

# Every test; tests/all.sh has the stages and their order.
test: deps
	@MAKE="$(MAKE)" JOBS="$(JOBS)" BUILD="$(BUILD)" sh tests/all.sh

# One suite: make check SUITE=glob. The longest suites are the last of the list.
check: $(BUILD)/unit
	@printf '%s\n' $(or $(SUITE),$$($(BUILD)/unit --list)) | tac | xargs -P $$(($(WORKERS) + 2)) -n 1 $(BUILD)/unit

# Some of them: make live TESTS='tests/live/test_http.py -k host'. What Redis they have: make live
# TOPOLOGY=server|tls|sentinel|cluster
live: $(BUILD)/cachewardend $(BUILD)/cachewarden $(PROGRAMS) $(BUILD)/libcachewarden.a
	CACHEWARDEN_TOPOLOGY=$(TOPOLOGY) CACHEWARDEN_HTTPS=$(HTTPS) CACHEWARDEN_BIN="$$(realpath $<)" $(PYTEST) -q -p no:cacheprovider -n $(WORKERS) $(or $(TESTS),tests/live)

tests-compiled: $(BUILD)/cachewardend
	@CACHEWARDEN_BIN="$$(realpath $<)" $(PYTEST) -q -p no:cacheprovider --collect-only tests/live >$(BUILD)/tests-compiled

# The tests that look for rare interleavings, with their full numbers of rounds.
soak: $(BUILD)/cachewardend
	CACHEWARDEN_SOAK=1 CACHEWARDEN_BIN="$$(realpath $<)" $(PYTEST) -q -p no:cacheprovider \
		$(or $(TESTS),-m soak tests/live)

# libFuzzer, each target for so many seconds: make deps FUZZ=1, then make fuzz SECONDS=60
# [TARGETS="json glob"]. What it finds lies in build/fuzz/found; new inputs stay in build/fuzz/corpus.
TARGETS ?= $(filter-out fuzz,$(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/*.c)))) http
SECONDS ?= 60
FUZZ_SRC := $(wildcard src/base/*.c src/text/*.c src/conf/*.c) \
	$(addprefix src/redis/,resp.c value.c info.c) \
	$(addprefix src/source/,parser.c jsonl.c csv.c json_array.c json_next.c row.c span.c) \
	$(addprefix src/http/,uri.c gate.c gate_host.c head.c) \
	tests/unit/text/glob_reference.c tests/fuzz/fuzz.c

fuzz:
	@$(MAKE) --no-print-directory $(JOBS) MODE=fuzz CC=clang BUILD=$(BUILD)/fuzz \
		TARGETS="$(TARGETS)" fuzz-targets
	@$(if $(filter http,$(TARGETS)),$(MAKE) --no-print-directory $(JOBS) MODE=asan \
		BUILD=$(BUILD)/asan all)
	@sh tests/fuzz/run.sh "$(BUILD)/fuzz" $(SECONDS) $(TARGETS)

# `http` is no program of ours: requests to the daemon of the sanitizers.
FUZZ_PROGRAMS := $(filter-out http,$(TARGETS))
fuzz-targets: $(FUZZ_PROGRAMS:%=$(BUILD)/fuzz-%)

.SECONDARY: $(FUZZ_PROGRAMS:%=$(BUILD)/tests/fuzz/%.o)

$(BUILD)/fuzz-%: $(BUILD)/tests/fuzz/%.o $(FUZZ_SRC:%.c=$(BUILD)/%.o)
	@echo "  LD $@"
	$(Q)$(CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(PKG_LIBS)

asan:
	@$(MAKE) --no-print-directory $(JOBS) MODE=asan BUILD=$(BUILD)/asan all $(BUILD)/asan/unit library
	@$(MAKE) --no-print-directory -j1 MODE=asan BUILD=$(BUILD)/asan check live

# The library alone: the daemon has one thread.
tsan:
	@$(MAKE) --no-print-directory $(JOBS) MODE=tsan BUILD=$(BUILD)/tsan library
	CACHEWARDEN_BIN="$$(realpath $(BUILD)/tsan)/cachewardend" $(PYTEST) -q -p no:cacheprovider \
		-k threads tests/live/test_library.py

coverage:
	@$(MAKE) --no-print-directory $(JOBS) MODE=coverage BUILD=$(BUILD)/coverage all $(BUILD)/coverage/unit library
	@$(MAKE) --no-print-directory -j1 MODE=coverage BUILD=$(BUILD)/coverage check live
	gcovr -r . $(BUILD)/coverage -j $(shell nproc) --exclude tests --print-summary

# The dashboard under axe-core, which comes from npm.
axe: $(BUILD)/cachewardend
	@sh tests/deps.sh test axe
	npm install --silent --no-save --prefix "$(BUILD)/npm" axe-core@4
	CACHEWARDEN_AXE="$$(realpath $(BUILD))/npm/node_modules/axe-core/axe.min.js" CACHEWARDEN_BIN="$$(realpath $<)" \
		$(PYTEST) -q -p no:cacheprovider -k accessible tests/live/test_page.py

bench: $(BUILD)/cachewardend
	CACHEWARDEN_BIN="$$(realpath $<)" /usr/bin/python3 tests/bench/bench.py $(BUILD)/bench.json $(BENCH)

# Which small changes of a file does no test notice? make mutants FILE=src/cache/lease.c [MOST=20]
mutants: build/covered/tests.json
	@/usr/bin/python3 tests/mutants/mutants.py $(FILE) $(if $(MOST),--most $(MOST)) $(if $(SEED),--seed $(SEED))

# Which tests run which lines; `make covered` asks them anew.
covered build/covered/tests.json:
	@/usr/bin/python3 tests/mutants/cover.py

lint:
	@PKGS="$(PKGS)" sh tests/lint/lint.sh

# Where each shell looks for completion scripts.
SHELLS := bash:bash-completion/completions/cachewarden zsh:zsh/site-functions/_cachewarden \
	fish:fish/vendor_completions.d/cachewarden.fish

install: all
	install -D -m 755 $(BUILD)/cachewardend "$(DESTDIR)$(PREFIX)/bin/cachewardend"
	install -m 755 $(BUILD)/cachewarden "$(DESTDIR)$(PREFIX)/bin/cachewarden"
	for page in $(MAN_PAGES); do \
		install -D -m 644 $$page "$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}"; done
	set -e; for shell in $(SHELLS); do \
		install -d "$(DESTDIR)$(PREFIX)/share/$$(dirname $${shell#*:})"; \
		$(BUILD)/cachewarden completion $${shell%%:*} >"$(DESTDIR)$(PREFIX)/share/$${shell#*:}"; done
	install -d "$(DESTDIR)$(PREFIX)/include/cachewarden"
	install -m 644 $(LIB_HEADERS) "$(DESTDIR)$(PREFIX)/include/cachewarden"
	install -D -m 644 $(BUILD)/libcachewarden.a "$(DESTDIR)$(LIBDIR)/libcachewarden.a"
	install -D -m 755 $(BUILD)/libcachewarden.so "$(DESTDIR)$(LIBDIR)/libcachewarden.so.$(VERSION)"
	ln -sf libcachewarden.so.$(VERSION) "$(DESTDIR)$(LIBDIR)/libcachewarden.so.$(SOVERSION)"
	ln -sf libcachewarden.so.$(SOVERSION) "$(DESTDIR)$(LIBDIR)/libcachewarden.so"
	install -d "$(DESTDIR)$(LIBDIR)/pkgconfig"
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|; s|@LIBRARIES@|$(shell pkg-config --libs $(LIB_PKGS)) -lm|' \
		src/lib/libcachewarden.pc.in >"$(DESTDIR)$(LIBDIR)/pkgconfig/libcachewarden.pc"
	@sh systemd/install.sh "$(DESTDIR)" "$(PREFIX)" "$(SYSCONFDIR)" "$(UNITDIR)"
	$(refresh_linker)

# What install placed, with the same PREFIX and DESTDIR; the configuration stays.
uninstall:
	rm -f "$(DESTDIR)$(PREFIX)/bin/cachewardend" "$(DESTDIR)$(PREFIX)/bin/cachewarden"
	for page in $(MAN_PAGES); do rm -f "$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}"; done
	for shell in $(SHELLS); do rm -f "$(DESTDIR)$(PREFIX)/share/$${shell#*:}"; done
	rm -rf "$(DESTDIR)$(PREFIX)/include/cachewarden"
	rm -f "$(DESTDIR)$(LIBDIR)/libcachewarden.a" "$(DESTDIR)$(LIBDIR)/libcachewarden.so" \
		"$(DESTDIR)$(LIBDIR)/libcachewarden.so.$(SOVERSION)" \
		"$(DESTDIR)$(LIBDIR)/libcachewarden.so.$(VERSION)" \
		"$(DESTDIR)$(LIBDIR)/pkgconfig/libcachewarden.pc"
	@sh systemd/install.sh --remove "$(DESTDIR)" "$(PREFIX)" "$(SYSCONFDIR)" "$(UNITDIR)"
	$(refresh_linker)

# Programs find the library only once the linker's cache names it. A package's scripts do that.
LDCONFIG ?= /sbin/ldconfig
define refresh_linker
@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then $(LDCONFIG); fi
endef

# The Debian packages of this tree, in build/deb.
deb:
	@sh tests/deps.sh run package
	@rm -rf $(BUILD)/deb
	@mkdir -p $(BUILD)/deb/cachewarden-$(VERSION)
	@tar -c --exclude=./build --exclude=./.git . | tar -x -C $(BUILD)/deb/cachewarden-$(VERSION)
	cd $(BUILD)/deb/cachewarden-$(VERSION) && dpkg-buildpackage -b -us -uc -j$(shell nproc)
	lintian --fail-on error,warning $(BUILD)/deb/*.changes

# On a machine that is thrown away afterwards: it installs and removes them.
deb-test: deb
	bash tests/package.sh $(BUILD)/deb

# The last commit as an archive of sources.
dist:
	@mkdir -p $(BUILD)
	git archive --prefix=cachewarden-$(VERSION)/ HEAD | gzip -9n >$(BUILD)/cachewarden-$(VERSION).tar.gz

# As root: this tree on a Debian of its own, in a folder.
debian12:
	@bash tests/debian.sh 12

debian13:
	@bash tests/debian.sh 13

clean:
	rm -rf $(BUILD)

help:
	@cat tests/help.txt

.PHONY: all library deps run test check live soak fuzz asan tsan coverage axe bench mutants covered lint install uninstall deb deb-test dist debian12 debian13 clean help
# What others are made of.
.PHONY: fuzz-targets tests-compiled

# SPDX-License-Identifier: Apache-2.0
# Installation, the exported names, and how the command's unit tests link.
# Every path is quoted: PREFIX may hold spaces.

$(B)/libcli.a: $(filter-out %/main.o,$(CLI_OBJ))
	@rm -f $@
	@$(AR) rcs $@ $^
# The command sees the library's public names alone; so do its tests.
$(B)/obj/tests/unit/cli/%.o: INC_tests := -Ibroker/cli -Iinclude
$(B)/unit/cli/%: $(B)/obj/tests/unit/cli/%.o $(B)/libcli.a $(LIB_A)
	@mkdir -p $(@D)
	@echo '  LD      $(@:$(BUILD)/%=%)'
	@$(CC) $(LDFLAGS_ALL) $^ -lcmocka -lprotobuf-c -lcrypto -lpthread \
	    -o $@

PC_DIR = $(LIBDIR)/pkgconfig
MAN_PAGES := docs/picklefork.1 docs/libpicklefork.3
INSTALL := install

.PHONY: install uninstall check-abi install-test
install: all ## install under DESTDIR and PREFIX
	$(INSTALL) -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(LIBDIR)" \
	    "$(DESTDIR)$(LIBEXECDIR)" "$(DESTDIR)$(INCLUDEDIR)" \
	    "$(DESTDIR)$(PC_DIR)" "$(DESTDIR)$(MANDIR)/man1" \
	    "$(DESTDIR)$(MANDIR)/man3"
	$(INSTALL) -m 755 $(CLI) "$(DESTDIR)$(BINDIR)/picklefork"
	$(INSTALL) -m 755 $(WORKER) \
	    "$(DESTDIR)$(LIBEXECDIR)/picklefork-worker"
	$(INSTALL) -m 644 include/picklefork.h \
	    "$(DESTDIR)$(INCLUDEDIR)/picklefork.h"
	$(INSTALL) -m 644 $(LIB_A) "$(DESTDIR)$(LIBDIR)/libpicklefork.a"
	$(INSTALL) -m 755 $(LIB_SO) \
	    "$(DESTDIR)$(LIBDIR)/libpicklefork.so.$(VERSION)"
	ln -sf libpicklefork.so.$(VERSION) \
	    "$(DESTDIR)$(LIBDIR)/libpicklefork.so.$(SOVERSION)"
	ln -sf libpicklefork.so.$(SOVERSION) \
	    "$(DESTDIR)$(LIBDIR)/libpicklefork.so"
	scripts/pkg-config-file.sh "$(INCLUDEDIR)" "$(LIBDIR)" \
	    "$(VERSION)" > $(B)/picklefork.pc
	$(INSTALL) -m 644 $(B)/picklefork.pc "$(DESTDIR)$(PC_DIR)/"
	$(INSTALL) -m 644 docs/picklefork.1 "$(DESTDIR)$(MANDIR)/man1/"
	$(INSTALL) -m 644 docs/libpicklefork.3 "$(DESTDIR)$(MANDIR)/man3/"

uninstall: ## remove what install put there
	rm -f "$(DESTDIR)$(BINDIR)/picklefork" \
	    "$(DESTDIR)$(LIBEXECDIR)/picklefork-worker" \
	    "$(DESTDIR)$(INCLUDEDIR)/picklefork.h" \
	    "$(DESTDIR)$(LIBDIR)/libpicklefork.a" \
	    "$(DESTDIR)$(LIBDIR)/libpicklefork.so" \
	    "$(DESTDIR)$(LIBDIR)/libpicklefork.so.$(SOVERSION)" \
	    "$(DESTDIR)$(LIBDIR)/libpicklefork.so.$(VERSION)" \
	    "$(DESTDIR)$(PC_DIR)/picklefork.pc" \
	    "$(DESTDIR)$(MANDIR)/man1/picklefork.1" \
	    "$(DESTDIR)$(MANDIR)/man3/libpicklefork.3"
	-rmdir "$(DESTDIR)$(LIBEXECDIR)" 2>/dev/null

check-abi: $(LIB_SO) $(LIB_A) ## only pfork_* may be exported
	scripts/check-abi.sh $(LIB_SO) $(LIB_A) include/picklefork.h

install-test: ## install into a path with spaces, and use it from there
	tests/install/run.sh "$(BUILD)"

.PHONY: cli-test
cli-test: $(CLI) $(WORKER) ## the command as a user meets it
	@python3 tests/cli/run.py "$(CLI)"

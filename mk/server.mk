# SPDX-License-Identifier: Apache-2.0
# The daemon, and its clients.

.PHONY: server-test
server-test: $(CLI) $(WORKER) ## the daemon as honest and hostile clients meet it
	@python3 tests/server/run.py "$(CLI)" "$(WORKER)"

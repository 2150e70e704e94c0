# SPDX-License-Identifier: Apache-2.0
# The register of published advisories, each as files that show it.

.PHONY: register
register: $(CLI) $(WORKER) ## every published advisory, shown on generated files
	@python3 tests/register/register.py $(CLI)

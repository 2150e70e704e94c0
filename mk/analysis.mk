# SPDX-License-Identifier: Apache-2.0
# Static analysis and proofs, beyond what `make lint` runs.

.PHONY: analyze prove
analyze: setup-ci ## gcc -fanalyzer and clang's scan-build over every source
	@$(MAKE) --no-print-directory F=release all
	@rm -rf $(BUILD)/scan-build
	@tests/analysis/analyze.sh $(BUILD)/release/gen $(BUILD)

prove: setup-ci ## prove the pure arithmetic free of run-time errors (Frama-C, Z3)
	@tests/analysis/prove.sh

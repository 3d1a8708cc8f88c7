# Every command of the project; CI runs these too. `make` alone lists them.

MODULE := target/wasm32-wasip1/release/postern.wasm

.DEFAULT_GOAL := help
.PHONY: help run test chaos wasm lint validate bench fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## a real Envoy with the filter on 127.0.0.1:10000, a dev issuer, an upstream (PORT=, ADMIN_PORT=)
	@envoy/run

test: wasm ## every test, native and on a real Envoy
	@envoy=$$(envoy/fetch-envoy) && \
	ENVOY="$$envoy" POSTERN_WASM="$(CURDIR)/$(MODULE)" cargo test --locked

chaos: wasm ## issuers that answer in every wrong way, for ten minutes, on a real Envoy
	@envoy=$$(envoy/fetch-envoy) && \
	ENVOY="$$envoy" POSTERN_WASM="$(CURDIR)/$(MODULE)" cargo test --locked --test chaos -- --long

wasm: ## build the filter, target/wasm32-wasip1/release/postern.wasm
	@envoy/build-wasm

lint: ## format, clippy, the seam, shell scripts
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	@tests/check-seam && echo "seam: proxy_wasm is named under src/filter only"
	@if command -v shellcheck >/dev/null; then \
	    shellcheck -x $$(find envoy tests .ci -maxdepth 2 -type f -exec grep -lE '^#!.*[ /]bash$$' {} +); \
	else echo "lint: shellcheck not installed, shell scripts not checked"; fi

validate: wasm ## every YAML under envoy/, loaded by Envoy with the filter
	@envoy/validate

bench: wasm ## what a request costs, beside Envoy's own filters (QUICK=1: a first table in under a minute)
	@envoy=$$(envoy/fetch-envoy) && \
	ENVOY="$$envoy" POSTERN_WASM="$(CURDIR)/$(MODULE)" cargo bench --locked --profile load --bench bench -- $(if $(QUICK),--quick)

fuzz: ## not there yet
	@echo "fuzz: not there yet" >&2; exit 1

# Every command of the project; CI runs these too. `make` alone lists them.

MODULE := target/wasm32-wasip1/release/postern.wasm

TRAP_MODULE := target/wasm32-wasip1/trap-for-tests/postern.wasm
# The Envoys that the filter is held to; of 1.38.3 the wheel has no V8.
VERSIONS := 1.36.4 1.37.0 1.38.2 1.39.3 1.40.0

.DEFAULT_GOAL := help
.PHONY: help run test test-matrix clients catalogue chaos soak wasm wasm-for-tests lint deny validate validate-faults bench fuzz observe

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## a real Envoy with the filter on 127.0.0.1:10000, a dev issuer, an upstream (PORT=, ADMIN_PORT=, ISSUER_PORT=, UPSTREAM_PORT=)
	@envoy/run

test: wasm-for-tests ## every test, native and on a real Envoy
	@envoy=$$(envoy/fetch-envoy) && \
	ENVOY="$$envoy" POSTERN_WASM="$(CURDIR)/$(MODULE)" POSTERN_TRAP_WASM="$(CURDIR)/$(TRAP_MODULE)" cargo test --locked

test-matrix: wasm-for-tests ## the wire tests on each version of Envoy, one after the other (VERSIONS="1.37.0 1.40.0", FILTER=)
	@tests/test-matrix $(VERSIONS)

chaos: wasm ## issuers that answer in every wrong way, for ten minutes, on a real Envoy
	@envoy=$$(envoy/fetch-envoy) && \
	ENVOY="$$envoy" POSTERN_WASM="$(CURDIR)/$(MODULE)" cargo test --locked --test chaos -- --long

clients: wasm ## clients that nobody here wrote, through Envoy with the sample, as a transcript (ONLY="rclone cadaver")
	@cargo build --locked --quiet --bin postern && TRANSCRIPT="$(TRANSCRIPT)" tests/clients/run $(ONLY)

catalogue: wasm ## every attack of the catalogue, on the core and on a real Envoy over HTTP/1.1 and HTTP/2, as a table
	@envoy=$$(envoy/fetch-envoy) && \
	ENVOY="$$envoy" POSTERN_WASM="$(CURDIR)/$(MODULE)" cargo test --locked --test catalogue -- --long

soak: wasm ## a million requests with updates, rotations, outages and clients that hang up, on a real Envoy
	@envoy=$$(envoy/fetch-envoy) && \
	ENVOY="$$envoy" POSTERN_WASM="$(CURDIR)/$(MODULE)" cargo test --locked --profile load --test soak -- --long

wasm: ## build the filter, target/wasm32-wasip1/release/postern.wasm
	@envoy/build-wasm

wasm-for-tests: wasm ## build the one that tests can kill too, beside it
	@envoy/build-wasm --trap-for-tests

lint: ## format, clippy, the seam, unsafe code, dependencies, shell scripts
	cargo fmt --check
	cargo fmt --check --manifest-path tests/fuzz/Cargo.toml
	@cargo metadata --quiet --locked --format-version 1 --manifest-path tests/fuzz/Cargo.toml >/dev/null
	cargo clippy --all-targets --locked -- -D warnings
	@tests/check-seam && echo "seam: proxy_wasm is named under src/filter only"
	@tests/check-unsafe && echo "unsafe: in src/filter/imports.rs only"
	@tests/check-module && echo "module: the crates of tests/module-crates.txt"
	@if command -v cargo-deny >/dev/null || ls target/cargo-deny-* >/dev/null 2>&1; then tests/check-dependencies; \
	else echo "lint: cargo-deny not installed, dependencies not checked (make deny fetches it)"; fi
	@if command -v shellcheck >/dev/null; then \
	    shellcheck -x $$(find envoy istio tests .ci -maxdepth 3 -type f -exec grep -lE '^#!.*[ /]bash$$' {} +); \
	else echo "lint: shellcheck not installed, shell scripts not checked"; fi

deny: ## licences, sources, duplicates and yanked crates in Cargo.lock (ADVISORIES=1: known vulnerabilities, from GitHub)
	@ADVISORIES="$(ADVISORIES)" tests/check-dependencies

validate: wasm ## every file under envoy/ and istio/, each by what reads such a file (envoy/validate FILE: one of them)
	@cargo build --quiet --locked --bin postern
	@tests/validate/all

validate-faults: wasm ## breaks each of those files in a copy, and sees validate find it (PART=dynamic: files with it in their name)
	@cargo build --quiet --locked --bin postern
	@tests/validate/faults $(PART)

observe: wasm ## what operators see: make run's parts, traffic of every kind, an outage, and a Prometheus with the alerts (PROMETHEUS_PORT=)
	@cargo build --locked --bin postern --target-dir target
	@envoy/observability/observe

bench: wasm ## what a request costs, beside Envoy's own filters (QUICK=1: a first table in under a minute, ONLY=reissue: one section)
	@envoy=$$(envoy/fetch-envoy) && \
	ENVOY="$$envoy" POSTERN_WASM="$(CURDIR)/$(MODULE)" cargo bench --locked --profile load --bench bench -- $(if $(QUICK),--quick) $(if $(ONLY),--only=$(ONLY))

fuzz: ## every fuzz target for some seconds (TIME=3600 for each, TARGET=one, COVERAGE=1: lines that the corpus reaches)
	@TIME="$(TIME)" COVERAGE="$(COVERAGE)" tests/fuzz/run $(TARGET)

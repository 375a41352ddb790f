# Building, running and testing Flack. `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
# The stages of a test run follow one another, and cargo uses all cores by itself.
.NOTPARALLEL:
.DEFAULT_GOAL := help

# What is built is expected in ./target, and for this machine.
unexport CARGO_TARGET_DIR CARGO_BUILD_TARGET

# What is made of Rust's WebAssembly is on PATH: wasm-bindgen, wasm-opt.
CARGO_HOME ?= $(HOME)/.cargo
export PATH := $(CURDIR)/end2end/node_modules/.bin:$(CARGO_HOME)/bin:$(PATH)

flack := target/release/flack
# Directories are among them, so that removing a file counts as a change too.
sources := $(shell find src style public tools/client tools/shrink.mjs tools/parts.mjs \
                   tools/parts.js tools/first.txt build.rs Cargo.toml Cargo.lock \
                   Leptos.toml 2>/dev/null)

# The names that tools/setup knows; where none of them is there, Playwright takes its own.
browsers := chromium chromium-browser google-chrome google-chrome-stable
firefoxes := firefox firefox-esr

server := --locked --no-default-features --features ssr
client := --locked --no-default-features --features hydrate --lib \
          --target wasm32-unknown-unknown --target-dir target/front

heading = @printf '\n\033[1m== %s\033[0m\n'

.PHONY: run
run: $(flack) ## serve on http://127.0.0.1:3000, with the data in ./flack-data
	exec $(flack)

.PHONY: build
build: $(flack) ## leave the finished program at target/release/flack

# The client comes first, because the server carries it inside.
$(flack): $(sources)
	@tools/setup build
	@mkdir -p $(@D) && touch $(@D)/build-started
	$(heading) 'Building the client (about three minutes the first time)'
	@tools/client
	$(heading) 'Building the server (about five minutes the first time)'
	cargo build --release $(server) --bin flack
	@# What is edited while it is built is newer than the program.
	@touch -r $(@D)/build-started $@

.PHONY: test
test: setup lint deny unit $(flack) proofs fuzz-short e2e firefox ## check, test and build everything, and drive it in a browser
	$(heading) 'All tests have passed'

.PHONY: setup
setup: # what the tests need, once
	@tools/setup test

.PHONY: lint
lint: setup ## check the formatting and run clippy, for the server and for the client
	$(heading) 'Checking the formatting'
	cargo fmt --check
	$(heading) 'Linting the server'
	cargo clippy --all-targets $(server) -- -D warnings
	@# All targets are all but this one.
	cargo clippy --test proofs $(server) -- -D warnings
	$(heading) 'Linting the fuzz targets'
	cargo clippy --locked --no-default-features --features fuzz --examples -- -D warnings
	$(heading) 'Linting the client'
	cargo clippy $(client) -- -D warnings

.PHONY: deny
deny: setup ## check the licences, sources and known faults of all dependencies
	$(heading) 'Checking the dependencies'
	@tools/deny

.PHONY: unit
unit: setup ## run the tests that need no browser
	$(heading) 'Testing the domain and the server'
	cargo test $(server)

# What docs/promises.md promises, proven with the finished program; the tests take the short forms.
# The long ones are worth a build of their own.
proof := FLACK_BIN='$(abspath $(flack))' cargo test --quiet $(server) --test proofs
browser := FLACK_BIN='$(abspath $(flack))' \
           CHROMIUM="$${CHROMIUM:-$$(type -P $(browsers) | head -n 1)}" \
           FIREFOX="$${FIREFOX:-$$(type -P $(firefoxes) | head -n 1)}"
promises := kill power-cut disk-faults simulation storm snapshot restart bounds privacy uploads

.PHONY: proofs
proofs: setup $(flack)
	$(heading) 'Proving the promises, in their short forms'
	$(proof)
	cd end2end && $(browser) playwright test --config proofs.config.ts

.PHONY: prove
prove: setup $(flack) ## prove every promise in full, in about half an hour, and print a table
	@rm -rf target/proven
	-@$(MAKE) --keep-going $(promises:%=prove-%) prove-link
	@$(proof) --profile proofs -- --table

.PHONY: $(promises:%=prove-%)
$(promises:%=prove-%): prove-%: setup $(flack)
	$(heading) 'Proving in full: $*'
	$(proof) --profile proofs -- --full $*

.PHONY: prove-link
prove-link: setup $(flack)
	$(heading) 'Proving in full: link'
	cd end2end && FLACK_FORM=full $(browser) playwright test --config proofs.config.ts

# Ten minutes for each target; the tests take one.
seconds := 600

.PHONY: fuzz
fuzz: setup ## make up what may come from outside, ten minutes of each kind (seconds=60 for less)
	$(heading) 'Fuzzing, $(seconds) seconds each'
	@tools/fuzz $(seconds)

.PHONY: fuzz-short
fuzz-short: setup
	$(heading) 'Fuzzing, 60 seconds each, the same as every time'
	@tools/fuzz --again 60

# ARGS goes to Playwright: make e2e ARGS='--headed --grep "delete"'
.PHONY: e2e
e2e: setup $(flack) ## run the browser tests (ARGS='...' goes to Playwright)
	$(heading) 'Testing in a browser'
	cd end2end && $(browser) playwright test --reporter=list $(ARGS)

.PHONY: pictures
pictures: setup $(flack) ## take the pictures anew that the browser tests compare: look at them
	cd end2end && $(browser) playwright test --reporter=list --update-snapshots pictures

.PHONY: firefox
firefox: setup $(flack) ## run the main browser tests in Firefox
	$(heading) 'Testing in Firefox'
	cd end2end && $(browser) playwright test --config firefox.config.ts $(ARGS)

# tools/parts.mjs says what for.
.PHONY: profile
profile: setup $(flack) ## see what of the client a page needs first, and write it into tools/first.txt
	$(heading) 'Watching the client at work'
	@tools/client --marked
	cd end2end && $(browser) node profile.mjs

.PHONY: bench
bench: setup $(flack) ## measure what Flack claims of itself, beside the limits of this machine
	$(heading) 'Measuring'
	@measured=0; (cd end2end && $(browser) node bench.mjs) || measured=$$?; \
	$(MAKE) bench-delivery || measured=$$?; exit $$measured

# ARGS picks scenarios and servers, and says how long: make bench-delivery ARGS='paced flack axum --rounds 1'
.PHONY: bench-delivery
bench-delivery: setup $(flack) ## measure what delivery costs, beside other servers, in a quarter of an hour
	$(heading) 'Measuring delivery'
	@benches/delivery/peers/install
	FLACK_BIN='$(abspath $(flack))' cargo bench --quiet $(server) --profile measured --bench delivery -- $(ARGS)

.PHONY: lighthouse
lighthouse: setup $(flack) ## audit the first pages, as on a phone on a slow network
	$(heading) 'Auditing'
	@cd end2end/lighthouse && npm ci --silent --ignore-scripts
	cd end2end/lighthouse && $(browser) node audit.mjs

.PHONY: watch
watch: ## build, serve, and do so again at every change
	@tools/setup watch
	cargo leptos watch

.PHONY: docs
docs: setup ## make docs/configuration.md from the code
	FLACK_WRITE_DOCS=1 cargo test --quiet $(server) --lib the_reference

.PHONY: fmt
fmt: setup ## format the code
	cargo fmt

.PHONY: clean
clean: ## remove what was built; the data in ./flack-data stays
	rm -rf target end2end/test-results end2end/playwright-report

.PHONY: help
help: ## say this
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 21

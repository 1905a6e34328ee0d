# `make` or `make help` says what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

GOFUMPT = $(shell sed -n 's/^readonly GOFUMPT=//p' .ci/run)
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.2.0

# What a caller may set: `make long CHECKS=20000`, `make test PACKAGES=./directory/...`
PACKAGES ?= ./...
CHECKS ?= 5000
MYSQL_DATA ?= data/mysql
MYSQL_PORT ?= 3306

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PACKAGES=$(PACKAGES) narrows the tests, CHECKS=$(CHECKS) is the number of histories of 'long'."

.PHONY: run
run: ## start Cohort on its embedded database in data/, with demo data
	go run .

.PHONY: test
test: ## all tests on SQLite; needs nothing but Go
	go test $(PACKAGES)

.PHONY: test-mysql
test-mysql: ## all tests on a MySQL of their own, fetched at first (Debian only)
	scripts/mysql run --fast go test -count=1 $(PACKAGES)

.PHONY: test-mariadb
test-mariadb: ## the tests of the store, of jobs and of the directory on a MariaDB 10.11 of their own (Debian only)
	scripts/mariadb run go test -count=1 ./store/... ./jobs/... ./directory/...

.PHONY: race
race: ## all tests on MySQL with the race detector (SQLite is ten times slower under it)
	CGO_ENABLED=1 scripts/mysql run --fast go test -race -count=1 -timeout 20m $(PACKAGES)

.PHONY: long
long: ## long random histories, races, faults and kills, on SQLite and on MySQL
	LONG_CHECKS=$(CHECKS) DEADLINE=28800 .ci/run long-sqlite long-mysql faults-sqlite faults-mysql

.PHONY: faults
faults: ## races, faults and kills at length, on SQLite and on MySQL: 50 kills of the server within jobs of 10,000 users among them
	DEADLINE=28800 .ci/run faults-sqlite faults-mysql

.PHONY: lint
lint: ## vet, staticcheck, gofumpt
	.ci/run lint

.PHONY: format
format: ## rewrite the code as gofumpt wants it
	go run $(GOFUMPT) -w .

.PHONY: generate
generate: ## make the generated code anew, after a change of schema.graphqls or gqlgen.yml
	go generate ./...

.PHONY: smoke
smoke: ## do what the README says, from a fresh clone of the last commit
	scripts/smoke

.PHONY: audits
audits: ## the audits of GraphQL over HTTP against a started server (needs Node)
	.ci/run http-audits

.PHONY: clients
clients: ## real clients and the playground in Chromium against a started server (needs Node; Debian's Chromium)
	.ci/run clients

.PHONY: exports
exports: ## files of exports read by openpyxl, Python and Chromium (needs Node; Debian's python3-openpyxl and Chromium)
	.ci/run exports

.PHONY: client-keys
client-keys: ## write clients/urql/keys.js anew, after a change of schema.graphqls (needs Node)
	npm ci --prefix clients --ignore-scripts --no-audit --no-fund
	node clients/urql/keys.mjs schema.graphqls

.PHONY: release-schema
release-schema: ## at a release: keep schema.graphqls as the one that later ones must not break (needs Node)
	npm ci --prefix clients --ignore-scripts --no-audit --no-fund
	node clients/schema/release.mjs schema.graphqls

.PHONY: playground
playground: ## build the playground anew, after a change in playground/ (needs Node)
	npm ci --prefix playground --ignore-scripts --no-audit --no-fund
	node playground/build.mjs

.PHONY: oidc
oidc: ## sign in through a real identity provider on this machine (needs Node)
	.ci/run oidc

.PHONY: check
check: ## everything that CI checks
	.ci/run

.PHONY: vulncheck
vulncheck: ## look the dependencies up in the database of known vulnerabilities (needs its host)
	go run $(GOVULNCHECK) ./...

.PHONY: bench
bench: ## measure Cohort against hand-written handlers, on COHORT_BENCH_DATABASE or a MySQL of its own (bench/README.md)
	bench/run.sh $(BENCH)

.PHONY: bench-short
bench-short: ## compare the benchmark's answers on little data
	bench/run.sh short $(BENCH)

.PHONY: mysql-start
mysql-start: ## start a MySQL for development on port 3306 (MYSQL_PORT), with its data in data/mysql (MYSQL_DATA)
	@scripts/mysql start $(MYSQL_DATA) $(MYSQL_PORT)
	@echo "COHORT_DATABASE=$$(scripts/mysql url $(MYSQL_DATA))cohort go run . --demo"

.PHONY: mysql-stop
mysql-stop: ## stop it
	scripts/mysql stop $(MYSQL_DATA)

.PHONY: clean
clean: ## remove what was built; data/ stays
	go clean -testcache
	rm -f cohort coverage.out

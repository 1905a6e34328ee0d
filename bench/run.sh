#!/usr/bin/env bash
# Runs the benchmark on COHORT_BENCH_DATABASE, or else on a MySQL of its own, whose data stay in data/mysql-bench.
#   bench/run.sh [FLAG…]          measures; `bench/run.sh -help` lists the flags
#   bench/run.sh short [FLAG…]    compares the answers on little data, and measures too shortly to mean anything
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if [[ ${1-} == short ]]; then
  shift
  go test ./...
  set -- -account Short -users 2000 -groups 100 -memberships 8000 -rounds 1 -slot 300ms -lead 100ms -sql -marks=false "$@"
fi
if [[ -z ${COHORT_BENCH_DATABASE-} ]]; then
  readonly data=../data/mysql-bench
  trap '../scripts/mysql stop "$data"' EXIT
  ../scripts/mysql start "$data"
  ../scripts/mysql sql "$data" 'SET GLOBAL innodb_buffer_pool_size = 1024 * 1024 * 1024'
  COHORT_BENCH_DATABASE=$(../scripts/mysql url "$data")cohort_bench
  export COHORT_BENCH_DATABASE
fi
go build -o results/bin/bench .
results/bin/bench "$@"

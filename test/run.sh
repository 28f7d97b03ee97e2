#!/usr/bin/env bash
# npm test: types, lint, unit, integration (a real etcd), end-to-end (a real containerd; root). Installs what it needs.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
bash deploy/setup.sh || exit 1
export PATH="$root/node_modules/.bin:$PATH" FORCE_COLOR=0
passed=0 failed=0 broken=''
out=$(mktemp)
trap 'rm -f "$out"' EXIT

tally() { # tally WORD: the number before "tests WORD" in ava's summary
  grep -Eo "[0-9]+ (tests?|known failures?|uncaught exceptions?|unhandled rejections?|hooks?) $1" "$out" | awk '{ sum += $1 } END { print sum + 0 }'
}
tier() { # tier NAME AVA_ARGUMENTS...
  local name=$1 code; shift
  echo; echo "== $name"
  ava "$@" 2>&1 | tee "$out"
  code=${PIPESTATUS[0]}
  passed=$((passed + $(tally passed)))
  failed=$((failed + $(tally failed)))
  if [ "$code" -ne 0 ]; then broken="$broken $name"; fi
}

echo '== types and lint'
tsc --noEmit && oxlint --deny-warnings || { echo 'types or lint failed'; echo; echo '0 passed, 1 failed'; exit 1; }
tier unit 'test/unit/**/*.test.ts'
tier integration --concurrency 2 'test/integration/**/*.test.ts'
tier end-to-end --serial --concurrency 1 --timeout 5m 'test/e2e/**/*.test.ts'

# A crash or a time-out fails a tier without failing a test.
if [ -n "$broken" ] && [ "$failed" -eq 0 ]; then failed=1; fi
echo
[ -z "$broken" ] || echo "failing tiers:$broken"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

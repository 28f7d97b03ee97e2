#!/usr/bin/env bash
# npm test: types, lint, unit, integration (a real etcd), end-to-end (a real containerd; root). Installs what it needs.
# The last line is "N passed, M failed". Everything that tests put on disk lies in one folder named after this
# process, so that what a killed run has left is found, and removed, by the next.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
bash deploy/setup.sh --tests || exit 1
export PATH="$root/node_modules/.bin:$PATH:/usr/sbin:/sbin" FORCE_COLOR=0
# Git looks into a clone of somebody else's only when told to; root is somebody else.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$root
prefix=${TMPDIR:-/tmp}/berth-test-
passed=0 failed=0 broken=''

sweep() { # sweep FOLDER: what tests of one run have left
  local folder=$1 settings process mount name cgroup
  for settings in "$folder"/*/data/cluster.json; do
    [ ! -f "$settings" ] || KUBECONFIG="$folder/kubeconfig" deploy/berth down --data-dir "$(dirname "$settings")" > /dev/null 2>&1
  done
  # Programs name the folder in their arguments; containers have their root in it.
  for process in /proc/[0-9]*; do
    if tr '\0' ' ' 2> /dev/null < "$process/cmdline" | grep -qF -- "$folder/" ||
      awk -v under="$folder/" '$5 == "/" && index($0, under) { found = 1 } END { exit !found }' "$process/mountinfo" 2> /dev/null; then
      kill -KILL "${process#/proc/}" 2> /dev/null
    fi
  done
  awk -v under="$folder/" 'index($5, under) == 1 { print $5 }' /proc/self/mountinfo | tac | while read -r mount; do umount -l "$mount"; done
  grep -qF " $folder/" /proc/self/mountinfo || rm -rf "$folder"
  # Those of a running test have a containerd in them.
  for name in $(ip netns 2> /dev/null | grep -Eo '^berth-test-[0-9a-f]+'); do
    [ -n "$(ip netns pids "$name" 2> /dev/null)" ] || ip netns del "$name"
  done
  for cgroup in /sys/fs/cgroup/berth-test-* /sys/fs/cgroup/*/berth-test-*; do
    [ ! -d "$cgroup" ] || find "$cgroup" -depth -type d -exec rmdir {} + 2> /dev/null
  done
}
isRunning() { tr '\0' ' ' < "/proc/$1/cmdline" 2> /dev/null | grep -q 'test/run.sh'; }
for folder in "$prefix"*; do
  if [ -d "$folder" ] && ! isRunning "${folder#"$prefix"}"; then sweep "$folder"; fi
done
own=$prefix$$
mkdir -p "$own"
out=$own/output
trap 'sweep "$own"' EXIT
trap 'exit 130' INT TERM HUP
export TMPDIR=$own
# What Node.js has compiled, for the next test file: every file is a process of its own, and most import the same modules.
export NODE_COMPILE_CACHE=$own/compile-cache

fails() { # fails NAME COUNT
  failed=$((failed + $2))
  broken="$broken $1"
}
tally() { # tally WORDS: the sum of the numbers before them in ava's summary
  grep -Eo "^ +[0-9]+ ($1)" "$out" | awk '{ sum += $1 } END { print sum + 0 }'
}
tier() { # tier NAME AVA_ARGUMENTS...
  local name=$1 code count; shift
  echo; echo "== $name"
  ava "$@" < /dev/null 2>&1 | tee "$out"
  code=${PIPESTATUS[0]}
  # Its summary leaves out how many passed where some did not.
  passed=$((passed + $(grep -Ec '^ *✔ ' "$out")))
  count=$(tally 'tests? failed|hooks? failed|uncaught exceptions?|unhandled rejections?|tests? remained pending')
  # A crash or a file without tests fails a tier without failing a test.
  if [ "$code" -ne 0 ]; then fails "$name" "$((count > 0 ? count : 1))"; fi
  echo "$name took $((SECONDS - startedAt)) s"
  startedAt=$SECONDS
}

startedAt=$SECONDS
echo '== types and lint'
NO_COLOR=1 tsc --noEmit --pretty false || fails types 1
NO_COLOR=1 oxlint --deny-warnings || fails lint 1
tier unit 'test/unit/**/*.test.ts'
# From here on a file has a process of its own: what it starts and whatever ends it by mistake must not touch others.
tier integration --no-worker-threads --concurrency 2 'test/integration/**/*.test.ts'
# Two files at once: each has machines of its own, and waits more than it works.
tier end-to-end --no-worker-threads --concurrency 2 --timeout 5m 'test/e2e/**/*.test.ts'

echo
[ -z "$broken" ] || echo "failing tiers:$broken"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

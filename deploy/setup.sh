#!/usr/bin/env bash
# Installs what a Debian machine lacks to run Berth and its tests: programs by apt, packages by npm. Does nothing
# where everything is in place. What is there already, under whatever package name, is left alone.
set -euo pipefail
umask 022
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
diskFreeMbMin=2500

fail() { echo "error: $*" >&2; exit 1; }

log=$(mktemp)
guard=/usr/sbin/policy-rc.d
guarded=''
finish() {
  rm -f "$log"
  [ -z "$guarded" ] || rm -f "$guard"
}
trap finish EXIT
trap 'exit 130' INT TERM

step() { # step TITLE ADVICE COMMAND...
  local title=$1 advice=$2 startedMs took why; shift 2
  startedMs=$(date +%s%3N)
  if ! "$@" > "$log" 2>&1; then
    why=$(grep -E '^(E:|npm (error|ERR!)|error:)' "$log" | grep -vE 'A complete log|^npm (error|ERR!) *$' | head -n 3 | tr '\n' ' ')
    cp "$log" "${TMPDIR:-/tmp}/berth-setup.log"
    fail "$title: ${why:-it failed} $advice (All of its output: ${TMPDIR:-/tmp}/berth-setup.log)"
  fi
  took=$(($(date +%s%3N) - startedMs))
  printf '✓ %-34s %3d.%ds\n' "$title" $((took / 1000)) $((took % 1000 / 100))
}

[ "$(uname -s)" = Linux ] || fail "Berth runs containers and needs Linux; this is $(uname -s). Use a Linux machine or virtual machine."
[ "$(id -u)" = 0 ] || fail "Berth needs root for namespaces, mounts and containers. Run it again with sudo."
command -v node > /dev/null || fail "Node.js is not installed. Install version 20 or newer (apt-get install nodejs npm, or from nodejs.org)."
nodeMajor=$(node -p 'process.versions.node.split(".")[0]')
[ "$nodeMajor" -ge 20 ] || fail "Node.js $nodeMajor is too old. Install version 20 or newer (from nodejs.org, or Debian's successor)."

# program:package; looked for as programs, since a machine with Docker has containerd under another package name.
wanted="etcd:etcd-server etcdctl:etcd-client containerd:containerd containerd-shim-runc-v2:containerd runc:runc nft:nftables conntrack:conntrack iptables:iptables
ip:iproute2 docker-registry:docker-registry buildah:buildah catatonit:catatonit busybox:busybox-static nsenter:util-linux
mount:mount ps:procps modprobe:kmod /usr/lib/cni/bridge:containernetworking-plugins
/etc/ssl/certs/ca-certificates.crt:ca-certificates"
# The tests look at the repository and at the machine's sockets as well.
[ "${1:-}" != --tests ] || wanted="$wanted git:git ss:iproute2 openssl:openssl"
# What benches measure with.
[ "${1:-}" != --bench ] || wanted="$wanted wrk:wrk"
systemPath="$PATH:/usr/sbin:/sbin"
packages=()
for entry in $wanted; do
  what=${entry%%:*}
  case $what in
    /*) [ -e "$what" ] || packages+=("${entry##*:}") ;;
    *) PATH=$systemPath command -v "$what" > /dev/null || packages+=("${entry##*:}") ;;
  esac
done
mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sed '/^$/d' | sort -u)

# The lock file's copy inside node_modules is npm's record of what it installed.
packagesStale=''
if [ ! -x node_modules/node/bin/node ] || [ ! -f proto/schema/generated/schema.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then packagesStale=1; fi

if [ ${#packages[@]} -gt 0 ] || [ -n "$packagesStale" ]; then
  freeMb=$(($(df -Pk "$root" | awk 'NR == 2 { print $4 }') / 1024))
  [ "$freeMb" -ge $diskFreeMbMin ] || fail "only $freeMb MB are free below $root and $diskFreeMbMin MB are needed. Free some and run it again."
fi

installPackages() {
  local unit
  # The programs are wanted, not the services that Debian starts with them: those would take our ports.
  if [ ! -e "$guard" ]; then
    guarded=1
    printf '#!/bin/sh\nexit 101\n' > "$guard"
    chmod +x "$guard"
  fi
  # Where a list of packages cannot be had, one that is there already may do.
  apt-get update -q || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 "${packages[@]}" || return 1
  if [ -d /run/systemd/system ]; then
    for unit in etcd docker-registry containerd; do
      case " ${packages[*]} " in *" $unit"*) systemctl disable "$unit" || true ;; esac
    done
  fi
}

if [ ${#packages[@]} -gt 0 ]; then
  command -v apt-get > /dev/null || fail "not installed: ${packages[*]}. This machine has no apt-get; install them with its own package manager."
  step "Debian packages (${#packages[@]})" "Is the network there (apt-get update)? Then run it again; or install them by hand: ${packages[*]}." installPackages
fi

installModules() {
  # By itself npm tries for minutes to reach a registry that is not there.
  npm ci --no-audit --no-fund --no-update-notifier --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 || return 1
  # Where scripts of packages are switched off, these two have not run.
  [ -x node_modules/node/bin/node ] || (cd node_modules/node && npm run preinstall) || return 1
  [ -f proto/schema/generated/schema.json ] || node_modules/node/bin/node proto/schema/generate.ts || return 1
  [ -x node_modules/node/bin/node ] && [ -f proto/schema/generated/schema.json ]
}

if [ -n "$packagesStale" ]; then
  command -v npm > /dev/null || fail "npm is not installed. Install it (apt-get install npm) and run it again."
  step 'npm packages' "Is the npm registry in reach (npm ping)? Then run it again." installModules
  touch node_modules/.package-lock.json
fi
# The schemas follow from the table of kinds: a clone that was brought up to date may have more of them.
if [ -n "$(find proto/kinds.ts proto/schema -maxdepth 1 -name '*.ts' -newer proto/schema/generated/schema.json)" ]; then
  step 'schemas' 'Run "node_modules/node/bin/node proto/schema/generate.ts" to see more.' node_modules/node/bin/node proto/schema/generate.ts
fi

#!/usr/bin/env bash
# Installs what a Debian machine lacks to run Berth and its tests: programs by apt, packages by npm. Does nothing
# where everything is in place. What is there already, under whatever package name, is left alone.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

fail() { echo "error: $*" >&2; exit 1; }
step() { # step TITLE COMMAND...
  local title=$1 startedMs took; shift
  startedMs=$(date +%s%3N)
  if ! "$@" > "$log" 2>&1; then tail -n 15 "$log" >&2; fail "$title failed; the lines above say why"; fi
  took=$(($(date +%s%3N) - startedMs))
  printf '✓ %-34s %4d.%ds\n' "$title" $((took / 1000)) $((took % 1000 / 100))
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

[ "$(uname -s)" = Linux ] || fail "Berth runs containers and needs Linux; this is $(uname -s). Use a Linux machine or virtual machine."
[ "$(id -u)" = 0 ] || fail "Berth needs root for namespaces, mounts and containers. Run it again with sudo."
freeKb=$(df -Pk "$root" | awk 'NR == 2 { print $4 }')
[ "$freeKb" -ge 1500000 ] || fail "only $((freeKb / 1024)) MB are free below $root and 1500 MB are needed. Free some and run it again."
command -v node > /dev/null || fail "Node.js is not installed. Install version 20 or newer (apt-get install nodejs npm, or from nodejs.org)."
nodeMajor=$(node -p 'process.versions.node.split(".")[0]')
[ "$nodeMajor" -ge 20 ] || fail "Node.js $nodeMajor is too old. Install version 20 or newer."

# program:package; looked for as programs, since a machine with Docker has containerd under another package name.
wanted="etcd:etcd-server containerd:containerd runc:runc nft:nftables iptables:iptables ip:iproute2
docker-registry:docker-registry buildah:buildah catatonit:catatonit busybox:busybox-static nsenter:util-linux mount:mount
/usr/lib/cni/bridge:containernetworking-plugins /etc/ssl/certs/ca-certificates.crt:ca-certificates"
packages=()
for entry in $wanted; do
  what=${entry%%:*}
  case $what in
    /*) [ -e "$what" ] || packages+=("${entry##*:}") ;;
    *) PATH="$PATH:/usr/sbin:/sbin" command -v "$what" > /dev/null || packages+=("${entry##*:}") ;;
  esac
done

installPackages() {
  local guard=/usr/sbin/policy-rc.d made='' unit
  # The programs are wanted, not the services that Debian starts with them: those would take our ports.
  if [ ! -e $guard ]; then printf '#!/bin/sh\nexit 101\n' > $guard; chmod +x $guard; made=1; fi
  apt-get update -q || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}" || { [ -z "$made" ] || rm -f $guard; return 1; }
  [ -z "$made" ] || rm -f $guard
  if [ -d /run/systemd/system ]; then
    for unit in etcd docker-registry containerd; do
      case " ${packages[*]} " in *" $unit"*) systemctl disable "$unit" || true ;; esac
    done
  fi
}

if [ ${#packages[@]} -gt 0 ]; then
  command -v apt-get > /dev/null || fail "not installed: ${packages[*]}. This machine has no apt-get; install them with its own package manager."
  step "Debian packages (${#packages[@]})" installPackages
fi

# The lock file's copy inside node_modules is npm's record of what it installed.
if [ ! -x node_modules/node/bin/node ] || [ ! -f proto/schema/generated/schema.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  step 'npm packages' npm ci --no-audit --no-fund
  touch node_modules/.package-lock.json
fi

#!/usr/bin/env bash
# npm start: from a fresh clone to a cluster that serves the example. Run again, it finds all of it in place, and
# leaves the example as it has been changed meanwhile.
set -euo pipefail
umask 022
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
bash deploy/setup.sh
berth="$root/deploy/berth"

# Somebody else's program of that name stays.
if [ ! -e /usr/local/bin/berth ] || [ -L /usr/local/bin/berth ]; then mkdir -p /usr/local/bin && ln -sfn "$berth" /usr/local/bin/berth; fi

"$berth" up "$@"

example=deploy/examples/hello
registry=$("$berth" up "$@" --print registry)
dataDir=$("$berth" up "$@" --print data-dir)
if ! cmp -s "$(command -v busybox)" "$example/busybox"; then cp "$(command -v busybox)" "$example/busybox"; fi
for version in 1 2; do
  if busybox wget -q -O /dev/null "http://$registry/v2/hello/manifests/$version" 2> /dev/null; then
    echo "✓ $registry/hello:$version is there"
  else
    "$berth" build -t "$registry/hello:$version" --build-arg "VERSION=$version" --data-dir "$dataDir" "$example"
  fi
done
if "$berth" get deployment hello > /dev/null 2>&1; then
  "$berth" rollout status deployment/hello --timeout 8s || true
else
  sed "s#localhost:5000/#$registry/#" deploy/examples/hello.yaml | "$berth" apply --wait -f -
fi

# By any node's address and the service's port; where services are not served yet, by the address of a pod.
node=$("$berth" get nodes -o 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}')
pod=$("$berth" get pods -l app=hello -o 'jsonpath={.items[?(@.status.phase=="Running")].status.podIP}' | cut -d ' ' -f 1)
for address in "$node:30080" "$pod:8080"; do
  page=$(busybox wget -q -O - "http://$address/" 2> /dev/null) || continue
  printf '\nThe example answers at http://%s:\n    %s\n' "$address" "$page"
  break
done
cat <<'EOF'

Try next:
    berth get pods -o wide
    berth node kill node-2
    berth node start node-2
    berth scale deployment/hello --replicas 5
    berth apply -f deploy/examples/hello-v2.yaml
    berth rollout undo deployment/hello
    berth logs deployment/hello -f
EOF
if command -v kubectl > /dev/null; then echo '    kubectl get deployments,pods'; fi
echo '    sudo berth down'

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

# After a start on kept data its pods have just begun to run again, which the Deployment's status may not say yet.
"$berth" wait pods -l app=hello --for=condition=Ready --timeout 30s > /dev/null 2>&1 || true
node=$("$berth" get nodes -o 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}')
echo
if answer=$(busybox wget -q -O - "http://$node:30080/"); then
  echo "The example answers at http://$node:30080, on every node's address:"
  echo "    $answer"
else
  echo "The example does not answer at the moment; \"berth get deployments,pods\" shows how it is."
fi
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

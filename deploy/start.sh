#!/usr/bin/env bash
# npm start: from a fresh clone to a cluster that serves the example.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
bash deploy/setup.sh
berth="$root/deploy/berth"

if [ ! -e /usr/local/bin/berth ] || [ -L /usr/local/bin/berth ]; then ln -sfn "$berth" /usr/local/bin/berth; fi

"$berth" up "$@"

example=deploy/examples/hello
registry=$("$berth" up --print-registry "$@")
cp "$(command -v busybox)" "$example/busybox"
for version in 1 2; do
  "$berth" build -t "$registry/hello:$version" --build-arg "VERSION=$version" "$example"
done
"$berth" apply --wait -f deploy/examples/hello.yaml
address=$("$berth" get pods -l app=hello -o 'jsonpath={.items[0].status.podIP}')
echo
echo "The example answers at http://$address:8080:"
busybox wget -q -O - "http://$address:8080/" | sed 's/^/    /'
cat <<'EOF'

Try next:
    berth get pods -o wide
    berth scale deployment/hello --replicas 5
    berth apply -f deploy/examples/hello-v2.yaml
    berth rollout undo deployment/hello
    berth logs deployment/hello -f
    kubectl get deployments,pods
    sudo berth down
EOF

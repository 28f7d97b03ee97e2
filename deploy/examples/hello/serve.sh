# Writes the page once and serves it; every request is a line in the log.
busybox=/bin/busybox
$busybox mkdir -p /www
echo "Hello from $HOSTNAME, version $VERSION" > /www/index.html
echo "serving version $VERSION on port 8080"
# A process that is first in its container has no default for SIGTERM: without this it would wait to be killed.
trap 'kill $server; exit 0' TERM
$busybox httpd -f -v -p 8080 -h /www &
server=$!
wait $server

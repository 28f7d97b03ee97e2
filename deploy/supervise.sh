#!/bin/sh
# Keeps one program running: supervise.sh NAME RUN_DIR LOG_FILE -- PROGRAM [ARGUMENT ...]
#
# A shell rather than one supervisor for all: it costs a megabyte, has nothing to crash over, and a fault in one
# takes nothing else with it. The program comes back at once after its first exit and after a delay that doubles
# to ten seconds while it keeps failing within five. SIGTERM ends the program, then this.
#
# Sockets that this was given as file descriptors 3 and 4 stay open here and are the program's as well: while it restarts,
# connections wait instead of being refused. Nothing else may have them, or they would stay open when all of this is over.
name=$1 run=$2 log=$3
shift 4
child='' nap='' stopping='' delay=0
logBytesMax=20000000

trap 'stopping=1; [ -n "$child" ] && kill -TERM "$child" 2>/dev/null' TERM INT
trap '' HUP
echo $$ > "$run/$name.supervisor"

seconds() { cut -d. -f1 /proc/uptime; }

# Once a minute: what is appended to can be emptied in place, without the program taking notice.
boundLog() {
  exec 3>&- 4>&-
  trap 'kill "$nap" 2>/dev/null; exit 0' TERM
  while kill -0 $$ 2>/dev/null; do
    if [ -f "$log" ] && [ "$(stat -c %s "$log")" -gt $logBytesMax ]; then cp "$log" "$log.1" && : > "$log"; fi
    sleep 60 & nap=$!
    wait "$nap"
  done
}
boundLog > /dev/null 2>&1 < /dev/null &
bounding=$!

while [ -z "$stopping" ]; do
  startedAt=$(seconds)
  "$@" >> "$log" 2>&1 < /dev/null &
  child=$!
  echo "$child" > "$run/$name.pid"
  [ -n "$stopping" ] && kill -TERM "$child" 2>/dev/null
  wait "$child"
  code=$?
  # A trapped signal ends `wait` early; the program may still be on its way out.
  while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
  [ -n "$stopping" ] && break
  if [ $(($(seconds) - startedAt)) -ge 5 ]; then delay=0; fi
  echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) supervise: $name ended with code $code, starting it again in $delay s" >> "$log"
  if [ "$delay" -gt 0 ]; then sleep "$delay" 3>&- 4>&- & child=$!; wait "$child"; fi
  delay=$((delay * 2)); [ "$delay" -eq 0 ] && delay=1; [ "$delay" -gt 10 ] && delay=10
done
kill -TERM "$bounding" 2>/dev/null
rm -f "$run/$name.pid" "$run/$name.supervisor"

#!/bin/sh
# Keeps one program running: supervise.sh NAME RUN_DIR LOG_FILE -- PROGRAM [ARGUMENT ...]
#
# A shell rather than one supervisor for all: it costs a megabyte, has nothing to crash over, and a fault in one
# takes nothing else with it. The program comes back at once after its first exit and after a delay that doubles
# to ten seconds while it keeps failing within five. SIGTERM ends the program, then this.
name=$1 run=$2 log=$3
shift 4
child='' stopping='' delay=0
logBytesMax=20000000

trap 'stopping=1; [ -n "$child" ] && kill -TERM "$child" 2>/dev/null' TERM INT
trap '' HUP
echo $$ > "$run/$name.supervisor"

seconds() { cut -d. -f1 /proc/uptime; }

while [ -z "$stopping" ]; do
  if [ -f "$log" ] && [ "$(stat -c %s "$log")" -gt $logBytesMax ]; then mv "$log" "$log.1"; fi
  startedAt=$(seconds)
  "$@" >> "$log" 2>&1 < /dev/null &
  child=$!
  echo "$child" > "$run/$name.pid"
  wait "$child"
  code=$?
  # A trapped signal ends `wait` early; the program may still be on its way out.
  while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
  [ -n "$stopping" ] && break
  if [ $(($(seconds) - startedAt)) -ge 5 ]; then delay=0; fi
  echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) supervise: $name ended with code $code, starting it again in $delay s" >> "$log"
  if [ "$delay" -gt 0 ]; then sleep "$delay" & child=$!; wait "$child"; fi
  delay=$((delay * 2)); [ "$delay" -eq 0 ] && delay=1; [ "$delay" -gt 10 ] && delay=10
done
rm -f "$run/$name.pid" "$run/$name.supervisor"

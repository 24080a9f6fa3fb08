#!/bin/sh
# The whole lab with simulated instruments, until Ctrl-C: ./try.sh [FOLDER]. All it writes is in FOLDER (.try). $OCS is how
# ocs is called, CHAT where alarms are posted (nowhere, when it is not set).
set -eu
cd "$(dirname "$0")"
here=$(pwd)
ocs=${OCS:-ocs}
mkdir -p "${1:-.try}"
dir=$(cd "${1:-.try}" && pwd)

$ocs sim lakeshore240 --serial-number=LSA21OQ --pty="$dir/ttyLS240" &
sims=$!
$ocs sim lakeshore372 --serial-number=LSA22YG --tcp=127.0.0.1:7771 &
sims="$sims $!"
$ocs sim cryomech-cpa --serial-number=1234 --tcp=127.0.0.1:5020 &
sims="$sims $!"
$ocs sim module cooling-water.ts --serial-number=1 --tcp=127.0.0.1:5021 &
sims="$sims $!"
# shellcheck disable=SC2086 # process ids, a word each
trap 'kill $sims 2>/dev/null' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

chat='/name: chat,/d'
if [ -n "${CHAT:-}" ]; then chat="s|https://chat.example.edu/hooks/cryostat|$CHAT|"; fi
# The same site file but for addresses and folders.
sed -e "s|/dev/ttyLS240|$dir/ttyLS240|" \
  -e 's|10.10.10.4:7777|127.0.0.1:7771|' \
  -e 's|10.10.10.111:502|127.0.0.1:5020|' \
  -e 's|10.10.10.120:502|127.0.0.1:5021|' \
  -e "s|\./cooling-water.ts|$here/cooling-water.ts|" \
  -e "s|\"recordings\"|\"$dir/recordings\"|" \
  -e "s|/srv/cryostat-lab|$here|" \
  -e "$chat" \
  lab.yaml >"$dir/lab.yaml"

export ALARM_BOOK="$dir/alarms.log"
$ocs up --bridge --site-file="$dir/lab.yaml" --site-host=localhost --state-dir="$dir/state" --log-dir="$dir/logs" &
up=$!
trap 'kill $up 2>/dev/null; wait $up; kill $sims 2>/dev/null' EXIT
wait $up

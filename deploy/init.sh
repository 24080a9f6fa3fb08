#!/bin/sh
# Makes what the lab of compose.yaml shows one another, in the folder of the hub: certificate, and a file of credentials each. What is
# there stays as it is, so it is run again for a new instance of the site file.
set -eu
ocs=${OCS:-/opt/ocs/bin/ocs}
hub=$OCS_STATE_DIR/hub
own=$hub/credentials
if [ -e "$hub/server.pem" ]; then
  "$ocs" hub init --site-host=docker
else
  "$ocs" hub init --site-host=docker --name=ocs_hub --name=sisock_grafana_http
fi
[ -e "$own/bridge.json" ] || "$ocs" hub token bridge --role=bridge --site-host=docker --out="$own/bridge.json"
[ -e "$own/grafana.token" ] || "$ocs" hub token grafana --role=observer --plain --out="$own/grafana.token"
[ -s "$own/grafana.admin" ] || head -c 24 /dev/urandom | base64 > "$own/grafana.admin"
# Grafana is another user in its container; on the host the folder is closed.
cp "$hub/ca.pem" "$own/grafana-ca.pem"
chmod 644 "$own/grafana.token" "$own/grafana.admin" "$own/grafana-ca.pem"

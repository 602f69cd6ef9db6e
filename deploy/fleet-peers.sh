#!/bin/sh
# Tells each node of deploy/compose.fleet.yaml of the others: sh deploy/fleet-peers.sh > deploy/.env
#
# Peer ids come from keys that each node makes for itself, so they are known once the nodes run. They stay as long as the
# volumes do, and so does what this prints.
set -eu
nodes='1 2 3'
compose="${COMPOSE:-docker compose} -f $(dirname "$0")/compose.fleet.yaml"

ask='fetch("http://127.0.0.1:8645/info").then((r) => r.json()).then((i) => console.log(i.listenAddresses[0].split("/p2p/")[1]))'
for node in $nodes; do
  peer=$($compose exec -T "node-$node" /usr/local/bin/node -e "$ask" </dev/null | grep -o '16Uiu2HA[A-Za-z0-9]*' | tail -n 1)
  [ -n "$peer" ] || { echo "node-$node does not say who it is" >&2; exit 1; }
  eval "address_$node=/dns4/node-$node/tcp/60000/p2p/$peer"
done

for node in $nodes; do
  others=
  for other in $nodes; do
    [ "$other" = "$node" ] || eval "others=\"\$others,\$address_$other\""
  done
  echo "NODE_${node}_PEERS=${others#,}"
done

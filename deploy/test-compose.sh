#!/usr/bin/env bash
# Brings up both compose files without an engine, and looks whether they do what they say: bash deploy/test-compose.sh
#
# After deploy/test-image.sh, with the same WORK, as root on a Debian that also has
#   apt-get install podman-compose netavark aardvark-dns iptables prometheus postgresql
# What cannot be pulled is stood in for under the same name: Prometheus and PostgreSQL by Debian's programs, Grafana, which
# Debian has not, by a few lines that need what it needs: its user, its secret, its mounts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=${WORK:-/var/tmp/waypost-image}
. deploy/image/engine.sh

# --- stand-ins ---------------------------------------------------------------

# copy_program ROOT FILE...: programs of this machine with the libraries that they need.
copy_program() {
  local root=$1
  shift
  { printf '%s\n' "$@"; ldd "$@" 2>/dev/null | awk '$2 == "=>" && $3 ~ "^/" { print $3 }'; } | sort -u |
    tar -C / -chf - --files-from=<(sed 's|^/||; s|^lib|usr/lib|') 2>/dev/null | tar -C "$root" -xf - --skip-old-files
}

# stand_in NAME USER COMMAND...: an image from what stands in $stage.
stand_in() {
  local name=$1 user=$2 container
  shift 2
  container=$(buildah from localhost/waypost-base)
  # Not `add`, which gives all to root.
  tar -C "$stage" -cf - . | tar -C "$(buildah mount "$container")" -xf - --keep-directory-symlink
  buildah umount "$container" >/dev/null
  buildah config --user "$user" --entrypoint "$(node -p 'JSON.stringify(process.argv.slice(1))' "$@")" "$container"
  buildah commit -q --format docker "$container" "$name" >/dev/null
  buildah rm "$container" >/dev/null
}

image_of() { sed -n "s|^ *image: \($1:.*\)|\1|p" "$2" | head -1; }
new_stage() { stage=$(mktemp -d "$work/stage.XXXX"); chmod 755 "$stage"; }

make_prometheus() {
  new_stage
  copy_program "$stage" /usr/bin/prometheus
  install -d -o 65534 -g 65534 "$stage/prometheus"
  stand_in "localhost/$(image_of prom/prometheus deploy/compose.yaml)" 65534:65534 /usr/bin/prometheus
}

make_grafana() {
  new_stage
  install -d -o 472 -g 0 "$stage/var/lib/grafana"
  # The Node of our own image runs the lines.
  local ours
  ours=$(podman image mount localhost/waypost)
  mkdir -p "$stage/usr/local/bin" "$stage/usr/lib"
  cp "$ours/usr/local/bin/node" "$stage/usr/local/bin/"
  cp "$ours/usr/lib/libatomic.so.1" "$stage/usr/lib/"
  podman image unmount localhost/waypost >/dev/null
  cat >"$stage/grafana.cjs" <<'JS'
const { readFileSync, readdirSync, writeFileSync } = require('node:fs')
if (readFileSync(process.env.GF_SECURITY_ADMIN_PASSWORD__FILE, 'utf8').length < 32) throw new Error('no password')
readdirSync('/etc/grafana/provisioning/datasources')
readdirSync('/etc/grafana/dashboards')
writeFileSync('/var/lib/grafana/grafana.db', '')
require('node:http').createServer((_, response) => response.end('{"database":"ok"}')).listen(3000)
process.on('SIGTERM', () => process.exit(0))
JS
  stand_in "localhost/$(image_of grafana/grafana deploy/compose.yaml)" 472:0 /usr/local/bin/node /grafana.cjs
}

make_postgres() {
  new_stage
  local bin
  bin=$(echo /usr/lib/postgresql/*/bin | tr ' ' '\n' | tail -1)
  copy_program "$stage" "$bin"/{postgres,initdb,psql,pg_ctl,pg_isready} /usr/bin/setpriv
  tar -C / -cf - "usr/lib/postgresql/$(basename "$(dirname "$bin")")/lib" "usr/share/postgresql/$(basename "$(dirname "$bin")")" 2>/dev/null | tar -C "$stage" -xf -
  mkdir -p "$stage/usr/local/bin"
  ln -s "$bin"/{psql,pg_isready} "$stage/usr/local/bin/"
  install -d -o 999 -g 999 "$stage/var/lib/postgresql/data"
  mkdir -p "$stage/etc"
  printf '%s\n' root:x:0:0::/root:/bin/bash postgres:x:999:999::/var/lib/postgresql:/bin/bash >"$stage/etc/passwd"
  # As the script of the image: the volume to its user, a database and its owner the first time, then the server.
  cat >"$stage/entry.sh" <<SH
#!/bin/bash
set -e
data=/var/lib/postgresql/data
chown 999:999 "\$data" /run/postgresql
chmod 700 "\$data"
as="setpriv --reuid 999 --regid 999 --clear-groups"
if [ ! -e "\$data/PG_VERSION" ]; then
  \$as $bin/initdb -D "\$data" --locale C.UTF-8 --username "\$POSTGRES_USER" --auth-local trust --auth-host scram-sha-256 \
    --pwfile "\$POSTGRES_PASSWORD_FILE"
  echo "host all all all scram-sha-256" >>"\$data/pg_hba.conf"
  \$as $bin/pg_ctl -D "\$data" -o "-c listen_addresses= -k /run/postgresql" -w start
  \$as $bin/psql -h /run/postgresql -U "\$POSTGRES_USER" -d postgres -c "CREATE DATABASE \$POSTGRES_DB"
  \$as $bin/pg_ctl -D "\$data" -m fast -w stop
fi
shift
exec \$as $bin/postgres -D "\$data" -c "listen_addresses=*" -k /run/postgresql "\$@"
SH
  chmod 755 "$stage/entry.sh"
  stand_in "localhost/$(image_of postgres deploy/compose.fleet.yaml)" 0:0 /entry.sh
}

version=$(node -p 'require("./package.json").version')
started=$SECONDS
podman tag localhost/waypost "localhost/waypost:$version"
for name in prometheus grafana postgres; do "make_$name"; done
note "stand-ins made in $((SECONDS - started)) s"

# --- bringing up -------------------------------------------------------------

# podman-compose calls this podman: with the storage of this run, with limits that the kernel of a machine in a machine lets it
# set, and without binding ports of this machine, which others may have.
cat >"$work/podman" <<SH
#!/bin/bash
args=("\$@")
case \$1 in
  run | create)
    args=("\$1" --ulimit nproc=1024:1024)
    [[ " \$* " == *" nofile="* ]] || args+=(--ulimit nofile=1024:1024)
    shift
    while [ \$# -gt 0 ]; do
      if [ "\$1" = -p ]; then shift; else args+=("\$1"); fi
      shift
    done
    ;;
esac
exec /usr/bin/podman ${storage[*]} --runtime runc --cgroup-manager cgroupfs --events-backend file --log-level error "\${args[@]}"
SH
chmod +x "$work/podman"

# The files where they are, but the secrets in the folder of this run.
deploy=$work/deploy
rm -rf "$deploy"
cp -R deploy "$deploy"
rm -rf "$deploy/secrets" "$deploy/.env"
# podman-compose of Debian 12 does not know an empty default.
sed -i 's/${\([A-Z0-9_]*\):-}/${\1}/' "$deploy"/compose*.yaml
nobody() { printf '%s=\n' WAYPOST_STATICNODE NODE_1_PEERS NODE_2_PEERS NODE_3_PEERS; }
nobody >"$deploy/.env"
sh "$deploy/secrets.sh" >/dev/null

compose() { (cd "$deploy" && podman-compose --podman-path "$work/podman" --project-name "$project" -f "$@"); }
up() {
  file=$1
  compose "$file" up --detach --no-build >"$work/up.log" 2>&1 || { cat "$work/up.log" >&2; return 1; }
}
down() { compose "$file" down "${@:---volumes}" >"$work/down.log" 2>&1 || true; }
# podman-compose of Debian 12 does not notice that a setting has changed.
up_anew() {
  down --timeout=30
  up "$1"
}
trap down EXIT

in_container() { podman exec "${project}_$1_1" "${@:2}"; }
# fetch SERVICE URL: what the service's own Node gets, with the name that others know.
fetch() {
  in_container "$1" /usr/local/bin/node -e \
    'fetch(process.argv[1], JSON.parse(process.argv[2] || "{}")).then(async (r) => { console.log(r.status, await r.text()); process.exitCode = r.ok ? 0 : 1 })' "${@:2}"
}
retry() {
  for _ in $(seq 120); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.5
  done
  "$@"
}
targets_up() { [ "$(fetch "$1" 'http://prometheus:9090/api/v1/targets?state=active' | grep -o '"health":"up"' | wc -l)" -ge "$2" ]; }
has_rules() { fetch "$1" http://prometheus:9090/api/v1/rules | grep -qF '"name":"StoreDegraded"'; }
has_peer() { fetch "$1" http://127.0.0.1:8645/metrics | grep -qE '^libp2p_peers [1-9]'; }
peers() { (cd "$deploy" && COMPOSE="podman-compose --podman-path $work/podman --project-name $project" sh fleet-peers.sh) >"$deploy/.env"; }
post() {
  fetch "$1" http://127.0.0.1:8645/relay/v1/auto/messages \
    '{"method":"POST","headers":{"content-type":"application/json"},"body":"{\"payload\":\"ZmxlZXQ=\",\"contentTopic\":\"/compose/1/test/plain\"}"}'
}
has_message() { fetch "$1" 'http://127.0.0.1:8645/store/v3/messages?contentTopics=/compose/1/test/plain' | grep -q '"messageHash"'; }
no_complaints() { ! podman logs "${project}_$1_1" 2>&1 | grep -E '"level":"?(warn|error|fatal|[456]0)'; }
ends_well() {
  local name=${project}_$1_1 code
  podman stop --time 30 "$name" >/dev/null
  code=$(exit_code "$name")
  [ "$code" = 0 ] && return
  printf '%s\n' "$1 ended with $code, its last lines:" >&2
  podman logs --tail 15 "$name" >&2
  return 1
}

project=waypost
check 'compose.yaml comes up' up compose.yaml
check 'its node is ready' retry fetch waypost http://127.0.0.1:8645/readyz
check 'its node passes its health check' podman healthcheck run "${project}_waypost_1"
check 'Prometheus scrapes it and itself' retry targets_up waypost 2
check 'Prometheus has the rules' has_rules waypost
check 'Grafana reads its secret, finds its mounts and can write its volume' retry fetch waypost http://grafana:3000/api/health
check 'the node takes a message' post waypost
check 'and keeps it' has_message waypost
check 'and warns of nothing' no_complaints waypost
check 'it ends with exit code 0' ends_well waypost
down

project=fleet
check 'compose.fleet.yaml comes up' up compose.fleet.yaml
for node in 1 2 3; do check "node-$node is ready" retry fetch "node-$node" http://127.0.0.1:8645/readyz; done
check 'Prometheus scrapes them all and itself' retry targets_up node-1 4
check 'each node says who it is' peers
check 'the fleet takes the addresses of the others' up_anew compose.fleet.yaml
for node in 1 2 3; do check "node-$node finds another" retry has_peer "node-$node"; done
check 'node-1 takes a message' post node-1
for node in 1 2 3; do check "node-$node answers for it" retry has_message "node-$node"; done
check 'node-1 ends with exit code 0' ends_well node-1
check 'the others still answer' has_message node-3
down

echo "$checks checks passed"

#!/usr/bin/env bash
# Builds the image without an engine, runs it, and holds it to what Dockerfile promises: bash deploy/test-image.sh
#
# As root on a Debian with: apt-get install buildah podman runc netavark debootstrap
# Nothing is pulled: unless BASE_IMAGE and BUILD_IMAGE name images, the base is Debian by debootstrap, and the image that
# builds is the same with the node and npm of this machine. Both stay in WORK for the next run, and for
# deploy/test-compose.sh; remove it when done. test/deploy/image.test.ts runs this.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=${WORK:-/var/tmp/waypost-image}
base=${BASE_IMAGE:-localhost/waypost-base}
builder=${BUILD_IMAGE:-localhost/waypost-builder}
image=localhost/waypost

# Bytes that the image adds to its base; Node is 116 MB of it.
budget=$((160 * 1000 * 1000))
# Seconds from SIGTERM to the end.
stop_limit=10

. deploy/image/engine.sh

# --- base and builder --------------------------------------------------------

# One Debian for both, written once.
make_images() {
  local builder_container base_container root slim
  builder_container=$(buildah from scratch)
  root=$(buildah mount "$builder_container")
  debootstrap --variant=minbase --include=ca-certificates,libatomic1,binutils bookworm "$root" >"$work/debootstrap.log"

  base_container=$(buildah from scratch)
  slim=$(buildah mount "$base_container")
  # As slim images: no package lists, manuals, translations; and none of what only the builder needs.
  tar -C "$root" --exclude=./var/cache/apt/* --exclude=./var/lib/apt/lists/* --exclude=./usr/share/doc/* \
    --exclude=./usr/share/man/* --exclude=./usr/share/locale/* --exclude='./usr/lib/*/libatomic*' -cf - . | tar -C "$slim" -xf -
  commit "$base_container" "$base"

  # A copy of this machine's npm, and of the certificates that it trusts.
  cp -L "$(command -v node)" "$root/usr/bin/node"
  mkdir -p "$root/usr/lib/node_modules"
  cp -RL "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$root/usr/lib/node_modules/npm"
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/bin/npm"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  buildah config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$builder_container"
  commit "$builder_container" "$builder"
}

# commit CONTAINER IMAGE
commit() {
  buildah umount "$1" >/dev/null
  buildah commit -q --rm "$1" "$2" >/dev/null
}

# --- build -------------------------------------------------------------------

mkdir -p "$work"
started=$SECONDS
if ! buildah inspect --type image "$base" >/dev/null 2>&1 || ! buildah inspect --type image "$builder" >/dev/null 2>&1; then
  make_images
fi
note "base and builder made in $((SECONDS - started)) s, storage by ${storage[-1]}"
started=$SECONDS
# The format of OCI has no health check.
buildah bud -q --layers --isolation chroot --format docker --build-arg "BASE_IMAGE=$base" --build-arg "BUILD_IMAGE=$builder" \
  --build-arg "REVISION=$(git rev-parse --short HEAD)" -t "$image" . >"$work/build.log" 2>&1 ||
  { cat "$work/build.log" >&2; exit 1; }
note "built in $((SECONDS - started)) s"

# --- what it holds -----------------------------------------------------------

config() { podman image inspect --format "{{$1}}" "$image"; }
size_of() { podman image inspect --format '{{.Size}}' "$1"; }

added=$(($(size_of "$image") - $(size_of "$base")))
note "image $(($(size_of "$image") / 1000000)) MB, of which ours $((added / 1000000)) MB"
check "it adds at most $((budget / 1000000)) MB to its base" [ "$added" -le "$budget" ]
check 'it runs as 10001' [ "$(config .Config.User)" = 10001:10001 ]
check 'it has a health check' [ -n "$(config .HealthCheck.Test 2>/dev/null || config .Config.Healthcheck.Test)" ]
check 'it says what it is' [ "$(config 'index .Labels "org.opencontainers.image.title"')" = Waypost ]
check 'its data is a volume' [ "$(config '.Config.Volumes')" = 'map[/data:{}]' ]

mounted=$(podman image mount "$image")
holds_none() {
  local found
  found=$(find "$mounted"/waypost "$mounted"/usr/local "$@" -print -quit)
  [ -z "$found" ] || { echo "$found" >&2; return 1; }
}
check 'no npm, compiler or test is in it' holds_none \( -name npm -o -name typescript -o -name tap -o -name '*.test.js' \)
check 'none of our files has a set-user-id bit' holds_none -perm /6000
check 'none of our files is writable for others' holds_none ! -type l -perm /022
podman image unmount "$image" >/dev/null

# --- how it runs -------------------------------------------------------------

name=waypost-test-$$
volume=$name
hardened=(--network none --read-only --cap-drop all --security-opt no-new-privileges --volume "$volume:/data"
  --ulimit nofile=1024:1024 --ulimit nproc=1024:1024)
cleanup() {
  podman rm -f "$name" >/dev/null 2>&1 || true
  podman volume rm -f "$volume" >/dev/null 2>&1 || true
}
trap cleanup EXIT

run() { podman run --detach --name "$name" "${hardened[@]}" "$image" "$@" >/dev/null; }
log_line() { podman logs "$name" 2>&1 | grep -F "$1" || true; }
wait_for() {
  for _ in $(seq 300); do
    [ -z "$(log_line "$1")" ] || return 0
    sleep 0.1
  done
  podman logs "$name" >&2
  return 1
}
peer_id() { log_line 'Node setup complete' | sed -n 's/.*"peerId":"\([^"]*\)".*/\1/p'; }
stop() {
  local from
  from=$(date +%s%N)
  podman stop --time "$((stop_limit + 5))" "$name" >/dev/null
  stopped_in=$((($(date +%s%N) - from) / 1000000))
}
unhealthy() { ! podman healthcheck run "$name" >/dev/null 2>&1; }
# What the API answers to a client inside of the container, which has no network.
ask() {
  podman exec "$name" /usr/local/bin/node -e "
    fetch('http://127.0.0.1:8645' + process.argv[1], JSON.parse(process.argv[2] || '{}'))
      .then(async (response) => { console.log(response.status, await response.text()) })" "$@"
}
# A payload, so that it can be found again.
payload=$(printf 'kept over a kill, %s' "$$" | base64)
publish() {
  ask /relay/v1/auto/messages "$(printf '{"method":"POST","headers":{"content-type":"application/json"},"body":%s}' \
    "\"{\\\"payload\\\":\\\"$payload\\\",\\\"contentTopic\\\":\\\"/image/1/test/plain\\\"}\"")"
}
has_message() { ask '/store/v3/messages?includeData=true' | grep -qF "\"$payload\""; }
has_none() { ! has_message; }

run
check 'it starts: read-only root, no capabilities, no network, no new privileges' wait_for 'Node setup complete'
check 'its health check passes' podman healthcheck run "$name"
check 'process 1 is the node' podman exec "$name" /usr/local/bin/node -e \
  "process.exit(require('fs').readFileSync('/proc/1/cmdline','utf8').includes('dist/src/cli/main.js') ? 0 : 1)"
check 'its data folder is for itself alone' [ "$(podman exec "$name" /usr/local/bin/node -p \
  "const s = require('fs').statSync('/data'); [s.uid, s.gid, (s.mode & 0o777).toString(8)].join()")" = 10001,10001,700 ]
check 'it warns of nothing' [ -z "$(log_line '"level":"warn"')$(log_line '"level":40')" ]
first=$(peer_id)
check 'its archive is empty' has_none
check 'it takes a message' [ "$(publish | cut -d ' ' -f 1)" = 200 ]
podman kill --signal KILL "$name" >/dev/null
podman wait "$name" >/dev/null
podman rm "$name" >/dev/null

run
check 'after a kill another container starts on the same volume' wait_for 'Node setup complete'
check 'and is the same peer' [ "$(peer_id)" = "$first" ]
check 'and has the message' has_message
stop
note "stopped in $stopped_in ms"
check "SIGTERM ends it with exit code 0" [ "$(exit_code "$name")" = 0 ]
check "within $stop_limit s" [ "$stopped_in" -lt $((stop_limit * 1000)) ]
podman rm "$name" >/dev/null

run run --rest-port=18645
check 'it takes a flag' wait_for 'Node setup complete'
check 'a health check that finds no node fails' unhealthy
stop

echo "$checks checks passed"

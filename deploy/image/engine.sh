# What the scripts that try images share; sourced, with `work` set to a folder: a storage of images and containers of
# their own in there, and checks that stop at the first that fails.

# Layers share files where the kernel has overlays; else each is a copy.
driver=vfs
mkdir -p "$work/lower" "$work/upper" "$work/inner" "$work/merged"
if mount -t overlay overlay -o "lowerdir=$work/lower,upperdir=$work/upper,workdir=$work/inner" "$work/merged" 2>/dev/null; then
  umount "$work/merged"
  driver=overlay
fi
storage=(--root "$work/storage" --runroot "$work/run" --storage-driver "${STORAGE_DRIVER:-$driver}")

buildah() { command buildah --log-level error "${storage[@]}" "$@"; }
podman() { command podman "${storage[@]}" --runtime runc --cgroup-manager cgroupfs --events-backend file --log-level fatal "$@"; }

checks=0
check() {
  local what=$1
  shift
  if "$@" >/dev/null; then
    checks=$((checks + 1))
    echo "ok   $what"
  else
    echo "FAIL $what" >&2
    exit 1
  fi
}
note() { echo "     $*"; }
exit_code() { podman inspect --format '{{.State.ExitCode}}' "$1"; }

#!/bin/sh
# Makes the secrets of the compose files, once, and never writes over one: sh deploy/secrets.sh
#
# They are mounted as files, one into each container that needs it. A container's own user must be able to read what is
# mounted, so the files are open; the folder around them is for you alone.
set -eu
folder=${1:-$(dirname "$0")/secrets}
umask 077
mkdir -p "$folder"
chmod 700 "$folder"

# 128 bits in hexadecimal digits of the system's random source.
random() { od -An -N 256 -tx1 /dev/urandom | tr -d ' \n' | cut -c 1-32; }

# make FILE TEXT: a secret that is not there yet.
make() {
  [ -e "$folder/$1" ] && return 0
  printf '%s' "$2" >"$folder/$1.new"
  chmod 444 "$folder/$1.new"
  mv "$folder/$1.new" "$folder/$1"
  echo "made $folder/$1"
}

make grafana-password "$(random)"
make database-password "$(random)"
make database-url "postgres://waypost:$(cat "$folder/database-password")@database:5432/waypost"

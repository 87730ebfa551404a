#!/usr/bin/env bash
# Installs the programs that the tests drive, where apt may: as root or with sudo that asks nothing.
# Elsewhere it says what is missing and goes on; those tests are then skipped by name.
set -u

programs=(curl:curl aria2c:aria2 wget:wget ffmpeg:ffmpeg ffprobe:ffmpeg chromium:chromium
  openssl:openssl h2load:nghttp2-client nginx:nginx haproxy:haproxy caddy:caddy jq:jq redis-server:redis-server redis-cli:redis-tools
  systemd-analyze:systemd unzip:unzip php:php-cli ruby:ruby go:golang-go javac:default-jdk-headless
  /usr/lib/python3/dist-packages/jwt:python3-jwt)
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

missing=()
packages=()
look() {
  missing=()
  packages=()
  local entry
  for entry in "${programs[@]}"; do
    [[ -e ${entry%%:*} ]] || command -v "${entry%%:*}" >/dev/null && continue
    missing+=("${entry%%:*}")
    [[ " ${packages[*]-} " == *" ${entry##*:} "* ]] || packages+=("${entry##*:}")
  done
}

look
((${#missing[@]} == 0)) && exit 0

sudo=()
if ((EUID != 0)); then sudo=(sudo -n); fi
if command -v apt-get >/dev/null && "${sudo[@]+"${sudo[@]}"}" true 2>/dev/null; then
  echo "setup: installing ${packages[*]}" >&2
  as_root() { "${sudo[@]+"${sudo[@]}"}" env DEBIAN_FRONTEND=noninteractive "$@"; }
  # a test needs the program, not a server on port 80: services stay down while packages are set up
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap 'as_root rm -f "$policy"' EXIT
    as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy"
  fi
  as_root apt-get -qq -o Acquire::Retries=3 update >&2
  if ! as_root apt-get -qq -o Acquire::Retries=3 install -y --no-install-recommends "${packages[@]}" \
    >/dev/null; then
    # one package that is not to be had must not cost the others
    for package in "${packages[@]}"; do
      as_root apt-get -qq install -y --no-install-recommends "$package" >/dev/null
    done
  fi
  look
fi

if ((${#missing[@]} > 0)); then
  echo "setup: missing: ${missing[*]} (tests that need them are skipped; with CI=true they fail)" >&2
fi
exit 0

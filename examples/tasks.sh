#!/usr/bin/env bash
# Lets a gateway fetch a file by the download-task API, waits for it, and saves it. Needs curl and jq.
#
#   BASE_URL=https://files.example TOKEN=… examples/tasks.sh URL [best|audio|720p]
#
# Saves the file under its own name in the working directory, then removes it from the gateway.
set -euo pipefail

: "${BASE_URL:?the address of the gateway}" "${TOKEN:?the token of a client}" "${1:?the URL of a file}"

call() {
  curl --silent --show-error --fail-with-body --header "Authorization: Bearer $TOKEN" "$@"
}

body=$(jq --null-input --arg url "$1" --arg quality "${2:-best}" '{$url, $quality}')
if ! started=$(call --header 'Content-Type: application/json' --data "$body" "$BASE_URL/api/download"); then
  jq --raw-output .detail <<<"$started" >&2
  exit 1
fi
id=$(jq --raw-output .download_id <<<"$started")

while task=$(call "$BASE_URL/api/downloads" | jq --arg id "$id" '.[] | select(.id == $id)') &&
  status=$(jq --raw-output .status <<<"$task") && [[ $status != completed ]]; do
  if [[ $status == failed ]]; then
    jq --raw-output .error <<<"$task" >&2
    exit 1
  fi
  sleep 1
done

call --remote-name --remote-header-name "$BASE_URL/api/download/$id/file"
call --request DELETE --output /dev/null "$BASE_URL/api/downloads/$id/remove"
echo "saved $(jq --raw-output .filename <<<"$task")"

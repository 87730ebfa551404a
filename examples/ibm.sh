#!/usr/bin/env bash
# Downloads a video by the IBM Video Streaming API of a gateway. Needs curl and jq.
#
#   BASE_URL=https://files.example TOKEN=… VIDEO_ID=… examples/ibm.sh [mp4|flv]
#
# Requests the downloadable version, polls until it is available, and saves it in the working directory
# under the name that the gateway gives it.
set -euo pipefail

: "${BASE_URL:?the address of the gateway}" "${TOKEN:?the access token}" "${VIDEO_ID:?the id of a video}"
format=${1:-mp4}

ask() {
  curl --silent --show-error --fail-with-body --request "$1" \
    --header "Authorization: Bearer $TOKEN" \
    "$BASE_URL/videos/$VIDEO_ID/downloadable/$format.json"
}

answer=$(ask POST) || { echo "$answer" >&2; exit 1; }
while [[ $(jq --raw-output .downloadable.status <<<"$answer") == pending ]]; do
  sleep 1
  answer=$(ask GET)
done

url=$(jq --raw-output '.downloadable.download_url // empty' <<<"$answer")
if [[ -z $url ]]; then
  echo "$answer" >&2
  exit 1
fi
curl --silent --show-error --fail --remote-name --remote-header-name "$url"
jq --raw-output '"available until \(.downloadable.expires_at | todate)"' <<<"$answer"

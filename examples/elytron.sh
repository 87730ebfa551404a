#!/usr/bin/env bash
# Downloads a video by the Elytron API of a gateway. Needs curl and jq.
#
#   BASE_URL=https://files.example TOKEN=… VIDEO_ID=… examples/elytron.sh [mp4|webm|mov]
#
# Saves video_ID.FORMAT in the working directory and prints the video's own link, which opens in a
# browser without the token.
set -euo pipefail

: "${BASE_URL:?the address of the gateway}" "${TOKEN:?the API key}" "${VIDEO_ID:?the id of a video}"
format=${1:-mp4}
file="video_$VIDEO_ID.$format"
video="$BASE_URL/v1/videos/$VIDEO_ID"

get() {
  curl --silent --show-error --header "Authorization: Bearer $TOKEN" "$@"
}

# a format that is not there yet is made; until then the answer is 400 VIDEO_NOT_READY
while status=$(get "$video/download?format=$format" --output "$file" --write-out '%{http_code}') &&
  [[ $status != 200 ]]; do
  message=$(jq --raw-output '"\(.error.code): \(.error.message)"' "$file")
  rm "$file"
  if [[ $message != VIDEO_NOT_READY:* || $message == *failed ]]; then
    echo "$message" >&2
    exit 1
  fi
  sleep 1
done

echo "saved $file"
get --fail "$video" | jq --raw-output .download_url

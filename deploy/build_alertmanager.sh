#!/usr/bin/env bash
# Alertmanager 0.28.1 for the tests, built from its own Go module once and kept: about 2 minutes the first time, nothing when it is there.
# Prints where the binary is. $WATTLINE_TOOLS says in which folder tools are kept.
set -euo pipefail
version=0.28.1
folder="${WATTLINE_TOOLS:-$HOME/.cache/wattline/bin}"
binary="$folder/alertmanager-$version"
if [ ! -x "$binary" ]; then
  command -v go >/dev/null || { echo "no Go compiler: install Go 1.22 or newer, or put alertmanager $version at $binary" >&2; exit 1; }
  minor="$(go env GOVERSION | cut -d. -f2)"
  [ "$minor" -ge 22 ] || { echo "$(go env GOVERSION) is too old for Alertmanager $version: install Go 1.22 or newer, or put the program at $binary" >&2; exit 1; }
  build="$(mktemp -d)"
  trap 'rm -rf "$build"' EXIT
  CGO_ENABLED=0 GOBIN="$build" go install -ldflags "-s -w" "github.com/prometheus/alertmanager/cmd/alertmanager@v$version"
  mkdir -p "$folder"
  mv "$build/alertmanager" "$binary"
fi
echo "$binary"
